/**
 * A store over bytes that stay as they are, with what was written since on top, in pages of 4 KiB that are replaced and never
 * changed: a checkpoint shares both. For disks of VMs, which rewind with their VM.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type BlockImage, type ByteStore, RawImage } from './byte-store.ts';
import { isQcow2, openQcow2Chain, renderQcow2Error } from './qcow2/index.ts';

const PAGE_BYTES = 4096;
/** Growth of an image beyond its file's size at most: qcow2 files grow with their content. Unit: byte. */
const GROWTH_MAX = 2 ** 34;

/** See the file's head. */
export class OverlayStore implements ByteStore {
  static readonly [checkpointRules]: CheckpointRules = { base: 'value', pages: 'values' };
  private readonly base: Uint8Array;
  private readonly pages = new Map<number, Uint8Array>();
  private length: number;

  /** `base` must not change afterwards. */
  constructor(base: Uint8Array) {
    this.base = base;
    this.length = base.length;
  }

  size(): number {
    return this.length;
  }

  read(offset: number, into: Uint8Array): boolean {
    for (let at = 0; at < into.length; ) {
      const place = offset + at;
      const within = place % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - within, into.length - at);
      const page = this.pages.get(Math.floor(place / PAGE_BYTES));
      if (page !== undefined) into.set(page.subarray(within, within + count), at);
      else {
        const known = this.base.subarray(place, place + count);
        into.set(known, at);
        into.fill(0, at + known.length, at + count);
      }
      at += count;
    }
    return true;
  }

  write(offset: number, bytes: Uint8Array): boolean {
    const end = offset + bytes.length;
    if (!Number.isSafeInteger(offset) || offset < 0 || end > this.base.length + GROWTH_MAX) return false;
    for (let at = 0; at < bytes.length; ) {
      const place = offset + at;
      const number = Math.floor(place / PAGE_BYTES);
      const within = place % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - within, bytes.length - at);
      const page = new Uint8Array(PAGE_BYTES);
      if (count < PAGE_BYTES) this.read(number * PAGE_BYTES, page);
      page.set(bytes.subarray(at, at + count), within);
      this.pages.set(number, page);
      at += count;
    }
    this.length = Math.max(this.length, end);
    return true;
  }

  flush(): boolean {
    return true;
  }

  /** Pages that were written: number and content, ascending. */
  written(): readonly (readonly [number, Uint8Array])[] {
    return [...this.pages].sort(([left], [right]) => left - right);
  }

  /** The whole content, copied. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    this.read(0, all);
    return all;
  }
}

/** A disk over a file's bytes and the store that holds them with all changes. */
export interface MemoryDisk {
  readonly image: BlockImage;
  readonly store: OverlayStore;
}

/** Opens a raw or a qcow2 image, told apart by its first bytes; or says what is wrong. A backing file cannot be reached here. */
export function openDiskBytes(bytes: Uint8Array, name: string): Result<MemoryDisk, string> {
  const store = new OverlayStore(bytes);
  if (!isQcow2(store)) return ok({ image: new RawImage(store), store });
  const opened = openQcow2Chain(store, () => undefined);
  return opened.ok ? ok({ image: opened.value, store }) : err(renderQcow2Error(opened.error, `'${name}'`));
}
