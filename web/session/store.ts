/**
 * What the page knows: the last snapshot of the run, what was asked for and is not yet confirmed, and
 * the state of the page itself (selection, panels, density, theme). Plain data; actions live in
 * app/commands.ts, updates in session/run-controller.ts.
 */
import { createStore, type StoreApi } from 'zustand/vanilla';
import type { HostSnapshot, LinkSnapshot, MigrationSnapshot, ProcessSnapshot, TimelineEvent, VmSnapshot } from '../../core/protocol/snapshot.ts';
import { type LoadedLab, NO_LAB } from '../labs/lab-view.ts';
import type { TourState } from '../tour/tour-state.ts';
import type { KeptState } from './kept-snapshots.ts';
import type { FailureReport, Pace, RunSpec } from './session.ts';

export type Density = 'lab' | 'projector' | 'workbench';
export type Theme = 'system' | 'light' | 'dark';
export type PanelId = 'inspector' | 'console' | 'timeline' | 'tables' | 'samples' | 'snapshots';

/** Everything that is drawn from, besides shared memory and the sample ring. */
export interface AppState {
  readonly spec: RunSpec;
  /** The lab that the run is of: contract, walkthrough, view. */
  readonly lab: LoadedLab;
  readonly status: 'starting' | 'live' | 'failed' | 'unsupported';
  /** One sentence when the page cannot run or the last thing asked for was refused; else ''. */
  readonly notice: string;
  readonly failure: FailureReport | null;
  readonly timeNs: number;
  readonly pace: Pace;
  readonly hosts: readonly HostSnapshot[];
  /** Processes of other kinds: switches, gateways, sites … */
  readonly nodes: readonly NodeView[];
  readonly links: readonly LinkSnapshot[];
  readonly migrations: readonly MigrationSnapshot[];
  /** What else the mechanisms of a process told last, by process, then by mechanism: plain JSON as each one says. */
  readonly told: Readonly<Record<number, Readonly<Record<string, unknown>>>>;
  /** The baselines that run beside this run, by id, as they told of themselves last. */
  readonly baselines: Readonly<Record<string, BaselineState>>;
  /** Migrations of the first baseline. */
  readonly baseline: readonly MigrationSnapshot[];
  readonly baselineNs: number; // how far the first baseline has come, −1 = there is none
  readonly events: readonly TimelineEvent[];
  /** How far the branch that runs has come; beyond `timeNs` after a rewind. Unit: ns. */
  readonly furthestNs: number;
  readonly branch: number; // id of the branch that runs
  readonly branches: readonly BranchMark[]; // all courses that the run took, by id; [] until they are known
  readonly checkpointsNs: readonly number[]; // rewinding near one is quick
  /** Events of times that the run has left, by branch: what lies ahead, and other courses. */
  readonly eventsAhead: Readonly<Record<number, readonly TimelineEvent[]>>;
  /** The stretch of time that the timeline shows; null: all. */
  readonly timelineView: { readonly fromNs: number; readonly toNs: number } | null;
  /** Where a journey that is under way goes, −1 without one. Unit: ns. */
  readonly travelNs: number;
  readonly consoleVersion: number;
  /** Values that the run has confirmed, and values asked for that it has not. */
  readonly knobs: Readonly<Record<string, number>>;
  readonly requested: Readonly<Record<string, number>>;
  readonly knobHistory: readonly { readonly knob: string; readonly value: number; readonly atNs: number }[];

  readonly selection: string; // entity, '' = nothing
  readonly hovered: string;
  readonly selectedPage: number; // guest page of the VM, −1 = none
  readonly panels: Readonly<Record<PanelId, boolean>>;
  readonly knobsShown: boolean;
  /** What this browser keeps of snapshots; null: nobody has looked yet. */
  readonly kept: KeptState | null;
  readonly snapshotSelected: string; // in the panel: name of a snapshot, 'kept:' and name of a kept one, '' = none
  readonly density: Density;
  readonly theme: Theme;
  readonly dialog: '' | 'palette' | 'help' | 'failure' | 'leaves-out' | 'labs' | 'request';
  /** The request whose arguments the dialog 'request' asks for. */
  readonly asked: string;
  readonly crosshairNs: number; // −1 = none
  /** An interval of virtual time chosen on a chart; every view tells what happened in it. */
  readonly brush: { readonly fromNs: number; readonly toNs: number } | null;
  /** Why the lab has not begun, in one sentence: its guest boots; '' when it has. */
  readonly booting: string;
  /** Where the lab's own story is; '' at the start. Only the lab reads it. */
  readonly chapter: string;
  /** What a teacher has switched on. */
  readonly teacher: TeacherState;
  /** The tour that is on, or was left and can be resumed; null without one. */
  readonly tour: TourState | null;
  /** Language of narrations, as a tag: 'en'. */
  readonly language: string;
}

/** One course that the run took, as the timeline shows it. */
export interface BranchMark {
  readonly id: number;
  readonly parent: number; // −1 for the first
  readonly forkNs: number; // from here on it differs from its parent
  readonly endNs: number; //  how far it has run
}

/** A baseline: the same world without the mechanism, from the same seed and commands. */
export interface BaselineState {
  readonly timeNs: number; // how far it has come
  readonly hosts: readonly HostSnapshot[];
  readonly nodes: readonly NodeView[];
  readonly links: readonly LinkSnapshot[];
  readonly migrations: readonly MigrationSnapshot[];
  /** What mechanisms tell of themselves, by process; by the mechanism's name within. */
  readonly mechanisms: readonly ProcessSnapshot['mechanisms'][];
  readonly knobs: Readonly<Record<string, number>>;
}

