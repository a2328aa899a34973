// Goal: the generated interpreter runs programs as the manual says. Method: hand-encoded programs
// on the flat machine, each with its expected registers; with TLB hits and with every access on the
// slow path.
import { describe, expect, test } from 'vitest';
import { INSTRUCTIONS } from '../isa/table/index.ts';
import { exitReason, hartOffset } from '../protocol/host-memory-layout.ts';
import {
  FLAT_RAM_BASE,
  type FlatMachine,
  makeFlatMachine,
  readRegisters,
  writePc,
  writeRegister,
} from '../testing/flat-machine.ts';
import { generateInterpreter } from './interpreter.ts';
import { generateHostModule } from './host-module.ts';

const r = (funct7: number, rs2: number, rs1: number, funct3: number, rd: number, opcode: number) =>
  ((funct7 << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode) >>> 0;
const i = (immediate: number, rs1: number, funct3: number, rd: number, opcode: number) =>
  ((immediate << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode) >>> 0;
const addi = (rd: number, rs1: number, immediate: number) => i(immediate, rs1, 0, rd, 0x13);
const add = (rd: number, rs1: number, rs2: number) => r(0, rs2, rs1, 0, rd, 0x33);
const ld = (rd: number, rs1: number, immediate: number) => i(immediate, rs1, 3, rd, 0x03);
const lw = (rd: number, rs1: number, immediate: number) => i(immediate, rs1, 2, rd, 0x03);
const lui = (rd: number, immediate: number) => ((immediate << 12) | (rd << 7) | 0x37) >>> 0;
const auipc = (rd: number, immediate: number) => ((immediate << 12) | (rd << 7) | 0x17) >>> 0;
const jalr = (rd: number, rs1: number, immediate: number) => i(immediate, rs1, 0, rd, 0x67);
const sd = (rs2: number, rs1: number, immediate: number) =>
  ((((immediate >> 5) & 0x7f) << 25) |
    (rs2 << 20) |
    (rs1 << 15) |
    (3 << 12) |
    ((immediate & 31) << 7) |
    0x23) >>>
  0;
const bne = (rs1: number, rs2: number, distance: number) =>
  ((((distance >> 12) & 1) << 31) |
    (((distance >> 5) & 0x3f) << 25) |
    (rs2 << 20) |
    (rs1 << 15) |
    (1 << 12) |
    (((distance >> 1) & 15) << 8) |
    (((distance >> 11) & 1) << 7) |
    0x63) >>>
  0;
const jal = (rd: number, distance: number) =>
  ((((distance >> 20) & 1) << 31) |
    (((distance >> 1) & 0x3ff) << 21) |
    (((distance >> 11) & 1) << 20) |
    (((distance >> 12) & 0xff) << 12) |
    (rd << 7) |
    0x6f) >>>
  0;
const ECALL = 0x73;

function runProgram(
  words: readonly number[],
  options: { fillsTlb?: boolean; budget?: number } = {},
): { machine: FlatMachine; reason: number } {
  const machine = makeFlatMachine({ frameCount: 8, fillsTlb: options.fillsTlb ?? true });
  machine.loadWords(FLAT_RAM_BASE, words);
  const reason = machine.run(options.budget ?? 100_000);
  return { machine, reason };
}
const budgetLeft = (machine: FlatMachine) =>
  machine.view.getInt32(machine.hart + hartOffset.budget, true);

describe.each([{ fillsTlb: true }, { fillsTlb: false }])(
  'with $fillsTlb TLB fills',
  ({ fillsTlb }) => {
    test('a loop adds 1 … 100, and counts its instructions', () => {
      const { machine, reason } = runProgram(
        [addi(1, 0, 100), add(2, 2, 1), addi(1, 1, -1), bne(1, 0, -8), ECALL],
        { fillsTlb },
      );
      expect(reason).toBe(exitReason.environmentCall);
      expect(readRegisters(machine)[2]).toBe(5050n);
      expect(readRegisters(machine)[32]).toBe(BigInt(FLAT_RAM_BASE + 16));
      expect(budgetLeft(machine)).toBe(100_000 - (1 + 300 + 1));
    });

    test('stores and loads meet in memory, sign-extended, misaligned and across pages', () => {
      const { machine } = runProgram(
        [
          auipc(5, 1),
          addi(6, 0, -3),
          sd(6, 5, 8),
          lw(7, 5, 10),
          sd(6, 5, 2044),
          addi(5, 5, 2047),
          ld(8, 5, -3),
          addi(5, 5, 2045),
          sd(7, 5, 0),
          ld(9, 5, 0),
          ECALL,
        ],
        { fillsTlb },
      );
      const x = readRegisters(machine);
      expect(x[7]).toBe(0xffff_ffff_ffff_ffffn);
      expect(x[8]).toBe(0xffff_ffff_ffff_fffdn);
      expect(x[9]).toBe(0xffff_ffff_ffff_ffffn);
    });
  },
);

test('writes to x0 vanish', () => {
  const { machine } = runProgram([addi(0, 0, 5), add(1, 0, 0), jal(0, 4), ECALL]);
  expect(readRegisters(machine).slice(0, 2)).toEqual([0n, 0n]);
});

test('calls and returns link across pages', () => {
  const machine = makeFlatMachine({ frameCount: 8, fillsTlb: true });
  machine.loadWords(FLAT_RAM_BASE, [jal(1, 0x2000), addi(11, 10, 1), ECALL]);
  machine.loadWords(FLAT_RAM_BASE + 0x2000, [addi(10, 0, 41), jalr(0, 1, 0)]);
  expect(machine.run(100)).toBe(exitReason.environmentCall);
  expect(readRegisters(machine)[11]).toBe(42n);
  expect(readRegisters(machine)[1]).toBe(BigInt(FLAT_RAM_BASE + 4));
});

test('straight code runs on into the next page, and leaves at its first instruction', () => {
  const machine = makeFlatMachine({ frameCount: 8, fillsTlb: true });
  machine.loadWords(FLAT_RAM_BASE + 0xff8, [addi(1, 1, 1), addi(1, 1, 1), auipc(2, 0), ECALL]);
  writePc(machine, FLAT_RAM_BASE + 0xff8);
  expect(machine.run(2)).toBe(exitReason.budget);
  expect(readRegisters(machine)[32]).toBe(BigInt(FLAT_RAM_BASE + 0x1000));
  expect(machine.run(2)).toBe(exitReason.environmentCall);
  expect(readRegisters(machine)[2]).toBe(BigInt(FLAT_RAM_BASE + 0x1000));
});

test('a jump to a misaligned target faults on the jump and does not link', () => {
  const { machine, reason } = runProgram([jal(1, 6)]);
  expect(reason).toBe(exitReason.illegal);
  expect(machine.fault).toEqual({ cause: 0, value: BigInt(FLAT_RAM_BASE + 6) });
  expect(readRegisters(machine)[1]).toBe(0n);
  expect(readRegisters(machine)[32]).toBe(BigInt(FLAT_RAM_BASE));
  const odd = runProgram([auipc(2, 0), jalr(1, 2, 11)]);
  expect(odd.machine.fault).toEqual({ cause: 0, value: BigInt(FLAT_RAM_BASE + 10) });
  expect(runProgram([bne(0, 0, 6), ECALL]).reason).toBe(exitReason.environmentCall);
});

test('undecodable words, absent code and absent data leave with pc at the instruction', () => {
  const illegal = runProgram([addi(1, 0, 1), 0xffff_ffff]);
  expect(illegal.machine.fault).toEqual({ cause: 2, value: 0xffff_ffffn });
  expect(readRegisters(illegal.machine)[32]).toBe(BigInt(FLAT_RAM_BASE + 4));
  expect(budgetLeft(illegal.machine)).toBe(99_998);
  const fetch = runProgram([jalr(1, 0, 0x100)]);
  expect(fetch.machine.fault).toEqual({ cause: 12, value: 0x100n });
  expect(readRegisters(fetch.machine)[32]).toBe(0x100n);
  expect(budgetLeft(fetch.machine)).toBe(99_998);
  const load = runProgram([lw(1, 0, 0x10)]);
  expect(load.machine.fault).toEqual({ cause: 13, value: 0x10n });
});

test('a store into decoded code takes effect at once', () => {
  const machine = makeFlatMachine({ frameCount: 8, fillsTlb: true });
  // x6 holds the words addi x10,x0,2 | ecall, written over addi x10,x0,1 | ecall, after that ran
  // once
  machine.loadWords(FLAT_RAM_BASE, [
    auipc(5, 0),
    jal(1, 12),
    sd(6, 5, 16),
    jal(0, 4),
    addi(10, 0, 1),
    jalr(0, 1, 0),
  ]);
  writeRegister(machine, 6, BigInt(addi(10, 0, 2)) | (BigInt(ECALL) << 32n));
  expect(machine.run(100)).toBe(exitReason.environmentCall);
  expect(readRegisters(machine)[10]).toBe(2n);
});

test('lui sign-extends', () => {
  expect(readRegisters(runProgram([lui(1, 0x80000), ECALL]).machine)[1]).toBe(
    0xffff_ffff_8000_0000n,
  );
});

test('the same table gives the same bytes, which validate; their size', () => {
  const bytes = generateHostModule(INSTRUCTIONS);
  expect(WebAssembly.validate(bytes)).toBe(true);
  expect(generateHostModule(INSTRUCTIONS)).toEqual(bytes);
  expect(WebAssembly.validate(generateInterpreter(INSTRUCTIONS))).toBe(true);
  expect(bytes.length).toBeGreaterThan(8_000);
  expect(bytes.length).toBeLessThan(48_000); // RV64GC; compiling costs time by the byte
});
