/**
 * Paints page states into pixels: one small pattern per state and cell size, blitted only where a state
 * changed. Patterns carry the second sign beside the colour: missing is an outline, in flight is inset, a copy
 * that a write forced has an ink dot, a protected page an inner outline.
 * Works on arrays; the caller owns the canvas.
 */
import { HEAT_LEVELS, PROTECTED, pageState, STATE_COUNT } from './page-states.ts';

/** Packed little-endian RGBA of the tokens that maps use. */
export interface MapColours {
  readonly stage: number;
  readonly clean: number;
  readonly dirty: number;
  readonly inFlight: number;
  readonly missing: number;
  readonly merged: number;
  readonly ink: number;
}

/** Patterns of all states, each cell × cell pixels, one after the other. */
export interface CellPatterns {
  readonly cell: number;
  readonly pixels: Uint32Array;
}

function mix(a: number, b: number, part: number): number {
  let out = 0xff000000;
  for (const shift of [0, 8, 16]) {
    const from = (a >>> shift) & 0xff;
    const to = (b >>> shift) & 0xff;
    out |= Math.round(from + (to - from) * part) << shift;
  }
  return out >>> 0;
}

/** Width of the gap between cells, and of outlines, in device pixels. */
function strokeOf(cell: number): { gap: number; line: number } {
  return { gap: cell >= 6 ? Math.max(1, Math.floor(cell / 12)) : 0, line: Math.max(1, Math.floor(cell / 8)) };
}

/** Builds the patterns for cells of `cell` device pixels (1 … 64). */
export function makePatterns(cell: number, colours: MapColours): CellPatterns {
  const pixels = new Uint32Array(STATE_COUNT * cell * cell).fill(colours.stage);
  const { gap, line } = strokeOf(cell);
  const body = cell - gap;
  const fill = (state: number, colour: number, inset: number) => {
    const base = state * cell * cell;
    for (let y = inset; y < body - inset; y++) {
      for (let x = inset; x < body - inset; x++) pixels[base + y * cell + x] = colour;
    }
  };
  fill(pageState.clean, colours.clean, 0);
  fill(pageState.dirty, colours.dirty, 0);
  fill(pageState.merged, colours.merged, 0);
  fill(pageState.inFlight, colours.inFlight, 0);
  if (cell >= 5) {
    // Inset: a clean kernel shows that the page still stands here while its copy travels.
    const kernel = Math.max(2, Math.floor(body / 3));
    fill(pageState.inFlight, colours.clean, Math.ceil((body - kernel) / 2));
  }
  for (let age = 0; age < HEAT_LEVELS; age++) {
    const part = (age / HEAT_LEVELS) ** 0.8;
    fill(pageState.heat + age, mix(colours.dirty, colours.clean, part), 0);
    fill(pageState.arrived + age, mix(colours.inFlight, colours.clean, part), 0);
  }
  fill(pageState.leftOut, mix(colours.stage, colours.clean, 0.55), 0);
  paintForced(pixels, { cell, body, colours });
  paintMissing(pixels, { cell, body, line, colours });
  paintProtected(pixels, { cell, body, line, colours });
  return { cell, pixels };
}

/** In flight and stored with an ink dot in the middle: the copy was forced by a write. */
function paintForced(pixels: Uint32Array, options: { readonly cell: number; readonly body: number; readonly colours: MapColours }): void {
  const { cell, body, colours } = options;
  const size = cell * cell;
  const dot = Math.max(1, Math.round(body / 3));
  const from = Math.floor((body - dot) / 2);
  for (const [state, plain] of [[pageState.inFlightForced, pageState.inFlight], [pageState.cleanForced, pageState.clean]] as const) {
    pixels.copyWithin(state * size, plain * size, (plain + 1) * size);
    for (let y = from; y < from + dot; y++) {
      for (let x = from; x < from + dot; x++) pixels[state * size + y * cell + x] = colours.ink;
    }
  }
}

/** Every state once more with an inner outline; at small sizes its upper and left edge or corner, so that a map shows a mesh. */
function paintProtected(
  pixels: Uint32Array,
  options: { readonly cell: number; readonly body: number; readonly line: number; readonly colours: MapColours },
): void {
  const { cell, body, line, colours } = options;
  const size = cell * cell;
  pixels.copyWithin(PROTECTED * size, 0, PROTECTED * size);
  if (cell < 2) return;
  const outline = mix(colours.clean, colours.ink, cell < 6 ? 0.4 : 0.65);
  for (let state = PROTECTED; state < STATE_COUNT; state++) {
    for (let y = 0; y < body; y++) {
      for (let x = 0; x < body; x++) {
        const edge = cell === 2 ? x + y === 0 : x < line || y < line || (cell >= 6 && (x >= body - line || y >= body - line));
        if (edge) pixels[state * size + y * cell + x] = outline;
      }
    }
  }
}

/** Missing: an outline from 6 px on; below, one corner dot, so that an empty map is a lattice and not a block. */
function paintMissing(
  pixels: Uint32Array,
  options: { readonly cell: number; readonly body: number; readonly line: number; readonly colours: MapColours },
): void {
  const { cell, body, line, colours } = options;
  const base = pageState.missing * cell * cell;
  // A page of one pixel has no room for a lattice: a tint as light as the lattice is from afar.
  const outline = mix(colours.stage, colours.missing, cell >= 12 ? 0.75 : cell >= 6 ? 0.42 : cell >= 2 ? 0.6 : 0.2);
  if (cell < 6) {
    pixels[base] = outline;
    return;
  }
  for (let y = 0; y < body; y++) {
    for (let x = 0; x < body; x++) {
      const edge = x < line || y < line || x >= body - line || y >= body - line;
      if (edge) pixels[base + y * cell + x] = outline;
    }
  }
}

/** What {@link paintMap} changed: rows of cells, `first` > `last` when nothing. */
export interface PaintedRows {
  first: number;
  last: number;
  cells: number;
}

/**
 * Paints every cell whose state differs from `shown` (all when `force`) into `pixels`, a bitmap that is
 * columns × cell wide, and brings `shown` up to date.
 */
export function paintMap(options: {
  readonly states: Uint8Array;
  readonly shown: Uint8Array;
  readonly pageCount: number;
  readonly columns: number;
  readonly patterns: CellPatterns;
  readonly pixels: Uint32Array;
  readonly force: boolean;
  readonly painted: PaintedRows;
}): void {
  const { states, shown, pageCount, columns, patterns, pixels, force, painted } = options;
  const { cell } = patterns;
  const size = cell * cell;
  const width = columns * cell;
  painted.first = Number.MAX_SAFE_INTEGER;
  painted.last = -1;
  painted.cells = 0;
  for (let page = 0; page < pageCount; page++) {
    const state = states[page]!;
    if (!force && state === shown[page]) continue;
    shown[page] = state;
    const row = Math.floor(page / columns);
    let target = row * cell * width + (page - row * columns) * cell;
    let source = state * size;
    for (let y = 0; y < cell; y++) {
      for (let x = 0; x < cell; x++) pixels[target + x] = patterns.pixels[source + x]!;
      target += width;
      source += cell;
    }
    if (row < painted.first) painted.first = row;
    painted.last = row;
    painted.cells++;
  }
}
