// Goal: the decision at a round's end is the one that the card tells. Method: a table of situations, each held
// against a fresh memory; then sequences up to the most throttle.
import { expect, test } from 'vitest';
import { decideRound, makeConvergence, milliseconds, type RoundFacts } from './convergence.ts';

const MS = 1_000_000;
const FACTS: RoundFacts = {
  roundCount: 3,
  roundLimit: 30,
  pagesSent: 1000,
  pagesDirty: 100,
  predictedNs: 50 * MS,
  leastNs: MS,
  limitNs: 30 * MS,
  throttleAllowed: true,
};

test.each<[string, Partial<RoundFacts>, string]>([
  ['what is left fits', { predictedNs: 27 * MS }, 'stop'],
  ['it fits only without the margin', { predictedNs: 28 * MS }, 'round'],
  ['the round shrank', {}, 'round'],
  ['it did not shrink', { pagesDirty: 501 }, 'throttle'],
  ['it did not, and may not throttle', { pagesDirty: 501, throttleAllowed: false }, 'round'],
  ['the limit of rounds, may throttle', { roundCount: 30 }, 'throttle'],
  ['the limit of rounds, may not', { roundCount: 30, throttleAllowed: false }, 'give-up'],
  ['nothing is measured yet', { predictedNs: Number.POSITIVE_INFINITY }, 'round'],
  ['nothing has come through yet', { predictedNs: Number.POSITIVE_INFINITY, leastNs: Number.POSITIVE_INFINITY }, 'round'],
])('%s', (_name, change, kind) => {
  expect(decideRound(makeConvergence(), { ...FACTS, ...change }).kind).toBe(kind);
});

test('throttling goes 20, 30 … 90, 99, then three rounds more, then it says that it does not help', () => {
  const state = makeConvergence();
  const stuck = { ...FACTS, pagesDirty: 900 };
  const decisions = Array.from({ length: 12 }, () => decideRound(state, stuck));
  expect(decisions.map((it) => (it.kind === 'throttle' ? it.percent : it.kind))).toEqual([
    20,
    30,
    40,
    50,
    60,
    70,
    80,
    90,
    99,
    'round',
    'round',
    'give-up',
  ]);
  expect(decisions.at(-1)).toMatchObject({
    why: 'after 3 rounds 900 pages are dirty again, which would take 50 ms; the downtime limit is 30 ms and the vCPU is throttled by 99 % already',
  });
});

test('a way that is too long by itself is given three rounds, in a row', () => {
  const far = { ...FACTS, leastNs: 40 * MS };
  const state = makeConvergence();
  expect([far, far, FACTS, far, far, far].map((facts) => decideRound(state, facts).kind)).toEqual([
    'round',
    'round',
    'round',
    'round',
    'round',
    'give-up',
  ]);
});

test('while nothing has come through, nobody gives up for the way', () => {
  const unknown = { ...FACTS, predictedNs: Number.POSITIVE_INFINITY, leastNs: Number.POSITIVE_INFINITY };
  const state = makeConvergence();
  expect(Array.from({ length: 5 }, () => decideRound(state, unknown).kind)).toEqual(Array.from({ length: 5 }, () => 'round'));
});

test('milliseconds are told to two places', () => {
  expect([
    milliseconds(25_409_848),
    milliseconds(0),
    milliseconds(Number.POSITIVE_INFINITY),
  ]).toEqual(['25.41 ms', '0 ms', 'an unknown time']);
});
