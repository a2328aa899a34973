// Goal: software interrupts, comparators and the clock as the ACLINT specification lays them out, for any
// 64-bit value. Method: over the bus, words and doublewords; random comparators against BigInt arithmetic.
import { expect, test } from 'vitest';
import { makePrng, nextUint32 } from '../base/index.ts';
import { Bus } from '../machine/bus.ts';
import { Aclint } from './aclint.ts';

const BASE = 0x200_0000;

function makeClint(hartCount = 2) {
  const world = { nowNs: 0 };
  const told: string[] = [];
  const clint = new Aclint(hartCount, {
    nowNs: () => world.nowNs,
    onSoftware: (hart, level) => told.push(`software ${hart} ${level}`),
    onTimer: (hart) => told.push(`timer ${hart}`),
  });
  const bus = new Bus();
  bus.attach(BASE, clint);
  const into = { low: 0, high: 0 };
  const read = (offset: number, byteCount: number) => {
    expect(bus.read(BASE + offset, byteCount, into)).toBe(true);
    return (BigInt(into.high) << 32n) + BigInt(into.low);
  };
  const write = (offset: number, byteCount: number, value: bigint) =>
    bus.write(BASE + offset, byteCount, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  return { world, told, clint, bus, read, write };
}

test('msip: one bit a hart, told to that hart; harts that are not there read 0', () => {
  const { told, read, write } = makeClint();
  write(0, 4, 0xffff_fffen);
  write(4, 4, 0xffff_ffffn);
  write(8, 4, 1n);
  write(4, 4, 0n);
  expect(told).toEqual(['software 0 false', 'software 1 true', 'software 1 false']);
  write(0, 4, 1n);
  expect([0, 4, 8, 0x3ffc].map((offset) => read(offset, 4))).toEqual([1n, 0n, 0n, 0n]);
});

test('mtime counts ticks of 100 ns and can be set, whole or by halves', () => {
  const { world, read, write, told } = makeClint();
  world.nowNs = 12_345_678_999;
  expect(read(0xbff8, 8)).toBe(123_456_789n);
  write(0xbff8, 8, 0xffff_ffff_ffff_fff0n);
  expect(told).toEqual(['timer 0', 'timer 1', 'timer 0', 'timer 1']); // two words
  world.nowNs += 100;
  expect(read(0xbffc, 4)).toBe(0xffff_ffffn);
  expect(read(0xbff8, 8)).toBe(0xffff_ffff_ffff_fff1n);
  write(0xbff8, 4, 0xffff_ffffn);
  world.nowNs += 100;
  expect(read(0xbff8, 8)).toBe(0n); // wraps
});

test('after reset no comparator is due, however long it takes', () => {
  const { clint, read } = makeClint(3);
  expect([0, 1, 2].map((hart) => clint.isTimerPending(hart, 2 ** 52))).toEqual([false, false, false]);
  expect(read(0x4008, 8)).toBe(0xffff_ffff_ffff_ffffn);
  expect(clint.nextTimerNs(0, 0)).toBe(Number.POSITIVE_INFINITY);
});

test('a comparator is due from its tick on; the next instant is the first of that tick', () => {
  const { clint, write, told } = makeClint();
  write(0x4008, 8, 1_000n);
  expect(told).toEqual(['timer 1', 'timer 1']);
  expect(clint.isTimerPending(1, 99_999)).toBe(false);
  expect(clint.isTimerPending(1, 100_000)).toBe(true);
  expect(clint.nextTimerNs(1, 37)).toBe(100_000);
  expect(clint.nextTimerNs(1, 100_000)).toBe(Number.POSITIVE_INFINITY);
  expect(clint.isTimerPending(0, 100_000)).toBe(false);
});

test('random comparators and clocks: pending as the unsigned comparison says, nextTimerNs exact', () => {
  const prng = makePrng({ seed: 11, stream: 2 });
  const random = () => {
    const bits = (BigInt(nextUint32(prng)) << 32n) | BigInt(nextUint32(prng));
    return BigInt.asUintN(64, bits >> BigInt(nextUint32(prng) % 64));
  };
  const { world, clint, read, write } = makeClint(1);
  for (let round = 0; round < 2_000; round++) {
    world.nowNs = nextUint32(prng) * 7;
    write(0xbff8, 8, random());
    write(0x4000, 8, nextUint32(prng) % 2 === 0 ? random() : read(0xbff8, 8) + BigInt(nextUint32(prng) % 100));
    const due = read(0xbff8, 8) >= read(0x4000, 8);
    expect(clint.isTimerPending(0, world.nowNs)).toBe(due);
    const next = clint.nextTimerNs(0, world.nowNs);
    if (next === Number.POSITIVE_INFINITY) continue;
    expect(due).toBe(false);
    expect(clint.isTimerPending(0, next - 1)).toBe(false);
    expect(clint.isTimerPending(0, next)).toBe(true);
  }
});

test('bytes, halfwords, misaligned and outside: refused', () => {
  const { bus } = makeClint();
  const into = { low: 0, high: 0 };
  for (const [offset, byteCount] of [[0, 1], [0, 2], [2, 4], [0x4004, 8], [0xbffc, 8], [0x1_0000, 4], [-4, 4]] as const) {
    expect(bus.read(BASE + offset, byteCount, into)).toBe(false);
    expect(bus.write(BASE + offset, byteCount, -1, -1)).toBe(false);
  }
});
