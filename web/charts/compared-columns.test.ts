// Goal: courses that were left stand beside the present one on one time axis, and change nothing of it. Method: cases.
import { expect, test } from 'vitest';
import { comparedColumns } from './compared-columns.ts';

const none = undefined;
const tail = (times: readonly number[], ...columns: (readonly number[])[]) => ({
  timeNs: Float64Array.from(times, (time) => time * 1e9), columns: columns.map((values) => Float64Array.from(values)),
});

test('alone, the columns are as they were, and the others are empty', () => {
  const columns = comparedColumns([[1, 2], [10, 20]], { ahead: undefined, left: undefined }, { places: [0], pointsMax: 10 });
  expect(columns).toEqual([[1, 2], [10, 20], [none, none], [none, none]]);
});

test('what lies ahead and what was left come on the same axis, from their times on', () => {
  const ahead = { tail: tail([2, 3, 4], [21, 31, 41], [0, 0, 0]), fromNs: 3e9 };
  const left = { tail: tail([1.5, 2, 2.5], [7, 8, 9], [70, 80, 90]), fromNs: 2e9 };
  expect(comparedColumns([[1, 2], [10, 20], [100, 200]], { ahead, left }, { places: [0, 1], pointsMax: 10 })).toEqual([
    [1, 2, 2.5, 3, 4],
    [10, 20, none, none, none], [100, 200, none, none, none],
    [none, none, none, 31, 41], [none, none, none, 0, 0],
    [none, 8, 9, none, none], [none, 80, 90, none, none],
  ]);
});

test('a long course is thinned, and a metric that it does not have is empty', () => {
  const times = Array.from({ length: 1000 }, (_, index) => index + 1);
  const left = { tail: tail(times, times), fromNs: 0 };
  const columns = comparedColumns([[0], [5], [6]], { ahead: undefined, left }, { places: [0, -1], pointsMax: 100 });
  expect(columns[0]!.length).toBe(101);
  expect(columns[6]!.every((value) => value === none)).toBe(true);
  expect(columns[5]!.filter((value) => value !== none).length).toBe(100);
});
