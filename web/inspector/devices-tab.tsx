/** A VM's devices, and the queues of a virtio device as rings. */
import { memo, useRef, useState } from 'react';
import type { DeviceFacts } from '../../core/protocol/machine-inspection.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { QueueView } from './queue-view.tsx';
import { Count, Hex, Section } from './section.tsx';
import { useInspection } from './use-inspection.ts';

interface QueuePlace {
  readonly slot: number;
  readonly queue: number;
}

export const DevicesTab = memo(function DevicesTab({ vm }: { readonly vm: number }) {
  const { reply, sentence } = useInspection({ view: 'devices', vm }, 'devices');
  const [chosen, setChosen] = useState<QueuePlace | null>(null);
  const first = useRef<QueuePlace | null>(null);
  if (reply === null) return <p className="soft">{sentence}</p>;
  const { devices } = reply;
  if (devices.length === 0) return <p data-view="devices">This VM has no devices: its console and its timer are the hypervisor’s, reached by SBI calls.</p>;
  const queues = devices.flatMap((it) => it.queues.map((queue) => ({ slot: it.slot, queue: queue.queue, work: queue.waiting + queue.inFlight })));
  const isThere = (place: QueuePlace | null) => queues.some((it) => it.slot === place?.slot && it.queue === place.queue);
  // Until one is chosen, the first that had work when the tab was opened.
  if (!isThere(first.current)) first.current = queues.find((it) => it.work > 0) ?? queues[0] ?? null;
  const shown = isThere(chosen) ? chosen : first.current;
  const current = devices.find((it) => it.slot >= 0 && it.slot === shown?.slot);
  return (
    <div data-view="devices">
      <ul className="virtio" aria-label="virtio devices and their queues">
        {devices.filter((it) => it.slot >= 0).map((it) => <QueueButtons key={it.slot} device={it} vm={vm} shown={shown} choose={setChosen} />)}
      </ul>
      {shown !== null && <QueueView key={`${shown.slot} ${shown.queue}`} vm={vm} slot={shown.slot} queue={shown.queue} />}
      {current !== undefined && <VirtioView device={current} entity={`vm:${vm}`} />}
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

interface QueueButtonProps {
  readonly device: DeviceFacts;
  readonly vm: number;
  readonly shown: QueuePlace | null;
  choose(place: QueuePlace): void;
}

function QueueButtons({ device, vm, shown, choose }: QueueButtonProps) {
  return (
    <li className="virtio__row">
      <span className="virtio__name">{device.name.replace('virtio ', '')}{device.failure === '' ? '' : ' ✕'}</span>
      {device.queues.map((it) => (
        <button
          key={it.queue} type="button" className="button button--edged" aria-pressed={shown?.slot === device.slot && shown.queue === it.queue}
          onClick={() => choose({ slot: device.slot, queue: it.queue })} data-entity={`vm:${vm}`}
          aria-label={`${device.name}, ${it.name}: ${it.ready ? `${it.waiting} wait, ${it.inFlight} in flight` : 'not ready'}`}
        >
          {it.name} {it.ready ? it.waiting + it.inFlight : '–'}
        </button>
      ))}
    </li>
  );
}

/** What the device of the shown queue has agreed on and done. */
function VirtioView({ device, entity }: { readonly device: DeviceFacts; readonly entity: string }) {
  return (
    <Section title={`${device.name} at ${device.address}`} entity={entity}>
      {device.failure !== '' && <p role="alert" className="walk__problem">Needs a reset: {device.failure}.</p>}
      <dl className="facts">
        <dt>Interrupt</dt><dd>source <Count value={device.source} unit="source" entity={entity} /></dd>
        <dt>Status</dt><dd>{device.status.join(', ') || 'nobody has found it'}</dd>
        <dt>Features</dt><dd data-entity={entity}>{device.features.join(', ') || 'none agreed on'}</dd>
        {device.counters.map((it) => (
          <div key={it.name} className="facts__pair"><dt>{spoken(it.name)}</dt><dd><Quantity value={it.value} unit={it.name.endsWith('Bytes') ? 'bytes' : 'times'} entity={entity} /></dd></div>
        ))}
      </dl>
    </Section>
  );
}

/** 'droppedFrames' is 'Dropped frames'. */
function spoken(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
}
