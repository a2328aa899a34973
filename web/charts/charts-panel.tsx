/**
 * The charts of a lab: shared views bound to this run's entities, as the lab's view lists them. One cursor and
 * one interval go through all of them. Every view reads the real run; none keeps numbers of its own.
 */
import { type ReactNode, useCallback, useMemo } from 'react';
import type { Contract } from '../../core/base/contract.ts';
import type { ChartView } from '../labs/lab-view.ts';
import { useApp, useAppState, useLab } from '../session/react.ts';
import type { SampleSeries } from '../session/sample-series.ts';
import { ALL_PROCESSES } from '../session/summed-samples.ts';
import { findVm, sampledHost } from '../session/store.ts';
import { entityName } from '../stage/entity-name.ts';
import { BrushBar } from './brush-bar.tsx';
import { curvesOf } from './curves-of.ts';
import { ganttPicture, ganttTable } from './gantt.ts';
import { HeatGrid } from './heat-grid.tsx';
import { histogramOf, histogramPicture, histogramTable } from './histogram.ts';
import { MemoryMap } from './memory-map.tsx';
import { flowsOf } from './migration-flow.ts';
import { PictureView } from './picture-view.tsx';
import { RegisterView } from './register-view.tsx';
import { ringPicture, ringTable } from './ring-picture.ts';
import { runFacts } from './run-facts.ts';
import { runLanes } from './run-lanes.ts';
import { flowPicture, flowTable } from './sankey.ts';
import { TimeChart } from './time-chart.tsx';

/** A chart's name for files, tests and the frame loop: its first metric, or its view. */
function idOf(chart: ChartView): string {
  return chart.view === 'time-chart' ? (chart.metrics[0] ?? chart.title) : chart.view;
}

export function ChartsPanel() {
  const { controller, store } = useApp();
  const { contract, view } = useLab();
  const vm = useAppState((state) => findVm(state)?.vm.id ?? 1);
  const host = useCallback(() => sampledHost(store.getState()), [store]);
  const series = useCallback(() => controller.session?.samplesOf(host()), [controller, host]);
  return (
    <div className="charts">
      <BrushBar contract={contract} series={series} vm={vm} />
      {view.charts.map((chart) => <Chart key={idOf(chart)} chart={chart} contract={contract} vm={vm} host={host} series={series} />)}
    </div>
  );
}

interface ChartProps {
  readonly chart: ChartView;
  readonly contract: Contract;
  readonly vm: number;
  readonly host: () => number;
  readonly series: () => SampleSeries | undefined;
}

function Chart({ chart, contract, vm, host, series }: ChartProps): ReactNode {
  const { controller, store } = useApp();
  const place = useAppState((state) => {
    const placed = findVm(state);
    return { host: placed?.host.id ?? 0, slot: placed?.vm.slot ?? -1, pageCount: placed?.vm.pageCount ?? 16_384 };
  });
  const view = useCallback(() => controller.session?.hostViews().find((it) => it.host === place.host), [controller, place.host]);
  const curves = useMemo(() => (chart.view === 'time-chart' ? curvesOf(chart, contract, { vm, host: place.host }) : []), [chart, contract, vm, place.host]);
  const shownTime = () => {
    const state = store.getState();
    return state.brush ?? { fromNs: 0, toNs: Math.max(1, state.timeNs) };
  };
  const clock = () => String(Math.floor(store.getState().timeNs / 1e5));
  const brushed = () => JSON.stringify(store.getState().brush);
  switch (chart.view) {
    case 'time-chart': {
      const row = contract.metrics.find(({ id }) => id === chart.metrics[0]);
      const own = chart.process === 'all' ? ALL_PROCESSES : chart.process;
      return (
        <TimeChart
          id={idOf(chart)} title={chart.title} {...(row === undefined || chart.metrics.length > 1 ? {} : { help: row.help })}
          entity={entityName(row?.entity ?? 'vm', { vm, host: place.host })} curves={curves} host={own === undefined ? host : () => own} target={chart.target}
        />
      );
    }
    case 'lanes': {
      const lanes = () => runLanes(runFacts(controller));
      return (
        <PictureView
          id="lanes" title="Who ran, what moved" entity={`vm:${vm}`} version={() => `${clock()} ${brushed()} ${store.getState().crosshairNs}`}
          draw={(size) => ganttPicture({ lanes: lanes(), range: { fromNs: 0, toNs: Math.max(1, store.getState().timeNs) }, brush: store.getState().brush, size })}
          table={() => ganttTable(lanes(), 'Who ran, what moved')}
        />
      );
    }
    case 'migration-flow': {
      const flows = () => flowsOf(store.getState(), series(), vm);
      return (
        <PictureView
          id="flow" title="From the guest’s writes to the other host" entity={`migration:${vm}`} version={clock}
          draw={(size) => flowPicture({ ...flows(), size })} table={() => flowTable(flows().nodes, flows().flows, 'Flows')}
        />
      );
    }
    case 'page-heat':
      return <HeatGrid id="heat" title="Pages by time since their last write" entity={`vm:${vm}`} pageCount={place.pageCount} slot={place.slot} view={view} />;
    case 'memory-map':
      return <MemoryMap id="map" title="Memory map" entity={`vm:${vm}`} vm={vm} host={place.host} slot={place.slot} pageCount={place.pageCount} view={view} />;
    case 'console-gaps': {
      const histogram = () => histogramOf(gapsOf(controller.console.lines(vm), shownTime()));
      return (
        <PictureView
          id="gaps" title="Gaps between console lines" entity={`console:${vm}`} version={() => `${controller.console.version} ${brushed()}`}
          draw={(size) => histogramPicture({ histogram: histogram(), size, unit: 'ns', entity: `console:${vm}`, what: 'gaps between console lines' })}
          table={() => histogramTable(histogram(), 'Gaps between console lines', 'ns', `console:${vm}`)}
        />
      );
    }
    case 'registers':
      return <RegisterView id="registers" title="Registers of vCPU 0" vm={vm} vcpu={0} />;
    case 'sample-ring': {
      const ring = () => {
        const facts = controller.session?.ringOf(place.host);
        return {
          title: 'Ring of samples', entity: `host:${place.host}`, unit: 'rows', capacity: facts?.capacity ?? 0,
          produced: facts?.written ?? 0, consumed: facts?.read ?? 0,
        };
      };
      return <PictureView id="ring" title="Ring of samples in shared memory" entity={`host:${place.host}`} version={() => JSON.stringify(ring())} draw={(size) => ringPicture(ring(), size)} table={() => ringTable(ring())} />;
    }
  }
}

/** Virtual time between one line and the next, for lines of an interval. Unit: ns. */
export function gapsOf(lines: readonly { readonly timeNs: number }[], range: { readonly fromNs: number; readonly toNs: number }): number[] {
  const inside = lines.filter((line) => line.timeNs >= range.fromNs && line.timeNs <= range.toNs);
  return inside.slice(1).map((line, index) => line.timeNs - inside[index]!.timeNs);
}
