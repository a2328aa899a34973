/**
 * Keeps one session alive and the store true to it: starts and replaces runs, folds snapshots into the
 * store, sends commands (a knob's last value per frame only), and tells refusals in one sentence.
 */
import type { Command } from '../../core/protocol/command.ts';
import { findLabGuest, type LabGuest } from '../../core/protocol/lab-guests.ts';
import type { ProcessSnapshot, TimelineEvent } from '../../core/protocol/snapshot.ts';
import { ExitHistory } from '../charts/exit-history.ts';
import { DATACENTER_LAB, type LoadedLab, noSuchLab } from '../labs/lab-view.ts';
import { ConsoleLog } from './console-log.ts';
import { foldUpdates } from './held-updates.ts';
import { Scrub } from './scrub.ts';
import type { Pace, RunSpec, Session, SessionFactory, SessionUpdate } from './session.ts';
import { type AppState, type AppStore, type BaselineState, emptyRun, EVENTS_MAX, nodeViewOf } from './store.ts';

/** The VM that labs are about. */
const LAB_VM = 1;
const NO_RUN = 'No run is alive; start again first.';

/** Gives the parts of a lab, undefined when there is none of that name. `scenario`: text of the file that the run is of. */
export type LabLoader = (slug: string, scenario?: string) => Promise<LoadedLab | undefined>;

/** See the file's head. */
export class RunController {
  /** Called when a command is given to the run. */
  onCommand: () => void = () => undefined;
  readonly store: AppStore;
  readonly #factory: SessionFactory;
  readonly #account: (work: () => void) => void;
  readonly #loadLab: LabLoader;
  #session: Session | null = null;
  #generation = 0;
  #console = new ConsoleLog();
  #baselineConsoles = new Map<string, ConsoleLog>();
  #exits = new ExitHistory();
  #held: SessionUpdate[] | null = null;
  #knobsToSend = new Map<string, number>();
  /** Why the page itself has paused the run, and whether the run has said since that it stands; null while it has not. */
  #pageStop: { readonly sentence: string; heard: boolean } | null = null;
  #waiting: (() => boolean)[] = [];
  readonly #scrub: Scrub;
  readonly #failed: Promise<string>;
  #reportFailure: (report: string) => void = () => undefined;

