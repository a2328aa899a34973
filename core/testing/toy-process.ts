/**
 * A small logical process for tests of the kernel and of the workers: ticks at random times, sends frames
 * of random length to random neighbours, answers some, and hashes all that happens to it. It depends on
 * everything a process may depend on (own timers, arrivals, commands, changing latencies) and on nothing
 * else. What it models: nothing.
 */
import { AssertionError, assert } from '../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { Hash64 } from '../base/hash.ts';
import { hashBytes, hashHex, hashInteger, hashText, makeHash } from '../base/hash.ts';
import type { Prng } from '../base/prng.ts';
import { makePrng, nextBelow, nextUint32 } from '../base/prng.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { ConsoleChunk, ProcessSnapshot, TimelineEvent } from '../protocol/snapshot.ts';
import { ObjectHistory } from '../sim/checkpoint/object-history.ts';
import { type CheckpointPart, CheckpointParts } from '../sim/checkpoint/part.ts';
import type { EventArguments, EventQueue } from '../sim/event-queue.ts';
import { makeEventQueue, peekTime, popEvent, pushEvent } from '../sim/event-queue.ts';
import type { LogicalProcess, Lookahead, WireMessage } from '../sim/logical-process.ts';
import { rank } from '../sim/rank.ts';

/** See {@link ToyProcess}. */
export interface ToyOptions {
  /** Whether it says when it may send next. */
  readonly tellsNextSend?: boolean;
  readonly id: number;
  readonly neighbours: readonly number[];
  readonly seed: number;
  readonly latencyNs: number; //    towards every neighbour, ≥ 5,000
  readonly frameBytesMax: number; // longest frame it sends
  /** Further parts of its checkpoints. */
  readonly parts?: readonly CheckpointPart[];
  /** Called when it samples (every 20 µs), outside the hash: (timeNs, [frames sent, frames received]). */
  readonly onSample?: (timeNs: number, values: readonly number[]) => void;
}

/** See the file's head. Knob 'latency' sets its latency, fault 'assertion' fails one. */
export class ToyProcess implements LogicalProcess {
  static readonly [checkpointRules]: CheckpointRules = {
    checkpoints: 'outside', options: 'outside', queue: { events: 'values' }, said: 'appended',
  };
  readonly checkpoints: CheckpointPart;
  readonly id: number;
  readonly name: string;
  private readonly options: ToyOptions;
  private readonly queue: EventQueue = makeEventQueue();
  private readonly prng: Prng;
  private readonly digest: Hash64 = makeHash();
  private readonly lastArrivalNs = new Map<number, number>();
  private readonly shared = new SharedArrayBuffer(64);
  private outgoing: WireMessage[] = [];
  private nowNs = 0;
  private eventNs = -1;
  private eventBeforeNs = -1;
  private eventCount = 0;
  private latencyNs: number;
  private ownSequence = 0;
  private wireSequence = 0;
  private received = 0;
  private slowMotion = false;
  private said: ConsoleChunk[] = [];
  private events: TimelineEvent[] = [];

  constructor(options: ToyOptions) {
    this.options = options;
    this.id = options.id;
    this.name = `toy-${options.id}`;
    this.latencyNs = options.latencyNs;
    this.checkpoints = new CheckpointParts([new ObjectHistory(this), ...(options.parts ?? [])]);
    this.prng = makePrng({ seed: options.seed, stream: options.id });
    this.schedule(nextBelow(this.prng, 1000), 'tick', {});
    this.schedule(20_000, 'sample', {});
  }

  now(): number {
    return this.nowNs;
  }

  run(until: number): void {
    assert(until >= this.nowNs, 'time goes forward');
    while (peekTime(this.queue) < until) {
      const event = popEvent(this.queue)!;
      this.nowNs = event.timeNs;
      if (this.eventNs < event.timeNs) this.eventBeforeNs = this.eventNs;
      this.eventNs = event.timeNs;
      this.eventCount++;
      this.on(event.kind, event.arguments, event.source);
    }
    this.nowNs = until;
  }

  deliver(message: WireMessage): void {
    assert(message.arrivalTimeNs >= this.nowNs, 'an arrival is not in the past');
    pushEvent(this.queue, {
      timeNs: message.arrivalTimeNs,
      rank: rank.linkArrival,
      source: message.source,
      sequence: message.sequence,
      kind: 'arrival',
      arguments: { epoch: message.linkEpoch, bytes: message.bytes },
    });
  }

  takeOutgoing(): WireMessage[] {
    const outgoing = this.outgoing;
    this.outgoing = [];
    return outgoing;
  }

  lookahead(): readonly Lookahead[] {
    return this.options.neighbours.map((neighbour) => ({ neighbour, latencyNs: this.latencyNs }));
  }

  command(logged: LoggedCommand): void {
    const command = logged.command;
    const detail: EventArguments =
      command.kind === 'set-knob'
        ? { knob: command.knob, value: command.value }
        : command.kind === 'inject-fault'
          ? { fault: command.fault }
          : { kind: command.kind };
    pushEvent(this.queue, {
      timeNs: logged.atNs,
      rank: rank.command,
      source: -1,
      sequence: logged.sequence,
      kind: 'command',
      arguments: detail,
    });
  }

