// Goal: every encoding of 16 and of 32 bits decodes to exactly one row or is an illegal instruction, and those that decode are
// the ones that the manuals list. Method: all 65,536 halfwords one by one; the 2^32 words by exact reasoning about
// sets (core/testing/encoding-space.ts): rows against a second statement of the manuals' listing, and the decoder and
// the operations of the interpreter on every class of words that the masks tell apart. Broken tables as canaries.
import { expect, test } from 'vitest';
import { makePrng, nextUint32 } from '../base/prng.ts';
import { decodeCompressed, expansionOf } from '../isa/compressed.ts';
import { buildBuckets, decode, decodeIn } from '../isa/decode.ts';
import { COMPRESSED, getProfile, HART_PROFILES, INSTRUCTIONS, type Row } from '../isa/table/index.ts';
import type { Extension } from '../isa/table/row.ts';
import { type Cube, encodingClasses, pictureOf, sizeOf, without, wordsOf } from '../testing/encoding-space.ts';
import { isListedShort, LISTED } from '../testing/instruction-listing.ts';
import { decodeOperation, OPERATION_COUNT, OPERATION_SIZE } from './decode-operation.ts';
import { fixedHandler, makeHandlerTable } from './handler-table.ts';

const random = makePrng({ seed: 20240411, stream: 7 });
const CLASSES = encodingClasses(INSTRUCTIONS);
const { handlers } = makeHandlerTable(INSTRUCTIONS);
/** A profile with every instruction. */
const FULL = new Set<Extension>(getProfile('rv64gch-sstc').extensions);

const pictures = (cubes: readonly Cube[]) => cubes.map(pictureOf);
const decoded = (rows: readonly Row[]) => rows.flatMap(wordsOf);
const row = (name: string): Row => INSTRUCTIONS.find((each) => each.name === name)!;

/** Words of a class: the bits that no mask looks at all 0, all 1, and at random. */
function wordsIn({ mask, match }: Cube): readonly number[] {
  const free = ~mask >>> 0;
  return [match, (match | free) >>> 0, ...[1, 2].map(() => (match | (nextUint32(random) & free)) >>> 0)];
}

/** Names of the rows of a class that is no row's or one row's wrongly. */
function overlapsOf(rows: readonly Row[]): readonly string[] {
  const found = encodingClasses(rows).filter((each) => each.rows.length > 1);
  return [...new Set(found.map((each) => each.rows.map(({ name }) => name).join(' and ')))];
}

test('the classes are disjoint and together all 2^32 words', () => {
  expect(CLASSES.length).toBeGreaterThan(1_000);
  expect(CLASSES.reduce((sum, { cube }) => sum + sizeOf(cube), 0)).toBe(2 ** 32);
  expect(without([{ mask: 0, match: 0 }], CLASSES.map(({ cube }) => cube))).toEqual([]);
});

test('no word of 32 bits is decoded by two rows', () => {
  expect(overlapsOf(INSTRUCTIONS)).toEqual([]);
});

test('the words that rows decode are those that the manuals list, neither more nor less', () => {
  expect(pictures(without(decoded(INSTRUCTIONS), LISTED))).toEqual([]);
  expect(pictures(without(LISTED, decoded(INSTRUCTIONS)))).toEqual([]);
});

test('the decoder gives the one row of every class, or none', () => {
  for (const { cube, rows } of CLASSES) {
    for (const word of wordsIn(cube)) {
      if (decode(word) !== rows[0]) expect(`${pictureOf(cube)}: ${decode(word)?.name}`).toBe(rows[0]?.name);
    }
  }
});

/** The row that the interpreter runs for the instruction that begins with the bytes of `word`; undefined: illegal. */
function runs(word: number, extensions: ReadonlySet<Extension>): Row | undefined {
  const view = new DataView(SCRATCH);
  view.setUint32(FRAME, word, true);
  decodeOperation(view, { page: 0, operation: 0, frameAddress: FRAME, extensions });
  const number = view.getUint16(0, true);
  if (number === fixedHandler.illegal) return undefined;
  const handler = handlers[number]!;
  if (handler.variant === 'general' || handler.variant === 'inPage') return handler.row;
  // The float unit reads the word again.
  expect([handler.variant, view.getUint32(8, true)]).toEqual(['slowFloat', word]);
  return decode(word);
}
const FRAME = OPERATION_COUNT * OPERATION_SIZE + 4096;
const SCRATCH = new ArrayBuffer(FRAME + 4096);

