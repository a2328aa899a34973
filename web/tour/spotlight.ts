/**
 * The spotlight: driver.js lays its veil over the page and leaves a hole at the first thing shown; further holes are
 * cut by a clip path. driver.js is told of an empty frame of ours, never of the page's elements, so it neither takes
 * the focus nor writes attributes onto them; its popover, keys and trap of the Tab key stay unused.
 */
import { type Driver, driver } from 'driver.js';
import { type Box, disjoint, grow } from './place-card.ts';

/** Room between what is shown and the veil. Unit: CSS px. */
const ROOM = 4;

/** See the file's head. */
export class Spotlight {
  readonly #frame = makeFrame();
  /** Frames around all that is shown; seen only where colours are forced and there is no veil. */
  #frames: readonly HTMLElement[] = [];
  readonly #driver: Driver;

  constructor() {
    this.#driver = driver({
      animate: false, allowClose: false, allowKeyboardControl: false, stagePadding: 0, stageRadius: 0, overlayOpacity: 0.6,
      overlayColor: 'var(--stage)',
      onHighlighted: (element) => {
        for (const name of ['aria-haspopup', 'aria-expanded', 'aria-controls']) element?.removeAttribute(name);
      },
    });
    document.addEventListener('keydown', leaveTabAlone);
  }

  /** Shows the boxes; nothing is veiled when there is none. `within` is the part of the page that the veil covers. */
  show(boxes: readonly Box[], within: Box): void {
    for (const frame of this.#frames) frame.remove();
    this.#frames = boxes.map((box) => placed(makeFrame('tour-frame--seen'), grow(box, ROOM)));
    const [first, ...rest] = disjoint(boxes.map((box) => grow(box, ROOM)));
    if (first === undefined) {
      if (this.#driver.isActive()) this.#driver.destroy();
      return;
    }
    placed(this.#frame, first);
    if (this.#driver.isActive()) this.#driver.refresh();
    else this.#driver.highlight({ element: this.#frame });
    const holes = [within, ...rest].map(({ x, y, width, height }) => `M${x} ${y}h${width}v${height}h${-width}Z`);
    document.documentElement.style.setProperty('--tour-veil', `path(evenodd, "${holes.join('')}")`);
  }

  dispose(): void {
    if (this.#driver.isActive()) this.#driver.destroy();
    document.removeEventListener('keydown', leaveTabAlone);
    document.documentElement.style.removeProperty('--tour-veil');
    for (const frame of [this.#frame, ...this.#frames]) frame.remove();
  }
}

function makeFrame(name = ''): HTMLElement {
  const frame = document.createElement('div');
  frame.className = `tour-frame ${name}`;
  frame.setAttribute('aria-hidden', 'true');
  document.body.append(frame);
  return frame;
}

function placed(frame: HTMLElement, box: Box): HTMLElement {
  for (const [name, value] of [['left', box.x], ['top', box.y], ['width', box.width], ['height', box.height]] as const) frame.style[name] = `${value}px`;
  return frame;
}

/** A tour is no dialog: Tab goes through the whole page. driver.js would keep it, at the window. */
function leaveTabAlone(event: KeyboardEvent): void {
  if (event.key === 'Tab') event.stopPropagation();
}
