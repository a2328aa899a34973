// Goal: the reference step does what QEMU does. Method: replay of committed runs, of random
// programs and of a supervisor program; made anew with `GLASSHOUSE_MAKE_VECTORS=1 npx vitest run
// core/isa/vectors`, which needs qemu-system-riscv64 (7.2).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assemble, renderAssemblyError } from '../assemble.ts';
import { decode } from '../decode.ts';
import { makeFlatMemory } from '../reference/flat-memory.ts';
import { makeReferenceHart, referenceStep } from '../reference-step.ts';
import { COMPRESSED, getProfile, INSTRUCTIONS } from '../table/index.ts';
import {
  formatVector,
  type ProgramVector,
  parseVectors,
  VECTOR_WINDOWS,
  windowContent,
  windowDigest,
} from './program-vector.ts';
import {
  drawProgram,
  PROGRAM_SETS,
  type ProgramSet,
  programDriver,
  QEMU_ORIGIN,
  supervisorDriver,
} from './qemu-driver.ts';
import {
  SUPERVISOR_ORIGIN,
  SUPERVISOR_RESULTS,
  SUPERVISOR_SECTIONS,
  supervisorSource,
} from './supervisor-program.ts';

const fileOf = (set: ProgramSet) => new URL(`./${set.file}`, import.meta.url);
const vectorsOf = (set: ProgramSet) => parseVectors(readFileSync(fileOf(set), 'utf8'));
const SETS: readonly (readonly [string, ProgramSet])[] = Object.entries(PROGRAM_SETS);
const SUPERVISOR = new URL('./supervisor.txt', import.meta.url);
const hasShort = (set: ProgramSet) => set.extensions.includes('C');
const WORDS_PER_WINDOW = 32;
/** sstatus with FS Dirty, as the driver leaves mstatus; harts without F ignore it. */
const FLOAT_ON = 3n << 13n;
const isMaking = process.env['GLASSHOUSE_MAKE_VECTORS'] === '1';
const isFull = process.env['GLASSHOUSE_VERIFY'] !== undefined || isMaking;

function bytesOf(source: string, origin: number, name: string): Uint8Array {
  const program = assemble(source, { origin, name, profile: 'rv64gc' });
  if (!program.ok) throw new Error(renderAssemblyError(program.error));
  return program.value.bytes;
}

/**
 * Runs `source` on QEMU, without the extensions that we have not; gives the numbers that it prints.
 */
