/**
 * Named blobs in one region of bytes that survives, bounded. Content goes to blocks that nothing uses,
 * is flushed, and only then does a new directory name it, written to the other of two slots and flushed:
 * whenever power is lost, the newest whole directory lists what was there before or what is there now,
 * never half of something.
 *
 *   │ directory, slot 0 │ directory, slot 1 │ block 0 │ block 1 │ …
 *
 * Left out: streams, ranges of a blob, several writers at once (the region is open to one).
 */
import { hashBytes, hashHex, makeHash } from '../../core/base/hash.ts';
import type { Result } from '../../core/base/result.ts';
import { err, ok } from '../../core/base/result.ts';
import type { Region, StorageRefusal } from './region.ts';

/** Unit of space. Unit: byte. */
export const BLOCK_SIZE = 4096;
/** Each of the two slots of the directory. Unit: byte. About a thousand blobs. */
export const SLOT_SIZE = 1 << 18;
/** Where block 0 begins. */
const BLOCKS_AT = 2 * SLOT_SIZE;
const MAGIC = 'GHBLOBS1';
const HEAD_SIZE = 32; //  magic 8, byte count of the text 8 (hexadecimal), its digest 16
const NAME_LENGTH_MAX = 200;

/** A run of blocks: first and count. */
type Extent = readonly [number, number];

/** A blob as the directory has it. */
interface Record {
  readonly name: string;
  readonly byteCount: number;
  readonly digest: string;
  readonly about: unknown; //   plain JSON of whoever keeps it
  readonly extents: readonly Extent[];
}

interface Directory {
  readonly sequence: number;
  readonly blobs: readonly Record[];
}

/** A blob as a listing shows it. */
export interface BlobEntry {
  readonly name: string;
  readonly byteCount: number;
  /** What was said of it when it was put, plain JSON. */
  readonly about: unknown;
}

/** Room taken and allowed, in whole blocks. Unit: byte. */
export interface BlobUsage {
  readonly usedBytes: number;
  readonly boundBytes: number;
}

/** See the file's head. */
export class BlobStore {
  readonly #region: Region;
  readonly #boundBytes: number;
  #directory: Directory;

  private constructor(region: Region, boundBytes: number, directory: Directory) {
    this.#region = region;
    this.#boundBytes = boundBytes;
    this.#directory = directory;
  }

  /** The store in a region; a region without one becomes an empty one. `boundBytes`: all blobs together. */
  static open(region: Region, boundBytes: number): Result<BlobStore, StorageRefusal> {
    const slots = [readSlot(region, 0), readSlot(region, 1)];
    const failure = slots.find((slot) => slot.state === 'failed');
    if (failure?.state === 'failed') return err(failure.refusal);
    const found = slots.flatMap((slot) => (slot.state === 'whole' ? [slot.directory] : []));
    const newest = found.toSorted((left, right) => right.sequence - left.sequence)[0];
    // The first directory goes to slot 1: torn there, with slot 0 never written, nothing had been kept yet.
    if (newest === undefined && slots[0]?.state !== 'empty') {
      return err({ kind: 'damaged', sentence: 'What this browser has kept is damaged; clear this site’s data in the browser’s settings and keep anew.' });
    }
    return ok(new BlobStore(region, boundBytes, newest ?? { sequence: 0, blobs: [] }));
  }

