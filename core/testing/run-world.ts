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

let compiledModule: WebAssembly.Module | undefined;

/** A world in this thread. */
export class WorldRun {
  readonly scenario: Scenario;
  /** Every process, of whatever kind, and the hosts among them. */
  readonly all: readonly LogicalProcess[];
  readonly processes: readonly HostProcess[];
  readonly log: LoggedCommand[] = [];
  private readonly byId: ReadonlyMap<number, LogicalProcess>;
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
    const pendingNs = (timeNs: number) =>
      this.log.find((logged) => logged.atNs >= timeNs)?.atNs ?? Number.MAX_SAFE_INTEGER / 2;
    for (;;) {
      let progressed = false;
      // Until then nobody sends anything: those who only wait need not creep on by a latency each time.
      const quietNs = Math.min(...this.all.map((it) => it.nextSendTime?.() ?? it.now()));
      for (const member of this.all) {
        let horizonNs = untilNs;
        for (const { neighbour } of member.lookahead()) {
          const other = this.byId.get(neighbour);
          const latencyNs = other?.lookahead().find((it) => it.neighbour === member.id)?.latencyNs;
          assert(other !== undefined && latencyNs !== undefined, 'cables have two ends');
          const nowNs = Math.max(other.now(), quietNs);
          horizonNs = Math.min(horizonNs, promiseNs({ nowNs, latencyNs, pendingCommandNs: pendingNs(other.now()) }));
        }
        if (horizonNs <= member.now()) continue;
        member.run(horizonNs);
        progressed = true;
        for (const message of member.takeOutgoing()) {
          const receiver = this.byId.get(message.destination);
          assert(receiver !== undefined, 'a frame goes to a member of the world');
          assert(
            message.arrivalTimeNs >= receiver.now(),
            'a frame arrives in its receiver’s future',
          );
          receiver.deliver(message);
        }
      }
      if (this.all.every((member) => member.now() === untilNs)) return;
      assert(progressed, 'conservative processes do not lock up');
    }
  }

  /** Everything told since the start, per process. */
  snapshots(): readonly ProcessSnapshot[] {
    this.all.forEach((member, index) => {
      const before = this.collected[index];
      const now = member.snapshot();
      this.collected[index] = {
        ...now,
        console: [...(before?.console ?? []), ...now.console],
        events: [...(before?.events ?? []), ...now.events],
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
