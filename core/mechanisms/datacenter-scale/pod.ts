/**
 * One pod: some hundred hosts with their ports and disks, thousands of aggregate VMs, uplinks to other pods. Everything is a
 * row of a table (pod-tables.ts, network/fluid-links.ts) and everything that happens is an event of the typed kernel. This file
 * holds what VMs do by themselves: phases, transfers over network and disk, coming and going, and hosts that lose power.
 * Migrations are in moves.ts, talk with other pods in agent.ts, the balancer in mechanism.ts.
 * Left out: contents of aggregate VMs (a function of their id, core/workload/content.ts), CPU shares within a host: what
 * is asked for and not had is counted, and slows nothing down.
 */
import { type Hash64, hashInteger } from '../../base/index.ts';
import { FluidLinks } from '../../network/fluid-links.ts';
import type { TimelineEvent } from '../../protocol/snapshot.ts';
import { EventKernel } from '../../sim/event-kernel.ts';
import { rank } from '../../sim/rank.ts';
import { between, drawOf, drawPhase, phaseAt, pickProfile, profileAt, within } from '../../workload/profile.ts';
import { makeAgent, type AgentState } from './agent-state.ts';
import type { Move } from './moves.ts';
import { hostState, NOBODY, PodTables, type VmFacts, vmState } from './pod-tables.ts';
import { vmField } from './vm-table.ts';

/** Kinds of events in a pod's kernel. a, b: see the handlers. */
export const eventKind = {
  phase: 1, transfer: 2, link: 3, beat: 4, balance: 5, boot: 6, resume: 7, turnover: 8, mend: 9, hash: 10, sample: 11, command: 12, arrival: 13, crash: 14,
} as const;
/** Kinds of what links carry. */
export const flowKind = { local: 1, remote: 2, disk: 3, move: 4, packet: 5 } as const;

/** CPU of a host. Unit: millicores. */
export const HOST_MILLICORES = 24_000;
/** Memory of a host. Unit: MiB. */
export const HOST_MEMORY_MIB = 98_304;
/** Rate of a host's disk. Unit: bytes a microsecond. */
const DISK_RATE = 2_000;
/** Time from power off to a host whose VMs run again. Unit: ns. */
export const BOOT_NS = 30_000_000_000;
/** A cut uplink is joined again after so long. Unit: ns. */
export const MEND_NS = 10_000_000_000;
/** VMs talk over an uplink in one of so many transfers. */
const REMOTE_ONE_IN = 8;
const SECOND_NS = 1_000_000_000;
const TIMELINE_MAX = 200;

/** Another process at the end of an uplink. */
export interface Neighbour {
  readonly process: number;
  /** Hosts of the pod there, and the number of the first; 0 hosts: it is a single host with real memory. */
  readonly hostCount: number;
  readonly firstHost: number;
  /** Unit: bytes a microsecond. */
  readonly rate: number;
  readonly latencyNs: number;
}

/** What a pod is made from. */
export interface PodOptions {
  readonly process: number;
  readonly seed: number;
  readonly hostCount: number;
  /** Number of its first host in the datacenter. */
  readonly firstHost: number;
  /** VMs at the start, and the first of their ids; ids up to 2^20 above it are this pod's. */
  readonly vmCount: number;
  readonly firstVm: number;
  readonly neighbours: readonly Neighbour[];
  readonly knobs: Readonly<Record<string, number>>;
  /** No balancer: VMs stay where they were placed. */
  readonly isBaseline: boolean;
}

/** Counts since the start. A sum of ids says which VMs, not only how many. */
export interface PodCounters {
  phases: number;
  transfers: number;
  transfersRefused: number; //  the link had no room
  localBytes: number;
  remoteBytes: number;
  diskBytes: number;
  moveBytes: number;
  packetBytes: number;
  lostBytes: number; //         of flows that ended before their time
  created: number;
  createdIds: number;
  removed: number;
  removedIds: number;
  given: number; //             to other pods: the right to run went there
  givenIds: number;
  taken: number;
  takenIds: number;
  unplaced: number; //          no host had memory for it
  crashes: number;
  moves: number;
  movesAbroad: number;
  movesFailed: number;
  downtimeNs: number;
  downtimeNsMax: number;
  remoteBytesIn: number; //     told by other pods
}

