/**
 * The file of a snapshot as a map: each page at the place where it stands in the guest. Missing until it is
 * copied, in flight while it waits for the disk, clean once it is stored. Read from the frame table while the
 * snapshot is under way; whole once the mechanism says that the file is.
 */
import { frameField } from '../../core/protocol/host-memory-layout.ts';
import type { HostView } from '../session/host-view.ts';
import type { AppState } from '../session/store.ts';
import { MAP_PAGES_MAX, MapCanvas } from './map-canvas.ts';
import { pageState } from './page-states.ts';
import type { PartFrame, PartPainter } from './part-painter.ts';
import { snapshotJob } from './snapshot-told.ts';

/** Values of the frame table's capture field. */
const CAPTURE = { none: 0, isProtected: 1, queued: 2, stored: 3 } as const;

/** State code of a page of the file for the capture bits of its frame. */
export function fileState(capture: number, rest: number): number {
  switch (capture) {
    case CAPTURE.isProtected: return pageState.missing;
    case CAPTURE.queued: return pageState.inFlight;
    case CAPTURE.stored: return pageState.clean;
    default: return rest;
  }
}

/** Fills `into` with what the file of the newest snapshot of a VM holds. O(pageCount), no allocation. */
export function readFileStates(options: { readonly view: HostView; readonly slot: number; readonly pageCount: number; readonly whole: boolean; readonly into: Uint8Array }): void {
  const { view, slot, pageCount, whole, into } = options;
  const rest = whole ? pageState.clean : pageState.missing;
  const base = slot * view.frameCount;
  for (let page = 0; page < pageCount; page++) {
    const mapped = slot < 0 ? 0 : view.guestMaps[base + page]!;
    const capture = mapped === 0 ? CAPTURE.none : (view.frameTable[mapped - 1]! >>> frameField.captureShift) & frameField.captureMask;
    into[page] = fileState(capture, rest);
  }
}

function vmOf(state: AppState, host: number) {
  const vms = state.hosts.find((it) => it.id === host)?.vms ?? [];
  return vms.find((it) => it.state !== 'incoming') ?? vms[0];
}

/** See the file's head. */
export function makeFileMap(): PartPainter {
  const map = new MapCanvas();
  return {
    forgetColours: () => map.forgetColours(),
    paint(frame: PartFrame) {
      const { state, session, host } = frame;
      const vm = vmOf(state, host);
      const pageCount = Math.min(vm?.pageCount ?? 16_384, MAP_PAGES_MAX);
      const view = session?.hostViews().find((it) => it.host === host);
      const job = snapshotJob(state, host);
      if (view === undefined || job === undefined) map.states.fill(pageState.missing, 0, pageCount);
      else readFileStates({ view, slot: vm?.slot ?? -1, pageCount, whole: job.state === 'committed', into: map.states });
      map.draw({ ...frame, pageCount, view: undefined, slot: -1 });
    },
  };
}
