/**
 * Who has a reason to see a write to a page of a VM. Reasons are *model* reasons: they take the W
 * bit of the page's G-stage leaf away, so that a guest's store leaves to the hypervisor and costs
 * virtual time. (Tool reasons, heat and hash, and decoded code cost nothing: see tool-log.ts and
 * writer.ts.) A page is writable exactly when no reason is left. O(1) a page; sweeps are O(pages).
 *
 * Each reason has one owner a VM, so that a bit a page and a count a reason are its reference counts.
 * On a write the owners are served in a fixed order (writer.ts): snapshot (the old content is kept),
 * then dirty log, then code, then tools. Whoever makes the writer wait ends the round: the write is
 * tried again from the start later.
 *
 * Left out until their mechanisms exist: handlers of merge and watch.
 */
import { assert } from '../base/assert.ts';
import type { GStage } from './g-stage.ts';
import type { Tlb } from './tlb.ts';

/** Bits of the reasons of a page. */
export const reasonBit = { dirtyLog: 1, snapshot: 2, merge: 4, watch: 8 } as const;
export type Reason = keyof typeof reasonBit;

export class Arbiter {
  private readonly reasons: Uint8Array;
  private readonly counts = { dirtyLog: 0, snapshot: 0, merge: 0, watch: 0 };
  private readonly gStage: GStage;
  private readonly tlb: Tlb;
  private readonly vmSlot: number;

  constructor(options: { pageCount: number; gStage: GStage; tlb: Tlb; vmSlot: number }) {
    this.reasons = new Uint8Array(options.pageCount);
    this.gStage = options.gStage;
    this.tlb = options.tlb;
    this.vmSlot = options.vmSlot;
  }

  /** Whether nobody has a reason to see writes to this page. */
  isFree(page: number): boolean {
    return this.reasons[page] === 0;
  }

  has(page: number, reason: Reason): boolean {
    return (this.reasons[page]! & reasonBit[reason]) !== 0;
  }

  /** Pages that a reason holds. */
  count(reason: Reason): number {
    return this.counts[reason];
  }

  /** Adds a reason to a page. {@link flush} must follow before the guest runs again. */
  add(page: number, reason: Reason): void {
    const bits = this.reasons[page]!;
    assert(page < this.reasons.length, 'a page of the VM');
    if ((bits & reasonBit[reason]) !== 0) return;
    if (bits === 0) this.gStage.setWritable(page, false);
    this.reasons[page] = bits | reasonBit[reason];
    this.counts[reason]++;
  }

  /** Takes a reason from a page; the page becomes writable when it was the last. */
  remove(page: number, reason: Reason): void {
    const bits = this.reasons[page]!;
    if ((bits & reasonBit[reason]) === 0) return;
    this.reasons[page] = bits & ~reasonBit[reason];
    this.counts[reason]--;
    if (this.reasons[page] === 0) this.gStage.setWritable(page, true);
  }

  /** Empties the VM's write TLBs, once after any number of {@link add}s. */
  flush(): void {
    this.tlb.flushWritesOfVm(this.vmSlot);
  }
}
