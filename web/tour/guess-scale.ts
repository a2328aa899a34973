/** In which unit a guess is asked for, and the scale of its slider: as many steps a decade, so that small is as easy as large. Pure. */
import { formatQuantity } from '../app/quantity.ts';
import type { WalkthroughQuestion } from '../../core/protocol/walkthrough.ts';

/** Steps of the slider a decade. */
const STEPS_A_DECADE = 10;

/** How a person gives a guess. */
export interface GuessScale {
  readonly unit: string; //    as printed: 'ms'
  readonly factor: number; //  metric's units in one of these
  readonly steps: number; //   the slider's last position; 0 is the range's minimum
}

/** The scale of a question whose metric has the contract's `unit`. */
export function guessScale({ range }: WalkthroughQuestion, unit: string): GuessScale {
  const middle = Math.sqrt(range.minimum * range.maximum);
  const printed = formatQuantity(middle, unit).unit;
  let factor = 1;
  for (let power = 1; power <= 1e12; power *= 10) {
    const text = formatQuantity(power, unit);
    if (text.unit === printed && text.number === '1') factor = power;
  }
  const steps = Math.max(1, Math.round(Math.log10(range.maximum / range.minimum) * STEPS_A_DECADE));
  return { unit: printed, factor, steps };
}

/** The value at a position of the slider, to two digits. In the metric's unit. */
export function guessAt({ range }: WalkthroughQuestion, scale: GuessScale, position: number): number {
  const value = range.minimum * (range.maximum / range.minimum) ** (position / scale.steps);
  return Number(value.toPrecision(2));
}

/** The slider's position for a value, within its ends. */
export function positionOfGuess({ range }: WalkthroughQuestion, scale: GuessScale, value: number): number {
  if (!(value > 0)) return 0;
  const position = Math.round((Math.log(value / range.minimum) / Math.log(range.maximum / range.minimum)) * scale.steps);
  return Math.min(scale.steps, Math.max(0, position));
}

/** What was typed, in the metric's unit; undefined when it is no number of 0 or more. A comma is a decimal point. */
export function typedGuess(text: string, scale: GuessScale): number | undefined {
  const trimmed = text.trim().replace(',', '.');
  if (!/^\d*\.?\d+(e[+-]?\d+)?$|^\d+\.$/i.test(trimmed)) return undefined;
  const value = Number(trimmed) * scale.factor;
  return Number.isFinite(value) ? Number(value.toPrecision(12)) : undefined;
}

/** A value as it stands in the field. */
export function guessText(value: number, scale: GuessScale): string {
  return String(Number((value / scale.factor).toPrecision(3)));
}
