/**
 * The coordinator's side of one lane: hands commands to every worker, raises the limit no further than
 * what all of them have acknowledged, asks and collects answers, keeps the latest snapshots.
 */
import { assert } from '../core/base/assert.ts';
import type { LoggedCommand } from '../core/protocol/command.ts';
import type { ProcessSnapshot } from '../core/protocol/snapshot.ts';
import type { ByteRing } from '../core/sim/byte-ring.ts';
import { pushRecord } from '../core/sim/byte-ring.ts';
import { readClock } from '../core/sim/clock-board.ts';
import type { HostMessage, HostRecord, HostRequest, ProcessReply } from './host-message.ts';
import type { Control, LanePlan } from './run-plan.ts';
import { commandRingOf, controlOf } from './run-plan.ts';

interface WorkerLink {
  readonly worker: number;
  readonly ring: ByteRing;
  readonly waiting: Uint8Array[]; // records that found the ring full
  pushed: number;
}

interface Barrier {
  readonly atNs: number;
  readonly counts: readonly number[]; // records each worker must have taken, in the order of the links
}

interface PendingRequest {
  readonly resolve: (replies: ProcessReply[]) => void;
  readonly replies: ProcessReply[];
  left: number;
}

const NOTHING = new Uint8Array(0);

/** See the file's head. */
export class LaneRun {
  readonly plan: LanePlan;
  readonly #control: Control;
  readonly #links: readonly WorkerLink[];
  readonly #signal: () => void;
  readonly #barriers: Barrier[] = [];
  readonly #scheduled: LoggedCommand[] = []; // not given yet: the limit has not come to them
  readonly #pending = new Map<number, PendingRequest>();
  readonly #latest = new Map<number, ProcessSnapshot>();
  readonly #encoder = new TextEncoder();
  #limitNs = 0;
  #givenNs = -1; // time of the last command given
  #requestCount = 0;
  #closed = false;

  constructor(plan: LanePlan, signal: () => void) {
    this.plan = plan;
    this.#control = controlOf(plan);
    this.#signal = signal;
    this.#links = [...new Set(plan.owners)]
      .toSorted((left, right) => left - right)
      .map((worker) => ({ worker, ring: commandRingOf(plan, worker), waiting: [], pushed: 0 }));
  }

  /** Workers that have processes of this lane. */
  workerCount(): number {
    return this.#links.length;
  }

  /** Time that no process has passed. */
  limitNs(): number {
    return this.#limitNs;
  }

