/**
 * One snapshot of one VM, copied first and written later ("Stillframe"), and the two older ways it is
 * shown against, which take the same file:
 *
 *   live           stop, save vCPUs and devices, protect every page, go on; a page's old content is copied
 *                  into a RAM queue before its first write, a sweep copies the rest, a writer drains the queue
 *   synchronous    the same, but the first write to a page waits until the page is on the disk
 *   stop-and-copy  the VM stands until every page is on the disk
 *
 *   requested → freezing → capturing → draining → committed
 *                  └───────────┴───────────┴────→ aborted
 *
 * A page goes protected → queued → stored and never back. Only freezing stops the VM, and nothing in it
 * depends on the disk. Pages that a VM wrote to its disks are in the file's beginning. Left out: several VMs at one instant.
 */
import { deflateSync } from 'fflate';
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { assert, type Hash64, hashInteger, hashText, makeHash } from '../../base/index.ts';
import {
  digestRecord, encodeBeginning, encodePage, encodeTrailer, joinPieces, pageCodec,
} from '../../formats/snapshot-file.ts';
import { WAITS_FOR_ALL } from '../../hypervisor/vcpu.ts';
import type { Vm } from '../../hypervisor/vm.ts';
import {
  type CaptureState, captureState, type KeepOutcome, type PageKeeper, type WriteOrigin,
} from '../../memory/index.ts';
import { type DiskError, diskErrorSentence, type HostDisk } from '../../storage/index.ts';
import { freezeNs, snapshotCostNs } from './costs.ts';
import { isZero, type QueuedPage, RamQueue } from './ram-queue.ts';
import type { JobPorts, JobState, SnapshotMode, SnapshotSettings } from './ports.ts';
import { codecChoice } from './ports.ts';
import { type PageMark, pageMark, type SnapshotPicture } from './picture.ts';
import { toldOf } from './job-told.ts';
import type { JobTold } from './told.ts';

/** A partial file's name ends so; it is never listed, and removed when a host boots. */
export const PARTIAL_SUFFIX = '.part';
/** Bytes of pages that go to the disk in one operation at most; more would only wait longer as one. */
const WRITE_BYTES_MAX = 1 << 17;

/** What the write under way is about. */
type Writing = 'beginning' | 'pages' | 'trailer' | 'sync' | 'name';

export class SnapshotJob implements PageKeeper {
  static readonly [checkpointRules]: CheckpointRules = { compressing: 'value', inWrite: 'values' };
  readonly serial: number;
  readonly name: string;
  readonly parent: string;
  readonly vm: Vm;
  readonly mode: SnapshotMode;
  state: JobState = 'requested';
  reason = '';
  readonly startedAtNs: number;
  takenAtNs = -1; //         t0
  resumedAtNs = -1;
  sweptAtNs = -1; //         every page had left the VM
  endedAtNs = -1;
  readonly pageState: Uint8Array; // captureState by page
  readonly pageMarks: Uint8Array; // pageMark by page
  protectedCount: number;
  storedCount = 0; //        pages in the file
  zeroCount = 0; //          pages of zeroes, left out
  faultCount = 0; //         first writes that were served
  retryCount = 0; //         writes that met a page which was being served for another
  stallCount = 0; //         writes that had to wait for room (or for the disk)
  stallNs = 0;
  fileBytes = 0;
  readonly queue: RamQueue;
  private readonly settings: SnapshotSettings;
  private readonly ports: JobPorts;
  private readonly disk: HostDisk;
  private readonly digest: Hash64 = makeHash();
  private compressing: QueuedPage | undefined;
  private writing: Writing | undefined;
  private inWrite: QueuedPage[] = [];
  private sweepAt = 0; //        the sweep has passed all pages before this one
  private sweepParked = false; // it found no room
  private wanted: number[] = []; // synchronous: pages that a guest waits for, not begun
  private vmIsHere = true;
  private readonly picture: SnapshotPicture;

