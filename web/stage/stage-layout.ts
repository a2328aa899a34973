/**
 * Where things stand on the stage at zoom 1: two hosts left and right, the link between them, the story
 * (sentence and button) above it, knobs beside their marks. Position is physical place, never load.
 * Pure geometry in CSS pixels; the camera is applied afterwards.
 */

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Everything that has a place. */
export interface StageLayout {
  readonly cell: number; //            CSS px of a page at zoom 1
  readonly hosts: readonly [Rect, Rect];
  readonly maps: readonly [Rect, Rect];
  readonly consoles: readonly [Rect, Rect];
  readonly vmKnobs: readonly [Rect, Rect];
  readonly link: Rect; //              between the hosts' walls; the pipe is centred in it
  readonly story: Rect;
  readonly linkKnobs: Rect;
  readonly variant: 'wide' | 'compact' | 'narrow';
}

export interface StageOptions {
  readonly width: number;
  readonly height: number;
  readonly rows: number; //            of the page map (columns are MAP_COLUMNS)
  readonly compact: boolean; //        a chart stands below: smaller maps, knobs beside them
  readonly large: boolean; //          projector text
}

/** Pages in a row of a map: 128 × 128 is 64 MiB. */
export const MAP_COLUMNS = 128;
const CELL_MAX = 8;
const PADDING = 12;

interface Variant {
  readonly name: StageLayout['variant'];
  readonly margin: number;
  readonly top: number;
  readonly middle: number; // least px between the hosts
  readonly side: number; //   px beside the map for the VM's knobs
  readonly below: number; //  px below the console for the VM's knobs
}

/** Ways to share the stage, in order of preference: the first in which a page is at least 2 px wide. */
const VARIANTS: Readonly<Record<StageLayout['variant'], Variant>> = {
  wide: { name: 'wide', margin: 24, top: 24, middle: 352, side: 0, below: 56 },
  compact: { name: 'compact', margin: 24, top: 8, middle: 324, side: 146, below: 0 },
  narrow: { name: 'narrow', margin: 12, top: 8, middle: 224, side: 0, below: 0 },
};

function cellOf(variant: Variant, options: StageOptions, text: number): number {
  const width = (options.width - 4 * variant.margin - variant.middle * text) / 2 - 2 * PADDING - variant.side * text;
  const height = options.height - 2 * variant.top - Math.round(36 * text) - Math.round(62 * text) - variant.below * text - PADDING;
  return Math.max(1, Math.min(CELL_MAX, Math.floor(width / MAP_COLUMNS), Math.floor(height / Math.max(options.rows, 64))));
}

function chooseVariant(options: StageOptions, text: number): Variant {
  // A projected stage shows no knobs, so nothing stands beside its maps.
  const compact = options.large ? { ...VARIANTS.compact, side: 0 } : VARIANTS.compact;
  const order = options.compact ? [compact, VARIANTS.narrow] : [VARIANTS.wide, compact, VARIANTS.narrow];
  const fits = (least: number) => (variant: Variant) => {
    const cell = cellOf(variant, options, text);
    const width = 2 * (cell * MAP_COLUMNS + 2 * PADDING + variant.side * text) + 2 * variant.margin + variant.middle * text;
    return cell >= least && options.width >= width;
  };
  return order.find(fits(2)) ?? order.find(fits(1)) ?? VARIANTS.narrow;
}

/** Lays the stage out; cells are whole pixels so that pages stay crisp. */
export function layoutStage(options: StageOptions): StageLayout {
  const { width, height, rows, large } = options;
  const text = large ? 1.4 : 1;
  const variant = chooseVariant(options, text);
  const { margin } = variant;
  const cell = cellOf(variant, options, text);
  const header = Math.round(36 * text);
  const consoleHeight = Math.round(62 * text);
  const knobHeight = Math.round(variant.below * text);
  const side = Math.round(variant.side * text);
  const map = { width: cell * MAP_COLUMNS, height: cell * rows };
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
  const storyHeight = tall
    ? Math.round(Math.max(200, map.height * 0.46) * (large ? 1.15 : 1))
    : Math.round(Math.min(176, Math.max(96, height * 0.33)) * (large ? 1.15 : 1));
  const gap = variant.name === 'narrow' ? 12 : 24;
  const story = { x: linkX + gap, y: tall ? top + header - 8 : top, width: linkWidth - 2 * gap, height: storyHeight };
  const link = { x: linkX, y: story.y + story.height + (tall ? 12 : 4), width: linkWidth, height: tall ? 140 : 124 };
  const linkKnobs = {
    x: linkX + gap, y: link.y + link.height + 4, width: linkWidth - 2 * gap,
    height: Math.max(0, Math.max(top + hostHeight, height - 8) - link.y - link.height - 4),
  };
  return {
    cell, hosts, link, story, linkKnobs, variant: variant.name,
    maps: at(PADDING, header, map.width, map.height, true),
    consoles: at(PADDING, header + map.height + 6, hostWidth - 2 * PADDING, consoleHeight - 6),
    vmKnobs: side > 0
      ? at(PADDING + map.width + 12, header, hostWidth - map.width - 2 * PADDING - 12, map.height, true)
      : at(PADDING, header + map.height + consoleHeight, map.width, knobHeight),
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

/** The level of detail for a page size and zoom, given the level before. */
export function levelAt(options: { readonly cellPx: number; readonly k: number; readonly before: Level }): Level {
  for (const { level, enter, leave } of LEVELS) {
    if (options.cellPx >= (options.before === level ? leave : enter)) return level;
  }
  return options.k >= (options.before === 'host' ? 1.15 : 1.3) ? 'host' : 'site';
}
