/**
 * The 16-bit part of random programs: instructions by chance from the table of C, and groups that use
 * the stack pointer, branches and jumps. What a program must not write, it does not (random-program.ts).
 */
import { assert, nextBelow, type Prng } from '../base/index.ts';
import { type CompressedInstruction, compress, decodeCompressed } from './compressed.ts';
import type { Operands } from './decode.ts';
import { COMPRESSED, type CompressedRow, INSTRUCTIONS, type Row } from './table/index.ts';

/** What a program may do with registers. */
export interface CompressedLimits {
  readonly prng: Prng;
  /** Integer registers that may be written. */
  readonly data: readonly number[];
  /** Bytes from x8's and x9's values to the ends of their windows. */
  readonly after: readonly [number, number];
}

/** An instruction of 4 bytes, or of 2 when `short` is there. */
export interface CompressedDraft {
  readonly row: Row;
  readonly operands: Partial<Operands>;
  readonly short?: number;
  /** Whether it keeps its 4 bytes. */
  readonly isLong?: boolean;
}

const rowsOf = (kinds: readonly string[]): readonly CompressedRow[] =>
  COMPRESSED.filter(({ expands }) =>
    kinds.includes(INSTRUCTIONS.find(({ name }) => name === expands)!.effect.kind),
  );
const COMPUTE = rowsOf(['write']);
const ACCESS = rowsOf(['load', 'store', 'loadFloat', 'storeFloat']);
const SHORT_BASE = ACCESS.filter(({ name }) => !name.endsWith('sp'));
const STACK_BASE = ACCESS.filter(({ name }) => name.endsWith('sp'));

function getRow(name: string): Row {
  const row = INSTRUCTIONS.find((each) => each.name === name);
  assert(row !== undefined, `the table has a row ${name}`);
  return row;
}

/** A random word of one of `rows` that `accepts`. */
function drawWord(
  prng: Prng,
  rows: readonly CompressedRow[],
  accepts: (found: CompressedInstruction) => boolean,
): CompressedDraft {
  for (;;) {
    const row = rows[nextBelow(prng, rows.length)]!;
    const short = (nextBelow(prng, 0x1_0000) & ~row.mask) | row.match;
    const found = decodeCompressed(short);
    if (found?.compressed === row && accepts(found))
      return { row: found.row, operands: found.operands, short };
  }
}

const writesInteger = ({ row }: CompressedInstruction): boolean =>
  row.effect.kind === 'write' || row.effect.kind === 'load';
const widthOf = ({ row }: CompressedInstruction): number =>
  'byteCount' in row.effect ? row.effect.byteCount : 0;

/** A computation or, half as often, an access through x8 or x9. */
export function drawCompressed({ prng, data, after }: CompressedLimits): CompressedDraft {
  const mayWrite = (found: CompressedInstruction) =>
    !writesInteger(found) || found.operands.rd === 0 || data.includes(found.operands.rd);
  if (nextBelow(prng, 3) > 0) return drawWord(prng, COMPUTE, mayWrite);
  return drawWord(prng, SHORT_BASE, (found) => {
    const { rs1, immediate } = found.operands;
    const room = rs1 === 8 ? after[0] : rs1 === 9 ? after[1] : 0;
    return mayWrite(found) && immediate + widthOf(found) <= room;
  });
}

/** x2 becomes `base`'s value less an offset, and an access goes through it. */
export function drawStackAccess(
  { prng, data }: CompressedLimits,
  base: number,
): readonly CompressedDraft[] {
  const access = drawWord(
    prng,
    STACK_BASE,
    (found) => !writesInteger(found) || data.includes(found.operands.rd),
  );
  const offset = access.operands.immediate ?? 0;
  const addi = getRow('addi');
  return [
    { row: addi, operands: { rd: 2, rs1: base, immediate: -offset }, isLong: true },
    access,
  ];
}

/** A branch or jump of 2 bytes over `skipped`, which has 4; `scratch` holds its address at times. */
export function drawShortBranch(
  { prng }: CompressedLimits,
  scratch: number,
  skipped: CompressedDraft,
): readonly CompressedDraft[] {
  const filler = { ...skipped, isLong: true };
  const short = (name: string, operands: Partial<Operands>): CompressedDraft => {
    const row = getRow(name);
    const word = compress(row, operands);
    assert(word !== undefined, `${name} fits 16 bits`);
    return { row, operands, short: word };
  };
  switch (nextBelow(prng, 4)) {
    case 0:
      return [short('jal', { immediate: 6 }), filler];
    case 1:
    case 2: {
      const name = nextBelow(prng, 2) === 0 ? 'beq' : 'bne';
      return [short(name, { rs1: 8 + nextBelow(prng, 8), immediate: 6 }), filler];
    }
    default: // auipc, addi, c.jr or c.jalr: 14 bytes from the auipc to what comes behind the filler
      return [
        { row: getRow('auipc'), operands: { rd: scratch }, isLong: true },
        { row: getRow('addi'), operands: { rd: scratch, rs1: scratch, immediate: 14 }, isLong: true },
        short('jalr', { rd: nextBelow(prng, 2), rs1: scratch }),
        filler,
      ];
  }
}
