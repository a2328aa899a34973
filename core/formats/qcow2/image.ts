/**
 * A qcow2 image as a disk: guest clusters found through L1 and L2 tables, written copy on write where
 * a backing file, a snapshot or a compressed cluster holds the content. The order of writes is content,
 * then counts, then the entry that refers to it: a crash leaks clusters, and no more.
 * Left out (refused by name when opened): encryption, external data, extended L2, zstd. Read only with
 * the reason told: images marked dirty or corrupt, or with bitmaps that a write would make stale.
 * Standard: QEMU, docs/interop/qcow2.txt, "Cluster mapping", "Snapshots".
 */
import { Inflate } from 'fflate';
import { err, ok, type Result } from '../../base/result.ts';
import {
  type BlockImage,
  type ByteStore,
  checkRange,
  DONE,
  type ImageError,
  type ImageOutcome,
} from '../byte-store.ts';
import { decodeEntry, type L2Entry, ZERO_FLAG } from './entry.ts';
import { incompatible, type Qcow2Error, type Qcow2Header, readQcow2Header } from './header.ts';
import { Refcounts } from './refcounts.ts';
import { TableCache } from './table-cache.ts';

/** How an image is opened. `backing` is there when the header names one. */
export interface Qcow2Options {
  readonly readOnly?: boolean;
  readonly backing?: BlockImage;
}

function readOnlyReason(header: Qcow2Header, wanted: boolean): string {
  if (wanted) return 'it was opened so';
  if (header.incompatibleFeatures & incompatible.dirty) return 'it was not closed cleanly (its dirty bit is set)';
  if (header.incompatibleFeatures & incompatible.corrupt) return 'it is marked as corrupt';
  if (header.hasBitmaps) return 'its persistent bitmaps would become stale';
  return '';
}

/** Opens one image; a chain of backing files is opened by openQcow2Chain. Never throws. */
export function openQcow2(store: ByteStore, options: Qcow2Options = {}): Result<Qcow2Image, Qcow2Error> {
  const header = readQcow2Header(store);
  if (!header.ok) return header;
  const { backingName, l1Offset, l1Entries } = header.value;
  if (backingName !== undefined && options.backing === undefined) {
    return err({ kind: 'no-backing', name: backingName });
  }
  const l1 = new Uint8Array(l1Entries * 8);
  const refcounts = Refcounts.open(store, {
    clusterBits: header.value.clusterBits,
    order: header.value.refcountOrder,
    tableOffset: header.value.refcountTableOffset,
    tableClusters: header.value.refcountTableClusters,
    l1Offset,
    l1Bytes: l1.length,
  });
  if (refcounts === undefined || !store.read(l1Offset, l1)) {
    return err({ kind: 'image', error: { kind: 'store-failed', offset: l1Offset, access: 'read' } });
  }
  return ok(new Qcow2Image(store, header.value, { l1, refcounts }, options));
}

/** Visits the pieces of a byte range that lie within one cluster each. */
type PieceVisitor = (cluster: number, within: number, at: number, count: number) => ImageOutcome;

/** See the file's head. Made by {@link openQcow2}. */
export class Qcow2Image implements BlockImage {
  readonly byteCount: number;
  readonly header: Qcow2Header;
  readonly refusesWrites: string;
  private readonly store: ByteStore;
  private readonly backing: BlockImage | undefined;
  private readonly clusterBytes: number;
  private readonly l1: Uint8Array;
  private readonly l2Tables: TableCache;
  private readonly refcounts: Refcounts;
  private autoclearIsDue: boolean;

  constructor(
    store: ByteStore,
    header: Qcow2Header,
    tables: { readonly l1: Uint8Array; readonly refcounts: Refcounts },
    options: Qcow2Options,
  ) {
    this.store = store;
    this.header = header;
    this.byteCount = header.diskBytes;
    this.backing = options.backing;
    this.refusesWrites = readOnlyReason(header, options.readOnly ?? false);
    this.clusterBytes = 2 ** header.clusterBits;
    this.l1 = tables.l1;
    this.refcounts = tables.refcounts;
    this.l2Tables = new TableCache(store, this.clusterBytes);
    this.autoclearIsDue = header.hasAutoclearFeatures;
  }

  get isReadOnly(): boolean {
    return this.refusesWrites !== '';
  }

