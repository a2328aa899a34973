/**
 * Draws the stage's canvas once a frame: page maps from shared memory, and what stands between the sides.
 * Only what changed is drawn, so that a paused picture stands still to the pixel.
 */
import type { RunController } from '../session/run-controller.ts';
import { findMigration, isMigrating } from '../session/store.ts';
import type { Colours } from '../styles/colours.ts';
import { makeFileMap } from './file-map-painter.ts';
import { MAP_PAGES_MAX, MapCanvas } from './map-canvas.ts';
import { type PageCounts, readPageStates } from './page-states.ts';
import type { PartFrame, PartPainter } from './part-painter.ts';
import { makePipe, paintPipe, type PipePicture } from './pipe-painter.ts';
import { makeQueue, type QueuePainter } from './queue-painter.ts';
import { project, type Rect } from './stage-layout.ts';
import type { StageScene } from './stage-scene.ts';
import { hostAt } from './stage-shape.ts';

/** See the file's head. */
export class StagePainter {
  readonly #context: CanvasRenderingContext2D;
  readonly #scene: StageScene;
  readonly #controller: RunController;
  readonly #maps = [new MapCanvas(), new MapCanvas()] as const;
  readonly #counts: readonly [PageCounts, PageCounts] = [{ missing: 0, dirty: 0, inFlight: 0 }, { missing: 0, dirty: 0, inFlight: 0 }];
  readonly #files: readonly [PartPainter, PartPainter] = [makeFileMap(), makeFileMap()];
  readonly #queue: QueuePainter = makeQueue();
  readonly #pipe: PipePicture = makePipe();
  #colours: Colours | null = null;
  #seenVersion = -1;
  #seenSession: unknown = null;
  #ratio = 1;

  constructor(canvas: HTMLCanvasElement, scene: StageScene, controller: RunController) {
    this.#context = canvas.getContext('2d', { willReadFrequently: true })!;
    this.#scene = scene;
    this.#controller = controller;
  }

  setColours(colours: Colours): void {
    this.#colours = colours;
    for (const map of [...this.#maps, ...this.#files, this.#queue]) map.forgetColours();
    this.#seenVersion = -1;
  }

  readonly draw = (): void => {
    const { session } = this.#controller;
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
    for (const side of [0, 1] as const) this.#drawSide(side, fresh);
    if (scene.shape.between === 'link') this.#drawPipe(fresh);
    if (scene.shape.between === 'queue') this.#queue.paint(this.#frame(scene.layout.link, hostAt(scene.shape, 0), fresh));
    const stage = canvas.parentElement;
    if (stage !== null && fresh) stage.dataset['variant'] = scene.layout.variant;
    const legend = String(scene.shape.between === 'queue' ? this.#queue.perTile() : this.#pipe.pagesPerTile);
    if (stage !== null && stage.dataset['pagesPerTile'] !== legend) stage.dataset['pagesPerTile'] = legend;
  };

  /** What a part is given for a rectangle of the layout. */
  #frame(rect: Rect, host: number, fresh: boolean): PartFrame {
    const { camera, layout, width, height } = this.#scene;
    return {
      context: this.#context, ratio: this.#ratio, rect: project(camera, rect), k: camera.k, cell: layout.cell * camera.k, columns: layout.columns,
      width, height, colours: this.#colours!, state: this.#controller.store.getState(), session: this.#controller.session, host, fresh,
    };
  }

  #drawPipe(fresh: boolean): void {
    const { session, store } = this.#controller;
    const scene = this.#scene;
    const state = store.getState();
    const migration = findMigration(state);
    const live = isMigrating(migration);
    const samples = migration === undefined ? undefined : session?.samplesOf(migration.from);
    paintPipe(this.#pipe, {
      context: this.#context, ratio: this.#ratio, rect: project(scene.camera, scene.layout.link), k: scene.camera.k,
      colours: this.#colours!, state, migration: live ? migration : undefined,
      leftwards: migration?.from === hostAt(scene.shape, 1),
      inFlight: this.#counts[0].inFlight + this.#counts[1].inFlight,
      linkBytesPerSecond: live ? (samples?.findLatest('link-bytes-per-second') || 0) : 0,
      pagesSent: samples?.findLatest('pages-sent') || 0,
      fresh,
    });
  }

  #drawSide(side: 0 | 1, fresh: boolean): void {
    const { shape, layout } = this.#scene;
    const it = side === 0 ? shape.left : shape.right;
    if (it === 'nothing') return;
    const frame = this.#frame(layout.maps[side], it.host, fresh);
    if (it.map === 'file') this.#files[side].paint(frame);
    else this.#drawMap(side, frame);
  }

  #drawMap(side: 0 | 1, frame: PartFrame): void {
    const { state, session, host } = frame;
    const at = state.hosts.find((one) => one.id === host);
    const vm = at?.vms.find((one) => one.state !== 'incoming') ?? at?.vms[0];
    const pageCount = Math.min(vm?.pageCount ?? state.hosts.flatMap((one) => one.vms)[0]?.pageCount ?? 16_384, MAP_PAGES_MAX);
    const migration = findMigration(state);
    const map = this.#maps[side];
    const view = session?.hostViews().find((one) => one.host === host);
    const slot = vm?.slot ?? -1;
    if (view === undefined) {
      map.states.fill(0, 0, pageCount);
    } else {
      readPageStates({
        view, slot, pageCount, logged: isMigrating(migration) && migration?.from === host, incoming: vm?.state === 'incoming',
        into: map.states, counts: this.#counts[side],
      });
    }
    map.draw({ ...frame, pageCount, view, slot });
  }
}
