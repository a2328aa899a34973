/** What flows in a migration: from the guest's writes to what is left, over the link to the other host. Pure. */
import { formatQuantity } from '../app/quantity.ts';
import type { SampleSeries } from '../session/sample-series.ts';
import { type AppState, findMigration, findVm, isMigrating } from '../session/store.ts';
import { integral } from './brush-delta.ts';
import type { Flow, FlowNode } from './sankey.ts';

/** Guest → what must still be sent → the other host: at the newest sample, or as the mean of the last move when it is over. */
export function flowsOf(state: AppState, series: SampleSeries | undefined, vm: number): { nodes: FlowNode[]; flows: Flow[] } {
  const migration = findMigration(state);
  const live = isMigrating(migration);
  const latest = (id: string) => {
    const value = series?.findLatest(id);
    return value !== undefined && Number.isFinite(value) ? value : 0;
  };
  const over = migration === undefined || live ? undefined : { fromNs: migration.startedAtNs, toNs: Math.max(migration.endedAtNs, migration.startedAtNs + 1) };
  const mean = (id: string) => {
    const sum = over === undefined || series === undefined ? 0 : integral(series, id, over);
    return over === undefined || Number.isNaN(sum) ? 0 : (sum / (over.toNs - over.fromNs)) * 1e9;
  };
  const [written, sent, left] = live ? [latest('dirty-bytes-per-second'), latest('link-bytes-per-second'), latest('bytes-left')] : [mean('dirty-bytes-per-second'), mean('link-bytes-per-second'), 0];
  const name = (id: number | undefined) => state.hosts.find((host) => host.id === id)?.name ?? 'other host';
  const placed = findVm(state);
  const total = (placed?.vm.pageCount ?? 16_384) * 4096;
  const behind = live && sent > 0 ? `${formatQuantity(Math.round((left / sent) * 1e9), 'ns').text} behind` : live ? 'nothing flows out' : migration === undefined ? 'no move yet' : 'the move is over';
  const to = migration === undefined ? 'other host' : name(migration.to);
  return {
    nodes: [
      { id: 'guest', title: placed?.vm.name ?? 'guest', entity: `vm:${vm}`, column: 0 },
      { id: 'left', title: 'to be sent', entity: `migration:${vm}`, column: 1, tank: { held: left, capacity: total, unit: 'bytes', note: behind } },
      { id: 'there', title: to, entity: `host:${migration?.to ?? 1}`, column: 2 },
    ],
    flows: [
      { from: 'guest', to: 'left', rate: written, unit: 'bytes/s', token: 'dirty', title: over === undefined ? 'written anew' : 'written anew, mean of the move' },
      { from: 'left', to: 'there', rate: sent, unit: 'bytes/s', token: 'in-flight', title: over === undefined ? 'on the link' : 'on the link, mean of the move' },
    ],
  };
}
