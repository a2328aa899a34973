/**
 * The frames of a host: who owns each, what it is for, whether it is dirty, hot, on its way or
 * holds decoded code. One aligned u32 a frame in shared memory, which the screen paints without a
 * message; beside it a private bitmap of free frames. Frames are given out lowest first, so that a
 * run is repeatable, and full of zeroes: one that was used before is filled when it is given out
 * again.
 * Left out: NUMA distance, huge pages, frames shared by several owners (reference counts come with
 * merging).
 */
import { assert } from '../base/assert.ts';
import { FRAME_TABLE_ADDRESS, frameField, frameKind } from '../protocol/host-memory-layout.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { frameAddress, type HostMemory } from './host-memory.ts';
import { WrittenLog } from './written-log.ts';

/** Number of a {@link frameKind}. */
export type FrameKind = (typeof frameKind)[keyof typeof frameKind];

/** Fields of a frame table entry, taken apart. */
export interface FrameEntry {
  readonly owner: number;
  readonly kind: FrameKind;
  readonly dirty: boolean;
  readonly inFlight: boolean;
  readonly code: boolean;
  readonly heat: number;
}

const TABLE = FRAME_TABLE_ADDRESS >> 2;

export class FrameTable {
  static readonly [checkpointRules]: CheckpointRules = { writtenLog: 'outside' };
  readonly frameCount: number;
  /** Frames whose bytes change, for checkpoints. */
  readonly writtenLog: WrittenLog;
  private readonly host: HostMemory;
  private readonly words: Int32Array;
  /** Bit set = free; 32 frames a word. */
  private readonly freeBits: Uint32Array;
  /** 1 = free and still with the bytes of its last owner. */
  private readonly stale: Uint8Array;
  /** Lowest word of freeBits that may have a bit set. */
  private lowestWord = 0;
  private free: number;
  /** Free frames that are promised to somebody. */
  private promised = 0;

  constructor(host: HostMemory, writtenLog = new WrittenLog(host.layout.frameCount)) {
    this.writtenLog = writtenLog;
    this.host = host;
    this.words = host.words;
    this.frameCount = host.layout.frameCount;
    this.free = this.frameCount;
    this.stale = new Uint8Array(this.frameCount);
    this.freeBits = new Uint32Array((this.frameCount + 31) >>> 5).fill(0xffffffff);
    const rest = this.frameCount & 31;
    if (rest !== 0) this.freeBits[this.freeBits.length - 1] = 2 ** rest - 1;
  }

  /** Frames that nobody has and that are not reserved. */
  freeCount(): number {
    return this.free - this.promised;
  }

  /**
   * Sets `count` free frames aside for {@link allocateReserved}; false (and nothing changes) when
   * there are not as many.
   */
  reserve(count: number): boolean {
    if (this.freeCount() < count) return false;
    this.promised += count;
    return true;
  }

  /** Gives reserved frames back to all. */
  unreserve(count: number): void {
    assert(count <= this.promised, 'only reserved frames are given back');
    this.promised -= count;
  }

  /** The lowest free frame, now owned and full of zeroes; −1 when none is free for everybody. */
  allocate(owner: number, kind: FrameKind): number {
    return this.freeCount() > 0 ? this.takeLowest(owner, kind) : -1;
  }

  /** As {@link allocate}, out of what {@link reserve} has set aside. */
  allocateReserved(owner: number, kind: FrameKind): number {
    this.unreserve(1);
    return this.takeLowest(owner, kind);
  }

  private takeLowest(owner: number, kind: FrameKind): number {
    assert(kind !== frameKind.free, 'a frame is allocated for a purpose');
    while (this.lowestWord < this.freeBits.length && this.freeBits[this.lowestWord] === 0) {
      this.lowestWord++;
    }
    if (this.lowestWord === this.freeBits.length) return -1;
    const bits = this.freeBits[this.lowestWord]!;
    const frame = this.lowestWord * 32 + (31 - Math.clz32(bits & -bits));
    this.take(frame, owner, kind);
    return frame;
  }

