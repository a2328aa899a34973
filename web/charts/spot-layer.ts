/**
 * The focusable twin of a canvas picture: one real element over every spot, one tab stop for all, arrows
 * walk them, Enter selects. The pointer goes through to the canvas, which is asked by distance.
 */
import type { Spot } from './marks.ts';

/** Spots that get an element; the table twin holds the rest. */
const ELEMENTS_MAX = 200;
/** Least size of an element, so that its focus ring can be seen and hit. Unit: px. */
const TARGET = 24;

/** See the file's head. */
export class SpotLayer {
  readonly #root: HTMLElement;
  readonly #onActive: (spot: Spot | undefined) => void;
  readonly #onSelect: (spot: Spot) => void;
  #spots: readonly Spot[] = [];
  #active = 0;

  constructor(root: HTMLElement, onActive: (spot: Spot | undefined) => void, onSelect: (spot: Spot) => void) {
    this.#root = root;
    this.#onActive = onActive;
    this.#onSelect = onSelect;
    root.addEventListener('keydown', this.#onKey);
    root.addEventListener('focusin', this.#onFocus);
    root.addEventListener('focusout', this.#onBlur);
    root.addEventListener('click', this.#onClick);
  }

  destroy(): void {
    this.#root.removeEventListener('keydown', this.#onKey);
    this.#root.removeEventListener('focusin', this.#onFocus);
    this.#root.removeEventListener('focusout', this.#onBlur);
    this.#root.removeEventListener('click', this.#onClick);
    this.#root.replaceChildren();
  }

  /** Brings the elements in line with a new picture; what did not change is not touched. */
  update(spots: readonly Spot[]): void {
    this.#spots = spots.slice(0, ELEMENTS_MAX);
    while (this.#root.children.length > this.#spots.length) this.#root.lastElementChild!.remove();
    while (this.#root.children.length < this.#spots.length) {
      const element = document.createElement('button');
      element.type = 'button';
      element.className = 'spot';
      this.#root.append(element);
    }
    this.#active = Math.min(this.#active, Math.max(0, this.#spots.length - 1));
    for (const [index, spot] of this.#spots.entries()) this.#place(this.#root.children[index] as HTMLElement, spot, index);
  }

  #place(element: HTMLElement, spot: Spot, index: number): void {
    const [width, height] = [Math.max(TARGET, spot.width), Math.max(TARGET, spot.height)];
    const left = spot.x + spot.width / 2 - width / 2;
    const top = spot.y + spot.height / 2 - height / 2;
    const place = `left:${left.toFixed(1)}px;top:${top.toFixed(1)}px;width:${width.toFixed(1)}px;height:${height.toFixed(1)}px`;
    if (element.dataset['place'] !== place) {
      element.dataset['place'] = place;
      element.style.cssText = place;
    }
    if (element.getAttribute('aria-label') !== spot.label) element.setAttribute('aria-label', spot.label);
    if (element.dataset['entity'] !== spot.entity) element.dataset['entity'] = spot.entity;
    const tab = index === this.#active ? 0 : -1;
    if (element.tabIndex !== tab || !element.hasAttribute('tabindex')) element.tabIndex = tab;
  }

  #indexOf(event: Event): number {
    return [...this.#root.children].indexOf(event.target as Element);
  }

  readonly #onFocus = (event: Event): void => {
    const index = this.#indexOf(event);
    if (index < 0) return;
    this.#go(index, false);
    this.#onActive(this.#spots[index]);
  };

  readonly #onBlur = (): void => this.#onActive(undefined);

  readonly #onClick = (event: Event): void => {
    const spot = this.#spots[this.#indexOf(event)];
    if (spot !== undefined) this.#onSelect(spot);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    const last = this.#spots.length - 1;
    const next = {
      ArrowRight: this.#active + 1, ArrowDown: this.#active + 1, ArrowLeft: this.#active - 1, ArrowUp: this.#active - 1, Home: 0, End: last,
    }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.#go(Math.min(last, Math.max(0, next)), true);
  };

  #go(index: number, focus: boolean): void {
    this.#active = index;
    [...this.#root.children].forEach((child, at) => {
      (child as HTMLElement).tabIndex = at === index ? 0 : -1;
    });
    if (focus) (this.#root.children[index] as HTMLElement | undefined)?.focus();
  }
}
