/**
 * What may be turned while a migration runs, where it can stand, and how long its source waits for
 * what.
 */

/** One object for a host, changed by knob commands. */
export interface MigrationSettings {
  downtimeLimitNs: number;
  roundLimit: number;
  throttleAllowed: boolean;
}

/** Where an outgoing migration stands; the picture is at the head of source.ts. */
export type SourcePhase =
  | 'connecting'
  | 'copying'
  | 'stopping'
  | 'handing-over'
  | 'resolving'
  | 'done'
  | 'failed'
  | 'cancelled';

// biome-ignore format: a table, one row a line
/** Times in ns. */
export const PATIENCE = {
  silenceNsMax: 2_000_000_000, // without any progress the way counts as broken: seven retransmissions, doubling from 10 ms
  watchNs: 100_000_000, //        how often silence is looked for
  undoneStopsMax: 5, //           stops that missed their limit and were undone, before the migration gives up
  answerNsSpare: 1_000_000, //    beyond deadline and round trip, before a grant counts as unanswered
  retryNsFirst: 100_000_000, //   wait before asking again after the way broke, doubling …
  retryNsMax: 2_000_000_000, //   … up to this
} as const;
