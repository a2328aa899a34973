/**
 * Tables of one cluster each (L2 tables, refcount blocks) held in memory, the least recently used
 * leaving first. Every change goes to the store at once: what is here is never newer than the file.
 */
import type { ByteStore } from '../byte-store.ts';

/** Bytes that one cache holds at most; two tables always fit. */
export const CACHE_BYTES_MAX = 2 << 20;

/** See the file's head. */
export class TableCache {
  private readonly store: ByteStore;
  private readonly clusterBytes: number;
  private readonly tablesMax: number;
  private readonly tables = new Map<number, Uint8Array>();

  constructor(store: ByteStore, clusterBytes: number) {
    this.store = store;
    this.clusterBytes = clusterBytes;
    this.tablesMax = Math.max(2, CACHE_BYTES_MAX / clusterBytes);
  }

  /** The table at a byte offset of the file; undefined when the store fails. Change it by {@link change} only. */
  get(offset: number): Uint8Array | undefined {
    let table = this.tables.get(offset);
    if (table === undefined) {
      table = new Uint8Array(this.clusterBytes);
      if (!this.store.read(offset, table)) return undefined;
    } else this.tables.delete(offset);
    this.keep(offset, table);
    return table;
  }

  /** Writes a whole table to the store and keeps it. False when the store fails. */
  put(offset: number, table: Uint8Array): boolean {
    if (!this.store.write(offset, table)) return false;
    this.tables.delete(offset);
    this.keep(offset, table);
    return true;
  }

  /** Changes bytes of a table, in the store first. False when the store fails: nothing changes here. */
  change(offset: number, within: number, bytes: Uint8Array): boolean {
    if (!this.store.write(offset + within, bytes)) return false;
    this.tables.get(offset)?.set(bytes, within);
    return true;
  }

  /** Forgets a table whose cluster is used for something else. */
  forget(offset: number): void {
    this.tables.delete(offset);
  }

  private keep(offset: number, table: Uint8Array): void {
    this.tables.set(offset, table);
    for (const oldest of this.tables.keys()) {
      if (this.tables.size <= this.tablesMax) return;
      this.tables.delete(oldest);
    }
  }
}
