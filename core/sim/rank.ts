/**
 * Ranks of the one ordering key (timeNs, rank, source, sequence): what comes first among things of the
 * same nanosecond. A closed table; a rank is never computed. Lower runs first.
 */

/** See the file's head. Gaps leave room; 6 and 7 are not used yet. */
export const rank = {
  command: 0, //     logged commands: knobs, faults, requests
  linkArrival: 1, // a frame's last bit has arrived
  timer: 2, //       guest timers and timeouts of protocols
  network: 3, //     the sending side of links and TCP
  mechanism: 4, //   rounds, decisions
  scheduler: 5, //   time slices of vCPUs
  hashPoint: 8, //   registers, devices and dirtied pages enter the hash
  sample: 9, //      metrics; outside the run hash
} as const;

/** One of {@link rank}'s values. */
export type Rank = (typeof rank)[keyof typeof rank];
