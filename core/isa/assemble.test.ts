// Goal: the assembler gives the words that GNU as gives and names mistakes by their place. Method:
// one source through both (golden words made anew by `sh core/isa/vectors/assembler.sh`), li by
// execution, a table of mistakes, layouts by hand.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AssembledProgram, assemble, renderAssemblyError } from './assemble.ts';
import { loadImmediate } from './assembler/load-immediate.ts';
import { makeFlatMemory } from './reference/flat-memory.ts';
import { makeReferenceHart, referenceStep } from './reference-step.ts';
import type { HartProfileId } from './table/index.ts';

const ORIGIN = 0x8000_0000;

function assembled(
  source: string,
  origin = ORIGIN,
  profile: HartProfileId = 'rv64ima',
): AssembledProgram {
  const result = assemble(source, { origin, name: 'test.s', profile });
  if (!result.ok) throw new Error(renderAssemblyError(result.error));
  return result.value;
}

function wordsOf(program: AssembledProgram): string[] {
  const view = new DataView(program.bytes.buffer);
  return Array.from({ length: program.bytes.length >> 2 }, (_, index) =>
    view
      .getUint32(4 * index, true)
      .toString(16)
      .padStart(8, '0'),
  );
}

/** The program with the mnemonics of H, which rv64ima lacks, as their words. */
function withoutHypervisor(source: string): string {
  return source.replace(/^ *hfence.*$/gm, (line) => `.word 0x${wordsOf(assembled(line, ORIGIN, 'rv64gch'))[0]}`);
}

const file = (name: string) => readFileSync(new URL(`./vectors/${name}`, import.meta.url), 'utf8');

test('golden: the same words as GNU as', () => {
  const program = assembled(withoutHypervisor(file('assembler.s')));
  expect(wordsOf(program)).toEqual(file('assembler.txt').trim().split('\n'));
});

test('canary: one changed register is another word', () => {
  const changed = withoutHypervisor(file('assembler.s')).replace('snez a0, a1', 'snez a0, a2');
  expect(wordsOf(assembled(changed))).not.toEqual(file('assembler.txt').trim().split('\n'));
});

const edges = fc
  .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -4097, max: 4097 }))
  .map(([bits, offset]) => BigInt.asIntN(64, (1n << BigInt(bits)) + BigInt(offset)));

test('li leaves every 64-bit constant, in at most 8 instructions', () => {
  fc.assert(
    fc.property(
      fc.oneof(edges, fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n })),
      (constant) => {
        const { bytes } = assembled(`li a0, ${constant}`);
        const memory = makeFlatMemory(BigInt(ORIGIN), 64);
        memory.bytes.set(bytes);
        const hart = makeReferenceHart(BigInt(ORIGIN));
        for (let index = 0; index < bytes.length; index += 4) {
          expect(referenceStep(hart, memory).end).toBe('retired');
        }
        expect(hart.x[10]).toBe(BigInt.asUintN(64, constant));
        expect(loadImmediate(constant).length).toBeLessThanOrEqual(8);
      },
    ),
    { numRuns: process.env['GLASSHOUSE_VERIFY'] ? 20_000 : 500, seed: 12 },
  );
});

