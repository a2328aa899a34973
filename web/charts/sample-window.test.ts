// Goal: a chart shows what was sampled, however much there is. Method: small series with known means and ends.
import { expect, test } from 'vitest';
import { SAMPLE_ROWS_MAX, SampleSeries } from '../session/sample-series.ts';
import { samplesAlong, sampleWindow } from './sample-window.ts';

function ramp(rows: number): SampleSeries {
  const series = new SampleSeries(['rate', 'left']);
  for (let row = 0; row < rows; row++) series.append(row * 1_000_000, [row, 1000 - row]);
  return series;
}
const metrics = [{ id: 'rate', thinning: 'mean' }, { id: 'left', thinning: 'last' }, { id: 'absent', thinning: 'last' }] as const;

test('a short window is shown as it is', () => {
  const window = sampleWindow({ series: ramp(10), fromNs: 2_000_000, toNs: 5_000_000, metrics, pointsMax: 100 });
  expect(window).toEqual([[0.002, 0.003, 0.004, 0.005], [2, 3, 4, 5], [998, 997, 996, 995], [0, 0, 0, 0]]);
});

test('a long one is thinned: means for rates, last values for levels', () => {
  const window = sampleWindow({ series: ramp(100), fromNs: 0, toNs: 1e9, metrics, pointsMax: 10 });
  expect(window[1]).toEqual([4.5, 14.5, 24.5, 34.5, 44.5, 54.5, 64.5, 74.5, 84.5, 94.5]);
  expect(window[2]![9]).toBe(901);
});

test('another series along the same times: its own values there, nothing where it has not come yet', () => {
  const times = sampleWindow({ series: ramp(100), fromNs: 0, toNs: 1e9, metrics, pointsMax: 10 })[0]!;
  const [rate, left, absent] = samplesAlong({ series: ramp(45), times, metrics });
  expect(rate).toEqual([9, 14.5, 24.5, 34.5, 42, ...Array.from({ length: 5 }, () => Number.NaN)]);
  expect(left!.slice(0, 5)).toEqual([991, 981, 971, 961, 956]);
  expect(absent!.every(Number.isNaN)).toBe(true);
  expect(samplesAlong({ series: ramp(0), times: [], metrics })).toEqual([[], [], []]);
});

test('a full series is thinned and stays in order; older times are ignored', () => {
  const series = ramp(SAMPLE_ROWS_MAX + 10);
  expect(series.count).toBe(SAMPLE_ROWS_MAX / 2 + 10);
  for (let row = 1; row < series.count; row++) {
    if (series.timeNs[row]! <= series.timeNs[row - 1]!) throw new Error(`row ${row} is not after the one before`);
  }
  series.append(5, [1, 1]);
  expect(series.count).toBe(SAMPLE_ROWS_MAX / 2 + 10);
});
