// Goal: every slider reaches its ends and stays within its row. Method: all positions of all knobs of the contract.
import { expect, test } from 'vitest';
import { contract } from '../../core/mechanisms/precopy-migration/contract.ts';
import { positionCount, positionOf, valueAt } from './knob-scale.ts';

test.each(contract.knobs.map((row) => [row.id, row] as const))('%s', (_, row) => {
  const count = positionCount(row);
  expect(valueAt(row, 0)).toBe(row.minimum);
  expect(valueAt(row, count)).toBe(row.maximum);
  expect(valueAt(row, positionOf(row, row.default))).toBe(row.default);
  let before = -Infinity;
  for (let position = 0; position <= count; position++) {
    const value = valueAt(row, position);
    expect(value).toBeGreaterThanOrEqual(row.minimum);
    expect(value).toBeLessThanOrEqual(row.maximum);
    expect(value).toBeGreaterThan(before);
    before = value;
  }
});
