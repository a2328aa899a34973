/**
 * Where things stand when a queue is between the sides: two large maps, between them the story above, the queue in
 * the middle and its knobs below; the knobs of a side take the place of the lines below its map. Pure geometry in
 * CSS px. Undefined when there is no room for it; the layout of a link then serves.
 */
import { cellFrom, type Rect, type StageLayout, type StageOptions } from './stage-layout.ts';

const COLUMNS = 128;
const CELL_MAX = 8;
const PADDING = 12;
const MARGIN = 16;
const HEADER = 34;
/** Below a map: three lines, or a row of knobs. */
const FOOT = 58;
const BOTTOM = 2;
/** The story, the queue, and gaps. */
const MIDDLE_MIN = 400;
const QUEUE_HEIGHT = 140;
/** Below this height of a wall the story is short, and the queue lower. */
const TALL = 360;
const HOST_WIDTH_MIN = 300;

export function layoutQueue(options: StageOptions): StageLayout | undefined {
  const { width, height, rows, large, columns = COLUMNS } = options;
  const text = large ? 1.4 : 1;
  const [header, foot] = [Math.round(HEADER * text), Math.round(FOOT * text)];
  const byHeight = (height - header - foot - BOTTOM - 4) / Math.max(rows, 1);
  const byWidth = (width - 2 * MARGIN - 4 * PADDING - MIDDLE_MIN * text) / (2 * columns);
  // Two pages share a pixel only where that is what a memory of so many pages asks for.
  const least = columns > COLUMNS ? 0.5 : 1;
  const cell = Math.min(CELL_MAX, byHeight, byWidth) < least ? 0 : cellFrom(Math.min(CELL_MAX, byHeight, byWidth), columns);
  if (cell === 0) return undefined;
  const map = { width: cell * columns, height: cell * rows };
  const hostWidth = Math.max(map.width + 2 * PADDING, HOST_WIDTH_MIN);
  const hostHeight = header + map.height + foot + BOTTOM;
  const spare = width - 2 * hostWidth - 2 * MARGIN - MIDDLE_MIN * text;
  if (spare < 0) return undefined;
  const inset = MARGIN + Math.round(spare * 0.25);
  const top = Math.max(2, Math.round((height - hostHeight) / 2));
  const walls = [inset, width - inset - hostWidth] as const;
  const both = (at: (x: number) => Rect): readonly [Rect, Rect] => [at(walls[0]), at(walls[1])];
  const left = inset + hostWidth;
  const middle = walls[1] - left;
  const tall = hostHeight >= TALL * text;
  const queue = tall
    ? Math.round(Math.min(QUEUE_HEIGHT * 1.4, Math.max(QUEUE_HEIGHT, map.height * 0.3)) * (large ? 1.15 : 1))
    : Math.max(84, hostHeight - Math.round(116 * text));
  const storyHeight = tall ? Math.round(Math.max(150, (hostHeight - queue) * 0.52)) : Math.round(96 * text);
  const story: Rect = { x: left + 20, y: top + 4, width: middle - 40, height: storyHeight };
  const link: Rect = { x: left, y: story.y + story.height + 8, width: middle, height: queue };
  const mapAt = (x: number): Rect => ({ x: x + Math.round((hostWidth - map.width) / 2), y: top + header, ...map });
  const below = (x: number): Rect => ({ x: x + PADDING, y: top + header + map.height + 2, width: hostWidth - 2 * PADDING, height: foot });
  return {
    cell, columns, story, link, variant: tall ? 'wide' : 'compact',
    hosts: both((x) => ({ x, y: top, width: hostWidth, height: hostHeight })),
    maps: both(mapAt), consoles: both(below), sideKnobs: both(below),
    linkKnobs: { x: left + 20, y: link.y + link.height + 18, width: middle - 40, height: Math.max(0, height - link.y - link.height - 20) },
  };
}
