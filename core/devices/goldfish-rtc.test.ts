// Goal: the clock shows virtual time since its epoch, whole over a carry of its halves, and rings once. Method:
// reads as Linux does them (low, then high), at instants around the carry.
import { expect, test } from 'vitest';
import { GoldfishRtc } from './goldfish-rtc.ts';

const EPOCH = 1_767_225_600_000_000_000n; // 2026-01-01T00:00:00Z

function makeClock(epochNs = EPOCH) {
  const world = { nowNs: 0, level: false };
  const rtc = new GoldfishRtc({ nowNs: () => world.nowNs, line: { set: (level) => { world.level = level; } } }, epochNs);
  const time = () => {
    const low = rtc.read(0);
    return (BigInt(rtc.read(4)) << 32n) + BigInt(low);
  };
  return { world, rtc, time };
}

test('time is the epoch plus virtual time, in ns', () => {
  const { world, time } = makeClock();
  expect(time()).toBe(EPOCH);
  world.nowNs = 123_456_789_012;
  expect(time()).toBe(EPOCH + 123_456_789_012n);
});

test('the high half is the one at the reading of the low half', () => {
  const { world, rtc } = makeClock(0xffff_ffffn);
  const low = rtc.read(0);
  world.nowNs = 1;
  expect([rtc.read(4), low]).toEqual([0, 0xffff_ffff]);
  expect([rtc.read(0), rtc.read(4)]).toEqual([0, 1]);
});

test('setting the time: high, then low; it goes on from there', () => {
  const { world, rtc, time } = makeClock();
  world.nowNs = 5_000;
  rtc.write(4, 4, 0x1122_3344);
  rtc.write(0, 4, 0x5566_7788);
  world.nowNs = 5_100;
  expect(time()).toBe(0x1122_3344_5566_7788n + 100n);
});

test('the alarm: armed by its low half, rings when the time has come, cleared by its register', () => {
  const { world, rtc } = makeClock();
  const at = EPOCH + 1_000n;
  rtc.write(0x10, 4, 1);
  rtc.write(0x0c, 4, Number(at >> 32n));
  expect(rtc.nextEventNs()).toBe(Number.POSITIVE_INFINITY);
  rtc.write(0x08, 4, Number(at & 0xffff_ffffn));
  expect([rtc.nextEventNs(), rtc.read(0x18), world.level]).toEqual([1_000, 1, false]);
  world.nowNs = 999;
  rtc.settle();
  expect(world.level).toBe(false);
  world.nowNs = 1_000;
  rtc.settle();
  expect([world.level, rtc.read(0x18), rtc.nextEventNs()]).toEqual([true, 0, Number.POSITIVE_INFINITY]);
  rtc.write(0x10, 4, 0);
  expect(world.level).toBe(false);
  rtc.write(0x10, 4, 1);
  expect(world.level).toBe(true);
  rtc.write(0x1c, 4, 0);
  expect(world.level).toBe(false);
});

test('an alarm in the past rings at once; one taken back does not ring', () => {
  const { world, rtc } = makeClock();
  rtc.write(0x10, 4, 1);
  rtc.write(0x08, 4, 0);
  expect(world.level).toBe(true);
  rtc.write(0x1c, 4, 1);
  rtc.write(0x0c, 4, 0xffff_ffff);
  rtc.write(0x08, 4, 0);
  rtc.write(0x14, 4, 1);
  world.nowNs = 1e15;
  rtc.settle();
  expect(world.level).toBe(false);
});
