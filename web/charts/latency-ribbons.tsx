/** How long the session waits, over time: a time chart of the metric on the strip's axis. */
import { useCallback, useMemo } from 'react';
import { useApp, useAppState, useLab } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { entityName } from '../stage/entity-name.ts';
import { curvesOf } from './curves-of.ts';
import { TimeChart } from './time-chart.tsx';

export function LatencyRibbons({ metric }: { readonly metric: string }) {
  const { store } = useApp();
  const { contract } = useLab();
  const { vm, host } = useAppState((state) => {
    const placed = findVm(state);
    return { vm: placed?.vm.id ?? 1, host: placed?.host.id ?? 0 };
  });
  const row = contract.metrics.find(({ id }) => id === metric);
  const curves = useMemo(() => curvesOf({ view: 'time-chart', title: '', metrics: [metric] }, contract, { vm, host }), [metric, contract, vm, host]);
  const home = useCallback(() => findVm(store.getState())?.host.id ?? 0, [store]);
  return <TimeChart id={`strip-${metric}`} title={row?.title ?? metric} entity={entityName(row?.entity ?? 'vm', { vm, host })} curves={curves} host={home} />;
}
