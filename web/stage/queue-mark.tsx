/**
 * The queue between memory and disk: what it holds, what a tile of the river stands for, and what can be pulled:
 * the cap line, the edge of the reserve, the disk's pipe. Its knobs stand below. The drawing is on the canvas.
 */
import { type PointerEvent, useEffect, useRef } from 'react';
import { useApp, useAppState, useLab } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { Knob } from '../widgets/knob.tsx';
import { Quantity } from '../widgets/quantity.tsx';
import { formatQuantity } from '../app/quantity.ts';
import { knobsAreShown } from './knobs-shown.ts';
import { capOfPart, capPart, diskPipeCapacity, diskPipeHeight, placeQueue, readQueue } from './queue-picture.ts';
import { useAnchor, useLayout, useLevel } from './scene-react.ts';
import { snapshotTold } from './snapshot-told.ts';
import { placeKnobs } from './stage-shape.ts';
import './queue.css';

export function QueueMark({ host }: { readonly host: number }) {
  const lab = useLab();
  const layout = useLayout();
  const area = useAnchor<HTMLDivElement>((it) => it.link, 'fill');
  const knobs = useAnchor<HTMLDivElement>((it) => it.linkKnobs, 'pin');
  const level = useLevel();
  const shown = useAppState(knobsAreShown);
  const entity = useAppState((state) => `snapshot:${findVm(state)?.vm.id ?? 0}`);
  const { cap, percent, bandwidth } = useAppState((state) => ({
    cap: state.knobs['queue-cap'] ?? 0,
    percent: state.knobs['queue-reserve'] ?? 0,
    bandwidth: snapshotTold(state, host)?.disk.bandwidthBytesPerSecond ?? state.knobs['disk-bandwidth'] ?? 0,
  }));
  const rect = { x: 0, y: 0, width: layout.link.width, height: layout.link.height };
  const places = placeQueue({ rect, k: 1, capBytes: cap, reserveBytes: (cap * percent) / 100, heldBytes: 0, diskBytesPerSecond: bandwidth });
  const { tank, capY, reserve, pipe } = places;
  const bottom = tank.y + tank.height;
  const rows = placeKnobs(lab).between;
  return (
    <>
      <div ref={area} className="queue" data-mark="queue" hidden={level !== 'site'} data-entity={entity}>
        <div className="queue__facts" style={{ left: tank.x + tank.width + 16 }}>
          <Held host={host} entity={entity} />
          <Legend host={host} entity={entity} />
        </div>
        <Quantity className="queue__disk" value={bandwidth} unit="bytes/s" entity={`disk:${host}`} />
        <Handle
          knob="queue-cap" place={{ left: tank.x, top: capY - 12, width: tank.width / 2 }}
          value={(dy) => capOfPart(capPart(cap) - dy / tank.height)}
        />
        <Handle
          knob="queue-reserve" place={{ left: tank.x + tank.width / 2, top: reserve.y + reserve.height - 12, width: tank.width / 2 }}
          value={(dy) => Math.min(90, Math.max(0, Math.round(percent + (dy / (bottom - capY)) * 100)))}
        />
        <Handle
          knob="disk-bandwidth" place={{ left: pipe.x + pipe.width / 2 - 36, top: pipe.y - 13, width: 72 }}
          value={(dy) => diskPipeCapacity(diskPipeHeight(bandwidth) - 2 * dy)}
        />
      </div>
      <div ref={knobs} className="link__knobs link__knobs--two" hidden={level !== 'site' || !shown} data-mark="knobs" data-no-zoom>
        {rows.map(({ id }) => <Knob key={id} id={id} entity={entity} />)}
      </div>
    </>
  );
}

/** Text that the frame loop brings up to date, so that React renders nothing per frame. */
function useLiveText(name: string, read: () => string) {
  const { loop } = useApp();
  const element = useRef<HTMLSpanElement>(null);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    let before = '';
    return loop.add(name, 10, () => {
      const text = latest.current();
      if (text === before || element.current === null) return;
      before = text;
      element.current.textContent = text;
    }, 'words');
  }, [loop, name]);
  return element;
}

function Held({ host, entity }: { readonly host: number; readonly entity: string }) {
  const { controller } = useApp();
  const cap = useAppState((state) => state.knobs['queue-cap'] ?? 0);
  const held = useLiveText('queue-held', () => {
    const view = controller.session?.hostViews().find((it) => it.host === host);
    return formatQuantity(view === undefined ? 0 : readQueue(view, 0).heldBytes, 'bytes').text;
  });
  return (
    <p className="queue__held">
      <span ref={held} className="number" data-entity={entity} data-unit="MB" />
      <span className="queue__cap soft"> of <Quantity value={cap} unit="bytes" entity={entity} /></span>
    </p>
  );
}

function Legend({ host, entity }: { readonly host: number; readonly entity: string }) {
  const active = useAppState((state) => (snapshotTold(state, host)?.jobs.length ?? 0) > 0);
  const pages = useLiveText('river-legend', () => {
    const count = document.querySelector<HTMLElement>('[data-stage]')?.dataset['pagesPerTile'] ?? '1';
    return formatQuantity(Number(count), 'pages').text;
  });
  if (!active) return null;
  return (
    <p className="queue__legend">
      <span className="swatch swatch--in-flight" aria-hidden="true" /> <span ref={pages} className="number" data-entity={entity} data-unit="pages" />
      <span className="queue__dot"><span className="swatch swatch--forced" aria-hidden="true" /> before a write</span>
    </p>
  );
}

/** An edge that can be pulled; its slider below, or at the file, is the keyboard's. `value`: for so many px downwards. */
function Handle({ knob, place, value }: {
  readonly knob: string;
  readonly place: { readonly left: number; readonly top: number; readonly width: number };
  readonly value: (dy: number) => number;
}) {
  const { controller } = useApp();
  const start = useRef<{ readonly y: number; readonly value: (dy: number) => number } | null>(null);
  const end = () => { start.current = null; };
  return (
    <div
      className="queue__handle" style={place} data-no-zoom data-knob-handle={knob} aria-hidden="true"
      onPointerDown={(event: PointerEvent<HTMLDivElement>) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { y: event.clientY, value };
      }}
      onPointerMove={(event: PointerEvent<HTMLDivElement>) => {
        if (start.current !== null) controller.requestKnob(knob, start.current.value(event.clientY - start.current.y));
      }}
      onPointerUp={end} onPointerCancel={end}
    />
  );
}
