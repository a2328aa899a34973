// Goal: processes that are no hosts are cut, watched, captured, inspected and rewound as hosts are. Method: the two sites of the
// gateway balancer, small: any cuts give one run hash; journeys back over checkpoints find the state that was recorded.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { readPcapng } from '../testing/pcapng-reader.ts';
import { trialRun } from '../testing/gateway-trial.ts';
import { WorldRun } from '../testing/run-world.ts';
import { TimeMachine } from '../testing/time-machine.ts';
import type { Command } from '../protocol/command.ts';
import { makeSampleRing, readSamples, sampleRingSize } from '../metrics/index.ts';
import { buildWorld } from './build-world.ts';
import { validateCommand } from './validate-command.ts';

const MS = 1_000_000;
const UNTIL_NS = 1_000 * MS;
const { scenario } = trialRun({ seed: 21 });
const LOG: readonly (readonly [number, Command])[] = [
  [300 * MS, { kind: 'ask', ask: 're-home', arguments: { workload: 2, gateway: 3 } }],
  [330 * MS + 7, { kind: 'inject-fault', fault: 'gateway-crash', target: 'gateway:1' }],
  [500 * MS, { kind: 'set-knob', knob: 'wan-loss', value: 2 }],
  [700 * MS, { kind: 'inject-fault', fault: 'site-power' }],
];

function hashOf(options: { readonly split?: (nowNs: number) => number; readonly capture?: boolean } = {}): string {
  const run = new WorldRun({ scenario, ...options });
  for (const [atNs, command] of LOG) run.command(atNs, command);
  run.runTo(UNTIL_NS);
  return run.hash();
}

test('any cuts, and a capture, give the same run hash; a command less gives another', () => {
  const whole = hashOf();
  const random = makePrng({ seed: 4, stream: 1 });
  expect(hashOf({ split: (now) => now + 1 + nextBelow(random, 900_000) })).toBe(whole);
  expect(hashOf({ split: (now) => now + 1 + nextBelow(random, 90_000_000), capture: true })).toBe(whole);
  const other = new WorldRun({ scenario });
  for (const [atNs, command] of LOG.slice(1)) other.command(atNs, command);
  other.runTo(UNTIL_NS);
  expect(other.hash()).not.toBe(whole);
});

test('journeys to recorded instants find the recorded state', () => {
  const machine = new TimeMachine({ scenario });
  for (const [atNs, command] of LOG) machine.command(atNs, command);
  const random = makePrng({ seed: 9, stream: 2 });
  const cuts: { readonly timeNs: number; readonly hash: string }[] = [];
  while (machine.now() < UNTIL_NS) {
    machine.goTo(Math.min(UNTIL_NS, machine.now() + 1 + nextBelow(random, 120 * MS)));
    cuts.push({ timeNs: machine.now(), hash: machine.hash() });
    if (nextBelow(random, 3) === 0) machine.take();
  }
  for (let journey = 0; journey < 12; journey++) {
    const { timeNs, hash } = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(timeNs);
    expect(`${timeNs} ${machine.hash()}`).toBe(`${timeNs} ${hash}`);
  }
});

test('they are told, sampled, inspected and captured; faults name them; they have no memory', () => {
  const columns = scenario.processes[0]!.sampleColumns;
  const ring = makeSampleRing({ buffer: new ArrayBuffer(sampleRingSize(columns.length + 1, 64)), byteOffset: 0, columns: columns.length + 1, capacity: 64 });
  const [site] = buildWorld({ scenario, processIds: [0], sampleRings: new Map([[0, ring]]), capture: false });
  site!.run(200 * MS);
  expect(readSamples(ring, 0).next).toBe(9); // each 20 ms, before 200
  const run = new WorldRun({ scenario, capture: true });
  run.runTo(500 * MS);
  const [told, gateway] = run.snapshots();
  expect([told!.kind, told!.name, told!.host]).toEqual(['site', 'production', undefined]);
  expect(gateway!.kind).toBe('gateway');
  expect(run.all.every((it) => it.memory === undefined)).toBe(true);
  expect(readPcapng(run.all[1]!.capture!()!).packets.length).toBeGreaterThan(20);
  const volume = run.all[0]!.inspect({ view: 'volume', process: 0, workload: 1, byteOffset: 4096, byteCount: 16 });
  expect(volume).toMatchObject({ view: 'volume', byteOffset: 4096 });
  expect(volume.view === 'volume' && volume.bytes.length).toBe(16);
  expect(run.all[1]!.inspect({ view: 'process', process: 1 })).toMatchObject({ view: 'process', kind: 'gateway', name: 'P1' });
  expect(run.all[1]!.inspect({ view: 'exits', vm: 1 }).view).toBe('none');
  const faultAt = (target: string) => validateCommand(scenario, run.snapshots(), { kind: 'inject-fault', fault: 'gateway-crash', target })?.kind;
  expect(faultAt('gateway:1')).toBeUndefined();
  expect(faultAt('host:1')).toBe('unknown-target');
});
