/**
 * A changed-block bitmap: which blocks of a volume were written since somebody last asked. Integers only; one
 * bit a block, 32 blocks a word, block 0 in the lowest bit. Shared by replication, backup and storage moves.
 *
 *   word i:  31 … 0  =  blocks 32·i + 31 … 32·i
 */
import { assert, type Hash64, hashInteger } from '../base/index.ts';

/** Bytes of a block of the bitmaps in this house. */
export const CHANGED_BLOCK_BYTES = 4096;
/** Blocks of one bitmap at most: 16 TiB of volume, 512 MiB of bitmap would be too much to walk. */
const BLOCKS_MAX = 1 << 28;

/** See the file's head. */
export class ChangedBlocks {
  readonly blockCount: number;
  private readonly words: Uint32Array;

  constructor(blockCount: number) {
    assert(Number.isInteger(blockCount) && blockCount > 0 && blockCount <= BLOCKS_MAX, 'a bitmap has blocks');
    this.blockCount = blockCount;
    this.words = new Uint32Array(Math.ceil(blockCount / 32));
  }

  /** Marks every block that `byteCount` bytes from `byteOffset` touch; nothing for no bytes. */
  markBytes(byteOffset: number, byteCount: number): void {
    if (byteCount === 0) return;
    const first = Math.floor(byteOffset / CHANGED_BLOCK_BYTES);
    const last = Math.floor((byteOffset + byteCount - 1) / CHANGED_BLOCK_BYTES);
    this.markBlocks(first, last - first + 1);
  }

  /** Marks `count` blocks from `first`. */
  markBlocks(first: number, count: number): void {
    this.checkRange(first, count);
    this.eachWord(first, count, (word, mask) => {
      this.words[word]! |= mask;
    });
  }

  clearBlocks(first: number, count: number): void {
    this.checkRange(first, count);
    this.eachWord(first, count, (word, mask) => {
      this.words[word]! &= ~mask;
    });
  }

  markAll(): void {
    this.markBlocks(0, this.blockCount);
  }

  clearAll(): void {
    this.words.fill(0);
  }

  isMarked(block: number): boolean {
    this.checkRange(block, 1);
    return ((this.words[block >> 5]! >>> (block & 31)) & 1) === 1;
  }

  /** Every block that is marked in `other` is marked here, too. */
  addAll(other: ChangedBlocks): void {
    assert(other.blockCount === this.blockCount, 'bitmaps of one volume have one length');
    for (let index = 0; index < this.words.length; index++) this.words[index]! |= other.words[index]!;
  }

  /** Marked blocks. */
  count(): number {
    let count = 0;
    for (const word of this.words) count += bitsOf(word);
    return count;
  }

  isEmpty(): boolean {
    return this.words.every((word) => word === 0);
  }

  /** First marked block from `from` on; −1 when there is none. */
  findNext(from: number): number {
    for (let index = from >> 5; index < this.words.length; index++) {
      let word = this.words[index]!;
      if (index === from >> 5) word &= from % 32 === 0 ? -1 : -1 << (from & 31);
      if (word !== 0) return index * 32 + (31 - Math.clz32(word & -word));
    }
    return -1;
  }

  /** The longest run of marked blocks that begins at the first one from `from` on, at most `most` blocks; undefined for none. */
  findRun(from: number, most: number): { readonly first: number; readonly count: number } | undefined {
    const first = this.findNext(from);
    if (first < 0) return undefined;
    let count = 1;
    while (count < most && first + count < this.blockCount && this.isMarked(first + count)) count++;
    return { first, count };
  }

  copy(): ChangedBlocks {
    const copied = new ChangedBlocks(this.blockCount);
    copied.words.set(this.words);
    return copied;
  }

  /** As bytes, least significant first; {@link readChangedBlocks} reads them. */
  save(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.blockCount / 8));
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.words[index >> 2]! >>> ((index & 3) * 8);
    return bytes;
  }

  hashInto(hash: Hash64): void {
    for (const word of this.words) hashInteger(hash, word);
  }

  private checkRange(first: number, count: number): void {
    const holds = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0;
    assert(holds && first + count <= this.blockCount, `blocks ${first} + ${count} lie within ${this.blockCount}`);
  }

  private eachWord(first: number, count: number, act: (word: number, mask: number) => void): void {
    for (let block = first; block < first + count; ) {
      const bit = block & 31;
      const length = Math.min(32 - bit, first + count - block);
      act(block >> 5, length === 32 ? -1 : ((1 << length) - 1) << bit);
      block += length;
    }
  }
}

/** A bitmap from its bytes; undefined when they are not those of so many blocks. */
export function readChangedBlocks(bytes: Uint8Array, blockCount: number): ChangedBlocks | undefined {
  if (bytes.length !== Math.ceil(blockCount / 8)) return undefined;
  const blocks = new ChangedBlocks(blockCount);
  for (let block = 0; block < bytes.length * 8; block++) {
    if (((bytes[block >> 3]! >> (block & 7)) & 1) === 0) continue;
    if (block >= blockCount) return undefined;
    blocks.markBlocks(block, 1);
  }
  return blocks;
}

function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
