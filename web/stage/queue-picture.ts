/**
 * The picture between memory and disk, as geometry: the queue as a tank (its wall grows with the cap, the filled
 * part is what it holds, the hatched part what only the guest's own writes may use), and the river of tiles
 * that flows out of it through the disk's pipe (height is bandwidth). Pure; all figures come from the host's
 * shared memory (snapshotWord) and from what the disk tells.
 */
import { FORCED_RING_BITS, snapshotWord } from '../../core/protocol/host-memory-layout.ts';
import type { HostView } from '../session/host-view.ts';
import type { Rect } from './stage-layout.ts';

/** What the newest snapshot of a host tells of its queue. */
export interface QueueFacts {
  readonly serial: number; //         0 = there was none yet
  readonly heldBytes: number;
  readonly capBytes: number;
  readonly reserveBytes: number;
  readonly takenPages: number; //     that came into the queue
  readonly leftPages: number; //      that left it; a fraction while a write is under way
}

/** Reads them; `nowNs` places the write that is under way. No allocation beside the result. */
export function readQueue(view: HostView, nowNs: number): QueueFacts {
  const { snapshot } = view;
  const times = new Float64Array(snapshot.buffer, snapshot.byteOffset, snapshot.length >> 1);
  const fromNs = times[snapshotWord.writeFromNs >> 1]!;
  const toNs = times[snapshotWord.writeToNs >> 1]!;
  const count = snapshot[snapshotWord.writeCount]!;
  const part = count === 0 || toNs <= fromNs ? 0 : Math.min(1, Math.max(0, (nowNs - fromNs) / (toNs - fromNs)));
  return {
    serial: snapshot[snapshotWord.serial]!,
    heldBytes: snapshot[snapshotWord.heldBytes]!,
    capBytes: snapshot[snapshotWord.capBytes]!,
    reserveBytes: snapshot[snapshotWord.reserveBytes]!,
    takenPages: snapshot[snapshotWord.takenPages]!,
    leftPages: snapshot[snapshotWord.leftPages]! + count * part,
  };
}

/** Tiles that the pipe is long. */
export const RIVER_TILES = 8;
const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** Pages a tile stands for: the least nice number with which the river holds the queue; keeps the old one while it still serves. */
export function pagesPerTile(queuedPages: number, before: number): number {
  if (queuedPages <= before * RIVER_TILES * 2 && queuedPages > before * RIVER_TILES / 4) return before;
  return NICE.find((size) => queuedPages <= size * RIVER_TILES) ?? NICE[NICE.length - 1]!;
}

/** Share of the copies numbered `from … until − 1` in the order of coming in that a write of the guest forced, 0 … 1. */
export function forcedShare(ring: Uint8Array, from: number, until: number): number {
  let count = 0;
  for (let number = from; number < until; number++) {
    const index = number % FORCED_RING_BITS;
    count += (ring[index >> 3]! >> (index & 7)) & 1;
  }
  return until > from ? count / (until - from) : 0;
}

/** A tile of the river: `along` is where its middle stands in the pipe, 0 at the tank, 1 at the disk. */
export interface RiverTile {
  readonly along: number;
  readonly forced: number; // share of its copies that a write forced, 0 … 1
}

/** The tiles that are in the pipe: the next pages to reach the disk, the first at its right end. */
export function riverTiles(facts: QueueFacts, ring: Uint8Array, perTile: number): RiverTile[] {
  const { takenPages, leftPages } = facts;
  const tiles: RiverTile[] = [];
  for (let tile = Math.floor(leftPages / perTile); tiles.length <= RIVER_TILES; tile++) {
    const [from, until] = [tile * perTile, Math.min((tile + 1) * perTile, takenPages)];
    if (from >= takenPages) break;
    const along = 1 - ((tile + 0.5) * perTile - leftPages) / (RIVER_TILES * perTile);
    if (along < -0.5 / RIVER_TILES) break;
    tiles.push({ along, forced: forcedShare(ring, Math.max(from, Math.floor(leftPages)), until) });
  }
  return tiles;
}