  /**
   * The lowest four free frames in a row that begin at a multiple of four (a Sv39x4 root); −1 when
   * there are none.
   */
  allocateFour(owner: number, kind: FrameKind): number {
    if (this.freeCount() < 4) return -1;
    for (let word = this.lowestWord; word < this.freeBits.length; word++) {
      const bits = this.freeBits[word]!;
      for (let shift = 0; shift < 32; shift += 4) {
        if (((bits >>> shift) & 0xf) !== 0xf) continue;
        const first = word * 32 + shift;
        for (let index = 0; index < 4; index++) this.take(first + index, owner, kind);
        return first;
      }
    }
    return -1;
  }

  /** Gives a frame back. Whoever mapped or cached it has let go before. */
  release(frame: number): void {
    assert(this.kind(frame) !== frameKind.free, 'a frame is released once');
    this.stale[frame] = 1;
    this.words[TABLE + frame] = this.heat(frame) << frameField.heatShift;
    const word = frame >>> 5;
    this.freeBits[word] = (this.freeBits[word]! | (1 << (frame & 31))) >>> 0;
    if (word < this.lowestWord) this.lowestWord = word;
    this.free++;
  }

  /** Takes every free frame for `owner` (another tenant of the host). Gives how many. */
  takeAllFree(owner: number, kind: FrameKind): number {
    let count = 0;
    while (this.allocate(owner, kind) >= 0) count++;
    return count;
  }

  /** Releases every frame of `owner` and `kind`. Gives how many. */
  releaseAll(owner: number, kind: FrameKind): number {
    let count = 0;
    for (let frame = 0; frame < this.frameCount; frame++) {
      if (this.kind(frame) !== kind || this.owner(frame) !== owner) continue;
      this.release(frame);
      count++;
    }
    return count;
  }

  entry(frame: number): FrameEntry {
    const word = this.words[TABLE + frame]!;
    return {
      owner: this.owner(frame),
      kind: this.kind(frame),
      dirty: (word & frameField.dirty) !== 0,
      inFlight: (word & frameField.inFlight) !== 0,
      code: (word & frameField.code) !== 0,
      heat: this.heat(frame),
    };
  }

  kind(frame: number): FrameKind {
    const word = this.words[TABLE + frame]!;
    return ((word >>> frameField.kindShift) & frameField.kindMask) as FrameKind;
  }

  owner(frame: number): number {
    return (this.words[TABLE + frame]! >>> frameField.ownerShift) & frameField.ownerMask;
  }

  /** Heat epoch of the last write, 0 … 255. */
  heat(frame: number): number {
    return (this.words[TABLE + frame]! >>> frameField.heatShift) & frameField.heatMask;
  }

  setHeat(frame: number, epoch: number): void {
    const word = this.words[TABLE + frame]! & ~(frameField.heatMask << frameField.heatShift);
    this.words[TABLE + frame] = word | (epoch << frameField.heatShift);
  }

  isCode(frame: number): boolean {
    return (this.words[TABLE + frame]! & frameField.code) !== 0;
  }

  /** Sets or clears one of frameField.dirty, .inFlight, .code. */
  setFlag(frame: number, flag: number, on: boolean): void {
    const word = this.words[TABLE + frame]!;
    this.words[TABLE + frame] = on ? word | flag : word & ~flag;
  }

  /** Sets how far the capture of the page in a frame is, 0 … 3 (frameField.capture). */
  setCapture(frame: number, state: number): void {
    const mask = frameField.captureMask << frameField.captureShift;
    const word = this.words[TABLE + frame]! & ~mask;
    this.words[TABLE + frame] = word | (state << frameField.captureShift);
  }

  private take(frame: number, owner: number, kind: FrameKind): void {
    assert(owner >= 0 && owner <= frameField.ownerMask, 'an owner is a VM id, 0 … 255');
    const word = frame >>> 5;
    this.freeBits[word] = (this.freeBits[word]! & ~(1 << (frame & 31))) >>> 0;
    this.words[TABLE + frame] =
      (this.heat(frame) << frameField.heatShift) |
      (kind << frameField.kindShift) |
      (owner << frameField.ownerShift);
    this.free--;
    if (this.stale[frame] === 0) return;
    this.stale[frame] = 0;
    const address = frameAddress(this.host, frame);
    this.host.bytes.fill(0, address, address + 4096);
    this.writtenLog.mark(frame);
  }
}
