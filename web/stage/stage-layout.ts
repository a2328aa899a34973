/**
 * Where things stand on the stage at zoom 1: two walls left and right with what is between them, or one wall
 * with its console beside its map; the story (sentence and button); knobs beside their marks. Position is
 * physical place, never load. Pure geometry in CSS pixels; the camera is applied afterwards.
 */
import { layoutQueue } from './queue-layout.ts';
import type { StageShape } from './stage-shape.ts';

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Everything that has a place. What does not stand in this picture has no size. */
export interface StageLayout {
  readonly cell: number; //            CSS px of a page at zoom 1: whole, or 0.5 or 0.25 where two or four share one
  readonly columns: number; //         pages in a row of a map
  readonly hosts: readonly [Rect, Rect];
  readonly maps: readonly [Rect, Rect];
  readonly consoles: readonly [Rect, Rect];
  readonly sideKnobs: readonly [Rect, Rect];
  readonly link: Rect; //              between the walls; a pipe or a queue is centred in it
  readonly story: Rect;
  readonly linkKnobs: Rect;
  readonly variant: 'wide' | 'compact' | 'narrow' | 'single';
}

export interface StageOptions {
  readonly width: number;
  readonly height: number;
  readonly rows: number; //            of the page map
  readonly columns?: number; //        MAP_COLUMNS when missing
  readonly compact: boolean; //        a graph stands below: smaller maps, knobs beside them
  readonly large: boolean; //          projector text
  readonly knobs?: boolean; //         false: knobs are hidden now, and more than a row of them needs no room
  readonly shape?: StageShape; //      two walls and a link when missing
}

/** Pages in a row of a map of 64 MiB: 128 × 128. */
export const MAP_COLUMNS = 128;
/** Pages in a row at most: a map of 1 GiB is 512 × 512. */
const COLUMNS_MAX = 512;
const PADDING = 12;
const NOWHERE: Rect = { x: 0, y: 0, width: 0, height: 0 };

/** Pages in a row of the map of a VM: a square of a power of two, at most COLUMNS_MAX. */
export function columnsOf(pageCount: number): number {
  let columns = 8;
  while (columns < COLUMNS_MAX && columns * columns < pageCount) columns *= 2;
  return columns;
}

/** Largest page at zoom 1: small memories have larger pages, and all stay below the size at which the close-up begins. */
function cellMax(columns: number): number {
  return columns >= 128 ? 8 : columns >= 64 ? 10 : 12;
}

/**
 * Whole pixels a page, so that pages stay crisp. Where not even one fits, two or four pages of a map wider than
 * MAP_COLUMNS share one; a smaller map keeps its pixels and the stage scrolls.
 */
export function cellFrom(pixels: number, columns: number): number {
  if (pixels >= 1 || columns <= MAP_COLUMNS) return Math.max(1, Math.floor(pixels));
  return pixels >= 0.5 ? 0.5 : 0.25;
}

interface Variant {
  readonly name: StageLayout['variant'];
  readonly margin: number;
  readonly top: number;
  readonly middle: number; // least px between the hosts
  readonly side: number; //   px beside the map for the knobs of a side
  readonly below: number; //  px below the console for the knobs of a side
}

/** Ways to share the stage, in order of preference: the first in which a page is at least 2 px wide. */
const VARIANTS: Readonly<Record<'wide' | 'compact' | 'narrow', Variant>> = {
  wide: { name: 'wide', margin: 24, top: 16, middle: 352, side: 0, below: 56 },
  compact: { name: 'compact', margin: 24, top: 8, middle: 324, side: 146, below: 0 },
  narrow: { name: 'narrow', margin: 12, top: 8, middle: 224, side: 0, below: 0 },
};

/** Height of knobs in rows: two in a row, or three with their value under their name. Unit: px. */
function knobsHeight(count: number, inRow: 2 | 3): number {
  return count === 0 ? 0 : count <= 2 ? 56 : 62 * Math.ceil(count / inRow);
}

function cellOf(variant: Variant, options: StageOptions, text: number): number {
  const columns = options.columns ?? MAP_COLUMNS;
  const width = (options.width - 4 * variant.margin - variant.middle * text) / 2 - 2 * PADDING - variant.side * text;
  const height = options.height - 2 * variant.top - Math.round(36 * text) - Math.round(62 * text) - variant.below * text - PADDING;
  return cellFrom(Math.min(cellMax(columns), width / columns, height / Math.max(options.rows, columns / 2)), columns);
}

function chooseVariant(options: StageOptions, text: number): Variant {
  const columns = options.columns ?? MAP_COLUMNS;
  const count = options.shape?.sideKnobs ?? 2;
  const hidden = options.knobs === false && (options.large || count > 2);
  const wide = { ...VARIANTS.wide, below: hidden ? 0 : knobsHeight(count, 3) };
  // A projected stage shows no knobs, so nothing stands beside its maps.
  const compact = options.large || hidden ? { ...VARIANTS.compact, side: 0 } : VARIANTS.compact;
  const order = options.compact ? [compact, VARIANTS.narrow] : [wide, compact, VARIANTS.narrow];
  const fits = (least: number) => (variant: Variant) => {
    const cell = cellOf(variant, options, text);
    const width = 2 * (cell * columns + 2 * PADDING + variant.side * text) + 2 * variant.margin + variant.middle * text;
    return cell >= least && options.width >= width;
  };
  // Pages of one pixel: so little room that what stands between the walls must not be high.
  const least = [compact, VARIANTS.narrow];
  return order.find(fits(2)) ?? least.find(fits(1)) ?? least.find(fits(0.5)) ?? VARIANTS.narrow;
}

