/**
 * The app's one frame loop. Canvases and charts draw from here; React renders nothing per frame. It also
 * measures: main-thread work of a frame = tasks + what sessions reported + style, layout and paint that
 * follow the callback (seen through a message posted at its start).
 */

/** Work of the newest frames kept for the percentile. */
const FRAMES_KEPT = 600;

/** Draws something; `now` is the frame's timestamp in ms. */
export type FrameTask = (now: number) => void;

/** See the file's head. */
export class FrameLoop {
  readonly #tasks = new Map<string, { order: number; task: FrameTask }>();
  #sorted: { order: number; task: FrameTask }[] = [];
  readonly #work = new Float64Array(FRAMES_KEPT);
  #frames = 0;
  #accounted = 0;
  #started = 0;
  #request = 0;
  #afterPaint: (() => void)[] = [];
  /** While true, only what does not draw (order below 10) runs: the picture stands. */
  frozen = false;
  readonly #channel = new MessageChannel();

  constructor() {
    this.#channel.port1.onmessage = () => this.#onPainted();
  }

  start(): void {
    if (this.#request === 0) this.#request = requestAnimationFrame(this.#onFrame);
  }

  stop(): void {
    cancelAnimationFrame(this.#request);
    this.#request = 0;
  }

  /** Adds or replaces a task; lower `order` runs first. Gives the function that removes it. */
  add(name: string, order: number, task: FrameTask): () => void {
    const row = { order, task };
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

  /** Resolves when the next frame has been painted. */
  painted(): Promise<void> {
    return new Promise((resolve) => this.#afterPaint.push(resolve));
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
    for (const { order, task } of this.#sorted) if (!this.frozen || order < 10) task(now);
    this.#channel.port2.postMessage(0);
  };

  #onPainted(): void {
    this.#work[this.#frames % FRAMES_KEPT] = performance.now() - this.#started + this.#accounted;
    this.#frames++;
    this.#accounted = 0;
    const waiting = this.#afterPaint;
    this.#afterPaint = [];
    for (const resolve of waiting) resolve();
  }
}
