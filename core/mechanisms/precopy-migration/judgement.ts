/**
 * Judgement of the lab's runs: what the last migration came to, that no stop was longer than its limit,
 * that the guest's own clock saw what the migration says.
 */
import type { MigrationSnapshot, ProcessSnapshot } from '../../protocol/snapshot.ts';
import { guestGapAfter } from '../console-check.ts';
import { meanSample, newestSample } from '../../metrics/index.ts';
import { whereabouts } from '../find.ts';
import type { Check, JudgeOptions, LabFindings } from '../lab.ts';
import { milliseconds } from './convergence.ts';

/** See the file's head. */
export function judgeMigrations(options: JudgeOptions): LabFindings {
  const { snapshots } = options;
  const migrations = snapshots
    .flatMap((snapshot) => snapshot.migrations)
    .filter((it) => it.role === 'source')
    .toSorted((left, right) => left.startedAtNs - right.startedAtNs);
  const last = migrations.at(-1);
  return {
    metrics: last === undefined ? {} : { ...metricsOf(snapshots, last), ...ratesOf(options, last) },
    checks: [checkDowntime(options, migrations), checkGuestClock(snapshots, migrations)],
    outcome: outcomeOf(options, last),
  };
}

/** A stop that was not forced is no longer than the limit that held when it was made. */
function checkDowntime(options: JudgeOptions, migrations: readonly MigrationSnapshot[]): Check {
  const done = migrations.filter((it) => it.phase === 'done' && it.mode === 'pre-copy');
  const late = done.find((it) => it.resumedAtNs - it.stoppedAtNs > limitDuring(options, it));
  const worst = done.reduce((most, it) => Math.max(most, it.resumedAtNs - it.stoppedAtNs), 0);
  const found =
    late !== undefined
      ? `a stop of ${milliseconds(late.resumedAtNs - late.stoppedAtNs)} with a limit of ${milliseconds(limitDuring(options, late))}`
      : done.length === 0
        ? 'no pre-copy migration was completed'
        : `${done.length} completed; the longest stop was ${milliseconds(worst)}`;
  return { id: 'downtime-within-limit', holds: late === undefined, found };
}

/** The largest limit that was in force while the VM stood. */
function limitDuring({ scenario, commands }: JudgeOptions, migration: MigrationSnapshot): number {
  let limitNs = scenario.knobs['downtime-limit'] ?? Number.POSITIVE_INFINITY;
  for (const { atNs, command } of commands) {
    if (command.kind !== 'set-knob' || command.knob !== 'downtime-limit') continue;
    if (atNs <= migration.stoppedAtNs) limitNs = command.value;
    else if (atNs <= migration.resumedAtNs) limitNs = Math.max(limitNs, command.value);
  }
  return limitNs;
}

/** The step that the guest saw in its own clock is the downtime, within its sampling (and a throttle's last pause). */
function checkGuestClock(
  snapshots: readonly ProcessSnapshot[],
  migrations: readonly MigrationSnapshot[],
): Check {
  const seen: string[] = [];
  let holds = true;
  for (const migration of migrations.filter((it) => it.phase === 'done')) {
    const gap = guestGapAfter(snapshots, migration);
    if (gap === undefined) continue;
    const downtimeNs = migration.resumedAtNs - migration.stoppedAtNs;
    if (Math.abs(gap.gapNs - downtimeNs) > gap.toleranceNs) holds = false;
    seen.push(`downtime ${milliseconds(downtimeNs)}, the guest saw ${milliseconds(gap.gapNs)}`);
  }
  return {
    id: 'guest-clock',
    holds,
    found: seen.join('; ') || 'no stop that the guest prints',
  };
}

/** Of the last migration. */
function metricsOf(
  snapshots: readonly ProcessSnapshot[],
  last: MigrationSnapshot,
): LabFindings['metrics'] {
  const done = last.phase === 'done';
  const gap = done ? guestGapAfter(snapshots, last) : undefined;
  return {
    downtime: done ? last.resumedAtNs - last.stoppedAtNs : undefined,
    'guest-gap': gap?.gapNs,
    'downtime-predicted': last.downtimePredictedNs >= 0 ? last.downtimePredictedNs : undefined,
    'total-time': last.endedAtNs >= 0 ? last.endedAtNs - last.startedAtNs : undefined,
    rounds: last.rounds.length,
    'pages-sent': last.pagesSent,
    'pages-zero': last.pagesZero,
    'bytes-sent': last.bytesSent,
    'bytes-left': last.bytesLeft,
    'throttle-percent': last.throttlePercent,
  };
}

/** Rates at the source as means over the last migration; pages in the dirty log as sampled last. */
function ratesOf(options: JudgeOptions, last: MigrationSnapshot): LabFindings['metrics'] {
  const rows = options.samplesOf?.(last.from);
  const toNs = last.endedAtNs >= 0 ? last.endedAtNs : Number.POSITIVE_INFINITY;
  const mean = (id: string) => meanSample(rows, id, { fromNs: last.startedAtNs, toNs });
  return {
    'dirty-bytes-per-second': mean('dirty-bytes-per-second'),
    'link-bytes-per-second': mean('link-bytes-per-second'),
    'dirty-pages': newestSample(rows, 'dirty-pages'),
  };
}

function outcomeOf(
  { scenario, snapshots }: JudgeOptions,
  last: MigrationSnapshot | undefined,
): string {
  const vm = last?.vm ?? scenario.vms[0]?.id;
  if (vm === undefined) return 'nothing ran';
  const where = whereabouts(snapshots, vm);
  if (last === undefined) return where;
  const how: Record<string, string> = {
    done: 'migrated',
    failed: `not migrated: ${last.reason}`,
    cancelled: 'cancelled',
  };
  return `${how[last.phase] ?? `still ${last.phase}`}; ${where}`;
}
