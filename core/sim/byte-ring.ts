/**
 * A ring of length-prefixed records for one writer and one reader, over shared or plain memory. It
 * carries link frames between workers and commands to them. Nobody waits in here: a full ring refuses,
 * an empty one gives nothing.
 *
 *   word 0  bytes written so far, modulo 2^32      word 1  bytes read so far, modulo 2^32
 *   word 2… data: [u32 length][payload][padding to 4] …, positions modulo the capacity
 */
import { assert } from '../base/assert.ts';

/** Bytes before the data. */
const HEADER_SIZE = 8;
const WRITTEN = 0;
const READ = 1;

/** A ring's two views of its memory. */
export interface ByteRing {
  readonly words: Int32Array;
  readonly data: Uint8Array;
  readonly capacity: number; // bytes, a power of two
}

/** Bytes of memory that a ring of `capacity` data bytes takes. */
export function byteRingSize(capacity: number): number {
  return HEADER_SIZE + capacity;
}

/** A ring over `buffer` from `byteOffset` (a multiple of 4). Fresh zeroed memory is an empty ring. */
export function byteRingOver(options: {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly capacity: number;
}): ByteRing {
  const { buffer, byteOffset, capacity } = options;
  assert(capacity >= 16 && capacity <= 2 ** 30, 'a ring holds 16 bytes … 1 GiB');
  assert((capacity & (capacity - 1)) === 0, 'a ring’s capacity is a power of two');
  return {
    words: new Int32Array(buffer, byteOffset, (HEADER_SIZE + capacity) / 4),
    data: new Uint8Array(buffer, byteOffset + HEADER_SIZE, capacity),
    capacity,
  };
}

/** Bytes that a record with `length` payload bytes takes in the ring. */
function recordSize(length: number): number {
  return 4 + ((length + 3) & ~3);
}

/** Largest payload that an empty ring takes. */
export function recordLengthMax(ring: ByteRing): number {
  return ring.capacity - 4;
}

/**
 * Appends one record made of `head` and `body`. False, and nothing is changed, when there is no room now.
 * Writer only.
 */
export function pushRecord(ring: ByteRing, head: Uint8Array, body: Uint8Array): boolean {
  const length = head.length + body.length;
  assert(length <= recordLengthMax(ring), 'a record fits its ring');
  const written = Atomics.load(ring.words, WRITTEN);
  const used = (written - Atomics.load(ring.words, READ)) >>> 0;
  if (used + recordSize(length) > ring.capacity) return false;
  const position = (written >>> 0) & (ring.capacity - 1);
  ring.words[(HEADER_SIZE + position) >> 2] = length;
  copyIn(ring, position + 4, head);
  copyIn(ring, position + 4 + head.length, body);
  Atomics.store(ring.words, WRITTEN, (written + recordSize(length)) | 0);
  return true;
}

/** Removes the oldest record and returns a copy of its payload; undefined when there is none. Reader only. */
export function takeRecord(ring: ByteRing): Uint8Array | undefined {
  const read = Atomics.load(ring.words, READ);
  if (Atomics.load(ring.words, WRITTEN) === read) return undefined;
  const position = (read >>> 0) & (ring.capacity - 1);
  const length = ring.words[(HEADER_SIZE + position) >> 2]!;
  assert(length >= 0 && length <= recordLengthMax(ring), 'a record’s length lies inside its ring');
  const payload = new Uint8Array(length);
  const start = (position + 4) & (ring.capacity - 1);
  const first = Math.min(length, ring.capacity - start);
  payload.set(ring.data.subarray(start, start + first), 0);
  payload.set(ring.data.subarray(0, length - first), first);
  Atomics.store(ring.words, READ, (read + recordSize(length)) | 0);
  return payload;
}

function copyIn(ring: ByteRing, at: number, bytes: Uint8Array): void {
  const start = at & (ring.capacity - 1);
  const first = Math.min(bytes.length, ring.capacity - start);
  ring.data.set(bytes.subarray(0, first), start);
  ring.data.set(bytes.subarray(first), 0);
}
