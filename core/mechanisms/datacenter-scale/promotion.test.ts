// Goal: a logged command makes an aggregate VM paged or emulated, with the bytes, phase and draws that it had; looking never
// does. Method: a small datacenter with hosts with real memory; VMs are promoted, refused, and looked at.
import { expect, test } from 'vitest';
import type { Command } from '../../protocol/command.ts';
import { WorldRun } from '../../testing/run-world.ts';
import { contentIdOf, contentOf } from '../../workload/content.ts';
import { readRecord } from '../../workload/paged-vm.ts';
import { PROFILES } from '../../workload/profile.ts';
import { judge } from '../../world/judge.ts';
import { scenarioOf } from '../../world/scenario.ts';
import { validateCommand } from '../../world/validate-command.ts';
import { PodProcess } from './pod-process.ts';
import { FIRST_PROMOTED } from './promotion.ts';

const SECOND = 1_000_000_000;
const SEED = 1;
const MICRO = PROFILES.findIndex(({ id }) => id === 'micro');

function begin() {
  const knobs = { hosts: 40, 'paged-vms': 4, turnover: 0, 'crash-rate': 0, threshold: 100 };
  const made = scenarioOf({ lab: 'datacenter-scale', seed: SEED, knobs, baseline: '' });
  if (!made.ok) throw new Error(made.error.kind);
  const run = new WorldRun({ scenario: made.value });
  const [host] = run.processes;
  const pod = run.all.find((it): it is PodProcess => it instanceof PodProcess && it.pod.agent.singles.some((at) => it.pod.options.neighbours[at]!.process === host!.id))!;
  const idsOf = (profile: number): number[] => {
    const { vms, vmRows } = pod.pod.tables;
    return Array.from({ length: vmRows }, (_, row) => row).filter((row) => vms.profile(row) === profile).map((row) => vms.id(row));
  };
  return { run, host: host!, pod, idsOf };
}

const promote = (id: number, to: number, fidelity?: string): Command => ({
  kind: 'ask', ask: 'promote', arguments: { id, to, ...(fidelity === undefined ? {} : { fidelity }) },
});
const faults = (run: WorldRun) => judge({ scenario: run.scenario, snapshots: run.snapshots(), commands: run.log }).checks.filter(({ holds }) => !holds);
const refusals = (run: WorldRun) => run.snapshots().flatMap(({ events }) => events).filter(({ kind }) => kind === 'refused').map(({ text }) => text);

test('paged: its bytes are those that were generated for it, and its profile goes on', () => {
  const { run, host, pod, idsOf } = begin();
  const [id] = idsOf(MICRO);
  const row = pod.pod.tables.findVm(id!);
  run.command(SECOND, promote(id!, host.id));
  let before = pod.pod.tables.facts(row);
  run.watchTo(10 * SECOND, () => {
    if (pod.pod.tables.findVm(id!) === row) before = pod.pod.tables.facts(row);
    return host.host.findVm(FIRST_PROMOTED)?.state === 'running';
  });
  const vm = host.host.findVm(FIRST_PROMOTED)!;
  expect(vm.pageCount).toBe(before.memory * 256);
  for (const page of [1, 7, vm.pageCount - 1]) {
    expect([...vm.memory.readPage(page)!]).toEqual([...contentOf(contentIdOf(SEED, 'memory', id!), page * 4096, 4096)]);
  }
  const { phase, draws, phaseEndNs, writes } = before;
  expect(readRecord(vm)).toMatchObject({ id, profile: MICRO, phase, draws, phaseEndNs, writesPerSecond: writes });
  run.runTo(30 * SECOND);
  expect(readRecord(vm)!.writes).toBeGreaterThan(0);
  expect(pod.pod.tables.findVm(id!)).toBe(-1);
  expect(faults(run)).toEqual([]);
});

test('emulated: the guest program of its profile runs', () => {
  const { run, host, idsOf } = begin();
  run.command(SECOND, promote(idsOf(MICRO)[0]!, host.id, 'emulated'));
  run.runTo(8 * SECOND);
  const vm = host.host.findVm(FIRST_PROMOTED)!;
  expect(vm.guest).toBe('ticker');
  expect(vm.snapshot().instructionsRetired).toBeGreaterThan(10_000);
  expect(faults(run)).toEqual([]);
});

test('refused with a reason, and nothing is lost: too large, no program, no cable, no host', () => {
  const { run, host, pod, idsOf } = begin();
  const database = idsOf(PROFILES.findIndex(({ id }) => id === 'database'))[0]!;
  const far = run.all.find((it): it is PodProcess => it instanceof PodProcess && it.pod.neighbourOf(host.id) < 0)!;
  const kind = (command: Command) => validateCommand(run.scenario, run.snapshots(), command)?.kind;
  expect(kind(promote(database, 0))).toBe('no-such-host');
  expect(kind(promote(database, host.id, 'dreamed'))).toBe('bad-fidelity');
  expect(kind(promote(database, host.id))).toBeUndefined();
  run.command(SECOND, promote(database, host.id));
  run.command(SECOND, promote(database, host.id, 'emulated'));
  run.command(SECOND, promote(far.pod.tables.vms.id(0), host.id));
  run.runTo(8 * SECOND);
  const said = refusals(run).join('; ');
  expect(said).toContain('has no room for VM');
  expect(said).toContain('no guest program');
  expect(said).toContain('no cable to that host');
  expect(pod.pod.tables.findVm(database)).toBeGreaterThanOrEqual(0);
  expect(faults(run)).toEqual([]);
});

test('looking promotes nothing: the hash is the same however much is looked at', () => {
  const hashOf = (looks: boolean): string => {
    const { run, idsOf } = begin();
    const ids = idsOf(MICRO);
    for (let at = 1; at <= 6; at++) {
      run.runTo(at * SECOND);
      if (!looks) continue;
      for (const member of run.all) {
        for (const id of ids) member.inspect({ view: 'pod-vm', id });
        member.inspect({ view: 'registers', vm: 1, vcpu: 0 });
        member.inspect({ view: 'guest-memory', vm: 1, guestPhysicalAddress: 0x8000_0000, byteCount: 64 });
        member.snapshot();
      }
    }
    return run.hash();
  };
  expect(hashOf(true)).toBe(hashOf(false));
});
