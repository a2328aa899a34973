// Goal: ticks are round, apart, and told apart by their text at any zoom. Method: cases and a property.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { axisTicks } from './axis-ticks.ts';

const texts = (fromNs: number, toNs: number, width = 600) => axisTicks({ fromNs, toNs }, width, 13).map(({ text }) => text);

test('texts have the unit of the end and the digits of the step', () => {
  expect(texts(0, 2_000_000_000)).toEqual(['0', '0.2\u00a0s', '0.4\u00a0s', '0.6\u00a0s', '0.8\u00a0s', '1.0\u00a0s', '1.2\u00a0s', '1.4\u00a0s', '1.6\u00a0s', '1.8\u00a0s', '2.0\u00a0s']);
  expect(texts(0, 30_000_000, 300)).toEqual(['0', '10\u00a0ms', '20\u00a0ms', '30\u00a0ms']);
  expect(texts(1_234_567_000, 1_234_567_100, 400)).toEqual(['1.234\u202f567\u202f00\u00a0s', '1.234\u202f567\u202f05\u00a0s', '1.234\u202f567\u202f10\u00a0s']);
  expect(texts(0, 50)).toContain('10\u00a0ns');
});

test('property: ticks lie in the span, are few, and no two read the same', () => {
  fc.assert(
    fc.property(fc.nat(600_000_000_000), fc.integer({ min: 50, max: 600_000_000_000 }), fc.integer({ min: 200, max: 2000 }), (fromNs, length, width) => {
      const span = { fromNs, toNs: fromNs + length };
      const ticks = axisTicks(span, width, 13);
      expect(ticks.length).toBeLessThan(width / 20);
      expect(ticks.every(({ timeNs }) => timeNs >= span.fromNs && timeNs <= span.toNs)).toBe(true);
      expect(new Set(ticks.map(({ text }) => text)).size).toBe(ticks.length);
    }),
    { seed: 4, numRuns: 300 },
  );
});
