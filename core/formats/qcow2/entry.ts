/**
 * Entries of L2 tables. Standard: QEMU, docs/interop/qcow2.txt, "L2 table entry",
 * "Standard Cluster Descriptor", "Compressed Clusters Descriptor".
 */

/** Bit 0 of a standard entry, version 3: the cluster reads as 0. */
export const ZERO_FLAG = 1;

/** What an entry says of a guest cluster. Offsets and counts in bytes of the file. */
export type L2Entry =
  | { readonly kind: 'absent' }
  | { readonly kind: 'zero'; readonly offset: number; readonly copied: boolean }
  | { readonly kind: 'content'; readonly offset: number; readonly copied: boolean }
  | { readonly kind: 'compressed'; readonly offset: number; readonly byteCount: number };

/** Reads the entry at byte `at` of a table. Offsets may be anything below 2^56: the caller checks them. */
export function decodeEntry(
  table: Uint8Array,
  at: number,
  image: { readonly clusterBits: number; readonly version: 2 | 3 },
): L2Entry {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const high = view.getUint32(at);
  const low = view.getUint32(at + 4);
  if (high & 0x4000_0000) {
    // Bits 0 to x − 1 are the offset, x to 61 count the 512-byte sectors beyond the first.
    const offsetBitsHigh = 62 - (image.clusterBits - 8) - 32;
    const offset = (high % 2 ** offsetBitsHigh) * 2 ** 32 + low;
    const sectors = Math.floor((high & 0x3fff_ffff) / 2 ** offsetBitsHigh);
    return { kind: 'compressed', offset, byteCount: (sectors + 1) * 512 - (offset % 512) };
  }
  const offset = (high & 0x00ff_ffff) * 2 ** 32 + Math.floor(low / 512) * 512;
  const copied = high >>> 31 === 1;
  if (image.version === 3 && (low & ZERO_FLAG) !== 0) return { kind: 'zero', offset, copied };
  return offset === 0 ? { kind: 'absent' } : { kind: 'content', offset, copied };
}
