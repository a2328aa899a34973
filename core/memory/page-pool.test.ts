// Goal: copies keep their bytes through any order of keeping, releasing and putting away, and memory that holds no copy is given back.
// Method: random actions against a map; a shelf that takes everything.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PagePool, ZERO_COPY } from './page-pool.ts';

const PAGE = 4096;
const SLAB = 64 * PAGE;

function pageOf(value: number): Uint8Array {
  return new Uint8Array(PAGE).fill(value);
}

function shelf() {
  const kept = new Map<number, Uint8Array>();
  let next = 0;
  return {
    keep: (bytes: Uint8Array) => {
      kept.set(next, bytes.slice());
      return next++;
    },
    read: (slot: number, into: Uint8Array) => {
      const found = kept.get(slot);
      if (found !== undefined) into.set(found);
      return found !== undefined;
    },
    release: (slot: number) => void kept.delete(slot),
  };
}

test('copies keep their bytes, whatever is released and put away in between', () => {
  const action = fc.record({ kind: fc.constantFrom('keep', 'keep', 'release', 'put'), value: fc.integer({ min: 0, max: 255 }) });
  fc.assert(fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
    const pool = new PagePool(shelf());
    let copies: { readonly name: number; readonly value: number }[] = [];
    for (const { kind, value } of actions) {
      const at = value % Math.max(1, copies.length);
      const found = copies[at];
      if (kind === 'keep') copies.push({ name: pool.keep(pageOf(value)), value });
      else if (found !== undefined && kind === 'release') {
        pool.release(found.name);
        copies = copies.filter((_, index) => index !== at);
      } else if (found !== undefined) copies[at] = { name: pool.putAway(found.name), value: found.value };
    }
    for (const { name, value } of copies) {
      if (name === ZERO_COPY) expect(value).toBe(0);
      else expect([pool.read(name)[0], pool.read(name)[PAGE - 1]]).toEqual([value, value]);
    }
    expect(pool.byteCount()).toBe(copies.filter(({ name }) => name > 0).length * PAGE);
    expect(pool.slabByteCount()).toBeGreaterThanOrEqual(pool.byteCount());
    for (const { name } of copies) pool.release(name);
    expect([pool.byteCount(), pool.slabByteCount(), pool.shelvedByteCount()]).toEqual([0, 0, 0]);
  }), { numRuns: 100 });
});

test('what went to the shelf leaves no memory behind', () => {
  const pool = new PagePool(shelf());
  const names = Array.from({ length: 1_000 }, (_, index) => pool.keep(pageOf(1 + (index % 200))));
  expect(pool.slabByteCount()).toBe(16 * SLAB);
  const away = names.map((name) => pool.putAway(name));
  expect([pool.slabByteCount(), pool.shelvedByteCount()]).toEqual([0, 1_000 * PAGE]);
  expect(pool.read(away[999]!)[0]).toBe(1 + (999 % 200));
  pool.keep(pageOf(7));
  expect(pool.slabByteCount()).toBe(SLAB);
});