/** Lays the stage out; cells are as {@link cellFrom} says. */
export function layoutStage(options: StageOptions): StageLayout {
  if (options.shape?.right === 'nothing') return layoutSingle(options, options.shape);
  return (options.shape?.between === 'queue' ? layoutQueue(options) : undefined) ?? layoutPair(options);
}

function layoutPair(options: StageOptions): StageLayout {
  const { width, height, rows, large, columns = MAP_COLUMNS } = options;
  const text = large ? 1.4 : 1;
  const variant = chooseVariant(options, text);
  const { margin } = variant;
  const cell = cellOf(variant, options, text);
  const header = Math.round(36 * text);
  const consoleHeight = Math.round(62 * text);
  const knobHeight = Math.round(variant.below * text);
  const side = Math.round(variant.side * text);
  const map = { width: cell * columns, height: cell * rows };
  const hostWidth = Math.max(map.width + 2 * PADDING + side, variant.name === 'narrow' ? 200 : 300);
  const hostHeight = header + map.height + consoleHeight + knobHeight + PADDING;
  const spareX = Math.max(0, width - 2 * hostWidth - 4 * margin - variant.middle * text);
  const inset = margin + 8 + Math.round(Math.min(spareX / 2, width * 0.05)) - 8;
  const top = Math.max(8, Math.round((height - hostHeight) / 2));
  const host = (x: number): Rect => ({ x, y: top, width: hostWidth, height: hostHeight });
  const hosts = [host(inset), host(width - inset - hostWidth)] as const;
  const at = (dx: number, dy: number, w: number, h: number, mirror = false) =>
    hosts.map((rect, index) => ({
      x: rect.x + (mirror && index === 1 ? hostWidth - dx - w : dx), y: rect.y + dy, width: w, height: h,
    })) as unknown as readonly [Rect, Rect];
  const linkX = inset + hostWidth;
  const linkWidth = width - 2 * linkX;
  const tall = variant.name === 'wide';
  const queue = options.shape?.between === 'queue'; // a tank and more knobs: a smaller share for the story
  const storyHeight = tall
    ? Math.round(Math.max(200, map.height * (queue ? 0.36 : 0.46)) * (large ? 1.15 : 1))
    : Math.round(Math.min(176, Math.max(96, height * (queue ? 0.27 : 0.33))) * (large ? 1.15 : 1));
  const gap = variant.name === 'narrow' ? 12 : 24;
  const story = { x: linkX + gap, y: tall ? top + header - 8 : top, width: linkWidth - 2 * gap, height: storyHeight };
  const link = { x: linkX, y: story.y + story.height + (tall ? 12 : 4), width: linkWidth, height: tall ? 140 : queue ? 104 : 124 };
  const linkKnobs = {
    x: linkX + gap, y: link.y + link.height + 4, width: linkWidth - 2 * gap,
    height: Math.max(0, Math.max(top + hostHeight, height - 8) - link.y - link.height - 4),
  };
  return {
    cell, columns, hosts, link, story, linkKnobs, variant: variant.name,
    // A map stands at the outer wall, its knobs towards the middle; without knobs beside it, in the middle of its wall.
    maps: at(side > 0 ? PADDING : Math.floor((hostWidth - map.width) / 2), header, map.width, map.height, side > 0),
    consoles: at(PADDING, header + map.height + 6, hostWidth - 2 * PADDING, consoleHeight - 6),
    sideKnobs: side > 0
      ? at(PADDING + map.width + 12, header, hostWidth - map.width - 2 * PADDING - 12, map.height, true)
      : at(PADDING, header + map.height + consoleHeight, map.width, knobHeight),
  };
}

