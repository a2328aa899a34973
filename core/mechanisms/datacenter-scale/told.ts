/** What a pod tells of itself: sums, by the metrics of the contract, and what the judge needs. Plain JSON. */
import type { Pod } from './pod.ts';
import { hostState, vmState } from './pod-tables.ts';

/** See the file's head. */
export interface PodTold {
  readonly firstHost: number;
  readonly hosts: number;
  /** Values of the contract's metrics, as far as they can be summed over pods. */
  readonly metrics: {
    readonly 'hosts-up': number;
    readonly 'vms-running': number;
    readonly overloaded: number;
    readonly 'cpu-stolen': number;
    readonly moving: number;
    readonly moves: number;
    readonly 'moves-failed': number;
    readonly 'bytes-moved': number;
    readonly 'bytes-network': number;
    readonly events: number;
  };
  readonly downtimeNs: number; //     of all moves that have ended
  readonly downtimeNsMax: number;
  /** VMs that it gave to other processes and took from them, and grants that are not answered yet: all of this instant. */
  readonly given: number;
  readonly taken: number;
  readonly open: number;
  readonly audit: PodAudit;
}

/** Everything counted again, row by row, at one instant. */
export interface PodAudit {
  readonly timeNs: number;
  readonly vms: number; //            rows, those granted away included
  readonly vmIds: number; //          sum of their ids
  readonly granted: number; //        rows of them whose VM may run elsewhere already
  readonly grantedIds: number;
  readonly counters: Pod['counters'];
  /** What the links served, and what of it is accounted for by flows. Unit: byte. */
  readonly bytesServed: number;
  readonly bytesAccounted: number;
  /** '' when all that is kept beside the tables agrees with a new count. */
  readonly complaint: string;
}

/** The metrics of a pod, from what it keeps by host: cheap enough for every sample. */
export function metricsOf(pod: Pod): PodTold['metrics'] {
  const { tables, counters } = pod;
  const { hosts } = tables;
  let up = 0;
  let overloaded = 0;
  let stolen = 0;
  for (let host = 0; host < hosts.count; host++) {
    if (hosts.state[host] === hostState.up) up++;
    if (tables.isOverloaded(host)) overloaded++;
    stolen += hosts.stolenSeconds[host]!;
  }
  return {
    'hosts-up': up,
    'vms-running': tables.runningCount,
    overloaded,
    'cpu-stolen': stolen,
    moving: pod.moves.length - pod.freeMoves.length,
    moves: counters.moves,
    'moves-failed': counters.movesFailed,
    'bytes-moved': counters.moveBytes,
    'bytes-network': counters.localBytes + counters.remoteBytes,
    events: pod.kernel.dispatched,
  };
}

/** What a pod tells, with its last audit. Changes nothing. */
export function toldOf(pod: Pod, audit: PodAudit): PodTold {
  return {
    firstHost: pod.options.firstHost,
    hosts: pod.tables.hosts.count,
    metrics: metricsOf(pod),
    downtimeNs: pod.counters.downtimeNs,
    downtimeNsMax: pod.counters.downtimeNsMax,
    given: pod.counters.given,
    taken: pod.counters.taken,
    open: pod.moves.reduce((count, it) => (it?.phase === 'granted' ? count + 1 : count), 0),
    audit,
  };
}

/** Looks at a pod, row by row; changes nothing. */
export function auditOf(pod: Pod): PodAudit {
  const { tables, counters, links } = pod;
  const { vms } = tables;
  const seen = { running: 0, ids: 0, granted: 0, grantedIds: 0 };
  for (let row = 0; row < tables.vmRows; row++) {
    const state = vms.state(row);
    if (state === vmState.none) continue;
    seen.ids += vms.id(row);
    if (state === vmState.running) seen.running++;
    if (state !== vmState.granted) continue;
    seen.granted++;
    seen.grantedIds += vms.id(row);
  }
  let served = 0;
  let underWay = 0;
  for (let link = 0; link < links.count; link++) {
    served += links.servedBytes(link);
    underWay += links.bytesUnderWay(link);
  }
  const { localBytes, remoteBytes, diskBytes, moveBytes, lostBytes, packetBytes } = counters;
  return {
    timeNs: pod.now,
    vms: tables.vmCount,
    vmIds: seen.ids,
    granted: seen.granted,
    grantedIds: seen.grantedIds,
    counters: { ...counters },
    bytesServed: served,
    bytesAccounted: localBytes + remoteBytes + diskBytes + moveBytes + lostBytes + packetBytes + underWay,
    complaint: seen.running === tables.runningCount ? tables.audit() : `${seen.running} VMs run, ${tables.runningCount} are counted`,
  };
}
