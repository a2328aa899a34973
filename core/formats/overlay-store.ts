/**
 * A store over bytes that stay as they are, with what was written since on top, in pages of 4 KiB that are replaced and never
 * changed: a checkpoint shares both. For disks of VMs, which rewind with their VM.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type BlockImage, type ByteStore, type ImageOutcome, RawImage } from './byte-store.ts';
import { isQcow2, openQcow2Chain, renderQcow2Error } from './qcow2/index.ts';

/** Bytes of a page that was written. */
export const OVERLAY_PAGE_BYTES = 4096;
const PAGE_BYTES = OVERLAY_PAGE_BYTES;
/** Growth of an image beyond its file's size at most: qcow2 files grow with their content. Unit: byte. */
const GROWTH_MAX = 2 ** 34;

/** See the file's head. */
export class OverlayStore implements ByteStore {
  static readonly [checkpointRules]: CheckpointRules = { base: 'value', pages: 'values' };
  private readonly base: Uint8Array;
  private readonly pages = new Map<number, Uint8Array>();
  private length: number;
  /** Pages written since the log was armed or taken; undefined: nobody asks. */
  private log: Set<number> | undefined;

  /** `base` must not change afterwards. */
  constructor(base: Uint8Array) {
    this.base = base;
    this.length = base.length;
  }

  /** Size of the file below. */
  get baseBytes(): number {
    return this.base.length;
  }

  /** The file below, not to be changed. */
  get baseFile(): Uint8Array {
    return this.base;
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
      this.log?.add(number);
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

  /** Logs pages from now on; every page that was ever written counts as written now. */
  armLog(): void {
    this.log = new Set(this.pages.keys());
  }

  disarmLog(): void {
    this.log = undefined;
  }

  /** Pages in the log. */
  loggedCount(): number {
    return this.log?.size ?? 0;
  }

  /** Takes the pages in the log, ascending; it goes on empty. */
  takeLogged(): number[] {
    const taken = [...(this.log ?? [])].sort((left, right) => left - right);
    this.log?.clear();
    return taken;
  }

  /** A page that was written, not to be changed. */
  page(number: number): Uint8Array | undefined {
    return this.pages.get(number);
  }

  /** Puts a whole page that was written elsewhere in its place; a copy is kept. False: it lies behind the largest file. */
  putPage(number: number, bytes: Uint8Array): boolean {
    const end = (number + 1) * PAGE_BYTES;
    if (bytes.length !== PAGE_BYTES || !Number.isSafeInteger(end) || end > this.base.length + GROWTH_MAX) return false;
    this.pages.set(number, bytes.slice());
    this.length = Math.max(this.length, end);
    return true;
  }

  /** Sets the size to that of the same store elsewhere: pages may reach behind it. */
  setSize(byteCount: number): void {
    this.length = byteCount;
  }

  /** Whether the same store elsewhere can have this size: it never shrinks below its file. */
  couldHaveSize(byteCount: number): boolean {
    return byteCount >= this.base.length && byteCount <= this.base.length + GROWTH_MAX;
  }

  /** The whole content, copied. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    this.read(0, all);
    return all;
  }
}

/** A disk over an overlay, which can move: what it read of its tables is forgotten when the store's pages came from elsewhere. */
export class OverlayDisk implements BlockImage {
  readonly store: OverlayStore;
  /** Told when the disk is made: what a guest writes at the start of a raw disk makes no qcow2 of it. */
  private readonly isQcow2: boolean;
  private inner: BlockImage;

  constructor(store: OverlayStore, inner: BlockImage, isQcow2Store: boolean) {
    this.store = store;
    this.inner = inner;
    this.isQcow2 = isQcow2Store;
  }

  /** Opens the store as it is now; gives what takes that over. The sentence says why it is no disk of this size. */
  reopen(): Result<() => void, string> {
    const opened = openStore(this.store, this.isQcow2, 'disk');
    if (!opened.ok) return opened;
    if (opened.value.byteCount !== this.byteCount) return err(`The disk has ${opened.value.byteCount} bytes.`);
    return ok(() => {
      this.inner = opened.value;
    });
  }

  get byteCount(): number {
    return this.inner.byteCount;
  }

  get isReadOnly(): boolean {
    return this.inner.isReadOnly;
  }

  read(offset: number, into: Uint8Array): ImageOutcome {
    return this.inner.read(offset, into);
  }

  write(offset: number, bytes: Uint8Array): ImageOutcome {
    return this.inner.write(offset, bytes);
  }

  writeZeroes(offset: number, byteCount: number, mayUnmap: boolean): ImageOutcome {
    return this.inner.writeZeroes(offset, byteCount, mayUnmap);
  }

  discard(offset: number, byteCount: number): ImageOutcome {
    return this.inner.discard(offset, byteCount);
  }

  flush(): ImageOutcome {
    return this.inner.flush();
  }
}

/** A disk over a file's bytes and the store that holds them with all changes. */
export interface MemoryDisk {
  readonly image: OverlayDisk;
  readonly store: OverlayStore;
}

/** Opens a raw or a qcow2 image, told apart by its first bytes; or says what is wrong. A backing file cannot be reached here. */
export function openDiskBytes(bytes: Uint8Array, name: string): Result<MemoryDisk, string> {
  const store = new OverlayStore(bytes);
  const isQcow2Store = isQcow2(store);
  const opened = openStore(store, isQcow2Store, name);
  return opened.ok ? ok({ image: new OverlayDisk(store, opened.value, isQcow2Store), store }) : opened;
}

function openStore(store: OverlayStore, isQcow2Store: boolean, name: string): Result<BlockImage, string> {
  if (!isQcow2Store) return ok(new RawImage(store, { byteCount: store.baseBytes }));
  const opened = openQcow2Chain(store, () => undefined);
  return opened.ok ? ok(opened.value) : err(renderQcow2Error(opened.error, `'${name}'`));
}
