/**
 * Judgement of the lab's runs: what the last snapshot came to; that every page is in it once; that only what
 * is allowed to cost the guest time did; that a file is listed exactly when a snapshot was completed.
 */
import { vmsOf } from '../../protocol/snapshot.ts';
import { whereabouts } from '../find.ts';
import type { Check, JudgeOptions, LabFindings } from '../lab.ts';
import { freezeNs } from './costs.ts';
import { toldBy } from './refusal.ts';
import type { JobTold } from './told.ts';

/** A duration as milliseconds with three digits. */
export function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(3)} ms`;
}

/** See the file's head. */
export function judgeSnapshots(options: JudgeOptions): LabFindings {
  const jobs = options.snapshots
    .flatMap((snapshot) => toldBy(snapshot)?.jobs ?? [])
    .toSorted((left, right) => left.startedAtNs - right.startedAtNs);
  return {
    metrics: metricsOf(options, jobs.at(-1)),
    checks: [checkPages(jobs), checkPause(options, jobs), checkQueue(jobs), checkFiles(options, jobs)],
    outcome: outcomeOf(options, jobs.at(-1)),
  };
}

/** Every page is in the file or left out as zeroes, each once. */
function checkPages(jobs: readonly JobTold[]): Check {
  const done = jobs.filter((job) => job.state === 'committed');
  const wrong = done.find((job) => job.storedPages + job.zeroPages !== job.pageCount);
  return {
    id: 'every-page-once',
    holds: wrong === undefined,
    found: wrong === undefined
      ? `${done.length} completed, each page stored or left out once`
      : `'${wrong.name}': ${wrong.storedPages} stored and ${wrong.zeroPages} left out of ${wrong.pageCount}`,
  };
}

/** The live way's pause is what freezing costs, whatever the disk is like. */
function checkPause({ snapshots }: JudgeOptions, jobs: readonly JobTold[]): Check {
  const taken = jobs.filter((job) => job.mode === 'live' && job.state === 'committed');
  const harts = snapshots.flatMap(vmsOf);
  const late = taken.find((job) => {
    const vcpuCount = harts.find((vm) => vm.id === job.vm)?.hartSlots.length ?? 1;
    return job.resumedAtNs - job.takenAtNs !== freezeNs(job.pageCount, vcpuCount);
  });
  const worst = taken.reduce((most, job) => Math.max(most, job.resumedAtNs - job.takenAtNs), 0);
  return {
    id: 'pause-without-disk',
    holds: late === undefined,
    found: late === undefined
      ? taken.length === 0 ? 'no live snapshot was completed' : `the longest pause was ${milliseconds(worst)}`
      : `the pause of '${late.name}' was ${milliseconds(late.resumedAtNs - late.takenAtNs)}`,
  };
}

function checkQueue(jobs: readonly JobTold[]): Check {
  const most = jobs.reduce((bytes, job) => Math.max(bytes, job.queueBytesMost), 0);
  return { id: 'queue-bounded', holds: most >= 0, found: `the queue held ${most} bytes at most` };
}

/** Listed files are those of completed snapshots, no others. */
function checkFiles({ snapshots }: JudgeOptions, jobs: readonly JobTold[]): Check {
  const files = snapshots.flatMap((snapshot) => toldBy(snapshot)?.files ?? []);
  const partial = jobs.find((job) => job.state !== 'committed' && files.some((file) => file.name === job.name && file.takenAtNs === job.takenAtNs));
  return {
    id: 'only-whole-files',
    holds: partial === undefined,
    found: partial === undefined ? `${files.length} snapshots are listed, all whole` : `'${partial.name}' is listed though it is ${partial.state}`,
  };
}

function metricsOf({ snapshots }: JudgeOptions, last: JobTold | undefined): LabFindings['metrics'] {
  if (last === undefined) return {};
  const echoes = snapshots.flatMap((snapshot) => {
    const told = toldBy(snapshot);
    return told?.jobs.some((job) => job.name === last.name) === true ? [told] : [];
  });
  const echo = echoes.at(-1)?.echo;
  return {
    pause: last.resumedAtNs < 0 ? undefined : last.resumedAtNs - last.takenAtNs,
    'echo-p50': echo === undefined || echo.answered === 0 ? undefined : echo.p50Ns,
    'echo-p99': echo === undefined || echo.answered === 0 ? undefined : echo.p99Ns,
    'echo-latest': echoes.at(-1)?.recentEchoes.at(-1)?.latencyNs,
    'total-time': last.endedAtNs < 0 ? undefined : last.endedAtNs - last.startedAtNs,
    'stall-time': last.stallNs,
    faults: last.faults,
    'queue-bytes': last.queueBytes,
    'extra-memory': last.queueBytesMost,
    'pages-protected': last.endedAtNs < 0 ? last.protectedPages : 0,
    'pages-stored': last.storedPages,
    'pages-zero': last.zeroPages,
    'file-bytes': last.state === 'committed' ? last.fileBytes : undefined,
  };
}

function outcomeOf({ scenario, snapshots }: JudgeOptions, last: JobTold | undefined): string {
  const vm = last?.vm ?? scenario.vms[0]?.id;
  if (vm === undefined) return 'nothing ran';
  const where = whereabouts(snapshots, vm);
  if (last === undefined) return where;
  if (last.state === 'committed') return `snapshot '${last.name}' taken, pause ${milliseconds(last.resumedAtNs - last.takenAtNs)}; ${where}`;
  if (last.state === 'aborted') return `snapshot '${last.name}' given up: ${last.reason}; ${where}`;
  return `snapshot '${last.name}' still ${last.state}; ${where}`;
}
