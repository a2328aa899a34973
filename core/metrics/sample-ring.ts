/**
 * Samples of one process in (shared) memory: a ring of rows [timeNs, value …], written by the sampler and
 * read by charts without a message. The writer never waits; a reader drops rows that were overwritten
 * while it read.
 *
 *   i32 magic · i32 columns (time included) · i32 capacity in rows · i32 rows written so far ·
 *   i32 first row that is still whole (a rewind) · i32 unused · f64 rows …
 */
import { assert } from '../base/assert.ts';

/** First header word: 'GHSR'. */
export const SAMPLE_RING_MAGIC = 0x47485352;
/** Bytes before the rows. */
const HEADER_SIZE = 24;
const HEADER_WORDS = HEADER_SIZE / 4;
const COUNT = 3;
const FIRST = 4;

/** A ring's two views of its memory. */
export interface SampleRing {
  readonly header: Int32Array;
  readonly rows: Float64Array;
  readonly columns: number; //  values in a row, the time included
  readonly capacity: number; // rows
}

/** Rows read from a ring, oldest first, one array of `columns` numbers each. */
export interface SampleRange {
  /** Number of the first row returned, counted since the start of the run. */
  readonly first: number;
  /** Row number to ask for next time. */
  readonly next: number;
  /** `columns` values a row, rows one after another. */
  readonly values: Float64Array;
}

/** Bytes of memory that a ring takes. `columns` includes the time. */
export function sampleRingSize(columns: number, capacity: number): number {
  return HEADER_SIZE + columns * capacity * 8;
}

/** Makes an empty ring in fresh memory at `byteOffset` (a multiple of 8). `columns` includes the time. */
export function makeSampleRing(options: {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly columns: number;
  readonly capacity: number;
}): SampleRing {
  const { buffer, byteOffset, columns, capacity } = options;
  assert(columns >= 1 && columns <= 1024, 'a sample ring has 1 … 1,024 columns');
  assert(capacity >= 2 && capacity <= 1 << 20, 'a sample ring has 2 … 1,048,576 rows');
  const header = new Int32Array(buffer, byteOffset, HEADER_WORDS);
  header[0] = SAMPLE_RING_MAGIC;
  header[1] = columns;
  header[2] = capacity;
  header[COUNT] = 0;
  header[FIRST] = 0;
  return { header, rows: new Float64Array(buffer, byteOffset + HEADER_SIZE, columns * capacity), columns, capacity };
}

/** The ring that {@link makeSampleRing} made there. */
export function sampleRingOver(buffer: ArrayBufferLike, byteOffset: number): SampleRing {
  const header = new Int32Array(buffer, byteOffset, HEADER_WORDS);
  assert(header[0] === SAMPLE_RING_MAGIC, 'a sample ring begins with its magic word');
  const columns = header[1]!;
  const capacity = header[2]!;
  return { header, rows: new Float64Array(buffer, byteOffset + HEADER_SIZE, columns * capacity), columns, capacity };
}

/** Appends one row; `values` has columns − 1 entries. Writer only. */
export function appendSample(ring: SampleRing, timeNs: number, values: ArrayLike<number>): void {
  assert(values.length === ring.columns - 1, 'a sample has a value for each column');
  const count = Atomics.load(ring.header, COUNT);
  const start = (count % ring.capacity) * ring.columns;
  ring.rows[start] = timeNs;
  for (let index = 0; index < values.length; index++) ring.rows[start + 1 + index] = values[index]!;
  Atomics.store(ring.header, COUNT, count + 1);
}

/** Rows written so far. */
export function sampleCount(ring: SampleRing): number {
  return Atomics.load(ring.header, COUNT);
}

/**
 * Forgets the rows from number `count` on: the run was rewound. Of those before, what later rows have
 * overwritten is gone. Writer only.
 */
export function rewindSamples(ring: SampleRing, count: number): void {
  const written = Atomics.load(ring.header, COUNT);
  assert(count >= 0 && count <= written, 'a ring is rewound to rows that were written');
  const whole = Math.max(Atomics.load(ring.header, FIRST), written - ring.capacity + 1, 0);
  Atomics.store(ring.header, FIRST, Math.min(count, whole));
  Atomics.store(ring.header, COUNT, count);
}

/** Number of the first row whose time is not before `timeNs`, of those that are still whole; the next row's when none is. */
export function findSampleRow(ring: SampleRing, timeNs: number): number {
  const count = sampleCount(ring);
  let low = Math.min(count, Math.max(count - ring.capacity + 1, Atomics.load(ring.header, FIRST), 0));
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ring.rows[(middle % ring.capacity) * ring.columns]! < timeNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Copies the rows from number `from` on that are still there and whole, at most `rowCountMax`. The oldest
 * slot counts as gone, for the writer may be in it.
 */
export function readSamples(ring: SampleRing, from: number, rowCountMax = ring.capacity): SampleRange {
  const { columns, capacity } = ring;
  const count = sampleCount(ring);
  const first = Math.min(count, Math.max(from, count - capacity + 1, Atomics.load(ring.header, FIRST)));
  const next = Math.max(first, Math.min(count, first + rowCountMax));
  const values = new Float64Array((next - first) * columns);
  for (let row = first; row < next; row++) {
    const start = (row % capacity) * columns;
    values.set(ring.rows.subarray(start, start + columns), (row - first) * columns);
  }
  const whole = Math.min(next, Math.max(first, sampleCount(ring) - capacity + 1));
  return { first: whole, next, values: values.subarray((whole - first) * columns) };
}
