/** The table twin of the hosts: every cell as a row, sorted by any metric, filtered by a least value, a page at a time. */
import { useEffect, useState } from 'react';
import { boardState } from '../../../core/protocol/host-board.ts';
import { grouped } from '../../app/quantity.ts';
import { useApp, useAppState } from '../../session/react.ts';
import { Quantity } from '../../widgets/quantity.tsx';
import { makeReading, readSite, sortedHosts } from './site-cells.ts';
import { SITE_METRICS, siteMetric } from './site-metrics.ts';

/** Rows of a page of the table. */
const ROWS = 50;
/** The table is sorted again after so much virtual time. Unit: ns. */
const AGAIN_NS = 1_000_000_000;

interface Row {
  readonly host: number;
  readonly state: number;
  readonly values: readonly number[];
}

export function SiteTable() {
  const { controller, store } = useApp();
  const turn = useAppState((state) => Math.floor(state.timeNs / AGAIN_NS));
  const selection = useAppState((state) => state.selection);
  const [metricId, setMetric] = useState('cpu');
  const [least, setLeast] = useState(0);
  const [page, setPage] = useState(0);
  const [rows, setRows] = useState<{ readonly rows: readonly Row[]; readonly count: number }>({ rows: [], count: 0 });
  const metric = siteMetric(metricId);
  // biome-ignore lint/correctness/useExhaustiveDependencies: sorted again as time goes on
  useEffect(() => {
    const boards = controller.session?.boards() ?? [];
    const reading = makeReading(boards.reduce((most, it) => Math.max(most, it.firstHost + it.hostCount), 0));
    readSite(boards, metric.column, reading);
    const hosts = sortedHosts(reading, Math.ceil(least / metric.factor), reading.values.length);
    const shown = hosts.slice(page * ROWS, (page + 1) * ROWS);
    const columns = SITE_METRICS.map((it) => {
      const other = makeReading(reading.values.length);
      readSite(boards, it.column, other);
      return other.values;
    });
    setRows({ count: hosts.length, rows: shown.map((host) => ({ host, state: reading.states[host]!, values: columns.map((column) => column[host]!) })) });
  }, [controller, turn, metric, least, page]);
  const pages = Math.max(1, Math.ceil(rows.count / ROWS));
  return (
    <section aria-label="Hosts" data-twin="hosts">
      <div className="site__tools">
        <label>Sorted by{' '}
          <select value={metricId} onChange={(event) => { setMetric(event.target.value); setPage(0); setLeast(0); }}>
            {SITE_METRICS.map((it) => <option key={it.id} value={it.id}>{it.title}</option>)}
          </select>
        </label>
        <label>at least{' '}
          <input type="number" min={0} value={least} size={8} onChange={(event) => { setLeast(Math.max(0, Number(event.target.value) || 0)); setPage(0); }} /> {metric.unit}
        </label>
        <button type="button" className="button button--edged" disabled={page === 0} onClick={() => setPage(page - 1)}>Before</button>
        <span><span className="number" data-entity="site" data-unit="pages">page {grouped(page + 1)}</span> of <span className="number" data-entity="site" data-unit="pages">{grouped(pages)}</span>, <span className="number" data-entity="site" data-unit="hosts">{grouped(rows.count)}&nbsp;hosts</span></span>
        <button type="button" className="button button--edged" disabled={page >= pages - 1} onClick={() => setPage(page + 1)}>Next</button>
      </div>
      <table className="table">
        <caption className="visually-hidden">Hosts by {metric.title}</caption>
        <thead><tr><th>Host</th><th>State</th>{SITE_METRICS.map((it) => <th key={it.id} className="right" aria-sort={it.id === metricId ? 'descending' : 'none'}>{it.title}</th>)}</tr></thead>
        <tbody>
          {rows.rows.map(({ host, state, values }) => {
            const entity = `machine:${host}`;
            return (
              <tr key={host} data-lit={selection === entity ? '' : undefined}>
                <td><button type="button" className="button" data-entity={entity} aria-pressed={selection === entity} onClick={() => store.setState({ selection: entity })}>host {host}</button></td>
                <td>{(state & boardState.up) === 0 ? 'without power' : (state & boardState.overloaded) !== 0 ? 'overloaded' : 'up'}</td>
                {SITE_METRICS.map((it, index) => <td key={it.id} className="right"><Quantity value={values[index]! * it.factor} unit={it.unit} entity={entity} /></td>)}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
