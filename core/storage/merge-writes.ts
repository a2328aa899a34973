/** Writes in the order in which they happened, as the extents that they leave: the last one to touch a byte has it. */
import type { Extent } from '../formats/update-set.ts';

/** Extents ascending, without overlap; neighbours are joined. O(writes × extents) at worst, few in practice. */
export function mergeWrites(writes: readonly Extent[]): Extent[] {
  let held: Extent[] = [];
  for (const write of writes) {
    if (write.bytes.length === 0) continue;
    const start = write.byteOffset;
    const end = start + write.bytes.length;
    const next: Extent[] = [];
    let isIn = false;
    for (const old of held) {
      const oldEnd = old.byteOffset + old.bytes.length;
      if (oldEnd <= start) {
        next.push(old);
        continue;
      }
      if (old.byteOffset < start) next.push({ byteOffset: old.byteOffset, bytes: old.bytes.subarray(0, start - old.byteOffset) });
      if (!isIn) {
        next.push(write);
        isIn = true;
      }
      if (oldEnd > end) {
        const from = Math.max(old.byteOffset, end);
        next.push({ byteOffset: from, bytes: old.bytes.subarray(from - old.byteOffset) });
      }
    }
    if (!isIn) next.push(write);
    held = next;
  }
  return joined(held);
}

/** Extents that touch become one. */
function joined(extents: readonly Extent[]): Extent[] {
  const result: Extent[] = [];
  for (let first = 0; first < extents.length; ) {
    let last = first + 1;
    let length = extents[first]!.bytes.length;
    while (last < extents.length && extents[last]!.byteOffset === extents[first]!.byteOffset + length) {
      length += extents[last]!.bytes.length;
      last++;
    }
    if (last === first + 1) result.push(extents[first]!);
    else {
      const bytes = new Uint8Array(length);
      let at = 0;
      for (const extent of extents.slice(first, last)) {
        bytes.set(extent.bytes, at);
        at += extent.bytes.length;
      }
      result.push({ byteOffset: extents[first]!.byteOffset, bytes });
    }
    first = last;
  }
  return result;
}
