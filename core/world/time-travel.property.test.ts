// Goal: from any instant of a run with guests, migrations and faults one can go back to any other, and finds the state that was there.
// Method: a run that records the hash of everything at random cuts; then journeys to 100 of them over checkpoints of which some were dropped.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { allKnobs } from '../mechanisms/lab.ts';
import { LABS } from '../mechanisms/labs.ts';
import type { Command } from '../protocol/command.ts';
import { findVictim } from '../sim/checkpoint/thinning.ts';
import { smallScenario } from '../testing/migration-trial.ts';
import { TimeMachine } from '../testing/time-machine.ts';

const CAMPAIGN = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const SECOND = 1_000_000_000;

const migrate = (to: number): Command => ({ kind: 'migrate', vm: 1, to });
const fault = (id: string): Command => ({ kind: 'inject-fault', fault: id });
const knob = (id: string, value: number): Command => ({ kind: 'set-knob', knob: id, value });

/** What happens to the run: every phase of a migration, and its ends. */
const SCRIPT: readonly (readonly [number, Command])[] = [
  [30, migrate(1)], //                                      completes
  [90, knob('dirty-rate', 60_000)], [100, migrate(0)], //   does not converge, throttles
  [105, fault('second-migration')], [150, fault('cancel')],
  [160, knob('dirty-rate', 2_000)], [165, migrate(0)], [172, fault('cut-link')], [176, fault('mend-link')],
  [240, { kind: 'console-input', vm: 1, text: 'rate 5000\n' }], [250, knob('loss', 1)], [255, migrate(1)],
  [330, knob('loss', 0)], [345, knob('latency', 300_000)], [350, migrate(0)], [352, migrate(1)],
  [420, fault('destination-crash')],
];

interface Recorded {
  readonly timeNs: number;
  readonly hash: string;
  readonly phases: readonly string[];
}

function phasesOf(machine: TimeMachine): string[] {
  return machine.run.processes.flatMap((member) =>
    member.mechanisms.flatMap(({ attachment }) =>
      (attachment.migrations?.() ?? [])
        .filter((it) => it.endedAtNs < 0)
        .map((it) => `${it.role} ${it.phase}`),
    ),
  );
}

/** Runs to the end, cutting at random, taking checkpoints some 2,000,000 instructions apart. */
function record(machine: TimeMachine, untilNs: number, seed: number): Recorded[] {
  const random = makePrng({ seed, stream: 1 });
  const cuts: Recorded[] = [];
  let takenAt = 0;
  while (machine.now() < untilNs) {
    // Around a hand-over cuts lie close together.
    const reach = machine.run.processes.some((it) => it.wantsSlowMotion()) ? 40_000 : 1_500_000;
    machine.goTo(Math.min(untilNs, machine.now() + 1 + nextBelow(random, reach)));
    cuts.push({ timeNs: machine.now(), hash: machine.hash(), phases: phasesOf(machine) });
    if (machine.work() - takenAt < 2_000_000) continue;
    takenAt = machine.work();
    machine.take();
  }
  return cuts;
}

test('100 journeys in a run with migrations and faults: each finds the recorded state', () => {
  const machine = new TimeMachine({ scenario: smallScenario({ seed: 7 }), capture: true });
  for (const [atMs, command] of SCRIPT) machine.command(atMs * 1_000_000, command);
  const cuts = record(machine, 480_000_000, 7);
  const random = makePrng({ seed: 7, stream: 2 });
  const byPhase = new Map<string, Recorded[]>();
  for (const cut of cuts) {
    for (const phase of cut.phases) byPhase.set(phase, [...(byPhase.get(phase) ?? []), cut]);
  }
  const wanted = ['connecting', 'copying', 'stopping', 'handing-over'].map((phase) => `source ${phase}`);
  for (const phase of [...wanted, 'destination receiving']) expect([...byPhase.keys()]).toContain(phase);
  const targets = [...byPhase.values()].flatMap((list) =>
    [0, 1, 2].map(() => list[nextBelow(random, list.length)]!),
  );
  while (targets.length < 100) targets.push(cuts[nextBelow(random, cuts.length)]!);
  for (const [index, cut] of targets.entries()) {
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${cut.phases.join()} ${machine.hash()}`).toBe(
      `${cut.timeNs} ${cut.phases.join()} ${cut.hash}`,
    );
    if (index % 4 !== 0) continue;
    // On from here, and thinner: what is merged must still be whole.
    machine.goTo(Math.min(480_000_000, cut.timeNs + 3_000_000));
    const victim = findVictim(machine.line(), machine.work());
    if (victim > 0) machine.drop(machine.marks[victim]!);
  }
  machine.goTo(480_000_000);
  expect(machine.hash()).toBe(cuts.at(-1)!.hash);
}, 60_000);

test('copies of old checkpoints lie on a shelf: the journeys find the same, and memory is free', () => {
  const pages: Uint8Array[] = [];
  const shelf = {
    keep: (page: Uint8Array) => pages.push(page.slice()) - 1,
    read: (slot: number, into: Uint8Array) => into.set(pages[slot]!) === undefined,
    release: (slot: number) => void pages[slot]!.fill(0xee), // what is read after its release is not what was kept
  };
  const machine = new TimeMachine({ scenario: smallScenario({ seed: 8 }), shelf });
  for (const [atMs, command] of SCRIPT) if (atMs < 120) machine.command(atMs * 1_000_000, command);
  const cuts = record(machine, 120_000_000, 8);
  const before = machine.byteCount();
  const spilled = machine.spill(Number.MAX_SAFE_INTEGER);
  expect(spilled).toBeGreaterThan(0);
  expect(machine.byteCount()).toBe(before - spilled);
  const random = makePrng({ seed: 8, stream: 4 });
  for (let count = 0; count < 30; count++) {
    const cut = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${machine.hash()}`).toBe(`${cut.timeNs} ${cut.hash}`);
    if (count % 3 !== 0) continue;
    machine.goTo(Math.min(120_000_000, cut.timeNs + 3_000_000));
    const victim = findVictim(machine.line(), machine.work());
    if (victim > 0) machine.drop(machine.marks[victim]!);
    machine.spill(nextBelow(random, 1 << 20));
  }
});

