/**
 * A pod's agent: it talks with the agents of neighbouring pods in records that leave together at beats, points of a
 * common grid. The grid is what lets pods run far ahead of each other on several threads: between two beats nothing can leave.
 * Records may be lost with a cut cable, so questions are repeated, answers are remembered and reservations end by themselves.
 */
import { rank } from '../../sim/rank.ts';
import { eventKind, flowKind, type Pod } from './pod.ts';
import { hostState, NOBODY } from './pod-tables.ts';
import { onAnswer } from './moves.ts';
import type { Reservation } from './agent-state.ts';
import { type AgentRecord, agentFrame, readAgentFrame, RECORDS_PER_FRAME, recordKind } from './wire.ts';

/** Time between two beats. Unit: ns. */
export const BEAT_NS = 250_000_000;
/** A reservation that nobody uses ends after so long. Unit: ns. */
const RESERVATION_NS = 300_000_000_000;
/** Load that a host may have with VMs from elsewhere. Unit: percent. */
const ADMIT_PERCENT_MAX = 75;
/** Preamble, check sequence and gap around a frame (IEEE 802.3). Unit: byte. */
const FRAME_OVERHEAD = 24;

/** First beat after `timeNs`. */
export function nextBeat(timeNs: number): number {
  return (Math.floor(timeNs / BEAT_NS) + 1) * BEAT_NS;
}

/** Says something to a neighbour at the next beat. */
export function put(pod: Pod, neighbour: number, record: AgentRecord): void {
  const { agent } = pod;
  agent.outbox[neighbour]!.push(record);
  if (agent.beatNs >= 0) return;
  agent.beatNs = nextBeat(pod.now);
  pod.kernel.schedule(agent.beatNs, rank.network, eventKind.beat, 0, 0);
}

/** All that waits leaves, as packets that share the uplinks with the flows. */
export function onBeat(pod: Pod): void {
  const { agent, options } = pod;
  agent.beatNs = -1;
  for (const [neighbour, { process }] of options.neighbours.entries()) {
    if (agent.outbox[neighbour]!.length === 0) continue;
    const records = [...agent.outbox[neighbour]!.splice(0), ...agent.takeTraffic(neighbour)];
    const uplink = pod.uplinkOf(neighbour);
    for (let at = 0; at < records.length; at += RECORDS_PER_FRAME) {
      const bytes = agentFrame(options.process, process, records.slice(at, at + RECORDS_PER_FRAME));
      if (!agent.connected[neighbour]) {
        agent.droppedFrames++;
        continue;
      }
      const packet = agent.packetCount++;
      agent.packets.set(packet, { neighbour, bytes });
      pod.links.send(uplink, bytes.length + FRAME_OVERHEAD, flowKind.packet, packet, pod.now);
    }
    pod.retime(uplink);
  }
}

/** A frame of a neighbour is here. */
export function onFrame(pod: Pod, neighbour: number, frame: Uint8Array): void {
  for (const record of readAgentFrame(frame)) {
    const kind = record[0]!;
    if (kind === recordKind.ask) onAsk(pod, neighbour, record);
    else if (kind === recordKind.grant) onGrant(pod, neighbour, record);
    else if (kind === recordKind.cancel) onCancel(pod, neighbour, record[1]!);
    else if (kind === recordKind.traffic) {
      pod.tables.hosts.received[record[1]!]! += record[2]!;
      pod.counters.remoteBytesIn += record[2]!;
    } else if (kind === recordKind.advert) {
      pod.agent.adverts[neighbour] = { atNs: pod.now, loadPercent: record[1]!, memoryFree: record[2]! };
    } else onAnswer(pod, neighbour, kind, record[1]!, record[2]!);
  }
}

function keyOf(pod: Pod, neighbour: number, term: number): string {
  return `${pod.options.neighbours[neighbour]!.process}:${term}`;
}

