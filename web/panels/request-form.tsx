/** Asks for what a request of the lab needs, by the rows of its contract: a VM, a host, a number, a text. */
import { Dialog } from '@base-ui/react/dialog';
import { type FormEvent, useState } from 'react';
import type { ArgumentRow } from '../../core/base/contract.ts';
import { useApp, useAppState, useContract } from '../session/react.ts';
import { type AppState, findVm } from '../session/store.ts';

/** What a VM or a host can be chosen from. */
function choices(kind: ArgumentRow['kind'], hosts: AppState['hosts']): readonly { readonly value: number; readonly title: string }[] {
  if (kind === 'host') return hosts.map((host) => ({ value: host.id, title: host.name }));
  return hosts.flatMap((host) => host.vms.filter((vm) => vm.state !== 'incoming').map((vm) => ({ value: vm.id, title: `${vm.name} on ${host.name}` })));
}

export function RequestForm({ close }: { readonly close: () => void }) {
  const { commands, store } = useApp();
  const hosts = useAppState((state) => state.hosts);
  const asked = useAppState((state) => state.asked);
  const row = useContract().requests.find(({ id }) => id === asked);
  const [given, setGiven] = useState<Readonly<Record<string, string>>>(() => ({ vm: String(findVm(store.getState())?.vm.id ?? '') }));
  if (row === undefined) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const args: Record<string, number | string> = {};
    for (const { id, kind } of row.arguments) {
      const text = (given[id] ?? '').trim();
      if (text !== '') args[id] = kind === 'text' ? text : Number(text);
    }
    close();
    void commands.run('ask', { request: row.id, arguments: args });
  };
  return (
    <form onSubmit={submit}>
      <Dialog.Title className="dialog__title">{row.title}</Dialog.Title>
      <div className="dialog__body">
        <p>{row.help}</p>
        {row.arguments.map(({ id, kind, optional }) => {
          const set = (value: string) => setGiven({ ...given, [id]: value });
          const name = `${id.charAt(0).toUpperCase()}${id.slice(1)}`;
          return (
            <div key={id} className="request__field">
              <label htmlFor={`request-${id}`}>{kind === 'vm' ? 'VM' : name}</label>
              {kind === 'vm' || kind === 'host'
                ? <select id={`request-${id}`} className="field" required={!optional} value={given[id] ?? ''} onChange={(event) => set(event.target.value)}>
                    {kind === 'host' && <option value="" />}
                    {choices(kind, hosts).map(({ value, title }) => <option key={value} value={value}>{title}</option>)}
                  </select>
                : <input id={`request-${id}`} className="field" type={kind === 'number' ? 'number' : 'text'} required={!optional} maxLength={60} value={given[id] ?? ''} onChange={(event) => set(event.target.value)} />}
            </div>
          );
        })}
      </div>
      <div className="dialog__foot">
        <button type="submit" className="button button--edged">{row.title}</button>
        <Dialog.Close className="button">Leave it</Dialog.Close>
      </div>
    </form>
  );
}
