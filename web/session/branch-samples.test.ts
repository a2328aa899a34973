// Goal: samples of a course that was left join what is known of it, in order and bounded. Method: cuts of a series, as rewinds make them.
import { expect, test } from 'vitest';
import { BranchSamples } from './branch-samples.ts';
import { SampleSeries } from './sample-series.ts';

function seriesOf(times: readonly number[]): SampleSeries {
  const series = new SampleSeries(['level']);
  for (const timeNs of times) series.append(timeNs, [timeNs * 2]);
  return series;
}

test('a series is cut at a time, and what is cut goes before what was cut earlier', () => {
  const series = seriesOf([10, 20, 30, 40]);
  const tails = new BranchSamples();
  tails.keep(0, 1, series.cutFrom(30));
  expect([series.count, [...series.timeNs.slice(0, series.count)]]).toEqual([2, [10, 20]]);
  tails.keep(0, 1, series.cutFrom(11));
  expect(series.findLatest('level')).toBe(20);
  expect([...tails.find(0, 1)!.timeNs]).toEqual([20, 30, 40]);
  expect([...tails.find(0, 1)!.columns[0]!]).toEqual([40, 60, 80]);
  // Replay brings the same rows once more; a cut in their midst changes nothing.
  series.append(20, [40]);
  series.append(30, [60]);
  tails.keep(0, 1, series.cutFrom(25));
  expect([...tails.find(0, 1)!.timeNs]).toEqual([30, 40]);
});

test('branches and rows are bounded; the one left last is there to compare with', () => {
  const tails = new BranchSamples();
  const long = seriesOf(Array.from({ length: 30_000 }, (_, index) => index + 1));
  tails.keep(0, 1, long.cutFrom(0));
  expect(tails.find(0, 1)!.timeNs.length).toBeLessThanOrEqual(8192);
  expect(tails.latestBut(0)).toBe(-1);
  for (let branch = 1; branch <= 6; branch++) tails.keep(branch, 1, seriesOf([5]).cutFrom(0));
  expect(tails.find(0, 1)).toBeUndefined();
  expect(tails.latestBut(6)).toBe(5);
  expect(tails.latestBut(9)).toBe(6);
  tails.keep(3, 1, seriesOf([]).cutFrom(0)); // nothing was left behind
  expect(tails.latestBut(9)).toBe(6);
});
