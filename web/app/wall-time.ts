/** How long something will take on the wall before ▶ is pressed: an estimate from what the run has told. Pure. */
import { type AppState, findMigration, findVm, isMigrating } from '../session/store.ts';

/** Wall time that `durationNs` of virtual time takes at a ratio (virtual per wall); NaN when nothing holds it back. Unit: s. */
export function wallSeconds(durationNs: number, ratio: number): number {
  return ratio > 0 ? durationNs / 1e9 / ratio : Number.NaN;
}

/** What comes next and its virtual time: the rest of the move that runs, or a whole move at the link's rate. Unit: ns. */
export function nextDuration(state: Pick<AppState, 'hosts' | 'migrations' | 'links' | 'knobs'>): { readonly what: string; readonly ns: number } | undefined {
  const rate = state.knobs['bandwidth'] ?? state.links[0]?.bandwidthBitsPerSecond ?? 0;
  if (!(rate > 0)) return undefined;
  const migration = findMigration(state);
  if (migration !== undefined && isMigrating(migration)) return { what: 'the rest', ns: ((migration.bytesLeft * 8) / rate) * 1e9 };
  const placed = findVm(state);
  return placed === undefined ? undefined : { what: 'a move', ns: ((placed.vm.pageCount * 4096 * 8) / rate) * 1e9 };
}
