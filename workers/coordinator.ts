/**
 * The coordinator: starts runs, lets virtual time go (paced, to a target, by a step), puts commands into the
 * log at a time that no process has passed, makes cuts, keeps baselines behind the main run. Knows no
 * model and no platform. Everything it offers is {@link SessionApi}.
 */
import type { Result } from '../core/base/result.ts';
import { err, ok } from '../core/base/result.ts';
import { mergeCaptures } from '../core/formats/pcapng-merge.ts';
import { readSamples } from '../core/metrics/sample-ring.ts';
import type { Command, LoggedCommand, Refusal } from '../core/protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../core/protocol/inspection.ts';
import { appendCommand } from '../core/sim/command-log.ts';
import { foldRunHash } from '../core/sim/run-hash.ts';
import type { ActiveRun, BaselineLane, Motion } from './active-run.ts';
import {
  bestReply,
  describeRun,
  digestOf,
  historyOf,
  hostPlansOf,
  lanesOf,
  layOutRun,
  stateOf,
} from './active-run.ts';
import type { HostMessage } from './host-message.ts';
import type { LaneRun } from './lane-run.ts';
import { SLOW_MOTION_FACTOR, nextChunkLength, paceTarget } from './pace.ts';
import type { Platform } from './platform.ts';
import { readRunFile } from './run-file.ts';
import { sampleRingsOf, signalActivity } from './run-plan.ts';
import type {
  Lane,
  MemoryRange,
  RunFile,
  RunHistory,
  RunState,
  SessionApi,
  SessionEvent,
  StartOptions,
  StartedRun,
  StepKind,
} from './session-api.ts';
import type { LaneScenarios } from './start-request.ts';
import { scenariosOf } from './start-request.ts';
import { TimeTravel } from './time-travel.ts';
import type { Planner, ScenarioFace } from './world-port.ts';

/** Wall time between two looks at a run that moves. Unit: ms. */
const LOOK_MS = 4;
/** Wall time between two tellings of where the run stands. Unit: ms. */
const STATE_MS = 50;
/** An unpaced main run may be ahead of its baselines by so many chunks, about a second of work. */
const BASELINE_LAG_CHUNKS = 64;

/** Refusals that hold at any time; others depend on the moment, which for a planned command is still to come. */
const LASTING: ReadonlySet<string> = new Set([
  'unknown-knob',
  'not-a-number',
  'out-of-range',
  'off-step',
  'unknown-fault',
  'no-such-vm',
  'no-such-host',
  'too-long',
]);

interface Waiter {
  readonly isDone: () => boolean;
  readonly resolve: () => void;
}

/** See the file's head. */
export class Coordinator<S extends ScenarioFace> implements SessionApi {
  readonly #platform: Platform;
  readonly #planner: Planner<S>;
  readonly #waiters = new Set<Waiter>();
  readonly #travel: TimeTravel;
  #listener: (event: SessionEvent) => void = () => {};
  #run: ActiveRun | undefined;
  #runCount = 0;
  #cancelLook: (() => void) | undefined;
  #toldAtMs = 0;

