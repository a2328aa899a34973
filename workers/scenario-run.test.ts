// Goal: a run from a scenario file carries its own commands, and its run file repeats it bit for bit: the file's own values are not
// taken for turned knobs. Method: the ring of four, inline; hashes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Coordinator } from './coordinator.ts';
import { makeInlinePlatform } from './node/node-platform.ts';
import { builder, planner } from './world.ts';

const UNTIL_NS = 120_000_000;
const scenario = readFileSync(new URL('../public/scenarios/ring-of-four.json', import.meta.url), 'utf8');

test('started, exported, imported: one hash', async () => {
  const first = new Coordinator(makeInlinePlatform(builder), planner);
  const started = await first.start({ lab: '', seed: 1, knobs: { 'round-limit': 20 }, playing: false, scenario });
  expect(started).toMatchObject({ ok: true, value: { lab: 'precopy-migration', knobs: { bandwidth: 1e10, 'dirty-rate': 2_000, 'round-limit': 20 } } });
  await first.advanceTo(UNTIL_NS);
  const file = (await first.exportRun())!;
  expect(file).toMatchObject({ knobs: { 'round-limit': 20 }, scenario });
  const commands = (JSON.parse(scenario) as { commands: { atNs: number }[] }).commands;
  expect(file.log.map(({ atNs }) => atNs)).toEqual(commands.map(({ atNs }) => atNs).filter((atNs) => atNs < UNTIL_NS));
  const { hash } = await first.runHash();
  await first.stop();
  const again = new Coordinator(makeInlinePlatform(builder), planner);
  expect((await again.importRun(JSON.stringify(file))).ok).toBe(true);
  await again.advanceTo(UNTIL_NS);
  expect((await again.runHash()).hash).toBe(hash);
  await again.stop();
}, 60_000);
