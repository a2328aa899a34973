/**
 * What the lab's processes tell the screen: `told` of a process's snapshot, by its kind. A Sankey with tanks, score
 * bars, threshold bracket and recovery-point curves needs no more:
 *
 *   bands      production gateways: came (VM → gateway, raw), shipped (gateway → WAN, frames); recovery gateways: came
 *              (WAN → gateway, raw), shipped (gateway → volume, frames); recovery site: volumes[].applied (raw); all by
 *              workload, in bytes so far and bytes a second; the WAN itself: 'switch' told of the production site
 *   tanks      gateway told: backlogBytes over stagingCapacityBytes, backlogByWorkload, memoryBytes, backlogAgeNs
 *   bars       'site' told: gateways[].score, .use by resource, limits.score, limits.resource, .isOverloaded, .fault
 *   bracket    'site' told: sites[].difference, .heaviest, .lightest, .threshold, .rest (why nothing moves)
 *   curves     the sampled metrics; now: workloads[].recoveryPointNs against rpoTargetNs
 *   dragging   'site' told: workloads[].homes: where a workload may go, and by which name it is refused
 */
import type { Resource } from './gateway-load.ts';
import type { Rest } from './mechanism.ts';

/** Bytes of one workload that pass a place. */
export interface FlowTold {
  readonly workload: number;
  readonly byteCount: number; //       since the start
  readonly bytesPerSecond: number; //  smoothed over epochs
}

/** A gateway of either site, of itself. Times in ns, sizes in bytes. */
export interface GatewayTold {
  readonly site: 0 | 1; //                     0 production, 1 recovery
  readonly isUp: boolean;
  readonly use: Readonly<Record<Resource, number>>; // parts of the capacity; may exceed 1
  readonly score: number;
  readonly capacityBytesPerSecond: number; //  now, faults counted
  readonly workBytesPerSecond: number; //      that came for it, in the last epoch
  readonly memoryBytes: number;
  readonly memoryCapacityBytes: number;
  readonly stagingBytes: number;
  readonly stagingCapacityBytes: number;
  readonly backlogBytes: number; //            raw bytes that are not applied at the recovery site
  readonly backlogAgeNs: number; //            of the oldest of them
  readonly backlogByWorkload: readonly { readonly workload: number; readonly byteCount: number }[];
  readonly shippedBytes: number; //            frames handed on so far, since the start
  readonly came: readonly FlowTold[]; //       raw bytes that came for it
  readonly shipped: readonly FlowTold[]; //    bytes of frames handed on
  readonly networkBytes: number; //            through its card so far
  readonly faults: readonly string[]; //       that stand now
}

/** A gateway as the balancer knows it. */
export interface KnownGateway {
  readonly id: number;
  readonly name: string;
  readonly site: 0 | 1;
  readonly isConnected: boolean;
  readonly score: number; //                   as reported last; −1 when it was no number
  readonly use: Readonly<Record<Resource, number>>;
  readonly backlogBytes: number;
  readonly backlogAgeNs: number;
  readonly reportEpoch: number; //             −1 = none yet
  readonly isOverloaded: boolean;
  readonly fault: '' | 'STALE_SCORE' | 'BAD_SCORE' | 'NEGATIVE_SCORE';
  readonly workloads: readonly number[];
}

export interface WorkloadTold {
  readonly id: number;
  readonly name: string;
  readonly state: 'running' | 'stopping' | 'stopped' | 'failed-over';
  readonly primaryGateway: number;
  readonly recoveryGateway: number;
  readonly mode: string; //                    of its tap: 'opening', 'streaming', 'resync', 'held'
  readonly churnBytesPerSecond: number; //     measured, smoothed over epochs
  readonly recoveryPointNs: number; //         age of its newest consistency point
  readonly hasPoint: boolean; //               the recovery site is known to have one
  readonly rpoTargetNs: number;
  readonly sealedSequence: number;
  readonly appliedSequence: number;
  readonly changedBlocks: number; //           that the recovery site does not have
  readonly blockCount: number;
  /** Every gateway of both sites: '' = it may go there, else the name of the refusal. */
  readonly homes: readonly { readonly gateway: number; readonly refusal: string }[];
}

export type MovePhase = 'sealing' | 'draining' | 'handing-over' | 're-pointing' | 'resuming' | 'done' | 'failed';

export interface MoveTold {
  readonly workload: number;
  readonly site: 0 | 1;
  readonly from: number;
  readonly to: number;
  readonly phase: MovePhase;
  readonly why: 'balance' | 'asked' | 'gateway-lost';
  readonly startedAtNs: number;
  readonly endedAtNs: number; //               −1 while it is under way
  readonly handedBlocks: number; //            marked in the bitmap at the hand-over
  readonly resentBytes: number; //             of them, sent again
  readonly reason: string; //                  when it failed
}

export interface AlarmTold {
  readonly kind: string; //                    'ADD_APPLIANCE', 'STALE_SCORE', …
  readonly site: 0 | 1;
  readonly gateway: number; //                 −1: the whole site
  readonly sinceNs: number;
}

/** What the balancer last decided for one site. */
export interface SiteBalance {
  readonly site: 0 | 1;
  readonly difference: number;
  readonly threshold: number;
  readonly heaviest: number; //                id, −1 = none
  readonly lightest: number;
  readonly rest: Rest | 'off' | 'none'; //     why no further move; 'off': the balancer is switched off
}

/** The production site: its workloads, its taps, the balancer. */
export interface SiteTold {
  readonly epoch: number;
  readonly isUp: boolean;
  readonly workloads: readonly WorkloadTold[];
  readonly gateways: readonly KnownGateway[];
  readonly moves: readonly MoveTold[]; //      under way, then the last that ended
  readonly movesDone: number;
  readonly alarms: readonly AlarmTold[];
  readonly sites: readonly SiteBalance[];
  readonly limits: { readonly score: number; readonly resource: number };
  /** Why gateways were left alone or moved from, newest last. */
  readonly log: readonly { readonly timeNs: number; readonly site: 0 | 1; readonly text: string }[];
  readonly resyncBytes: number;
  readonly resentBytes: number; //             by completed moves, in all
  readonly writtenBytes: number;
}

/** A recovery volume. */
export interface VolumeTold {
  readonly workload: number;
  readonly appliedSequence: number;
  readonly sealedAtNs: number; //              of the newest consistency point
  readonly appliedAtNs: number;
  readonly appliedSets: number;
  readonly applied: FlowTold;
  readonly repeatedSets: number;
  readonly refusedSets: number;
  readonly mismatches: number; //              consistency points that were not what the production volume was
  readonly term: number;
  readonly state: 'replica' | 'running'; //    'running': the workload was failed over
  readonly digest: string;
  readonly lostNs: number; //                  of the workload's time, by an unplanned fail-over; −1 = none
}

/** The recovery site. */
export interface RecoverySiteTold {
  readonly isUp: boolean;
  readonly volumes: readonly VolumeTold[];
}

/** A site's switch; the WAN's two ends are such. */
export interface SwitchTold {
  readonly site: 0 | 1;
  readonly wan: { readonly sentBytes: number; readonly sentFrames: number; readonly lostFrames: number; readonly droppedFrames: number; readonly queuedBytes: number; readonly isUp: boolean };
}
