/**
 * Draws the hosts of a datacenter on one canvas: from a bitmap while cells are small, one by one and only those in
 * sight when they are large. Reads the boards in shared memory; draws only when something changed.
 */
import { boardState, type HostBoard } from '../../../core/protocol/host-board.ts';
import { boardWritten } from '../../../core/protocol/host-board.ts';
import { zoomIdentity, type ZoomTransform } from 'd3-zoom';
import type { RunController } from '../../session/run-controller.ts';
import type { Colours } from '../../styles/colours.ts';
import { cellAt, layoutSite, levelOf, makeReading, paintSite, rampOf, readSite, type SiteLayout, type SiteReading } from './site-cells.ts';
import { SITE_METRICS, type SiteMetric } from './site-metrics.ts';
import { pageFont } from '../../widgets/surroundings.ts';

/** The boards are read at most this often. Unit: ms. */
const READ_MS = 66;
/** Cells larger than this are drawn one by one. Unit: CSS px. */
const BITMAP_CELL_MAX = 14;
/** Cells from this size on carry their number. Unit: CSS px. */
const NAME_PX = 44;

/** See the file's head. */
export class SitePainter {
  layout: SiteLayout = layoutSite([], 1, 1);
  reading: SiteReading = makeReading(0);
  transform: ZoomTransform = zoomIdentity;
  metric: SiteMetric = SITE_METRICS[0]!;
  full = 1;
  /** Room around the hosts at zoom 1, so that they stand in the middle. Unit: CSS px. */
  inset: { readonly x: number; readonly y: number } = { x: 0, y: 0 };
  frame: { readonly width: number; readonly height: number } = { width: 1, height: 1 };
  /** Times that the boards have been read, and the count that the legend has told. */
  readings = 0;
  toldReadings = 0;
  /** Elements that stand over hosts, as twins of what is only painted. */
  readonly markers: Map<number, HTMLElement> = new Map();
  readonly #controller: RunController;
  #context: CanvasRenderingContext2D | null = null;
  #colours: Colours | null = null;
  #bitmap: HTMLCanvasElement | null = null;
  #image: ImageData | null = null;
  #pixels = new Uint32Array(0);
  #boards: readonly HostBoard[] = [];
  #seen = -1;
  #readAt = -1e9;
  #cut = 0;
  #selected = -1;
  #stale = true; //  the bitmap
  #dirty = true; //  the canvas

  constructor(controller: RunController) {
    this.#controller = controller;
  }

  attach(canvas: HTMLCanvasElement): void {
    this.#context = canvas.getContext('2d');
    this.#touch();
  }

  setColours(colours: Colours): void {
    this.#colours = colours;
    this.#touch();
  }

  setSize(width: number, height: number): void {
    this.frame = { width: Math.max(1, width), height: Math.max(1, height) };
    this.#relayout();
  }

  setTransform(transform: ZoomTransform): void {
    this.transform = transform;
    this.#dirty = true;
  }

  show(options: { readonly metric: SiteMetric; readonly cut: number }): void {
    this.metric = options.metric;
    this.#cut = options.cut;
    this.#seen = -1;
    this.#readAt = -1e9;
    this.#touch();
  }

  select(host: number): void {
    this.#selected = host;
    this.#dirty = true;
  }

  /** A point of the stage in the layout's px. */
  place(x: number, y: number): [number, number] {
    const [a, b] = this.transform.invert([x, y]);
    return [a - this.inset.x, b - this.inset.y];
  }