test('the interpreter runs the handler of that row, and what a profile lacks is illegal', () => {
  for (const profile of HART_PROFILES) {
    const extensions = new Set<Extension>(profile.extensions);
    for (const { cube, rows } of CLASSES) {
      const [only] = rows;
      if ((cube.mask & 3) !== 3 || (cube.match & 3) !== 3) continue; // of 16 bits, see below
      const expected = only !== undefined && extensions.has(only.extension) ? only : undefined;
      const word = wordsIn(cube)[3]!;
      if (runs(word, extensions) !== expected) expect(`${profile.id} ${pictureOf(cube)}`).toBe(expected?.name);
    }
  }
});

test('every halfword decodes to one row or to none: what is listed, and the interpreter runs its expansion', () => {
  let legal = 0;
  for (let halfword = 0; halfword < 0x1_0000; halfword++) {
    const found = decodeCompressed(halfword);
    if ((found !== undefined) !== isListedShort(halfword)) expect(halfword.toString(16)).toBe(isListedShort(halfword));
    if ((halfword & 3) === 3) continue;
    if (found !== undefined) legal++;
    const expected = found && expansionOf(found.compressed);
    if (runs(halfword, FULL) !== expected) expect(halfword.toString(16)).toBe(expected?.name);
    if (runs(halfword, new Set(['I', 'M', 'A'])) !== undefined) expect(halfword.toString(16)).toBe('illegal without C');
  }
  expect(legal).toBe(shortCount());
});

/** Halfwords of all compressed rows, counted one row after the other from masks and exceptions alone. */
function shortCount(): number {
  const field = { 'rd = 0': [0xf80, 0], 'rd = 2': [0xf80, 0x100], 'rs1 = 0': [0xf80, 0], 'rs2 = 0': [0x7c, 0] } as const;
  let count = 0;
  for (const each of COMPRESSED) {
    for (let halfword = 0; halfword < 0x1_0000; halfword++) {
      if ((halfword & each.mask) !== each.match) continue;
      const isZero = each.format === 'stackAddress' ? (halfword & 0x1fe0) === 0 : (halfword & 0x107c) === 0;
      const isExcepted = each.except.some((what) => {
        if (what === 'immediate = 0') return isZero;
        const [mask, value] = field[what];
        return (halfword & mask) === value;
      });
      if (!isExcepted) count++;
    }
  }
  return count;
}

test('canary: a row too many overlaps, or decodes what is not listed', () => {
  const wide: Row = { ...row('mul'), name: 'wide', mask: 0xfc00_707f };
  expect(overlapsOf([...INSTRUCTIONS, wide])).toEqual(['add and wide', 'mul and wide']);
  const surplus: Row = { ...row('mul'), name: 'clmul', match: 0x0a00_1033 };
  expect(overlapsOf([...INSTRUCTIONS, surplus])).toEqual([]);
  expect(pictures(without(decoded([...INSTRUCTIONS, surplus]), LISTED))).toEqual(['0000101----------001-----0110011']);
});

test('canary: a hole, a row that is too narrow, and a reserved rounding mode', () => {
  const rest = INSTRUCTIONS.filter(({ name }) => name !== 'czero.nez');
  expect(pictures(without(LISTED, decoded(rest)))).toEqual(['0000111----------111-----0110011']);
  const narrow = INSTRUCTIONS.map((each) => (each.name === 'slli' ? { ...each, mask: 0xfe00_707f } : each));
  expect(pictures(without(LISTED, decoded(narrow)))).toEqual(['0000001----------001-----0010011']);
  const reserved: Cube = { mask: 0xfe00_707f, match: 0x0000_5053 };
  expect(pictures(without([reserved], decoded(INSTRUCTIONS)))).toEqual([pictureOf(reserved)]);
});

test('canary: a decoder whose buckets lack a row, or have one in a wrong place', () => {
  const wrong = (buckets: readonly (readonly Row[])[]) =>
    CLASSES.filter(({ cube, rows }) => wordsIn(cube).some((word) => decodeIn(buckets, word) !== rows[0])).length;
  expect(wrong(buildBuckets(INSTRUCTIONS))).toBe(0);
  expect(wrong(buildBuckets(INSTRUCTIONS.filter(({ name }) => name !== 'hlvx.wu')))).toBeGreaterThan(0);
  const shifted = buildBuckets(INSTRUCTIONS);
  expect(wrong([...shifted.slice(1), shifted[0]!])).toBeGreaterThan(50);
});
