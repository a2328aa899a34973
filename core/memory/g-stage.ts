/**
 * The G-stage page table of one VM: real Sv39x4 entries in host frames of kind `table` (RISC-V
 * Privileged 20240411 §18.5.1; root 16 KiB, 2,048 entries). All leaves are 4 KiB pages; every table
 * is made when the VM is created, so that mapping a page later cannot run out of memory. Host
 * physical page n is frame n.
 *
 *   leaf   63……54 53…………10 9 8 7 6 5 4 3 2 1 0
 *          zero   frame    RSW D A G U X W R V
 *
 * U is always 1; A and D are set when a page is mapped, as Linux KVM does it.
 *
 * Left out: superpages, Svnapot, Svpbmt, VMIDs (TLB entries are flushed when a VM leaves a hart).
 */
import { assert } from '../base/assert.ts';
import { frameKind } from '../protocol/host-memory-layout.ts';
import type { FrameTable } from './frame-table.ts';
import { GUEST_RAM_FIRST_PAGE } from './guest-map.ts';
import { frameAddress, frameOfAddress, type HostMemory } from './host-memory.ts';

/** Bits of a page table entry (RISC-V Privileged §12.3.1). */
export const pteBit = {
  valid: 1,
  read: 2,
  write: 4,
  execute: 8,
  user: 16,
  global: 32,
  accessed: 64,
  dirty: 128,
} as const;

const LEAF =
  pteBit.valid | pteBit.read | pteBit.execute | pteBit.user | pteBit.accessed | pteBit.dirty;

/**
 * Frames that the tables of a VM with `pageCount` pages take: 4 for the root, then one a GiB and
 * one a 2 MiB.
 */
export function gStageTableCount(pageCount: number): number {
  return 4 + Math.ceil(pageCount / 0x40000) + Math.ceil(pageCount / 512);
}

export class GStage {
  /** First of the four frames of the root table: the PPN field of hgatp. */
  readonly rootFrame: number;
  private readonly host: HostMemory;
  private readonly frames: FrameTable;
  private readonly tables: number[] = [];
  /** Word index in the memory of each leaf table, by page / 512. */
  private readonly leafTables: Int32Array;

  private constructor(host: HostMemory, frames: FrameTable, owner: number, pageCount: number) {
    this.host = host;
    this.frames = frames;
    this.rootFrame = frames.allocateFour(owner, frameKind.table);
    this.leafTables = new Int32Array(Math.ceil(pageCount / 512));
    if (this.rootFrame >= 0) this.build(owner);
  }

  /**
   * Empty tables for a VM; undefined when the host has not enough frames left (nothing is then
   * taken).
   */
  static create(
    host: HostMemory,
    frames: FrameTable,
    options: { readonly owner: number; readonly pageCount: number },
  ): GStage | undefined {
    if (frames.freeCount() < gStageTableCount(options.pageCount)) return undefined;
    const stage = new GStage(host, frames, options.owner, options.pageCount);
    return stage.rootFrame >= 0 ? stage : undefined;
  }

  private build(owner: number): void {
    for (let index = 0; index < 4; index++) this.tables.push(this.rootFrame + index);
    const root = frameAddress(this.host, this.rootFrame) >> 2;
    let middle = 0;
    for (let chunk = 0; chunk < this.leafTables.length; chunk++) {
      const guestPage = GUEST_RAM_FIRST_PAGE + chunk * 512;
      if (chunk === 0 || guestPage % 0x40000 === 0) {
        middle = this.table(owner, root + (guestPage >>> 18) * 2);
      }
      this.leafTables[chunk] = this.table(owner, middle + ((guestPage >>> 9) & 511) * 2);
    }
  }

  /** A new table, entered at the word `entry`; gives its word index. */
  private table(owner: number, entry: number): number {
    const frame = this.frames.allocate(owner, frameKind.table);
    assert(frame >= 0, 'the frames of the tables were counted before');
    this.tables.push(frame);
    this.note(entry);
    this.host.words[entry] = (frame << 10) | pteBit.valid;
    this.host.words[entry + 1] = frame >>> 22;
    return frameAddress(this.host, frame) >> 2;
  }

  /** The frame of the table with the entry at a word index changes. */
  private note(entry: number): void {
    this.frames.writtenLog.mark(frameOfAddress(this.host, entry << 2));
  }

  private entry(page: number): number {
    return this.leafTables[page >>> 9]! + (page & 511) * 2;
  }

  /**
   * Maps a page to a frame: readable, executable, and writable when no model reason speaks against
   * it.
   */
  map(page: number, frame: number, writable: boolean): void {
    const entry = this.entry(page);
    this.note(entry);
    this.host.words[entry] = (frame << 10) | LEAF | (writable ? pteBit.write : 0);
    this.host.words[entry + 1] = frame >>> 22;
  }

  unmap(page: number): void {
    const entry = this.entry(page);
    this.note(entry);
    this.host.words[entry] = 0;
    this.host.words[entry + 1] = 0;
  }

  /** Changes the W bit of a present leaf. The caller flushes TLBs when it is taken away. */
  setWritable(page: number, writable: boolean): void {
    const entry = this.entry(page);
    const word = this.host.words[entry]!;
    if ((word & pteBit.valid) === 0) return;
    this.note(entry);
    this.host.words[entry] = writable ? word | pteBit.write : word & ~pteBit.write;
  }

  /** Low word of a page's leaf entry (all the flag bits), 0 when absent. */
  leaf(page: number): number {
    return this.host.words[this.entry(page)]!;
  }

  /** Gives all tables back. The stage is not used afterwards. */
  destroy(): void {
    for (const frame of this.tables) this.frames.release(frame);
    this.tables.length = 0;
  }
}
