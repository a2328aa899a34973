// Goal: a knob takes exactly the values of its row. Method: tables, and every value that a slider can give.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KnobRow } from './contract.ts';
import { findKnobValueError } from './knob-value.ts';

const row = (minimum: number, maximum: number, step: number, scale: KnobRow['scale'] = 'linear'): KnobRow => ({
  id: 'k', title: 'K', unit: 'pages', minimum, maximum, step, default: minimum, scale, entity: 'vm', help: '',
});

test.each([
  [row(16, 12_288, 16), 16], [row(16, 12_288, 16), 4_096], [row(16, 12_288, 16), 12_288],
  [row(0, 10, 0.1), 0.3], [row(0, 10, 0.1), 9.9], [row(0, 10, 0.1), 10],
  [row(1, 100, 1), 7], [row(0, 1, 1, 'switch'), 1], [row(1_000, 1e9, 10, 'logarithmic'), 123_456],
  [row(0.5, 8, 10, 'logarithmic'), 0.77],
])('%o takes %d', (it, value) => {
  expect(findKnobValueError(it, value)).toBeUndefined();
});

test.each([
  [row(16, 12_288, 16), 100, 96, 112], [row(1, 100, 1), 2.5, 2, 3], [row(0, 10, 0.1), 0.25, 0.2, 0.3],
  [row(0, 1, 1, 'switch'), 0.5, 0, 1], [row(1_000, 1e9, 10, 'logarithmic'), 1_000.5, 1_000, 1_001],
])('%o refuses %d and names its neighbours', (it, found, below, above) => {
  expect(findKnobValueError(it, found)).toEqual({ kind: 'off-step', knob: 'k', found, below, above, unit: 'pages' });
});

test('a range is a range, a number a number', () => {
  expect(findKnobValueError(row(1, 2, 1), 3)?.kind).toBe('out-of-range');
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '5' as never]) {
    expect(findKnobValueError(row(1, 10, 1), value)?.kind).toBe('not-a-number');
  }
});

test('the neighbours that a refusal names are taken', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(row(16, 12_288, 16), row(0, 10, 0.1), row(1, 100, 1), row(1_000, 1e9, 10, 'logarithmic')),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (it, part) => {
        const error = findKnobValueError(it, it.minimum + part * (it.maximum - it.minimum));
        if (error?.kind !== 'off-step') return error === undefined;
        return [error.below, error.above].every((value) => findKnobValueError(it, value) === undefined);
      },
    ),
    { seed: 20_261_121 },
  );
});
