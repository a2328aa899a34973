/** A histogram with percentile marks: how long gaps were, and how often. Percentiles by nearest rank. Pure. */
import { scaleLinear, scaleLog } from 'd3-scale';
import { formatQuantity } from '../app/quantity.ts';
import type { ChartTable } from './chart-table.ts';
import type { Mark, Picture, PictureSize, Spot } from './marks.ts';

export interface Bin {
  readonly from: number;
  readonly to: number; // exclusive, but for the last bin
  readonly count: number;
}

export interface Histogram {
  readonly bins: readonly Bin[];
  readonly count: number;
  readonly marks: readonly { readonly name: string; readonly value: number }[]; // p50, p99, longest
}

/** Value below or at which `part` (0 … 1) of `sorted` lies, by nearest rank; NaN without values. */
export function percentile(sorted: ArrayLike<number>, part: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))]!;
}

/** Bins between the least and the greatest value; logarithmic when all are positive and span two decades. */
export function histogramOf(values: readonly number[], binCount = 24): Histogram {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return { bins: [], count: 0, marks: [] };
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  const logarithmic = isLogarithmic(low, high);
  const edges = edgesOf(low, high > low ? high : low + Math.max(1, Math.abs(low) * 0.01), binCount, logarithmic);
  const counts = new Array<number>(binCount).fill(0);
  let bin = 0;
  for (const value of sorted) {
    while (bin < binCount - 1 && value >= edges[bin + 1]!) bin++;
    counts[bin]!++;
  }
  return {
    bins: counts.map((count, index) => ({ from: edges[index]!, to: edges[index + 1]!, count })),
    count: sorted.length,
    marks: [
      { name: 'p50', value: percentile(sorted, 0.5) },
      { name: 'p99', value: percentile(sorted, 0.99) },
      { name: 'longest', value: high },
    ],
  };
}

function isLogarithmic(low: number, high: number): boolean {
  return low > 0 && high / low >= 100;
}

function edgesOf(low: number, high: number, count: number, logarithmic: boolean): number[] {
  if (!logarithmic) return Array.from({ length: count + 1 }, (_, index) => low + ((high - low) * index) / count);
  const ratio = high / low;
  return Array.from({ length: count + 1 }, (_, index) => low * ratio ** (index / count));
}

/** The histogram drawn: bars, a dashed line for each percentile with its value, the axis in the values' unit. */
export function histogramPicture(options: {
  readonly histogram: Histogram;
  readonly size: PictureSize;
  readonly unit: string;
  readonly entity: string;
  readonly what: string; // 'gaps between console lines'
}): Picture {
  const { histogram, size, unit, entity, what } = options;
  const { width, height, text } = size;
  const { bins } = histogram;
  if (bins.length === 0) return { width, height, marks: [], spots: [], summary: `No ${what} yet.` };
  const [left, right, top, bottom] = [text * 5.2, width - text, text * 3.6, height - text * 1.8];
  const first = bins[0]!.from;
  const last = bins.at(-1)!.to;
  const x = (isLogarithmic(first, last) ? scaleLog([first, last], [left, right]) : scaleLinear([first, last], [left, right])).clamp(true);
  const most = Math.max(...bins.map((bin) => bin.count));
  const y = scaleLinear([0, most], [bottom, top]);
  const marks: Mark[] = [
    { kind: 'rect', x: left, y: bottom, width: right - left, height: 1, fill: 'rule-strong' },
    { kind: 'text', x: left - 6, y: top, text: `${most} times`, ink: 'ink-soft', size: text, anchor: 'end' },
    { kind: 'text', x: left - 6, y: bottom, text: '0', ink: 'ink-soft', size: text, anchor: 'end' },
  ];
  const spots: Spot[] = [];
  for (const [index, bin] of bins.entries()) {
    const [from, to] = [x(bin.from), x(bin.to)];
    const box = { x: from, y: y(bin.count), width: Math.max(1, to - from - 1), height: bottom - y(bin.count) };
    if (bin.count > 0) marks.push({ kind: 'rect', ...box, fill: 'device' });
    const label = `${formatQuantity(bin.from, unit).text} to ${formatQuantity(bin.to, unit).text}: ${bin.count} ${what}`;
    if (bin.count > 0) spots.push({ key: String(index), ...box, entity, label });
  }
  for (const end of [first, last]) {
    marks.push({ kind: 'text', x: x(end), y: bottom + text, text: formatQuantity(end, unit).text, ink: 'ink-soft', size: text, anchor: end === first ? 'start' : 'end' });
  }
  histogram.marks.forEach((mark, index) => {
    const px = x(mark.value);
    const line = text * (0.7 + index * 1.1);
    marks.push(
      { kind: 'path', d: `M${px} ${line + text * 0.5}V${bottom}`, stroke: 'ink', width: 1, dash: index === 0 ? [] : [4, 3] },
      { kind: 'text', x: px + (px > width * 0.6 ? -4 : 4), y: line, text: `${mark.name} ${formatQuantity(mark.value, unit).text}`, ink: 'ink', size: text, anchor: px > width * 0.6 ? 'end' : 'start', strong: true },
    );
  });
  const told = histogram.marks.map((mark) => `${mark.name} ${formatQuantity(mark.value, unit).text}`).join(', ');
  return { width, height, marks, spots, summary: `${histogram.count} ${what}: ${told}.` };
}

/** Its table twin. */
export function histogramTable(histogram: Histogram, title: string, unit: string, entity: string): ChartTable {
  return {
    title,
    columns: [{ title: 'From', unit, entity }, { title: 'To', unit, entity }, { title: 'Count', unit: 'count', entity }],
    rows: histogram.bins.map((bin) => [bin.from, bin.to, bin.count]),
  };
}
