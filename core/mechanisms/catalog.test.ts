// Goal: the catalog names every mechanism folder, and every contract's tables are sound. Method:
// read the folders, then look at each row: unique ids, defaults inside ranges, words for every knob
// and fault.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CATALOG, WALKTHROUGHS } from './catalog.ts';

test('the catalog holds exactly the folders', () => {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  expect(CATALOG.map((contract) => contract.id).sort()).toEqual(folders.sort());
});

test.each(CATALOG)('$id: rows are sound', ({ knobs, faults, metrics }) => {
  for (const rows of [knobs, faults, metrics]) {
    const ids = rows.map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const row of rows) expect(`${row.title} ${row.help}`).toMatch(/\w.*\.$/);
  }
  for (const knob of knobs) {
    expect(knob.minimum).toBeLessThan(knob.maximum);
    expect(knob.default).toBeGreaterThanOrEqual(knob.minimum);
    expect(knob.default).toBeLessThanOrEqual(knob.maximum);
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