  constructor(options: {
    readonly serial: number;
    readonly name: string;
    readonly parent: string;
    readonly vm: Vm;
    readonly mode: SnapshotMode;
    readonly settings: SnapshotSettings;
    readonly ports: JobPorts;
    readonly disk: HostDisk;
    readonly picture: SnapshotPicture;
  }) {
    this.serial = options.serial;
    this.name = options.name;
    this.parent = options.parent;
    this.vm = options.vm;
    this.mode = options.mode;
    this.settings = options.settings;
    this.ports = options.ports;
    this.disk = options.disk;
    this.startedAtNs = options.ports.now();
    this.pageState = new Uint8Array(options.vm.pageCount).fill(captureState.protected);
    this.pageMarks = new Uint8Array(options.vm.pageCount);
    this.protectedCount = options.vm.pageCount;
    this.picture = options.picture;
    this.queue = new RamQueue({
      capBytes: options.settings.queueBytes, reservePercent: options.settings.reservePercent,
    });
  }

  active(): boolean {
    return this.state !== 'committed' && this.state !== 'aborted';
  }

  /** Whether the VM itself is still involved: it stands, or pages of it are protected. */
  holdsVm(): boolean {
    return this.state === 'requested' || this.state === 'freezing' || this.state === 'capturing';
  }

  private partialName(): string {
    return this.name + PARTIAL_SUFFIX;
  }

  // ── Freezing: everything at one instant ───────────────────────────────────────────────────────

  /** Takes the instant t0 = now. The file's name was free. */
  freeze(): void {
    const { vm, disk, ports } = this;
    assert(this.state === 'requested' && vm.state === 'running', 'a running VM is frozen once');
    this.state = 'freezing';
    this.takenAtNs = ports.now();
    vm.pause(`It is frozen for the snapshot '${this.name}'.`);
    ports.stands(vm);
    const vcpus = vm.vcpus.map(({ index }) => vm.saveVcpu(index));
    const head = {
      name: this.name, parent: this.parent, vm: vm.id, vmName: vm.name, guest: vm.guest,
      pageCount: vm.pageCount, vcpuCount: vcpus.length, takenAtNs: this.takenAtNs,
    };
    const beginning = encodeBeginning(head, vcpus, vm.deviceRecord(), vm.disks.written());
    assert(disk.create(this.partialName()), 'the name of a snapshot was checked');
    this.write('beginning', beginning);
    ports.note('freeze', `snapshot '${this.name}': the VM stands at ${this.takenAtNs} ns`);
    if (this.mode === 'stop-and-copy') {
      this.state = 'capturing';
      this.fill();
      return;
    }
    vm.memory.protection.arm(this);
    ports.schedule(ports.now() + freezeNs(vm.pageCount, vcpus.length), 'resume', this.serial, 0);
  }

  private onResume(): void {
    if (this.state !== 'freezing') return;
    this.state = 'capturing';
    this.resume();
    this.ports.schedule(this.ports.now(), 'sweep', this.serial, 0);
  }

  private resume(): void {
    this.resumedAtNs = this.ports.now();
    if (!this.vmIsHere) return;
    this.vm.resume();
    this.ports.runs(this.vm, this.takenAtNs);
  }

  // ── The fault: a guest is about to write a page that is not kept yet ──────────────────────────

