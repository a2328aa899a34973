// Goal: pages come back as they were kept, slots are used again, the bound and the platform's end are refusals. Method: random keeps and releases over memory.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../core/base/prng.ts';
import { MemoryRegion } from './memory-region.ts';
import { RegionShelf } from './region-shelf.ts';

const page = (value: number) => new Uint8Array(4096).fill(value);

test('pages come back, and released slots are used again within the bound', () => {
  const region = new MemoryRegion();
  const shelf = new RegionShelf(region, 100 * 4096 + 17);
  const random = makePrng({ seed: 1, stream: 0 });
  const kept = new Map<number, number>();
  const into = new Uint8Array(4096);
  for (let step = 0; step < 2000; step++) {
    if (nextBelow(random, 3) < 2) {
      const value = nextBelow(random, 256);
      const slot = shelf.keep(page(value));
      if (kept.size === 100) expect(slot).toBe(-1);
      else {
        expect(slot).toBeGreaterThanOrEqual(0);
        expect(kept.has(slot)).toBe(false);
        kept.set(slot, value);
      }
    } else {
      const [slot] = kept.keys();
      if (slot === undefined) continue;
      shelf.release(slot);
      kept.delete(slot);
    }
    for (const [slot, value] of kept) {
      if (slot % 7 !== step % 7) continue;
      expect(shelf.read(slot, into)).toBe(true);
      expect([into[0], into[4095]]).toEqual([value, value]);
    }
  }
  expect(region.size()).toBeLessThanOrEqual(100 * 4096);
});

test('what an earlier run left is cut off; a full disk is a refusal and stays one', () => {
  const region = new MemoryRegion({ bytes: new Uint8Array(1 << 20) });
  new RegionShelf(region, 1 << 20);
  expect(region.size()).toBe(0);
  const full = new RegionShelf(new MemoryRegion({ roomBytes: 70 * 4096 }), 1 << 30);
  const slots = Array.from({ length: 80 }, () => full.keep(page(1)));
  expect(slots.filter((slot) => slot >= 0)).toHaveLength(64);
  full.release(slots[0]!);
  expect(full.keep(page(2))).toBe(slots[0]);
  expect(full.keep(page(2))).toBe(-1);
});
