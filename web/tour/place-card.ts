/**
 * Where the tour's card stands: beside what the step shows, never over it when there is room, over as little else as
 * can be, near to it, and where it stood before when that is as good. Pure geometry in CSS pixels.
 */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface CardSize {
  readonly width: number;
  readonly height: number;
  readonly worse: number;
}

export interface Placing {
  readonly bounds: Box;
  readonly shown: readonly Box[]; //   never to be covered
  readonly others: readonly Box[]; //  better not covered
  /** Sizes that the card can have; `worse` is what one costs over the best, in covered pixels. */
  readonly sizes: readonly CardSize[];
  readonly before: Box | undefined;
}

/** Distance kept from edges and from what is shown. */
const GAP = 8;
const STEP = 16;
/** What a covered pixel costs: of what is shown, of another mark; and a pixel of distance; a change of place. */
const COST = { shown: 100, other: 1, distance: 12, move: 4_000 } as const;

/** The best place. Deterministic: the first of equals, from the top left. */
export function placeCard({ bounds, shown, others, sizes, before }: Placing): Box {
  const kept = shown.map((box) => grow(box, GAP));
  const centre = shown.length === 0 ? middle(bounds) : middle(united(shown));
  const cost = (box: Box, worse: number) => {
    const at = middle(box);
    return (
      COST.shown * covered(box, kept) + COST.other * covered(box, others)
      + COST.distance * Math.hypot(at.x - centre.x, at.y - centre.y) + worse
    );
  };
  const [{ width: firstWidth, height: firstHeight }] = sizes as readonly [CardSize];
  let best = { box: { x: bounds.x + GAP, y: bounds.y + GAP, width: firstWidth, height: firstHeight } as Box, cost: Number.POSITIVE_INFINITY };
  for (const { width, height, worse } of sizes) {
    for (const x of positions(bounds.x, bounds.width, width, kept.flatMap((it) => [it.x - width, it.x + it.width]))) {
      for (const y of positions(bounds.y, bounds.height, height, kept.flatMap((it) => [it.y - height, it.y + it.height]))) {
        const box = { x, y, width, height };
        const total = cost(box, worse);
        if (total < best.cost - 1e-6) best = { box, cost: total };
      }
    }
  }
  if (before === undefined) return best.box;
  const size = sizes.find((it) => it.width === before.width && it.height === before.height);
  return size !== undefined && contains(bounds, before) && cost(before, size.worse) <= best.cost + COST.move ? before : best.box;
}

/** Starts along one axis: a grid, the two ends, and the edges of what is shown. */
function positions(start: number, length: number, size: number, edges: readonly number[]): readonly number[] {
  const first = start + GAP;
  const last = Math.max(first, start + length - size - GAP);
  const grid = Array.from({ length: Math.floor((last - first) / STEP) + 1 }, (_, index) => first + index * STEP);
  return [...grid, last, ...edges.map(Math.round).filter((it) => it > first && it < last)];
}

/** Pixels of `box` that the others cover, each pixel of each counted. */
function covered(box: Box, others: readonly Box[]): number {
  let sum = 0;
  for (const other of others) {
    const width = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x);
    const height = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y);
    if (width > 0 && height > 0) sum += width * height;
  }
  return sum;
}

export function grow({ x, y, width, height }: Box, by: number): Box {
  return { x: x - by, y: y - by, width: width + 2 * by, height: height + 2 * by };
}

/** The smallest box around some; there is one at least. */
export function united(boxes: readonly Box[]): Box {
  const x = Math.min(...boxes.map((it) => it.x));
  const y = Math.min(...boxes.map((it) => it.y));
  const right = Math.max(...boxes.map((it) => it.x + it.width));
  const bottom = Math.max(...boxes.map((it) => it.y + it.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** The same area as boxes that do not overlap: what a later one shares with an earlier one is taken off it. */
export function disjoint(boxes: readonly Box[]): readonly Box[] {
  const out: Box[] = [];
  for (const box of boxes) {
    let parts: readonly Box[] = [box];
    for (const other of [...out]) parts = parts.flatMap((part) => without(part, other));
    out.push(...parts);
  }
  return out;
}

/** What is left of `a` outside of `b`: none to four boxes. */
function without(a: Box, b: Box): readonly Box[] {
  const [left, top] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const right = Math.min(a.x + a.width, b.x + b.width);
  const bottom = Math.min(a.y + a.height, b.y + b.height);
  if (left >= right || top >= bottom) return [a];
  const parts: Box[] = [
    { x: a.x, y: a.y, width: a.width, height: top - a.y },
    { x: a.x, y: bottom, width: a.width, height: a.y + a.height - bottom },
    { x: a.x, y: top, width: left - a.x, height: bottom - top },
    { x: right, y: top, width: a.x + a.width - right, height: bottom - top },
  ];
  return parts.filter((it) => it.width > 0 && it.height > 0);
}

export function contains(a: Box, b: Box): boolean {
  return b.x >= a.x && b.y >= a.y && b.x + b.width <= a.x + a.width && b.y + b.height <= a.y + a.height;
}

function middle({ x, y, width, height }: Box): { readonly x: number; readonly y: number } {
  return { x: x + width / 2, y: y + height / 2 };
}