  /** See PageKeeper. No disk operation on the live path. */
  onProtectedWrite(page: number, origin: WriteOrigin): KeepOutcome {
    const isGuest = origin === 'vcpu' || origin === 'walker';
    if (this.pageState[page] !== captureState.protected) {
      // Kept (or on its way to the disk) for another write; this one tries again when it is open.
      this.retryCount++;
      return 'waiting';
    }
    if (this.mode === 'synchronous') {
      if (this.wanted.includes(page)) this.retryCount++;
      else {
        this.faultCount++;
        this.stallCount++;
        this.wanted.push(page);
        this.ports.schedule(this.ports.effectNs(), 'kick', this.serial, 0);
      }
      return 'waiting';
    }
    if (!this.queue.hasRoom('fault')) {
      this.stallCount++;
      return 'waiting';
    }
    this.faultCount++;
    this.take(page, 'fault');
    this.keepNeighbours(page);
    if (isGuest && this.vm.vcpus.length > 1 && this.ports.takesTurns()) {
      // Others run at the same time: the page opens when the copy is seen by all of them.
      this.ports.schedule(this.ports.effectNs(), 'open', this.serial, page);
      return 'keeping';
    }
    this.open(page);
    return 'kept';
  }

  /** The pages around it, as if pages were larger: as many as there is room for. */
  private keepNeighbours(page: number): void {
    const size = this.settings.pagesPerFault;
    const first = page - (page % size);
    for (let other = first; other < Math.min(first + size, this.pageState.length); other++) {
      if (this.pageState[other] !== captureState.protected || this.vm.memory.frame(other) < 0) continue;
      if (!this.queue.hasRoom('fault')) return;
      this.take(other, 'fault');
      this.open(other);
      this.wake(other);
      this.ports.chargeNeighbour();
    }
  }

  /** Copies the page as it is now. It stays protected until {@link open}. */
  private take(page: number, origin: 'fault' | 'sweep'): void {
    const bytes = this.vm.memory.readPage(page);
    assert(bytes !== undefined, 'a protected page has a frame');
    this.queue.add(page, origin, bytes.slice());
    if (origin === 'fault') this.mark(page, pageMark.forced);
    this.advance(page, captureState.queued);
    this.protectedCount--;
    this.picture.paintFlow(this);
    if (this.compressing === undefined) this.ports.schedule(this.ports.effectNs(), 'kick', this.serial, 0);
  }

  /** The page may be written; whoever waits for it goes on. */
  private open(page: number): void {
    if (this.vmIsHere) this.vm.memory.protection.release(page);
  }

  /** Forward only. */
  private advance(page: number, state: CaptureState): void {
    assert(this.pageState[page]! < state, 'a page goes protected, queued, stored, and never back');
    this.pageState[page] = state;
    if (this.vmIsHere) this.vm.memory.protection.paint(page, state);
    this.picture.paintPage(this, page);
  }

  private mark(page: number, mark: PageMark): void {
    this.pageMarks[page] = this.pageMarks[page]! | mark;
  }

  // ── The sweep ─────────────────────────────────────────────────────────────────────────────────

  /** One page; the next comes at the sweep's rate. */
  private onSweep(): void {
    if (this.state !== 'capturing' || this.mode === 'stop-and-copy') return;
    const page = this.nextProtected();
    if (page < 0) {
      this.onSwept();
      return;
    }
    if (this.vm.memory.frame(page) < 0) this.leaveOut(page);
    else if (this.mode === 'synchronous') {
      if (this.isBusy()) {
        this.sweepParked = true;
        return;
      }
      this.take(page, 'sweep');
    } else {
      if (!this.queue.hasRoom('sweep')) {
        this.sweepParked = true;
        return;
      }
      this.take(page, 'sweep');
      this.open(page);
      this.wake(page);
    }
    const periodNs = Math.max(1, Math.round(1e9 / this.settings.sweepPagesPerSecond));
    this.ports.schedule(this.ports.now() + periodNs, 'sweep', this.serial, 0);
  }

  private nextProtected(): number {
    while (this.sweepAt < this.pageState.length) {
      if (this.pageState[this.sweepAt] === captureState.protected) return this.sweepAt;
      this.sweepAt++;
    }
    return -1;
  }

  /** A page without a frame reads as zeroes; nothing is written for it. */
  private leaveOut(page: number): void {
    this.mark(page, pageMark.leftOut);
    this.advance(page, captureState.stored);
    this.protectedCount--;
    this.zeroCount++;
  }

