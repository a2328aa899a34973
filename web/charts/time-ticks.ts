/** A time axis as marks: round ticks with units, shared by every picture over virtual time. Pure. */
import { scaleLinear } from 'd3-scale';
import { formatQuantity } from '../app/quantity.ts';
import type { Mark } from './marks.ts';

export interface TimeRange {
  readonly fromNs: number;
  readonly toNs: number;
}

export interface TimeScale extends TimeRange {
  readonly at: (ns: number) => number; //       px, clamped to the axis
  readonly timeAt: (px: number) => number;
  readonly left: number;
  readonly right: number;
}

/** A scale from virtual time to px between `left` and `right`. */
export function timeScale(range: TimeRange, left: number, right: number): TimeScale {
  const scale = scaleLinear([range.fromNs, Math.max(range.fromNs + 1, range.toNs)], [left, right]).clamp(true);
  return { ...range, at: (ns) => scale(ns), timeAt: (px) => scale.invert(px), left, right };
}

/** Ticks under a picture at height `y`; as many as their text leaves room for. */
export function timeTicks(scale: TimeScale, y: number, text: number): Mark[] {
  const room = Math.max(1, Math.floor((scale.right - scale.left) / (text * 9)));
  const ticks = scaleLinear([scale.fromNs, Math.max(scale.fromNs + 1, scale.toNs)], [0, 1]).ticks(room);
  return ticks.flatMap((ns): Mark[] => [
    { kind: 'rect', x: Math.round(scale.at(ns)), y, width: 1, height: 4, fill: 'rule-strong' },
    { kind: 'text', x: scale.at(ns), y: y + 5 + text / 2, text: formatQuantity(ns, 'ns').text, ink: 'ink-soft', size: text, anchor: anchorAt(scale, ns) },
  ]);
}

function anchorAt(scale: TimeScale, ns: number): 'start' | 'middle' | 'end' {
  const px = scale.at(ns);
  return px - scale.left < 12 ? 'start' : scale.right - px < 24 ? 'end' : 'middle';
}
