// Goal: a run is the same however it is split, and whether accesses hit the TLB or take the slow path. Method: random
// words of every row in RAM, run three ways from one seed: at once, in random splits, and without TLB fills one by one.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32, type Prng } from '../base/prng.ts';
import { encode, IMMEDIATE_RANGES } from '../isa/encode.ts';
import { INSTRUCTIONS } from '../isa/table/index.ts';
import type { Row } from '../isa/table/row.ts';
import { exitReason, hartOffset } from '../protocol/host-memory-layout.ts';
import { FLAT_RAM_BASE, type FlatMachine, makeFlatMachine, readRegisters, writePc, writeRegister } from '../testing/flat-machine.ts';
import { compileHostModule } from './instantiate.ts';

const FRAME_COUNT = 6;
const CODE_WORDS = 2048; // two pages
const verifies = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const SEEDS = verifies ? 400 : 12;
const TOTAL = 3000;
const compiled = compileHostModule();

function randomWord(prng: Prng, rows: readonly Row[]): number {
  const row = rows[nextBelow(prng, rows.length)]!;
  const range = IMMEDIATE_RANGES[row.format];
  const span = range === undefined ? 0 : (Math.min(range.maximum, 256) - Math.max(range.minimum, -256)) / range.multiple;
  const near = range === undefined ? 0 : Math.max(range.minimum, -256) + nextBelow(prng, Math.floor(span) + 1) * range.multiple;
  const immediate = row.format === 'U' ? nextBelow(prng, 4) * 4096 : near;
  const isMemory = ['load', 'store', 'atomic', 'loadReserved', 'storeConditional'].includes(row.effect.kind);
  return encode(row, {
    rd: nextBelow(prng, 8) === 0 ? 0 : 16 + nextBelow(prng, 16),
    rs1: isMemory || row.name === 'jalr' ? 8 + nextBelow(prng, 8) : nextBelow(prng, 32),
    rs2: nextBelow(prng, 32),
    immediate: row.name === 'jalr' ? immediate & ~1 : immediate,
  });
}

function makeMachine(seed: number, fillsTlb: boolean): FlatMachine {
  const prng = makePrng({ seed, stream: 3 });
  const machine = makeFlatMachine({ frameCount: FRAME_COUNT, fillsTlb, module: compiled });
  const rows = INSTRUCTIONS.filter((row) => row.effect.kind !== 'system' || row.name === 'ecall');
  machine.loadWords(FLAT_RAM_BASE, Array.from({ length: CODE_WORDS }, () => randomWord(prng, rows)));
  for (let register = 1; register < 32; register++) {
    const isPointer = register >= 8 && register < 16; // half of them are well aligned
    const place = FLAT_RAM_BASE + (nextBelow(prng, FRAME_COUNT * 4096) & (register % 2 === 0 ? ~7 : ~1));
    writeRegister(machine, register, isPointer ? BigInt(place) : (BigInt(nextUint32(prng)) << 32n) | BigInt(nextUint32(prng)));
  }
  return machine;
}

interface Outcome {
  readonly registers: readonly bigint[];
  readonly ram: Uint8Array;
  readonly exits: readonly string[];
}

/** Runs TOTAL instructions in budgets from `nextBudget`; what leaves is noted and stepped over. */
function drive(machine: FlatMachine, nextBudget: () => number): Outcome {
  const exits: string[] = [];
  let rest = TOTAL;
  while (rest > 0) {
    const budget = Math.min(rest, nextBudget());
    const reason = machine.run(budget);
    const left = machine.view.getInt32(machine.hart + hartOffset.budget, true);
    rest -= budget - left;
    if (reason === exitReason.budget) {
      expect(left).toBe(0);
      continue;
    }
    expect(left).toBeLessThan(budget);
    const pc = Number(readRegisters(machine)[32]);
    const isFault = reason === exitReason.illegal;
    exits.push(`${TOTAL - rest}: reason ${reason} at ${pc.toString(16)}, ${isFault ? `${machine.fault?.cause} ${machine.fault?.value}` : ''}`);
    const isFetch = isFault && machine.fault?.cause === 12;
    writePc(machine, isFetch ? FLAT_RAM_BASE : pc + 4);
  }
  const ram = machine.bytes.slice(machine.ramAddress, machine.ramAddress + FRAME_COUNT * 4096);
  return { registers: readRegisters(machine), ram, exits };
}

test(`${SEEDS} random programs, split at random and with every access slow`, () => {
  let exitCount = 0;
  const calls = { load: 0, decode: 0 };
  for (let seed = 0; seed < SEEDS; seed++) {
    const whole = makeMachine(seed, true);
    const expected = drive(whole, () => TOTAL);
    exitCount += expected.exits.length;
    calls.load += whole.calls.load;
    calls.decode += whole.calls.decode;
    const prng = makePrng({ seed, stream: 4 });
    expect(drive(makeMachine(seed, true), () => 1 + nextBelow(prng, 40)), `seed ${seed}, split`).toEqual(expected);
    expect(drive(makeMachine(seed, false), () => 1), `seed ${seed}, slow`).toEqual(expected);
  }
  expect(exitCount).toBeGreaterThan(SEEDS); // the programs are not empty of faults,
  expect(calls.decode).toBeGreaterThan(SEEDS * 100); // run through much code,
  expect(calls.load).toBeGreaterThan(SEEDS); // and use memory
});

test('canary: a machine that loses one instruction at a split is caught', () => {
  const expected = drive(makeMachine(1, true), () => TOTAL);
  const machine = makeMachine(1, true);
  const skipping = drive(machine, () => {
    const pc = Number(readRegisters(machine)[32]);
    if (pc === FLAT_RAM_BASE + 64) writePc(machine, pc + 4);
    return 1;
  });
  expect(skipping.exits.join() === expected.exits.join() && skipping.registers.join() === expected.registers.join()).toBe(false);
});
