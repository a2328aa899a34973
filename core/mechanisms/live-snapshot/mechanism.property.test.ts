// Goal: whatever the knobs and whenever the faults, files and restored VMs equal the clone of their t0, counts hold at
// every event, and the guest never complains; a snapshot and a migration at once complete or refuse by name; any
// splitting of the run, and any number of vCPUs, change nothing that they must not. Method: random trials of a
// small VM (fast-check, seed printed); GLASSHOUSE_VERIFY runs more of them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cloneVm, findDifference, type TimedCommand, type VmClone } from '../../testing/migration-trial.ts';
import { WorldRun } from '../../testing/run-world.ts';
import {
  ask, fault, knob, runSnapshotTrial, serviceOf, smallSnapshotScenario, take,
} from '../../testing/snapshot-trial.ts';

const MS = 1_000_000;
const IS_LONG = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const RUNS = IS_LONG ? 300 : 16;
const TIMINGS = IS_LONG ? 200 : 24;

/** Log-uniform between 2^low and 2^high. */
const log = (low: number, high: number) =>
  fc.integer({ min: low * 1000, max: high * 1000 }).map((exponent) => Math.round(2 ** (exponent / 1000)));

const KNOBS = fc.record({
  'disk-bandwidth': log(24, 32),
  'disk-latency': log(10, 20),
  'disk-capacity': fc.oneof({ weight: 3, arbitrary: fc.constant(1 << 30) }, { weight: 1, arbitrary: log(20, 22) }),
  'queue-cap': log(16, 23),
  'queue-reserve': fc.integer({ min: 0, max: 90 }),
  'sweep-rate': log(13, 19.9),
  codec: fc.integer({ min: 0, max: 2 }),
  'page-size': fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 64 })),
  'dirty-rate': fc.oneof(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 60_000 })),
  'working-set': fc.integer({ min: 16, max: 760 }),
  'typing-rate': fc.integer({ min: 0, max: 1_000 }),
});

/** What happens at `part` thousandths of a quiet snapshot. */
const DISTURBANCE = fc.record({
  what: fc.constantFrom('disk-full', 'disk-error', 'disk-slow', 'disk-mend', 'host-crash', 'second-snapshot', 'take', 'restore', 'fork', 'delete', 'bandwidth'),
  part: fc.integer({ min: 0, max: 1_500 }),
});

const TRIAL = fc.record({
  seed: fc.nat(0xffff),
  baseline: fc.constantFrom('', '', 'synchronous', 'stop-and-copy'),
  vcpuCount: fc.constantFrom(1, 1, 1, 2),
  knobs: KNOBS,
  disturbances: fc.array(DISTURBANCE, { maxLength: 3 }),
});

function commandOf(what: string, atNs: number, index: number): TimedCommand {
  if (what === 'take') return take(atNs, `more ${index}`);
  if (what === 'restore') return ask(atNs, 'restore-snapshot', { vm: 1, name: 'one' });
  if (what === 'fork') return ask(atNs, 'fork-snapshot', { name: 'one' });
  if (what === 'delete') return ask(atNs, 'delete-snapshot', { name: 'one' });
  return what === 'bandwidth' ? knob(atNs, 'disk-bandwidth', 40_000_000) : fault(atNs, what);
}

test(`${RUNS} random trials`, { timeout: RUNS * 20_000 }, () => {
  const states: Record<string, number> = {};
  let compared = 0;
  let restored = 0;
  fc.assert(
    fc.property(TRIAL, ({ seed, baseline, vcpuCount, knobs, disturbances }) => {
      const scenario = smallSnapshotScenario({ seed, baseline, knobs, vcpuCount });
      const quiet = runSnapshotTrial({ scenario, commands: [take(20 * MS)], untilNs: 30_000 * MS });
      expect(quiet.faults).toEqual([]);
      const first = quiet.jobs[0]!;
      const whole = first.endedAtNs - first.startedAtNs;
      const commands = disturbances.map(({ what, part }, index) =>
        commandOf(what, first.startedAtNs + Math.max(1, Math.round((whole * part) / 1_000)), index),
      );
      const trial = runSnapshotTrial({ scenario, commands: [take(20 * MS), ...commands], untilNs: 30_000 * MS });
      expect(trial.faults).toEqual([]);
      compared += quiet.filesCompared + trial.filesCompared;
      restored += trial.restoresCompared;
      for (const job of [...quiet.jobs, ...trial.jobs]) states[job.state] = (states[job.state] ?? 0) + 1;
    }),
    { seed: 20_262, numRuns: RUNS },
  );
  // Not vacuous: most are completed and compared, some are given up.
  expect(compared).toBeGreaterThan(RUNS);
  expect(states['aborted'] ?? 0).toBeGreaterThan(0);
  if (IS_LONG) process.stdout.write(`states ${JSON.stringify(states)}, files ${compared}, restores ${restored}\n`);
});