/** See the file's head. */
export class Pod {
  readonly options: PodOptions;
  readonly kernel: EventKernel;
  readonly tables: PodTables;
  readonly links: FluidLinks;
  readonly knobs: Record<string, number>;
  readonly moves: (Move | undefined)[] = [];
  readonly freeMoves: number[] = [];
  readonly agent: AgentState;
  readonly counters: PodCounters = {
    phases: 0, transfers: 0, transfersRefused: 0, localBytes: 0, remoteBytes: 0, diskBytes: 0, moveBytes: 0, packetBytes: 0, lostBytes: 0,
    created: 0, createdIds: 0, removed: 0, removedIds: 0, given: 0, givenIds: 0, taken: 0, takenIds: 0, unplaced: 0, crashes: 0,
    moves: 0, movesAbroad: 0, movesFailed: 0, downtimeNs: 0, downtimeNsMax: 0, remoteBytesIn: 0,
  };
  /** Time of the event under way, else of the last run. */
  now = 0;
  timeline: TimelineEvent[] = [];
  private readonly linkEvent: Float64Array;
  private draws = 0;
  private nextVm: number;

  constructor(options: PodOptions) {
    const { hostCount, neighbours, process } = options;
    this.options = options;
    this.knobs = { ...options.knobs };
    this.kernel = new EventKernel(process, 4096);
    this.tables = new PodTables(hostCount, Math.ceil(options.vmCount * 1.25));
    this.links = new FluidLinks(2 * hostCount + neighbours.length, 4096);
    this.linkEvent = new Float64Array(this.links.count).fill(-1);
    this.agent = makeAgent(neighbours.length);
    for (const [index, it] of neighbours.entries()) (it.hostCount > 0 ? this.agent.pods : this.agent.singles).push(index);
    this.nextVm = options.firstVm;
    const { hosts } = this.tables;
    hosts.capacity.fill(HOST_MILLICORES);
    hosts.memory.fill(HOST_MEMORY_MIB);
    for (let host = 0; host < hostCount; host++) this.links.setRate(this.diskOf(host), DISK_RATE, 0);
    this.setPortRate(this.knob('port-rate'));
    for (const [index, { rate }] of neighbours.entries()) this.links.setRate(this.uplinkOf(index), rate, 0);
    for (let count = 0; count < options.vmCount; count++) this.createVm();
    this.scheduleTurnover();
  }

  knob(id: string): number {
    return this.knobs[id] ?? 0;
  }

  /** Links of a host's port and disk, and of an uplink. */
  portOf(host: number): number {
    return host;
  }

  diskOf(host: number): number {
    return this.options.hostCount + host;
  }

  uplinkOf(neighbour: number): number {
    return 2 * this.options.hostCount + neighbour;
  }

  /** Position of the neighbour that is that process. */
  neighbourOf(process: number): number {
    const { neighbours } = this.options;
    for (let index = 0; index < neighbours.length; index++) if (neighbours[index]!.process === process) return index;
    return NOBODY;
  }

  /** Chance of the pod itself. */
  draw(): number {
    return drawOf(this.options.seed ^ 0x5bd1e995, this.options.process, this.draws++);
  }

  /** All ports of hosts get another rate. Unit: bit/s. */
  setPortRate(bitsPerSecond: number): void {
    const rate = Math.max(1, Math.round(bitsPerSecond / 8e6));
    for (let host = 0; host < this.options.hostCount; host++) {
      this.links.setRate(this.portOf(host), rate, this.now);
      this.retime(this.portOf(host));
    }
  }

  note(kind: string, entity: string, text: string): void {
    if (this.timeline.length < TIMELINE_MAX) this.timeline.push({ timeNs: this.now, kind, entity, text });
  }

  /** Name of a host by its number in the datacenter. */
  hostName(host: number): string {
    return `host ${this.options.firstHost + host}`;
  }

  // ── VMs: coming, phases, going ──

  private drawOfVm(row: number): number {
    const { vms } = this.tables;
    return drawOf(this.options.seed, vms.id(row), vms.count(row, vmField.draws));
  }

  /** A new VM on the first host that has memory for it; NOBODY when none has. */
  createVm(): number {
    const id = this.nextVm++;
    const { seed } = this.options;
    const profile = pickProfile(drawOf(seed, id, 0));
    const sizes = profileAt(profile).memoryMib;
    const memory = sizes[between(0, sizes.length - 1, drawOf(seed, id, 1))]!;
    const host = this.firstFit(memory);
    if (host === NOBODY) {
      this.counters.unplaced++;
      return NOBODY;
    }
    const facts = { id, profile, phase: 0, memory, millicores: 0, writes: 0, transferNs: 0, phaseEndNs: this.now, draws: 2 };
    const row = this.tables.addVm(host, facts, this.now);
    this.counters.created++;
    this.counters.createdIds += id;
    this.enterPhase(row);
    return row;
  }