test.each(LABS.map((lab) => [lab.contract.id, lab] as const))('%s: its own script, 12 journeys', (_, lab) => {
  const scenario = lab.scenario({ seed: 5, knobs: allKnobs(lab.contract), baseline: '' });
  const machine = new TimeMachine({ scenario });
  const firstNs = scenario.script[0]?.atNs ?? 0;
  for (const { atNs, command } of scenario.script) machine.command(atNs - firstNs + 30_000_000, command);
  const cuts = record(machine, 110_000_000, 5);
  const random = makePrng({ seed: 5, stream: 4 });
  for (let count = 0; count < 12; count++) {
    const cut = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${machine.hash()}`).toBe(`${cut.timeNs} ${cut.hash}`);
  }
});

test('canary: a process that hides state in a closure is found out', () => {
  const machine = new TimeMachine({ scenario: smallScenario({ seed: 3 }) });
  const { host } = machine.run.processes[0]!;
  let hidden = 0;
  host.registerHandler('hidden', () => {
    hidden += 1;
    if (hidden % 3 === 0) host.findVm(1)?.type('x\n');
    host.schedule(host.now() + 2_000_000, 4, 'hidden.tick');
  });
  host.schedule(1_000_000, 4, 'hidden.tick');
  machine.restart(); // the handler is part of the beginning
  const cuts = record(machine, 60_000_000, 3);
  const differ = cuts.filter(({ timeNs, hash }) => {
    machine.travelTo(timeNs);
    return machine.hash() !== hash;
  });
  expect(differ.length).toBeGreaterThan(0);
});

test.runIf(CAMPAIGN)(
  'ten wall minutes of a run with migrations and faults: 100 random instants each',
  () => {
    const endsAtMs = performance.now() + 600_000;
    let journeys = 0;
    for (let seed = 100; performance.now() < endsAtMs; seed++) {
      const random = makePrng({ seed, stream: 3 });
      const knobs = { bandwidth: [1e8, 1e9, 1e10][nextBelow(random, 3)]!, 'dirty-rate': nextBelow(random, 50_000) };
      const machine = new TimeMachine({ scenario: smallScenario({ seed, knobs, pageCount: 2048 }) });
      const faults = ['cut-link', 'mend-link', 'mend-link', 'destination-crash', 'cancel', 'second-migration', 'destination-memory'];
      for (let at = 20_000_000; at < 4 * SECOND; at += 1_000_000 + nextBelow(random, 150_000_000)) {
        const roll = nextBelow(random, 3);
        if (roll < 2) machine.command(at, migrate(nextBelow(random, 2)));
        else machine.command(at, fault(faults[nextBelow(random, faults.length)]!));
      }
      const cuts = record(machine, 4 * SECOND, seed);
      for (let count = 0; count < 100; count++, journeys++) {
        const cut = cuts[nextBelow(random, cuts.length)]!;
        machine.travelTo(cut.timeNs);
        expect(`${seed} ${cut.timeNs} ${machine.hash()}`).toBe(`${seed} ${cut.timeNs} ${cut.hash}`);
      }
    }
    expect(journeys).toBeGreaterThan(100);
  },
  900_000,
);
