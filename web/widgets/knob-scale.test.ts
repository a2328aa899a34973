// Goal: every slider reaches its ends and stays within its row. Method: all positions of all knobs of all contracts.
import { expect, test } from 'vitest';
import { findKnobValueError } from '../../core/base/knob-value.ts';
import { CATALOG } from '../../core/mechanisms/catalog.ts';
import { positionCount, positionOf, valueAt } from './knob-scale.ts';

const KNOBS = CATALOG.flatMap(({ id, knobs }) => knobs.map((row) => [id, row.id, row] as const));

test.each(KNOBS)('%s, %s', (_lab, _knob, row) => {
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
    expect(findKnobValueError(row, value)).toBeUndefined();
    before = value;
  }
});
