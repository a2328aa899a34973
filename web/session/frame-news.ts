/**
 * When React hears of the store: what the run tells, several times between two frames, is told once, in the next
 * frame; what a person does is told at once, so that fields and sliders follow the hand. The store itself is never late.
 */
import type { AppStore } from './store.ts';

/** A tab behind another window may have no frames: then the news come without one, all together. Unit: ms. */
const LATE_MS = 250;

/** So long after a command, the picture hears of news in every frame: who turned something watches what comes of it. Unit: ms. */
const ANSWER_MS = 300;

type Listener = () => void;

/** The picture hears of the news in one frame, the panels in another, what stands around both in a third: no frame renders all. */
export const NEWS_GROUPS = ['picture', 'panels', 'around'] as const;
export type NewsGroup = (typeof NEWS_GROUPS)[number];

/** Those who hear together. */
class Audience {
  readonly #listeners = new Set<Listener>();
  isUntold = false;
  hasWaited = false;

  readonly subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  tell(): void {
    if (!this.isUntold) return;
    this.isUntold = false;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The subscriptions of all components of a page to its store. */
export class FrameNews {
  readonly #store: AppStore;
  readonly #audiences: Readonly<Record<NewsGroup, Audience>> = { picture: new Audience(), panels: new Audience(), around: new Audience() };
  #timer: number | undefined;
  #answersUntilMs = 0;

  constructor(store: AppStore) {
    this.#store = store;
    store.subscribe(() => this.#onChange());
  }

  /** How a component of that group subscribes; the same function each time. */
  subscriptionOf(group: NewsGroup): (listener: Listener) => () => void {
    return this.#audiences[group].subscribe;
  }

  /** Whether a group is to be told in its turn that has come: while somebody scrubs, what is beside the picture is told every other time. */
  isDue(group: NewsGroup): boolean {
    const audience = this.#audiences[group];
    if (!audience.isUntold) return false;
    audience.hasWaited = !audience.hasWaited && group !== 'picture' && this.#store.getState().travelNs >= 0;
    return !audience.hasWaited;
  }

  /** Tells a group what it has not heard, or all; by the page's frame loop, each in its frame. */
  flush(group?: NewsGroup): void {
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const name of NEWS_GROUPS) if (group === undefined || group === name) this.#audiences[name].tell();
    if (NEWS_GROUPS.some((name) => this.#audiences[name].isUntold)) this.#wait();
  }

  /** A command has been given: what comes of it is told soon. */
  expectAnswer(): void {
    this.#answersUntilMs = performance.now() + ANSWER_MS;
  }

  /** Whether an answer is expected: then the picture is told in every frame, outside its turn. */
  isAnswering(): boolean {
    return performance.now() < this.#answersUntilMs;
  }

  #onChange(): void {
    for (const name of NEWS_GROUPS) this.#audiences[name].isUntold = true;
    if (isByHand()) this.flush();
    else this.#wait();
  }

  /** For a frame; it comes before this ends, or none does. */
  #wait(): void {
    this.#timer ??= window.setTimeout(() => this.flush(), LATE_MS);
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
