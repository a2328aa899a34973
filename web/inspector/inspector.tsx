/**
 * Facts and bytes of what is selected. Registers, disassembly, exits and page walks are answered by the
 * run at a cut; the bytes of a page are read from shared memory, or asked for when memory is not shared.
 */
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import type { InspectionReply, InspectionRequest } from '../../core/protocol/inspection.ts';
import type { VmSnapshot } from '../../core/protocol/snapshot.ts';
import { formatAddress, grouped } from '../app/quantity.ts';
import { findPageBytes } from '../session/host-view.ts';
import { useApp, useAppState, useContract } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { RAM_BASE } from '../stage/page-marker.tsx';
import { Quantity } from '../widgets/quantity.tsx';
import { hexdumpLines } from './hexdump.ts';
import './inspector.css';

/** Least time between two questions of one view while the run goes on. Unit: ms. */
const ASK_MS = 400;

export function Inspector() {
  const { selection, hosts, links } = useAppState((state) => ({ selection: state.selection, hosts: state.hosts, links: state.links }));
  const [kind, id] = selection.split(':');
  if (kind === 'host') {
    const host = hosts.find((it) => it.id === Number(id));
    if (host !== undefined) {
      const entity = `host:${host.id}`;
      return (
        <Section title={host.name}>
          <dl className="facts">
            <dt>State</dt><dd>{host.state}</dd>
            <dt>Cores</dt><dd><Quantity value={host.processorCount} unit="cores" entity={entity} /></dd>
            <dt>Memory</dt><dd><Quantity value={host.frameCount * 4096} unit="bytes" entity={entity} /></dd>
            <dt>Free</dt><dd><Quantity value={host.framesFree * 4096} unit="bytes" entity={entity} /></dd>
            <dt>VMs</dt><dd>{host.vms.map((vm) => `${vm.name} (${vm.state})`).join(', ') || 'none'}</dd>
          </dl>
        </Section>
      );
    }
  }
  if (kind === 'link') {
    return links.map((link) => (
      <Section key={link.id} title={link.id}>
        <dl className="facts">
          <dt>Cable</dt><dd>{link.up ? 'joined' : 'cut'}</dd>
          <dt>Queued</dt><dd><Quantity value={link.queuedBytes} unit="bytes" entity={selection} /></dd>
          <dt>Sent</dt><dd><Quantity value={link.sentBytes} unit="bytes" entity={selection} /> in <Quantity value={link.sentFrames} unit="frames" entity={selection} /></dd>
          <dt>Lost</dt><dd><Quantity value={link.lostFrames} unit="frames" entity={selection} /></dd>
        </dl>
      </Section>
    ));
  }
  const placed = findVm({ hosts }, kind === 'vm' ? Number(id) : undefined) ?? findVm({ hosts });
  if (placed === undefined) return <p className="soft">There is no VM to look into.</p>;
  return <VmInspector vm={placed.vm} hostName={placed.host.name} />;
}

function VmInspector({ vm, hostName }: { readonly vm: VmSnapshot; readonly hostName: string }) {
  const entity = `vm:${vm.id}`;
  const page = useAppState((state) => state.selectedPage);
  const contract = useContract();
  return (
    <>
      <Section title={`${vm.name} on ${hostName}`} entity={entity}>
        <dl className="facts">
          <dt>State</dt><dd>{vm.state} {vm.reason}</dd>
          <dt>Guest</dt><dd>{vm.guest}</dd>
          <dt>Memory</dt><dd><Quantity value={vm.pageCount} unit="pages" entity={entity} /></dd>
          <dt>Retired</dt><dd><span className="number" data-entity={entity} data-unit="instructions">{grouped(vm.instructionsRetired)} instructions</span></dd>
        </dl>
      </Section>
      {page >= 0 && <PageBytes vm={vm} page={page} />}
      <Registers vm={vm.id} />
      <Disassembly vm={vm.id} />
      <Exits vm={vm.id} />
      <PageWalk vm={vm.id} />
      <Section title="What this leaves out">
        <ul>{contract.leavesOut.map((line) => <li key={line}>{line}</li>)}</ul>
      </Section>
    </>
  );
}

function Section({ title, entity = '', children }: { readonly title: string; readonly entity?: string; readonly children: ReactNode }) {
  return <section className="inspector__section"><h3 data-entity={entity}>{title}</h3>{children}</section>;
}

/** Asks again whenever the run has moved on, at most every ASK_MS. */
function useInspection<V extends InspectionReply['view']>(request: InspectionRequest | null, view: V): Extract<InspectionReply, { view: V }> | null {
  const { controller } = useApp();
  const timeNs = useAppState((state) => state.timeNs);
  const [reply, setReply] = useState<InspectionReply | null>(null);
  const asked = useRef({ at: 0, busy: false });
  const key = JSON.stringify(request);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the request
  useEffect(() => {
    const { session } = controller;
    if (request === null || session === null) return undefined;
    let dropped = false;
    const ask = () => {
      if (dropped || asked.current.busy) return;
      asked.current = { at: performance.now(), busy: true };
      void session.inspect(request).then((answer) => {
        asked.current.busy = false;
        if (!dropped) setReply(answer);
      });
    };
    const wait = Math.max(0, asked.current.at + ASK_MS - performance.now());
    const timer = setTimeout(ask, wait);
    return () => {
      dropped = !asked.current.busy; // a question that is on its way may still answer
      clearTimeout(timer);
    };
  }, [key, timeNs, controller]);
  return reply !== null && reply.view === view ? (reply as Extract<InspectionReply, { view: V }>) : null;
}

