// Goal: a region of naturally aligned power-of-two size is what the manual's table of encodings says, at every size.
// Method: every size from two pages to the whole space, at random bases, probed at its edges and beyond.
import { expect, test } from 'vitest';
import { makePrng, nextUint32 } from '../../base/index.ts';
import { accessKind } from '../../memory/index.ts';
import { mayAccess } from './pmp.ts';
import { bareAddress, bareSlot, bareWord, mode, PMPADDR_SLOT } from './registers.ts';

const NAPOT_READ = 0x19;

test('NAPOT regions of every size: inside at both edges, outside next to them', () => {
  const prng = makePrng({ seed: 12, stream: 1 });
  const hart = bareAddress(0);
  const words = new Int32Array((hart >> 2) + 0x400);
  words[bareWord(hart, bareSlot.pmpcfg0)] = NAPOT_READ;
  const inside = (page: number) => mayAccess(words, hart, page, accessKind.load, mode.user);
  for (let bits = 1; bits <= 44; bits++) {
    const size = 2 ** bits;
    for (let round = 0; round < 20; round++) {
      const any = (nextUint32(prng) * 0x1000 + (nextUint32(prng) & 0xfff)) % 2 ** 44;
      const base = Math.floor(any / size) * size;
      // pmpaddr: the base in units of 4 bytes, with ones up to half the region's size.
      const address = BigInt(base) * 1024n + (BigInt(size) * 1024n) / 2n - 1n;
      const word = bareWord(hart, PMPADDR_SLOT);
      words[word] = Number(BigInt.asIntN(32, address));
      words[word + 1] = Number(BigInt.asIntN(32, address >> 32n));
      const last = Math.min(base + size, 2 ** 44) - 1;
      expect([inside(base), inside(last)], `2^${bits} pages at ${base}`).toEqual([true, true]);
      if (base > 0) expect(inside(base - 1)).toBe(false);
      if (last + 1 < 2 ** 44) expect(inside(last + 1)).toBe(false);
    }
  }
});

test('all ones in pmpaddr are the whole space, a zero at the top of the grain is one page', () => {
  const hart = bareAddress(0);
  const words = new Int32Array((hart >> 2) + 0x400);
  words[bareWord(hart, bareSlot.pmpcfg0)] = NAPOT_READ;
  const word = bareWord(hart, PMPADDR_SLOT);
  const inside = (page: number) => mayAccess(words, hart, page, accessKind.load, mode.user);
  words[word] = -1;
  words[word + 1] = 0x3f_ffff; // 54 bits
  expect([0, 1, 0x8_0000, 2 ** 44 - 1].map(inside)).toEqual([true, true, true, true]);
  words[word] = (5 << 10) | 0x1ff;
  words[word + 1] = 0;
  expect([4, 5, 6].map(inside)).toEqual([false, true, false]);
});
