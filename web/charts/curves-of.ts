/** The curves of a time chart as a lab's view lists them: titles, units and entities from its contract. Pure. */
import type { Contract } from '../../core/base/contract.ts';
import type { TimeChartView } from '../labs/lab-view.ts';
import { entityName } from '../stage/entity-name.ts';
import type { Curve } from './time-picture.ts';

/** One curve a metric that the contract knows; rates are thinned by their mean, what is held by its last value. */
export function curvesOf(chart: TimeChartView, contract: Contract, at: { readonly vm: number; readonly host: number }): Curve[] {
  return chart.metrics.flatMap((id, index) => {
    const row = contract.metrics.find((it) => it.id === id);
    if (row === undefined) return [];
    const thinning = row.unit.endsWith('/s') ? 'mean' as const : 'last' as const;
    return [{ metric: id, title: row.title, unit: row.unit, entity: entityName(row.entity, at), token: chart.tokens?.[index] ?? 'ink', thinning }];
  });
}
