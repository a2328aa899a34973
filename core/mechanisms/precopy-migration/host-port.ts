/**
 * The mechanism's view of a host and its VMs, over the hypervisor's own: small adapters that rename and
 * turn typed errors into the sentences that travel on the wire.
 */
import { err, type Hash64, ok, type Result } from '../../base/index.ts';
import type { Host } from '../../hypervisor/host.ts';
import { recordErrorSentence } from '../../base/device-record.ts';
import { isThrottled, nextThrottleEdge } from '../../hypervisor/scheduler.ts';
import { THROTTLE_PERIOD_NS, type Vm } from '../../hypervisor/vm.ts';
import type { VmDisks } from '../../hypervisor/vm-disks.ts';
import { vmErrorSentence } from '../../hypervisor/vm-error.ts';
import {
  LOOK_NS,
  type IncomingSpec,
  type MigrationHost,
  type MigrationMemory,
  type MigrationVm,
  type StreamConnection,
  type StreamHandler,
} from './ports.ts';
import { frameAddress, type VmMemory } from '../../memory/index.ts';
import { frameField } from '../../protocol/host-memory-layout.ts';
import type { HostPorts } from '../host-ports.ts';

/** Devices of a VM in its record, frames that wait not counted: measured at 3 to 4 KiB. Unit: byte. */
const DEVICE_RECORD_BYTES = 8192;

class PortMemory implements MigrationMemory {
  readonly pageCount: number;
  private readonly host: Host;
  private readonly memory: VmMemory;

  constructor(host: Host, memory: VmMemory) {
    this.host = host;
    this.memory = memory;
    this.pageCount = memory.pageCount;
  }

  readPage(page: number): Uint8Array | undefined {
    return this.memory.readPage(page);
  }

  writePage(page: number, bytes: Uint8Array): boolean {
    return this.memory.allocate(page) && this.memory.writePage(page, bytes, 'migration');
  }

  writeZeroPage(page: number): boolean {
    // A frame that was free holds zeroes already.
    if (this.memory.frame(page) < 0) return this.memory.allocate(page);
    return this.memory.writeZeroPage(page, 'migration');
  }

  isZero(page: number): boolean {
    const frame = this.memory.frame(page);
    if (frame < 0) return true;
    return this.host.machine.module.isZero(frameAddress(this.host.memory.host, frame), 4096);
  }

  hashPage(page: number, hash: Hash64): void {
    const address = frameAddress(this.host.memory.host, this.memory.frame(page));
    this.host.machine.module.hashRange(address, 4096, hash);
  }

  frameOf(page: number): number {
    return this.memory.frame(page);
  }

  armLog(): void {
    this.memory.dirtyLog.arm();
  }

  disarmLog(): void {
    if (this.memory.dirtyLog.armed()) this.memory.dirtyLog.disarm();
  }

  dirtyCount(): number {
    return this.memory.dirtyLog.count();
  }

  takeDirty(into: Uint32Array): number {
    return this.memory.dirtyLog.takeAndRearm(into);
  }
}

class PortVm implements MigrationVm {
  readonly id: number;
  readonly name: string;
  readonly guest: string;
  readonly pageCount: number;
  readonly vcpuCount: number;
  readonly memory: PortMemory;
  readonly disks: VmDisks;
  readonly deviceBytes: number;
  private readonly host: Host;
  private readonly vm: Vm;
  private readonly ports: HostPorts;
  private throttledFromNs = 0; // when the present throttle was set, or since when it stood then
  private pausedFromNs = Number.POSITIVE_INFINITY; // of the last stop, its throttle's pause included
  private resumedNs = Number.NEGATIVE_INFINITY; //    when that stop was undone

  constructor(ports: HostPorts, vm: Vm) {
    this.host = ports.host;
    this.id = vm.id;
    this.name = vm.name;
    this.guest = vm.guest;
    this.pageCount = vm.pageCount;
    this.vcpuCount = vm.vcpus.length;
    this.memory = new PortMemory(ports.host, vm.memory);
    this.disks = vm.disks;
    this.deviceBytes = vm.devices === undefined ? 0 : DEVICE_RECORD_BYTES;
    this.vm = vm;
    this.ports = ports;
  }

  runs(): boolean {
    return this.vm.state === 'running';
  }

  pause(reason: string): void {
    this.pausedFromNs = this.standsSince();
    this.vm.pause(reason);
    this.ports.vmStands(this.vm);
  }

