// Goal: what goes in comes out, in order and whole, at every wrap. Method: property test against a plain list; counters start near 2^32.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteRingOver, byteRingSize, pushRecord, recordLengthMax, takeRecord } from './byte-ring.ts';

function bytesOf(length: number, start: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (start + index) & 0xff);
}

test('records of any length come out in order, over shared and plain memory, across the counters’ wrap', () => {
  const step = fc.record({ push: fc.boolean(), head: fc.nat(24), body: fc.nat(300) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.boolean(),
      fc.nat(64),
      (steps, shared, before) => {
        const capacity = 512;
        const size = byteRingSize(capacity);
        const buffer = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
        const ring = byteRingOver({ buffer, byteOffset: 0, capacity });
        ring.words[0] = -before * 4;
        ring.words[1] = -before * 4;
        const expected: Uint8Array[] = [];
        let usedBytes = 0;
        for (const [number, { push, head, body }] of steps.entries()) {
          if (push) {
            const record = bytesOf(head + body, number);
            const size = 4 + Math.ceil((head + body) / 4) * 4;
            const pushed = pushRecord(ring, record.subarray(0, head), record.subarray(head));
            expect(pushed).toBe(usedBytes + size <= capacity);
            if (!pushed) continue;
            expected.push(record);
            usedBytes += size;
          } else {
            const record = takeRecord(ring);
            expect(record).toEqual(expected.shift());
            if (record !== undefined) usedBytes -= 4 + Math.ceil(record.length / 4) * 4;
          }
        }
        for (const record of expected) expect(takeRecord(ring)).toEqual(record);
        expect(takeRecord(ring)).toBeUndefined();
      },
    ),
  );
});

test('a record that can never fit is a programmer error, one that fills the ring is not', () => {
  const capacity = 64;
  const ring = byteRingOver({ buffer: new ArrayBuffer(byteRingSize(capacity)), byteOffset: 0, capacity });
  const nothing = new Uint8Array(0);
  expect(recordLengthMax(ring)).toBe(60);
  expect(pushRecord(ring, bytesOf(60, 1), nothing)).toBe(true);
  expect(pushRecord(ring, nothing, nothing)).toBe(false);
  expect(takeRecord(ring)).toEqual(bytesOf(60, 1));
  expect(() => pushRecord(ring, bytesOf(61, 1), nothing)).toThrow('fits its ring');
});
