/**
 * The loop of a host worker, the same in a browser's worker, a Node thread and inside the coordinator:
 * takes records from the command rings, advances the processes of its lanes, tells snapshots. It never
 * waits; whoever drives it does. A failure of the model ends its lane and nothing else.
 */
import type { ProcessSnapshot } from '../core/protocol/snapshot.ts';
import type { ByteRing } from '../core/sim/byte-ring.ts';
import { takeRecord } from '../core/sim/byte-ring.ts';
import type { LogicalProcess } from '../core/sim/logical-process.ts';
import type { PageShelf } from '../core/sim/checkpoint/part.ts';
import type { AdvanceOutcome } from '../core/sim/process-group.ts';
import { ProcessGroup } from '../core/sim/process-group.ts';
import type { HostMessage, HostRecord, HostRequest, ProcessReply } from './host-message.ts';
import type { Control, HostPlan, LanePlan } from './run-plan.ts';
import {
  commandRingOf,
  controlOf,
  mailboxesOf,
  processIdsOf,
  sampleRingsOf,
  signalActivity,
} from './run-plan.ts';
import type { Builder } from './world-port.ts';

/** What a loop needs of the platform. */
export interface HostPorts {
  readonly builder: Builder;
  readonly emit: (message: HostMessage) => void;
  readonly nowMs: () => number;
  /** Where copies of old checkpoints go when memory is short; without it fewer checkpoints are kept. */
  readonly shelf?: PageShelf | undefined;
}

/** Least wall time between two snapshots that nobody asked for. Unit: ms. */
const SNAPSHOT_PERIOD_MS = 50;
/** Wall time that one slice should take: short enough for commands, long enough to be cheap. Unit: ms. */
const SLICE_MS = 4;
/** A baseline's: the run that is shown must not wait for it. */
const BASELINE_SLICE_MS = 1;
/** Bounds of a slice in virtual time. Unit: ns. */
const SLICE_NS_MIN = 1_000;
const SLICE_NS_MAX = 1_000_000_000;

/** All lanes of one worker. */
export class HostLoop {
  readonly #lanes: LaneLoop[];

  constructor(plan: HostPlan, ports: HostPorts) {
    this.#lanes = plan.lanes.map((lane) => new LaneLoop(plan, lane, ports));
  }

