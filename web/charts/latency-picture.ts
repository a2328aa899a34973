/**
 * Latency of a session as ribbons, one a lane, on one time axis: a ribbon is as thick as somebody waits, and
 * has a hole where the VM stood still. Pure: the same samples give the same picture.
 */
import { formatQuantity } from '../app/quantity.ts';
import { rowAt, type SampleSeries } from '../session/sample-series.ts';
import type { Mark, Picture, PictureSize, Spot } from './marks.ts';

/** A time in which a VM stood still. `toNs`: −1 while it lasts. */
export interface Pause {
  readonly fromNs: number;
  readonly toNs: number;
}

export interface Span {
  readonly fromNs: number;
  readonly toNs: number;
}

/** What is known of one lane. */
export interface LatencyLane {
  readonly series: SampleSeries | undefined;
  readonly pauses: readonly Pause[];
  readonly nowNs: number; // how far this lane has come, −1 = nothing is known of it
  readonly sinceNs?: number; // from when on the worst wait counts: what came before the snapshot is not its doing
}

/** A ribbon: the greatest latency in each column of pixels (NaN: none was measured), its holes, where it ends. */
export interface RibbonShape {
  readonly columns: Float64Array; // ns
  readonly holes: readonly Span[];
  readonly untilNs: number;
  readonly worstNs: number; //       −1: nothing was measured in the span
}

/** Time before the snapshot that is shown, as a part of what follows it. */
const BEFORE = 0.12;
const SPAN_MIN_NS = 120_000_000;
const SPAN_MAX_NS = 3_000_000_000;

/** The span on screen: from a little before the newest snapshot to now; what is too long rolls. */
export function latencySpan(nowNs: number, startedAtNs: number): Span {
  if (startedAtNs < 0) return { fromNs: Math.max(0, nowNs - SPAN_MIN_NS), toNs: Math.max(nowNs, SPAN_MIN_NS) };
  const length = Math.min(SPAN_MAX_NS, Math.max(SPAN_MIN_NS, (nowNs - startedAtNs) * (1 + BEFORE)));
  const isRolling = nowNs - startedAtNs > SPAN_MAX_NS;
  const fromNs = isRolling ? nowNs - length : Math.max(0, startedAtNs - length * BEFORE);
  return { fromNs, toNs: fromNs + length * (isRolling ? 1 : 1 + BEFORE) };
}

/** The shape of a lane's ribbon in `columnCount` columns. O(samples in the span). */
export function ribbonShape(lane: LatencyLane, metric: string, span: Span, columnCount: number): RibbonShape {
  const columns = new Float64Array(columnCount).fill(Number.NaN);
  const holes = lane.pauses.flatMap(({ fromNs, toNs }) => {
    const hole = { fromNs: Math.max(fromNs, span.fromNs), toNs: Math.min(toNs < 0 ? lane.nowNs : toNs, span.toNs) };
    return hole.toNs > hole.fromNs ? [hole] : [];
  });
  let worstNs = -1;
  const { series } = lane;
  const values = series?.find(metric);
  if (series !== undefined && values !== undefined) {
    const perNs = columnCount / (span.toNs - span.fromNs);
    for (let row = rowAt(series, span.fromNs); row < series.count; row++) {
      const timeNs = series.timeNs[row]!;
      if (timeNs > span.toNs) break;
      const value = values[row]!;
      if (Number.isNaN(value)) continue;
      if (timeNs >= (lane.sinceNs ?? 0)) worstNs = Math.max(worstNs, value);
      const column = Math.min(columnCount - 1, Math.floor((timeNs - span.fromNs) * perNs));
      if (!(columns[column]! >= value)) columns[column] = value;
    }
    carry(columns, Math.min(columnCount, Math.ceil((lane.nowNs - span.fromNs) * perNs)));
  }
  return { columns, holes, untilNs: Math.min(lane.nowNs, span.toNs), worstNs };
}

/** Between two samples the newest answer stands. */
function carry(columns: Float64Array, until: number): void {
  for (let column = 1; column < until; column++) {
    if (Number.isNaN(columns[column]!)) columns[column] = columns[column - 1]!;
  }
}

/** Least latency that fills half a band; smaller scales would make noise look like news. Unit: ns. */
const FULL_MIN_NS = 4_000_000;

/** The latency that fills a band, for all ribbons alike. */
export function fullLatency(shapes: readonly RibbonShape[]): number {
  return Math.max(FULL_MIN_NS, ...shapes.map(({ worstNs }) => worstNs));
}

/** Thickness of a ribbon as a part of its band: the root, so that both a short wait and a long one can be seen. */
export function thickness(latencyNs: number, fullNs: number): number {
  return Math.sqrt(Math.min(1, Math.max(0, latencyNs / fullNs)));
}

// ── The picture ─────────────────────────────────────────────────────────────────────────────────

/** A ribbon with its name, as the picture shows it. */
export interface NamedRibbon {
  readonly title: string;
  readonly entity: string;
  readonly shape: RibbonShape;
}

/** px of a column of samples. */
const COLUMN = 2;

/** Where ribbons lie in a picture of this size: names at the left, what was measured at the right. */
export function ribbonRoom(size: PictureSize): { readonly left: number; readonly width: number; readonly columns: number } {
  const left = Math.min(size.width * 0.24, size.text * 13.5);
  const width = Math.max(40, size.width - left - Math.min(size.width * 0.3, size.text * 16.5));
  return { left, width, columns: Math.max(1, Math.floor(width / COLUMN)) };
}

/** Time that the VM stood still within what is shown. Unit: ns. */
export function stoodNs(shape: RibbonShape): number {
  return shape.holes.reduce((sum, { fromNs, toNs }) => sum + toNs - fromNs, 0);
}

