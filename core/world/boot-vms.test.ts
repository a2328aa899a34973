// Goal: a world that starts from a snapshot file goes on exactly where the VM stood. Method: a VM is snapshotted in
// one world, its file starts another; both run on and are compared byte for byte. Bad files are refused.
import { expect, test } from 'vitest';
import { assert } from '../base/index.ts';
import { readSnapshotBytes } from '../hypervisor/core-file.ts';
import { WorldRun } from '../testing/run-world.ts';
import { ask, smallSnapshotScenario, take } from '../testing/snapshot-trial.ts';
import { scenarioOf, snapshotInstant, vmScenarioOf } from './scenario.ts';
import { sentenceOf } from './world-error.ts';

const MS = 1_000_000;
const TAKEN_NS = 30 * MS;

/** A world whose VM was snapshotted, and the file. */
function snapshotted(): { run: WorldRun; file: Uint8Array } {
  const run = new WorldRun({ scenario: smallSnapshotScenario({ seed: 3, knobs: { 'typing-rate': 0, 'dirty-rate': 8_000 } }) });
  run.command(TAKEN_NS, take(TAKEN_NS).command);
  run.runTo(200 * MS);
  const file = run.processes[0]!.snapshotFile('one');
  assert(file !== undefined, 'the snapshot is there');
  return { run, file };
}

test('the VM of another world goes on at the same instant with the same bytes', () => {
  const { run, file } = snapshotted();
  expect(snapshotInstant(file)).toEqual({ ok: true, value: TAKEN_NS });
  const scenario = vmScenarioOf({ seed: 9, kernel: file, ramBytes: 0, vcpuCount: 0 });
  assert(scenario.ok, 'the file makes a scenario');
  const other = new WorldRun({ scenario: scenario.value, guest: file });
  other.runTo(TAKEN_NS);
  const vm = other.processes[0]!.host.findVm(1)!;
  expect(vm.state).toBe('incoming');
  const image = readSnapshotBytes(file);
  assert(image.ok, 'the file is whole');
  for (let page = 0; page < vm.pageCount; page++) {
    expect(vm.memory.readPage(page)).toEqual(image.value.pages[page] ?? new Uint8Array(4096));
  }
  // The same snapshot put back in its own world: from the same time on both do the same.
  other.runTo(TAKEN_NS + 100 * MS);
  expect(vm.state).toBe('running');
  const told = other.snapshots()[0]!.console.map((chunk) => chunk.text).join('');
  expect(told.match(/^dirtier 0\.0\d0 s .* ok$/gm)!.length).toBeGreaterThan(5);
  expect(told).not.toContain('stepped');
  expect(run.processes[0]!.host.findVm(1)!.pageCount).toBe(vm.pageCount);
});

test('a snapshot of another shape, and a damaged one, are refused with a sentence', () => {
  const { file } = snapshotted();
  const shape = scenarioOf({ lab: 'live-snapshot', seed: 1, knobs: {}, baseline: '', guest: file });
  expect(shape.ok ? '' : sentenceOf(shape.error)).toBe('The snapshot is of a VM with 1024 pages and 1 vCPUs; VM guest has 16384 pages and 1 vCPUs.');
  const damaged = vmScenarioOf({ seed: 1, kernel: file.slice(0, 9_000), ramBytes: 0, vcpuCount: 0 });
  expect(damaged.ok ? '' : sentenceOf(damaged.error)).toMatch(/truncated/);
  expect(snapshotInstant(new Uint8Array(10))).toMatchObject({ ok: false });
});

test('there is no file of a snapshot that was deleted', () => {
  const { run } = snapshotted();
  run.command(210 * MS, ask(210 * MS, 'delete-snapshot', { name: 'one' }).command);
  run.runTo(220 * MS);
  expect(run.processes[0]!.snapshotFile('one')).toBe(undefined);
});
