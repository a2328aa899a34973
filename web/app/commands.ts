/**
 * Every command of the page in one place: palette, menus, buttons, hotkeys, links and scripts call the
 * same ids. A command that changes the run goes down through the session and is logged there; the
 * others change what is shown.
 */
import * as v from 'valibot';
import type { AppState } from '../session/store.ts';
import { BOARD_HARTS_MAX, GUEST_VCPUS_MAX } from '../../core/protocol/guest-scenario.ts';
import { EXPORT_ROWS } from './export-commands.ts';
import { TOUR_ROWS } from '../tour/tour-commands.ts';
import type { TourAct } from '../tour/tour-state.ts';
import { SNAPSHOT_ROWS, type SnapshotAct } from './snapshot-commands.ts';
import { LOCKED, TEACHER_ROWS } from './teacher-commands.ts';
import { TIME_ROWS } from './time-commands.ts';

/** What a command may use; given by the page. */
export interface CommandContext {
  readonly state: () => AppState;
  readonly actions: PageActions;
}

/** What commands can set off. Implemented by app/actions.ts; a plain object in tests. */
export interface PageActions {
  migrate(vm: number, to: number, atNs: number): Promise<string>;
  cancelMigration(vm: number, atNs: number): Promise<string>;
  setKnob(knob: string, value: number, atNs: number): Promise<string>;
  /** `target` '' = what the lab says. */
  injectFault(fault: string, target: string, atNs: number): Promise<string>;
  ask(request: string, args: Record<string, number | string>, atNs: number): Promise<string>;
  openLab(lab: string): Promise<string>;
  /** Boots a guest that `npm run guests` has fetched. */
  openGuest(guest: string, vcpus: number): Promise<string>;
  /** Runs a lab, the present one when it is '', with such a guest in place of its own; '' takes its own again. */
  openLabGuest(guest: string, lab: string): Promise<string>;
  /** Boots one on a bare-metal board, from its firmware on. */
  bootBoard(guest: string, harts: number): Promise<string>;
  /** Starts a bare-metal program on a board of its own. */
  openProgram(): Promise<string>;
  /** Gives the command of a walkthrough's step and goes on to its chapter. */
  takeStep(step: string, atNs: number): Promise<string>;
  typeConsole(vm: number, text: string, atNs: number): Promise<string>;
  undoKnob(): Promise<string>;
  playPause(): void;
  setRatio(ratio: number): void;
  stepInstruction(): Promise<void>;
  stepEvent(): Promise<void>;
  travelTo(timeNs: number): Promise<string>;
  stepBack(kind: 'event' | 'instruction'): Promise<void>;
  returnTo(branch: number, atNs: number | undefined): Promise<string>;
  load(options: { seed?: number; knobs?: Record<string, number> }): Promise<string>;
  reset(): Promise<string>;
  openElf(): Promise<string>;
  downloadCapture(): Promise<string>;
  downloadRun(): Promise<string>;
  shareLink(): Promise<string>;
  shareMoment(): Promise<string>;
  shareLecture(): Promise<string>;
  saveStage(kind: 'svg' | 'png'): Promise<string>;
  downloadTrace(): Promise<string>;
  openRun(): Promise<string>;
  openScenario(): Promise<string>;
  snapshots(act: SnapshotAct): Promise<string>;
  freeze(frozen: boolean): void;
  /** Starts, moves or leaves the tour; '' or why not. */
  tour(act: TourAct): Promise<string>;
  select(entity: string): void;
  zoom(factor: number): void;
  pan(dx: number, dy: number): void;
  zoomTo(entity: string): void;
  patch(change: Partial<AppState>): void;
}

/** A command. `enabledWhen` gives '' or one sentence that says why not now. */
export interface CommandRow {
  readonly id: string;
  readonly title: string;
  readonly group: 'Run' | 'Migration' | 'Link' | 'Guest' | 'View' | 'Files' | 'Help';
  readonly hotkey?: string;
  /** Schema of the arguments; values may be left out where it has defaults. */
  readonly schema: v.GenericSchema<unknown, Record<string, unknown>>;
  readonly enabledWhen: (state: AppState) => string;
  readonly run: (context: CommandContext, args: Record<string, unknown>, atNs: number) => Promise<string> | string | undefined | Promise<void> | void;
}

