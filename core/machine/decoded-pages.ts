/**
 * Pool of decoded pages: which host frame each holds instructions of, and what happens when code
 * changes. Decoding is per host frame and hart profile, whatever virtual addresses lead there. A
 * frame with a decoded page has its code bit set and is in no write TLB, so every write to it comes by here and
 * makes just the overwritten operations undecoded: fence.i has nothing left to do. When the pool is
 * full everything is dropped. Never part of a saved state or of the run hash.
 */
import { assert } from '../base/assert.ts';
import { HART_PROFILES } from '../isa/table/index.ts';
import type { Extension } from '../isa/table/row.ts';
import { frameAddress, type MemorySystem } from '../memory/index.ts';
import {
  DECODED_ADDRESS,
  DECODED_COUNT,
  DECODED_STRIDE,
  frameField,
  hartOffset,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';
import {
  clearDecodedPage,
  decodeOperation,
  decodeStraddling,
  OPERATION_SIZE,
} from '../wasm/decode-operation.ts';

/** Extensions of each profile, by its number. */
const EXTENSIONS: readonly ReadonlySet<Extension>[] = HART_PROFILES.map(
  (profile) => new Set<Extension>(profile.extensions),
);

export class DecodedPages {
  private readonly system: MemorySystem;
  /** Frame and profile behind each decoded page (profile × frameCount + frame), −1 = unused. */
  private readonly keyOf = new Int32Array(DECODED_COUNT).fill(-1);
  /** Decoded page of each frame under each profile, −1 = none. */
  private readonly pageOf: Int16Array;
  /** Unused decoded pages, as a stack. */
  private readonly unused: number[] = [];

  constructor(system: MemorySystem) {
    this.system = system;
    this.pageOf = new Int16Array(HART_PROFILES.length * system.frames.frameCount).fill(-1);
    for (let index = DECODED_COUNT - 1; index >= 0; index--) this.unused.push(index);
  }

  /**
   * Address of the decoded page for a frame and a profile's number, made when it is not there. May
   * drop all others.
   */
  pageFor(frame: number, profile: number): number {
    const key = profile * this.system.frames.frameCount + frame;
    const known = this.pageOf[key]!;
    if (known >= 0) return DECODED_ADDRESS + known * DECODED_STRIDE;
    if (this.unused.length === 0) this.dropAll();
    const index = this.unused.pop();
    assert(index !== undefined, 'a dropped pool has unused pages');
    const page = DECODED_ADDRESS + index * DECODED_STRIDE;
    clearDecodedPage(this.system.host.bytes, page);
    this.keyOf[index] = key;
    this.pageOf[key] = index;
    this.system.frames.setFlag(frame, frameField.code, true);
    this.system.tlb.flushPayload(tlbOffset.write, frameAddress(this.system.host, frame));
    return page;
  }

  /** Fills one operation of a decoded page. */
  decode(page: number, operation: number): void {
    const key = this.keyOf[(page - DECODED_ADDRESS) / DECODED_STRIDE]!;
    assert(key >= 0, 'a decoded page that runs has a frame behind it');
    const { frameCount } = this.system.frames;
    const address = frameAddress(this.system.host, key % frameCount);
    const extensions = EXTENSIONS[Math.floor(key / frameCount)]!;
    decodeOperation(this.system.host.view, { page, operation, frameAddress: address, extensions });
  }

  /** Fills the own operation of the hart at `hart` with an instruction over a page's end. */
  decodeStraddling(hart: number, word: number, profile: number): void {
    const operation = hart + hartOffset.straddle;
    decodeStraddling(this.system.host.view, operation, word, EXTENSIONS[profile]!);
  }

  /**
   * Bytes offset … offset + byteCount − 1 of a code frame change: undecodes every instruction that
   * has one of them (an instruction is up to 4 bytes long and begins at an even byte).
   */
  onCodeWrite(frame: number, offset: number, byteCount: number): void {
    const { frameCount } = this.system.frames;
    const first = Math.max(0, (offset - 2) >> 1);
    const last = (offset + byteCount - 1) >> 1;
    for (let key = frame; key < this.pageOf.length; key += frameCount) {
      const index = this.pageOf[key]!;
      if (index < 0) continue;
      const page = DECODED_ADDRESS + index * DECODED_STRIDE;
      const bytes = this.system.host.bytes;
      bytes.fill(0, page + first * OPERATION_SIZE, page + (last + 1) * OPERATION_SIZE);
    }
  }

  /** A code frame goes back to the host. Its VM's TLBs have been emptied. */
  onCodeFrameReleased(frame: number): void {
    const { frameCount } = this.system.frames;
    for (let key = frame; key < this.pageOf.length; key += frameCount) {
      const index = this.pageOf[key]!;
      if (index < 0) continue;
      this.pageOf[key] = -1;
      this.keyOf[index] = -1;
      this.unused.push(index);
      this.system.frames.setFlag(frame, frameField.code, false);
    }
  }

  /** Forgets everything decoded. Not while compiled code runs, except from a fetch. */
  dropAll(): void {
    for (let index = DECODED_COUNT - 1; index >= 0; index--) {
      const key = this.keyOf[index]!;
      if (key >= 0) this.onCodeFrameReleased(key % this.system.frames.frameCount);
    }
    this.system.tlb.flushFetchesOfAll();
  }

  /** Decoded pages in use. */
  count(): number {
    return DECODED_COUNT - this.unused.length;
  }
}
