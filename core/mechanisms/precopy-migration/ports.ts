/**
 * What the mechanism needs of the layers below, by shape. The hypervisor's host and VM and the
 * network's connection have these members; the mechanism sees no more of them.
 */
import type { Hash64, Result } from '../../base/index.ts';
import type { DiskPage } from '../../hypervisor/vm-disks.ts';
import type { StreamConnection, StreamHandler } from '../host-ports.ts';

export type { StreamConnection, StreamHandler } from '../host-ports.ts';

/** So long a throttled guest must have run to have seen its clock. Unit: ns. */
export const LOOK_NS = 50_000;

/** A VM's memory as a migration sees it. Pages count from the start of guest RAM. */
export interface MigrationMemory {
  readonly pageCount: number;
  /** A live view, valid until the next event; undefined when absent. */
  readPage(page: number): Uint8Array | undefined;
  /** Gives the page a frame when it has none; false when none is left. */
  writePage(page: number, bytes: Uint8Array): boolean;
  writeZeroPage(page: number): boolean;
  isZero(page: number): boolean;
  /** Mixes the bytes of a present page into `hash`, by compiled code. */
  hashPage(page: number, hash: Hash64): void;
  /** Host frame, −1 when absent. */
  frameOf(page: number): number;
  armLog(): void;
  disarmLog(): void;
  dirtyCount(): number;
  /** Overwrites `into` (a bit a page) with the dirty pages, re-arms them, gives their count. */
  takeDirty(into: Uint32Array): number;
}

/** A VM's disks as a migration sees them: pages of 4 KiB that were written. */
export interface MigrationDisks {
  /** From now on the log holds what is written, and first of all what ever was. */
  armLog(): void;
  disarmLog(): void;
  dirtyCount(): number;
  takeDirty(): readonly DiskPage[];
  readPage(place: DiskPage): Uint8Array | undefined;
  /** False: the VM has no such page of a disk. */
  writePage(place: DiskPage, bytes: Uint8Array): boolean;
}

/** A VM as a migration sees it. Errors are sentences without a full stop. */
export interface MigrationVm {
  readonly id: number;
  readonly name: string;
  readonly guest: string;
  readonly pageCount: number;
  readonly vcpuCount: number;
  readonly memory: MigrationMemory;
  readonly disks: MigrationDisks;
  /** What its device record has more than that of a VM without devices, about. Unit: byte. */
  readonly deviceBytes: number;
  /** Whether its vCPUs run (a VM that was shut down or has failed does not). */
  runs(): boolean;
  /** Stops the vCPUs: every instruction that starts before now has run, none after. */
  pause(reason: string): void;
  /** From paused: the right to run is on the wire. */
  beginHandOver(reason: string): void;
  /** Lets the vCPUs run. What was typed since `stoodSinceNs` is typed in now. */
  resume(stoodSinceNs: number): void;
  setThrottle(percent: number): void;
  /**
   * Since when its guest has not seen its clock: the start of a pause of the throttle, or of a stop
   * that was undone, that lasts or ended less than {@link LOOK_NS} of running ago; else now.
   */
  standsSince(): number;
  /** When the throttle lets its vCPUs run again; now when they may. */
  runsAgainAt(): number;
  saveVcpu(index: number): Uint8Array;
  loadVcpu(index: number, record: Uint8Array): Result<undefined, string>;
  deviceRecord(): Uint8Array;
  /** Why it cannot leave this host at all, as one sentence; undefined when it can. */
  staysBecause(): string | undefined;
  loadDeviceRecord(record: Uint8Array): Result<undefined, string>;
}

/** What an incoming VM asks for. */
export interface IncomingSpec {
  readonly id: number;
  readonly name: string;
  readonly guest: string;
  readonly pageCount: number;
  readonly vcpuCount: number;
}

/** A host as a migration sees it. */
export interface MigrationHost {
  readonly id: number;
  readonly name: string;
  hostName(id: number): string;
  isNeighbour(id: number): boolean;
  now(): number;
  /** An event `migration.<kind>` at `timeNs`, for the migration of that serial number. */
  schedule(timeNs: number, kind: string, serial: number, value: number): void;
  connect(to: number, handler: StreamHandler): StreamConnection;
  /** What another mechanism has against moving this VM now, as one sentence; undefined when nothing. */
  heldByOthers(vm: number): string | undefined;
  findVm(id: number): MigrationVm | undefined;
  /** Reserves all frames of an incoming VM; the error is one sentence. */
  createIncoming(spec: IncomingSpec): Result<MigrationVm, string>;
  destroyVm(id: number): void;
  /** Marks a frame as handed to a stream and not yet acknowledged, or not. */
  markInFlight(frame: number, on: boolean): void;
  /** Bytes of all frames that this host's port towards `to` has put on the wire. */
  wireByteCount(to: number): number;
  /** A tick on the timeline. */
  note(kind: string, entity: string, text: string): void;
}
