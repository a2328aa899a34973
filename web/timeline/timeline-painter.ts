/**
 * Draws the timeline's canvas: the axis, a row for each branch with what happened on it, checkpoints, the brushed
 * interval, the crosshair and the playhead. What has run is a thick line, what lies ahead a dashed one, what was
 * left a thin one.
 */
import type { TimelineEvent } from '../../core/protocol/snapshot.ts';
import { axisTicks } from './axis-ticks.ts';
import { type BranchLanes, branchAt } from './branch-lanes.ts';
import type { TimeSpan } from './time-axis.ts';

/** Height of a branch's row: a target of 24 px and its gap. Unit: px. */
export const ROW_HEIGHT = 28;
/** Marks closer than this are one. Unit: px. */
const APART = 3;

/** What is drawn. */
export interface TimelinePicture {
  readonly span: TimeSpan;
  readonly lanes: BranchLanes;
  readonly events: readonly TimelineEvent[]; //  of the present course, up to the present
  readonly eventsAhead: Readonly<Record<number, readonly TimelineEvent[]>>;
  readonly checkpointsNs: readonly number[];
  readonly nowNs: number;
  readonly travelNs: number; //                  −1: no journey
  readonly crosshairNs: number; //               −1: none
  readonly brush: TimeSpan | null;
  readonly hovered: string; //                   entity that is pointed at
}

/** Where it is drawn. */
export interface TimelineSurface {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly text: number; // size of the axis's text, px
  readonly font: string;
  readonly css: Readonly<Record<string, string>>;
}

/** Height of the axis above the rows. Unit: px. */
export function axisHeight(text: number): number {
  return Math.round(text * 1.9);
}

/** From time to px. */
export function xOf(span: TimeSpan, width: number, timeNs: number): number {
  return ((timeNs - span.fromNs) / Math.max(1, span.toNs - span.fromNs)) * width;
}

/** See the file's head. */
export function paintTimeline(surface: TimelineSurface, picture: TimelinePicture): void {
  const { context, width, height, css } = surface;
  context.clearRect(0, 0, width, height);
  const x = (ns: number) => xOf(picture.span, width, ns);
  const y = (row: number) => axisHeight(surface.text) + row * ROW_HEIGHT + ROW_HEIGHT / 2;
  paintAxis(surface, picture.span);
  if (picture.brush !== null) {
    const [left, right] = [x(picture.brush.fromNs), x(picture.brush.toNs)];
    context.fillStyle = css['clean']!;
    context.fillRect(left, axisHeight(surface.text), Math.max(1, right - left), height);
    context.fillStyle = css['ink']!;
    for (const edge of [left, right]) context.fillRect(Math.round(edge), axisHeight(surface.text), 1, height);
  }
  paintCourses(surface, picture.lanes, x, y);
  context.fillStyle = css['ink-soft']!;
  for (const ns of picture.checkpointsNs) {
    const row = picture.lanes.rows.findIndex(({ id }) => id === branchAt(picture.lanes, ns));
    if (row >= 0) context.fillRect(Math.round(x(ns)), y(row) + 8, 1, 4);
  }
  paintAllEvents(surface, picture, x, y);
  if (picture.crosshairNs >= 0) {
    context.fillStyle = css['ink-soft']!;
    context.fillRect(Math.round(x(picture.crosshairNs)), 0, 1, height);
  }
  paintPlayhead(surface, x(picture.travelNs >= 0 ? picture.travelNs : picture.nowNs), picture.travelNs >= 0);
}

function paintAxis({ context, width, text, font, css }: TimelineSurface, span: TimeSpan): void {
  context.font = `${text}px ${font}`;
  context.textBaseline = 'middle';
  const bottom = axisHeight(text);
  context.fillStyle = css['rule']!;
  context.fillRect(0, bottom - 1, width, 1);
  context.textAlign = 'center';
  let taken = -text;
  for (const tick of axisTicks(span, width, text)) {
    const at = Math.round(xOf(span, width, tick.timeNs));
    context.fillStyle = css['rule-strong']!;
    context.fillRect(Math.min(at, width - 1), bottom - 5, 1, 5);
    const half = context.measureText(tick.text).width / 2;
    const middle = Math.min(width - half, Math.max(half, at));
    if (middle - half < taken + text / 2) continue; // it would run into the one before
    taken = middle + half;
    context.fillStyle = css['ink-soft']!;
    context.fillText(tick.text, middle, (bottom - 4) / 2);
  }
}

