/**
 * A tour that outlives a reload: what was on, kept for this tab in session storage together with the run's own file
 * (seed and commands), so that the run can be brought back to where the tour stood.
 */
import * as v from 'valibot';
import type { PlayerState } from '../../core/protocol/walkthrough-player.ts';
import { TOUR_KEY } from './kept-tour.ts';

/** Run files are a few kB; a larger one is not kept, then a resumed tour does not bring its run along. Unit: characters. */
const RUN_TEXT_MAX = 1_000_000;

const value = v.object({ metric: v.string(), value: v.number(), unit: v.string(), guess: v.optional(v.number()) });
const playerSchema = v.object({
  lab: v.string(),
  step: v.pipe(v.number(), v.integer(), v.minValue(0)),
  phase: v.picklist(['waiting', 'running', 'over']),
  beganAtNs: v.number(),
  guesses: v.record(v.string(), v.number()),
  results: v.array(v.object({
    id: v.string(), beganAtNs: v.number(), endedAtNs: v.number(), holds: v.boolean(), found: v.string(),
    measured: v.optional(value), answer: v.optional(value),
  })),
});
const schema = v.object({
  version: v.literal(1),
  on: v.boolean(),
  seed: v.number(),
  language: v.string(),
  timeNs: v.number(), // where the run stood
  run: v.string(), //    the run file's text, '' when it was too large
  player: playerSchema,
});

/** What is kept of a tour. */
export interface KeptTour {
  readonly on: boolean;
  readonly seed: number;
  readonly language: string;
  readonly timeNs: number;
  readonly run: string;
  readonly player: PlayerState;
}

/** Where it is kept; the browser's session storage, or a stand-in for tests. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Keeps a tour; a full or forbidden storage keeps nothing, and the tour goes on all the same. */
export function keepTour(shelf: Shelf, kept: KeptTour): void {
  const run = kept.run.length > RUN_TEXT_MAX ? '' : kept.run;
  try {
    shelf.setItem(TOUR_KEY, JSON.stringify({ version: 1, ...kept, run }));
  } catch {
    shelf.removeItem(TOUR_KEY); // better no tour than an old one
  }
}

/** Forgets the tour. */
export function forgetTour(shelf: Shelf): void {
  shelf.removeItem(TOUR_KEY);
}

/** The tour that was kept of this lab and seed, or undefined; what cannot be read counts as nothing. */
export function recallTour(shelf: Shelf, lab: string, seed: number): KeptTour | undefined {
  let found: unknown;
  try {
    found = JSON.parse(shelf.getItem(TOUR_KEY) ?? 'null');
  } catch {
    return undefined; // somebody else's text under this name
  }
  const parsed = v.safeParse(schema, found);
  if (!parsed.success || parsed.output.seed !== seed || parsed.output.player.lab !== lab) return undefined;
  // The schema's optional fields are missing ones here, for they come out of JSON.
  return parsed.output as KeptTour;
}
