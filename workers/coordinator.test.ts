// Goal: the coordinator's runs are the same however they are paused, paced, spread over threads or replayed; what fails is told
// and breaks nothing. Method: toy processes inline and in real threads; hashes compared at the same virtual time.
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
const options: StartOptions = { lab: 'ring', seed: 5, knobs: {}, playing: false };

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

function makeCoordinator(platform: Platform = makeInlinePlatform(toyBuilder)) {
  const coordinator = new Coordinator(platform, toyPlanner);
  open.push(coordinator as never);
  const events: SessionEvent[] = [];
  void coordinator.subscribe((event) => events.push(event));
  return { coordinator, events };
}

/** One run to the end with two planned commands, and its hash. */
async function hashOf(platform: Platform, changes: Partial<StartOptions> = {}): Promise<string> {
  const { coordinator } = makeCoordinator(platform);
  const started = await coordinator.start({ ...options, ...changes });
  expect(started.ok).toBe(true);
  expect((await coordinator.command(slower, 500_000)).ok).toBe(true);
  expect((await coordinator.command(faster, 900_000)).ok).toBe(true);
  expect(await coordinator.advanceTo(END_NS)).toEqual({ ok: true, value: END_NS });
  const { hash, timeNs } = await coordinator.runHash();
  expect(timeNs).toBe(END_NS);
  return hash;
}

test('the same hash inline and with 1, 2 and 4 threads, with none, one or all baselines beside it', async () => {
  const inline = await hashOf(makeInlinePlatform(toyBuilder));
  for (const baselines of [['other'], 'all'] as const) {
    expect(await hashOf(makeInlinePlatform(toyBuilder), { baselines })).toBe(inline);
  }
  for (const workerCount of [1, 2, 4]) {
    for (const baselines of workerCount === 2 ? ([[], ['other'], 'all'] as const) : (['all'] as const)) {
      const threads = makeThreadPlatform({ code: threadCode });
      expect(await hashOf(threads, { workerCount, baselines })).toBe(inline);
    }
  }
  expect(await hashOf(makeInlinePlatform(toyBuilder), { seed: 6 })).not.toBe(inline);
});

test('live commands, pauses, steps, another speed: the exported run replays to the same hash', async () => {
  const { coordinator, events } = makeCoordinator(makeThreadPlatform({ code: threadCode }));
  await coordinator.start({ ...options, workerCount: 2, playing: true, speed: 0.01, baselines: 'all' });
  expect((await coordinator.command(slower)).ok).toBe(true);
  await coordinator.pause();
  const before = (await coordinator.state())?.timeNs ?? 0;
  const stepped = await coordinator.step('event');
  expect(stepped).toBeGreaterThan(before);
  expect(await coordinator.step('instruction', 2)).toBe(stepped + 1);
  expect((await coordinator.command(faster)).ok).toBe(true);
  await coordinator.setSpeed(0.05);
  await coordinator.play();
  expect((await coordinator.command(slower)).ok).toBe(true);
  await coordinator.advanceTo(END_NS * 2);
  const { hash } = await coordinator.runHash();
  const file = await coordinator.exportRun();
  expect(file?.log.length).toBe(3);
  expect(file?.endNs).toBe(END_NS * 2);
  for (const lane of ['toy', 'other']) {
    expect(events.some((event) => event.kind === 'snapshots' && event.lane === lane)).toBe(true);
  }

  const { coordinator: again } = makeCoordinator();
  expect((await again.importRun(JSON.stringify(file))).ok).toBe(true);
  await again.advanceTo(END_NS);
  await again.play();
  await again.pause();
  await again.advanceTo(END_NS * 2);
  expect(await again.runHash()).toEqual({ timeNs: END_NS * 2, hash });
});

test('console and events arrive once each, in order, whatever the pauses', async () => {
  async function consoleOf(stops: readonly number[]): Promise<string> {
    const { coordinator, events } = makeCoordinator();
    await coordinator.start(options);
    for (const stop of stops) await coordinator.advanceTo(stop);
    return events
      .flatMap((event) => (event.kind === 'snapshots' ? event.snapshots : []))
      .filter((snapshot) => snapshot.process === 1)
      .flatMap((snapshot) => snapshot.console.map(({ timeNs, text }) => `${timeNs} ${text}`))
      .join('');
  }
  const whole = await consoleOf([END_NS]);
  expect(whole.length).toBeGreaterThan(100);
  expect(await consoleOf([1, 2, 600_000, 600_000, 900_001, END_NS])).toBe(whole);
});

