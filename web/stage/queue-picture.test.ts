// Goal: the tank and the river show what the model tells, in place and proportion, and move only with it. Method:
// shared memory laid out by hand, geometry looked at; inverses of the pull handles over their whole range.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FORCED_RING_BITS, SNAPSHOT_WORD_COUNT, snapshotWord } from '../../core/protocol/host-memory-layout.ts';
import type { HostView } from '../session/host-view.ts';
import {
  capOfPart, capPart, diskPipeCapacity, diskPipeHeight, forcedShare, pagesPerTile, placeQueue, readQueue, RIVER_TILES, riverTiles,
} from './queue-picture.ts';

function viewOf(words: Partial<Record<keyof typeof snapshotWord, number>>): HostView {
  const snapshot = new Uint32Array(SNAPSHOT_WORD_COUNT);
  const times = new Float64Array(snapshot.buffer);
  for (const [name, value] of Object.entries(words)) {
    const word = snapshotWord[name as keyof typeof snapshotWord];
    if (name === 'writeFromNs' || name === 'writeToNs') times[word >> 1] = value;
    else snapshot[word] = value;
  }
  return { snapshot } as unknown as HostView;
}

test('a write under way moves the river by its part of the pages, and never past them', () => {
  const view = viewOf({ serial: 1, takenPages: 100, leftPages: 32, writeCount: 20, writeFromNs: 1_000, writeToNs: 2_000 });
  expect(readQueue(view, 500).leftPages).toBe(32);
  expect(readQueue(view, 1_250).leftPages).toBe(37);
  expect(readQueue(view, 9_000).leftPages).toBe(52);
  expect(readQueue(viewOf({ leftPages: 7 }), 9_000).leftPages).toBe(7);
});

test('tiles stand one behind the other, the next page of the disk at the right end, dots where a write forced a copy', () => {
  const ring = new Uint8Array(FORCED_RING_BITS / 8);
  ring[1] = 0b100; // page 10
  const facts = { serial: 1, heldBytes: 0, capBytes: 1, reserveBytes: 0, takenPages: 20, leftPages: 5 };
  const tiles = riverTiles(facts, ring, 5);
  expect(tiles.map(({ forced }) => forced)).toEqual([0, 0.2, 0]);
  const length = RIVER_TILES * 5;
  expect(tiles[0]!.along).toBeCloseTo(1 - 2.5 / length);
  expect(tiles[1]!.along).toBeCloseTo(1 - 7.5 / length);
  // Half a tile later everything has moved by half a tile; a page that has left takes its dot with it.
  const later = riverTiles({ ...facts, leftPages: 7.5 }, ring, 5);
  expect(later[0]!.along - tiles[0]!.along).toBeCloseTo(2.5 / length);
  expect(riverTiles({ ...facts, leftPages: 11 }, ring, 5)[0]!.forced).toBe(0);
  expect(riverTiles({ ...facts, leftPages: 20 }, ring, 5)).toEqual([]);
  expect(riverTiles({ ...facts, takenPages: 10_000 }, ring, 5).length).toBeLessThanOrEqual(RIVER_TILES + 1);
  expect(forcedShare(ring, FORCED_RING_BITS + 9, FORCED_RING_BITS + 11)).toBe(0.5); // the ring has gone round
});

test('a tile stands for a nice number of pages, and does not flicker between two', () => {
  expect(pagesPerTile(0, 1)).toBe(1);
  expect(pagesPerTile(2_000, 1)).toBe(500);
  expect(pagesPerTile(1_700, 500)).toBe(500);
  expect(pagesPerTile(60, 500)).toBe(10);
});

test('fill, reserve and cap line are in proportion; what is fuller than full is full', () => {
  const rect = { x: 100, y: 50, width: 320, height: 140 };
  const places = placeQueue({ rect, k: 1, capBytes: 1_000_000, reserveBytes: 250_000, heldBytes: 500_000, diskBytesPerSecond: 2e8 });
  const bottom = places.tank.y + places.tank.height;
  const capHeight = bottom - places.capY;
  expect(places.fill.height).toBeCloseTo(capHeight / 2);
  expect(places.fill.y + places.fill.height).toBeCloseTo(bottom);
  expect(places.reserve.y).toBe(places.capY);
  expect(places.reserve.height).toBeCloseTo(capHeight / 4);
  expect(places.pipe.x + places.pipe.width).toBe(rect.x + rect.width);
  expect(places.pipe.y + places.pipe.height).toBeLessThan(bottom);
  const over = placeQueue({ rect, k: 1, capBytes: 1_000, reserveBytes: 0, heldBytes: 9_000, diskBytesPerSecond: 1e12 });
  expect(over.fill.y).toBeCloseTo(over.capY);
  expect(over.pipe.y).toBeGreaterThan(rect.y);
});

test('pulling a handle to where a value stands gives that value again', () => {
  fc.assert(fc.property(fc.integer({ min: 65_536, max: 268_435_456 }), (cap) => {
    expect(capOfPart(capPart(cap)) / cap).toBeCloseTo(1, 1);
  }));
  fc.assert(fc.property(fc.integer({ min: 1_000_000, max: 10_000_000_000 }), (rate) => {
    expect(diskPipeCapacity(diskPipeHeight(rate)) / rate).toBeCloseTo(1, 1);
  }));
});
