/** Knobs stay out of the first picture: they come with a selection, a command, or the first thing done. */
import type { AppState } from '../session/store.ts';

export function knobsAreShown(state: AppState): boolean {
  if (state.density === 'projector' && !state.knobsShown) return false;
  if (state.knobsShown || /^(vm|link|disk|snapshot|host):/.test(state.selection)) return true;
  const { story } = state.lab;
  return story === undefined ? state.chapter !== '' : story.knobsAreShown(state.chapter, state);
}
