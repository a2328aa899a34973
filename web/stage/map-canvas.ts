/**
 * One map of pages on a shared canvas: keeps what was shown, draws what changed. Small pages through a bitmap
 * of patterns, large ones one by one. The owner fills `states` before each call.
 */
import type { HostView } from '../session/host-view.ts';
import type { Colours } from '../styles/colours.ts';
import { type CellPatterns, makePatterns, type PaintedRows, paintMap } from './map-painter.ts';
import { paintPages } from './page-zoom-painter.ts';
import type { Rect } from './stage-layout.ts';

/** Bitmaps hold cells up to this many device pixels; larger cells are drawn one by one. */
const BITMAP_CELL_MAX = 12;
/** Pages of a map at most: RAM of 1 GiB. */
export const MAP_PAGES_MAX = 262_144;

/** One frame of a map. `rect` as the camera shows it, `cell` px of a page there; `view` and `slot` give the bytes of close-ups. */
export interface MapFrame {
  readonly context: CanvasRenderingContext2D;
  readonly colours: Colours;
  readonly rect: Rect;
  readonly ratio: number;
  readonly cell: number;
  readonly columns: number;
  readonly pageCount: number;
  readonly width: number; //    of the stage
  readonly height: number;
  readonly fresh: boolean; //   the canvas is empty: everything must be drawn
  readonly view: HostView | undefined;
  readonly slot: number;
}

/** See the file's head. */
export class MapCanvas {
  /** A state code a page (page-states.ts). */
  readonly states = new Uint8Array(MAP_PAGES_MAX);
  /** Codes as last drawn. */
  readonly shown = new Uint8Array(MAP_PAGES_MAX).fill(255);
  readonly #painted: PaintedRows = { first: 0, last: -1, cells: 0 };
  #bitmap: HTMLCanvasElement | null = null;
  #image: ImageData | null = null;
  #words = new Uint32Array(0);
  #patterns: CellPatterns | null = null;
  #rows = 0;
  #columns = 0;

  /** Colours have changed: patterns are made anew. */
  forgetColours(): void {
    this.#patterns = null;
  }

  draw(frame: MapFrame): void {
    const { columns, pageCount, ratio, fresh } = frame;
    const exact = frame.cell * ratio;
    if (exact > BITMAP_CELL_MAX) {
      paintPages({ ...frame, states: this.states, shown: this.shown });
      this.#patterns = null;
      return;
    }
    const rows = Math.ceil(pageCount / columns);
    const force = this.#prepare(Math.max(1, Math.floor(exact + 0.001)), columns, rows, frame.colours);
    paintMap({
      states: this.states, shown: this.shown, pageCount, columns, patterns: this.#patterns!, pixels: this.#words,
      force, painted: this.#painted,
    });
    if (this.#painted.cells === 0 && !fresh) return;
    // Where pages share a pixel, its neighbours do, too: the whole map is drawn again.
    this.#blit(frame, exact, fresh || force || exact < 1);
  }

  #blit({ context, rect, ratio, columns }: MapFrame, exact: number, whole: boolean): void {
    const cell = this.#patterns!.cell;
    const width = columns * cell;
    const { first, last, cells } = this.#painted;
    if (cells > 0) this.#bitmap!.getContext('2d', { willReadFrequently: true })!.putImageData(this.#image!, 0, 0, 0, first * cell, width, (last - first + 1) * cell);
    const from = whole ? 0 : first;
    const to = whole ? this.#rows - 1 : last;
    if (to < from) return;
    context.imageSmoothingEnabled = exact < 1;
    context.drawImage(
      this.#bitmap!, 0, from * cell, width, (to - from + 1) * cell,
      Math.round(rect.x * ratio), Math.round(rect.y * ratio) + from * exact, columns * exact, (to - from + 1) * exact,
    );
  }

  /** Makes bitmap and patterns fit the cell size; true when everything must be painted again. */
  #prepare(cell: number, columns: number, rows: number, { rgba }: Colours): boolean {
    if (this.#patterns?.cell === cell && this.#rows === rows && this.#columns === columns) return false;
    this.#patterns = makePatterns(cell, {
      stage: rgba.stage, clean: rgba.clean, dirty: rgba.dirty, inFlight: rgba['in-flight'], missing: rgba.missing, merged: rgba.shared, ink: rgba.ink,
    });
    this.#rows = rows;
    this.#columns = columns;
    this.#bitmap ??= document.createElement('canvas');
    this.#bitmap.width = columns * cell;
    this.#bitmap.height = rows * cell;
    this.#image = new ImageData(columns * cell, rows * cell);
    this.#words = new Uint32Array(this.#image.data.buffer);
    this.#words.fill(rgba.stage);
    return true;
  }
}