  beginHandOver(reason: string): void {
    this.vm.beginHandOver(reason);
  }

  resume(stoodSinceNs: number): void {
    this.vm.resume();
    this.resumedNs = this.host.now();
    this.ports.vmRuns(this.vm, stoodSinceNs);
  }

  setThrottle(percent: number): void {
    this.throttledFromNs = this.standsSince();
    this.vm.setThrottle(percent);
  }

  standsSince(): number {
    const standsNs = this.throttledSince(this.host.now());
    // A stop that was undone counts until the guest has run for a look, however pauses follow.
    return standsNs - this.resumedNs < LOOK_NS ? Math.min(standsNs, this.pausedFromNs) : standsNs;
  }

  /** Start of the throttle's pause; one that has just ended counts: a stop would join it. */
  private throttledSince(now: number): number {
    if (!isThrottled(this.vm, now) && !isThrottled(this.vm, now - LOOK_NS)) return now;
    const slice = Math.floor(now / THROTTLE_PERIOD_NS) * THROTTLE_PERIOD_NS;
    return Math.max(slice, this.throttledFromNs);
  }

  runsAgainAt(): number {
    const now = this.host.now();
    return isThrottled(this.vm, now) ? nextThrottleEdge(this.vm, now) : now;
  }

  saveVcpu(index: number): Uint8Array {
    return this.vm.saveVcpu(index);
  }

  loadVcpu(index: number, record: Uint8Array): Result<undefined, string> {
    const loaded = this.vm.loadVcpu(index, record);
    return loaded.ok
      ? ok(undefined)
      : err(`the record of vCPU ${index} cannot be loaded: ${loaded.error.kind}`);
  }

  staysBecause(): string | undefined {
    if (this.vm.devices?.canMove() !== false) return undefined;
    return `VM ${this.id} '${this.name}' has a disk that no other host can reach.`;
  }

  deviceRecord(): Uint8Array {
    return this.vm.deviceRecord();
  }

  loadDeviceRecord(record: Uint8Array): Result<undefined, string> {
    const loaded = this.vm.loadDeviceRecord(record);
    return loaded.ok ? ok(undefined) : err(recordErrorSentence(loaded.error).replace(/\.$/, ''));
  }
}

/** TCP port on which every host's migration service listens. */
export const MIGRATION_PORT = 7000;

/** See the file's head. */
export class MigrationPort implements MigrationHost {
  readonly id: number;
  readonly name: string;
  private readonly ports: HostPorts;
  private readonly known = new Map<Vm, PortVm>();

  constructor(ports: HostPorts) {
    this.id = ports.id;
    this.name = ports.name;
    this.ports = ports;
  }

  now(): number {
    return this.ports.now();
  }

  schedule(timeNs: number, kind: string, serial: number, value: number): void {
    this.ports.schedule(timeNs, kind, { serial, value });
  }

  connect(to: number, handler: StreamHandler): StreamConnection {
    return this.ports.connect(to, MIGRATION_PORT, handler);
  }

  hostName(id: number): string {
    return this.ports.hostName(id);
  }

  isNeighbour(id: number): boolean {
    return this.ports.isNeighbour(id);
  }

  heldByOthers(vm: number): string | undefined {
    return this.ports.heldByOthers(vm);
  }

  findVm(id: number): MigrationVm | undefined {
    const vm = this.ports.host.findVm(id);
    return vm === undefined ? undefined : this.portOf(vm);
  }

  createIncoming(spec: IncomingSpec): Result<MigrationVm, string> {
    const made = this.ports.host.createIncomingVm(spec);
    return made.ok
      ? ok(this.portOf(made.value))
      : err(vmErrorSentence(made.error).replace(/\.$/, ''));
  }

  destroyVm(id: number): void {
    const vm = this.ports.host.findVm(id);
    if (vm === undefined) return;
    this.ports.vmLeaves(vm);
    this.known.delete(vm);
    this.ports.host.destroyVm(id);
  }

  markInFlight(frame: number, on: boolean): void {
    this.ports.host.memory.frames.setFlag(frame, frameField.inFlight, on);
  }

  wireByteCount(to: number): number {
    return this.ports.wireByteCount(to);
  }

  note(kind: string, entity: string, text: string): void {
    this.ports.note(kind, entity, text);
  }

  private portOf(vm: Vm): PortVm {
    const known = this.known.get(vm) ?? new PortVm(this.ports, vm);
    this.known.set(vm, known);
    return known;
  }
}
