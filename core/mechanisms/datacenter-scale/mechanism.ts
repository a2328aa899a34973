/**
 * The algorithm: once a second each pod looks at its hosts. Who is asked for more than the threshold gives VMs away, to the host
 * of the pod that is least loaded, or, when none has room, to the neighbouring pod that said it has. One VM at a time leaves a
 * host, and a host rests between two moves, for a move needs seconds and the demand of a moment ago is no forecast.
 * The baseline never moves anything: VMs stay on the first host that had memory for them.
 * Left out: moving VMs together to switch hosts off, affinities, forecasts of demand, fairness between tenants.
 */
import { rank } from '../../sim/rank.ts';
import { bestHost, tellNeighbours } from './agent.ts';
import { crashHost, moveAbroad, moveWithin, repeatQuestions } from './moves.ts';
import { BOOT_NS, eventKind, type Pod } from './pod.ts';
import { hostState, NOBODY, vmState } from './pod-tables.ts';

/** Time between two looks. Unit: ns. */
export const BALANCE_NS = 1_000_000_000;
/** A host that has given or taken a VM rests so long. Unit: ns. */
const REST_NS = 5_000_000_000;
/** VMs that may be on their way out of a host, and into one. */
const LEAVING_MAX = 1;
const ARRIVING_MAX = 2;
/** The destination must stay this far below the threshold. Unit: percentage points. */
const MARGIN_PERCENT = 10;
/** What a neighbour said of itself is believed so long. Unit: ns. */
const ADVERT_NS = 5_000_000_000;

/** One look at the pod. */
export function onBalance(pod: Pod): void {
  pod.kernel.schedule(pod.now + BALANCE_NS, rank.mechanism, eventKind.balance, 0, 0);
  repeatQuestions(pod);
  tellNeighbours(pod);
  crashByChance(pod);
  if (pod.options.isBaseline) return;
  const threshold = pod.knob('threshold');
  const { hosts } = pod.tables;
  for (let host = 0; host < hosts.count; host++) {
    if (!mayGive(pod, host) || pod.tables.loadPercent(host) <= threshold) continue;
    relieve(pod, host, threshold);
  }
}

/** Hosts lose power by themselves, now and then. */
function crashByChance(pod: Pod): void {
  const { hostCount } = pod.options;
  const chance = (hostCount * pod.knob('crash-rate') * 0x1_0000_0000) / 3_600_000; // of 2^32, in a second
  if (pod.draw() < chance) crashHost(pod, pod.draw() % hostCount, BOOT_NS);
}

function mayGive(pod: Pod, host: number): boolean {
  const { hosts } = pod.tables;
  if (hosts.state[host] !== hostState.up || hosts.leaving[host]! >= LEAVING_MAX) return false;
  return pod.now - hosts.movedNs[host]! >= REST_NS;
}

/** Moves one VM off an overloaded host. */
function relieve(pod: Pod, host: number, threshold: number): void {
  const { hosts } = pod.tables;
  const row = pickVm(pod, host, threshold);
  if (row === NOBODY) return;
  const to = findDestination(pod, host, row, threshold);
  if (to !== NOBODY) {
    hosts.movedNs[host] = pod.now;
    hosts.movedNs[to] = pod.now;
    moveWithin(pod, row, to);
    return;
  }
  const neighbour = findNeighbour(pod, row, threshold);
  if (neighbour === NOBODY) return;
  hosts.movedNs[host] = pod.now;
  moveAbroad(pod, row, neighbour);
}

/** The VM that costs least to move of those that bring the host below the threshold; else the one that asks for most. */
function pickVm(pod: Pod, host: number, threshold: number): number {
  const { hosts, vms } = pod.tables;
  const excess = hosts.demand[host]! - (hosts.capacity[host]! * threshold) / 100;
  let best = NOBODY;
  let most = NOBODY;
  pod.tables.eachVm(host, (row) => {
    if (vms.state(row) !== vmState.running || vms.migration(row) !== NOBODY) return;
    if (most === NOBODY || vms.millicores(row) > vms.millicores(most)) most = row;
    const suffices = vms.millicores(row) >= excess;
    if (suffices && (best === NOBODY || vms.memory(row) < vms.memory(best))) best = row;
  });
  return best === NOBODY ? most : best;
}

function findDestination(pod: Pod, from: number, row: number, threshold: number): number {
  const { hosts, vms } = pod.tables;
  const to = bestHost(pod, { memory: vms.memory(row), millicores: vms.millicores(row) });
  if (to === NOBODY || to === from || hosts.arriving[to]! >= ARRIVING_MAX) return NOBODY;
  const load = ((hosts.demand[to]! + hosts.promised[to]! + vms.millicores(row)) * 100) / hosts.capacity[to]!;
  return load <= threshold - MARGIN_PERCENT ? to : NOBODY;
}

/** The neighbour with the most room of those that have told lately. */
function findNeighbour(pod: Pod, row: number, threshold: number): number {
  let best = NOBODY;
  let bestLoad = threshold - MARGIN_PERCENT;
  for (const neighbour of pod.agent.pods) {
    const advert = pod.agent.adverts[neighbour];
    if (advert === undefined || pod.now - advert.atNs > ADVERT_NS || !pod.agent.connected[neighbour]) continue;
    if (advert.memoryFree < pod.tables.vms.memory(row) || advert.loadPercent >= bestLoad) continue;
    best = neighbour;
    bestLoad = advert.loadPercent;
  }
  return best;
}
