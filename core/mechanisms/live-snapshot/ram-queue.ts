/**
 * The RAM between guest and disk: pages whose old content is kept, on their way through the compressor
 * to the writer. One cap on all bytes held, whatever stage they are in; the last part of it is set
 * aside for guests that wait in a fault. Nothing is ever dropped: who finds no room waits.
 */
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { assert, PAGE_SIZE } from '../../base/index.ts';
import { FORCED_RING_BITS } from '../../protocol/host-memory-layout.ts';

/** A page in the queue. `payload`: 4,096 bytes as they were, or what the compressor made of them. */
export interface QueuedPage {
  readonly page: number;
  readonly origin: 'fault' | 'sweep';
  readonly codec: number;
  readonly payload: Uint8Array;
}

/** First in, first out; O(1) a page. A plain array with a head, so that checkpoints can walk it. */
export class PageFifo {
  static readonly [checkpointRules]: CheckpointRules = { items: 'values' };
  private items: QueuedPage[] = [];
  private head = 0;

  get count(): number {
    return this.items.length - this.head;
  }

  push(item: QueuedPage): void {
    this.items.push(item);
  }

  shift(): QueuedPage | undefined {
    if (this.count === 0) return undefined;
    const item = this.items[this.head];
    this.head++;
    if (this.head >= 64 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  clear(): void {
    this.items = [];
    this.head = 0;
  }
}

/** See the file's head. */
export class RamQueue {
  /** As they came, waiting for the compressor; and coded, waiting for the writer. */
  readonly raw = new PageFifo();
  readonly coded = new PageFifo();
  capBytes: number;
  reservePercent: number;
  heldBytes = 0; //     in all stages, the compressor's hands and the write under way included
  heldBytesMost = 0;
  pagesTaken = 0; //    since the start: each page comes in once
  /** A bit a page, by its number in the order of coming in, modulo the ring: whether a write forced it. */
  readonly forcedBits = new Uint8Array(FORCED_RING_BITS / 8);

  constructor(options: { readonly capBytes: number; readonly reservePercent: number }) {
    this.capBytes = options.capBytes;
    this.reservePercent = options.reservePercent;
  }

  /** Whether one more page fits. The sweep leaves the reserve to faults. */
  hasRoom(origin: 'fault' | 'sweep'): boolean {
    const reserve = origin === 'sweep' ? this.reserveBytes() : 0;
    return this.heldBytes + PAGE_SIZE <= this.capBytes - reserve;
  }

  /** Part of the cap that only faults may use; always leaves the sweep one page. */
  reserveBytes(): number {
    const wanted = Math.floor((this.capBytes * this.reservePercent) / 100);
    return Math.max(0, Math.min(wanted, this.capBytes - PAGE_SIZE));
  }

  add(page: number, origin: 'fault' | 'sweep', bytes: Uint8Array): void {
    assert(this.heldBytes + PAGE_SIZE <= this.capBytes, 'a page is taken when there is room');
    this.raw.push({ page, origin, codec: 0, payload: bytes });
    const index = (this.pagesTaken % FORCED_RING_BITS) >> 3;
    const bit = 1 << (this.pagesTaken & 7);
    this.forcedBits[index] = origin === 'fault' ? this.forcedBits[index]! | bit : this.forcedBits[index]! & ~bit;
    this.heldBytes += PAGE_SIZE;
    this.heldBytesMost = Math.max(this.heldBytesMost, this.heldBytes);
    this.pagesTaken++;
  }

  /** A page needs this much less than before: it was compressed, left out as zeroes, or is stored. */
  give(byteCount: number): void {
    this.heldBytes -= byteCount;
    assert(this.heldBytes >= 0, 'no more is given back than was held');
  }

  clear(): void {
    this.raw.clear();
    this.coded.clear();
    this.heldBytes = 0;
  }
}

/** Whether a page's bytes are all zeroes. */
export function isZero(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) if (bytes[index] !== 0) return false;
  return true;
}
