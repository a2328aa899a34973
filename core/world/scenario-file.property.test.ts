// Goal: a scenario file with any field removed, doubled, mistyped or out of range gives a sentence that names
// its path; sound files become the scenario they describe. Method: walk over every field of the example
// files, spoil one at a time; random JSON besides.
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WorldRun } from '../testing/run-world.ts';
import { findDuplicateKey } from './duplicate-key.ts';
import { judge } from './judge.ts';
import { parseScenarioFile } from './scenario-file.ts';
import { sentenceOf } from './world-error.ts';

const folder = join(import.meta.dirname, '../../public/scenarios');
const EXAMPLES = readdirSync(folder).map((name) => ({
  name,
  text: readFileSync(join(folder, name), 'utf8'),
}));
const ring = EXAMPLES.find(({ name }) => name === 'ring-of-four.json')!.text;

type Path = readonly (string | number)[];
type Tree = Record<string | number, unknown>;

const shown = (path: Path) =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');

/** Every field of every object below `value`; commands' own fields are the log's to know. */
function fieldsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => fieldsOf(item, [...at, index]));
  return Object.entries(value).flatMap(([key, item]) => [
    [...at, key],
    ...fieldsOf(item, [...at, key]),
  ]);
}

/** The text with something done to the object that holds the last key of `path`. */
function spoilt(
  text: string,
  path: Path,
  spoil: (holder: Tree, key: string | number) => void,
): string {
  const root = JSON.parse(text) as Tree;
  const holder = path.slice(0, -1).reduce<Tree>((node, key) => node[key] as Tree, root);
  spoil(holder, path.at(-1)!);
  return JSON.stringify(root);
}

/** Refused, and the sentence names the path or the list that it is in. */
function expectRefused(text: string, path: Path, what: string): void {
  const read = parseScenarioFile({ text });
  const sentence = read.ok ? 'accepted' : sentenceOf(read.error);
  expect(read.ok, `${shown(path)} ${what}`).toBe(false);
  expect(sentence, `${shown(path)} ${what}`).toMatch(/^The scenario file, at .*\.$/);
  expect(sentence).toContain(String(path[0]));
  expect(sentence.split('\n')).toHaveLength(1);
}

const fields = fieldsOf(JSON.parse(ring));
const inCommand = (path: Path) => path.includes('command') && path.at(-1) !== 'command';

test('the examples are sound', () => {
  for (const { name, text } of EXAMPLES) expect(parseScenarioFile({ text }).ok, name).toBe(true);
  expect(fields.length).toBeGreaterThan(80);
});

test('every field removed', () => {
  for (const path of fields) {
    expectRefused(
      spoilt(ring, path, (holder, key) => delete holder[key]),
      path,
      'removed',
    );
  }
});

test('every field mistyped', () => {
  for (const path of fields) {
    for (const wrong of [null, true, [[]], { a: 1 }, 1.5, '\u0000']) {
      const isFraction = path.at(-1) === 'lossPercent' || path.at(-1) === 'speed';
      if ((wrong === 1.5 && isFraction) || (wrong === '\u0000' && path.at(-1) === 'input'))
        continue;
      expectRefused(
        spoilt(ring, path, (holder, key) => (holder[key] = wrong)),
        path,
        `= ${JSON.stringify(wrong)}`,
      );
    }
  }
});

test('every number out of range', () => {
  for (const path of fields.filter((it) => !inCommand(it))) {
    const value = path.reduce<unknown>((node, key) => (node as Tree)[key], JSON.parse(ring));
    if (typeof value !== 'number') continue;
    for (const wrong of [-1, 1e15, Number.MAX_SAFE_INTEGER * 4]) {
      expectRefused(
        spoilt(ring, path, (holder, key) => (holder[key] = wrong)),
        path,
        `= ${wrong}`,
      );
    }
  }
});

test('every field doubled, and a field that nobody knows', () => {
  for (const path of fields) {
    const marked = spoilt(ring, path, (holder, key) => {
      const { [key]: value, ...rest } = holder;
      for (const name of Object.keys(holder)) delete holder[name];
      Object.assign(holder, { [key]: value, '\u0001': value }, rest);
    });
    const doubled = marked.replace('"\\u0001"', JSON.stringify(path.at(-1)));
    expect(findDuplicateKey(doubled)).toBe(shown(path));
    expectRefused(doubled, path, 'doubled');
    const strange = spoilt(ring, path, (holder) => (holder['strange'] = 1));
    expectRefused(strange, path.length > 1 ? path : ['strange'], 'with a stranger beside it');
  }
});