  /** Stop-and-copy: as much as the queue holds, at once; the disk sets the pace. */
  private fill(): void {
    for (let page = this.nextProtected(); page >= 0; page = this.nextProtected()) {
      if (this.vm.memory.frame(page) < 0) this.leaveOut(page);
      else if (this.queue.hasRoom('fault')) this.take(page, 'sweep');
      else return;
    }
  }

  /** Nothing of the VM is needed any more; what is queued drains. */
  private onSwept(): void {
    if (this.state !== 'capturing' || this.protectedCount > 0) return;
    if (this.mode !== 'live' && (this.queue.heldBytes > 0 || this.isBusy())) return;
    this.state = 'draining';
    this.sweptAtNs = this.ports.now();
    this.wake(WAITS_FOR_ALL);
    if (this.mode === 'stop-and-copy') this.resume();
    this.ports.note('drain', `snapshot '${this.name}': every page is kept; ${this.queue.heldBytes} bytes are still to be written`);
    this.pump();
  }

  // ── Compressor and writer ─────────────────────────────────────────────────────────────────────

  private isBusy(): boolean {
    return this.compressing !== undefined || this.writing === 'pages' || this.queue.raw.count > 0 || this.queue.coded.count > 0;
  }

  /** Whatever can begin, begins. Within events only. */
  private pump(): void {
    if (!this.active()) return;
    if (this.mode === 'synchronous') this.takeWanted();
    this.compress();
    this.writePages();
    if (this.state === 'draining' && this.writing === undefined && !this.isBusy()) this.writeTrailer();
    this.picture.paintFlow(this);
  }

  /** Synchronous: one page at a time; those that a guest waits for come first. */
  private takeWanted(): void {
    if (this.isBusy() || this.state !== 'capturing') return;
    for (let page = this.wanted.shift(); page !== undefined; page = this.wanted.shift()) {
      if (this.pageState[page] !== captureState.protected) continue;
      this.take(page, 'fault');
      return;
    }
  }

  private compress(): void {
    if (this.compressing !== undefined) return;
    if (this.settings.codec === codecChoice.none) {
      for (let item = this.queue.raw.shift(); item !== undefined; item = this.queue.raw.shift()) {
        this.queue.coded.push(item);
      }
      return;
    }
    const item = this.queue.raw.shift();
    if (item === undefined) return;
    this.compressing = item;
    const deflates = this.settings.codec === codecChoice.deflate && !isZero(item.payload);
    const costNs = snapshotCostNs['zero-test'] + (deflates ? snapshotCostNs.deflate : 0);
    this.ports.schedule(this.ports.now() + costNs, 'compressed', this.serial, deflates ? 1 : 0);
  }

  private onCompressed(deflates: boolean): void {
    const item = this.compressing;
    if (item === undefined) return;
    this.compressing = undefined;
    if (isZero(item.payload)) {
      this.queue.give(item.payload.length);
      this.zeroCount++;
      this.mark(item.page, pageMark.leftOut);
      this.onStored(item.page);
    } else {
      const small = deflates ? deflateSync(item.payload, { level: 1 }) : item.payload;
      const isSmaller = small.length < item.payload.length;
      this.queue.give(isSmaller ? item.payload.length - small.length : 0);
      this.queue.coded.push(isSmaller ? { ...item, codec: pageCodec.deflate, payload: small } : item);
    }
    this.onRoom();
  }

  private writePages(): void {
    if (this.writing !== undefined || this.queue.coded.count === 0) return;
    const records: Uint8Array[] = [];
    let byteCount = 0;
    while (byteCount < WRITE_BYTES_MAX) {
      const item = this.queue.coded.shift();
      if (item === undefined) break;
      this.inWrite.push(item);
      const record = encodePage(item.page, item.codec, item.payload);
      records.push(record);
      byteCount += record.length;
    }
    this.write('pages', records);
  }

