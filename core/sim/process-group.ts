/**
 * Advances the processes of one worker, conservatively: each runs to the least of the limit, its horizon
 * and a slice, hands its mail over, and only then publishes its clock and its promises. Pure and
 * synchronous; the worker loop calls {@link ProcessGroup.advance} and decides when to wait. The result of
 * a run depends neither on how processes are grouped nor on who is called when.
 */
import { assert } from '../base/assert.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import type { ByteRing } from './byte-ring.ts';
import { pushRecord, takeRecord } from './byte-ring.ts';
import type { CheckpointPart } from './checkpoint/part.ts';
import type { ClockBoard } from './clock-board.ts';
import { readPromise, writeClock, writePromise } from './clock-board.ts';
import { LATENCY_NS_MIN, promiseNs } from './horizon.ts';
import type { LogicalProcess, ProcessId, WireMessage } from './logical-process.ts';

/** One direction between two neighbours. */
export interface Channel {
  readonly from: ProcessId;
  readonly to: ProcessId;
}

/** All processes of a world, ascending, and its channels. A channel's number is its position here. */
export interface Wiring {
  readonly processIds: readonly ProcessId[];
  readonly channels: readonly Channel[];
}

/** What one turn came to: something happened; nothing can before a neighbour moves; all stand at the limit. */
export type AdvanceOutcome = 'progress' | 'blocked' | 'at-limit';

/** See {@link ProcessGroup}. */
export interface ProcessGroupOptions {
  readonly wiring: Wiring;
  readonly board: ClockBoard;
  readonly processes: readonly LogicalProcess[];
  /** By channel number: rings of the channels between this group and others. */
  readonly rings: ReadonlyMap<number, ByteRing>;
}

interface OutgoingChannel {
  readonly number: number;
  readonly to: ProcessId;
  readonly ring: ByteRing | undefined; // undefined: the receiver is in this group
  latencyNs: number; //                   as the sender told last
}

interface IncomingChannel {
  readonly number: number;
  readonly from: ProcessId;
  readonly ring: ByteRing | undefined;
  sender: Member | undefined; //          undefined: it is in another group
  latencyNs: () => number; //             of a sender in this group
}

interface Member {
  readonly logical: LogicalProcess;
  readonly position: number; // on the clock board
  readonly outgoing: readonly OutgoingChannel[];
  readonly incoming: readonly IncomingChannel[];
  readonly outbox: WireMessage[]; // sent and not yet in its ring, which was full
  commandIndex: number; // first command of the log that may not have been applied yet
  inputNs: number; //      nothing that is not here yet comes in before this time
}

/** No time of a run. Unit: ns. */
const NEVER_NS = Number.MAX_SAFE_INTEGER / 2;
/** Bytes before the frame in a mailbox record: f64 arrival, f64 sequence, u32 link epoch. */
const MAIL_HEAD_SIZE = 20;

/** See the file's head. */
export class ProcessGroup {
  readonly #members: Member[];
  readonly #byId = new Map<ProcessId, Member>();
  readonly #board: ClockBoard;
  readonly #commands: LoggedCommand[] = [];
  readonly #head = new Uint8Array(MAIL_HEAD_SIZE);
  readonly #headView = new DataView(this.#head.buffer);
  #current: LogicalProcess | undefined;