  draw(now: number): void {
    this.#read(now);
    if (!this.#dirty || this.#context === null || this.#colours === null) return;
    this.#dirty = false;
    const ratio = window.devicePixelRatio;
    const { canvas } = this.#context;
    const [width, height] = [Math.round(this.frame.width * ratio), Math.round(this.frame.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = this.#context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const cell = this.layout.cell * this.transform.k;
    if (cell <= BITMAP_CELL_MAX) this.#drawBitmap(context, ratio);
    else this.#drawCells(context, ratio, cell);
    this.#drawRings(context, ratio);
    for (const [host, element] of this.markers) this.#place(host, element);
  }

  /** Puts an element over a host's cell from now on; gives the function that forgets it. */
  mark(host: number, element: HTMLElement): () => void {
    this.markers.set(host, element);
    this.#dirty = true;
    return () => void this.markers.delete(host);
  }

  #place(host: number, element: HTMLElement): void {
    const at = this.#corner(host);
    element.hidden = at === undefined;
    if (at === undefined) return;
    const size = Math.max(12, this.layout.cell * this.transform.k);
    const middle = (this.layout.cell * this.transform.k) / 2;
    element.style.transform = `translate(${at.x + middle - size / 2}px, ${at.y + middle - size / 2}px)`;
    element.style.width = `${size}px`;
    element.style.height = `${size}px`;
  }

  #touch(): void {
    this.#stale = true;
    this.#dirty = true;
  }

  #relayout(): void {
    const pods = this.#boards.map(({ firstHost, hostCount }) => ({ firstHost, hostCount }));
    this.layout = layoutSite(pods, this.frame.width, this.frame.height);
    this.inset = {
      x: Math.max(0, Math.floor((this.frame.width - this.layout.width) / 2)),
      y: Math.max(0, Math.floor((this.frame.height - this.layout.height) / 2)),
    };
    this.#bitmap = null;
    this.#touch();
  }

  #read(now: number): void {
    const boards = this.#controller.session?.boards() ?? [];
    if (boards !== this.#boards) {
      this.#boards = boards;
      this.reading = makeReading(boards.reduce((most, it) => Math.max(most, it.firstHost + it.hostCount), 0));
      this.#seen = -1;
      this.#relayout();
    }
    if (now - this.#readAt < READ_MS) return;
    let written = 0;
    for (const board of boards) written += boardWritten(board);
    if (written === this.#seen) return;
    this.#seen = written;
    this.#readAt = now;
    readSite(boards, this.metric.column, this.reading);
    this.full = this.metric.full > 0 ? this.metric.full : Math.max(1, this.reading.most);
    this.readings++;
    this.#touch();
  }

  #ramp(): Uint32Array {
    const { rgba } = this.#colours!;
    return rampOf({ low: rgba.clean, high: rgba.ink, stage: rgba.stage, cut: this.#cut });
  }

  #drawBitmap(context: CanvasRenderingContext2D, ratio: number): void {
    const scale = Math.max(1, Math.round(ratio));
    const [width, height] = [Math.max(1, this.layout.width * scale), Math.max(1, this.layout.height * scale)];
    if (this.#bitmap === null) {
      this.#bitmap = document.createElement('canvas');
      this.#bitmap.width = width;
      this.#bitmap.height = height;
      this.#image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
      this.#stale = true;
    }
    if (this.#stale) {
      const { rgba } = this.#colours!;
      paintSite({ reading: this.reading, layout: this.layout, scale, full: this.full, ramp: this.#ramp(), stage: rgba.stage, fault: rgba.fault, pixels: this.#pixels, width });
      this.#bitmap.getContext('2d', { willReadFrequently: true })!.putImageData(this.#image!, 0, 0);
      this.#stale = false;
    }
    const { x, y, k } = this.transform;
    context.imageSmoothingEnabled = false;
    context.drawImage(
      this.#bitmap, Math.round((x + this.inset.x * k) * ratio), Math.round((y + this.inset.y * k) * ratio),
      this.layout.width * k * ratio, this.layout.height * k * ratio,
    );
    this.#drawOverloaded(context, ratio);
  }

  /** Overloaded hosts stand out of the grid: a mark somewhat larger than their cell. */
  #drawOverloaded(context: CanvasRenderingContext2D, ratio: number): void {
    const { states } = this.reading;
    context.fillStyle = this.#colours!.css.fault;
    // A few among thousands are made larger, so that they are seen from the back row; many are a pattern of their own.
    const more = this.reading.overloaded <= 20 ? 6 : this.reading.overloaded <= 200 ? 2 : 0;
    const size = (this.layout.cell * this.transform.k + more) * ratio;
    for (let host = 0; host < states.length; host++) {
      if ((states[host]! & boardState.overloaded) === 0 || (states[host]! & boardState.up) === 0) continue;
      const at = this.#corner(host);
      if (at === undefined) continue;
      const middle = (this.layout.cell * this.transform.k) / 2;
      context.fillRect((at.x + middle) * ratio - size / 2, (at.y + middle) * ratio - size / 2, size, size);
    }
  }

  /** Corner of a host's cell on the stage, in CSS px; undefined out of sight. */
  #corner(host: number): { x: number; y: number } | undefined {
    const at = cellAt(this.layout, host);
    if (at === undefined) return undefined;
    const { x, y, k } = this.transform;
    const corner = { x: x + (at.x + this.inset.x) * k, y: y + (at.y + this.inset.y) * k };
    const size = this.layout.cell * k;
    const isSeen = corner.x + size >= 0 && corner.y + size >= 0 && corner.x <= this.frame.width && corner.y <= this.frame.height;
    return isSeen ? corner : undefined;
  }

  #drawCells(context: CanvasRenderingContext2D, ratio: number, cell: number): void {
    const ramp = this.#ramp();
    const { css } = this.#colours!;
    const gap = Math.max(1, Math.round(cell * 0.05));
    context.save();
    context.scale(ratio, ratio);
    context.font = `${Math.min(16, Math.max(11, Math.round(cell * 0.24)))}px ${pageFont()}`;
    context.textBaseline = 'top';
    for (const block of this.layout.blocks) {
      for (let position = 0; position < block.hostCount; position++) {
        const host = block.firstHost + position;
        const at = this.#corner(host);
        if (at === undefined) continue;
        const state = this.reading.states[host]!;
        const value = this.reading.values[host]!;
        const body = cell - gap;
        const isDown = (state & boardState.up) === 0;
        const level = levelOf(value, this.full);
        context.fillStyle = isDown ? css.stage : cssOf(ramp[level]!);
        context.fillRect(at.x, at.y, body, body);
        if (isDown || (state & boardState.overloaded) !== 0) this.#notch(context, at, body, isDown);
        if (cell < NAME_PX) continue;
        context.fillStyle = isDown || level < ramp.length * 0.72 ? css.ink : css.stage;
        context.fillText(String(host), at.x + 4, at.y + 4);
      }
    }
    context.restore();
  }

