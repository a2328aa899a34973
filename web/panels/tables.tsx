/** The same numbers as the pictures, as tables: hosts, VMs, links, the migration's rounds and its samples. */
import { lazy, Suspense } from 'react';
import { formatClock } from '../app/quantity.ts';
import { useApp, useAppState, useContract, useLab } from '../session/react.ts';
import { measuredProcess } from '../session/run-metrics.ts';
import { downtimeNs, findMigration, findVm, sampledHost } from '../session/store.ts';
import { entityName } from '../stage/entity-name.ts';
import { Quantity } from '../widgets/quantity.tsx';

const SiteTable = lazy(() => import('../stage/site/site-table.tsx').then((it) => ({ default: it.SiteTable })));
const FlowTable = lazy(() => import('../stage/flow/flow-table.tsx').then((it) => ({ default: it.FlowTable })));

/** The table twins of the lab's picture. */
export function Tables() {
  const { picture } = useLab().view.stage;
  if (picture === 'site') return <Suspense fallback={null}><SiteTable /></Suspense>;
  if (picture === 'flow') return <Suspense fallback={null}><FlowTable /></Suspense>;
  return <MemoryTables />;
}

function MemoryTables() {
  const { hosts, links } = useAppState((state) => ({ hosts: state.hosts, links: state.links }));
  return (
    <>
      <table className="table">
        <caption className="visually-hidden">Hosts and VMs</caption>
        <thead><tr><th>Host</th><th>State</th><th className="right">Memory</th><th className="right">Free</th><th>VM</th><th>State</th><th className="right">Memory</th><th className="right">Instructions</th><th className="right">Throttled</th></tr></thead>
        <tbody>
          {hosts.flatMap((host) => (host.vms.length === 0 ? [undefined] : host.vms).map((vm) => (
            <tr key={`${host.id}-${vm?.id ?? 0}`}>
              <td>{host.name}</td><td>{host.state}</td>
              <td className="right"><Quantity value={host.frameCount * 4096} unit="bytes" entity={`host:${host.id}`} /></td>
              <td className="right"><Quantity value={host.framesFree * 4096} unit="bytes" entity={`host:${host.id}`} /></td>
              <td>{vm?.name ?? '–'}</td><td>{vm?.state ?? ''} {vm?.reason ?? ''}</td>
              <td className="right">{vm !== undefined && <Quantity value={vm.pageCount * 4096} unit="bytes" entity={`vm:${vm.id}`} />}</td>
              <td className="right">{vm !== undefined && <Quantity value={vm.instructionsRetired} unit="instructions" entity={`vm:${vm.id}`} />}</td>
              <td className="right">{vm !== undefined && <Quantity value={vm.throttlePercent} unit="%" entity={`vm:${vm.id}`} />}</td>
            </tr>
          )))}
        </tbody>
      </table>
      <table className="table">
        <caption className="visually-hidden">Links</caption>
        <thead><tr><th>Link</th><th>State</th><th className="right">Bandwidth</th><th className="right">Latency</th><th className="right">Loss</th><th className="right">Queued</th><th className="right">Sent</th><th className="right">Lost</th></tr></thead>
        <tbody>
          {links.map((link) => {
            const entity = `link:${Math.min(link.from, link.to)}-${Math.max(link.from, link.to)}`;
            return (
              <tr key={link.id}>
                <td>{link.id}</td><td>{link.up ? 'joined' : 'cut'}</td>
                <td className="right"><Quantity value={link.bandwidthBitsPerSecond} unit="bit/s" entity={entity} /></td>
                <td className="right"><Quantity value={link.latencyNs} unit="ns" entity={entity} /></td>
                <td className="right"><Quantity value={link.lossPercent} unit="%" entity={entity} /></td>
                <td className="right"><Quantity value={link.queuedBytes} unit="bytes" entity={entity} /></td>
                <td className="right"><Quantity value={link.sentBytes} unit="bytes" entity={entity} /></td>
                <td className="right"><Quantity value={link.lostFrames} unit="frames" entity={entity} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <MigrationTable />
      <SampleTable />
    </>
  );
}

function MigrationTable() {
  const migration = useAppState((state) => findMigration(state));
  const isMoving = useContract().requests.some(({ id }) => id === 'migrate');
  if (migration === undefined) return isMoving ? <p className="soft">No migration has run yet.</p> : null;
  const entity = `migration:${migration.vm}`;
  return (
    <table className="table" data-twin="migration">
      <caption className="visually-hidden">Rounds of the migration</caption>
      <thead><tr><th className="right">Round</th><th className="right">Began</th><th className="right">Took</th><th className="right">To send</th><th className="right">Sent</th><th className="right">Written meanwhile</th></tr></thead>
      <tbody>
        {migration.rounds.map((round, index) => (
          <tr key={round.startNs}>
            <td className="right"><span data-entity={entity}>round {index + 1}</span></td>
            <td className="right number" data-entity={entity}>{formatClock(round.startNs).text}</td>
            <td className="right">{round.endNs < 0 ? 'runs' : <Quantity value={round.endNs - round.startNs} unit="ns" entity={entity} />}</td>
            <td className="right"><Quantity value={round.pagesToSend} unit="pages" entity={entity} /></td>
            <td className="right"><Quantity value={round.pagesSent} unit="pages" entity={entity} /></td>
            <td className="right"><Quantity value={round.pagesDirtied} unit="pages" entity={entity} /></td>
          </tr>
        ))}
        <tr>
          <td>{migration.phase}</td><td className="right">{migration.reason}</td>
          <td className="right">{downtimeNs(migration) < 0 ? '' : <>stopped <Quantity value={downtimeNs(migration)} unit="ns" entity={entity} /></>}</td>
          <td /><td className="right"><Quantity value={migration.pagesSent} unit="pages" entity={entity} /></td>
          <td className="right">{migration.downtimePredictedNs < 0 ? '' : <>predicted <Quantity value={migration.downtimePredictedNs} unit="ns" entity={entity} /></>}</td>
        </tr>
      </tbody>
    </table>
  );
}

/** Samples shown: the newest of these many, evenly thinned. */
const SAMPLE_ROWS = 24;

function SampleTable() {
  const { controller } = useApp();
  const contract = useContract();
  const { vm, host, measured } = useAppState((state) => ({ vm: findVm(state)?.vm.id ?? 0, host: sampledHost(state), measured: measuredProcess(state) }));
  useAppState((state) => Math.floor(state.timeNs / 1e7)); // new rows as the run goes on
  const series = controller.session?.samplesOf(measured);
  if (series === undefined || series.count === 0) return null;
  const shown = contract.metrics.filter((row) => row.kind === 'gauge' && series.find(row.id) !== undefined);
  const step = Math.max(1, Math.floor(series.count / SAMPLE_ROWS));
  const rows = Array.from({ length: Math.min(SAMPLE_ROWS, series.count) }, (_, index) => series.count - 1 - index * step).filter((row) => row >= 0).reverse();
  return (
    <table className="table" data-twin="samples">
      <caption className="visually-hidden">Samples of the run</caption>
      <thead><tr><th className="right">Time</th>{shown.map((row) => <th key={row.id} className="right">{row.title}</th>)}</tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row}>
            <td className="right number" data-entity="run">{formatClock(series.timeNs[row]!).text}</td>
            {shown.map((metric) => (
              <td key={metric.id} className="right">
                <Quantity value={series.find(metric.id)![row]!} unit={metric.unit} entity={entityName(metric.entity, { vm, host })} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