  firstFit(memory: number): number {
    const { hosts } = this.tables;
    for (let host = 0; host < hosts.count; host++) {
      if (hosts.state[host] === hostState.up && this.tables.memoryFree(host) >= memory) return host;
    }
    return NOBODY;
  }

  /** Puts a VM that comes from elsewhere on a host; its phase goes on. */
  admit(host: number, facts: VmFacts): number {
    const row = this.tables.addVm(host, facts, this.now);
    this.schedulePhase(row, Math.max(this.now, facts.phaseEndNs));
    this.scheduleTransfer(row);
    return row;
  }

  removeVm(row: number): void {
    this.tables.removeVm(row, this.now);
  }

  /** Draws the next phase of a VM and what it asks for in it. */
  private enterPhase(row: number): void {
    const { vms } = this.tables;
    const drawn = drawPhase({
      seed: this.options.seed, id: vms.id(row), profile: vms.profile(row), draws: vms.draws(row), pacePercent: this.knob('churn'),
    });
    this.beforeDemandChanges(row);
    vms.put(row, vmField.phase, drawn.phase);
    this.tables.setDemand(row, drawn, this.now);
    vms.put(row, vmField.transferNs, drawn.transferNs);
    vms.put(row, vmField.draws, drawn.draws);
    vms.put(row, vmField.phaseEndNs, this.now + drawn.lastsNs);
    this.schedulePhase(row, this.now + drawn.lastsNs);
    this.scheduleTransfer(row);
    this.counters.phases++;
  }

  private schedulePhase(row: number, timeNs: number): void {
    this.kernel.schedule(timeNs, rank.timer, eventKind.phase, row, this.tables.vms.stamp(row));
  }

  private scheduleTransfer(row: number): void {
    const { vms } = this.tables;
    const meanNs = vms.transferNs(row);
    if (meanNs === 0 || vms.transferWaits(row) === 1) return;
    vms.put(row, vmField.transferWaits, 1);
    const delayNs = 1 + Math.floor((meanNs * (this.drawOfVm(row) >>> 12)) / 0x8_0000); // 0 … twice the mean
    this.kernel.schedule(this.now + delayNs, rank.timer, eventKind.transfer, row, vms.stamp(row));
  }

  /** Pages written until now are counted before the rate changes. */
  private beforeDemandChanges(row: number): void {
    const move = this.moves[this.tables.vms.migration(row)];
    if (move === undefined) return;
    countWrites(move, this.tables.vms.writes(row), this.now);
  }

  private onPhase(row: number, stamp: number): void {
    const { vms } = this.tables;
    if (vms.stamp(row) !== stamp || vms.state(row) === vmState.none) return;
    if (vms.state(row) !== vmState.granted) this.enterPhase(row);
  }

  /** A VM asks for another amount of CPU within its phase. */
  changeDemand(row: number, millicores: number): void {
    this.tables.setDemand(row, { millicores, writes: this.tables.vms.writes(row) }, this.now);
  }

  /** What a VM had planned is off; its phase goes on from now. */
  resumePhases(row: number): void {
    const { vms } = this.tables;
    vms.count(row, vmField.stamp);
    vms.put(row, vmField.transferWaits, 0);
    this.schedulePhase(row, Math.max(this.now, vms.phaseEndNs(row)));
    this.scheduleTransfer(row);
  }

  // ── Transfers ──

  private onTransfer(row: number, stamp: number): void {
    const { vms } = this.tables;
    if (vms.stamp(row) !== stamp) return;
    vms.put(row, vmField.transferWaits, 0);
    if (vms.state(row) === vmState.running) this.startTransfer(row);
    if (vms.state(row) !== vmState.none) this.scheduleTransfer(row);
  }

  private startTransfer(row: number): void {
    const { vms } = this.tables;
    const of = phaseAt(vms.profile(row), vms.phase(row));
    const host = vms.host(row);
    const bytes = within(of.transferKib, this.drawOfVm(row)) * 1024;
    const choice = this.drawOfVm(row);
    this.counters.transfers++;
    if (choice % 100 < of.diskPercent) {
      this.startFlow(this.diskOf(host), bytes, flowKind.disk, host);
      return;
    }
    const target = choice >>> 8;
    const { pods } = this.agent;
    if (pods.length > 0 && target % REMOTE_ONE_IN === 0) {
      const neighbour = pods[Math.floor(target / REMOTE_ONE_IN) % pods.length]!;
      const there = (target >>> 12) % this.options.neighbours[neighbour]!.hostCount;
      this.startFlow(this.uplinkOf(neighbour), bytes, flowKind.remote, there);
      return;
    }
    this.startFlow(this.portOf(host), bytes, flowKind.local, target % this.options.hostCount);
  }