function paintCourses(
  { context, css }: TimelineSurface, lanes: BranchLanes, x: (ns: number) => number, y: (row: number) => number,
): void {
  for (const { atNs, fromRow, toRow, onCourse } of lanes.forks) {
    context.fillStyle = css[onCourse ? 'ink-soft' : 'rule-strong']!;
    context.fillRect(Math.round(x(atNs)) - 1, y(fromRow), 2, y(toRow) - y(fromRow) + 1);
  }
  for (const { row, fromNs, toNs, kind } of lanes.segments) {
    const [left, right] = [x(fromNs), x(toNs)];
    if (kind === 'past') {
      context.fillStyle = css['ink-soft']!;
      context.fillRect(left, y(row) - 2, right - left, 4);
      continue;
    }
    context.strokeStyle = css['rule-strong']!;
    context.lineWidth = kind === 'ahead' ? 2 : 1;
    context.setLineDash(kind === 'ahead' ? [6, 4] : []);
    context.beginPath();
    context.moveTo(left, kind === 'ahead' ? y(row) : y(row) + 0.5);
    context.lineTo(right, kind === 'ahead' ? y(row) : y(row) + 0.5);
    context.stroke();
    context.setLineDash([]);
  }
}

type Weight = 'fault' | 'command' | 'round' | 'other';

/** Kinds of events that somebody asked for. */
const ASKED: ReadonlySet<string> = new Set(['command', 'migrate', 'snapshot', 'cancelled', 'restore', 'deleted']);

function weightOf(kind: string): Weight {
  if (kind === 'fault' || kind === 'failed') return 'fault';
  if (ASKED.has(kind)) return 'command';
  return kind === 'round' ? kind : 'other';
}

/** Order of drawing, the most telling last, so that it stays on top and wins where marks are close. */
const WEIGHTS: readonly Weight[] = ['other', 'round', 'command', 'fault'];

function paintAllEvents(
  surface: TimelineSurface, picture: TimelinePicture, x: (ns: number) => number, y: (row: number) => number,
): void {
  const { lanes, nowNs, hovered } = picture;
  const rowOf = (branch: number) => lanes.rows.findIndex(({ id }) => id === branch);
  const past = picture.events.map((event) => ({ event, row: rowOf(branchAt(lanes, event.timeNs)), ahead: false }));
  const onCourse = new Set(lanes.course.map(({ branch }) => branch));
  const others = Object.entries(picture.eventsAhead).flatMap(([id, events]) => {
    const branch = Number(id);
    const mark = lanes.rows.find((it) => it.id === branch);
    if (mark === undefined) return [];
    const isCourse = (ns: number) => onCourse.has(branch) && branchAt(lanes, ns) === branch;
    return events
      .filter((event) => event.timeNs >= mark.forkNs && event.timeNs <= mark.endNs)
      .filter((event) => !isCourse(event.timeNs) || event.timeNs >= nowNs)
      .map((event) => ({ event, row: rowOf(branch), ahead: true }));
  });
  for (const weight of WEIGHTS) {
    let last = { row: -1, x: -APART };
    for (const { event, row, ahead } of [...past, ...others]) {
      if (row < 0 || weightOf(event.kind) !== weight) continue;
      const at = Math.round(x(event.timeNs));
      if (at < -APART || at > surface.width + APART) continue;
      if (row === last.row && at - last.x < APART && at >= last.x) continue;
      last = { row, x: at };
      paintEvent(surface, { weight, ahead, lit: hovered !== '' && event.entity === hovered }, at, y(row));
    }
  }
}

function paintEvent(
  { context, css }: TimelineSurface, { weight, ahead, lit }: { readonly weight: Weight; readonly ahead: boolean; readonly lit: boolean },
  x: number, y: number,
): void {
  context.globalAlpha = ahead ? 0.5 : 1;
  if (weight === 'fault') {
    context.strokeStyle = css['fault']!;
    context.lineWidth = 3;
    context.beginPath();
    for (const side of [1, -1]) {
      context.moveTo(x - 6, y - 6 * side);
      context.lineTo(x + 6, y + 6 * side);
    }
    context.stroke();
  } else {
    const [colour, size, wide] = ({ command: ['ink', 18, 3], round: ['in-flight', 10, 2], other: ['ink', 10, 1] } as const)[weight];
    context.fillStyle = css[colour]!;
    context.fillRect(x - (wide >> 1), y - size / 2, wide, size);
  }
  if (lit) {
    context.globalAlpha = 1;
    context.strokeStyle = css['ink']!;
    context.lineWidth = 1;
    context.strokeRect(x - 8.5, y - 12.5, 17, 25);
  }
  context.globalAlpha = 1;
}

/** A line through all rows with a head on the axis; hollow while a journey is on its way there. */
function paintPlayhead({ context, width, height, text, css }: TimelineSurface, at: number, travelling: boolean): void {
  if (at < -1 || at > width + 1) return;
  const x = Math.min(width - 1, Math.max(1, Math.round(at)));
  const bottom = axisHeight(text) + 2;
  context.fillStyle = css['ink']!;
  context.fillRect(x - 1, bottom - 8, 2, height);
  const left = Math.min(width - 7, Math.max(7, x));
  context.beginPath();
  context.moveTo(left - 6, bottom - 16);
  context.lineTo(left + 6, bottom - 16);
  context.lineTo(left + 6, bottom - 8);
  context.lineTo(x, bottom);
  context.lineTo(left - 6, bottom - 8);
  context.closePath();
  context.fillStyle = css[travelling ? 'stage' : 'ink']!;
  context.strokeStyle = css['ink']!;
  context.lineWidth = 2;
  context.fill();
  context.stroke();
}
