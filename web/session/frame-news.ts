/**
 * When React hears of the store: what the run tells, several times between two frames, is told once, in the next
 * frame; what a person does is told at once, so that fields and sliders follow the hand. The store itself is never late.
 */
import type { AppStore } from './store.ts';

/** A tab behind another window may have no frames: then the news come without one. Unit: ms. */
const LATE_MS = 100;

type Listener = () => void;

/** The subscriptions of all components of a page to its store. */
export class FrameNews {
  readonly #listeners = new Set<Listener>();
  #isUntold = false;
  #timer: number | undefined;

  constructor(store: AppStore) {
    store.subscribe(() => this.#onChange());
  }

  readonly subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Once a frame, by the page's frame loop. */
  flush(): void {
    if (this.#isUntold) this.#tell();
  }

  #onChange(): void {
    this.#isUntold = true;
    if (isByHand()) this.#tell();
    else if (this.#timer === undefined) {
      this.#timer = window.setTimeout(() => {
        this.#timer = undefined;
        this.flush();
      }, LATE_MS);
    }
  }

  #tell(): void {
    this.#isUntold = false;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Moves come once a frame as it is, just before it; what they change can wait for it. */
const MOVES: readonly string[] = ['pointermove', 'mousemove'];

/** Whether an event of a person is being handled; messages of workers are none, and neither is what follows a promise. */
function isByHand(): boolean {
  const { event } = window;
  return event !== undefined && !(event instanceof MessageEvent) && !MOVES.includes(event.type);
}

const news = new WeakMap<AppStore, FrameNews>();

/** The one {@link FrameNews} of a store. */
export function newsOf(store: AppStore): FrameNews {
  const found = news.get(store) ?? new FrameNews(store);
  news.set(store, found);
  return found;
}
