// Goal: an exported curve holds the samples that the table holds, in its frame. Method: three samples by hand.
import { expect, test } from 'vitest';
import { type Curve, curveTable, timePicture } from './time-picture.ts';

const curves: Curve[] = [{ metric: 'm', title: 'Link rate', unit: 'bytes/s', entity: 'link:0-1', token: 'in-flight', thinning: 'mean' }];
const columns = [[0, 0.001, 0.002], [0, 5e6, Number.NaN]];

test('the path goes through the samples and skips what was not measured', () => {
  const picture = timePicture({ curves, columns, brush: { fromNs: 0, toNs: 1e6 }, size: { width: 400, height: 200, text: 13 } });
  const path = picture.marks.find((mark) => mark.kind === 'path');
  expect(path?.kind === 'path' && path.d.match(/[ML]/g)?.length).toBe(2);
  expect(JSON.stringify(picture.marks)).not.toContain('null');
  expect(picture.summary).toBe('Link rate 5\u00a0MB/s, at most 5\u00a0MB/s.');
});

test('the twin has a row a sample, in ns', () => {
  const table = curveTable(curves, columns, 'Rates');
  expect(table.rows.map((row) => row[0])).toEqual([0, 1e6, 2e6]);
  expect(table.rows[1]![1]).toBe(5e6);
});

test('without samples it says so', () => {
  expect(timePicture({ curves, columns: [[], []], brush: null, size: { width: 1, height: 1, text: 13 } }).summary).toContain('Nothing');
});
