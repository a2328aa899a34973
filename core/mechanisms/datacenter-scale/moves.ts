/**
 * Migrations of aggregate VMs: pre-copy in rounds, each a fluid flow of so many bytes on the source's port (within the pod) or
 * on an uplink (to another pod, or to a host with real memory). What a round has to send again follows from the VM's profile
 * (workload/distinct-pages.ts). Memory is reserved at the destination first. The right to run travels as in decisions/0003:
 *
 *   asking ─offer─► copying ─round, round …─► stopping ─last bytes─► handing ──────────► runs there     (within the pod)
 *                                                        └────────► granted ─taken─► gone               (abroad)
 *                                                                         └──void──► runs here again
 *
 * Left out: auto-convergence, compression, post-copy, several streams for one VM.
 */
import { PAGE_SIZE } from '../../base/index.ts';
import { rank } from '../../sim/rank.ts';
import { pagesWritten } from '../../workload/distinct-pages.ts';
import { phaseAt } from '../../workload/profile.ts';
import { put } from './agent.ts';
import { countWrites, eventKind, flowKind, type Pod } from './pod.ts';
import { hostState, NOBODY, vmState } from './pod-tables.ts';
import { recordKind } from './wire.ts';
import { vmField } from './vm-table.ts';

/** Downtime that a round must promise before the VM is stopped. Unit: ns. */
export const DOWNTIME_NS_MAX = 300_000_000;
/** Rounds before the VM is stopped anyway. */
const ROUND_COUNT_MAX = 8;
/** Device state, the switch's new entry for the address, resuming. Unit: ns. */
const HANDOVER_NS = 20_000_000;
/** State of vCPUs and devices: the last round is never empty. Unit: byte. */
const STATE_BYTES = 65_536;
/** How long an offer is waited for. Unit: ns. */
const ASK_NS_MAX = 5_000_000_000;
const SECOND_NS = 1_000_000_000;
const MIB = 1_048_576;

/** One migration, at its source. Plain. */
export interface Move {
  readonly term: number; //      unique among the moves of this pod
  readonly vm: number; //        its row; `vmId` its id
  readonly vmId: number;
  readonly from: number; //      host of this pod
  /** Host of this pod, or NOBODY when it goes abroad to `neighbour`. */
  readonly to: number;
  readonly neighbour: number;
  phase: 'asking' | 'copying' | 'stopping' | 'handing' | 'granted';
  readonly memory: number;
  readonly millicores: number; // promised to the destination
  round: number;
  roundBytes: number;
  roundStartNs: number;
  flow: number; //               −1 when none is under way
  /** Writes of this round, and of the part of one that is left over. */
  writes: number;
  writesRest: number;
  countedNs: number;
  bytes: number;
  readonly startNs: number;
  stoppedNs: number; //          −1 before
}

/** Begins to migrate a VM to a host of the pod, which has room. */
export function moveWithin(pod: Pod, row: number, to: number): void {
  const { hosts, vms } = pod.tables;
  const move = makeMove(pod, row, { to, neighbour: NOBODY });
  hosts.memoryReserved[to]! += vms.memory(row);
  hosts.promised[to]! += move.millicores;
  hosts.arriving[to]! += 1;
  beginRound(pod, move, move.memory * MIB);
}

/** Asks a neighbour to take a VM. `fidelity`: how a host with real memory is to model it (promotion.ts). */
export function moveAbroad(pod: Pod, row: number, neighbour: number, fidelity = 0): void {
  const move = makeMove(pod, row, { to: NOBODY, neighbour });
  put(pod, neighbour, [recordKind.ask, move.term, move.vmId, move.memory, move.millicores, pod.tables.vms.profile(row), fidelity]);
}

function makeMove(pod: Pod, row: number, way: { readonly to: number; readonly neighbour: number }): Move {
  const { vms, hosts } = pod.tables;
  const move: Move = {
    term: ++pod.agent.termCount,
    vm: row,
    vmId: vms.id(row),
    from: vms.host(row),
    ...way,
    phase: 'asking',
    memory: vms.memory(row),
    millicores: vms.millicores(row),
    round: 0, roundBytes: 0, roundStartNs: 0, flow: -1,
    writes: 0, writesRest: 0, countedNs: pod.now,
    bytes: 0, startNs: pod.now, stoppedNs: -1,
  };
  const index = pod.freeMoves.pop() ?? pod.moves.length;
  pod.moves[index] = move;
  vms.put(row, vmField.migration, index);
  hosts.leaving[move.from]! += 1;
  return move;
}

