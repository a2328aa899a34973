// Goal: the machine that guests run on (compiled interpreter, slow paths, two-stage walk) does what
// QEMU did. Method: replay of the committed vectors on it; qemu.test.ts makes them and replays them
// on the reference step.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { GuestProfileId } from '../table/index.ts';
import { refreshFloat } from '../../machine/float-instructions.ts';
import { csrWord, hartAddress } from '../../machine/hart.ts';
import { csrSlot, exitReason } from '../../protocol/host-memory-layout.ts';
import { makeSmallGuest, type SmallGuest } from '../../testing/small-guest.ts';
import {
  parseVectors,
  type ProgramVector,
  VECTOR_WINDOWS,
  windowContent,
  windowDigest,
} from './program-vector.ts';
import { PROGRAM_SETS, type ProgramSet } from './qemu-driver.ts';
import { SUPERVISOR_RESULTS, SUPERVISOR_SECTIONS, supervisorSource } from './supervisor-program.ts';

const RAM = 0x8000_0000;
const ECALL = 0x0000_0073;

const golden = (name: string) => readFileSync(new URL(`./${name}`, import.meta.url), 'utf8');

function readDoubleWord(guest: SmallGuest, address: number): bigint {
  const page = guest.vm.readPage(Math.floor((address - RAM) / 4096));
  if (page === undefined) throw new Error(`no page at 0x${address.toString(16)}`);
  return new DataView(page.buffer, page.byteOffset, page.byteLength).getBigUint64(
    address % 4096,
    true,
  );
}

function writeDoubleWords(guest: SmallGuest, address: bigint, values: readonly bigint[]): void {
  const bytes = new Uint8Array(BigUint64Array.from(values).buffer);
  expect(guest.vm.write(Number(address), bytes, 'hypervisor')).toBe(true);
}

test('golden: the supervisor program observes on the machine what it observes on QEMU', () => {
  const source = `li t0, 0x80200000\n jr t0\n .org 0x200000\n${supervisorSource()}`;
  const guest = makeSmallGuest({ source, pageCount: 2048 });
  expect(guest.machine.run(0, 3_000_000).exit).toBe(exitReason.environmentCall);
  const found = SUPERVISOR_SECTIONS.map((name, index) => {
    return `${name} ${readDoubleWord(guest, SUPERVISOR_RESULTS + 8 * index).toString(16)}`;
  });
  expect(found).toEqual(golden('supervisor.txt').trim().split('\n'));
});

function replay(
  guest: SmallGuest,
  vector: ProgramVector,
  profile: GuestProfileId = 'rv64ima',
): { final: readonly bigint[]; digest: bigint } {
  const code = new Uint8Array(Uint32Array.from([...vector.words, ECALL]).buffer);
  expect(guest.vm.write(Number(vector.origin), code, 'hypervisor')).toBe(true);
  let index = 0;
  for (const { address, byteCount } of VECTOR_WINDOWS) {
    const values = Array.from({ length: byteCount / 8 }, () => windowContent(vector.seed, index++));
    writeDoubleWords(guest, address, values);
  }
  guest.machine.resetHart(0, { vm: guest.vm, pc: Number(vector.origin), a0: 0, a1: 0, profile });
  const { words } = guest.system.host;
  if (profile === 'rv64gc') words[csrWord(hartAddress(0), csrSlot.vsstatus)]! |= 0x6000; // float on
  refreshFloat(words, hartAddress(0));
  vector.initial.forEach((value, register) => {
    if (register > 0) guest.machine.writeRegister(0, register, value);
  });
  expect(guest.machine.run(0, 10_000).exit).toBe(exitReason.environmentCall);
  const contents = VECTOR_WINDOWS.flatMap(({ address, byteCount }) =>
    Array.from({ length: byteCount / 8 }, (_, each) =>
      readDoubleWord(guest, Number(address) + 8 * each),
    ),
  );
  const final = vector.initial.map((_, register) => guest.machine.readRegister(0, register));
  return { final: final.map((value) => BigInt.asUintN(64, value)), digest: windowDigest(contents) };
}

const SETS: readonly (readonly [string, ProgramSet])[] = Object.entries(PROGRAM_SETS);

test.each(SETS)('golden: random programs leave on the machine what they left on QEMU: %s', (_, set) => {
  const guest = makeSmallGuest({ source: 'nop', pageCount: 1032 });
  for (const vector of parseVectors(golden(set.file))) {
    const { final, digest } = replay(guest, vector, set.profile);
    expect(final, `registers of ${vector.seed}`).toEqual(vector.final);
    expect(digest, `memory of ${vector.seed}`).toBe(vector.digest);
  }
});

test('canary: a program that starts with another value in a2 is noticed', () => {
  const guest = makeSmallGuest({ source: 'nop', pageCount: 1032 });
  const [vector] = parseVectors(golden('program.txt'));
  const changed = {
    ...vector!,
    initial: vector!.initial.map((value, index) => (index === 12 ? value + 1n : value)),
  };
  const { final, digest } = replay(guest, changed);
  expect(
    digest === vector!.digest && final.every((value, index) => value === vector!.final[index]),
  ).toBe(false);
});
