// Goal: each row's compiled handler gives what the reference states, for corner values and random
// ones. Method: one instruction at a time on the flat machine against core/isa/reference; canaries:
// tables with one wrong row each.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32, type Prng } from '../base/prng.ts';
import { encode, IMMEDIATE_RANGES } from '../isa/encode.ts';
import { combine, compute, isTaken } from '../isa/reference/integer.ts';
import { INSTRUCTIONS } from '../isa/table/index.ts';
import type { BinaryOperator, Effect, Expression, Row } from '../isa/table/row.ts';
import { DECODED_ADDRESS, exitReason } from '../protocol/host-memory-layout.ts';
import {
  FLAT_RAM_BASE,
  type FlatMachine,
  makeFlatMachine,
  readRegisters,
  writePc,
  writeRegister,
} from '../testing/flat-machine.ts';
import { OPERATION_SIZE } from './decode-operation.ts';
import { generateHostModule } from './host-module.ts';

const CORNERS = [
  0n,
  1n,
  2n,
  -1n,
  -2n,
  31n,
  32n,
  63n,
  64n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 32n,
  (1n << 63n) - 1n,
  -(1n << 63n),
  -(1n << 31n),
];
const RANDOM_CASES = process.env['GLASSHOUSE_VERIFY'] === undefined ? 40 : 4000;
const CODE = FLAT_RAM_BASE;
const DATA = FLAT_RAM_BASE + 0x1000;
const RD = 3;
const u64 = (value: bigint) => BigInt.asUintN(64, value);

interface Case {
  readonly a: bigint; // rs1, or for memory rows the value in memory
  readonly b: bigint; // rs2
  readonly immediate: number;
}

function random64(prng: Prng): bigint {
  const value = (BigInt(nextUint32(prng)) << 32n) | BigInt(nextUint32(prng));
  return value >> BigInt(nextBelow(prng, 4) * 16);
}

function casesOf(row: Row, prng: Prng): Case[] {
  const range = IMMEDIATE_RANGES[row.format];
  const immediate = () =>
    range === undefined
      ? 0
      : range.minimum +
        nextBelow(prng, Math.floor((range.maximum - range.minimum) / range.multiple) + 1) *
          range.multiple;
  const cases = CORNERS.flatMap((a) =>
    CORNERS.map((b) => ({ a: u64(a), b: u64(b), immediate: immediate() })),
  );
  for (let index = 0; index < RANDOM_CASES; index++) {
    const a = random64(prng);
    cases.push({ a, b: nextBelow(prng, 4) === 0 ? a : random64(prng), immediate: immediate() });
  }
  return cases;
}

/**
 * What rd, pc and the 8 bytes at DATA must be after `row`; undefined for rows that leave compiled
 * code.
 */
function expectation(
  row: Row,
  { a, b, immediate }: Case,
): { rd: bigint; pc: bigint; memory: bigint } | undefined {
  const pc = BigInt(CODE);
  const next = pc + 4n;
  const second = row.format === 'R' ? b : u64(BigInt(immediate));
  switch (row.effect.kind) {
    case 'write':
      return { rd: compute(row.name, { a, b: second, pc })!, pc: next, memory: 0n };
    case 'branch':
      return { rd: 0n, pc: isTaken(row.name, a, b)! ? pc + BigInt(immediate) : next, memory: 0n };
    case 'load': {
      const bits = 8 * row.effect.byteCount;
      return {
        rd: u64(row.effect.signed ? BigInt.asIntN(bits, a) : BigInt.asUintN(bits, a)),
        pc: next,
        memory: a,
      };
    }
    case 'store': {
      const bits = BigInt(8 * row.effect.byteCount);
      return { rd: 0n, pc: next, memory: ((a >> bits) << bits) | BigInt.asUintN(Number(bits), b) };
    }
    case 'atomic': {
      const bits = 8 * row.effect.byteCount;
      const old = BigInt.asUintN(bits, a);
      const combined = combine(row.name.split('.')[0]!, old, BigInt.asUintN(bits, b), bits)!;
      return {
        rd: u64(BigInt.asIntN(bits, old)),
        pc: next,
        memory: ((a >> BigInt(bits)) << BigInt(bits)) | combined,
      };
    }
    case 'nothing':
      return { rd: 0n, pc: next, memory: 0n };
    default:
      return undefined;
  }
}

/** A load's kind must be the reference's: its name tells the width and the sign, not its effect. */
const LOADS: Readonly<Record<string, readonly [number, boolean]>> = {
  lb: [1, true],
  lh: [2, true],
  lw: [4, true],
  ld: [8, true],
  lbu: [1, false],
  lhu: [2, false],
  lwu: [4, false],
};
const STORES: Readonly<Record<string, number>> = { sb: 1, sh: 2, sw: 4, sd: 8 };

