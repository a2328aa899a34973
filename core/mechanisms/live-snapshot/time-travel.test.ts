// Goal: from any instant of a run with snapshots, restores, forks and a crash one can go back to any other and finds the
// state that was there. Method: hashes recorded at random cuts, then journeys to 60 of them over checkpoints.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../base/index.ts';
import { ask, fault, serviceOf, smallSnapshotScenario, take } from '../../testing/snapshot-trial.ts';
import { TimeMachine } from '../../testing/time-machine.ts';

const MS = 1_000_000;

test('60 journeys in a run with snapshots, a restore, a fork, a full disk and a crash', { timeout: 60_000 }, () => {
  const scenario = smallSnapshotScenario({
    seed: 21, knobs: { 'queue-cap': 262_144, 'disk-bandwidth': 60_000_000, 'dirty-rate': 15_000, codec: 2, 'page-size': 2 },
  });
  const machine = new TimeMachine({ scenario });
  const script = [
    take(20 * MS, 'one'), fault(40 * MS, 'second-snapshot'), ask(170 * MS, 'restore-snapshot', { vm: 1, name: 'one' }),
    ask(200 * MS, 'fork-snapshot', { name: 'one' }), take(240 * MS, 'two'), fault(270 * MS, 'disk-full'), fault(290 * MS, 'disk-mend'),
    take(300 * MS, 'three'), fault(330 * MS, 'host-crash'),
  ];
  for (const { atNs, command } of script) machine.command(atNs, command);
  const random = makePrng({ seed: 21, stream: 1 });
  const cuts: { timeNs: number; hash: string; states: string }[] = [];
  let takenAt = 0;
  const untilNs = 350 * MS;
  while (machine.now() < untilNs) {
    machine.goTo(Math.min(untilNs, machine.now() + 1 + nextBelow(random, 1_500_000)));
    const states = machine.run.processes.flatMap((it) => serviceOf(it).jobs.map((job) => job.state)).join();
    cuts.push({ timeNs: machine.now(), hash: machine.hash(), states });
    if (machine.work() - takenAt < 2_000_000) continue;
    takenAt = machine.work();
    machine.take();
  }
  const seen = new Set(cuts.flatMap(({ states }) => states.split(',')));
  for (const state of ['capturing', 'draining', 'committed', 'aborted']) expect([...seen]).toContain(state);
  for (let count = 0; count < 60; count++) {
    const cut = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${cut.states} ${machine.hash()}`).toBe(`${cut.timeNs} ${cut.states} ${cut.hash}`);
  }
});
