/**
 * One hovered entity, lit in every view: pointing at (or focusing) anything that stands for a host, VM,
 * link, page or migration marks all elements of the same entity, in pictures, tables and lists alike.
 */
import type { AppStore } from '../session/store.ts';

/** Binds the document; gives the function that unbinds. */
export function bindHoverLight(store: AppStore): () => void {
  const point = (event: Event) => {
    const entity = (event.target as Element).closest<HTMLElement>('[data-entity]')?.dataset['entity'] ?? '';
    if (store.getState().hovered !== entity) store.setState({ hovered: entity });
  };
  const unsubscribe = store.subscribe((state, before) => {
    if (state.hovered === before.hovered) return;
    for (const element of document.querySelectorAll<HTMLElement>('[data-lit]')) delete element.dataset['lit'];
    if (!/^(host|vm|link|page|migration):/.test(state.hovered)) return;
    for (const element of document.querySelectorAll<HTMLElement>(`[data-entity="${CSS.escape(state.hovered)}"]`)) {
      element.dataset['lit'] = 'true';
    }
  });
  document.addEventListener('pointerover', point);
  document.addEventListener('focusin', point);
  return () => {
    unsubscribe();
    document.removeEventListener('pointerover', point);
    document.removeEventListener('focusin', point);
  };
}
