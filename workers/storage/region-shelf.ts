/**
 * Slots of one page each in a region: where copies of old checkpoints lie when memory is short. Slots are written
 * and read by the chunk: in a private window every call crosses to another process, whatever its size. Bounded;
 * nothing of it outlives the run, so nothing is flushed, and what an earlier run left is cut off at the start.
 */
import type { PageShelf } from '../../core/sim/checkpoint/part.ts';
import type { Region } from './region.ts';

const PAGE = 4096;
/** Slots of a chunk: 1 MiB. */
const CHUNK = 256;

/** A chunk that holds pages. */
interface Chunk {
  /** Slots that hold a page. */
  live: number;
  /** Its bytes while they are not in the region: it is being filled, or the region took no more. */
  bytes: Uint8Array | null;
}

/** See the file's head. */
export class RegionShelf implements PageShelf {
  readonly #region: Region;
  readonly #chunkMax: number;
  readonly #chunks: Chunk[] = [];
  readonly #free: number[] = []; // chunks without a page
  readonly #cache: Uint8Array = new Uint8Array(CHUNK * PAGE);
  #cached = -1; //  chunk whose bytes are in the cache
  #filling = -1; // chunk that takes pages now
  #filled = 0; //   its slots that have been given away
  #full = false;

  /** `boundBytes`: the most that the shelf takes of the region. */
  constructor(region: Region, boundBytes: number) {
    this.#region = region;
    this.#chunkMax = Math.floor(boundBytes / (CHUNK * PAGE));
    region.truncate(0);
  }

  keep(page: Uint8Array): number {
    if (this.#filling < 0 && !this.#begin()) return -1;
    const chunk = this.#chunks[this.#filling]!;
    const slot = this.#filling * CHUNK + this.#filled;
    chunk.bytes!.set(page.subarray(0, PAGE), this.#filled * PAGE);
    chunk.live++;
    this.#filled++;
    if (this.#filled === CHUNK) this.#finish();
    return slot;
  }

  read(slot: number, into: Uint8Array): boolean {
    const number = Math.floor(slot / CHUNK);
    const at = (slot - number * CHUNK) * PAGE;
    const own = this.#chunks[number]?.bytes ?? null;
    if (own === null && this.#cached !== number) {
      this.#cached = -1;
      if (this.#region.read(number * CHUNK * PAGE, this.#cache) !== undefined) return false;
      this.#cached = number;
    }
    into.set((own ?? this.#cache).subarray(at, at + PAGE));
    return true;
  }

  release(slot: number): void {
    const number = Math.floor(slot / CHUNK);
    const chunk = this.#chunks[number]!;
    chunk.live--;
    if (chunk.live > 0 || number === this.#filling) return;
    chunk.bytes = null;
    this.#free.push(number);
  }

  /** Takes an empty chunk, or a new one; false when the bound is reached or the platform gives no more. */
  #begin(): boolean {
    if (this.#full) return false;
    let number = this.#free.pop();
    if (number === undefined) {
      if (this.#chunks.length >= this.#chunkMax) return false;
      number = this.#chunks.length;
      this.#chunks.push({ live: 0, bytes: null });
    }
    this.#chunks[number]!.bytes = new Uint8Array(CHUNK * PAGE);
    this.#filling = number;
    this.#filled = 0;
    return true;
  }

  /** The chunk is full: its bytes go to the region. When that takes no more they stay here, and no other chunk begins. */
  #finish(): void {
    const number = this.#filling;
    const chunk = this.#chunks[number]!;
    this.#filling = -1;
    if (this.#cached === number) this.#cached = -1;
    if (this.#region.write(number * CHUNK * PAGE, chunk.bytes!) === undefined) chunk.bytes = null;
    else this.#full = true; // asked once: the disk does not empty itself
    if (chunk.live === 0) this.#free.push(number);
  }
}
