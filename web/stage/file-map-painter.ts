/**
 * The file of the newest snapshot as a map: each page at the place where it stands in the guest. Missing until it
 * is copied, in flight while it waits for the disk, clean once it is stored, with an ink dot where a write of the
 * guest forced the copy. Read from the host's shared memory, where the mechanism writes a byte a page.
 */
import { snapshotWord } from '../../core/protocol/host-memory-layout.ts';
import type { AppState } from '../session/store.ts';
import { MAP_PAGES_MAX, MapCanvas } from './map-canvas.ts';
import { pageState, readFileStates } from './page-states.ts';
import type { PartFrame, PartPainter } from './part-painter.ts';

function pageCountOf(state: AppState, host: number): number {
  const vms = state.hosts.find((it) => it.id === host)?.vms ?? state.hosts.flatMap((it) => it.vms);
  return (vms.find((it) => it.state !== 'incoming') ?? vms[0])?.pageCount ?? 16_384;
}

/** See the file's head. */
export function makeFileMap(): PartPainter {
  const map = new MapCanvas();
  return {
    forgetColours: () => map.forgetColours(),
    paint(frame: PartFrame) {
      const { state, session, host } = frame;
      const view = session?.hostViews().find((it) => it.host === host);
      const told = view?.snapshot[snapshotWord.pageCount] ?? 0;
      const pageCount = Math.min(told === 0 ? pageCountOf(state, host) : told, MAP_PAGES_MAX, view?.frameCount ?? MAP_PAGES_MAX);
      if (view === undefined) map.states.fill(pageState.missing, 0, pageCount);
      else readFileStates(view.fileMap, pageCount, map.states);
      map.draw({ ...frame, pageCount, view: undefined, slot: -1 });
    },
  };
}
