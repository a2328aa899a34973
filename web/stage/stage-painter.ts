/**
 * Draws the stage's canvas once a frame: two page maps from shared memory, and the pipe between the
 * hosts. Only what changed is drawn, so that a paused picture stands still to the pixel.
 */
import type { RunController } from '../session/run-controller.ts';
import { findMigration, isMigrating } from '../session/store.ts';
import type { Colours } from '../styles/colours.ts';
import { type CellPatterns, makePatterns, type PaintedRows, paintMap } from './map-painter.ts';
import { paintPages } from './page-zoom-painter.ts';
import { type PageCounts, readPageStates } from './page-states.ts';
import { makePipe, paintPipe, type PipePicture } from './pipe-painter.ts';
import { MAP_COLUMNS, project } from './stage-layout.ts';
import type { StageScene } from './stage-scene.ts';

/** Bitmaps hold cells up to this many device pixels; larger cells are drawn one by one. */
const BITMAP_CELL_MAX = 12;

interface MapPicture {
  readonly states: Uint8Array;
  readonly shown: Uint8Array;
  readonly counts: PageCounts;
  bitmap: HTMLCanvasElement | null;
  image: ImageData | null;
  words: Uint32Array;
  patterns: CellPatterns | null;
  rows: number;
}

/** What the painter last saw of a host's VM. */
export interface MapFacts {
  readonly slot: number;
  readonly pageCount: number;
  readonly logged: boolean;
  readonly incoming: boolean;
}

const MAP_PAGES_MAX = 262_144;

function makeMap(): MapPicture {
  return {
    states: new Uint8Array(MAP_PAGES_MAX), shown: new Uint8Array(MAP_PAGES_MAX).fill(255),
    counts: { missing: 0, dirty: 0, inFlight: 0 },
    bitmap: null, image: null, words: new Uint32Array(0), patterns: null, rows: 0,
  };
}

/** See the file's head. */
export class StagePainter {
  readonly #context: CanvasRenderingContext2D;
  readonly #scene: StageScene;
  readonly #controller: RunController;
  readonly #maps = [makeMap(), makeMap()] as const;
  readonly #pipe: PipePicture = makePipe();
  readonly #painted: PaintedRows = { first: 0, last: -1, cells: 0 };
  #colours: Colours | null = null;
  #seenVersion = -1;
  #seenSession: unknown = null;
  #ratio = 1;

  constructor(canvas: HTMLCanvasElement, scene: StageScene, controller: RunController) {
    this.#context = canvas.getContext('2d')!;
    this.#scene = scene;
    this.#controller = controller;
  }

