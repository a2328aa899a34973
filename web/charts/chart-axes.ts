/** What the migration's charts show: a stretch of virtual time, and the labels of the axis of bytes. Pure. */
import type { MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import { isMigrating } from '../session/store.ts';

/** Virtual time shown. Unit: ns. */
export interface TimeSpan {
  readonly fromNs: number;
  readonly toNs: number;
}

/** From a little before the request to a little after the end, or to now. */
export function spanOf(migration: MigrationSnapshot, baseline: MigrationSnapshot | undefined, nowNs: number): TimeSpan {
  const end = isMigrating(migration) ? nowNs : Math.max(migration.endedAtNs, migration.resumedAtNs);
  const other = baseline === undefined ? 0 : Math.max(baseline.endedAtNs, baseline.resumedAtNs);
  const last = Math.max(end, Math.min(other, migration.startedAtNs + 4 * (end - migration.startedAtNs)));
  const length = Math.max(1e8, last - migration.startedAtNs);
  return { fromNs: Math.max(0, migration.startedAtNs - length * 0.08), toNs: migration.startedAtNs + length * 1.08 };
}

/** Labels of the square-root axis: it keeps both the fall from all pages and the small downtime line visible. */
export function rootSplits(high: number): number[] {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, high)));
  const lead = high / unit;
  const top = lead >= 5 ? 5 * unit : lead >= 2 ? 2 * unit : unit;
  return [0, top / 10, top / 2.5, top];
}
