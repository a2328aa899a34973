// Goal: merged writes leave a volume as the writes did, one after the other. Method: random writes on a small volume, both ways.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeWrites } from './merge-writes.ts';

test('extents leave what the writes left, ascend, and neither overlap nor touch', () => {
  const write = fc.record({ byteOffset: fc.nat(60), bytes: fc.uint8Array({ maxLength: 20 }) });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 20 }), (writes) => {
      const [one, other] = [new Uint8Array(96), new Uint8Array(96)];
      for (const { byteOffset, bytes } of writes) one.set(bytes, byteOffset);
      const extents = mergeWrites(writes);
      for (const { byteOffset, bytes } of extents) other.set(bytes, byteOffset);
      expect(other).toEqual(one);
      let end = -1;
      for (const { byteOffset, bytes } of extents) {
        expect(byteOffset).toBeGreaterThan(end);
        expect(bytes.length).toBeGreaterThan(0);
        end = byteOffset + bytes.length;
      }
    }),
    { seed: 2, numRuns: 500 },
  );
});
