/** What the snapshot mechanism tells of a host, found in the store. */
import type { JobTold, LiveSnapshotTold } from '../../core/mechanisms/live-snapshot/told.ts';
import type { AppState } from '../session/store.ts';

/** All that it told of a host; undefined before the first snapshot of the run, and in labs without it. */
export function snapshotTold(state: Pick<AppState, 'told'>, host: number): LiveSnapshotTold | undefined {
  return state.told[host]?.['live-snapshot'] as LiveSnapshotTold | undefined;
}

/** The newest snapshot that was begun on a host, under way or ended. */
export function snapshotJob(state: Pick<AppState, 'told'>, host: number): JobTold | undefined {
  return snapshotTold(state, host)?.jobs.at(-1);
}