/** The page's commands, and those of the lab that is shown. */
export interface CommandRegistry {
  readonly rows: readonly CommandRow[];
  find(id: string): CommandRow | undefined;
  /** Runs a command; resolves to '' or to one sentence that says why it was refused. */
  run(id: string, args?: unknown, options?: { readonly at?: number }): Promise<string>;
  /** '' or why the command cannot be run now. */
  blockedBecause(id: string): string;
}

const none = v.object({});
const always = () => '';
const alive = (state: AppState) => (state.status === 'live' ? '' : 'No run is alive; start again first.');
const unlocked = (state: AppState) => (state.teacher.locked ? LOCKED : alive(state));

/** A registry over rows; pure but for what the rows' actions do. */
export function makeCommandRegistry(rows: readonly CommandRow[], context: CommandContext): CommandRegistry {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const ofLab = () => context.state().lab.commands;
  const find = (id: string) => byId.get(id) ?? ofLab().find((row) => row.id === id);
  return {
    get rows() {
      return [...rows, ...ofLab()];
    },
    find,
    blockedBecause: (id) => find(id)?.enabledWhen(context.state()) ?? `There is no command “${id}”.`,
    async run(id, args = {}, options = {}) {
      const row = find(id);
      if (row === undefined) return refuse(context, `There is no command “${id}”.`);
      const blocked = row.enabledWhen(context.state());
      if (blocked !== '') return refuse(context, blocked);
      const parsed = v.safeParse(row.schema, args);
      if (!parsed.success) {
        const issue = parsed.issues[0];
        const where = issue.path === undefined ? '' : ` (${issue.path.map((item) => String(item.key)).join('.')})`;
        return refuse(context, `${row.title}: ${issue.message}${where}.`);
      }
      return (await row.run(context, parsed.output, options.at ?? -1)) ?? '';
    },
  };
}

function refuse(context: CommandContext, sentence: string): string {
  context.actions.patch({ notice: sentence });
  return sentence;
}

type Rows = readonly CommandRow[];
/** Types a row's `run` by its schema and forgets the type again, so that rows fit one table. */
function row<S extends v.GenericSchema<unknown, Record<string, unknown>>>(
  options: Omit<CommandRow, 'schema' | 'run'> & {
    readonly schema: S;
    readonly run: (context: CommandContext, args: v.InferOutput<S>, atNs: number) => ReturnType<CommandRow['run']>;
  },
): CommandRow {
  return { ...options, run: (context, args, atNs) => options.run(context, args as v.InferOutput<S>, atNs) };
}

const anyVm = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0);
const toggle = (id: keyof AppState['panels']) => ({ actions, state }: CommandContext) => {
  const { panels } = state();
  actions.patch({ panels: { ...panels, [id]: !panels[id] } });
};
const RATIOS = [0.001, 0.01, 0.1, 1, 0] as const;

/** Where a VM is and where else it could go; the first VM when `vm` is 0. */
export function resolveMove(state: AppState, vm: number, to: number): { vm: number; to: number } | undefined {
  const home = state.hosts.find((host) =>
    host.vms.some((it) => (vm === 0 || it.id === vm) && it.state !== 'incoming'),
  );
  const moving = home?.vms.find((it) => (vm === 0 || it.id === vm) && it.state !== 'incoming');
  const goal = to >= 0 ? to : state.hosts.find((host) => host.id !== home?.id)?.id;
  return moving === undefined || goal === undefined ? undefined : { vm: moving.id, to: goal };
}

function migrationIsOn(state: AppState): boolean {
  return state.migrations.some((it) => it.role === 'source' && it.endedAtNs < 0);
}

