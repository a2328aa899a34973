/**
 * The coordinator's record of one run: how it is laid out over workers, what it tells about itself.
 */
import { hashBytes, hashHex, makeHash } from '../core/base/hash.ts';
import type { LoggedCommand } from '../core/protocol/command.ts';
import type { CommandLog } from '../core/sim/command-log.ts';
import { makeCommandLog } from '../core/sim/command-log.ts';
import type { ProcessReply } from './host-message.ts';
import { LaneRun } from './lane-run.ts';
import { Branches } from './branches.ts';
import type { CheckpointPolicy, Divergence } from './lane-history.ts';
import { DEFAULT_POLICY, LaneHistory } from './lane-history.ts';
import type { Chunk, Pace } from './pace.ts';
import { makeChunk } from './pace.ts';
import type { HostHandle, Platform } from './platform.ts';
import type { HostPlan } from './run-plan.ts';
import { WORKER_COUNT_MAX, planLane } from './run-plan.ts';
import type { Lane, RunHistory, RunState, SharedProcess, StartOptions, StartedRun } from './session-api.ts';
import type { LaneScenarios } from './start-request.ts';
import type { Travel } from './time-travel.ts';
import { wholeLog } from './time-travel.ts';
import type { ScenarioFace } from './world-port.ts';

/** So many processes share a worker when nobody says how many workers there are to be. */
const PROCESSES_TOGETHER = 4;

/** The main run's share of the checkpoints' memory: baselines have as much to keep, but are not looked at as often. */
const MAIN_SHARE = 0.6;

/** How the main run moves. */
export type Motion =
  | { readonly kind: 'standing' }
  | { readonly kind: 'playing' }
  | { readonly kind: 'target'; readonly targetNs: number };

/** A baseline beside the run. */
export interface BaselineLane {
  readonly id: Lane;
  readonly lane: LaneRun;
  readonly history: LaneHistory;
  readonly chunk: Chunk;
}

/** A run from its start to its end. */
export interface ActiveRun {
  readonly number: number;
  readonly options: StartOptions;
  readonly scenario: ScenarioFace;
  readonly guestDigest: string;
  readonly activity: Int32Array;
  readonly main: LaneRun;
  readonly memories: { readonly lane: Lane; readonly process: number; readonly buffer: ArrayBufferLike }[];
  readonly log: CommandLog;
  readonly script: LoggedCommand[]; // to come, in order: a replayed log, commands asked for at a time
  readonly pace: Pace;
  readonly chunk: Chunk;
  readonly branches: Branches;
  readonly history: LaneHistory;
  /** The baselines that run beside it; one that fails leaves. */
  readonly baselines: BaselineLane[];
  hosts: HostHandle[];
  motion: Motion;
  holds: number; //    cuts under way: the limit rests
  travel: Travel | undefined; // a journey in time that is under way
  speed: number;
  startedLanes: number;
  speedMark: { atMs: number; timeNs: number };
  measuredSpeed: number;
}

