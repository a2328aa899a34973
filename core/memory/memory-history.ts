/**
 * Checkpoints of a host's one memory. Frames are kept as copies of what was written since the checkpoint
 * before; the content of a frame at a checkpoint is its copy in the newest checkpoint up to there that has
 * one, else zeroes. A restore writes only frames that can differ. The frame table, the guest frame maps, the
 * harts' records and the hash log are kept whole, in pieces shared while they are the same; heat, which is no
 * state but is seen, as a byte a frame. TLBs and decoded pages are no state: they are emptied.
 *
 * With a shelf, copies of old checkpoints move there when memory is short: a restore then reads them one by one.
 * Left out: compression.
 */
import { assert } from '../base/assert.ts';
import type { CheckpointPart, PageShelf } from '../sim/checkpoint/part.ts';
import {
  FRAME_TABLE_ADDRESS,
  frameField,
  HART_ADDRESS,
  HART_COUNT_MAX,
  HART_STRIDE,
  VM_SLOT_COUNT,
} from '../protocol/host-memory-layout.ts';
import { frameAddress } from './host-memory.ts';
import type { MemorySystem } from './memory-system.ts';
import { PagePool, ZERO_COPY } from './page-pool.ts';

/** Words of a piece: the unit of sharing between checkpoints. */
const PIECE_WORDS = 1024;
/** Bits of a frame table entry that are no state: heat is a tool's (kept apart), code follows from decoded pages. */
const TABLE_MASK = ~((frameField.heatMask << frameField.heatShift) | frameField.code);
/** A hart's record; the TLBs behind it are no state. */
const RECORD_WORDS = 1024;

interface Piece {
  readonly words: Int32Array;
  uses: number;
}

/** A range of words that is kept whole. `name` finds the same range in the checkpoint before. */
interface Range {
  readonly name: string;
  readonly word: number;
  readonly count: number;
  readonly mask: number;
}

interface SavedRange extends Range {
  readonly pieces: readonly Piece[];
}

interface MemoryCheckpoint {
  readonly id: number;
  /** Frames written since the checkpoint before, and their copies. */
  copies: Map<number, number>;
  readonly ranges: ReadonlyMap<string, SavedRange>;
  readonly hashLog: Uint32Array;
  readonly heat: Uint8Array;
}

/** See the file's head. */
export class MemoryHistory implements CheckpointPart {
  private readonly system: MemorySystem;
  private readonly beforeRestore: () => void;
  private readonly pool: PagePool;
  /** In order of time. */
  private readonly line: MemoryCheckpoint[] = [];
  private base = -1; // position in the line
  private rangeBytes = 0;

  /** `beforeRestore` forgets what was decoded from frames. */
  constructor(system: MemorySystem, beforeRestore: () => void, shelf?: PageShelf) {
    this.system = system;
    this.beforeRestore = beforeRestore;
    this.pool = new PagePool(shelf);
  }

  take(id: number): void {
    const { system } = this;
    const copies = new Map<number, number>();
    for (const frame of system.written.take()) copies.set(frame, this.pool.keep(this.bytesOf(frame)));
    system.tlb.flushWritesOfAll();
    const before = this.line[this.base]?.ranges;
    const ranges = new Map<string, SavedRange>();
    for (const range of this.rangesNow()) {
      ranges.set(range.name, this.saveRange(range, before?.get(range.name)));
    }
    const hashLog = system.tools.writtenFrames();
    const heat = system.tools.heatStamps();
    this.rangeBytes += hashLog.byteLength + heat.byteLength;
    this.line.splice(++this.base, 0, { id, copies, ranges, hashLog, heat });
  }

  pass(id: number): void {
    this.base = this.positionOf(id);
    this.system.written.take();
    this.system.tlb.flushWritesOfAll();
  }

  restore(id: number): void {
    const { system } = this;
    this.beforeRestore();
    const target = this.positionOf(id);
    const frames = this.framesThatMayDiffer(target);
    this.putBackFrames(frames, target);
    const words = system.host.words;
    for (const range of this.mapsNow()) words.fill(0, range.word, range.word + range.count);
    for (const range of this.line[target]!.ranges.values()) this.putBackRange(range);
    system.map.rebuild(this.mapsOf(target));
    system.tools.restoreWritten(this.line[target]!.hashLog);
    system.tools.restoreHeat(this.line[target]!.heat);
    system.tlb.flushEverything();
    system.written.take();
    this.base = target;
  }

  drop(id: number): void {
    const position = this.positionOf(id);
    assert(position > 0, 'the first checkpoint is always kept');
    assert(position !== this.base, 'the base is not dropped');
    const [dropped] = this.line.splice(position, 1);
    if (position < this.base) this.base--;
    const after = this.line[position];
    for (const [frame, copy] of dropped!.copies) {
      if (after !== undefined && !after.copies.has(frame)) after.copies.set(frame, copy);
      else this.pool.release(copy);
    }
    for (const range of dropped!.ranges.values()) {
      for (const piece of range.pieces) {
        if (--piece.uses === 0) this.rangeBytes -= piece.words.byteLength;
      }
    }
    this.rangeBytes -= dropped!.hashLog.byteLength + dropped!.heat.byteLength;
  }

  byteCount(): number {
    return this.pool.byteCount() + this.rangeBytes;
  }