const runRows: Rows = [
  row({
    id: 'play-pause', title: 'Play or pause', group: 'Run', hotkey: 'Space', schema: none, enabledWhen: alive,
    run: ({ actions }) => actions.playPause(),
  }),
  row({
    id: 'set-speed', title: 'Set speed', group: 'Run', enabledWhen: alive,
    schema: v.object({ ratio: v.pipe(v.number(), v.minValue(0, 'the ratio must be 0 (no limit) or more')) }),
    run: ({ actions }, { ratio }) => actions.setRatio(ratio),
  }),
  ...RATIOS.map((ratio, index) =>
    row({
      id: `speed-${ratio === 0 ? 'unlimited' : `1-${Math.round(1 / ratio)}`}`,
      title: ratio === 0 ? 'Speed: as fast as possible' : `Speed 1 : ${Math.round(1 / ratio)}`,
      group: 'Run', hotkey: String(index + 1), schema: none, enabledWhen: alive,
      run: ({ actions }) => actions.setRatio(ratio),
    }),
  ),
  row({
    id: 'reset', title: 'Reset with the same seed', group: 'Run', hotkey: 'Home', schema: none, enabledWhen: always,
    run: ({ actions }) => actions.reset(),
  }),
  row({
    id: 'start-again', title: 'Start again', group: 'Run', schema: none, enabledWhen: always,
    run: ({ actions }) => actions.reset(),
  }),
  row({
    id: 'load', title: 'Load with a seed and knobs', group: 'Run', enabledWhen: always,
    schema: v.object({
      seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff))),
      knobs: v.optional(v.record(v.string(), v.number())),
    }),
    run: ({ actions }, { seed, knobs }) =>
      actions.load({ ...(seed === undefined ? {} : { seed }), ...(knobs === undefined ? {} : { knobs }) }),
  }),
];

const labRows: Rows = [
  row({
    id: 'migrate', title: 'Move it while it runs', group: 'Migration', hotkey: 'm',
    schema: v.object({ vm: anyVm, to: v.optional(v.pipe(v.number(), v.integer()), -1) }),
    enabledWhen: (state) => {
      if (state.status !== 'live') return alive(state);
      return resolveMove(state, 0, -1) === undefined ? 'There is no VM to move.' : '';
    },
    run: ({ actions, state }, { vm, to }, atNs) => {
      const move = resolveMove(state(), vm, to);
      return move === undefined ? `There is no VM ${vm}.` : actions.migrate(move.vm, move.to, atNs);
    },
  }),
  row({
    id: 'cancel-migration', title: 'Cancel the migration', group: 'Migration', schema: v.object({ vm: anyVm }),
    enabledWhen: (state) => (migrationIsOn(state) ? '' : 'No migration is running.'),
    run: ({ actions, state }, { vm }, atNs) => {
      const migration = state().migrations.find((it) => it.role === 'source' && it.endedAtNs < 0);
      return actions.cancelMigration(vm === 0 ? (migration?.vm ?? 0) : vm, atNs);
    },
  }),
  row({
    id: 'set-knob', title: 'Set a knob', group: 'Link', enabledWhen: unlocked,
    schema: v.object({ knob: v.string(), value: v.number() }),
    run: ({ actions }, { knob, value }, atNs) => actions.setKnob(knob, value, atNs),
  }),
  row({
    id: 'undo-knob', title: 'Undo the last knob', group: 'Link', hotkey: 'z', schema: none,
    enabledWhen: (state) => (state.knobHistory.length > 0 ? '' : 'No knob has been turned.'),
    run: ({ actions }) => actions.undoKnob(),
  }),
  row({
    id: 'inject-fault', title: 'Cause a fault', group: 'Link', enabledWhen: alive,
    schema: v.object({ fault: v.string(), target: v.optional(v.string(), '') }),
    run: ({ actions }, { fault, target }, atNs) => actions.injectFault(fault, target, atNs),
  }),
  row({
    id: 'ask', title: 'Ask the mechanism', group: 'Guest', enabledWhen: alive,
    schema: v.object({ request: v.string(), arguments: v.optional(v.record(v.string(), v.union([v.number(), v.string()])), {}) }),
    run: ({ actions }, { request, arguments: given }, atNs) => actions.ask(request, given, atNs),
  }),
  row({
    id: 'take-step', title: 'Do what a step of the walkthrough does', group: 'Guest', enabledWhen: alive,
    schema: v.object({ step: v.string() }),
    run: ({ actions }, { step }, atNs) => actions.takeStep(step, atNs),
  }),
  row({
    id: 'open-request', title: 'Ask the mechanism, with what it needs', group: 'Guest', enabledWhen: alive,
    schema: v.object({ request: v.string() }),
    run: ({ actions, state }, { request }) => {
      if (!state().lab.contract.requests.some(({ id }) => id === request)) return `There is nothing here that does “${request}”.`;
      actions.patch({ dialog: 'request', asked: request });
      return '';
    },
  }),
  row({
    id: 'console-input', title: 'Type into the console', group: 'Guest', enabledWhen: alive,
    schema: v.object({ vm: anyVm, text: v.string() }),
    run: ({ actions, state }, { vm, text }, atNs) => actions.typeConsole(resolveMove(state(), vm, -1)?.vm ?? vm, text, atNs),
  }),
];

