/**
 * Event kernel for typed events: the queue of a logical process that lives on millions of small events (a pod of
 * hosts, decisions/0006). Same total order as event-queue.ts, (timeNs, rank, source, sequence), but an event is a row
 * of numbers: a kind and three arguments, no object and no garbage.
 *
 *   heapTime  Float64  │ 10 │ 12 │ 15 │ 11 │ 40 │ …      a heap of arity 4: children of i are 4i + 1 … 4i + 4
 *   heapRow   Uint32   │  7 │  3 │  0 │  9 │  2 │ …      ──► rows, 8 × Float64 each, one line of the cache:
 *                                                            key, sequence, kind, generation, a, b, c, –
 *
 * Times are compared in the heap's own array; only equal times look at the rows. A cancelled row stays in the heap,
 * marked, until it comes up or until such rows are the greater part. Left out: events that carry bytes or text
 * (event-queue.ts has them), several threads.
 */
import { assert } from '../base/assert.ts';
import { type Hash64, hashUint32 } from '../base/hash.ts';

/** Names an event that may be cancelled: row and the row's generation. Never reused. */
export type EventHandle = number;

/** No event. */
export const NO_EVENT: EventHandle = -1;

/** Most rows: more is a leak in the model. */
const ROW_COUNT_MAX = 1 << 22;
const SOURCE_MAX = (1 << 24) - 2;
/** `kind` of a row that is cancelled, and of one that is free. */
const CANCELLED = -1;
const FREE = -2;
/** Fields of a row. */
const KEY = 0; //        rank × 2^24 + source + 1
const SEQUENCE = 1;
const KIND = 2;
const GENERATION = 3;
const A = 4;
const B = 5;
const C = 6;
/** log2 of the fields of a row. */
const ROW_SHIFT = 3;

/** See the file's head. The fields named `event…` are those of the event that {@link EventKernel.next} took last. */
export class EventKernel {
  /** The process whose own events these are. */
  readonly source: number;
  eventTimeNs = -1;
  eventRank = 0;
  eventSource = 0;
  eventSequence = 0;
  eventKind = 0;
  eventA = 0;
  eventB = 0;
  eventC = 0;
  /** Events taken so far. */
  dispatched = 0;

  private sequence = 0; //    of the next event of this process
  private heapCount = 0; //   rows in the heap, the cancelled ones included
  private cancelledCount = 0;
  private freeCount = 0;
  private heapTime: Float64Array;
  private heapRow: Uint32Array;
  private rows: Float64Array;
  private freeRows: Uint32Array; //   a stack

  constructor(source: number, capacity = 1024) {
    assert(Number.isInteger(source) && source >= 0 && source <= SOURCE_MAX, 'a source is 0 … 2^24 − 2');
    assert(capacity >= 4 && capacity <= ROW_COUNT_MAX, 'a kernel has 4 … 2^22 rows');
    this.source = source;
    this.heapTime = new Float64Array(capacity);
    this.heapRow = new Uint32Array(capacity);
    this.rows = new Float64Array(capacity << ROW_SHIFT);
    this.freeRows = new Uint32Array(capacity);
    this.release(0, capacity);
  }

  /** Events that are still to come. */
  pendingCount(): number {
    return this.heapCount - this.cancelledCount;
  }

  /** Adds an event of this process. Numbers are safe integers; what they mean is the kind's business. Positional, for it is the hot path. */
  schedule(timeNs: number, rank: number, kind: number, a: number, b: number, c: number): EventHandle {
    return this.scheduleForeign(timeNs, rank, this.source, this.sequence++, kind, a, b, c);
  }

  /** Adds an event whose place in the order was given elsewhere: an arrival, a command (source −1). */
  scheduleForeign(
    timeNs: number, rank: number, source: number, sequence: number, kind: number, a: number, b: number, c: number,
  ): EventHandle {
    assert(timeNs >= 0 && timeNs <= Number.MAX_SAFE_INTEGER, 'an event has a virtual time');
    if (this.freeCount === 0) this.grow();
    const row = this.freeRows[--this.freeCount]!;
    const { rows } = this;
    const at = row << ROW_SHIFT;
    rows[at + KEY] = rank * 0x100_0000 + source + 1;
    rows[at + SEQUENCE] = sequence;
    rows[at + KIND] = kind;
    rows[at + A] = a;
    rows[at + B] = b;
    rows[at + C] = c;
    this.rise(this.heapCount++, timeNs, row);
    return rows[at + GENERATION]! * ROW_COUNT_MAX + row;
  }

