/** Looking into a pod at a cut: one host with its VMs, or one VM. Changes nothing. */
import type { InspectionReply, InspectionRequest } from '../../protocol/inspection.ts';
import { contentIdOf, contentOf } from '../../workload/content.ts';
import { phaseAt, profileAt } from '../../workload/profile.ts';
import type { Pod } from './pod.ts';
import { hostState, NOBODY, vmState } from './pod-tables.ts';
import type { PodTold } from './told.ts';

const STATES = Object.fromEntries(Object.entries(vmState).map(([name, state]) => [state, name]));
/** Bytes of a VM's memory that are shown. */
const GLANCE_BYTES = 64;

/** A VM as its pod sees it. */
function vmFacts(pod: Pod, row: number) {
  const { vms } = pod.tables;
  const facts = pod.tables.facts(row);
  const profile = profileAt(facts.profile);
  const move = pod.moves[vms.migration(row)];
  return {
    id: facts.id,
    host: pod.options.firstHost + vms.host(row),
    state: STATES[vms.state(row)] ?? 'none',
    profile: profile.id,
    phase: phaseAt(facts.profile, facts.phase).id,
    phaseEndNs: facts.phaseEndNs,
    memoryMib: facts.memory,
    millicores: facts.millicores,
    writesPerSecond: facts.writes,
    guest: profile.guest,
    fidelity: 'aggregate',
    move: move === undefined ? '' : move.phase,
    moveRound: move === undefined ? 0 : move.round,
    moveTo: move === undefined ? -1 : move.to === NOBODY ? pod.options.neighbours[move.neighbour]!.process : pod.options.firstHost + move.to,
  };
}

/** Answers what concerns this pod; 'none' else. */
export function inspectPod(
  pod: Pod,
  self: { readonly id: number; readonly name: string; readonly told: () => PodTold },
  request: InspectionRequest,
): InspectionReply {
  const nothing: InspectionReply = { view: 'none', sentence: `${self.name} has nothing to show for that.` };
  if (request.view === 'process') {
    if (request.process !== self.id) return nothing;
    return { view: 'process', process: self.id, kind: 'pod', name: self.name, told: self.told() };
  }
  const { tables, options } = pod;
  if (request.view === 'pod-vm') {
    const row = tables.findVm(request.id);
    if (row === NOBODY) return nothing;
    const content = contentOf(contentIdOf(options.seed, 'memory', request.id), 0, GLANCE_BYTES);
    return { view: 'pod-vm', process: self.id, vm: vmFacts(pod, row), memoryStart: [...content] };
  }
  if (request.view !== 'pod-host') return nothing;
  const host = request.host - options.firstHost;
  if (host < 0 || host >= options.hostCount) return nothing;
  const { hosts } = tables;
  const rows: number[] = [];
  tables.eachVm(host, (row) => void rows.push(row));
  return {
    view: 'pod-host',
    process: self.id,
    host: request.host,
    up: hosts.state[host] === hostState.up,
    millicores: hosts.capacity[host]!,
    millicoresAsked: hosts.demand[host]!,
    memoryMib: hosts.memory[host]!,
    memoryMibFree: tables.memoryFree(host),
    cpuSecondsStolen: hosts.stolenSeconds[host]!,
    portBytes: pod.links.servedBytes(pod.portOf(host)),
    diskBytes: pod.links.servedBytes(pod.diskOf(host)),
    receivedBytes: hosts.received[host]!,
    vms: rows.map((row) => vmFacts(pod, row)).toSorted((left, right) => left.id - right.id),
  };
}
