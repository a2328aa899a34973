/**
 * The charts of a migration lab: shared views bound to this run's entities. One cursor and one interval go
 * through all of them. Every view reads the real run; none keeps numbers of its own.
 */
import { useCallback, useMemo } from 'react';
import type { MetricRow } from '../../core/base/contract.ts';
import { contract } from '../../core/mechanisms/precopy-migration/contract.ts';
import { formatQuantity } from '../app/quantity.ts';
import { useApp, useAppState } from '../session/react.ts';
import { type AppState, findMigration, findVm, isMigrating } from '../session/store.ts';
import { BrushBar } from './brush-bar.tsx';
import { integral } from './brush-delta.ts';
import { ganttPicture, ganttTable } from './gantt.ts';
import { HeatGrid } from './heat-grid.tsx';
import { histogramOf, histogramPicture, histogramTable } from './histogram.ts';
import { MemoryMap } from './memory-map.tsx';
import { PictureView } from './picture-view.tsx';
import { RegisterView } from './register-view.tsx';
import { ringPicture, ringTable } from './ring-picture.ts';
import { runFacts } from './run-facts.ts';
import { runLanes } from './run-lanes.ts';
import { type Flow, type FlowNode, flowPicture, flowTable } from './sankey.ts';
import { TimeChart } from './time-chart.tsx';
import type { Curve } from './time-picture.ts';

const gauge = (id: string): MetricRow => contract.metrics.find((row) => row.id === id)!;
const curveOf = (id: string, token: Curve['token'], thinning: Curve['thinning'], entity: string): Curve => {
  const row = gauge(id);
  return { metric: id, title: row.title, unit: row.unit, entity, token, thinning };
};

/** Host whose samples are shown: the source of the newest move, else the VM's home. */
export function sampledHost(state: Pick<AppState, 'migrations' | 'hosts'>): number {
  return findMigration(state)?.from ?? findVm(state)?.host.id ?? state.hosts[0]?.id ?? 0;
}

export function ChartsPanel() {
  const { controller, store } = useApp();
  const vm = useAppState((state) => findVm(state)?.vm.id ?? 1);
  const place = useAppState((state) => {
    const placed = findVm(state);
    return { host: placed?.host.id ?? 0, slot: placed?.vm.slot ?? -1, pageCount: placed?.vm.pageCount ?? 16_384 };
  });
  const host = useCallback(() => sampledHost(store.getState()), [store]);
  const series = useCallback(() => controller.session?.samplesOf(host()), [controller, host]);
  const view = useCallback(() => controller.session?.hostViews().find((it) => it.host === place.host), [controller, place.host]);
  const curves = useMemo(() => ({
    rates: [curveOf('dirty-bytes-per-second', 'dirty', 'mean', `vm:${vm}`), curveOf('link-bytes-per-second', 'in-flight', 'mean', 'link:0-1')],
    left: [curveOf('bytes-left', 'ink', 'last', `migration:${vm}`)],
    downtime: [curveOf('downtime-predicted', 'ink', 'last', `migration:${vm}`)],
    throttle: [curveOf('throttle-percent', 'ink', 'last', `vm:${vm}`)],
  }), [vm]);
  const shownTime = () => {
    const state = store.getState();
    return state.brush ?? { fromNs: 0, toNs: Math.max(1, state.timeNs) };
  };
  const lanes = () => runLanes(runFacts(controller));
  const gaps = () => gapsOf(controller.console.lines(vm), shownTime());
  const flows = () => flowsOf(store.getState(), series(), vm);
  const ring = () => {
    const facts = controller.session?.ringOf(place.host);
    return {
      title: 'Ring of samples', entity: `host:${place.host}`, unit: 'rows', capacity: facts?.capacity ?? 0,
      produced: facts?.written ?? 0, consumed: facts?.read ?? 0,
    };
  };
  const clock = () => String(Math.floor(store.getState().timeNs / 1e5));
  const brushed = () => JSON.stringify(store.getState().brush);
  return (
    <div className="charts">
      <BrushBar contract={contract} series={series} vm={vm} />
      <TimeChart id="rates" title="Dirty rate and link rate" entity={`vm:${vm}`} curves={curves.rates} host={host} />
      <TimeChart id="bytes-left" title={gauge('bytes-left').title} help={gauge('bytes-left').help} entity={`migration:${vm}`} curves={curves.left} host={host} />
      <PictureView
        id="lanes" title="Who ran, what moved" entity={`vm:${vm}`} version={() => `${clock()} ${brushed()} ${store.getState().crosshairNs}`}
        draw={(size) => ganttPicture({ lanes: lanes(), range: { fromNs: 0, toNs: Math.max(1, store.getState().timeNs) }, brush: store.getState().brush, size })}
        table={() => ganttTable(lanes(), 'Who ran, what moved')}
      />
      <PictureView
        id="flow" title="From the guest’s writes to the other host" entity={`migration:${vm}`} version={clock}
        draw={(size) => flowPicture({ ...flows(), size })} table={() => flowTable(flows().nodes, flows().flows, 'Flows')}
      />
      <HeatGrid id="heat" title="Pages by time since their last write" entity={`vm:${vm}`} pageCount={place.pageCount} slot={place.slot} view={view} />
      <MemoryMap id="map" title="Memory map" entity={`vm:${vm}`} vm={vm} host={place.host} slot={place.slot} pageCount={place.pageCount} view={view} />
      <PictureView
        id="gaps" title="Gaps between console lines" entity={`console:${vm}`} version={() => `${controller.console.version} ${brushed()}`}
        draw={(size) => histogramPicture({ histogram: histogramOf(gaps()), size, unit: 'ns', entity: `console:${vm}`, what: 'gaps between console lines' })}
        table={() => histogramTable(histogramOf(gaps()), 'Gaps between console lines', 'ns', `console:${vm}`)}
      />
      <TimeChart id="downtime" title={gauge('downtime-predicted').title} help={gauge('downtime-predicted').help} entity={`migration:${vm}`} curves={curves.downtime} host={host} />
      <RegisterView id="registers" title="Registers of vCPU 0" vm={vm} vcpu={0} />
      <TimeChart id="throttle" title={gauge('throttle-percent').title} help={gauge('throttle-percent').help} entity={`vm:${vm}`} curves={curves.throttle} host={host} />
      <PictureView id="ring" title="Ring of samples in shared memory" entity={`host:${place.host}`} version={() => JSON.stringify(ring())} draw={(size) => ringPicture(ring(), size)} table={() => ringTable(ring())} />
    </div>
  );
}

/** Virtual time between one line and the next, for lines of an interval. Unit: ns. */
export function gapsOf(lines: readonly { readonly timeNs: number }[], range: { readonly fromNs: number; readonly toNs: number }): number[] {
  const inside = lines.filter((line) => line.timeNs >= range.fromNs && line.timeNs <= range.toNs);
  return inside.slice(1).map((line, index) => line.timeNs - inside[index]!.timeNs);
}

/** Guest → what must still be sent → the other host: at the newest sample, or as the mean of the last move when it is over. */
function flowsOf(state: AppState, series: ReturnType<NonNullable<ReturnType<typeof useApp>['controller']['session']>['samplesOf']> | undefined, vm: number): { nodes: FlowNode[]; flows: Flow[] } {
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
