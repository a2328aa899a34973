// Goal: every float instruction gives the reference's result, flags and sstatus.FS, in compiled code
// and in the float unit. Method: one instruction at a time on a small guest, operands of all classes,
// all rounding modes, NX known and not; canary: a float unit that drops a flag.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32, type Prng } from '../base/prng.ts';
import { hasRounding } from '../isa/decode.ts';
import { encode } from '../isa/encode.ts';
import { randomFloat } from '../isa/random-float.ts';
import { randomValue } from '../isa/random-program.ts';
import { makeFlatMemory } from '../isa/reference/flat-memory.ts';
import { readStatus } from '../isa/reference/csr.ts';
import { makeReferenceHart, type ReferenceHart, referenceStep } from '../isa/reference-step.ts';
import { getProfile, INSTRUCTIONS, type Row } from '../isa/table/index.ts';
import { csrSlot, exitReason, floatStateBit, hartOffset } from '../protocol/host-memory-layout.ts';
import { makeSmallGuest, type SmallGuest } from '../testing/small-guest.ts';
import { refreshFloat } from './float-instructions.ts';
import { hartAddress } from './hart.ts';
import { hartFieldOffset } from './hart-state.ts';

const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const CASES = VERIFY ? 400_000 : 6_000;
const ORIGIN = 0x8000_0000n;

interface Instruction {
  readonly row: Row;
  readonly word: number;
  readonly address: bigint;
}

/** Every computing row in every rounding mode that it has; f10 or x10 ← f11 or x11, f12, f13. */
function instructions(): readonly Instruction[] {
  const words = INSTRUCTIONS.filter((row) => row.effect.kind === 'float').flatMap((row) => {
    const modes = hasRounding(row) ? [0, 1, 2, 3, 4, 7] : [0];
    return modes.map((rm) => ({ row, word: encode(row, { rd: 10, rs1: 11, rs2: 12, rs3: 13, rm }) }));
  });
  return words.map((each, index) => ({ ...each, address: ORIGIN + BigInt(4 * index) }));
}

interface Bench {
  readonly guest: SmallGuest;
  readonly list: readonly Instruction[];
  readonly memory: ReturnType<typeof makeFlatMemory>;
}

function makeBench(): Bench {
  const list = instructions();
  const guest = makeSmallGuest({ source: 'nop' });
  const words = Uint32Array.from(list.map(({ word }) => word));
  expect(guest.vm.write(Number(ORIGIN), new Uint8Array(words.buffer), 'hypervisor')).toBe(true);
  guest.machine.resetHart(0, { vm: guest.vm, pc: 0, a0: 0, a1: 0, profile: 'rv64gc' });
  const memory = makeFlatMemory(ORIGIN, 4096);
  for (const { word, address } of list) memory.write(address, 4, BigInt(word));
  return { guest, list, memory };
}

/** Operands of the row's classes; the third is near what the product of the others cancels, at times. */
function randomize(prng: Prng, hart: ReferenceHart, { row, address }: Instruction): void {
  const { effect } = row;
  const isSingle = effect.kind === 'float' && effect.byteCount === 4;
  const isOther = effect.kind === 'float' && effect.operation === 'fromOtherFormat';
  const byteCount = isSingle !== isOther ? 4 : 8;
  for (const index of [11, 12, 13]) hart.f[index] = randomFloat(prng, byteCount);
  if (nextBelow(prng, 4) === 0) hart.f[12] = hart.f[11]! ^ (BigInt(nextBelow(prng, 4)) << 1n);
  if (nextBelow(prng, 8) === 0) hart.f[13] = hart.f[11]! ^ (1n << BigInt(8 * byteCount - 1));
  hart.f[10] = randomValue(prng);
  hart.x[10] = 1n;
  hart.x[11] = randomValue(prng);
  const mode = nextBelow(prng, 3) === 0 ? nextBelow(prng, 8) : 0;
  const flags = nextBelow(prng, 2) === 0 ? 1 : nextBelow(prng, 4) === 0 ? nextBelow(prng, 32) : 0;
  hart.fcsr = BigInt((mode << 5) | flags);
  const state = nextBelow(prng, 8) === 0 ? nextUint32(prng) & 3 : 3;
  hart.sstatus = BigInt(state << 13);
  hart.pc = address;
  hart.privilege = 1;
}

