// Goal: a run is the same however it is split, and whether accesses hit the TLB or take the slow
// path. Method: random words of every row in RAM, run three ways from one seed: at once, in random
// splits, and without TLB fills one by one.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/prng.ts';
import { exitReason, hartOffset } from '../protocol/host-memory-layout.ts';
import {
  FLAT_RAM_BASE,
  type FlatMachine,
  makeFlatMachine,
  readRegisters,
  writePc,
  writeRegister,
} from '../testing/flat-machine.ts';
import { randomFlatProgram } from '../testing/flat-program.ts';
import { compileHostModule } from './instantiate.ts';

const FRAME_COUNT = 6;
const CODE_WORDS = 2048; // two pages
const verifies = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const SEEDS = verifies ? 400 : 12;
const TOTAL = 3000;
const compiled = compileHostModule();

function makeMachine(seed: number, fillsTlb: boolean): FlatMachine {
  const machine = makeFlatMachine({ frameCount: FRAME_COUNT, fillsTlb, module: compiled });
  const program = randomFlatProgram({ seed, wordCount: CODE_WORDS, frameCount: FRAME_COUNT });
  machine.loadWords(FLAT_RAM_BASE, program.words);
  for (let register = 1; register < 32; register++)
    writeRegister(machine, register, program.registers[register]!);
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
    const what = isFault ? `${machine.fault?.cause} ${machine.fault?.value}` : '';
    exits.push(`${TOTAL - rest}: reason ${reason} at ${pc.toString(16)} ${what}`);
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
    expect(
      drive(makeMachine(seed, true), () => 1 + nextBelow(prng, 40)),
      `seed ${seed}, split`,
    ).toEqual(expected);
    expect(
      drive(makeMachine(seed, false), () => 1),
      `seed ${seed}, slow`,
    ).toEqual(expected);
  }
  expect(exitCount).toBeGreaterThan(SEEDS); // the programs are not empty of faults,
  expect(calls.decode).toBeGreaterThan(SEEDS * 100); // run through much code,
  expect(calls.load).toBeGreaterThan(SEEDS); // and use memory
});

test('canary: a machine that loses one instruction at a split is caught', () => {
  const expected = drive(makeMachine(2, true), () => TOTAL);
  const machine = makeMachine(2, true);
  const skipping = drive(machine, () => {
    const pc = Number(readRegisters(machine)[32]);
    if (pc === FLAT_RAM_BASE + 16) writePc(machine, pc + 4);
    return 1;
  });
  expect(
    skipping.exits.join() === expected.exits.join() &&
      skipping.registers.join() === expected.registers.join(),
  ).toBe(false);
});
