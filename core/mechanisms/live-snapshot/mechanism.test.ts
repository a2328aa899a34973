// Goal: a snapshot is byte for byte the VM at t0, in all three ways. Method: the lab's world with a small VM.
import { expect, test } from 'vitest';
import { ask, runSnapshotTrial, smallSnapshotScenario, take } from '../../testing/snapshot-trial.ts';

const MS = 1_000_000;

test.each(['', 'synchronous', 'stop-and-copy'])('%s: the file, the restored VM and the fork equal a clone taken at t0', (baseline) => {
  const result = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 1, baseline }),
    commands: [take(30 * MS), ask(150 * MS, 'restore-snapshot', { vm: 1, name: 'one' }), ask(200 * MS, 'fork-snapshot', { name: 'one' })],
    untilNs: 400 * MS,
  });
  expect(result.faults).toEqual([]);
  expect(result.jobs.map((job) => job.state)).toEqual(['committed']);
  expect([result.filesCompared, result.restoresCompared]).toEqual([1, 2]);
});