  /** Least clock of all processes. */
  clockNs(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let position = 0; position < this.plan.owners.length; position++) {
      least = Math.min(least, readClock(this.#control.board, position));
    }
    return least;
  }

  /** Do all processes stand at the limit? */
  isAtLimit(): boolean {
    return this.clockNs() >= this.#limitNs;
  }

  /** Does any process show a moment that deserves slow motion? */
  wantsSlowMotion(): boolean {
    return this.#control.slowMotion.some((_, index) => Atomics.load(this.#control.slowMotion, index) === 1);
  }

  /** The latest snapshot of each process, by id. */
  snapshots(): ProcessSnapshot[] {
    return [...this.#latest.values()].toSorted((left, right) => left.process - right.process);
  }

  /** Puts a command down: every worker gets it when the limit is about to pass its time. */
  schedule(logged: LoggedCommand): void {
    assert(logged.atNs >= this.#limitNs, 'a command is given before any process may pass its time');
    this.#scheduled.push(logged);
  }

  /** Takes back commands that no worker has yet, from a time on. */
  unschedule(fromNs: number): void {
    while ((this.#scheduled.at(-1)?.atNs ?? -1) >= fromNs) this.#scheduled.pop();
  }

  /** Whether no worker has a command that is still to come: a checkpoint here holds only what has happened. */
  isQuiet(): boolean {
    return this.#givenNs < this.#limitNs;
  }

  /** Replay work so far, by worker that has processes. Unit: guest instructions. */
  works(): number[] {
    const { owners } = this.plan;
    return this.#links.map(({ worker }) =>
      owners.reduce(
        (sum, owner, position) =>
          owner === worker ? sum + Number(Atomics.load(this.#control.work, position)) : sum,
        0,
      ),
    );
  }

  /** All processes go back to a checkpoint; resolves when they stand there. No command is scheduled then. */
  async restore(
    checkpoint: { readonly id: number; readonly timeNs: number },
    knownNs: number,
  ): Promise<void> {
    assert(this.isAtLimit() && this.isQuiet(), 'a lane goes back from a cut');
    this.#scheduled.length = 0;
    this.#barriers.length = 0;
    this.#limitNs = checkpoint.timeNs;
    this.#givenNs = -1;
    Atomics.store(this.#control.limit, 0, BigInt(checkpoint.timeNs));
    await this.ask({ what: 'restore', id: checkpoint.id, knownNs });
  }

  #give(logged: LoggedCommand): void {
    this.#push({ kind: 'command', logged });
    this.#barriers.push({ atNs: logged.atNs, counts: this.#links.map((link) => link.pushed) });
    this.#givenNs = logged.atNs;
  }

  /** Raises the limit to `targetNs`, or as far as acknowledgements allow; only a restore lowers it. */
  raise(targetNs: number): void {
    while ((this.#scheduled[0]?.atNs ?? targetNs) < targetNs) this.#give(this.#scheduled.shift()!);
    this.#flush();
    while (this.#barriers.length > 0 && this.#hasTaken(this.#barriers[0]!)) this.#barriers.shift();
    const allowed = Math.min(targetNs, this.#barriers[0]?.atNs ?? targetNs);
    if (allowed <= this.#limitNs) return;
    this.#limitNs = allowed;
    Atomics.store(this.#control.limit, 0, BigInt(allowed));
    this.#signal();
  }

  /** Asks every worker; resolves with the answers of all, by ascending process, or with none when the lane ends. */
  ask(request: HostRequest): Promise<ProcessReply[]> {
    if (this.#closed) return Promise.resolve([]);
    const id = this.#requestCount++;
    return new Promise((resolve) => {
      this.#pending.set(id, { resolve, replies: [], left: this.#links.length });
      this.#push({ kind: 'request', id, request });
      this.#signal();
    });
  }

  /** Takes in what a worker of this lane tells. */
  onMessage(message: HostMessage): void {
    if (message.kind === 'snapshots') {
      for (const snapshot of message.snapshots) this.#latest.set(snapshot.process, snapshot);
    }
    if (message.kind !== 'reply') return;
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    pending.replies.push(...message.replies);
    pending.left--;
    if (pending.left > 0) return;
    this.#pending.delete(message.id);
    pending.resolve(pending.replies.toSorted((left, right) => left.process - right.process));
  }

  /** Whether the lane has ended. */
  isClosed(): boolean {
    return this.#closed;
  }

  /** The lane has ended: who still waits gets nothing. */
  close(): void {
    this.#closed = true;
    for (const pending of this.#pending.values()) pending.resolve([]);
    this.#pending.clear();
  }

  #hasTaken(barrier: Barrier): boolean {
    return this.#links.every(
      (link, index) =>
        ((Atomics.load(this.#control.acknowledged, link.worker) - barrier.counts[index]!) | 0) >= 0,
    );
  }

  #push(record: HostRecord): void {
    const bytes = this.#encoder.encode(JSON.stringify(record));
    for (const link of this.#links) {
      link.pushed++;
      link.waiting.push(bytes);
    }
    this.#flush();
  }

  #flush(): void {
    for (const link of this.#links) {
      let count = 0;
      while (count < link.waiting.length && pushRecord(link.ring, link.waiting[count]!, NOTHING)) count++;
      link.waiting.splice(0, count);
    }
  }
}