  constructor(options: ProcessGroupOptions) {
    this.#board = options.board;
    this.#members = options.processes.map((logical) => makeMember(logical, options));
    for (const member of this.#members) this.#byId.set(member.logical.id, member);
    for (const member of this.#members) {
      for (const channel of member.incoming) {
        channel.sender = this.#byId.get(channel.from);
        const there = channel.sender?.outgoing.find(({ number }) => number === channel.number);
        if (there !== undefined) channel.latencyNs = () => there.latencyNs;
      }
    }
    for (const member of this.#members) {
      for (const channel of member.outgoing) {
        assert(
          channel.ring !== undefined || this.#byId.has(channel.to),
          'a channel out of the group has a ring',
        );
      }
      this.#publish(member);
    }
  }

  /** The processes, in the order given. */
  processes(): readonly LogicalProcess[] {
    return this.#members.map((member) => member.logical);
  }

  /** The process of that id, if it is in this group. */
  findProcess(id: ProcessId): LogicalProcess | undefined {
    return this.#byId.get(id)?.logical;
  }

  /** The process that was at work last: the place of a failure. */
  currentProcess(): LogicalProcess | undefined {
    return this.#current;
  }

  /**
   * Hands a command to every process, to be applied at its time, and takes promises back to what the
   * command leaves of them. The limit must not be raised past its time before every group has it.
   */
  command(logged: LoggedCommand): void {
    const last = this.#commands.at(-1);
    assert(
      last === undefined || (last.atNs <= logged.atNs && last.sequence < logged.sequence),
      'commands come in the order of their log',
    );
    this.#commands.push(logged);
    for (const member of this.#members) {
      assert(logged.atNs >= member.logical.now(), 'a command’s time has been passed by no process');
      this.#current = member.logical;
      member.logical.command(logged);
      if (member.outbox.length === 0) this.#publish(member);
    }
  }

  // ── Checkpoints: only at a cut, when all processes of all groups stand at one time and all mail is in rings ──

  /** Saves all processes as checkpoint `id`. Mail on its way is taken first: it lives in its receivers then. */
  takeCheckpoint(id: number): void {
    this.settleMail();
    for (const { logical } of this.#members) checkpointsOf(logical).take(id);
  }

  /** Replay has come to checkpoint `id` again. */
  passCheckpoint(id: number): void {
    this.settleMail();
    for (const { logical } of this.#members) checkpointsOf(logical).pass(id);
  }

  /** Takes all mail, so that what is on its way is part of its receiver's state. */
  settleMail(): void {
    for (const member of this.#members) {
      assert(member.outbox.length === 0, 'at a cut all mail has left');
      this.#current = member.logical;
      for (const channel of member.incoming) this.#takeMail(member, channel);
    }
  }

  /**
   * Puts all processes back. Mail and commands of the time that is undone are dropped; whoever replays gives
   * the commands again. The limit is not above the checkpoint's time until every group has done it.
   */
  restoreCheckpoint(id: number): void {
    for (const member of this.#members) {
      this.#current = member.logical;
      for (const channel of member.incoming) {
        if (channel.ring !== undefined) while (takeRecord(channel.ring) !== undefined);
      }
      member.outbox.length = 0;
      checkpointsOf(member.logical).restore(id);
    }
    const nowNs = this.#members[0]?.logical.now() ?? 0;
    while ((this.#commands.at(-1)?.atNs ?? -1) >= nowNs) this.#commands.pop();
    for (const member of this.#members) {
      assert(member.logical.now() === nowNs, 'a checkpoint is one cut');
      member.commandIndex = this.#commands.length;
      member.inputNs = nowNs; // what others promised was of the time that is undone
      this.#publish(member);
    }
  }

  /** Forgets checkpoints of all processes. */
  dropCheckpoints(ids: readonly number[]): void {
    for (const { logical } of this.#members) for (const id of ids) checkpointsOf(logical).drop(id);
  }

  /** Memory that all checkpoints of this group take. Unit: byte. */
  checkpointBytes(): number {
    return this.#members.reduce((sum, { logical }) => sum + checkpointsOf(logical).byteCount(), 0);
  }

  /**
   * One turn for every process, in order: takes its mail, runs it to the least of `limitNs`, its horizon
   * and `sliceNs` ahead. Nothing of the result depends on the slice.
   */
  advance(limitNs: number, sliceNs: number): AdvanceOutcome {
    let progressed = false;
    let atLimit = true;
    this.#findHorizons();
    for (const member of this.#members) {
      if (this.#step(member, limitNs, sliceNs)) progressed = true;
      if (member.logical.now() < limitNs || member.outbox.length > 0) atLimit = false;
    }
    if (progressed) return 'progress';
    return atLimit ? 'at-limit' : 'blocked';
  }

  /**
   * How far each member may go: nothing reaches it before the least of what other groups promise and what members of
   * this group can send, and those send nothing before their own next event or input. The least times are found by
   * relaxing over the channels inside; every channel adds a latency, so this ends. Without it, processes that wait for
   * each other would creep on by a latency a turn.
   */
  #findHorizons(): void {
    for (const member of this.#members) {
      let inputNs = NEVER_NS;
      for (const { number, sender } of member.incoming) {
        if (sender === undefined) inputNs = Math.min(inputNs, readPromise(this.#board, number));
      }
      member.inputNs = inputNs;
    }
    // The promises were read before the mail is taken: what a promise covers is here now.
    for (const member of this.#members) {
      this.#current = member.logical;
      for (const channel of member.incoming) this.#takeMail(member, channel);
    }
    for (let changed = true; changed; ) {
      changed = false;
      for (const member of this.#members) {
        for (const { sender, latencyNs } of member.incoming) {
          if (sender === undefined) continue;
          const arrivalNs = this.#promiseOf(sender, member.logical.id, latencyNs());
          if (arrivalNs >= member.inputNs) continue;
          member.inputNs = arrivalNs;
          changed = true;
        }
      }
    }
  }

  /** What `member` can promise now, all its mail taken: nothing that it has not sent yet arrives at `to` before this time. */
  #promiseOf(member: Member, to: ProcessId, latencyNs: number): number {
    const { logical, inputNs } = member;
    const nowNs = logical.now();
    const pendingCommandNs = member.commandIndex < this.#commands.length ? this.#commands[member.commandIndex]!.atNs : NEVER_NS;
    const least = promiseNs({ nowNs, latencyNs, pendingCommandNs });
    // What a process knows of each neighbour says more than when it sends at all.
    const earliestNs =
      logical.earliestArrival === undefined
        ? Math.min(logical.nextSendTime === undefined ? nowNs : logical.nextSendTime(), inputNs) + latencyNs
        : logical.earliestArrival(to, inputNs);
    return Math.max(least, Math.min(earliestNs, pendingCommandNs + LATENCY_NS_MIN));
  }

  #step(member: Member, limitNs: number, sliceNs: number): boolean {
    const logical = member.logical;
    this.#current = logical;
    const hadOutbox = member.outbox.length > 0;
    if (hadOutbox && this.#flush(member)) this.#publish(member);
    const until = Math.min(limitNs, logical.now() + sliceNs, member.inputNs);
    if (member.outbox.length > 0) return false;
    if (until <= logical.now()) return hadOutbox;
    logical.run(until);
    assert(logical.now() === until, 'a process stands where it was run to');
    this.#send(member);
    return true;
  }

  #takeMail(member: Member, channel: IncomingChannel): void {
    if (channel.ring === undefined) return;
    for (;;) {
      const record = takeRecord(channel.ring);
      if (record === undefined) return;
      const view = new DataView(record.buffer);
      this.#deliver(member, {
        source: channel.from,
        destination: member.logical.id,
        arrivalTimeNs: view.getFloat64(0),
        sequence: view.getFloat64(8),
        linkEpoch: view.getUint32(16),
        bytes: record.subarray(MAIL_HEAD_SIZE),
      });
    }
  }

  #deliver(member: Member, message: WireMessage): void {
    assert(message.arrivalTimeNs >= member.logical.now(), 'a frame arrives in its receiver’s future');
    member.logical.deliver(message);
  }

  /** Hands over what a process has sent; publishes when all of it has left. */
  #send(member: Member): void {
    for (const message of member.logical.takeOutgoing()) {
      const channel = member.outgoing.find((candidate) => candidate.to === message.destination);
      assert(channel !== undefined, 'a frame goes to a neighbour');
      assert(
        channel.ring === undefined || message.arrivalTimeNs >= readPromise(this.#board, channel.number),
        'a process keeps the promise of its lookahead',
      );
      const receiver = this.#byId.get(message.destination);
      if (receiver !== undefined) this.#deliver(receiver, message);
      else member.outbox.push(message);
    }
    if (this.#flush(member)) this.#publish(member);
  }

  /** Puts waiting mail into rings, in order; true when none is left. */
  #flush(member: Member): boolean {
    const outbox = member.outbox;
    let count = 0;
    while (count < outbox.length) {
      const message = outbox[count]!;
      const channel = member.outgoing.find((candidate) => candidate.to === message.destination);
      assert(channel?.ring !== undefined, 'mail that waits goes to another group');
      this.#headView.setFloat64(0, message.arrivalTimeNs);
      this.#headView.setFloat64(8, message.sequence);
      this.#headView.setUint32(16, message.linkEpoch);
      if (!pushRecord(channel.ring, this.#head, message.bytes)) break;
      count++;
    }
    outbox.splice(0, count);
    return outbox.length === 0;
  }

  #publish(member: Member): void {
    const logical = member.logical;
    const nowNs = logical.now();
    while (
      member.commandIndex < this.#commands.length &&
      this.#commands[member.commandIndex]!.atNs < nowNs
    ) {
      member.commandIndex++;
    }
    const lookahead = logical.lookahead();
    for (const channel of member.outgoing) {
      const entry = lookahead.find((candidate) => candidate.neighbour === channel.to);
      assert(entry !== undefined, 'a process’s lookahead names every neighbour');
      channel.latencyNs = entry.latencyNs;
      if (channel.ring === undefined) continue; // within the group horizons are found anew each turn
      writePromise(this.#board, channel.number, this.#promiseOf(member, channel.to, entry.latencyNs));
    }
    writeClock(this.#board, member.position, nowNs);
  }
}

function checkpointsOf(logical: LogicalProcess): CheckpointPart {
  assert(logical.checkpoints !== undefined, 'a process that is rewound has checkpoints');
  return logical.checkpoints;
}

function makeMember(logical: LogicalProcess, options: ProcessGroupOptions): Member {
  const { wiring, rings } = options;
  const position = wiring.processIds.indexOf(logical.id);
  assert(position >= 0, 'a process of a group belongs to the wiring');
  const numbered = wiring.channels.map((channel, number) => ({ ...channel, number }));
  return {
    logical,
    position,
    outgoing: numbered
      .filter((channel) => channel.from === logical.id)
      .map(({ number, to }) => ({ number, to, ring: rings.get(number), latencyNs: LATENCY_NS_MIN })),
    incoming: numbered
      .filter((channel) => channel.to === logical.id)
      .map(({ number, from }) => ({ number, from, ring: rings.get(number), sender: undefined, latencyNs: () => LATENCY_NS_MIN })),
    outbox: [],
    commandIndex: 0,
    inputNs: 0,
  };
}
