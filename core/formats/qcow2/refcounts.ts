/**
 * Reference counts of an image's clusters: which are free, and giving out new ones. A cluster without
 * a refcount block counts 0. New blocks describe themselves; the table moves to a larger place when it
 * is full. A count is written before whatever refers to the cluster, so that a crash leaks at most.
 * Standard: QEMU, docs/interop/qcow2.txt, "Host cluster management".
 */
import { err, ok, type Result } from '../../base/result.ts';
import { type ByteStore, DONE, type ImageError, type ImageOutcome } from '../byte-store.ts';
import { REFCOUNT_TABLE_BYTES_MAX } from './header.ts';
import { TableCache } from './table-cache.ts';

/** Reads entry `index` of a block whose entries have 2^order bits. Values beyond 2^53 are inexact, never small. */
export function readRefcount(block: Uint8Array, order: number, index: number): number {
  if (order < 3) {
    const bits = 1 << order;
    const perByte = 8 >> order;
    const shift = (index % perByte) * bits;
    return (block[Math.floor(index / perByte)]! >> shift) & ((1 << bits) - 1);
  }
  const size = 1 << (order - 3);
  let value = 0;
  for (let at = 0; at < size; at++) value = value * 256 + block[index * size + at]!;
  return value;
}

/** Writes entry `index`; the value fits. */
export function writeRefcount(block: Uint8Array, order: number, index: number, value: number): void {
  if (order < 3) {
    const bits = 1 << order;
    const perByte = 8 >> order;
    const shift = (index % perByte) * bits;
    const at = Math.floor(index / perByte);
    block[at] = (block[at]! & ~(((1 << bits) - 1) << shift)) | (value << shift);
    return;
  }
  const size = 1 << (order - 3);
  let rest = value;
  for (let at = size - 1; at >= 0; at--) {
    block[index * size + at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** Where the counts of an image lie. */
export interface RefcountPlace {
  readonly clusterBits: number;
  readonly order: number;
  readonly tableOffset: number;
  readonly tableClusters: number;
  readonly l1Offset: number;
  readonly l1Bytes: number;
}

/**
 * Counted clusters behind the end of the file before an image is called damaged: a store that failed
 * leaves a few of ours, an interrupted QEMU perhaps hundreds.
 */
const CLUSTERS_PAST_END_MAX = 65_536;

/** See the file's head. */
export class Refcounts {
  private readonly store: ByteStore;
  private readonly clusterBytes: number;
  private readonly order: number;
  private readonly perBlock: number;
  private readonly blocks: TableCache;
  private readonly l1Offset: number;
  private readonly l1Bytes: number;
  private table: Uint8Array;
  private tableOffset: number;
  /** No cluster below it is free. */
  private hint = 0;

  private constructor(store: ByteStore, place: RefcountPlace, table: Uint8Array) {
    this.store = store;
    this.clusterBytes = 2 ** place.clusterBits;
    this.order = place.order;
    this.perBlock = (this.clusterBytes * 8) / 2 ** place.order;
    this.blocks = new TableCache(store, this.clusterBytes);
    this.l1Offset = place.l1Offset;
    this.l1Bytes = place.l1Bytes;
    this.table = table;
    this.tableOffset = place.tableOffset;
  }

  /** Reads the table; undefined when the store fails. */
  static open(store: ByteStore, place: RefcountPlace): Refcounts | undefined {
    const table = new Uint8Array(place.tableClusters * 2 ** place.clusterBits);
    return store.read(place.tableOffset, table) ? new Refcounts(store, place, table) : undefined;
  }

  /** Clusters that blocks of the table's present size can count. */
  private covered(): number {
    return (this.table.length / 8) * this.perBlock;
  }

  /** Whether a byte range of the file meets the table. */
  meetsTable(offset: number, byteCount: number): boolean {
    return offset < this.tableOffset + this.table.length && this.tableOffset < offset + byteCount;
  }

  /** Offset of the block that counts `cluster`, 0 = none. */
  private blockOffset(cluster: number): Result<number, ImageError> {
    const entry = Math.floor(cluster / this.perBlock);
    if (entry * 8 >= this.table.length) return ok(0);
    const view = new DataView(this.table.buffer);
    const offset = view.getUint32(entry * 8) * 2 ** 32 + view.getUint32(entry * 8 + 4);
    const sound = offset % this.clusterBytes === 0 && offset + this.clusterBytes <= this.store.size();
    if (offset === 0 || sound) return ok(offset);
    return err({ kind: 'corrupt', what: 'a refcount block lies outside the file', offset: this.tableOffset + entry * 8 });
  }

  /** How many refer to a cluster. */
  get(cluster: number): Result<number, ImageError> {
    const offset = this.blockOffset(cluster);
    if (!offset.ok || offset.value === 0) return offset;
    const block = this.blocks.get(offset.value);
    if (block === undefined) return err({ kind: 'store-failed', offset: offset.value, access: 'read' });
    return ok(readRefcount(block, this.order, cluster % this.perBlock));
  }

  /** One reference less. What was 0 is damage. */
  release(cluster: number): ImageOutcome {
    const count = this.get(cluster);
    if (!count.ok) return count;
    if (count.value === 0) {
      return err({ kind: 'corrupt', what: 'a free cluster is in use', offset: cluster * this.clusterBytes });
    }
    if (count.value === 1) this.hint = Math.min(this.hint, cluster);
    return this.set(cluster, count.value - 1);
  }

  /** Gives out a free cluster, counted once; its byte offset. Its bytes are whatever they were. */
  allocate(): Result<number, ImageError> {
    const last = Math.ceil(this.store.size() / this.clusterBytes) + CLUSTERS_PAST_END_MAX;
    while (this.hint < last) {
      const offset = this.blockOffset(this.hint);
      if (!offset.ok) return offset;
      if (offset.value === 0) {
        const made = this.makeBlock(this.hint);
        if (!made.ok) return made;
        continue;
      }
      const block = this.blocks.get(offset.value);
      if (block === undefined) return err({ kind: 'store-failed', offset: offset.value, access: 'read' });
      let index = this.hint % this.perBlock;
      const first = this.hint - index;
      while (index < this.perBlock && readRefcount(block, this.order, index) !== 0) index++;
      this.hint = first + index;
      if (index === this.perBlock) continue;
      const free = this.checkFree(this.hint);
      if (!free.ok) return free;
      const outcome = this.set(this.hint, 1);
      return outcome.ok ? ok(this.hint++ * this.clusterBytes) : outcome;
    }
    return err({ kind: 'corrupt', what: 'clusters behind the end of the file are counted', offset: this.tableOffset });
  }

  /** Whether a cluster that counts 0 is none that the header says is in use. */
  private checkFree(cluster: number): ImageOutcome {
    const offset = cluster * this.clusterBytes;
    const { l1Offset, l1Bytes } = this;
    const meetsL1 = offset < l1Offset + l1Bytes && l1Offset < offset + this.clusterBytes;
    if (cluster > 0 && !meetsL1 && !this.meetsTable(offset, this.clusterBytes)) return DONE;
    return err({ kind: 'corrupt', what: 'the header or a table of it is not counted', offset });
  }

  /** Sets a count whose block is there. */
  private set(cluster: number, value: number): ImageOutcome {
    const offset = this.blockOffset(cluster);
    if (!offset.ok) return offset;
    const block = this.blocks.get(offset.value);
    if (block === undefined) return err({ kind: 'store-failed', offset: offset.value, access: 'read' });
    const index = cluster % this.perBlock;
    const first = Math.floor((index * 2 ** this.order) / 8);
    const size = Math.max(1, 2 ** this.order / 8);
    const bytes = block.slice(first, first + size);
    writeRefcount(bytes, this.order, this.order < 3 ? index % (8 >> this.order) : 0, value);
    if (this.blocks.change(offset.value, first, bytes)) return DONE;
    return err({ kind: 'store-failed', offset: offset.value + first, access: 'write' });
  }

  /** Makes the block that counts `cluster`, in that cluster itself: it is the first that is free there. */
  private makeBlock(cluster: number): ImageOutcome {
    if (cluster >= this.covered()) return this.growTable();
    const free = this.checkFree(cluster);
    if (!free.ok) return free;
    const offset = cluster * this.clusterBytes;
    const block = new Uint8Array(this.clusterBytes);
    writeRefcount(block, this.order, cluster % this.perBlock, 1);
    if (!this.blocks.put(offset, block)) return err({ kind: 'store-failed', offset, access: 'write' });
    const entry = Math.floor(cluster / this.perBlock) * 8;
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Math.floor(offset / 2 ** 32));
    view.setUint32(4, offset % 2 ** 32);
    if (!this.store.write(this.tableOffset + entry, bytes)) {
      return err({ kind: 'store-failed', offset: this.tableOffset + entry, access: 'write' });
    }
    this.table.set(bytes, entry);
    this.hint = cluster + 1;
    return DONE;
  }

  /**
   * Moves the table to a place that is half as large again, at the first cluster that it could not count; the
   * blocks that count table and blocks lie behind it. The header follows last, then the old place is free.
   */
  private growTable(): ImageOutcome {
    const { clusterBytes, perBlock, order } = this;
    const start = this.covered();
    const oldClusters = this.table.length / clusterBytes;
    const tableClusters = Math.ceil((oldClusters * 3) / 2);
    if (tableClusters * clusterBytes > REFCOUNT_TABLE_BYTES_MAX) {
      return err({ kind: 'store-failed', offset: start * clusterBytes, access: 'write' });
    }
    let blockCount = 1;
    while (tableClusters + blockCount > blockCount * perBlock) blockCount++;
    const table = new Uint8Array(tableClusters * clusterBytes);
    table.set(this.table);
    const view = new DataView(table.buffer);
    const used = tableClusters + blockCount;
    for (let index = 0; index < blockCount; index++) {
      const block = new Uint8Array(clusterBytes);
      const count = Math.min(perBlock, used - index * perBlock);
      for (let at = 0; at < count; at++) writeRefcount(block, order, at, 1);
      const offset = (start + tableClusters + index) * clusterBytes;
      if (!this.blocks.put(offset, block)) return err({ kind: 'store-failed', offset, access: 'write' });
      const entry = (start / perBlock + index) * 8;
      view.setUint32(entry, Math.floor(offset / 2 ** 32));
      view.setUint32(entry + 4, offset % 2 ** 32);
    }
    const offset = start * clusterBytes;
    const place = new Uint8Array(12); // refcount_table_offset and refcount_table_clusters, bytes 48 to 59
    const placeView = new DataView(place.buffer);
    placeView.setUint32(0, Math.floor(offset / 2 ** 32));
    placeView.setUint32(4, offset % 2 ** 32);
    placeView.setUint32(8, tableClusters);
    if (!this.store.write(offset, table) || !this.store.write(48, place)) {
      return err({ kind: 'store-failed', offset, access: 'write' });
    }
    const oldFirst = this.tableOffset / clusterBytes;
    this.table = table;
    this.tableOffset = offset;
    this.hint = start + used;
    for (let index = 0; index < oldClusters; index++) {
      const outcome = this.release(oldFirst + index);
      if (!outcome.ok) return outcome;
    }
    return DONE;
  }
}
