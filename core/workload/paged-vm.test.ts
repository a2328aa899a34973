// Goal: a paged VM is a guest like any other to dirty log, migration and snapshot: nothing it writes is missed, and it goes on
// where its pages are. Method: trials of pre-copy that hold every page against a clone taken at the stop; the log against bytes.
import { expect, test } from 'vitest';
import { runTrial, smallScenario } from '../testing/migration-trial.ts';
import { WorldRun } from '../testing/run-world.ts';
import type { Scenario } from '../protocol/scenario.ts';
import { pagesWritten } from './distinct-pages.ts';
import { readRecord } from './paged-vm.ts';
import { phaseAt, profileAt } from './profile.ts';

const MS = 1_000_000;
const PAGES = 1024;

function pagedScenario(seed: number, guest = 'profile:cache', bandwidth = 4e9): Scenario {
  const scenario = smallScenario({ seed, pageCount: PAGES, knobs: { bandwidth } });
  return { ...scenario, vms: scenario.vms.map((vm) => ({ ...vm, guest, bootInput: '', vcpuCount: 1 })) };
}

test.each([3, 7])('pre-copy moves a paged VM byte for byte, and it goes on over there (seed %i)', (seed) => {
  const { run, faults, judgement, migrations, clonesCompared } = runTrial({
    scenario: pagedScenario(seed, 'profile:web', 1e8),
    commands: [{ atNs: 50 * MS, command: { kind: 'migrate', vm: 1, to: 1 } }],
    untilNs: 2000 * MS,
    settleNs: 100 * MS,
  });
  expect(faults).toEqual([]);
  expect(clonesCompared).toBeGreaterThan(0);
  expect(migrations.find((it) => it.role === 'source')).toMatchObject({ phase: 'done' });
  expect(migrations.find((it) => it.role === 'source')!.pagesSent).toBeGreaterThan(PAGES); // what was written meanwhile, too
  expect(judgement.checks.filter(({ holds }) => !holds)).toEqual([]);
  const vm = run.processes[1]!.host.findVm(1)!;
  expect(run.processes[0]!.host.findVm(1)).toBeUndefined();
  const record = readRecord(vm)!;
  expect(record.writes).toBeGreaterThan(5);
  run.runTo(run.now() + 1000 * MS);
  expect(readRecord(vm)!.writes).toBeGreaterThan(record.writes);
});

test('canary: writes that pass the writer by are found at the hand-over', () => {
  const { faults } = runTrial({
    scenario: pagedScenario(1, 'profile:web', 1e8),
    commands: [{ atNs: 50 * MS, command: { kind: 'migrate', vm: 1, to: 1 } }],
    untilNs: 2000 * MS,
    meddle: (run) => {
      const { writer } = run.processes[0]!.host.memory;
      const { observe } = writer;
      writer.observe = (...write) => {
        if (write[5] !== 'workload') observe.apply(writer, write);
      };
    },
  });
  expect(faults.join()).toMatch(/page \d+ differs/);
});

test('the pages that a paged VM dirties are as many as the aggregate model says', () => {
  const run = new WorldRun({ scenario: pagedScenario(5) });
  run.runTo(10 * MS);
  const vm = run.processes[0]!.host.findVm(1)!;
  const before = readRecord(vm)!;
  vm.memory.dirtyLog.arm();
  run.runTo(410 * MS);
  const after = readRecord(vm)!;
  expect(after.phase).toBe(before.phase);
  const expected = pagesWritten(phaseAt(before.profile, before.phase), PAGES - 1, after.writes - before.writes) + 1; // and page 0
  const dirty = vm.memory.dirtyLog.count();
  expect(after.writes - before.writes).toBeGreaterThan(1000);
  expect(Math.abs(dirty / expected - 1)).toBeLessThan(0.06);
});

test('its transfers are real frames on the cable, of its own bytes', () => {
  const run = new WorldRun({ scenario: { ...pagedScenario(2, 'profile:cache', 1e10), workloadNs: 100 * MS, sampleNs: 1000 * MS, hashNs: 1000 * MS } });
  run.runTo(12_000 * MS);
  const [host] = run.processes;
  const record = readRecord(host!.host.findVm(1)!)!;
  expect(record.sentBytes).toBeGreaterThan(0);
  const { sentBytes, sentFrames } = host!.links.get(1)!.state.counters;
  expect(sentBytes).toBe(record.sentBytes + sentFrames * 14);
});

test('a crash and a boot, cuts at any time: one hash, and profiles by name', () => {
  const hashOf = (split?: (nowNs: number) => number): string => {
    const run = new WorldRun({ scenario: pagedScenario(2), ...(split === undefined ? {} : { split }) });
    run.runTo(300 * MS);
    return run.hash();
  };
  expect(hashOf((nowNs) => nowNs + 7_777_777)).toBe(hashOf());
  expect(profileAt(2).id).toBe('cache');
});
