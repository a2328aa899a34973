/**
 * A process that is no host: what a lab's part does ({@link NodePart}), on an event queue with ports, a TCP stack,
 * commands, hash points, samples and checkpoints as every process has them. There is no memory of its own to
 * paint and there are no instructions. Power may be lost; what the part calls durable is its own business.
 */
import { assert, hashHex, hashInteger, hashText, makeHash, makePrng, type Hash64 } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { StreamConnection, StreamHandler } from '../mechanisms/host-ports.ts';
import type { NodeKind, NodePart, NodePorts } from '../mechanisms/node-ports.ts';
import { appendSample, type SampleRing } from '../metrics/index.ts';
import { ETHERNET_HEADER_SIZE, type LinkEnd, readMac, type TcpOptions, TcpStack, type TimerKind } from '../network/index.ts';
import { type Command, type LoggedCommand, requestOf } from '../protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { ProcessSnapshot, TimelineEvent } from '../protocol/snapshot.ts';
import { ObjectHistory } from '../sim/checkpoint/object-history.ts';
import { type CheckpointPart, CheckpointParts } from '../sim/checkpoint/part.ts';
import {
  type EventArguments, type EventQueue, makeEventQueue, peekTime, popEvent, pushEvent, removeEvents,
} from '../sim/event-queue.ts';
import type { LogicalProcess, Lookahead, WireMessage } from '../sim/logical-process.ts';
import { type Rank, rank } from '../sim/rank.ts';
import { addressOf, Cabling, macOf, processAt, processOfMac } from './cabling.ts';
import { hashNsOf, sampleNsOf } from './pace.ts';
import { kindOf, nameOfProcess, rowOf } from './process-kinds.ts';
import { SampleHistory } from './sample-history.ts';
import { Streams } from './streams.ts';

/** What handling an event costs, for the spacing of checkpoints only. Unit: guest instructions. */
const EVENT_WORK = 2_000;
/** Timeline events kept until somebody takes them. */
const TIMELINE_MAX = 10_000;
/** Events of one instant before something surely schedules itself for ever. */
const EVENTS_PER_INSTANT_MAX = 1_000_000;

/** What a node is built from. */
export interface NodeProcessOptions {
  readonly scenario: Scenario;
  readonly id: number;
  readonly kind: NodeKind;
  readonly ring?: SampleRing | undefined;
  readonly capture: boolean;
}

/** See the file's head. */
export class NodeProcess implements LogicalProcess {
  static readonly [checkpointRules]: CheckpointRules = {
    checkpoints: 'outside',
    ring: 'outside',
    scenario: 'value',
    columns: 'value',
    queue: { events: 'values' },
    timeline: 'values',
  };
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly scenario: Scenario;
  readonly cabling: Cabling;
  readonly tcp: TcpStack;
  readonly streams: Streams;
  readonly part: NodePart;
  readonly knobs: Record<string, number>;
  readonly checkpoints: CheckpointPart;
  state: 'up' | 'down' = 'up';
  private readonly ring: SampleRing | undefined;
  private readonly columns: readonly string[];
  private readonly commands = new Map<number, LoggedCommand>();
  private readonly digest: Hash64 = makeHash();
  private readonly queue: EventQueue = makeEventQueue();
  private timeline: TimelineEvent[] = [];
  private sequence = 0;
  private nowNs = 0;
  private eventNs = -1; //       time of the last event, and of the last at another time
  private eventBeforeNs = -1;
  private instantEvents = 0; //  events at eventNs
  private eventCount = 0;

  constructor(options: NodeProcessOptions) {
    const { scenario, id } = options;
    const row = rowOf(scenario, id);
    this.id = id;
    this.name = row.name;
    this.kind = kindOf(row);
    this.scenario = scenario;
    this.knobs = { ...scenario.knobs };
    this.ring = options.ring;
    this.columns = row.sampleColumns;
    this.cabling = new Cabling({
      id,
      scenario,
      capture: options.capture,
      schedule: (timeNs, to) => this.schedule(timeNs, rank.network, 'link.done', { to }),
    });
    this.tcp = this.makeTcp(row.parameters ?? {});
    this.streams = new Streams(this.tcp, () => this.nowNs);
    this.part = options.kind.attach(new PartPorts(this));
    this.checkpoints = new CheckpointParts([
      new ObjectHistory(this),
      ...(this.ring === undefined ? [] : [new SampleHistory(this.ring)]),
    ]);
    this.schedule(hashNsOf(scenario), rank.hashPoint, 'world.hash');
    this.schedule(sampleNsOf(scenario), rank.sample, 'world.sample');
  }

