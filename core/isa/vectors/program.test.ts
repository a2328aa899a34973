// Goal: the reference step computes what QEMU computes. Method: replay of committed runs of random RV64IMA programs; they are made
// anew with `GLASSHOUSE_MAKE_VECTORS=1 npx vitest run core/isa/vectors/program`, which needs qemu-system-riscv64.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makePrng } from '../../base/index.ts';
import { decode } from '../decode.ts';
import { randomProgram } from '../random-program.ts';
import { makeFlatMemory } from '../reference/flat-memory.ts';
import { makeReferenceHart, referenceStep } from '../reference-step.ts';
import { INSTRUCTIONS } from '../table/index.ts';
import {
  formatVector, type ProgramVector, parseVectors, VECTOR_WINDOWS, windowContent, windowDigest,
} from './program-vector.ts';
import { QEMU_ORIGIN, QEMU_RUNTIME, runOnQemu } from './qemu-run.ts';

const FILE = new URL('./program.txt', import.meta.url);
const COUNT = 240;
const SLOT = 0x800;
const FIRST_SLOT = 0x1_0000;
const PROGRAM_OFFSET = 0x100;
const WORDS_PER_WINDOW = 32;

function drawProgram(index: number) {
  return randomProgram({
    prng: makePrng({ seed: 1000 + index, stream: 5 }),
    origin: BigInt(QEMU_ORIGIN + FIRST_SLOT + index * SLOT + PROGRAM_OFFSET),
    instructionCount: 60,
    windows: VECTOR_WINDOWS,
    loneStoreConditional: false,
    weights: { atomic: 12, reserve: 4 },
  });
}

/** One slot: loads the registers, runs the words, goes to `save`. */
function slotSource(index: number): string {
  const { registers, words } = drawProgram(index);
  const loads = registers.slice(1).map((_, each) => `ld x${each + 1}, ${8 * (each + 1)}(x31)`);
  return `
    .org ${FIRST_SLOT + index * SLOT}
    la x31, registers${index}
    ${loads.join('\n')}
    j program${index}
    .org ${FIRST_SLOT + index * SLOT + PROGRAM_OFFSET}
program${index}: .word ${[...words].join(',')}
    csrw mscratch, x1
    la x1, save
    jr x1
    .data
registers${index}: .dword ${registers.join(',')}
    .text`;
}

/** Runs all slots in turn; for each prints x1 … x31 and the digest. The slot number is in memory at `current`. */
function driverSource(): string {
  const stores = Array.from({ length: 30 }, (_, each) => `sd x${each + 2}, ${8 * (each + 2)}(x1)`);
  const [first, second] = VECTOR_WINDOWS;
  const overWindows = (body: string) => [first, second].map(({ address }, each) => `
    li s2, ${address}
    addi s3, s2, 256
1:  ${body}
    addi s2, s2, 8
    bne s2, s3, 1b # window ${each}`).join('\n');
  return `
    la t0, failed
    csrw mtvec, t0
run:
    lw   s0, current               # seed = slot number
    li   s1, 0x9e3779b97f4a7c15
    addi s0, s0, 1
    ${overWindows(`mul t0, s0, s1
    sd t0, 0(s2)
    addi s0, s0, 1`)}
    sc.w x0, x0, (s2)              # no reservation of the program before
    lw   t0, current
    li   t1, ${SLOT}
    mul  t0, t0, t1
    li   t1, ${QEMU_ORIGIN + FIRST_SLOT}
    add  t0, t0, t1
    jr   t0
save:
    la   x1, saved
    ${stores.join('\n')}
    csrr x2, mscratch
    sd   x2, 8(x1)
    la   s0, saved
    addi s1, s0, 256
    addi s0, s0, 8
1:  ld   a0, 0(s0)
    call print_hex
    addi s0, s0, 8
    bne  s0, s1, 1b
    li   a1, 0x9e3779b97f4a7c15
    li   a2, 0x100000001b3
    ${overWindows(`ld t0, 0(s2)
    xor a1, a1, t0
    mul a1, a1, a2`)}
    mv   a0, a1
    call print_hex
    lw   t0, current
    addi t0, t0, 1
    sw   t0, current, t1
    li   t1, ${COUNT}
    bne  t0, t1, run
    j    finish
    .balign 4
failed:
    csrr a0, mcause
    call print_hex
    csrr a0, mepc
    call print_hex
    j finish
    ${QEMU_RUNTIME}
    .data
saved: .zero 256
current: .word 0, 0
    .text
    ${Array.from({ length: COUNT }, (_, index) => slotSource(index)).join('\n')}`;
}

