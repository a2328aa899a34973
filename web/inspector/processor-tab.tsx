/** A vCPU's privilege mode, where it is, its translation registers, status, traps and registers. */
import { memo } from 'react';
import { INTEGER_NAMES } from '../charts/register-rows.ts';
import { Count, Hex, Section } from './section.tsx';
import { useInspection } from './use-inspection.ts';

/** Modes of a hart without and with guests, from the most to the least privileged. */
const MODES = [{ mode: 'M', text: 'machine' }, { mode: 'S', text: 'kernel' }, { mode: 'U', text: 'user' }] as const;
const GUEST_MODES = [
  { mode: 'M', text: 'machine' }, { mode: 'HS', text: 'hypervisor' }, { mode: 'U', text: 'user' }, { mode: 'VS', text: 'guest’s kernel' }, { mode: 'VU', text: 'guest’s user' },
] as const;

export const ProcessorTab = memo(function ProcessorTab({ vm, vcpu }: { readonly vm: number; readonly vcpu: number }) {
  const { reply, sentence } = useInspection({ view: 'processor', vm, vcpu }, 'processor');
  const entity = `vcpu:${vm}.${vcpu}`;
  if (reply === null) return <p className="soft">{sentence}</p>;
  const modes = reply.translation.some((it) => it.name === 'hgatp') ? GUEST_MODES : MODES;
  return (
    <div data-view="processor">
      <ol className="modes" aria-label={`Privilege mode: ${reply.privilege}`} data-entity={entity}>
        {modes.map(({ mode, text }) => (
          <li key={mode} className="mode" aria-current={mode === reply.privilege ? 'true' : undefined} title={text}>
            <strong>{mode}</strong><span>{text}</span>
          </li>
        ))}
      </ol>
      <p className="inspector__lead" data-entity={entity}>
        {reply.hart} {reply.state}, in mode <strong>{reply.privilege}</strong> (V = {reply.virtual ? 1 : 0}), at <Hex value={reply.pc} entity={entity} />. Hart profile {reply.profile}.
      </p>
      <Section title="Address translation">
        <div className="wide" role="group" aria-label="Translation registers" tabIndex={0}>
          <table className="table">
            <thead><tr><th>Register</th><th>Mode</th><th>Root table</th><th className="right">ASID, VMID</th><th>Value</th></tr></thead>
            <tbody>
              {reply.translation.map((it) => (
                <tr key={it.name}>
                  <th scope="row">{it.name}</th><td data-entity={entity}>{it.mode}</td><td>{it.rootAddress === '' ? 'none' : <Hex value={it.rootAddress} entity={entity} />}</td>
                  <td className="right"><Count value={it.id} unit="number" entity={entity} /></td><td><Hex value={it.value} entity={entity} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Section>
      <Section title="Status">
        <dl className="facts">
          {reply.status.map((it) => <FieldOf key={it.name} name={it.name} value={it.value} text={it.text} entity={entity} />)}
        </dl>
      </Section>
      <Section title="Traps">
        <dl className="facts">
          {reply.traps.map((it) => <FieldOf key={it.name} name={it.name} value={it.value} text={it.text} entity={entity} />)}
        </dl>
      </Section>
      <Registers vm={vm} vcpu={vcpu} />
      <Disassembly vm={vm} vcpu={vcpu} />
    </div>
  );
});

function FieldOf({ name, value, text, entity }: { readonly name: string; readonly value: string; readonly text: string; readonly entity: string }) {
  return <><dt>{name}</dt><dd><Hex value={value} entity={entity} /> <span className="soft" data-entity={entity}>{text}</span></dd></>;
}

function Registers({ vm, vcpu }: { readonly vm: number; readonly vcpu: number }) {
  const { reply } = useInspection({ view: 'registers', vm, vcpu }, 'registers');
  if (reply === null) return null;
  const rows = [
    ...reply.x.slice(1).map((value, index) => ({ name: INTEGER_NAMES[index + 1]!, value })),
    ...reply.f.map((value, index) => ({ name: `f${index}`, value })),
    ...reply.csrs,
  ];
  return (
    <Section title="Registers">
      <div className="registers" data-view="registers" data-entity={`vcpu:${vm}.${vcpu}`}>
        {rows.map(({ name, value }) => <div key={name}><span className="soft">{name}</span><span>{value}</span></div>)}
      </div>
    </Section>
  );
}

function Disassembly({ vm, vcpu }: { readonly vm: number; readonly vcpu: number }) {
  const { reply } = useInspection({ view: 'disassembly', vm, vcpu, before: 6, after: 12 }, 'disassembly');
  if (reply === null) return null;
  return (
    <Section title="Around pc">
      <div className="listing" tabIndex={0} role="group" aria-label="Instructions around pc" data-view="disassembly" data-entity={`vcpu:${vm}.${vcpu}`}>
        {reply.lines.map((line) => (
          <div key={line.address} data-here={line.address === reply.pc}>{line.address}  {line.word}  {line.text}</div>
        ))}
      </div>
    </Section>
  );
}