  /** `account` measures what an update costs the main thread; without `loadLab` the store's lab stays. */
  constructor(store: AppStore, factory: SessionFactory, account: (work: () => void) => void = (work) => work(), loadLab?: LabLoader) {
    this.#loadLab = loadLab ?? (() => Promise.resolve(store.getState().lab));
    this.store = store;
    this.#factory = factory;
    this.#account = account;
    this.#scrub = new Scrub(
      async (timeNs) => (await this.#session?.rewindTo(timeNs)) ?? NO_RUN,
      (travelNs) => {
        this.store.setState({ travelNs });
        if (travelNs < 0) void this.refreshHistory();
      },
    );
    this.#failed = new Promise((resolve) => {
      this.#reportFailure = resolve;
    });
  }

  /** The live session, or null before the first start and after a failure. */
  get session(): Session | null {
    return this.#session;
  }

  get console(): ConsoleLog {
    return this.#console;
  }

  /** What VMs of a baseline printed, by its id. */
  baselineConsoleOf(lane: string): ConsoleLog {
    const found = this.#baselineConsoles.get(lane) ?? new ConsoleLog();
    this.#baselineConsoles.set(lane, found);
    return found;
  }

  /** What VMs of the first baseline printed. */
  get baselineConsole(): ConsoleLog {
    return this.baselineConsoleOf(this.#session?.baselines[0] ?? '');
  }

  /** Exits by cause over virtual time. */
  get exits(): ExitHistory {
    return this.#exits;
  }

  /** From now on what the run tells is kept back: the picture stands while the run goes on. */
  hold(): void {
    this.#held ??= [];
  }

  /** Tells all that {@link hold} kept back. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const update of held) this.#onUpdate(update);
  }

  /** Resolves with the report of the first failure of any run. */
  get failed(): Promise<string> {
    return this.#failed;
  }

  /** Starts a run in place of the present one. When it cannot run, the present one goes on and the sentence is shown. */
  async start(spec: RunSpec): Promise<string> {
    const generation = ++this.#generation;
    const early: SessionUpdate[] = [];
    let live = false;
    const lab = await this.#labOf(spec);
    if (generation !== this.#generation) return '';
    if (lab === undefined) {
      const sentence = noSuchLab(spec.lab);
      this.store.setState({ notice: sentence });
      return sentence;
    }
    const result = await this.#factory(spec, (update) => {
      if (generation !== this.#generation) return;
      if (live && this.#held !== null && update.kind !== 'failed' && update.kind !== 'pace') this.#held = foldUpdates(this.#held, update);
      else if (live) this.#account(() => this.#onUpdate(update));
      else early.push(update);
    });
    if (generation !== this.#generation) {
      if (result.ok) result.session.dispose();
      return '';
    }
    if (!result.ok) {
      this.store.setState({ notice: result.sentence });
      if (result.failure !== undefined) this.#onUpdate({ kind: 'failed', failure: result.failure });
      return result.sentence;
    }
    this.#session?.dispose();
    this.#session = result.session;
    this.#console = new ConsoleLog();
    this.#baselineConsoles = new Map();
    this.#exits = new ExitHistory();
    this.#held = null;
    this.#pageStop = null;
    this.#knobsToSend.clear();
    const { dialog } = this.store.getState();
    this.store.setState({ ...emptyRun(spec), lab, status: 'live', notice: '', dialog: dialog === 'failure' ? '' : dialog });
    live = true;
    for (const update of early) this.#onUpdate(update);
    const guest = findLabGuest(spec.guest?.name ?? '');
    if (guest !== undefined && spec.runFile === undefined) void this.#boot(result.session, guest);
    return '';
  }

  /** A system in place of the lab's own guest boots as fast as it goes; the lab begins, at its own pace, when its load is on. */
  async #boot(session: Session, { title, boots, ready, command }: LabGuest): Promise<void> {
    const { ratio } = this.store.getState().pace;
    this.store.setState({ booting: boots });
    session.setRatio(0);
    const isReady = () => this.#console.textFrom(LAB_VM, 0).text.includes(ready);
    const isOver = (state: AppState) => state.hosts.some(({ vms }) => vms.some(({ id, state: how }) => id === LAB_VM && (how === 'stopped' || how === 'failed')));
    await this.waitFor((state) => this.#session !== session || isReady() || isOver(state));
    if (this.#session !== session) return;
    const notice = isReady() ? '' : `${title} has ended before its load was on; “${command}” makes its files anew.`;
    this.store.setState({ booting: '', ...(notice === '' ? {} : { notice }) });
    if (this.store.getState().pace.ratio === 0) session.setRatio(ratio); // unless somebody has set another meanwhile
  }

  /** The lab's parts; undefined when it does not exist or its files do not come. */
  async #labOf({ lab: slug, scenario }: RunSpec): Promise<LoadedLab | undefined> {
    const shown = this.store.getState().lab;
    if (shown.contract.id === slug && slug !== DATACENTER_LAB.contract.id) return shown; // what a file's world looks like, the file says
    try {
      return await this.#loadLab(slug, scenario);
    } catch {
      return undefined; // its files did not come
    }
  }

  /** Sends a command; a refusal becomes the page's notice. Gives the sentence, '' when it was accepted. */
  async send(command: Command, atNs = -1): Promise<string> {
    const session = this.#session;
    if (session === null) return NO_RUN;
    this.onCommand();
    const refusal = await session.command(command, atNs);
    const sentence = refusal === null ? '' : refusal.sentence;
    this.store.setState({ notice: sentence });
    return sentence;
  }

  /** Travels to a time and stands there; the latest target wins. Gives '' or why not, which is also the page's notice. */
  async travelTo(timeNs: number): Promise<string> {
    const sentence = await this.#scrub.travelTo(timeNs);
    if (sentence !== '') this.store.setState({ notice: sentence });
    return sentence;
  }

  /** Returns to a branch that was left. Gives '' or why not, which is also the page's notice. */
  async returnTo(branch: number, atNs?: number): Promise<string> {
    const sentence = (await this.#session?.returnTo(branch, atNs)) ?? NO_RUN;
    await this.refreshHistory();
    this.store.setState({ notice: sentence });
    return sentence;
  }

  /** Asks for a knob's value; the last one asked for in a frame is sent by {@link flushKnobs}. */
  requestKnob(knob: string, value: number): void {
    const state = this.store.getState();
    if (state.teacher.locked) return;
    const before = state.requested[knob] ?? state.knobs[knob];
    if (before === value) return;
    const last = state.knobHistory.at(-1);
    const history = last?.knob === knob || before === undefined
      ? state.knobHistory
      : [...state.knobHistory, { knob, value: before, atNs: state.timeNs }].slice(-50);
    this.#knobsToSend.set(knob, value);
    this.store.setState({ requested: { ...state.requested, [knob]: value }, knobHistory: history });
  }

  /** Pauses a playing run for a reason of the page, told in one sentence; {@link resumeFrom} plays on. */
  pauseBecause(sentence: string): void {
    const { pace } = this.store.getState();
    if (pace.paused || this.#session === null) return;
    this.#pageStop = { sentence, heard: false };
    this.store.setState({ pace: { ...pace, paused: true, pausedBecause: sentence } });
    this.#session.pause();
  }

  /** Plays on if the page itself had paused for this reason, and nobody has paused since. */
  resumeFrom(sentence: string): void {
    if (this.#pageStop?.sentence !== sentence) return;
    this.#pageStop = null;
    this.#session?.play();
  }

  /** Once a frame: sends what {@link requestKnob} gathered. */
  flushKnobs(): void {
    if (this.#knobsToSend.size === 0) return;
    for (const [knob, value] of this.#knobsToSend) {
      void this.send({ kind: 'set-knob', knob, value }).then((sentence) => {
        if (sentence !== '') this.#forgetRequest(knob);
      });
    }
    this.#knobsToSend.clear();
  }

  /** Resolves when `condition` holds for the store; looked at after every update. */
  waitFor(condition: (state: AppState) => boolean): Promise<void> {
    if (condition(this.store.getState())) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        if (!condition(this.store.getState())) return false;
        resolve();
        return true;
      });
    });
  }

  #forgetRequest(knob: string): void {
    const { [knob]: _, ...rest } = this.store.getState().requested;
    this.store.setState({ requested: rest });
  }

  #onUpdate(update: SessionUpdate): void {
    if (update.kind === 'snapshot') this.#onSnapshot(update.timeNs, update.processes);
    else if (update.kind === 'pace') this.#onPace(update.pace);
    else if (update.kind === 'baseline') this.#onBaseline(update);
    else if (update.kind === 'place') this.#onPlace(update.furthestNs, update.branch);
    else if (update.kind === 'rewound') this.#onRewound(update);
    else if (this.store.getState().failure === null) {
      this.#session?.dispose();
      this.#session = null;
      this.store.setState({ status: 'failed', failure: update.failure, dialog: 'failure' });
      this.#reportFailure(update.failure.report);
    }
    this.#waiting = this.#waiting.filter((done) => !done());
  }

  /** What the run told before it heard of the page's own pause is late news: the reason stands until somebody plays. */
  #onPace(pace: Pace): void {
    if (pace.paused && this.#pageStop !== null) this.#pageStop.heard = true;
    else if (!pace.paused && this.#pageStop?.heard === true) this.#pageStop = null;
    const before = this.store.getState().pace;
    const pausedBecause = pace.paused ? (this.#pageStop?.sentence ?? '') : '';
    const isNews = pace.paused !== before.paused || pausedBecause !== before.pausedBecause || pace.ratio !== before.ratio || pace.slowed !== before.slowed;
    if (isNews) this.store.setState({ pace: { ...pace, pausedBecause } });
  }

  /** Asks where the run can travel to: its checkpoints and branches. */
  async refreshHistory(): Promise<void> {
    const session = this.#session;
    const history = await session?.history();
    if (history === undefined || session !== this.#session) return;
    this.store.setState({
      branches: history.branches.map(({ id, parent, forkNs, endNs }) => ({ id, parent, forkNs, endNs })),
      checkpointsNs: history.checkpoints.map(({ timeNs }) => timeNs),
    });
  }

  #onPlace(furthestNs: number, branch: number): void {
    const forked = branch !== this.store.getState().branch;
    // At the present it follows the clock, which snapshots tell: no news of its own, several times a second.
    if (!forked && furthestNs <= (this.#session?.timeNs() ?? 0)) return;
    this.store.setState({ furthestNs, branch });
    if (forked) void this.refreshHistory();
  }

  /** Nothing of times that are still to come stays: not on screen, not in a chart, not in a list. */
  #onRewound({ timeNs, baselineTimesNs, branch }: Extract<SessionUpdate, { kind: 'rewound' }>): void {
    const before = this.store.getState();
    this.#console.dropFrom(timeNs);
    for (const [lane, console] of this.#baselineConsoles) console.dropFrom(baselineTimesNs[lane] ?? 0);
    const isPast = ({ timeNs: atNs }: { readonly timeNs: number }) => atNs < timeNs;
    const { brush } = before;
    this.store.setState({
      timeNs,
      branch,
      events: before.events.filter(isPast),
      eventsAhead: withCut(before, timeNs),
      requested: {},
      knobHistory: before.knobHistory.filter(({ atNs }) => atNs < timeNs),
      brush: brush === null || brush.toNs <= timeNs ? brush : brush.fromNs < timeNs ? { fromNs: brush.fromNs, toNs: timeNs } : null,
      crosshairNs: before.crosshairNs > timeNs ? -1 : before.crosshairNs,
      consoleVersion: this.#console.version,
      chapter: '',
      notice: '',
    });
    if (before.travelNs < 0) void this.refreshHistory(); // on a journey at its end
  }

  #onBaseline({ lane, timeNs, processes }: Extract<SessionUpdate, { kind: 'baseline' }>): void {
    const console = this.baselineConsoleOf(lane);
    for (const process of processes) for (const chunk of process.console) console.append(chunk);
    const told: BaselineState = {
      timeNs,
      hosts: processes.flatMap((process) => process.host ?? []),
      nodes: processes.flatMap(nodeViewOf),
      links: processes.flatMap((process) => process.links),
      migrations: processes.flatMap((process) => process.migrations),
      mechanisms: processes.map((process) => process.mechanisms),
      knobs: processes[0]?.knobs ?? {},
    };
    const { baselines } = this.store.getState();
    const first = lane === this.#session?.baselines[0] ? { baseline: told.migrations, baselineNs: timeNs } : {};
    this.store.setState({ baselines: { ...baselines, [lane]: told }, ...first });
  }

  #onSnapshot(timeNs: number, processes: readonly ProcessSnapshot[]): void {
    const before = this.store.getState();
    const fresh: TimelineEvent[] = [];
    const chunks = processes.flatMap((process) => process.console).sort((a, b) => a.timeNs - b.timeNs);
    for (const chunk of chunks) this.#console.append(chunk);
    const hosts = processes.flatMap((process) => process.host ?? []);
    this.#exits.record(timeNs, hosts);
    for (const process of processes) fresh.push(...process.events);
    const knobs = processes[0]?.knobs ?? before.knobs;
    const requested: Record<string, number> = {};
    for (const [knob, value] of Object.entries(before.requested)) {
      if (knobs[knob] !== value) requested[knob] = value;
    }
    const next: Partial<AppState> = {
      timeNs,
      furthestNs: Math.max(timeNs, before.furthestNs),
      hosts,
      nodes: processes.flatMap(nodeViewOf),
      links: processes.flatMap((process) => process.links),
      migrations: processes.flatMap((process) => process.migrations),
      told: Object.fromEntries(processes.map((process) => [process.process, process.mechanisms])),
      knobs,
      requested,
      consoleVersion: this.#console.version,
    };
    const events = fresh.length === 0
      ? before.events
      : [...before.events, ...fresh.sort((a, b) => a.timeNs - b.timeNs)].slice(-EVENTS_MAX);
    this.store.setState({ ...next, events, chapter: before.lab.story?.chapterAfter(before.chapter, { migrations: next.migrations ?? [] }) ?? before.chapter });
  }
}

/** Courses of which the timeline keeps events. */
const BRANCHES_KEPT = 8;

/** Events of `timeNs` and later become what lies ahead on the branch that was left. */
function withCut(before: AppState, timeNs: number): AppState['eventsAhead'] {
  const cut = before.events.filter((event) => event.timeNs >= timeNs);
  if (cut.length === 0) return before.eventsAhead;
  const { [before.branch]: known = [], ...others } = before.eventsAhead;
  const later = known.filter((event) => event.timeNs > cut.at(-1)!.timeNs);
  const kept = Object.entries(others).toSorted(([a], [b]) => Number(a) - Number(b)).slice(1 - BRANCHES_KEPT);
  return { ...Object.fromEntries(kept), [before.branch]: [...cut, ...later].slice(0, EVENTS_MAX) };
}
