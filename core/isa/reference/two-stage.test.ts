// Goal: the reference step translates through both stages and leaves the guest as it must. Method:
// the supervisor program under a G-stage that scatters its pages must observe what it observed on
// QEMU without one; then each guest-page fault and exit by itself.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { assemble } from '../assemble.ts';
import {
  type ReferenceHart,
  makeReferenceHart,
  referenceStep,
  translate,
} from '../reference-step.ts';
import {
  SUPERVISOR_ORIGIN,
  SUPERVISOR_RESULTS,
  SUPERVISOR_SECTIONS,
  supervisorSource,
} from '../vectors/supervisor-program.ts';
import { type FlatMemory, makeFlatMemory } from './flat-memory.ts';

const FRAMES = 2048; //                     of guest RAM, from 0x80000000
const FIRST_GUEST_FRAME = 0x8_0000;
const TABLES = BigInt(FRAMES) * 4096n; //   the G-stage tables lie behind the guest's frames
const LEVEL1 = TABLES + 0x4000n; //         the root takes 16 KiB
const LEVEL0 = LEVEL1 + 0x1000n;
const ALL = 0xdfn; //                       V R W X U A D

/**
 * Host frame of guest frame `index` of RAM: neighbours are far apart. 1021 is odd, so no two meet.
 */
const hostFrame = (index: number): number => (index * 1021 + 77) % FRAMES;

/** Address of the last-level G-stage entry of RAM page `index`. */
const entryAddress = (index: number): bigint => LEVEL0 + BigInt(8 * index);

function pointTo(address: bigint, flags: bigint): bigint {
  return (address >> 2n) | flags;
}

interface Guest {
  readonly hart: ReferenceHart;
  readonly memory: FlatMemory;
}

/**
 * A hart at `source`, assembled at `origin`, in guest RAM of 8 MiB whose G-stage scatters 4 KiB
 * pages.
 */
function scatteredGuest(source: string, origin: number, flags = ALL): Guest {
  const memory = makeFlatMemory(0n, FRAMES * 4096 + 0x1_0000);
  memory.write(TABLES + 8n * 2n, 8, pointTo(LEVEL1, 1n));
  for (let table = 0; table < FRAMES / 512; table++) {
    memory.write(LEVEL1 + BigInt(8 * table), 8, pointTo(LEVEL0 + BigInt(4096 * table), 1n));
  }
  for (let index = 0; index < FRAMES; index++) {
    memory.write(entryAddress(index), 8, pointTo(BigInt(hostFrame(index)) * 4096n, flags));
  }
  const program = assemble(source, { origin, name: 'guest' });
  if (!program.ok) throw new Error(JSON.stringify(program.error));
  program.value.bytes.forEach((byte, offset) => {
    memory.bytes[ramOffset(origin + offset)] = byte;
  });
  const hart = makeReferenceHart(BigInt(origin));
  hart.hgatp = (8n << 60n) | (TABLES >> 12n);
  return { hart, memory };
}

function ramOffset(guestPhysicalAddress: number): number {
  const index = Math.floor(guestPhysicalAddress / 4096) - FIRST_GUEST_FRAME;
  return hostFrame(index) * 4096 + (guestPhysicalAddress % 4096);
}

