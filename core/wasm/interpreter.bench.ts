/**
 * How fast the generated interpreter is inside the whole machine: guest instructions a second of
 * wall time on small programs, in VS mode under two-stage paging (Sv39 over Sv39x4), and gigabytes
 * a second of the hash and of the zero test. Called by the command line's `bench`; in Chromium the
 * same function runs in a page.
 */
import { makeHash } from '../base/hash.ts';
import { exitReason } from '../protocol/host-memory-layout.ts';
import { makeFlatMachine } from '../testing/flat-machine.ts';
import { makeSmallGuest } from '../testing/small-guest.ts';

/** One line of the result. */
export interface InterpreterMeasurement {
  readonly name: string;
  readonly value: number;
  readonly unit: 'MIPS' | 'GB/s';
}

/**
 * Maps the gigabyte of RAM onto itself and turns Sv39 on; the G-stage below maps it page by page.
 */
const PAGING = `
  la t0, root
  li t1, 0x200000cf      # leaf for 0x80000000: D A X W R V
  sd t1, 16(t0)
  srli t0, t0, 12
  li t1, 8
  slli t1, t1, 60
  or t0, t0, t1
  csrw satp, t0
  sfence.vma
  la a3, data
  mv a1, a3
  li a2, DATA_SIZE
  add a2, a2, a3`;

const DATA = `
  .align 12
  root: .fill 512, 8, 0
  data:`;

/** Bodies; a1 walks from a3 to a2 (data), other registers are free. */
const PROGRAMS: Readonly<Record<string, { readonly body: string; readonly dataSize: number }>> = {
  'arithmetic and a jump': {
    dataSize: 4096,
    body: `1: addi t0, t0, 1
      xor t1, t0, t1
      slli t2, t1, 13
      srli t3, t1, 7
      xor t4, t2, t3
      add t5, t4, t4
      sltu t6, t5, t0
      j 1b`,
  },
  'mixed: loads, stores, branches, multiply, calls': {
    dataSize: 1 << 20,
    body: `1: ld t0, 0(a1)
      addi t0, t0, 1
      sd t0, 0(a1)
      lw t1, 8(a1)
      mul t2, t0, t1
      xor t2, t0, t2
      andi t3, t0, 1
      beqz t3, 2f
      addi t2, t2, 1
      2: sw t2, 8(a1)
      jal ra, 4f
      addi a1, a1, 24
      bltu a1, a2, 3f
      mv a1, a3
      3: j 1b
      4: lbu t4, 16(a1)
      add t5, t4, t4
      ret`,
  },
  'one store a page over 8 MiB (TLB misses)': {
    dataSize: 8 << 20,
    body: `1: li t1, 256
      2: addi t1, t1, -1
      bnez t1, 2b
      sd t0, 0(a1)
      li t2, 4096
      add a1, a1, t2
      bltu a1, a2, 1b
      mv a1, a3
      j 1b`,
  },
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

/**
 * Measures; takes a few seconds. Medians of seven rounds after a warm-up that lets the engine
 * optimise.
 */
export function benchmarkInterpreter(): InterpreterMeasurement[] {
  const measurements: InterpreterMeasurement[] = [];
  for (const name of Object.keys(PROGRAMS)) {
    const { body, dataSize } = PROGRAMS[name]!;
    const source = `${PAGING.replace('DATA_SIZE', String(dataSize))}\n${body}\n${DATA}`;
    const guest = makeSmallGuest({ source, pageCount: 16 + dataSize / 4096 });
    const run = () => {
      const { exit } = guest.machine.run(0, BUDGET);
      if (exit !== exitReason.budget)
        throw new Error(`the program "${name}" left with reason ${exit}`);
    };
    for (let warm = 0; warm < 5; warm++) run();
    measurements.push({
      name: `interpreter, ${name}`,
      value: BUDGET / millisecondsOf(run) / 1000,
      unit: 'MIPS',
    });
  }
  return [...measurements, ...measureRanges()];
}

/** The functions over ranges, on 2 MiB that stay in the cache. */
function measureRanges(): InterpreterMeasurement[] {
  const { compiled, ramAddress } = makeFlatMachine({ frameCount: 512, fillsTlb: true });
  const byteCount = 512 * 4096;
  const passes = 8;
  const hash = makeHash();
  const works: Readonly<Record<string, () => unknown>> = {
    hash: () => compiled.hashRange(ramAddress, byteCount, hash),
    'zero test': () => compiled.isZero(ramAddress, byteCount),
  };
  return Object.keys(works).map((name) => {
    const work = () => {
      for (let pass = 0; pass < passes; pass++) works[name]!();
    };
    for (let warm = 0; warm < 3; warm++) work();
    return { name, value: (passes * byteCount) / millisecondsOf(work) / 1e6, unit: 'GB/s' };
  });
}
