// Goal: the labs' own world travels in time, its baseline with it. Method: a migration with faults and a baseline; the hash at random instants of a straight run, found again after journeys; samples alike.
import { afterEach, expect, test } from 'vitest';
import { makePrng, nextBelow } from '../core/base/prng.ts';
import type { Command } from '../core/protocol/command.ts';
import { Coordinator } from './coordinator.ts';
import { makeInlinePlatform } from './node/node-platform.ts';
import { builder, planner } from './world.ts';

const CAMPAIGN = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const UNTIL_NS = 150_000_000;
const JOURNEYS = CAMPAIGN ? 100 : 5;
const commands: readonly (readonly [number, Command])[] = [
  [40_000_000, { kind: 'migrate', vm: 1, to: 1 }],
  [60_000_000, { kind: 'inject-fault', fault: 'cut-link' }],
  [65_000_000, { kind: 'inject-fault', fault: 'mend-link' }],
  [120_000_000, { kind: 'set-knob', knob: 'dirty-rate', value: 20_000 }],
];
const open: Coordinator<never>[] = [];

afterEach(async () => {
  for (const coordinator of open.splice(0)) await coordinator.stop();
});

async function begin() {
  const coordinator = new Coordinator(makeInlinePlatform(builder), planner);
  open.push(coordinator as never);
  const failures: string[] = [];
  const rewinds: number[] = [];
  await coordinator.subscribe((event) => {
    if (event.kind === 'failed') failures.push(event.report.message);
    if (event.kind === 'rewound') rewinds.push(event.timeNs);
  });
  const knobs = { bandwidth: 1e10, 'working-set': 1024 };
  const options = { lab: 'precopy-migration', seed: 3, knobs, baselines: 'all' as const, playing: false };
  expect((await coordinator.start({ ...options, checkpointSpacing: 2_000_000 })).ok).toBe(true);
  for (const [atNs, command] of commands) await coordinator.command(command, atNs);
  return { coordinator, failures, rewinds };
}

test('journeys of a lab with its baseline find the recorded hashes', async () => {
  const random = makePrng({ seed: 9, stream: 0 });
  const targets = Array.from({ length: JOURNEYS }, () => nextBelow(random, UNTIL_NS));
  const straight = await begin();
  const hashes = new Map<number, string>();
  for (const timeNs of targets.toSorted((left, right) => left - right)) {
    await straight.coordinator.advanceTo(timeNs);
    hashes.set(timeNs, (await straight.coordinator.runHash()).hash);
  }
  await straight.coordinator.advanceTo(UNTIL_NS);

  const { coordinator, failures, rewinds } = await begin();
  await coordinator.advanceTo(UNTIL_NS);
  for (const timeNs of targets) {
    expect(await coordinator.rewindTo(timeNs)).toEqual({ ok: true, value: timeNs });
    expect(`${timeNs} ${(await coordinator.runHash()).hash}`).toBe(`${timeNs} ${hashes.get(timeNs)}`);
    await coordinator.advanceTo(Math.min(UNTIL_NS, timeNs + 40_000_000));
  }
  const before = (await coordinator.state())!.timeNs;
  const back = await coordinator.stepBack('instruction', 1);
  expect(back).toBeLessThan(before);
  await coordinator.advanceTo(UNTIL_NS);
  expect(await coordinator.runHash()).toEqual(await straight.coordinator.runHash());
  for (const lane of ['main', 'stop-and-copy']) {
    for (const process of [0, 1]) {
      const [rows, expected] = [
        await coordinator.copySamples(process, 0, lane),
        await straight.coordinator.copySamples(process, 0, lane),
      ];
      expect([rows.next, ...rows.values]).toEqual([expected.next, ...expected.values]);
    }
  }
  expect([failures, straight.failures]).toEqual([[], []]);
  expect(rewinds.length).toBeGreaterThan(JOURNEYS / 2);
}, 600_000);

/** Wall time of the long run. Unit: ms. */
const LONG_MS = 600_000;

test.runIf(CAMPAIGN)('a run of ten wall minutes with guests, migrations and faults: 100 random instants give their hashes, within the bound of memory', async () => {
  const coordinator = new Coordinator(makeInlinePlatform(builder), planner);
  open.push(coordinator as never);
  const failures: string[] = [];
  await coordinator.subscribe((event) => {
    if (event.kind === 'failed') failures.push(event.report.message);
  });
  const knobs = { 'dirty-rate': 20_000, bandwidth: 1e9 };
  // The default spacing and bound; no capture, which would be larger than all checkpoints.
  const started = await coordinator.start({ lab: 'precopy-migration', seed: 11, knobs, baselines: [], playing: false, capture: false });
  expect(started.ok).toBe(true);
  const random = makePrng({ seed: 11, stream: 5 });
  const asked: readonly Command[] = [
    { kind: 'migrate', vm: 1, to: 0 }, { kind: 'migrate', vm: 1, to: 1 }, { kind: 'migrate', vm: 1, to: 0 }, { kind: 'migrate', vm: 1, to: 1 },
    { kind: 'inject-fault', fault: 'cut-link' }, { kind: 'inject-fault', fault: 'mend-link' }, { kind: 'inject-fault', fault: 'mend-link' },
    { kind: 'inject-fault', fault: 'cancel' }, { kind: 'inject-fault', fault: 'destination-crash' },
    { kind: 'set-knob', knob: 'dirty-rate', value: 60_000 }, { kind: 'set-knob', knob: 'dirty-rate', value: 5_000 },
  ];
  const cuts: { readonly timeNs: number; readonly hash: string }[] = [];
  let migrated = 0;
  const endsAtMs = performance.now() + LONG_MS;
  while (performance.now() < endsAtMs && failures.length === 0) {
    const hereNs = (await coordinator.state())!.timeNs;
    await coordinator.advanceTo(hereNs + 1 + nextBelow(random, 150_000_000));
    cuts.push(await coordinator.runHash());
    // Not all make sense where they come; those are refused.
    const given = await coordinator.command(asked[nextBelow(random, asked.length)]!);
    if (given.ok && given.value.command.kind === 'migrate') migrated++;
  }
  expect(migrated).toBeGreaterThan(0);
  const bound = async () => {
    const { checkpointBytes, checkpointBytesMax } = (await coordinator.history())!;
    expect(checkpointBytes).toBeLessThanOrEqual(checkpointBytesMax);
  };
  await bound();
  // Backwards, for going forward is replay: each journey begins at a checkpoint of its own.
  const targets = Array.from({ length: 100 }, () => cuts[nextBelow(random, cuts.length)]!).toSorted((left, right) => right.timeNs - left.timeNs);
  for (const { timeNs, hash } of targets) {
    expect(await coordinator.rewindTo(timeNs)).toEqual({ ok: true, value: timeNs });
    expect(`${timeNs} ${(await coordinator.runHash()).hash}`).toBe(`${timeNs} ${hash}`);
  }
  await bound();
  expect(failures).toEqual([]);
}, 3_600_000);
