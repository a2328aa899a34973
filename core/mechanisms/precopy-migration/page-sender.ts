/**
 * Puts the pages of a round into the stream: which are still to go, which are on their way, and a
 * digest of what was sent since the stop. Pages are read at the moment they enter the send buffer;
 * a write after that is the dirty log's matter. Pages of zeroes go as a mark only.
 */
import {
  assert,
  type Hash64,
  hashBytes,
  hashUint32,
  makeHash,
  PAGE_SIZE,
} from '../../base/index.ts';
import {
  encodeRecord,
  PAGE_RECORD_SIZE,
  RECORD_HEADER_SIZE,
  recordKind,
  type RecordKindName,
  writeRecordHeader,
} from '../../hypervisor/page-stream.ts';
import type { DiskPage } from '../../hypervisor/vm-disks.ts';
import type { MigrationHost, MigrationMemory, MigrationVm, StreamConnection } from './ports.ts';

/**
 * Room that pages leave in the send buffer, so that a record of control always fits. Unit: byte.
 */
export const CONTROL_BYTES = 4096;

const NOTHING = new Uint8Array(0);

/** Folds one record into the digest of a stop; both sides do the same. */
export function hashRecord(
  hash: Hash64,
  kind: number,
  argument: number,
  extra: number,
  payload: Uint8Array,
): void {
  hashUint32(hash, kind);
  hashUint32(hash, argument);
  hashUint32(hash, extra);
  hashBytes(hash, payload);
}

/** As {@link hashRecord}, of a page that stands in memory: sent from there, or just written there. */
export function hashPageRecord(hash: Hash64, memory: MigrationMemory, page: number): void {
  hashUint32(hash, recordKind.page);
  hashUint32(hash, page);
  memory.hashPage(page, hash);
}

export class PageSender {
  /** Pages of this round that are still to be sent. */
  pendingCount = 0;
  /** Pages sent as bytes, and as a mark of zeroes, since the start. */
  pagesSent = 0;
  pagesZero = 0;
  /** Covers pages, marks and records sent since {@link beginDigest}. */
  digest: Hash64 = makeHash();
  /** A bit a page. Filled by the caller through {@link load}. */
  readonly pending: Uint32Array;
  private readonly host: MigrationHost;
  private readonly vm: MigrationVm;
  private readonly connection: StreamConnection;
  /** Pages of disks that are still to go, and how many of them have gone. */
  private disks: readonly DiskPage[] = [];
  private diskNext = 0;
  private cursor = 0; //              page at which the search for the next pending one goes on
  private digesting = false;
  private readonly header = new Uint8Array(RECORD_HEADER_SIZE);
  /** Pages on their way, oldest first: end in the stream, and host frame. A ring. */
  private readonly flightEnds: Float64Array;
  private readonly flightFrames: Int32Array;
  private flightFirst = 0;
  private flightCount = 0;

  constructor(host: MigrationHost, vm: MigrationVm, connection: StreamConnection) {
    this.host = host;
    this.vm = vm;
    this.connection = connection;
    this.pending = new Uint32Array((vm.pageCount + 31) >>> 5);
    // A page can be on its way twice: sent in the last round and again after the stop.
    this.flightEnds = new Float64Array(2 * vm.pageCount);
    this.flightFrames = new Int32Array(2 * vm.pageCount);
  }

  /** Pages of memory and of disks that are still to go. */
  get leftCount(): number {
    return this.pendingCount + this.disks.length - this.diskNext;
  }

  /** Pages of memory and of disks that were written since they were loaded last; memory's log is armed. */
  dirtyCount(): number {
    return this.vm.memory.dirtyCount() + this.vm.disks.dirtyCount();
  }

  /** The logs are needed no more. */
  disarmLogs(): void {
    this.vm.memory.disarmLog();
    this.vm.disks.disarmLog();
  }

  /** Every page is to be sent: of the disks, every one that was ever written. */
  loadAll(): void {
    this.vm.disks.armLog();
    this.joinDisks();
    this.pending.fill(0xffffffff);
    const rest = this.vm.pageCount & 31;
    if (rest !== 0) this.pending[this.pending.length - 1] = 2 ** rest - 1;
    this.pendingCount = this.vm.pageCount;
    this.cursor = 0;
  }

  /** The dirty log becomes the set to send. Nothing may be left of the set before. */
  loadDirty(): void {
    assert(this.leftCount === 0, 'a round begins after the one before is sent');
    this.pendingCount = this.vm.memory.takeDirty(this.pending);
    this.joinDisks();
    this.cursor = 0;
  }

  /** The dirty log joins what is left to send (the stop in the middle of a round). */
  joinDirty(): void {
    const dirty = new Uint32Array(this.pending.length);
    this.vm.memory.takeDirty(dirty);
    this.joinDisks();
    this.pendingCount = 0;
    for (let index = 0; index < dirty.length; index++) {
      const word = (this.pending[index]! | dirty[index]!) >>> 0;
      this.pending[index] = word;
      this.pendingCount += bitCount(word);
    }
    this.cursor = 0;
  }

  /** What was written to the disks meanwhile joins what is left of them; a page goes once. */
  private joinDisks(): void {
    const left = this.disks.slice(this.diskNext);
    const known = new Set(left.map(({ disk, page }) => `${disk}:${page}`));
    const fresh = this.vm.disks.takeDirty().filter(({ disk, page }) => !known.has(`${disk}:${page}`));
    this.disks = [...left, ...fresh];
    this.diskNext = 0;
  }

  /** The digest starts anew and covers what is sent from now on. */
  beginDigest(): void {
    this.digest = makeHash();
    this.digesting = true;
  }

  endDigest(): void {
    this.digesting = false;
  }

