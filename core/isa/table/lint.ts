/**
 * The lint of the instruction table: what must hold for a decoder to be a function of the word. Two rows decode a common
 * word iff their matches agree on the bits that both masks fix, so overlap is decided exactly, without trying words.
 */
import type { Effect, Expression, Format, Row } from './row.ts';

/** Masks a format may have: those bits that are no operand. An operand may be fixed by a row (lr: rs2 = 0). */
// biome-ignore format: a row a line
const FORMAT_MASKS: Readonly<Record<Format, readonly number[]>> = {
  R:       [0xfe00707f, 0xfe007fff], // the second fixes rd = 0, the supervisor fences
  I:       [0x0000707f],
  S:       [0x0000707f],
  B:       [0x0000707f],
  U:       [0x0000007f],
  J:       [0x0000007f],
  shift64: [0xfc00707f],
  shift32: [0xfe00707f],
  csr:     [0x0000707f],
  csrImmediate: [0x0000707f],
  atomic:  [0xf800707f, 0xf9f0707f], // the second fixes rs2 = 0, lr
  fence:   [0x0000707f],
  none:    [0xffffffff, 0x0000707f], // the second: fence.i ignores its reserved fields
};

/** Which leaves of an expression a format offers. */
// biome-ignore format: short lists
const FORMAT_READS: Readonly<Record<Format, string>> = {
  R: 'rs1 rs2', I: 'rs1 immediate', S: 'rs1 rs2 immediate', B: 'rs1 rs2 immediate', U: 'immediate',
  J: 'immediate', shift64: 'rs1 immediate', shift32: 'rs1 immediate', csr: 'rs1', csrImmediate: 'immediate',
  atomic: 'rs1 rs2 memory', fence: '', none: '',
};

function leaves(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'binary':
      return [...leaves(expression.left), ...leaves(expression.right)];
    case 'unary':
      return leaves(expression.operand);
    case 'constant':
      return [];
    default:
      return [expression.kind];
  }
}

function expressionsOf(effect: Effect): readonly Expression[] {
  switch (effect.kind) {
    case 'write':
      return [effect.value];
    case 'branch':
      return [effect.condition];
    case 'jump':
      return [effect.target];
    case 'atomic':
      return [effect.combine];
    default:
      return [];
  }
}

function lintRow(row: Row): string[] {
  const found: string[] = [];
  if ((row.match & 3) !== 3 || (row.mask & 3) !== 3) found.push(`${row.name}: not a 32-bit encoding`);
  if ((row.match & ~row.mask) !== 0) found.push(`${row.name}: match has bits outside its mask`);
  if (!FORMAT_MASKS[row.format].includes(row.mask)) {
    found.push(`${row.name}: mask 0x${row.mask.toString(16)} is not one of format ${row.format}`);
  }
  const offered = [...FORMAT_READS[row.format].split(' '), 'pc', 'next'];
  for (const leaf of new Set(expressionsOf(row.effect).flatMap(leaves))) {
    if (!offered.includes(leaf)) {
      found.push(`${row.name}: effect reads ${leaf}, which format ${row.format} has not`);
      break;
    }
  }
  return found;
}

/** Sentences about what is wrong with `rows`; empty when nothing is. O(rows²). */
export function lintTable(rows: readonly Row[]): readonly string[] {
  const found = rows.flatMap(lintRow);
  rows.forEach((row, index) => {
    for (const earlier of rows.slice(0, index)) {
      const bothFix = row.mask & earlier.mask;
      if (((row.match ^ earlier.match) & bothFix) === 0) found.push(`${row.name} overlaps ${earlier.name}`);
      if (row.name === earlier.name) found.push(`${row.name}: name used twice`);
    }
  });
  return found;
}
