// Goal: a report's means and newest values are those of the rows. Method: four rows by hand, one unmeasured.
import { expect, test } from 'vitest';
import { meanSample, newestSample } from './sample-rows.ts';

const rows = {
  columns: ['rate', 'left'],
  values: Float64Array.of(10, 1, Number.NaN, 20, 3, 8, 30, 5, 4, 40, 100, Number.NaN),
};

test('means are over what was measured in the interval; the newest is the newest that was measured', () => {
  expect(meanSample(rows, 'rate', { fromNs: 20, toNs: 30 })).toBe(4);
  expect(meanSample(rows, 'left', { fromNs: 0, toNs: 100 })).toBe(6);
  expect(meanSample(rows, 'left', { fromNs: 0, toNs: 10 })).toBeUndefined();
  expect(meanSample(rows, 'absent', { fromNs: 0, toNs: 100 })).toBeUndefined();
  expect([newestSample(rows, 'rate'), newestSample(rows, 'left')]).toEqual([100, 4]);
  expect(newestSample(undefined, 'rate')).toBeUndefined();
});
