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
  lab: 'ring', seed: 5, knobs: {}, baseline: true, playing: false, checkpointSpacing: 500_000,
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
      write: false, minify: false, ssr: true,
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
  readonly console = { main: [] as string[], baseline: [] as string[] };
  readonly commands: string[] = [];
  readonly failures: string[] = [];
  private times = { main: [] as number[], baseline: [] as number[] };
  private commandTimes: number[] = [];

  take(event: SessionEvent): void {
    if (event.kind === 'failed') this.failures.push(event.report.message);
    if (event.kind === 'logged') {
      this.commands.push(JSON.stringify(event.logged));
      this.commandTimes.push(event.logged.atNs);
    }
    if (event.kind === 'rewound') {
      this.cut('main', event.timeNs);
      this.cut('baseline', event.baselineTimeNs);
      while ((this.commandTimes.at(-1) ?? -1) >= event.timeNs) {
        this.commandTimes.pop();
        this.commands.pop();
      }
    }
    if (event.kind !== 'snapshots') return;
    for (const snapshot of event.snapshots) {
      for (const it of [...snapshot.console, ...snapshot.events]) {
        this.console[event.lane].push(`${snapshot.process} ${JSON.stringify(it)}`);
        this.times[event.lane].push(it.timeNs);
      }
    }
  }

  private cut(lane: 'main' | 'baseline', timeNs: number): void {
    const keep = this.times[lane].map((it) => it < timeNs);
    const lines = this.console[lane].filter((_, index) => keep[index]);
    this.console[lane].splice(0, this.console[lane].length, ...lines);
    this.times[lane] = this.times[lane].filter((_, index) => keep[index]);
  }

  whole(): unknown {
    const { main, baseline } = this.console;
    return { main: main.toSorted(), baseline: baseline.toSorted(), commands: this.commands };
  }
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
  for (const lane of ['main', 'baseline'] as const) {
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
  for (let timeNs = 100_000; timeNs <= END_NS; timeNs += 73_331) {
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
