/**
 * How many different pages so many writes hit: what a round of pre-copy has to send again. For `writes` writes that fall
 * evenly on `pages` pages it is pages × (1 − (1 − 1/pages)^writes) on average; computed in fixed point, for powers in
 * floating point differ between engines in the last digit.
 */
import type { Phase } from './profile.ts';
import { workingSet } from './profile.ts';

/** Fixed point: 2^26, so that a product of two stays exact. */
const ONE = 0x400_0000;

/** base^exponent of a number 0 … 1 in fixed point, by squaring. */
function power(base: number, exponent: number): number {
  let result = ONE;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = Math.round((result * square) / ONE);
    square = Math.round((square * square) / ONE);
  }
  return result;
}

/** Expected number of different pages, rounded; 0 … min(pages, writes). */
export function distinctPages(writes: number, pages: number): number {
  if (writes <= 0 || pages <= 0) return 0;
  // Of a large set, 1 − 1/pages has too few digits: pages in groups that are hit as often as one page of a smaller set.
  const scale = Math.max(1, Math.ceil(pages / 65_536));
  const missed = power(ONE - Math.round((ONE * scale) / pages), Math.floor(writes / scale));
  const hit = Math.round((pages * (ONE - missed)) / ONE);
  return Math.min(hit, writes, pages);
}

/** Different pages that a VM in that phase has written after so many writes. */
export function pagesWritten(of: Phase, pageCount: number, writes: number): number {
  const { pages, hotPages } = workingSet(of, pageCount);
  const hotWrites = Math.floor((writes * of.hotWritesPercent) / 100);
  return distinctPages(hotWrites, hotPages) + distinctPages(writes - hotWrites, pages - hotPages);
}
