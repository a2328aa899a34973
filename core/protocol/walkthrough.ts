/**
 * A walkthrough is data: the tour on the page, the end-to-end runner and the headless runner play
 * the same steps. No step waits for wall time.
 */
import type { Command } from './command.ts';

/** Something that must come true in virtual time before the next step. */
export type WalkthroughCondition =
  | {
      readonly kind: 'metric';
      readonly metric: string;
      readonly is: 'at-least' | 'at-most';
      readonly value: number;
    }
  | { readonly kind: 'event'; readonly event: string } // kind of a TimelineEvent since the step began
  | { readonly kind: 'time'; readonly afterNs: number }; // virtual time since the step began

/** One step. `say` may hold {metric-id}, which is replaced by the measured value with its unit. */
export interface WalkthroughStep {
  readonly id: string;
  readonly say: string;
  /**
   * Entities that the picture should show: 'host:0', 'vm:1', 'link:0-1', 'migration:1',
   * 'console:1'.
   */
  readonly show: readonly string[];
  /** What the step's button does; asked for when the step begins in a headless run. */
  readonly button?: string;
  readonly do?: Command;
  readonly until?: WalkthroughCondition;
  /** Must hold when the step ends. */
  readonly expect?: WalkthroughCondition;
  /** A prediction asked for before the step runs, in the metric's unit. */
  readonly ask?: { readonly question: string; readonly metric: string };
}

/** The steps of one lab. */
export interface Walkthrough {
  readonly lab: string;
  readonly steps: readonly WalkthroughStep[];
}
