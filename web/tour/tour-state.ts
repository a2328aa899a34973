/** What the page knows of a tour: plain data in the store, so that card, notes, charts and scripts read the same. */
import type { WalkthroughStep } from '../../core/protocol/walkthrough.ts';
import type { PlayerState } from '../../core/protocol/walkthrough-player.ts';

/** A tour that was begun. */
export interface TourState {
  readonly on: boolean; //        false: left, to be resumed
  readonly player: PlayerState;
  /** The steps as they are told in the language of the narration. */
  readonly steps: readonly TourStep[];
  readonly language: string; //   of the narration: 'en', 'de', …
  readonly hurrying: boolean; //  the step runs as fast as possible, because somebody went on
  readonly busy: boolean; //      the run is on its way to another time
  /** What is measured now of the metrics that the present step shows. */
  readonly values: MetricValues;
}

/** A step, with what only whoever presents is told. */
export type TourStep = WalkthroughStep & { readonly note?: string };

/** Values by metric, in the units of the contract. */
export type MetricValues = Readonly<Record<string, { readonly value: number; readonly unit: string }>>;

/** A guess as charts draw it: until the tour goes back before its question. */
export interface Guess {
  readonly metric: string; // on whose axis it is drawn
  readonly value: number; //  in the metric's unit
  readonly words?: string; // before the value, when it is no guess
}

/** The guesses of the tour so far, in order of the steps that asked. */
export function guessesOf(tour: TourState | null): readonly Guess[] {
  if (tour === null) return [];
  return tour.steps.flatMap(({ id, ask }) => {
    const value = tour.player.guesses[id];
    return ask === undefined || value === undefined ? [] : [{ metric: ask.drawnOn ?? ask.metric, value }];
  });
}

/** The present step; undefined when the tour has come to its end. */
export function presentStep(tour: TourState): TourStep | undefined {
  return tour.steps[tour.player.step];
}

/** What can be asked of the tour, by commands. */
export type TourAct =
  | { readonly kind: 'start' | 'next' | 'previous' | 'leave' | 'resume' | 'open-narration' }
  | { readonly kind: 'recall'; readonly orStart: boolean; readonly resume: boolean } // after a load of the page
  | { readonly kind: 'go-to'; readonly step: number | string } // number from 1, or the step's id
  | { readonly kind: 'answer'; readonly value: number }
  | { readonly kind: 'language'; readonly language: string }
  | { readonly kind: 'narration'; readonly file: File };
