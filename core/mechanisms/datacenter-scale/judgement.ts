/**
 * How a run of the lab is judged: sums over pods, and what must hold at every cut: no VM is lost or doubled, no memory is given
 * away twice, every byte that a link served belongs to a flow.
 */
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import type { Check, JudgeOptions, LabFindings } from '../lab.ts';
import type { PromotionTold } from './promotion.ts';
import type { PodTold } from './told.ts';

/** What the pods told last. */
export function podsOf(snapshots: readonly ProcessSnapshot[]): PodTold[] {
  return snapshots.filter(({ kind }) => kind === 'pod').map(({ told }) => told as PodTold);
}

/** VMs that hosts with real memory took. */
function promotedOf(snapshots: readonly ProcessSnapshot[]): number {
  const told = snapshots.map(({ mechanisms }) => mechanisms['datacenter-scale'] as PromotionTold | undefined);
  return told.reduce((total, it) => total + (it?.taken ?? 0), 0);
}

function sum(pods: readonly PodTold[], of: (pod: PodTold) => number): number {
  return pods.reduce((total, pod) => total + of(pod), 0);
}

/** Judges a run. */
export function judge({ snapshots }: JudgeOptions): LabFindings {
  const pods = podsOf(snapshots);
  const metrics: Record<string, number | undefined> = {};
  for (const id of Object.keys(pods[0]?.metrics ?? {}) as (keyof PodTold['metrics'])[]) {
    metrics[id] = sum(pods, (pod) => pod.metrics[id]);
  }
  const moves = metrics['moves'] ?? 0;
  metrics['downtime-mean'] = moves === 0 ? undefined : Math.round(sum(pods, (pod) => pod.downtimeNs) / moves);
  metrics['downtime-most'] = moves === 0 ? undefined : Math.max(...pods.map((pod) => pod.downtimeNsMax));
  const hosts = sum(pods, (pod) => pod.hosts);
  return {
    metrics,
    checks: [checkTables(pods), checkOwners(pods), checkCustody(pods, promotedOf(snapshots)), checkBytes(pods)],
    outcome: `${hosts} hosts, ${metrics['vms-running'] ?? 0} VMs run, ${metrics['overloaded'] ?? 0} hosts overloaded, ${moves} migrations`,
  };
}

/** Memory in use, demand and the lists of VMs are what the rows say, and no host has given away more than it has. */
function checkTables(pods: readonly PodTold[]): Check {
  const complaint = pods.find(({ audit }) => audit.complaint !== '')?.audit.complaint;
  return { id: 'tables-agree', holds: complaint === undefined, found: complaint ?? `${pods.length} pods counted again, the first at ${Math.min(...pods.map(({ audit }) => audit.timeNs)) / 1e9} s, and no host has given away more memory than it has` };
}

/** In each pod: what is there is what was made and came, less what was ended and given away. By number and by ids. */
function checkOwners(pods: readonly PodTold[]): Check {
  for (const { audit, firstHost } of pods) {
    const { vms, vmIds, granted, grantedIds, counters: it } = audit;
    const number = it.created + it.taken - it.removed - it.given;
    const ids = it.createdIds + it.takenIds - it.removedIds - it.givenIds;
    if (vms - granted === number && vmIds - grantedIds === ids) continue;
    const found = `the pod of host ${firstHost} holds ${vms - granted} VMs and should hold ${number}; their ids sum up to ${vmIds - grantedIds}, not ${ids}`;
    return { id: 'every-vm-once', holds: false, found };
  }
  return { id: 'every-vm-once', holds: true, found: `${sum(pods, (pod) => pod.audit.vms - pod.audit.granted)} VMs, each made or come once and on one host` };
}

/** Between pods: what was given has arrived, or is on its way under a grant that is still asked about. */
function checkCustody(pods: readonly PodTold[], promoted: number): Check {
  const onTheWay = sum(pods, (pod) => pod.given - pod.taken) - promoted;
  const granted = sum(pods, (pod) => pod.open);
  return {
    id: 'custody-between-pods',
    holds: onTheWay >= 0 && onTheWay <= granted,
    found: `${sum(pods, (pod) => pod.given)} VMs given to other processes, ${promoted} of them to hosts with real memory, ${onTheWay} on their way, ${granted} grants open`,
  };
}

/** Bytes that links served are bytes of flows that ended, ended early, or are under way. */
function checkBytes(pods: readonly PodTold[]): Check {
  const served = sum(pods, (pod) => pod.audit.bytesServed);
  const accounted = sum(pods, (pod) => pod.audit.bytesAccounted);
  const holds = pods.every((pod) => pod.audit.bytesServed === pod.audit.bytesAccounted);
  return { id: 'bytes-conserved', holds, found: `${served} bytes served, ${accounted} of them belong to flows` };
}
