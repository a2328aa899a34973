/** One host at a glance: what it has, what its VMs ask for, and every VM with a button; asked for at a cut. */
import { X } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { InspectionReply, PodVmFacts } from '../../../core/protocol/inspection.ts';
import { useApp, useAppState } from '../../session/react.ts';
import { Quantity } from '../../widgets/quantity.tsx';

type HostReply = Extract<InspectionReply, { readonly view: 'pod-host' }>;
type VmReply = Extract<InspectionReply, { readonly view: 'pod-vm' }>;
/** Virtual time after which it is asked for again. Unit: ns. */
const AGAIN_NS = 1_000_000_000;

export function HostCard({ host, close }: { readonly host: number; readonly close: () => void }) {
  const { controller } = useApp();
  const turn = useAppState((state) => Math.floor(state.timeNs / AGAIN_NS));
  const [reply, setReply] = useState<HostReply | null>(null);
  const [vm, setVm] = useState(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for again as time goes on
  useEffect(() => {
    let ended = false;
    void controller.session?.inspect({ view: 'pod-host', host }).then((it) => {
      if (!ended) setReply(it.view === 'pod-host' && it.host === host ? it : null);
    });
    return () => {
      ended = true;
    };
  }, [controller, host, turn]);
  const entity = `machine:${host}`;
  return (
    <aside className="site__card" aria-label={`Host ${host}`} data-host-card data-mark="card">
      <header className="site__row">
        <h2 data-entity={entity}>host {host}</h2>
        <button type="button" className="button" aria-label="Close" onClick={close}><X size={16} aria-hidden="true" /></button>
      </header>
      {reply === null ? <p className="soft">Asking …</p> : (
        <>
          <dl className="site__facts">
            <div><dt>CPU asked for</dt><dd><Quantity value={(100 * reply.millicoresAsked) / Math.max(1, reply.millicores)} unit="%" entity={entity} /></dd></div>
            <div><dt>Memory free</dt><dd><Quantity value={reply.memoryMibFree * 1_048_576} unit="bytes" entity={entity} /></dd></div>
            <div><dt>CPU stolen</dt><dd><Quantity value={reply.cpuSecondsStolen} unit="core-s" entity={entity} /></dd></div>
            <div><dt>Sent</dt><dd><Quantity value={reply.portBytes} unit="bytes" entity={entity} /></dd></div>
          </dl>
          {!reply.up && <p className="site__state">Without power.</p>}
          <ul className="site__vms" aria-label="VMs">
            {reply.vms.map((it) => (
              <li key={it.id}>
                <button type="button" className="button" aria-pressed={vm === it.id} data-entity={`vm:${it.id}`} data-moving={it.move !== ''} onClick={() => setVm(vm === it.id ? -1 : it.id)}>
                  <strong>VM {it.id}</strong> <span className="soft">{it.profile}</span>
                  <Quantity value={it.millicores / 1_000} unit="cores" entity={`vm:${it.id}`} />
                </button>
                {vm === it.id && <VmFacts vm={it} pod={reply.process} />}
              </li>
            ))}
          </ul>
        </>
      )}
    </aside>
  );
}

/** A VM of a pod with the first bytes of its memory, as they are generated. */
function VmFacts({ vm, pod }: { readonly vm: PodVmFacts; readonly pod: number }) {
  const { controller } = useApp();
  const [reply, setReply] = useState<VmReply | null>(null);
  useEffect(() => {
    let ended = false;
    void controller.session?.inspect({ view: 'pod-vm', id: vm.id }).then((it) => {
      if (!ended && it.view === 'pod-vm') setReply(it);
    });
    return () => {
      ended = true;
    };
  }, [controller, vm.id]);
  const entity = `vm:${vm.id}`;
  const bytes = reply?.memoryStart ?? [];
  return (
    <div className="site__vm">
      <p>{vm.fidelity}, {vm.state}, phase “{vm.phase}”{vm.move !== '' && `, moving: ${vm.move}`}</p>
      <p><Quantity value={vm.memoryMib * 1_048_576} unit="bytes" entity={entity} /> of memory, <Quantity value={vm.writesPerSecond} unit="writes/s" entity={entity} /></p>
      <pre tabIndex={0} aria-label={`First bytes of VM ${vm.id}`}>{Array.from({ length: Math.ceil(bytes.length / 8) }, (_, row) =>
        `${(row * 8).toString(16).padStart(2, '0')}  ${bytes.slice(row * 8, row * 8 + 8).map((it) => it.toString(16).padStart(2, '0')).join(' ')}`).join('\n')}</pre>
      <Promote vm={vm} pod={pod} />
    </div>
  );
}

/** Gives an aggregate VM real memory: a logged command; which of the hosts, and how it is modelled from then on. */
function Promote({ vm, pod }: { readonly vm: PodVmFacts; readonly pod: number }) {
  const { commands, store } = useApp();
  // Hosts with real memory that its pod has a cable to.
  const hosts = useAppState(({ hosts: all, links }) => all
    .filter(({ id }) => links.some(({ from, to }) => from === pod && to === id))
    .map(({ id, name }) => `${id} ${name}`).join('\n'));
  const rows = hosts === '' ? [] : hosts.split('\n').map((line) => ({ id: Number(line.split(' ')[0]), name: line.slice(line.indexOf(' ') + 1) }));
  const [to, setTo] = useState(-1);
  const [told, setTold] = useState('');
  const target = rows.find(({ id }) => id === to) ?? rows[0];
  const free = useAppState((state) => state.hosts.find(({ id }) => id === target?.id)?.framesFree ?? 0);
  if (target === undefined) return null;
  const entity = `host:${target.id}`;
  if (vm.memoryMib * 256 > free) {
    return <p className="soft" data-promote>No room for its pages on {target.name}: <Quantity value={free * 4096} unit="bytes" entity={entity} /> free.</p>;
  }
  const ask = async (fidelity: string) => {
    const sentence = await commands.run('ask', { request: 'promote', arguments: { id: vm.id, to: target.id, fidelity } });
    setTold(sentence === '' ? `It is on its way to ${target.name}.` : sentence);
  };
  return (
    <div className="site__promote" data-promote>
      <label>To{' '}
        <select value={target.id} onChange={(event) => setTo(Number(event.target.value))}>
          {rows.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
      </label>
      <button type="button" className="button button--edged" onClick={() => void ask('paged')}>Give it real pages</button>
      {vm.guest !== '' && <button type="button" className="button button--edged" onClick={() => void ask('emulated')}>Run “{vm.guest}” in it</button>}
      {told !== '' && <p role="status">{told} <button type="button" className="button" onClick={() => store.setState({ selection: `host:${target.id}` })}>Look at {target.name}</button></p>}
    </div>
  );
}
