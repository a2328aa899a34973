/**
 * The session of the product: a coordinator in its worker, reached through Comlink; host memories and
 * sample rings read in place when the tab is isolated, and as copies a few times a second when it is not.
 */
import * as Comlink from 'comlink';
import { findSampleRow, readSamples, sampleCount, type SampleRing, sampleRingOver } from '../../core/metrics/sample-ring.ts';
import type { Command, Refusal } from '../../core/protocol/command.ts';
import {
  FORCED_RING_ADDRESS, FRAME_TABLE_ADDRESS, GUEST_MAP_ADDRESS, HEADER_ADDRESS, hostMemoryLayout, SNAPSHOT_ADDRESS,
} from '../../core/protocol/host-memory-layout.ts';
import { BOARD_HEADER_BYTES, boardSizeOf, findBoard, type HostBoard } from '../../core/protocol/host-board.ts';
import type { InspectionReply, InspectionRequest } from '../../core/protocol/inspection.ts';
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import type {
  Lane, RunHistory, RunState, SessionApi, SessionEvent, StartedRun, StepKind,
} from '../../workers/session-api.ts';
import { BranchSamples, type SampleTail } from './branch-samples.ts';
import { type HostView, makeCopiedView, makeHostView } from './host-view.ts';
import { BASELINE_ROWS_MAX, SampleSeries } from './sample-series.ts';
import { ALL_PROCESSES, SummedSamples } from './summed-samples.ts';
import type { FailureReport, RunSpec, Session, SessionFactory, SessionUpdate } from './session.ts';

/** How often maps and samples are copied without isolation. Unit: ms. */
const COPY_MS = 150;

type Remote = Comlink.Remote<SessionApi>;

/** Samples of a host in a lane. */
interface LaneSeries {
  readonly lane: Lane;
  readonly host: number;
  readonly series: SampleSeries;
}

/** See the file's head. */
class CoordinatorSession implements Session {
  readonly isolated: boolean;
  readonly baselines: readonly string[];
  readonly #remote: Remote;
  readonly #run: StartedRun;
  readonly #listener: (update: SessionUpdate) => void;
  readonly #views: HostView[];
  #boards: readonly HostBoard[] = [];
  /** Copies that stand for boards without isolation, by process. */
  readonly #copiedBoards = new Map<number, HostBoard>();
  readonly #series = new Map<string, LaneSeries>(); // by lane and host
  readonly #rings: { readonly lane: Lane; readonly process: number; readonly ring: SampleRing; readonly series: SampleSeries; next: number }[] = [];
  readonly #sums = new Map<Lane, SummedSamples>();
  readonly #playing: boolean;
  readonly #timer: number = 0;
  readonly #latest = new Map<Lane, Map<number, ProcessSnapshot>>();
  /** Processes that have not told yet how they look after a rewind. */
  readonly #awaited = new Map<Lane, Set<number>>();
  readonly #tails = new BranchSamples();
  #timeNs = 0;
  #furthestNs = 0;
  #branch = 0;
  #copying = false;
  #copied = new Map<SampleSeries, number>();
  #rewinds = 0;

