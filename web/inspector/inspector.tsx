/**
 * Facts and bytes of what is selected: of a VM its processor, a translation step by step, interrupts, devices with their
 * queues, memory. All of it is answered by the run at a cut; the bytes of a page are read from shared memory, or asked for
 * when memory is not shared.
 */
import { Tabs } from '@base-ui/react/tabs';
import { useEffect, useState } from 'react';
import type { VmSnapshot } from '../../core/protocol/snapshot.ts';
import { formatAddress, grouped } from '../app/quantity.ts';
import { findPageBytes } from '../session/host-view.ts';
import { useApp, useAppState, useContract } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { RAM_BASE } from '../stage/page-marker.tsx';
import { Quantity } from '../widgets/quantity.tsx';
import { DevicesTab } from './devices-tab.tsx';
import { hexdumpLines } from './hexdump.ts';
import { InterruptsTab } from './interrupts-tab.tsx';
import { ProcessorTab } from './processor-tab.tsx';
import { Section } from './section.tsx';
import { TranslationTab } from './translation-tab.tsx';
import { useInspection } from './use-inspection.ts';
import './inspector.css';

export function Inspector() {
  const { selection, hosts, links } = useAppState((state) => ({ selection: state.selection, hosts: state.hosts, links: state.links }));
  const [kind, id] = selection.split(':');
  if (kind === 'host') {
    const host = hosts.find((it) => it.id === Number(id));
    if (host !== undefined && host.board === undefined) {
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
  return <VmInspector vm={placed.vm} hostName={placed.host.name} isBoard={placed.host.board !== undefined} />;
}

/** A board is looked into as a VM is: its harts are its own. */
function VmInspector({ vm, hostName, isBoard }: { readonly vm: VmSnapshot; readonly hostName: string; readonly isBoard: boolean }) {
  const entity = `vm:${vm.id}`;
  const page = useAppState((state) => state.selectedPage);
  const [tab, setTab] = useState<string>(page >= 0 ? 'memory' : 'processor');
  const [chosen, setChosen] = useState(0);
  const vcpu = Math.min(chosen, Math.max(0, vm.hartSlots.length - 1));
  useEffect(() => {
    if (page >= 0) setTab('memory'); // a page was chosen on a map: here are its bytes
  }, [page]);
  return (
    <>
      <Section title={isBoard ? `${hostName}, bare metal` : `${vm.name} on ${hostName}`} entity={entity}>
        <p className="inspector__facts">
          {vm.guest}, {vm.state}{vm.reason === '' ? '' : ` (${vm.reason})`}, <Quantity value={vm.pageCount} unit="pages" entity={entity} />,
          {' '}<span className="number" data-entity={entity} data-unit="instructions">{grouped(vm.instructionsRetired)} instructions</span>
        </p>
      </Section>
      <Tabs.Root value={tab} onValueChange={(value) => setTab(String(value))}>
        <Tabs.List className="inspector__tabs" aria-label={`Parts of ${vm.name}`} activateOnFocus>
          {TABS.map((it) => <Tabs.Tab key={it.id} value={it.id} className="inspector__tab">{it.title}</Tabs.Tab>)}
        </Tabs.List>
        {vm.hartSlots.length > 1 && PER_VCPU.has(tab) && (
          <div className="inspector__vcpus" role="group" aria-label={isBoard ? 'Hart' : 'vCPU'}>
            {vm.hartSlots.map((_, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a vCPU is its number
              <button key={index} type="button" className="button button--edged" aria-pressed={index === vcpu} onClick={() => setChosen(index)} data-entity={`vcpu:${vm.id}.${index}`}>{isBoard ? 'hart' : 'vCPU'} {index}</button>
            ))}
          </div>
        )}
        <Tabs.Panel className="inspector__panel" value="processor"><ProcessorTab vm={vm.id} vcpu={vcpu} /></Tabs.Panel>
        <Tabs.Panel className="inspector__panel" value="translation"><TranslationTab vm={vm.id} vcpu={vcpu} start="" /></Tabs.Panel>
        <Tabs.Panel className="inspector__panel" value="interrupts"><InterruptsTab vm={vm.id} vcpu={vcpu} /></Tabs.Panel>
        <Tabs.Panel className="inspector__panel" value="devices"><DevicesTab vm={vm.id} /></Tabs.Panel>
        <Tabs.Panel className="inspector__panel" value="memory">
          {page >= 0 ? <PageBytes vm={vm} page={page} /> : <p className="soft">Choose a page on the map of its memory: its bytes appear here.</p>}
          <Exits vm={vm.id} />
          <LeftOut />
        </Tabs.Panel>
      </Tabs.Root>
    </>
  );
}

const TABS = [
  { id: 'processor', title: 'Processor' }, { id: 'translation', title: 'Translation' }, { id: 'interrupts', title: 'Interrupts' },
  { id: 'devices', title: 'Devices' }, { id: 'memory', title: 'Memory' },
] as const;
/** Tabs that show one vCPU. */
const PER_VCPU: ReadonlySet<string> = new Set(['processor', 'translation', 'interrupts']);

function LeftOut() {
  const contract = useContract();
  return (
    <Section title="What this leaves out">
      <ul>{contract.leavesOut.map((line) => <li key={line}>{line}</li>)}</ul>
    </Section>
  );
}

function Exits({ vm }: { readonly vm: number }) {
  const { reply, sentence } = useInspection({ view: 'exits', vm }, 'exits');
  return (
    <Section title="Exits by cause">
      {sentence !== '' && <p className="soft">{sentence}</p>}
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

function PageBytes({ vm, page }: { readonly vm: VmSnapshot; readonly page: number }) {
  const { controller } = useApp();
  const host = useAppState((state) => state.hosts.findIndex((it) => it.vms.some((other) => other.id === vm.id && other.state === vm.state)));
  useAppState((state) => state.timeNs);
  const view = controller.session?.hostViews()[host];
  const address = RAM_BASE + page * 4096;
  const shared = view === undefined ? null : findPageBytes(view, vm.slot, page);
  const { reply: asked } = useInspection(
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
