// Goal: a hart's profile decides which words and CSRs it has, and travels with its saved state.
// Method: the same program under two profiles on one host, a move to another host, refused records.
import { expect, test } from 'vitest';
import { HART_PROFILES } from '../isa/table/index.ts';
import { exitReason } from '../protocol/host-memory-layout.ts';
import { makeSmallGuest } from '../testing/small-guest.ts';
import { hartStateSize } from './hart-state.ts';

/** clz of 1 into a0, or −1 when it is illegal; then the same again, for ever. */
const CLZ = `la t0, illegal
  csrw stvec, t0
  again: li a1, 1
  .word 0x60059513   # clz a0, a1
  j again
  .balign 4
  illegal: li a0, -1
  ecall`;

test('the same frame decodes for each profile by itself', () => {
  const guest = makeSmallGuest({ source: CLZ, hartCount: 2 });
  guest.machine.resetHart(1, { vm: guest.vm, pc: 0x8000_0000, a0: 0, a1: 0, profile: 'rv64gc' });
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
  expect(BigInt.asIntN(64, guest.machine.readRegister(0, 10))).toBe(-1n);
  expect(guest.machine.run(1, 100).exit).toBe(exitReason.budget);
  expect(guest.machine.readRegister(1, 10)).toBe(63n);
});

test('overwritten code is decoded again under every profile', () => {
  const guest = makeSmallGuest({ source: CLZ, hartCount: 2 });
  guest.machine.resetHart(1, { vm: guest.vm, pc: 0x8000_0000, a0: 0, a1: 0, profile: 'rv64gc' });
  guest.machine.run(1, 20);
  guest.machine.run(0, 20);
  const word = guest.vm.read(0x8000_0000, 64)!;
  const at = new DataView(word.buffer, word.byteOffset).getUint32(16, true) === 0x6005_9513 ? 16 : 12;
  expect(guest.vm.write(0x8000_0000 + at, Uint8Array.of(0x13, 0x95, 0x15, 0x60), 'hypervisor')).toBe(true);
  guest.machine.run(1, 20); // ctz a0, a1
  expect(guest.machine.readRegister(1, 10)).toBe(0n);
});

test('a saved hart names its profile, rv64ima keeps the first format', () => {
  const here = makeSmallGuest({ source: CLZ, hartCount: 2 });
  const there = makeSmallGuest({ source: CLZ });
  expect(here.machine.saveHart(0).length).toBe(hartStateSize(1));
  here.machine.resetHart(1, { vm: here.vm, pc: 0x8000_0000, a0: 0, a1: 0, profile: 'rv64gc' });
  here.machine.run(1, 3);
  const saved = here.machine.saveHart(1);
  expect(there.machine.loadHart(0, saved, there.vm).ok).toBe(true);
  expect(there.machine.saveHart(0)).toEqual(saved);
  expect(there.machine.run(0, 100).exit).toBe(exitReason.budget);
  expect(there.machine.readRegister(0, 10)).toBe(63n);
  for (const [profile, kind] of [[99, 'unknown-profile'], [0, 'unknown-profile']] as const) {
    const wrong = saved.slice();
    new DataView(wrong.buffer).setUint32(hartStateSize(1), profile, true);
    expect(there.machine.loadHart(0, wrong, there.vm)).toMatchObject({ ok: false, error: { kind } });
  }
});

test('profiles are numbered by their place, and each has what the first has', () => {
  for (const [number, profile] of HART_PROFILES.entries()) {
    expect(profile.number).toBe(number);
    for (const extension of HART_PROFILES[0].extensions) expect(profile.extensions).toContain(extension);
  }
});

test('cbo.zero clears its block and nothing else, and is announced to the dirty log', () => {
  const guest = makeSmallGuest({
    source: `la a0, data
      .word 0x0045200f   # cbo.zero (a0)
      ecall
      .balign 4096
      .fill 8, 8, -1
      data: .fill 8, 8, -1
      .fill 8, 8, -1`,
  });
  guest.machine.resetHart(0, { vm: guest.vm, pc: 0x8000_0000, a0: 0, a1: 0, profile: 'rv64gc' });
  guest.vm.dirtyLog.arm();
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
  const bytes = [...guest.vm.read(0x8000_1000, 192)!];
  expect(bytes.every((byte, index) => byte === (index >= 64 && index < 128 ? 0 : 255))).toBe(true);
  const bitmap = new Uint32Array(guest.vm.dirtyLog.wordCount());
  guest.vm.dirtyLog.takeAndRearm(bitmap);
  expect(bitmap[0]! & 2).toBe(2);
});
