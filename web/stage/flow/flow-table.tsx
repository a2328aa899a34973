/** The table twins of the flow picture: gateways with what waits in them, workloads with their way, flows. */
import { useMemo } from 'react';
import { useApp, useAppState, useLab } from '../../session/react.ts';
import { Quantity } from '../../widgets/quantity.tsx';

export function FlowTable() {
  const { store } = useApp();
  const lab = useLab();
  const nodes = useAppState((state) => state.nodes);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the nodes tell when there is something new
  const facts = useMemo(() => lab.flow?.(store.getState()), [lab, store, nodes]);
  if (facts === undefined) return <p className="soft">Nothing has been told yet.</p>;
  const name = (gateway: number) => facts.gateways.find((it) => it.id === gateway)?.name ?? '–';
  return (
    <section aria-label="Replication" data-twin="flow">
      <table className="table">
        <caption className="visually-hidden">Gateways</caption>
        <thead><tr><th>Gateway</th><th>Site</th><th>State</th><th className="right">Load</th><th className="right">Waiting</th><th className="right">Behind</th><th>Resources</th></tr></thead>
        <tbody>
          {facts.gateways.map((it) => (
            <tr key={it.id}>
              <td>{it.name}</td><td>{facts.sites[it.side]}</td><td>{!it.isUp ? 'down' : it.isOverloaded ? 'overloaded' : 'up'}</td>
              <td className="right"><Quantity value={it.score} unit="load" entity={it.entity} /></td>
              <td className="right"><Quantity value={it.backlogBytes} unit="bytes" entity={it.entity} /></td>
              <td className="right"><Quantity value={it.behindNs} unit="ns" entity={it.entity} /></td>
              <td>{it.resources.map((one) => <span key={one.id}>{one.title} <Quantity value={one.use * 100} unit="%" entity={it.entity} /> </span>)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <table className="table">
        <caption className="visually-hidden">Workloads</caption>
        <thead><tr><th>Workload</th><th>Gateway</th><th>Move</th><th className="right">Recovery point</th><th className="right">Target</th></tr></thead>
        <tbody>
          {facts.workloads.map((it) => (
            <tr key={it.id}>
              <td>{it.name}</td><td>{name(it.gateway)}</td><td>{it.phase === '' ? 'none' : `${it.phase}${it.movingTo < 0 ? '' : ` to ${name(it.movingTo)}`}`}</td>
              <td className="right"><Quantity value={it.rpoNs} unit="ns" entity={it.entity} /></td>
              <td className="right"><Quantity value={it.targetNs} unit="ns" entity={it.entity} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      <table className="table">
        <caption className="visually-hidden">Flows</caption>
        <thead><tr><th>From</th><th>To</th><th className="right">Rate</th><th className="right">So far</th></tr></thead>
        <tbody>
          {facts.ribbons.map((it) => (
            <tr key={`${it.from}-${it.to}-${it.workload}`}>
              <td>{it.from}</td><td>{it.to}</td>
              <td className="right"><Quantity value={it.bytesPerSecond} unit="bytes/s" entity={it.from} /></td>
              <td className="right"><Quantity value={it.totalBytes} unit="bytes" entity={it.from} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
