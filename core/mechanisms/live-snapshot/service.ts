/**
 * Snapshots of one host: takes, lists, restores, forks and deletes them, and refuses by name what cannot
 * be. Files lie on the host's disk; a host that boots finds them again, and removes what is half there.
 */
import { type Hash64, hashInteger, hashText } from '../../base/index.ts';
import { decodeSnapshot, joinPieces, type SnapshotHead, snapshotFileErrorSentence } from '../../formats/snapshot-file.ts';
import type { Vm } from '../../hypervisor/vm.ts';
import type { Refusal } from '../../protocol/command.ts';
import { type DiskError, diskErrorSentence, HostDisk } from '../../storage/index.ts';
import type { HostPorts } from '../host-ports.ts';
import { snapshotCostNs } from './costs.ts';
import { PARTIAL_SUFFIX, SnapshotJob } from './mechanism.ts';
import { SnapshotPicture } from './picture.ts';
import type { JobPorts, SnapshotMode, SnapshotSettings } from './ports.ts';
import { restoreVm } from '../../hypervisor/restore-vm.ts';
import type { FileTold } from './told.ts';

/** Ended snapshots kept for the screen. */
const ENDED_COUNT_MAX = 16;
/** Snapshots that a host lists at most; the next is refused. */
export const FILES_MAX = 64;
/** What a snapshot may be called: it names a file. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$/;
/** Forks take ids from here on, a span a host, so that no two hosts give the same. */
const FORK_ID_FIRST = 128;
const FORK_IDS_PER_HOST = 16;

/** A restore or fork whose file is being read. */
interface Restore {
  readonly serial: number;
  readonly file: string;
  readonly vm: number;
  readonly vmName: string;
  readonly isFork: boolean;
}

/** See the file's head. */
export class SnapshotService {
  readonly disk: HostDisk;
  readonly settings: SnapshotSettings;
  /** What the newest snapshot shows of itself. */
  readonly picture: SnapshotPicture;
  jobs: SnapshotJob[] = [];
  /** Heads of the files on the disk, oldest first. */
  private heads: SnapshotHead[] = [];
  private restores: Restore[] = [];
  /** By VM: the snapshot from which its history goes on. */
  private readonly parents = new Map<number, string>();
  /** VMs that went down with this host: they may be restored here though they are nowhere. */
  private lost: number[] = [];
  private forgottenStallNs = 0; // of jobs that are not kept any more
  private nextSerial = 1;
  private readonly ports: HostPorts;
  private readonly jobPorts: JobPorts;

