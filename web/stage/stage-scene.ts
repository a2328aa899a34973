/**
 * The stage between React and the frame loop: size, layout, camera and level, and the elements that are
 * placed from them. Camera changes move elements directly; React renders only when layout or level change.
 */
import { type Camera, CAMERA_HOME, cameraOn, type Level, layoutStage, levelAt, MAP_COLUMNS, project, type Rect, type StageLayout } from './stage-layout.ts';
import type { StageShape } from './stage-shape.ts';

/** What the layout depends on besides the size of the stage. */
export interface SceneShape {
  readonly rows: number;
  readonly columns: number;
  readonly compact: boolean;
  readonly large: boolean;
  readonly knobs: boolean;
  readonly shape: StageShape;
}

/** Two walls and a link, before a lab is known. */
const FIRST: SceneShape = {
  rows: MAP_COLUMNS, columns: MAP_COLUMNS, compact: false, large: false, knobs: true,
  shape: { left: { map: 'vm', host: 0 }, right: { map: 'vm', host: 1 }, between: 'link', sideKnobs: 2, betweenKnobs: 3 },
};

/** How an element follows its rectangle: stretched over it, or its corner only. */
export type AnchorMode = 'fill' | 'pin';

/** What a drag of a VM shows while it goes on. */
export interface DragPicture {
  readonly vm: number;
  readonly over: number; //     host id under the pointer, −1 = none
  readonly refusals: Readonly<Record<number, string>>; // by host id, '' = would be taken
}

interface Anchor {
  readonly element: HTMLElement;
  readonly rect: (layout: StageLayout) => Rect;
  readonly mode: AnchorMode;
}

/** Largest page on screen, in CSS px: 64 × 64 bytes at 16 px. */
export const PAGE_PX_MAX = 1024;

/** See the file's head. */
export class StageScene {
  layout: StageLayout = layoutStage({ width: 1280, height: 620, rows: 128, compact: false, large: false });
  camera: Camera = CAMERA_HOME;
  level: Level = 'site';
  width = 1280;
  height = 620;
  #given: SceneShape = FIRST;
  /** Grows when anything that painters depend on changed. */
  version = 0;
  readonly #anchors = new Set<Anchor>();
  readonly #listeners = new Set<() => void>();

  /** Registers an element; gives the function that forgets it. */
  anchor(element: HTMLElement, rect: (layout: StageLayout) => Rect, mode: AnchorMode): () => void {
    const anchor = { element, rect, mode };
    this.#anchors.add(anchor);
    this.#placeOne(anchor);
    return () => {
      this.#anchors.delete(anchor);
    };
  }

  /** Told when layout or level change (not on every camera move). */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** What is being dragged now, or null. Told to subscribers like a layout change. */
  drag: DragPicture | null = null;

  setDrag(drag: DragPicture | null): void {
    this.drag = drag;
    for (const listener of this.#listeners) listener();
  }

  setSize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.#relayout();
  }

  /** What stands where: walls, what is between them, how many knobs. */
  get shape(): StageShape {
    return this.#given.shape;
  }

  /** Lays out anew when anything differs; `shape` is compared by identity. */
  setShape(given: SceneShape): void {
    const before = this.#given;
    const same = (['rows', 'columns', 'compact', 'large', 'knobs', 'shape'] as const).every((key) => given[key] === before[key]);
    if (same) return;
    this.#given = given;
    if (given.shape !== before.shape) this.camera = CAMERA_HOME;
    this.#relayout();
  }

  setCamera(camera: Camera): void {
    if (camera.k === this.camera.k && camera.x === this.camera.x && camera.y === this.camera.y) return;
    this.camera = camera;
    this.#changed();
  }

  /** Camera for an entity: 'site', 'host:0', 'vm' maps as 'map:0', one page as 'page:0:123'. */
  findCamera(target: string): Camera | undefined {
    if (target === 'site') return CAMERA_HOME;
    const [kind, index, page] = target.split(':');
    const side = Number(index) === 1 ? 1 : 0;
    if (kind === 'host') return cameraOn(this.layout.hosts[side], this, 0.96, 40);
    if (kind === 'map') return cameraOn(this.layout.maps[side], this, 0.96, 40);
    if (kind === 'link') return cameraOn(this.layout.link, this, 0.9, 2.4);
    if (kind !== 'page') return undefined;
    return cameraOn(this.pageRect(side, Number(page)), this, 0.8, PAGE_PX_MAX / this.layout.cell);
  }

  /** Layout rectangle of a page. */
  pageRect(side: 0 | 1, page: number): Rect {
    const { cell, columns, maps } = this.layout;
    return { x: maps[side].x + (page % columns) * cell, y: maps[side].y + Math.floor(page / columns) * cell, width: cell, height: cell };
  }

  /** The page under a point of the stage, or undefined. */
  findPage(x: number, y: number, pageCount: number): { readonly side: 0 | 1; readonly page: number } | undefined {
    for (const side of [0, 1] as const) {
      const rect = project(this.camera, this.layout.maps[side]);
      const size = this.layout.cell * this.camera.k;
      const column = Math.floor((x - rect.x) / size);
      const row = Math.floor((y - rect.y) / size);
      const { columns } = this.layout;
      const page = row * columns + column;
      const isThere = this.layout.maps[side].width > 0 && column >= 0 && column < columns && row >= 0 && page < pageCount;
      if (isThere) return { side, page };
    }
    return undefined;
  }

  #relayout(): void {
    this.layout = layoutStage({ width: this.width, height: this.height, ...this.#given });
    this.#changed(true);
  }

  #changed(force = false): void {
    this.version++;
    const level = levelAt({ cellPx: this.layout.cell * this.camera.k, k: this.camera.k, before: this.level });
    for (const anchor of this.#anchors) this.#placeOne(anchor);
    if (level === this.level && !force) return;
    this.level = level;
    for (const listener of this.#listeners) listener();
  }

  #placeOne({ element, rect, mode }: Anchor): void {
    const it = project(this.camera, rect(this.layout));
    element.style.transform = `translate(${it.x}px, ${it.y}px)`;
    const size = mode === 'fill' ? it : rect(this.layout);
    element.style.width = `${size.width}px`;
    element.style.height = `${size.height}px`;
  }
}
