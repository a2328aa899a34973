/**
 * The write protection of a snapshot of one VM: from the instant it is armed, a page's old content is
 * kept before its first write. Who keeps it, and how, is the keeper's matter (core/mechanisms/
 * live-snapshot); here is only which pages are still untouched, and the two bits a page that the
 * screen paints. A page leaves the protection once and never comes back before the next arm().
 * Unit: 4 KiB guest pages, counted from the start of guest RAM.
 */
import { assert } from '../base/assert.ts';
import type { Arbiter } from './arbiter.ts';
import type { FrameTable } from './frame-table.ts';
import type { WriteOrigin } from './writer.ts';

/** How far a page's capture is: the values of frameField.capture in the frame table. */
export const captureState = { none: 0, protected: 1, queued: 2, stored: 3 } as const;
export type CaptureState = (typeof captureState)[keyof typeof captureState];

/**
 * What a keeper answers to a write that is about to change a protected page.
 *  kept     the old content is safe now and the page is open: the write goes on
 *  keeping  the old content is safe now, but the page opens later: the writer waits
 *  waiting  the old content cannot be kept yet (or is being kept for another): the writer waits
 */
export type KeepOutcome = 'kept' | 'keeping' | 'waiting';

/** Whoever keeps the old content of pages. A part of the VM's state, so a plain object with fields. */
export interface PageKeeper {
  onProtectedWrite(page: number, origin: WriteOrigin): KeepOutcome;
}

/** What the protection needs of its VM. */
export interface ProtectionOwner {
  readonly pageCount: number;
  readonly arbiter: Arbiter;
  readonly frames: FrameTable;
  /** Host frame of a page, −1 when absent. */
  frame(page: number): number;
}

export class SnapshotProtection {
  private readonly owner: ProtectionOwner;
  private keeper: PageKeeper | undefined;

  constructor(owner: ProtectionOwner) {
    this.owner = owner;
  }

  armed(): boolean {
    return this.keeper !== undefined;
  }

  /** Pages still protected. */
  count(): number {
    return this.owner.arbiter.count('snapshot');
  }

  isProtected(page: number): boolean {
    return this.owner.arbiter.has(page, 'snapshot');
  }

  /** Protects every page that has a frame; the keeper hears of the first write to each. O(pages). */
  arm(keeper: PageKeeper): void {
    assert(this.keeper === undefined, 'a VM has one snapshot under way');
    this.keeper = keeper;
    for (let page = 0; page < this.owner.pageCount; page++) {
      if (this.owner.frame(page) < 0) continue;
      this.owner.arbiter.add(page, 'snapshot');
      this.paint(page, captureState.protected);
    }
    this.owner.arbiter.flush();
  }

  /** The old content of a page is safe: the page opens as far as the snapshot is concerned. */
  release(page: number): void {
    this.owner.arbiter.remove(page, 'snapshot');
  }

  /** Takes the protection off whatever is left and the colours off all pages. O(pages). */
  disarm(): void {
    this.keeper = undefined;
    for (let page = 0; page < this.owner.pageCount; page++) {
      this.owner.arbiter.remove(page, 'snapshot');
      this.paint(page, captureState.none);
    }
  }

  /** Notes in the frame table how far a page is. Only the screen reads it. */
  paint(page: number, state: CaptureState): void {
    const frame = this.owner.frame(page);
    if (frame >= 0) this.owner.frames.setCapture(frame, state);
  }

  /** A write is about to change a protected page. Called by the writer only. */
  onWrite(page: number, origin: WriteOrigin): KeepOutcome {
    assert(this.keeper !== undefined, 'a protected page has a keeper');
    const outcome = this.keeper.onProtectedWrite(page, origin);
    assert((outcome === 'kept') !== this.isProtected(page), 'a kept page is open, another is not');
    return outcome;
  }
}
