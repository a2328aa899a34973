/** A guess of the tour, drawn in the chart that it is about: a dashed line with its value, before and after the answer. */
import type uPlot from 'uplot';
import { formatQuantity } from '../app/quantity.ts';
import { type Guess, guessesOf, type TourState } from '../tour/tour-state.ts';

/** Dashes and room around the words. Unit: CSS px. */
const DASH = [6, 4];
const ROOM = 4;
/** A guess beyond so many times of what was measured would flatten the curve; it is told at the upper edge. */
const STRETCH_MAX = 3;

/** The guesses about any of these metrics, once each. */
export function guessesFor(tour: TourState | null, metrics: readonly string[]): readonly Guess[] {
  return guessesOf(tour).filter(({ metric }) => metrics.includes(metric));
}

/** The top of an axis that shows the guesses, too, where that leaves the curves readable. */
export function topWithGuesses(top: number, guesses: readonly Guess[]): number {
  return guesses.reduce((most, { value }) => (value <= top * STRETCH_MAX ? Math.max(most, value) : most), top);
}

/** The line that a knob draws: what the curves should stay below. */
export function targetLine(knob: string | undefined, knobs: Readonly<Record<string, number>>): readonly Guess[] {
  const value = knob === undefined ? undefined : knobs[knob];
  return value === undefined ? [] : [{ metric: '', value, words: 'target' }];
}

/** What stands at the line. */
export function guessText(guess: Guess, unit: string): string {
  return `${guess.words ?? 'guess'} ${formatQuantity(guess.value, unit).text}`;
}

/** Draws them over a chart whose y axis has the metrics' unit. */
export function drawGuesses(chart: uPlot, guesses: readonly Guess[], options: { readonly unit: string; readonly ink: string; readonly font: string }): void {
  const { ctx: context, bbox } = chart;
  const ratio = window.devicePixelRatio;
  context.save();
  context.font = options.font.replace(/[\d.]+px/, (size) => `${Number.parseFloat(size) * ratio}px`);
  context.fillStyle = options.ink;
  context.strokeStyle = options.ink;
  context.lineWidth = ratio;
  context.textAlign = 'right';
  for (const guess of guesses) {
    const y = Math.round(chart.valToPos(guess.value, 'y', true));
    const isAbove = y < bbox.top;
    if (!isAbove) {
      context.setLineDash(DASH.map((it) => it * ratio));
      context.beginPath();
      context.moveTo(bbox.left, y);
      context.lineTo(bbox.left + bbox.width, y);
      context.stroke();
    }
    const isHigh = y < bbox.top + bbox.height / 3;
    context.textBaseline = isHigh ? 'top' : 'bottom';
    const at = isAbove ? bbox.top : isHigh ? y + ROOM * ratio : y - ROOM * ratio;
    context.fillText(isAbove ? `${guessText(guess, options.unit)} ▲` : guessText(guess, options.unit), bbox.left + bbox.width - ROOM * ratio, at);
  }
  context.restore();
}