  /** Takes an event out of the future. False when it has happened or was cancelled before. */
  cancel(handle: EventHandle): boolean {
    if (handle < 0) return false;
    const row = handle % ROW_COUNT_MAX;
    const at = row << ROW_SHIFT;
    if (this.rows[at + GENERATION] !== (handle - row) / ROW_COUNT_MAX || this.rows[at + KIND]! < 0) return false;
    this.rows[at + KIND] = CANCELLED;
    this.cancelledCount++;
    if (this.cancelledCount > 64 && this.cancelledCount * 2 > this.heapCount) this.sweep();
    return true;
  }

  /** Time of the next event; Infinity when there is none. Unit: ns. */
  nextTimeNs(): number {
    this.dropCancelled();
    return this.heapCount === 0 ? Number.POSITIVE_INFINITY : this.heapTime[0]!;
  }

  /** Takes the next event if it lies before `untilNs`: its fields are then in `event…`. */
  next(untilNs: number): boolean {
    this.dropCancelled();
    if (this.heapCount === 0 || this.heapTime[0]! >= untilNs) return false;
    const row = this.heapRow[0]!;
    const { rows } = this;
    const at = row << ROW_SHIFT;
    const key = rows[at + KEY]!;
    this.eventTimeNs = this.heapTime[0]!;
    this.eventRank = key >>> 24;
    this.eventSource = (key & 0xff_ffff) - 1;
    this.eventSequence = rows[at + SEQUENCE]!;
    this.eventKind = rows[at + KIND]!;
    this.eventA = rows[at + A]!;
    this.eventB = rows[at + B]!;
    this.eventC = rows[at + C]!;
    this.dispatched++;
    this.removeFirst(row);
    return true;
  }

  /** Mixes the event taken last into a hash. */
  hashEvent(hash: Hash64): void {
    const { eventTimeNs, eventSequence } = this;
    hashUint32(hash, eventTimeNs | 0);
    hashUint32(hash, (eventTimeNs / 0x1_0000_0000) | 0);
    hashUint32(hash, (this.eventKind << 16) ^ (this.eventRank << 12) ^ this.eventSource);
    hashUint32(hash, eventSequence | 0);
    hashUint32(hash, this.eventA | 0);
    hashUint32(hash, (this.eventB | 0) ^ Math.imul(this.eventC | 0, 0x9e3779b1));
  }

  /** All events still to come, in no order of meaning: for judges and inspectors. */
  forEach(visit: (timeNs: number, kind: number, a: number, b: number, c: number) => void): void {
    for (let place = 0; place < this.heapCount; place++) {
      const at = this.heapRow[place]! << ROW_SHIFT;
      const kind = this.rows[at + KIND]!;
      if (kind < 0) continue;
      visit(this.heapTime[place]!, kind, this.rows[at + A]!, this.rows[at + B]!, this.rows[at + C]!);
    }
  }

  // ── Saving: everything that decides the future, handles included ──

  /** A copy of the whole state, for {@link restore}. */
  save(): SavedKernel {
    const { heapCount, freeCount } = this;
    return {
      counts: [this.sequence, heapCount, this.cancelledCount, freeCount, this.dispatched],
      heapTime: this.heapTime.slice(0, heapCount),
      heapRow: this.heapRow.slice(0, heapCount),
      rows: this.rows.slice(),
      freeRows: this.freeRows.slice(0, freeCount),
    };
  }

  /** Puts a saved state back; what was scheduled since is gone. */
  restore(saved: SavedKernel): void {
    const capacity = saved.rows.length >> ROW_SHIFT;
    const [sequence, heapCount, cancelledCount, freeCount, dispatched] = saved.counts;
    this.sequence = sequence;
    this.heapCount = heapCount;
    this.cancelledCount = cancelledCount;
    this.freeCount = freeCount;
    this.dispatched = dispatched;
    this.heapTime = grown(saved.heapTime, new Float64Array(capacity));
    this.heapRow = grown(saved.heapRow, new Uint32Array(capacity));
    this.freeRows = grown(saved.freeRows, new Uint32Array(capacity));
    this.rows = saved.rows.slice();
  }

  // ── The heap ──

  private dropCancelled(): void {
    while (this.cancelledCount > 0 && this.kindOf(this.heapRow[0]!) === CANCELLED) {
      this.cancelledCount--;
      this.removeFirst(this.heapRow[0]!);
    }
  }

