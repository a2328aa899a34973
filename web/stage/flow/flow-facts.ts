/**
 * What the flow picture draws: two sites, workloads on the left, gateways of both sites, the WAN between them,
 * volumes on the right. A lab's `flow` makes it from what its processes tell; the picture knows no mechanism.
 */

/** What a gateway has of one resource. `use` and `limit` in the score's own measure: 1 is the whole capacity. */
export interface FlowResource {
  readonly id: string;
  readonly title: string;
  readonly use: number; //        0 … about 1.5
  readonly limit: number; //      beyond it the gateway is overloaded
  readonly weight: number; //     share of the score
}

/** A replication gateway. */
export interface FlowGateway {
  readonly id: number;
  readonly name: string;
  readonly entity: string; //     'gateway:3'
  readonly side: 0 | 1; //        primary, recovery
  readonly isUp: boolean;
  readonly backlogBytes: number;
  readonly stagingBytes: number; // what its staging disk holds at most
  readonly behindNs: number; //   age of the oldest write that waits here
  readonly score: number;
  readonly isOverloaded: boolean;
  readonly resources: readonly FlowResource[];
}

/** A protected workload and its way. */
export interface FlowWorkload {
  readonly id: number;
  readonly name: string;
  readonly entity: string; //     'workload:1'
  readonly gateway: number; //    the primary gateway that it writes through
  readonly movingTo: number; //   −1 while no move is under way
  readonly phase: string; //      of the move; '' without one
  readonly rpoNs: number; //      achieved: age of the newest consistent state over there
  readonly targetNs: number;
  /** Why it may not go to a gateway, by gateway; missing or '' = it may. */
  readonly refusals: Readonly<Record<number, string>>;
}

/** Bytes on their way between two nodes: 'workload:1', 'gateway:3', 'wan', 'volume:1'. */
export interface FlowRibbonFacts {
  readonly from: string;
  readonly to: string;
  readonly workload: number; //   whose bytes; −1 = of several
  readonly bytesPerSecond: number;
  readonly totalBytes: number; // so far: what the ribbon's dashes move by
}

/** Highest and lowest score of a site against the difference that makes the balancer move something. */
export interface FlowBracket {
  readonly side: 0 | 1;
  readonly high: number;
  readonly low: number;
  readonly difference: number; // (high − low) / high, 0 when all are idle
  readonly threshold: number;
  readonly said: string; //       what the balancer decided last, one sentence
}

/** See the file's head. */
export interface FlowFacts {
  readonly sites: readonly [string, string];
  readonly workloads: readonly FlowWorkload[];
  readonly gateways: readonly FlowGateway[];
  readonly volumes: readonly { readonly id: number; readonly name: string; readonly entity: string }[];
  readonly ribbons: readonly FlowRibbonFacts[];
  readonly wan: { readonly entity: string; readonly bytesPerSecond: number; readonly capacity: number; readonly isUp: boolean };
  readonly brackets: readonly FlowBracket[];
  readonly alarms: readonly string[];
  /** The request that re-homes a workload, as the lab's contract names it, and its arguments' names. */
  readonly rehome: { readonly request: string; readonly workload: string; readonly gateway: string };
}
