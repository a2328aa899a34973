/**
 * A host's disk and the flat file system on it, in virtual time: one queue, a bandwidth, a latency an
 * operation, a capacity, and a crash model. Bytes are real. An operation's effect is on the disk when
 * it is done; what was not synced before power is lost survives in part: whole sectors from the front
 * of what was appended, as many as chance has it (a torn tail), and a name that was not synced may be
 * lost. State is plain records; the queue's head is an event of the owner.
 *
 * Left out: overwriting in place (files are appended, read, renamed and removed), several queues,
 * directories, wear, an elevator. Standard: what POSIX promises of append, fsync and rename, no more.
 */
import { assert, makePrng, nextBelow, NS_PER_SECOND, type Prng } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';

/** Unit in which a torn write survives. Unit: byte. NVMe and SATA disks write a sector whole or not. */
export const SECTOR_SIZE = 512;
/** A transfer is computed in pieces of this size, so that bytes × ns stay below 2^53. */
const PIECE_BYTES = 1 << 22;
/** What a file costs besides its bytes. Unit: byte. */
const FILE_OVERHEAD = 4096;
/** Files at most; more is a leak. */
const FILES_MAX = 10_000;

/** What can be turned while it works. */
export interface DiskSettings {
  bandwidthBytesPerSecond: number;
  latencyNs: number; //        before the bytes of each operation move
  capacityBytes: number;
}

/** Why an operation failed. */
export type DiskError =
  | { readonly kind: 'no-space'; readonly atByte: number; readonly capacityBytes: number }
  | { readonly kind: 'write-error'; readonly atByte: number }
  | { readonly kind: 'power-loss' };

/** One sentence, without a full stop. */
export function diskErrorSentence(error: DiskError): string {
  switch (error.kind) {
    case 'no-space':
      return `the disk is full at byte ${error.atByte} of the file (capacity ${error.capacityBytes} bytes)`;
    case 'write-error':
      return `the disk reported a write error at byte ${error.atByte} of the file`;
    case 'power-loss':
      return 'the host lost power';
  }
}

/** Who is told when operations are done. An object with fields, for checkpoints. */
export interface DiskClient {
  /** The operation that was asked for with `ticket` is done, or has failed. */
  onDiskDone(ticket: number, error: DiskError | undefined): void;
}

/** What the disk needs of its host. */
export interface DiskPorts {
  /** When what happens now takes effect. Unit: ns. */
  effectNs(): number;
  /** An event for {@link HostDisk.onEvent} at `timeNs`. */
  scheduleDisk(timeNs: number): void;
}

interface File {
  name: string;
  chunks: Uint8Array[]; //     never changed once they are here
  byteCount: number;
  syncedBytes: number; //      survive a crash
  nameSynced: boolean; //      the present name survives a crash
  syncedName: string; //       what the name is after a crash, '' = none
}

type Operation =
  | { readonly kind: 'append'; readonly file: File; readonly bytes: Uint8Array; readonly ticket: number }
  | { readonly kind: 'sync'; readonly file: File; readonly ticket: number }
  | { readonly kind: 'read'; readonly file: File; readonly ticket: number };

/** A file as a listing shows it. */
export interface FileEntry {
  readonly name: string;
  readonly byteCount: number;
  readonly synced: boolean;
}

/** See the file's head. */
export class HostDisk {
  static readonly [checkpointRules]: CheckpointRules = {
    files: { '*': { chunks: 'values' } },
    queue: { '*': { bytes: 'value' } },
  };
  readonly settings: DiskSettings;
  /** The next append after this many bytes in all (of every file) fails half-way; Infinity = none. */
  failAfterBytes = Infinity;
  writtenBytes = 0; //         by appends, since the disk was made
  readBytes = 0;
  operationCount = 0;
  private files: File[] = [];
  private queue: Operation[] = [];
  private readonly client: DiskClient;
  private readonly ports: DiskPorts;
  private readonly prng: Prng;
  private headDueNs = -1; //   when the queue's head is done, −1 = the queue is empty
  private headFromNs = -1; //  when its bytes began to move
  private remainder = 0; //    of the transfer time, in byte·ns below one bandwidth unit

