/** What a drawing depends on besides its data: the size of text, and when colours change under it. */

/** Size of small text at the present density; a picture of more than half a screen gets larger text. Unit: px. */
export function textSizeFor(height: number): number {
  return Math.round(textSize() * (height > 320 ? 1.4 : 1));
}

/** Size of small text at the present density. Unit: px. */
export function textSize(): number {
  const { density = '' } = document.documentElement.dataset;
  if (density !== known.density) {
    const value = Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--text-1'));
    known.density = density;
    known.text = Number.isFinite(value) ? value : 13;
  }
  return known.text;
}

/** The page's font families, for a canvas; they never change. */
export function pageFont(): string {
  if (known.family === '') known.family = getComputedStyle(document.body).fontFamily;
  return known.family;
}

/** What was asked of the page before: asking in a frame would make it lay out in the middle. */
const known = { density: undefined as string | undefined, text: 13, family: '' };

/** The content box of an element as of the last layout, so that a drawing need not ask for one. Unit: px. */
export class WatchedSize {
  width: number;
  height: number;
  readonly #observer: ResizeObserver;

  constructor(element: HTMLElement) {
    this.width = element.clientWidth;
    this.height = element.clientHeight;
    this.#observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      this.width = Math.round(entry.contentRect.width);
      this.height = Math.round(entry.contentRect.height);
    });
    this.#observer.observe(element);
  }

  /** Ends the watch. */
  stop(): void {
    this.#observer.disconnect();
  }
}

/** Tells when system colours change (dark, forced); gives the function that ends it. The page's own theme is React's to tell. */
export function watchColours(listener: () => void): () => void {
  const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => window.matchMedia(query));
  for (const query of queries) query.addEventListener('change', listener);
  return () => {
    for (const query of queries) query.removeEventListener('change', listener);
  };
}
