/** The instruction table: every row of every extension, in the standard's order. */
import { A } from './a.ts';
import { B, ZICOND } from './b.ts';
import { CBO } from './cbo.ts';
import { D, F } from './fd.ts';
import { H } from './h.ts';
import { M } from './m.ts';
import { PRIVILEGED } from './privileged.ts';
import type { Row } from './row.ts';
import { RV64I } from './rv64i.ts';
import { SVINVAL } from './svinval.ts';
import { ZICSR } from './zicsr.ts';
import { ZIFENCEI } from './zifencei.ts';

/** All rows. Masks do not overlap (table.test.ts proves it), so at most one row decodes a word. */
export const INSTRUCTIONS: readonly Row[] = [
  ...RV64I,
  ...ZIFENCEI,
  ...ZICSR,
  ...M,
  ...A,
  ...ZICOND,
  ...CBO,
  ...B,
  ...F,
  ...D,
  ...PRIVILEGED,
  ...H,
  ...SVINVAL,
];

/** Words of `row` differ only in these bits: the complement of its mask. Unsigned 32-bit. */
export function operandBits(row: Row): number {
  return ~row.mask >>> 0;
}

export * from './causes.ts';
export { COMPRESSED, type CompressedRow } from './c.ts';
export { CACHE_BLOCK_SIZE } from './cbo.ts';
export * from './csrs.ts';
export * from './profiles.ts';
export type * from './row.ts';
