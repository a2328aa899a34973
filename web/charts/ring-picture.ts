/**
 * A ring of descriptors or rows: slots around a circle, what is free and what waits, the producer's and the
 * consumer's hands. Above 96 slots, neighbours share one segment and the summary says how many. Pure.
 */
import { arc } from 'd3-shape';
import { grouped } from '../app/quantity.ts';
import type { ChartTable } from './chart-table.ts';
import type { Mark, Picture, PictureSize, Spot } from './marks.ts';

export interface RingFacts {
  readonly title: string;
  readonly entity: string;
  readonly capacity: number;
  /** Counted since the start, as a ring's free-running indices are; produced − consumed ≤ capacity. */
  readonly produced: number;
  readonly consumed: number;
  readonly unit: string; // 'rows', 'descriptors'
}

const SEGMENTS_MAX = 96;

/** Segment of a ring: how many of its slots wait. */
export interface RingSegment {
  readonly first: number;
  readonly count: number;
  readonly waiting: number;
}

/** Slots by segment; a slot waits when it was produced and not yet consumed. */
export function ringSegments(facts: RingFacts): RingSegment[] {
  const { capacity, produced, consumed } = facts;
  const segments = Math.min(SEGMENTS_MAX, capacity);
  const waiting = Math.min(capacity, Math.max(0, produced - consumed));
  const tail = capacity === 0 ? 0 : consumed % capacity;
  return Array.from({ length: segments }, (_, index) => {
    const first = Math.floor((index * capacity) / segments);
    const end = Math.floor(((index + 1) * capacity) / segments);
    // Slots tail … tail + waiting − 1, around: what of first … end lies in it, once straight and once wrapped.
    const overlap = (from: number, to: number) => Math.max(0, Math.min(end, to) - Math.max(first, from));
    return { first, count: end - first, waiting: overlap(tail, tail + waiting) + overlap(tail - capacity, tail + waiting - capacity) };
  });
}

export function ringPicture(facts: RingFacts, size: PictureSize): Picture {
  const { width, height, text } = size;
  const segments = ringSegments(facts);
  const outer = Math.max(20, Math.min(width / 2 - text * 3, height / 2 - text * 1.4));
  const inner = outer * 0.72;
  const [cx, cy] = [width / 2, height / 2];
  const step = (2 * Math.PI) / Math.max(1, segments.length);
  const shape = arc<{ from: number; to: number }>().innerRadius(inner).outerRadius(outer).startAngle((it) => it.from).endAngle((it) => it.to).padAngle(Math.min(0.02, step / 6));
  const marks: Mark[] = [];
  const spots: Spot[] = [];
  segments.forEach((segment, index) => {
    const full = segment.count === 0 ? 0 : segment.waiting / segment.count;
    const d = translate(shape({ from: index * step, to: (index + 1) * step }) ?? '', cx, cy);
    marks.push({ kind: 'path', d, fill: full > 0 ? 'in-flight' : 'clean', opacity: full > 0 ? 0.4 + 0.6 * full : 1, stroke: 'stage', width: 0.5 });
    const angle = (index + 0.5) * step - Math.PI / 2;
    const at = { x: cx + ((inner + outer) / 2) * Math.cos(angle), y: cy + ((inner + outer) / 2) * Math.sin(angle) };
    const last = segment.first + segment.count - 1;
    spots.push({
      key: String(index), x: at.x - 6, y: at.y - 6, width: 12, height: 12, entity: facts.entity,
      label: `slots ${segment.first} to ${last}: ${segment.waiting} of ${segment.count} ${facts.unit} waiting`,
    });
  });
  for (const [name, index] of [['written', facts.produced], ['read', facts.consumed]] as const) {
    const angle = ((index % Math.max(1, facts.capacity)) / Math.max(1, facts.capacity)) * 2 * Math.PI - Math.PI / 2;
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    const reach = name === 'written' ? outer + 8 : inner - 8;
    marks.push({ kind: 'path', d: `M${cx + dx * inner * 0.94} ${cy + dy * inner * 0.94}L${cx + dx * reach} ${cy + dy * reach}`, stroke: 'ink', width: name === 'written' ? 4 : 2 });
  }
  const waiting = Math.min(facts.capacity, Math.max(0, facts.produced - facts.consumed));
  marks.push(
    { kind: 'text', x: cx, y: cy - text * 1.2, text: `${grouped(facts.produced)} ${facts.unit} written`, ink: 'ink', size: text, anchor: 'middle', strong: true },
    { kind: 'text', x: cx, y: cy, text: `${grouped(waiting)} ${facts.unit} waiting`, ink: 'ink', size: text, anchor: 'middle' },
    { kind: 'text', x: cx, y: cy + text * 1.2, text: `of ${grouped(facts.capacity)} slots`, ink: 'ink-soft', size: text, anchor: 'middle' },
  );
  const each = segments[0]?.count ?? 0;
  return {
    width, height, marks, spots,
    summary: `${facts.title}: ${grouped(waiting)} of ${grouped(facts.capacity)} slots wait to be read; ${grouped(facts.produced)} written since the start; a segment is ${each === 1 ? 'one slot' : `${each} slots`}.`,
  };
}

/** Moves a path of d3-shape (absolute commands M, L, A, Z only) by (dx, dy). */
function translate(d: string, dx: number, dy: number): string {
  return d.replace(/([MLA])([^MLAZ]*)/g, (_, command: string, body: string) => {
    const n = body.split(',').map(Number);
    if (command !== 'A') return `${command}${n[0]! + dx},${n[1]! + dy}`;
    return `A${n.slice(0, 5).join(',')},${n[5]! + dx},${n[6]! + dy}`;
  });
}

export function ringTable(facts: RingFacts): ChartTable {
  const column = (title: string, unit: string) => ({ title, unit, entity: facts.entity });
  return {
    title: facts.title,
    columns: [column('First slot', ''), column('Slots', 'slots'), column('Waiting', facts.unit)],
    rows: ringSegments(facts).map((segment) => [segment.first, segment.count, segment.waiting]),
  };
}
