/**
 * The tour's own few words, by language of the narration; a language without a row has English ones. `{}` is where
 * the thing spoken of stands.
 */
import { formatQuantity } from '../app/quantity.ts';
import type { MetricRow } from '../../core/base/contract.ts';
import type { WalkthroughCondition } from '../../core/protocol/walkthrough.ts';
import type { StepResult } from '../../core/protocol/walkthrough-player.ts';
import type { TourStep } from './tour-state.ts';

/** See the file's head. */
export interface TourWords {
  readonly tour: string;
  readonly next: string;
  readonly goOn: string;
  readonly back: string;
  readonly leave: string;
  readonly end: string;
  readonly hurry: string;
  readonly until: string; //        {}: a clause
  readonly lasting: string; //      {}: a duration
  readonly hurrying: string;
  readonly travelling: string;
  readonly yourGuess: string;
  readonly guessed: string;
  readonly measured: string;
  readonly notTrue: string; //      {}: what was expected and found
  readonly expectedAtMost: string; // {}: metric, bound, value
  readonly expectedAtLeast: string;
  readonly notMeasured: string;
  readonly ended: string;
  readonly hidden: string; //       said instead of an answer
  readonly notANumber: string;
}

const ENGLISH: TourWords = {
  tour: 'Tour', next: 'Next', goOn: 'Go on', back: 'Back', leave: 'Leave', end: 'End the tour',
  hurry: 'Go on as fast as possible',
  until: 'Until {}.', lasting: 'For {} of virtual time.', hurrying: 'As fast as possible, until {}.',
  travelling: 'The run is on its way.',
  yourGuess: 'Your guess', guessed: 'Guessed', measured: 'Measured',
  notTrue: 'This did not come true: {}.',
  expectedAtMost: '{} at most {}, but it was {}', expectedAtLeast: '{} at least {}, but it was {}', notMeasured: 'not measured',
  ended: 'That was the tour. Turn the knobs, break something, or start again.',
  hidden: 'hidden until it is revealed', notANumber: 'A guess is a number, 0 or more.',
};

const GERMAN: TourWords = {
  tour: 'Tour', next: 'Weiter', goOn: 'Weiter', back: 'Zurück', leave: 'Verlassen', end: 'Tour beenden',
  hurry: 'So schnell wie möglich weiter',
  until: 'Bis {}.', lasting: 'Für {} virtueller Zeit.', hurrying: 'So schnell wie möglich, bis {}.',
  travelling: 'Der Lauf ist unterwegs.',
  yourGuess: 'Ihre Schätzung', guessed: 'Geschätzt', measured: 'Gemessen',
  notTrue: 'Das ist nicht eingetreten: {}.',
  expectedAtMost: '{} höchstens {}, aber es waren {}', expectedAtLeast: '{} mindestens {}, aber es waren {}', notMeasured: 'nicht gemessen',
  ended: 'Das war die Tour. Drehen Sie an den Reglern, machen Sie etwas kaputt, oder beginnen Sie neu.',
  hidden: 'verdeckt, bis aufgedeckt wird', notANumber: 'Eine Schätzung ist eine Zahl, 0 oder mehr.',
};

/** All rows, by language. */
export const TOUR_WORDS: Readonly<Record<string, TourWords>> = { en: ENGLISH, de: GERMAN };

/** The words of a language; of its first part for 'de-CH'; else English. */
export function wordsOf(language: string): TourWords {
  return TOUR_WORDS[language] ?? TOUR_WORDS[language.split('-')[0]!] ?? ENGLISH;
}

/** Puts things where {} stands, in order. */
export function fill(text: string, ...things: readonly string[]): string {
  let next = 0;
  return text.replace(/\{\}/g, () => things[next++] ?? '');
}

/** What a running step waits for, as a sentence; '' when for nothing. */
export function waitSentence(step: TourStep, words: TourWords, hurrying: boolean): string {
  const { until, wait } = step;
  if (until === undefined) return '';
  if (wait === undefined && until.kind === 'time') return fill(words.lasting, formatQuantity(until.afterNs, 'ns').text);
  return fill(hurrying ? words.hurrying : words.until, wait ?? clauseOf(until));
}

/** A condition without words of its own: the metric or event by its id. */
function clauseOf(until: WalkthroughCondition): string {
  if (until.kind === 'event') return `“${until.event}”`;
  if (until.kind === 'time') return formatQuantity(until.afterNs, 'ns').text;
  return `${until.metric} ${until.is === 'at-least' ? '≥' : '≤'} ${until.value}`;
}

/** Why a step did not come true, in one sentence with units; '' when it did. */
export function failureSentence(step: TourStep, result: StepResult, metrics: readonly MetricRow[], words: TourWords): string {
  if (result.holds) return '';
  const { expect } = step;
  if (expect?.kind !== 'metric' || result.measured === undefined || !result.found.includes('expected')) return fill(words.notTrue, result.found.replace(/\.$/, ''));
  const row = metrics.find(({ id }) => id === expect.metric);
  const { unit, value } = result.measured;
  const bound = formatQuantity(expect.value, unit).text;
  const what = fill(expect.is === 'at-most' ? words.expectedAtMost : words.expectedAtLeast, row?.title ?? expect.metric, bound, formatQuantity(value, unit).text);
  return fill(words.notTrue, what);
}
