// Goal: instructions of 2 and 4 bytes lie at any even address, also over a page's end, and fault on
// either half as the manual says. Method: small guests under Sv39, each half in a page of its own
// mapping; the random comparison with the reference is in differential.property.test.ts.
import { expect, test } from 'vitest';
import { assemble } from '../isa/assemble.ts';
import { exitReason, hartOffset } from '../protocol/host-memory-layout.ts';
import { makeSmallGuest, type SmallGuest } from '../testing/small-guest.ts';
import { csrWord, hartAddress } from './hart.ts';

const BASE = 0x8000_0000;
/** Virtual pages 0x4000_0000 and 0x4000_1000, whose leaves the tests choose. */
const PAGE = 0x4000_0000;

function bytesOf(source: string, origin: number): Uint8Array {
  const program = assemble(source, { origin, name: 'test', profile: 'rv64gc' });
  if (!program.ok) throw new Error(JSON.stringify(program.error));
  return program.value.bytes;
}

/** Frames: 0 code that turns paging on, 1 … 3 tables, 4 and 5 the pages of the test, 6 another second page. */
function makeGuest(options: { readonly leaves: readonly bigint[] }): SmallGuest {
  const guest = makeSmallGuest({ source: 'nop', pageCount: 16 });
  const write = (address: number, bytes: Uint8Array) =>
    expect(guest.vm.write(address, bytes, 'hypervisor')).toBe(true);
  const entries = (page: number, values: Readonly<Record<number, bigint>>) => {
    for (const [index, value] of Object.entries(values))
      write(BASE + page * 4096 + 8 * Number(index), new Uint8Array(BigUint64Array.of(value).buffer));
  };
  const table = (page: number) => (BigInt((BASE >>> 12) + page) << 10n) | 1n;
  entries(1, { 1: table(2), 2: (BigInt(BASE >>> 12) << 10n) | 0xcfn });
  entries(2, { 0: table(3) });
  entries(3, { 0: options.leaves[0]!, 1: options.leaves[1]! });
  const start = `li t0, ${0x8n << 60n | BigInt((BASE >>> 12) + 1)}
    csrw satp, t0
    sfence.vma
    la t0, handler
    csrw stvec, t0
    li t1, ${PAGE + 0xffe}
    jr t1
    .balign 4
    handler: ecall`;
  write(BASE, bytesOf(start, BASE));
  guest.machine.resetHart(0, { vm: guest.vm, pc: BASE, a0: 0, a1: 0, profile: 'rv64gc' });
  return guest;
}

/** A leaf for RAM page `page`: D A X W R V. */
const leaf = (page: number): bigint => (BigInt((BASE >>> 12) + page) << 10n) | 0xcfn;

/** Puts the two halves of `word` at the end of page 4 and the start of page `second`, then ecall. */
function putStraddling(guest: SmallGuest, word: number, second: number): void {
  const halves = Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24);
  const ecall = Uint8Array.of(0x73, 0, 0, 0);
  guest.vm.write(BASE + 4 * 4096 + 4094, halves.subarray(0, 2), 'hypervisor');
  guest.vm.write(BASE + second * 4096, halves.subarray(2), 'hypervisor');
  guest.vm.write(BASE + second * 4096 + 2, ecall, 'hypervisor');
}

const csr = (guest: SmallGuest, name: 'vsepc' | 'vscause' | 'vstval'): bigint => {
  const slot = { vsepc: 4, vscause: 5, vstval: 6 }[name];
  return BigInt.asUintN(64, guest.system.host.longs[csrWord(hartAddress(0), slot) >> 1]!);
};

/** addi a0, a0, immediate. */
const addi = (immediate: number): number => (0x0005_0513 | (immediate << 20)) >>> 0;

test('an instruction over the page end takes its halves from wherever the pages are', () => {
  const guest = makeGuest({ leaves: [leaf(4), leaf(6)] });
  putStraddling(guest, addi(0x123), 6);
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
  expect(guest.machine.readRegister(0, 10)).toBe(0x123n);
  expect(guest.machine.readPc(0)).toBe(BigInt(PAGE + 0x1002));
});

