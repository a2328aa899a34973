// Goal: the compiled interpreter and the reference step agree instruction by instruction. Method:
// random programs of every row on both, registers, memory and faults compared after each
// instruction; canary: a table with a wrong row.
import { expect, test } from 'vitest';
import { decode } from '../isa/decode.ts';
import {
  makeReferenceHart,
  type ReferenceHart,
  type ReferenceMemory,
  referenceStep,
} from '../isa/reference-step.ts';
import { getProfile, INSTRUCTIONS } from '../isa/table/index.ts';
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
import { generateHostModule } from './host-module.ts';
import { compileHostModule } from './instantiate.ts';

const FRAME_COUNT = 6;
const RAM_SIZE = FRAME_COUNT * 4096;
const verifies = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const SEEDS = verifies ? 1000 : 20;
const STEPS = verifies ? 5000 : 1500;
const correct = compileHostModule();

/** What the flat machine has: every row of 32 bits. */
const FULL = getProfile('rv64gc');
const WITHOUT_C = { ...FULL, extensions: FULL.extensions.filter((each) => each !== 'C') };

class OutsideRam extends Error {}

/** RAM of the reference, with the writes of the present step so that a fault can undo them. */
interface FlatMemory extends ReferenceMemory {
  readonly ram: Uint8Array;
  readonly undo: { readonly offset: number; readonly byte: number }[];
}

function makeMemory(): FlatMemory {
  const ram = new Uint8Array(RAM_SIZE);
  const undo: { offset: number; byte: number }[] = [];
  const offsetOf = (address: bigint, byteCount: number) => {
    const offset = address - BigInt(FLAT_RAM_BASE);
    if (offset < 0n || offset + BigInt(byteCount) > BigInt(RAM_SIZE)) throw new OutsideRam();
    return Number(offset);
  };
  return {
    ram,
    undo,
    read(address, byteCount) {
      const offset = offsetOf(address, byteCount);
      let value = 0n;
      for (let index = byteCount - 1; index >= 0; index--)
        value = (value << 8n) | BigInt(ram[offset + index]!);
      return value;
    },
    write(address, byteCount, value) {
      const offset = offsetOf(address, byteCount);
      for (let index = 0; index < byteCount; index++) {
        undo.push({ offset: offset + index, byte: ram[offset + index]! });
        ram[offset + index] = Number((value >> BigInt(8 * index)) & 0xffn);
      }
    },
    time: () => 0n,
  };
}

/**
 * One step of the reference, as the flat machine reports it: what it left with; pc stays at what
 * faults.
 */
function stepReference(hart: ReferenceHart, memory: FlatMemory): string {
  const pc = hart.pc;
  memory.undo.length = 0;
  try {
    const outcome = referenceStep(hart, memory);
    if (outcome.end === 'environmentCall') return 'ecall';
    if (outcome.fault?.kind !== 'trap') return 'ran';
    hart.pc = pc; // the flat machine has no trap handler
    return `fault ${outcome.fault.cause} ${outcome.fault.value}`;
  } catch (error) {
    if (!(error instanceof OutsideRam)) throw error;
    for (const { offset, byte } of memory.undo.reverse()) memory.ram[offset] = byte;
    hart.pc = pc;
    hart.reservation = undefined;
    return `outside ${causeOutside(memory, pc)}`;
  }
}

/** The page fault that stands for an access outside RAM by the instruction at `pc`. */
function causeOutside(memory: FlatMemory, pc: bigint): number {
  const offset = pc - BigInt(FLAT_RAM_BASE);
  if (offset < 0n || offset >= BigInt(RAM_SIZE)) return 12;
  const kind = decode(Number(memory.read(pc, 4)))?.effect.kind;
  return kind === 'load' || kind === 'loadReserved' ? 13 : 15;
}

