// Goal: a run from a scenario file carries its own commands, and its run file repeats it bit for bit: the file's own values are not
// taken for turned knobs. Method: the ring of four, inline; hashes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BOARD_BUNDLE, BOARD_SCENARIO } from '../core/testing/board-world.ts';
import { WorldRun } from '../core/testing/run-world.ts';
import { parseScenarioFile } from '../core/world/index.ts';
import { Coordinator } from './coordinator.ts';
import { makeInlinePlatform } from './node/node-platform.ts';
import { builder, planner } from './world.ts';

const UNTIL_NS = 120_000_000;
const parsed = parseScenarioFile({ text: JSON.stringify(BOARD_SCENARIO), guest: BOARD_BUNDLE });
if (!parsed.ok) throw new Error('the boards fit');
const boards = parsed.value;
const scenario = readFileSync(new URL('../public/scenarios/ring-of-four.json', import.meta.url), 'utf8');

test('boards on 1 and on 4 workers, in one thread: one hash, and the same again from the run file', async () => {
  const straight = new WorldRun({ scenario: boards, guest: BOARD_BUNDLE });
  for (const { atNs, command } of boards.script) {
    straight.runTo(atNs);
    straight.command(atNs, command);
  }
  straight.runTo(BOARD_SCENARIO.untilNs);
  for (const workerCount of [1, 4]) {
    const coordinator = new Coordinator(makeInlinePlatform(builder), planner);
    const guest = { name: 'boards', bytes: BOARD_BUNDLE };
    expect((await coordinator.start({ lab: '', seed: 3, knobs: {}, playing: false, scenario: JSON.stringify(BOARD_SCENARIO), guest, workerCount })).ok).toBe(true);
    await coordinator.advanceTo(BOARD_SCENARIO.untilNs);
    expect((await coordinator.runHash()).hash).toBe(straight.hash());
    const file = (await coordinator.exportRun())!;
    await coordinator.stop();
    const again = new Coordinator(makeInlinePlatform(builder), planner);
    expect((await again.importRun(JSON.stringify(file), guest)).ok).toBe(true);
    await again.advanceTo(BOARD_SCENARIO.untilNs);
    expect((await again.runHash()).hash).toBe(straight.hash());
    await again.stop();
  }
}, 60_000);

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
