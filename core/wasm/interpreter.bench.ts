/**
 * How fast the generated interpreter is: guest instructions a second of wall time on small programs of ALU, memory,
 * branch, multiply and call instructions, with every access a TLB hit (so paging costs what it costs under two
 * stages), and gigabytes a second of the hash and the zero test. Run by the command line's `bench`.
 */
import { makeHash } from '../base/hash.ts';
import { exitReason } from '../protocol/host-memory-layout.ts';
import { FLAT_RAM_BASE, type FlatMachine, makeFlatMachine, writeRegister } from '../testing/flat-machine.ts';

/** One line of the result. */
export interface InterpreterMeasurement {
  readonly name: string;
  readonly value: number;
  readonly unit: 'MIPS' | 'GB/s';
}

// biome-ignore format: assembly, with the words that it assembles to
const PROGRAMS: Readonly<Record<string, readonly number[]>> = {
  // the loop adds, shifts and compares: 8 instructions
  alu: [
    0x00128293, // 1: addi t0, t0, 1
    0x0062c333, // xor t1, t0, t1
    0x00d31393, // slli t2, t1, 13
    0x00735e13, // srli t3, t1, 7
    0x01c3ceb3, // xor t4, t2, t3
    0x01de8f33, // add t5, t4, t4
    0x005f3fb3, // sltu t6, t5, t0
    0xfe5ff06f, // j 1b
  ],
  // ALU, loads, stores, branches both ways, multiply, a call and its return: 16 or 17 instructions a turn
  mixed: [
    0x0005b283, // 1: ld t0, 0(a1)
    0x00128293, // addi t0, t0, 1
    0x0055b023, // sd t0, 0(a1)
    0x0085a303, // lw t1, 8(a1)
    0x026283b3, // mul t2, t0, t1
    0x0072c3b3, // xor t2, t0, t2
    0x0012fe13, // andi t3, t0, 1
    0x000e0463, // beqz t3, +8
    0x00138393, // addi t2, t2, 1
    0x0075a423, // sw t2, 8(a1)
    0x014000ef, // jal ra, +20
    0x01858593, // addi a1, a1, 24
    0x00c5e463, // bltu a1, a2, +8 (to 'j 1b')
    0x00068593, // mv a1, a3
    0xfc9ff06f, // j 1b
    0x0105ce83, // lbu t4, 16(a1)
    0x01de8f33, // add t5, t4, t4
    0x00008067, // ret
  ],
};

const ROUNDS = 7;
const BUDGET = 4_000_000;

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

function millisecondsOf(work: () => void): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    work();
    times.push(performance.now() - start);
  }
  return median(times);
}

function machineWith(program: readonly number[]): FlatMachine {
  const machine = makeFlatMachine({ frameCount: 64, fillsTlb: true });
  machine.loadWords(FLAT_RAM_BASE, program);
  const dataStart = BigInt(FLAT_RAM_BASE + 0x2000);
  writeRegister(machine, 11, dataStart);
  writeRegister(machine, 13, dataStart);
  writeRegister(machine, 12, dataStart + 0x8000n);
  return machine;
}

/** Measures; takes about a second. Medians of seven rounds after a warm-up that lets the engine optimise. */
export function benchmarkInterpreter(): InterpreterMeasurement[] {
  const measurements: InterpreterMeasurement[] = [];
  for (const name of Object.keys(PROGRAMS)) {
    const machine = machineWith(PROGRAMS[name]!);
    const run = () => {
      const reason = machine.run(BUDGET);
      if (reason !== exitReason.budget) throw new Error(`the program ${name} left with reason ${reason}`);
    };
    for (let warm = 0; warm < 5; warm++) run();
    measurements.push({ name: `interpreter, ${name}`, value: BUDGET / millisecondsOf(run) / 1000, unit: 'MIPS' });
  }
  const machine = makeFlatMachine({ frameCount: 512, fillsTlb: true });
  const bytes = 512 * 4096;
  const passes = 8;
  const hash = makeHash();
  const hashAll = () => {
    for (let pass = 0; pass < passes; pass++) machine.compiled.hashRange(machine.ramAddress, bytes, hash);
  };
  const testAll = () => {
    for (let pass = 0; pass < passes; pass++) machine.compiled.isZero(machine.ramAddress, bytes);
  };
  for (const [name, work] of [['hash', hashAll], ['zero test', testAll]] as const) {
    for (let warm = 0; warm < 3; warm++) work();
    measurements.push({ name, value: (passes * bytes) / millisecondsOf(work) / 1e6, unit: 'GB/s' });
  }
  return measurements;
}