function stepMachine(machine: FlatMachine): string {
  const reason = machine.run(1);
  expect(machine.view.getInt32(machine.hart + hartOffset.budget, true)).toBe(0);
  if (reason === exitReason.budget) return 'ran';
  if (reason === exitReason.environmentCall) return 'ecall';
  const fault = machine.fault!;
  const isOutside = fault.cause >= 12;
  return isOutside ? `outside ${fault.cause}` : `fault ${fault.cause} ${fault.value}`;
}

/** Runs both; gives the first difference, or undefined, and counts the rows that ran. */
function firstDifference(
  seed: number,
  module: WebAssembly.Module,
  seen: Map<string, number>,
): string | undefined {
  const program = randomFlatProgram({ seed, wordCount: 2048, frameCount: FRAME_COUNT });
  const machine = makeFlatMachine({ frameCount: FRAME_COUNT, fillsTlb: true, module });
  const memory = makeMemory();
  const hart = makeReferenceHart(BigInt(FLAT_RAM_BASE), WITHOUT_C);
  machine.loadWords(FLAT_RAM_BASE, program.words);
  memory.ram.set(machine.bytes.subarray(machine.ramAddress, machine.ramAddress + RAM_SIZE));
  for (let register = 1; register < 32; register++) {
    hart.x[register] = program.registers[register]!;
    writeRegister(machine, register, program.registers[register]!);
  }
  for (let step = 0; step < STEPS; step++) {
    const at = `seed ${seed}, step ${step}, pc ${hart.pc.toString(16)}`;
    const isInside = hart.pc >= BigInt(FLAT_RAM_BASE) && hart.pc < BigInt(FLAT_RAM_BASE + RAM_SIZE);
    const name = isInside ? (decode(Number(memory.read(hart.pc, 4)))?.name ?? 'illegal') : 'absent';
    const expected = stepReference(hart, memory);
    const found = stepMachine(machine);
    if (found !== expected) return `${at}, ${name}: ${found}, expected ${expected}`;
    const x = readRegisters(machine);
    const wrong = hart.x.findIndex((value, register) => value !== x[register]);
    if (wrong >= 0) return `${at}, ${name}: x${wrong} is ${x[wrong]}, expected ${hart.x[wrong]}`;
    if (x[32] !== hart.pc) return `${at}, ${name}: pc is ${x[32]}, expected ${hart.pc}`;
    for (const { offset } of memory.undo) {
      if (machine.bytes[machine.ramAddress + offset] !== memory.ram[offset])
        return `${at}, ${name}: RAM + ${offset}`;
    }
    seen.set(name, (seen.get(name) ?? 0) + 1);
    if (expected !== 'ran') {
      hart.pc = expected === 'outside 12' ? BigInt(FLAT_RAM_BASE) : hart.pc + 4n;
      writePc(machine, Number(hart.pc));
    }
  }
  const ram = machine.bytes.subarray(machine.ramAddress, machine.ramAddress + RAM_SIZE);
  const place = ram.findIndex((byte, offset) => byte !== memory.ram[offset]);
  return place < 0 ? undefined : `seed ${seed}: RAM + ${place} at the end`;
}

test(`${SEEDS} random programs of ${STEPS} instructions`, { timeout: 3_600_000 }, () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < SEEDS; seed++)
    expect(firstDifference(seed, correct, seen)).toBeUndefined();
  const unseen = INSTRUCTIONS.filter((row) => row.effect.kind !== 'system' && !seen.has(row.name));
  expect(unseen.map((row) => row.name)).toEqual([]);
  expect(seen.get('ecall')).toBeGreaterThan(0);
  expect(seen.get('illegal')).toBeGreaterThan(0);
});

test('canary: sub that adds is caught', () => {
  const add = INSTRUCTIONS.find((row) => row.name === 'add')!;
  const broken = INSTRUCTIONS.map((row) =>
    row.name === 'sub' ? { ...row, effect: add.effect } : row,
  );
  const module = new WebAssembly.Module(generateHostModule(broken));
  const differences = Array.from({ length: 5 }, (_, seed) =>
    firstDifference(seed, module, new Map()),
  );
  expect(differences.some((difference) => difference?.includes(', sub: '))).toBe(true);
});