/** What a ribbon says, in words. */
export function ribbonSentence({ title, shape }: NamedRibbon): string {
  if (shape.worstNs < 0) return `${title}: nothing was answered yet`;
  const stood = stoodNs(shape);
  return `${title}: waits ${formatQuantity(shape.worstNs, 'ns').text} at most${stood > 0 ? `, stood ${formatQuantity(stood, 'ns').text}` : ''}`;
}

/** All ribbons, one below the other, on one scale. */
export function ribbonsPicture(ribbons: readonly NamedRibbon[], span: Span, size: PictureSize): Picture {
  const { left, width } = ribbonRoom(size);
  const axis = size.text * 1.5;
  const step = (size.height - axis) / Math.max(1, ribbons.length);
  const full = fullLatency(ribbons.map(({ shape }) => shape));
  const at = (ns: number) => left + ((ns - span.fromNs) / (span.toNs - span.fromNs)) * width;
  const marks: Mark[] = [];
  const spots: Spot[] = [];
  ribbons.forEach((ribbon, index) => {
    const { shape, title, entity } = ribbon;
    const middle = Math.round((index + 0.5) * step);
    const most = step * 0.42;
    marks.push({ kind: 'text', x: 0, y: middle, text: title, ink: index === 0 ? 'ink' : 'ink-soft', size: size.text, strong: index === 0 });
    marks.push({ kind: 'rect', x: left, y: middle, width, height: 1, fill: 'rule' });
    marks.push({ kind: 'path', d: bandPath(shape, { left, width, middle, most, full }), fill: 'device' });
    for (const hole of shape.holes) marks.push(...holeMarks({ hole, from: at(hole.fromNs), to: at(hole.toNs), middle, most, size }));
    const stood = stoodNs(shape);
    if (stood > 0) {
      const text = `stood ${formatQuantity(stood, 'ns').text}`;
      marks.push({ kind: 'text', x: size.width - size.text * 8.2, y: middle, text, ink: 'ink', size: size.text, anchor: 'end' });
    }
    if (shape.worstNs >= 0) {
      const text = `waits ${formatQuantity(shape.worstNs, 'ns').text}`;
      marks.push({ kind: 'text', x: size.width, y: middle, text, ink: 'ink', size: size.text, anchor: 'end', strong: true });
    }
    spots.push({ key: title, x: left, y: index * step, width, height: step, entity, label: `${ribbonSentence(ribbon)}.` });
  });
  marks.push(...axisMarks(span, size, { left, width }));
  const summary = ribbons.length === 0 || ribbons.every(({ shape }) => shape.worstNs < 0)
    ? 'Nothing was answered yet.'
    : `${ribbons.map(ribbonSentence).join('; ')}.`;
  return { width: size.width, height: size.height, marks, spots, summary };
}

/** The outline of a ribbon: above from left to right, below back; thin where nothing is waited for. */
function bandPath(shape: RibbonShape, at: { readonly left: number; readonly width: number; readonly middle: number; readonly most: number; readonly full: number }): string {
  const { columns } = shape;
  const px = at.width / columns.length;
  let above = '';
  let below = '';
  for (let column = 0; column < columns.length; column++) {
    const latency = columns[column]!;
    if (Number.isNaN(latency)) continue;
    const half = Math.max(1.5, thickness(latency, at.full) * at.most);
    const [x0, x1] = [round(at.left + column * px), round(at.left + (column + 1) * px)];
    above += `${above === '' ? 'M' : 'L'}${x0} ${round(at.middle - half)}L${x1} ${round(at.middle - half)}`;
    below = `L${x1} ${round(at.middle + half)}L${x0} ${round(at.middle + half)}${below}`;
  }
  return above === '' ? '' : `${above}${below}Z`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Where the VM stood: nothing but two posts, and how long where there is room. */
function holeMarks(options: {
  readonly hole: Span;
  readonly from: number;
  readonly to: number;
  readonly middle: number;
  readonly most: number;
  readonly size: PictureSize;
}): Mark[] {
  const { hole, from, to, middle, most, size } = options;
  const width = Math.max(2, to - from);
  const text = `stood ${formatQuantity(hole.toNs - hole.fromNs, 'ns').text}`;
  const room = text.length * size.text * 0.62;
  return [
    { kind: 'rect', x: from, y: middle - most - 1, width, height: 2 * most + 2, fill: 'stage' },
    { kind: 'rect', x: from - 1, y: middle - most, width: 1.5, height: 2 * most, fill: 'ink' },
    { kind: 'rect', x: from + width, y: middle - most, width: 1.5, height: 2 * most, fill: 'ink' },
    ...(width > room
      ? [{ kind: 'text' as const, x: from + width / 2, y: middle, text, ink: 'ink' as const, size: size.text, anchor: 'middle' as const }]
      : []),
  ];
}

function axisMarks(span: Span, size: PictureSize, { left, width }: { readonly left: number; readonly width: number }): Mark[] {
  const y = size.height - size.text * 0.6;
  const ticks = Math.max(2, Math.min(5, Math.floor(width / (size.text * 9))));
  return Array.from({ length: ticks }, (_, index) => {
    const part = index / (ticks - 1);
    const ns = span.fromNs + part * (span.toNs - span.fromNs);
    return {
      kind: 'text' as const, x: left + part * width, y, text: formatQuantity(Math.round(ns), 'ns').text, ink: 'ink-soft' as const, size: size.text,
      anchor: index === 0 ? ('start' as const) : index === ticks - 1 ? ('end' as const) : ('middle' as const),
    };
  });
}
