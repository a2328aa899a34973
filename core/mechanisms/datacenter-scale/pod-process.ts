/**
 * A pod as a logical process: virtual time, commands, frames of neighbours, hash points, samples, the board that the page
 * paints from, checkpoints, inspection. What happens inside is in pod.ts, moves.ts, agent.ts and mechanism.ts.
 */
import { assert, type Hash64, hashHex, hashInteger, hashText, makeHash } from '../../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { FLOWS_PER_LINK_MAX } from '../../network/fluid-links.ts';
import { appendSample, type SampleRing } from '../../metrics/index.ts';
import type { Command, LoggedCommand } from '../../protocol/command.ts';
import { boardColumn, boardRow, boardSize, boardState, type HostBoard, makeBoard, stampBoard } from '../../protocol/host-board.ts';
import type { InspectionReply, InspectionRequest } from '../../protocol/inspection.ts';
import type { LinkSnapshot, ProcessSnapshot } from '../../protocol/snapshot.ts';
import { ObjectHistory } from '../../sim/checkpoint/object-history.ts';
import type { CheckpointPart } from '../../sim/checkpoint/part.ts';
import type { LogicalProcess, Lookahead, WireMessage } from '../../sim/logical-process.ts';
import { rank } from '../../sim/rank.ts';
import { nextBeat, onBeat, onFrame } from './agent.ts';
import { inspectPod } from './inspect-pod.ts';
import { BALANCE_NS, onBalance } from './mechanism.ts';
import { onResume, onRoundEnd } from './moves.ts';
import { onCommand } from './pod-commands.ts';
import { eventKind, flowKind, MEND_NS, Pod, type PodOptions } from './pod.ts';
import { hostState } from './pod-tables.ts';
import { auditOf, metricsOf, type PodAudit, type PodTold, toldOf } from './told.ts';

/** Time between two hash points: every row goes in, besides every event at its time. Unit: ns. */
const HASH_NS = 10_000_000_000;
/** What an event costs to repeat, for the spacing of checkpoints. Unit: guest instructions. */
const EVENT_WORK = 20;
/** Everything is counted again when so many events for each VM have passed: it then costs some hundredths of what they did. */
const AUDIT_EVENTS_PER_VM = 2;
/** Events of one instant before something surely schedules itself for ever. */
const EVENTS_PER_INSTANT_MAX = 10_000_000;

/** What a pod's process is built from. */
export interface PodProcessOptions extends PodOptions {
  readonly name: string;
  readonly columns: readonly string[];
  readonly ring: SampleRing | undefined;
  /** Time between two samples, and two writings of the board. Unit: ns. */
  readonly sampleNs: number;
}

/** See the file's head. */
export class PodProcess implements LogicalProcess {
  static readonly [checkpointRules]: CheckpointRules = {
    checkpoints: 'outside',
    ring: 'outside',
    columns: 'value',
    board: 'outside',
    audit: 'outside',
    auditedEvents: 'outside',
    portBytes: 'outside',
    boardNs: 'outside',
    ahead: 'value',
    ended: 'outside',
    pod: { options: 'value', timeline: 'values' },
    arrivals: 'values',
    commands: 'values',
  };
  readonly id: number;
  readonly name: string;
  readonly pod: Pod;
  readonly checkpoints: CheckpointPart;
  private readonly ring: SampleRing | undefined;
  private readonly columns: readonly string[];
  private readonly sampleNs: number;
  private readonly board: HostBoard;
  private readonly commands = new Map<number, LoggedCommand>();
  /** Frames that are still to come, by source and sequence. */
  private readonly arrivals = new Map<string, WireMessage>();
  private readonly digest: Hash64 = makeHash();
  /** Flows that end in one look at a link: kind, tag, bytes of each. */
  private readonly ended = new Float64Array(3 * (FLOWS_PER_LINK_MAX + 1));
  private endedCount = 0;
  private readonly onServed = (kind: number, tag: number, bytes: number): void => {
    const { ended, endedCount } = this;
    assert(endedCount + 3 <= ended.length, 'of a link’s flows and packets, so many end at once');
    ended[endedCount] = kind;
    ended[endedCount + 1] = tag;
    ended[endedCount + 2] = bytes;
    this.endedCount = endedCount + 3;
  };
  private outgoing: WireMessage[] = [];
  private messageCount = 0;
  private nowNs = 0;
  private eventNs = -1; //       time of the last event, and of the last at another time
  private eventBeforeNs = -1;
  private readonly portBytes: Float64Array; // of each port, when the board was written
  private boardNs = 0;
  private readonly ahead: readonly Lookahead[];
  private audit: PodAudit;
  private auditedEvents = 0;