test('a failed assertion stops the run with a report that replays; another run starts', async () => {
  const { coordinator, events } = makeCoordinator(makeThreadPlatform({ code: threadCode }));
  await coordinator.start({ ...options, workerCount: 2 });
  await coordinator.command(slower, 100_000);
  await coordinator.command({ kind: 'inject-fault', fault: 'assertion' }, 400_000);
  await coordinator.advanceTo(END_NS);
  const failed = events.find((event) => event.kind === 'failed');
  expect(failed?.report).toMatchObject({
    lab: 'ring',
    seed: 5,
    virtualTimeNs: 400_000,
    message: 'the toy does not break',
    commandLog: [{ atNs: 100_000 }, { atNs: 400_000 }],
  });
  expect(await coordinator.runHash()).toEqual({ timeNs: 0, hash: '' });
  expect((await coordinator.start(options)).ok).toBe(true);
  expect((await coordinator.advanceTo(1000)).ok).toBe(true);
  // The report is enough to see it again.
  const { coordinator: again, events: eventsAgain } = makeCoordinator();
  await again.start({ ...options, log: failed?.report.commandLog ?? [] });
  await again.advanceTo(END_NS);
  const failedAgain = eventsAgain.find((event) => event.kind === 'failed');
  expect(failedAgain?.report.virtualTimeNs).toBe(400_000);
});

test('a world that cannot be built is a failure with a report, not a hang', async () => {
  const { coordinator, events } = makeCoordinator();
  const started = await coordinator.start({ ...options, lab: 'broken' });
  expect(started).toMatchObject({ ok: false, error: { kind: 'failed' } });
  expect(events.find((event) => event.kind === 'failed')?.report.process).toBe(-1);
});

/** Rows of all processes of a lane. */
async function rowsOf(coordinator: Coordinator<never>, lane: string): Promise<number[][]> {
  const ranges = [0, 1, 2, 3].map((process) => coordinator.copySamples(process, 0, lane));
  return (await Promise.all(ranges)).map(({ values }) => [...values]);
}

test.each([['inline', 0], ['one thread', 1], ['two threads', 2], ['four threads', 4]] as const)(
  '%s: every baseline is a run of its own, from the same seed, with the same commands, and stands where the run stands',
  async (_, workerCount) => {
    const platform = () => (workerCount === 0 ? makeInlinePlatform(toyBuilder) : makeThreadPlatform({ code: threadCode }));
    const changes = workerCount === 0 ? {} : { workerCount };
    const { coordinator } = makeCoordinator(platform());
    const started = await coordinator.start({ ...options, ...changes, baselines: 'all' });
    expect(started).toMatchObject({ ok: true, value: { baselines: ['toy', 'other'] } });
    await coordinator.command(slower, 500_000);
    await coordinator.advanceTo(END_NS);
    expect((await coordinator.state())?.baselineTimesNs).toEqual({ toy: END_NS, other: END_NS });
    const [main, toy, other] = [
      await rowsOf(coordinator as never, 'main'),
      await rowsOf(coordinator as never, 'toy'),
      await rowsOf(coordinator as never, 'other'),
    ];
    expect(new Set([main, toy, other].map((rows) => JSON.stringify(rows))).size).toBe(3);
    // The toy's baselines are its ring from the next seeds: runs of their own tell what they should have come to.
    for (const [seed, rows] of [[6, toy], [7, other]] as const) {
      const { coordinator: alone } = makeCoordinator();
      await alone.start({ ...options, seed });
      await alone.command(slower, 500_000);
      await alone.advanceTo(END_NS);
      expect(await rowsOf(alone as never, 'main')).toEqual(rows);
    }
  },
);

test('a command given while it runs reaches every lane at its time, and changes what each does from there on', async () => {
  const lanes = ['main', 'toy', 'other'];
  const { coordinator } = makeCoordinator();
  const { coordinator: untouched } = makeCoordinator();
  for (const it of [coordinator, untouched]) {
    await it.start({ ...options, baselines: 'all' });
    await it.advanceTo(600_000);
  }
  const logged = await coordinator.command(slower);
  expect(logged).toMatchObject({ ok: true, value: { atNs: 600_000 } });
  for (const it of [coordinator, untouched]) await it.advanceTo(END_NS);
  for (const lane of lanes) {
    const [rows, before] = [await rowsOf(coordinator as never, lane), await rowsOf(untouched as never, lane)];
    const firstDifference = rows.flatMap((values, process) =>
      values.flatMap((value, index) => (value === before[process]![index] ? [] : [values[index - (index % 3)]!])),
    );
    expect(Math.min(...firstDifference)).toBeGreaterThan(600_000);
    expect(Math.min(...firstDifference)).toBeLessThan(760_000); // sends at most 100 µs apart, samples 20 µs
  }
});

test('a baseline that fails is told of and leaves; the run and the other baseline go on', async () => {
  const failing = {
    buildWorld(built: Parameters<typeof toyBuilder.buildWorld>[0]) {
      const processes = toyBuilder.buildWorld(built);
      if (built.scenario.baseline !== 'toy') return processes;
      const [victim] = processes;
      const run = victim!.run.bind(victim);
      victim!.run = (until) => {
        if (until > 700_000) throw new Error('the baseline breaks');
        run(until);
      };
      return processes;
    },
  };
  const expected = await hashOf(makeInlinePlatform(toyBuilder));
  const { coordinator, events } = makeCoordinator(makeInlinePlatform(failing));
  await coordinator.start({ ...options, baselines: 'all' });
  await coordinator.command(slower, 500_000);
  await coordinator.command(faster, 900_000);
  await coordinator.advanceTo(END_NS);
  expect(events.flatMap((event) => (event.kind === 'failed' ? [event.report.lane] : []))).toEqual(['toy']);
  expect((await coordinator.state())?.baselineTimesNs).toEqual({ other: END_NS });
  await coordinator.rewindTo(400_000);
  await coordinator.advanceTo(END_NS);
  expect((await coordinator.runHash()).hash).toBe(expected);
});