  /** A fault is a corner; without power the cell is an outline, too. */
  #notch(context: CanvasRenderingContext2D, at: { x: number; y: number }, body: number, isDown: boolean): void {
    const { css } = this.#colours!;
    context.fillStyle = css.fault;
    context.beginPath();
    context.moveTo(at.x + body, at.y);
    context.lineTo(at.x + body, at.y + body * 0.42);
    context.lineTo(at.x + body * 0.58, at.y);
    context.fill();
    context.strokeStyle = css.fault;
    context.lineWidth = 2;
    context.strokeRect(at.x + 1, at.y + 1, body - 2, body - 2);
    if (!isDown) return;
    context.beginPath();
    context.moveTo(at.x + body * 0.3, at.y + body * 0.3);
    context.lineTo(at.x + body * 0.7, at.y + body * 0.7);
    context.moveTo(at.x + body * 0.7, at.y + body * 0.3);
    context.lineTo(at.x + body * 0.3, at.y + body * 0.7);
    context.stroke();
  }

  #drawRings(context: CanvasRenderingContext2D, ratio: number): void {
    const at = this.#selected < 0 ? undefined : this.#corner(this.#selected);
    if (at === undefined) return;
    const { css } = this.#colours!;
    const size = Math.max(8, this.layout.cell * this.transform.k);
    context.save();
    context.scale(ratio, ratio);
    for (const [colour, out, line] of [[css.stage, 3, 3], [css.ink, 5, 2]] as const) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.strokeRect(at.x - out, at.y - out, size + 2 * out, size + 2 * out);
    }
    context.restore();
  }
}

/** A packed little-endian RGBA word as CSS. */
function cssOf(word: number): string {
  return `rgb(${word & 0xff} ${(word >>> 8) & 0xff} ${(word >>> 16) & 0xff})`;
}
