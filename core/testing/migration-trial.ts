/**
 * One migration under observation: a small world, any knobs, any faults at any times. At every stop
 * the VM is cloned (test only), and whoever lets it run next is held against the clone byte for
 * byte; at every event all processes stand at one time and the copies that run are counted.
 */
import type { Command } from '../protocol/command.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { MigrationSnapshot } from '../protocol/snapshot.ts';
import type { Vm } from '../hypervisor/vm.ts';
import { defaultKnobs, precopyScenario } from '../mechanisms/precopy-migration/scenario.ts';
import { MigrationAttachment } from '../mechanisms/precopy-migration/attachment.ts';
import type { PrecopyMigration } from '../mechanisms/precopy-migration/mechanism.ts';
import type { HostProcess } from '../world/host-process.ts';
import { assert } from '../base/index.ts';
import { judge, type LabJudgement } from '../world/judge.ts';
import { WorldRun } from './run-world.ts';

/** The lab's world with a small VM, so that a trial is short. */
export function smallScenario(options: {
  readonly seed: number;
  readonly knobs?: Readonly<Record<string, number>>;
  readonly mode?: Scenario['mode'];
  readonly pageCount?: number;
}): Scenario {
  const pageCount = options.pageCount ?? 1024;
  const knobs = { ...defaultKnobs(), 'working-set': 256, ...options.knobs };
  const baseline = options.mode === 'baseline' ? 'stop-and-copy' : '';
  const lab = precopyScenario({ baseline, seed: options.seed, knobs });
  return {
    ...lab,
    hosts: lab.hosts.map((host) => ({ ...host, frameCount: Math.ceil(pageCount * 1.5) })),
    vms: lab.vms.map((vm) => ({ ...vm, pageCount })),
    script: [],
  };
}

/** The migration service of a host. */
export function migrationsOf(hostProcess: HostProcess): PrecopyMigration {
  const attached = hostProcess.mechanisms.find(({ attachment }) => attachment instanceof MigrationAttachment);
  assert(attached?.attachment instanceof MigrationAttachment, 'every host has the migration service');
  return attached.attachment.service;
}

/** All that makes a VM, copied. */
export interface VmClone {
  readonly timeNs: number;
  readonly pages: readonly (Uint8Array | undefined)[];
  readonly vcpus: readonly Uint8Array[];
  readonly device: Uint8Array;
  /** What was written to its disks; a page never changes, another takes its place. */
  readonly disks: ReturnType<Vm['disks']['written']>;
}

/** Copies a VM. */
export function cloneVm(hostProcess: HostProcess, vm: Vm): VmClone {
  return {
    timeNs: hostProcess.host.now(),
    pages: Array.from({ length: vm.pageCount }, (_, page) => vm.memory.readPage(page)?.slice()),
    vcpus: vm.vcpus.map((vcpu) => vm.saveVcpu(vcpu.index)),
    device: vm.deviceRecord(),
    disks: vm.disks.written(),
  };
}

function sameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** The first difference between a VM and a clone; undefined when there is none. */
export function findDifference(vm: Vm, clone: VmClone): string | undefined {
  for (const [page, bytes] of clone.pages.entries()) {
    if (!sameBytes(vm.memory.readPage(page), bytes)) return `page ${page} differs`;
  }
  for (const [index, record] of clone.vcpus.entries()) {
    if (!sameBytes(vm.saveVcpu(index), record)) return `the record of vCPU ${index} differs`;
  }
  const disks = vm.disks.written();
  if (disks.length !== clone.disks.length) return `${disks.length} pages of disks are there, not ${clone.disks.length}`;
  const odd = clone.disks.find((it, index) => it.page !== disks[index]?.page || !sameBytes(it.bytes, disks[index].bytes));
  if (odd !== undefined) return `page ${odd.page} of disk ${odd.disk} differs`;
  return sameBytes(vm.deviceRecord(), clone.device) ? undefined : 'the device record differs';
}

