// Goal: the player says at each moment what is to be done and whether what was promised came true, and nothing
// else decides. Method: a made-up walkthrough, views told by hand.
import { expect, test } from 'vitest';
import type { Walkthrough } from './walkthrough.ts';
import {
  beginStep,
  findStep,
  followBack,
  goToStep,
  guess,
  hasEnded,
  metricsNamed,
  nextStep,
  type PlayerState,
  refuseStep,
  sayParts,
  sayStep,
  STEP_NS_MAX,
  startPlayer,
  type WalkthroughView,
  watch,
} from './walkthrough-player.ts';

const walkthrough: Walkthrough = {
  lab: 'toy',
  steps: [
    { id: 'look', say: 'Look.', show: ['vm:1'] },
    {
      id: 'act',
      say: 'It took {time-taken} of {nothing}.',
      show: ['vm:1'],
      do: { kind: 'migrate', vm: 1, to: 1 },
      until: { kind: 'event', event: 'done' },
      expect: { kind: 'metric', metric: 'time-taken', is: 'at-most', value: 10 },
      ask: { question: 'How long?', metric: 'time-taken', range: { minimum: 1, maximum: 100 } },
    },
    { id: 'wait', say: 'Wait.', show: [], until: { kind: 'time', afterNs: 100 } },
  ],
};

function at(
  timeNs: number,
  taken?: number,
  events: WalkthroughView['events'] = [],
): WalkthroughView {
  return {
    timeNs,
    events,
    metrics: taken === undefined ? {} : { 'time-taken': { value: taken, unit: 'ns' } },
  };
}

/** The player at the start of the step with the command. */
function atAct(): PlayerState {
  const looked = watch(
    walkthrough,
    beginStep(walkthrough, startPlayer(walkthrough), at(5)).state,
    at(5),
  );
  return nextStep(looked);
}

test('a step without a condition is over at once, and the next waits', () => {
  const begun = beginStep(walkthrough, startPlayer(walkthrough), at(5));
  expect(begun.command).toBeUndefined();
  const over = watch(walkthrough, begun.state, at(5));
  expect(over).toMatchObject({
    phase: 'over',
    results: [{ id: 'look', holds: true, beganAtNs: 5, endedAtNs: 5 }],
  });
  expect(nextStep(over)).toMatchObject({ step: 1, phase: 'waiting' });
});

test('a step gives its command once, waits for its event, and keeps the guess beside the answer', () => {
  const begun = beginStep(walkthrough, guess(walkthrough, atAct(), 8), at(20));
  expect(begun.command).toEqual({ kind: 'migrate', vm: 1, to: 1 });
  const early = at(40, 9, [{ timeNs: 19, kind: 'done' }]); // of an earlier migration
  expect(watch(walkthrough, begun.state, early)).toBe(begun.state);
  const over = watch(walkthrough, begun.state, at(50, 9, [{ timeNs: 20, kind: 'done' }]));
  expect(over.results.at(-1)).toEqual({
    id: 'act',
    beganAtNs: 20,
    endedAtNs: 20,
    holds: true,
    found: 'time-taken is 9 ns, expected at most 10 ns',
    measured: { metric: 'time-taken', value: 9, unit: 'ns' },
    answer: { metric: 'time-taken', guess: 8, value: 9, unit: 'ns' },
  });
});

test.each([
  ['what it expects is not so', 11, 'time-taken is 11 ns, expected at most 10 ns'],
  ['what it expects was not measured', undefined, 'time-taken is not measured'],
])('a step fails when %s', (_, taken, words) => {
  const { state } = beginStep(walkthrough, atAct(), at(20));
  const over = watch(walkthrough, state, at(2_000_050, taken, [{ timeNs: 30, kind: 'done' }]));
  expect(over.results.at(-1)?.holds).toBe(false);
  expect(over.results.at(-1)?.found).toContain(words);
});

test('a promise that comes true a moment after the step’s condition is kept', () => {
  const { state } = beginStep(walkthrough, atAct(), at(20));
  const late = [{ timeNs: 30, kind: 'done' }];
  expect(watch(walkthrough, state, at(31, 11, late))).toBe(state);
  expect(watch(walkthrough, state, at(1_000_000, 9, late)).results.at(-1)).toMatchObject({ holds: true, endedAtNs: 30 });
  expect(watch(walkthrough, state, at(2_000_030, 11, late)).results.at(-1)).toMatchObject({ holds: false });
});

