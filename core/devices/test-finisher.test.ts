// Goal: the finisher ends the machine for the three words it knows and for nothing else. Method: every kind of
// store over the bus, hostile ones included.
import { expect, test } from 'vitest';
import { Bus } from '../machine/bus.ts';
import { TestFinisher } from './test-finisher.ts';

function makeFinisher() {
  const told: [string, number][] = [];
  const bus = new Bus();
  bus.attach(0x10_0000, new TestFinisher({ onFinish: (how, code) => told.push([how, code]) }));
  return { told, bus };
}

test('pass, fail with a code, reset', () => {
  const { told, bus } = makeFinisher();
  for (const word of [0x5555, 0x2a_3333, 0xffff_3333, 0x3333, 0x7777]) bus.write(0x10_0000, 4, word | 0, 0);
  bus.write(0x10_0000, 2, 0x5555, 0);
  expect(told).toEqual([['pass', 0], ['fail', 42], ['fail', 0xffff], ['fail', 0], ['reset', 0], ['pass', 0]]);
});

test('other words, other places and other widths do nothing', () => {
  const { told, bus } = makeFinisher();
  const into = { low: 1, high: 1 };
  for (let half = 0; half < 0x1_0000; half++) {
    if (half !== 0x3333 && half !== 0x5555 && half !== 0x7777) bus.write(0x10_0000, 4, half, 0);
  }
  expect(bus.write(0x10_0004, 4, 0x5555, 0)).toBe(true);
  expect(bus.read(0x10_0000, 4, into) && into.low === 0).toBe(true);
  const refused = [[0x10_0000, 1], [0x10_0000, 8], [0x10_0001, 2], [0x10_0002, 4], [0x10_1000, 4], [0xf_fffc, 4]] as const;
  for (const [address, byteCount] of refused) expect(bus.write(address, byteCount, 0x5555, 0)).toBe(false);
  expect(told).toEqual([]);
});