  constructor(remote: Remote, run: StartedRun, playing: boolean, listener: (update: SessionUpdate) => void) {
    this.#playing = playing;
    this.#remote = remote;
    this.#run = run;
    this.#listener = listener;
    this.isolated = run.isolated;
    this.baselines = run.baselines;
    this.#views = run.snapshots.flatMap((snapshot) => this.#viewOf(snapshot));
    this.#boards = byFirstHost(run.shared.flatMap(({ lane, process, memory }) => {
      const isHost = run.snapshots.some((it) => it.process === process && it.host !== undefined);
      const board = lane !== 'main' || isHost || memory === undefined ? undefined : findBoard(memory);
      return board === undefined ? [] : [board];
    }));
    for (const shared of run.shared) {
      const { lane, process } = shared;
      this.#rings.push({ lane, process, ring: sampleRingOver(shared.samples, 0), series: this.samplesOf(process, lane), next: 0 });
    }
    if (!run.isolated) this.#timer = window.setInterval(() => void this.#copy(), COPY_MS);
  }

  /** None of a process that is no host: it has no memory to look at. */
  #viewOf(snapshot: ProcessSnapshot): HostView[] {
    if (snapshot.host === undefined) return [];
    const { frameCount } = snapshot.host;
    const memory = this.#run.shared.find((it) => it.lane === 'main' && it.process === snapshot.process)?.memory;
    return [
      memory === undefined
        ? makeCopiedView(snapshot.process, frameCount)
        : makeHostView(snapshot.process, memory, frameCount),
    ];
  }

  timeNs(): number {
    return this.#timeNs;
  }

  hostViews(): readonly HostView[] {
    return this.#views;
  }

  boards(): readonly HostBoard[] {
    return this.#boards;
  }

  samplesOf(host: number, lane: Lane = 'main'): SampleSeries {
    const key = `${lane} ${host}`;
    const found = this.#series.get(key);
    if (found !== undefined) return found.series;
    const columns = this.#run.processes.find((it) => (host === ALL_PROCESSES ? true : it.id === host))?.sampleColumns ?? [];
    const series = lane === 'main' ? new SampleSeries(columns) : new SampleSeries(columns, BASELINE_ROWS_MAX);
    this.#series.set(key, { lane, host, series });
    if (host === ALL_PROCESSES) this.#sums.set(lane, this.#sumInto(series, lane));
    return series;
  }

  /** Sums what is known of every process that samples as the first does; {@link #append} adds what comes. */
  #sumInto(series: SampleSeries, lane: Lane): SummedSamples {
    const members = this.#run.processes.filter((it) => this.#isMember(it.id));
    const sum = new SummedSamples(series, members.length);
    for (const { id } of members) {
      const known = this.samplesOf(id, lane);
      for (let row = 0; row < known.count; row++) sum.add(known.timeNs[row]!, known.columns.map((column) => column[row]!));
    }
    return sum;
  }

  #isMember(host: number): boolean {
    const [first] = this.#run.processes;
    return this.#run.processes.find((it) => it.id === host)?.sampleColumns.join() === first?.sampleColumns.join();
  }

  #append(host: number, lane: Lane, values: Float64Array): void {
    const series = this.samplesOf(host, lane);
    const before = series.count === 0 ? -1 : series.timeNs[series.count - 1]!;
    appendRows(series, values);
    const sum = this.#sums.get(lane);
    if (sum === undefined || !this.#isMember(host)) return;
    const columns = series.ids.length + 1;
    for (let start = 0; start + columns <= values.length; start += columns) {
      if (values[start]! > before) sum.add(values[start]!, values.subarray(start + 1, start + columns));
    }
  }

  tailOf(branch: number, series: SampleSeries): SampleTail | undefined {
    const host = [...this.#series.values()].find((it) => it.lane === 'main' && it.series === series)?.host;
    return host === undefined ? undefined : this.#tails.find(branch, host);
  }

  branchToCompare(branch: number): number {
    return this.#tails.latestBut(branch);
  }

  tailVersion(): number {
    return this.#tails.version;
  }

  ringOf(host: number): { readonly capacity: number; readonly written: number; readonly read: number } | undefined {
    const entry = this.#rings.find((it) => it.series === this.samplesOf(host));
    return entry === undefined ? undefined : { capacity: entry.ring.capacity, written: sampleCount(entry.ring), read: entry.next };
  }

  drainSamples(): void {
    for (const entry of this.#rings) {
      const { first: _, next, values } = readSamples(entry.ring, entry.next);
      if (next === entry.next) continue;
      entry.next = next;
      this.#append(entry.process, entry.lane, values);
    }
  }

  /** Without isolation: brings frame tables, guest maps and samples over as copies. */
  async #copy(): Promise<void> {
    if (this.#copying) return;
    this.#copying = true;
    const rewinds = this.#rewinds;
    for (const view of this.#views) {
      const [header, table, maps, file, snapshot, forced] = await this.#remote.copyMemory(view.host, [
        { byteOffset: HEADER_ADDRESS, byteCount: view.header.byteLength },
        { byteOffset: FRAME_TABLE_ADDRESS, byteCount: view.frameTable.byteLength },
        { byteOffset: GUEST_MAP_ADDRESS, byteCount: view.guestMaps.byteLength },
        { byteOffset: hostMemoryLayout(view.frameCount).fileMapAddress, byteCount: view.fileMap.byteLength },
        { byteOffset: SNAPSHOT_ADDRESS, byteCount: view.snapshot.byteLength },
        { byteOffset: FORCED_RING_ADDRESS, byteCount: view.forcedRing.byteLength },
      ]);
      if (rewinds !== this.#rewinds) break; // copies of what has been taken back
      if (header !== undefined) overwrite(view.header, header);
      if (table !== undefined) overwrite(view.frameTable, table);
      if (maps !== undefined) overwrite(view.guestMaps, maps);
      if (file !== undefined) view.fileMap.set(file);
      if (snapshot !== undefined) overwrite(view.snapshot, snapshot);
      if (forced !== undefined) view.forcedRing.set(forced);
    }
    for (const { process, host } of this.#run.snapshots) {
      if (host === undefined && rewinds === this.#rewinds) await this.#copyBoard(process);
    }
    for (const { id } of this.#run.processes) {
      if (rewinds !== this.#rewinds) break;
      for (const lane of ['main', ...this.baselines]) await this.#copySamples(id, lane);
    }
    this.#copying = false;
  }

  /** A board's bytes as a copy; its first words say how many there are. */
  async #copyBoard(process: number): Promise<void> {
    const known = this.#copiedBoards.get(process);
    const byteCount = known === undefined ? BOARD_HEADER_BYTES : known.words.byteLength;
    const [bytes] = await this.#remote.copyMemory(process, [{ byteOffset: 0, byteCount }]);
    if (bytes === undefined || bytes.byteLength < byteCount) return;
    if (known !== undefined) {
      overwrite(known.words, bytes);
      return;
    }
    const size = boardSizeOf(bytes);
    const [all] = size < 0 ? [] : await this.#remote.copyMemory(process, [{ byteOffset: 0, byteCount: size }]);
    const board = all === undefined ? undefined : findBoard(all.slice().buffer);
    if (board === undefined) return;
    this.#copiedBoards.set(process, board);
    this.#boards = byFirstHost([...this.#copiedBoards.values()]);
  }

  async #copySamples(host: number, lane: Lane): Promise<void> {
    const series = this.samplesOf(host, lane);
    const rewinds = this.#rewinds;
    const { next, values } = await this.#remote.copySamples(host, this.#copied.get(series) ?? 0, lane);
    if (rewinds !== this.#rewinds) return;
    this.#copied.set(series, next);
    this.#append(host, lane, values);
  }

  #latestOf(lane: Lane): Map<number, ProcessSnapshot> {
    const found = this.#latest.get(lane) ?? new Map<number, ProcessSnapshot>();
    this.#latest.set(lane, found);
    return found;
  }

  play(): void {
    void this.#remote.play();
  }

  pause(): void {
    void this.#remote.pause();
  }

  setRatio(ratio: number): void {
    void this.#remote.setSpeed(ratio === 0 ? Number.POSITIVE_INFINITY : ratio);
  }

  async stepInstruction(): Promise<void> {
    await this.#remote.step('instruction', this.#runningVm());
  }

  #runningVm(): number | undefined {
    return [...this.#latestOf('main').values()].flatMap((it) => it.host?.vms ?? []).find((it) => it.state === 'running')?.id;
  }

  async stepBack(kind: StepKind): Promise<void> {
    await this.#remote.stepBack(kind, kind === 'instruction' ? this.#runningVm() : undefined);
  }

  async rewindTo(timeNs: number): Promise<string> {
    const result = await this.#remote.rewindTo(timeNs);
    return result.ok ? '' : result.error.sentence;
  }

  async returnTo(branch: number, atNs?: number): Promise<string> {
    const result = await this.#remote.returnTo(branch, atNs);
    return result.ok ? '' : result.error.sentence;
  }

  async history(): Promise<RunHistory | undefined> {
    return await this.#remote.history();
  }

  async stepEvent(): Promise<void> {
    await this.#remote.step('event');
  }

  async advanceTo(timeNs: number): Promise<string> {
    const result = await this.#remote.advanceTo(timeNs);
    return result.ok ? '' : result.error.sentence;
  }

  async command(command: Command, atNs = -1): Promise<Refusal | null> {
    const result = await (atNs < 0 ? this.#remote.command(command) : this.#remote.command(command, atNs));
    return result.ok ? null : result.error;
  }

  async inspect(request: InspectionRequest): Promise<InspectionReply> {
    if (request.view === 'can-migrate') {
      const refusal = await this.#remote.wouldRefuse({ kind: 'migrate', vm: request.vm, to: request.to });
      return { view: 'can-migrate', refused: refusal !== undefined, sentence: refusal?.sentence ?? '' };
    }
    return await this.#remote.inspect(request);
  }

  async runHash(): Promise<string> {
    return (await this.#remote.runHash()).hash;
  }

  async snapshotFile(name: string): Promise<Uint8Array> {
    return await this.#remote.snapshotFile(name);
  }

  async capture(): Promise<Uint8Array> {
    return await this.#remote.capture('all');
  }

  async exportRun(): Promise<string> {
    return JSON.stringify((await this.#remote.exportRun()) ?? {}, null, 2);
  }

  dispose(): void {
    window.clearInterval(this.#timer);
  }

  /** Number of the run that this session shows. */
  get run(): number {
    return this.#run.run;
  }

  onEvent(event: SessionEvent): void {
    if (event.kind === 'state') this.#onState(event.state);
    else if (event.kind === 'snapshots' && event.run === this.#run.run) {
      this.#onSnapshots(event.lane, event.lane === 'main' ? event.snapshots.map((it) => this.#newsOf(it)) : event.snapshots);
    }
    else if (event.kind === 'rewound' && event.run === this.#run.run) this.#onRewound(event);
    else if (event.kind === 'failed' && event.report.run === this.#run.run) {
      this.#listener({ kind: 'failed', failure: failureOf(event.report) });
    }
  }

  /** Sends the state of the start, before anything has happened. */
  begin(): void {
    this.#listener({ kind: 'pace', pace: { paused: !this.#playing, pausedBecause: '', ratio: this.#run.speed, slowed: false } });
    this.#onSnapshots('main', this.#run.snapshots);
  }

  /** The first snapshots come with the start's reply and once more as an event: their news is told once. */
  #newsOf(snapshot: ProcessSnapshot): ProcessSnapshot {
    const first = this.#run.snapshots.find((it) => it.process === snapshot.process);
    const again = first !== undefined && first.timeNs === snapshot.timeNs
      && JSON.stringify([first.events, first.console]) === JSON.stringify([snapshot.events, snapshot.console]);
    return again ? { ...snapshot, events: [], console: [] } : snapshot;
  }

  #onState(state: RunState): void {
    if (state.run !== this.#run.run) return;
    this.#timeNs = state.timeNs;
    if (state.furthestNs !== this.#furthestNs || state.branch !== this.#branch) {
      this.#furthestNs = state.furthestNs;
      this.#branch = state.branch;
      this.#listener({ kind: 'place', furthestNs: state.furthestNs, branch: state.branch });
    }
    this.#listener({
      kind: 'pace',
      pace: {
        paused: !state.playing, pausedBecause: '', slowed: state.slowMotion,
        ratio: Number.isFinite(state.speed) ? state.speed : 0,
      },
    });
  }

  /** Samples of later times become the tail of the branch that was left; the rings are read on from there. */
  #onRewound({ timeNs, baselineTimesNs, branch }: Extract<SessionEvent, { kind: 'rewound' }>): void {
    this.#rewinds++;
    const cutNs = (lane: Lane) => (lane === 'main' ? timeNs : (baselineTimesNs[lane] ?? timeNs));
    for (const { lane, host, series } of this.#series.values()) {
      const tail = series.cutFrom(cutNs(lane));
      if (lane === 'main') this.#tails.keep(this.#branch, host, tail);
    }
    for (const [lane, sum] of this.#sums) sum.cutFrom(cutNs(lane), !this.isolated);
    for (const entry of this.#rings) entry.next = findSampleRow(entry.ring, cutNs(entry.lane));
    this.#copied.clear(); // rows that are known are ignored
    for (const [lane, latest] of this.#latest) this.#awaited.set(lane, new Set(latest.keys()));
    this.#timeNs = timeNs;
    this.#branch = branch;
    this.#listener({ kind: 'rewound', timeNs, baselineTimesNs, branch });
  }

  /** Workers tell about their own processes only: the newest of each stands, and what is news is told once. */
  #onSnapshots(lane: Lane, snapshots: readonly ProcessSnapshot[]): void {
    const latest = this.#latestOf(lane);
    const awaited = this.#awaited.get(lane) ?? new Set();
    for (const snapshot of snapshots) {
      const before = latest.get(snapshot.process);
      const untold = before !== undefined && !awaited.delete(snapshot.process) && awaited.size > 0;
      latest.set(snapshot.process, untold ? withNewsOf(before, snapshot) : snapshot);
    }
    if (awaited.size > 0) return; // others still show the time that was left
    const processes = [...latest.values()].sort((a, b) => a.process - b.process);
    const timeNs = Math.min(...processes.map((it) => it.timeNs));
    this.#listener(lane === 'main' ? { kind: 'snapshot', timeNs, processes } : { kind: 'baseline', lane, timeNs, processes });
    for (const snapshot of processes) latest.set(snapshot.process, { ...snapshot, console: [], events: [] });
  }
}

function byFirstHost(boards: readonly HostBoard[]): readonly HostBoard[] {
  return boards.toSorted((a, b) => a.firstHost - b.firstHost);
}

function failureOf(report: Extract<SessionEvent, { kind: 'failed' }>['report']): FailureReport {
  return { sentence: report.message, report: JSON.stringify(report, null, 2) };
}

/** A newer snapshot that also tells what an older one of the same process would have told. */
function withNewsOf(older: ProcessSnapshot, newer: ProcessSnapshot): ProcessSnapshot {
  return { ...newer, console: [...older.console, ...newer.console], events: [...older.events, ...newer.events] };
}

function runOf(event: SessionEvent): number {
  if (event.kind === 'state') return event.state.run;
  return event.kind === 'failed' ? event.report.run : event.run;
}

function overwrite(target: Uint32Array, bytes: Uint8Array): void {
  if (bytes.byteLength < 4) return;
  const copy = bytes.slice();
  target.set(new Uint32Array(copy.buffer, 0, Math.min(target.length, copy.byteLength >> 2)));
}

function appendRows(series: SampleSeries, values: Float64Array): void {
  const columns = series.ids.length + 1;
  for (let start = 0; start + columns <= values.length; start += columns) {
    series.append(values[start]!, values.subarray(start + 1, start + columns));
  }
}

/** What can go wrong before a run is there, in one sentence. */
function sentenceOfError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/memory|allocation/i.test(text)) return 'This tab has too little memory for two hosts; close other tabs and load the page again.';
  return `The run could not start: ${text}.`;
}

/** One coordinator for the page's life; runs follow each other in it. A worker that died is replaced. */
export function makeCoordinatorFactory(): SessionFactory {
  let remote: Remote | null = null;
  let current: CoordinatorSession | null = null;
  let early: SessionEvent[] = [];
  const connect = async (): Promise<Remote> => {
    if (remote !== null) return remote;
    const worker = new Worker(new URL('../../workers/coordinator.worker.ts', import.meta.url), { type: 'module' });
    const failed = new Promise<never>((_, reject) => {
      worker.addEventListener('error', (event) => reject(new Error(event.message || 'its worker did not load')));
    });
    const wrapped = Comlink.wrap<SessionApi>(worker);
    const listener = Comlink.proxy((event: SessionEvent) => {
      // Events of a run can overtake the reply that announces it: they wait until its session is there.
      if (runOf(event) === current?.run) current.onEvent(event);
      else early.push(event);
    });
    await Promise.race([wrapped.subscribe(listener), failed]);
    remote = wrapped;
    return wrapped;
  };
  return async (spec: RunSpec, listener) => {
    try {
      const api = await connect();
      early = [];
      const result = spec.runFile !== undefined ? await api.importRun(spec.runFile, spec.guest) : await api.start({
        lab: spec.lab, seed: spec.seed, knobs: spec.knobs, baselines: 'all', playing: spec.autoplay ?? true,
        ...(spec.guest === undefined ? {} : { guest: spec.guest }),
        ...(spec.log === undefined ? {} : { log: spec.log }),
        ...(spec.scenario === undefined ? {} : { scenario: spec.scenario }),
      });
      if (!result.ok) {
        const broken = early.find((event) => event.kind === 'failed');
        const { sentence } = result.error;
        return broken === undefined ? { ok: false, sentence } : { ok: false, sentence, failure: failureOf(broken.report) };
      }
      const session = new CoordinatorSession(api, result.value, spec.runFile === undefined && (spec.autoplay ?? true), listener);
      current = session;
      session.begin();
      for (const event of early) if (runOf(event) === session.run) session.onEvent(event);
      early = [];
      return { ok: true, session };
    } catch (error) {
      remote = null;
      return { ok: false, sentence: sentenceOfError(error) };
    }
  };
}
