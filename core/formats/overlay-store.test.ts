// Goal: an overlay reads as a plain store would, and leaves the bytes below and pages handed out as they are. Method: random writes and reads against
// MemoryStore; disks of both formats from bytes. Canary: a page that a reader kept is compared after it was written again.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createQcow2, MemoryStore, openDiskBytes, OverlayStore } from './index.ts';

const operation = fc.record({
  writes: fc.boolean(),
  offset: fc.integer({ min: 0, max: 40_000 }),
  count: fc.integer({ min: 0, max: 9_000 }),
  value: fc.integer({ min: 1, max: 255 }),
});

test('reads and writes as a plain store', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20_000 }), fc.array(operation, { maxLength: 20 }), (size, operations) => {
      const base = new Uint8Array(size).map((_, index) => index * 7);
      const below = base.slice();
      const [plain, overlay] = [new MemoryStore({ bytesMax: 1 << 20, bytes: base }), new OverlayStore(base)];
      for (const { writes, offset, count, value } of operations) {
        if (writes) {
          const bytes = new Uint8Array(count).fill(value);
          expect(overlay.write(offset, bytes)).toBe(plain.write(offset, bytes));
        } else {
          const [expected, found] = [new Uint8Array(count), new Uint8Array(count).fill(1)];
          plain.read(offset, expected);
          overlay.read(offset, found);
          expect(Buffer.compare(found, expected)).toBe(0);
        }
        expect(overlay.size()).toBe(plain.size());
      }
      expect(Buffer.compare(overlay.bytes(), plain.bytes())).toBe(0);
      expect(Buffer.compare(base, below)).toBe(0);
    }),
    { seed: 1, numRuns: 60 },
  );
});

test('a page is replaced, never changed', () => {
  const store = new OverlayStore(new Uint8Array(100));
  store.write(10, new Uint8Array([1]));
  const [[, kept] = []] = store.written();
  store.write(10, new Uint8Array([2]));
  expect(kept?.[10]).toBe(1);
  expect(store.written()[0]?.[1][10]).toBe(2);
});

test('disks from bytes: raw and qcow2; a backing file cannot be reached', () => {
  const empty = new MemoryStore({ bytesMax: 1 << 30 });
  createQcow2(empty, { diskBytes: 1 << 20 });
  const [raw, qcow2] = [openDiskBytes(new Uint8Array(5_120), 'raw'), openDiskBytes(empty.bytes(), 'q')];
  if (!raw.ok || !qcow2.ok) throw new Error('both open');
  expect([raw.value.image.byteCount, qcow2.value.image.byteCount]).toEqual([5_120, 1 << 20]);
  expect(qcow2.value.image.write(70_000, new Uint8Array([9])).ok).toBe(true);
  const again = openDiskBytes(qcow2.value.store.bytes(), 'q');
  const byte = new Uint8Array(1);
  expect(again.ok && again.value.image.read(70_000, byte).ok && byte[0]).toBe(9);
  const over = new MemoryStore({ bytesMax: 1 << 30 });
  createQcow2(over, { diskBytes: 1 << 20, backing: { name: 'below.raw', format: 'raw' } });
  const refused = openDiskBytes(over.bytes(), 'disk.qcow2');
  expect(!refused.ok && refused.error).toContain('below.raw');
});
