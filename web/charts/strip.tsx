/** What stands below the stage, on one time axis, as the lab's view lists it. Each part has its height from here. */
import { lazy, Suspense, useCallback, useMemo } from 'react';
import type { StripView } from '../labs/lab-view.ts';
import { useAppState, useLab } from '../session/react.ts';
import { ALL_PROCESSES } from '../session/summed-samples.ts';
import { findMigration, findVm } from '../session/store.ts';
import { entityName } from '../stage/entity-name.ts';
import { curvesOf } from './curves-of.ts';
import './strip.css';

const MigrationGraph = lazy(() => import('./migration-graph.tsx').then((it) => ({ default: it.MigrationGraph })));
const LatencyRibbons = lazy(() => import('./latency-ribbons.tsx').then((it) => ({ default: it.LatencyRibbons })));
const TimeChart = lazy(() => import('./time-chart.tsx').then((it) => ({ default: it.TimeChart })));

export function Strip() {
  const { strip } = useLab().view;
  const graph = useAppState((state) => findMigration(state) !== undefined);
  const shown = strip.filter(({ view }) => view !== 'migration-graph' || graph);
  return shown.map((part) => (
    <Suspense key={part.view === 'time-chart' ? part.title : part.view} fallback={<div className={part.view === 'migration-graph' ? 'migration' : 'strip'} data-strip={part.view} />}>
      <Part part={part} />
    </Suspense>
  ));
}

function Part({ part }: { readonly part: StripView }) {
  if (part.view === 'migration-graph') return <MigrationGraph />;
  return (
    <section className="strip chart" data-strip={part.view} data-mark="strip" data-no-zoom aria-label={part.view === 'time-chart' ? part.title : 'Latency'}>
      {part.view === 'time-chart' ? <StripChart part={part} /> : <LatencyRibbons metric={part.metric} />}
    </section>
  );
}

function StripChart({ part }: { readonly part: Extract<StripView, { view: 'time-chart' }> }) {
  const { contract } = useLab();
  const vm = useAppState((state) => findVm(state)?.vm.id ?? 1);
  const process = part.process === 'all' ? ALL_PROCESSES : part.process;
  const curves = useMemo(() => curvesOf(part, contract, { vm, host: process }), [part, contract, vm, process]);
  const host = useCallback(() => process, [process]);
  const row = contract.metrics.find(({ id }) => id === part.metrics[0]);
  return <TimeChart id={`strip-${part.metrics[0] ?? ''}`} title={part.title} entity={entityName(row?.entity ?? 'vm', { vm, host: process })} curves={curves} host={host} target={part.target} />;
}
