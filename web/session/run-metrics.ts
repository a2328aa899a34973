/** What is measured of the run now: the lab's metrics from its newest sample and snapshot, and a few that every run has. */
import type { RunController } from './run-controller.ts';
import { type AppState, downtimeNs, findMigration, sampledHost } from './store.ts';
import { ALL_PROCESSES } from './summed-samples.ts';

/** Values that stand for the run now. Units are those of the contract's rows. What is not measured is missing. */
export type Metrics = Readonly<Record<string, { readonly value: number; readonly unit: string }>>;

/** Whose samples tell the lab's metrics: those that its strip shows (maybe the sum over all), else the shown VM's host's. */
export function measuredProcess(state: Pick<AppState, 'lab' | 'migrations' | 'hosts'>): number {
  const named = state.lab.view.strip.flatMap((part) => (part.view === 'time-chart' ? [part.process] : []))[0];
  return named === undefined ? sampledHost(state) : named === 'all' ? ALL_PROCESSES : named;
}

export function runMetrics({ session, store }: Pick<RunController, 'session' | 'store'>): Metrics {
  const state = store.getState();
  const migration = findMigration(state);
  const process = measuredProcess(state);
  const series = session?.samplesOf(process);
  const out: Record<string, { value: number; unit: string }> = {};
  for (const row of state.lab.contract.metrics) {
    if (process === ALL_PROCESSES && row.kind === 'result') continue; // a mean or a maximum is no sum
    const value = series?.findLatest(row.id);
    if (value !== undefined && Number.isFinite(value)) out[row.id] = { value, unit: row.unit };
  }
  if (migration !== undefined) {
    const downtime = downtimeNs(migration);
    if (downtime >= 0) out['downtime'] = { value: downtime, unit: 'ns' };
    if (migration.endedAtNs >= 0) out['total-time'] = { value: migration.endedAtNs - migration.startedAtNs, unit: 'ns' };
    out['rounds'] = { value: migration.rounds.length, unit: 'rounds' };
    out['pages-sent'] = { value: migration.pagesSent, unit: 'pages' };
    out['pages-zero'] = { value: migration.pagesZero, unit: 'pages' };
    out['bytes-sent'] = { value: migration.bytesSent, unit: 'bytes' };
  }
  const baseline = downtimeNs(findMigration({ migrations: state.baseline }));
  if (baseline >= 0) out['baseline-downtime'] = { value: baseline, unit: 'ns' };
  const vms = state.hosts.flatMap((host) => host.vms);
  out['instructions'] = { value: vms.reduce((sum, vm) => sum + vm.instructionsRetired, 0), unit: 'instructions' };
  out['virtual-time'] = { value: session?.timeNs() ?? state.timeNs, unit: 'ns' };
  out['migrations-done'] = { value: state.migrations.filter((it) => it.role === 'source' && it.phase === 'done').length, unit: 'migrations' };
  return out;
}
