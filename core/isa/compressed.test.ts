// Goal: every 16-bit encoding decodes to exactly one row or is illegal, and means what binutils says.
// Method: all 65,536 encodings; round trips through encoder and assembler; golden text of objdump
// (vectors/compressed.sh, which can also compare all encodings); canary: a row without its exception.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { assemble } from './assemble.ts';
import {
  compress,
  compressedRowsOf,
  decodeCompressed,
  encodeCompressed,
  isCompressed,
} from './compressed.ts';
import { disassembleCompressed } from './disassemble.ts';
import { encode } from './encode.ts';
import { COMPRESSED, type CompressedRow, INSTRUCTIONS } from './table/index.ts';

const ALL = Array.from({ length: 0x1_0000 }, (_, word) => word).filter(isCompressed);

test('every encoding decodes to one row or to none, and longer ones to none', () => {
  for (const word of ALL) expect(compressedRowsOf(word).length, word.toString(16)).toBeLessThan(2);
  expect(decodeCompressed(0x0003)).toBeUndefined();
});

test('canary: c.lui without its exception for x2 overlaps c.addi16sp', () => {
  const rows: readonly CompressedRow[] = COMPRESSED;
  const lui = rows.find(({ name }) => name === 'c.lui')!;
  const step = rows.find(({ name }) => name === 'c.addi16sp')!;
  const isBoth = (word: number) => [lui, step].every((row) => (word & row.mask) === row.match);
  const both = ALL.filter(isBoth);
  expect(both.length).toBeGreaterThan(0);
  for (const word of both) expect(compressedRowsOf(word)).not.toContain(lui);
});

test('what is reserved is illegal', () => {
  // biome-ignore format: a case a line
  const reserved: readonly (readonly [number, string])[] = [
    [0x0000, 'all zeros'],                 [0x0004, 'c.addi4spn of 0'],
    [0x2001, 'c.addiw to x0'],             [0x6101, 'c.addi16sp of 0'],
    [0x6081, 'c.lui of 0'],                [0x4002, 'c.lwsp to x0'],
    [0x6002, 'c.ldsp to x0'],              [0x8002, 'c.jr of x0'],
    [0x8000, 'quadrant 0, funct3 4'],      [0x9c41, 'c.subw and c.addw, place 2'],
    [0x9c61, 'c.subw and c.addw, place 3'],
  ];
  for (const [word, what] of reserved) expect(decodeCompressed(word), what).toBeUndefined();
});

test('encoding is the inverse of decoding, and the expansion is an encoding of 32 bits', () => {
  for (const word of ALL) {
    const found = decodeCompressed(word);
    if (found === undefined) continue;
    expect(encodeCompressed(found.compressed, found.operands), word.toString(16)).toBe(word);
    expect(encode(found.row, found.operands) & 3).toBe(3);
  }
});

test('compress finds a 16-bit instruction that expands to the same', () => {
  const addi = INSTRUCTIONS.find(({ name }) => name === 'addi')!;
  expect(compress(addi, { rd: 10, rs1: 10, immediate: -1 })).toBe(0x157d);
  expect(compress(addi, { rd: 10, rs1: 11, immediate: -1 })).toBeUndefined();
  expect(compress(addi, { rd: 10, rs1: 2, immediate: 16 })).toBe(0x0808);
});

/** What binutils calls otherwise: illegal ones, c.addi16sp of 0 (reserved), and c.nop. */
function isNamedOtherwise(text: string): boolean {
  return text === 'c.unimp' || text.startsWith('c.addi zero,') || text === 'c.addi16sp sp,0';
}

test('golden: the same text as objdump', () => {
  const file = process.env['GLASSHOUSE_COMPRESSED'] ?? new URL('./vectors/compressed.txt', import.meta.url);
  const seen = new Set<string>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [address, word, text = ''] = line.split('\t');
    const value = Number(`0x${word}`);
    const found = disassembleCompressed(value, Number(`0x${address}`));
    seen.add(decodeCompressed(value)?.compressed.name ?? '');
    if (text.startsWith('.2byte')) expect(found).toMatch(/^\.half/);
    else if (!isNamedOtherwise(text)) expect(found, line).toBe(text);
  }
  const rare = ['c.ebreak', 'c.nop']; // few encodings
  for (const { name } of COMPRESSED) if (!rare.includes(name)) expect([...seen]).toContain(name);
});

test('assemble(disassemble(word)) = word, for the words that are no hints', () => {
  const words = ALL.filter((word, index) => index % 7 === 0 && decodeCompressed(word) !== undefined);
  const texts = words.map((word, index) => disassembleCompressed(word, 0x8000_0000 + 2 * index));
  const kept = texts.map((text) => (/64 |^c\.nop ./.test(text) ? 'c.nop' : text));
  const result = assemble(kept.join('\n'), { origin: 0x8000_0000, name: 'c', profile: 'rv64gc' });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  const view = new DataView(result.value.bytes.buffer);
  words.forEach((word, index) => {
    if (kept[index] !== texts[index]) return;
    expect(view.getUint16(2 * index, true), texts[index]).toBe(word);
  });
});

test('the assembler pads code to an alignment with c.nop first, and knows c. only with C', () => {
  const source = 'c.nop\n.balign 8\nend: ret';
  const program = assemble(source, { origin: 0, name: 'pad', profile: 'rv64gc' });
  expect(program.ok && program.value.symbols.get('end')).toBe(8);
  expect(program.ok && [...program.value.bytes.subarray(0, 8)]).toEqual([1, 0, 1, 0, 0x13, 0, 0, 0]);
  expect(assemble('c.nop', { origin: 0, name: 'pad' }).ok).toBe(false);
});