  constructor(options: PodProcessOptions) {
    this.id = options.process;
    this.name = options.name;
    this.ring = options.ring;
    this.columns = options.columns;
    this.sampleNs = options.sampleNs;
    this.pod = new Pod(options);
    this.ahead = options.neighbours.map(({ process, latencyNs }) => ({ neighbour: process, latencyNs }));
    const { hostCount, firstHost } = options;
    const bytes = boardSize(hostCount);
    const buffer = typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);
    this.board = makeBoard(buffer, firstHost, hostCount);
    this.portBytes = new Float64Array(hostCount);
    const { kernel } = this.pod;
    kernel.schedule(BALANCE_NS, rank.mechanism, eventKind.balance, 0, 0);
    kernel.schedule(HASH_NS, rank.hashPoint, eventKind.hash, 0, 0);
    kernel.schedule(this.sampleNs, rank.sample, eventKind.sample, 0, 0);
    this.audit = auditOf(this.pod);
    this.checkpoints = new ObjectHistory(this);
    this.writeBoard(0);
  }

  // ── Time ──

  now(): number {
    return this.nowNs;
  }

  run(until: number): void {
    assert(until >= this.nowNs, 'time does not run backwards');
    const { pod } = this;
    const { kernel } = pod;
    let atInstant = 0;
    while (kernel.next(until)) {
      const timeNs = kernel.eventTimeNs;
      if (timeNs === this.eventNs) {
        atInstant++;
        assert(atInstant < EVENTS_PER_INSTANT_MAX, 'events of one instant come to an end');
      } else {
        this.eventBeforeNs = this.eventNs;
        this.eventNs = timeNs;
        atInstant = 0;
      }
      pod.now = timeNs;
      if (kernel.eventRank !== rank.sample) kernel.hashEvent(this.digest);
      this.onEvent(kernel.eventKind, kernel.eventA, kernel.eventB);
    }
    this.nowNs = until;
    pod.now = until;
  }

  private onEvent(kind: number, a: number, b: number): void {
    const { pod } = this;
    if (kind === eventKind.link) this.onLink(a);
    else if (pod.onOwnEvent(kind, a, b)) return;
    else if (kind === eventKind.beat) onBeat(pod);
    else if (kind === eventKind.balance) onBalance(pod);
    else if (kind === eventKind.resume) onResume(pod, a, b);
    else if (kind === eventKind.arrival) this.onArrival();
    else if (kind === eventKind.command) this.onCommand(a);
    else if (kind === eventKind.mend) this.onMend(a);
    else if (kind === eventKind.hash) this.onHashPoint();
    else if (kind === eventKind.sample) this.onSample();
    else assert(false, `a pod knows its event ${kind}`);
  }

  /** What a link has served: first all of it is noted, for what comes of it may begin new flows there. */
  private onLink(link: number): void {
    const { pod, ended } = this;
    pod.links.takeDone(link, pod.now, this.onServed);
    pod.retime(link);
    const { endedCount } = this;
    for (let at = 0; at < endedCount; at += 3) {
      const kind = ended[at]!;
      if (kind === flowKind.packet) this.emit(ended[at + 1]!, ended[at + 2]!);
      else if (kind === flowKind.move) onRoundEnd(pod, ended[at + 1]!, ended[at + 2]!);
      else pod.onTransferEnd(kind, ended[at + 1]!, ended[at + 2]!, link);
    }
    this.endedCount = 0;
  }

  // ── Frames ──

  /** A packet has left the uplink: it is on the wire. */
  private emit(packet: number, bytes: number): void {
    const { pod } = this;
    const { agent } = pod;
    const found = agent.packets.get(packet);
    assert(found !== undefined, 'a packet that was sent is there');
    agent.packets.delete(packet);
    agent.sentFrames++;
    pod.counters.packetBytes += bytes;
    const { process, latencyNs } = pod.options.neighbours[found.neighbour]!;
    this.outgoing.push({
      source: this.id,
      destination: process,
      arrivalTimeNs: pod.now + latencyNs,
      sequence: this.messageCount++,
      linkEpoch: agent.epoch[found.neighbour]!,
      bytes: found.bytes,
    });
  }

  deliver(message: WireMessage): void {
    this.arrivals.set(`${message.source}:${message.sequence}`, message);
    this.pod.kernel.scheduleForeign(message.arrivalTimeNs, rank.linkArrival, message.source, message.sequence, eventKind.arrival, 0, 0);
  }

  private onArrival(): void {
    const { pod, digest } = this;
    const key = `${pod.kernel.eventSource}:${pod.kernel.eventSequence}`;
    const message = this.arrivals.get(key);
    assert(message !== undefined, 'a frame that arrives was delivered');
    this.arrivals.delete(key);
    hashInteger(digest, message.bytes.length);
    const neighbour = pod.neighbourOf(message.source);
    if (!pod.agent.connected[neighbour] || pod.agent.epoch[neighbour] !== message.linkEpoch) return;
    onFrame(pod, neighbour, message.bytes);
  }

  takeOutgoing(): WireMessage[] {
    const taken = this.outgoing;
    this.outgoing = [];
    return taken;
  }

  lookahead(): readonly Lookahead[] {
    return this.ahead;
  }

  /** Frames leave at beats, and a while after them while packets wait on the uplink. */
  earliestArrival(neighbour: number, inputNs: number): number {
    const { pod } = this;
    const index = pod.neighbourOf(neighbour);
    const { latencyNs } = pod.options.neighbours[index]!;
    const nextNs = Math.max(this.nowNs, Math.min(pod.kernel.nextTimeNs(), inputNs));
    if (pod.links.hasPackets(pod.uplinkOf(index))) return nextNs + latencyNs;
    return (pod.agent.beatNs >= 0 ? pod.agent.beatNs : nextBeat(nextNs)) + latencyNs;
  }

  nextSendTime(): number {
    let leastNs = Number.MAX_SAFE_INTEGER / 2;
    for (const { process, latencyNs } of this.pod.options.neighbours) {
      leastNs = Math.min(leastNs, this.earliestArrival(process, Number.MAX_SAFE_INTEGER / 2) - latencyNs);
    }
    return leastNs;
  }

  // ── Commands ──

  command(logged: LoggedCommand): void {
    this.commands.set(logged.sequence, logged);
    this.pod.kernel.scheduleForeign(logged.atNs, rank.command, -1, logged.sequence, eventKind.command, logged.sequence, 0);
  }

  private onCommand(sequence: number): void {
    const logged = this.commands.get(sequence);
    assert(logged !== undefined, 'a command that is due was given');
    this.commands.delete(sequence);
    const command: Command = logged.command;
    hashText(this.digest, command.kind);
    onCommand(this.pod, command);
  }

  private onMend(neighbour: number): void {
    const { pod } = this;
    pod.agent.connected[neighbour] = true;
    pod.links.setRate(pod.uplinkOf(neighbour), pod.options.neighbours[neighbour]!.rate, pod.now);
    pod.retime(pod.uplinkOf(neighbour));
    pod.note('mend', `link:${this.id}-${pod.options.neighbours[neighbour]!.process}`, `joined again after ${MEND_NS / 1e9} s`);
  }

  // ── Hash points and samples ──

  private onHashPoint(): void {
    const { pod } = this;
    pod.kernel.schedule(pod.now + HASH_NS, rank.hashPoint, eventKind.hash, 0, 0);
    pod.hashInto(this.digest);
  }

  private onSample(): void {
    const { pod } = this;
    // Of rank `sample` and from no other source than this: the sequence it takes is taken in every run.
    pod.kernel.schedule(pod.now + this.sampleNs, rank.sample, eventKind.sample, 0, 0);
    this.writeBoard(pod.now);
    if (this.ring === undefined) return;
    const metrics: Readonly<Record<string, number>> = metricsOf(pod);
    appendSample(this.ring, pod.now, this.columns.map((id) => metrics[id] ?? Number.NaN));
  }

  private writeBoard(now: number): void {
    const { board, pod, portBytes } = this;
    const { tables, links } = pod;
    const { hosts } = tables;
    const { words } = board;
    const passedUs = Math.max(1, (now - this.boardNs) / 1000);
    for (let host = 0; host < hosts.count; host++) {
      const row = boardRow(host);
      const served = links.servedBytes(pod.portOf(host));
      const overloaded = tables.isOverloaded(host) ? boardState.overloaded : 0;
      words[row + boardColumn.state] = (hosts.state[host] === hostState.up ? boardState.up : 0) + overloaded;
      words[row + boardColumn.cpu] = (hosts.demand[host]! * 1000) / hosts.capacity[host]!;
      words[row + boardColumn.memory] = ((hosts.memory[host]! - tables.memoryFree(host)) * 1000) / hosts.memory[host]!;
      words[row + boardColumn.writes] = hosts.writes[host]!;
      words[row + boardColumn.network] = (Math.max(0, served - portBytes[host]!) * 1000) / passedUs;
      words[row + boardColumn.vms] = hosts.vmCount[host]!;
      words[row + boardColumn.leaving] = hosts.leaving[host]!;
      words[row + boardColumn.arriving] = hosts.arriving[host]!;
      portBytes[host] = served;
    }
    this.boardNs = now;
    stampBoard(board, now);
  }

  // ── Told ──

  /** Counts everything again when so much has happened that it costs little beside. */
  told(): PodTold {
    const { kernel, tables } = this.pod;
    if (Math.abs(kernel.dispatched - this.auditedEvents) >= AUDIT_EVENTS_PER_VM * tables.vmCount) this.auditNow();
    return toldOf(this.pod, this.audit);
  }

  /** Counts everything again, for judges that cannot wait. */
  auditNow(): PodAudit {
    this.audit = auditOf(this.pod);
    this.auditedEvents = this.pod.kernel.dispatched;
    return this.audit;
  }

  snapshot(): ProcessSnapshot {
    const { pod } = this;
    const events = pod.timeline;
    pod.timeline = [];
    return {
      process: this.id,
      kind: 'pod',
      name: this.name,
      timeNs: this.nowNs,
      told: this.told(),
      links: pod.options.neighbours.map((_, index) => this.linkSnapshot(index)),
      migrations: [],
      mechanisms: {},
      knobs: { ...pod.knobs },
      console: [],
      events,
    };
  }

  private linkSnapshot(index: number): LinkSnapshot {
    const { agent, links, options } = this.pod;
    const { process, rate, latencyNs } = options.neighbours[index]!;
    const link = this.pod.uplinkOf(index);
    return {
      id: `${this.name}→${process}`,
      from: this.id,
      to: process,
      up: agent.connected[index]!,
      bandwidthBitsPerSecond: rate * 8_000_000,
      latencyNs,
      lossPercent: 0,
      queuedBytes: 0,
      sentBytes: links.servedBytes(link),
      sentFrames: agent.sentFrames,
      lostFrames: agent.droppedFrames,
    };
  }

  inspect(request: InspectionRequest): InspectionReply {
    return inspectPod(this.pod, { id: this.id, name: this.name, told: () => this.told() }, request);
  }

  memory(): ArrayBufferLike {
    return this.board.words.buffer;
  }

  nextEventTime(): number {
    return this.pod.kernel.nextTimeNs();
  }

  lastEventTime(beforeNs: number): number {
    return this.eventNs < beforeNs ? this.eventNs : this.eventBeforeNs;
  }

  wantsSlowMotion(): boolean {
    return false;
  }

  work(): number {
    return this.pod.kernel.dispatched * EVENT_WORK;
  }

  hash(): string {
    return hashHex(this.digest);
  }

  stateHash(): string {
    const digest = { ...this.digest };
    hashInteger(digest, this.nowNs);
    hashInteger(digest, this.pod.kernel.pendingCount());
    this.pod.hashInto(digest);
    return hashHex(digest);
  }
}
