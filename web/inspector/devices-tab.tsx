/** A VM's devices, and the queues of a virtio device as rings. */
import { memo, useState } from 'react';
import type { DeviceFacts } from '../../core/protocol/machine-inspection.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { QueueView } from './queue-view.tsx';
import { Count, Hex, Section } from './section.tsx';
import { useInspection } from './use-inspection.ts';

export const DevicesTab = memo(function DevicesTab({ vm }: { readonly vm: number }) {
  const { reply, sentence } = useInspection({ view: 'devices', vm }, 'devices');
  const [chosen, setChosen] = useState<{ readonly slot: number; readonly queue: number } | null>(null);
  if (reply === null) return <p className="soft">{sentence}</p>;
  const { devices } = reply;
  if (devices.length === 0) return <p data-view="devices">This VM has no devices: its console and its timer are the hypervisor’s, reached by SBI calls.</p>;
  const queues = devices.flatMap((it) => it.queues.map((queue) => ({ slot: it.slot, queue: queue.queue })));
  // The first queue that has work, else the first.
  const busy = devices.flatMap((it) => it.queues.filter((queue) => queue.waiting + queue.inFlight > 0).map((queue) => ({ slot: it.slot, queue: queue.queue })))[0];
  const shown = chosen !== null && queues.some((it) => it.slot === chosen.slot && it.queue === chosen.queue) ? chosen : (busy ?? queues[0] ?? null);
  return (
    <div data-view="devices">
      {devices.filter((it) => it.slot >= 0).map((it) => <VirtioView key={it.slot} device={it} vm={vm} shown={shown} choose={setChosen} />)}
      {shown !== null && <QueueView key={`${shown.slot} ${shown.queue}`} vm={vm} slot={shown.slot} queue={shown.queue} />}
      <Section title="Other devices">
        <table className="table">
          <thead><tr><th>Device</th><th>Address</th><th className="right">Bytes</th><th className="right">Interrupt source</th></tr></thead>
          <tbody>
            {devices.filter((it) => it.slot < 0).map((it) => (
              <tr key={it.address}>
                <th scope="row">{it.name}</th><td><Hex value={it.address} entity={`vm:${vm}`} /></td>
                <td className="right"><Quantity value={it.byteCount} unit="bytes" entity={`vm:${vm}`} /></td>
                <td className="right">{it.source === 0 ? 'none' : <Count value={it.source} unit="source" entity={`vm:${vm}`} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Section>
    </div>
  );
});

interface VirtioProps {
  readonly device: DeviceFacts;
  readonly vm: number;
  readonly shown: { readonly slot: number; readonly queue: number } | null;
  choose(place: { readonly slot: number; readonly queue: number }): void;
}

function VirtioView({ device, vm, shown, choose }: VirtioProps) {
  const entity = `vm:${vm}`;
  return (
    <section className="virtio" aria-label={device.name} data-entity={entity}>
      <h3>{device.name}</h3>
      <p className="soft" data-entity={entity}>
        at {device.address}, source {device.source}; {device.status.join(', ') || 'nobody has found it'}
        {device.features.length === 0 ? '' : `; ${device.features.join(', ')}`}
      </p>
      {device.failure !== '' && <p role="alert" className="walk__problem">Needs a reset: {device.failure}.</p>}
      <div className="virtio__queues" role="group" aria-label={`Queues of ${device.name}`}>
        {device.queues.map((it) => (
          <button
            key={it.queue} type="button" className="button button--edged" aria-pressed={shown?.slot === device.slot && shown.queue === it.queue}
            onClick={() => choose({ slot: device.slot, queue: it.queue })} data-entity={entity}
          >
            {it.name}: {it.ready ? `${it.waiting} wait, ${it.inFlight} in flight` : 'not ready'}
          </button>
        ))}
      </div>
      {device.counters.length > 0 && (
        <p className="soft">
          {device.counters.map((it, index) => <span key={it.name}>{index === 0 ? '' : ' · '}<Quantity value={it.value} unit={it.name.endsWith('Bytes') ? 'bytes' : unitOf(it.name)} entity={entity} />{it.name.endsWith('Bytes') ? ` ${it.name.slice(0, -5)}` : ''}</span>)}
        </p>
      )}
    </section>
  );
}

/** 'droppedFrames' counts dropped frames. */
function unitOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
