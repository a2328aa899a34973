/**
 * Event kernel for typed events: the queue of a logical process that lives on millions of small events (a pod of
 * hosts, decisions/0006). Same total order as event-queue.ts, (timeNs, rank, source, sequence), but an event is a row
 * of numbers: a kind and two arguments, no object and no garbage.
 *
 *   wheel     Int32    │ 31 │  – │  5 │ …                 a slot holds 268 ms of the future as a list of rows, in no order
 *   heapTime  Float64  │ 10 │ 12 │ 15 │ 11 │ 40 │ …      a heap of arity 4: children of i are 4i + 1 … 4i + 4
 *   heapRow   Uint32   │  7 │  3 │  0 │  9 │  2 │ …      ──► rows, 8 × Float64 each, one line of the cache:
 *                                                            key, sequence, kind, generation, a, b, time, link
 *
 * The heap holds every event up to the end of the slot that was opened last, the wheel what is later; a slot is opened when the
 * heap is empty. So the heap stays small enough for the nearest cache, while what is far away costs one line when it is scheduled and
 * one when its slot comes. Events further away than the wheel goes round stay in their slot for another turn. The order does not
 * depend on any of this: it is the heap's. Times are compared in the heap's own array; only equal times look at the rows. A cancelled
 * row stays, marked, until it comes up or until such rows are the greater part. Left out: events that carry bytes or text
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
const TIME = 6;
const LINK = 7; //       next row of its slot, −1 at the end
/** log2 of the fields of a row. */
const ROW_SHIFT = 3;
/** Slots of the wheel, a power of two; times of one slot. Most of what VMs plan lies within one turn, 69 s. Unit: ns. */
const SLOT_COUNT = 256;
const SLOT_NS = 2 ** 28;
const NONE = -1;

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
  /** Events taken so far. */
  dispatched = 0;

  private sequence = 0; //    of the next event of this process
  private heapCount = 0; //   rows in the heap, the cancelled ones included
  private wheelCount = 0; //  rows in the wheel, likewise
  private openSlot = 0; //    what lies in slots up to this one is in the heap
  private cancelledCount = 0;
  private freeCount = 0;
  private heapTime: Float64Array;
  private heapRow: Uint32Array;
  private rows: Float64Array;
  private freeRows: Uint32Array; //   a stack
  private readonly wheel = new Int32Array(SLOT_COUNT).fill(NONE);

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
    return this.heapCount + this.wheelCount - this.cancelledCount;
  }

  /** Adds an event of this process. Numbers are safe integers; what they mean is the kind's business. Positional, for it is the hot path. */
  schedule(timeNs: number, rank: number, kind: number, a: number, b: number): EventHandle {
    return this.scheduleForeign(timeNs, rank, this.source, this.sequence++, kind, a, b);
  }

  /** Adds an event whose place in the order was given elsewhere: an arrival, a command (source −1). */
  scheduleForeign(timeNs: number, rank: number, source: number, sequence: number, kind: number, a: number, b: number): EventHandle {
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
    rows[at + TIME] = timeNs;
    const slot = Math.floor(timeNs / SLOT_NS);
    if (slot <= this.openSlot) this.rise(this.heapCount++, timeNs, row);
    else {
      rows[at + LINK] = this.wheel[slot & (SLOT_COUNT - 1)]!;
      this.wheel[slot & (SLOT_COUNT - 1)] = row;
      this.wheelCount++;
    }
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
    if (this.cancelledCount > 64 && this.cancelledCount * 2 > this.heapCount + this.wheelCount) this.sweep();
    return true;
  }

  /** Time of the next event; Infinity when there is none. Unit: ns. */
  nextTimeNs(): number {
    return this.findFirst() ? this.heapTime[0]! : Number.POSITIVE_INFINITY;
  }

  /** Takes the next event if it lies before `untilNs`: its fields are then in `event…`. */
  next(untilNs: number): boolean {
    if (!this.findFirst() || this.heapTime[0]! >= untilNs) return false;
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
    hashUint32(hash, this.eventB | 0);
  }

  /** All events still to come, in no order of meaning: for judges and inspectors. */
  forEach(visit: (timeNs: number, kind: number, a: number, b: number) => void): void {
    const { rows } = this;
    for (let at = 0; at < rows.length; at += 1 << ROW_SHIFT) {
      if (rows[at + KIND]! >= 0) visit(rows[at + TIME]!, rows[at + KIND]!, rows[at + A]!, rows[at + B]!);
    }
  }

  // ── Saving: everything that decides the future, handles included ──

  /** A copy of the whole state, for {@link restore}. */
  save(): SavedKernel {
    const { heapCount, freeCount } = this;
    return {
      counts: [this.sequence, heapCount, this.cancelledCount, freeCount, this.dispatched, this.wheelCount, this.openSlot],
      wheel: this.wheel.slice(),
      heapTime: this.heapTime.slice(0, heapCount),
      heapRow: this.heapRow.slice(0, heapCount),
      rows: this.rows.slice(),
      freeRows: this.freeRows.slice(0, freeCount),
    };
  }

  /** Puts a saved state back; what was scheduled since is gone. */
  restore(saved: SavedKernel): void {
    const capacity = saved.rows.length >> ROW_SHIFT;
    const [sequence, heapCount, cancelledCount, freeCount, dispatched, wheelCount, openSlot] = saved.counts;
    this.sequence = sequence;
    this.heapCount = heapCount;
    this.cancelledCount = cancelledCount;
    this.freeCount = freeCount;
    this.dispatched = dispatched;
    this.wheelCount = wheelCount;
    this.openSlot = openSlot;
    this.wheel.set(saved.wheel);
    this.heapTime = grown(saved.heapTime, new Float64Array(capacity));
    this.heapRow = grown(saved.heapRow, new Uint32Array(capacity));
    this.freeRows = grown(saved.freeRows, new Uint32Array(capacity));
    this.rows = saved.rows.slice();
  }

  // ── The wheel ──

  /** Whether there is an event at all; the first one then stands at the heap's top. */
  private findFirst(): boolean {
    for (;;) {
      while (this.cancelledCount > 0 && this.heapCount > 0 && this.kindOf(this.heapRow[0]!) === CANCELLED) {
        this.cancelledCount--;
        this.removeFirst(this.heapRow[0]!);
      }
      if (this.heapCount > 0) return true;
      if (this.wheelCount === 0) return false;
      this.openNext();
    }
  }

  /** Opens the next slots until rows come into the heap; when none does in a whole turn, the slot of the earliest. */
  private openNext(): void {
    for (let turned = 0; turned < SLOT_COUNT; turned++) {
      this.open(this.openSlot + 1);
      if (this.heapCount > 0 || this.wheelCount === 0) return;
    }
    let least = Number.POSITIVE_INFINITY;
    this.forEach((timeNs) => {
      if (timeNs < least) least = timeNs;
    });
    if (least < Number.POSITIVE_INFINITY) this.open(Math.floor(least / SLOT_NS));
  }

  /** Rows of a slot go into the heap, but for those that come in a later turn; cancelled ones are free again. */
  private open(slot: number): void {
    const { rows, wheel } = this;
    const index = slot & (SLOT_COUNT - 1);
    let row = wheel[index]!;
    this.openSlot = slot;
    wheel[index] = NONE;
    while (row !== NONE) {
      const at = row << ROW_SHIFT;
      const next = rows[at + LINK]!;
      const timeNs = rows[at + TIME]!;
      if (rows[at + KIND] === CANCELLED) {
        this.wheelCount--;
        this.cancelledCount--;
        this.free(row);
      } else if (Math.floor(timeNs / SLOT_NS) <= slot) {
        this.wheelCount--;
        this.rise(this.heapCount++, timeNs, row);
      } else {
        rows[at + LINK] = wheel[index]!;
        wheel[index] = row;
      }
      row = next;
    }
  }

  /** Takes the cancelled rows out of all slots. */
  private sweepWheel(): void {
    const { rows, wheel } = this;
    for (let index = 0; index < SLOT_COUNT; index++) {
      let row = wheel[index]!;
      wheel[index] = NONE;
      while (row !== NONE) {
        const at = row << ROW_SHIFT;
        const next = rows[at + LINK]!;
        if (rows[at + KIND] === CANCELLED) {
          this.wheelCount--;
          this.free(row);
        } else {
          rows[at + LINK] = wheel[index]!;
          wheel[index] = row;
        }
        row = next;
      }
    }
  }

  // ── The heap ──

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

  /** Takes all cancelled rows out. */
  private sweep(): void {
    this.sweepWheel();
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
  /** Next sequence, rows in the heap, cancelled ones, free rows, events taken, rows in the wheel, slot opened last. */
  readonly counts: readonly [number, number, number, number, number, number, number];
  readonly wheel: Int32Array;
  readonly heapTime: Float64Array;
  readonly heapRow: Uint32Array;
  readonly rows: Float64Array;
  readonly freeRows: Uint32Array;
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
