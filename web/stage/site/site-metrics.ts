/** What a cell's colour can mean: the columns of the hosts' boards, each with its unit and where its ramp ends. */
import { boardColumn } from '../../../core/protocol/host-board.ts';

export interface SiteMetric {
  readonly id: string;
  readonly title: string;
  readonly column: number;
  readonly unit: string;
  readonly factor: number; //  board value × factor is in `unit`
  /** Board value at the dark end of the ramp; 0 = the greatest that is there now. */
  readonly full: number;
}

// biome-ignore format: a table, one row a line
export const SITE_METRICS: readonly SiteMetric[] = [
  { id: 'cpu',     title: 'CPU asked for', column: boardColumn.cpu,     unit: '%',        factor: 0.1,  full: 1_000 },
  { id: 'memory',  title: 'Memory',        column: boardColumn.memory,  unit: '%',        factor: 0.1,  full: 1_000 },
  { id: 'writes',  title: 'Page writes',   column: boardColumn.writes,  unit: 'writes/s', factor: 1,    full: 0 },
  { id: 'network', title: 'Network',       column: boardColumn.network, unit: 'bytes',    factor: 1_000, full: 0 },
  { id: 'vms',     title: 'VMs',           column: boardColumn.vms,     unit: 'VMs',      factor: 1,    full: 0 },
  { id: 'moving',  title: 'VMs that leave', column: boardColumn.leaving, unit: 'VMs',     factor: 1,    full: 0 },
];

/** The metric of an id; the first when there is none of that name. */
export function siteMetric(id: string): SiteMetric {
  return SITE_METRICS.find((it) => it.id === id) ?? SITE_METRICS[0]!;
}
