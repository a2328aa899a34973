// Goal: an update set comes back as it was written, and nothing that is not one is taken, whatever the bytes.
// Method: random sets there and back; every byte of a frame spoiled, heads that lie with a right check, bombs.
import { deflateSync } from 'fflate';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from '../base/crc32c.ts';
import { decodeUpdateSet, encodeUpdateSet, RAW_BYTES_MAX, readUpdateSetHead, type UpdateSet, updateSetErrorSentence } from './update-set.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const extents = fc
  .array(fc.record({ gap: fc.integer({ min: 0, max: 1 << 20 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) }), { maxLength: 12 })
  .map((list) => {
    let end = 0;
    return list.map(({ gap, bytes }) => {
      const byteOffset = end + gap;
      end = byteOffset + bytes.length;
      return { byteOffset, bytes };
    });
  });
const sets: fc.Arbitrary<UpdateSet> = fc.record({
  workload: u32,
  term: u32,
  base: fc.integer({ min: 0, max: 1000 }),
  sequence: fc.integer({ min: 1001, max: 0xffff_ffff }),
  sealedAtNs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  digest: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((it) => Array.from(it, (byte) => byte.toString(16).padStart(2, '0')).join('')),
  resync: fc.boolean(),
  extents,
});

/** A frame with some bytes changed and the check made right again. */
function forged(frame: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  change(view);
  view.setUint32(copy.length - 4, crc32c(copy.subarray(0, copy.length - 4)), true);
  return copy;
}

const sample: UpdateSet = {
  workload: 3, term: 2, base: 4, sequence: 5, sealedAtNs: 1_000_000_007, digest: '0123456789abcdef', resync: false,
  extents: [{ byteOffset: 4096, bytes: new Uint8Array(64).fill(7) }, { byteOffset: 8192, bytes: Uint8Array.from({ length: 64 }, (_, it) => it * 37) }],
};

test('any set comes back as it was', () => {
  fc.assert(
    fc.property(sets, (set) => {
      const read = decodeUpdateSet(encodeUpdateSet(set));
      expect(read.ok && { ...read.value, extents: read.value.extents.map((it) => ({ ...it, bytes: it.bytes.slice() })) }).toEqual(set);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('a byte changed, cut off or added anywhere is noticed', () => {
  const frame = encodeUpdateSet(sample);
  for (let index = 0; index < frame.length; index++) {
    const spoiled = frame.slice();
    spoiled[index]! ^= 1 << (index & 7);
    expect(decodeUpdateSet(spoiled).ok, `byte ${index}`).toBe(false);
    expect(decodeUpdateSet(frame.subarray(0, index)).ok, `the first ${index} bytes`).toBe(false);
  }
  expect(decodeUpdateSet(Uint8Array.of(...frame, 0)).ok).toBe(false);
});

test('any bytes at all give a set or a sentence, never an exception', () => {
  const check = (bytes: Uint8Array) => {
    const read = decodeUpdateSet(bytes);
    if (!read.ok) expect(updateSetErrorSentence(read.error)).toMatch(/^.{10,}[^.]$/);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { seed: 6, numRuns: 300 });
  const changes = fc.array(fc.tuple(fc.nat(51), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(sets, changes, (set, list) => check(forged(encodeUpdateSet(set), (view) => {
      for (const [at, byte] of list) view.setUint8(at, byte);
    }))),
    { seed: 7, numRuns: 500 },
  );
});

test.each([
  ['extents that overlap', (view: DataView) => view.setUint32(64, 4100, true), 'bad-extent'],
  ['an empty extent', (view: DataView) => view.setUint32(60, 0, true), 'bad-extent'],
  ['an extent beyond 2^53', (view: DataView) => view.setUint32(56, 0xffff_ffff, true), 'bad-extent'],
  ['fewer raw bytes than extents', (view: DataView) => view.setUint32(44, 100, true), 'bad-payload'],
  ['more raw bytes than may be', (view: DataView) => view.setUint32(44, RAW_BYTES_MAX + 1, true), 'too-large'],
  ['a million extents', (view: DataView) => view.setUint32(40, 1_000_000, true), 'too-large'],
  ['a sequence not above its base', (view: DataView) => view.setUint32(16, 5, true), 'bad-sequence'],
  ['another version', (view: DataView) => view.setUint8(4, 2), 'bad-version'],
  ['flags nobody knows', (view: DataView) => view.setUint8(7, 1), 'bad-flags'],
])('a head that lies with a right check: %s', (_, change, kind) => {
  const read = decodeUpdateSet(forged(encodeUpdateSet(sample), change));
  expect(read.ok ? '' : read.error.kind).toBe(kind);
});

test('a payload that inflates to more than it said is refused without the room for it', () => {
  const bomb = deflateSync(new Uint8Array(8 << 20));
  const frame = encodeUpdateSet({ ...sample, extents: [{ byteOffset: 0, bytes: new Uint8Array(bomb.length * 3) }] });
  const head = frame.slice(0, 64);
  const view = new DataView(head.buffer);
  view.setUint32(48, bomb.length, true);
  const forgedFrame = forged(Uint8Array.of(...head, ...bomb, 0, 0, 0, 0), () => {});
  const read = decodeUpdateSet(forgedFrame);
  expect(readUpdateSetHead(forgedFrame).ok).toBe(true);
  expect(read.ok ? '' : read.error.kind).toBe('bad-payload');
});
