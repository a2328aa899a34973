/**
 * A host worker's shelf in the browser's own file system. Each worker of each tab takes the first file of a fixed
 * few that nobody has open, so that what a closed tab left behind is used again and never adds up. Undefined when
 * there is no such file system or no file is free: checkpoints then stay in memory, and fewer are kept.
 */
import type { PageShelf } from '../core/sim/checkpoint/part.ts';
import { openOpfsRegion } from './storage/opfs-region.ts';
import { RegionShelf } from './storage/region-shelf.ts';

/** Files that all tabs of this browser share: four tabs with a run and two baselines each. */
const FILE_COUNT = 12;
/** Room of one worker's shelf. Unit: byte. */
const BOUND_BYTES = 512 << 20;

/** A run does not wait longer than this for its shelf. Unit: ms. */
const PATIENCE_MS = 1000;

export async function openCheckpointShelf(): Promise<PageShelf | undefined> {
  const patience = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MS));
  return await Promise.race([openFirstFree(), patience]);
}

async function openFirstFree(): Promise<PageShelf | undefined> {
  for (let file = 0; file < FILE_COUNT; file++) {
    const region = await openOpfsRegion(`checkpoints-${file}`);
    if (region.ok) return new RegionShelf(region.value, BOUND_BYTES);
    if (region.error.kind !== 'busy') return undefined;
  }
  return undefined;
}