  constructor(platform: Platform, planner: Planner<S>) {
    this.#platform = platform;
    this.#planner = planner;
    this.#travel = new TimeTravel({
      stand: (run) => this.#setMotion(run, { kind: 'standing' }),
      atLimit: (run, lane) => this.#atLimit(run, lane),
      advance: (run, targetNs) => this.#advance(run, targetNs),
      settle: (run) => this.#settle(run),
      isOver: (run) => this.#run !== run,
      tell: (event) => this.#listener(event),
      baselineCommand: (run, command) => planner.baselineCommand(run.scenario as S, command),
    });
  }

  async subscribe(listener: (event: SessionEvent) => void): Promise<void> {
    this.#listener = listener;
  }

  async start(options: StartOptions): Promise<Result<StartedRun, Refusal>> {
    const scenarios = scenariosOf(this.#planner, options);
    if (!scenarios.ok) return scenarios;
    await this.stop();
    const run = this.#launch(this.#withScript(options, scenarios.value.main), scenarios.value);
    this.#run = run;
    const laneCount = lanesOf(run).reduce((sum, lane) => sum + lane.workerCount(), 0);
    await this.#until(() => this.#run !== run || run.startedLanes >= laneCount);
    if (this.#run !== run) {
      return err({ kind: 'failed', sentence: 'The run ended while it was built: it failed, as its report tells, or another was started.' });
    }
    if (options.playing) this.#setMotion(run, { kind: 'playing' });
    this.#tellState(run);
    return ok(describeRun(run, this.#platform.isolated));
  }

  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) {
      for (const host of run.hosts) host.stop();
      for (const lane of lanesOf(run)) lane.close();
    }
    this.#look();
  }

  async play(): Promise<void> {
    const run = await this.#afterTravel();
    if (run !== undefined) this.#setMotion(run, { kind: 'playing' });
  }

  async pause(): Promise<number> {
    const run = this.#run;
    if (run === undefined) return 0;
    this.#setMotion(run, { kind: 'standing' });
    return this.#settle(run);
  }

  async setSpeed(speed: number): Promise<void> {
    const run = this.#run;
    if (run === undefined || !(speed > 0)) return;
    run.speed = speed;
    run.pace.targetNs = run.main.limitNs();
    run.pace.lookedAtMs = this.#platform.nowMs();
    this.#tellState(run);
    this.#look();
  }

  async step(kind: StepKind, vm?: number): Promise<number> {
    const run = await this.#afterTravel();
    if (run === undefined) return 0;
    this.#setMotion(run, { kind: 'standing' });
    await this.#atLimit(run, run.main);
    const replies = await run.main.ask({ what: 'next', vm });
    const next = (field: 'eventNs' | 'instructionNs') =>
      Math.min(
        ...replies
          .map((reply) => reply.next?.[field] ?? -1)
          .map((timeNs) => (timeNs < 0 ? Number.POSITIVE_INFINITY : timeNs)),
      );
    // run(t) does what happens before t, so an event at t has happened at t + 1.
    const eventNs = Math.min(next('eventNs'), run.script[0]?.atNs ?? Number.POSITIVE_INFINITY) + 1;
    const targetNs = kind === 'instruction' ? Math.min(next('instructionNs'), eventNs) : eventNs;
    if (!Number.isFinite(targetNs)) return run.main.limitNs();
    return this.#goTo(run, targetNs);
  }

  async advanceTo(timeNs: number): Promise<Result<number, Refusal>> {
    const run = await this.#afterTravel();
    if (run === undefined) return err(noRun);
    if (!Number.isSafeInteger(timeNs) || timeNs < run.main.limitNs()) {
      const sentence = `The run stands at ${run.main.limitNs()} ns already; it cannot go to ${timeNs} ns.`;
      return err({ kind: 'past', sentence });
    }
    return ok(await this.#goTo(run, timeNs));
  }

  async rewindTo(timeNs: number): Promise<Result<number, Refusal>> {
    const run = this.#run;
    if (run === undefined) return err(noRun);
    if (!Number.isSafeInteger(timeNs) || timeNs < 0) {
      return err({ kind: 'no-such-time', sentence: `A run cannot go back to ${timeNs} ns; times are whole nanoseconds from 0 on.` });
    }
    const reachedNs = run.travel?.reachedNs ?? run.main.limitNs();
    if (timeNs > reachedNs) return this.advanceTo(timeNs);
    return ok(await this.#travel.rewind(run, timeNs));
  }

  async stepBack(kind: StepKind, vm?: number): Promise<number> {
    const run = await this.#afterTravel();
    if (run === undefined) return 0;
    await this.pause();
    return this.#travel.stepBack(run, kind, vm);
  }

  async returnTo(branch: number, atNs?: number): Promise<Result<number, Refusal>> {
    const run = await this.#afterTravel();
    if (run === undefined) return err(noRun);
    const timeNs = await this.#travel.returnTo(run, branch, atNs);
    if (timeNs !== undefined) return ok(timeNs);
    const known = run.branches.list([], 0).map(({ id }) => id).filter((id) => id !== run.branches.current());
    const sentence = `There is no branch ${branch} to return to; there ${known.length === 0 ? 'is none' : `are ${known.join(', ')}`}.`;
    return err({ kind: 'no-such-branch', sentence });
  }

  async history(): Promise<RunHistory | undefined> {
    return this.#run === undefined ? undefined : historyOf(this.#run);
  }

  async command(command: Command, atNs?: number): Promise<Result<LoggedCommand, Refusal>> {
    const run = await this.#afterTravel();
    if (run === undefined) return err(noRun);
    const refusal = this.#planner.validateCommand(run.scenario as S, run.main.snapshots(), command);
    if (refusal !== undefined && (atNs === undefined || LASTING.has(refusal.kind))) return err(refusal);
    if (atNs !== undefined) return this.#plan(run, command, atNs);
    const hereNs = run.main.limitNs();
    if (run.script.length > 0 || run.branches.furthestNs() > hereNs) {
      // A change made in the past, or in the midst of a replay.
      const forked = this.#travel.fork(run, hereNs);
      run.script.length = 0;
      await forked;
    }
    const stampNs = Math.max(run.main.limitNs(), run.log.entries.at(-1)?.atNs ?? 0);
    const logged = this.#log(run, stampNs, command);
    // A standing run goes on by one nanosecond, so that what was turned is seen to turn.
    if (run.motion.kind === 'standing') await this.#goTo(run, stampNs + 1);
    return ok(logged);
  }

  /** The run, once no journey in time is under way. */
  async #afterTravel(): Promise<ActiveRun | undefined> {
    const run = this.#run;
    if (run?.travel !== undefined) await this.#until(() => this.#run !== run || run.travel === undefined);
    return this.#run;
  }

  async wouldRefuse(command: Command): Promise<Refusal | undefined> {
    const run = this.#run;
    if (run === undefined) return noRun;
    return this.#planner.validateCommand(run.scenario as S, run.main.snapshots(), command);
  }

  async inspect(request: InspectionRequest, lane: Lane = 'main'): Promise<InspectionReply> {
    const run = this.#laneOf(lane);
    const nothing: InspectionReply = { view: 'none', sentence: 'There is nothing to look at.' };
    if (run === undefined || this.#run === undefined) return nothing;
    if (request.view === 'can-migrate') {
      const command: Command = { kind: 'migrate', vm: request.vm, to: request.to };
      const scenario = run.plan.scenario as S;
      const refusal = this.#planner.validateCommand(scenario, run.snapshots(), command);
      const sentence = refusal?.sentence ?? '';
      return { view: 'can-migrate', refused: refusal !== undefined, sentence };
    }
    const replies = (await run.ask({ what: 'inspect', request })).filter(
      (reply) => reply.inspection !== undefined && reply.inspection.view !== 'none',
    );
    const best = 'vm' in request ? bestReply(run, request.vm, replies) : undefined;
    return (best ?? replies[0])?.inspection ?? nothing;
  }

  async runHash(): Promise<{ readonly timeNs: number; readonly hash: string }> {
    const run = this.#run;
    if (run === undefined) return { timeNs: 0, hash: '' };
    run.holds++;
    await this.#atLimit(run, run.main);
    const timeNs = run.main.limitNs();
    const replies = await run.main.ask({ what: 'hash' });
    run.holds--;
    this.#look();
    const hashes = replies.map(({ process, hash }) => ({ process, hash: hash ?? '' }));
    return { timeNs, hash: hashes.length === 0 ? '' : foldRunHash(hashes) };
  }

  async capture(process: number | 'all', lane: Lane = 'main'): Promise<Uint8Array> {
    const run = this.#laneOf(lane);
    const replies = (await run?.ask({ what: 'capture', process })) ?? [];
    const files = replies.flatMap(({ bytes }) => bytes ?? []);
    if (process !== 'all' || run === undefined || files.length === 0) return files[0] ?? new Uint8Array(0);
    const { lab, seed } = run.plan.scenario;
    return mergeCaptures(files, { application: 'Glasshouse', comment: `${lab}, seed ${seed}, all ports` });
  }

  async snapshotFile(name: string, lane: Lane = 'main'): Promise<Uint8Array> {
    const replies = await this.#laneOf(lane)?.ask({ what: 'snapshot-file', name });
    return replies?.[0]?.bytes?.[0] ?? new Uint8Array(0);
  }

  async copyMemory(
    process: number,
    ranges: readonly MemoryRange[],
    lane: Lane = 'main',
  ): Promise<Uint8Array[]> {
    const replies = await this.#laneOf(lane)?.ask({ what: 'memory', process, ranges });
    return [...(replies?.[0]?.bytes ?? [])];
  }

  async copySamples(process: number, from: number, lane: Lane = 'main') {
    const plan = this.#laneOf(lane)?.plan;
    const ring = plan === undefined ? undefined : sampleRingsOf(plan).get(process);
    if (ring === undefined) return { first: 0, next: 0, values: new Float64Array(0) };
    const { first, next, values } = readSamples(ring, from);
    return { first, next, values: values.slice() };
  }

  async state(): Promise<RunState | undefined> {
    return this.#run === undefined ? undefined : stateOf(this.#run);
  }

  async exportRun(): Promise<RunFile | undefined> {
    const run = this.#run;
    if (run === undefined) return undefined;
    return {
      format: 'glasshouse-run',
      version: 1,
      modelVersion: this.#planner.modelVersion,
      lab: run.scenario.lab,
      seed: run.scenario.seed,
      // All of them for a lab; over a scenario file's own values only what was asked for.
      knobs: run.options.scenario === undefined ? run.scenario.knobs : run.options.knobs,
      guestDigest: run.guestDigest,
      guestName: run.options.guest?.name ?? '',
      endNs: run.main.limitNs(),
      log: run.log.entries.slice(),
      ...(run.options.scenario === undefined ? {} : { scenario: run.options.scenario }),
    };
  }

  async importRun(
    text: string,
    guest?: { readonly name: string; readonly bytes: Uint8Array },
  ): Promise<Result<StartedRun, Refusal>> {
    const guestDigest = guest === undefined ? '' : digestOf(guest.bytes);
    const file = readRunFile(text, { modelVersion: this.#planner.modelVersion, guestDigest });
    if (!file.ok) return file;
    const { lab, seed, knobs, log } = file.value;
    const scenario = file.value.scenario === undefined ? {} : { scenario: file.value.scenario };
    const options: StartOptions = { lab, seed, knobs, log, baselines: 'all', playing: false, ...scenario };
    return this.start(guest === undefined ? options : { ...options, guest });
  }

  // ── starting ──

  /** A scenario file's own commands are given as a log, unless there is one. */
  #withScript(options: StartOptions, scenario: S): StartOptions {
    if (options.scenario === undefined || options.log !== undefined) return options;
    const log = this.#planner.scriptOf(scenario).map(({ atNs, command }, sequence) => ({ atNs, command, sequence }));
    return { ...options, log };
  }

  #launch(options: StartOptions, scenarios: LaneScenarios<S>): ActiveRun {
    const run = layOutRun({
      number: ++this.#runCount,
      options,
      scenarios,
      platform: this.#platform,
      wake: () => this.#wake(run),
      onCheckpoint: () => this.#look(),
      onDivergence: (lane, { process, timeNs, message }) => {
        this.#onMessage(run, { kind: 'failed', lane, process, virtualTimeNs: timeNs, message, stack: '' });
      },
    });
    run.hosts = hostPlansOf(run, this.#platform.isolated).map((plan) =>
      this.#platform.startHost(plan, (message) => this.#onMessage(run, message)),
    );
    return run;
  }

  // ── commands ──

  /** Puts a command into the log and gives it to all workers of all lanes. */
  #log(run: ActiveRun, atNs: number, command: Command): LoggedCommand {
    const logged = appendCommand(run.log, atNs, command);
    run.main.schedule(logged);
    const mapped = this.#planner.baselineCommand(run.scenario as S, command);
    for (const { lane } of mapped === undefined ? [] : run.baselines) {
      // After a rewind a baseline may stand further on than the main run, with this command behind it.
      if (lane.limitNs() <= atNs) lane.schedule({ ...logged, command: mapped! });
    }
    this.#wake(run);
    // What is replayed on the way to an earlier time is known.
    if (run.travel === undefined) this.#listener({ kind: 'logged', run: run.number, logged });
    return logged;
  }

  /** Puts a command into the script, behind those of the same time. */
  async #plan(run: ActiveRun, command: Command, atNs: number): Promise<Result<LoggedCommand, Refusal>> {
    const leastNs = Math.max(run.main.limitNs(), run.log.entries.at(-1)?.atNs ?? 0);
    if (!Number.isSafeInteger(atNs) || atNs < leastNs) {
      const sentence = `A command cannot take effect at ${atNs} ns: the run has reached ${leastNs} ns.`;
      return err({ kind: 'past', sentence });
    }
    if (run.branches.furthestNs() > atNs) await this.#travel.fork(run, atNs);
    const after = run.script.findIndex((entry) => entry.atNs > atNs);
    const index = after < 0 ? run.script.length : after;
    const logged = { atNs, sequence: run.log.entries.length + index, command };
    run.script.splice(index, 0, logged);
    return ok(logged);
  }

  // ── motion ──

  #setMotion(run: ActiveRun, motion: Motion): void {
    run.motion = motion;
    const nowMs = this.#platform.nowMs();
    run.pace.targetNs = run.main.limitNs();
    run.pace.lookedAtMs = nowMs;
    run.chunk.begunAtMs = nowMs;
    run.speedMark = { atMs: nowMs, timeNs: run.main.clockNs() };
    this.#tellState(run);
    this.#look();
  }

  async #goTo(run: ActiveRun, targetNs: number): Promise<number> {
    await this.#advance(run, targetNs);
    return this.#run === run ? this.#settle(run) : 0;
  }

  /** As fast as it goes to a time, then stands; returns early when the run is told to move otherwise. */
  async #advance(run: ActiveRun, targetNs: number): Promise<void> {
    const motion: Motion = { kind: 'target', targetNs };
    this.#setMotion(run, motion);
    await this.#until(
      () => this.#run !== run || run.motion !== motion || (run.main.limitNs() >= targetNs && run.main.isAtLimit()),
    );
    if (this.#run === run && run.motion === motion) this.#setMotion(run, { kind: 'standing' });
  }

  /** Waits for all lanes to stand at the cut, tells snapshots of all processes, gives its time. */
  async #settle(run: ActiveRun): Promise<number> {
    await this.#atLimit(run, run.main);
    await this.#until(
      () =>
        this.#run !== run ||
        run.motion.kind !== 'standing' ||
        run.baselines.every(({ lane }) => lane.limitNs() >= run.main.limitNs() && lane.isAtLimit()),
    );
    await Promise.all(lanesOf(run).map((lane) => lane.ask({ what: 'snapshot' })));
    if (this.#run === run) this.#tellState(run);
    return run.main.limitNs();
  }

  async #atLimit(run: ActiveRun, lane: LaneRun): Promise<void> {
    await this.#until(() => this.#run !== run || lane.isClosed() || lane.isAtLimit());
  }

  /** Resolves when `isDone` holds; looked at on every message and every few milliseconds. */
  #until(isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.add({ isDone, resolve });
      this.#look();
    });
  }

  /** Looks at the run: raises limits, resolves who waits, tells the state, comes back while anything moves. */
  #look(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    const run = this.#run;
    if (run !== undefined) this.#move(run);
    for (const waiter of [...this.#waiters]) {
      if (!waiter.isDone()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
    const lagging = run?.baselines.some(({ lane }) => lane.clockNs() < run.main.limitNs()) ?? false;
    const moving = run !== undefined && (run.motion.kind !== 'standing' || lagging);
    if (run !== undefined && moving && this.#platform.nowMs() - this.#toldAtMs >= STATE_MS) {
      this.#tellState(run);
    }
    if (moving || this.#waiters.size > 0) {
      this.#cancelLook = this.#platform.setTimer(() => this.#look(), LOOK_MS);
    }
  }

  #move(run: ActiveRun): void {
    const nowMs = this.#platform.nowMs();
    if (run.holds === 0 && run.motion.kind !== 'standing') this.#raiseMain(run, nowMs);
    if (run.holds > 0) return;
    for (const baseline of run.baselines) raiseBaseline(baseline, run.main.limitNs(), nowMs);
  }

  #raiseMain(run: ActiveRun, nowMs: number): void {
    const { main, motion } = run;
    if (run.history.tend()) return;
    const { chunk } = run;
    const chunkNs = chunk.lengthNs;
    let desiredNs = main.limitNs();
    if (motion.kind === 'playing' && Number.isFinite(run.speed)) {
      const speed = main.wantsSlowMotion() ? run.speed / SLOW_MOTION_FACTOR : run.speed;
      desiredNs = paceTarget(run.pace, { nowMs, speed, clockNs: main.clockNs() });
    } else if (main.isAtLimit()) {
      const behindNs = Math.max(0, ...run.baselines.map(({ lane }) => main.limitNs() - lane.clockNs()));
      if (behindNs > BASELINE_LAG_CHUNKS * chunk.lengthNs) return;
      desiredNs = main.limitNs() + nextChunkLength(chunk, nowMs);
      if (motion.kind === 'target') desiredNs = Math.min(desiredNs, motion.targetNs);
    }
    const clampedNs = run.history.clamp(desiredNs);
    if (clampedNs < desiredNs) {
      chunk.lengthNs = chunkNs; // the next one is not to be judged by one that is cut short
      desiredNs = clampedNs;
    }
    while (run.script.length > 0 && run.script[0]!.atNs < desiredNs) {
      const { atNs, command } = run.script.shift()!;
      this.#log(run, atNs, command);
    }
    main.raise(desiredNs);
  }

  #wake(run: ActiveRun): void {
    signalActivity(run.activity);
    for (const host of run.hosts) host.wake();
  }

  // ── upwards ──

  #onMessage(run: ActiveRun, message: HostMessage): void {
    if (this.#run !== run) return;
    this.#laneOf(message.lane)?.onMessage(message);
    if (message.kind === 'started') {
      run.startedLanes++;
      for (const memory of message.memories) run.memories.push({ lane: message.lane, ...memory });
    } else if (message.kind === 'snapshots') {
      const { snapshots } = message;
      this.#listener({ kind: 'snapshots', run: run.number, lane: message.lane, snapshots });
    } else if (message.kind === 'failed') {
      this.#onFailed(run, message);
    }
    this.#look();
  }

  #onFailed(run: ActiveRun, message: HostMessage & { readonly kind: 'failed' }): void {
    const { scenario, log, guestDigest } = run;
    this.#listener({
      kind: 'failed',
      report: {
        run: run.number,
        lane: message.lane,
        modelVersion: this.#planner.modelVersion,
        lab: scenario.lab,
        seed: scenario.seed,
        knobs: scenario.knobs,
        commandLog: log.entries.slice(),
        guestDigest,
        process: message.process,
        virtualTimeNs: message.virtualTimeNs,
        message: message.message,
        stack: message.stack,
      },
    });
    if (message.lane === 'main' || message.process < 0) {
      void this.stop();
      return;
    }
    const position = run.baselines.findIndex(({ id }) => id === message.lane);
    for (const { lane } of position < 0 ? [] : run.baselines.splice(position, 1)) lane.close();
  }

  #laneOf(lane: Lane): LaneRun | undefined {
    const run = this.#run;
    return lane === 'main' ? run?.main : run?.baselines.find(({ id }) => id === lane)?.lane;
  }

  #tellState(run: ActiveRun): void {
    if (run.travel !== undefined) return; // on the way it stands nowhere
    this.#toldAtMs = this.#platform.nowMs();
    const { speedMark } = run;
    const gapMs = this.#toldAtMs - speedMark.atMs;
    if (gapMs >= 500) {
      const timeNs = run.main.clockNs();
      run.measuredSpeed = (timeNs - speedMark.timeNs) / (gapMs * 1e6);
      run.speedMark = { atMs: this.#toldAtMs, timeNs };
    }
    this.#listener({ kind: 'state', state: stateOf(run) });
  }
}

/** At idle priority: the next chunk when the last one is done, never past the main run. */
function raiseBaseline(baseline: BaselineLane, mainLimitNs: number, nowMs: number): void {
  const { lane, history, chunk } = baseline;
  if (lane.limitNs() >= mainLimitNs || history.tend() || !lane.isAtLimit()) return;
  const chunkNs = chunk.lengthNs;
  const desiredNs = Math.min(mainLimitNs, lane.limitNs() + nextChunkLength(chunk, nowMs));
  const clampedNs = history.clamp(desiredNs);
  if (clampedNs < desiredNs) chunk.lengthNs = chunkNs;
  lane.raise(clampedNs);
}

const noRun: Refusal = { kind: 'no-run', sentence: 'There is no run; start one first.' };
