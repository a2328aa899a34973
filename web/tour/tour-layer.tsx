/** The tour over the page: the card with what is said, the spotlight on what is shown, and the presenter's keys. */
import { useEffect, useRef } from 'react';
import { useApp, useAppState } from '../session/react.ts';
import { type Box, type CardSize, placeCard } from './place-card.ts';
import { otherBoxes, shownBoxes } from './shown-entities.ts';
import { Spotlight } from './spotlight.ts';
import { TourCard } from './tour-card.tsx';
import { presentStep } from './tour-state.ts';
import './tour.css';

/** Wall time between two looks at where things stand. Unit: ms. */
const LOOK_MS = 100;
/**
 * Shapes that a card can have, the best first: width at text of 16 px, in CSS px; `small`: what is said is no larger than
 * other text, only where it would cover what is shown; `worse`: how many covered pixels it makes up for.
 */
const SHAPES = [
  { width: 368, small: false, worse: 0 }, { width: 300, small: false, worse: 2_000 }, { width: 520, small: false, worse: 4_000 },
  { width: 340, small: true, worse: 60_000 }, { width: 250, small: true, worse: 70_000 },
] as const;

/** Stands while a tour is on. */
export function TourLayer() {
  const { loop, store, commands } = useApp();
  const card = useRef<HTMLElement>(null);
  const density = useAppState((state) => state.density);

  useEffect(() => {
    const spotlight = new Spotlight();
    let before: Box | undefined;
    let known = '';
    let lookedAt = Number.NEGATIVE_INFINITY;
    const remove = loop.add('tour', 5, (now) => {
      const { tour } = store.getState();
      const element = card.current;
      const main = document.querySelector('main');
      if (now - lookedAt < LOOK_MS || element === null || main === null || tour === null) return;
      lookedAt = now;
      const bounds = main.getBoundingClientRect();
      const shown = shownBoxes(presentStep(tour)?.show ?? [], bounds);
      const others = otherBoxes(bounds);
      const key = JSON.stringify([shown, others, bounds, element.scrollHeight, element.dataset['said']]);
      if (key === known) return;
      spotlight.show(shown, bounds);
      const sizes = sizesOf(element, density === 'projector' ? 1.4 : 1, bounds);
      before = placeCard({ bounds, shown, others, sizes, before });
      element.style.width = `${before.width}px`;
      element.dataset['small'] = String(sizes.find((it) => it.width === before?.width && it.height === before.height)?.small ?? false);
      element.style.translate = `${before.x}px ${before.y}px`;
      element.dataset['placed'] = 'true';
      known = JSON.stringify([shown, others, bounds, element.scrollHeight, element.dataset['said']]);
    });
    return () => {
      remove();
      spotlight.dispose();
    };
  }, [loop, store, density]);

  useEffect(() => {
    // A presenter's remote is heard wherever the focus is, but for dialogs and the black screen.
    const onKey = (event: KeyboardEvent) => {
      const id = event.key === 'PageDown' ? 'next-step' : event.key === 'PageUp' ? 'previous-step' : '';
      if (id === '' || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.target instanceof Element && event.target.closest('[role=dialog], .blackout, .xterm') !== null) return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) void commands.run(id);
    };
    window.addEventListener('keydown', onKey, true);
    return () => window.removeEventListener('keydown', onKey, true);
  }, [commands]);

  return <TourCard card={card} />;
}

/** The sizes that the card would have in each shape. */
function sizesOf(element: HTMLElement, text: number, bounds: Box): readonly (CardSize & { readonly small: boolean })[] {
  return SHAPES.map(({ width: least, small, worse }) => {
    const width = Math.min(Math.round(least * text), Math.floor(bounds.width) - 24);
    element.style.width = `${width}px`;
    element.dataset['small'] = String(small);
    return { width, height: element.offsetHeight, small, worse };
  });
}
