// Goal: the instruction table is well-formed and the decoder reads it. Method: mask algebra over
// all pairs, immediates against hand-written bit pictures, random words against the definition;
// broken rows as canaries.
import { expect, test } from 'vitest';
import { makePrng, nextUint32 } from '../../base/index.ts';
import { decode, immediateOf, operandsOf } from '../decode.ts';
import { CSRS, EXCEPTIONS, INSTRUCTIONS, INTERRUPTS } from './index.ts';
import type { Effect, Expression, Format, Row } from './row.ts';

/**
 * Masks a format may have: those bits that are no operand. An operand may be fixed by a row (lr:
 * rs2 = 0).
 */
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
  unary:   [0xfff0707f],
  cacheBlock: [0xfff07fff],
  guestLoad: [0xfff0707f],
  guestStore: [0xfe007fff],
  floatR:  [0xfe00007f],
  floatUnary: [0xfff0007f],
  float4:  [0x0600007f],
  none:    [0xffffffff, 0x0000707f], // the second: fence.i ignores its reserved fields
};

/** Which leaves of an expression a format offers. */
// biome-ignore format: short lists
const FORMAT_READS: Readonly<Record<Format, string>> = {
  R: 'rs1 rs2', I: 'rs1 immediate', S: 'rs1 rs2 immediate', B: 'rs1 rs2 immediate', U: 'immediate',
  J: 'immediate', shift64: 'rs1 immediate', shift32: 'rs1 immediate', csr: 'rs1', csrImmediate: 'immediate',
  atomic: 'rs1 rs2 memory', fence: '', unary: 'rs1', cacheBlock: 'rs1', guestLoad: '', guestStore: '', floatR: '', floatUnary: '', float4: '',
  none: '',
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
  if ((row.match & 3) !== 3 || (row.mask & 3) !== 3)
    found.push(`${row.name}: not a 32-bit encoding`);
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

/**
 * Sentences about what is wrong with `rows`; empty when nothing is. Two rows decode a common word
 * iff their matches agree on the bits that both masks fix, so overlap is decided exactly, without
 * trying words.
 */
function lintTable(rows: readonly Row[]): readonly string[] {
  const found = rows.flatMap(lintRow);
  rows.forEach((row, index) => {
    for (const earlier of rows.slice(0, index)) {
      const bothFix = row.mask & earlier.mask;
      if (((row.match ^ earlier.match) & bothFix) === 0)
        found.push(`${row.name} overlaps ${earlier.name}`);
      if (row.name === earlier.name) found.push(`${row.name}: name used twice`);
    }
  });
  return found;
}

const random = makePrng({ seed: 20240411, stream: 1 });

test('the table passes its lint', () => {
  expect(lintTable(INSTRUCTIONS)).toEqual([]);
});

test('canary: the lint catches a row that overlaps, a match outside the mask, a double name and a false format', () => {
  const nop: Row = { ...row('fence.i'), name: 'nop-row', match: 0x13, mask: 0xffffffff };
  expect(lintTable([...INSTRUCTIONS, nop])).toEqual(['nop-row overlaps addi']);
  const outside: Row = { ...row('add'), name: 'outside', match: 0x0000_00b3 };
  expect(lintTable([outside])).toEqual(['outside: match has bits outside its mask']);
  expect(lintTable([row('add'), { ...row('sub'), name: 'add' }])).toEqual(['add: name used twice']);
  expect(lintTable([{ ...row('sret'), format: 'I' }])).toEqual([
    'sret: mask 0xffffffff is not one of format I',
  ]);
  expect(lintTable([{ ...row('addi'), match: 0x12, mask: 0x707f }])).toEqual([
    'addi: not a 32-bit encoding',
  ]);
  expect(lintTable([{ ...row('lui'), effect: row('add').effect }])).toEqual([
    'lui: effect reads rs1, which format U has not',
  ]);
});

function row(name: string): Row {
  const found = INSTRUCTIONS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no row ${name}`);
  return found;
}

/** Modes 5 and 6 in bits 14 … 12 of rows that round. */
function isReservedRounding(each: Row, word: number): boolean {
  const isRounding = ['floatR', 'floatUnary', 'float4'].includes(each.format);
  return isRounding && ['101', '110'].includes(((word >>> 12) & 7).toString(2));
}

test('every row with any operand bits decodes to itself', () => {
  for (const each of INSTRUCTIONS) {
    for (let round = 0; round < 64; round++) {
      const word = (each.match | (nextUint32(random) & ~each.mask)) >>> 0;
      if (isReservedRounding(each, word)) {
        expect(decode(word)).toBeUndefined();
        continue;
      }
      expect(decode(word)?.name).toBe(each.name);
      expect(decode(word | 0)?.name).toBe(each.name);
    }
  }
});

test('every random word decodes to the one row that matches it, or to none', () => {
  for (let round = 0; round < 20_000; round++) {
    const base = nextUint32(random);
    const word = round % 2 === 0 ? base : (base | 3) >>> 0;
    const matching = INSTRUCTIONS.filter((each) => (word & each.mask) >>> 0 === each.match);
    expect(matching.length).toBeLessThanOrEqual(1);
    const found = matching[0];
    expect(decode(word)).toBe(found && isReservedRounding(found, word) ? undefined : found);
  }
});

test('reserved encodings are illegal', () => {
  // biome-ignore format: a case a line
  const reserved: readonly (readonly [number, string])[] = [
    [0x0000_0000, 'all zeros'],                [0xffff_ffff, 'all ones'],
    [0x0200_101b, 'slliw with shamt bit 5'],   [0x4200_501b, 'sraiw with shamt bit 5'],
    [0x0210_202f | 0x1000_0000, 'lr.w with rs2'], [0x0000_002f, 'AMO of width 0'],
    [0x0000_0073 | (1 << 7), 'ecall with rd'], [0x1020_0073 | (1 << 15), 'sret with rs1'],
    [0x1200_0073 | (1 << 7), 'sfence.vma with rd'], [0x0000_7003, 'load of width 7'],
    [0x0000_2063, 'branch of funct3 2'],       [0x0000_1067, 'jalr with funct3 1'],
    [0x0000_5053, 'fadd.s with rounding mode 5'], [0x0200_6043, 'fmadd.d with rounding mode 6'],
    [0x0600_0053, 'fadd of format 3'],        [0x0400_0053, 'fadd.h'],
    [0x0400_1013 | (1 << 31), 'slli with funct6'], [0x0000_4073, 'system of funct3 4'],
  ];
  for (const [word, what] of reserved) expect(decode(word), what).toBeUndefined();
});

/**
 * Bit numbers of the immediate in the order of the word's bits 31, 30, …, as the manual draws them
 * (Unprivileged 20240411 §2.3).
 */
// biome-ignore format: a picture a line
const PICTURES: Readonly<Partial<Record<Format, string>>> = {
  I: '11 10 9 8 7 6 5 4 3 2 1 0 - - - - - - - - - - - - - - - - - - - -',
  S: '11 10 9 8 7 6 5 - - - - - - - - - - - - - 4 3 2 1 0 - - - - - - -',
  B: '12 10 9 8 7 6 5 - - - - - - - - - - - - - 4 3 2 1 11 - - - - - - -',
  U: '31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 - - - - - - - - - - - -',
  J: '20 10 9 8 7 6 5 4 3 2 1 11 19 18 17 16 15 14 13 12 - - - - - - - - - - - -',
  shift64: '- - - - - - 5 4 3 2 1 0 - - - - - - - - - - - - - - - - - - - -',
  shift32: '- - - - - - - 4 3 2 1 0 - - - - - - - - - - - - - - - - - - - -',
  csrImmediate: '- - - - - - - - - - - - 4 3 2 1 0 - - - - - - - - - - - - - - -',
  fence: '11 10 9 8 7 6 5 4 3 2 1 0 - - - - - - - - - - - - - - - - - - - -',
};

test('immediates agree with the bit pictures, sign-extended', () => {
  for (const [format, picture] of Object.entries(PICTURES)) {
    const bits = picture.split(' ');
    expect(bits.length).toBe(32);
    const isSigned = 'ISBUJ'.includes(format);
    const top = Math.max(...bits.map((bit) => (bit === '-' ? 0 : Number(bit))));
    for (let round = 0; round < 500; round++) {
      const word = nextUint32(random);
      let value = 0n;
      bits.forEach((bit, index) => {
        if (bit !== '-') value |= BigInt((word >>> (31 - index)) & 1) << BigInt(bit);
      });
      if (isSigned) value = BigInt.asIntN(top + 1, value);
      expect(immediateOf(format as Format, word), `${format} ${word}`).toBe(Number(value));
    }
  }
});

test('register and other fields are read from their places', () => {
  const word = row('amoadd.w').match | (5 << 7) | (6 << 15) | (7 << 20) | (1 << 26);
  expect(operandsOf(row('amoadd.w'), word)).toMatchObject({
    rd: 5,
    rs1: 6,
    rs2: 7,
    aq: 1,
    rl: 0,
    immediate: 0,
  });
  expect(
    operandsOf(row('csrrwi'), row('csrrwi').match | (0x180 << 20) | (9 << 15) | (3 << 7)),
  ).toMatchObject({ rd: 3, rs1: 0, immediate: 9, csr: 0x180 });
  expect(operandsOf(row('srai'), row('srai').match | (63 << 20))).toMatchObject({
    shamt: 63,
    immediate: 63,
  });
  expect(operandsOf(row('sd'), row('sd').match | (31 << 7))).toMatchObject({
    rd: 0,
    immediate: 31,
  });
});

test('CSR names and numbers are unique and numbers state their privilege', () => {
  expect(new Set(CSRS.map((each) => each.name)).size).toBe(CSRS.length);
  expect(new Set(CSRS.map((each) => each.number)).size).toBe(CSRS.length);
  for (const each of CSRS) {
    expect(['U', 'S', 'HS', 'M'][(each.number >> 8) & 3], each.name).toBe(each.privilege);
  }
});

test('cause codes are unique and ascending', () => {
  for (const causes of [EXCEPTIONS, INTERRUPTS]) {
    const codes = causes.map((each) => each.code);
    expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
  }
});
