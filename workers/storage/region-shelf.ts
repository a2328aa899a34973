/**
 * Slots of one page each in a region: where copies of old checkpoints lie when memory is short. Bounded; nothing
 * of it outlives the run, so nothing is flushed, and what an earlier run left is cut off at the start.
 */
import type { PageShelf } from '../../core/sim/checkpoint/part.ts';
import type { Region } from './region.ts';

const PAGE = 4096;
/** Slots written at once when the region grows: one large write instead of many small ones. */
const GROWTH = 64;

/** See the file's head. */
export class RegionShelf implements PageShelf {
  readonly #region: Region;
  readonly #slotMax: number;
  readonly #unused: number[] = [];
  #slotCount = 0;
  #full = false;

  /** `boundBytes`: the most that the shelf takes of the region. */
  constructor(region: Region, boundBytes: number) {
    this.#region = region;
    this.#slotMax = Math.floor(boundBytes / PAGE);
    region.truncate(0);
  }

  keep(page: Uint8Array): number {
    if (this.#unused.length === 0 && !this.#grow()) return -1;
    const slot = this.#unused.pop()!;
    if (this.#region.write(slot * PAGE, page) === undefined) return slot;
    this.#unused.push(slot);
    return -1;
  }

  read(slot: number, into: Uint8Array): boolean {
    return this.#region.read(slot * PAGE, into) === undefined;
  }

  release(slot: number): void {
    this.#unused.push(slot);
  }

  /** Makes room for more slots; false when the bound is reached or the platform gives no more. */
  #grow(): boolean {
    const count = Math.min(GROWTH, this.#slotMax - this.#slotCount);
    if (this.#full || count <= 0) return false;
    const first = this.#slotCount;
    if (this.#region.write(first * PAGE, new Uint8Array(count * PAGE)) !== undefined) {
      this.#full = true; // asked once: the disk does not empty itself
      return false;
    }
    this.#slotCount += count;
    for (let slot = first + count - 1; slot >= first; slot--) this.#unused.push(slot);
    return true;
  }
}
