/**
 * The app's one frame loop. Canvases and charts draw from here; React renders nothing per frame. It also
 * measures: main-thread work of a frame = tasks + what sessions reported + style, layout and paint that
 * follow the callback (seen through a message posted at its start).
 */

/** Work of the newest frames kept for the percentile. */
const FRAMES_KEPT = 600;

/** When so much of a frame is gone, no further large picture begins. Unit: ms. */
const PICTURES_MS = 1;
/** When what feeds the picture took longer, drawing waits for the next frame. Unit: ms. */
const FEED_MS = 1.5;
/** Frames that take longer on the average of the last few are too long: what is drawn every frame then takes turns, too. Unit: ms. */
const LOAD_MS = 3;
const LOAD_FRAMES = 8;
/** When so much of a long frame is gone, no further drawing of every frame begins. Unit: ms. */
const EACH_MS = 0.5;
/** Tasks of a lower order feed the picture; the others draw. */
const DRAWING = 10;

/** Draws something; `now` is the frame's timestamp in ms. */
export type FrameTask = (now: number) => void;

/**
 * Frames take turns, so that none does everything: in one the marks of the picture are laid out, in another the panels, in another words around
 * both, in another large pictures are painted, and in some parts of a picture that the page lays out (or pictures again, where it lays out none).
 * At 12 a second words are still faster than an eye reads. A task without a turn runs every frame, but for a frame whose news alone were long: then
 * what draws waits for the next.
 */
export type FrameTurn = 'news' | 'panels' | 'words' | 'parts' | 'pictures';
const TURNS: readonly (readonly FrameTurn[])[] = [['news'], ['panels', 'parts'], ['words'], ['pictures'], ['parts']];

interface TaskRow {
  readonly order: number;
  readonly task: FrameTask;
  readonly turn: FrameTurn | undefined;
}

/** See the file's head. */
export class FrameLoop {
  readonly #tasks = new Map<string, TaskRow>();
  #sorted: TaskRow[] = [];
  #turn = 0;
  #nextPicture = 0;
  #nextEach = 0;
  #hasWaited = false;
  /** Work of a frame, averaged over the last few. Unit: ms. */
  #load = 0;
  readonly #work = new Float64Array(FRAMES_KEPT);
  #frames = 0;
  #accounted = 0;
  #started = 0;
  #request = 0;
  #afterPaint: { left: number; readonly resolve: () => void }[] = [];
  /** While true, only what does not draw (order below 10) runs: the picture stands. */
  frozen = false;
  readonly #channel = new MessageChannel();

  constructor() {
    this.#channel.port1.onmessage = () => this.#onPainted();
  }

  /** Large pictures, each in its turn, as many as a frame has room for, and at least one. */
  #paintPictures(now: number): void {
    const pictures = this.#sorted.filter(({ turn }) => turn === 'pictures');
    for (let tried = 0; tried < pictures.length; tried++) {
      pictures[this.#nextPicture++ % pictures.length]!.task(now);
      if (performance.now() - this.#started > PICTURES_MS) return;
    }
  }

  /** What is drawn every frame; while frames are long, as much as there is room for, and at least one. */
  #paintEach(now: number): void {
    const each = this.#sorted.filter(({ order, turn }) => order >= DRAWING && turn === undefined);
    const started = performance.now();
    for (let tried = 0; tried < each.length; tried++) {
      each[this.#nextEach++ % each.length]!.task(now);
      if (this.#load > LOAD_MS && performance.now() - started > EACH_MS) return;
    }
  }

  /** The next task of the page comes after style, layout and paint of this frame. A message goes through another process' hands: it costs more. */
  #afterFrame(): void {
    if (typeof scheduler === 'undefined') this.#channel.port2.postMessage(0);
    else void scheduler.postTask(() => this.#onPainted(), { priority: 'user-blocking' });
  }

  start(): void {
    if (this.#request === 0) this.#request = requestAnimationFrame(this.#onFrame);
  }

  stop(): void {
    cancelAnimationFrame(this.#request);
    this.#request = 0;
  }

  /** Adds or replaces a task; lower `order` runs first. Gives the function that removes it. */
  add(name: string, order: number, task: FrameTask, turn?: FrameTurn): () => void {
    const row = { order, task, turn };
    this.#tasks.set(name, row);
    this.#sort();
    return () => {
      if (this.#tasks.get(name) !== row) return;
      this.#tasks.delete(name);
      this.#sort();
    };
  }

  #sort(): void {
    this.#sorted = [...this.#tasks.values()].sort((a, b) => a.order - b.order);
  }

  /** Runs `work` outside a frame (an update from the run) and adds its time to the next frame. */
  account<T>(work: () => T): T {
    const started = performance.now();
    try {
      return work();
    } finally {
      this.#accounted += performance.now() - started;
    }
  }

  /** Resolves when everything has had its turn and been painted. */
  painted(): Promise<void> {
    return new Promise((resolve) => this.#afterPaint.push({ left: TURNS.length, resolve }));
  }

  /** Main-thread work per frame. Unit: ms. `percentile` 0 … 1. */
  workMs(percentile: number): number {
    const count = Math.min(this.#frames, FRAMES_KEPT);
    if (count === 0) return 0;
    const sorted = this.#work.slice(0, count).sort();
    return sorted[Math.min(count - 1, Math.floor(percentile * count))]!;
  }

  /** What this frame's tasks have taken so far, with what sessions reported since the last. Unit: ms. */
  spentMs(): number {
    return performance.now() - this.#started + this.#accounted;
  }

  /** Frames so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Forgets the measurements so far. */
  resetMeasurement(): void {
    this.#frames = 0;
  }

  readonly #onFrame = (now: number): void => {
    this.#request = requestAnimationFrame(this.#onFrame);
    this.#started = performance.now();
    this.#turn = (this.#turn + 1) % TURNS.length;
    const present = TURNS[this.#turn]!;
    const isDue = (turn: FrameTurn | undefined) => turn !== undefined && turn !== 'pictures' && present.includes(turn);
    for (const { order, task, turn } of this.#sorted) if (order < DRAWING && (turn === undefined || isDue(turn))) task(now);
    const wait = !this.#hasWaited && performance.now() - this.#started > FEED_MS;
    this.#hasWaited = wait;
    if (!this.frozen) {
      if (!wait) this.#paintEach(now);
      for (const { order, task, turn } of this.#sorted) if (order >= DRAWING && isDue(turn)) task(now);
    }
    const isFree = present.includes('parts') && !present.some((name) => this.#sorted.some(({ turn }) => turn === name));
    if ((present.includes('pictures') || isFree) && !this.frozen) this.#paintPictures(now);
    this.#afterFrame();
  };

  #onPainted(): void {
    const work = performance.now() - this.#started + this.#accounted;
    this.#load += (work - this.#load) / LOAD_FRAMES;
    this.#work[this.#frames % FRAMES_KEPT] = work;
    this.#frames++;
    this.#accounted = 0;
    for (const waiting of this.#afterPaint) waiting.left--;
    const done = this.#afterPaint.filter(({ left }) => left === 0);
    this.#afterPaint = this.#afterPaint.filter(({ left }) => left > 0);
    for (const { resolve } of done) resolve();
  }
}
