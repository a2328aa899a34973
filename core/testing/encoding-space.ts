/**
 * Test-only: exact reasoning about sets of instruction words. A *cube* is the set of words that agree with `match` on
 * the bits of `mask`; what rows decode, and what a manual's listing allows, are unions of cubes. Nothing here tries
 * words one by one: differences are computed, and the space is cut into classes that no mask tells apart.
 */
import { hasRounding } from '../isa/decode.ts';
import type { Row } from '../isa/table/row.ts';

/** Words w with (w & mask) === match. Both unsigned 32-bit, match inside mask. */
export interface Cube {
  readonly mask: number;
  readonly match: number;
}

export const meets = (a: Cube, b: Cube): boolean => ((a.match ^ b.match) & a.mask & b.mask) === 0;

/** How many words are in it. */
export const sizeOf = (cube: Cube): number => 2 ** (32 - countOnes(cube.mask));

function countOnes(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

/** `cube` without `other`, as disjoint cubes. */
export function subtract(cube: Cube, other: Cube): readonly Cube[] {
  if (!meets(cube, other)) return [cube];
  const pieces: Cube[] = [];
  let { mask, match } = cube;
  for (let at = 0; at < 32; at++) {
    const bit = (1 << at) >>> 0;
    if ((other.mask & bit) === 0 || (mask & bit) !== 0) continue;
    mask = (mask | bit) >>> 0;
    pieces.push({ mask, match: (match | (~other.match & bit)) >>> 0 });
    match = (match | (other.match & bit)) >>> 0;
  }
  return pieces;
}

/** What of `cubes` none of `others` has, as disjoint cubes where `cubes` are. Empty: all is covered. */
export function without(cubes: readonly Cube[], others: readonly Cube[]): readonly Cube[] {
  let left = cubes;
  for (const other of others) left = left.flatMap((cube) => subtract(cube, other));
  return left;
}

/** A cube from a picture: a 0, 1 or - for each bit from 31 down; spaces do not count. */
export function cubeOf(picture: string): Cube {
  const bits = picture.replaceAll(' ', '');
  if (!/^[01-]{32}$/.test(bits)) throw new Error(`${picture}: no picture of 32 bits`);
  const number = (one: RegExp) => Number.parseInt(bits.replace(/./g, (each) => (one.test(each) ? '1' : '0')), 2);
  return { mask: number(/[01]/), match: number(/1/) };
}

export const pictureOf = ({ mask, match }: Cube): string =>
  Array.from({ length: 32 }, (_, index) => {
    const at = 31 - index;
    return ((mask >>> at) & 1) === 0 ? '-' : String((match >>> at) & 1);
  }).join('');

/** Rounding modes that are not reserved: 0 … 3, 4 and 7 in bits 14 … 12. */
const ROUNDING: readonly Cube[] = [
  { mask: 0x4000, match: 0 },
  { mask: 0x7000, match: 0x4000 },
  { mask: 0x7000, match: 0x7000 },
];

/** The words that a row decodes: its mask and match, and for rounding modes the legal ones. */
export function wordsOf(row: Row): readonly Cube[] {
  if (!hasRounding(row)) return [row];
  return ROUNDING.map(({ mask, match }) => ({ mask: (row.mask | mask) >>> 0, match: (row.match | match) >>> 0 }));
}

/** Words that no row's mask tells apart, and the rows that decode them: one, or none; two are a fault of the table. */
export interface EncodingClass {
  readonly cube: Cube;
  readonly rows: readonly Row[];
}

/**
 * Cuts all 2^32 words into classes: splits on a bit that the rows still possible look at, until what is left of
 * each row is all of the class or nothing.
 */
export function encodingClasses(rows: readonly Row[]): readonly EncodingClass[] {
  const classes: EncodingClass[] = [];
  const parts = rows.flatMap((row) => wordsOf(row).map((cube) => ({ row, cube })));
  const split = (cube: Cube, possible: typeof parts): void => {
    const open = possible.filter((part) => (part.cube.mask & ~cube.mask) !== 0);
    if (open.length === 0) {
      classes.push({ cube, rows: possible.map(({ row }) => row) });
      return;
    }
    const bit = mostTold(open.map((part) => (part.cube.mask & ~cube.mask) >>> 0));
    for (const value of [0, bit]) {
      const half = { mask: (cube.mask | bit) >>> 0, match: (cube.match | value) >>> 0 };
      split(half, possible.filter((part) => meets(part.cube, half)));
    }
  };
  split({ mask: 0, match: 0 }, parts);
  return classes;
}

/** The bit that most masks have. */
function mostTold(masks: readonly number[]): number {
  let best = 0;
  let most = -1;
  for (let at = 0; at < 32; at++) {
    const bit = (1 << at) >>> 0;
    const count = masks.filter((mask) => (mask & bit) !== 0).length;
    if (count > most) [best, most] = [bit, count];
  }
  return best;
}