  read(offset: number, into: Uint8Array): ImageOutcome {
    const range = checkRange(this.byteCount, offset, into.length);
    if (!range.ok) return range;
    return this.eachPiece(offset, into.length, (cluster, within, at, count) =>
      this.readPiece(cluster, within, into.subarray(at, at + count)),
    );
  }

  write(offset: number, bytes: Uint8Array): ImageOutcome {
    const ready = this.prepareWrite(offset, bytes.length);
    if (!ready.ok) return ready;
    return this.eachPiece(offset, bytes.length, (cluster, within, at, count) =>
      this.writePiece(cluster, within, bytes.subarray(at, at + count)),
    );
  }

  writeZeroes(offset: number, byteCount: number, mayUnmap: boolean): ImageOutcome {
    const ready = this.prepareWrite(offset, byteCount);
    if (!ready.ok) return ready;
    return this.eachPiece(offset, byteCount, (cluster, within, _, count) =>
      this.isWhole(cluster, within, count) && mayUnmap
        ? this.dropCluster(cluster, true)
        : this.writePiece(cluster, within, new Uint8Array(count)),
    );
  }

  discard(offset: number, byteCount: number): ImageOutcome {
    const ready = this.prepareWrite(offset, byteCount);
    if (!ready.ok) return ready;
    return this.eachPiece(offset, byteCount, (cluster, within, _, count) =>
      this.isWhole(cluster, within, count) ? this.dropCluster(cluster, false) : DONE,
    );
  }

  flush(): ImageOutcome {
    return this.store.flush() ? DONE : err({ kind: 'store-failed', offset: 0, access: 'flush' });
  }

  /** Whether a piece covers all bytes of its cluster that lie on the disk. */
  private isWhole(cluster: number, within: number, count: number): boolean {
    const bytes = Math.min(this.clusterBytes, this.byteCount - cluster * this.clusterBytes);
    return within === 0 && count === bytes;
  }

  private eachPiece(offset: number, byteCount: number, visit: PieceVisitor): ImageOutcome {
    for (let at = 0; at < byteCount; ) {
      const cluster = Math.floor((offset + at) / this.clusterBytes);
      const within = offset + at - cluster * this.clusterBytes;
      const count = Math.min(this.clusterBytes - within, byteCount - at);
      const outcome = visit(cluster, within, at, count);
      if (!outcome.ok) return outcome;
      at += count;
    }
    return DONE;
  }

  private prepareWrite(offset: number, byteCount: number): ImageOutcome {
    if (this.refusesWrites !== '') return err({ kind: 'read-only', reason: this.refusesWrites });
    const range = checkRange(this.byteCount, offset, byteCount);
    if (!range.ok || !this.autoclearIsDue) return range;
    // Whoever does not know a feature of these clears its bit before the first change.
    if (!this.store.write(88, new Uint8Array(8))) return this.failed(88, 'write');
    this.autoclearIsDue = false;
    return DONE;
  }

  private failed(offset: number, access: 'read' | 'write'): { readonly ok: false; readonly error: ImageError } {
    return err({ kind: 'store-failed', offset, access });
  }

  /** Whether a cluster of the file may hold content or a table: within the file, not the header, L1 or counts. */
  private checkPlace(offset: number, what: string, from: number): ImageOutcome {
    const { l1Offset } = this.header;
    const meetsL1 = offset < l1Offset + this.l1.length && l1Offset < offset + this.clusterBytes;
    const sound =
      offset >= this.clusterBytes && offset % this.clusterBytes === 0 && offset < this.store.size() &&
      !meetsL1 && !this.refcounts.meetsTable(offset, this.clusterBytes);
    return sound ? DONE : err({ kind: 'corrupt', what, offset: from });
  }

  /** The L2 table that holds a cluster's entry; offset 0: there is none. */
  private findTable(cluster: number): Result<{ readonly offset: number; readonly copied: boolean }, ImageError> {
    const index = Math.floor(cluster / (this.clusterBytes / 8));
    const view = new DataView(this.l1.buffer);
    const high = view.getUint32(index * 8);
    const place = tableOffset(view, index * 8);
    if (place === 0) return ok({ offset: 0, copied: false });
    const sound = this.checkPlace(place, 'an L1 entry points to no table', this.header.l1Offset + index * 8);
    return sound.ok ? ok({ offset: place, copied: high >>> 31 === 1 }) : sound;
  }

