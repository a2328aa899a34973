/** Where the entities of a step stand on the screen. Canvas-only things have focusable twins, so every entity is an element. */
import type { Box } from './place-card.ts';

/** Elements that stand for an entity, largest meaning first. */
function selectorsOf(entity: string): string {
  const name = CSS.escape(entity);
  const [kind, id] = entity.split(':');
  // The console's lines say which VM's they are; the mark around them is the console.
  const console = kind === 'console' ? `, [data-mark="console"]:has([data-entity="vm:${CSS.escape(id ?? '')}"])` : '';
  return `main [data-mark][data-entity="${name}"], main [data-figure][data-entity="${name}"]${console}`;
}

/** Boxes of what a step shows, within the page's main part; those that lie in another are left out. Unit: CSS px. */
export function shownBoxes(entities: readonly string[], within: Box): readonly Box[] {
  const boxes: Box[] = [];
  for (const entity of entities) {
    const elements = [...document.querySelectorAll<HTMLElement>(selectorsOf(entity))].filter((it) => it.checkVisibility());
    for (const element of elements.length > 0 ? elements : twinsOf(entity)) {
      const box = clipped(element.getBoundingClientRect(), within);
      if (box !== undefined) boxes.push(box);
    }
  }
  return boxes;
}

/** Where no mark stands for it: the visible elements of that entity. */
function twinsOf(entity: string): readonly HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(`main [data-entity="${CSS.escape(entity)}"]`)].filter((it) => it.checkVisibility());
}

/** Boxes of all other marks, which a card had better not cover. */
export function otherBoxes(within: Box): readonly Box[] {
  return [...document.querySelectorAll<HTMLElement>('main [data-mark], main [data-panel]')]
    .filter((it) => it.checkVisibility())
    .flatMap((it) => clipped(it.getBoundingClientRect(), within) ?? []);
}

function clipped(rect: Box, within: Box): Box | undefined {
  const x = Math.max(rect.x, within.x);
  const y = Math.max(rect.y, within.y);
  const width = Math.min(rect.x + rect.width, within.x + within.width) - x;
  const height = Math.min(rect.y + rect.height, within.y + within.height) - y;
  return width < 4 || height < 4 ? undefined : { x: Math.round(x), y: Math.round(y), width: Math.round(width), height: Math.round(height) };
}
