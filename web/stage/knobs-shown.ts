/** Knobs stay out of the first picture: they come with a selection, a command, or the first migration. */
import type { AppState } from '../session/store.ts';

export function knobsAreShown(state: AppState): boolean {
  if (state.density === 'projector' && !state.knobsShown) return false;
  return state.knobsShown || state.chapter !== 'first' || state.migrations.length > 0 || /^(vm|link):/.test(state.selection);
}
