/**
 * Random programs for the flat machine: words of given rows whose operands stay near what makes
 * them interesting. Registers x8 … x15 hold addresses in RAM and are never written, the others hold
 * random values; targets are near.
 */
import { makePrng, nextBelow, nextUint32, type Prng } from '../base/prng.ts';
import { encode, IMMEDIATE_RANGES } from '../isa/encode.ts';
import { INSTRUCTIONS } from '../isa/table/index.ts';
import type { Row } from '../isa/table/row.ts';
import { FLAT_RAM_BASE } from './flat-machine.ts';

/** A program and the registers that it starts with; code lies at FLAT_RAM_BASE. */
export interface FlatProgram {
  readonly words: readonly number[];
  readonly registers: readonly bigint[]; // x0 … x31, unsigned 64-bit
}

const MEMORY_EFFECTS = ['load', 'store', 'atomic', 'loadReserved', 'storeConditional'];
const IMMEDIATE_LIMIT = 256;

function randomImmediate(prng: Prng, row: Row): number {
  const range = IMMEDIATE_RANGES[row.format];
  if (range === undefined) return 0;
  if (row.format === 'U') return nextBelow(prng, 4) * 4096;
  const least = Math.max(range.minimum, -IMMEDIATE_LIMIT);
  const most = Math.min(range.maximum, IMMEDIATE_LIMIT);
  const steps = Math.floor((most - least) / range.multiple) + 1;
  return least + nextBelow(prng, steps) * range.multiple;
}

function randomWord(prng: Prng, rows: readonly Row[]): number {
  const row = rows[nextBelow(prng, rows.length)]!;
  if (nextBelow(prng, 400) === 0) return nextUint32(prng); // now and then any word at all
  const usesAddress = MEMORY_EFFECTS.includes(row.effect.kind) || row.name === 'jalr';
  const isReservation =
    row.effect.kind === 'loadReserved' || row.effect.kind === 'storeConditional';
  return encode(row, {
    rd: nextBelow(prng, 8) === 0 ? 0 : 16 + nextBelow(prng, 16),
    rs1: isReservation
      ? 8 + 2 * nextBelow(prng, 2)
      : usesAddress
        ? 8 + nextBelow(prng, 8)
        : nextBelow(prng, 32),
    rs2: nextBelow(prng, 32),
    immediate: randomImmediate(prng, row),
  });
}

/**
 * The program of `seed`: `wordCount` words over all rows but the system ones (ecall is kept), for
 * `frameCount` frames.
 */
export function randomFlatProgram(options: {
  readonly seed: number;
  readonly wordCount: number;
  readonly frameCount: number;
}): FlatProgram {
  const prng = makePrng({ seed: options.seed, stream: 3 });
  const rows = INSTRUCTIONS.filter((row) => row.effect.kind !== 'system' || row.name === 'ecall');
  const words = Array.from({ length: options.wordCount }, () => randomWord(prng, rows));
  const registers = Array.from({ length: 32 }, (_, register) => {
    const random = (BigInt(nextUint32(prng)) << 32n) | BigInt(nextUint32(prng));
    if (register === 0) return 0n;
    if (register < 8 || register >= 16) return random >> BigInt(8 * nextBelow(prng, 8));
    const offset = nextBelow(prng, options.frameCount * 4096); // the even ones are aligned
    return BigInt(FLAT_RAM_BASE + (register % 2 === 0 ? offset & ~7 : offset));
  });
  return { words, registers };
}
