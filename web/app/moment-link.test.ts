// Goal: a shared link gives back what it was made from, and a bad one breaks nothing. Method: round trips
// (fast-check) over the contract's knobs, and examples of bad links with the sentence they must give.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contract } from '../../core/mechanisms/precopy-migration/contract.ts';
import { DEFAULT_SEED, formatMoment, type Moment, parseMoment } from './moment-link.ts';
import { positionCount, valueAt } from '../widgets/knob-scale.ts';

const defaults: Moment = { lab: contract.id, seed: DEFAULT_SEED, knobs: {}, autoplay: true, density: '', selection: '', timeNs: -1, log: '', lecture: false, tour: false, language: '' };

test('a moment survives the way through its link', () => {
  const knobs = fc.record(
    Object.fromEntries(contract.knobs.map((row) => [row.id, fc.integer({ min: 0, max: positionCount(row) }).map((at) => valueAt(row, at))])),
    { requiredKeys: [] },
  );
  const seeds = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(knobs, seeds, (values, seed) => {
      const different = Object.fromEntries(
        Object.entries(values).filter(([id, value]) => contract.knobs.find((row) => row.id === id)!.default !== value),
      ) as Record<string, number>;
      const moment = { ...defaults, seed, knobs: different };
      expect(parseMoment(formatMoment(moment, contract), contract)).toEqual({ moment, sentence: '' });
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('a moment carries its time and what was asked before it; a time that is none is named', () => {
  const moment = { ...defaults, timeNs: 1_234_567, log: 'q1-_Z' };
  const hash = formatMoment(moment, contract);
  expect(hash).toBe('#/lab/precopy-migration?v=1&t=1234567&log=q1-_Z');
  expect(parseMoment(hash, contract)).toEqual({ moment, sentence: '' });
  expect(parseMoment('#/lab/precopy-migration?t=0', contract).moment.timeNs).toBe(0);
  for (const text of ['-1', '1.5', '1e9', 'soon', '9999999999999999']) {
    const { moment: read, sentence } = parseMoment(`#/lab/precopy-migration?t=${text}`, contract);
    expect(read.timeNs).toBe(-1);
    expect(sentence).toContain(`“${text}”`);
  }
});

test('only differences are written', () => {
  expect(formatMoment(defaults, contract)).toBe('#/lab/precopy-migration');
  const row = contract.knobs[0];
  expect(formatMoment({ ...defaults, knobs: { [row.id]: row.default } }, contract)).toBe('#/lab/precopy-migration');
});

test('unknown keys and knobs of other versions are ignored', () => {
  const { moment, sentence } = parseMoment('#/lab/precopy-migration?wind=3&knobs=colour:2,bandwidth:1000000000&seed=4', contract);
  expect(sentence).toBe('');
  expect(moment).toEqual({ ...defaults, seed: 4 });
});

test.each([
  ['#nonsense', 'not of the form'],
  ['#/lab/post-copy', 'There is no lab “post-copy”'],
  ['#/lab/precopy-migration?seed=-1', 'seed “-1”'],
  ['#/lab/precopy-migration?seed=99999999999', 'seed “99999999999”'],
  ['#/lab/precopy-migration?knobs=bandwidth:fast', 'Link bandwidth as “fast”'],
  ['#/lab/precopy-migration?knobs=bandwidth', 'not a number'],
  ['#/lab/precopy-migration?knobs=loss:11', 'Packet loss is 11 %'],
  ['#/lab/precopy-migration?knobs=loss:0.25', 'takes 0.2 or 0.3 %'],
  ['#/lab/precopy-migration?knobs=working-set:100', 'takes 96 or 112 pages'],
  ['#/lab/precopy-migration?knobs=round-limit:2.5', 'takes 2 or 3 rounds'],
])('a bad link %s is named in a sentence and the defaults go on', (hash, words) => {
  const { moment, sentence } = parseMoment(hash, contract);
  expect(sentence).toContain(words);
  expect(moment.knobs).toEqual({});
  expect(moment.seed).toBe(DEFAULT_SEED);
});

test('any text is survived', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { moment } = parseMoment(`#${text}`, contract);
      expect(moment.lab).toBe(contract.id);
    }),
    { seed: 7 },
  );
});