  private kindOf(row: number): number {
    return this.rows[(row << ROW_SHIFT) + KIND]!;
  }

  private removeFirst(row: number): void {
    this.free(row);
    const last = --this.heapCount;
    if (last > 0) this.sink(0, this.heapTime[last]!, this.heapRow[last]!);
  }

  private free(row: number): void {
    this.rows[(row << ROW_SHIFT) + KIND] = FREE;
    this.rows[(row << ROW_SHIFT) + GENERATION]! += 1;
    this.freeRows[this.freeCount++] = row;
  }

  /** Whether the left row happens before the right one, both at the same time. */
  private precedes(left: number, right: number): boolean {
    const { rows } = this;
    const difference = rows[(left << ROW_SHIFT) + KEY]! - rows[(right << ROW_SHIFT) + KEY]!;
    if (difference !== 0) return difference < 0;
    return rows[(left << ROW_SHIFT) + SEQUENCE]! < rows[(right << ROW_SHIFT) + SEQUENCE]!;
  }

  /** Puts a row in at the free place `start` or above it. */
  private rise(start: number, timeNs: number, row: number): void {
    const { heapTime, heapRow } = this;
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      const above = heapTime[parent]!;
      if (above < timeNs || (above === timeNs && this.precedes(heapRow[parent]!, row))) break;
      heapTime[place] = above;
      heapRow[place] = heapRow[parent]!;
      place = parent;
    }
    heapTime[place] = timeNs;
    heapRow[place] = row;
  }

  /** Puts a row in at the free place `start` or below it. */
  private sink(start: number, timeNs: number, row: number): void {
    const { heapTime, heapRow, heapCount } = this;
    let place = start;
    for (;;) {
      let child = 4 * place + 1;
      if (child >= heapCount) break;
      const end = child + 4 < heapCount ? child + 4 : heapCount;
      let leastTime = heapTime[child]!;
      for (let other = child + 1; other < end; other++) {
        const time = heapTime[other]!;
        if (time < leastTime || (time === leastTime && this.precedes(heapRow[other]!, heapRow[child]!))) {
          leastTime = time;
          child = other;
        }
      }
      if (timeNs < leastTime || (timeNs === leastTime && this.precedes(row, heapRow[child]!))) break;
      heapTime[place] = leastTime;
      heapRow[place] = heapRow[child]!;
      place = child;
    }
    heapTime[place] = timeNs;
    heapRow[place] = row;
  }

  /** Takes all cancelled rows out of the heap. */
  private sweep(): void {
    let kept = 0;
    for (let place = 0; place < this.heapCount; place++) {
      const row = this.heapRow[place]!;
      if (this.kindOf(row) === CANCELLED) this.free(row);
      else {
        this.heapTime[kept] = this.heapTime[place]!;
        this.heapRow[kept++] = row;
      }
    }
    this.heapCount = kept;
    this.cancelledCount = 0;
    for (let place = (kept - 2) >> 2; place >= 0; place--) {
      this.sink(place, this.heapTime[place]!, this.heapRow[place]!);
    }
  }

  /** Rows from … to − 1 are free; the least is taken first. */
  private release(from: number, to: number): void {
    for (let row = to - 1; row >= from; row--) {
      this.rows[(row << ROW_SHIFT) + KIND] = FREE;
      this.freeRows[this.freeCount++] = row;
    }
  }

  private grow(): void {
    const old = this.heapRow.length;
    assert(old < ROW_COUNT_MAX, 'the event kernel does not leak');
    const capacity = Math.min(ROW_COUNT_MAX, old * 2);
    this.heapTime = grown(this.heapTime, new Float64Array(capacity));
    this.heapRow = grown(this.heapRow, new Uint32Array(capacity));
    this.rows = grown(this.rows, new Float64Array(capacity << ROW_SHIFT));
    this.freeRows = grown(this.freeRows, new Uint32Array(capacity));
    this.release(old, capacity);
  }
}

/** What {@link EventKernel.save} gives. */
export interface SavedKernel {
  /** Next sequence, rows in the heap, cancelled ones among them, free rows, events taken. */
  readonly counts: readonly [number, number, number, number, number];
  readonly heapTime: Float64Array;
  readonly heapRow: Uint32Array;
  readonly rows: Float64Array;
  readonly freeRows: Uint32Array;
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
