/**
 * Copies of pages in slabs, for checkpoints. A copy is named by a number; 0 is the page of zeroes, which takes no
 * room. Slabs are made as they are needed and kept for reuse.
 */
import { assert } from '../base/assert.ts';

const PAGE = 4096;
const PAGES_PER_SLAB = 64;

/** Name of the page of zeroes. */
export const ZERO_COPY = 0;

export class PagePool {
  private readonly slabs: Uint8Array[] = [];
  private readonly unused: number[] = [];
  private used = 0;

  /** Keeps a copy of `page` (4,096 bytes). */
  keep(page: Uint8Array): number {
    if (isZero(page)) return ZERO_COPY;
    if (this.unused.length === 0) this.addSlab();
    const copy = this.unused.pop()!;
    this.read(copy).set(page);
    this.used++;
    return copy;
  }

  /** The bytes of a copy; not of the page of zeroes. */
  read(copy: number): Uint8Array {
    assert(copy > 0, 'the page of zeroes is nowhere');
    const index = copy - 1;
    const start = (index % PAGES_PER_SLAB) * PAGE;
    return this.slabs[Math.floor(index / PAGES_PER_SLAB)]!.subarray(start, start + PAGE);
  }

  release(copy: number): void {
    if (copy === ZERO_COPY) return;
    this.unused.push(copy);
    this.used--;
  }

  /** Memory of the copies in use. Unit: byte. */
  byteCount(): number {
    return this.used * PAGE;
  }

  private addSlab(): void {
    const first = this.slabs.length * PAGES_PER_SLAB + 1;
    this.slabs.push(new Uint8Array(PAGES_PER_SLAB * PAGE));
    for (let index = PAGES_PER_SLAB - 1; index >= 0; index--) this.unused.push(first + index);
  }
}

function isZero(page: Uint8Array): boolean {
  const words = new Int32Array(page.buffer, page.byteOffset, PAGE / 4);
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false;
  return true;
}