  /** Keeps `bytes` under `name`, in place of what was there; whole or not at all. */
  put(name: string, bytes: Uint8Array, about: unknown = null): Result<BlobEntry, StorageRefusal> {
    if (name === '' || name.length > NAME_LENGTH_MAX) {
      return err({ kind: 'bad-name', sentence: `A name has 1 to ${NAME_LENGTH_MAX} characters; this one has ${name.length}.` });
    }
    const others = this.#directory.blobs.filter((it) => it.name !== name);
    const blockCount = Math.ceil(bytes.length / BLOCK_SIZE);
    const wantedBytes = (blocksOf(others) + blockCount) * BLOCK_SIZE;
    if (wantedBytes > this.#boundBytes) {
      return err({ kind: 'bound', sentence: `${megabytes(wantedBytes)} would be kept and ${megabytes(this.#boundBytes)} are allowed; delete something that is kept, then try again.` });
    }
    const extents = findRoom(this.#directory.blobs, blockCount);
    const record: Record = { name, byteCount: bytes.length, digest: digestOf(bytes), about, extents };
    const next = encodeDirectory({ sequence: this.#directory.sequence + 1, blobs: [...others, record] });
    if (next === undefined) {
      return err({ kind: 'too-many', sentence: `The directory of what is kept is full at ${this.#directory.blobs.length} entries; delete some of them, then try again.` });
    }
    const refusal = this.#writeContent(bytes, extents) ?? this.#commit(next, [...others, record]);
    if (refusal === undefined) return ok(entryOf(record));
    this.#trim();
    return err(refusal);
  }

  /** The bytes of a blob, held against their digest. */
  get(name: string): Result<Uint8Array, StorageRefusal> {
    const record = this.#directory.blobs.find((it) => it.name === name);
    if (record === undefined) return err(missing(name));
    const bytes = new Uint8Array(record.byteCount);
    let done = 0;
    for (const [first, count] of record.extents) {
      const byteCount = Math.min(count * BLOCK_SIZE, record.byteCount - done);
      const refusal = this.#region.read(addressOf(first), bytes.subarray(done, done + byteCount));
      if (refusal !== undefined) return err(refusal);
      done += byteCount;
    }
    if (digestOf(bytes) === record.digest) return ok(bytes);
    return err({ kind: 'damaged', sentence: `“${name}” is damaged where this browser keeps it; delete it.` });
  }

  /** Everything that is kept, oldest first. */
  list(): BlobEntry[] {
    return this.#directory.blobs.map(entryOf);
  }

  /** Forgets a blob and gives its room back. */
  delete(name: string): Result<undefined, StorageRefusal> {
    const left = this.#directory.blobs.filter((it) => it.name !== name);
    if (left.length === this.#directory.blobs.length) return err(missing(name));
    const next = encodeDirectory({ sequence: this.#directory.sequence + 1, blobs: left });
    if (next === undefined) return err(missing(name)); // cannot be: it is shorter than the one that is there
    const refusal = this.#commit(next, left);
    if (refusal !== undefined) return err(refusal);
    this.#trim();
    return ok(undefined);
  }

  usage(): BlobUsage {
    return { usedBytes: blocksOf(this.#directory.blobs) * BLOCK_SIZE, boundBytes: this.#boundBytes };
  }

  /** Gives the region back; the store is not used afterwards. */
  close(): void {
    this.#region.close();
  }

  #writeContent(bytes: Uint8Array, extents: readonly Extent[]): StorageRefusal | undefined {
    let done = 0;
    for (const [first, count] of extents) {
      const piece = bytes.subarray(done, done + count * BLOCK_SIZE);
      const refusal = this.#region.write(addressOf(first), piece);
      if (refusal !== undefined) return refusal;
      done += piece.length;
    }
    return this.#region.flush();
  }

  /** The moment at which everything counts: the new directory is whole in the slot that was not in use. */
  #commit(text: Uint8Array, blobs: readonly Record[]): StorageRefusal | undefined {
    const sequence = this.#directory.sequence + 1;
    const at = (sequence % 2) * SLOT_SIZE;
    const refusal = this.#region.write(at, text) ?? this.#region.flush();
    if (refusal === undefined) this.#directory = { sequence, blobs };
    else this.#region.write(at, new Uint8Array(HEAD_SIZE)); // what was refused must not count later
    return refusal;
  }

  /** Gives blocks behind the last one in use back to the platform. A failure costs room only. */
  #trim(): void {
    const ends = this.#directory.blobs.flatMap(({ extents }) => extents.map(([first, count]) => first + count));
    const byteCount = addressOf(Math.max(0, ...ends));
    if (this.#region.size() > byteCount) this.#region.truncate(byteCount);
  }
}

// ── Blocks ──────────────────────────────────────────────────────────────────────────────────────

function addressOf(block: number): number {
  return BLOCKS_AT + block * BLOCK_SIZE;
}

function blocksOf(blobs: readonly Record[]): number {
  return blobs.reduce((sum, { extents }) => sum + extents.reduce((count, extent) => count + extent[1], 0), 0);
}

/** The lowest free blocks; those of a blob that is being replaced are not free yet. */
function findRoom(blobs: readonly Record[], blockCount: number): Extent[] {
  const used = blobs.flatMap(({ extents }) => extents).toSorted((left, right) => left[0] - right[0]);
  const room: Extent[] = [];
  let left = blockCount;
  let at = 0;
  for (const [first, count] of used) {
    const free = Math.min(first - at, left);
    if (free > 0) room.push([at, free]);
    left -= Math.max(0, free);
    at = first + count;
  }
  if (left > 0) room.push([at, left]);
  return room;
}

// ── The directory ───────────────────────────────────────────────────────────────────────────────

type Slot =
  | { readonly state: 'whole'; readonly directory: Directory }
  | { readonly state: 'empty' } //  never written
  | { readonly state: 'torn' }
  | { readonly state: 'failed'; readonly refusal: StorageRefusal };

/** The bytes of a directory; undefined when they do not fit a slot. */
function encodeDirectory(directory: Directory): Uint8Array | undefined {
  const text = new TextEncoder().encode(JSON.stringify(directory));
  if (HEAD_SIZE + text.length > SLOT_SIZE) return undefined;
  const head = MAGIC + text.length.toString(16).padStart(8, '0') + digestOf(text);
  const bytes = new Uint8Array(HEAD_SIZE + text.length);
  bytes.set(new TextEncoder().encode(head));
  bytes.set(text, HEAD_SIZE);
  return bytes;
}

function readSlot(region: Region, slot: number): Slot {
  const bytes = new Uint8Array(SLOT_SIZE);
  const refusal = region.read(slot * SLOT_SIZE, bytes);
  if (refusal !== undefined) return { state: 'failed', refusal };
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, HEAD_SIZE));
  if (!head.startsWith(MAGIC)) return { state: bytes.every((byte) => byte === 0) ? 'empty' : 'torn' };
  const byteCount = Number.parseInt(head.slice(8, 16), 16);
  const text = bytes.subarray(HEAD_SIZE, HEAD_SIZE + byteCount);
  if (text.length !== byteCount || digestOf(text) !== head.slice(16, 32)) return { state: 'torn' };
  return { state: 'whole', directory: JSON.parse(new TextDecoder().decode(text)) as Directory };
}

function entryOf({ name, byteCount, about }: Record): BlobEntry {
  return { name, byteCount, about };
}

function digestOf(bytes: Uint8Array): string {
  const hash = makeHash();
  hashBytes(hash, bytes);
  return hashHex(hash);
}

function missing(name: string): StorageRefusal {
  return { kind: 'no-such-blob', sentence: `Nothing is kept under the name “${name}”.` };
}

function megabytes(byteCount: number): string {
  return `${Math.ceil(byteCount / 1e5) / 10} MB`;
}