test('the supervisor program cannot tell that its pages are scattered', () => {
  const isFull = process.env['GLASSHOUSE_VERIFY'] !== undefined;
  const source = supervisorSource();
  const { hart, memory } = scatteredGuest(
    isFull ? source : source.replace('section6: nop', 'section6: j section8'),
    SUPERVISOR_ORIGIN,
  );
  while (referenceStep(hart, memory).end !== 'environmentCall');
  const found = SUPERVISOR_SECTIONS.map((name, index) => {
    const digest = memory.read(BigInt(ramOffset(SUPERVISOR_RESULTS + 8 * index)), 8);
    return `${name} ${digest.toString(16)}`;
  });
  const golden = readFileSync(new URL('../vectors/supervisor.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const compared = golden.filter((line) => isFull || !line.startsWith('page-flags'));
  expect(found.filter((line) => isFull || !line.startsWith('page-flags'))).toEqual(compared);
}, 60_000);

const CODE = 0x8000_0000;
const DATA = 0x8000_3000n;

/** Steps once at `source` with a1 = DATA, page 3 of RAM having G-stage entry `entry`. */
function stepWithEntry(source: string, entry: bigint | undefined) {
  const guest = scatteredGuest(source, CODE);
  if (entry !== undefined) guest.memory.write(entryAddress(3), 8, entry);
  guest.hart.x[11] = DATA;
  const outcome = referenceStep(guest.hart, guest.memory);
  return { ...guest, outcome };
}

const leaf = (flags: bigint): bigint => pointTo(BigInt(hostFrame(3)) * 4096n, flags);

test('G-stage entries without the right that an access needs are guest-page faults, and change nothing', () => {
  // biome-ignore format: a case a line
  const cases: readonly (readonly [string, bigint, 'load' | 'store'])[] = [
    ['ld a0, 8(a1)',          0n,                 'load'],  // not valid
    ['ld a0, 8(a1)',          leaf(0xcfn),        'load'],  // not U
    ['ld a0, 8(a1)',          leaf(0xd9n),        'load'],  // execute only: MXR is the guest's own
    ['lr.d a0, (a1)',         0n,                 'load'],
    ['sd a0, 8(a1)',          leaf(0xdbn),        'store'], // not writable
    ['amoadd.d a0, a0, (a1)', leaf(0xdbn),        'store'],
    ['ld a0, 8(a1)',          leaf(0xddn),        'load'],  // W without R
    ['ld a0, 8(a1)',          leaf(ALL) | 1n << 54n, 'load'], // reserved bit
    ['ld a0, 8(a1)',          leaf(1n),           'load'],  // a pointer at the last level
  ];
  for (const [source, entry, access] of cases) {
    const { hart, memory, outcome } = stepWithEntry(source, entry);
    expect(outcome.end, source).toBe('guestPageFault');
    const offset = source.includes('8(') ? 8n : 0n;
    const address = DATA + offset;
    expect(outcome.fault).toEqual({
      kind: 'guestPageFault',
      access,
      virtualAddress: address,
      guestPhysicalAddress: address,
    });
    expect(hart.pc).toBe(BigInt(CODE));
    expect(hart.x[10]).toBe(0n);
    expect([hart.cycle, hart.instret]).toEqual([1n, 0n]);
    expect(memory.read(entryAddress(3), 8)).toBe(entry);
  }
});

test('G-stage accessed and dirty bits are set as the access goes', () => {
  const loaded = stepWithEntry('ld a0, 0(a1)', leaf(0x13n));
  expect([loaded.outcome.end, loaded.memory.read(entryAddress(3), 8)]).toEqual([
    'retired',
    leaf(0x53n),
  ]);
  const stored = stepWithEntry('sd a0, 0(a1)', leaf(0x17n));
  expect([stored.outcome.end, stored.memory.read(entryAddress(3), 8)]).toEqual([
    'retired',
    leaf(0xd7n),
  ]);
});

test('a guest physical address of 2^41 or more, and an unmapped fetch, are guest-page faults', () => {
  const high = stepWithEntry('ld a0, 0(a1)', undefined);
  high.hart.pc = BigInt(CODE);
  high.hart.x[11] = 1n << 41n;
  expect(referenceStep(high.hart, high.memory).fault).toMatchObject({
    access: 'load',
    guestPhysicalAddress: 1n << 41n,
  });
  high.hart.pc = 0x4000_0000n;
  expect(referenceStep(high.hart, high.memory).fault).toEqual({
    kind: 'guestPageFault',
    access: 'fetch',
    virtualAddress: 0x4000_0000n,
    guestPhysicalAddress: 0x4000_0000n,
  });
});

/** A guest with Sv39 on: root at RAM page 4, a gigapage leaf for RAM. */
function pagedGuest(source: string, rootFlags = 0xcfn): Guest {
  const guest = scatteredGuest(source, CODE);
  guest.memory.write(BigInt(ramOffset(0x8000_4000 + 16)), 8, pointTo(0x8000_0000n, rootFlags));
  guest.hart.satp = (8n << 60n) | 0x8_0004n;
  guest.hart.x[11] = DATA;
  return guest;
}

test('a walk whose entry lies in a page that the G-stage refuses faults at the entry, with the type of the access', () => {
  for (const [source, access] of [
    ['ld a0, 0(a1)', 'load'],
    ['sd a0, 0(a1)', 'store'],
  ] as const) {
    const guest = pagedGuest(source);
    expect(referenceStep(guest.hart, guest.memory).end).toBe('retired');
    guest.hart.pc = BigInt(CODE);
    guest.memory.write(entryAddress(4), 8, 0n);
    const at = translate(guest.hart, guest.memory, DATA, access);
    expect(at).toEqual({
      kind: 'guestPageFault',
      access,
      virtualAddress: DATA,
      guestPhysicalAddress: 0x8000_4010n,
    });
    expect(referenceStep(guest.hart, guest.memory).fault).toMatchObject({ access: 'fetch' });
  }
});

test('setting A or D in an entry is a store through the G-stage', () => {
  const guest = pagedGuest('ld a0, 0(a1)', 0x0fn);
  guest.memory.write(entryAddress(4), 8, pointTo(BigInt(hostFrame(4)) * 4096n, 0x53n)); // readable only
  expect(referenceStep(guest.hart, guest.memory).fault).toEqual({
    kind: 'guestPageFault',
    access: 'fetch',
    virtualAddress: BigInt(CODE),
    guestPhysicalAddress: 0x8000_4010n,
  });
  guest.memory.write(entryAddress(4), 8, pointTo(BigInt(hostFrame(4)) * 4096n, 0x57n));
  expect(referenceStep(guest.hart, guest.memory).end).toBe('retired');
  expect(guest.memory.read(BigInt(ramOffset(0x8000_4010)), 8) & 0xffn).toBe(0x4fn);
  expect(guest.memory.read(entryAddress(4), 8) & 0xffn).toBe(0xd7n);
});

test('a store over two pages whose second one is refused writes nothing', () => {
  const guest = scatteredGuest('sd a0, -4(a1)', CODE);
  guest.memory.write(entryAddress(3), 8, leaf(0x53n));
  guest.hart.x[11] = DATA;
  guest.hart.x[10] = 0x1122_3344_5566_7788n;
  expect(referenceStep(guest.hart, guest.memory).fault).toEqual({
    kind: 'guestPageFault',
    access: 'store',
    virtualAddress: DATA,
    guestPhysicalAddress: DATA,
  });
  expect(guest.memory.read(BigInt(ramOffset(Number(DATA) - 4)), 4)).toBe(0n);
});

test('exits: ecall in VS stays at the ecall; wfi waits behind itself unless an interrupt is pending', () => {
  const call = scatteredGuest('ecall', CODE);
  expect(referenceStep(call.hart, call.memory).end).toBe('environmentCall');
  expect([call.hart.pc, call.hart.cycle, call.hart.instret]).toEqual([BigInt(CODE), 1n, 0n]);
  const wait = scatteredGuest('wfi\nwfi', CODE);
  expect(referenceStep(wait.hart, wait.memory).end).toBe('wait');
  expect([wait.hart.pc, wait.hart.instret]).toEqual([BigInt(CODE + 4), 1n]);
  wait.hart.hvip = 1n << 6n;
  expect(referenceStep(wait.hart, wait.memory).end).toBe('wait'); // pending but not enabled in sie
  wait.hart.pc = BigInt(CODE);
  wait.hart.sie = 1n << 5n;
  expect(referenceStep(wait.hart, wait.memory).end).toBe('retired');
});

test('interrupts come external, software, timer, before the instruction, and end a reservation', () => {
  const { hart, memory } = scatteredGuest(`lr.d a0, (a1)${'\nnop'.repeat(20)}`, CODE);
  hart.x[11] = DATA;
  referenceStep(hart, memory);
  expect(hart.reservation).toEqual({ guestPhysicalAddress: DATA, byteCount: 8 });
  hart.sie = 0x222n;
  hart.sstatus = 2n;
  hart.stvec = BigInt(CODE) | 1n;
  for (const [code, bits] of [
    [9, 0x444n],
    [1, 0x44n],
    [5, 0x40n],
  ] as const) {
    Object.assign(hart, { pc: BigInt(CODE + 4), sstatus: 2n, hvip: bits });
    expect(referenceStep(hart, memory).interrupt).toBe(code);
    expect(hart.sepc).toBe(BigInt(CODE + 4));
    expect(hart.scause).toBe((1n << 63n) | BigInt(code));
    expect(hart.sstatus).toBe(0x120n);
  }
  expect(hart.reservation).toBeUndefined();
});

test('store-conditional: same address or it fails; another width as QEMU has it; a plain store between does not matter', () => {
  const run = (source: string, before = 0n) => {
    const { hart, memory } = scatteredGuest(source, CODE);
    hart.x[11] = DATA;
    hart.x[12] = 5n;
    memory.write(BigInt(ramOffset(Number(DATA))), 8, before);
    for (let steps = source.split('\n').length; steps > 0; steps--) referenceStep(hart, memory);
    return [hart.x[10], memory.read(BigInt(ramOffset(Number(DATA))), 8)];
  };
  expect(run('lr.d a0, (a1)\nsc.d a0, a2, (a1)')).toEqual([0n, 5n]);
  expect(run('lr.d a0, (a1)\nsd x0, (a1)\nsc.d a0, a2, (a1)')).toEqual([0n, 5n]);
  expect(run('lr.w a0, (a1)\nsc.d a0, a2, (a1)')).toEqual([0n, 5n]);
  expect(run('lr.w a0, (a1)\nsc.d a0, a2, (a1)', 1n << 32n)).toEqual([1n, 1n << 32n]);
  expect(run('lr.w a0, (a1)\nsc.d a0, a2, (a1)', 0xffff_ffff_8000_0000n)).toEqual([0n, 5n]);
  expect(run('lr.d a0, (a1)\nsc.w a0, a2, (a1)', 7n << 32n)).toEqual([0n, (7n << 32n) | 5n]);
  expect(run('lr.d a0, (a1)\nsc.d a0, a2, (a1)\nsc.d a0, a2, (a1)')).toEqual([1n, 5n]);
  expect(run('lr.d a0, (a1)\naddi a1, a1, 8\nsc.d a0, a2, (a1)')).toEqual([1n, 0n]);
});
