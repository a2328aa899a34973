/** The mask ROM: bytes that can be read and not written (a store is an access fault). */
import type { BusDevice } from '../machine/bus.ts';

export class Rom implements BusDevice {
  readonly name = 'rom';
  readonly size: number;
  readonly widths = 1 | 2 | 4 | 8;
  private readonly bytes: Uint8Array;

  /** `content` lies at `offset`, the rest of `size` bytes is zero. */
  constructor(size: number, content: { readonly offset: number; readonly bytes: Uint8Array }) {
    this.size = size;
    this.bytes = new Uint8Array(size);
    this.bytes.set(content.bytes, content.offset);
  }

  read(offset: number, byteCount: number): number {
    let value = 0;
    for (let index = byteCount - 1; index >= 0; index--) value = value * 256 + this.bytes[offset + index]!;
    return value;
  }

  write(): boolean {
    return false;
  }
}
