/**
 * The timeline while its panel is closed: one thin line of virtual time above the transport with the playhead, the
 * same slider as in the panel. What happened is ticks, faults are crosses; what lies ahead is a thinner line.
 */
import { useEffect, useRef } from 'react';
import { useApp, useAppState } from '../session/react.ts';
import type { AppState } from '../session/store.ts';
import { WatchedSize } from '../widgets/surroundings.ts';
import { readColours } from '../styles/colours.ts';
import { wholeSpan } from './time-axis.ts';
import { bindTimeSlider, describeTimeSlider } from './time-slider.ts';
import './scrub-strip.css';

export function ScrubStrip() {
  const parts = useApp();
  const { loop, store, controller } = parts;
  const theme = useAppState((state) => state.theme);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme must read the colours again
  useEffect(() => {
    let colours = readColours(document.documentElement);
    let key = '';
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => {
      colours = readColours(document.documentElement);
      key = '';
    };
    dark.addEventListener('change', recolour);
    const span = () => wholeSpan(Math.max(store.getState().timeNs, store.getState().furthestNs));
    const unbind = bindTimeSlider(box.current!, parts, { span, branchAt: () => -1, lanes: () => undefined });
    const size = new WatchedSize(canvas.current!);
    const present = () => controller.session?.timeNs() ?? store.getState().timeNs;
    const silence = loop.add('scrub-strip-words', 10, () => describeTimeSlider(box.current!, store.getState(), present()), 'words');
    const remove = loop.add('scrub-strip', 26, () => {
      const state = store.getState();
      const now = present();
      const element = canvas.current!;
      const { width, height } = size;
      const endNs = Math.max(now, state.furthestNs, 1);
      const pixel = endNs / Math.max(1, width);
      const next = [Math.floor(now / pixel), endNs > now ? 0 : Math.floor(endNs / pixel), state.events.length, state.travelNs, state.crosshairNs, width].join(' ');
      if (next === key) return;
      key = next;
      const ratio = window.devicePixelRatio;
      const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (element.width !== columns || element.height !== rows) [element.width, element.height] = [columns, rows];
      const context = element.getContext('2d', { willReadFrequently: true })!;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      paintStrip(context, { width, height, nowNs: now, endNs, state, css: colours.css });
    });
    return () => {
      dark.removeEventListener('change', recolour);
      unbind();
      silence();
      remove();
      size.stop();
    };
  }, [loop, store, controller, parts, theme]);
  return (
    <section aria-label="Virtual time">
      <div
        ref={box} className="scrub" role="slider" tabIndex={0} data-timeline data-mark="timeline" data-entity="run"
        aria-label="Present, in virtual time" aria-valuemin={0} aria-valuemax={0} aria-valuenow={0}
      >
        <canvas ref={canvas} className="scrub__canvas" aria-hidden="true" />
      </div>
    </section>
  );
}

function paintStrip(
  context: CanvasRenderingContext2D,
  { width, height, nowNs, endNs, state, css }: {
    readonly width: number; readonly height: number; readonly nowNs: number; readonly endNs: number;
    readonly state: AppState; readonly css: Readonly<Record<string, string>>;
  },
): void {
  const x = (ns: number) => Math.round((ns / endNs) * (width - 1));
  const y = height / 2;
  context.fillStyle = css['rule-strong']!;
  context.fillRect(0, y - 0.5, width, 1);
  context.fillStyle = css['ink-soft']!;
  context.fillRect(0, y - 1.5, x(nowNs), 3);
  for (const event of [...state.events, ...(state.eventsAhead[state.branch] ?? []).filter(({ timeNs }) => timeNs >= nowNs)]) {
    const at = x(event.timeNs);
    const fault = event.kind === 'fault' || event.kind === 'failed';
    if (!fault && event.kind !== 'command') continue;
    if (fault) {
      context.strokeStyle = css['fault']!;
      context.lineWidth = 2;
      context.beginPath();
      for (const side of [1, -1]) {
        context.moveTo(at - 5, y - 5 * side);
        context.lineTo(at + 5, y + 5 * side);
      }
      context.stroke();
    } else {
      context.fillStyle = css['ink']!;
      context.fillRect(at - 1, y - 6, 2, 12);
    }
  }
  if (state.crosshairNs >= 0) {
    context.fillStyle = css['ink-soft']!;
    context.fillRect(x(Math.min(endNs, state.crosshairNs)), 2, 1, height - 4);
  }
  const travelling = state.travelNs >= 0;
  const at = Math.min(width - 5, Math.max(5, x(travelling ? state.travelNs : nowNs)));
  context.fillStyle = css[travelling ? 'stage' : 'ink']!;
  context.strokeStyle = css['ink']!;
  context.lineWidth = 2;
  context.beginPath();
  context.roundRect(at - 4, y - 8, 8, 16, 2);
  context.fill();
  context.stroke();
}
