/**
 * Memory for the reference step: one stretch of bytes in host physical space and a clock that is
 * set by hand. For tests.
 */
import { assert } from '../../base/index.ts';
import type { ReferenceMemory } from './hart.ts';

/**
 * {@link ReferenceMemory} over `bytes`, which stand at `address`; other addresses are an assertion.
 */
export interface FlatMemory extends ReferenceMemory {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** What the time CSR reads. */
  ticks: bigint;
}

/** A memory of `byteCount` zeros at host physical `address`. */
export function makeFlatMemory(address: bigint, byteCount: number): FlatMemory {
  const bytes = new Uint8Array(byteCount);
  const offsetOf = (at: bigint, count: number): number => {
    const offset = at - address;
    const isInside = offset >= 0n && offset + BigInt(count) <= BigInt(byteCount);
    assert(isInside, `0x${at.toString(16)} is in the memory of this test`);
    return Number(offset);
  };
  return {
    address,
    bytes,
    ticks: 0n,
    read(at, count) {
      const offset = offsetOf(at, count);
      let value = 0n;
      for (let index = count - 1; index >= 0; index--)
        value = (value << 8n) | BigInt(bytes[offset + index]!);
      return value;
    },
    write(at, count, value) {
      const offset = offsetOf(at, count);
      for (let index = 0; index < count; index++) {
        bytes[offset + index] = Number((value >> BigInt(8 * index)) & 0xffn);
      }
    },
    time() {
      return this.ticks;
    },
  };
}
