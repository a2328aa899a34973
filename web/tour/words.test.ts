// Goal: the tour's own words are complete in each language and speak in units. Method: rows against English; sentences of made-up steps.
import { expect, test } from 'vitest';
import { fill, failureSentence, TOUR_WORDS, waitSentence, wordsOf } from './words.ts';
import { LANGUAGES } from './narration-files.ts';

const slots = (text: string) => text.split('{}').length - 1;

test.each(LANGUAGES)('%s has words of its own, with the same places to fill', (language) => {
  const words = TOUR_WORDS[language];
  expect(words, language).toBeDefined();
  for (const [key, text] of Object.entries(TOUR_WORDS['en']!)) {
    expect(words![key as keyof typeof words], key).toMatch(/\S/);
    expect(slots(words![key as keyof typeof words]!), key).toBe(slots(text));
  }
});

test('a dialect has its language’s words, an unknown language English ones', () => {
  expect(wordsOf('de-CH')).toBe(TOUR_WORDS['de']);
  expect(wordsOf('eo')).toBe(TOUR_WORDS['en']);
  expect(fill('{} of {}', '1', '2')).toBe('1 of 2');
});

const step = { id: 'a', say: '', show: [] };
const en = wordsOf('en');

test('a wait is said in its own words, else with the time’s unit', () => {
  expect(waitSentence({ ...step, until: { kind: 'time', afterNs: 50_000_000 } }, en, false)).toBe('For 50\u00a0ms of virtual time.');
  expect(waitSentence({ ...step, until: { kind: 'event', event: 'stop' }, wait: 'the VM stops' }, en, false)).toBe('Until the VM stops.');
  expect(waitSentence({ ...step, until: { kind: 'event', event: 'stop' }, wait: 'the VM stops' }, en, true)).toBe('As fast as possible, until the VM stops.');
  expect(waitSentence(step, en, false)).toBe('');
});

test('what did not come true is said with title and units', () => {
  const result = { id: 'a', beganAtNs: 0, endedAtNs: 1, holds: false, found: 'downtime is 45000000 ns, expected at most 30000000 ns', measured: { metric: 'downtime', value: 45_000_000, unit: 'ns' } };
  const expecting = { ...step, expect: { kind: 'metric', metric: 'downtime', is: 'at-most', value: 30_000_000 } } as const;
  const rows = [{ id: 'downtime', title: 'Downtime', unit: 'ns', kind: 'result', better: 'lower', entity: 'migration', help: '' }] as const;
  expect(failureSentence(expecting, result, rows, en)).toBe('This did not come true: Downtime at most 30\u00a0ms, but it was 45\u00a0ms.');
  expect(failureSentence(expecting, { ...result, found: 'its command was refused: There is no VM 1.' }, rows, en)).toBe('This did not come true: its command was refused: There is no VM 1.');
  expect(failureSentence(expecting, { ...result, holds: true }, rows, en)).toBe('');
});