function indexOf(pod: Pod, move: Move): number {
  return pod.tables.vms.migration(move.vm);
}

function linkOf(pod: Pod, move: Move): number {
  return move.to === NOBODY ? pod.uplinkOf(move.neighbour) : pod.portOf(move.from);
}

function beginRound(pod: Pod, move: Move, bytes: number): void {
  const link = linkOf(pod, move);
  if (!pod.links.hasRoom(link) || pod.links.rateOf(link) === 0) {
    abortMove(pod, move);
    return;
  }
  if (move.phase === 'asking') move.phase = 'copying';
  move.roundBytes = bytes;
  move.roundStartNs = pod.now;
  move.writes = 0;
  move.writesRest = 0;
  move.countedNs = pod.now;
  move.flow = pod.links.start(link, bytes, flowKind.move, indexOf(pod, move), pod.now);
  pod.retime(link);
}

/** The bytes of a round are over: another round, or the stop, or the hand-over. */
export function onRoundEnd(pod: Pod, index: number, bytes: number): void {
  const move = pod.moves[index];
  if (move === undefined) return;
  move.flow = -1;
  move.bytes += bytes;
  pod.counters.moveBytes += bytes;
  if (move.phase === 'stopping') {
    if (move.to === NOBODY) grant(pod, move);
    else {
      move.phase = 'handing';
      pod.kernel.schedule(pod.now + HANDOVER_NS, rank.mechanism, eventKind.resume, index, move.term);
    }
    return;
  }
  const left = bytesDirtied(pod, move);
  const tookNs = Math.max(1, pod.now - move.roundStartNs);
  move.round++;
  const predictedNs = Math.floor((left / move.roundBytes) * tookNs) + HANDOVER_NS;
  if (predictedNs <= DOWNTIME_NS_MAX || move.round >= ROUND_COUNT_MAX) {
    move.phase = 'stopping';
    move.stoppedNs = pod.now;
    pod.tables.setState(move.vm, vmState.standing, pod.now);
  }
  beginRound(pod, move, left);
}

/** What the VM has written since the round began. */
function bytesDirtied(pod: Pod, move: Move): number {
  const { vms } = pod.tables;
  countWrites(move, vms.writes(move.vm), pod.now);
  const of = phaseAt(vms.profile(move.vm), vms.phase(move.vm));
  return pagesWritten(of, (move.memory * MIB) / PAGE_SIZE, move.writes) * PAGE_SIZE + STATE_BYTES;
}

/** Within the pod: the VM runs on its new host. */
export function onResume(pod: Pod, index: number, term: number): void {
  const move = pod.moves[index];
  if (move === undefined || move.term !== term) return;
  releaseDestination(pod, move);
  pod.tables.moveVm(move.vm, move.to, pod.now);
  pod.tables.setState(move.vm, vmState.running, pod.now);
  countDone(pod, pod.now - move.stoppedNs);
  endMove(pod, move);
}

/** Abroad: the right to run goes with this record; it is said again until it is answered. */
function grant(pod: Pod, move: Move): void {
  move.phase = 'granted';
  pod.tables.setState(move.vm, vmState.granted, pod.now);
  pod.counters.given++;
  pod.counters.givenIds += move.vmId;
  sayGrant(pod, move);
}

function sayGrant(pod: Pod, move: Move): void {
  const facts = pod.tables.facts(move.vm);
  put(pod, move.neighbour, [
    recordKind.grant, move.term, facts.id, facts.profile * 256 + facts.phase, facts.memory, facts.millicores,
    facts.writes, facts.transferNs, facts.phaseEndNs, facts.draws, move.stoppedNs,
  ]);
}

/** What a neighbour answers about a term of ours. */
export function onAnswer(pod: Pod, neighbour: number, kind: number, term: number, detail: number): void {
  const move = pod.moves.find((it) => it?.term === term && it.neighbour === neighbour);
  if (move === undefined) {
    // An offer that came too late: nobody will use it.
    if (kind === recordKind.offer) put(pod, neighbour, [recordKind.cancel, term]);
    return;
  }
  if (kind === recordKind.offer && move.phase === 'asking') beginRound(pod, move, move.memory * MIB);
  else if (kind === recordKind.refuse && move.phase === 'asking') abortMove(pod, move);
  else if (kind === recordKind.taken && move.phase === 'granted') {
    pod.counters.movesAbroad++;
    countDone(pod, detail - move.stoppedNs);
    endMove(pod, move);
    pod.removeVm(move.vm);
  } else if (kind === recordKind.void && move.phase === 'granted') {
    pod.counters.given--;
    pod.counters.givenIds -= move.vmId;
    pod.counters.movesFailed++;
    endMove(pod, move);
    comeBack(pod, move.vm);
  }
}