  private findEntry(cluster: number): Result<L2Entry, ImageError> {
    const table = this.findTable(cluster);
    if (!table.ok) return table;
    if (table.value.offset === 0) return ok({ kind: 'absent' });
    const bytes = this.l2Tables.get(table.value.offset);
    if (bytes === undefined) return this.failed(table.value.offset, 'read');
    const at = (cluster % (this.clusterBytes / 8)) * 8;
    const entry = decodeEntry(bytes, at, this.header);
    if (entry.kind === 'absent' || (entry.kind === 'zero' && entry.offset === 0)) return ok(entry);
    const from = table.value.offset + at;
    if (entry.kind === 'compressed') {
      if (entry.offset < this.store.size()) return ok(entry);
      return err({ kind: 'corrupt', what: 'a compressed cluster lies outside the file', offset: from });
    }
    const sound = this.checkPlace(entry.offset, 'an L2 entry points to no content', from);
    return sound.ok ? ok(entry) : sound;
  }

  private readPiece(cluster: number, within: number, into: Uint8Array): ImageOutcome {
    const entry = this.findEntry(cluster);
    if (!entry.ok) return entry;
    switch (entry.value.kind) {
      case 'zero':
        into.fill(0);
        return DONE;
      case 'content': {
        const at = entry.value.offset + within;
        return this.store.read(at, into) ? DONE : this.failed(at, 'read');
      }
      case 'compressed': {
        const content = this.inflate(entry.value);
        if (!content.ok) return content;
        into.set(content.value.subarray(within, within + into.length));
        return DONE;
      }
      case 'absent':
        return this.readBacking(cluster * this.clusterBytes + within, into);
    }
  }

  /** The backing file's bytes, 0 behind its end. */
  private readBacking(offset: number, into: Uint8Array): ImageOutcome {
    const there = Math.max(0, Math.min(into.length, (this.backing?.byteCount ?? 0) - offset));
    into.fill(0, there);
    return this.backing === undefined || there === 0 ? DONE : this.backing.read(offset, into.subarray(0, there));
  }

  /** Inflates a compressed cluster, in bounded steps: no input makes more than half a MiB beyond it. */
  private inflate(entry: L2Entry & { kind: 'compressed' }): Result<Uint8Array, ImageError> {
    const input = new Uint8Array(entry.byteCount);
    if (!this.store.read(entry.offset, input)) return this.failed(entry.offset, 'read');
    const content = new Uint8Array(this.clusterBytes);
    let filled = 0;
    const inflater = new Inflate((chunk) => {
      const count = Math.min(chunk.length, content.length - filled);
      content.set(chunk.subarray(0, count), filled);
      filled += count;
    });
    try {
      for (let at = 0; at < input.length && filled < content.length; at += 512) {
        inflater.push(input.subarray(at, at + 512), false);
      }
    } catch {
      filled = 0;
    }
    if (filled === content.length) return ok(content);
    return err({ kind: 'corrupt', what: 'a compressed cluster does not inflate', offset: entry.offset });
  }

  private writePiece(cluster: number, within: number, bytes: Uint8Array): ImageOutcome {
    const found = this.findEntry(cluster);
    if (!found.ok) return found;
    const entry = found.value;
    const before = this.findTable(cluster);
    if (!before.ok) return before;
    const owned = before.value.copied && 'copied' in entry && entry.copied && entry.offset > 0;
    if (owned && entry.kind === 'content') {
      const at = entry.offset + within;
      return this.store.write(at, bytes) ? DONE : this.failed(at, 'write');
    }
    const table = this.ownTable(cluster);
    if (!table.ok) return table;
    const content = new Uint8Array(this.clusterBytes);
    if (!this.isWhole(cluster, within, bytes.length)) {
      const last = Math.min(this.clusterBytes, this.byteCount - cluster * this.clusterBytes);
      const outcome = this.readPiece(cluster, 0, content.subarray(0, last));
      if (!outcome.ok) return outcome;
    }
    content.set(bytes, within);
    // An owned cluster behind a zero flag is used again.
    const place = owned ? ok(entry.offset) : this.refcounts.allocate();
    if (!place.ok) return place;
    if (!this.store.write(place.value, content)) return this.failed(place.value, 'write');
    const outcome = this.setEntry(table.value, cluster, place.value, false);
    return outcome.ok && place.value !== offsetOf(entry) ? this.release(entry) : outcome;
  }

