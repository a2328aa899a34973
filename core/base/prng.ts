/**
 * xorshift128 (Marsaglia 2003, "Xorshift RNGs") seeded through splitmix32: the one source of chance in
 * the model. State is a plain record so that it can be saved, hashed and forked.
 */

import { assert } from './assert.ts';

/** State of a generator: four 32-bit words, not all zero. */
export interface Prng {
  a: number;
  b: number;
  c: number;
  d: number;
}

function splitmix32(state: { value: number }): number {
  state.value = (state.value + 0x9e3779b9) | 0;
  let z = state.value;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** A generator for `seed` and an independent `stream` (an entity's id), both 32-bit. */
export function makePrng(options: { readonly seed: number; readonly stream: number }): Prng {
  const state = { value: (options.seed ^ Math.imul(options.stream + 1, 0x85ebca6b)) | 0 };
  const prng = {
    a: splitmix32(state),
    b: splitmix32(state),
    c: splitmix32(state),
    d: splitmix32(state),
  };
  if ((prng.a | prng.b | prng.c | prng.d) === 0) prng.a = 1;
  return prng;
}

/** The next 32 bits, 0 … 2^32 − 1. */
export function nextUint32(prng: Prng): number {
  let t = prng.d;
  const s = prng.a;
  prng.d = prng.c;
  prng.c = prng.b;
  prng.b = s;
  t ^= t << 11;
  t ^= t >>> 8;
  prng.a = (t ^ s ^ (s >>> 19)) >>> 0;
  return prng.a;
}

/** An integer 0 … bound − 1, without modulo bias. `bound` 1 … 2^32. */
export function nextBelow(prng: Prng, bound: number): number {
  assert(bound >= 1 && bound <= 0x1_0000_0000, 'a bound of 1 … 2^32');
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
  for (;;) {
    const value = nextUint32(prng);
    if (value < limit) return value % bound;
  }
}
