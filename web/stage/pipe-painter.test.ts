// Goal: tiles move exactly as far as the run did, or fade where they stand when motion is not wanted. Method: progress in
// small steps; places and sums of what is seen.
import { expect, test } from 'vitest';
import { pagesPerTile, tilePlaces } from './pipe-painter.ts';

test('tiles move with the progress and hand their places on', () => {
  const at = (progress: number) => tilePlaces(3, progress, false).map(({ along }) => along);
  expect(at(7)).toEqual([0.5, 1.5, 2.5].map((place) => place / 4));
  expect(at(7.5)).toEqual([1, 2, 3].map((place) => place / 4));
  expect(at(8)).toEqual(at(7));
  expect(tilePlaces(0, 3, false)).toEqual([]);
});

test('with reduced motion no tile ever moves, and as much is seen as would have moved', () => {
  const places = new Set<number>();
  for (let progress = 0; progress < 3; progress += 0.07) {
    const tiles = tilePlaces(4, progress, true);
    for (const { along } of tiles) places.add(along);
    expect(tiles.reduce((sum, { alpha }) => sum + alpha, 0)).toBeCloseTo(4);
  }
  expect([...places].sort()).toEqual([0.1, 0.3, 0.5, 0.7, 0.9]);
});

test('a tile keeps its number of pages while that still serves', () => {
  expect(pagesPerTile(100, 10)).toBe(10);
  expect(pagesPerTile(2_000, 10)).toBeGreaterThan(10);
});
