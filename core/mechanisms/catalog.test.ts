// Goal: the catalog names every mechanism folder, and every contract's tables are sound. Method:
// read the folders, then look at each row: unique ids, defaults inside ranges, words for every knob
// and fault.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  catalogFiles,
  catalogText,
  newMechanismFiles,
  slugFault,
  slugsIn,
} from '../../workers/node/mechanism-files.mjs';
import { findKnobValueError } from '../base/knob-value.ts';
import { CATALOG, findContract, WALKTHROUGHS } from './catalog.ts';
import { LABS } from './labs.ts';
import { LIBRARY } from './library.ts';

const root = join(import.meta.dirname, '../..');
const slugs = slugsIn(root);

test('the generated lists are those of the folders; run `npm run new-mechanism -- --catalog` when not', () => {
  for (const [path, text] of Object.entries(catalogFiles(root))) {
    expect(readFileSync(join(root, path), 'utf8'), path).toBe(text);
  }
  expect(CATALOG.map(({ id }) => id)).toEqual(slugs);
  expect(LABS.map(({ contract }) => contract.id)).toEqual(slugs);
  expect(WALKTHROUGHS.map(({ lab }) => lab)).toEqual(slugs);
  expect(LIBRARY).toEqual(CATALOG.map(({ id, title, sentence }) => ({ id, title, sentence })));
});

test('every mechanism has its one UI file', () => {
  const folders = readdirSync(join(root, 'web/labs'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  expect(folders.sort()).toEqual(slugs);
});

test('requests have names that are unique in the house, and none of the core commands', () => {
  const names = CATALOG.flatMap(({ requests }) => requests.map(({ id }) => id));
  expect(new Set(names).size).toBe(names.length);
  for (const core of ['set-knob', 'inject-fault', 'console-input', 'ask'])
    expect(names).not.toContain(core);
});

test('a new mechanism is the whole skeleton under its own name; bad names are refused', () => {
  const files = newMechanismFiles(root, 'made-by-a-test');
  const expected = [
    'README.md',
    'contract.ts',
    'mechanism.test.ts',
    'mechanism.ts',
    'scenario.ts',
    'walkthrough.ts',
  ];
  expect(Object.keys(files).sort()).toEqual([
    ...expected.map((name) => `core/mechanisms/made-by-a-test/${name}`),
    'web/labs/made-by-a-test/lab.tsx',
    'web/labs/made-by-a-test/narration.de.json',
    'web/labs/made-by-a-test/picture.txt',
  ]);
  expect(Object.values(files).filter((text) => /['"]skeleton['"]|pause-briefly/.test(text))).toEqual([]);
  expect(files['core/mechanisms/made-by-a-test/contract.ts']).toContain("id: 'made-by-a-test'");
  expect(files['web/labs/made-by-a-test/lab.tsx']).toMatch(/lab: 'made-by-a-test',\n {2}stage: .*\n {2}strip: .*\n {2}charts: /);
  expect(slugFault(root, 'made-by-a-test')).toBe('');
  for (const bad of [undefined, '', 'Page', 'page_x', '-x', 'a--b', 'x'.repeat(41)]) {
    expect(slugFault(root, bad), String(bad)).not.toBe('');
  }
  expect(slugFault(root, 'skeleton')).toContain('there already');
  expect(catalogText(['a-b', 'c'])).toContain(
    "import { contract as aB } from './a-b/contract.ts';",
  );
});

test.each(CATALOG)('$id: rows are sound', ({ knobs, faults, requests, metrics, baselines }) => {
  expect(baselines.length).toBeGreaterThan(0);
  for (const rows of [knobs, faults, requests, metrics, baselines]) {
    const ids = rows.map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const row of rows) expect(`${row.title} ${row.help}`).toMatch(/\w.*\.$/);
  }
  for (const knob of knobs) {
    expect(knob.minimum).toBeLessThan(knob.maximum);
    expect(knob.default).toBeGreaterThanOrEqual(knob.minimum);
    expect(knob.default).toBeLessThanOrEqual(knob.maximum);
    for (const value of [knob.default, knob.maximum]) expect(findKnobValueError(knob, value), knob.id).toBeUndefined();
    if (knob.scale === 'logarithmic') expect(knob.minimum).toBeGreaterThan(0);
    if (knob.scale === 'switch') expect([knob.minimum, knob.maximum, knob.step]).toEqual([0, 1, 1]);
  }
});

test('every mechanism has a walkthrough that names only what its contract knows', () => {
  expect(WALKTHROUGHS.map((it) => it.lab)).toEqual(CATALOG.map((it) => it.id));
  for (const { lab, steps } of WALKTHROUGHS) {
    const contract = CATALOG.find((it) => it.id === lab)!;
    const metrics = contract.metrics.map((metric) => metric.id);
    expect(new Set(steps.map((step) => step.id)).size).toBe(steps.length);
    for (const { say, ask, until, expect: wanted, do: command } of steps) {
      for (const [, metric] of say.matchAll(/\{([\w-]+)\}/g)) expect(metrics).toContain(metric);
      for (const condition of [until, wanted]) {
        if (condition?.kind === 'metric') expect(metrics).toContain(condition.metric);
      }
      if (ask !== undefined) expect(metrics).toContain(ask.metric);
      if (command?.kind === 'set-knob') {
        expect(contract.knobs.map((knob) => knob.id)).toContain(command.knob);
      }
    }
  }
});

test.each(WALKTHROUGHS)('the walkthrough of $lab says what its buttons do and what its steps wait for', ({ lab, steps }) => {
  const unitOf = (metric: string) => findContract(lab)?.metrics.find((row) => row.id === metric)?.unit ?? 'none';
  for (const { id, button, do: command, until, wait, ask } of steps) {
    expect(button !== undefined, `${id}: a command has a button, and a button a command`).toBe(command !== undefined);
    if (until?.kind === 'event') expect(wait, id).toMatch(/^[^A-Z].*[^.]$/);
    if (ask !== undefined) {
      expect(ask.question, id).toMatch(/\?$/);
      expect(unitOf(ask.drawnOn ?? ask.metric), `${id}: the guess is drawn on an axis of its unit`).toBe(unitOf(ask.metric));
      expect(ask.range.minimum, id).toBeGreaterThan(0);
      expect(ask.range.minimum, id).toBeLessThan(ask.range.maximum);
      const positions = [id, ask.answeredBy ?? id].map((it) => steps.findIndex((step) => step.id === it));
      expect(positions[1], `${id}: a later step answers`).toBeGreaterThanOrEqual(positions[0]!);
      expect(command, `${id}: a bet is on what a command will do`).toBeDefined();
    }
  }
});
