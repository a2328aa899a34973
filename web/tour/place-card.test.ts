// Goal: the card never covers what a step shows while there is room beside it, and stays where it stands while that is as
// good. Method: stages like the real ones; random boxes for the cuts of the veil.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Box, contains, disjoint, placeCard } from './place-card.ts';

const bounds: Box = { x: 0, y: 44, width: 1280, height: 620 };
const sizes = [{ width: 360, height: 240, worse: 0 }, { width: 480, height: 190, worse: 2_000 }];
const left: Box = { x: 40, y: 70, width: 410, height: 540 };
const right: Box = { x: 830, y: 70, width: 410, height: 540 };
const link: Box = { x: 450, y: 320, width: 380, height: 140 };
const graph: Box = { x: 0, y: 420, width: 1280, height: 240 };

const overlap = (a: Box, b: Box) =>
  Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y));
const place = (shown: readonly Box[], others: readonly Box[], before?: Box) => placeCard({ bounds, shown, others, sizes, before });

test.each([
  ['both hosts: between them', [left, right], [link]],
  ['one host and the link: over the other host', [left, link], [right]],
  ['the graph and the link: above it', [graph, link], [left, right]],
  ['the graph alone', [graph], [left, right, link]],
  ['both hosts and the link: above the link', [left, right, link], []],
  ['nothing', [], [left, right, link]],
])('%s', (_, shown, others) => {
  const card = place(shown, others);
  expect(contains(bounds, card)).toBe(true);
  expect(shown.map((box) => overlap(card, box))).toEqual(shown.map(() => 0));
  if (shown.length > 0) expect(card).toEqual(place(shown, others)); // the same again
});

test('a small size is taken only where a larger one would cover what is shown', () => {
  const small = { width: 250, height: 100, worse: 60_000 };
  const placed = (shown: readonly Box[]) => placeCard({ bounds, shown, others: [], sizes: [...sizes, small], before: undefined });
  expect(placed([left]).width).toBe(360);
  expect(placed([left, right, link, { x: 0, y: 480, width: 1280, height: 184 }, { x: 450, y: 44, width: 380, height: 130 }])).toMatchObject({ width: 250 });
});

test('without any room it covers as little of what is shown as can be', () => {
  const card = place([bounds], []);
  expect(contains(bounds, card)).toBe(true);
  expect(card.width * card.height).toBe(360 * 240);
});

test('it stays where it stands while that covers nothing shown, and goes away when it does', () => {
  const before = place([left, link], [right]);
  expect(place([left], [right, link], before)).toEqual(before);
  const next = place([right], [left, link], before);
  expect(overlap(next, right)).toBe(0);
});

test('cuts of the veil share no pixel and lose none', () => {
  const box = fc.record({ x: fc.integer({ min: 0, max: 30 }), y: fc.integer({ min: 0, max: 30 }), width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) });
  fc.assert(fc.property(fc.array(box, { maxLength: 6 }), (boxes) => {
    const inside = (it: Box, x: number, y: number) => x >= it.x && y >= it.y && x < it.x + it.width && y < it.y + it.height;
    const parts = disjoint(boxes);
    for (let x = 0; x < 50; x++) {
      for (let y = 0; y < 50; y++) {
        const count = parts.filter((it) => inside(it, x, y)).length;
        if (count !== (boxes.some((it) => inside(it, x, y)) ? 1 : 0)) return false;
      }
    }
    return true;
  }), { numRuns: 40 });
});