test('mistakes are named with line and column, what was found and what was expected', () => {
  // biome-ignore format: a mistake a line
  const mistakes: readonly (readonly [string, string])[] = [
    ['nop\n  foo a0', "test.s:2:3: unknown mnemonic: found 'foo', expected an instruction of rv64ima"],
    ['beq a0, q0, 1f', "test.s:1:9: bad register: found 'q0', expected an integer register"],
    ['add a0, a1, t9', "test.s:1:13: bad register: found 't9', expected an integer register"],
    ['a: nop\na: nop', "test.s:2:1: duplicate label: found 'a', expected a name not used before (line 1)"],
    ['a: nop\n.equ a, 1', "test.s:2:6: duplicate label: found 'a', expected a name not used before (line 1)"],
    ['j nowhere', "test.s:1:3: undefined symbol: found 'nowhere', expected a label or a constant defined in this source"],
    ['j 1b', "test.s:1:3: undefined symbol: found '1b', expected a numeric label there"],
    ['li a0, later\n.equ later, 5', "test.s:1:8: undefined symbol: found 'later', expected a constant defined before"],
    ['x: li a0, x', 'test.s:1:11: not constant: found an address that is not known yet, expected a constant known here'],
    ['addi a0, a0, 2048', 'test.s:1:14: out of range: found 2048, expected an immediate of -2048 … 2047'],
    ['beq a0, a1, x\n.zero 8192\nx:', 'test.s:1:13: out of range: found a target at distance 8196, expected a target within -4096 … 4094'],
    ['slliw a0, a0, 32', 'test.s:1:15: out of range: found 32, expected an immediate of 0 … 31'],
    ['lui a0, 0x100000', 'test.s:1:9: out of range: found 1048576, expected a 20-bit immediate, -524288 … 1048575'],
    ['li a0, 1 << 64', 'test.s:1:10: bad operand: found a shift by 64, expected a shift by 0 … 63'],
    ['.byte 256', 'test.s:1:7: out of range: found 256, expected a value of 8 bits'],
    ['j .+3', 'test.s:1:4: misaligned: found a distance of 3, expected a multiple of 2'],
    ['.byte 1\nnop', 'test.s:2:1: misaligned: found an instruction at offset 1, expected a multiple of 4 (.balign 4)'],
    ['lw a0, 4(a0', "test.s:1:12: syntax: found the end of the statement, expected ')'"],
    ['nop nop', "test.s:1:5: syntax: found 'nop', expected the end of the statement"],
    ['nop @', "test.s:1:5: syntax: found '@', expected a statement"],
    ['.ascii "abc', 'test.s:1:8: syntax: found the end of the line, expected a closing "'],
    ['.word 0x', "test.s:1:7: syntax: found '0x', expected a number"],
    ['li a0, 010', "test.s:1:8: syntax: found '010', expected a number without a leading 0"],
    ['.foo 1', "test.s:1:1: unknown directive: found '.foo', expected a directive of this assembler"],
    ['csrr a0, xyz', "test.s:1:10: bad csr: found 'xyz', expected a CSR"],
    ['amoadd.w a0, a1, 4(a2)', "test.s:1:18: bad operand: found '4', expected a register in parentheses, without an offset"],
    ['fence wr, r', "test.s:1:7: bad operand: found 'wr', expected letters of 'iorw' in this order"],
    ['.equ a, b\n.equ b, a\n.dword a', "test.s:1:9: undefined symbol: found 'b', expected a definition that does not go in a circle"],
    ['.zero 999999999999', 'test.s:1:7: out of range: found 999999999999, expected 0 … 268435456'],
    ['.balign 3', 'test.s:1:9: bad operand: found 3, expected a power of two'],
    ['.zero 8\n.org 4', 'test.s:2:6: out of range: found 4, expected 8 … 268435456, an offset from the start of the section'],
    [`li a0, ${'('.repeat(100)}`, 'test.s:1:73: syntax: found deeper nesting, expected at most 64 levels'],
    ['addi a0, a0, %foo(3)', "test.s:1:14: syntax: found '%foo', expected %hi, %lo, %pcrel_hi or %pcrel_lo"],
  ];
  for (const [source, message] of mistakes) {
    const result = assemble(source, { origin: ORIGIN, name: 'test.s' });
    expect(result.ok ? 'no mistake' : renderAssemblyError(result.error), source).toBe(message);
  }
});

test('any text gives a program or a mistake inside the text, never a crash', () => {
  const piece = fc.constantFrom(
    'nop',
    'li',
    'a0',
    ',',
    '(',
    ')',
    '1',
    '1:',
    '1b',
    '%lo',
    '.word',
    '"x"',
    "'c'",
    '\n',
    '-',
    'x:',
    'x',
    '.org',
    '=',
    ' ',
    '/*',
    '#',
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 }),
      (pieces) => {
        const source = pieces.join(' ');
        const result = assemble(source, { origin: 0, name: 'x' });
        if (!result.ok) {
          const line = source.split('\n')[result.error.line - 1];
          expect(line).toBeDefined();
          expect(result.error.column).toBeLessThanOrEqual(line!.length + 2);
        }
      },
    ),
    { numRuns: 1500, seed: 13 },
  );
});

test('sections follow each other in order, aligned as they ask; symbols and lines tell where', () => {
  const program = assembled(`
    .data
    byte: .byte 1
    .text
    start: nop
    .bss
    .balign 16
    room: .space 4
    .section .rodata, "a"
    text: .asciz "ab"
    .text
    nop`);
  expect(Object.fromEntries(program.symbols)).toEqual({
    start: ORIGIN,
    text: ORIGIN + 8,
    byte: ORIGIN + 11,
    room: ORIGIN + 16,
  });
  expect([...program.bytes]).toEqual([
    0x13, 0, 0, 0, 0x13, 0, 0, 0, 97, 98, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
  ]);
  expect(program.lines).toContainEqual({ address: ORIGIN + 4, line: 12 });
  expect(program.lines).toContainEqual({ address: ORIGIN + 8, line: 10 });
});

test('set redefines from there on; . is the statement; numeric labels are the nearest', () => {
  const program = assembled(`
    .set n, 1
    .word n
    .set n, n + 4
    .word n, . - 0x80000000, end - .
1:  .word 1b - 0x80000000, 1f - 1b
1:
end:`);
  expect(wordsOf(program).map((word) => Number.parseInt(word, 16))).toEqual([1, 5, 4, 20, 16, 8]);
  expect(program.symbols.get('n')).toBe(5);
});
