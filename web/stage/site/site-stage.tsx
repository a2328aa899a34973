/**
 * A whole datacenter as cells: one host a cell, its place its rack and pod, its lightness one chosen metric. The legend is a
 * histogram whose cut dims what lies below. One continuous zoom: cells, then numbers, then the VMs of a host as boxes.
 */
import { Slider } from '@base-ui/react/slider';
import { select } from 'd3-selection';
import { zoom, type ZoomBehavior, zoomIdentity, type ZoomTransform } from 'd3-zoom';
import { useEffect, useMemo, useRef, useState } from 'react';
import { boardState } from '../../../core/protocol/host-board.ts';
import { formatQuantity, grouped } from '../../app/quantity.ts';
import { useApp, useAppState, useLab } from '../../session/react.ts';
import type { AppState } from '../../session/store.ts';
import { readColours } from '../../styles/colours.ts';
import { Knob } from '../../widgets/knob.tsx';
import { knobsAreShown } from '../knobs-shown.ts';
import { StoryTold } from '../story.tsx';
import { HostCard } from './host-card.tsx';
import { MemoryCard, MemoryHosts, memoryHostOf } from './memory-card.tsx';
import { cellAt, histogramOfSite, hostAtPoint, neighbourOf, nextOverloaded } from './site-cells.ts';
import { SITE_METRICS, siteMetric } from './site-metrics.ts';
import { SitePainter } from './site-painter.ts';
import './site.css';

/** Zoom at most: a host fills the stage. */
const ZOOM_MAX = 60;
/** The legend is read again at most this often; it cannot be read faster. Unit: ms. */
const LEGEND_MS = 250;

