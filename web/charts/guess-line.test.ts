// Goal: a guess is drawn where it is about something, and never flattens the curve. Method: tours made by hand.
import { expect, test } from 'vitest';
import type { TourState } from '../tour/tour-state.ts';
import { guessesFor, guessText, targetLine, topWithGuesses } from './guess-line.ts';

const range = { minimum: 1, maximum: 10 };
const tour = {
  player: { guesses: { a: 5, b: 7, gone: 9 } },
  steps: [
    { id: 'a', say: '', show: [], ask: { question: '?', metric: 'pause', drawnOn: 'echo', range } },
    { id: 'b', say: '', show: [], ask: { question: '?', metric: 'downtime', range } },
    { id: 'c', say: '', show: [], ask: { question: '?', metric: 'echo', range } },
  ],
} as unknown as TourState;

test('the metric that a guess is drawn on is the walkthrough’s word; what was not guessed is not drawn', () => {
  expect(guessesFor(tour, ['echo', 'other'])).toEqual([{ metric: 'echo', value: 5 }]);
  expect(guessesFor(tour, ['downtime'])).toEqual([{ metric: 'downtime', value: 7 }]);
  expect(guessesFor(tour, ['pause'])).toEqual([]);
  expect(guessesFor(null, ['echo'])).toEqual([]);
});

test('the axis makes room for a guess, but not for one that would flatten the curve', () => {
  expect(topWithGuesses(10, [{ metric: 'echo', value: 25 }])).toBe(25);
  expect(topWithGuesses(10, [{ metric: 'echo', value: 31 }])).toBe(10);
  expect(topWithGuesses(10, [{ metric: 'echo', value: 2 }])).toBe(10);
  expect(guessText({ metric: 'echo', value: 4_000_000 }, 'ns')).toBe('guess 4\u00a0ms');
});

test('a knob’s value stands as the target where a chart has one', () => {
  expect(targetLine('rpo-target', { 'rpo-target': 5_000_000_000 }).map((it) => guessText(it, 'ns'))).toEqual(['target 5\u00a0s']);
  expect(targetLine(undefined, { 'rpo-target': 1 })).toEqual([]);
  expect(targetLine('rpo-target', {})).toEqual([]);
});