  setColours(colours: Colours): void {
    this.#colours = colours;
    for (const map of this.#maps) map.patterns = null;
    this.#seenVersion = -1;
  }

  /** Counts of the map of host 0 or 1, as last painted. */
  counts(side: 0 | 1): PageCounts {
    return this.#maps[side].counts;
  }

  /** State code of a page as last painted. */
  stateAt(side: 0 | 1, page: number): number {
    return this.#maps[side].shown[page]!;
  }

  readonly draw = (): void => {
    const { session, store } = this.#controller;
    if (this.#colours === null) return;
    const scene = this.#scene;
    const canvas = this.#context.canvas;
    this.#ratio = window.devicePixelRatio;
    const fresh = this.#seenVersion !== scene.version || this.#seenSession !== session;
    if (fresh) {
      this.#seenVersion = scene.version;
      this.#seenSession = session;
      const [width, height] = [Math.round(scene.width * this.#ratio), Math.round(scene.height * this.#ratio)];
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
      } else this.#context.clearRect(0, 0, width, height);
    }
    const state = store.getState();
    const migration = findMigration(state);
    const live = isMigrating(migration);
    const samples = migration === undefined ? undefined : session?.samplesOf(migration.from);
    for (const side of [0, 1] as const) {
      const host = state.hosts[side];
      const vm = host?.vms.find((it) => it.state !== 'incoming') ?? host?.vms[0];
      const other = state.hosts[1 - side]?.vms[0];
      this.#drawMap(side, {
        slot: vm?.slot ?? -1,
        pageCount: vm?.pageCount ?? other?.pageCount ?? 16_384,
        logged: live && migration?.from === host?.id,
        incoming: vm?.state === 'incoming',
      }, fresh);
    }
    paintPipe(this.#pipe, {
      context: this.#context, ratio: this.#ratio, rect: project(scene.camera, scene.layout.link), k: scene.camera.k,
      colours: this.#colours, state, migration: live ? migration : undefined,
      inFlight: this.#maps[0].counts.inFlight + this.#maps[1].counts.inFlight,
      linkBytesPerSecond: live ? (samples?.findLatest('link-bytes-per-second') || 0) : 0,
      pagesSent: samples?.findLatest('pages-sent') || 0,
      fresh,
    });
    if (canvas.parentElement !== null && fresh) canvas.parentElement.dataset['variant'] = scene.layout.variant;
    const legend = String(this.#pipe.pagesPerTile);
    const stage = canvas.parentElement;
    if (stage !== null && stage.dataset['pagesPerTile'] !== legend) stage.dataset['pagesPerTile'] = legend;
  };

  #drawMap(side: 0 | 1, facts: MapFacts, fresh: boolean): void {
    const map = this.#maps[side];
    const view = this.#controller.session?.hostViews()[side];
    const pageCount = Math.min(facts.pageCount, MAP_PAGES_MAX);
    const scene = this.#scene;
    if (view === undefined) {
      map.states.fill(0, 0, pageCount);
    } else {
      readPageStates({ view, slot: facts.slot, pageCount, logged: facts.logged, incoming: facts.incoming, into: map.states, counts: map.counts });
    }
    const rect = project(scene.camera, scene.layout.maps[side]);
    const exact = scene.layout.cell * scene.camera.k * this.#ratio;
    if (exact > BITMAP_CELL_MAX) {
      paintPages({
        context: this.#context, colours: this.#colours!, rect, ratio: this.#ratio, cell: exact / this.#ratio, pageCount,
        width: scene.width, height: scene.height, states: map.states, shown: map.shown, fresh, view, slot: facts.slot,
      });
      map.patterns = null;
      return;
    }
    const force = this.#prepare(map, Math.max(1, Math.floor(exact + 0.001)), Math.ceil(pageCount / MAP_COLUMNS));
    paintMap({
      states: map.states, shown: map.shown, pageCount, columns: MAP_COLUMNS, patterns: map.patterns!, pixels: map.words,
      force, painted: this.#painted,
    });
    if (this.#painted.cells === 0 && !fresh) return;
    this.#blit(map, rect, exact, fresh || force);
  }

  #blit(map: MapPicture, rect: { x: number; y: number; width: number; height: number }, exact: number, whole: boolean): void {
    const cell = map.patterns!.cell;
    const width = MAP_COLUMNS * cell;
    const { first, last, cells } = this.#painted;
    const bitmap = map.bitmap!.getContext('2d')!;
    if (cells > 0) bitmap.putImageData(map.image!, 0, 0, 0, first * cell, width, (last - first + 1) * cell);
    const from = whole ? 0 : first;
    const to = whole ? map.rows - 1 : last;
    if (to < from) return;
    const context = this.#context;
    context.imageSmoothingEnabled = false;
    const left = Math.round(rect.x * this.#ratio);
    const top = Math.round(rect.y * this.#ratio);
    context.drawImage(
      map.bitmap!, 0, from * cell, width, (to - from + 1) * cell,
      left, top + from * exact, MAP_COLUMNS * exact, (to - from + 1) * exact,
    );
  }

  /** Makes bitmap and patterns fit the cell size; true when everything must be painted again. */
  #prepare(map: MapPicture, cell: number, rows: number): boolean {
    if (map.patterns?.cell === cell && map.rows === rows) return false;
    const { rgba } = this.#colours!;
    map.patterns = makePatterns(cell, {
      stage: rgba.stage, clean: rgba.clean, dirty: rgba.dirty, inFlight: rgba['in-flight'], missing: rgba.missing, merged: rgba.shared,
    });
    map.rows = rows;
    map.bitmap ??= document.createElement('canvas');
    map.bitmap.width = MAP_COLUMNS * cell;
    map.bitmap.height = rows * cell;
    map.image = new ImageData(MAP_COLUMNS * cell, rows * cell);
    map.words = new Uint32Array(map.image.data.buffer);
    map.words.fill(rgba.stage);
    return true;
  }
}
