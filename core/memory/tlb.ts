/**
 * The translation lookaside buffers of all harts of a host: direct-mapped tables in shared memory
 * that compiled code reads (layout: core/protocol/host-memory-layout). An entry caches the combined
 * two-stage translation. They only speed things up: a miss costs no virtual time and changes no
 * guest state.
 *
 * The promise the tables keep: a page is in a *write* table only while nothing has a reason to see
 * a store to it, because a store that hits calls nobody.
 */
import { assert } from '../base/assert.ts';
import {
  HART_ADDRESS,
  HART_COUNT_MAX,
  HART_STRIDE,
  hartOffset,
  TLB_ENTRY_COUNT,
  TLB_ENTRY_SIZE,
  TLB_TABLE_SIZE,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { HostMemory } from './host-memory.ts';

const ENTRY_WORDS = TLB_ENTRY_SIZE >> 2;
const TABLE_WORDS = TLB_TABLE_SIZE >> 2;

/** Word index of the first table of a kind in a hart's block. */
function tableWord(slot: number, offset: number): number {
  return (HART_ADDRESS + slot * HART_STRIDE + offset) >> 2;
}

export class Tlb {
  static readonly [checkpointRules]: CheckpointRules = { superpages: 'outside' };
  private readonly words: Int32Array;
  /** VM slot that each hart belongs to, −1 = unused. */
  private readonly vmSlotOfHart = new Int8Array(HART_COUNT_MAX).fill(-1);
  /**
   * Harts that hold an entry made from a VS-stage superpage, where flushing one page is not enough.
   */
  private readonly superpages = new Uint8Array(HART_COUNT_MAX);

  constructor(host: HostMemory) {
    this.words = host.words;
  }

  /** Gives a hart to a VM, with empty tables. */
  attach(slot: number, vmSlot: number): void {
    assert(slot >= 0 && slot < HART_COUNT_MAX, 'a hart slot');
    this.vmSlotOfHart[slot] = vmSlot;
    this.flushHart(slot);
  }

  /** Takes a hart from its VM. */
  detach(slot: number): void {
    this.vmSlotOfHart[slot] = -1;
    this.flushHart(slot);
  }

  /** Empties all tables of all harts, used or not: the memory below is another. */
  flushEverything(): void {
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) this.flushHart(slot);
  }

  /** Harts of a VM, in order of their slots. */
  hartsOf(vmSlot: number): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      if (this.vmSlotOfHart[slot] === vmSlot) slots.push(slot);
    }
    return slots;
  }

  /**
   * Enters a translation. `hart` is the address of the hart's block, `offset` one of tlbOffset,
   * `bank` 0 for U and 1 for S, `low`/`high` the virtual address, `payload` the address of the
   * frame or decoded page.
   */
  fill(
    hart: number,
    offset: number,
    bank: number,
    low: number,
    high: number,
    payload: number,
    superpage: boolean,
  ): void {
    const index = (low >>> 12) & (TLB_ENTRY_COUNT - 1);
    const entry = ((hart + offset) >> 2) + bank * TABLE_WORDS + index * ENTRY_WORDS;
    this.words[entry] = low & ~0xfff;
    this.words[entry + 1] = high;
    this.words[entry + 2] = payload;
    if (superpage) this.superpages[(hart - HART_ADDRESS) / HART_STRIDE] = 1;
  }

  /** Empties all six tables of a hart. */
  flushHart(slot: number): void {
    const first = tableWord(slot, tlbOffset.read);
    this.words.fill(-1, first, first + 6 * TABLE_WORDS);
    this.superpages[slot] = 0;
  }

  /**
   * Empties a hart's read and write tables of one bank: a permission bit of that privilege was
   * taken away.
   */
  flushData(slot: number, bank: number): void {
    for (const offset of [tlbOffset.read, tlbOffset.write]) {
      const first = tableWord(slot, offset) + bank * TABLE_WORDS;
      this.words.fill(-1, first, first + TABLE_WORDS);
    }
  }

  /**
   * Forgets one virtual page of a hart (sfence.vma with an address); everything, when superpages
   * are about.
   */
  flushAddress(slot: number, low: number, high: number): void {
    if (this.superpages[slot] !== 0) {
      this.flushHart(slot);
      return;
    }
    const index = (low >>> 12) & (TLB_ENTRY_COUNT - 1);
    for (let table = 0; table < 6; table++) {
      const entry = tableWord(slot, tlbOffset.read) + table * TABLE_WORDS + index * ENTRY_WORDS;
      if (this.words[entry] !== (low & ~0xfff) || this.words[entry + 1] !== high) continue;
      this.words.fill(-1, entry, entry + ENTRY_WORDS);
    }
  }

  /** Empties the write tables of all harts of a VM: pages of it were armed. */
  flushWritesOfVm(vmSlot: number): void {
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      if (this.vmSlotOfHart[slot] === vmSlot) this.flushWrites(slot);
    }
  }

  /** Empties the write tables of all harts in use: a tool re-arms every frame. */
  flushWritesOfAll(): void {
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      if (this.vmSlotOfHart[slot]! >= 0) this.flushWrites(slot);
    }
  }

  /** Empties everything of all harts of a VM: its G-stage lost pages. */
  flushVm(vmSlot: number): void {
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      if (this.vmSlotOfHart[slot] === vmSlot) this.flushHart(slot);
    }
  }

  /** Empties the fetch tables of all harts in use: decoded pages were dropped. */
  flushFetchesOfAll(): void {
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      if (this.vmSlotOfHart[slot]! < 0) continue;
      const first = tableWord(slot, tlbOffset.fetch);
      this.words.fill(-1, first, first + 2 * TABLE_WORDS);
    }
  }

  /** Removes the entries with a payload from one kind of table of all harts in use. */
  flushPayload(offset: number, payload: number): void {
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      if (this.vmSlotOfHart[slot]! < 0) continue;
      const first = tableWord(slot, offset);
      for (let entry = first; entry < first + 2 * TABLE_WORDS; entry += ENTRY_WORDS) {
        if (this.words[entry + 2] === payload) this.words.fill(-1, entry, entry + ENTRY_WORDS);
      }
    }
  }

  /** Drops the LR reservations of a VM's harts, except those of hart `except` (−1: of all). */
  clearReservations(vmSlot: number, except: number): void {
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      if (this.vmSlotOfHart[slot] !== vmSlot || slot === except) continue;
      this.words[tableWord(slot, hartOffset.reservationValid)] = 0;
    }
  }

  private flushWrites(slot: number): void {
    const first = tableWord(slot, tlbOffset.write);
    this.words.fill(-1, first, first + 2 * TABLE_WORDS);
  }
}