  /** Takes a cluster's content away: it reads as 0, or, without `mustBeZero`, as nothing in particular. */
  private dropCluster(cluster: number, mustBeZero: boolean): ImageOutcome {
    const found = this.findEntry(cluster);
    if (!found.ok) return found;
    const entry = found.value;
    const hasBacking = this.backing !== undefined;
    if (entry.kind === 'zero' && entry.offset === 0) return DONE;
    if (entry.kind === 'absent' && !(hasBacking && mustBeZero)) return DONE;
    // Without the zero flag (version 2) an absent cluster would let the backing file through.
    if (hasBacking && this.header.version === 2) {
      const whole = Math.min(this.clusterBytes, this.byteCount - cluster * this.clusterBytes);
      return mustBeZero ? this.writePiece(cluster, 0, new Uint8Array(whole)) : DONE;
    }
    const table = this.ownTable(cluster);
    if (!table.ok) return table;
    const outcome = this.setEntry(table.value, cluster, 0, hasBacking);
    return outcome.ok ? this.release(entry) : outcome;
  }

  /** The L2 table of a cluster, made or copied so that this image alone refers to it; its offset. */
  private ownTable(cluster: number): Result<number, ImageError> {
    const found = this.findTable(cluster);
    if (!found.ok) return found;
    const old = found.value;
    if (old.offset !== 0 && old.copied) return ok(old.offset);
    const place = this.refcounts.allocate();
    if (!place.ok) return place;
    const kept = old.offset === 0 ? undefined : this.l2Tables.get(old.offset);
    if (old.offset !== 0 && kept === undefined) return this.failed(old.offset, 'read');
    const table = kept?.slice() ?? new Uint8Array(this.clusterBytes);
    if (!this.l2Tables.put(place.value, table)) return this.failed(place.value, 'write');
    const index = Math.floor(cluster / (this.clusterBytes / 8)) * 8;
    const bytes = entryBytes(place.value, true, false);
    if (!this.store.write(this.header.l1Offset + index, bytes)) return this.failed(this.header.l1Offset + index, 'write');
    this.l1.set(bytes, index);
    if (old.offset === 0) return place;
    const outcome = this.refcounts.release(old.offset / this.clusterBytes);
    return outcome.ok ? place : outcome;
  }

  private setEntry(table: number, cluster: number, offset: number, zero: boolean): ImageOutcome {
    const at = (cluster % (this.clusterBytes / 8)) * 8;
    const done = this.l2Tables.change(table, at, entryBytes(offset, offset !== 0, zero));
    return done ? DONE : this.failed(table + at, 'write');
  }

  /** Gives back what an entry that was replaced referred to. */
  private release(entry: L2Entry): ImageOutcome {
    if (entry.kind === 'absent' || entry.offset === 0) return DONE;
    if (entry.kind !== 'compressed') {
      this.l2Tables.forget(entry.offset);
      return this.refcounts.release(entry.offset / this.clusterBytes);
    }
    const last = Math.floor((entry.offset + entry.byteCount - 1) / this.clusterBytes);
    for (let host = Math.floor(entry.offset / this.clusterBytes); host <= last; host++) {
      const outcome = this.refcounts.release(host);
      if (!outcome.ok) return outcome;
    }
    return DONE;
  }
}

function offsetOf(entry: L2Entry): number {
  return entry.kind === 'absent' ? 0 : entry.offset;
}

/** Bits 9 to 55 of an L1 entry. */
function tableOffset(view: DataView, at: number): number {
  return (view.getUint32(at) & 0x00ff_ffff) * 2 ** 32 + Math.floor(view.getUint32(at + 4) / 512) * 512;
}

/** An entry of an L1 or L2 table, big endian. */
function entryBytes(offset: number, copied: boolean, zero: boolean): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(offset / 2 ** 32) + (copied ? 2 ** 31 : 0));
  view.setUint32(4, (offset % 2 ** 32) + (zero ? ZERO_FLAG : 0));
  return bytes;
}
