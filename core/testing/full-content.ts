/** The oracle of sparse contents: the same operations on a content that holds every byte. */
import { addBlock, blockSumHex, type ContentId, contentOf } from '../workload/content.ts';
import { BLOCK_BYTES, type SparseContent } from '../workload/sparse-content.ts';

/** Every byte of a content, written to directly. */
export class FullContent {
  readonly bytes: Uint8Array;
  private readonly id: ContentId;
  private rewrites = 0;

  constructor(id: ContentId, byteCount: number) {
    this.id = id;
    this.bytes = contentOf(id, 0, byteCount);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
  }

  rewrite(block: number): void {
    this.rewrites++;
    const offset = block * BLOCK_BYTES;
    this.bytes.set(contentOf(this.id, offset, BLOCK_BYTES, this.rewrites), offset);
  }

  digest(): string {
    const sum = { low: 0, high: 0 };
    for (let block = 0; block * BLOCK_BYTES < this.bytes.length; block++) {
      const start = block * BLOCK_BYTES;
      addBlock(sum, block, this.bytes.subarray(start, start + BLOCK_BYTES), 1);
    }
    return blockSumHex(sum);
  }

  /** Whether a sparse content shows the same bytes, and the same digest. */
  agreesWith(sparse: SparseContent): boolean {
    const seen = sparse.read(0, this.bytes.length);
    return seen.every((byte, index) => byte === this.bytes[index]) && sparse.digest() === this.digest();
  }
}