  /**
   * Sends pending pages while the send buffer has room and less than `aheadBytes` is
   * unacknowledged. Gives how many pages went (marks included).
   */
  pump(aheadBytes: number): number {
    const { connection, vm } = this;
    const limit = connection.acknowledgedByteCount() + aheadBytes;
    let room = connection.sendSpace();
    let count = 0;
    while (
      this.leftCount > 0 &&
      room >= PAGE_RECORD_SIZE + CONTROL_BYTES &&
      connection.sentByteCount() < limit
    ) {
      if (this.diskNext < this.disks.length) {
        this.sendDiskPage(this.disks[this.diskNext++]!);
        count++;
        room -= PAGE_RECORD_SIZE;
        continue;
      }
      const page = this.nextPending();
      if (vm.memory.isZero(page)) {
        const run = this.zeroRun(page);
        this.sendRecord('zero', { argument: page, extra: run });
        this.pagesZero += run;
        count += run;
        room -= RECORD_HEADER_SIZE;
      } else {
        this.sendPage(page);
        count++;
        room -= PAGE_RECORD_SIZE;
      }
    }
    return count;
  }

  /** Records of the stopped VM, and the digest of all since the stop. False when there is no room yet. */
  sendFinalState(): boolean {
    const { vm } = this;
    const records = Array.from({ length: vm.vcpuCount }, (_, index) => vm.saveVcpu(index));
    const device = vm.deviceRecord();
    const size = records.reduce(
      (sum, record) => sum + RECORD_HEADER_SIZE + record.length,
      device.length + CONTROL_BYTES,
    );
    if (this.connection.sendSpace() < size) return false; // the next acknowledgement tries again
    for (const [argument, payload] of records.entries()) {
      this.sendRecord('vcpu', { argument, payload });
    }
    this.sendRecord('device', { payload: device });
    this.endDigest();
    const { low, high } = this.digest;
    this.sendRecord('final', { argument: low >>> 0, extra: high >>> 0 });
    return true;
  }

  /** Sends one record; the caller has looked for room. */
  sendRecord(
    kind: RecordKindName,
    values: {
      readonly argument?: number;
      readonly extra?: number;
      readonly payload?: Uint8Array;
    } = {},
  ): void {
    const record = encodeRecord(kind, values);
    if (this.digesting) {
      hashRecord(
        this.digest,
        recordKind[kind],
        values.argument ?? 0,
        values.extra ?? 0,
        values.payload ?? NOTHING,
      );
    }
    const taken = this.connection.send(record);
    assert(taken === record.length, 'a record fits the send buffer');
  }

  /** Pages whose bytes the peer has are no longer in flight. */
  onAcknowledged(): void {
    const acknowledged = this.connection.acknowledgedByteCount();
    while (this.flightCount > 0 && this.flightEnds[this.flightFirst]! <= acknowledged) {
      this.host.markInFlight(this.flightFrames[this.flightFirst]!, false);
      this.dropFirst();
    }
  }

  /** No page is in flight any more (the stream is over). */
  clearFlight(): void {
    while (this.flightCount > 0) {
      this.host.markInFlight(this.flightFrames[this.flightFirst]!, false);
      this.dropFirst();
    }
  }

  /** The content as it is now: what is written later is in the log. */
  private sendDiskPage(place: DiskPage): void {
    const payload = this.vm.disks.readPage(place);
    assert(payload !== undefined, 'a page of a disk that is sent was written');
    this.sendRecord('disk', { argument: place.page, extra: place.disk, payload });
    this.pagesSent++;
  }

  private sendPage(page: number): void {
    const { memory } = this.vm;
    const bytes = memory.readPage(page);
    assert(bytes !== undefined, 'a page that is not zero has a frame');
    writeRecordHeader(this.header, 0, {
      kind: recordKind.page,
      argument: page,
      extra: 0,
      payloadSize: PAGE_SIZE,
    });
    if (this.digesting) hashPageRecord(this.digest, memory, page);
    const taken = this.connection.send(this.header) + this.connection.send(bytes);
    assert(taken === PAGE_RECORD_SIZE, 'a page record fits the send buffer');
    this.pagesSent++;
    this.clearPending(page);
    const frame = memory.frameOf(page);
    if (this.flightCount === this.flightEnds.length) return; // only a colour on the screen is lost
    const slot = (this.flightFirst + this.flightCount) % this.flightEnds.length;
    this.flightEnds[slot] = this.connection.sentByteCount();
    this.flightFrames[slot] = frame;
    this.host.markInFlight(frame, true);
    this.flightCount++;
  }

  /**
   * How many pending pages in a row, from `first`, hold only zeroes; they leave the set. At most
   * 512.
   */
  private zeroRun(first: number): number {
    let run = 0;
    while (run < 512 && first + run < this.vm.pageCount) {
      const page = first + run;
      const wanted = (this.pending[page >>> 5]! >>> (page & 31)) & 1;
      if (wanted === 0 || (run > 0 && !this.vm.memory.isZero(page))) break;
      this.clearPending(page);
      run++;
    }
    return run;
  }

  private nextPending(): number {
    let word = this.cursor >>> 5;
    while (this.pending[word] === 0) word++;
    const bits = this.pending[word]!;
    this.cursor = word * 32 + (31 - Math.clz32(bits & -bits));
    assert(this.cursor < this.vm.pageCount, 'a pending page exists');
    return this.cursor;
  }

  private clearPending(page: number): void {
    this.pending[page >>> 5] = (this.pending[page >>> 5]! & ~(1 << (page & 31))) >>> 0;
    this.pendingCount--;
  }

  private dropFirst(): void {
    this.flightFirst = (this.flightFirst + 1) % this.flightEnds.length;
    this.flightCount--;
  }
}

/** Bits set in a 32-bit word. */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
