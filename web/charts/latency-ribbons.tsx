/**
 * How long somebody at the VM waits, for the mechanism and for each baseline, one ribbon below the other on one time
 * axis: as thick as the wait, with a hole where the VM stood still.
 */
import { useApp, useAppState, useLab } from '../session/react.ts';
import { type AppState, findVm } from '../session/store.ts';
import { snapshotJobs } from '../stage/snapshot-told.ts';
import type { ChartTable } from './chart-table.ts';
import {
  type LatencyLane, latencySpan, type NamedRibbon, type Pause, ribbonRoom, ribbonShape, ribbonsPicture, type Span,
} from './latency-picture.ts';
import { PictureView } from './picture-view.tsx';

/** Rows of the table twin. */
const TABLE_ROWS = 200;

/** Pauses of a lane: from the instant of each snapshot to the VM's going on. */
function pausesOf(state: AppState, lane: string): Pause[] {
  return snapshotJobs(state, lane).flatMap(({ takenAtNs, resumedAtNs, endedAtNs }) =>
    takenAtNs < 0 ? [] : [{ fromNs: takenAtNs, toNs: resumedAtNs >= 0 ? resumedAtNs : endedAtNs }]);
}

export function LatencyRibbons({ metric }: { readonly metric: string }) {
  const { controller, store } = useApp();
  const { contract } = useLab();
  const entity = useAppState((state) => `vm:${findVm(state)?.vm.id ?? 1}`);
  const row = contract.metrics.find(({ id }) => id === metric);
  const ways = [{ id: 'main', title: contract.title.split(',')[0]! }, ...contract.baselines];
  const lanes = (): LatencyLane[] => {
    const state = store.getState();
    const host = findVm(state)?.host.id ?? 0;
    return ways.map(({ id }) => ({
      series: id === 'main' ? controller.session?.samplesOf(host) : controller.session?.samplesOf(host, id),
      pauses: pausesOf(state, id),
      sinceNs: snapshotJobs(state, 'main').at(-1)?.startedAtNs ?? 0,
      nowNs: id === 'main' ? (controller.session?.timeNs() ?? -1) : (state.baselines[id]?.timeNs ?? -1),
    }));
  };
  const span = (): Span => latencySpan(controller.session?.timeNs() ?? 0, snapshotJobs(store.getState(), 'main').at(-1)?.startedAtNs ?? -1);
  const ribbons = (columns: number): NamedRibbon[] => {
    const shown = span();
    return lanes().map((lane, index) => ({
      title: ways[index]!.title, entity: index === 0 ? entity : 'baseline', shape: ribbonShape(lane, metric, shown, columns),
    }));
  };
  const table = (): ChartTable => {
    const shown = span();
    const found = ribbons(TABLE_ROWS);
    return {
      title: row?.title ?? metric,
      columns: [
        { title: 'Time', unit: 'ns', entity: 'run' },
        ...found.map(({ title, entity: of }) => ({ title, unit: 'ns', entity: of })),
      ],
      rows: Array.from({ length: TABLE_ROWS }, (_, at) => [
        Math.round(shown.fromNs + ((at + 0.5) / TABLE_ROWS) * (shown.toNs - shown.fromNs)),
        ...found.map(({ shape }) => shape.columns[at]!),
      ]),
    };
  };
  return (
    <PictureView
      id={`strip-${metric}`} title={row?.title ?? metric} {...(row === undefined ? {} : { help: row.help })} entity={entity} table={table}
      version={() => lanes().map(({ series, pauses, nowNs }) => `${series?.version} ${nowNs} ${pauses.length} ${pauses.at(-1)?.toNs}`).join(' ')}
      draw={(size) => ribbonsPicture(ribbons(ribbonRoom(size).columns), span(), size)}
    />
  );
}
