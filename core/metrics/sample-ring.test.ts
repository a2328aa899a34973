// Goal: a reader sees whole rows, in order, none twice, and never one that is being overwritten. Method: property test with a
// writer that goes on between and inside the reads (a proxy of the rows writes while they are copied).
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  appendSample,
  makeSampleRing,
  readSamples,
  sampleCount,
  sampleRingOver,
  sampleRingSize,
} from './sample-ring.ts';

function freshRing(columns: number, capacity: number) {
  const buffer = new SharedArrayBuffer(8 + sampleRingSize(columns, capacity));
  return makeSampleRing({ buffer, byteOffset: 8, columns, capacity });
}

test('rows come in order; what fell out of the ring is skipped', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 9 }),
      fc.array(fc.tuple(fc.nat(25), fc.nat(12))),
      (capacity, steps) => {
        const ring = freshRing(3, capacity);
        const reader = sampleRingOver(ring.header.buffer, ring.header.byteOffset);
        let from = 0;
        for (const [writeCount, readMax] of steps) {
          for (let index = 0; index < writeCount; index++) {
            const row = sampleCount(ring);
            appendSample(ring, row * 10, [row + 1, -row]);
          }
          const range = readSamples(reader, from, readMax);
          expect(range.first).toBe(Math.max(from, sampleCount(ring) - capacity + 1, 0));
          expect(range.values.length).toBe((range.next - range.first) * 3);
          for (let row = range.first; row < range.next; row++) {
            const at = (row - range.first) * 3;
            expect([...range.values.subarray(at, at + 3)]).toEqual([row * 10, row + 1, row === 0 ? -0 : -row]);
          }
          from = range.next;
        }
      },
    ),
  );
});

test('rows overwritten while they are read are dropped', () => {
  const ring = freshRing(2, 8);
  const write = () => appendSample(ring, sampleCount(ring), [sampleCount(ring)]);
  for (let index = 0; index < 8; index++) write();
  let slices = 0;
  const racing = {
    ...ring,
    rows: new Proxy(ring.rows, {
      get(rows, name) {
        if (name !== 'subarray') return Reflect.get(rows, name);
        return (start: number, end: number) => {
          if (++slices === 3) for (let index = 0; index < 5; index++) write();
          return rows.subarray(start, end);
        };
      },
    }),
  };
  const range = readSamples(racing, 0);
  expect(range.next).toBe(8);
  expect(range.first).toBe(13 - 8 + 1);
  expect([...range.values]).toEqual([6, 6, 7, 7]);
});

test('memory without a ring is refused', () => {
  expect(() => sampleRingOver(new ArrayBuffer(64), 0)).toThrow('magic');
  expect(() => appendSample(freshRing(3, 4), 0, [1])).toThrow('each column');
});
