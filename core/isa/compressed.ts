/**
 * Decoding and encoding of 16-bit instructions, from the pictures of their formats (table/c.ts). A
 * decoded one is the row that it expands to, with operands.
 */
import { assert } from '../base/index.ts';
import type { Operands } from './decode.ts';
import {
  COMPRESSED,
  COMPRESSED_FORMATS,
  type CompressedException,
  type CompressedFormat,
  type CompressedPlace,
  type CompressedRow,
} from './table/c.ts';
import { INSTRUCTIONS, type Row } from './table/index.ts';

/** A 16-bit instruction and what it stands for. */
export interface CompressedInstruction {
  readonly compressed: CompressedRow;
  readonly row: Row;
  readonly operands: Operands;
}

const rowOfName: ReadonlyMap<string, Row> = new Map(INSTRUCTIONS.map((row) => [row.name, row]));

/** The row that a compressed one expands to. */
export function expansionOf(compressed: CompressedRow): Row {
  const row = rowOfName.get(compressed.expands);
  assert(row !== undefined, `${compressed.name} expands to a row of the table`);
  return row;
}

const pictures: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries(COMPRESSED_FORMATS).map(([name, format]) => [
    name,
    format.immediate.split(' ').map((bit) => (bit === '-' ? -1 : Number(bit))),
  ]),
);

const BUCKETS: readonly (readonly CompressedRow[])[] = Array.from({ length: 32 }, (_, bucket) => {
  const word = ((bucket >> 2) << 13) | (bucket & 3);
  return COMPRESSED.filter((row) => ((word ^ row.match) & 0xe003) === 0);
});

/** Whether the instruction whose first 16 bits are `halfword` has no more than these. */
export function isCompressed(halfword: number): boolean {
  return (halfword & 3) !== 3;
}

function registerAt(word: number, place: CompressedPlace): number {
  switch (place) {
    case 'high':
      return (word >>> 7) & 31;
    case 'low':
      return (word >>> 2) & 31;
    case 'highShort':
      return 8 + ((word >>> 7) & 7);
    case 'lowShort':
      return 8 + ((word >>> 2) & 7);
    default:
      return place;
  }
}

function immediateAt(word: number, row: CompressedRow): number {
  const picture = pictures.get(row.format)!;
  let value = 0;
  picture.forEach((bit, index) => {
    if (bit >= 0) value |= ((word >>> (12 - index)) & 1) << bit;
  });
  if (!COMPRESSED_FORMATS[row.format].isSigned) return value;
  const top = 31 - Math.max(...picture);
  return (value << top) >> top;
}

function operandsAt(word: number, row: CompressedRow): Operands {
  const format: CompressedFormat = COMPRESSED_FORMATS[row.format];
  const immediate = immediateAt(word, row);
  return {
    rd: registerAt(word, format.rd),
    rs1: registerAt(word, format.rs1),
    rs2: registerAt(word, format.rs2),
    rs3: 0,
    rm: 0,
    immediate,
    shamt: immediate,
    csr: 0,
    aq: 0,
    rl: 0,
  };
}

const EXCEPTIONS: Readonly<Record<CompressedException, (operands: Operands) => boolean>> = {
  'rd = 0': ({ rd }) => rd === 0,
  'rd = 2': ({ rd }) => rd === 2,
  'rs1 = 0': ({ rs1 }) => rs1 === 0,
  'rs2 = 0': ({ rs2 }) => rs2 === 0,
  'immediate = 0': ({ immediate }) => immediate === 0,
};

/** Rows that decode `halfword` (16 bits): at most one, as the table's lint proves. */
export function compressedRowsOf(halfword: number): readonly CompressedRow[] {
  const word = halfword & 0xffff;
  return BUCKETS[((word >>> 13) << 2) | (word & 3)]!.filter((row) => {
    if ((word & row.mask) !== row.match) return false;
    const operands = operandsAt(word, row);
    return !row.except.some((each) => EXCEPTIONS[each](operands));
  });
}

/** What has been decoded: a halfword always stands for the same. */
const decodedOf = new Map<number, CompressedInstruction | undefined>();

/** What `halfword` (its low 16 bits) stands for, or undefined when it is illegal or longer. */
export function decodeCompressed(halfword: number): CompressedInstruction | undefined {
  const word = halfword & 0xffff;
  if (decodedOf.has(word)) return decodedOf.get(word);
  const [compressed] = compressedRowsOf(word);
  const found = compressed && { compressed, row: expansionOf(compressed), operands: operandsAt(word, compressed) };
  decodedOf.set(word, found);
  return found;
}

function placeBits(place: CompressedPlace, register: number): number {
  switch (place) {
    case 'high':
      return register << 7;
    case 'low':
      return register << 2;
    case 'highShort':
      return (register & 7) << 7;
    case 'lowShort':
      return (register & 7) << 2;
    default:
      return 0;
  }
}

/** The 16 bits of `row` with `operands`, or undefined when they do not fit it. */
export function encodeCompressed(
  row: CompressedRow,
  operands: Partial<Operands>,
): number | undefined {
  const format: CompressedFormat = COMPRESSED_FORMATS[row.format];
  const { rd = 0, rs1 = 0, rs2 = 0 } = operands;
  const immediate = operands.immediate ?? operands.shamt ?? 0;
  let word: number = row.match;
  word |= placeBits(format.rd, rd) | placeBits(format.rs1, rs1) | placeBits(format.rs2, rs2);
  pictures.get(row.format)!.forEach((bit, index) => {
    if (bit >= 0) word |= ((immediate >> bit) & 1) << (12 - index);
  });
  const [found] = compressedRowsOf(word);
  if (found !== row) return undefined;
  const back = operandsAt(word, row);
  const fits =
    back.rd === rd && back.rs1 === rs1 && back.rs2 === rs2 && back.immediate === immediate;
  return fits ? word : undefined;
}

/** A 16-bit instruction that does what `row` with `operands` does, or undefined. */
export function compress(row: Row, operands: Partial<Operands>): number | undefined {
  for (const compressed of COMPRESSED) {
    if (compressed.expands !== row.name) continue;
    const word = encodeCompressed(compressed, operands);
    if (word !== undefined) return word;
  }
  return undefined;
}
