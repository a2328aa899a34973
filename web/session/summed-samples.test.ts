// Goal: a sum is told once all have told, in order, and a rewind leaves no half of a row. Method: rows given by hand.
import { expect, test } from 'vitest';
import { SampleSeries } from './sample-series.ts';
import { SummedSamples } from './summed-samples.ts';

test('rows are added when the last process has told, also when one is ahead', () => {
  const sum = new SummedSamples(new SampleSeries(['a', 'b']), 2);
  sum.add(10, [1, 2]);
  sum.add(20, [3, 4]);
  expect(sum.series.count).toBe(0);
  sum.add(10, [10, 20]);
  sum.add(20, [30, 40]);
  expect([...sum.series.timeNs.slice(0, 2)]).toEqual([10, 20]);
  expect([...sum.series.find('b')!.slice(0, 2)]).toEqual([22, 44]);
});

test('after a rewind the halves that waited are told anew', () => {
  const sum = new SummedSamples(new SampleSeries(['a']), 2);
  sum.add(10, [1]);
  sum.cutFrom(10, false);
  sum.add(10, [5]);
  sum.add(10, [6]);
  expect([...sum.series.find('a')!.slice(0, sum.series.count)]).toEqual([11]);
});

test('series grow beyond their first room and keep every row', () => {
  const series = new SampleSeries(['a']);
  for (let row = 0; row < 5_000; row++) series.append(row, [row * 2]);
  expect(series.count).toBe(5_000);
  expect(series.find('a')!.slice(0, 5_000).every((value, row) => value === row * 2)).toBe(true);
});
