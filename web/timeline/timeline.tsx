/** What happened, when: a strip of ticks on the virtual time axis with the charts' crosshair, and the same as a list. */
import { useEffect, useRef } from 'react';
import type { TimelineEvent } from '../../core/protocol/snapshot.ts';
import { formatClock } from '../app/quantity.ts';
import { useApp, useAppState } from '../session/react.ts';
import { readColours } from '../styles/colours.ts';

/** Rows of the list: the newest. */
const LIST_ROWS = 200;

export function Timeline() {
  const { loop, store, controller } = useApp();
  const events = useAppState((state) => state.events);
  const theme = useAppState((state) => state.theme);
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme or density must read the colours again
  useEffect(() => {
    const colours = readColours(document.documentElement);
    let key = '';
    return loop.add('timeline', 25, () => {
      const state = store.getState();
      const now = controller.session?.timeNs() ?? state.timeNs;
      const element = canvas.current!;
      const { clientWidth: width, clientHeight: height } = element;
      // One pixel of the strip is the least that can move.
      const step = Math.max(1, now / Math.max(1, width));
      const next = `${Math.floor(now / step)} ${state.events.length} ${state.crosshairNs} ${width} ${state.hovered}`;
      if (next === key) return;
      key = next;
      const ratio = window.devicePixelRatio;
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      const context = element.getContext('2d')!;
      context.scale(ratio, ratio);
      paintStrip(context, { width, height, events: state.events, nowNs: now, crosshairNs: state.crosshairNs, css: colours.css });
    });
  }, [loop, store, controller, theme]);
  return (
    <div className="timeline">
      <div
        className="timeline__canvas-box" aria-hidden="true"
        onPointerMove={(event) => {
          const bounds = event.currentTarget.getBoundingClientRect();
          store.setState({ crosshairNs: Math.round(((event.clientX - bounds.left) / bounds.width) * store.getState().timeNs) });
        }}
        onPointerLeave={() => store.setState({ crosshairNs: -1 })}
      >
        <canvas className="timeline__canvas" ref={canvas} />
      </div>
      <ol className="timeline__list" aria-label="Events, newest first">
        {events.slice(-LIST_ROWS).reverse().map((event, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: counted from the newest, the position names an event for good
          <li key={`${event.timeNs}-${event.kind}-${events.length - index}`}>
            <button
              type="button" data-kind={event.kind} data-entity={event.entity}
              onClick={() => store.setState({ selection: event.entity, crosshairNs: event.timeNs })}
            >
              <span className="number">{formatClock(event.timeNs).text}</span><span>{event.kind}</span><span>{event.text}</span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

interface StripOptions {
  readonly width: number;
  readonly height: number;
  readonly events: readonly TimelineEvent[];
  readonly nowNs: number;
  readonly crosshairNs: number;
  readonly css: Readonly<Record<string, string>>;
}

function paintStrip(context: CanvasRenderingContext2D, options: StripOptions): void {
  const { width, height, events, nowNs, crosshairNs, css } = options;
  const at = (ns: number) => (nowNs === 0 ? 0 : (ns / nowNs) * (width - 2));
  context.clearRect(0, 0, width, height);
  context.fillStyle = css['rule']!;
  context.fillRect(0, height / 2, width, 1);
  for (const event of events) {
    const fault = event.kind === 'fault' || event.kind === 'failed';
    context.fillStyle = fault ? css['fault']! : event.kind === 'round' ? css['in-flight']! : css['ink']!;
    const size = fault ? 22 : event.kind === 'round' ? 10 : 16;
    context.fillRect(at(event.timeNs), height / 2 - size / 2, 2, size);
  }
  if (crosshairNs >= 0) {
    context.fillStyle = css['ink-soft']!;
    context.fillRect(at(crosshairNs), 0, 1, height);
  }
}
