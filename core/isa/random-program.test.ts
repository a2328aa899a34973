// Goal: random programs end, stay in their windows and exercise every row they are asked for.
// Method: many seeds on the reference step, with and without traps, with the memory outside the
// windows compared.
import { expect, test } from 'vitest';
import { makePrng } from '../base/index.ts';
import { decode } from './decode.ts';
import {
  HARMLESS_CSRS,
  type RandomProgramOptions,
  randomProgram,
  SKIP_HANDLER,
} from './random-program.ts';
import { makeFlatMemory } from './reference/flat-memory.ts';
import { makeReferenceHart, referenceStep } from './reference-step.ts';
import { COMPRESSED, getProfile, INSTRUCTIONS } from './table/index.ts';

const BASE = 0x8000_0000n;
const HANDLER = BASE + 0x100n;
const CODE = BASE + 0x1000n;
const WINDOWS = [
  { address: BASE + 0x1_0000n, byteCount: 4096 },
  { address: BASE + 0x1_2000n, byteCount: 64 },
];
const SEEDS = process.env['GLASSHOUSE_VERIFY'] ? 2000 : 120;

function run(seed: number, options: Partial<RandomProgramOptions>) {
  const prng = makePrng({ seed, stream: 3 });
  const program = randomProgram({
    prng,
    origin: CODE,
    instructionCount: 80,
    windows: WINDOWS,
    csrs: HARMLESS_CSRS,
    ...options,
  });
  const memory = makeFlatMemory(BASE, 0x1_3000);
  program.words.forEach((word, index) => {
    memory.write(CODE + BigInt(4 * index), 4, BigInt(word));
  });
  SKIP_HANDLER.forEach((word, index) => {
    memory.write(HANDLER + BigInt(4 * index), 4, BigInt(word));
  });
  const before = memory.bytes.slice();
  const hart = makeReferenceHart(CODE, getProfile(options.extensions ? 'rv64gc' : 'rv64ima'));
  hart.stvec = HANDLER;
  hart.sstatus = 3n << 13n; // float unit on
  program.registers.forEach((value, index) => {
    hart.x[index] = value;
  });
  const end = CODE + BigInt(4 * program.words.length);
  const names = new Map<string, number>();
  let traps = 0;
  for (let steps = 0; hart.pc !== end; steps++) {
    expect(steps, `seed ${seed}`).toBeLessThan(20_000);
    const { end: how, name } = referenceStep(hart, memory);
    if (how === 'trapped') traps++;
    else expect(how === 'retired' || name === 'ecall', `seed ${seed}: ${how}`).toBe(true);
    if (how === 'environmentCall') hart.pc += 4n;
    if (name !== undefined) names.set(name, (names.get(name) ?? 0) + 1);
  }
  for (const { address, byteCount } of WINDOWS) {
    const from = Number(address - BASE);
    before.set(memory.bytes.subarray(from, from + byteCount), from);
  }
  const isOutsideSame = before.every((byte, index) => byte === memory.bytes[index]);
  expect(isOutsideSame, `seed ${seed} wrote outside`).toBe(true);
  return { program, names, traps };
}

test('programs end, keep to their windows and do not trap unless asked to', () => {
  const executed = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const { names, traps } = run(seed, { extensions: getProfile('rv64gc').extensions });
    expect(traps).toBe(0);
    for (const name of names.keys()) executed.add(name);
  }
  const expected = INSTRUCTIONS.filter((row) => !['Privileged', 'H', 'Svinval'].includes(row.extension));
  expect([...executed].filter((name) => name !== 'sret').sort()).toEqual(
    [...expected, ...COMPRESSED]
      .map((row) => row.name)
      .filter((name) => name !== 'cbo.zero' && name !== 'c.ebreak')
      .sort(),
  );
});

test('illegal words, calls and breakpoints trap and the programs still end', () => {
  let trapped = 0;
  for (let seed = 0; seed < 50; seed++) {
    trapped += run(seed, { weights: { illegal: 5, environment: 5 } }).traps;
  }
  expect(trapped).toBeGreaterThan(50);
});

test('the same seed gives the same program, another seed another', () => {
  expect(run(1, {}).program).toEqual(run(1, {}).program);
  expect(run(1, {}).program.words).not.toEqual(run(2, {}).program.words);
});

test('options hold: aligned accesses only, no store-conditional alone, no csr without csrs', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { words } = run(seed, {
      misaligned: false,
      loneStoreConditional: false,
      csrs: [],
    }).program;
    const names = [...words].map((word) => decode(word)?.name ?? '');
    expect(names.some((name) => name.startsWith('csr'))).toBe(false);
    names.forEach((name, index) => {
      if (name.startsWith('sc.')) {
        expect(
          names.slice(Math.max(0, index - 2), index).some((each) => each.startsWith('lr.')),
        ).toBe(true);
      }
    });
  }
});
