// Goal: a guess is asked for in the unit that the question speaks of, and slider and field say the same. Method: the
// questions of all labs, and values there and back.
import { expect, test } from 'vitest';
import { findContract, WALKTHROUGHS } from '../../core/mechanisms/catalog.ts';
import { guessAt, guessScale, guessText, positionOfGuess, typedGuess } from './guess-scale.ts';

const QUESTIONS = WALKTHROUGHS.flatMap(({ lab, steps }) => steps.flatMap(({ ask }) => {
  const row = findContract(lab)?.metrics.find(({ id }) => id === ask?.metric);
  return ask === undefined || row === undefined ? [] : [{ lab, ask, unit: row.unit }];
}));

test('the labs ask', () => expect(QUESTIONS.map(({ lab }) => lab)).toEqual(expect.arrayContaining(['live-snapshot', 'precopy-migration', 'skeleton'])));

test.each(QUESTIONS)('$lab: $ask.question', ({ ask, unit }) => {
  const scale = guessScale(ask, unit);
  // The question names the unit in words; the field prints it.
  if (/millisecond/.test(ask.question)) expect(scale).toMatchObject({ unit: 'ms', factor: 1_000_000 });
  expect(guessAt(ask, scale, 0)).toBe(ask.range.minimum);
  expect(guessAt(ask, scale, scale.steps)).toBe(ask.range.maximum);
  for (let position = 0; position <= scale.steps; position++) {
    const value = guessAt(ask, scale, position);
    expect(positionOfGuess(ask, scale, value)).toBe(position);
    expect(typedGuess(guessText(value, scale), scale)).toBeCloseTo(value, 3);
  }
});

test('what is typed counts beyond the slider’s ends too, and is refused when it is no number', () => {
  const question = { question: '?', metric: 'm', range: { minimum: 1e6, maximum: 1e9 } };
  const scale = guessScale(question, 'ns');
  expect(typedGuess('12,5', scale)).toBe(12_500_000);
  expect(typedGuess(' 0 ', scale)).toBe(0);
  expect(typedGuess('5000', scale)).toBe(5e9);
  expect(positionOfGuess(question, scale, 5e9)).toBe(scale.steps);
  expect(positionOfGuess(question, scale, 0)).toBe(0);
  for (const bad of ['', 'soon', '-3', '1e999', '1.2.3', '3 ms']) expect(typedGuess(bad, scale), bad).toBeUndefined();
});
