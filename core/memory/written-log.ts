/**
 * Frames whose bytes may have changed since the last checkpoint: a tool log, free of cost and exact. All
 * ways to a frame come by here: the writer (through the tool logs), page-table entries that software
 * makes, frames that go back to the host full of zeroes.
 */

export class WrittenLog {
  private readonly marked: Uint8Array;
  private readonly list: Uint32Array;
  private count = 0;

  /** Every frame counts as not written: a new host's frames are zeroes. */
  constructor(frameCount: number) {
    this.marked = new Uint8Array(frameCount);
    this.list = new Uint32Array(frameCount);
  }

  /** Notes that a frame's bytes change. O(1). */
  mark(frame: number): void {
    if (this.marked[frame] !== 0) return;
    this.marked[frame] = 1;
    this.list[this.count++] = frame;
  }

  isMarked(frame: number): boolean {
    return this.marked[frame] !== 0;
  }

  /** Frames noted since the call before, ascending; the log is empty then, and write TLBs must be, too. */
  take(): Uint32Array {
    const frames = this.list.slice(0, this.count).sort();
    for (let index = 0; index < frames.length; index++) this.marked[frames[index]!] = 0;
    this.count = 0;
    return frames;
  }
}
