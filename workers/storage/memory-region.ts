/**
 * A region in memory: for Node, where nothing has to survive, and for tests, where power can be lost: what was
 * not flushed survives write by write or not, and one write is torn in the middle.
 */
import type { Region, StorageRefusal } from './region.ts';

interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** See the file's head. `roomBytes`: beyond it, the platform gives no more room. */
export class MemoryRegion implements Region {
  #bytes: Uint8Array = new Uint8Array(0);
  #unflushed: Write[] = [];
  #flushed: Uint8Array = new Uint8Array(0);
  readonly #roomBytes: number;
  readonly #remembers: boolean;
  /** Writes, flushes and truncations so far. */
  stepCount = 0;

  /** `remembers`: {@link survivor} will be asked for; costs a copy at each flush. */
  constructor(options: { readonly roomBytes?: number; readonly remembers?: boolean; readonly bytes?: Uint8Array } = {}) {
    this.#roomBytes = options.roomBytes ?? Number.POSITIVE_INFINITY;
    this.#remembers = options.remembers ?? false;
    this.#bytes = options.bytes?.slice() ?? this.#bytes;
    this.#flushed = this.#bytes.slice();
  }

  size(): number {
    return this.#bytes.length;
  }

  read(at: number, into: Uint8Array): undefined {
    into.fill(0);
    into.set(this.#bytes.subarray(at, at + into.length));
    return undefined;
  }

  write(at: number, bytes: Uint8Array): StorageRefusal | undefined {
    this.stepCount++;
    const end = at + bytes.length;
    if (end > this.#roomBytes) return { kind: 'quota', sentence: 'There is no more memory to keep things in; delete something that is kept.' };
    if (end > this.#bytes.length) this.#resize(end);
    this.#bytes.set(bytes, at);
    if (this.#remembers) this.#unflushed.push({ at, bytes: bytes.slice() });
    return undefined;
  }

  flush(): undefined {
    this.stepCount++;
    this.#unflushed = [];
    if (this.#remembers) this.#flushed = this.#bytes.slice();
    return undefined;
  }

  truncate(byteCount: number): undefined {
    this.stepCount++;
    this.#resize(byteCount);
    return undefined;
  }

  close(): void {}

  /**
   * What is there after a loss of power now: what was flushed, and of each write since a part as `keep` has it
   * (0 … 1, by its position), in whole sectors.
   */
  survivor(keep: (position: number) => number): MemoryRegion {
    const size = Math.max(this.#flushed.length, ...this.#unflushed.map(({ at, bytes }) => at + bytes.length));
    const bytes = new Uint8Array(size);
    bytes.set(this.#flushed);
    this.#unflushed.forEach((write, position) => {
      const count = Math.floor((write.bytes.length * keep(position)) / 512) * 512;
      bytes.set(write.bytes.subarray(0, keep(position) >= 1 ? write.bytes.length : count), write.at);
    });
    return new MemoryRegion({ bytes, remembers: this.#remembers, roomBytes: this.#roomBytes });
  }

  #resize(byteCount: number): void {
    const bytes = new Uint8Array(byteCount);
    bytes.set(this.#bytes.subarray(0, byteCount));
    this.#bytes = bytes;
  }
}
