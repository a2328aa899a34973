/**
 * Where the bytes of a disk image lie, and what an image looks like to a device. A store is a growing
 * row of bytes (a file, a blob, memory); an image is a disk of a fixed size over a store. Everything is
 * synchronous and answers with a value: a failed read or write of the store is an error that the guest
 * sees, never an exception.
 */
import { assert } from '../base/assert.ts';
import { err, ok, type Result } from '../base/result.ts';

/** A row of bytes. Offsets and sizes in bytes, 0 … 2^53 − 1. */
export interface ByteStore {
  /** Bytes in the store now: one more than the last byte ever written. */
  size(): number;
  /** Fills `into`; bytes behind the end read as 0. False: the store failed, `into` is undefined. */
  read(offset: number, into: Uint8Array): boolean;
  /** Writes, growing the store where needed. False: full or failed; the bytes may be there in part. */
  write(offset: number, bytes: Uint8Array): boolean;
  /** Makes all that was written last. False: it cannot be promised. */
  flush(): boolean;
}

/** Why a request to an image failed. Offsets in bytes of the image's file, or of the disk where said. */
export type ImageError =
  | { readonly kind: 'store-failed'; readonly offset: number; readonly access: 'read' | 'write' | 'flush' }
  | { readonly kind: 'outside-disk'; readonly offset: number; readonly byteCount: number; readonly diskBytes: number }
  | { readonly kind: 'read-only'; readonly reason: string }
  | { readonly kind: 'corrupt'; readonly what: string; readonly offset: number };

/** One sentence for an {@link ImageError}. */
export function renderImageError(error: ImageError): string {
  switch (error.kind) {
    case 'store-failed':
      return `The image's file failed a ${error.access} at byte ${error.offset}.`;
    case 'outside-disk':
      return `Bytes ${error.offset} to ${error.offset + error.byteCount} lie outside the disk of ${error.diskBytes} bytes.`;
    case 'read-only':
      return `The image is read only: ${error.reason}.`;
    case 'corrupt':
      return `The image is damaged: ${error.what} (at byte ${error.offset} of its file).`;
  }
}

/** What a request to an image comes to. */
export type ImageOutcome = Result<true, ImageError>;

/** A disk: what a block device reads and writes. Offsets and counts in bytes, any alignment. */
export interface BlockImage {
  /** Size of the disk. */
  readonly byteCount: number;
  readonly isReadOnly: boolean;
  read(offset: number, into: Uint8Array): ImageOutcome;
  write(offset: number, bytes: Uint8Array): ImageOutcome;
  /** The range reads as 0 afterwards; `mayUnmap`: its room may go back to the store. */
  writeZeroes(offset: number, byteCount: number, mayUnmap: boolean): ImageOutcome;
  /** The range's content is no longer needed: it may read as before or as 0. */
  discard(offset: number, byteCount: number): ImageOutcome;
  flush(): ImageOutcome;
}

/** The outcome of a request that was done. */
export const DONE: ImageOutcome = ok(true);

/** Whether a range lies on a disk. */
export function checkRange(diskBytes: number, offset: number, byteCount: number): ImageOutcome {
  const inside = Number.isSafeInteger(offset) && offset >= 0 && byteCount >= 0 && offset + byteCount <= diskBytes;
  return inside ? DONE : err({ kind: 'outside-disk', offset, byteCount, diskBytes });
}

/** Bytes of a piece of a {@link MemoryStore}. */
const PIECE_BYTES = 1 << 16;

/** A store in memory that holds only pieces that were written. At most `bytesMax` bytes long. */
export class MemoryStore implements ByteStore {
  private readonly pieces = new Map<number, Uint8Array>();
  private readonly bytesMax: number;
  private length = 0;

  constructor(options: { readonly bytesMax: number; readonly bytes?: Uint8Array }) {
    this.bytesMax = options.bytesMax;
    if (options.bytes !== undefined) {
      assert(options.bytes.length <= this.bytesMax, 'the first content fits the store');
      this.write(0, options.bytes);
    }
  }

  size(): number {
    return this.length;
  }

  read(offset: number, into: Uint8Array): boolean {
    for (let at = 0; at < into.length; ) {
      const index = Math.floor((offset + at) / PIECE_BYTES);
      const within = offset + at - index * PIECE_BYTES;
      const count = Math.min(PIECE_BYTES - within, into.length - at);
      const piece = this.pieces.get(index);
      if (piece === undefined) into.fill(0, at, at + count);
      else into.set(piece.subarray(within, within + count), at);
      at += count;
    }
    return true;
  }

  write(offset: number, bytes: Uint8Array): boolean {
    const end = offset + bytes.length;
    if (!Number.isSafeInteger(offset) || offset < 0 || end > this.bytesMax) return false;
    for (let at = 0; at < bytes.length; ) {
      const index = Math.floor((offset + at) / PIECE_BYTES);
      const within = offset + at - index * PIECE_BYTES;
      const count = Math.min(PIECE_BYTES - within, bytes.length - at);
      let piece = this.pieces.get(index);
      if (piece === undefined) {
        piece = new Uint8Array(PIECE_BYTES);
        this.pieces.set(index, piece);
      }
      piece.set(bytes.subarray(at, at + count), within);
      at += count;
    }
    this.length = Math.max(this.length, end);
    return true;
  }

  flush(): boolean {
    return true;
  }

  /** The whole content, copied. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    this.read(0, all);
    return all;
  }
}

/** Zeroes for filling; written in pieces of this size. */
const ZEROES = new Uint8Array(PIECE_BYTES);

/** A raw image: the disk's bytes lie in the store as they are. */
export class RawImage implements BlockImage {
  readonly byteCount: number;
  readonly isReadOnly: boolean;
  private readonly store: ByteStore;

  /** `byteCount`: size of the disk; the store's size now when not given. */
  constructor(
    store: ByteStore,
    options: { readonly byteCount?: number; readonly readOnly?: boolean } = {},
  ) {
    this.store = store;
    this.byteCount = options.byteCount ?? store.size();
    this.isReadOnly = options.readOnly ?? false;
  }

  read(offset: number, into: Uint8Array): ImageOutcome {
    const range = checkRange(this.byteCount, offset, into.length);
    if (!range.ok) return range;
    return this.store.read(offset, into) ? DONE : err({ kind: 'store-failed', offset, access: 'read' });
  }

  write(offset: number, bytes: Uint8Array): ImageOutcome {
    const range = this.checkWrite(offset, bytes.length);
    if (!range.ok) return range;
    return this.store.write(offset, bytes) ? DONE : err({ kind: 'store-failed', offset, access: 'write' });
  }

  writeZeroes(offset: number, byteCount: number): ImageOutcome {
    const range = this.checkWrite(offset, byteCount);
    if (!range.ok) return range;
    for (let at = 0; at < byteCount; at += ZEROES.length) {
      const piece = ZEROES.subarray(0, Math.min(ZEROES.length, byteCount - at));
      const outcome = this.write(offset + at, piece);
      if (!outcome.ok) return outcome;
    }
    return DONE;
  }

  /** Keeps the bytes: a raw file has no holes to give back. */
  discard(offset: number, byteCount: number): ImageOutcome {
    return this.checkWrite(offset, byteCount);
  }

  flush(): ImageOutcome {
    return this.store.flush() ? DONE : err({ kind: 'store-failed', offset: 0, access: 'flush' });
  }

  private checkWrite(offset: number, byteCount: number): ImageOutcome {
    if (this.isReadOnly) return err({ kind: 'read-only', reason: 'it was opened so' });
    return checkRange(this.byteCount, offset, byteCount);
  }
}