function runOnQemu(
  source: string,
  name: string,
  having: readonly string[] = [],
): readonly bigint[] {
  const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  try {
    const image = join(folder, 'image.bin');
    writeFileSync(image, bytesOf(source, QEMU_ORIGIN, name));
    const optional = ['c', 'f', 'd', 'h', 'zba', 'zbb', 'zbc', 'zbs'];
    const choices = optional.map((each) => `${each}=${having.includes(each)}`);
    const harts = name.startsWith('supervisor') ? '2' : '1';
    // biome-ignore format: options with their values
    const output = execFileSync('qemu-system-riscv64', [
      '-machine', 'virt', '-cpu', `rv64,${choices.join(',')}`, '-m', '64M', '-smp', harts, '-bios', 'none', '-nographic',
      '-monitor', 'none', '-serial', 'stdio', '-device', `loader,file=${image},addr=${QEMU_ORIGIN}`,
    ], { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'inherit'] });
    return output
      .trim()
      .split('\n')
      .map((line: string) => BigInt(`0x${line.trim()}`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (isMaking) test.each(SETS)('make the random program vectors with QEMU: %s', (_, set) => {
  const printed = runOnQemu(programDriver(set), 'programs', set.qemu);
  expect(printed.length).toBe(set.count * 32);
  const vectors = Array.from({ length: set.count }, (_, index): ProgramVector => {
    const { origin, words, registers } = drawProgram(set, index);
    const values = printed.slice(32 * index, 32 * index + 32);
    const final = [0n, ...values.slice(0, 31)];
    return {
      origin,
      seed: index,
      words: [...words],
      initial: registers,
      final,
      digest: values[31]!,
    };
  });
  writeFileSync(fileOf(set), vectors.map(formatVector).join(''));
});

if (isMaking) test('make the supervisor digests with QEMU', () => {
  const bytes = bytesOf(supervisorSource(), SUPERVISOR_ORIGIN, 'supervisor');
  const [cause, ...digests] = runOnQemu(supervisorDriver(bytes), 'supervisor driver');
  expect(cause).toBe(9n);
  const lines = SUPERVISOR_SECTIONS.map(
    (name, index) => `${name} ${digests[index]!.toString(16)}\n`,
  );
  writeFileSync(SUPERVISOR, lines.join(''));
});

/**
 * Runs the supervisor program on the reference step; gives its digests in the form of the golden
 * file.
 */
function superviseOnReference(source: string): readonly string[] {
  const memory = makeFlatMemory(0x8000_0000n, 0x80_0000);
  memory.bytes.set(
    bytesOf(source, SUPERVISOR_ORIGIN, 'supervisor'),
    SUPERVISOR_ORIGIN - QEMU_ORIGIN,
  );
  const hart = makeReferenceHart(BigInt(SUPERVISOR_ORIGIN));
  for (let steps = 0; referenceStep(hart, memory).end !== 'environmentCall'; steps++) {
    if (steps > 2_000_000) throw new Error(`no end; pc 0x${hart.pc.toString(16)}`);
  }
  return SUPERVISOR_SECTIONS.map((name, index) => {
    const digest = memory.read(BigInt(SUPERVISOR_RESULTS + 8 * index), 8);
    return `${name} ${digest.toString(16)}`;
  });
}

test('golden: the supervisor program observes the traps, CSRs and entries that it did on QEMU', () => {
  // The two exhaustive sections take seconds in BigInt; machine.test.ts runs them always.
  const isCompared = (line: string) => isFull || !line.startsWith('page-flags');
  const source = supervisorSource();
  const found = superviseOnReference(
    isFull ? source : source.replace('section6: nop', 'section6: j section8'),
  );
  const golden = readFileSync(SUPERVISOR, 'utf8').trim().split('\n');
  expect(found.filter(isCompared)).toEqual(golden.filter(isCompared));
}, 60_000);

test('canary: one trap less changes its section', () => {
  const first = supervisorSource().replace('section1: nop', 'section1: ecall');
  const golden = readFileSync(SUPERVISOR, 'utf8').trim().split('\n')[0];
  expect(superviseOnReference(first)[0]).toBe(golden);
  expect(superviseOnReference(first.replace('.word 4294967295', 'nop'))[0]).not.toBe(golden);
});

/** Runs `vector` on the reference step and gives what it left. */
function replay(
  vector: ProgramVector,
  set: ProgramSet = PROGRAM_SETS.base,
): {
  final: readonly bigint[];
  digest: bigint;
  names: Set<string>;
} {
  const memory = makeFlatMemory(0x8000_0000n, 0x40_1000);
  vector.words.forEach((word, index) => {
    memory.write(vector.origin + BigInt(4 * index), 4, BigInt(word));
  });
  const addresses = VECTOR_WINDOWS.flatMap(({ address }) =>
    Array.from({ length: WORDS_PER_WINDOW }, (_, index) => address + BigInt(8 * index)),
  );
  addresses.forEach((address, index) => {
    memory.write(address, 8, windowContent(vector.seed, index));
  });
  const hart = makeReferenceHart(vector.origin, getProfile(set.profile));
  hart.sstatus = FLOAT_ON;
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
  return {
    final: hart.x,
    digest: windowDigest(addresses.map((address) => memory.read(address, 8))),
    names,
  };
}

test.each(SETS)('golden: registers and memory after random programs are those of QEMU: %s', (_, set) => {
  // The reference is slow, most of all with floats; machine.test.ts replays all of every set.
  const step = isFull || set === PROGRAM_SETS.base ? 1 : 4;
  const vectors = vectorsOf(set).filter((_, index) => index % step === 0);
  expect(vectors.length).toBe(Math.ceil(set.count / step));
  const executed = new Set<string>();
  for (const vector of vectors) {
    const { final, digest, names } = replay(vector, set);
    expect(final, `registers of ${vector.seed}`).toEqual(vector.final);
    expect(digest, `memory of ${vector.seed}`).toBe(vector.digest);
    for (const name of names) executed.add(name);
  }
  const drawn = INSTRUCTIONS.filter(
    (row) =>
      set.extensions.includes(row.extension) &&
      !set.without?.includes(row.name) &&
      !row.name.startsWith('fence'),
  );
  const short = COMPRESSED.filter(({ name }) => hasShort(set) && name !== 'c.ebreak');
  const missing = [...drawn, ...short].map((row) => row.name).filter((name) => !executed.has(name));
  if (step === 1) expect(missing).toEqual([]);
}, 60_000);

test('canary: a hart that reads another register in addw and xor is noticed', () => {
  const vectors = vectorsOf(PROGRAM_SETS.base);
  const isChanged = (word: number) => decode(word)?.name === 'addw' || decode(word)?.name === 'xor';
  const wrong = vectors
    .filter((vector) => vector.words.some(isChanged))
    .map((vector) => {
      const words = vector.words.map((word) => (isChanged(word) ? (word ^ (1 << 20)) >>> 0 : word)); // another rs2
      const { final, digest } = replay({ ...vector, words });
      return (
        final.some((value, index) => value !== vector.final[index]) || digest !== vector.digest
      );
    });
  expect(wrong.filter((each) => each).length).toBeGreaterThan(20);
});
