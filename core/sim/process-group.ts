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
import { promiseNs } from './horizon.ts';
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
}

interface IncomingChannel {
  readonly number: number;
  readonly from: ProcessId;
  readonly ring: ByteRing | undefined;
}

interface Member {
  readonly logical: LogicalProcess;
  readonly position: number; // on the clock board
  readonly outgoing: readonly OutgoingChannel[];
  readonly incoming: readonly IncomingChannel[];
  readonly outbox: WireMessage[]; // sent and not yet in its ring, which was full
  commandIndex: number; // first command of the log that may not have been applied yet
}

/** Bytes before the frame in a mailbox record: f64 arrival, f64 sequence, u32 link epoch. */
const MAIL_HEAD_SIZE = 20;

/** See the file's head. */
export class ProcessGroup {
  readonly #members: Member[];
  readonly #byId = new Map<ProcessId, Member>();
  readonly #board: ClockBoard;
  readonly #commands: LoggedCommand[] = [];
  readonly #isWhole: boolean; // every process of the world is here
  /** By channel number: its latency, as its sender told last. Unit: ns. */
  readonly #latencies: Float64Array;
  #pendingNs = 0; // time of the first command that some process has not passed yet
  readonly #head = new Uint8Array(MAIL_HEAD_SIZE);
  readonly #headView = new DataView(this.#head.buffer);
  #current: LogicalProcess | undefined;

  constructor(options: ProcessGroupOptions) {
    this.#board = options.board;
    this.#members = options.processes.map((logical) => makeMember(logical, options));
    for (const member of this.#members) this.#byId.set(member.logical.id, member);
    this.#latencies = new Float64Array(options.wiring.channels.length);
    this.#isWhole = options.wiring.processIds.every((id) => this.#byId.has(id));
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
    const quietNs = this.#quietUntil();
    for (const member of this.#members) {
      if (this.#step(member, limitNs, sliceNs, quietNs)) progressed = true;
      if (member.logical.now() < limitNs || member.outbox.length > 0) atLimit = false;
    }
    if (progressed) return 'progress';
    return atLimit ? 'at-limit' : 'blocked';
  }

  /**
   * Nobody in the world sends anything before this time: known only where all processes are in one group, which
   * hands mail over at once. Without it, processes that wait creep on by a latency a turn.
   */
  #quietUntil(): number {
    if (!this.#isWhole) return Number.NEGATIVE_INFINITY;
    let quietNs = Number.MAX_SAFE_INTEGER / 2;
    this.#pendingNs = quietNs;
    for (const { logical, commandIndex } of this.#members) {
      quietNs = Math.min(quietNs, logical.nextSendTime?.() ?? logical.now());
      this.#pendingNs = Math.min(this.#pendingNs, this.#commands[commandIndex]?.atNs ?? this.#pendingNs);
    }
    return quietNs;
  }

  #step(member: Member, limitNs: number, sliceNs: number, quietNs: number): boolean {
    const logical = member.logical;
    this.#current = logical;
    const hadOutbox = member.outbox.length > 0;
    if (hadOutbox && this.#flush(member)) this.#publish(member);
    // The promises are read before the mail is taken: what a promise covers is in the ring by then.
    let until = Math.min(limitNs, logical.now() + sliceNs);
    for (const channel of member.incoming) {
      const quiet = { nowNs: quietNs, latencyNs: this.#latencies[channel.number]!, pendingCommandNs: this.#pendingNs };
      until = Math.min(until, Math.max(promiseNs(quiet), readPromise(this.#board, channel.number)));
    }
    for (const channel of member.incoming) this.#takeMail(member, channel);
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
        message.arrivalTimeNs >= readPromise(this.#board, channel.number),
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
    const pendingCommandNs =
      this.#commands[member.commandIndex]?.atNs ?? Number.MAX_SAFE_INTEGER / 2;
    const lookahead = logical.lookahead();
    for (const channel of member.outgoing) {
      const entry = lookahead.find((candidate) => candidate.neighbour === channel.to);
      assert(entry !== undefined, 'a process’s lookahead names every neighbour');
      const latencyNs = entry.latencyNs;
      this.#latencies[channel.number] = latencyNs;
      writePromise(this.#board, channel.number, promiseNs({ nowNs, latencyNs, pendingCommandNs }));
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
      .map(({ number, to }) => ({ number, to, ring: rings.get(number) })),
    incoming: numbered
      .filter((channel) => channel.to === logical.id)
      .map(({ number, from }) => ({ number, from, ring: rings.get(number) })),
    outbox: [],
    commandIndex: 0,
  };
}
