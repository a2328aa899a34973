/**
 * A growing byte buffer with the integer encodings of the WebAssembly binary format (WebAssembly
 * Core 2.0 §5.2.2: LEB128). Appends in place; nothing is copied but at growth.
 */
import { assert } from '../base/assert.ts';

/** Bytes under construction. Sizes double, so appending is O(1) on average. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    let capacity = this.#bytes.length * 2;
    while (capacity < needed) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** One byte, 0 … 255. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** LEB128 of an unsigned 32-bit integer. */
  unsigned(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value < 0x1_0000_0000, `${value} is a u32`);
    this.#reserve(5);
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** LEB128 of a signed 32-bit integer. */
  signed32(value: number): void {
    assert((value | 0) === value, `${value} is an i32`);
    this.#reserve(5);
    let rest = value;
    while (rest < -64 || rest > 63) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.#bytes[this.#length++] = rest & 0x7f;
  }

  /** LEB128 of a signed 64-bit integer; any bigint is taken modulo 2^64. */
  signed64(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asIntN(64, value);
    while (rest < -64n || rest > 63n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest & 0x7fn);
  }

  /** A name: its length and its characters, which must be ASCII. */
  name(text: string): void {
    this.unsigned(text.length);
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      assert(unit < 0x80, `the name ${text} is ASCII`);
      this.#bytes[this.#length++] = unit;
    }
  }

  /** What `other` holds. */
  append(other: ByteWriter): void {
    this.#reserve(other.#length);
    this.#bytes.set(other.#bytes.subarray(0, other.#length), this.#length);
    this.#length += other.#length;
  }

  /** A copy of the bytes written so far. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }
}
