/**
 * Runs a world in one thread, conservatively, without workers: processes advance in turn, no
 * further than what their neighbours may still send allows. A splitter may cut the run anywhere;
 * the result must not depend on it. Watchers see the world whenever all processes stand at one
 * time.
 */
import { assert } from '../base/index.ts';
import type { Command, LoggedCommand } from '../protocol/command.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { ProcessSnapshot } from '../protocol/snapshot.ts';
import { promiseNs } from '../sim/horizon.ts';
import type { PageShelf } from '../sim/checkpoint/part.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';
import { foldRunHash } from '../sim/run-hash.ts';
import { compileHostModule } from '../wasm/index.ts';
import { buildProcess } from '../world/build-world.ts';
import { HostProcess } from '../world/host-process.ts';

/** What a run is asked for with. */
export interface WorldRunOptions {
  readonly scenario: Scenario;
  readonly guest?: Uint8Array;
  readonly capture?: boolean;
  readonly shelf?: PageShelf;
  /** Where a run may be cut besides: given a time, the next one, later. None when missing. */
  readonly split?: (nowNs: number) => number;
}

/** What was told before and what is new; the same array while nothing is. */
function joined<Told>(before: readonly Told[] | undefined, now: readonly Told[]): readonly Told[] {
  if (before === undefined) return now;
  return now.length === 0 ? before : [...before, ...now];
}

/** Later than anything. */
const NEVER_NS = Number.MAX_SAFE_INTEGER / 2;

/** A neighbour, and where it names somebody in its lookahead. */
interface Sender {
  readonly other: LogicalProcess;
  readonly position: number;
}

function senderOf(other: LogicalProcess | undefined, receiver: number): Sender {
  const position = other?.lookahead().findIndex(({ neighbour }) => neighbour === receiver) ?? -1;
  assert(other !== undefined && position >= 0, 'cables have two ends');
  return { other, position };
}

let compiledModule: WebAssembly.Module | undefined;

/** A world in this thread. */
export class WorldRun {
  readonly scenario: Scenario;
  /** Every process, of whatever kind, and the hosts among them. */
  readonly all: readonly LogicalProcess[];
  readonly processes: readonly HostProcess[];
  readonly log: LoggedCommand[] = [];
  private readonly byId: ReadonlyMap<number, LogicalProcess>;
  /** By position: who sends to that process, and at which place of the sender's lookahead it stands. */
  private readonly senders: readonly (readonly Sender[])[];
  private readonly collected: ProcessSnapshot[];
  private readonly split: ((nowNs: number) => number) | undefined;
  private nowNs = 0;

  constructor(options: WorldRunOptions) {
    const { scenario, guest } = options;
    compiledModule ??= compileHostModule();
    const compiled = compiledModule;
    this.scenario = scenario;
    this.split = options.split;
    this.all = scenario.processes.map(({ id }) =>
      buildProcess({ scenario, id, guest, capture: options.capture ?? false, compiled, shelf: options.shelf }),
    );
    this.processes = this.all.filter((it) => it instanceof HostProcess);
    this.byId = new Map(this.all.map((it) => [it.id, it] as const));
    this.senders = this.all.map((member) => member.lookahead().map(({ neighbour }) => senderOf(this.byId.get(neighbour), member.id)));
    this.collected = this.all.map((member) => member.snapshot());
  }

  now(): number {
    return this.nowNs;
  }

  /** All processes were restored to checkpoints of this time. */
  standAt(timeNs: number): void {
    assert(this.all.every((member) => member.now() === timeNs), 'a checkpoint is one cut');
    this.nowNs = timeNs;
  }

  /** Logs a command for `atNs`, not before now. */
  command(atNs: number, command: Command): void {
    const logged = { atNs, sequence: this.log.length, command };
    this.log.push(logged);
    for (const member of this.all) member.command(logged);
  }

  /** Advances all processes to `untilNs`. */
  runTo(untilNs: number): void {
    while (this.nowNs < untilNs) {
      const cutNs = Math.min(untilNs, this.split?.(this.nowNs) ?? untilNs);
      this.advance(cutNs);
      this.nowNs = cutNs;
    }
  }

  /**
   * Advances to `untilNs` in steps that let every process handle the events of one instant at most,
   * and calls `watch` after each; stops early when it gives true.
   */
  watchTo(untilNs: number, watch: (nowNs: number) => boolean): void {
    while (this.nowNs < untilNs) {
      const nextNs = Math.min(...this.all.map((member) => member.nextEventTime()));
      const stepNs = Math.max(this.nowNs + 1, Math.min(untilNs, nextNs + 1));
      this.runTo(stepNs);
      if (watch(this.nowNs)) return;
    }
  }

  /**
   * Each process runs to the horizon that the least of its neighbours' times and latencies allows.
   */
  private advance(untilNs: number): void {
    // Commands that some process may not have applied yet.
    const pending = this.log.filter(({ atNs }) => atNs >= this.nowNs);
    for (;;) {
      let progressed = false;
      let isThere = true;
      // Until then nobody sends anything: those who only wait need not creep on by a latency each time.
      let quietNs = Number.POSITIVE_INFINITY;
      for (const it of this.all) quietNs = Math.min(quietNs, it.nextSendTime?.() ?? it.now());
      for (const [index, member] of this.all.entries()) {
        const horizonNs = this.horizonOf(index, { untilNs, quietNs, pending });
        if (horizonNs <= member.now()) {
          isThere &&= member.now() === untilNs;
          continue;
        }
        member.run(horizonNs);
        progressed = true;
        isThere &&= horizonNs === untilNs;
        this.handOver(member);
      }
      if (isThere) return;
      assert(progressed, 'conservative processes do not lock up');
    }
  }

  /** How far the process at `index` may go now. */
  private horizonOf(index: number, bounds: { readonly untilNs: number; readonly quietNs: number; readonly pending: readonly LoggedCommand[] }): number {
    let horizonNs = bounds.untilNs;
    for (const { other, position } of this.senders[index]!) {
      const { latencyNs } = other.lookahead()[position]!;
      const nowNs = other.now();
      let pendingCommandNs = NEVER_NS;
      for (const { atNs } of bounds.pending) if (atNs >= nowNs) pendingCommandNs = Math.min(pendingCommandNs, atNs);
      horizonNs = Math.min(horizonNs, promiseNs({ nowNs: Math.max(nowNs, bounds.quietNs), latencyNs, pendingCommandNs }));
    }
    return horizonNs;
  }

  private handOver(member: LogicalProcess): void {
    for (const message of member.takeOutgoing()) {
      const receiver = this.byId.get(message.destination);
      assert(receiver !== undefined, 'a frame goes to a member of the world');
      assert(message.arrivalTimeNs >= receiver.now(), 'a frame arrives in its receiver’s future');
      receiver.deliver(message);
    }
  }

  /** Everything told since the start, per process. */
  snapshots(): readonly ProcessSnapshot[] {
    this.all.forEach((member, index) => {
      const before = this.collected[index];
      const now = member.snapshot();
      this.collected[index] = {
        ...now,
        console: joined(before?.console, now.console),
        events: joined(before?.events, now.events),
      };
    });
    return this.collected;
  }

  /** The run hash at this cut. */
  hash(): string {
    return foldRunHash(
      this.all.map((member) => ({ process: member.id, hash: member.hash() })),
    );
  }
}