test('the second half is read anew: it may have changed, or its page have another frame', () => {
  const guest = makeGuest({ leaves: [leaf(4), leaf(5)] });
  for (const [second, immediate] of [[5, 1], [5, 20], [6, 300]] as const) {
    putStraddling(guest, addi(immediate), second);
    guest.vm.write(BASE + 3 * 4096 + 8, new Uint8Array(BigUint64Array.of(leaf(second)).buffer), 'hypervisor');
    guest.system.tlb.flushHart(0);
    guest.machine.writeRegister(0, 10, 0n);
    guest.system.host.longs[(hartAddress(0) + hartOffset.pc) >> 3] = BigInt(BASE);
    expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
    expect(guest.machine.readRegister(0, 10)).toBe(BigInt(immediate));
  }
});

test.each([
  ['second', [leaf(4), 0n], PAGE + 0x1000],
  ['first', [0n, leaf(5)], PAGE + 0xffe],
] as const)('a fault on the %s half: sepc is the instruction, stval the half', (_, leaves, stval) => {
  const guest = makeGuest({ leaves });
  putStraddling(guest, addi(1), 5);
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
  expect(csr(guest, 'vscause')).toBe(12n);
  expect(csr(guest, 'vsepc')).toBe(BigInt(PAGE + 0xffe));
  expect(csr(guest, 'vstval')).toBe(BigInt(stval));
  expect(guest.machine.readRegister(0, 10)).toBe(0n);
});

test('an instruction of 2 bytes at the page end needs no second page', () => {
  const guest = makeGuest({ leaves: [leaf(4), 0n] });
  guest.vm.write(BASE + 4 * 4096 + 4094, Uint8Array.of(0x15, 0x45), 'hypervisor'); // c.li a0, 5
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
  expect(guest.machine.readRegister(0, 10)).toBe(5n);
  expect(csr(guest, 'vsepc')).toBe(BigInt(PAGE + 0x1000));
});

test('a budget ends before and after an instruction over the page end, and counts it once', () => {
  for (let first = 1; first < 20; first++) {
    const guest = makeGuest({ leaves: [leaf(4), leaf(5)] });
    putStraddling(guest, addi(7), 5);
    guest.machine.run(0, first);
    guest.machine.run(0, 100 - first);
    expect(guest.machine.readRegister(0, 10)).toBe(7n);
    const whole = makeGuest({ leaves: [leaf(4), leaf(5)] });
    putStraddling(whole, addi(7), 5);
    whole.machine.run(0, 100);
    expect(guest.machine.instructionsRetired(0)).toBe(whole.machine.instructionsRetired(0));
  }
});

test('without C the same words are illegal, and a jump to an odd parcel traps', () => {
  const guest = makeSmallGuest({
    source: `la t0, handler
      csrw stvec, t0
      la t1, handler + 2
      jr t1
      .balign 4
      handler: csrr a0, scause
      csrr a1, stval
      ecall`,
  });
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
  expect(guest.machine.readRegister(0, 10)).toBe(0n);
  expect(guest.machine.readRegister(0, 11) & 3n).toBe(2n);
});

test('c.ebreak and illegal words of 2 bytes: sepc and stval', () => {
  for (const [half, cause, stval] of [[0x9002, 3n, BigInt(PAGE + 0xffe)], [0x6101, 2n, 0x6101n]] as const) {
    const guest = makeGuest({ leaves: [leaf(4), 0n] });
    guest.vm.write(BASE + 4 * 4096 + 4094, Uint8Array.of(half & 255, half >>> 8), 'hypervisor');
    expect(guest.machine.run(0, 100).exit).toBe(exitReason.environmentCall);
    expect([csr(guest, 'vscause'), csr(guest, 'vsepc'), csr(guest, 'vstval')]).toEqual([
      cause,
      BigInt(PAGE + 0xffe),
      stval,
    ]);
  }
});