/** Lays a run out: scenarios over workers, shared memory, no worker started yet. */
export function layOutRun(setting: {
  readonly number: number;
  readonly options: StartOptions;
  readonly scenarios: LaneScenarios<ScenarioFace>;
  readonly platform: Platform;
  readonly wake: () => void;
  readonly onCheckpoint: () => void;
  readonly onDivergence: (lane: Lane, found: Divergence) => void;
}): ActiveRun {
  const { number, options, scenarios, platform, wake } = setting;
  const workerCount = workerCountOf(options, scenarios, platform);
  const workers = shareWorkers(workerCount, scenarios.baselines.length);
  const nowMs = platform.nowMs();
  const layOut = (lane: Lane, scenario: ScenarioFace, owners: readonly number[]): LaneRun =>
    new LaneRun(
      planLane({
        lane,
        scenario,
        guest: options.guest?.bytes,
        capture: options.capture ?? lane === 'main',
        workerCount,
        workers: owners,
        makeBuffer: (byteCount) => platform.makeBuffer(byteCount),
      }),
      wake,
    );
  const { spacing, bytesMax } = policyOf(options);
  const share = scenarios.baselines.length === 0 ? 1 : MAIN_SHARE;
  const historyOf = (id: Lane, lane: LaneRun, policy: CheckpointPolicy) =>
    new LaneHistory(lane, {
      policy,
      onChange: setting.onCheckpoint,
      onDivergence: (found) => setting.onDivergence(id, found),
    });
  const main = layOut('main', scenarios.main, workers.main);
  const baselines = scenarios.baselines.map(({ id, scenario }, index): BaselineLane => {
    const lane = layOut(id, scenario, workers.baselines[index]!);
    const policy = { spacing, bytesMax: (bytesMax * (1 - share)) / scenarios.baselines.length };
    return { id, lane, history: historyOf(id, lane, policy), chunk: makeChunk(nowMs) };
  });
  return {
    number,
    options,
    scenario: scenarios.main,
    guestDigest: options.guest === undefined ? '' : digestOf(options.guest.bytes),
    activity: new Int32Array(platform.makeBuffer(4)),
    main,
    baselines,
    memories: [],
    log: makeCommandLog(),
    script: (options.log ?? []).slice(),
    pace: { targetNs: 0, lookedAtMs: nowMs },
    branches: new Branches(),
    history: historyOf('main', main, { spacing, bytesMax: bytesMax * share }),
    chunk: makeChunk(nowMs),
    hosts: [],
    motion: { kind: 'standing' },
    holds: 0,
    travel: undefined,
    speed: options.speed ?? scenarios.main.speed,
    startedLanes: 0,
    speedMark: { atMs: nowMs, timeNs: 0 },
    measuredSpeed: 0,
  };
}

/**
 * Workers of a run. When nobody says: one for the main run and one for each baseline, more for many hosts.
 * Hosts a few microseconds apart are quicker together than in two workers that wait for each other.
 */
function workerCountOf(
  options: StartOptions,
  { main, baselines }: LaneScenarios<ScenarioFace>,
  platform: Platform,
): number {
  if (!platform.isolated) return 1;
  if (options.workerCount !== undefined) return options.workerCount;
  const useful = Math.ceil(main.processes.length / PROCESSES_TOGETHER) * (1 + baselines.length);
  return Math.max(1, Math.min(useful, platform.workerCountDefault, WORKER_COUNT_MAX));
}

/** Who runs what. Baselines take workers of their own if there are: they then cost the main run nothing. */
export function shareWorkers(
  workerCount: number,
  baselineCount: number,
): { readonly main: readonly number[]; readonly baselines: readonly (readonly number[])[] } {
  const all = Array.from({ length: workerCount }, (_, worker) => worker);
  const main = all.slice(0, Math.ceil(workerCount / (1 + baselineCount)));
  const others = workerCount === main.length ? main : all.slice(main.length);
  const baselines = Array.from({ length: baselineCount }, (_, baseline) => {
    const own = others.filter((_, index) => index % baselineCount === baseline);
    return own.length > 0 ? own : [others[baseline % others.length]!];
  });
  return { main, baselines };
}

/** How a run's checkpoints are kept. */
export function policyOf(options: StartOptions): CheckpointPolicy {
  return {
    spacing: options.checkpointSpacing ?? DEFAULT_POLICY.spacing,
    bytesMax: options.checkpointBytesMax ?? DEFAULT_POLICY.bytesMax,
  };
}

/** All lanes that run: the main one, then the baselines. */
export function lanesOf(run: ActiveRun): LaneRun[] {
  return [run.main, ...run.baselines.map(({ lane }) => lane)];
}

/** The checkpoints of all lanes. */
export function historiesOf(run: ActiveRun): LaneHistory[] {
  return [run.history, ...run.baselines.map(({ history }) => history)];
}

/** Least clock of each baseline, by its id. Unit: ns. */
export function baselineTimesOf(
  run: ActiveRun,
  timeOf: (baseline: BaselineLane) => number = ({ lane }) => lane.clockNs(),
): Record<Lane, number> {
  return Object.fromEntries(run.baselines.map((baseline) => [baseline.id, timeOf(baseline)]));
}

