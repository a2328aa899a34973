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
   * 'console:1', 'disk:0', 'snapshot:1' (the queue). What is not on the screen is passed over.
   */
  readonly show: readonly string[];
  /** The command that the step gives when it begins, and what its button says. */
  readonly button?: string;
  readonly do?: Command;
  readonly until?: WalkthroughCondition;
  /** What `until` waits for in words that go on after “until”: 'the VM stops'. */
  readonly wait?: string;
  /** The run stands when the step is over, until the next one begins; otherwise the picture goes on moving. */
  readonly stand?: boolean;
  /** Must hold when the step ends. */
  readonly expect?: WalkthroughCondition;
  readonly ask?: WalkthroughQuestion;
}

/** A prediction asked for before the step runs. Values in the metric's unit. */
export interface WalkthroughQuestion {
  readonly question: string;
  readonly metric: string;
  /** The step at whose end the metric is read; the asking one when missing. */
  readonly answeredBy?: string;
  /** The metric on whose axis charts draw the guess as a line, of the same unit; the one asked for when missing. */
  readonly drawnOn?: string;
  /** Between what a guess is sought, on a logarithmic scale: 0 < minimum < maximum. A guess beyond is taken as well. */
  readonly range: { readonly minimum: number; readonly maximum: number };
}

/** The steps of one lab. */
export interface Walkthrough {
  readonly lab: string;
  /** Virtual time between two looks of whoever plays it without a person; a few milliseconds when missing. Unit: ns. */
  readonly lookNs?: number;
  readonly steps: readonly WalkthroughStep[];
}
