/**
 * A disk: requests of 512-byte sectors over an image. Requests are served in order; with a latency,
 * each is done that long after the one before it, in virtual time, and its bytes move then.
 * Without VIRTIO_BLK_F_FLUSH agreed on, each write is flushed before it is reported (§5.2.5.2).
 * Left out: topology, several queues, lifetime, secure erase, zoned disks, changing the cache mode.
 * Standard: VIRTIO 1.2 §5.2.
 */
import { assert } from '../../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type RecordError, type RecordShape, wrongField } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import type { BlockImage, ImageOutcome } from '../../formats/index.ts';
import type { VirtioCore, VirtioDevice } from './core.ts';
import type { Chain } from './queue.ts';

/** Feature bits (§5.2.3). */
export const blockFeature = {
  sizeMax: 1, segmentsMax: 2, readOnly: 5, blockSize: 6, flush: 9, discard: 13, writeZeroes: 14,
} as const;
/** Request types (§5.2.6). */
export const blockRequest = { read: 0, write: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
/** Status bytes (§5.2.6). */
export const blockStatus = { ok: 0, error: 1, unsupported: 2 } as const;

const SECTOR = 512;
const QUEUE_SIZE = 256;
const HEADER_BYTES = 16;
/** Segments of a request at most, and bytes of each: together at most what a chain may hold. */
const SEGMENTS_MAX = 126;
const SEGMENT_BYTES_MAX = 1 << 16;
/** Sectors of one discard or write zeroes at most (32 MiB), and ranges of one request. */
const RANGE_SECTORS_MAX = 1 << 16;
const RANGES_MAX = 16;
const RANGE_BYTES = 16;
const ID_BYTES = 20;
const CONFIG_BYTES = 60;
const UNMAP = 1;

const RECORD = {
  name: 'block', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'sectors',      width: 'u53', since: 1 }, // of the disk: another has other content
    { name: 'reads',        width: 'u53', since: 1 },
    { name: 'writes',       width: 'u53', since: 1 },
    { name: 'flushes',      width: 'u53', since: 1 },
    { name: 'discards',     width: 'u53', since: 1 },
    { name: 'readBytes',    width: 'u53', since: 1 },
    { name: 'writtenBytes', width: 'u53', since: 1 },
    { name: 'errors',       width: 'u53', since: 1 },
  ],
  // biome-ignore format: a table, one row a line
  lists: [{ name: 'inFlight', since: 1, max: QUEUE_SIZE, rows: [ // in their order
    { name: 'head',  width: 'u16', since: 1, max: QUEUE_SIZE - 1 },
    { name: 'dueNs', width: 'u53', since: 1 }, // virtual time at which it is done
  ] }],
} as const satisfies RecordShape;

/** What a disk is made from. */
export interface BlockOptions {
  readonly image: BlockImage;
  /** At most 20 ASCII characters: what GET_ID gives. */
  readonly serial?: string;
  /** Time of one request beyond the one before. 0 when not given: done at once. Unit: ns. */
  readonly latencyNs?: number;
  /** Virtual time now, for the latency. Unit: ns. */
  readonly nowNs?: () => number;
}

/** Counters since the device was made. */
export interface BlockCounters {
  reads: number;
  writes: number;
  flushes: number;
  discards: number;
  readBytes: number;
  writtenBytes: number;
  errors: number;
}

/** See the file's head. */
export class VirtioBlock implements VirtioDevice {
  static readonly [checkpointRules]: CheckpointRules = { nowNs: 'outside' };
  readonly name = 'block';
  readonly deviceId = 2;
  readonly featureBits: readonly number[];
  readonly queueSizes = [QUEUE_SIZE];
  readonly counters: BlockCounters = { reads: 0, writes: 0, flushes: 0, discards: 0, readBytes: 0, writtenBytes: 0, errors: 0 };
  private readonly image: BlockImage;
  private readonly serial: string;
  private readonly latencyNs: number;
  private readonly nowNs: () => number;
  private core: VirtioCore | undefined;
  /** Requests under way, in their order: first descriptor and when each is done. */
  private inFlight: { readonly head: number; readonly dueNs: number }[] = [];

  constructor(options: BlockOptions) {
    this.image = options.image;
    this.serial = options.serial ?? 'glasshouse';
    this.latencyNs = options.latencyNs ?? 0;
    assert(this.latencyNs === 0 || options.nowNs !== undefined, 'a disk with a latency has a clock');
    this.nowNs = options.nowNs ?? (() => 0);
    const { sizeMax, segmentsMax, readOnly, blockSize, flush, discard, writeZeroes } = blockFeature;
    const bits = [sizeMax, segmentsMax, blockSize, flush];
    this.featureBits = this.image.isReadOnly ? [...bits, readOnly] : [...bits, discard, writeZeroes];
  }