/** Somebody wants to send a VM: the least loaded host with memory for it is offered. */
function onAsk(pod: Pod, neighbour: number, [, term = 0, vm = 0, memory = 0, millicores = 0]: AgentRecord): void {
  const host = bestHost(pod, { memory, millicores });
  if (host === NOBODY) {
    put(pod, neighbour, [recordKind.refuse, term]);
    return;
  }
  const { hosts } = pod.tables;
  hosts.memoryReserved[host]! += memory;
  hosts.promised[host]! += millicores;
  const untilNs = pod.now + RESERVATION_NS;
  const from = pod.options.neighbours[neighbour]!.process;
  pod.agent.reservations.set(keyOf(pod, neighbour, term), { from, term, vm, host, memory, millicores, untilNs });
  put(pod, neighbour, [recordKind.offer, term, host]);
}

/** The host that has the least load after it has taken such a VM; NOBODY when none has room. */
export function bestHost(pod: Pod, vm: { readonly memory: number; readonly millicores: number }): number {
  const { tables } = pod;
  const { hosts } = tables;
  let best = NOBODY;
  let bestLoad = ADMIT_PERCENT_MAX * HUNDREDTH;
  for (let host = 0; host < hosts.count; host++) {
    if (hosts.state[host] !== hostState.up || tables.memoryFree(host) < vm.memory) continue;
    const load = ((hosts.demand[host]! + hosts.promised[host]! + vm.millicores) * HUNDREDTH * 100) / hosts.capacity[host]!;
    if (load >= bestLoad) continue;
    best = host;
    bestLoad = load;
  }
  return best;
}

/** Loads are compared in hundredths of a percent. */
const HUNDREDTH = 100;

/** The right to run a VM comes: it runs here from now on, or never by this term. */
function onGrant(pod: Pod, neighbour: number, record: AgentRecord): void {
  const [, term = 0, id = 0, profilePhase = 0, memory = 0, millicores = 0, writes = 0, transferNs = 0, phaseEndNs = 0, draws = 0] = record;
  const { agent, counters } = pod;
  const key = keyOf(pod, neighbour, term);
  const reservation = agent.reservations.get(key);
  if (reservation !== undefined) {
    release(pod, key, reservation);
    agent.decide(key, 'taken');
    const profile = Math.floor(profilePhase / 256);
    pod.admit(reservation.host, { id, profile, phase: profilePhase % 256, memory, millicores, writes, transferNs, phaseEndNs, draws });
    counters.taken++;
    counters.takenIds += id;
  }
  const verdict = agent.verdicts.get(key) ?? 'void';
  if (verdict === 'void') agent.decide(key, 'void');
  put(pod, neighbour, [verdict === 'taken' ? recordKind.taken : recordKind.void, term, pod.now]);
}

function onCancel(pod: Pod, neighbour: number, term: number): void {
  const key = keyOf(pod, neighbour, term);
  const reservation = pod.agent.reservations.get(key);
  if (reservation === undefined) return;
  release(pod, key, reservation);
  pod.agent.decide(key, 'void');
}

function release(pod: Pod, key: string, { host, memory, millicores }: Reservation): void {
  pod.tables.hosts.memoryReserved[host]! -= memory;
  pod.tables.hosts.promised[host]! -= millicores;
  pod.agent.reservations.delete(key);
}

/** Each second: reservations that nobody used end, and every pod around is told how much room there is. */
export function tellNeighbours(pod: Pod): void {
  for (const [key, reservation] of pod.agent.reservations) {
    if (reservation.untilNs > pod.now) continue;
    release(pod, key, reservation);
    pod.agent.decide(key, 'void');
  }
  const host = bestHost(pod, { memory: 0, millicores: 0 });
  const load = host === NOBODY ? 100 : pod.tables.loadPercent(host);
  const free = host === NOBODY ? 0 : pod.tables.memoryFree(host);
  for (const neighbour of pod.agent.pods) put(pod, neighbour, [recordKind.advert, load, free]);
}
