// Goal: rates are means over virtual time, and a rewind or a recount never makes one negative. Method: told totals.
import { expect, test } from 'vitest';
import { RateMeter } from './rate-meter.ts';

test('a rate is the growth over the last second', () => {
  const meter = new RateMeter();
  expect(meter.rate('a', 0, 0)).toBe(0);
  expect(meter.rate('a', 5e8, 50)).toBe(100);
  expect(meter.rate('a', 1e9, 100)).toBe(100);
  expect(meter.rate('a', 2e9, 100)).toBe(0);
});

test('after a rewind and after a recount nothing is negative', () => {
  const meter = new RateMeter();
  meter.rate('a', 2e9, 100);
  expect(meter.rate('a', 1e9, 40)).toBe(0);
  expect(meter.rate('a', 2e9, 60)).toBe(20);
  expect(meter.rate('a', 3e9, 5)).toBe(0);
});
