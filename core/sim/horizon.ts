/**
 * How far a process may advance (conservative parallel simulation: Chandy and Misra 1979, Bryant 1977).
 * Each directed channel carries a promise of its sender: nothing that is not yet in the mailbox arrives
 * before this time. A receiver's horizon is the least promise of its incoming channels.
 */

/** Least latency of any link; so much can always be promised. Unit: ns (house, decision 1). */
export const LATENCY_NS_MIN = 5_000;

/**
 * What a sender standing at `nowNs` can promise on a channel of `latencyNs`. From the time of a pending
 * command on, the latency may be any other, so no more than the least one counts there.
 * `pendingCommandNs`: time of the first command not yet applied, ≥ nowNs; Infinity for none. Unit: ns.
 */
export function promiseNs(options: {
  readonly nowNs: number;
  readonly latencyNs: number;
  readonly pendingCommandNs: number;
}): number {
  return Math.min(options.nowNs + options.latencyNs, options.pendingCommandNs + LATENCY_NS_MIN);
}
