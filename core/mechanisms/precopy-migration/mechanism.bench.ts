// Goal: wall speed of a whole migration over a 400 Gb/s link: dirty log, sender, two TCP stacks,
// link, receiver. Method: `npx vitest bench core/mechanisms`; one iteration moves the lab's VM
// once, 12,348 pages with bytes (50.6 MB) and 4,036 of zeroes, there or back, both hosts in one
// thread.
import { bench, describe } from 'vitest';
import { migrationsOf } from '../../testing/migration-trial.ts';
import { WorldRun } from '../../testing/run-world.ts';
import { defaultKnobs, LAB_VM, precopyScenario } from './scenario.ts';

const START_NS = 100_000_000;
/** Longer than a migration takes at 400 Gb/s (1.4 ms), and room for its stop. */
const STEP_NS = 3_000_000;

const knobs = { ...defaultKnobs(), bandwidth: 400e9, latency: 5_000 };
const run = new WorldRun({ scenario: precopyScenario({ baseline: '', seed: 1, knobs }) });
run.runTo(START_NS);
let to = 1;

/** Moves the VM to the other host. */
function move(): void {
  run.command(run.now(), { kind: 'migrate', vm: LAB_VM, to });
  run.runTo(run.now() + STEP_NS);
  const migration = migrationsOf(run.processes[1 - to]!).lastOutgoing();
  if (migration?.phase !== 'done') throw new Error(`the migration is ${migration?.phase}`);
  to = 1 - to;
}

describe('64 MiB over 400 Gb/s', () => {
  bench('a migration', move, { iterations: 20, warmupIterations: 3, time: 0, warmupTime: 0 });
});
