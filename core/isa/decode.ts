/**
 * From an instruction word to its row and operands. The decision structure is built from the table:
 * one bucket for each value of bits 6..2 (major opcode) and 14..12 (funct3), and inside it a short
 * list. Words whose low bits are not 11 begin with a 16-bit encoding (see compressed.ts).
 *
 *    31        25 24   20 19   15 14  12 11          7 6      0
 *   |  funct7    |  rs2  |  rs1  |funct3|     rd      | opcode |  R
 *   |      imm[11:0]     |  rs1  |funct3|     rd      | opcode |  I
 *   | imm[11:5]  |  rs2  |  rs1  |funct3|  imm[4:0]   | opcode |  S
 *   |imm[12|10:5]|  rs2  |  rs1  |funct3|imm[4:1|11]  | opcode |  B
 *   |            imm[31:12]             |     rd      | opcode |  U
 *   |      imm[20|10:1|11|19:12]        |     rd      | opcode |  J
 *   (Unprivileged 20240411 §2.2, §2.3)
 */
import { INSTRUCTIONS } from './table/index.ts';
import type { Format, Row } from './table/row.ts';

/** Operands of an instruction. Fields that the row's format lacks are 0. */
export interface Operands {
  readonly rd: number; //        0 … 31
  readonly rs1: number; //       0 … 31
  readonly rs2: number; //       0 … 31
  /**
   * Sign-extended, fits in i32. Shifts: the amount. csrImmediate: the 5-bit zero-extended value.
   * fence: fm, pred, succ.
   */
  readonly immediate: number;
  readonly csr: number; //       12 bits
  readonly shamt: number; //     0 … 63
  readonly aq: number; //        0 or 1
  readonly rl: number; //        0 or 1
  readonly rs3: number; //       0 … 31
  readonly rm: number; //        rounding mode, 0 … 7
}

const bucketOf = (word: number): number => ((word >>> 2) & 0x1f) | (((word >>> 12) & 7) << 5);

/** Rows by opcode and funct3; a row whose mask leaves funct3 open stands in all eight buckets. */
export function buildBuckets(rows: readonly Row[]): readonly (readonly Row[])[] {
  const buckets: Row[][] = Array.from({ length: 256 }, () => []);
  for (let bucket = 0; bucket < 256; bucket++) {
    const word = 3 | ((bucket & 0x1f) << 2) | ((bucket >>> 5) << 12);
    for (const row of rows) {
      if (((word ^ row.match) & row.mask & 0x707f) === 0) buckets[bucket]!.push(row);
    }
  }
  return buckets;
}

const BUCKETS = buildBuckets(INSTRUCTIONS);

/**
 * The row of instruction word `word` (any 32-bit number, signed or not), or undefined when it is
 * illegal.
 */
export function decode(word: number): Row | undefined {
  return decodeIn(BUCKETS, word);
}

/** The same by other buckets. */
export function decodeIn(buckets: readonly (readonly Row[])[], word: number): Row | undefined {
  if ((word & 3) !== 3) return undefined;
  for (const row of buckets[bucketOf(word)]!) {
    if ((word & row.mask) >>> 0 === row.match) return hasLegalRounding(row, word) ? row : undefined;
  }
  return undefined;
}

/** Whether a row's words name a rounding mode in bits 14 … 12 (Unprivileged 20240411 §21.2). */
export function hasRounding(row: Row): boolean {
  return row.format === 'floatR' || row.format === 'floatUnary' || row.format === 'float4';
}

/** Rounding modes 5 and 6 are reserved; 7 asks frm. */
function hasLegalRounding(row: Row, word: number): boolean {
  const mode = (word >>> 12) & 7;
  return !hasRounding(row) || (mode !== 5 && mode !== 6);
}

/** The immediate of `word` read in `format`: sign-extended, an i32; 0 for formats without one. */
export function immediateOf(format: Format, word: number): number {
  switch (format) {
    case 'I':
      return word >> 20;
    case 'S':
      return ((word >> 25) << 5) | ((word >>> 7) & 0x1f);
    case 'B':
      return (
        ((word >> 31) << 12) |
        ((word & 0x80) << 4) |
        ((word >>> 20) & 0x7e0) |
        ((word >>> 7) & 0x1e)
      );
    case 'U':
      return word & ~0xfff;
    case 'J':
      return (
        ((word >> 31) << 20) | (word & 0xff000) | ((word >>> 9) & 0x800) | ((word >>> 20) & 0x7fe)
      );
    case 'shift64':
      return (word >>> 20) & 0x3f;
    case 'shift32':
      return (word >>> 20) & 0x1f;
    case 'csrImmediate':
      return (word >>> 15) & 0x1f;
    case 'fence':
      return word >>> 20;
    default:
      return 0;
  }
}

/** Which register fields a format has: bit 0 rd, bit 1 rs1, bit 2 rs2. */
// biome-ignore format: a row a line
const REGISTER_FIELDS: Readonly<Record<Format, number>> = {
  R: 7, I: 3, S: 6, B: 6, U: 1, J: 1, shift64: 3, shift32: 3, csr: 3, csrImmediate: 1, atomic: 7, fence: 0, unary: 3, cacheBlock: 2, guestLoad: 3, guestStore: 6, floatR: 7, floatUnary: 3, float4: 7,
  none: 0,
};

/**
 * The operands of `word`, which `row` must decode. A field fixed by the row's mask still reads as
 * it stands in the word.
 */
export function operandsOf(row: Row, word: number): Operands {
  const format = row.format;
  const fields = REGISTER_FIELDS[format];
  const isShift = format === 'shift64' || format === 'shift32';
  const immediate = immediateOf(format, word);
  return {
    rd: fields & 1 ? (word >>> 7) & 0x1f : 0,
    rs1: fields & 2 ? (word >>> 15) & 0x1f : 0,
    rs2: fields & 4 ? (word >>> 20) & 0x1f : 0,
    immediate,
    csr: format === 'csr' || format === 'csrImmediate' ? word >>> 20 : 0,
    shamt: isShift ? immediate : 0,
    aq: format === 'atomic' ? (word >>> 26) & 1 : 0,
    rl: format === 'atomic' ? (word >>> 25) & 1 : 0,
    rs3: format === 'float4' ? word >>> 27 : 0,
    rm: hasRounding(row) ? (word >>> 12) & 7 : 0,
  };
}