  constructor(ports: HostPorts, settings: SnapshotSettings, disk: { bandwidthBytesPerSecond: number; latencyNs: number; capacityBytes: number }) {
    this.ports = ports;
    this.settings = settings;
    this.picture = new SnapshotPicture(ports.host.memory.host);
    this.disk = new HostDisk(disk, {
      client: this,
      ports: new ServiceDiskPorts(ports),
      seed: ports.scenario.seed,
      stream: 0x5350 + ports.id,
    });
    this.jobPorts = new ServiceJobPorts(ports);
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────

  /** Why a snapshot of `vm` cannot be begun here now; undefined when it can. */
  findTakeRefusal(vm: number, name: string): Refusal | undefined {
    const { host } = this.ports;
    const found = host.findVm(vm);
    if (found === undefined) return { kind: 'no-such-vm', sentence: `There is no VM ${vm} on ${this.ports.name}.` };
    const about = `VM ${vm} '${found.name}'`;
    const going = this.findActive(vm);
    if (going !== undefined) {
      return { kind: 'already-snapshotting', sentence: `The snapshot '${going.name}' of ${about} is under way (${going.state}); a second one is refused.` };
    }
    if (!NAME_PATTERN.test(name)) {
      return { kind: 'bad-name', sentence: `'${name}' cannot name a snapshot: 1 to 63 letters, digits, blanks, dots, dashes and underscores are possible.` };
    }
    if (this.isTaken(name)) return { kind: 'name-taken', sentence: `There is a snapshot '${name}' on ${this.ports.name} already.` };
    if (this.heads.length >= FILES_MAX) return { kind: 'too-many', sentence: `${this.ports.name} holds ${FILES_MAX} snapshots, which is the most it can.` };
    const device = found.unseenWriters[0];
    if (device !== undefined) {
      return { kind: 'device-writes-unseen', sentence: `The device '${device}' of ${about} writes its memory without write faults, so a snapshot would be torn; it is refused.` };
    }
    // Before the state: who holds a VM may have stopped it.
    const held = this.restoring(vm) ?? this.ports.heldByOthers(vm);
    if (held !== undefined) return { kind: 'held', sentence: held };
    if (found.state === 'running') return undefined;
    return { kind: 'not-running', sentence: `${about} is ${found.state}, so it cannot be snapshotted while it runs.` };
  }

  /** Begins a snapshot, or refuses it by name. */
  take(vm: number, name: string, mode: SnapshotMode): Refusal | undefined {
    const refusal = this.findTakeRefusal(vm, name);
    const found = this.ports.host.findVm(vm);
    if (refusal !== undefined || found === undefined) return this.refuse(`vm:${vm}`, refusal);
    this.forgetEnded();
    const job = new SnapshotJob({
      serial: this.nextSerial++, name, parent: this.parents.get(vm) ?? '', vm: found, mode,
      settings: this.settings, ports: this.jobPorts, disk: this.disk, picture: this.picture,
    });
    this.jobs.push(job);
    this.picture.show(job);
    this.ports.note('snapshot', `vm:${vm}`, `'${name}' (${mode})`);
    job.freeze();
    return undefined;
  }

  /** Why a snapshot cannot be restored here now, in place of its VM or as a fork. */
  findRestoreRefusal(name: string, vm: number, isFork: boolean): Refusal | undefined {
    const head = this.findHead(name);
    if (head === undefined) return { kind: 'no-such-snapshot', sentence: `There is no snapshot '${name}' on ${this.ports.name}.` };
    const { host } = this.ports;
    if (host.state !== 'up') return { kind: 'host-down', sentence: `${this.ports.name} is down.` };
    if (isFork) return undefined;
    if (head.vm !== vm) return { kind: 'other-vm', sentence: `The snapshot '${name}' is of VM ${head.vm}, not of VM ${vm}; fork it to get another VM.` };
    const found = host.findVm(vm);
    if (found === undefined && !this.lost.includes(vm)) {
      return { kind: 'no-such-vm', sentence: `VM ${vm} is not on ${this.ports.name}, where the snapshot '${name}' is.` };
    }
    const held = this.holds(vm) ?? this.restoring(vm) ?? this.ports.heldByOthers(vm);
    return held === undefined ? undefined : { kind: 'held', sentence: held };
  }

  /** Puts a VM back to a snapshot: it stands while the file is read. */
  restore(name: string, vm: number): Refusal | undefined {
    const refusal = this.findRestoreRefusal(name, vm, false);
    if (refusal !== undefined) return this.refuse(`vm:${vm}`, refusal);
    const found = this.ports.host.findVm(vm);
    if (found?.state === 'running') {
      found.pause(`The snapshot '${name}' is put in its place.`);
      this.ports.vmStands(found);
    }
    this.beginReading({ file: name, vm, vmName: this.findHead(name)?.vmName ?? '', isFork: false });
    return undefined;
  }

  /** Makes a second VM from a snapshot, with an id and a name of its own; the original runs on. */
  fork(name: string, vmName: string): Refusal | undefined {
    const refusal = this.findRestoreRefusal(name, 0, true);
    if (refusal !== undefined) return this.refuse(`host:${this.ports.id}`, refusal);
    const first = FORK_ID_FIRST + this.ports.id * FORK_IDS_PER_HOST;
    const taken = (id: number) => this.ports.host.findVm(id) !== undefined || this.restoring(id) !== undefined;
    const id = Array.from({ length: FORK_IDS_PER_HOST }, (_, index) => first + index).find((it) => !taken(it));
    if (id === undefined || id > 255) {
      return this.refuse(`host:${this.ports.id}`, { kind: 'too-many', sentence: `${this.ports.name} has made as many forks as it can hold.` });
    }
    this.beginReading({ file: name, vm: id, vmName: vmName === '' ? `${name} fork` : vmName, isFork: true });
    return undefined;
  }

  /** Deletes a snapshot; those taken after it go on from the one before it. */
  delete(name: string): Refusal | undefined {
    const head = this.findHead(name);
    const entity = `host:${this.ports.id}`;
    if (head === undefined) return this.refuse(entity, { kind: 'no-such-snapshot', sentence: `There is no snapshot '${name}' on ${this.ports.name}.` });
    if (this.restores.some(({ file }) => file === name)) {
      return this.refuse(entity, { kind: 'held', sentence: `The snapshot '${name}' is being restored.` });
    }
    this.disk.remove(name);
    this.heads = this.heads.filter((it) => it !== head);
    this.heads = this.heads.map((it) => (it.parent === name ? { ...it, parent: head.parent } : it));
    for (const [vm, parent] of this.parents) if (parent === name) this.parents.set(vm, head.parent);
    this.ports.note('deleted', entity, `snapshot '${name}'`);
    return undefined;
  }

  private refuse(entity: string, refusal: Refusal | undefined): Refusal | undefined {
    if (refusal !== undefined) this.ports.note('refused', entity, refusal.sentence);
    return refusal;
  }

  // ── Restoring ─────────────────────────────────────────────────────────────────────────────────

  private beginReading(restore: Omit<Restore, 'serial'>): void {
    const serial = this.nextSerial++;
    this.restores.push({ ...restore, serial });
    this.ports.note(restore.isFork ? 'fork' : 'restore', `vm:${restore.vm}`, `'${restore.file}' is being read`);
    this.disk.read(restore.file, serial);
  }

  /** The file has been read, and the records are loaded. */
  private finishRestore(serial: number): void {
    const restore = this.restores.find((it) => it.serial === serial);
    if (restore === undefined) return;
    this.restores = this.restores.filter((it) => it !== restore);
    const { ports } = this;
    const { file, vm: id, vmName, isFork } = restore;
    const bytes = this.read(file);
    const image = bytes === undefined ? undefined : decodeSnapshot(bytes);
    const entity = `vm:${id}`;
    const before = ports.host.findVm(id);
    if (image?.ok !== true) {
      const why = image === undefined ? `there is no snapshot '${file}' any more` : snapshotFileErrorSentence(image.error);
      ports.note('failed', entity, `not restored: ${why}`);
      this.goOn(before);
      return;
    }
    if (before !== undefined) {
      ports.vmLeaves(before);
      ports.host.destroyVm(id);
    }
    const made = restoreVm(ports.host, image.value, { id, name: vmName });
    if (!made.ok) {
      ports.note('failed', entity, `not restored: ${made.error}`);
      return;
    }
    this.lost = this.lost.filter((it) => it !== id);
    this.parents.set(id, file);
    made.value.resume();
    ports.vmRuns(made.value, ports.now());
    ports.note(isFork ? 'forked' : 'restored', entity, `'${file}', as it was at ${image.value.head.takenAtNs} ns`);
  }

  private goOn(vm: Vm | undefined): void {
    if (vm?.state !== 'paused') return;
    vm.resume();
    this.ports.vmRuns(vm, this.ports.now());
  }

  /** Why nothing else may begin with a VM that is about to be replaced. */
  private restoring(vm: number): string | undefined {
    const going = this.restores.find((it) => it.vm === vm);
    return going === undefined ? undefined : `VM ${vm} is being restored from the snapshot '${going.file}'.`;
  }

  // ── What others ask ───────────────────────────────────────────────────────────────────────────

  /** Whether a snapshot is being taken, restored or forked. */
  isBusy(): boolean {
    return this.restores.length > 0 || this.jobs.some((job) => job.active());
  }

  /** Why no migration may begin with this VM; once every page is kept, it may. */
  holds(vm: number): string | undefined {
    const job = this.jobs.find((it) => it.vm.id === vm && it.holdsVm());
    if (job !== undefined) {
      return `The snapshot '${job.name}' of VM ${vm} '${job.vm.name}' is ${job.state}; it can be moved once every page is kept.`;
    }
    return this.restoring(vm);
  }

  /** Time that guests have waited on this host. */
  stallNs(): number {
    return this.jobs.reduce((sum, job) => sum + job.stallNs, this.forgottenStallNs);
  }

  /** The bytes of a snapshot; undefined when there is none of that name. */
  read(name: string): Uint8Array | undefined {
    const pieces = this.findHead(name) === undefined ? undefined : this.disk.content(name);
    return pieces === undefined ? undefined : joinPieces(pieces);
  }

  /** Snapshots that can be restored, oldest first. */
  files(): FileTold[] {
    const sizes = new Map(this.disk.list().map(({ name, byteCount }) => [name, byteCount]));
    return this.heads.map(({ name, parent, vm, vmName, takenAtNs, pageCount }) => ({
      name, parent, vm, vmName, takenAtNs, pageCount, byteCount: sizes.get(name) ?? 0,
    }));
  }

  /** By VM: the snapshot that its history goes on from. */
  present(): { vm: number; parent: string }[] {
    return [...this.parents].map(([vm, parent]) => ({ vm, parent }));
  }

  findActive(vm: number): SnapshotJob | undefined {
    return this.jobs.find((it) => it.active() && it.vm.id === vm);
  }

  private findHead(name: string): SnapshotHead | undefined {
    return this.heads.find((it) => it.name === name);
  }

  private isTaken(name: string): boolean {
    return this.findHead(name) !== undefined || this.jobs.some((it) => it.active() && it.name === name);
  }

  // ── Events ────────────────────────────────────────────────────────────────────────────────────

  onEvent(kind: string, serial: number, value: number, now: number): void {
    if (kind === 'disk') this.disk.onEvent(now);
    else if (kind === 'restored') this.finishRestore(serial);
    else this.jobs.find((it) => it.serial === serial)?.onEvent(kind, value);
  }

  onDiskDone(ticket: number, error: DiskError | undefined): void {
    const job = this.jobs.find((it) => it.serial === ticket);
    if (job === undefined) {
      this.onRead(ticket, error);
      return;
    }
    job.onDiskDone(error);
    if (job.state !== 'committed') return;
    const { name, parent, takenAtNs, vm } = job;
    if (this.findHead(name) !== undefined) return;
    const { id, guest, pageCount } = vm;
    this.heads.push({ name, parent, vm: id, vmName: vm.name, guest, pageCount, vcpuCount: vm.vcpus.length, takenAtNs });
    this.parents.set(id, name);
  }

  private onRead(serial: number, error: DiskError | undefined): void {
    const restore = this.restores.find((it) => it.serial === serial);
    if (restore === undefined) return;
    if (error === undefined) {
      this.ports.schedule(this.ports.now() + snapshotCostNs.restore, 'restored', { serial, value: 0 });
      return;
    }
    this.restores = this.restores.filter((it) => it !== restore);
    this.ports.note('failed', `vm:${restore.vm}`, `not restored: ${diskErrorSentence(error)}`);
    this.goOn(restore.isFork ? undefined : this.ports.host.findVm(restore.vm));
  }

  onSettings(): void {
    for (const job of this.jobs) if (job.active()) job.onSettings();
  }

  onVmLeaves(vm: Vm): void {
    for (const job of this.jobs) if (job.vm === vm) job.onVmLeaves();
  }

  /** Power is gone: jobs with it; the disk keeps what it has promised, and a torn tail. */
  onPowerLoss(): void {
    for (const job of this.jobs) this.forgottenStallNs += job.stallNs + job.waitingNs();
    this.lost = [...new Set([...this.lost, ...this.ports.host.vms().filter((vm) => vm.state !== 'incoming').map(({ id }) => id)])];
    this.jobs = [];
    this.restores = [];
    this.heads = [];
    this.disk.crash();
  }

  /** Finds the snapshots on the disk again; a partial or damaged file is removed. */
  onBoot(): void {
    for (const { name } of this.disk.list()) {
      const image = name.endsWith(PARTIAL_SUFFIX) ? undefined : decodeSnapshot(joinPieces(this.disk.content(name) ?? []));
      if (image?.ok === true) {
        this.heads.push(image.value.head);
        continue;
      }
      this.disk.remove(name);
      const why = image === undefined ? 'it is partial' : snapshotFileErrorSentence(image.error);
      this.ports.note('removed', `host:${this.ports.id}`, `the file '${name}': ${why}`);
    }
    this.heads.sort((left, right) => left.takenAtNs - right.takenAtNs);
  }

  hashInto(hash: Hash64): void {
    for (const job of this.jobs) if (job.active()) job.hashInto(hash);
    for (const { name, parent } of this.heads) {
      hashText(hash, name);
      hashText(hash, parent);
    }
    hashInteger(hash, this.restores.length);
    for (const value of this.disk.fingerprint()) hashInteger(hash, value);
  }

  private forgetEnded(): void {
    const ended = this.jobs.filter((it) => !it.active());
    for (const job of ended.slice(0, Math.max(0, ended.length - ENDED_COUNT_MAX))) {
      this.forgottenStallNs += job.stallNs;
      this.jobs = this.jobs.filter((it) => it !== job);
    }
  }
}

class ServiceDiskPorts {
  private readonly ports: HostPorts;

