// Goal: pages come back as they were kept, chunks are used again, the bound and the platform's end are refusals, and calls are few. Method: random keeps and releases over memory.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../core/base/prng.ts';
import { MemoryRegion } from './memory-region.ts';
import { RegionShelf } from './region-shelf.ts';

const page = (value: number) => new Uint8Array(4096).fill(value);

test('pages come back, and chunks that have become empty are used again within the bound', () => {
  const region = new MemoryRegion();
  const shelf = new RegionShelf(region, 3 * 256 * 4096 + 17);
  const random = makePrng({ seed: 1, stream: 0 });
  const kept = new Map<number, number>();
  const into = new Uint8Array(4096);
  let refused = 0;
  let again = 0;
  for (let step = 0; step < 6000; step++) {
    if (nextBelow(random, 100) < 60) {
      const value = nextBelow(random, 256);
      const slot = shelf.keep(page(value));
      if (slot < 0) {
        refused++;
        expect(kept.size).toBeGreaterThanOrEqual(256);
      } else {
        expect(kept.has(slot)).toBe(false);
        expect(slot).toBeLessThan(3 * 256);
        if (refused > 0) again++;
        kept.set(slot, value);
      }
    } else {
      // Old checkpoints go first, as a rule.
      const slots = [...kept.keys()];
      const slot = slots[nextBelow(random, Math.max(1, Math.min(8, slots.length)))];
      if (slot === undefined) continue;
      shelf.release(slot);
      kept.delete(slot);
    }
    if (step % 16 !== 0) continue;
    for (const [slot, value] of kept) {
      if (slot % 37 !== (step >> 4) % 37) continue;
      expect(shelf.read(slot, into)).toBe(true);
      expect([into[0], into[4095]]).toEqual([value, value]);
    }
  }
  expect(refused).toBeGreaterThan(0);
  expect(again).toBeGreaterThan(256);
  expect(region.size()).toBeLessThanOrEqual(3 * 256 * 4096);
});

test('what an earlier run left is cut off; a full disk loses no page that was taken, and takes no more', () => {
  const region = new MemoryRegion({ bytes: new Uint8Array(1 << 20) });
  new RegionShelf(region, 1 << 20);
  expect(region.size()).toBe(0);
  const full = new RegionShelf(new MemoryRegion({ roomBytes: 300 * 4096 }), 1 << 30);
  const slots = Array.from({ length: 600 }, (_, index) => full.keep(page(index & 0xff)));
  expect(slots.filter((slot) => slot >= 0)).toHaveLength(512);
  const into = new Uint8Array(4096);
  for (const [index, slot] of slots.entries()) {
    if (slot < 0) continue;
    expect(full.read(slot, into)).toBe(true);
    expect(into[9]).toBe(index & 0xff);
  }
});

test('a thousand pages are four calls of the platform, and reading them back in order four more', () => {
  const region = new MemoryRegion();
  let calls = 0;
  const counted = {
    size: () => region.size(), flush: () => region.flush(), truncate: (bytes: number) => region.truncate(bytes), close: () => region.close(),
    read: (at: number, into: Uint8Array) => { calls++; return region.read(at, into); },
    write: (at: number, bytes: Uint8Array) => { calls++; return region.write(at, bytes); },
  };
  const shelf = new RegionShelf(counted, 1 << 30);
  const slots = Array.from({ length: 1024 }, (_, index) => shelf.keep(page(index & 0xff)));
  expect(calls).toBe(4);
  const into = new Uint8Array(4096);
  for (const slot of slots) shelf.read(slot, into);
  expect(calls).toBe(8);
});