test.skipIf(process.env['GLASSHOUSE_MAKE_VECTORS'] !== '1')('make the vectors with QEMU', () => {
  const printed = runOnQemu(driverSource(), 'programs');
  expect(printed.length).toBe(COUNT * 32);
  const vectors = Array.from({ length: COUNT }, (_, index): ProgramVector => {
    const { origin, words, registers } = drawProgram(index);
    const values = printed.slice(32 * index, 32 * index + 32);
    const final = [0n, ...values.slice(0, 31)];
    return { origin, seed: index, words: [...words], initial: registers, final, digest: values[31]! };
  });
  writeFileSync(FILE, vectors.map(formatVector).join(''));
});

/** Runs `vector` on the reference step and gives what it left. */
function replay(vector: ProgramVector): { final: readonly bigint[]; digest: bigint; names: Set<string> } {
  const memory = makeFlatMemory(0x8000_0000n, 0x40_1000);
  vector.words.forEach((word, index) => {
    memory.write(vector.origin + BigInt(4 * index), 4, BigInt(word));
  });
  const addresses = VECTOR_WINDOWS.flatMap(({ address }) =>
    Array.from({ length: WORDS_PER_WINDOW }, (_, index) => address + BigInt(8 * index)),
  );
  addresses.forEach((address, index) => memory.write(address, 8, windowContent(vector.seed, index)));
  const hart = makeReferenceHart(vector.origin);
  vector.initial.forEach((value, index) => {
    hart.x[index] = value;
  });
  const end = vector.origin + BigInt(4 * vector.words.length);
  const names = new Set<string>();
  for (let steps = 0; hart.pc !== end; steps++) {
    expect(steps).toBeLessThan(10_000);
    const outcome = referenceStep(hart, memory);
    expect(outcome.end).toBe('retired');
    names.add(outcome.name ?? '');
  }
  return { final: hart.x, digest: windowDigest(addresses.map((address) => memory.read(address, 8))), names };
}

test.skipIf(!existsSync(FILE))('golden: registers and memory after random programs are those of QEMU', () => {
  const vectors = parseVectors(readFileSync(FILE, 'utf8'));
  expect(vectors.length).toBe(COUNT);
  const executed = new Set<string>();
  for (const vector of vectors) {
    const { final, digest, names } = replay(vector);
    expect(final, `registers of ${vector.seed}`).toEqual(vector.final);
    expect(digest, `memory of ${vector.seed}`).toBe(vector.digest);
    for (const name of names) executed.add(name);
  }
  const unprivileged = INSTRUCTIONS.filter((row) => ['I', 'M', 'A', 'Zifencei'].includes(row.extension));
  expect([...executed].sort()).toEqual(unprivileged.map((row) => row.name).sort());
}, 60_000);

test('canary: a hart that reads another register in addw and xor is noticed', () => {
  const vectors = parseVectors(readFileSync(FILE, 'utf8'));
  const isChanged = (word: number) => decode(word)?.name === 'addw' || decode(word)?.name === 'xor';
  const wrong = vectors.filter((vector) => vector.words.some(isChanged)).map((vector) => {
    const words = vector.words.map((word) => (isChanged(word) ? (word ^ (1 << 20)) >>> 0 : word)); // another rs2
    const { final, digest } = replay({ ...vector, words });
    return final.some((value, index) => value !== vector.final[index]) || digest !== vector.digest;
  });
  expect(wrong.filter((each) => each).length).toBeGreaterThan(20);
});
