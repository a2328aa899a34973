/** What an interval of virtual time holds: the change of every counter, the mean of every gauge, lines, events and exits. Pure. */
import type { MetricRow } from '../../core/base/contract.ts';
import { rowAt, type SampleSeries } from '../session/sample-series.ts';
import type { TimeRange } from './time-ticks.ts';

export interface DeltaRow {
  readonly id: string;
  readonly title: string;
  readonly value: number;
  readonly unit: string;
  readonly entity: string;
}

/** Integral of a rate per second over the interval, by the rows that lie in it: each holds since the row before. */
export function integral(series: SampleSeries, metric: string, { fromNs, toNs }: TimeRange): number {
  const column = series.find(metric);
  if (column === undefined) return Number.NaN;
  let sum = 0;
  for (let row = Math.max(1, rowAt(series, fromNs)); row < series.count; row++) {
    const from = Math.max(fromNs, series.timeNs[row - 1]!);
    const to = Math.min(toNs, series.timeNs[row]!);
    if (from >= toNs) break;
    const rate = column[row]!;
    if (to > from && !Number.isNaN(rate)) sum += (rate * (to - from)) / 1e9;
  }
  return sum;
}

function valueBefore(series: SampleSeries, column: Float64Array, timeNs: number): number {
  for (let row = Math.min(series.count, rowAt(series, timeNs + 1)) - 1; row >= 0; row--) {
    if (!Number.isNaN(column[row]!)) return column[row]!;
  }
  return 0;
}

/** Rows of the interval. `entityOf` names the thing that a metric belongs to. */
export function brushDelta(options: {
  readonly series: SampleSeries;
  readonly range: TimeRange;
  readonly metrics: readonly MetricRow[];
  readonly entityOf: (row: MetricRow) => string;
}): DeltaRow[] {
  const { series, range, metrics, entityOf } = options;
  const rows: DeltaRow[] = [];
  const dirtied = integral(series, 'dirty-bytes-per-second', range);
  const vm = metrics.find((row) => row.entity === 'vm');
  const link = metrics.find((row) => row.entity === 'link');
  if (!Number.isNaN(dirtied) && vm !== undefined) rows.push({ id: 'dirtied', title: 'pages dirtied', value: Math.round(dirtied / 4096), unit: 'pages', entity: entityOf(vm) });
  const sent = integral(series, 'link-bytes-per-second', range);
  if (!Number.isNaN(sent) && link !== undefined) rows.push({ id: 'sent', title: 'sent over the link', value: Math.round(sent), unit: 'bytes', entity: entityOf(link) });
  for (const metric of metrics) {
    const column = series.find(metric.id);
    if (metric.kind !== 'counter' || column === undefined) continue;
    const value = valueBefore(series, column, range.toNs) - valueBefore(series, column, range.fromNs);
    if (value !== 0) rows.push({ id: metric.id, title: metric.title.toLowerCase(), value, unit: metric.unit, entity: entityOf(metric) });
  }
  return rows;
}

/** The part of [0, nowNs] that a brush covers, in order and at least 1 ns long; null when it lies outside. */
export function clampRange(range: TimeRange, nowNs: number): TimeRange | null {
  const from = Math.max(0, Math.min(range.fromNs, range.toNs));
  const to = Math.min(nowNs, Math.max(range.fromNs, range.toNs));
  return to - from < 1 ? null : { fromNs: Math.round(from), toNs: Math.round(to) };
}