/** See the file's head. */
export function SiteStage() {
  const { controller, loop, store } = useApp();
  const lab = useLab();
  const theme = useAppState((state) => state.theme);
  const live = useAppState((state) => state.status);
  const selected = useAppState((state) => hostOf(state.selection));
  const memoryHost = useAppState(memoryHostOf);
  const touring = useAppState((state) => state.tour?.on === true);
  const knobs = useAppState(knobsAreShown);
  const marked = useAppState((state) => markedHosts(state));
  const ground = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [metricId, setMetric] = useState('cpu');
  const [cut, setCut] = useState(0);
  const [hovered, setHovered] = useState(-1);
  const [legend, setLegend] = useState<Legend>(NO_LEGEND);
  const metric = siteMetric(metricId);
  const painter = useMemo(() => new SitePainter(controller), [controller]);
  const zoomer = useRef<ZoomBehavior<HTMLDivElement, unknown>>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme or run has other colours and boards
  useEffect(() => {
    const recolour = () => painter.setColours(readColours(document.documentElement));
    recolour();
    painter.attach(canvas.current!);
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', recolour);
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) painter.setSize(Math.floor(entry.contentRect.width), Math.floor(entry.contentRect.height));
    });
    observer.observe(ground.current!);
    let told = 0;
    const remove = loop.add('site', 11, (now) => {
      painter.draw(now);
      if (painter.readings === 0 || now - told < LEGEND_MS || painter.readings === painter.toldReadings) return;
      told = now;
      painter.toldReadings = painter.readings;
      const { reading, full } = painter;
      setLegend({ counts: histogramOfSite(reading, full), full, overloaded: reading.overloaded, down: reading.down, hosts: reading.values.length });
    });
    return () => {
      dark.removeEventListener('change', recolour);
      observer.disconnect();
      remove();
    };
  }, [painter, loop, theme, live]);

  useEffect(() => painter.show({ metric, cut }), [painter, metric, cut]);
  useEffect(() => painter.select(selected), [painter, selected]);
  useEffect(() => {
    const element = ground.current!;
    const behaviour = zoom<HTMLDivElement, unknown>().scaleExtent([1, ZOOM_MAX]).clickDistance(4)
      .on('zoom', ({ transform }: { transform: ZoomTransform }) => painter.setTransform(transform));
    zoomer.current = behaviour;
    select(element).call(behaviour).on('dblclick.zoom', null);
    return () => void select(element).on('.zoom', null);
  }, [painter]);

  /** Selects a host; brings it into the middle when `near`. */
  const choose = (host: number, near = false) => {
    store.setState({ selection: host < 0 ? '' : `machine:${host}` });
    const at = host < 0 ? undefined : cellAt(painter.layout, host);
    if (!near || at === undefined || zoomer.current === null) return;
    const k = Math.max(painter.transform.k, Math.min(ZOOM_MAX, 48 / painter.layout.cell));
    const half = painter.layout.cell / 2;
    const { width, height } = painter.frame;
    const to = zoomIdentity.translate(width / 2, height / 2).scale(k).translate(-(at.x + half + painter.inset.x), -(at.y + half + painter.inset.y));
    zoomer.current.transform(select(ground.current!), to);
  };
  const home = () => zoomer.current?.transform(select(ground.current!), zoomIdentity);
  const pointed = (event: { readonly clientX: number; readonly clientY: number }) => {
    const bounds = ground.current!.getBoundingClientRect();
    const [x, y] = painter.place(event.clientX - bounds.left, event.clientY - bounds.top);
    return hostAtPoint(painter.layout, x, y);
  };
  const shown = hovered >= 0 ? hovered : selected;
  return (
    <section className="stage site" aria-label="Stage" data-stage data-variant="wide" data-knobs={knobs} tabIndex={-1}>
      <div className="site__head">
        <div className="story site__story" hidden={touring}><StoryTold /></div>
        <p className="site__counts" data-mark="counts">
          <button type="button" className="button button--edged" disabled={legend.overloaded === 0} onClick={() => choose(nextOverloaded(painter.reading, selected), true)}>
            <span className="number" data-entity="site" data-unit="hosts">{grouped(legend.overloaded)}&nbsp;hosts</span> overloaded
          </button>
          <span className="soft"><span className="number" data-entity="site" data-unit="hosts">{grouped(legend.down)}&nbsp;hosts</span> without power, of <span className="number" data-entity="site" data-unit="hosts">{grouped(legend.hosts)}&nbsp;hosts</span></span>
        </p>
      </div>
      <div className="site__tools" role="group" aria-label="What the colour means" data-mark="legend">
        {SITE_METRICS.map((it) => (
          <button key={it.id} type="button" className="button" aria-pressed={it.id === metricId} onClick={() => setMetric(it.id)}>{it.title}</button>
        ))}
        <LegendBars legend={legend} metric={metric} cut={cut} setCut={setCut} />
      </div>
      <div
        ref={ground} className="site__ground" data-mark="hosts" data-no-zoom
        tabIndex={0} role="application" aria-label={`Hosts by place, ${grouped(legend.hosts)}. Arrow keys walk them, N goes to the next overloaded one, plus and minus zoom, 0 shows all.`}
        onPointerMove={(event) => setHovered(pointed(event))} onPointerLeave={() => setHovered(-1)}
        onClick={(event) => choose(pointed(event))}
        onDoubleClick={(event) => choose(pointed(event), true)}
        onKeyDown={(event) => {
          const steps: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
          const step = steps[event.key];
          if (step !== undefined) choose(neighbourOf(painter.layout, selected, step[0], step[1]), painter.transform.k > 1);
          else if (event.key === 'n' || event.key === 'N') choose(nextOverloaded(painter.reading, selected), true);
          else if (event.key === '+' || event.key === '=') zoomer.current?.scaleBy(select(ground.current!), 2);
          else if (event.key === '-') zoomer.current?.scaleBy(select(ground.current!), 0.5);
          else if (event.key === '0') home();
          else if (event.key === 'Enter' && selected >= 0) choose(selected, true);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      >
        <canvas ref={canvas} className="site__canvas" aria-hidden="true" />
        {marked.map((host) => <Marker key={host} host={host} painter={painter} />)}
      </div>
      <div className="site__foot">
        <p className="site__told" aria-live="polite" data-host-told data-mark="told">{shown < 0 ? '' : <Told painter={painter} host={shown} />}</p>
        <MemoryHosts />
      </div>
      {selected >= 0 && <HostCard key={selected} host={selected} close={() => choose(-1)} />}
      {memoryHost >= 0 && <MemoryCard process={memoryHost} close={() => choose(-1)} />}
      {knobs && <SiteKnobs lab={lab} />}
    </section>
  );
}

interface Legend {
  readonly counts: readonly number[];
  readonly full: number;
  readonly overloaded: number;
  readonly down: number;
  readonly hosts: number;
}
const NO_LEGEND: Legend = { counts: [], full: 1, overloaded: 0, down: 0, hosts: 0 };

/** Number of the host that is selected, −1 = none. */
function hostOf(selection: string): number {
  const match = /^machine:(\d+)$/.exec(selection);
  return match === null ? -1 : Number(match[1]);
}

/** Hosts that have an element of their own: the selected one, and those that the tour shows now. */
function markedHosts(state: AppState): number[] {
  const step = state.tour?.on === true ? state.lab.walkthrough.steps[state.tour.player.step] : undefined;
  return [...new Set([state.selection, ...(step?.show ?? [])].map(hostOf))].filter((host) => host >= 0);
}

function Marker({ host, painter }: { readonly host: number; readonly painter: SitePainter }) {
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => painter.mark(host, element.current!), [painter, host]);
  return <span ref={element} className="site__marker" data-mark="machine" data-entity={`machine:${host}`} />;
}