  private startFlow(link: number, bytes: number, kind: number, tag: number): void {
    if (!this.links.hasRoom(link) || this.links.rateOf(link) === 0) {
      this.counters.transfersRefused++;
      return;
    }
    this.links.start(link, bytes, kind, tag, this.now);
    this.retime(link);
  }

  /** The link's next end is another one: its event moves there. */
  retime(link: number): void {
    this.kernel.cancel(this.linkEvent[link]!);
    const dueNs = this.links.dueNs(link);
    this.linkEvent[link] = dueNs === Number.POSITIVE_INFINITY
      ? -1
      : this.kernel.schedule(Math.max(dueNs, this.now), rank.network, eventKind.link, link, 0);
  }

  /** A flow has ended wholly: bytes count where they arrive. Moves and packets are for others. */
  onTransferEnd(kind: number, tag: number, bytes: number, link: number): void {
    const { counters } = this;
    if (kind === flowKind.disk) counters.diskBytes += bytes;
    else if (kind === flowKind.local) {
      counters.localBytes += bytes;
      this.tables.hosts.received[tag]! += bytes;
    } else {
      counters.remoteBytes += bytes;
      this.agent.traffic(link - this.uplinkOf(0), tag, bytes);
    }
  }

  // ── Coming and going ──

  private scheduleTurnover(): void {
    const perMinute = (this.knob('turnover') * this.options.vmCount) / 1000;
    const delayNs = perMinute <= 0 ? 60 * SECOND_NS : Math.max(1, Math.floor((60 * SECOND_NS) / perMinute));
    this.kernel.schedule(this.now + delayNs, rank.timer, eventKind.turnover, perMinute > 0 ? 1 : 0, 0);
  }

  private onTurnover(isDue: boolean): void {
    if (isDue) {
      const { vms, vmRows } = this.tables;
      const row = vmRows === 0 ? NOBODY : this.draw() % vmRows;
      if (row !== NOBODY && vms.state(row) === vmState.running && vms.migration(row) === NOBODY) {
        this.counters.removed++;
        this.counters.removedIds += vms.id(row);
        this.removeVm(row);
        this.createVm();
      }
    }
    this.scheduleTurnover();
  }

  /** Power of a host is back: its VMs run again. */
  private onBoot(host: number): void {
    const { hosts, vms } = this.tables;
    if (hosts.state[host] === hostState.up) return;
    hosts.state[host] = hostState.up;
    this.tables.eachVm(host, (row) => {
      if (vms.state(row) !== vmState.down) return;
      this.tables.setState(row, vmState.running, this.now);
      this.resumePhases(row);
    });
    this.note('boot', `machine:${this.options.firstHost + host}`, `${this.hostName(host)} is up again`);
  }

  /** What VMs and hosts do by themselves; false for events of other files. */
  onOwnEvent(kind: number, a: number, b: number): boolean {
    if (kind === eventKind.phase) this.onPhase(a, b);
    else if (kind === eventKind.transfer) this.onTransfer(a, b);
    else if (kind === eventKind.turnover) this.onTurnover(a === 1);
    else if (kind === eventKind.boot) this.onBoot(a);
    else return false;
    return true;
  }

  /** Mixes what decides the future in. */
  hashInto(hash: Hash64): void {
    this.tables.hashInto(hash);
    for (let link = 0; link < this.links.count; link++) this.links.hashInto(hash, link);
    for (const count of Object.values(this.counters)) hashInteger(hash, count);
    for (const move of this.moves) hashInteger(hash, move === undefined ? -1 : move.vm * 16 + move.round);
    hashInteger(hash, this.draws * 0x1_0000 + this.agent.hashNumber());
  }
}

/** Writes of a VM during a round, up to now. Unit of `writesNs`: a billionth of a write. */
export function countWrites(move: Move, writesPerSecond: number, now: number): void {
  const written = writesPerSecond * (now - move.countedNs) + move.writesRest;
  const whole = Math.floor(written / SECOND_NS);
  move.writes += whole;
  move.writesRest = written - whole * SECOND_NS;
  move.countedNs = now;
}
