/** The tour of a page: its player with what the page has. Loaded when a tour is first asked for. */
import { pickFile } from '../app/files.ts';
import { loadLab } from '../labs/load-lab.ts';
import type { RunController } from '../session/run-controller.ts';
import { tabShelf } from './kept-tour.ts';
import { loadNarration } from './narration-files.ts';
import { TourPlayer } from './tour-player.ts';
import type { MetricValues } from './tour-state.ts';

export function openTour(controller: RunController, metrics: () => MetricValues): TourPlayer {
  return new TourPlayer({
    controller,
    metrics: () => {
      controller.session?.drainSamples(); // a step is judged by what is known at its end, not by what the last frame showed
      return metrics();
    },
    walkthroughOf: async (lab) => (await loadLab(lab))?.walkthrough,
    narrationOf: loadNarration,
    pickFile: () => pickFile('.json,application/json'),
    shelf: tabShelf(),
  });
}