/** Both at once: the VM's clones at each stop are held against what runs next, as in the migration's own trials. */
function bothAtOnce(options: { readonly seed: number; readonly snapshotAtNs: number; readonly migrateAtNs: number; readonly knobs: Readonly<Record<string, number>> }) {
  const { seed, snapshotAtNs, migrateAtNs, knobs } = options;
  const stood: string[] = [];
  const result = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed, knobs }),
    commands: [take(snapshotAtNs), { atNs: migrateAtNs, command: { kind: 'migrate', vm: 1, to: 1 } }],
    untilNs: 3_000 * MS,
    meddle: (run) => {
      let clone: VmClone | undefined;
      for (const hostProcess of run.processes) {
        const stands = hostProcess.onStands.bind(hostProcess);
        const runs = hostProcess.onRuns.bind(hostProcess);
        hostProcess.onStands = (vm) => {
          clone = cloneVm(hostProcess, vm);
          stands(vm);
        };
        hostProcess.onRuns = (vm, since) => {
          const difference = clone === undefined ? undefined : findDifference(vm, clone);
          if (difference !== undefined) stood.push(difference);
          runs(vm, since);
        };
      }
    },
  });
  expect(stood).toEqual([]);
  expect(result.faults).toEqual([]);
  const snapshots = result.run.snapshots();
  const migration = snapshots.flatMap((it) => it.migrations).find((it) => it.role === 'source');
  const refusals = snapshots.flatMap((it) => it.events).filter((event) => event.kind === 'refused').map((event) => event.text);
  return { result, migration, refusals, job: result.jobs[0] };
}

test(`snapshot and migration at once in ${TIMINGS} random timings: each completes, or is refused by name`, { timeout: TIMINGS * 10_000 }, () => {
  const seen: Record<string, number> = {};
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(0xffff),
        snapshotAtNs: fc.integer({ min: 20 * MS, max: 40 * MS }),
        apartNs: fc.integer({ min: -30 * MS, max: 60 * MS }),
        'disk-bandwidth': log(25, 29),
        'sweep-rate': log(14, 18),
        'dirty-rate': fc.integer({ min: 0, max: 20_000 }),
      }),
      ({ seed, snapshotAtNs, apartNs, ...knobs }) => {
        const migrateAtNs = Math.max(15 * MS, snapshotAtNs + apartNs);
        const { migration, refusals, job, result } = bothAtOnce({ seed, snapshotAtNs, migrateAtNs, knobs });
        // Whatever was begun is completed; whatever was not is named, and says why.
        if (job === undefined) expect(refusals.join()).toMatch(/VM 1 'desk-1' is (migrating to host-b|still arriving)/);
        else expect(job.state).toBe('committed');
        if (migration === undefined) expect(refusals.join()).toMatch(/The snapshot 'one' of VM 1 'desk-1' is (freezing|capturing)/);
        else expect(migration.phase).toBe('done');
        expect(job !== undefined || migration !== undefined).toBe(true);
        if (job !== undefined) expect(result.filesCompared).toBe(1);
        const which = `${job === undefined ? 'refused' : 'taken'}, ${migration === undefined ? 'refused' : job !== undefined && migration.startedAtNs < job.endedAtNs && migration.startedAtNs > job.startedAtNs ? 'moved while draining' : 'moved'}`;
        seen[which] = (seen[which] ?? 0) + 1;
      },
    ),
    { seed: 31, numRuns: TIMINGS },
  );
  expect(Object.keys(seen).sort()).toEqual(['refused, moved', 'taken, moved', 'taken, moved while draining', 'taken, refused']);
  if (IS_LONG) process.stdout.write(`${JSON.stringify(seen)}\n`);
});

test('a run cut anywhere is the same run', () => {
  const scenario = smallSnapshotScenario({ seed: 17, vcpuCount: 2, knobs: { 'queue-cap': 65_536, 'disk-bandwidth': 50_000_000, 'dirty-rate': 30_000, codec: 2 } });
  const hashes = [undefined, (now: number) => now + 1_237, (now: number) => now + 777_777].map((split) => {
    const run = new WorldRun(split === undefined ? { scenario } : { scenario, split });
    run.command(20 * MS, take(20 * MS).command);
    run.command(70 * MS, ask(70 * MS, 'restore-snapshot', { vm: 1, name: 'one' }).command);
    run.runTo(22 * MS);
    const early = run.hash();
    run.runTo(60 * MS);
    return [early, run.hash(), serviceOf(run.processes[0]!).jobs[0]!.faultCount];
  });
  expect(hashes[1]).toEqual(hashes[0]);
  expect(hashes[2]).toEqual(hashes[0]);
});