function Registers({ vm }: { readonly vm: number }) {
  const reply = useInspection({ view: 'registers', vm, vcpu: 0 }, 'registers');
  const names = ['zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1', 'a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6'];
  return (
    <Section title="Registers">
      {reply !== null && (
        <div className="registers" data-view="registers" data-entity={`vcpu:${vm}.0`}>
          <div><span>pc</span><span>{reply.pc}</span></div>
          <div><span>mode</span><span>{reply.privilege}</span></div>
          {reply.x.slice(1).map((value, index) => <div key={names[index + 1]}><span className="soft">{names[index + 1]}</span><span>{value}</span></div>)}
          {reply.f.map((value, index) => ({ name: `f${index}`, value })).map(({ name, value }) => <div key={name}><span className="soft">{name}</span><span>{value}</span></div>)}
          {reply.csrs.map(({ name, value }) => <div key={name}><span className="soft">{name}</span><span>{value}</span></div>)}
        </div>
      )}
    </Section>
  );
}

function Disassembly({ vm }: { readonly vm: number }) {
  const reply = useInspection({ view: 'disassembly', vm, vcpu: 0, before: 6, after: 12 }, 'disassembly');
  return (
    <Section title="Around pc">
      {reply !== null && (
        <div className="listing" tabIndex={0} role="group" aria-label="Instructions around pc" data-view="disassembly" data-entity={`vcpu:${vm}.0`}>
          {reply.lines.map((line) => (
            <div key={line.address} data-here={line.address === reply.pc}>{line.address}  {line.word}  {line.text}</div>
          ))}
        </div>
      )}
    </Section>
  );
}

function Exits({ vm }: { readonly vm: number }) {
  const reply = useInspection({ view: 'exits', vm }, 'exits');
  return (
    <Section title="Exits by cause">
      {reply !== null && (
        <table className="table" data-view="exits">
          <thead><tr><th>Cause</th><th className="right">Count</th><th className="right">Cost</th></tr></thead>
          <tbody>
            {reply.causes.map((row) => (
              <tr key={row.cause}>
                <td>{row.cause}</td>
                <td className="right"><Quantity value={row.count} unit="exits" entity={`vm:${vm}`} /></td>
                <td className="right"><Quantity value={row.costNs} unit="ns" entity={`vm:${vm}`} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

function PageWalk({ vm }: { readonly vm: number }) {
  const [text, setText] = useState('0x80000000');
  const [address, setAddress] = useState('0x80000000');
  const reply = useInspection({ view: 'page-walk', vm, vcpu: 0, address }, 'page-walk');
  const valid = /^0x[0-9a-f]{1,16}$/i.test(text.trim());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (valid) setAddress(text.trim());
  };
  return (
    <Section title="Page-table walk">
      <form className="walk" onSubmit={submit}>
        <input className="field mono" aria-label="Virtual address" aria-invalid={!valid} value={text} onChange={(event) => setText(event.target.value)} />
        <button type="submit" className="button button--edged" disabled={!valid}>Walk</button>
      </form>
      {!valid && <p role="alert">An address is 0x and 1 to 16 hexadecimal digits.</p>}
      {reply !== null && (
        <div className="listing" tabIndex={0} role="group" aria-label="Steps of the walk" data-view="page-walk" data-entity={`vcpu:${vm}.0`}>
          {reply.steps.map((step, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a walk's steps are its order
            <div key={`${step.entryAddress}-${index}`}>{`${step.stage} level ${step.level}  ${step.entryAddress}  ${step.entry}  ${step.text}`}</div>
          ))}
          <div data-here="true">{reply.result}</div>
        </div>
      )}
    </Section>
  );
}

function PageBytes({ vm, page }: { readonly vm: VmSnapshot; readonly page: number }) {
  const { controller } = useApp();
  const host = useAppState((state) => state.hosts.findIndex((it) => it.vms.some((other) => other.id === vm.id && other.state === vm.state)));
  useAppState((state) => state.timeNs);
  const view = controller.session?.hostViews()[host];
  const address = RAM_BASE + page * 4096;
  const shared = view === undefined ? null : findPageBytes(view, vm.slot, page);
  const asked = useInspection(
    shared === null ? { view: 'guest-memory', vm: vm.id, guestPhysicalAddress: address, byteCount: 4096 } : null,
    'guest-memory',
  );
  const bytes = shared ?? (asked?.present === true ? Uint8Array.from(asked.bytes) : null);
  return (
    <Section title={`Page ${formatAddress(address)}`} entity={`page:${page}`}>
      {bytes === null
        ? <p className="soft">This page is missing here.</p>
        : <pre className="hexdump" data-view="hexdump" data-entity={`page:${page}`} tabIndex={0} aria-label={`Bytes of page ${formatAddress(address)}`}>{hexdumpLines(bytes, address).join('\n')}</pre>}
    </Section>
  );
}