  constructor(ports: HostPorts) {
    this.ports = ports;
  }

  effectNs(): number {
    return this.ports.host.effectNs();
  }

  scheduleDisk(timeNs: number): void {
    this.ports.schedule(timeNs, 'disk', { serial: 0, value: 0 });
  }
}

class ServiceJobPorts implements JobPorts {
  private readonly ports: HostPorts;

  constructor(ports: HostPorts) {
    this.ports = ports;
  }

  now(): number {
    return this.ports.now();
  }

  effectNs(): number {
    return this.ports.host.effectNs();
  }

  takesTurns(): boolean {
    return this.ports.host.takesTurns;
  }

  schedule(timeNs: number, kind: string, serial: number, value: number): void {
    this.ports.schedule(timeNs, kind, { serial, value });
  }

  chargeNeighbour(): void {
    this.ports.host.chargeGuest('snapshot-neighbour');
  }

  wake(vcpu: Parameters<JobPorts['wake']>[0]): number {
    return this.ports.host.wakeFromPage(vcpu);
  }

  stands(vm: Vm): void {
    this.ports.vmStands(vm);
  }

  runs(vm: Vm, stoodSinceNs: number): void {
    this.ports.vmRuns(vm, stoodSinceNs);
  }

  note(kind: string, text: string): void {
    this.ports.note(kind, `host:${this.ports.id}`, text);
  }
}