  /** Whole sectors of the disk: a last part of one is out of reach. */
  get sectors(): number {
    return Math.floor(this.image.byteCount / SECTOR);
  }

  /** When the first request under way is done; Infinity: none is, or it waits for pages or a reset. Unit: ns. */
  get dueNs(): number {
    const { core } = this;
    if (core === undefined || !core.isLive() || core.isStalled()) return Infinity;
    return this.inFlight[0]?.dueNs ?? Infinity;
  }

  attach(core: VirtioCore): void {
    this.core = core;
  }

  /** §5.2.4. */
  config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.sectors % 2 ** 32, true);
    view.setUint32(4, Math.floor(this.sectors / 2 ** 32), true);
    view.setUint32(8, SEGMENT_BYTES_MAX, true);
    view.setUint32(12, SEGMENTS_MAX, true);
    view.setUint32(20, SECTOR, true);
    view.setUint8(32, 1); // writeback
    view.setUint16(34, 1, true); // queues
    if (this.image.isReadOnly) return bytes;
    view.setUint32(36, RANGE_SECTORS_MAX, true);
    view.setUint32(40, RANGES_MAX, true);
    view.setUint32(44, 1, true);
    view.setUint32(48, RANGE_SECTORS_MAX, true);
    view.setUint32(52, RANGES_MAX, true);
    view.setUint8(56, 1); // write zeroes may unmap
    return bytes;
  }

  writeConfig(): void {
    // The cache mode alone could be written, and that feature is not offered.
  }

  onReset(): void {
    this.inFlight = [];
  }

  onNotify(queue: number): void {
    const core = this.core!;
    if (this.latencyNs === 0) {
      core.drain(queue, (chain) => this.serve(core, chain));
      return;
    }
    for (let count = this.inFlight.length; count < core.queues[queue]!.size; count++) {
      const chain = core.peek(queue);
      if (chain === undefined || !core.take(queue)) return;
      const startNs = Math.max(this.nowNs(), this.inFlight.at(-1)?.dueNs ?? 0);
      this.inFlight.push({ head: chain.head, dueNs: startNs + this.latencyNs });
    }
  }

  /** Does the requests that are due. What cannot touch its pages yet stays due. */
  service(nowNs: number): void {
    const core = this.core!;
    let done = 0;
    while (core.isLive() && this.dueNs <= nowNs) {
      // The chain is read anew: descriptors belong to the device until they are returned.
      const chain = core.chainAt(0, this.inFlight[0]!.head);
      if (chain === undefined) break;
      this.inFlight.shift();
      const written = this.serve(core, chain);
      if (written === undefined || !core.put(0, chain.head, written)) break;
      done++;
    }
    if (done === 0) return;
    core.signal(0);
    core.notify(0);
  }

  /** Serves one request; gives the bytes written to guest memory, undefined after a fault. */
  private serve(core: VirtioCore, chain: Chain): number | undefined {
    const header = core.read(chain, 0, HEADER_BYTES);
    if (header === undefined) return undefined;
    if (header.length < HEADER_BYTES || chain.writableBytes < 1) {
      core.fail('a block request lacks its header or its status byte');
      return undefined;
    }
    const view = new DataView(header.buffer);
    const type = view.getUint32(0, true);
    const sector = view.getUint32(12, true) * 2 ** 32 + view.getUint32(8, true);
    const room = chain.writableBytes - 1; // the last byte is the status
    const result = this.perform(core, chain, { type, offset: sector * SECTOR, room });
    if (result === undefined) return undefined;
    if (result.status !== blockStatus.ok) this.counters.errors++;
    if (!core.write(chain, room, new Uint8Array([result.status]))) return undefined;
    // What precedes the status in memory counts as written only where it was (§2.7.8).
    return result.written === room ? room + 1 : result.written;
  }

  private perform(core: VirtioCore, chain: Chain, request: Request): Reply | undefined {
    const { type, offset, room } = request;
    switch (type) {
      case blockRequest.read:
        return this.read(core, chain, offset, room);
      case blockRequest.write: {
        const bytes = core.read(chain, HEADER_BYTES, chain.readableBytes - HEADER_BYTES);
        if (bytes === undefined) return undefined;
        if (!this.isOnDisk(offset, bytes.length) || bytes.length === 0) return FAILED;
        this.counters.writes++;
        this.counters.writtenBytes += bytes.length;
        return this.settle(core, this.image.write(offset, bytes));
      }
      case blockRequest.flush:
        this.counters.flushes++;
        return reply(this.image.flush());
      case blockRequest.getId: {
        const id = new Uint8Array(Math.min(ID_BYTES, room));
        for (let at = 0; at < Math.min(id.length, this.serial.length); at++) id[at] = this.serial.charCodeAt(at) & 127;
        return core.write(chain, 0, id) ? { status: blockStatus.ok, written: id.length } : undefined;
      }
      case blockRequest.discard:
      case blockRequest.writeZeroes: {
        const bytes = core.read(chain, HEADER_BYTES, chain.readableBytes - HEADER_BYTES);
        return bytes === undefined ? undefined : this.ranges(core, bytes, type === blockRequest.discard);
      }
      default:
        return UNSUPPORTED;
    }
  }

  private read(core: VirtioCore, chain: Chain, offset: number, room: number): Reply | undefined {
    if (!this.isOnDisk(offset, room) || room === 0) return FAILED;
    const bytes = new Uint8Array(room);
    if (!this.image.read(offset, bytes).ok) return FAILED;
    this.counters.reads++;
    this.counters.readBytes += room;
    return core.write(chain, 0, bytes) ? { status: blockStatus.ok, written: room } : undefined;
  }

  /** Discard and write zeroes: a list of ranges (§5.2.6.2). */
  private ranges(core: VirtioCore, bytes: Uint8Array, discards: boolean): Reply {
    if (this.image.isReadOnly) return FAILED;
    const count = bytes.length / RANGE_BYTES;
    if (!Number.isInteger(count) || count < 1 || count > RANGES_MAX) return FAILED;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.counters.discards++;
    let outcome: ImageOutcome = { ok: true, value: true };
    for (let at = 0; at < bytes.length && outcome.ok; at += RANGE_BYTES) {
      const offset = (view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)) * SECTOR;
      const sectors = view.getUint32(at + 8, true);
      const flags = view.getUint32(at + 12, true);
      if ((flags & ~UNMAP) !== 0 || (discards && flags !== 0)) return UNSUPPORTED;
      if (sectors > RANGE_SECTORS_MAX || !this.isOnDisk(offset, sectors * SECTOR)) return FAILED;
      outcome = discards
        ? this.image.discard(offset, sectors * SECTOR)
        : this.image.writeZeroes(offset, sectors * SECTOR, flags === UNMAP);
    }
    return this.settle(core, outcome);
  }

  /** A change is done; a driver that never flushes is promised that it lasts. */
  private settle(core: VirtioCore, outcome: ImageOutcome): Reply {
    return reply(outcome.ok && !core.has(blockFeature.flush) ? this.image.flush() : outcome);
  }

  private isOnDisk(offset: number, byteCount: number): boolean {
    return byteCount % SECTOR === 0 && offset + byteCount <= this.sectors * SECTOR;
  }

  /** Requests under way are in it, not in the image: whoever loads it does them, and nobody else may. */
  saveRecord(): Uint8Array {
    return encodeRecord(RECORD, { sectors: this.sectors, ...this.counters, inFlight: this.inFlight });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { sectors, inFlight, ...counters } = read.value;
    if (sectors !== this.sectors) return wrongField(RECORD, 'sectors', sectors);
    if (this.latencyNs === 0 && inFlight.length > 0) return wrongField(RECORD, 'inFlight', inFlight.length);
    const back = inFlight.find(({ dueNs }, index) => index > 0 && dueNs < inFlight[index - 1]!.dueNs);
    if (back !== undefined) return wrongField(RECORD, 'dueNs', back.dueNs);
    return ok(() => {
      Object.assign(this.counters, counters);
      this.inFlight = inFlight.map(({ head, dueNs }) => ({ head, dueNs }));
    });
  }
}

interface Request {
  readonly type: number;
  readonly offset: number;
  /** Bytes that may be written before the status byte. */
  readonly room: number;
}

interface Reply {
  readonly status: number;
  readonly written: number;
}

const FAILED: Reply = { status: blockStatus.error, written: 0 };
const UNSUPPORTED: Reply = { status: blockStatus.unsupported, written: 0 };

function reply(outcome: ImageOutcome): Reply {
  return outcome.ok ? { status: blockStatus.ok, written: 0 } : FAILED;
}
