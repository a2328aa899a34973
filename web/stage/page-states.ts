/**
 * Reads what each page of a VM is, straight from shared memory: one byte a page. During a migration the
 * dirty log speaks (dirty, in flight, clean); otherwise the heat of the last write, which costs nothing.
 */
import { fileByte, frameField } from '../../core/protocol/host-memory-layout.ts';
import { type HostView, heatEpoch } from '../session/host-view.ts';

/** Epochs after which a written or arrived page looks clean again. */
export const HEAT_LEVELS = 8;
/**
 * Codes. `heat + age` (written) and `arrived + age` (come over the link) for age 0 … HEAT_LEVELS − 1. In a file:
 * inFlight and clean, the same with the mark of a copy that a write forced, and zeroes that are left out.
 */
export const pageState = {
  missing: 0, clean: 1, dirty: 2, inFlight: 3, merged: 4, inFlightForced: 5, cleanForced: 6, leftOut: 7,
  heat: 8, arrived: 8 + HEAT_LEVELS,
} as const;
/** Added to any code of a page that a snapshot protects: a write to it waits until its old content is kept. */
export const PROTECTED = 32;
export const STATE_COUNT = 2 * PROTECTED;

/** The colours that a snapshot gives a page in the frame table. */
const CAPTURE_PROTECTED = 1;

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
    const capture = (entry >>> frameField.captureShift) & frameField.captureMask;
    const outline = capture === CAPTURE_PROTECTED ? PROTECTED : 0;
    if ((entry & frameField.inFlight) !== 0) {
      into[page] = pageState.inFlight;
      counts.inFlight++;
    } else if (logged) {
      const dirty = (entry & frameField.dirty) !== 0;
      into[page] = (dirty ? pageState.dirty : pageState.clean) + outline;
      if (dirty) counts.dirty++;
    } else {
      const heat = (entry >>> frameField.heatShift) & frameField.heatMask;
      const age = (epoch - heat) & frameField.heatMask;
      into[page] = (heat !== 0 && age < HEAT_LEVELS ? fresh + age : pageState.clean) + outline;
    }
  }
}

/** State code for each byte of a file map (fileByte). */
const FILE_STATES: readonly number[] = Array.from({ length: 16 }, (_, byte) => {
  const capture = byte & fileByte.captureMask;
  const forced = (byte & fileByte.forced) !== 0;
  if (capture === 2) return forced ? pageState.inFlightForced : pageState.inFlight;
  if (capture !== 3) return pageState.missing;
  if ((byte & fileByte.leftOut) !== 0) return pageState.leftOut;
  return forced ? pageState.cleanForced : pageState.clean;
});

/** Fills `into[0 … pageCount)` with what a snapshot's file holds. O(pageCount), no allocation. */
export function readFileStates(fileMap: Uint8Array, pageCount: number, into: Uint8Array): void {
  for (let page = 0; page < pageCount; page++) into[page] = FILE_STATES[fileMap[page]! & 15]!;
}

/** A state in words. */
export function stateName(code: number): string {
  if (code >= PROTECTED) return `${stateName(code - PROTECTED)}, protected`;
  const state = code;
  if (state === pageState.inFlightForced) return 'in flight, copied before a write';
  if (state === pageState.cleanForced) return 'stored, copied before a write';
  if (state === pageState.leftOut) return 'zeroes, left out';
  if (state === pageState.missing) return 'missing';
  if (state === pageState.dirty) return 'dirty';
  if (state === pageState.inFlight) return 'in flight';
  if (state >= pageState.arrived) return 'just arrived';
  if (state >= pageState.heat) return 'just written';
  return 'clean';
}
