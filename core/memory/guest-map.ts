/**
 * Which host frame holds which page of a VM: per VM slot an array in shared memory (u32, host frame
 * + 1, 0 = absent), which the screen reads, and beside it the way back from a frame to its page. A
 * page is counted from the start of guest RAM, not from guest physical address 0.
 */
import { assert } from '../base/assert.ts';
import { VM_SLOT_COUNT } from '../protocol/host-memory-layout.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { HostMemory } from './host-memory.ts';

/**
 * Where a VM's RAM begins in its guest physical address space (as on QEMU's `virt` board). Unit:
 * byte.
 */
export const GUEST_RAM_ADDRESS = 0x8000_0000;
/** {@link GUEST_RAM_ADDRESS} in 4 KiB pages. */
export const GUEST_RAM_FIRST_PAGE = GUEST_RAM_ADDRESS / 4096;

export class GuestMap {
  /** The way back follows from the maps: see {@link rebuild}. */
  static readonly [checkpointRules]: CheckpointRules = { pageOf: 'outside', slotOf: 'outside' };
  private readonly words: Int32Array;
  private readonly base: number;
  private readonly stride: number;
  /** Page of each mapped frame, −1 where none; and the VM slot that maps it. */
  private readonly pageOf: Int32Array;
  private readonly slotOf: Int8Array;

  constructor(host: HostMemory) {
    this.words = host.words;
    this.base = host.layout.guestMapAddress >> 2;
    this.stride = host.layout.guestMapStride >> 2;
    this.pageOf = new Int32Array(host.layout.frameCount).fill(-1);
    this.slotOf = new Int8Array(host.layout.frameCount).fill(-1);
  }

  /** Host frame of a page, −1 when absent. `page` is below the VM's page count. */
  frame(slot: number, page: number): number {
    return this.words[this.base + slot * this.stride + page]! - 1;
  }

  set(slot: number, page: number, frame: number): void {
    assert(slot >= 0 && slot < VM_SLOT_COUNT, 'a VM slot of the host');
    assert(page >= 0 && page < this.stride, 'a page of a VM slot');
    assert(this.pageOf[frame] === -1, 'a private frame has one page');
    this.words[this.base + slot * this.stride + page] = frame + 1;
    this.pageOf[frame] = page;
    this.slotOf[frame] = slot;
  }

  clear(slot: number, page: number): void {
    const frame = this.frame(slot, page);
    assert(frame >= 0, 'a page that is unmapped was mapped');
    this.words[this.base + slot * this.stride + page] = 0;
    this.pageOf[frame] = -1;
    this.slotOf[frame] = -1;
  }

  /** Word index of the first entry of a slot's map. */
  firstWord(slot: number): number {
    return this.base + slot * this.stride;
  }

  /** Makes the way back anew from the maps of the given slots; other slots map nothing. O(frames). */
  rebuild(maps: readonly { readonly slot: number; readonly pageCount: number }[]): void {
    this.pageOf.fill(-1);
    this.slotOf.fill(-1);
    for (const { slot, pageCount } of maps) {
      for (let page = 0; page < pageCount; page++) {
        const frame = this.frame(slot, page);
        if (frame < 0) continue;
        this.pageOf[frame] = page;
        this.slotOf[frame] = slot;
      }
    }
  }

  /** Page that a frame holds, −1 when it holds none. */
  pageOfFrame(frame: number): number {
    return this.pageOf[frame]!;
  }

  /** VM slot whose page a frame holds, −1 when it holds none. */
  slotOfFrame(frame: number): number {
    return this.slotOf[frame]!;
  }
}
