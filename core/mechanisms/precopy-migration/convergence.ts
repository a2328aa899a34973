/**
 * The decision at the end of a round: stop now, go on, slow the vCPU, or say that it will not
 * converge. Pure arithmetic over what was measured. Throttling goes as QEMU's auto-converge does it
 * (20 %, then 10 % more each time, at most 99 %: qapi/migration.json, cpu-throttle-initial,
 * -increment, max-).
 */

/** What a migration remembers from one round end to the next. A plain record. */
export interface Convergence {
  throttlePercent: number; //   share of time taken from the vCPU now
  roundsAtMost: number; //      rounds since the throttle reached its most
  roundsHopeless: number; //    rounds in a row in which no amount of throttling could have helped
}

/** What is known when a round ends. */
export interface RoundFacts {
  readonly roundCount: number; //     rounds done, this one included
  readonly roundLimit: number;
  readonly pagesSent: number; //      in this round
  readonly pagesDirty: number; //     to be sent next
  readonly predictedNs: number; //    what stopping now would cost
  readonly leastNs: number; //        what stopping would cost with nothing left to send
  readonly limitNs: number;
  readonly throttleAllowed: boolean;
}

/** What to do. `why` of giving up is the second half of a sentence. */
export type Decision =
  | { readonly kind: 'stop' }
  | { readonly kind: 'round' }
  | { readonly kind: 'throttle'; readonly percent: number }
  | { readonly kind: 'give-up'; readonly why: string };

const THROTTLE_FIRST = 20;
const THROTTLE_STEP = 10;
const THROTTLE_MOST = 99;
/**
 * A round that leaves more than this share of what it sent did not shrink enough (QEMU: throttle-
 * trigger-threshold).
 */
const SHRINK_PERCENT = 50;
/**
 * Rounds granted at the most throttle, and rounds in which the way alone is too long, before giving
 * up.
 */
const PATIENCE = 3;

/**
 * Share of the downtime limit that a prediction may fill: the rest is for what cannot be predicted.
 */
const LIMIT_SHARE_PERCENT = 90;

/** What a prediction may reach. Unit: ns. */
export function usableLimitNs(limitNs: number): number {
  return Math.floor((limitNs / 100) * LIMIT_SHARE_PERCENT);
}

/** Nothing remembered. */
export function makeConvergence(): Convergence {
  return { throttlePercent: 0, roundsAtMost: 0, roundsHopeless: 0 };
}

/** The decision at the end of a round; changes `state`. See the file's head. */
export function decideRound(state: Convergence, facts: RoundFacts): Decision {
  const usableNs = usableLimitNs(facts.limitNs);
  if (facts.predictedNs <= usableNs) return { kind: 'stop' };
  // Infinity: nothing has come through yet, and the round waits until something has.
  if (facts.leastNs > usableNs && Number.isFinite(facts.leastNs)) {
    state.roundsHopeless++;
    if (state.roundsHopeless < PATIENCE) return { kind: 'round' };
    return {
      kind: 'give-up',
      why: `the hand-over alone takes ${milliseconds(facts.leastNs)} on this link, the downtime limit is ${milliseconds(facts.limitNs)}`,
    };
  }
  state.roundsHopeless = 0;
  const stuck = facts.pagesDirty * 100 > facts.pagesSent * SHRINK_PERCENT;
  const late = facts.roundCount >= facts.roundLimit;
  if (!stuck && !late) return { kind: 'round' };
  if (!facts.throttleAllowed) {
    return late
      ? { kind: 'give-up', why: notConverging(facts, 'throttling is off') }
      : { kind: 'round' };
  }
  if (state.throttlePercent < THROTTLE_MOST) {
    const next =
      state.throttlePercent === 0 ? THROTTLE_FIRST : state.throttlePercent + THROTTLE_STEP;
    state.throttlePercent = Math.min(next, THROTTLE_MOST);
    return { kind: 'throttle', percent: state.throttlePercent };
  }
  state.roundsAtMost++;
  if (state.roundsAtMost < PATIENCE) return { kind: 'round' };
  return {
    kind: 'give-up',
    why: notConverging(facts, `the vCPU is throttled by ${THROTTLE_MOST} % already`),
  };
}

function notConverging(facts: RoundFacts, remedy: string): string {
  return `after ${facts.roundCount} rounds ${facts.pagesDirty} pages are dirty again, which would take ${milliseconds(facts.predictedNs)}; the downtime limit is ${milliseconds(facts.limitNs)} and ${remedy}`;
}

/** A duration in ns as a short text in ms. */
export function milliseconds(durationNs: number): string {
  if (!Number.isFinite(durationNs)) return 'an unknown time';
  return `${Math.round(durationNs / 10_000) / 100} ms`;
}