/** A VM whose move came to nothing runs on where it was, if that has power. */
function comeBack(pod: Pod, row: number): void {
  const { hosts, vms } = pod.tables;
  const isUp = hosts.state[vms.host(row)] === hostState.up;
  pod.tables.setState(row, isUp ? vmState.running : vmState.down, pod.now);
  if (isUp) pod.resumePhases(row);
}

/** Ends a move that is not granted yet; its VM runs on. */
export function abortMove(pod: Pod, move: Move): void {
  if (move.flow >= 0) {
    const link = linkOf(pod, move);
    pod.counters.lostBytes += pod.links.abort(move.flow, pod.now);
    pod.retime(link);
  }
  if (move.to !== NOBODY) releaseDestination(pod, move);
  else put(pod, move.neighbour, [recordKind.cancel, move.term]);
  pod.counters.movesFailed++;
  endMove(pod, move);
  if (pod.tables.vms.state(move.vm) === vmState.standing) comeBack(pod, move.vm);
}

function releaseDestination(pod: Pod, move: Move): void {
  const { hosts } = pod.tables;
  hosts.memoryReserved[move.to]! -= move.memory;
  hosts.promised[move.to]! -= move.millicores;
  hosts.arriving[move.to]! -= 1;
}

function countDone(pod: Pod, downtimeNs: number): void {
  const { counters } = pod;
  counters.moves++;
  counters.downtimeNs += downtimeNs;
  counters.downtimeNsMax = Math.max(counters.downtimeNsMax, downtimeNs);
}

function endMove(pod: Pod, move: Move): void {
  const index = indexOf(pod, move);
  pod.moves[index] = undefined;
  pod.freeMoves.push(index);
  pod.tables.vms.put(move.vm, vmField.migration, NOBODY);
  pod.tables.hosts.leaving[move.from]! -= 1;
}

/** Each second: what was said and not answered is said again, and who asked in vain gives up. */
export function repeatQuestions(pod: Pod): void {
  for (const move of pod.moves) {
    if (move === undefined || move.to !== NOBODY) continue;
    if (move.phase === 'granted' && pod.now - move.stoppedNs > SECOND_NS) sayGrant(pod, move);
    else if (move.phase === 'asking' && pod.now - move.startNs > ASK_NS_MAX) abortMove(pod, move);
  }
}

/** Host without power: its VMs are down, moves from and to it come to nothing, its flows are over. */
export function crashHost(pod: Pod, host: number, bootNs: number): void {
  const { hosts, vms } = pod.tables;
  if (hosts.state[host] !== hostState.up) return;
  hosts.state[host] = hostState.down;
  hosts.bootNs[host] = pod.now + bootNs;
  pod.counters.crashes++;
  for (const move of [...pod.moves]) {
    const touches = move !== undefined && (move.from === host || move.to === host);
    if (touches && move.phase !== 'granted') abortMove(pod, move);
  }
  for (const [key, it] of pod.agent.reservations) {
    if (it.host !== host) continue;
    hosts.memoryReserved[host]! -= it.memory;
    hosts.promised[host]! -= it.millicores;
    pod.agent.reservations.delete(key);
    pod.agent.decide(key, 'void');
  }
  pod.tables.eachVm(host, (row) => {
    vms.count(row, vmField.stamp); // what its VMs had planned is off
    vms.put(row, vmField.transferWaits, 0);
    if (vms.state(row) !== vmState.granted) pod.tables.setState(row, vmState.down, pod.now);
  });
  for (const link of [pod.portOf(host), pod.diskOf(host)]) {
    pod.links.abortAll(link, pod.now, (_kind, _tag, bytes) => {
      pod.counters.lostBytes += bytes;
    });
    pod.retime(link);
  }
  pod.kernel.schedule(pod.now + bootNs, rank.timer, eventKind.boot, host, 0);
  pod.note('fault', `machine:${pod.options.firstHost + host}`, `${pod.hostName(host)} loses power with ${hosts.vmCount[host]} VMs`);
}
