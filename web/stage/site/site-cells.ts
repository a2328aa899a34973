/**
 * Ten thousand hosts as cells: read from the boards in shared memory, by place. Position is physical: a block is a
 * pod, a row of it a rack. Pure arithmetic over typed arrays; the caller owns canvases.
 */
import { boardColumn, boardRow, boardState, type HostBoard } from '../../../core/protocol/host-board.ts';

/** Levels of the ramp. */
export const RAMP = 64;
/** Bins of the histogram. */
export const BINS = 40;

/** Where cells stand at zoom 1, in whole CSS px. */
export interface SiteLayout {
  readonly cell: number;
  readonly rack: number; //      hosts in a row of a block
  readonly width: number;
  readonly height: number;
  readonly blocks: readonly { readonly x: number; readonly y: number; readonly firstHost: number; readonly hostCount: number }[];
}

const BLOCK_GAP = 6;
/** Hosts in a row of a block that are tried. */
const RACKS = [5, 10, 25, 50];

/** The layout with the largest cells that fits; cells of 1 px when none does. */
export function layoutSite(pods: readonly { readonly firstHost: number; readonly hostCount: number }[], width: number, height: number): SiteLayout {
  let best: SiteLayout | undefined;
  for (const rack of RACKS) {
    for (let cell = 24; cell >= 1; cell--) {
      if (best !== undefined && cell <= best.cell) break;
      const candidate = layoutWith(pods, { rack, cell, width });
      if (candidate.height > height || candidate.width > width) continue;
      best = candidate;
      break;
    }
  }
  return best ?? layoutWith(pods, { rack: 25, cell: 1, width });
}

function layoutWith(pods: readonly { readonly firstHost: number; readonly hostCount: number }[], options: { rack: number; cell: number; width: number }): SiteLayout {
  const { rack, cell, width } = options;
  const blocks: SiteLayout['blocks'][number][] = [];
  let [x, y, tallest, widest] = [0, 0, 0, 0];
  for (const { firstHost, hostCount } of pods) {
    const wide = Math.min(rack, hostCount) * cell;
    const tall = Math.ceil(hostCount / rack) * cell;
    if (x > 0 && x + wide > width) {
      x = 0;
      y += tallest + BLOCK_GAP;
      tallest = 0;
    }
    blocks.push({ x, y, firstHost, hostCount });
    x += wide + BLOCK_GAP;
    widest = Math.max(widest, x - BLOCK_GAP);
    tallest = Math.max(tallest, tall);
  }
  return { cell, rack, blocks, width: widest, height: y + tallest };
}

/** Top left corner of a host's cell, or undefined when there is no such host. */
export function cellAt(layout: SiteLayout, host: number): { readonly x: number; readonly y: number } | undefined {
  const block = layout.blocks.find((it) => host >= it.firstHost && host < it.firstHost + it.hostCount);
  if (block === undefined) return undefined;
  const position = host - block.firstHost;
  return { x: block.x + (position % layout.rack) * layout.cell, y: block.y + Math.floor(position / layout.rack) * layout.cell };
}

/** The host whose cell holds a point, −1 = none. */
export function hostAtPoint(layout: SiteLayout, x: number, y: number): number {
  for (const block of layout.blocks) {
    const column = Math.floor((x - block.x) / layout.cell);
    const row = Math.floor((y - block.y) / layout.cell);
    const position = row * layout.rack + column;
    if (column >= 0 && column < layout.rack && row >= 0 && position < block.hostCount) return block.firstHost + position;
  }
  return -1;
}

/** The neighbour in a direction, by place; the host itself at the edge of everything. */
export function neighbourOf(layout: SiteLayout, host: number, dx: number, dy: number): number {
  const at = cellAt(layout, host);
  if (at === undefined) return layout.blocks[0]?.firstHost ?? -1;
  const half = layout.cell / 2;
  for (let step = 1; step <= 4; step++) {
    const reach = layout.cell + (step - 1) * BLOCK_GAP;
    const found = hostAtPoint(layout, at.x + half + dx * reach, at.y + half + dy * reach);
    if (found >= 0 && found !== host) return found;
  }
  return host;
}

/** Values and states of all hosts, gathered from the boards. */
export interface SiteReading {
  readonly values: Uint32Array; //   by host
  readonly states: Uint8Array; //    board state by host
  most: number;
  overloaded: number;
  down: number;
}

