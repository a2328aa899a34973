/**
 * The link as a pipe: height is capacity on a logarithmic scale, the filled part is the share in use,
 * each tile stands for N pages in flight (handed to the stream, not yet acknowledged). Tiles move only
 * as far as the count of pages sent has moved.
 */
import type { MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import type { AppState } from '../session/store.ts';
import type { Colours } from '../styles/colours.ts';
import { pipeHeight, type Rect } from './stage-layout.ts';

/** What was drawn last, so that nothing is drawn twice. */
export interface PipePicture {
  key: string;
  pagesPerTile: number;
}

export function makePipe(): PipePicture {
  return { key: '', pagesPerTile: 1 };
}

/** Tiles shown at most. */
const TILES_MAX = 12;
const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];

/** Pages a tile stands for: the least nice number with at most TILES_MAX tiles; keeps the old one while it still serves. */
export function pagesPerTile(inFlight: number, before: number): number {
  if (inFlight <= before * TILES_MAX && inFlight > (before * TILES_MAX) / 5) return before;
  return NICE.find((size) => inFlight <= size * TILES_MAX * 0.8) ?? NICE[NICE.length - 1]!;
}

interface PipeOptions {
  readonly context: CanvasRenderingContext2D;
  readonly ratio: number;
  readonly rect: Rect;
  readonly k: number;
  readonly colours: Colours;
  readonly state: AppState;
  readonly migration: MigrationSnapshot | undefined;
  readonly leftwards: boolean; // the migration goes from right to left
  readonly inFlight: number;
  readonly linkBytesPerSecond: number;
  readonly pagesSent: number;
  readonly fresh: boolean;
}

/** Rectangle of the pipe itself, in stage px. */
export function pipeRect(rect: Rect, bandwidth: number, k: number): Rect {
  const height = pipeHeight(bandwidth) * k;
  return { x: rect.x, y: rect.y + rect.height / 2 - height / 2, width: rect.width, height };
}

export function paintPipe(picture: PipePicture, options: PipeOptions): void {
  const { context, ratio, rect, k, colours, state, migration, inFlight } = options;
  const link = state.links.find((it) => it.from === (migration?.from ?? 0)) ?? state.links[0];
  if (link === undefined || rect.width < 8) return;
  const use = Math.min(1, (options.linkBytesPerSecond * 8) / link.bandwidthBitsPerSecond);
  picture.pagesPerTile = migration === undefined ? 1 : pagesPerTile(inFlight, picture.pagesPerTile);
  const progress = options.pagesSent / picture.pagesPerTile;
  const tiles = migration === undefined ? 0 : Math.ceil(inFlight / picture.pagesPerTile);
  const key = `${link.bandwidthBitsPerSecond} ${link.up} ${use.toFixed(3)} ${tiles} ${tiles > 0 ? (progress % 1).toFixed(3) : ''} ${migration?.from}`;
  if (key === picture.key && !options.fresh) return;
  picture.key = key;
  const pipe = pipeRect(rect, link.bandwidthBitsPerSecond, k);
  context.save();
  context.scale(ratio, ratio);
  const full = pipeHeight(4e11) * k + 8;
  context.clearRect(rect.x, rect.y + rect.height / 2 - full / 2, rect.width, full);
  context.fillStyle = colours.css.panel;
  context.fillRect(pipe.x, pipe.y, pipe.width, pipe.height);
  context.fillStyle = colours.css['in-flight'];
  const filled = pipe.height * use;
  context.globalAlpha = 0.28;
  context.fillRect(pipe.x, pipe.y + pipe.height - filled, pipe.width, filled);
  context.globalAlpha = 1;
  if (link.up) paintTiles(options, pipe, tiles, progress, options.leftwards);
  context.fillStyle = colours.css.ink;
  context.fillRect(pipe.x, pipe.y - 2, pipe.width, 2);
  context.fillRect(pipe.x, pipe.y + pipe.height, pipe.width, 2);
  if (!link.up) paintCut(context, colours, pipe);
  context.restore();
}

/** Where a tile stands along the pipe (0 = the source's end) and how much of it is seen. */
export interface TilePlace {
  readonly along: number;
  readonly alpha: number;
}

/**
 * Places of `tiles` tiles for a progress counted in tiles. They move with the progress; with reduced motion they stand
 * on fixed places instead, and what would have gone on fades over from the first place to the one after the last.
 */
export function tilePlaces(tiles: number, progress: number, reduced: boolean): TilePlace[] {
  if (tiles <= 0) return [];
  const part = progress - Math.floor(progress);
  if (!reduced) return Array.from({ length: tiles }, (_, index) => ({ along: (part + index + 0.5) / (tiles + 1), alpha: 1 }));
  return Array.from({ length: tiles + 1 }, (_, index) => ({
    along: (index + 0.5) / (tiles + 1), alpha: index === 0 ? 1 - part : index === tiles ? part : 1,
  })).filter(({ alpha }) => alpha > 0);
}

const reducedMotion = typeof matchMedia === 'function' ? matchMedia('(prefers-reduced-motion: reduce)') : undefined;

function paintTiles(options: PipeOptions, pipe: Rect, tiles: number, progress: number, leftwards: boolean): void {
  const { context, colours } = options;
  const size = Math.max(6, Math.min(24 * options.k, pipe.height - 6, (pipe.width / TILES_MAX) * 0.8));
  context.save();
  context.beginPath();
  context.rect(pipe.x, pipe.y, pipe.width, pipe.height);
  context.clip();
  for (const { along, alpha } of tilePlaces(tiles, progress, reducedMotion?.matches === true)) {
    const x = pipe.x + (leftwards ? 1 - along : along) * pipe.width - size / 2;
    const y = pipe.y + (pipe.height - size) / 2;
    context.globalAlpha = alpha;
    context.fillStyle = colours.css['in-flight'];
    context.fillRect(x, y, size, size);
    const kernel = size / 3;
    context.fillStyle = colours.css.clean;
    context.fillRect(x + (size - kernel) / 2, y + (size - kernel) / 2, kernel, kernel);
  }
  context.restore();
}

/** A cut cable: a gap, and a cross in the fault colour. */
function paintCut(context: CanvasRenderingContext2D, colours: Colours, pipe: Rect): void {
  const centre = { x: pipe.x + pipe.width / 2, y: pipe.y + pipe.height / 2 };
  context.clearRect(centre.x - 20, pipe.y - 3, 40, pipe.height + 6);
  context.strokeStyle = colours.css.fault;
  context.lineWidth = 4;
  context.beginPath();
  for (const sign of [1, -1]) {
    context.moveTo(centre.x - 9, centre.y - 9 * sign);
    context.lineTo(centre.x + 9, centre.y + 9 * sign);
  }
  context.stroke();
}