  constructor(
    settings: DiskSettings,
    options: { readonly client: DiskClient; readonly ports: DiskPorts; readonly seed: number; readonly stream: number },
  ) {
    this.settings = { ...settings };
    this.client = options.client;
    this.ports = options.ports;
    this.prng = makePrng({ seed: options.seed, stream: options.stream });
  }

  // ── Operations ────────────────────────────────────────────────────────────────────────────────

  /** Makes an empty file; false when the name is taken. Its name is lost in a crash until it is synced. */
  create(name: string): boolean {
    assert(name !== '' && this.files.length < FILES_MAX, 'a file has a name');
    if (this.find(name) !== undefined) return false;
    this.files.push({
      name, chunks: [], byteCount: 0, syncedBytes: 0, nameSynced: false, syncedName: '',
    });
    return true;
  }

  /** Appends bytes (kept by reference: the caller does not change them). Done in order of asking. */
  append(name: string, bytes: Uint8Array, ticket: number): void {
    this.ask({ kind: 'append', file: this.get(name), bytes, ticket });
  }

  /** All that was appended before survives a crash once this is done, and so does the present name. */
  sync(name: string, ticket: number): void {
    this.ask({ kind: 'sync', file: this.get(name), ticket });
  }

  /** Takes the time of reading the whole file. */
  read(name: string, ticket: number): void {
    this.ask({ kind: 'read', file: this.get(name), ticket });
  }

  /** Gives a file another name at once, in one piece; it survives a crash after the next sync. */
  rename(name: string, to: string): void {
    assert(this.find(to) === undefined, 'a file is not renamed over another');
    const file = this.get(name);
    file.name = to;
    file.nameSynced = false;
  }

  /** Removes a file at once and gives its bytes back. What is queued for it is never done. */
  remove(name: string): void {
    const file = this.get(name);
    this.files = this.files.filter((it) => it !== file);
    const [head, ...rest] = this.queue;
    // The head's transfer runs on: the disk is busy with it, though nobody is told.
    const isKept = (it: Operation) => it.file !== file;
    this.queue = head === undefined ? [] : [head, ...rest.filter(isKept)];
  }

  // ── What is there ─────────────────────────────────────────────────────────────────────────────

  list(): FileEntry[] {
    return this.files.map((file) => ({
      name: file.name,
      byteCount: file.byteCount,
      synced: file.nameSynced && file.syncedBytes === file.byteCount,
    }));
  }

  /** The bytes of a file in pieces, in order; undefined when there is none. They are not changed. */
  content(name: string): readonly Uint8Array[] | undefined {
    return this.find(name)?.chunks;
  }

  usedBytes(): number {
    return this.files.reduce((sum, file) => sum + file.byteCount + FILE_OVERHEAD, 0);
  }

  /** Bytes of appends that are not done. */
  queuedBytes(): number {
    return this.queue.reduce((sum, it) => sum + (it.kind === 'append' ? it.bytes.length : 0), 0);
  }

  /** Operations that are not done. */
  queueLength(): number {
    return this.queue.length;
  }

