/**
 * Snapshots of VMs as commands: in every lab, by menu, key, palette and script. Without a name they mean the
 * snapshot that is selected in the panel, else the newest.
 */
import * as v from 'valibot';
import { snapshotFiles, snapshotJobs } from '../stage/snapshot-told.ts';
import { type AppState, findVm } from '../session/store.ts';
import type { CommandRow } from './commands.ts';

/** What is done with files and with what the browser keeps (exports/snapshot-actions.ts). */
export type SnapshotAct =
  | { readonly do: 'list' }
  | { readonly do: 'allow'; readonly bytes: number }
  | { readonly do: 'save-file' | 'keep' | 'restore-kept' | 'delete-kept'; readonly name: string }
  | { readonly do: 'open-file' };

const none = v.object({});
const alive = (state: AppState) => (state.status === 'live' ? '' : 'No run is alive; start again first.');
const hasFile = (state: AppState) => alive(state) || (snapshotFiles(state).length > 0 ? '' : 'There is no snapshot yet; take one first.');
const hasKept = (state: AppState) => ((state.kept?.entries.length ?? 0) > 0 ? '' : 'Nothing is kept on this machine, or it has not been looked at yet.');

/** The snapshot that is meant: the one named, the one selected, the newest; '' when there is none. */
export function meantSnapshot(state: AppState, name: string): string {
  if (name !== '') return name;
  const files = snapshotFiles(state);
  return files.find((it) => it.name === state.snapshotSelected)?.name ?? files.at(-1)?.name ?? '';
}

function meantKept(state: AppState, name: string): string {
  const entries = state.kept?.entries ?? [];
  return name !== '' ? name : (entries.find((it) => `kept:${it.name}` === state.snapshotSelected)?.name ?? entries.at(-1)?.name ?? '');
}

/** The first of “snapshot 1”, “snapshot 2” … that no snapshot of the run has. */
export function nextName(state: Pick<AppState, 'told' | 'baselines'>): string {
  const taken = new Set([...snapshotFiles(state), ...snapshotJobs(state, 'main')].map(({ name }) => name));
  let number = 1;
  while (taken.has(`snapshot ${number}`)) number++;
  return `snapshot ${number}`;
}

const optionalName = v.optional(v.pipe(v.string(), v.maxLength(63)), '');
const optionalVm = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0);

/** A row whose arguments are typed by its schema. */
function row<S extends v.GenericSchema<unknown, Record<string, unknown>>>(
  options: Omit<CommandRow, 'schema' | 'run' | 'group'> & {
    readonly schema: S;
    readonly run: (context: Parameters<CommandRow['run']>[0], args: v.InferOutput<S>, atNs: number) => ReturnType<CommandRow['run']>;
  },
): CommandRow {
  return { ...options, group: 'Guest', run: (context, args, atNs) => options.run(context, args as v.InferOutput<S>, atNs) };
}

export const SNAPSHOT_ROWS: readonly CommandRow[] = [
  row({
    id: 'take-snapshot', title: 'Take a snapshot', hotkey: 'x', schema: v.object({ vm: optionalVm, name: optionalName }),
    enabledWhen: (state) => alive(state) || (findVm(state) === undefined ? 'There is no VM to take a snapshot of.' : ''),
    run: ({ actions, state }, { vm, name }, atNs) => {
      const now = state();
      const id = vm === 0 ? (findVm(now)?.vm.id ?? 0) : vm;
      return actions.ask('take-snapshot', { vm: id, name: name === '' ? nextName(now) : name }, atNs);
    },
  }),
  row({
    id: 'restore-snapshot', title: 'Restore a snapshot', schema: v.object({ vm: optionalVm, name: optionalName }), enabledWhen: hasFile,
    run: ({ actions, state }, { vm, name }, atNs) => {
      const meant = meantSnapshot(state(), name);
      const file = snapshotFiles(state()).find((it) => it.name === meant);
      return actions.ask('restore-snapshot', { vm: vm === 0 ? (file?.vm ?? 0) : vm, name: meant }, atNs);
    },
  }),
  row({
    id: 'fork-snapshot', title: 'Fork a snapshot: a second VM', schema: v.object({ name: optionalName, as: optionalName }), enabledWhen: hasFile,
    run: ({ actions, state }, { name, as }, atNs) =>
      actions.ask('fork-snapshot', { name: meantSnapshot(state(), name), ...(as === '' ? {} : { as }) }, atNs),
  }),
  row({
    id: 'delete-snapshot', title: 'Delete a snapshot', schema: v.object({ name: optionalName }), enabledWhen: hasFile,
    run: ({ actions, state }, { name }, atNs) => actions.ask('delete-snapshot', { name: meantSnapshot(state(), name) }, atNs),
  }),
  row({
    id: 'save-snapshot-file', title: 'Download a snapshot (ELF core)', schema: v.object({ name: optionalName }), enabledWhen: hasFile,
    run: ({ actions, state }, { name }) => actions.snapshots({ do: 'save-file', name: meantSnapshot(state(), name) }),
  }),
  row({
    id: 'keep-snapshot', title: 'Keep a snapshot on this machine', schema: v.object({ name: optionalName }), enabledWhen: hasFile,
    run: ({ actions, state }, { name }) => actions.snapshots({ do: 'keep', name: meantSnapshot(state(), name) }),
  }),
  row({
    id: 'restore-kept-snapshot', title: 'Start a run from a kept snapshot', schema: v.object({ name: optionalName }), enabledWhen: hasKept,
    run: ({ actions, state }, { name }) => actions.snapshots({ do: 'restore-kept', name: meantKept(state(), name) }),
  }),
  row({
    id: 'delete-kept-snapshot', title: 'Delete a kept snapshot', schema: v.object({ name: optionalName }), enabledWhen: hasKept,
    run: ({ actions, state }, { name }) => actions.snapshots({ do: 'delete-kept', name: meantKept(state(), name) }),
  }),
  row({
    id: 'allow-storage', title: 'Set the room for kept snapshots', enabledWhen: () => '',
    schema: v.object({ megabytes: v.pipe(v.number(), v.minValue(1, 'at least 1 MB is allowed'), v.maxValue(65_536, 'at most 65536 MB are allowed')) }),
    run: ({ actions }, { megabytes }) => actions.snapshots({ do: 'allow', bytes: Math.round(megabytes * 1_048_576) }),
  }),
  row({
    id: 'list-kept-snapshots', title: 'Look at what is kept on this machine', schema: none, enabledWhen: () => '',
    run: ({ actions }) => actions.snapshots({ do: 'list' }),
  }),
  row({
    id: 'open-snapshot-file', title: 'Start a run from a snapshot file', schema: none, enabledWhen: () => '',
    run: ({ actions }) => actions.snapshots({ do: 'open-file' }),
  }),
  row({
    id: 'toggle-snapshots', title: 'Snapshots', hotkey: 'u', schema: none, enabledWhen: () => '',
    run: ({ actions, state }) => {
      const { panels } = state();
      actions.patch({ panels: { ...panels, snapshots: !panels.snapshots } });
    },
  }),
];
