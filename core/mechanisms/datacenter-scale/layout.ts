/**
 * How a datacenter of so many hosts is cut into pods, and which pods have a cable to each other: directly, without a spine, as
 * blocks of Google's Jupiter are joined (Poutievski et al. 2022). Up to five pods each to each; more stand on a ring with
 * chords, so that the number of cables grows with the number of pods. Hosts with real memory stand in pairs, beside pods, each pod with
 * a cable to one of them.
 */
import { assert } from '../../base/index.ts';

/** Hosts of a pod at most. */
export const POD_HOSTS_MAX = 250;
/** Hosts of a pod at least, where there is more than one. */
const POD_HOSTS_MIN = 5;
/** VMs that a host with real memory takes at the start. */
export const PAGED_PER_HOST = 10;

/** One pod. Numbers of hosts and VMs are those of the datacenter. */
export interface PodPlace {
  readonly process: number;
  readonly firstHost: number;
  readonly hostCount: number;
  readonly firstVm: number;
  readonly vmCount: number;
}

/** A cable between two processes. */
export type Cable = readonly [number, number];

/** The whole. */
export interface Layout {
  readonly pods: readonly PodPlace[];
  /** Processes of hosts with real memory. */
  readonly singles: readonly number[];
  readonly podCables: readonly Cable[];
  readonly singleCables: readonly Cable[]; // between the two of a pair
  readonly accessCables: readonly Cable[]; // from a pod to a host with real memory
}

/** Lays a datacenter out. */
export function layoutOf(sizes: { readonly hosts: number; readonly vmsPerHost: number; readonly pagedVms: number }): Layout {
  const hosts = Math.round(sizes.hosts);
  assert(hosts >= 2 * POD_HOSTS_MIN, 'a datacenter has at least ten hosts');
  const podCount = Math.max(2, Math.min(Math.floor(hosts / POD_HOSTS_MIN), Math.max(4, Math.ceil(hosts / POD_HOSTS_MAX))));
  const pods: PodPlace[] = [];
  for (let process = 0; process < podCount; process++) {
    const firstHost = Math.floor((hosts * process) / podCount);
    const hostCount = Math.floor((hosts * (process + 1)) / podCount) - firstHost;
    const vmCount = Math.round(hostCount * sizes.vmsPerHost);
    pods.push({ process, firstHost, hostCount, firstVm: 1 + process * 0x10_0000, vmCount });
  }
  const singleCount = 2 * Math.ceil(sizes.pagedVms / PAGED_PER_HOST / 2);
  const singles = Array.from({ length: singleCount }, (_, index) => podCount + index);
  const singleCables = singles.filter((_, index) => index % 2 === 0).map((it): Cable => [it, it + 1]);
  const accessCables = accessOf(podCount, singles);
  return { pods, singles, podCables: cablesOf(podCount), singleCables, accessCables };
}

/** Every pod has a way to a host with real memory, so that each of its VMs may be promoted, and every such host one from a pod. */
function accessOf(podCount: number, singles: readonly number[]): Cable[] {
  if (singles.length === 0) return [];
  const cables: Cable[] = [];
  for (let step = 0; step < Math.max(podCount, singles.length); step++) {
    const pod = Math.floor((step * podCount) / Math.max(podCount, singles.length));
    cables.push([pod, singles[Math.floor((step * singles.length) / Math.max(podCount, singles.length))]!]);
  }
  return cables;
}

function cablesOf(count: number): Cable[] {
  const cables = new Map<string, Cable>();
  const join = (a: number, b: number) => {
    if (a !== b) cables.set(`${Math.min(a, b)}-${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b)]);
  };
  for (let pod = 0; pod < count; pod++) {
    if (count <= 5) for (let other = 0; other < pod; other++) join(other, pod);
    else {
      join(pod, (pod + 1) % count);
      join(pod, (pod + chordOf(count)) % count);
    }
  }
  return [...cables.values()];
}

/** Length of the chords: about the square root of the ring's. */
function chordOf(count: number): number {
  let chord = 2;
  while ((chord + 1) * (chord + 1) <= count) chord++;
  return chord;
}
