/**
 * Typed views on one host's memory, as the painters read it: frame table, guest frame maps and RAM.
 * Addresses come from core/protocol/host-memory-layout.ts. Reading is lock-free; a torn picture is
 * tolerated on screen (house, decision 7).
 */
import {
  frameField,
  FRAME_TABLE_ADDRESS,
  HEADER_ADDRESS,
  headerWord,
  hostMemoryLayout,
  FORCED_RING_ADDRESS,
  FORCED_RING_BITS,
  SNAPSHOT_ADDRESS,
  SNAPSHOT_WORD_COUNT,
} from '../../core/protocol/host-memory-layout.ts';

/** One host's memory, seen without copying (or a copied picture of it when the tab is not isolated). */
export interface HostView {
  readonly host: number;
  readonly frameCount: number;
  readonly header: Uint32Array;
  readonly frameTable: Uint32Array; //  one word a frame
  readonly guestMaps: Uint32Array; //   words; VM slot s begins at s × frameCount
  readonly ram: Uint8Array | null; //   null when only tables are copied
  readonly fileMap: Uint8Array; //      a byte a page of the newest snapshot's file, see fileByte
  readonly snapshot: Uint32Array; //    words of the newest snapshot, see snapshotWord
  readonly forcedRing: Uint8Array; //   a bit a page as it came into the snapshot's queue
}

/** Views on a live memory of a host with `frameCount` frames. */
export function makeHostView(host: number, buffer: ArrayBufferLike, frameCount: number): HostView {
  const layout = hostMemoryLayout(frameCount);
  return {
    host,
    frameCount,
    header: new Uint32Array(buffer, HEADER_ADDRESS, 16),
    frameTable: new Uint32Array(buffer, FRAME_TABLE_ADDRESS, frameCount),
    guestMaps: new Uint32Array(buffer, layout.guestMapAddress, (layout.guestMapStride / 4) * 16),
    ram: new Uint8Array(buffer, layout.ramAddress, frameCount * 4096),
    fileMap: new Uint8Array(buffer, layout.fileMapAddress, frameCount),
    snapshot: new Uint32Array(buffer, SNAPSHOT_ADDRESS, SNAPSHOT_WORD_COUNT),
    forcedRing: new Uint8Array(buffer, FORCED_RING_ADDRESS, FORCED_RING_BITS / 8),
  };
}

/** Host frame that backs guest frame `page` of VM slot `slot`, or −1 when it is absent. */
export function findFrame(view: HostView, slot: number, page: number): number {
  return (view.guestMaps[slot * view.frameCount + page] ?? 0) - 1;
}

/** Present epoch of the heat stamps, 0 … 255. */
export function heatEpoch(view: HostView): number {
  return view.header[headerWord.heatEpoch]! & frameField.heatMask;
}

/** A copy of the 4,096 bytes of a guest page, or null when the page is absent or RAM is not visible. */
export function findPageBytes(view: HostView, slot: number, page: number): Uint8Array | null {
  const frame = findFrame(view, slot, page);
  if (frame < 0 || view.ram === null) return null;
  return new Uint8Array(view.ram.subarray(frame * 4096, frame * 4096 + 4096));
}

/** A view that is filled with copies; RAM itself stays where it is. */
export function makeCopiedView(host: number, frameCount: number): HostView {
  return {
    host,
    frameCount,
    header: new Uint32Array(16),
    frameTable: new Uint32Array(frameCount),
    guestMaps: new Uint32Array(frameCount * 16),
    ram: null,
    fileMap: new Uint8Array(frameCount),
    snapshot: new Uint32Array(SNAPSHOT_WORD_COUNT),
    forcedRing: new Uint8Array(FORCED_RING_BITS / 8),
  };
}