  spill(byteCount: number): number {
    if (!this.pool.hasShelf()) return 0;
    const before = this.pool.byteCount();
    for (const { copies } of this.line) {
      for (const [frame, copy] of copies) {
        if (before - this.pool.byteCount() >= byteCount) return before - this.pool.byteCount();
        if (copy <= 0) continue; // there already, or a page of zeroes
        const kept = this.pool.putAway(copy);
        if (kept === copy) return before - this.pool.byteCount(); // the shelf is full
        copies.set(frame, kept);
      }
    }
    return before - this.pool.byteCount();
  }

  spilledByteCount(): number {
    return this.pool.shelvedByteCount();
  }

  private positionOf(id: number): number {
    const position = this.line.findIndex((it) => it.id === id);
    assert(position >= 0, 'a checkpoint is in the line');
    return position;
  }

  private bytesOf(frame: number): Uint8Array {
    const address = frameAddress(this.system.host, frame);
    return this.system.host.bytes.subarray(address, address + 4096);
  }

  // ---- frames

  /** Written since the base, or between the base and the target in either direction. */
  private framesThatMayDiffer(target: number): Set<number> {
    const frames = new Set<number>(this.system.written.take());
    const first = Math.min(this.base, target) + 1;
    const last = Math.max(this.base, target);
    for (let position = first; position <= last; position++) {
      for (const frame of this.line[position]!.copies.keys()) frames.add(frame);
    }
    return frames;
  }

  private putBackFrames(frames: Set<number>, target: number): void {
    const put = (frame: number, copy: number) => {
      if (copy === ZERO_COPY) this.bytesOf(frame).fill(0);
      else this.bytesOf(frame).set(this.pool.read(copy));
    };
    for (let position = target; position >= 0 && frames.size > 0; position--) {
      const { copies } = this.line[position]!;
      if (copies.size < frames.size) {
        for (const [frame, copy] of copies) if (frames.delete(frame)) put(frame, copy);
        continue;
      }
      for (const frame of frames) {
        const copy = copies.get(frame);
        if (copy === undefined) continue;
        frames.delete(frame);
        put(frame, copy);
      }
    }
    for (const frame of frames) put(frame, ZERO_COPY);
  }

  // ---- ranges

  private rangesNow(): Range[] {
    const { system } = this;
    const table = {
      name: 'frame table',
      word: FRAME_TABLE_ADDRESS >> 2,
      count: system.frames.frameCount,
      mask: TABLE_MASK,
    };
    const harts: Range[] = [];
    for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
      // Also those that nobody runs: a VM that arrives is hashed with what its hart held before.
      const word = (HART_ADDRESS + slot * HART_STRIDE) >> 2;
      harts.push({ name: `hart ${slot}`, word, count: RECORD_WORDS, mask: -1 });
    }
    return [table, ...this.mapsNow(), ...harts];
  }

  /** Frame maps of the VMs that are here. */
  private mapsNow(): Range[] {
    const { map } = this.system;
    const maps: Range[] = [];
    for (let slot = 0; slot < VM_SLOT_COUNT; slot++) {
      const vm = this.system.findVm(slot);
      if (vm === undefined) continue;
      maps.push({ name: `map ${slot}`, word: map.firstWord(slot), count: vm.pageCount, mask: -1 });
    }
    return maps;
  }

  private mapsOf(position: number): { readonly slot: number; readonly pageCount: number }[] {
    const maps: { slot: number; pageCount: number }[] = [];
    for (const { name, count } of this.line[position]!.ranges.values()) {
      if (name.startsWith('map ')) maps.push({ slot: Number(name.slice(4)), pageCount: count });
    }
    return maps;
  }

  private saveRange(range: Range, before: SavedRange | undefined): SavedRange {
    const { words } = this.system.host;
    const pieces: Piece[] = [];
    for (let at = 0; at < range.count; at += PIECE_WORDS) {
      const count = Math.min(PIECE_WORDS, range.count - at);
      const word = range.word + at;
      const old = before?.pieces[at / PIECE_WORDS];
      const piece =
        old !== undefined && isSame(words, word, old.words, count, range.mask)
          ? old
          : { words: masked(words, word, count, range.mask), uses: 0 };
      if (piece.uses++ === 0) this.rangeBytes += piece.words.byteLength;
      pieces.push(piece);
    }
    return { ...range, pieces };
  }

  private putBackRange(range: SavedRange): void {
    const { words } = this.system.host;
    range.pieces.forEach((piece, index) => {
      const first = range.word + index * PIECE_WORDS;
      if (range.mask === -1) {
        words.set(piece.words, first);
        return;
      }
      for (let at = 0; at < piece.words.length; at++) {
        words[first + at] = (words[first + at]! & ~range.mask) | piece.words[at]!;
      }
    });
  }
}

function isSame(
  words: Int32Array, first: number, old: Int32Array, count: number, mask: number,
): boolean {
  if (old.length !== count) return false;
  for (let at = 0; at < count; at++) if ((words[first + at]! & mask) !== old[at]) return false;
  return true;
}

function masked(words: Int32Array, first: number, count: number, mask: number): Int32Array {
  const copy = words.slice(first, first + count);
  if (mask !== -1) for (let at = 0; at < count; at++) copy[at] = copy[at]! & mask;
  return copy;
}