  /**
   * One turn: every lane's records, then a slice of the main run, or, when it cannot move, of the baseline
   * that is furthest behind of those that can. False when there was nothing to do.
   */
  turn(): boolean {
    let busy = false;
    for (const lane of this.#lanes) if (lane.poll()) busy = true;
    for (const lane of this.#inTurn()) if (lane.advance()) return true;
    for (const lane of this.#lanes) lane.tellWhenDue();
    return busy;
  }

  #inTurn(): readonly LaneLoop[] {
    if (this.#lanes.length < 3) return this.#lanes;
    return this.#lanes.toSorted((left, right) => left.turnNs() - right.turnNs());
  }

  /** How long nothing needs this loop if nothing happens. Unit: ms. */
  idleMs(): number {
    return this.#lanes.some((lane) => lane.hasUntold()) ? SNAPSHOT_PERIOD_MS / 2 : 500;
  }
}

class LaneLoop {
  readonly #plan: LanePlan;
  readonly #worker: number;
  readonly #ports: HostPorts;
  readonly #activity: Int32Array;
  readonly #control: Control;
  readonly #commandRing: ByteRing;
  #group: ProcessGroup | undefined;
  #sliceNs = 100_000;
  #toldAtMs = 0; // wall time of the last snapshots; 0: long ago
  #untold = false;
  #knownNs = 0; // console and events before it have been told, in the time that was undone
  #toldLimit = -1n;
  #commandNs = -1; // a command of this time is to be told as soon as it has taken effect; −1: none

  constructor(plan: HostPlan, lane: LanePlan, ports: HostPorts) {
    this.#plan = lane;
    this.#worker = plan.worker;
    this.#ports = ports;
    this.#activity = new Int32Array(plan.activity);
    this.#control = controlOf(lane);
    this.#commandRing = commandRingOf(lane, plan.worker);
    this.#guard(() => this.#start(plan.shared));
  }

  /** Who is served first: the main run, then the lane that stands earliest. */
  turnNs(): number {
    return this.#plan.lane === 'main' ? -1 : (this.#group?.processes()[0]?.now() ?? 0);
  }

  hasUntold(): boolean {
    return this.#untold;
  }

  /** Takes all records of the command ring; true when there was one. */
  poll(): boolean {
    let count = 0;
    for (;;) {
      const bytes = takeRecord(this.#commandRing);
      if (bytes === undefined) break;
      count++;
      const record = JSON.parse(new TextDecoder().decode(bytes)) as HostRecord;
      this.#guard(() => this.#onRecord(record));
      Atomics.add(this.#control.acknowledged, this.#worker, 1);
    }
    if (count > 0) signalActivity(this.#activity);
    return count > 0;
  }

  /** One slice; true when something moved. */
  advance(): boolean {
    const group = this.#group;
    if (group === undefined) return false;
    let outcome: AdvanceOutcome = 'blocked';
    const limit = Atomics.load(this.#control.limit, 0);
    const startMs = this.#ports.nowMs();
    this.#guard(() => {
      outcome = group.advance(Number(limit), this.#sliceNs);
    });
    if (this.#group === undefined) return true;
    if ((outcome as AdvanceOutcome) === 'progress') {
      this.#fitSlice(this.#ports.nowMs() - startMs);
      this.#flag(group);
      this.#untold = true;
      if (this.#hasPassedCommand(group)) this.#toldAtMs = 0;
      this.tellWhenDue();
      signalActivity(this.#activity);
      return true;
    }
    if ((outcome as AdvanceOutcome) === 'at-limit' && limit !== this.#toldLimit) {
      this.#toldLimit = limit;
      this.#ports.emit({ kind: 'at-limit', lane: this.#plan.lane, worker: this.#worker });
    }
    return false;
  }

  /** Tells snapshots when something has happened since the last ones and they are old enough. */
  tellWhenDue(): void {
    if (!this.#untold || this.#ports.nowMs() - this.#toldAtMs < SNAPSHOT_PERIOD_MS) return;
    if (this.#isInKnownTime()) return;
    this.#guard(() => this.#tell());
  }

  /** True once when every process has passed the last command: the screen should answer at once. */
  #hasPassedCommand(group: ProcessGroup): boolean {
    if (this.#commandNs < 0) return false;
    if (group.processes().some((it) => it.now() <= this.#commandNs)) return false;
    this.#commandNs = -1;
    return true;
  }

  /** Replay of what has been told is not told again. */
  #isInKnownTime(): boolean {
    return this.#group?.processes().some((it) => it.now() < this.#knownNs) ?? false;
  }

  #start(shared: boolean): void {
    const plan = this.#plan;
    const processIds = processIdsOf(plan, this.#worker);
    const processes = this.#ports.builder.buildWorld({
      scenario: plan.scenario,
      processIds,
      ...(plan.guest === undefined ? {} : { guest: plan.guest }),
      sampleRings: sampleRingsOf(plan),
      capture: plan.capture,
      ...(this.#ports.shelf === undefined ? {} : { shelf: this.#ports.shelf }),
    });
    this.#group = new ProcessGroup({
      wiring: plan.wiring,
      board: this.#control.board,
      processes,
      rings: mailboxesOf(plan),
    });
    const memories = processes.flatMap((it) => {
      const buffer = shared ? it.memory?.() : undefined;
      return buffer === undefined ? [] : [{ process: it.id, buffer }];
    });
    this.#tell();
    this.#ports.emit({ kind: 'started', lane: plan.lane, worker: this.#worker, memories });
  }

  #tell(): void {
    const snapshots: ProcessSnapshot[] = [];
    for (const it of this.#group?.processes() ?? []) snapshots.push(fromTime(it.snapshot(), this.#knownNs));
    this.#untold = false;
    this.#toldAtMs = this.#ports.nowMs();
    this.#ports.emit({ kind: 'snapshots', lane: this.#plan.lane, snapshots });
  }

  #onRecord(record: HostRecord): void {
    if (record.kind === 'command') {
      this.#group?.command(record.logged);
      this.#commandNs = record.logged.atNs;
      return;
    }
    const replies = this.#group === undefined ? [] : this.#answer(this.#group, record.request);
    const { lane } = this.#plan;
    this.#ports.emit({ kind: 'reply', lane, worker: this.#worker, id: record.id, replies });
  }

  #answer(group: ProcessGroup, request: HostRequest): ProcessReply[] {
    const processes = group.processes();
    switch (request.what) {
      case 'snapshot':
        this.#knownNs = request.knownNs ?? this.#knownNs;
        this.#tell();
        return [];
      case 'checkpoint':
        return this.#checkpoint(group, request.id, request.known);
      case 'restore':
        group.restoreCheckpoint(request.id);
        this.#knownNs = request.knownNs;
        this.#toldLimit = -1n;
        this.#flag(group);
        return [];
      case 'drop':
        group.dropCheckpoints(request.ids);
        return processes.map(sizesOf);
      case 'spill': {
        let left = request.byteCount;
        for (const it of processes) left -= it.checkpoints?.spill?.(left) ?? 0;
        return processes.map(sizesOf);
      }
      case 'previous':
        return processes.map((it) => ({
          process: it.id,
          previous: {
            eventNs: it.lastEventTime?.(request.beforeNs) ?? -1,
            instructionNs:
              request.vm === undefined ? -1 : (it.lastInstructionTime?.(request.vm) ?? -1),
          },
        }));
      case 'hash':
        return processes.map((it) => ({ process: it.id, hash: it.hash() }));
      case 'next':
        return processes.map((it) => ({
          process: it.id,
          next: {
            eventNs: finiteOr(it.nextEventTime(), -1),
            instructionNs:
              request.vm === undefined ? -1 : finiteOr(it.nextInstructionTime?.(request.vm), -1),
          },
        }));
      case 'inspect':
        return processes.map((it) => ({ process: it.id, inspection: it.inspect(request.request) }));
      case 'capture':
        return processes
          .filter((it) => request.process === 'all' || it.id === request.process)
          .flatMap((it) => {
            const bytes = it.capture?.();
            return bytes === undefined ? [] : [{ process: it.id, bytes: [bytes] }];
          });
      case 'snapshot-file':
        return processes.flatMap((it) => {
          const bytes = it.snapshotFile?.(request.name);
          return bytes === undefined ? [] : [{ process: it.id, bytes: [bytes] }];
        });
      case 'memory': {
        const buffer = group.findProcess(request.process)?.memory?.();
        if (buffer === undefined) return [];
        const bytes = request.ranges.map(({ byteOffset, byteCount }) =>
          new Uint8Array(buffer).slice(byteOffset, byteOffset + byteCount),
        );
        return [{ process: request.process, bytes }];
      }
    }
  }

  #checkpoint(group: ProcessGroup, id: number, known: boolean): ProcessReply[] {
    group.settleMail();
    const processes = group.processes();
    const hashes = processes.map((it) => ({ hash: it.hash(), state: it.stateHash?.() ?? it.hash() }));
    if (known) group.passCheckpoint(id);
    else group.takeCheckpoint(id);
    return processes.map((it, index) => ({ ...sizesOf(it), checkpoint: hashes[index]! }));
  }

  #fitSlice(tookMs: number): void {
    const wanted = this.#plan.lane === 'main' ? SLICE_MS : BASELINE_SLICE_MS;
    if (tookMs < wanted / 2) this.#sliceNs = Math.min(SLICE_NS_MAX, this.#sliceNs * 2);
    else if (tookMs > wanted * 1.5) {
      this.#sliceNs = Math.max(SLICE_NS_MIN, Math.floor(this.#sliceNs / 2));
    }
  }

  #flag(group: ProcessGroup): void {
    for (const it of group.processes()) {
      const position = this.#plan.wiring.processIds.indexOf(it.id);
      Atomics.store(this.#control.slowMotion, position, it.wantsSlowMotion() ? 1 : 0);
      Atomics.store(this.#control.work, position, BigInt(it.work?.() ?? 0));
    }
  }

  /** Runs model code; what it throws ends this lane with a report. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (cause) {
      const current = this.#group?.currentProcess();
      this.#group = undefined;
      this.#untold = false;
      this.#ports.emit({
        kind: 'failed',
        lane: this.#plan.lane,
        process: current?.id ?? -1,
        virtualTimeNs: current?.now() ?? 0,
        message: cause instanceof Error ? cause.message : String(cause),
        stack: cause instanceof Error ? (cause.stack ?? '') : '',
      });
    }
  }
}

function sizesOf(process: LogicalProcess): ProcessReply {
  const { checkpoints, id } = process;
  return { process: id, checkpointBytes: checkpoints?.byteCount() ?? 0, spilledBytes: checkpoints?.spilledByteCount?.() ?? 0 };
}

/** A snapshot without what was told of times before `knownNs`. */
function fromTime(snapshot: ProcessSnapshot, knownNs: number): ProcessSnapshot {
  if (knownNs === 0) return snapshot;
  return {
    ...snapshot,
    console: snapshot.console.filter((chunk) => chunk.timeNs >= knownNs),
    events: snapshot.events.filter((event) => event.timeNs >= knownNs),
  };
}

function finiteOr(value: number | undefined, otherwise: number): number {
  return value !== undefined && Number.isFinite(value) ? value : otherwise;
}
