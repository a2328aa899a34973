/** A host with real memory: its VMs to choose from, and the page map of one. */
import { X } from 'lucide-react';
import { useMemo } from 'react';
import type { AppState } from '../../session/store.ts';
import { useApp, useAppState } from '../../session/react.ts';
import { Quantity } from '../../widgets/quantity.tsx';
import { PageMap } from './page-map.tsx';

/** Process of the host with real memory that is chosen, by itself or by a VM of it; −1 = none. */
export function memoryHostOf({ selection, hosts }: Pick<AppState, 'selection' | 'hosts'>): number {
  const [kind, id] = selection.split(':');
  const found = hosts.find((host) => (kind === 'host' ? host.id === Number(id) : kind === 'vm' && host.vms.some((vm) => vm.id === Number(id))));
  return found?.id ?? -1;
}

/** Hosts with real memory as a line of buttons: they stand beside the pods, and so beside the grid. */
export function MemoryHosts() {
  const { store } = useApp();
  // As text: it changes only when a VM comes or goes, not with every snapshot.
  const text = useAppState(({ hosts }) => JSON.stringify(hosts.map(({ id, name, vms }) => ({ id, name, vms: vms.length }))));
  const hosts = useMemo(() => JSON.parse(text) as { id: number; name: string; vms: number }[], [text]);
  const chosen = useAppState(memoryHostOf);
  if (hosts.length === 0) return null;
  return (
    <div className="site__real" role="group" aria-label="Hosts with real memory" data-mark="memory-hosts">
      <span className="soft">with real pages</span>
      {hosts.map(({ id, name, vms }) => (
        <button
          key={id} type="button" className="button" data-entity={`host:${id}`} aria-pressed={chosen === id} aria-label={`${name}, ${vms} VMs with real pages`}
          onClick={() => store.setState({ selection: chosen === id ? '' : `host:${id}`, selectedPage: -1 })}
        >
          {name.replace(/^host /, '')}
        </button>
      ))}
    </div>
  );
}

export function MemoryCard({ process, close }: { readonly process: number; readonly close: () => void }) {
  const { store } = useApp();
  const host = useAppState((state) => state.hosts.find((it) => it.id === process));
  const selection = useAppState((state) => state.selection);
  if (host === undefined) return null;
  const shown = host.vms.find((it) => selection === `vm:${it.id}`) ?? host.vms[0];
  const entity = `host:${host.id}`;
  return (
    <aside className="site__card site__card--memory" aria-label={`${host.name}, with real memory`} data-memory-card data-mark="card">
      <header className="site__row">
        <h2 data-entity={entity}>{host.name}</h2>
        {shown !== undefined && (
          <select aria-label="VM" data-entity={`vm:${shown.id}`} value={shown.id} onChange={(event) => store.setState({ selection: `vm:${event.target.value}`, selectedPage: -1 })}>
            {host.vms.map((vm) => <option key={vm.id} value={vm.id}>{vm.name}</option>)}
          </select>
        )}
        <button type="button" className="button" aria-label="Close" onClick={close}><X size={16} aria-hidden="true" /></button>
      </header>
      {shown === undefined ? <p className="soft">No VM is here.</p> : <PageMap key={shown.id} host={host} vm={shown} />}
      {shown !== undefined && <p><strong data-entity={`vm:${shown.id}`}>{shown.name}</strong> {shown.state}, {shown.guest.startsWith('profile:') ? `paged, profile “${shown.guest.slice(8)}”` : `emulated, runs “${shown.guest}”`}</p>}
      <p className="soft">
        <Quantity value={host.framesFree * 4096} unit="bytes" entity={entity} /> of <Quantity value={host.frameCount * 4096} unit="bytes" entity={entity} /> free{host.state === 'up' ? '' : ', no power'}
      </p>
    </aside>
  );
}