const viewRows: Rows = [
  row({
    id: 'select', title: 'Select an entity', group: 'View', enabledWhen: always,
    schema: v.object({ entity: v.string() }), run: ({ actions }, { entity }) => actions.select(entity),
  }),
  row({
    id: 'focus', title: 'Zoom to the selection', group: 'View', hotkey: 'f', schema: none, enabledWhen: always,
    run: ({ actions, state }) => actions.zoomTo(state().selection),
  }),
  row({
    id: 'zoom-to', title: 'Zoom to an entity', group: 'View', enabledWhen: always,
    schema: v.object({ entity: v.string() }), run: ({ actions }, { entity }) => actions.zoomTo(entity),
  }),
  row({ id: 'zoom-in', title: 'Zoom in', group: 'View', hotkey: 'w', schema: none, enabledWhen: always, run: ({ actions }) => actions.zoom(1.5) }),
  row({ id: 'zoom-out', title: 'Zoom out', group: 'View', hotkey: 's', schema: none, enabledWhen: always, run: ({ actions }) => actions.zoom(1 / 1.5) }),
  row({ id: 'pan-left', title: 'Pan left', group: 'View', hotkey: 'a', schema: none, enabledWhen: always, run: ({ actions }) => actions.pan(80, 0) }),
  row({ id: 'pan-right', title: 'Pan right', group: 'View', hotkey: 'd', schema: none, enabledWhen: always, run: ({ actions }) => actions.pan(-80, 0) }),
  row({ id: 'zoom-site', title: 'Show the whole site', group: 'View', hotkey: '0', schema: none, enabledWhen: always, run: ({ actions }) => actions.zoomTo('site') }),
  row({ id: 'toggle-inspector', title: 'Inspector', group: 'View', hotkey: 'i', schema: none, enabledWhen: always, run: toggle('inspector') }),
  row({ id: 'toggle-console', title: 'Console', group: 'View', hotkey: 'c', schema: none, enabledWhen: always, run: toggle('console') }),
  row({ id: 'toggle-timeline', title: 'Timeline', group: 'View', hotkey: 't', schema: none, enabledWhen: always, run: toggle('timeline') }),
  row({ id: 'toggle-tables', title: 'Tables of what the pictures show', group: 'View', hotkey: 'y', schema: none, enabledWhen: always, run: toggle('tables') }),
  row({ id: 'toggle-samples', title: 'Charts', group: 'View', hotkey: 'g', schema: none, enabledWhen: always, run: toggle('samples') }),
  row({
    id: 'toggle-knobs', title: 'Knobs', group: 'View', hotkey: 'k', schema: none, enabledWhen: always,
    run: ({ actions, state }) => actions.patch({ knobsShown: !state().knobsShown }),
  }),
  row({
    id: 'theme', title: 'Light or dark', group: 'View', hotkey: 'l', enabledWhen: always,
    schema: v.object({ theme: v.optional(v.picklist(['system', 'light', 'dark'])) }),
    run: ({ actions, state }, { theme }) => actions.patch({ theme: theme ?? (state().theme === 'dark' ? 'light' : 'dark') }),
  }),
  ...(['projector', 'lab', 'workbench'] as const).map((density) =>
    row({
      id: `density-${density}`, title: `Density: ${density[0]!.toUpperCase()}${density.slice(1)}`, group: 'View' as const, schema: none,
      enabledWhen: always, run: ({ actions, state }) => actions.patch({ density, panels: panelsOf(density, state()) }),
    }),
  ),
];

