/**
 * Snapshots under observation: the lab's world with a small VM, any knobs, any faults at any times. At every t0
 * the VM is cloned (test only); every finished file and every restored VM is held against the clone byte for
 * byte; at every event the queue, the page states and the protections are counted.
 */
import { assert } from '../base/index.ts';
import { decodeSnapshot, type SnapshotImage } from '../formats/snapshot-file.ts';
import type { Vm } from '../hypervisor/vm.ts';
import { LiveSnapshotAttachment } from '../mechanisms/live-snapshot/attachment.ts';
import type { SnapshotJob } from '../mechanisms/live-snapshot/mechanism.ts';
import { defaultKnobs, liveSnapshotScenario } from '../mechanisms/live-snapshot/scenario.ts';
import type { SnapshotService } from '../mechanisms/live-snapshot/service.ts';
import { captureState } from '../memory/index.ts';
import type { Command } from '../protocol/command.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { HostProcess } from '../world/host-process.ts';
import { judge, type LabJudgement } from '../world/judge.ts';
import { cloneVm, findDifference, type TimedCommand, type VmClone } from './migration-trial.ts';
import { WorldRun } from './run-world.ts';

/** The lab's world with a small VM, so that a trial is short. */
export function smallSnapshotScenario(options: {
  readonly seed: number;
  readonly knobs?: Readonly<Record<string, number>>;
  readonly baseline?: string;
  readonly pageCount?: number;
  readonly vcpuCount?: number;
}): Scenario {
  const pageCount = options.pageCount ?? 1024;
  const knobs = { ...defaultKnobs(), 'working-set': 256, ...options.knobs };
  const lab = liveSnapshotScenario({ baseline: options.baseline ?? '', seed: options.seed, knobs });
  return {
    ...lab,
    hosts: lab.hosts.map((host) => ({ ...host, frameCount: pageCount * 2 + 128 })),
    vms: lab.vms.map((vm) => ({ ...vm, pageCount, vcpuCount: options.vcpuCount ?? 1 })),
    script: [],
  };
}

/** The snapshot service of a host. */
export function attachmentOf(hostProcess: HostProcess): LiveSnapshotAttachment {
  const attached = hostProcess.mechanisms.find(({ attachment }) => attachment instanceof LiveSnapshotAttachment);
  assert(attached?.attachment instanceof LiveSnapshotAttachment, 'every host takes snapshots');
  return attached.attachment;
}

export function serviceOf(hostProcess: HostProcess): SnapshotService {
  return attachmentOf(hostProcess).service;
}

/** A command of the lab at a time. */
export function ask(atNs: number, name: string, args: Readonly<Record<string, string | number>>): TimedCommand {
  return { atNs, command: { kind: 'ask', ask: name, arguments: args } };
}

/** Request for a snapshot of the lab's VM. */
export function take(atNs: number, name = 'one'): TimedCommand {
  return ask(atNs, 'take-snapshot', { vm: 1, name });
}

export function fault(atNs: number, id: string): TimedCommand {
  return { atNs, command: { kind: 'inject-fault', fault: id } };
}

export function knob(atNs: number, id: string, value: number): TimedCommand {
  return { atNs, command: { kind: 'set-knob', knob: id, value } satisfies Command };
}

/** What a snapshot's bytes differ from a clone in; undefined when in nothing. */
export function imageDifference(image: SnapshotImage, clone: VmClone): string | undefined {
  if (image.head.takenAtNs !== clone.timeNs) return `it shows ${image.head.takenAtNs} ns, not ${clone.timeNs} ns`;
  for (const [page, bytes] of clone.pages.entries()) {
    if (!isSame(image.pages[page] ?? ZERO_PAGE, bytes ?? ZERO_PAGE)) return `page ${page} differs`;
  }
  for (const [index, record] of clone.vcpus.entries()) {
    if (!isSame(image.vcpus[index], record)) return `the record of vCPU ${index} differs`;
  }
  const disks = image.disks ?? [];
  const odd = clone.disks.findIndex((it, index) => disks[index]?.page !== it.page || !isSame(disks[index]?.bytes, it.bytes));
  if (odd >= 0 || disks.length !== clone.disks.length) return `the disks differ, ${disks.length} pages of ${clone.disks.length}`;
  return isSame(image.device, clone.device) ? undefined : 'the device record differs';
}

const ZERO_PAGE = new Uint8Array(4096);

