/**
 * CRC32C, the cyclic redundancy check with Castagnoli's polynomial that iSCSI, SCTP and ext4 use (RFC 3720 §12.1,
 * appendix B.4: reflected, initial value and final exclusive-or of all ones). It finds accidents, not forgeries.
 */

/** Remainders of the 256 bytes; 0x82f63b78 is the polynomial 0x1edc6f41 reflected. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** The check of `bytes`, 0 … 2^32 − 1; of several pieces in a row when the one before is given as `start`. */
export function crc32c(bytes: Uint8Array, start = 0): number {
  let value = ~start >>> 0;
  for (let index = 0; index < bytes.length; index++) value = TABLE[(value ^ bytes[index]!) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