/** Host, value and state of a cell in words. */
function Told({ painter, host }: { readonly painter: SitePainter; readonly host: number }) {
  useAppState((state) => Math.floor(state.timeNs / 2e8));
  const { metric, reading } = painter;
  const state = reading.states[host] ?? 0;
  const value = formatQuantity((reading.values[host] ?? 0) * metric.factor, metric.unit);
  const words = (state & boardState.up) === 0 ? 'without power' : (state & boardState.overloaded) !== 0 ? 'overloaded' : '';
  return (
    <>
      <strong data-entity={`machine:${host}`}>host {host}</strong> {metric.title} <span className="number" data-entity={`machine:${host}`} data-unit={value.unit}>{value.text}</span>
      {words !== '' && <span className="site__state"> {words}</span>}
    </>
  );
}

/** Hosts by value; the cut dims those below. */
function LegendBars({ legend, metric, cut, setCut }: { readonly legend: Legend; readonly metric: ReturnType<typeof siteMetric>; readonly cut: number; readonly setCut: (cut: number) => void }) {
  const most = Math.max(1, ...legend.counts);
  const end = formatQuantity(legend.full * metric.factor, metric.unit);
  const at = formatQuantity(Number((legend.full * metric.factor * cut).toPrecision(2)), metric.unit);
  return (
    <div className="site__legend">
      <svg className="site__bars" viewBox={`0 0 ${Math.max(1, legend.counts.length)} 1`} preserveAspectRatio="none" aria-hidden="true">
        {legend.counts.map((count, bin) => {
          const height = count === 0 ? 0 : Math.max(0.06, Math.log1p(count) / Math.log1p(most));
          const part = (bin + 0.5) / legend.counts.length;
          // biome-ignore lint/suspicious/noArrayIndexKey: a bin is its number
          return <rect key={bin} x={bin + 0.08} width={0.84} y={1 - height} height={height} data-dim={part < cut} />;
        })}
      </svg>
      <Slider.Root className="site__cut" value={Math.round(cut * 100)} min={0} max={100} onValueChange={(value) => setCut(Number(value) / 100)}>
        <Slider.Control className="knob__control">
          <Slider.Track className="knob__track site__ramp">
            <Slider.Thumb className="knob__thumb" getAriaLabel={() => 'Dim hosts below'} getAriaValueText={() => at.text} />
          </Slider.Track>
        </Slider.Control>
      </Slider.Root>
      <span className="soft site__end"><span className="number" data-entity="site" data-unit={end.unit}>{end.text}</span></span>
    </div>
  );
}

function SiteKnobs({ lab }: { readonly lab: ReturnType<typeof useLab> }) {
  return (
    <div className="site__knobs" data-mark="knobs">
      {lab.contract.knobs.map((row) => <Knob key={row.id} id={row.id} entity={row.entity} />)}
    </div>
  );
}
