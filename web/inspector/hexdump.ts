/** Bytes as people read them: address, sixteen bytes, characters; equal lines folded to one star. Pure. */

/** Lines of a hexdump; `address` is that of the first byte. */
export function hexdumpLines(bytes: Uint8Array, address: number): string[] {
  const lines: string[] = [];
  let before = '';
  let folded = false;
  for (let start = 0; start < bytes.length; start += 16) {
    const row = bytes.subarray(start, start + 16);
    const body = `${hexOf(row)}  ${textOf(row)}`;
    const last = start + 16 >= bytes.length;
    if (body === before && !last) {
      if (!folded) lines.push('*');
      folded = true;
      continue;
    }
    folded = false;
    before = body;
    lines.push(`${(address + start).toString(16).padStart(8, '0')}  ${body}`);
  }
  return lines;
}

function hexOf(row: Uint8Array): string {
  const digits = [...row].map((byte) => byte.toString(16).padStart(2, '0'));
  return `${digits.slice(0, 8).join(' ')}  ${digits.slice(8).join(' ')}`.padEnd(48);
}

function textOf(row: Uint8Array): string {
  return [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
}