// ── Places ──────────────────────────────────────────────────────────────────────────────────────

const TANK = { part: 0.34, widthMax: 120, capMin: 65_536, capMax: 268_435_456, leastPart: 0.3 } as const;
/** Pipe heights: 8 px at 1 MB/s, 64 px at 10 GB/s, logarithmic between. */
const PIPE = { heightMin: 8, heightMax: 64, rateMin: 1e6, rateMax: 1e10 } as const;

function logPart(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, Math.log(Math.max(value, 1) / from) / Math.log(to / from)));
}

/** Where everything stands in the rectangle of the part. */
export interface QueuePlaces {
  readonly tank: Rect; //      as high as the largest cap
  readonly capY: number; //    the cap line: the upper edge of what may be filled
  readonly reserve: Rect; //   hatched, below the cap line
  readonly fill: Rect;
  readonly pipe: Rect; //      from the tank's right wall to the right edge
}

/** `k`: zoom of the camera, which the rectangle has already. */
export function placeQueue(options: {
  readonly rect: Rect;
  readonly k: number;
  readonly capBytes: number;
  readonly reserveBytes: number;
  readonly heldBytes: number;
  readonly diskBytesPerSecond: number;
}): QueuePlaces {
  const { rect, k, capBytes, reserveBytes, heldBytes, diskBytesPerSecond } = options;
  const margin = 12 * k;
  const width = Math.min(rect.width * TANK.part, TANK.widthMax * k);
  const tank = { x: rect.x + margin, y: rect.y + 6 * k, width, height: rect.height - 12 * k };
  const capHeight = tank.height * capPart(capBytes);
  const bottom = tank.y + tank.height;
  const capY = bottom - capHeight;
  const share = (bytes: number) => capHeight * Math.min(1, Math.max(0, bytes / Math.max(1, capBytes)));
  const pipeHeight = diskPipeHeight(diskBytesPerSecond) * k;
  const pipeMiddle = bottom - 6 * k - PIPE.heightMax * k / 2;
  const pipeX = tank.x + tank.width;
  return {
    tank, capY,
    reserve: { ...tank, y: capY, height: share(reserveBytes) },
    fill: { ...tank, y: bottom - share(heldBytes), height: share(heldBytes) },
    pipe: { x: pipeX, y: pipeMiddle - pipeHeight / 2, width: Math.max(0, rect.x + rect.width - pipeX), height: pipeHeight },
  };
}

/** Part of the tank's height that a cap takes. */
export function capPart(capBytes: number): number {
  return TANK.leastPart + (1 - TANK.leastPart) * logPart(capBytes, TANK.capMin, TANK.capMax);
}

/** Inverse of {@link capPart}, to two digits, within the knob's range. Unit: byte. */
export function capOfPart(part: number): number {
  const log = Math.min(1, Math.max(0, (part - TANK.leastPart) / (1 - TANK.leastPart)));
  return Math.min(TANK.capMax, Math.max(TANK.capMin, Math.round(Number((TANK.capMin * (TANK.capMax / TANK.capMin) ** log).toPrecision(2)))));
}

/** Height of the disk's pipe. Unit: bytes/s → px. */
export function diskPipeHeight(bytesPerSecond: number): number {
  return PIPE.heightMin + (PIPE.heightMax - PIPE.heightMin) * logPart(bytesPerSecond, PIPE.rateMin, PIPE.rateMax);
}

/** Inverse of {@link diskPipeHeight}, to two digits. */
export function diskPipeCapacity(height: number): number {
  const part = Math.min(1, Math.max(0, (height - PIPE.heightMin) / (PIPE.heightMax - PIPE.heightMin)));
  return Math.round(Number((PIPE.rateMin * (PIPE.rateMax / PIPE.rateMin) ** part).toPrecision(2)));
}
