/** Tells a JSON file from a binary one. Pure. */

/** True when a file's first bytes look like JSON, which an ELF's never do. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  for (const byte of bytes.subarray(0, 64)) {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0xef || byte === 0xbb || byte === 0xbf) continue;
    return byte === 0x7b; // {
  }
  return false;
}
