// Goal: an exported curve holds the samples that the table holds, in its frame. Method: three samples by hand.
import { expect, test } from 'vitest';
import { type Curve, curveSentence, curveTable, curveWidth, laneCurves, ownValues, readableTop, timePicture } from './time-picture.ts';

const curves: Curve[] = [{ metric: 'm', title: 'Link rate', unit: 'bytes/s', entity: 'link:0-1', token: 'in-flight', thinning: 'mean' }];
const columns = [[0, 0.001, 0.002], [0, 5e6, Number.NaN]];

test('the path goes through the samples and skips what was not measured', () => {
  const picture = timePicture({ curves, columns, brush: { fromNs: 0, toNs: 1e6 }, size: { width: 400, height: 200, text: 13 } });
  const path = picture.marks.find((mark) => mark.kind === 'path');
  expect(path?.kind === 'path' && path.d.match(/[ML]/g)?.length).toBe(2);
  expect(JSON.stringify(picture.marks)).not.toContain('null');
  expect(picture.summary).toBe('Link rate 5\u00a0MB/s, at most 5\u00a0MB/s.');
});

test('a baseline’s curve is thin and dashed beside the run’s, in its colour; baselines differ in their dashes', () => {
  const baselines = [{ id: 'one', title: 'First way' }, { id: 'other', title: 'Second way' }];
  const all = laneCurves(curves, baselines);
  expect(all.map(({ title, lane }) => [title, lane])).toEqual([
    ['Link rate', undefined], ['Link rate (First way)', 'one'], ['Link rate (Second way)', 'other'],
  ]);
  const picture = timePicture({ curves: all, columns: [[0, 1], [1, 2], [3, 4], [5, 6]], brush: null, size: { width: 400, height: 200, text: 13 } });
  const paths = picture.marks.flatMap((mark) => (mark.kind === 'path' ? [mark] : []));
  expect(paths.map(({ width, stroke }) => [width, stroke])).toEqual([[2, 'in-flight'], [1, 'in-flight'], [1, 'in-flight']]);
  expect(new Set(paths.map(({ dash }) => JSON.stringify(dash))).size).toBe(3);
  expect(picture.summary).toBe('Link rate 2\u00a0B/s, at most 2\u00a0B/s.');
  expect(curveTable(all, [[0], [1], [3], [5]], 'Rates').rows).toEqual([[0, 1, 3, 5]]);
});

test('a burst that the baseline shares does not make the axis longer; one of its own does', () => {
  const all = laneCurves(curves, [{ id: 'one', title: 'First way' }]);
  const run = [900, ...Array.from({ length: 20 }, () => 10)];
  const top = (baseline: number[]) => readableTop(ownValues(all, [run, baseline]), 900);
  expect(top([900, 10, ...Array.from({ length: 19 }, () => 0)])).toBe(20);
  expect(top([900, 10, ...Array.from({ length: 19 }, () => 300)])).toBe(600);
});

test('the twin has a row a sample, in ns', () => {
  const table = curveTable(curves, columns, 'Rates');
  expect(table.rows.map((row) => row[0])).toEqual([0, 1e6, 2e6]);
  expect(table.rows[1]![1]).toBe(5e6);
});

test('without samples it says so', () => {
  expect(timePicture({ curves, columns: [[], []], brush: null, size: { width: 1, height: 1, text: 13 } }).summary).toContain('Nothing');
});

test('parts are thin, stand in the table, and neither in words nor beside a baseline', () => {
  const withPart: Curve[] = [...curves, { ...curves[0]!, metric: 'm:1', title: 'One link', isPart: true }];
  const lanes = laneCurves(withPart, [{ id: 'one', title: 'First way' }]);
  expect(lanes.map(({ title }) => title)).toEqual(['Link rate', 'One link', 'Link rate (First way)']);
  expect(lanes.map(curveWidth)).toEqual([2, 1, 1]);
  const three = [[0, 0.001], [4e6, 5e6], [1e6, 2e6], [4e6, 4e6]];
  expect(curveSentence(lanes, three)).toBe('Link rate 5\u00a0MB/s, at most 5\u00a0MB/s.');
  expect(curveTable(lanes, three, 'Rates').columns.map(({ title }) => title)).toEqual(['Time', 'Link rate', 'One link', 'Link rate (First way)']);
  const words = timePicture({ curves: lanes, columns: three, brush: null, size: { width: 400, height: 200, text: 13 } }).marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
  expect(words).toContain('Link rate');
  expect(words).not.toContain('One link');
});
