// Goal: the disassembler prints what binutils prints and what the assembler reads back. Method:
// round trip of random words of every row, and golden text from riscv64-unknown-elf-objdump -d -M
// no-aliases, made anew by `sh core/isa/vectors/objdump.sh`.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makePrng, nextUint32 } from '../base/index.ts';
import { assemble } from './assemble.ts';
import { decode } from './decode.ts';
import { disassemble } from './disassemble.ts';
import { INSTRUCTIONS, type Row } from './table/index.ts';

const PC = 0x8000_0000;
const random = makePrng({ seed: 7, stream: 2 });

/** A random word of `row` without bits in fields that the hardware ignores, which no text shows. */
function shownWord(row: Row): number {
  const word = (row.match | (nextUint32(random) & ~row.mask)) >>> 0;
  if (row.format === 'fence') return (word & 0x0ff0_707f) >>> 0;
  return row.name === 'fence.i' ? row.match : word;
}

test('assemble(disassemble(word)) = word for every row', () => {
  for (const row of INSTRUCTIONS) {
    const words = Array.from({ length: 40 }, () => shownWord(row));
    const source = words.map((word, index) => disassemble(word, PC + 4 * index)).join('\n');
    const result = assemble(source, { origin: PC, name: row.name, profile: 'rv64gch-sstc' });
    if (!result.ok) throw new Error(`${row.name}: ${JSON.stringify(result.error)}\n${source}`);
    const view = new DataView(result.value.bytes.buffer);
    words.forEach((word, index) => {
      expect(view.getUint32(4 * index, true), `${row.name}: ${source.split('\n')[index]}`).toBe(
        word,
      );
    });
  }
});

test('golden: the same text as objdump for a thousand words of all rows', () => {
  const lines = readFileSync(new URL('./vectors/objdump.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const seen = new Set<string>();
  for (const line of lines) {
    const [address, word, text] = line.split('\t');
    const value = Number(`0x${word}`);
    expect(disassemble(value, Number(`0x${address}`)), line).toBe(text);
    seen.add(decode(value)?.name ?? '');
  }
  // binutils 2.40 does not know Zicond
  const known = INSTRUCTIONS.filter((row) => row.extension !== 'Zicond');
  expect([...seen].sort()).toEqual(known.map((row) => row.name).sort());
});

test('illegal words are data, and targets name the nearest symbol', () => {
  expect(disassemble(0, 0)).toBe('.word 0x00000000');
  expect(disassemble(0xffff_ffff | 0, 0)).toBe('.word 0xffffffff');
  const symbols = new Map([
    ['start', PC],
    ['far', PC + 0x1000],
  ]);
  expect(disassemble(0x0100_006f, PC, symbols)).toBe('jal zero,0x80000010 <start+0x10>');
  expect(disassemble(0x0000_006f, PC, symbols)).toBe('jal zero,0x80000000 <start>');
  expect(disassemble(0xff9f_f06f, 0xffff_ffff_8000_0000n)).toBe('jal zero,0xffffffff7ffffff8');
});