test('bad input is refused with a sentence and leaves the run alone', async () => {
  const { coordinator } = makeCoordinator();
  expect(await coordinator.command(slower)).toMatchObject({ ok: false, error: { kind: 'no-run' } });
  await coordinator.start(options);
  await coordinator.advanceTo(500_000);
  for (const bad of [{ lab: 'rong' }, { seed: -1 }, { seed: 0.5 }, { workerCount: 0 }, { speed: 0 }, { baselines: ['toy', 'tay'] }]) {
    expect(await coordinator.start({ ...options, ...bad })).toMatchObject({ ok: false });
  }
  const badLogs = [
    [{ atNs: 5, sequence: 0, command: { ...faster, value: 1 } }],
    [{ atNs: 5, sequence: 0, command: faster }, { atNs: 4, sequence: 1, command: faster }],
    [{ atNs: 5, sequence: 0, command: { kind: 'explode' } as never }],
  ];
  for (const log of badLogs) {
    const refused = await coordinator.start({ ...options, log });
    expect(refused).toMatchObject({ ok: false, error: { sentence: expect.stringMatching(/^Entry [01] of/) } });
  }
  expect(await coordinator.command({ ...faster, value: 1 })).toMatchObject({ ok: false });
  expect(await coordinator.command(faster, 499_999)).toMatchObject({ ok: false, error: { kind: 'past' } });
  expect(await coordinator.advanceTo(499_999)).toMatchObject({ ok: false, error: { kind: 'past' } });
  for (const text of ['{', '{}', '{"format":"glasshouse-run","version":1,"modelVersion":"other"}']) {
    expect(await coordinator.importRun(text)).toMatchObject({ ok: false, error: { kind: 'bad-run-file' } });
  }
  expect(await coordinator.state()).toMatchObject({ timeNs: 500_000, commandCount: 0, playing: false });
});

test('inspection, captures, memory and samples are answered for the process that was asked', async () => {
  const { coordinator } = makeCoordinator();
  await coordinator.start(options);
  await coordinator.advanceTo(END_NS);
  const exits = await coordinator.inspect({ view: 'exits', vm: 2 });
  expect(exits).toMatchObject({ view: 'exits', causes: [{ cause: 'arrival' }] });
  expect(await coordinator.inspect({ view: 'exits', vm: 9 })).toMatchObject({ view: 'none' });
  expect(await coordinator.inspect({ view: 'can-migrate', vm: 9, to: 1 })).toEqual({
    view: 'can-migrate',
    refused: true,
    sentence: 'There is no VM 9.',
  });
  expect((await coordinator.capture(3))[0]).toBe(3);
  const [words] = await coordinator.copyMemory(1, [{ byteOffset: 8, byteCount: 16 }]);
  expect(words?.length).toBe(16);
  const { first, next, values } = await coordinator.copySamples(1, 0);
  expect([first, next]).toEqual([0, 59]);
  expect([...values.subarray(0, 4)]).toEqual([20_000, values[1], values[2], 40_000]);
});

test('slow motion divides a finite pace and says so', async () => {
  const { coordinator, events } = makeCoordinator();
  await coordinator.start({ ...options, playing: true, speed: 0.001 });
  await coordinator.command({ kind: 'set-knob', knob: 'slow-motion', value: 1 });
  await new Promise<void>((resolve) => {
    void coordinator.subscribe((event) => {
      events.push(event);
      if (event.kind === 'state' && event.state.slowMotion) resolve();
    });
  });
  await coordinator.command({ kind: 'set-knob', knob: 'slow-motion', value: 0 });
  await coordinator.pause();
  expect((await coordinator.state())?.slowMotion).toBe(false);
});

test('a replayed log larger than a command ring arrives whole', async () => {
  const log = Array.from({ length: 6000 }, (_, sequence) => ({
    atNs: 100 * sequence,
    sequence,
    command: { kind: 'set-knob' as const, knob: 'latency', value: 20_000 + (sequence % 7) },
  }));
  const hashes: string[] = [];
  for (const platform of [makeInlinePlatform(toyBuilder), makeThreadPlatform({ code: threadCode })]) {
    const { coordinator, events } = makeCoordinator(platform);
    await coordinator.start({ ...options, log, workerCount: 2 });
    await coordinator.advanceTo(700_000);
    expect(events.filter((event) => event.kind === 'logged').length).toBe(6000);
    hashes.push((await coordinator.runHash()).hash);
  }
  expect(hashes[0]).toBe(hashes[1]);
});
