/**
 * What tools know of writes to a host's frames: *heat* (when was a frame last written, for the
 * memory map) and *hash* (which frames were written since the last hash point). They cost no
 * virtual time and count nowhere. Both are exact: after each epoch or hash point all write TLBs are
 * emptied, and a page enters one again only once its stamp and its bit are set.
 */
import {
  FRAME_TABLE_ADDRESS,
  frameField,
  HEADER_ADDRESS,
  headerWord,
} from '../protocol/host-memory-layout.ts';
import { assert } from '../base/assert.ts';
import { HEAT_EPOCH_INITIAL, type HostMemory } from './host-memory.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { Tlb } from './tlb.ts';
import type { WrittenLog } from './written-log.ts';

const EPOCH_WORD = (HEADER_ADDRESS >> 2) + headerWord.heatEpoch;
const TABLE = FRAME_TABLE_ADDRESS >> 2;
/**
 * Epochs in which the ageing sweep passes every frame once; with half a circle of 128, stamps never
 * look young again.
 */
const SWEEP_EPOCHS = 48;

export class ToolLog {
  /** The written log and heat are kept by MemoryHistory. */
  static readonly [checkpointRules]: CheckpointRules = {
    checkpoint: 'outside', written: 'outside', list: 'outside', count: 'outside', sweepAt: 'outside',
  };
  private readonly checkpoint: WrittenLog;
  private readonly words: Int32Array;
  private readonly tlb: Tlb;
  private readonly frameCount: number;
  /** 1 = written since the last hash point. */
  private readonly written: Uint8Array;
  private readonly list: Uint32Array;
  private count = 0;
  private sweepAt = 0;

  constructor(host: HostMemory, tlb: Tlb, checkpoint: WrittenLog) {
    this.checkpoint = checkpoint;
    this.words = host.words;
    this.tlb = tlb;
    this.frameCount = host.layout.frameCount;
    this.written = new Uint8Array(this.frameCount);
    this.list = new Uint32Array(this.frameCount);
  }

  /** Notes a write to a frame. O(1). */
  mark(frame: number): void {
    this.checkpoint.mark(frame);
    if (this.written[frame] === 0) {
      this.written[frame] = 1;
      this.list[this.count++] = frame;
    }
    const word = this.words[TABLE + frame]!;
    const epoch = this.words[EPOCH_WORD]!;
    if ((word & frameField.heatMask) === epoch) return;
    this.words[TABLE + frame] = (word & ~frameField.heatMask) | epoch;
  }

  /** Whether a further write to this frame would tell nothing new. */
  isMarked(frame: number): boolean {
    const stamp = this.words[TABLE + frame]! & frameField.heatMask;
    const isLogged = this.written[frame] !== 0 && this.checkpoint.isMarked(frame);
    return isLogged && stamp === this.words[EPOCH_WORD];
  }

  /** Frames written since the call before, ascending. Emptying it re-arms all frames. */
  takeWritten(): Uint32Array {
    const frames = this.list.slice(0, this.count).sort();
    for (let index = 0; index < frames.length; index++) this.written[frames[index]!] = 0;
    this.count = 0;
    this.tlb.flushWritesOfAll();
    return frames;
  }

  /** Frames in the hash log now, ascending. */
  writtenFrames(): Uint32Array {
    return this.list.slice(0, this.count).sort();
  }

  /** Puts back what {@link writtenFrames} gave. All write TLBs must be empty. */
  restoreWritten(frames: Uint32Array): void {
    for (let index = 0; index < this.count; index++) this.written[this.list[index]!] = 0;
    this.list.set(frames);
    this.count = frames.length;
    for (let index = 0; index < this.count; index++) this.written[frames[index]!] = 1;
  }

  /** Heat as it stands: the stamp of every frame, then the epoch. Unit: epochs, 0 … 255. */
  heatStamps(): Uint8Array {
    const stamps = new Uint8Array(this.frameCount + 1);
    for (let frame = 0; frame < this.frameCount; frame++) {
      stamps[frame] = this.words[TABLE + frame]! & frameField.heatMask;
    }
    stamps[this.frameCount] = this.words[EPOCH_WORD]!;
    return stamps;
  }

  /** Puts back what {@link heatStamps} gave: the map looks as it did. All write TLBs must be empty. */
  restoreHeat(stamps: Uint8Array): void {
    assert(stamps.length === this.frameCount + 1, 'there is a stamp for each frame, and the epoch');
    for (let frame = 0; frame < this.frameCount; frame++) {
      this.words[TABLE + frame] = (this.words[TABLE + frame]! & ~frameField.heatMask) | stamps[frame]!;
    }
    this.words[EPOCH_WORD] = stamps[this.frameCount]!;
  }

  /** How many frames are in the hash log now. */
  writtenCount(): number {
    return this.count;
  }

  /**
   * Begins the next heat epoch (0 … 255, around). The age of a frame is (epoch − stamp) & 255;
   * stamps older than three quarters of the circle are set back to half of it, a few at each call.
   */
  advanceHeatEpoch(): void {
    const epoch = (this.words[EPOCH_WORD]! + 1) & frameField.heatMask;
    this.words[EPOCH_WORD] = epoch;
    const steps = Math.ceil(this.frameCount / SWEEP_EPOCHS);
    for (let step = 0; step < steps; step++) {
      const word = this.words[TABLE + this.sweepAt]!;
      const age = (epoch - (word & frameField.heatMask)) & frameField.heatMask;
      if (age >= HEAT_EPOCH_INITIAL + 64) {
        const stamp = (epoch - HEAT_EPOCH_INITIAL) & frameField.heatMask;
        this.words[TABLE + this.sweepAt] = (word & ~frameField.heatMask) | stamp;
      }
      this.sweepAt = (this.sweepAt + 1) % this.frameCount;
    }
    this.tlb.flushWritesOfAll();
  }
}
