/** What is pending, what is enabled and where it goes; interrupt files; the controller with its sources. */
import { memo } from 'react';
import type { ControllerFacts, InterruptFileFacts } from '../../core/protocol/machine-inspection.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { Count, Hex, Section } from './section.tsx';
import { useInspection } from './use-inspection.ts';

export const InterruptsTab = memo(function InterruptsTab({ vm, vcpu }: { readonly vm: number; readonly vcpu: number }) {
  const { reply, sentence } = useInspection({ view: 'interrupts', vm, vcpu }, 'interrupts');
  const entity = `vcpu:${vm}.${vcpu}`;
  if (reply === null) return <p className="soft">{sentence}</p>;
  return (
    <div data-view="interrupts">
      <p className="inspector__lead" data-entity={entity}>{reply.next}</p>
      <div className="wide" role="group" aria-label="Interrupts" tabIndex={0}>
        <table className="table bits">
          <thead><tr><th className="right">Code</th><th>Interrupt</th><th>Pending</th><th>Enabled</th><th>To</th></tr></thead>
          <tbody>
            {reply.rows.map((it) => (
              <tr key={it.code} data-ready={it.pending && it.enabled}>
                <td className="right"><Count value={it.code} unit="code" entity={entity} /></td>
                <th scope="row">
                  {it.name.replace(' interrupt', '')}
                  <span className="bits__more">by {it.source}{it.dueNs < 0 ? '' : <>, due at <Quantity value={it.dueNs} unit="ns" entity={entity} /></>}</span>
                </th>
                <td><Lamp on={it.pending} what="pending" /></td><td><Lamp on={it.enabled} what="enabled" /></td><td>{it.goesTo}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <dl className="facts">
        {reply.registers.map((it) => <div key={it.name} className="facts__pair"><dt>{it.name}</dt><dd><Hex value={it.value} entity={entity} /></dd></div>)}
      </dl>
      <Section title="Interrupt files">
        {reply.files.length === 0 ? <p className="soft">{reply.noFiles}</p> : reply.files.map((it) => <FileView key={it.name} file={it} entity={entity} />)}
      </Section>
      {reply.controllers.map((it) => <ControllerView key={it.name} controller={it} entity={`vm:${vm}`} />)}
    </div>
  );
});

/** A bit: filled and named when it is set. */
function Lamp({ on, what }: { readonly on: boolean; readonly what: string }) {
  return <span className="lamp" data-on={on}>{on ? what : 'no'}</span>;
}

/** Identities of an interrupt file as a field of bits, in rows of 64. */
function FileView({ file, entity }: { readonly file: InterruptFileFacts; readonly entity: string }) {
  const pending = new Set(file.pending);
  const enabled = new Set(file.enabled);
  const rows = Math.ceil((file.identityCount + 1) / 64);
  const both = file.pending.filter((it) => enabled.has(it));
  return (
    <div className="ifile" data-view="interrupt-file">
      <p data-entity={entity}>
        <strong>{file.name}</strong>: {file.delivers ? 'delivers' : 'delivers nothing'}, {file.threshold === 0 ? 'no threshold' : `threshold ${file.threshold}`},
        {' '}{file.pending.length} pending and {file.enabled.length} enabled of {file.identityCount}{both.length === 0 ? '' : `; next is identity ${file.top}`}.
      </p>
      <svg className="ifile__bits" viewBox={`0 0 ${64 * 5} ${rows * 8}`} role="img" aria-label={`Interrupt file ${file.name}: pending ${file.pending.join(', ') || 'none'}; enabled ${file.enabled.join(', ') || 'none'}.`}>
        {Array.from({ length: rows * 64 }, (_, identity) => identity).filter((it) => it > 0 && it <= file.identityCount).map((it) => (
          <rect key={it} x={(it % 64) * 5} y={Math.floor(it / 64) * 8} width={4} height={6} data-pending={pending.has(it)} data-enabled={enabled.has(it)}><title>{`identity ${it}`}</title></rect>
        ))}
      </svg>
    </div>
  );
}

/** Drawn again only when something in it differs: replies are objects of their own each time. */
const ControllerView = memo(function ControllerView({ controller, entity }: { readonly controller: ControllerFacts; readonly entity: string }) {
  return (
    <Section title={`${controller.name} at ${controller.address}`} entity={entity}>
      <div className="wide" role="group" aria-label={`Sources of the ${controller.name}`} tabIndex={0} data-view="controller">
        <table className="table bits">
          <thead><tr><th className="right">Source</th><th>Device</th><th>Wire</th><th>Pending</th><th>Claimed</th></tr></thead>
          <tbody>
            {controller.sources.map((it) => (
              <tr key={it.source} data-ready={it.pending}>
                <td className="right"><Count value={it.source} unit="source" entity={entity} /></td>
                <th scope="row" data-entity={entity}>{it.name === '' ? 'nobody' : it.name}<span className="bits__more">priority {it.priority}, enabled for {it.enabledFor.join(', ') || 'nobody'}</span></th>
                <td><Lamp on={it.level} what="high" /></td><td><Lamp on={it.pending} what="pending" /></td><td><Lamp on={it.claimed} what="claimed" /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {controller.contexts.map((it) => (
        <p key={it.name} data-entity={entity}>{it.name}: threshold {it.threshold}, {it.top === 0 ? 'nothing to claim' : `would claim source ${it.top}`}, its wire is {it.signals ? 'high' : 'low'}.</p>
      ))}
    </Section>
  );
}, (before, next) => before.entity === next.entity && JSON.stringify(before.controller) === JSON.stringify(next.controller));
