/**
 * Cache-block operations: Zicbom (inval, clean, flush) and Zicboz (zero) (Unprivileged ISA
 * 20240411, chapter 19). Blocks have 64 bytes. Memory is coherent, so managing a block checks that
 * the access is permitted and changes no byte. Left out: the prefetch hints of Zicbop, which are
 * ORI encodings without effect.
 */
import { system } from './expression.ts';
import type { Row } from './row.ts';

/** Bytes of a cache block. */
export const CACHE_BLOCK_SIZE = 64;

// biome-ignore format: a row a line
export const CBO = [
  { name: 'cbo.inval', extension: 'Zicbom', format: 'cacheBlock', match: 0x0000200f, mask: 0xfff07fff, effect: system('cacheBlockInvalidate'), section: 'Unprivileged 20240411 §19.3' },
  { name: 'cbo.clean', extension: 'Zicbom', format: 'cacheBlock', match: 0x0010200f, mask: 0xfff07fff, effect: system('cacheBlockClean'),      section: 'Unprivileged 20240411 §19.3' },
  { name: 'cbo.flush', extension: 'Zicbom', format: 'cacheBlock', match: 0x0020200f, mask: 0xfff07fff, effect: system('cacheBlockFlush'),      section: 'Unprivileged 20240411 §19.3' },
  { name: 'cbo.zero',  extension: 'Zicboz', format: 'cacheBlock', match: 0x0040200f, mask: 0xfff07fff, effect: system('cacheBlockZero'),       section: 'Unprivileged 20240411 §19.4' },
] as const satisfies readonly Row[];
