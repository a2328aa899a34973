/** Between a knob's value and the whole-number position of its slider. Pure; monotonic; ends meet exactly. */
import type { KnobRow } from '../../core/base/contract.ts';

/** Positions of the slider: 0 … this. */
export function positionCount(row: KnobRow): number {
  if (row.scale === 'logarithmic') return Math.round(Math.log10(row.maximum / row.minimum) * row.step);
  return Math.round((row.maximum - row.minimum) / row.step);
}

/** Nearest position of a value. */
export function positionOf(row: KnobRow, value: number): number {
  const count = positionCount(row);
  if (row.scale !== 'logarithmic') return Math.round(((value - row.minimum) / (row.maximum - row.minimum)) * count);
  const part = Math.log(Math.max(value, row.minimum) / row.minimum) / Math.log(row.maximum / row.minimum);
  return Math.round(part * count);
}

/** Value at a position: the ends and the default exactly, between them two digits (logarithmic) or whole steps (linear). */
export function valueAt(row: KnobRow, position: number): number {
  const count = positionCount(row);
  if (position <= 0) return row.minimum;
  if (position >= count) return row.maximum;
  if (position === positionOf(row, row.default)) return row.default;
  if (row.scale === 'logarithmic') {
    const value = row.minimum * (row.maximum / row.minimum) ** (position / count);
    return Math.min(row.maximum, Math.max(row.minimum, Math.round(Number(value.toPrecision(2)))));
  }
  const value = row.minimum + position * row.step;
  return row.step < 1 ? Number(value.toFixed(6)) : Math.round(value);
}