export function makeReading(hosts: number): SiteReading {
  return { values: new Uint32Array(hosts), states: new Uint8Array(hosts), most: 0, overloaded: 0, down: 0 };
}

/** Reads one column of all boards. O(hosts), no allocation. */
export function readSite(boards: readonly HostBoard[], column: number, into: SiteReading): void {
  into.most = 0;
  into.overloaded = 0;
  into.down = 0;
  for (const { words, firstHost, hostCount } of boards) {
    for (let position = 0; position < hostCount; position++) {
      const host = firstHost + position;
      if (host >= into.values.length) break;
      const row = boardRow(position);
      const value = words[row + column]!;
      const state = words[row + boardColumn.state]!;
      into.values[host] = value;
      into.states[host] = state;
      if (value > into.most) into.most = value;
      if ((state & boardState.up) === 0) into.down++;
      else if ((state & boardState.overloaded) !== 0) into.overloaded++;
    }
  }
}

/** Hosts by value in BINS equal parts of 0 … full. */
export function histogramOfSite(reading: SiteReading, full: number, bins = BINS): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of reading.values) counts[Math.min(bins - 1, Math.floor((value / Math.max(1, full)) * bins))]!++;
  return counts;
}

function mix(a: number, b: number, part: number): number {
  let out = 0xff000000;
  for (const shift of [0, 8, 16]) {
    const from = (a >>> shift) & 0xff;
    out |= Math.round(from + (((b >>> shift) & 0xff) - from) * part) << shift;
  }
  return out >>> 0;
}

/** A ramp of one hue in lightness, `low` to `high`; what lies below `cut` (0 … 1) recedes towards the ground. */
export function rampOf(options: { readonly low: number; readonly high: number; readonly stage: number; readonly cut: number }): Uint32Array {
  const { low, high, stage, cut } = options;
  return Uint32Array.from({ length: RAMP }, (_, level) => {
    const part = level / (RAMP - 1);
    const colour = mix(low, high, part * part);
    return part < cut ? mix(low, stage, 0.7) : colour;
  });
}

/** Level of a value on the ramp. */
export function levelOf(value: number, full: number): number {
  return Math.min(RAMP - 1, Math.floor((value / Math.max(1, full)) * RAMP));
}

/** Paints every cell into a bitmap of `width` device px a row; cells of `size` device px with a gap of `gap`. */
export function paintSite(options: {
  readonly reading: SiteReading;
  readonly layout: SiteLayout;
  readonly scale: number; //  device px a CSS px, whole
  readonly full: number;
  readonly ramp: Uint32Array;
  readonly stage: number;
  readonly fault: number;
  readonly pixels: Uint32Array;
  readonly width: number;
}): void {
  const { reading, layout, scale, full, ramp, stage, fault, pixels, width } = options;
  pixels.fill(stage);
  const size = layout.cell * scale;
  const body = size - (size >= 4 ? 1 : 0);
  for (const block of layout.blocks) {
    for (let position = 0; position < block.hostCount; position++) {
      const host = block.firstHost + position;
      const x = block.x * scale + (position % layout.rack) * size;
      const y = block.y * scale + Math.floor(position / layout.rack) * size;
      const state = reading.states[host]!;
      const isDown = (state & boardState.up) === 0;
      const colour = isDown ? stage : ramp[levelOf(reading.values[host]!, full)]!;
      for (let row = 0; row < body; row++) {
        const start = (y + row) * width + x;
        // Without power: an empty cell with a corner in the fault's colour.
        for (let column = 0; column < body; column++) pixels[start + column] = isDown && column + row < body / 2 ? fault : colour;
      }
    }
  }
}

/** Hosts by a value, greatest first, at least `least`; ties by number. `limit` rows at most. */
export function sortedHosts(reading: SiteReading, least: number, limit: number): number[] {
  const hosts: number[] = [];
  for (let host = 0; host < reading.values.length; host++) if (reading.values[host]! >= least) hosts.push(host);
  return hosts.sort((a, b) => reading.values[b]! - reading.values[a]! || a - b).slice(0, limit);
}

/** The next host after `from`, around, that asks for more CPU than it has; −1 = none. */
export function nextOverloaded(reading: SiteReading, from: number): number {
  const count = reading.states.length;
  for (let step = 1; step <= count; step++) {
    const host = (from + step + count) % count;
    const state = reading.states[host]!;
    if ((state & boardState.up) !== 0 && (state & boardState.overloaded) !== 0) return host;
  }
  return -1;
}