  /** A row may bound segments ('maximumSegmentSize') and buffers ('sendBufferBytes', 'receiveBufferBytes'). */
  private makeTcp(parameters: Readonly<Record<string, number>>): TcpStack {
    const { id, cabling } = this;
    const sizes: { -readonly [key in 'maximumSegmentSize' | 'sendBufferBytes' | 'receiveBufferBytes']?: number } = {};
    for (const key of ['maximumSegmentSize', 'sendBufferBytes', 'receiveBufferBytes'] as const) {
      const value = parameters[key];
      if (value !== undefined) sizes[key] = value;
    }
    const options: TcpOptions = {
      address: addressOf(id),
      mac: macOf(id),
      neighbours: cabling.neighbours(),
      random: makePrng({ seed: this.scenario.seed, stream: id }),
      ...sizes,
    };
    return new TcpStack(options, {
      transmit: (frame, to, now) => cabling.transmit(frame, processAt(to), now),
      transmitRoom: (to) => cabling.linkTo(processAt(to))?.room() ?? 0,
      scheduleTimer: (timeNs, connection, timer) =>
        this.schedule(timeNs, rank.timer, 'tcp.timer', { connection, timer }),
      event: (event) => {
        this.streams.onTcpEvent(event);
        this.streams.settle();
      },
    });
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────

  now(): number {
    return this.nowNs;
  }

  run(until: number): void {
    assert(until >= this.nowNs, 'time does not run backwards');
    while (peekTime(this.queue) < until) {
      const event = popEvent(this.queue)!;
      this.nowNs = event.timeNs;
      this.countEvent(event.timeNs);
      this.dispatch(event.kind, event.arguments);
    }
    this.nowNs = until;
  }

  private countEvent(timeNs: number): void {
    if (this.eventNs < timeNs) {
      this.eventBeforeNs = this.eventNs;
      this.instantEvents = 0;
    }
    this.eventNs = timeNs;
    this.eventCount++;
    this.instantEvents++;
    assert(this.instantEvents < EVENTS_PER_INSTANT_MAX, 'events of one instant come to an end');
  }

  /** An event of this process, not before now(). */
  schedule(timeNs: number, eventRank: Rank, kind: string, args: EventArguments = {}): void {
    assert(timeNs >= this.nowNs, 'an event does not lie in the past');
    pushEvent(this.queue, { timeNs, rank: eventRank, source: this.id, sequence: this.sequence++, kind, arguments: args });
  }

  private dispatch(kind: string, args: EventArguments): void {
    const now = this.nowNs;
    if (kind.startsWith('part.')) {
      hashText(this.digest, kind);
      hashInteger(this.digest, now);
      this.part.onEvent?.(kind.slice('part.'.length), args, now);
      this.streams.settle();
      return;
    }
    switch (kind) {
      case 'world.arrival':
        this.onArrival(args['bytes'], Number(args['from']), Number(args['epoch']));
        return;
      case 'tcp.timer':
        this.tcp.onTimer(args['connection'] as number, args['timer'] as TimerKind, now);
        return;
      case 'link.done':
        this.cabling.links.get(Number(args['to']))?.onTransmitDone(now);
        if (this.state === 'up') this.tcp.onTransmitRoom(now);
        this.streams.settle();
        return;
      case 'world.command':
        this.onCommand(Number(args['sequence']));
        return;
      case 'world.hash':
        this.onHashPoint();
        return;
      case 'world.sample':
        this.onSample();
        return;
      case 'world.boot':
        this.onBoot();
        return;
      default:
        assert(false, `a node knows its event ${kind}`);
    }
  }

  // ── The logical process ───────────────────────────────────────────────────────────────────────

  deliver(message: WireMessage): void {
    const { source, sequence, arrivalTimeNs, linkEpoch, bytes } = message;
    const args = { bytes, from: source, epoch: linkEpoch };
    pushEvent(this.queue, { timeNs: arrivalTimeNs, rank: rank.linkArrival, source, sequence, kind: 'world.arrival', arguments: args });
  }

  takeOutgoing(): WireMessage[] {
    return this.cabling.takeOutgoing();
  }

  lookahead(): readonly Lookahead[] {
    return this.cabling.lookahead();
  }

  command(logged: LoggedCommand): void {
    const { sequence, atNs } = logged;
    this.commands.set(sequence, logged);
    pushEvent(this.queue, { timeNs: atNs, rank: rank.command, source: -1, sequence, kind: 'world.command', arguments: { sequence } });
  }

  nextEventTime(): number {
    return peekTime(this.queue);
  }

  nextSendTime(): number {
    return peekTime(this.queue);
  }

  lastEventTime(beforeNs: number): number {
    return this.eventNs < beforeNs ? this.eventNs : this.eventBeforeNs;
  }

  wantsSlowMotion(): boolean {
    return this.part.wantsSlowMotion?.() ?? false;
  }

  inspect(request: InspectionRequest): InspectionReply {
    const { id: process, kind, name } = this;
    if ('process' in request && request.process !== process) return { view: 'none', sentence: `This is ${name}.` };
    if (request.view === 'process') return { view: 'process', process, kind, name, told: this.part.told() };
    return this.part.inspect?.(request) ?? { view: 'none', sentence: `${name} is a ${kind}: it has no such view.` };
  }

  capture(): Uint8Array | undefined {
    return this.cabling.capture();
  }

  snapshotFile(name: string): Uint8Array | undefined {
    return this.part.file?.(name);
  }

  work(): number {
    return this.eventCount * EVENT_WORK;
  }

  hash(): string {
    return hashHex(this.digest);
  }

  /** The digest as it would be if this were a hash point. */
  stateHash(): string {
    const digest = { ...this.digest };
    hashInteger(digest, this.nowNs);
    this.hashState(digest);
    hashInteger(digest, this.queue.events.length);
    hashInteger(digest, this.eventCount);
    return hashHex(digest);
  }

  snapshot(): ProcessSnapshot {
    const events = this.timeline;
    this.timeline = [];
    return {
      process: this.id,
      kind: this.kind,
      name: this.name,
      timeNs: this.nowNs,
      told: this.part.told(),
      links: this.cabling.snapshots(),
      migrations: [],
      mechanisms: {},
      knobs: { ...this.knobs },
      console: [],
      events,
    };
  }

  // ── Frames ────────────────────────────────────────────────────────────────────────────────────

  private onArrival(bytes: unknown, from: number, epoch: number): void {
    const now = this.nowNs;
    assert(bytes instanceof Uint8Array, 'a frame arrives on a link');
    hashInteger(this.digest, now);
    hashInteger(this.digest, bytes.length);
    if (this.state !== 'up' || !this.cabling.takes({ from, epoch, bytes }, now)) return;
    const to = bytes.length < ETHERNET_HEADER_SIZE ? this.id : processOfMac(readMac(bytes, 0));
    if (to !== this.id && this.part.onFrame !== undefined) this.part.onFrame(bytes, to, now);
    else this.tcp.onFrame(bytes, now);
    this.streams.settle();
  }

  // ── Commands ──────────────────────────────────────────────────────────────────────────────────

  private onCommand(sequence: number): void {
    const logged = this.commands.get(sequence);
    assert(logged !== undefined, 'a command that is due was given');
    this.commands.delete(sequence);
    hashInteger(this.digest, this.nowNs);
    hashInteger(this.digest, sequence);
    hashText(this.digest, logged.command.kind);
    this.apply(logged.command);
    this.streams.settle();
  }

  private apply(command: Command): void {
    switch (command.kind) {
      case 'set-knob':
        this.knobs[command.knob] = command.value;
        this.part.onKnob?.(command.knob, command.value);
        if (this.id === this.scenario.processes[0]?.id) {
          this.note('command', `${this.kind}:${this.id}`, `${command.knob} = ${command.value}`);
        }
        return;
      case 'inject-fault':
        this.part.onFault?.(command.fault, command.target ?? '');
        return;
      default: {
        const request = requestOf(command);
        if (request !== undefined) this.part.onRequest?.(request);
      }
    }
  }

  /** Power is lost: connections, what waits in the ports, and the part's own events. The world's clock goes on. */
  losePower(bootNs: number): void {
    if (this.state !== 'up') return;
    this.state = 'down';
    this.tcp.reset();
    this.streams.onPowerLoss();
    removeEvents(this.queue, ({ kind }) => kind.startsWith('part.') || kind.startsWith('tcp.'));
    this.cabling.dropQueues();
    this.part.onPowerLoss?.();
    if (Number.isFinite(bootNs)) this.schedule(this.nowNs + bootNs, rank.timer, 'world.boot');
  }

  private onBoot(): void {
    this.state = 'up';
    this.streams.onBoot();
    this.note('boot', `${this.kind}:${this.id}`, `${this.name} is up again`);
    this.part.onBoot?.();
    this.streams.settle();
  }

  note(kind: string, entity: string, text: string): void {
    if (this.timeline.length < TIMELINE_MAX) this.timeline.push({ timeNs: this.nowNs, kind, entity, text });
  }

  // ── Hash points and samples ───────────────────────────────────────────────────────────────────

  private onHashPoint(): void {
    this.schedule(this.nowNs + hashNsOf(this.scenario), rank.hashPoint, 'world.hash');
    hashInteger(this.digest, this.nowNs);
    this.hashState(this.digest);
  }

  private hashState(digest: Hash64): void {
    this.cabling.hashInto(digest);
    this.tcp.hashInto(digest);
    this.part.hashInto(digest);
  }

  private onSample(): void {
    this.schedule(this.nowNs + sampleNsOf(this.scenario), rank.sample, 'world.sample');
    if (this.ring === undefined) return;
    const measured = this.part.measure?.();
    appendSample(this.ring, this.nowNs, this.columns.map((id) => measured?.[id] ?? Number.NaN));
  }
}

/** What a part may use of its node. No state of its own. */
class PartPorts implements NodePorts {
  static readonly [checkpointRules]: CheckpointRules = { scenario: 'value', parameters: 'value' };
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly scenario: Scenario;
  readonly parameters: Readonly<Record<string, number>>;
  private readonly owner: NodeProcess;

