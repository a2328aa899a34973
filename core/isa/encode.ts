/**
 * From a row and operands to the instruction word: the inverse of decode.ts (the bit pictures stand
 * there).
 */
import { assert } from '../base/index.ts';
import type { Operands } from './decode.ts';
import type { Format, Row } from './table/row.ts';

/** What an immediate of a format may be: bounds, both inclusive, and the multiple it must be of. */
export interface ImmediateRange {
  readonly minimum: number;
  readonly maximum: number;
  readonly multiple: number;
}

/**
 * Range of the immediate as {@link Operands} holds it (U: with its low 12 bits clear). Undefined
 * for a format without one.
 */
// biome-ignore format: a row a line
export const IMMEDIATE_RANGES: Readonly<Partial<Record<Format, ImmediateRange>>> = {
  I:            { minimum: -2048,          maximum: 2047,          multiple: 1 },
  S:            { minimum: -2048,          maximum: 2047,          multiple: 1 },
  B:            { minimum: -4096,          maximum: 4094,          multiple: 2 },
  U:            { minimum: -2_147_483_648, maximum: 2_147_479_552, multiple: 4096 },
  J:            { minimum: -1_048_576,     maximum: 1_048_574,     multiple: 2 },
  shift64:      { minimum: 0,              maximum: 63,            multiple: 1 },
  shift32:      { minimum: 0,              maximum: 31,            multiple: 1 },
  csrImmediate: { minimum: 0,              maximum: 31,            multiple: 1 },
  fence:        { minimum: 0,              maximum: 0xfff,         multiple: 1 },
};

/**
 * The bits of `immediate` at their places in a word of `format`. The caller has checked the range.
 */
export function immediateBits(format: Format, immediate: number): number {
  const i = immediate;
  switch (format) {
    case 'I':
    case 'shift64':
    case 'shift32':
    case 'fence':
      return i << 20;
    case 'S':
      return ((i & 0xfe0) << 20) | ((i & 0x1f) << 7);
    case 'B':
      return ((i & 0x1000) << 19) | ((i & 0x7e0) << 20) | ((i & 0x1e) << 7) | ((i & 0x800) >> 4);
    case 'U':
      return i & ~0xfff;
    case 'J':
      return ((i & 0x100000) << 11) | ((i & 0x7fe) << 20) | ((i & 0x800) << 9) | (i & 0xff000);
    case 'csrImmediate':
      return i << 15;
    default:
      return 0;
  }
}

/**
 * The word of `row` with `operands` (absent ones are 0). Operands that the row fixes or has no
 * field for are ignored. Unsigned 32-bit. Asserts that the immediate is in its format's range.
 */
export function encode(row: Row, operands: Partial<Operands>): number {
  const immediate = operands.immediate ?? operands.shamt ?? 0;
  const range = IMMEDIATE_RANGES[row.format];
  if (range !== undefined) {
    const { minimum, maximum, multiple } = range;
    const fits = immediate >= minimum && immediate <= maximum && immediate % multiple === 0;
    assert(fits, `${row.name}: immediate ${immediate} is a multiple of ${multiple} in its range`);
  }
  const { rd = 0, rs1 = 0, rs2 = 0, rs3 = 0, rm = 0, csr = 0, aq = 0, rl = 0 } = operands;
  let bits = immediateBits(row.format, immediate);
  switch (row.format) {
    case 'R':
      bits |= (rd << 7) | (rs1 << 15) | (rs2 << 20);
      break;
    case 'atomic':
      bits |= (rd << 7) | (rs1 << 15) | (rs2 << 20) | (aq << 26) | (rl << 25);
      break;
    case 'I':
    case 'shift64':
    case 'shift32':
    case 'unary':
    case 'guestLoad':
      bits |= (rd << 7) | (rs1 << 15);
      break;
    case 'floatR':
    case 'floatUnary':
    case 'float4':
      assert(rm !== 5 && rm !== 6, `${row.name}: rounding modes 5 and 6 are reserved`);
      bits |= (rd << 7) | (rm << 12) | (rs1 << 15) | (rs2 << 20) | (rs3 << 27);
      break;
    case 'cacheBlock':
      bits |= rs1 << 15;
      break;
    case 'S':
    case 'B':
    case 'guestStore':
      bits |= (rs1 << 15) | (rs2 << 20);
      break;
    case 'U':
    case 'J':
      bits |= rd << 7;
      break;
    case 'csr':
      bits |= (rd << 7) | (rs1 << 15) | (csr << 20);
      break;
    case 'csrImmediate':
      bits |= (rd << 7) | (csr << 20);
      break;
    default:
      break;
  }
  return ((bits & ~row.mask) | row.match) >>> 0;
}