/** The row as the standard has it, for the expectation; the machine may run a wrong one. */
function stated(row: Row): Row {
  const load = LOADS[row.name];
  if (load) return { ...row, effect: { kind: 'load', byteCount: load[0] as 8, signed: load[1] } };
  const byteCount = STORES[row.name];
  return byteCount ? { ...row, effect: { kind: 'store', byteCount: byteCount as 8 } } : row;
}

function runCase(machine: FlatMachine, row: Row, it: Case): string | undefined {
  const isMemory = ['load', 'store', 'atomic'].includes(row.effect.kind);
  const wanted = expectation(stated(row), it);
  if (wanted === undefined || wanted.pc % 4n !== 0n) return undefined;
  const data = machine.ramAddress + DATA - FLAT_RAM_BASE;
  const hasImmediate = row.effect.kind === 'load' || row.effect.kind === 'store';
  machine.loadWords(CODE, [
    encode(row, { rd: RD, rs1: 1, rs2: 2, immediate: it.immediate, shamt: it.immediate }),
  ]);
  // the code was written behind the machine's back
  machine.bytes.fill(0, DECODED_ADDRESS, DECODED_ADDRESS + OPERATION_SIZE);
  machine.view.setBigUint64(data, isMemory ? it.a : 0n, true);
  writeRegister(
    machine,
    1,
    isMemory ? BigInt(DATA) - (hasImmediate ? BigInt(it.immediate) : 0n) : it.a,
  );
  writeRegister(machine, 2, it.b);
  writeRegister(machine, RD, 0n);
  writePc(machine, CODE);
  if (machine.run(1) !== exitReason.budget) return `${row.name}: left for another reason`;
  const x = readRegisters(machine);
  const found = { rd: x[RD]!, pc: x[32]!, memory: machine.view.getBigUint64(data, true) };
  if (found.rd === wanted.rd && found.pc === wanted.pc && found.memory === wanted.memory)
    return undefined;
  const show = (v: typeof found) =>
    `rd ${v.rd.toString(16)} pc ${v.pc.toString(16)} memory ${v.memory.toString(16)}`;
  const sources = `a ${it.a.toString(16)} b ${it.b.toString(16)} immediate ${it.immediate}`;
  return `${row.name}: ${sources}: ${show(found)}, expected ${show(wanted)}`;
}

/** The first disagreement of each row of `rows` that has one. */
function disagreements(rows: readonly Row[], only: readonly string[] = []): string[] {
  const machine = makeFlatMachine({
    frameCount: 2,
    fillsTlb: true,
    module: new WebAssembly.Module(generateHostModule(rows)),
  });
  const found: string[] = [];
  for (const row of INSTRUCTIONS) {
    if (only.length > 0 && !only.includes(row.name)) continue;
    const prng = makePrng({ seed: 11, stream: INSTRUCTIONS.indexOf(row) });
    for (const it of casesOf(row, prng)) {
      const fault = runCase(machine, row, it);
      if (fault !== undefined) {
        found.push(fault);
        break;
      }
    }
  }
  return found;
}

test('every row agrees with the reference', () => {
  const left = INSTRUCTIONS.filter(
    (row) => expectation(row, { a: 0n, b: 0n, immediate: 0 }) === undefined,
  );
  // these run in interpreter.test, reference.property.test and machine/float.property.test
  const elsewhere = ['jump', 'loadReserved', 'storeConditional', 'system', 'float', 'loadFloat', 'storeFloat'];
  expect(left.every((row) => elsewhere.includes(row.effect.kind))).toBe(true);
  expect(disagreements(INSTRUCTIONS)).toEqual([]);
});

const binary = (operator: BinaryOperator): Expression => ({
  kind: 'binary',
  operator,
  left: { kind: 'rs1' },
  right: { kind: 'rs2' },
});
test.each<[string, Effect]>([
  ['sub', { kind: 'write', value: binary('add') }],
  ['mulhsu', { kind: 'write', value: binary('multiplyHighUnsigned') }],
  ['divuw', { kind: 'write', value: binary('divideSignedW') }],
  ['remw', { kind: 'write', value: binary('remainderSigned') }],
  ['blt', { kind: 'branch', condition: binary('lessUnsigned') }],
  ['lwu', { kind: 'load', byteCount: 4, signed: true }],
  ['sh', { kind: 'store', byteCount: 4 }],
  ['amomaxu.w', { kind: 'atomic', byteCount: 4, combine: { kind: 'memory' } }],
])('canary: a wrong %s is caught', (name, effect) => {
  const broken = INSTRUCTIONS.map((row) => (row.name === name ? { ...row, effect } : row));
  const found = disagreements(broken, [name, 'add']);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(`${name}: `);
});
