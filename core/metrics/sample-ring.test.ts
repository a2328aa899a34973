// Goal: a reader sees whole rows, in order, none twice, and never one that is being overwritten. Method: property test with a
// writer that goes on between and inside the reads (a proxy of the rows writes while they are copied).
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  appendSample,
  findSampleRow,
  makeSampleRing,
  readSamples,
  rewindSamples,
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

test('a rewound ring gives what was before, less what later rows have overwritten, and goes on', () => {
  const ring = makeSampleRing({ buffer: new ArrayBuffer(sampleRingSize(2, 8)), byteOffset: 0, columns: 2, capacity: 8 });
  for (let row = 0; row < 20; row++) appendSample(ring, row, [row * 10]);
  rewindSamples(ring, 15);
  // Rows 13 and 14 are whole: 7 … 12 lie where 15 … 19 and the row to come were.
  expect(readSamples(ring, 0)).toMatchObject({ first: 13, next: 15 });
  expect([...readSamples(ring, 0).values]).toEqual([13, 130, 14, 140]);
  appendSample(ring, 15, [151]);
  expect([...readSamples(ring, 0).values]).toEqual([13, 130, 14, 140, 15, 151]);
  rewindSamples(ring, 5);
  expect(readSamples(ring, 0)).toMatchObject({ first: 5, next: 5 });
  for (let row = 5; row < 30; row++) appendSample(ring, row, [row]);
  expect(readSamples(ring, 0)).toMatchObject({ first: 23, next: 30 });
  expect(() => rewindSamples(ring, 31)).toThrow('rows that were written');
});

test('the first row of a time is found among those that are whole, also after a rewind', () => {
  const ring = freshRing(2, 8);
  expect(findSampleRow(ring, 0)).toBe(0);
  for (let row = 0; row < 20; row++) appendSample(ring, row * 10, [row]);
  expect([0, 125, 130, 131, 190, 191].map((timeNs) => findSampleRow(ring, timeNs))).toEqual([13, 13, 13, 14, 19, 20]);
  rewindSamples(ring, 15);
  expect([100, 140, 141].map((timeNs) => findSampleRow(ring, timeNs))).toEqual([13, 14, 15]);
});
