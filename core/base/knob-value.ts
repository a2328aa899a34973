/**
 * Which values a knob takes, by its row alone: numbers within its range; on a linear scale whole steps from
 * the minimum, on a logarithmic one whole numbers where the ends are whole (pages, bytes, ns), a switch 0 or 1.
 * What does not fit is refused with what would, never rounded in silence: one door for page, address, command line, files.
 */
import type { KnobError, KnobRow } from './contract.ts';

/** How far from a step a value may lie, in steps: decimal fractions such as 0.1 are not exact. */
const TOLERANCE = 1e-6;

/** Why a knob cannot have this value; undefined when it can. */
export function findKnobValueError(row: KnobRow, value: number): KnobError | undefined {
  const { id: knob, minimum, maximum, unit } = row;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return { kind: 'not-a-number', knob, found: String(value) };
  }
  if (value < minimum || value > maximum) {
    return { kind: 'out-of-range', knob, found: value, minimum, maximum, unit };
  }
  const step = stepOf(row);
  if (step === undefined) return undefined;
  const steps = (value - minimum) / step;
  if (Math.abs(steps - Math.round(steps)) <= TOLERANCE) return undefined;
  const at = (count: number) => Math.min(maximum, Number((minimum + count * step).toPrecision(12)));
  return { kind: 'off-step', knob, found: value, below: at(Math.floor(steps)), above: at(Math.ceil(steps)), unit };
}

/** Distance between two values; undefined: any will do. */
function stepOf(row: KnobRow): number | undefined {
  if (row.scale !== 'logarithmic') return row.step;
  return Number.isInteger(row.minimum) && Number.isInteger(row.maximum) ? 1 : undefined;
}
