/** Curves over virtual time as a picture (for export) and as a table; the screen uses uPlot for the same columns. Pure. */
import { scaleLinear } from 'd3-scale';
import { formatQuantity } from '../app/quantity.ts';
import type { ColourToken } from '../styles/colours.ts';
import type { ChartTable } from './chart-table.ts';
import type { Mark, Picture, PictureSize } from './marks.ts';
import { timeScale, timeTicks, type TimeRange } from './time-ticks.ts';

export interface Curve {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly entity: string;
  readonly token: ColourToken;
  readonly thinning: 'mean' | 'last';
  readonly dash?: readonly number[];
  /** Of one part of what the other curves are of: thin, and not in the legend. */
  readonly isPart?: boolean;
  /** Id of the baseline that it is of; missing: the run's own. A baseline's is thin. */
  readonly lane?: string;
}

/** Dashes that tell baselines apart, in the order of the lab's contract. Unit: px. */
const BASELINE_DASHES: readonly (readonly number[])[] = [[5, 3], [1, 3], [9, 3, 1, 3], [3, 6]];

/** Strokes: the run's own curves are twice as thick as those of its baselines and parts. Unit: px. */
export function curveWidth(curve: Curve): number {
  return curve.lane === undefined && curve.isPart !== true ? 2 : 1;
}

/** The dash of a baseline's curves, by its place in the contract. Unit: px. */
export function baselineDash(position: number): readonly number[] {
  return BASELINE_DASHES[position % BASELINE_DASHES.length]!;
}

/** The run's own curves, then the same of each baseline, without parts: same colour, thin and dashed. */
export function laneCurves(
  curves: readonly Curve[],
  baselines: readonly { readonly id: string; readonly title: string }[],
): readonly Curve[] {
  const others = baselines.flatMap(({ id, title }, position) =>
    strongCurves(curves).map((curve): Curve => ({ ...curve, title: `${curve.title} (${title})`, lane: id, dash: baselineDash(position) })),
  );
  return [...curves, ...others];
}

/** The curves that are told in words, and drawn of other courses, too; they stand before all parts. */
export function strongCurves(curves: readonly Curve[]): readonly Curve[] {
  return curves.filter(({ isPart }) => isPart !== true);
}

/** Columns as sampleWindow gives them: times in seconds, then one array a curve. */
export type Columns = readonly (readonly number[])[];

export function timePicture(options: {
  readonly curves: readonly Curve[];
  readonly columns: Columns;
  readonly brush: TimeRange | null;
  readonly size: PictureSize;
}): Picture {
  const { curves, columns, brush, size } = options;
  const { width, height, text } = size;
  const times = columns[0] ?? [];
  if (times.length === 0) return { width, height, marks: [], spots: [], summary: 'Nothing has been sampled yet.' };
  const unit = curves[0]?.unit ?? '';
  const [left, right, top, bottom] = [text * 6, width - text, text * 1.8, height - text * 2];
  const x = timeScale({ fromNs: times[0]! * 1e9, toNs: times.at(-1)! * 1e9 }, left, right);
  const most = Math.max(1, ...columns.slice(1).flat().filter(Number.isFinite));
  const y = scaleLinear([0, readableTop(ownValues(curves, columns.slice(1)), most)], [bottom, top]).nice().clamp(true);
  const marks: Mark[] = [];
  if (brush !== null) marks.push({ kind: 'rect', x: x.at(brush.fromNs), y: top, width: Math.max(1, x.at(brush.toNs) - x.at(brush.fromNs)), height: bottom - top, fill: 'panel', edge: 'ink' });
  for (const tick of y.ticks(4)) {
    marks.push({ kind: 'rect', x: left, y: y(tick), width: right - left, height: 1, fill: 'rule' });
    marks.push({ kind: 'text', x: left - 6, y: y(tick), text: formatQuantity(tick, unit).text, ink: 'ink-soft', size: text, anchor: 'end' });
  }
  let legend = left;
  curves.forEach((curve, index) => {
    const values = columns[index + 1] ?? [];
    let d = '';
    values.forEach((value, at) => {
      if (Number.isFinite(value)) d += `${d === '' ? 'M' : 'L'}${x.at(times[at]! * 1e9).toFixed(1)} ${y(value).toFixed(1)}`;
    });
    if (d !== '') marks.push({ kind: 'path', d, stroke: curve.token, width: curveWidth(curve), ...(curve.dash === undefined ? {} : { dash: curve.dash }) });
    if (curve.isPart === true) return;
    marks.push({ kind: 'rect', x: legend, y: text * 0.4, width: 12, height: 2 * curveWidth(curve), fill: curve.token });
    marks.push({ kind: 'text', x: legend + 18, y: text * 0.6, text: curve.title, ink: 'ink', size: text });
    legend += 36 + curve.title.length * text * 0.56;
  });
  marks.push(...timeTicks(x, bottom, text));
  return { width, height, marks, spots: [], summary: curveSentence(curves, columns) };
}

/** What each curve adds to the picture: of a baseline's, the values that are not the run's own at the same time. */
export function ownValues(
  curves: readonly Curve[],
  values: readonly (readonly (number | null)[])[],
): (readonly (number | null)[])[] {
  return curves.map((curve, index) => {
    const own = curves.findIndex((it) => it.lane === undefined && it.metric === curve.metric);
    const column = values[index] ?? [];
    return curve.lane === undefined ? column : column.filter((value, row) => value !== values[own]?.[row]);
  });
}

/**
 * Upper end of the value axis: the greatest value, but no more than twice what 85 of 100 samples stay below,
 * so that one burst (a guest that clears its memory as it boots) does not flatten the rest. The sentence tells the greatest.
 */
export function readableTop(curves: readonly (readonly (number | null)[])[], most: number): number {
  let top = 0;
  for (const curve of curves) {
    const sorted = curve.filter((value): value is number => value !== null && value > 0).sort((a, b) => a - b);
    if (sorted.length > 0) top = Math.max(top, 2 * sorted[Math.floor(sorted.length * 0.85)]!);
  }
  return top > 0 ? Math.min(most, top) : most;
}

/** Newest and greatest value of every curve of the run's own. */
export function curveSentence(curves: readonly Curve[], columns: Columns): string {
  return strongCurves(curves).filter(({ lane }) => lane === undefined).map((curve, index) => {
    const values = (columns[index + 1] ?? []).filter(Number.isFinite);
    if (values.length === 0) return `${curve.title}: not measured yet.`;
    const most = values.reduce((a, b) => Math.max(a, b));
    return `${curve.title} ${formatQuantity(values.at(-1)!, curve.unit).text}, at most ${formatQuantity(most, curve.unit).text}.`;
  }).join(' ');
}

export function curveTable(curves: readonly Curve[], columns: Columns, title: string): ChartTable {
  return {
    title,
    columns: [{ title: 'Time', unit: 'ns', entity: 'run' }, ...curves.map(({ title: name, unit, entity }) => ({ title: name, unit, entity }))],
    rows: (columns[0] ?? []).map((time, row) => [Math.round(time * 1e9), ...curves.map((_, index) => columns[index + 1]?.[row] ?? Number.NaN)]),
  };
}