/** One wall: its map with the console beside it as high as the map; the story at the right, and below it what else there is. */
function layoutSingle(options: StageOptions, shape: StageShape): StageLayout {
  const { width, height, rows, large, columns = MAP_COLUMNS } = options;
  const text = large ? 1.4 : 1;
  const narrow = width < 760;
  const margin = narrow ? 12 : 24;
  const header = Math.round(36 * text);
  const knobHeight = options.knobs === false ? 0 : knobsHeight(shape.sideKnobs, 2) + 8;
  const storyWidth = narrow ? width - 2 * margin : Math.round(Math.min(520, Math.max(300, width * 0.28)) * (large ? 1.15 : 1));
  const storyTop = narrow ? Math.round(120 * text) : 0;
  const wallWidth = narrow ? storyWidth : width - storyWidth - 3 * margin;
  const room = height - storyTop - 2 * 16 - header - 2 * PADDING - (narrow ? knobHeight : 0);
  const most = Math.round(cellMax(columns) * (width > 1600 ? 1.5 : 1));
  const cell = cellFrom(Math.min(most, room / Math.max(rows, 1), (wallWidth * 0.55) / columns), columns);
  const map = { width: cell * columns, height: cell * rows };
  const wallHeight = header + map.height + PADDING + (narrow ? knobHeight : 0);
  const top = storyTop + Math.max(8, Math.round((height - storyTop - wallHeight) / 2));
  const wall = { x: margin, y: top, width: wallWidth, height: wallHeight };
  const mapRect = { x: wall.x + PADDING, y: top + header, ...map };
  const consoleX = mapRect.x + map.width + 16;
  const between = shape.between === 'nothing' ? 0 : 124;
  const columnX = narrow ? margin : wall.x + wallWidth + margin;
  const story = narrow
    ? { x: margin, y: 8, width: storyWidth, height: storyTop - 8 }
    : { x: columnX, y: top, width: storyWidth, height: Math.max(96, wallHeight - knobHeight - between - 8) };
  const link = { x: columnX, y: story.y + story.height + 8, width: storyWidth, height: between };
  const knobsTop = narrow ? mapRect.y + map.height + PADDING : top + wallHeight - knobHeight + 8;
  return {
    cell, columns, story, variant: narrow ? 'narrow' : 'single', link: between === 0 ? NOWHERE : link,
    hosts: [wall, NOWHERE], maps: [mapRect, NOWHERE],
    consoles: [{ x: consoleX, y: mapRect.y, width: Math.max(0, wall.x + wallWidth - PADDING - consoleX), height: map.height }, NOWHERE],
    sideKnobs: [{ x: narrow ? mapRect.x : columnX, y: knobsTop, width: narrow ? wallWidth - 2 * PADDING : storyWidth, height: knobHeight }, NOWHERE],
    linkKnobs: { x: columnX, y: link.y + between + 4, width: storyWidth, height: Math.max(0, height - 8 - link.y - between - 4) },
  };
}

/** Pipe heights: 10 px at 1 Mb/s, 100 px at 400 Gb/s, logarithmic between. */
const PIPE = { heightMin: 10, heightMax: 100, rateMin: 1e6, rateMax: 4e11 } as const;

/** Height of the pipe for a capacity. Unit: bit/s → px. Monotonic; clamped to the knob's range. */
export function pipeHeight(bitsPerSecond: number): number {
  const part = Math.log(bitsPerSecond / PIPE.rateMin) / Math.log(PIPE.rateMax / PIPE.rateMin);
  return PIPE.heightMin + Math.min(1, Math.max(0, part)) * (PIPE.heightMax - PIPE.heightMin);
}

/** Inverse of {@link pipeHeight}: px → bit/s, rounded to two digits. */
export function pipeCapacity(height: number): number {
  const part = Math.min(1, Math.max(0, (height - PIPE.heightMin) / (PIPE.heightMax - PIPE.heightMin)));
  return roundTo(PIPE.rateMin * (PIPE.rateMax / PIPE.rateMin) ** part, 2);
}

/** Rounds to `digits` significant digits. */
export function roundTo(value: number, digits: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(digits));
}

/** The camera: stage point = k × layout point + (x, y). */
export interface Camera {
  readonly k: number;
  readonly x: number;
  readonly y: number;
}

export const CAMERA_HOME: Camera = { k: 1, x: 0, y: 0 };

/** A rectangle as the camera shows it. */
export function project(camera: Camera, rect: Rect): Rect {
  return { x: rect.x * camera.k + camera.x, y: rect.y * camera.k + camera.y, width: rect.width * camera.k, height: rect.height * camera.k };
}

/** The camera that shows `rect` in the middle, filling `share` of the stage. */
export function cameraOn(rect: Rect, size: { readonly width: number; readonly height: number }, share: number, kMax: number): Camera {
  const k = Math.min(kMax, share * Math.min(size.width / rect.width, size.height / rect.height));
  return { k, x: size.width / 2 - k * (rect.x + rect.width / 2), y: size.height / 2 - k * (rect.y + rect.height / 2) };
}

export type Level = 'site' | 'host' | 'map' | 'page';
/** Zoom at which a level begins, and below which it ends again (hysteresis, so that it never flickers). In px of a page. */
const LEVELS: readonly { readonly level: Level; readonly enter: number; readonly leave: number }[] = [
  { level: 'page', enter: 120, leave: 96 },
  { level: 'map', enter: 14, leave: 11 },
];

/** The level of detail for a page size and zoom, given the level before. At zoom 1 the whole site is seen, however large its pages are. */
export function levelAt(options: { readonly cellPx: number; readonly k: number; readonly before: Level }): Level {
  const home = options.cellPx / options.k;
  for (const { level, enter, leave } of LEVELS) {
    const isNear = options.cellPx >= Math.max(options.before === level ? leave : enter, home * 1.3);
    if (isNear) return level;
  }
  return options.k >= (options.before === 'host' ? 1.15 : 1.3) ? 'host' : 'site';
}