/** Where a run can travel to. */
export function historyOf(run: ActiveRun): RunHistory {
  return {
    checkpoints: run.history.entries().map(({ timeNs, hash }) => ({ timeNs, hash })),
    checkpointBytes: historiesOf(run).reduce((sum, history) => sum + history.byteCount(), 0),
    checkpointBytesMax: policyOf(run.options).bytesMax,
    checkpointBytesSpilled: historiesOf(run).reduce((sum, history) => sum + history.spilledByteCount(), 0),
    branches: run.branches.list(wholeLog(run), run.main.limitNs()),
    branch: run.branches.current(),
    furthestNs: Math.max(run.branches.furthestNs(), run.main.limitNs()),
  };
}

/** What each worker of the run is started with; workers without a process are left out. */
export function hostPlansOf(run: ActiveRun, shared: boolean): HostPlan[] {
  const plans = lanesOf(run).map(({ plan }) => plan);
  return run.main.plan.commandRings.flatMap((_, worker) => {
    const lanes = plans.filter((plan) => plan.owners.includes(worker));
    return lanes.length === 0 ? [] : [{ worker, shared, activity: run.activity.buffer, lanes }];
  });
}

/** A run as it is told to whoever started it. */
export function describeRun(run: ActiveRun, isolated: boolean): StartedRun {
  const { scenario } = run;
  return {
    run: run.number,
    lab: scenario.lab,
    seed: scenario.seed,
    knobs: scenario.knobs,
    speed: run.speed,
    isolated,
    workerCount: run.main.plan.commandRings.length,
    processes: scenario.processes.map(({ id, name, sampleColumns }) => ({ id, name, sampleColumns })),
    links: scenario.links.map(({ a, b }) => ({ a, b })),
    baselines: run.baselines.map(({ id }) => id),
    shared: isolated ? sharedOf(run) : [],
    snapshots: run.main.snapshots(),
  };
}

function sharedOf(run: ActiveRun): SharedProcess[] {
  return lanesOf(run).flatMap(({ plan }) =>
    plan.wiring.processIds.map((process, position): SharedProcess => {
      const { lane } = plan;
      const samples = plan.samples[position] as SharedArrayBuffer;
      const memory = run.memories.find((it) => it.lane === lane && it.process === process)?.buffer;
      return memory === undefined
        ? { lane, process, samples }
        : { lane, process, samples, memory: memory as SharedArrayBuffer };
    }),
  );
}

/** Where a run stands. */
export function stateOf(run: ActiveRun): RunState {
  const finite = Number.isFinite(run.speed);
  return {
    run: run.number,
    timeNs: run.main.clockNs(),
    baselineTimesNs: baselineTimesOf(run),
    playing: run.motion.kind !== 'standing',
    speed: run.speed,
    slowMotion: finite && run.motion.kind === 'playing' && run.main.wantsSlowMotion(),
    measuredSpeed: run.measuredSpeed,
    commandCount: run.log.entries.length,
    replayLeft: run.script.length,
    furthestNs: Math.max(run.branches.furthestNs(), run.main.limitNs()),
    branch: run.branches.current(),
  };
}

/** Which of several hosts' answers is meant: that of the one where the VM runs, or will. */
export function bestReply(run: LaneRun, vm: number, replies: readonly ProcessReply[]) {
  const preference = ['running', 'paused', 'handing-over', 'incoming'];
  const stateOn = (process: number) =>
    run
      .snapshots()
      .find((snapshot) => snapshot.process === process)
      ?.host?.vms.find((it) => it.id === vm)?.state ?? '';
  for (const state of preference) {
    const reply = replies.find((it) => stateOn(it.process) === state);
    if (reply !== undefined) return reply;
  }
  return undefined;
}

/** Digest of a guest file as run files name it. */
export function digestOf(bytes: Uint8Array): string {
  const hash = makeHash();
  hashBytes(hash, bytes);
  return hashHex(hash);
}
