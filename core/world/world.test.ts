// Goal: a world's history is one: however it is cut, watched, captured or replayed, the run hash is
// the same, and a different seed or knob gives another. Method: the lab with a small VM in one
// thread, cut at random times.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPcapng } from '../testing/pcapng-reader.ts';
import { smallScenario } from '../testing/migration-trial.ts';
import { WorldRun, type WorldRunOptions } from '../testing/run-world.ts';
import { makePrng, nextBelow } from '../base/index.ts';
import { makeSampleRing, readSamples, sampleRingSize } from '../metrics/index.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import { buildWorld } from './build-world.ts';

const MS = 1_000_000;
const UNTIL_NS = 120 * MS;
const LOG: readonly Omit<LoggedCommand, 'sequence'>[] = [
  { atNs: 20 * MS, command: { kind: 'migrate', vm: 1, to: 1 } },
  { atNs: 31 * MS + 7, command: { kind: 'set-knob', knob: 'latency', value: 200_000 } },
  { atNs: 40 * MS, command: { kind: 'set-knob', knob: 'loss', value: 1 } },
  { atNs: 60 * MS, command: { kind: 'inject-fault', fault: 'cut-link' } },
  { atNs: 66 * MS, command: { kind: 'inject-fault', fault: 'mend-link' } },
  { atNs: 70 * MS + 1, command: { kind: 'console-input', vm: 1, text: 'sum\n' } },
];
const KNOBS = { bandwidth: 600 * MS, 'downtime-limit': 4 * MS };
const scenario = smallScenario({ seed: 5, knobs: KNOBS });

function hashOf(options: WorldRunOptions, log = LOG): string {
  const run = new WorldRun(options);
  for (const { atNs, command } of log) run.command(atNs, command);
  run.runTo(UNTIL_NS);
  return run.hash();
}

const whole = hashOf({ scenario });

test('any cuts, with snapshots at each, give the same run hash', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0x7fff_ffff }),
      fc.constantFrom(9_000, 70_000, 900_000),
      (seed, stepNs) => {
        const random = makePrng({ seed, stream: 1 });
        const run = new WorldRun({ scenario, split: (now) => now + 1 + nextBelow(random, stepNs) });
        const inputs = [...LOG];
        while (run.now() < UNTIL_NS) {
          // Commands come late, a moment before their time, as from a live page.
          while (inputs[0] !== undefined && inputs[0].atNs <= run.now() + 2 * MS) {
            const { atNs, command } = inputs.shift()!;
            run.command(atNs, command);
          }
          run.runTo(Math.min(UNTIL_NS, run.now() + MS));
          run.snapshots();
          for (const member of run.processes) member.inspect({ view: 'registers', vm: 1, vcpu: 0 });
        }
        expect(run.hash()).toBe(whole);
      },
    ),
    { seed: 3, numRuns: process.env['GLASSHOUSE_VERIFY'] === undefined ? 4 : 100 },
  );
}, 300_000);

test('a capture changes nothing; it holds the frames of the port', () => {
  expect(hashOf({ scenario, capture: true })).toBe(whole);
  const run = new WorldRun({ scenario, capture: true });
  for (const { atNs, command } of LOG) run.command(atNs, command);
  run.runTo(50 * MS);
  const file = run.processes[0]!.capture()!;
  const { packets } = readPcapng(file);
  const times = packets.map((packet) => packet.timeNs);
  expect(packets.length).toBeGreaterThan(20);
  expect(times).toEqual(times.toSorted((left, right) => left - right));
  expect(times[0]).toBe(20 * MS); // the SYN of the migration
  expect(times.at(-1)).toBeLessThan(50 * MS);
});

test('another seed, another knob, one command less: another hash', () => {
  const lossy = smallScenario({ seed: 5, knobs: { ...KNOBS, loss: 2 } });
  const others = [
    hashOf({ scenario: { ...lossy, seed: 6 } }),
    hashOf({ scenario: lossy }),
    hashOf({ scenario: { ...scenario, mode: 'baseline', baseline: 'stop-and-copy' } }),
    hashOf({ scenario }, LOG.slice(0, -1)),
    hashOf({ scenario }, LOG.slice(1)),
  ];
  expect(new Set([whole, ...others]).size).toBe(others.length + 1);
});

test('the samples are of every millisecond, and of what the contract names', () => {
  const columns = scenario.processes[0]!.sampleColumns;
  const buffer = new ArrayBuffer(sampleRingSize(columns.length + 1, 256));
  const ring = makeSampleRing({
    buffer,
    byteOffset: 0,
    columns: columns.length + 1,
    capacity: 256,
  });
  const [host, other] = buildWorld({
    scenario,
    processIds: [0, 1],
    sampleRings: new Map([[0, ring]]),
    capture: false,
  });
  for (const member of [host!, other!])
    member.command({ atNs: 20 * MS, sequence: 0, command: { kind: 'migrate', vm: 1, to: 1 } });
  // In steps of the least latency, each hands over what it has sent.
  for (let now = 0; now < 60 * MS; now += 5_000) {
    for (const [member, peer] of [
      [host!, other!],
      [other!, host!],
    ] as const) {
      member.run(now + 5_000);
      for (const message of member.takeOutgoing()) peer.deliver(message);
    }
  }
  const { values, next } = readSamples(ring, 0);
  expect(next).toBe(59);
  const row = (index: number) =>
    Object.fromEntries(
      columns.map((id, column) => [id, values[index * (columns.length + 1) + 1 + column]]),
    );
  expect(values[0]).toBe(MS);
  expect(row(15)['bytes-left']).toBeNaN();
  expect(row(30)['bytes-left']).toBeGreaterThan(0);
  expect(row(30)['link-bytes-per-second']).toBeGreaterThan(60_000_000); // of 75 MB/s
  expect(row(30)['link-bytes-per-second']).toBeLessThanOrEqual(80_000_000);
  expect(row(30)['dirty-bytes-per-second']).toBeGreaterThanOrEqual(0);
  expect(row(12)['dirty-bytes-per-second']).toBeGreaterThan(1_000_000); // without a log, too
});
