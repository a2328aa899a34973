// Goal: numbers on screen are short, have their unit and never lie by rounding over a step. Method: examples per unit.
import { expect, test } from 'vitest';
import { formatClock, formatQuantity, formatRatio, grouped, threeDigits } from './quantity.ts';

const plain = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ');

test('rates, sizes and durations choose a step that keeps three digits', () => {
  expect(plain(formatQuantity(1_000_000_000, 'bit/s').text)).toBe('1 Gb/s');
  expect(plain(formatQuantity(999_600_000, 'bit/s').text)).toBe('1 Gb/s');
  expect(plain(formatQuantity(400_000_000_000, 'bit/s').text)).toBe('400 Gb/s');
  expect(plain(formatQuantity(50_000, 'ns').text)).toBe('50 µs');
  expect(plain(formatQuantity(31_240_000, 'ns').text)).toBe('31.2 ms');
  expect(plain(formatQuantity(67_108_864, 'bytes').text)).toBe('67.1 MB');
  expect(plain(formatQuantity(0, 'bytes').text)).toBe('0 B');
  expect(plain(formatQuantity(1, 'rounds').text)).toBe('1 round');
  expect(plain(formatQuantity(16_384, 'pages').text)).toBe('16 384 pages');
});

test('clock, ratio and grouping', () => {
  expect(plain(formatClock(1_234_567_890).text)).toBe('1.234 567 s');
  expect(plain(formatRatio(0.01))).toBe('1 : 100');
  expect(plain(formatRatio(1))).toBe('1 : 1');
  expect(plain(formatRatio(4))).toBe('4 : 1');
  expect(formatRatio(0)).toBe('no limit');
  expect(plain(grouped(1234567))).toBe('1 234 567');
  expect(grouped(9999)).toBe('9999');
  expect(threeDigits(0.1)).toBe('0.1');
});
