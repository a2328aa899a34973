/**
 * Judgement of a finished run, from what the processes told and the commands that were given:
 * metrics, checks that must hold whatever was asked for, and one line of outcome. Reads snapshots
 * only, so that the page, the command line and tests judge alike.
 */
import type { LoggedCommand } from '../protocol/command.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { MigrationSnapshot, ProcessSnapshot } from '../protocol/snapshot.ts';
import { findContract } from '../mechanisms/catalog.ts';
import { milliseconds } from '../mechanisms/precopy-migration/convergence.ts';
import { checkConsole, consoleOf, guestGapAfter } from './console-check.ts';
import { custodyOf, overlapOf } from './custody.ts';
import { findVm } from './validate-command.ts';

/** One check: what was looked for is named by `id`, what was seen is in `found`. */
export interface Check {
  readonly id: string;
  readonly holds: boolean;
  readonly found: string;
}

/**
 * See the file's head. Metrics of the last migration by contract id; those not measured are
 * missing.
 */
export interface LabJudgement {
  readonly metrics: Readonly<Record<string, { readonly value: number; readonly unit: string }>>;
  readonly checks: readonly Check[];
  readonly outcome: string;
}

/**
 * What a judgement is made from. `console` and `events` of each snapshot hold everything since the
 * start.
 */
export interface JudgeOptions {
  readonly scenario: Scenario;
  readonly snapshots: readonly ProcessSnapshot[];
  readonly commands: readonly LoggedCommand[];
}

/** Judges a run; see the file's head. */
export function judge(options: JudgeOptions): LabJudgement {
  const { scenario, snapshots } = options;
  const migrations = snapshots
    .flatMap((snapshot) => snapshot.migrations)
    .filter((it) => it.role === 'source')
    .toSorted((left, right) => left.startedAtNs - right.startedAtNs);
  const last = migrations.at(-1);
  return {
    metrics: metricsOf(scenario, snapshots, last),
    checks: [
      ...scenario.vms.flatMap((vm) => [
        checkGuest(snapshots, vm.id),
        checkOneCopy(snapshots, vm.id),
        checkConsole(snapshots, { vm: vm.id, guest: vm.guest }),
      ]),
      ...(scenario.lab === 'vm'
        ? []
        : [checkDowntime(options, migrations), checkGuestClock(snapshots, migrations)]),
    ],
    outcome: outcomeOf(scenario, snapshots, last),
  };
}

function checkGuest(snapshots: readonly ProcessSnapshot[], vm: number): Check {
  const text = consoleOf(snapshots, vm)
    .map((chunk) => chunk.text)
    .join('');
  const complaint = text
    .split('\n')
    .find((line) => line.includes('CORRUPT') || line.includes('trap: cause'));
  const failed = findVm(snapshots, vm)?.vm;
  const broken = failed?.state === 'failed' ? failed.reason : undefined;
  const healthy = text
    .split('\n')
    .filter((line) => line.endsWith('  ok') || line.endsWith(' ms  ok')).length;
  return {
    id: 'guest-sound',
    holds: complaint === undefined && broken === undefined,
    found:
      complaint ?? broken ?? `the guest printed ${healthy} sound status lines and no complaint`,
  };
}

/** At every moment one copy ran, or none. */
function checkOneCopy(snapshots: readonly ProcessSnapshot[], vm: number): Check {
  const spells = custodyOf(snapshots, vm);
  const overlap = overlapOf(spells);
  const running = snapshots.filter((snapshot) =>
    snapshot.host.vms.some((it) => it.id === vm && it.state === 'running'),
  );
  const holds = overlap === undefined && running.length <= 1 && spells.length > 0;
  const places = running.map((snapshot) => snapshot.host.name).join(' and ');
  return {
    id: 'one-copy',
    holds,
    found:
      overlap ??
      `${spells.length} spells of running, none at the same time as another; now on ${places === '' ? 'no host' : places}`,
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

/**
 * The step that the guest saw in its own clock is the downtime, within its sampling (and a
 * throttle's last pause).
 */
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
    found: seen.join('; ') || 'no stop that the guest prints (above 2 ms)',
  };
}

function metricsOf(
  scenario: Scenario,
  snapshots: readonly ProcessSnapshot[],
  last: MigrationSnapshot | undefined,
): LabJudgement['metrics'] {
  const contract = findContract(scenario.lab);
  if (contract === undefined || last === undefined) return {};
  const done = last.phase === 'done';
  const gap = done ? guestGapAfter(snapshots, last) : undefined;
  const values: Record<string, number | undefined> = {
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
  const metrics: Record<string, { value: number; unit: string }> = {};
  for (const { id, unit } of contract.metrics) {
    const value = values[id];
    if (value !== undefined) metrics[id] = { value, unit };
  }
  return metrics;
}

function outcomeOf(
  scenario: Scenario,
  snapshots: readonly ProcessSnapshot[],
  last: MigrationSnapshot | undefined,
): string {
  const [vm] = scenario.vms;
  if (vm === undefined) return 'nothing ran';
  const found = findVm(snapshots, vm.id);
  const where =
    found === undefined
      ? `is lost with its host`
      : `is ${found.vm.state} on ${found.process.host.name}`;
  if (last === undefined)
    return `VM ${vm.id} ${where}${found?.vm.reason ? `: ${found.vm.reason}` : ''}`;
  const how: Record<string, string> = {
    done: 'migrated',
    failed: `not migrated: ${last.reason}`,
    cancelled: 'cancelled',
  };
  return `${how[last.phase] ?? `still ${last.phase}`}; VM ${vm.id} ${where}`;
}
