/**
 * Copies of pages in slabs, for checkpoints. A copy is named by a number; 0 is the page of zeroes, which takes no
 * room; below 0 are copies that were put on a shelf beside memory. Slabs are made as they are needed; one that holds no copy any
 * more is given back, for what went to the shelf is seldom as much again.
 */
import { assert } from '../base/assert.ts';
import type { PageShelf } from '../sim/checkpoint/part.ts';

const PAGE = 4096;
const PAGES_PER_SLAB = 64;

/** Name of the page of zeroes. */
export const ZERO_COPY = 0;

export class PagePool {
  /** Slabs by number, undefined where one was given back, and the copies of each that are not in use. */
  private readonly slabs: (Uint8Array | undefined)[] = [];
  private readonly unused: number[][] = [];
  /** Slabs with unused copies, and numbers whose slab was given back. */
  private readonly open: number[] = [];
  private readonly vacant: number[] = [];
  private readonly shelf: PageShelf | undefined;
  private readonly scratch = new Uint8Array(PAGE);
  private used = 0;
  private shelved = 0;

  /** Without a shelf all copies stay in memory. */
  constructor(shelf?: PageShelf) {
    this.shelf = shelf;
  }

  /** Keeps a copy of `page` (4,096 bytes). */
  keep(page: Uint8Array): number {
    if (isZero(page)) return ZERO_COPY;
    if (this.open.length === 0) this.addSlab();
    const slab = this.open.at(-1)!;
    const copy = this.unused[slab]!.pop()!;
    if (this.unused[slab]!.length === 0) this.open.pop();
    this.read(copy).set(page);
    this.used++;
    return copy;
  }

  /** The bytes of a copy, valid until the next call; not of the page of zeroes. */
  read(copy: number): Uint8Array {
    assert(copy !== ZERO_COPY, 'the page of zeroes is nowhere');
    if (copy < 0) {
      assert(this.shelf?.read(-1 - copy, this.scratch) === true, 'a page on the shelf can be read back');
      return this.scratch;
    }
    const index = copy - 1;
    const start = (index % PAGES_PER_SLAB) * PAGE;
    return this.slabs[Math.floor(index / PAGES_PER_SLAB)]!.subarray(start, start + PAGE);
  }

  /** Puts a copy on the shelf; gives its name there, or the same when it stays. */
  putAway(copy: number): number {
    if (copy <= 0 || this.shelf === undefined) return copy;
    const slot = this.shelf.keep(this.read(copy));
    if (slot < 0) return copy;
    this.release(copy);
    this.shelved++;
    return -1 - slot;
  }

  release(copy: number): void {
    if (copy === ZERO_COPY) return;
    if (copy < 0) {
      this.shelf?.release(-1 - copy);
      this.shelved--;
      return;
    }
    const slab = Math.floor((copy - 1) / PAGES_PER_SLAB);
    const unused = this.unused[slab]!;
    unused.push(copy);
    this.used--;
    if (unused.length === 1) this.open.push(slab);
    if (unused.length < PAGES_PER_SLAB) return;
    this.slabs[slab] = undefined;
    unused.length = 0;
    this.open.splice(this.open.indexOf(slab), 1);
    this.vacant.push(slab);
  }

  /** Memory of the copies in use. Unit: byte. */
  byteCount(): number {
    return this.used * PAGE;
  }

  /** Memory of all slabs, copies that are not in use included. Unit: byte. */
  slabByteCount(): number {
    return (this.slabs.length - this.vacant.length) * PAGES_PER_SLAB * PAGE;
  }

  /** What lies on the shelf. Unit: byte. */
  shelvedByteCount(): number {
    return this.shelved * PAGE;
  }

  /** Whether copies can be put on a shelf. */
  hasShelf(): boolean {
    return this.shelf !== undefined;
  }

  private addSlab(): void {
    const slab = this.vacant.pop() ?? this.slabs.length;
    const first = slab * PAGES_PER_SLAB + 1;
    this.slabs[slab] = new Uint8Array(PAGES_PER_SLAB * PAGE);
    this.unused[slab] = Array.from({ length: PAGES_PER_SLAB }, (_, index) => first + PAGES_PER_SLAB - 1 - index);
    this.open.push(slab);
  }
}

function isZero(page: Uint8Array): boolean {
  const words = new Int32Array(page.buffer, page.byteOffset, PAGE / 4);
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false;
  return true;
}