function panelsOf(density: AppState['density'], state: AppState): AppState['panels'] {
  if (density === 'workbench') return { ...state.panels, inspector: true, timeline: true, console: true };
  if (density === 'projector') return { inspector: false, console: false, timeline: false, tables: false, samples: false, snapshots: false };
  return state.panels;
}

const otherRows: Rows = [
  row({ id: 'labs', title: 'Open a lab', group: 'Files', hotkey: 'o', schema: none, enabledWhen: always, run: ({ actions }) => actions.patch({ dialog: 'labs' }) }),
  row({
    id: 'open-lab', title: 'Open a lab by name', group: 'Files', enabledWhen: always, schema: v.object({ lab: v.pipe(v.string(), v.minLength(1, 'a lab has a name')) }),
    run: ({ actions }, { lab }) => actions.openLab(lab),
  }),
  row({
    id: 'open-guest', title: 'Boot a fetched guest by name', group: 'Files', enabledWhen: always,
    schema: v.object({
      guest: v.pipe(v.string(), v.minLength(1, 'a guest has a name')),
      vcpus: v.optional(v.pipe(v.number(), v.integer('vCPUs are counted'), v.minValue(1, 'at least one vCPU'), v.maxValue(GUEST_VCPUS_MAX, `at most ${GUEST_VCPUS_MAX} vCPUs`)), 1),
    }),
    run: ({ actions }, { guest, vcpus }) => actions.openGuest(guest, vcpus),
  }),
  row({
    id: 'open-lab-guest', title: 'Run a lab on a fetched guest, by names', group: 'Files', enabledWhen: always,
    schema: v.object({ guest: v.optional(v.string(), ''), lab: v.optional(v.string(), '') }),
    run: ({ actions }, { guest, lab }) => actions.openLabGuest(guest, lab),
  }),
  row({
    id: 'boot-board', title: 'Boot a fetched guest on bare metal by name', group: 'Files', enabledWhen: always,
    schema: v.object({
      guest: v.pipe(v.string(), v.minLength(1, 'a guest has a name')),
      harts: v.optional(v.pipe(v.number(), v.integer('harts are counted'), v.minValue(1, 'at least one hart'), v.maxValue(BOARD_HARTS_MAX, `at most ${BOARD_HARTS_MAX} harts`)), 1),
    }),
    run: ({ actions }, { guest, harts }) => actions.bootBoard(guest, harts),
  }),
  row({ id: 'open-program', title: 'Start a bare-metal program (ELF) on a board', group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.openProgram() }),
  row({ id: 'open-elf', title: 'Run an ELF file as the guest', group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.openElf() }),
  row({ id: 'download-capture', title: 'Download the packets (pcapng)', group: 'Files', schema: none, enabledWhen: alive, run: ({ actions }) => actions.downloadCapture() }),
  row({ id: 'download-run', title: 'Download the run report', group: 'Files', schema: none, enabledWhen: alive, run: ({ actions }) => actions.downloadRun() }),
  row({ id: 'share-link', title: 'Copy a link to this lab', group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.shareLink() }),
  row({ id: 'palette', title: 'All commands', group: 'Help', hotkey: 'Ctrl+K', schema: none, enabledWhen: always, run: ({ actions }) => actions.patch({ dialog: 'palette' }) }),
  row({ id: 'help', title: 'Help', group: 'Help', hotkey: '?', schema: none, enabledWhen: always, run: ({ actions }) => actions.patch({ dialog: 'help' }) }),
  row({ id: 'leaves-out', title: 'What this leaves out', group: 'Help', schema: none, enabledWhen: always, run: ({ actions }) => actions.patch({ dialog: 'leaves-out' }) }),
];

/** The table of all commands. */
export const COMMAND_ROWS: Rows = [...runRows, ...TIME_ROWS, ...labRows, ...viewRows, ...TOUR_ROWS, ...SNAPSHOT_ROWS, ...TEACHER_ROWS, ...otherRows, ...EXPORT_ROWS];
