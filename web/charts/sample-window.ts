/** A stretch of a sample series thinned to what a chart can show: bucket means for rates, last values for levels. Pure. */
import { rowAt, type SampleSeries } from '../session/sample-series.ts';

export type Thinning = 'mean' | 'last';

/** Columns for a chart: times in seconds first, then one array a metric. A metric that is not measured is all zero. */
export function sampleWindow(options: {
  readonly series: SampleSeries;
  readonly fromNs: number;
  readonly toNs: number;
  readonly metrics: readonly { readonly id: string; readonly thinning: Thinning }[];
  readonly pointsMax: number;
}): number[][] {
  const { series, fromNs, toNs, metrics, pointsMax } = options;
  const first = rowAt(series, fromNs);
  const end = rowAt(series, toNs + 1);
  const stride = Math.max(1, Math.ceil((end - first) / pointsMax));
  const out: number[][] = [[], ...metrics.map(() => [] as number[])];
  for (let row = first; row < end; row += stride) {
    const last = Math.min(end, row + stride) - 1;
    out[0]!.push(series.timeNs[last]! / 1e9);
    metrics.forEach(({ id, thinning }, index) => {
      const column = series.find(id);
      out[index + 1]!.push(column === undefined ? 0 : thinned(column, row, last, thinning));
    });
  }
  return out;
}

/**
 * Columns of another series of the same metrics at given times (ascending, in seconds): each the value of the
 * rows since the time before. NaN where there is none: a baseline that has not come so far.
 */
export function samplesAlong(options: {
  readonly series: SampleSeries;
  readonly times: readonly number[];
  readonly metrics: readonly { readonly id: string; readonly thinning: Thinning }[];
}): number[][] {
  const { series, times, metrics } = options;
  const columns = metrics.map(({ id }) => series.find(id));
  const out = metrics.map(() => [] as number[]);
  let first = times.length === 0 ? 0 : Math.max(0, rowAt(series, Math.round(times[0]! * 1e9) + 1) - 1);
  for (const time of times) {
    const end = rowAt(series, Math.round(time * 1e9) + 1);
    metrics.forEach(({ thinning }, index) => {
      const column = columns[index];
      out[index]!.push(column === undefined || end <= first ? Number.NaN : thinned(column, first, end - 1, thinning));
    });
    first = Math.max(first, end);
  }
  return out;
}

function thinned(column: Float64Array, first: number, last: number, thinning: Thinning): number {
  if (thinning === 'last') return column[last]!; // NaN where it was not measured
  let sum = 0;
  let count = 0;
  for (let row = first; row <= last; row++) {
    if (Number.isNaN(column[row]!)) continue; // not measured at that time
    sum += column[row]!;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}
