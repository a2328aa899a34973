/** The curves of a time chart as a lab's view lists them: titles, units and entities from its contract. Pure. */
import type { Contract } from '../../core/base/contract.ts';
import type { TimeChartView } from '../labs/lab-view.ts';
import { entityName } from '../stage/entity-name.ts';
import type { Curve } from './time-picture.ts';

/** One curve a metric that the contract knows, then those of the parts, thin; rates are thinned by their mean, what is held by its last value. */
export function curvesOf(chart: TimeChartView, contract: Contract, at: { readonly vm: number; readonly host: number }): Curve[] {
  const strong = chart.metrics.flatMap((id, index): Curve[] => {
    const row = contract.metrics.find((it) => it.id === id);
    if (row === undefined) return [];
    const thinning = row.unit.endsWith('/s') ? 'mean' as const : 'last' as const;
    return [{ metric: id, title: row.title, unit: row.unit, entity: entityName(row.entity, at), token: chart.tokens?.[index] ?? 'ink', thinning }];
  });
  const [first] = strong;
  if (first === undefined) return [];
  const parts = (chart.parts ?? []).map(({ column, title, entity }): Curve => ({ ...first, metric: column, title, entity, token: 'ink-soft', isPart: true }));
  return [...strong, ...parts];
}