  private write(what: Writing, records: readonly Uint8Array[]): void {
    assert(this.writing === undefined, 'one write is under way');
    this.writing = what;
    for (const record of records) digestRecord(this.digest, record);
    this.disk.append(this.partialName(), joinPieces(records), this.serial);
  }

  private writeTrailer(): void {
    assert(this.storedCount + this.zeroCount === this.pageState.length, 'every page is stored or left out');
    this.writing = 'trailer';
    const trailer = encodeTrailer({ stored: this.storedCount, zero: this.zeroCount }, this.digest);
    this.disk.append(this.partialName(), trailer, this.serial);
  }

  /** An operation of this snapshot's file is done. */
  onDiskDone(error: DiskError | undefined): void {
    if (!this.active()) return;
    if (error !== undefined) {
      this.abort(diskErrorSentence(error));
      return;
    }
    const done = this.writing;
    this.writing = undefined;
    switch (done) {
      case 'pages':
        for (const item of this.inWrite) {
          this.queue.give(item.payload.length);
          this.storedCount++;
          this.onStored(item.page);
        }
        this.inWrite = [];
        this.onRoom();
        return;
      case 'trailer':
        this.writing = 'sync';
        this.disk.sync(this.partialName(), this.serial);
        return;
      case 'sync':
        this.writing = 'name';
        this.disk.rename(this.partialName(), this.name);
        this.disk.sync(this.name, this.serial);
        return;
      case 'name':
        this.commit();
        return;
      default: // the beginning is there
        this.pump();
    }
  }

  private onStored(page: number): void {
    this.advance(page, captureState.stored);
    if (this.mode !== 'synchronous') return;
    this.open(page);
    this.wake(page);
  }

  /** Bytes were given back: who waits in a fault first, then the sweep. */
  private onRoom(): void {
    if (this.mode === 'live' && this.vmIsHere) this.serveStalled();
    if (this.mode === 'stop-and-copy' && this.state === 'capturing') this.fill();
    this.pump();
    if (this.sweepParked && this.state === 'capturing') {
      const mayGoOn = this.mode === 'live' ? this.queue.hasRoom('sweep') : !this.isBusy();
      if (mayGoOn) {
        this.sweepParked = false;
        this.ports.schedule(this.ports.now(), 'sweep', this.serial, 0);
      }
    }
    this.onSwept();
  }

  private serveStalled(): void {
    for (const vcpu of this.vm.vcpus) {
      const page = vcpu.waitsForPage;
      if (page < 0 || page === WAITS_FOR_ALL || this.pageState[page] !== captureState.protected) continue;
      if (!this.queue.hasRoom('fault')) return;
      this.faultCount++;
      this.take(page, 'fault');
      this.open(page);
      this.wake(page);
    }
  }

  /** vCPUs that wait for this page go on; a wait for room or for the disk is a stall. */
  private wake(page: number): void {
    if (!this.vmIsHere) return;
    for (const vcpu of this.vm.vcpus) {
      if (vcpu.waitsForPage === page) this.stallNs += this.ports.wake(vcpu);
    }
  }

  /** How long vCPUs that wait now have waited so far. */
  waitingNs(): number {
    const waiting = this.vmIsHere ? this.vm.vcpus.filter((vcpu) => vcpu.waitsForPage >= 0) : [];
    return waiting.reduce((sum, vcpu) => sum + Math.max(0, this.ports.now() - vcpu.waitsSinceNs), 0);
  }

  private onOpen(page: number): void {
    this.open(page);
    if (!this.vmIsHere) return;
    for (const vcpu of this.vm.vcpus) if (vcpu.waitsForPage === page) this.ports.wake(vcpu);
  }

  // ── Ends ──────────────────────────────────────────────────────────────────────────────────────