test('a question may be answered by a later step, and a guess is forgotten when one goes back before it', () => {
  const steps = [
    { ...walkthrough.steps[1]!, ask: { ...walkthrough.steps[1]!.ask!, answeredBy: 'wait' } },
    walkthrough.steps[2]!,
  ];
  const later: Walkthrough = { lab: 'toy', steps };
  const { state } = beginStep(later, guess(later, startPlayer(later), 8), at(20));
  const acted = watch(later, state, at(50, 9, [{ timeNs: 30, kind: 'done' }]));
  expect(acted.results.at(-1)).not.toHaveProperty('answer');
  const waited = watch(later, beginStep(later, nextStep(acted), at(60, 9)).state, at(200, 7));
  expect(waited.results.at(-1)).toMatchObject({ answer: { guess: 8, value: 7, unit: 'ns' } });
  expect(goToStep(later, waited, 1).guesses).toEqual({ act: 8 });
  expect(goToStep(later, waited, 0).guesses).toEqual({});
});

test('a step that never comes true ends as failed after its longest virtual time', () => {
  const { state } = beginStep(walkthrough, atAct(), at(20));
  expect(watch(walkthrough, state, at(19 + STEP_NS_MAX)).phase).toBe('running');
  const over = watch(walkthrough, state, at(20 + STEP_NS_MAX));
  expect(over.results.at(-1)).toMatchObject({
    holds: false,
    found: expect.stringContaining("an event 'done' did not"),
  });
});

test('a refused command ends the step with its sentence', () => {
  const { state } = beginStep(walkthrough, atAct(), at(20));
  const over = refuseStep(walkthrough, state, at(20), 'There is no VM 1.');
  expect(over.results.at(-1)).toMatchObject({
    holds: false,
    found: expect.stringContaining('There is no VM 1.'),
  });
});

test('the state is plain data: a page can leave and resume, or go back', () => {
  const { state } = beginStep(walkthrough, guess(walkthrough, atAct(), 8), at(20));
  const back = JSON.parse(JSON.stringify(state)) as PlayerState;
  const over = watch(walkthrough, back, at(50, 9, [{ timeNs: 30, kind: 'done' }]));
  expect(over.phase).toBe('over');
  expect(goToStep(walkthrough, over, 1)).toMatchObject({
    step: 1,
    phase: 'waiting',
    results: [{ id: 'look' }],
  });
});

test('a run taken back takes the tour along: the step that was on then runs again', () => {
  const over = watch(walkthrough, beginStep(walkthrough, guess(walkthrough, atAct(), 8), at(20)).state, at(50, 9, [{ timeNs: 30, kind: 'done' }]));
  const { state } = beginStep(walkthrough, nextStep(over), at(60));
  expect(followBack(walkthrough, state, 45)).toMatchObject({ step: 2, phase: 'running', beganAtNs: 30 });
  expect(followBack(walkthrough, state, 25)).toMatchObject({ step: 1, phase: 'running', beganAtNs: 20, guesses: { act: 8 }, results: [{ id: 'look' }] });
  expect(followBack(walkthrough, state, 0)).toMatchObject({ step: 0, phase: 'waiting', guesses: {}, results: [] });
});

test('virtual time ends the last step; then it has ended', () => {
  const acted = watch(
    walkthrough,
    beginStep(walkthrough, atAct(), at(20)).state,
    at(50, 9, [{ timeNs: 30, kind: 'done' }]),
  );
  const { state } = beginStep(walkthrough, nextStep(acted), at(60));
  // It only watches: it begins where the step before ended, not when somebody went on.
  expect(watch(walkthrough, state, at(129))).toBe(state);
  const over = watch(walkthrough, state, at(160));
  expect(over.results.at(-1)).toMatchObject({ beganAtNs: 30, endedAtNs: 130 });
  const ended = nextStep(over);
  expect(hasEnded(walkthrough, ended)).toBe(true);
  expect(findStep(walkthrough, ended)).toBeUndefined();
});

test('sentences show what was measured, and a dash where nothing was', () => {
  const show = (value: number, unit: string) => `${value} ${unit}`;
  expect(sayStep(walkthrough.steps[1]!, at(50, 9), show)).toBe('It took 9 ns of –.');
  expect(sayParts('{a} and {b}.')).toEqual([{ metric: 'a' }, { words: ' and ' }, { metric: 'b' }, { words: '.' }]);
  expect(metricsNamed('{a} is {b}, not {a}; {Not} { a }')).toEqual(['a', 'b']);
});