  constructor(owner: NodeProcess) {
    this.id = owner.id;
    this.name = owner.name;
    this.kind = owner.kind;
    this.scenario = owner.scenario;
    this.parameters = rowOf(owner.scenario, owner.id).parameters ?? {};
    this.owner = owner;
  }

  now(): number {
    return this.owner.now();
  }

  schedule(timeNs: number, kind: string, args: EventArguments): void {
    this.owner.schedule(timeNs, rank.mechanism, `part.${kind}`, args);
  }

  knob(id: string): number {
    const value = this.owner.knobs[id];
    assert(value !== undefined, `the lab has a knob ${id}`);
    return value;
  }

  links(): readonly LinkEnd[] {
    return [...this.owner.cabling.links.values()];
  }

  nameOf(process: number): string {
    return nameOfProcess(this.scenario, process);
  }

  wireBytes(): number {
    return this.owner.cabling.wireBytes();
  }

  forward(frame: Uint8Array, to: number): void {
    this.owner.cabling.transmit(frame, to, this.owner.now());
  }

  listen(port: number, accept: Parameters<NodePorts['listen']>[1]): void {
    this.owner.streams.listen(port, accept);
  }

  connect(to: number, port: number, handler: StreamHandler): StreamConnection {
    return this.owner.streams.connect(addressOf(to), port, handler);
  }

  note(kind: string, entity: string, text: string): void {
    this.owner.note(kind, entity, text);
  }

  isUp(): boolean {
    return this.owner.state === 'up';
  }

  losePower(bootNs: number): void {
    this.owner.losePower(bootNs);
  }
}
