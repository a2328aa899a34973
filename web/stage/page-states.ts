/**
 * Reads what each page of a VM is, straight from shared memory: one byte a page. During a migration the
 * dirty log speaks (dirty, in flight, clean); otherwise the heat of the last write, which costs nothing.
 */
import { frameField } from '../../core/protocol/host-memory-layout.ts';
import { type HostView, heatEpoch } from '../session/host-view.ts';

/** Epochs after which a written or arrived page looks clean again. */
export const HEAT_LEVELS = 8;
/** Codes. `heat + age` (written) and `arrived + age` (come over the link) for age 0 … HEAT_LEVELS − 1. */
export const pageState = { missing: 0, clean: 1, dirty: 2, inFlight: 3, merged: 4, heat: 8, arrived: 8 + HEAT_LEVELS } as const;
export const STATE_COUNT = pageState.arrived + HEAT_LEVELS;

export interface PageCounts {
  missing: number;
  dirty: number;
  inFlight: number;
}

/**
 * Fills `into[0 … pageCount)`. `slot` −1 means that no VM is there: all missing. `logged` tells that a
 * dirty log is armed. O(pageCount), no allocation.
 */
export function readPageStates(options: {
  readonly view: HostView;
  readonly slot: number;
  readonly pageCount: number;
  readonly logged: boolean;
  readonly incoming: boolean; // the VM is being received: what is written here has arrived
  readonly into: Uint8Array;
  readonly counts: PageCounts;
}): void {
  const { view, slot, pageCount, logged, into, counts } = options;
  const fresh = options.incoming ? pageState.arrived : pageState.heat;
  counts.missing = 0;
  counts.dirty = 0;
  counts.inFlight = 0;
  if (slot < 0) {
    into.fill(pageState.missing, 0, pageCount);
    counts.missing = pageCount;
    return;
  }
  const { frameTable, guestMaps } = view;
  const base = slot * view.frameCount;
  const epoch = heatEpoch(view);
  for (let page = 0; page < pageCount; page++) {
    const mapped = guestMaps[base + page]!;
    if (mapped === 0) {
      into[page] = pageState.missing;
      counts.missing++;
      continue;
    }
    const entry = frameTable[mapped - 1]!;
    if ((entry & frameField.inFlight) !== 0) {
      into[page] = pageState.inFlight;
      counts.inFlight++;
    } else if (logged) {
      const dirty = (entry & frameField.dirty) !== 0;
      into[page] = dirty ? pageState.dirty : pageState.clean;
      if (dirty) counts.dirty++;
    } else {
      const heat = (entry >>> frameField.heatShift) & frameField.heatMask;
      const age = (epoch - heat) & frameField.heatMask;
      into[page] = heat !== 0 && age < HEAT_LEVELS ? fresh + age : pageState.clean;
    }
  }
}

/** A state in words. */
export function stateName(state: number): string {
  if (state === pageState.missing) return 'missing';
  if (state === pageState.dirty) return 'dirty';
  if (state === pageState.inFlight) return 'in flight';
  if (state >= pageState.arrived) return 'just arrived';
  if (state >= pageState.heat) return 'just written';
  return 'clean';
}