  private commit(): void {
    this.fileBytes = this.disk.list().find(({ name }) => name === this.name)?.byteCount ?? 0;
    this.state = 'committed';
    this.endedAtNs = this.ports.now();
    this.letGo();
    this.ports.note('committed', `snapshot '${this.name}': ${this.storedCount} pages stored, ${this.zeroCount} of zeroes left out, ${this.fileBytes} bytes`);
  }

  /** It cannot be completed: the file goes, every page is open, the VM runs on. */
  abort(reason: string): void {
    if (!this.active()) return;
    const stood = this.state === 'freezing' || (this.mode === 'stop-and-copy' && this.state === 'capturing');
    const wasNamed = this.writing === 'name';
    this.state = 'aborted';
    this.reason = reason;
    this.endedAtNs = this.ports.now();
    this.queue.clear();
    this.compressing = undefined;
    this.inWrite = [];
    this.disk.remove(wasNamed ? this.name : this.partialName());
    this.letGo();
    this.picture.paintAll(this);
    if (stood) this.resume();
    this.ports.note('aborted', `snapshot '${this.name}' is given up: ${reason}`);
  }

  /** No protection of this snapshot is left, and nobody waits for it. */
  private letGo(): void {
    if (!this.vmIsHere) return;
    const { protection } = this.vm.memory;
    if (this.mode !== 'stop-and-copy' && !protection.armed()) return;
    protection.disarm();
    for (const vcpu of this.vm.vcpus) {
      if (vcpu.waitsForPage >= 0) this.stallNs += this.ports.wake(vcpu);
    }
  }

  /** The VM leaves this host, or is gone. What is queued may still become a snapshot. */
  onVmLeaves(): void {
    if (!this.vmIsHere || !this.active()) return;
    if (this.holdsVm()) this.abort('the VM is gone from this host');
    else this.letGo();
    this.vmIsHere = false;
  }

  /** An event `<kind>` of this job. */
  onEvent(kind: string, value: number): void {
    if (!this.active()) return;
    switch (kind) {
      case 'resume':
        this.onResume();
        break;
      case 'sweep':
        this.onSweep();
        break;
      case 'compressed':
        this.onCompressed(value === 1);
        break;
      case 'open':
        this.onOpen(value);
        this.onSwept();
        break;
      case 'kick':
        this.pump();
        break;
      case 'room':
        this.onRoom();
        break;
      default:
        assert(false, `a snapshot knows its event ${kind}`);
    }
  }

  /** A knob of the queue was turned. */
  onSettings(): void {
    this.queue.capBytes = this.settings.queueBytes;
    this.queue.reservePercent = this.settings.reservePercent;
    if (this.active() && this.state !== 'freezing') this.ports.schedule(this.ports.now(), 'room', this.serial, 0);
  }

  /** Pages in the queue, in whatever stage. */
  queuedPages(): number {
    return this.queue.raw.count + (this.compressing === undefined ? 0 : 1) + this.queue.coded.count + this.inWrite.length;
  }

  /** Pages of the write under way, and when its bytes move. */
  transfer(): { readonly pageCount: number; readonly fromNs: number; readonly toNs: number } | undefined {
    const moves = this.writing === 'pages' ? this.disk.transferOf(this.serial) : undefined;
    return moves === undefined ? undefined : { pageCount: this.inWrite.length, ...moves };
  }

  /** What the screen shows. */
  told(): JobTold {
    return toldOf(this);
  }

  hashInto(hash: Hash64): void {
    hashText(hash, this.state);
    const { protectedCount, storedCount, zeroCount, stallNs, faultCount, retryCount, sweepAt } = this;
    for (const value of [this.serial, protectedCount, storedCount, zeroCount, stallNs, faultCount, retryCount, sweepAt, this.queue.heldBytes]) {
      hashInteger(hash, value);
    }
    for (const vcpu of this.vm.vcpus) hashInteger(hash, vcpu.waitsForPage);
  }
}