test('every entry of a list doubled: names and pairs are there once', () => {
  for (const list of ['sites', 'profiles', 'hosts', 'links', 'vms']) {
    const text = spoilt(
      ring,
      [list],
      (holder, key) => (holder[key] = [...(holder[key] as unknown[]), (holder[key] as unknown[])[0]]),
    );
    expectRefused(text, [list], 'with its first entry twice');
  }
});

test.each([
  ['hosts[1].profile', ['hosts', 1, 'profile'], 'huge', "no profile 'huge'"],
  ['hosts[0].rack', ['hosts', 0, 'rack'], 'north/9/a', "no rack 'north/9/a'"],
  ['links[0].between[1]', ['links', 0, 'between'], ['host-a', 'host-x'], "no host 'host-x'"],
  ['links[0].between', ['links', 0, 'between'], ['host-a', 'host-a'], 'two hosts'],
  ['vms[0].host', ['vms', 0, 'host'], 'host-x', "no host 'host-x'"],
  ['vms[0].guest', ['vms', 0, 'guest'], 'quake', "no guest 'quake'"],
  ['vms[0].guest', ['vms', 0, 'guest'], 'file', 'none was given'],
  ['vms[0].memoryMiB', ['vms', 0, 'memoryMiB'], 500, 'are needed'],
  ['vms[0].memoryMiB', ['vms', 0, 'memoryMiB'], 1, 'needs 2 MiB'],
  ['vms[0].fidelity', ['vms', 0, 'fidelity'], 'paged', 'cannot be built yet'],
  ['hosts[0].devices', ['hosts', 0, 'devices'], [{}], 'cannot be built yet'],
  ['knobs.wind', ['knobs'], { wind: 1 }, "no knob 'wind'"],
  ['knobs.loss', ['knobs'], { loss: 11 }, 'between 0 and 10 %'],
  ['lab', ['lab'], 'nowhere', "no lab 'nowhere'"],
  ['commands[1].atNs', ['commands', 1, 'atNs'], 5, 'in order'],
  ['commands[0].command', ['commands', 0, 'command'], { kind: 'fly' }, 'fly'],
  ['commands[0].command', ['commands', 0, 'command'], { kind: 'migrate', vm: 9, to: 1 }, 'no VM 9'],
  [
    'commands[0].command',
    ['commands', 0, 'command'],
    { kind: 'ask', ask: 'fly', arguments: {} },
    "does 'fly'",
  ],
  [
    'commands[0].command',
    ['commands', 0, 'command'],
    { kind: 'inject-fault', fault: 'cut-link', target: 'link:0-2' },
    'link:0-2',
  ],
] as const)('sense: %s', (where, path, value, words) => {
  const read = parseScenarioFile({
    text: spoilt(ring, path, (holder, key) => (holder[key] = value)),
  });
  const sentence = read.ok ? '' : sentenceOf(read.error);
  expect(sentence).toContain(words);
  expect(sentence).toContain(`at ${where}`);
});

test('whatever the text is, the answer is a value', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map((it) => JSON.stringify(it)),
      ),
      (text) => {
        expect(parseScenarioFile({ text }).ok).toBe(false);
      },
    ),
    { seed: 4, numRuns: 300 },
  );
});

test('four hosts in a ring: two migrations, each VM where its command sent it; seed and knobs over the file', () => {
  const made = parseScenarioFile({ text: ring, seed: 7, knobs: { 'downtime-limit': 50_000_000 } });
  if (!made.ok) throw new Error(sentenceOf(made.error));
  const scenario = made.value;
  expect(scenario).toMatchObject({
    seed: 7,
    knobs: { 'downtime-limit': 50_000_000 },
    untilNs: 300_000_000,
  });
  expect(scenario.hosts[2]).toMatchObject({
    picosecondsPerInstruction: 2_000,
    place: { site: 'north', row: '1', rack: 'b' },
  });
  const run = new WorldRun({ scenario });
  for (const { atNs, command } of scenario.script) run.command(atNs, command);
  run.runTo(scenario.untilNs);
  const { checks } = judge({ scenario, snapshots: run.snapshots(), commands: run.log });
  expect(checks.filter((check) => !check.holds)).toEqual([]);
  const placeOf = (vm: number) =>
    run.processes.find(({ host }) => host.findVm(vm)?.state === 'running')?.name;
  expect([placeOf(1), placeOf(2), placeOf(3)]).toEqual(['host-b', 'host-d', 'host-a']);
});