/** A command at a time. */
export interface TimedCommand {
  readonly atNs: number;
  readonly command: Command;
}

/** What a trial came to. `faults` is empty when everything held. */
export interface TrialResult {
  readonly run: WorldRun;
  readonly faults: readonly string[];
  readonly judgement: LabJudgement;
  readonly migrations: readonly MigrationSnapshot[];
  readonly clonesCompared: number;
}

/** How a trial goes. */
export interface TrialOptions {
  readonly scenario: Scenario;
  /** The file beside it. */
  readonly guest?: Uint8Array;
  readonly capture?: boolean;
  readonly commands: readonly TimedCommand[];
  /**
   * It ends when no migration is on the way and no command is left, this long after; at the latest
   * at `untilNs`.
   */
  readonly settleNs?: number;
  readonly untilNs: number;
  /** For canaries: meddles with a process before it runs. */
  readonly meddle?: (run: WorldRun) => void;
}

const ENDED = ['done', 'failed', 'cancelled'];

/** Runs a trial; see the file's head. */
export function runTrial(options: TrialOptions): TrialResult {
  const { scenario, commands } = options;
  const run = new WorldRun({ scenario, capture: options.capture ?? false, ...(options.guest === undefined ? {} : { guest: options.guest }) });
  const faults: string[] = [];
  const comparison = observe(run, faults);
  options.meddle?.(run);
  const sorted = commands.toSorted((left, right) => left.atNs - right.atNs);
  for (const { atNs, command } of sorted) run.command(atNs, command);
  const lastNs = sorted.at(-1)?.atNs ?? 0;
  let quietSinceNs = 0;
  run.watchTo(options.untilNs, (nowNs) => {
    countCopies(run, nowNs, faults);
    const busy = run.processes.some((hostProcess) =>
      migrationsOf(hostProcess).snapshots().some((it) => !ENDED.includes(it.phase)),
    );
    if (busy || nowNs <= lastNs) quietSinceNs = nowNs;
    return faults.length > 0 || nowNs - quietSinceNs >= (options.settleNs ?? 60_000_000);
  });
  const snapshots = run.snapshots();
  const judgement = judge({ scenario, snapshots, commands: run.log });
  for (const check of judgement.checks)
    if (!check.holds) faults.push(`${check.id}: ${check.found}`);
  return {
    run,
    faults,
    judgement,
    migrations: snapshots.flatMap((it) => it.migrations).filter((it) => it.role === 'source'),
    clonesCompared: comparison.count,
  };
}

/** Clones at each stop, compares at each start. */
function observe(run: WorldRun, faults: string[]): { count: number } {
  const comparison = { count: 0 };
  const clones = new Map<number, VmClone>();
  for (const hostProcess of run.processes) {
    const stands = hostProcess.onStands.bind(hostProcess);
    const runs = hostProcess.onRuns.bind(hostProcess);
    hostProcess.onStands = (vm) => {
      clones.set(vm.id, cloneVm(hostProcess, vm));
      stands(vm);
    };
    hostProcess.onRuns = (vm, since) => {
      const clone = clones.get(vm.id);
      const difference = clone === undefined ? 'it never stood' : findDifference(vm, clone);
      if (difference !== undefined) {
        faults.push(
          `VM ${vm.id} runs on ${hostProcess.name} at ${hostProcess.now()} ns, but ${difference}`,
        );
      }
      comparison.count++;
      runs(vm, since);
    };
  }
  return comparison;
}

/** One copy runs, or none. */
export function countCopies(run: WorldRun, nowNs: number, faults: string[]): void {
  for (const { id } of run.scenario.vms) {
    const places = run.processes.filter(
      (hostProcess) => hostProcess.host.findVm(id)?.state === 'running',
    );
    if (places.length > 1)
      faults.push(`VM ${id} runs on ${places.map((it) => it.name).join(' and ')} at ${nowNs} ns`);
  }
}