function load(guest: SmallGuest, hart: ReferenceHart): void {
  const { host } = guest.system;
  const block = hartAddress(0);
  const put = (offset: number, value: bigint) => {
    host.longs[(block + offset) >> 3] = BigInt.asIntN(64, value);
  };
  for (const index of [10, 11]) put(hartOffset.x + 8 * index, hart.x[index]!);
  for (const index of [10, 11, 12, 13]) put(hartOffset.f + 8 * index, hart.f[index]!);
  host.words[(block + hartOffset.fcsr) >> 2] = Number(hart.fcsr);
  put(hartOffset.csr + 8 * csrSlot.vsstatus, readStatus(hart));
  put(hartOffset.pc, hart.pc);
  refreshFloat(host.words, block);
}

function stateOf(guest: SmallGuest): string {
  const { host } = guest.system;
  const block = hartAddress(0);
  const get = (offset: number) => BigInt.asUintN(64, host.longs[(block + offset) >> 3]!).toString(16);
  const fcsr = host.words[(block + hartOffset.fcsr) >> 2]!;
  const shown = [hartOffset.f + 80, hartOffset.x + 80, hartOffset.csr + 8 * csrSlot.vsstatus, hartOffset.pc];
  return `${shown.map(get).join(' ')} fcsr ${fcsr.toString(16)}`;
}

function expectedState(hart: ReferenceHart): string {
  const shown = [hart.f[10]!, hart.x[10]!, readStatus(hart), hart.pc];
  return `${shown.map((each) => each.toString(16)).join(' ')} fcsr ${hart.fcsr.toString(16)}`;
}

/** The first disagreement in `count` cases, or undefined. */
function firstDifference(
  seed: number,
  count: number,
  seen: Map<string, number>,
  spoil: (guest: SmallGuest) => void = () => undefined,
): string | undefined {
  const prng = makePrng({ seed, stream: 9 });
  const { guest, list, memory } = makeBench();
  const hart = makeReferenceHart(ORIGIN, getProfile('rv64gc'));
  for (let index = 0; index < count; index++) {
    const instruction = list[nextBelow(prng, list.length)]!;
    randomize(prng, hart, instruction);
    load(guest, hart);
    spoil(guest);
    const operands = [11, 12, 13].map((register) => hart.f[register]!.toString(16)).join(' ');
    const what = `${instruction.row.name} ${instruction.word.toString(16)} f ${operands} x ${hart.x[11]!.toString(16)} fcsr ${hart.fcsr.toString(16)} sstatus ${hart.sstatus.toString(16)}`;
    const outcome = referenceStep(hart, memory);
    const { exit } = guest.machine.run(0, 1);
    const name = `${instruction.row.name} ${outcome.end}`;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    if (exit !== exitReason.budget) return `${what}: left with ${exit}`;
    const [found, expected] = [stateOf(guest), expectedState(hart)];
    if (found !== expected) return `${what}: ${found}, expected ${expected}`;
  }
  return undefined;
}

test(`${CASES} float instructions agree with the reference`, { timeout: 3_600_000 }, () => {
  const seen = new Map<string, number>();
  expect(firstDifference(1, CASES, seen)).toBeUndefined();
  for (const { row } of instructions()) {
    expect([row.name, (seen.get(`${row.name} retired`) ?? 0) > 4]).toEqual([row.name, true]);
  }
});

test('canary: compiled code that believes NX known is caught', () => {
  const spoil = ({ system }: SmallGuest) => {
    system.host.words[(hartAddress(0) + hartOffset.floatState) >> 2]! |= floatStateBit.inexactKnown;
  };
  expect(firstDifference(1, 2000, new Map(), spoil)).toContain('fcsr 0');
});

test('float registers, fcsr and FS travel with a saved hart', () => {
  const prng = makePrng({ seed: 3, stream: 9 });
  const { guest, list } = makeBench();
  const hart = makeReferenceHart(ORIGIN, getProfile('rv64gc'));
  randomize(prng, hart, list[0]!);
  hart.sstatus = 3n << 13n;
  hart.fcsr = 0x21n; // NX, towards zero
  load(guest, hart);
  const saved = guest.machine.saveHart(0);
  const before = stateOf(guest);
  const there = makeBench().guest;
  expect(there.machine.loadHart(0, saved, there.vm).ok).toBe(true);
  expect(stateOf(there)).toBe(before);
  const view = new DataView(saved.buffer);
  expect(view.getBigUint64(hartFieldOffset('f') + 88, true)).toBe(hart.f[11]);
  expect(view.getUint32(hartFieldOffset('fcsr'), true)).toBe(0x21);
});
