/**
 * The dirty log of one VM: which pages were written since they were last handed out. While it is
 * armed, a page that is not in the log is write-protected; its first write marks it and opens it.
 * A round of pre-copy takes the log and arms the taken pages again in one step, so no write is lost
 * between the two. Unit: 4 KiB guest pages, counted from the start of guest RAM.
 * Left out: dirty rings and PML; the log is a bitmap, as in KVM_GET_DIRTY_LOG.
 */
import { assert } from '../base/assert.ts';
import { frameField } from '../protocol/host-memory-layout.ts';
import type { Arbiter } from './arbiter.ts';
import type { FrameTable } from './frame-table.ts';

/** What the log needs of its VM. */
export interface DirtyLogOwner {
  readonly pageCount: number;
  readonly arbiter: Arbiter;
  readonly frames: FrameTable;
  /** Host frame of a page, −1 when absent. */
  frame(page: number): number;
}

export class DirtyLog {
  private readonly owner: DirtyLogOwner;
  private readonly bitmap: Uint32Array;
  private marked = 0;
  private on = false;

  constructor(owner: DirtyLogOwner) {
    this.owner = owner;
    this.bitmap = new Uint32Array((owner.pageCount + 31) >>> 5);
  }

  armed(): boolean {
    return this.on;
  }

  /** Pages in the log now. */
  count(): number {
    return this.marked;
  }

  /** Whether a page is in the log. */
  has(page: number): boolean {
    return ((this.bitmap[page >>> 5]! >>> (page & 31)) & 1) !== 0;
  }

  /** u32 words of a bitmap that {@link takeAndRearm} fills: bit n of word n / 32 is page n. */
  wordCount(): number {
    return this.bitmap.length;
  }

  /** Starts logging with an empty log. O(pages). */
  arm(): void {
    this.on = true;
    this.marked = 0;
    this.bitmap.fill(0);
    for (let page = 0; page < this.owner.pageCount; page++) this.protect(page);
    this.owner.arbiter.flush();
  }

  /**
   * Stops logging; the log is empty afterwards and no page is protected on its account. O(pages).
   */
  disarm(): void {
    this.on = false;
    this.marked = 0;
    this.bitmap.fill(0);
    for (let page = 0; page < this.owner.pageCount; page++) {
      this.owner.arbiter.remove(page, 'dirtyLog');
    }
  }

  /**
   * Copies the log into `into` (overwriting it), empties it and protects exactly those pages again.
   * Gives their count.
   */
  takeAndRearm(into: Uint32Array): number {
    assert(this.on, 'only an armed dirty log is taken');
    assert(into.length === this.bitmap.length, 'the bitmap has a bit for each page');
    into.set(this.bitmap);
    const taken = this.marked;
    if (taken === 0) return 0;
    for (let word = 0; word < this.bitmap.length; word++) {
      for (let bits = this.bitmap[word]!; bits !== 0; bits &= bits - 1) {
        this.protect(word * 32 + (31 - Math.clz32(bits & -bits)));
      }
    }
    this.bitmap.fill(0);
    this.marked = 0;
    this.owner.arbiter.flush();
    return taken;
  }

  /** Notes the first write to a protected page and opens it. Called by the writer only. */
  mark(page: number): void {
    assert(this.on && !this.has(page), 'a page is marked once between two takes');
    this.bitmap[page >>> 5] = (this.bitmap[page >>> 5]! | (1 << (page & 31))) >>> 0;
    this.marked++;
    this.owner.arbiter.remove(page, 'dirtyLog');
    this.setFrameDirty(page, true);
  }

  private protect(page: number): void {
    this.owner.arbiter.add(page, 'dirtyLog');
    this.setFrameDirty(page, false);
  }

  private setFrameDirty(page: number, dirty: boolean): void {
    const frame = this.owner.frame(page);
    if (frame >= 0) this.owner.frames.setFlag(frame, frameField.dirty, dirty);
  }
}
