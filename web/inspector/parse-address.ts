/** Addresses as people type them. Pure. */

export type ParsedAddress = { readonly ok: true; readonly address: string } | { readonly ok: false; readonly sentence: string };

/** Reads a hexadecimal (0x…, also with _) or decimal address of at most 64 bits; gives it as 0x and 16 digits. */
export function parseAddress(text: string): ParsedAddress {
  const bare = text.trim().replaceAll('_', '');
  if (bare === '') return { ok: false, sentence: 'Type an address: 0x and hexadecimal digits, or a decimal number.' };
  const isDecimal = /^\d+$/.test(bare);
  if (!isDecimal && !/^0x[0-9a-f]+$/i.test(bare)) {
    const hint = /^[0-9a-f]+$/i.test(bare) ? ` Did you mean 0x${bare}?` : '';
    return { ok: false, sentence: `“${text.trim().slice(0, 40)}” is no address: write 0x and hexadecimal digits, or a decimal number.${hint}` };
  }
  if (bare.length > 64) return { ok: false, sentence: 'An address has at most 64 bits: 0x and 16 hexadecimal digits.' };
  const value = BigInt(bare);
  if (value >> 64n !== 0n) return { ok: false, sentence: 'An address has at most 64 bits: 0x and 16 hexadecimal digits.' };
  return { ok: true, address: `0x${value.toString(16).padStart(16, '0')}` };
}
