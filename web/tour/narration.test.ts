// Goal: a narration says every step of its walkthrough and nothing else, and a wrong file is told by path and problem.
// Method: every file of the labs against its walkthrough; one right file spoiled in each way.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findWalkthrough, WALKTHROUGHS } from '../../core/mechanisms/catalog.ts';
import { NARRATION_FORMAT } from './narration-format.ts';
import { readNarration, tellIn } from './narration.ts';
import { LANGUAGES, languageName, loadNarration } from './narration-files.ts';

const labs = join(import.meta.dirname, '../labs');
const FILES = readdirSync(labs, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(join(labs, name)).filter((file) => /^narration\./.test(file)).map((file) => ({ lab: name, file })));

test.each(FILES)('$lab/$file says every step', ({ lab, file }) => {
  const reading = readNarration(readFileSync(join(labs, lab, file), 'utf8'), findWalkthrough(lab)!, file);
  expect(reading.ok ? '' : reading.sentence).toBe('');
  if (reading.ok) expect(file).toBe(`narration.${reading.narration.language}.json`);
});

test('all labs of the first three are told in German, each by its own file', async () => {
  expect(LANGUAGES).toEqual(expect.arrayContaining(['en', 'de']));
  expect(languageName('de')).toBe('Deutsch');
  for (const slug of ['live-snapshot', 'precopy-migration', 'skeleton']) {
    const walkthrough = findWalkthrough(slug)!;
    const reading = await loadNarration(walkthrough, 'de');
    expect(reading, slug).toMatchObject({ ok: true });
    if (reading?.ok !== true) continue;
    const told = tellIn(walkthrough, reading.narration);
    // Another language is not English under another name; what a step does is the walkthrough's.
    for (const [index, step] of walkthrough.steps.entries()) {
      expect(told[index]!.say, step.id).not.toBe(step.say);
      expect({ ...told[index], say: '', button: '', wait: '', ask: step.ask }).toEqual({ ...step, say: '', button: '', wait: '' , ask: step.ask });
    }
  }
  expect(await loadNarration(WALKTHROUGHS[0]!, 'xx')).toBeUndefined();
});

const walkthrough = findWalkthrough('skeleton')!;
const right = {
  format: NARRATION_FORMAT, version: 1, lab: 'skeleton', language: 'eo',
  steps: {
    watch: { say: 'Unu.', wait: 'du' },
    pause: { say: 'Tri.', button: 'Kvar', question: 'Kvin?', wait: 'ses' },
    faster: { say: 'Sep {gap-longest}.', button: 'Ok', note: 'Naŭ.' },
  },
};
type Step = Record<string, unknown>;
const steps = (change: Record<string, Step | undefined>) => ({ ...right, steps: { ...right.steps, ...change } });

test('a right file of one’s own is taken, its notes go to the presenter', () => {
  const reading = readNarration(JSON.stringify(right), walkthrough, 'mine.json');
  expect(reading.ok).toBe(true);
  if (!reading.ok) return;
  expect(tellIn(walkthrough, reading.narration)[2]).toMatchObject({ say: 'Sep {gap-longest}.', button: 'Ok', note: 'Naŭ.', do: { kind: 'set-knob' } });
  expect(tellIn(walkthrough, reading.narration)[1]?.ask).toMatchObject({ question: 'Kvin?', metric: 'gap-longest' });
});

test.each([
  ['an unfinished file', '{', /is not JSON: /],
  ['not an object', 7, /^The narration “mine\.json” must be an object; it is 7\.$/],
  ['another format', { ...right, format: 'glasshouse-run' }, /: format must be “glasshouse-narration”\.$/],
  ['another version', { ...right, version: 2 }, /: version must be 1\.$/],
  ['no language', { ...right, language: undefined }, /: language is missing\.$/],
  ['no language tag', { ...right, language: 'German!' }, /: language must be a language tag/],
  ['another lab', { ...right, lab: 'precopy-migration' }, /: lab is “precopy-migration”, but the lab that is open is “skeleton”\.$/],
  ['a step too few', steps({ pause: undefined }), /: steps\.pause is missing\.$/],
  ['a step too many', steps({ coffee: { say: 'Kafo.' } }), /: steps\.coffee is no step of the walkthrough; its steps are watch, pause, faster\.$/],
  ['a placeholder lost', steps({ faster: { say: 'Sep.', button: 'Ok' } }), /: steps\.faster\.say lacks the placeholder \{gap-longest\}\.$/],
  ['a placeholder invented', steps({ watch: { say: '{gap}', wait: 'du' } }), /: steps\.watch\.say has the placeholder \{gap\}, which the step does not have\.$/],
  ['a brace left open', steps({ watch: { say: 'Unu {.', wait: 'du' } }), /: steps\.watch\.say has a brace that belongs to no placeholder\.$/],
  ['a button lost', steps({ faster: { say: 'Sep {gap-longest}.' } }), /: steps\.faster\.button is missing; in English it is “Tick faster”\.$/],
  ['a button invented', steps({ watch: { say: 'Unu.', wait: 'du', button: 'Ho' } }), /: steps\.watch\.button has no place: the step has none\.$/],
  ['a number for words', steps({ watch: { say: 3, wait: 'du' } }), /: steps\.watch\.say must be text\.$/],
  ['empty words', steps({ watch: { say: ' ', wait: 'du' } }), /: steps\.watch\.say must not be empty\.$/],
  ['a key that is not known', steps({ watch: { say: 'Unu.', wait: 'du', sya: 'x' } }), /: steps\.watch\.sya is not known here\.$/],
])('%s is told in one sentence with its path', (_, spoiled, sentence) => {
  const text = typeof spoiled === 'string' ? spoiled : JSON.stringify(spoiled);
  const reading = readNarration(text, walkthrough, 'mine.json');
  expect(reading.ok ? '' : reading.sentence).toMatch(sentence);
});