function isSame(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left?.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** What a trial came to. `faults` is empty when everything held. */
export interface SnapshotTrial {
  readonly run: WorldRun;
  readonly faults: readonly string[];
  readonly judgement: LabJudgement;
  readonly jobs: readonly SnapshotJob[];
  readonly filesCompared: number;
  readonly restoresCompared: number;
}

export interface SnapshotTrialOptions {
  readonly scenario: Scenario;
  /** The file beside it. */
  readonly guest?: Uint8Array;
  readonly commands: readonly TimedCommand[];
  readonly untilNs: number;
  /** For canaries: meddles with a world before it runs. */
  readonly meddle?: (run: WorldRun) => void;
  /** Runs at every event. */
  readonly watch?: (run: WorldRun) => void;
}

/** Runs a trial; see the file's head. */
export function runSnapshotTrial(options: SnapshotTrialOptions): SnapshotTrial {
  const { scenario, commands } = options;
  const run = new WorldRun({ scenario, ...(options.guest === undefined ? {} : { guest: options.guest }) });
  const faults: string[] = [];
  const watchers = run.processes.map((hostProcess) => new Watcher(hostProcess, faults));
  options.meddle?.(run);
  const sorted = commands.toSorted((left, right) => left.atNs - right.atNs);
  for (const { atNs, command } of sorted) run.command(atNs, command);
  const lastNs = sorted.at(-1)?.atNs ?? 0;
  let quietSinceNs = 0;
  run.watchTo(options.untilNs, (nowNs) => {
    for (const watcher of watchers) watcher.look();
    options.watch?.(run);
    const busy = run.processes.some((it) => serviceOf(it).isBusy());
    if (busy || nowNs <= lastNs) quietSinceNs = nowNs;
    return faults.length > 0 || nowNs - quietSinceNs >= 60_000_000;
  });
  for (const watcher of watchers) watcher.compareFiles();
  const judgement = judge({ scenario, snapshots: run.snapshots(), commands: run.log });
  for (const check of judgement.checks) if (!check.holds) faults.push(`${check.id}: ${check.found}`);
  return {
    run, faults, judgement,
    jobs: watchers.flatMap((watcher) => [...watcher.jobs]),
    filesCompared: watchers.reduce((sum, it) => sum + it.filesCompared, 0),
    restoresCompared: watchers.reduce((sum, it) => sum + it.restoresCompared, 0),
  };
}

/** Looks at one host. */
class Watcher {
  readonly jobs = new Set<SnapshotJob>();
  filesCompared = 0;
  restoresCompared = 0;
  private readonly hostProcess: HostProcess;
  private readonly faults: string[];
  private readonly clones = new Map<string, VmClone>();
  private readonly states = new Map<SnapshotJob, Uint8Array>();

  constructor(hostProcess: HostProcess, faults: string[]) {
    this.hostProcess = hostProcess;
    this.faults = faults;
    const stands = hostProcess.onStands.bind(hostProcess);
    const runs = hostProcess.onRuns.bind(hostProcess);
    hostProcess.onStands = (vm) => {
      const job = serviceOf(hostProcess).findActive(vm.id);
      if (job !== undefined && job.state === 'freezing') this.clones.set(job.name, cloneVm(hostProcess, vm));
      stands(vm);
    };
    hostProcess.onRuns = (vm, since) => {
      this.compareRestored(vm);
      runs(vm, since);
    };
  }

  /** A VM that has just been restored or forked equals its clone. */
  private compareRestored(vm: Vm): void {
    const name = /'(.*)' is being read/.exec(this.lastReading(vm.id))?.[1];
    const clone = name === undefined ? undefined : this.clones.get(name);
    if (clone === undefined || this.hostProcess.host.now() === this.comparedAtNs) return;
    if (serviceOf(this.hostProcess).jobs.some((job) => job.vm === vm)) return;
    this.comparedAtNs = this.hostProcess.host.now();
    const difference = findDifference(vm, clone);
    if (difference !== undefined) this.faults.push(`VM ${vm.id} restored from '${name}': ${difference}`);
    this.restoresCompared++;
  }

  private comparedAtNs = -1;

  private lastReading(vm: number): string {
    const { host } = this.hostProcess;
    const events = (host as unknown as { timeline: { kind: string; entity: string; text: string }[] }).timeline;
    return events.findLast((it) => it.entity === `vm:${vm}` && (it.kind === 'restore' || it.kind === 'fork'))?.text ?? '';
  }

  /** At every event. */
  look(): void {
    for (const job of serviceOf(this.hostProcess).jobs) {
      this.jobs.add(job);
      if (job.active()) this.lookAtJob(job);
      else this.lookAtEnd(job);
    }
  }

  private fault(job: SnapshotJob, text: string): void {
    this.faults.push(`'${job.name}' at ${this.hostProcess.now()} ns: ${text}`);
  }

  private lookAtJob(job: SnapshotJob): void {
    const { queue } = job;
    if (queue.heldBytes > queue.capBytes) this.fault(job, `the queue holds ${queue.heldBytes} of ${queue.capBytes} bytes`);
    const before = this.states.get(job);
    const counts = [0, 0, 0, 0];
    for (const [page, state] of job.pageState.entries()) {
      counts[state]!++;
      if (before !== undefined && before[page]! > state) this.fault(job, `page ${page} went back to ${state}`);
    }
    this.states.set(job, job.pageState.slice());
    if (counts[captureState.protected] !== job.protectedCount) this.fault(job, `${job.protectedCount} protected pages are counted, ${counts[1]} there`);
    if (counts[captureState.stored] !== job.storedCount + job.zeroCount) this.fault(job, 'stored and left out pages are miscounted');
  }

  private lookAtEnd(job: SnapshotJob): void {
    if (this.states.get(job)?.length === 0) return;
    this.states.set(job, new Uint8Array(0));
    const { protection } = job.vm.memory;
    const isHere = this.hostProcess.host.findVm(job.vm.id) === job.vm;
    if (isHere && serviceOf(this.hostProcess).findActive(job.vm.id) === undefined) {
      if (protection.count() !== 0 || protection.armed()) this.fault(job, `${protection.count()} pages are still protected`);
      const waiting = job.vm.vcpus.filter((vcpu) => vcpu.waitsForPage >= 0);
      if (waiting.length > 0) this.fault(job, `${waiting.length} vCPUs still wait`);
    }
  }

  /** Every listed file equals the clone of its t0. */
  compareFiles(): void {
    const service = serviceOf(this.hostProcess);
    for (const { name } of service.files()) {
      const clone = this.clones.get(name);
      const bytes = service.read(name);
      if (clone === undefined || bytes === undefined) continue;
      const image = decodeSnapshot(bytes);
      const difference = image.ok ? imageDifference(image.value, clone) : image.error.kind;
      if (difference !== undefined) this.faults.push(`the file '${name}': ${difference}`);
      this.filesCompared++;
    }
  }
}
