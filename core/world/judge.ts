/**
 * Judgement of a finished run, from what the processes told and the commands that were given: metrics,
 * checks that must hold whatever was asked for, and one line of outcome. Reads snapshots only, so that
 * the page, the command line and tests judge alike. What is the lab's own comes from its definition.
 */
import { checkConsole, consoleOf } from '../mechanisms/console-check.ts';
import { custodyOf, overlapOf } from '../mechanisms/custody.ts';
import { findVm, whereabouts } from '../mechanisms/find.ts';
import type { Check, JudgeOptions, LabFindings } from '../mechanisms/lab.ts';
import { findLab } from '../mechanisms/labs.ts';
import { newestSample } from '../metrics/index.ts';
import { type ProcessSnapshot, vmsOf } from '../protocol/snapshot.ts';

export type { Check, JudgeOptions } from '../mechanisms/lab.ts';

/** See the file's head. Metrics by contract id; those not measured are missing. */
export interface LabJudgement {
  readonly metrics: Readonly<Record<string, { readonly value: number; readonly unit: string }>>;
  readonly checks: readonly Check[];
  readonly outcome: string;
}

/** Judges a run; see the file's head. */
export function judge(options: JudgeOptions): LabJudgement {
  const { scenario, snapshots } = options;
  const lab = findLab(scenario.lab);
  const { boards = [] } = scenario;
  const found: LabFindings = lab?.judge(options) ?? {
    metrics: {},
    checks: [],
    outcome: [...scenario.vms.map(({ id }) => id), ...boards.map(({ vm }) => vm)].map((id) => describe(snapshots, id)).join('; ') || 'nothing ran',
  };
  // What the lab does not judge is what was sampled last where its first VM began.
  const rows = options.samplesOf?.(scenario.vms[0]?.host ?? scenario.processes[0]?.id ?? 0);
  const metrics: Record<string, { value: number; unit: string }> = {};
  for (const { id, unit } of lab?.contract.metrics ?? []) {
    const value = found.metrics[id] ?? newestSample(rows, id);
    if (value !== undefined && Number.isFinite(value)) metrics[id] = { value, unit };
  }
  const general = scenario.vms.flatMap((vm) => [
    checkGuest(snapshots, vm.id),
    checkOneCopy(snapshots, vm.id),
    checkConsole(snapshots, { vm: vm.id, guest: vm.guest }),
  ]);
  const onBoards = boards.map(({ vm }) => checkGuest(snapshots, vm));
  return { metrics, checks: [...general, ...onBoards, ...found.checks], outcome: found.outcome };
}

function describe(snapshots: readonly ProcessSnapshot[], vm: number): string {
  const reason = findVm(snapshots, vm)?.vm.reason ?? '';
  return `${whereabouts(snapshots, vm)}${reason === '' ? '' : `: ${reason}`}`;
}

/** What a guest says when something is wrong with it: those of the house, and Linux. */
const COMPLAINT = /CORRUPT|trap: cause|Oops|BUG:|WARNING:|Call Trace|Kernel panic/;

function checkGuest(snapshots: readonly ProcessSnapshot[], vm: number): Check {
  const text = consoleOf(snapshots, vm)
    .map((chunk) => chunk.text)
    .join('');
  const complaint = text
    .split('\n')
    .find((line) => COMPLAINT.test(line));
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
    vmsOf(snapshot).some((it) => it.id === vm && it.state === 'running'),
  );
  const holds = overlap === undefined && running.length <= 1 && spells.length > 0;
  const places = running.map((snapshot) => snapshot.name).join(' and ');
  return {
    id: 'one-copy',
    holds,
    found:
      overlap ??
      `${spells.length} spells of running, none at the same time as another; now on ${places === '' ? 'no host' : places}`,
  };
}