  nextEventTime(): number {
    return peekTime(this.queue);
  }

  /** A toy sends at its events only; some say so. */
  nextSendTime(): number {
    return this.options.tellsNextSend === true ? peekTime(this.queue) : this.nowNs;
  }

  nextInstructionTime(vm: number): number {
    return vm === this.id ? this.nowNs + 1 : Number.POSITIVE_INFINITY;
  }

  lastEventTime(beforeNs: number): number {
    return this.eventNs < beforeNs ? this.eventNs : this.eventBeforeNs;
  }

  lastInstructionTime(vm: number): number {
    return vm === this.id ? this.nowNs - 1 : -1;
  }

  work(): number {
    return this.eventCount * 50_000;
  }

  wantsSlowMotion(): boolean {
    return this.slowMotion;
  }

  memory(): ArrayBufferLike {
    return this.shared;
  }

  capture(): Uint8Array {
    return Uint8Array.of(this.id, this.received & 0xff);
  }

  snapshot(): ProcessSnapshot {
    const snapshot: ProcessSnapshot = {
      process: this.id,
      kind: 'host',
      name: this.name,
      timeNs: this.nowNs,
      host: {
        id: this.id,
        name: this.name,
        state: 'up',
        frameCount: 0,
        framesFree: 0,
        processorCount: 1,
        vms: [],
      },
      links: [],
      migrations: [],
      mechanisms: {},
      knobs: { latency: this.latencyNs },
      console: this.said,
      events: this.events,
    };
    this.said = [];
    this.events = [];
    return snapshot;
  }

  inspect(request: InspectionRequest): InspectionReply {
    if (request.view === 'exits' && request.vm === this.id) {
      return { view: 'exits', causes: [{ cause: 'arrival', count: this.received, costNs: 0 }] };
    }
    return { view: 'none', sentence: 'There is no such VM here.' };
  }

  hash(): string {
    return hashHex(this.digest);
  }

  private schedule(delayNs: number, kind: string, detail: EventArguments): void {
    pushEvent(this.queue, {
      timeNs: this.nowNs + delayNs,
      rank: kind === 'sample' ? rank.sample : rank.timer,
      source: this.id,
      sequence: this.ownSequence++,
      kind,
      arguments: detail,
    });
  }

  private on(kind: string, detail: EventArguments, source: number): void {
    if (kind === 'sample') {
      this.options.onSample?.(this.nowNs, [this.wireSequence, this.received]);
      this.schedule(20_000, 'sample', {});
      return;
    }
    hashInteger(this.digest, this.nowNs);
    hashText(this.digest, kind);
    if (kind === 'tick') this.onTick();
    else if (kind === 'arrival') this.onArrival(source, detail);
    else if (kind === 'answer') this.send(Number(detail['to']));
    else this.onCommand(detail);
  }

  private onTick(): void {
    const { neighbours } = this.options;
    if (neighbours.length > 0) this.send(neighbours[nextBelow(this.prng, neighbours.length)]!);
    this.schedule(500 + nextBelow(this.prng, 20_000), 'tick', {});
  }

  private onArrival(source: number, detail: EventArguments): void {
    const bytes = detail['bytes'];
    assert(bytes instanceof Uint8Array, 'an arrival carries bytes');
    hashInteger(this.digest, source);
    hashInteger(this.digest, Number(detail['epoch']));
    hashBytes(this.digest, bytes);
    this.received++;
    this.said.push({ vm: this.id, timeNs: this.nowNs, text: `${bytes.length}\n` });
    if (nextBelow(this.prng, 2) === 0) {
      this.schedule(nextBelow(this.prng, 3000), 'answer', { to: source });
    }
  }

  private onCommand(detail: EventArguments): void {
    this.events.push({ timeNs: this.nowNs, kind: 'command', entity: this.name, text: '' });
    if (detail['fault'] === 'assertion') throw new AssertionError('the toy does not break');
    if (detail['knob'] === 'latency') this.latencyNs = Number(detail['value']);
    if (detail['knob'] === 'slow-motion') this.slowMotion = detail['value'] === 1;
  }

  private send(to: number): void {
    const jitter = nextBelow(this.prng, 4) === 0 ? 0 : nextBelow(this.prng, 5000);
    const earliest = this.nowNs + this.latencyNs + jitter;
    const arrivalTimeNs = Math.max(earliest, this.lastArrivalNs.get(to) ?? 0);
    this.lastArrivalNs.set(to, arrivalTimeNs);
    const bytes = new Uint8Array(nextBelow(this.prng, this.options.frameBytesMax + 1));
    for (let index = 0; index < bytes.length; index += 7) bytes[index] = nextUint32(this.prng);
    this.outgoing.push({
      source: this.id,
      destination: to,
      arrivalTimeNs,
      sequence: this.wireSequence++,
      linkEpoch: this.received & 3,
      bytes,
    });
  }
}
