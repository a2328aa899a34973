/**
 * Pages close up: a square a page with its outline or inset, then its number, then its 4,096 bytes as a
 * 64 × 64 grid read from shared memory, each byte as two digits once there is room.
 */
import { findPageBytes, type HostView } from '../session/host-view.ts';
import type { Colours } from '../styles/colours.ts';
import { HEAT_LEVELS, PROTECTED, pageState } from './page-states.ts';
import type { Rect } from './stage-layout.ts';

interface PagesOptions {
  readonly context: CanvasRenderingContext2D;
  readonly colours: Colours;
  readonly rect: Rect; //        of the whole map, stage px
  readonly ratio: number;
  readonly cell: number; //      stage px of a page
  readonly columns: number; //   pages in a row
  readonly pageCount: number;
  readonly width: number; //     of the stage
  readonly height: number;
  readonly states: Uint8Array;
  readonly shown: Uint8Array;
  readonly fresh: boolean;
  readonly view: HostView | undefined;
  readonly slot: number;
}

/** Bytes in a row of the grid inside a page. */
const BYTE_COLUMNS = 64;

export function paintPages(options: PagesOptions): void {
  const { context, ratio, rect, cell, columns, width, height, pageCount } = options;
  const firstColumn = Math.max(0, Math.floor(-rect.x / cell));
  const lastColumn = Math.min(columns - 1, Math.floor((width - rect.x) / cell));
  const firstRow = Math.max(0, Math.floor(-rect.y / cell));
  const lastRow = Math.floor((height - rect.y) / cell);
  context.save();
  context.scale(ratio, ratio);
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = firstColumn; column <= lastColumn; column++) {
      const page = row * columns + column;
      if (page >= pageCount) break;
      const state = options.states[page]!;
      const plain = state % PROTECTED;
      const written = plain === pageState.heat || plain === pageState.dirty;
      if (!options.fresh && state === options.shown[page] && !(written && cell > 96)) continue;
      options.shown[page] = state;
      paintPage(options, page, { x: rect.x + column * cell, y: rect.y + row * cell, width: cell, height: cell });
    }
  }
  context.restore();
}

function paintPage(options: PagesOptions, page: number, square: Rect): void {
  const { context, colours, cell } = options;
  const code = options.states[page]!;
  const state = code % PROTECTED;
  const gap = Math.min(4, Math.max(1, cell / 24));
  const { x, y } = square;
  const size = cell - gap;
  context.fillStyle = colours.css.stage;
  context.fillRect(x, y, cell, cell);
  if (state === pageState.missing || state === pageState.leftOut) {
    context.strokeStyle = colours.css[state === pageState.missing ? 'missing' : 'rule-strong'];
    context.lineWidth = cell > 40 ? 2 : 1;
    context.strokeRect(x + 1, y + 1, size - 2, size - 2);
    return;
  }
  context.fillStyle = colours.css.clean;
  context.fillRect(x, y, size, size);
  const line = Math.min(8, Math.max(2, size / 10));
  if (state === pageState.inFlight || state === pageState.inFlightForced) frame(context, colours.css['in-flight'], x, y, size, size / 4);
  else if (state === pageState.dirty) {
    if (cell > 96) frame(context, colours.css.dirty, x, y, size, line);
    else fill(context, colours.css.dirty, x, y, size, 1);
  } else if (state >= pageState.heat) {
    const strength = 1 - ((state - pageState.heat) % HEAT_LEVELS) / HEAT_LEVELS;
    const colour = colours.css[state >= pageState.arrived ? 'in-flight' : 'dirty'];
    if (cell > 96) frame(context, colour, x, y, size, line * strength);
    else fill(context, colour, x, y, size, strength);
  } else if (state === pageState.merged) fill(context, colours.css.shared, x, y, size, 1);
  if (state === pageState.inFlightForced || state === pageState.cleanForced) {
    context.fillStyle = colours.css.ink;
    context.fillRect(x + size / 3, y + size / 3, size / 3, size / 3);
  }
  if (code >= PROTECTED) frame(context, colours.css['ink-soft'], x + line, y + line, size - 2 * line, Math.max(1, line / 2));
  if (cell > 96) paintBytes(options, page, { x: x + line, y: y + line, width: size - 2 * line, height: size - 2 * line });
}

function frame(context: CanvasRenderingContext2D, colour: string, x: number, y: number, size: number, line: number): void {
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.strokeRect(x + line / 2, y + line / 2, size - line, size - line);
}

function fill(context: CanvasRenderingContext2D, colour: string, x: number, y: number, size: number, alpha: number): void {
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.fillRect(x, y, size, size);
  context.globalAlpha = 1;
}

function paintBytes(options: PagesOptions, page: number, inside: Rect): void {
  const { context, colours, view, slot } = options;
  const bytes = view === undefined ? null : findPageBytes(view, slot, page);
  if (bytes === null) return;
  if (bytes.every((byte) => byte === 0)) {
    context.fillStyle = colours.css['ink-soft'];
    context.font = '13px system-ui, sans-serif';
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText('all zeroes', inside.x + inside.width / 2, inside.y + inside.height / 2);
    return;
  }
  const step = inside.width / BYTE_COLUMNS;
  const digits = step >= 13;
  context.fillStyle = colours.css.ink;
  if (digits) {
    context.font = `${Math.floor(step * 0.72)}px ui-monospace, monospace`;
    context.textBaseline = 'middle';
    context.textAlign = 'center';
  }
  const firstRow = Math.max(0, Math.floor(-inside.y / step));
  const lastRow = Math.min(BYTE_COLUMNS - 1, Math.floor((options.height - inside.y) / step));
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = 0; column < BYTE_COLUMNS; column++) {
      const byte = bytes[row * BYTE_COLUMNS + column]!;
      const x = inside.x + column * step;
      if (x < -step || x > options.width) continue;
      const y = inside.y + row * step;
      if (digits) {
        context.globalAlpha = byte === 0 ? 0.3 : 1;
        context.fillText(byte.toString(16).padStart(2, '0'), x + step / 2, y + step / 2);
      } else if (byte !== 0) {
        context.globalAlpha = 0.2 + (byte / 255) * 0.8;
        context.fillRect(x, y, step * 0.8, step * 0.8);
      }
    }
  }
  context.globalAlpha = 1;
}