  /** When the bytes of the operation under way move, if it was asked for with `ticket`. Unit: ns. */
  transferOf(ticket: number): { readonly fromNs: number; readonly toNs: number } | undefined {
    const isUnderWay = this.headDueNs >= 0 && this.queue[0]?.ticket === ticket;
    return isUnderWay ? { fromNs: this.headFromNs, toNs: this.headDueNs } : undefined;
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────

  /** The event that was scheduled for the head of the queue. An older event is ignored. */
  onEvent(now: number): void {
    if (this.headDueNs !== now) return;
    const operation = this.queue.shift();
    assert(operation !== undefined, 'an operation is under way');
    this.headDueNs = -1;
    const error = this.finish(operation);
    if (this.queue.length > 0) this.begin(now);
    if (this.files.includes(operation.file)) this.client.onDiskDone(operation.ticket, error);
  }

  /** Power is lost: files keep what was synced and a torn tail; nobody is told of what was queued. */
  crash(): void {
    this.queue = [];
    this.headDueNs = -1;
    this.files = this.files.filter((file) => this.survives(file));
    for (const file of this.files) this.tear(file);
  }

  private survives(file: File): boolean {
    if (file.nameSynced) return true;
    // A rename that was not synced is undone, or not; a file that never was synced is lost, or not.
    const keepsNew = nextBelow(this.prng, 2) === 1;
    if (!keepsNew && file.syncedName === '') return false;
    if (!keepsNew) file.name = file.syncedName;
    file.nameSynced = true;
    file.syncedName = file.name;
    return true;
  }

  /** Cuts a file to what was synced and some whole sectors more. */
  private tear(file: File): void {
    const first = Math.ceil(file.syncedBytes / SECTOR_SIZE);
    const sectors = Math.floor(file.byteCount / SECTOR_SIZE) - first;
    const kept = sectors > 0 ? first + nextBelow(this.prng, sectors + 1) : 0;
    const byteCount = Math.max(file.syncedBytes, kept * SECTOR_SIZE);
    const chunks: Uint8Array[] = [];
    let left = byteCount;
    for (const chunk of file.chunks) {
      if (left <= 0) break;
      chunks.push(chunk.length <= left ? chunk : chunk.slice(0, left));
      left -= chunk.length;
    }
    file.chunks = chunks;
    file.byteCount = byteCount;
    file.syncedBytes = byteCount;
  }

  private ask(operation: Operation): void {
    this.queue.push(operation);
    if (this.queue.length === 1) this.begin(this.ports.effectNs());
  }

  /** The head of the queue starts at `now`. */
  private begin(now: number): void {
    const head = this.queue[0]!;
    const bytes = head.kind === 'append' ? head.bytes.length : head.kind === 'read' ? head.file.byteCount : 0;
    const transferNs = this.transferNs(bytes);
    this.headFromNs = now + Math.max(1, Math.round(this.settings.latencyNs));
    this.headDueNs = this.headFromNs + transferNs;
    this.ports.scheduleDisk(this.headDueNs);
  }

  /** Time on the bus, with the remainder carried from one operation to the next. */
  private transferNs(byteCount: number): number {
    const rate = Math.max(1, Math.round(this.settings.bandwidthBytesPerSecond));
    let totalNs = 0;
    for (let left = byteCount; left > 0; left -= PIECE_BYTES) {
      const work = Math.min(left, PIECE_BYTES) * NS_PER_SECOND + this.remainder;
      const pieceNs = Math.floor(work / rate);
      this.remainder = work - pieceNs * rate;
      totalNs += pieceNs;
    }
    return totalNs;
  }

  private finish(operation: Operation): DiskError | undefined {
    const { file } = operation;
    this.operationCount++;
    switch (operation.kind) {
      case 'append':
        return this.finishAppend(file, operation.bytes);
      case 'sync':
        file.syncedBytes = file.byteCount;
        file.nameSynced = true;
        file.syncedName = file.name;
        return undefined;
      case 'read':
        this.readBytes += file.byteCount;
        return undefined;
    }
  }

  /** As many bytes as fit and the disk takes are there afterwards, also when it fails. */
  private finishAppend(file: File, bytes: Uint8Array): DiskError | undefined {
    if (!this.files.includes(file)) return undefined;
    const room = Math.max(0, this.settings.capacityBytes - this.usedBytes());
    const untilFault = Math.max(0, this.failAfterBytes - this.writtenBytes);
    const count = Math.min(bytes.length, room, untilFault);
    if (count > 0) file.chunks.push(count === bytes.length ? bytes : bytes.slice(0, count));
    file.byteCount += count;
    this.writtenBytes += count;
    if (count === bytes.length) return undefined;
    const atByte = file.byteCount;
    if (untilFault <= room) {
      this.failAfterBytes = Infinity; // one sector is bad, and is mapped away
      return { kind: 'write-error', atByte };
    }
    return { kind: 'no-space', atByte, capacityBytes: this.settings.capacityBytes };
  }

  private find(name: string): File | undefined {
    return this.files.find((file) => file.name === name);
  }

  private get(name: string): File {
    const file = this.find(name);
    assert(file !== undefined, `there is a file ${name}`);
    return file;
  }

  /** What decides the disk's future, as integers: for the run hash. */
  fingerprint(): readonly number[] {
    const { headDueNs, writtenBytes, readBytes, operationCount, remainder } = this;
    return [this.files.length, this.queue.length, headDueNs, writtenBytes, readBytes, operationCount, remainder];
  }
}
