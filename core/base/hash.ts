/**
 * The digest behind the run hash: two 32-bit lanes of multiply-rotate mixing, folded to 64 bits. Not
 * cryptographic; it finds differences, it does not resist an adversary. State is a plain record.
 */

/** Running state: two unsigned 32-bit lanes. */
export interface Hash64 {
  low: number;
  high: number;
}

/** A fresh state. */
export function makeHash(): Hash64 {
  return { low: 0x2545f491 | 0, high: 0x9e3779b9 | 0 };
}

/** Mixes one 32-bit word in. */
export function hashUint32(hash: Hash64, word: number): void {
  let low = Math.imul(hash.low ^ word, 0x85ebca6b);
  low = (low << 13) | (low >>> 19);
  let high = Math.imul(hash.high ^ (word + low), 0xc2b2ae35);
  high = (high << 15) | (high >>> 17);
  hash.low = (Math.imul(low, 5) + 0xe6546b64) | 0;
  hash.high = (Math.imul(high, 5) + 0x561ccd1b + low) | 0;
}

/** Mixes an integer of up to 53 bits in, as two words. */
export function hashInteger(hash: Hash64, value: number): void {
  hashUint32(hash, value | 0);
  hashUint32(hash, Math.floor(value / 0x1_0000_0000) | 0);
}

/** Mixes the UTF-16 units of `text` and its length in. */
export function hashText(hash: Hash64, text: string): void {
  hashUint32(hash, text.length);
  for (let index = 0; index < text.length; index++) hashUint32(hash, text.charCodeAt(index));
}

/** Mixes `bytes` and their count in. */
export function hashBytes(hash: Hash64, bytes: Uint8Array): void {
  hashUint32(hash, bytes.length);
  let index = 0;
  for (; index + 4 <= bytes.length; index += 4) {
    hashUint32(
      hash,
      bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24),
    );
  }
  for (; index < bytes.length; index++) hashUint32(hash, bytes[index]!);
}

/** The state as 16 lower-case hexadecimal digits. Does not change the state. */
export function hashHex(hash: Hash64): string {
  let low = hash.low ^ (hash.high >>> 15);
  low = Math.imul(low, 0x2c1b3c6d);
  low ^= low >>> 13;
  let high = hash.high ^ (hash.low >>> 16);
  high = Math.imul(high, 0x297a2d39);
  high ^= high >>> 14;
  return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0');
}
