// Goal: a run that travels in time is the same run: same hashes, samples, console, whatever the workers and the baseline; a command in the past forks. Method: the toy world, checkpoints close together, against runs that never went back.
import { build } from 'vite';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Command } from '../core/protocol/command.ts';
import { toyBuilder, toyPlanner } from '../core/testing/toy-world.ts';
import { Coordinator } from './coordinator.ts';
import { makeInlinePlatform, makeThreadPlatform } from './node/node-platform.ts';
import type { Platform } from './platform.ts';
import type { SessionEvent, StartOptions } from './session-api.ts';

const END_NS = 1_200_000;
const slower: Command = { kind: 'set-knob', knob: 'latency', value: 60_000 };
const faster: Command = { kind: 'set-knob', knob: 'latency', value: 5_000 };
const options: StartOptions = {
  lab: 'ring', seed: 5, knobs: {}, baselines: 'all', playing: false, checkpointSpacing: 2_500_000,
};

let threadCode = '';
const open: Coordinator<never>[] = [];

beforeAll(async () => {
  const entry = 'virtual:toy-thread';
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { runHostThread } from ${JSON.stringify(`${import.meta.dirname}/host-thread.ts`)};
    import { toyBuilder } from ${JSON.stringify(`${import.meta.dirname}/../core/testing/toy-world.ts`)};
    runHostThread(workerData, { builder: toyBuilder, nowMs: () => performance.now(),
      emit: (message) => parentPort.postMessage(message) });`;
  const output = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'toy-thread',
        resolveId: (id) => (id === entry ? `\0${entry}` : undefined),
        load: (id) => (id === `\0${entry}` ? code : undefined),
      },
    ],
    build: {
      write: false,
      minify: false,
      ssr: true,
      rollupOptions: { input: entry, output: { format: 'cjs' } },
    },
  });
  const result = Array.isArray(output) ? output[0] : output;
  if (result && 'output' in result) threadCode = result.output[0].code;
});

afterEach(async () => {
  for (const coordinator of open.splice(0)) await coordinator.stop();
});

/** What a page would have kept, by lane: console, events and commands, cut at every rewind. */
class Page {
  readonly #told = new Map<string, { timeNs: number; text: string }[]>();
  readonly #commands: { timeNs: number; text: string }[] = [];
  readonly failures: string[] = [];

  take(event: SessionEvent): void {
    if (event.kind === 'failed') this.failures.push(event.report.message);
    if (event.kind === 'logged') {
      this.#commands.push({ timeNs: event.logged.atNs, text: JSON.stringify(event.logged) });
    }
    if (event.kind === 'rewound') {
      for (const [lane, told] of this.#told) {
        cut(told, lane === 'main' ? event.timeNs : event.baselineTimesNs[lane]!);
      }
      cut(this.#commands, event.timeNs);
    }
    if (event.kind !== 'snapshots') return;
    const told = this.#told.get(event.lane) ?? [];
    this.#told.set(event.lane, told);
    for (const snapshot of event.snapshots) {
      for (const it of [...snapshot.console, ...snapshot.events]) {
        told.push({ timeNs: it.timeNs, text: `${snapshot.process} ${JSON.stringify(it)}` });
      }
    }
  }

  whole(): unknown {
    const texts = [...this.#told].map(([lane, told]) => [lane, told.map(({ text }) => text).toSorted()]);
    return { told: Object.fromEntries(texts), commands: this.#commands.map(({ text }) => text) };
  }
}

/** Drops what is of `timeNs` and later. */
function cut(told: { timeNs: number; text: string }[], timeNs: number): void {
  told.splice(0, told.length, ...told.filter((it) => it.timeNs < timeNs));
}

async function begin(platform: Platform = makeInlinePlatform(toyBuilder), changes: Partial<StartOptions> = {}) {
  const coordinator = new Coordinator(platform, toyPlanner);
  open.push(coordinator as never);
  const page = new Page();
  void coordinator.subscribe((event) => page.take(event));
  expect((await coordinator.start({ ...options, ...changes })).ok).toBe(true);
  return { coordinator, page };
}

async function samplesOf(coordinator: Coordinator<never>): Promise<number[][]> {
  const rows: number[][] = [];
  for (const lane of ['main', 'toy', 'other']) {
    for (let process = 0; process < 4; process++) {
      const { values } = await coordinator.copySamples(process, 0, lane);
      rows.push([...values]);
    }
  }
  return rows;
}

test.each([
  ['inline', 0], ['one thread', 1], ['two threads', 2], ['four threads', 4],
] as const)('%s: any instant gives the recorded hash; what a page keeps is what a straight run tells', async (_, workerCount) => {
  const platform = () =>
    workerCount === 0 ? makeInlinePlatform(toyBuilder) : makeThreadPlatform({ code: threadCode });
  const changes = workerCount === 0 ? {} : { workerCount };
  const straight = await begin(platform(), changes);
  const hashes = new Map<number, string>();
  const script = [[500_000, slower], [900_000, faster]] as const;
  for (const [atNs, command] of script) await straight.coordinator.command(command, atNs);
  for (let timeNs = 100_000; timeNs <= END_NS; timeNs += 133_331) {
    await straight.coordinator.advanceTo(timeNs);
    hashes.set(timeNs, (await straight.coordinator.runHash()).hash);
  }
  await straight.coordinator.advanceTo(END_NS);
  const { hash: endHash } = await straight.coordinator.runHash();

  const { coordinator, page } = await begin(platform(), changes);
  for (const [atNs, command] of script) await coordinator.command(command, atNs);
  await coordinator.advanceTo(END_NS);
  const times = [...hashes.keys()];
  for (let index = 0; index < times.length; index++) {
    const timeNs = times[(index * 7) % times.length]!;
    expect(await coordinator.rewindTo(timeNs)).toEqual({ ok: true, value: timeNs });
    expect(`${timeNs} ${(await coordinator.runHash()).hash}`).toBe(`${timeNs} ${hashes.get(timeNs)}`);
    if (index % 3 === 0) await coordinator.advanceTo(Math.min(END_NS, timeNs + 200_000));
  }
  await coordinator.rewindTo(0);
  await coordinator.advanceTo(END_NS);
  expect((await coordinator.runHash()).hash).toBe(endHash);
  expect(page.failures).toEqual([]);
  expect(page.whole()).toEqual(straight.page.whole());
  expect(await samplesOf(coordinator as never)).toEqual(await samplesOf(straight.coordinator as never));
  expect((await coordinator.history())?.checkpoints.length).toBeGreaterThan(3);
}, 60_000);

test('step back is the inverse of step, by event and by instruction', async () => {
  const { coordinator, page } = await begin();
  await coordinator.advanceTo(400_000);
  const stops: number[] = [];
  const hashes: string[] = [];
  for (let count = 0; count < 12; count++) {
    stops.push(await coordinator.step('event'));
    hashes.push((await coordinator.runHash()).hash);
  }
  const backwards = [...stops.keys()].toReversed().slice(1);
  for (const index of backwards) {
    expect(await coordinator.stepBack('event')).toBe(stops[index]);
    expect((await coordinator.runHash()).hash).toBe(hashes[index]);
  }
  expect(await coordinator.stepBack('instruction', 2)).toBe(stops[0]! - 1);
  expect(await coordinator.step('instruction', 2)).toBe(stops[0]);
  await coordinator.rewindTo(0);
  expect(await coordinator.stepBack('event')).toBe(0);
  expect(await coordinator.stepBack('instruction', 1)).toBe(0);
  expect(page.failures).toEqual([]);
});

test('a command in the past forks: its branch is a run of its own, the one that was left comes back by name', async () => {
  const { coordinator, page } = await begin();
  await coordinator.command(slower, 500_000);
  await coordinator.advanceTo(END_NS);
  const first = await coordinator.runHash();
  const firstPage = structuredClone(page.whole());

  await coordinator.rewindTo(300_000);
  expect(await coordinator.state()).toMatchObject({ timeNs: 300_000, furthestNs: END_NS, branch: 0, replayLeft: 1 });
  expect((await coordinator.command(faster)).ok).toBe(true);
  expect(await coordinator.state()).toMatchObject({ timeNs: 300_001, branch: 1, replayLeft: 0 });
  await coordinator.advanceTo(END_NS);
  const second = await coordinator.runHash();
  expect(second.hash).not.toBe(first.hash);
  const straight = await begin();
  await straight.coordinator.command(faster, 300_000);
  await straight.coordinator.advanceTo(END_NS);
  expect(await straight.coordinator.runHash()).toEqual(second);
  expect(page.whole()).toEqual(straight.page.whole());

  expect(await coordinator.returnTo(0)).toEqual({ ok: true, value: END_NS });
  expect(await coordinator.runHash()).toEqual(first);
  expect(page.whole()).toEqual(firstPage);
  const history = await coordinator.history();
  expect(history).toMatchObject({ branch: 0, furthestNs: END_NS });
  expect(history?.branches.map(({ id, parent, forkNs, endNs, log }) => [id, parent, forkNs, endNs, log.length])).toEqual([
    [0, -1, 0, END_NS, 1],
    [1, 0, 300_000, END_NS, 1],
  ]);
  expect(await coordinator.returnTo(1, 900_000)).toEqual({ ok: true, value: 900_000 });
  await coordinator.advanceTo(END_NS);
  expect(await coordinator.runHash()).toEqual(second);
  expect(await coordinator.returnTo(7)).toMatchObject({ ok: false, error: { kind: 'no-such-branch' } });
  expect(page.failures).toEqual([]);
});

test('a command planned in the past forks as well, and keeps what was planned after it', async () => {
  const { coordinator } = await begin();
  await coordinator.command(slower, 500_000);
  await coordinator.advanceTo(END_NS);
  await coordinator.rewindTo(200_000);
  await coordinator.command(faster, 400_000);
  await coordinator.advanceTo(END_NS);
  const { hash } = await coordinator.runHash();
  const straight = await begin();
  await straight.coordinator.command(faster, 400_000);
  await straight.coordinator.command(slower, 500_000);
  await straight.coordinator.advanceTo(END_NS);
  expect((await straight.coordinator.runHash()).hash).toBe(hash);
  expect((await coordinator.history())?.branches.length).toBe(2);
});

test.each([['inline', 0], ['two threads', 2]] as const)('%s: a scrub of many journeys ends at the last one, whole', async (_, workerCount) => {
  const platform = workerCount === 0 ? makeInlinePlatform(toyBuilder) : makeThreadPlatform({ code: threadCode });
  const { coordinator, page } = await begin(platform, { workerCount: Math.max(1, workerCount) });
  await coordinator.command(slower, 500_000);
  await coordinator.advanceTo(END_NS);
  const whole = structuredClone(page.whole());
  const targets = [900_000, 300_000, 700_000, 650_000, 1_100_000, 20_000, 601_000];
  const journeys = targets.map((timeNs) => coordinator.rewindTo(timeNs));
  await Promise.all(journeys);
  expect(await coordinator.state()).toMatchObject({ timeNs: 601_000, playing: false });
  const paused = coordinator.rewindTo(100_000);
  await coordinator.pause();
  await paused;
  await coordinator.play();
  await coordinator.pause();
  await coordinator.advanceTo(END_NS);
  expect(page.whole()).toEqual(whole);
  expect(page.failures).toEqual([]);
});

test('checkpoints stay within their memory, and every instant can still be reached', async () => {
  const bytesMax = 24_000_000;
  const { coordinator, page } = await begin(makeInlinePlatform(toyBuilder), { checkpointSpacing: 500_000, checkpointBytesMax: bytesMax });
  for (let timeNs = 0; timeNs <= 3_000_000; timeNs += 500_000) {
    await coordinator.advanceTo(timeNs);
    expect((await coordinator.history())!.checkpointBytes).toBeLessThanOrEqual(bytesMax);
  }
  const { checkpoints } = (await coordinator.history())!;
  expect(checkpoints[0]?.timeNs).toBe(0);
  expect(checkpoints.length).toBeGreaterThan(4);
  // Denser near the present than long ago.
  const late = checkpoints.filter(({ timeNs }) => timeNs > 2_000_000).length;
  const early = checkpoints.filter(({ timeNs }) => timeNs < 1_000_000).length;
  expect(late).toBeGreaterThan(early);
  const { hash } = await coordinator.runHash();
  await coordinator.rewindTo(1_345_678);
  await coordinator.advanceTo(3_000_000);
  expect((await coordinator.runHash()).hash).toBe(hash);
  expect(page.failures).toEqual([]);
});

test('canary: a replay that takes another course is a failure that names time, process and both hashes', async () => {
  let nudges = 0;
  const forgetful = {
    buildWorld(built: Parameters<typeof toyBuilder.buildWorld>[0]) {
      const processes = toyBuilder.buildWorld(built);
      const [victim] = processes;
      const run = victim!.run.bind(victim);
      // Hidden state: counts its calls, and at one of them, long after, changes what the process does.
      victim!.run = (until) => {
        nudges++;
        run(until);
        if (nudges === 400) (victim as unknown as { received: number }).received++;
      };
      return processes;
    },
  };
  const { coordinator, page } = await begin(makeInlinePlatform(forgetful), { baselines: [] });
  while (nudges < 350) await coordinator.advanceTo(((await coordinator.state())?.timeNs ?? 0) + 10_000);
  const { timeNs } = (await coordinator.state())!;
  await coordinator.rewindTo(0);
  await coordinator.advanceTo(timeNs);
  expect(page.failures.length).toBe(1);
  expect(page.failures[0]).toMatch(/^Replay took another course: at \d+ ns the state of process \d+ has hash [0-9a-f]{16}; when it was first there, [0-9a-f]{16}\./);
});

test('bad input is refused with a sentence', async () => {
  const { coordinator } = await begin();
  await coordinator.advanceTo(100_000);
  for (const timeNs of [-1, 0.5, Number.NaN]) {
    expect(await coordinator.rewindTo(timeNs)).toMatchObject({ ok: false, error: { kind: 'no-such-time' } });
  }
  expect(await coordinator.start({ ...options, checkpointSpacing: 0 })).toMatchObject({ ok: false });
  expect(await coordinator.start({ ...options, checkpointBytesMax: -1 })).toMatchObject({ ok: false });
  expect(await coordinator.state()).toMatchObject({ timeNs: 100_000 });
  const idle = new Coordinator(makeInlinePlatform(toyBuilder), toyPlanner);
  expect(await idle.rewindTo(0)).toMatchObject({ ok: false, error: { kind: 'no-run' } });
  expect(await idle.returnTo(0)).toMatchObject({ ok: false, error: { kind: 'no-run' } });
  expect(await idle.history()).toBeUndefined();
});
