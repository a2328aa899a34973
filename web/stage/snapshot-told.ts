/** What the snapshot mechanism tells of a host, found in the store. */
import type { FileTold, JobTold, LiveSnapshotTold } from '../../core/mechanisms/live-snapshot/told.ts';
import type { AppState } from '../session/store.ts';

/** All that it told of a host; undefined before the first snapshot of the run, and in labs without it. */
export function snapshotTold(state: Pick<AppState, 'told'>, host: number): LiveSnapshotTold | undefined {
  return state.told[host]?.['live-snapshot'] as LiveSnapshotTold | undefined;
}

/** The newest snapshot that was begun on a host, under way or ended. */
export function snapshotJob(state: Pick<AppState, 'told'>, host: number): JobTold | undefined {
  return snapshotTold(state, host)?.jobs.at(-1);
}

/** All snapshots begun in a lane, 'main' or a baseline's, oldest first. */
export function snapshotJobs(state: Pick<AppState, 'told' | 'baselines'>, lane: string): readonly JobTold[] {
  const mechanisms = lane === 'main' ? Object.values(state.told) : (state.baselines[lane]?.mechanisms ?? []);
  return mechanisms
    .flatMap((it) => (it?.['live-snapshot'] as LiveSnapshotTold | undefined)?.jobs ?? [])
    .toSorted((left, right) => left.startedAtNs - right.startedAtNs);
}

/** All snapshots that can be restored, on all hosts, oldest first. */
export function snapshotFiles(state: Pick<AppState, 'told'>): readonly (FileTold & { readonly host: number })[] {
  return Object.keys(state.told)
    .flatMap((host) => snapshotTold(state, Number(host))?.files.map((file) => ({ ...file, host: Number(host) })) ?? [])
    .toSorted((left, right) => left.takenAtNs - right.takenAtNs);
}
