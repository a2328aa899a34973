/**
 * Pool of decoded pages: which host frame each holds instructions of, and what happens when code
 * changes. Decoding is per host frame, whatever virtual addresses lead there. A frame with a
 * decoded page has its code bit set and is in no write TLB, so every write to it comes by here and
 * makes just the overwritten operations undecoded: fence.i has nothing left to do. When the pool is
 * full everything is dropped. Never part of a saved state or of the run hash.
 */
import { assert } from '../base/assert.ts';
import { frameAddress, type MemorySystem } from '../memory/index.ts';
import {
  DECODED_ADDRESS,
  DECODED_COUNT,
  DECODED_STRIDE,
  frameField,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';
import { clearDecodedPage, decodeOperation, OPERATION_SIZE } from '../wasm/decode-operation.ts';

export class DecodedPages {
  private readonly system: MemorySystem;
  /** Frame behind each decoded page, −1 = unused. */
  private readonly frameOf = new Int32Array(DECODED_COUNT).fill(-1);
  /** Decoded page of each frame, −1 = none. */
  private readonly pageOf: Int16Array;
  /** Unused decoded pages, as a stack. */
  private readonly unused: number[] = [];

  constructor(system: MemorySystem) {
    this.system = system;
    this.pageOf = new Int16Array(system.frames.frameCount).fill(-1);
    for (let index = DECODED_COUNT - 1; index >= 0; index--) this.unused.push(index);
  }

  /** Address of the decoded page for a frame, made when it is not there. May drop all others. */
  pageFor(frame: number): number {
    const known = this.pageOf[frame]!;
    if (known >= 0) return DECODED_ADDRESS + known * DECODED_STRIDE;
    if (this.unused.length === 0) this.dropAll();
    const index = this.unused.pop();
    assert(index !== undefined, 'a dropped pool has unused pages');
    const page = DECODED_ADDRESS + index * DECODED_STRIDE;
    clearDecodedPage(this.system.host.bytes, page);
    this.frameOf[index] = frame;
    this.pageOf[frame] = index;
    this.system.frames.setFlag(frame, frameField.code, true);
    this.system.tlb.flushPayload(tlbOffset.write, frameAddress(this.system.host, frame));
    return page;
  }

  /** Fills one operation of a decoded page. */
  decode(page: number, operation: number): void {
    const frame = this.frameOf[(page - DECODED_ADDRESS) / DECODED_STRIDE]!;
    assert(frame >= 0, 'a decoded page that runs has a frame behind it');
    const address = frameAddress(this.system.host, frame);
    decodeOperation(this.system.host.view, { page, operation, frameAddress: address });
  }

  /**
   * Bytes offset … offset + byteCount − 1 of a code frame change: undecodes every instruction that
   * has one of them (an instruction is up to 4 bytes long and begins at an even byte).
   */
  onCodeWrite(frame: number, offset: number, byteCount: number): void {
    const index = this.pageOf[frame]!;
    if (index < 0) return;
    const page = DECODED_ADDRESS + index * DECODED_STRIDE;
    const first = Math.max(0, (offset - 2) >> 1);
    const last = (offset + byteCount - 1) >> 1;
    const bytes = this.system.host.bytes;
    bytes.fill(0, page + first * OPERATION_SIZE, page + (last + 1) * OPERATION_SIZE);
  }

  /** A code frame goes back to the host. Its VM's TLBs have been emptied. */
  onCodeFrameReleased(frame: number): void {
    const index = this.pageOf[frame]!;
    if (index < 0) return;
    this.pageOf[frame] = -1;
    this.frameOf[index] = -1;
    this.unused.push(index);
    this.system.frames.setFlag(frame, frameField.code, false);
  }

  /** Forgets everything decoded. Not while compiled code runs, except from a fetch. */
  dropAll(): void {
    for (let index = DECODED_COUNT - 1; index >= 0; index--) {
      const frame = this.frameOf[index]!;
      if (frame >= 0) this.onCodeFrameReleased(frame);
    }
    this.system.tlb.flushFetchesOfAll();
  }

  /** Decoded pages in use. */
  count(): number {
    return DECODED_COUNT - this.unused.length;
  }
}
