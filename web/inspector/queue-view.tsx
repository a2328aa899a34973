/** One queue: its rings, its descriptor table, its chains; and the numbers behind the picture. */
import { useId } from 'react';
import type { RingChain, RingFacts } from '../../core/protocol/machine-inspection.ts';
import { AVAILABLE, availableArcs, RING_VIEW, ringHands, ringSentence, TABLE_COLUMNS, tickPath, USED, usedArcs } from './ring-arcs.ts';
import { Count, Hex } from './section.tsx';
import { useInspection } from './use-inspection.ts';

export function QueueView({ vm, slot, queue }: { readonly vm: number; readonly slot: number; readonly queue: number }) {
  const { reply, sentence } = useInspection({ view: 'queue', vm, slot, queue }, 'queue');
  if (reply === null) return <p className="soft">{sentence}</p>;
  const entity = `vm:${vm}`;
  return (
    <section className="queue-view" data-view="queue" data-entity={entity} aria-label={`${reply.device}: ${reply.name}`}>
      <h3>{reply.device}: {reply.name}</h3>
      <p data-entity={entity} className={reply.fault === '' ? '' : 'walk__problem'}>{ringSentence(reply)}</p>
      {reply.ready && (
        <>
          <Rings ring={reply} />
          <Legend ring={reply} entity={entity} />
          <DescriptorTable ring={reply} />
          <Chains ring={reply} entity={entity} />
        </>
      )}
    </section>
  );
}

function Rings({ ring }: { readonly ring: RingFacts }) {
  const hatch = useId();
  return (
    <svg className="rings" viewBox={RING_VIEW} role="img" aria-label={ringSentence(ring)}>
      <defs>
        <pattern id={hatch} width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="8" height="8" className="rings__paper" /><rect width="4" height="8" className="rings__stripe" />
        </pattern>
      </defs>
      {availableArcs(ring).map((it) => <path key={it.part} d={it.d} data-part={it.part} {...(it.part === 'waiting' ? { fill: `url(#${hatch})` } : {})}><title>{`available ring, slots from ${it.first}: ${it.count} ${it.part === 'in-flight' ? 'in flight' : it.part}`}</title></path>)}
      {usedArcs(ring).map((it) => <path key={it.part} d={it.d} data-part={it.part}><title>{`used ring, slots from ${it.first}: ${it.count} ${it.part === 'unseen' ? 'not used yet' : it.part}`}</title></path>)}
      <path className="rings__ticks" d={tickPath(ring.size, AVAILABLE) + tickPath(ring.size, USED)} />
      {ringHands(ring).map((it) => <path key={`${it.ring} ${it.hand.who}`} className="rings__hand" data-who={it.hand.who} d={it.hand.d} />)}
      <text y={-20} className="rings__number">{ring.waiting}</text>
      <text y={-2} className="rings__word">wait</text>
      <text y={32} className="rings__number">{ring.inFlight}</text>
      <text y={50} className="rings__word">in flight</text>
    </svg>
  );
}

/** What the hands mean, with both the slot and the index that counts on. */
function Legend({ ring, entity }: { readonly ring: RingFacts; readonly entity: string }) {
  const rows: readonly { readonly name: string; readonly who: 'driver' | 'device'; readonly index: number; readonly text: string }[] = [
    { name: 'available ring, head', who: 'driver', index: ring.availableIndex, text: 'the driver adds here' },
    { name: 'available ring, tail', who: 'device', index: ring.nextAvailable, text: 'the device takes from here' },
    { name: 'used ring, head', who: 'device', index: ring.nextUsed, text: 'the device returns here' },
    ...(ring.usedEvent < 0 ? [] : [{ name: 'used ring, event', who: 'driver' as const, index: ring.usedEvent, text: 'the driver wants to hear when this is returned' }]),
  ];
  return (
    <table className="table rings__legend">
      <thead><tr><th>Hand</th><th>Whose</th><th className="right">Slot</th><th className="right">Index</th><th>Meaning</th></tr></thead>
      <tbody>
        {rows.map((it) => (
          <tr key={it.name}>
            <th scope="row">{it.name}</th><td><span className="rings__key" data-who={it.who} aria-hidden="true" />{it.who}</td>
            <td className="right">{it.index < 0 ? 'not readable' : <Count value={it.index % ring.size} unit="slot" entity={entity} />}</td>
            <td className="right">{it.index < 0 ? '' : <Count value={it.index} unit="index" entity={entity} />}</td><td>{it.text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const STATES: Readonly<Record<string, string>> = { '.': 'free', w: 'waiting', f: 'in-flight' };

function DescriptorTable({ ring }: { readonly ring: RingFacts }) {
  const states = [...ring.descriptorStates];
  const rows = Math.ceil(ring.size / TABLE_COLUMNS);
  const columns = Math.min(TABLE_COLUMNS, ring.size);
  const count = (letter: string) => states.filter((it) => it === letter).length;
  const told = `Descriptor table at ${ring.descriptorAddress}: ${count('w')} of ${ring.size} descriptors wait, ${count('f')} are in flight, ${count('.')} are free.`;
  return (
    <>
      <p className="soft" data-entity="queue">{told}</p>
      <svg className="descriptors" viewBox={`0 0 ${columns * 10} ${rows * 10}`} role="img" aria-label={told} style={{ maxWidth: columns * 14 }}>
        {states.map((state, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a descriptor is its place
          <rect key={index} x={(index % columns) * 10 + 0.5} y={Math.floor(index / columns) * 10 + 0.5} width={9} height={9} data-part={STATES[state]}><title>{`descriptor ${index}: ${STATES[state]}`}</title></rect>
        ))}
      </svg>
    </>
  );
}

function Chains({ ring, entity }: { readonly ring: RingFacts; readonly entity: string }) {
  return (
    <div className="wide" role="group" aria-label="Chains of descriptors" tabIndex={0}>
      <table className="table" data-view="chains">
        <thead><tr><th>Chain</th><th className="right">Slot</th><th className="right">Head</th><th>Descriptors</th></tr></thead>
        <tbody>
          {ring.chains.map((it) => (
            <tr key={`${it.place} ${it.slot}`} data-fault={it.fault !== ''}>
              <th scope="row"><span className="chain__key" data-part={it.place === 'in flight' ? 'in-flight' : it.place} aria-hidden="true" />{it.place}</th>
              <td className="right"><Count value={it.slot} unit="slot" entity={entity} /></td><td className="right"><Count value={it.head} unit="descriptor" entity={entity} /></td>
              <td data-entity={entity}><ChainText chain={it} entity={entity} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {ring.chains.length === 0 && <p className="soft">No chain has gone through this queue yet.</p>}
      {ring.chainsLeftOut > 0 && <p className="soft" data-entity={entity}>{ring.chainsLeftOut} more are not listed.</p>}
    </div>
  );
}

function ChainText({ chain, entity }: { readonly chain: RingChain; readonly entity: string }) {
  if (chain.place === 'returned') return <>{chain.fault !== '' ? `✕ ${chain.fault}` : `the device wrote ${chain.written} bytes`}</>;
  return (
    <>
      {chain.descriptors.map((it, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a chain is its order
        <span key={index} className="chain__link">
          {it.indirect ? '↳ ' : ''}{it.flags.includes('INDIRECT') ? 'table' : it.flags.includes('WRITE') ? 'device writes' : 'device reads'} {it.byteCount} bytes at <Hex value={it.address} entity={entity} />
        </span>
      ))}
      {chain.fault !== '' && <strong className="walk__problem">✕ {chain.fault}</strong>}
    </>
  );
}
