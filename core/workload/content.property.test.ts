// Goal: generated content is a pure function of id, generation and offset; a sparse content shows and digests the
// same as one that holds every byte. Method: random ranges, writes and rewrites against core/testing/full-content.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FullContent } from '../testing/full-content.ts';
import { contentIdOf, contentOf } from './content.ts';
import { BLOCK_BYTES, SparseContent } from './sparse-content.ts';

test('any range is a window of one content', () => {
  fc.assert(
    fc.property(
      fc.nat(0xffff_ffff),
      fc.integer({ min: 0, max: 2 ** 45 }),
      fc.nat(3000),
      fc.nat(3000),
      (entity, offset, before, length) => {
        const id = contentIdOf(7, 'disk', entity);
        const wide = contentOf(id, offset, before + length);
        expect(contentOf(id, offset + before, length)).toEqual(wide.subarray(before));
      },
    ),
    { numRuns: 150 },
  );
});

test('ids, generations and places have their own bytes, with every value about as often', () => {
  const id = contentIdOf(1, 'disk', 1);
  const one = contentOf(id, 0, 1 << 16);
  const others = [
    contentOf(contentIdOf(1, 'disk', 2), 0, 1 << 16),
    contentOf(contentIdOf(2, 'disk', 1), 0, 1 << 16),
    contentOf(contentIdOf(1, 'memory', 1), 0, 1 << 16),
    contentOf(id, 0, 1 << 16, 1),
    contentOf(id, 1 << 16, 1 << 16),
    contentOf(id, 2 ** 42, 1 << 16),
  ];
  for (const other of others) {
    const same = one.reduce((count, byte, index) => count + (byte === other[index] ? 1 : 0), 0);
    expect(same).toBeGreaterThan(128); // 256 expected, by chance
    expect(same).toBeLessThan(400);
  }
  const counts = new Array<number>(256).fill(0);
  for (const byte of one) counts[byte]! += 1;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 256) ** 2 / 256, 0);
  expect(chiSquare).toBeLessThan(360); // 255 degrees of freedom: 330 is one in a thousand
});

test('the bytes are pinned: a change of them is a change of every run', () => {
  expect([...contentOf(contentIdOf(1, 'disk', 1), 1020, 8)]).toEqual([222, 202, 109, 38, 244, 39, 86, 83]);
});

const action = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), offset: fc.nat(8 * BLOCK_BYTES - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 6000 }) }),
  fc.record({ kind: fc.constant('rewrite' as const), block: fc.nat(7) }),
  fc.record({ kind: fc.constant('digest' as const) }),
);

test('a sparse content cannot be told from a full one', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
      const id = contentIdOf(3, 'volume', 9);
      const sparse = new SparseContent(id, 8 * BLOCK_BYTES);
      const full = new FullContent(id, 8 * BLOCK_BYTES);
      for (const it of actions) {
        if (it.kind === 'digest') expect(sparse.digest()).toBe(full.digest());
        else if (it.kind === 'rewrite') for (const content of [sparse, full]) content.rewrite(it.block);
        else {
          const bytes = it.bytes.subarray(0, 8 * BLOCK_BYTES - it.offset);
          for (const content of [sparse, full]) content.write(it.offset, bytes);
        }
      }
      expect(full.agreesWith(sparse)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('canary: one byte that differs is seen, in the bytes and in the digest', () => {
  const id = contentIdOf(3, 'volume', 9);
  const sparse = new SparseContent(id, 8 * BLOCK_BYTES);
  const full = new FullContent(id, 8 * BLOCK_BYTES);
  const before = full.digest();
  full.write(12_345, new Uint8Array([full.bytes[12_345]! ^ 1]));
  expect(full.digest()).not.toBe(before);
  expect(full.agreesWith(sparse)).toBe(false);
});

test('a terabyte takes no room until it is written', () => {
  const disk = new SparseContent(contentIdOf(1, 'disk', 5), 2 ** 40);
  disk.write(2 ** 39 + 17, new Uint8Array([1, 2, 3]));
  disk.rewrite(12);
  expect(disk.heldBytes()).toBe(BLOCK_BYTES);
  expect([...disk.read(2 ** 39 + 17, 3)]).toEqual([1, 2, 3]);
});
