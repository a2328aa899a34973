// Goal: hashRange is XXH64 and isZero finds any byte. Method: published digests, and a second XXH64
// in BigInt over random lengths and contents; for isZero, one byte set at every place.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32 } from '../base/prng.ts';
import { makeHash, hashHex, hashUint32 } from '../base/hash.ts';
import { makeFlatMachine } from '../testing/flat-machine.ts';

const machine = makeFlatMachine({ frameCount: 2, fillsTlb: true });
const base = machine.ramAddress;
const mask = (1n << 64n) - 1n;
const P = [
  0n,
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;
const rotate = (value: bigint, by: bigint) => ((value << by) | (value >> (64n - by))) & mask;
const round = (lane: bigint, word: bigint) =>
  (rotate((lane + word * P[2]) & mask, 31n) * P[1]) & mask;

/** XXH64 with seed 0, from the specification, on plain bytes. */
function xxh64(bytes: Uint8Array): bigint {
  const read = (at: number, count: number) => {
    let value = 0n;
    for (let index = count - 1; index >= 0; index--)
      value = (value << 8n) | BigInt(bytes[at + index]!);
    return value;
  };
  let at = 0;
  let hash: bigint = P[5];
  if (bytes.length >= 32) {
    const lanes = [(P[1] + P[2]) & mask, P[2], 0n, -P[1] & mask];
    for (; at + 32 <= bytes.length; at += 32)
      for (let k = 0; k < 4; k++) lanes[k] = round(lanes[k]!, read(at + 8 * k, 8));
    hash = [1n, 7n, 12n, 18n].reduce((sum, by, k) => (sum + rotate(lanes[k]!, by)) & mask, 0n);
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P[1] + P[4]) & mask;
  }
  hash = (hash + BigInt(bytes.length)) & mask;
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, read(at, 8)), 27n) * P[1] + P[4]) & mask;
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((read(at, 4) * P[1]) & mask), 23n) * P[2] + P[3]) & mask;
    at += 4;
  }
  for (; at < bytes.length; at++)
    hash = (rotate(hash ^ ((read(at, 1) * P[5]) & mask), 11n) * P[1]) & mask;
  hash = ((hash ^ (hash >> 33n)) * P[2]) & mask;
  hash = ((hash ^ (hash >> 29n)) * P[3]) & mask;
  return hash ^ (hash >> 32n);
}

function mixed(digest: bigint): string {
  const hash = makeHash();
  hashUint32(hash, Number(digest & 0xffff_ffffn));
  hashUint32(hash, Number(digest >> 32n));
  return hashHex(hash);
}

function compiledHash(bytes: Uint8Array): string {
  machine.bytes.set(bytes, base);
  const hash = makeHash();
  machine.compiled.hashRange(base, bytes.length, hash);
  return hashHex(hash);
}

test.each([
  ['', 0xef46db3751d8e999n],
  ['a', 0xd24ec4f1a98c6e5bn],
  ['abc', 0x44bc2cf5ad770999n],
  ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
])('the digest of "%s" is the published one', (text, digest) => {
  const bytes = new TextEncoder().encode(text);
  expect(xxh64(bytes)).toBe(digest);
  expect(compiledHash(bytes)).toBe(mixed(digest));
});

test('random contents of every length up to 100 and of a page', () => {
  const prng = makePrng({ seed: 7, stream: 1 });
  const lengths = [...Array.from({ length: 101 }, (_, length) => length), 4096, 4099];
  for (const length of lengths) {
    const bytes = Uint8Array.from({ length }, () => nextUint32(prng) & 0xff);
    expect(compiledHash(bytes), `length ${length}`).toBe(mixed(xxh64(bytes)));
  }
});

test('isZero finds one byte anywhere and looks no further than its range', () => {
  machine.bytes.fill(0, base, base + 4096);
  const prng = makePrng({ seed: 8, stream: 1 });
  for (let at = 0; at < 200; at++) {
    machine.bytes[base + at] = 1 + nextBelow(prng, 255);
    expect(machine.compiled.isZero(base, 200)).toBe(false);
    expect(machine.compiled.isZero(base, at)).toBe(true);
    expect(machine.compiled.isZero(base + at + 1, 199 - at)).toBe(true);
    machine.bytes[base + at] = 0;
  }
  expect(machine.compiled.isZero(base, 4096)).toBe(true);
});