/** Switches for a lecture. None of them changes the run. */
export interface TeacherState {
  readonly frozen: boolean; //        the picture stands, the run goes on
  readonly pointerRing: boolean;
  readonly blackout: boolean;
  readonly notes: boolean; //         the window with the presenter's notes is open
  readonly beatMs: number; //         wall time between two events, 0 = off
  readonly locked: boolean; //        a lecture link: knobs cannot be turned
  readonly answersHidden: boolean; // results are covered until they are revealed
}

export const TEACHER_OFF: TeacherState = {
  frozen: false, pointerRing: false, blackout: false, notes: false, beatMs: 0, locked: false, answersHidden: false,
};

export type AppStore = StoreApi<AppState>;

/** Timeline events kept; older ones go. */
export const EVENTS_MAX = 2_000;

/** A process that is no host, as it last told of itself; `told` is shaped as its kind says. */
export interface NodeView {
  readonly process: number;
  readonly kind: string;
  readonly name: string;
  readonly told: unknown;
}

/** The view of a process that is no host; nothing of one that is. */
export function nodeViewOf({ process, kind, name, told, host }: ProcessSnapshot): NodeView[] {
  return host === undefined ? [{ process, kind, name, told }] : [];
}

/** The state before a run has told anything. */
export function emptyRun(spec: RunSpec): Pick<
  AppState,
  'spec' | 'status' | 'failure' | 'timeNs' | 'pace' | 'hosts' | 'nodes' | 'links' | 'migrations' | 'told' | 'baselines' | 'baseline' | 'baselineNs'
  | 'events' | 'furthestNs' | 'branch' | 'branches' | 'checkpointsNs' | 'eventsAhead' | 'travelNs' | 'timelineView' | 'consoleVersion' | 'knobs' | 'requested' | 'knobHistory' | 'booting' | 'chapter' | 'selectedPage' | 'brush'
> {
  return {
    spec,
    status: 'starting',
    failure: null,
    timeNs: 0,
    pace: { paused: true, pausedBecause: '', ratio: 0.01, slowed: false },
    hosts: [],
    nodes: [],
    links: [],
    migrations: [],
    baselines: {},
    told: {},
    baseline: [],
    baselineNs: -1,
    events: [],
    furthestNs: 0,
    branch: 0,
    branches: [],
    checkpointsNs: [],
    eventsAhead: {},
    travelNs: -1,
    timelineView: null,
    consoleVersion: 0,
    knobs: {},
    requested: {},
    knobHistory: [],
    booting: '',
    chapter: '',
    selectedPage: -1,
    brush: null,
  };
}

/** A store for one page. */
export function makeStore(spec: RunSpec, density: Density, lab: LoadedLab = NO_LAB): AppStore {
  return createStore<AppState>(() => ({
    ...emptyRun(spec),
    lab,
    notice: '',
    selection: '',
    hovered: '',
    panels: { inspector: false, console: false, timeline: false, tables: false, samples: false, snapshots: false },
    knobsShown: false,
    kept: null,
    snapshotSelected: '',
    density,
    theme: 'system',
    dialog: '',
    asked: '',
    crosshairNs: -1,
    teacher: TEACHER_OFF,
    tour: null,
    language: 'en',
  }));
}

/** A VM and the host it is on. */
export interface PlacedVm {
  readonly vm: VmSnapshot;
  readonly host: HostSnapshot;
}

/** The VM that runs (or last ran): the copy that is not an incoming one. */
export function findVm(state: Pick<AppState, 'hosts'>, id?: number): PlacedVm | undefined {
  let found: PlacedVm | undefined;
  for (const host of state.hosts) {
    for (const vm of host.vms) {
      if (id !== undefined && vm.id !== id) continue;
      const better = found === undefined || rank(vm) > rank(found.vm);
      if (better) found = { vm, host };
    }
  }
  return found;
}

function rank(vm: VmSnapshot): number {
  return { running: 5, 'handing-over': 4, paused: 3, failed: 2, stopped: 1, incoming: 0 }[vm.state];
}

/** The newest migration, as its source tells it, with the destination's resume time added. */
export function findMigration(state: Pick<AppState, 'migrations'>): MigrationSnapshot | undefined {
  let found: MigrationSnapshot | undefined;
  for (const migration of state.migrations) {
    if (migration.role === 'source' && (found === undefined || migration.startedAtNs >= found.startedAtNs)) {
      found = migration;
    }
  }
  if (found === undefined) return undefined;
  const source = found;
  const arrived = state.migrations.find(
    (it) => it.role === 'destination' && it.vm === source.vm && it.to === source.to && it.resumedAtNs > source.startedAtNs,
  );
  if (arrived === undefined || source.resumedAtNs >= 0) return source;
  return { ...source, resumedAtNs: arrived.resumedAtNs };
}

/** True while a migration has not ended. */
export function isMigrating(migration: MigrationSnapshot | undefined): boolean {
  return migration !== undefined && migration.endedAtNs < 0;
}

/** Measured downtime in ns, or −1. */
export function downtimeNs(migration: MigrationSnapshot | undefined): number {
  if (migration === undefined || migration.stoppedAtNs < 0 || migration.resumedAtNs < migration.stoppedAtNs) return -1;
  return migration.resumedAtNs - migration.stoppedAtNs;
}

/** Host whose samples are shown: the source of the newest move, else the VM's home. */
export function sampledHost(state: Pick<AppState, 'migrations' | 'hosts'>): number {
  return findMigration(state)?.from ?? findVm(state)?.host.id ?? state.hosts[0]?.id ?? 0;
}
