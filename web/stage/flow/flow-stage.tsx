/**
 * Replication load as a Sankey that moves: workloads write through their site's gateways over the WAN into volumes.
 * A ribbon's height is its rate and its dashes move by the bytes that went through; inflow above outflow fills
 * a tank, labelled with seconds behind; all tanks have one scale. A workload is dragged, or sent by its menu, to another gateway.
 */
import { drag, type D3DragEvent } from 'd3-drag';
import { select } from 'd3-selection';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import { formatQuantity, threeDigits } from '../../app/quantity.ts';
import { useApp, useAppState, useLab } from '../../session/react.ts';
import { Knob } from '../../widgets/knob.tsx';
import { Quantity } from '../../widgets/quantity.tsx';
import { knobsAreShown } from '../knobs-shown.ts';
import { bindRoving } from '../roving.ts';
import { StoryTold } from '../story.tsx';
import type { FlowFacts, FlowGateway, FlowWorkload } from './flow-facts.ts';
import { type Box, type FlowLayout, layoutFlow, tankBytes } from './flow-layout.ts';
import { FaultMenu, WorkloadMenu, waysOf } from './flow-menus.tsx';
import { ScoreBar, SpreadBar } from './score-bar.tsx';
import { useTurn } from './use-turn.ts';
import './flow.css';

/** Length of a dash and its gap, and the bytes that move it by that much. Unit: px, bytes. */
const DASH = 18;
const DASH_BYTES = 2_000_000;

/** Narrower than this, boxes get more of the width. Unit: px. */
const TIGHT_WIDTH = 1000;

interface DragState {
  readonly workload: FlowWorkload;
  readonly over: number; // gateway, −1 = none
}

/** See the file's head. */
export function FlowStage() {
  const { commands } = useApp();
  const lab = useLab();
  const state = useAppState((it) => ({ nodes: it.nodes, knobs: it.knobs, told: it.told, links: it.links, hosts: it.hosts }));
  const { store } = useApp();
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are the parts of the state that tell of the run
  const facts = useMemo(() => lab.flow?.(store.getState()), [lab, store, state]);
  const touring = useAppState((it) => it.tour?.on === true); // its card says what is to be said
  const knobs = useAppState(knobsAreShown);
  const element = useRef<HTMLElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const [frame, setFrame] = useState<Box>({ x: 0, y: 0, width: 1232, height: 420 });
  const [dragged, setDragged] = useState<DragState | null>(null);
  const latest = useRef(facts);
  latest.current = facts;
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setFrame({ x: 0, y: 0, width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(body.current!);
    const unrove = bindRoving(element.current!);
    return () => {
      observer.disconnect();
      unrove();
    };
  }, []);
  useEffect(() => bindDrag(body.current!, latest, setDragged, (workload, gateway) => {
    const rehome = latest.current?.rehome;
    if (rehome !== undefined) void commands.run('ask', { request: rehome.request, arguments: { [rehome.workload]: workload, [rehome.gateway]: gateway } });
  }), [commands]);
  const isTight = useAppState((it) => it.density === 'projector') || frame.width < TIGHT_WIDTH;
  const picture = useMemo(() => (facts === undefined ? undefined : { facts, layout: layoutFlow(facts, frame, isTight) }), [facts, frame, isTight]);
  const layout = picture?.layout;
  const rows = Math.max(0, facts?.workloads.length ?? 0, facts?.volumes.length ?? 0);
  return (
    <section ref={element} className="stage flow" aria-label="Stage" data-stage data-variant="wide" data-knobs={knobs} data-tight={isTight} tabIndex={-1} style={{ '--flow-rows': rows } as React.CSSProperties}>
      <div className="flow__head">
        <div className="flow__story story" hidden={touring}><StoryTold /></div>
        {facts !== undefined && <Alarms alarms={facts.alarms} />}
      </div>
      {facts !== undefined && <Sites facts={facts} />}
      <div className="flow__body" ref={body} data-mark="flow">
        {picture !== undefined && (
          <>
            <Streams picture={picture} width={frame.width} height={frame.height} />
            <Workloads picture={picture} />
            <Gateways picture={picture} dragged={dragged} />
            <Volumes picture={picture} />
          </>
        )}
      </div>
      {facts !== undefined && layout !== undefined && <Brackets facts={facts} layout={layout} width={frame.width} />}
      {knobs && <FlowKnobs lab={lab} side="left" />}
      {knobs && <FlowKnobs lab={lab} side="right" />}
    </section>
  );
}

const placed = (box: Box): React.CSSProperties => ({ left: box.x, top: box.y, width: box.width, height: box.height });

/** What is known, and where it stands. */
interface Picture {
  readonly facts: FlowFacts;
  readonly layout: FlowLayout;
}

/** Ribbons and the WAN. */
function Streams({ picture, width, height }: { readonly picture: Picture; readonly width: number; readonly height: number }) {
  const shown = useTurn(picture, 0);
  return useMemo(() => (
    <>
      <Ribbons facts={shown.facts} layout={shown.layout} width={width} height={height} />
      <Wan facts={shown.facts} box={shown.layout.wan} />
    </>
  ), [shown, width, height]);
}

function Workloads({ picture }: { readonly picture: Picture }) {
  const shown = useTurn(picture, 1);
  return useMemo(() => shown.facts.workloads.map((it) => (
    <Workload key={it.id} workload={it} facts={shown.facts} box={shown.layout.nodes.get(it.entity)!} />
  )), [shown]);
}

function Gateways({ picture, dragged }: { readonly picture: Picture; readonly dragged: DragState | null }) {
  const shown = useTurn(picture, 2);
  return useMemo(() => {
    const { facts, layout } = shown;
    const tank = tankBytes(facts.gateways.map((it) => it.backlogBytes));
    return facts.gateways.map((it) => <Gateway key={it.id} gateway={it} facts={facts} box={layout.nodes.get(it.entity)!} dragged={dragged} tank={tank} />);
  }, [shown, dragged]);
}

function Volumes({ picture }: { readonly picture: Picture }) {
  const shown = useTurn(picture, 3);
  return useMemo(() => shown.facts.volumes.map((it) => {
    const workload = shown.facts.workloads.find(({ id }) => id === it.id);
    return (
      <div key={it.id} className="flow__volume" style={placed(shown.layout.nodes.get(it.entity)!)} data-entity={it.entity} data-mark="volume">
        {workload !== undefined && <Age workload={workload} />}
        <div className="flow__row">
          <span className="flow__name">{it.name}</span>
          {workload !== undefined && <Behind workload={workload} />}
        </div>
      </div>
    );
  }), [shown]);
}

function Ribbons({ facts, layout, width, height }: { readonly facts: FlowFacts; readonly layout: FlowLayout; readonly width: number; readonly height: number }) {
  const select = useAppState((state) => state.selection);
  return (
    <svg className="flow__ribbons" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {layout.ribbons.map(({ facts: it, path, centre, height: tall }) => {
        const workload = facts.workloads.find(({ id }) => id === it.workload);
        const still = it.bytesPerSecond <= 0;
        const offset = -((it.totalBytes / DASH_BYTES) * DASH) % DASH;
        return (
          <g key={`${it.from}-${it.to}-${it.workload}`} className="flow__ribbon" data-still={still} data-entity={workload?.entity ?? facts.wan.entity} data-selected={workload !== undefined && select === workload.entity}>
            <path className="flow__band" d={path} />
            {!still && <path className="flow__dash" d={centre} strokeWidth={Math.min(6, Math.max(1.5, tall * 0.3))} strokeDasharray={`${DASH / 3} ${(DASH * 2) / 3}`} strokeDashoffset={offset.toFixed(1)} />}
          </g>
        );
      })}
    </svg>
  );
}

function Sites({ facts }: { readonly facts: FlowFacts }) {
  return (
    <div className="flow__sites" aria-hidden="true" data-mark="sites">
      <span className="flow__site flow__site--primary">{facts.sites[0]}</span>
      <span className="flow__site flow__site--wan">WAN</span>
      <span className="flow__site flow__site--recovery">{facts.sites[1]}</span>
    </div>
  );
}

function Workload({ workload, facts, box }: { readonly workload: FlowWorkload; readonly facts: FlowFacts; readonly box: Box }) {
  const { store } = useApp();
  const selected = useAppState((state) => state.selection === workload.entity);
  const rate = facts.ribbons.filter((it) => it.from === workload.entity).reduce((sum, it) => sum + it.bytesPerSecond, 0);
  const { rehome } = facts;
  return (
    <div className="flow__workload" style={placed(box)} data-mark="workload" data-entity={workload.entity} data-selected={selected} data-drag-workload={workload.id}>
      <div className="flow__row">
        <button type="button" className="button flow__button" data-roving aria-pressed={selected} data-entity={workload.entity} onClick={() => store.setState({ selection: workload.entity })}>
          {workload.name}
        </button>
        {workload.phase === ''
          ? <Quantity className="flow__rate" value={rate} unit="bytes/s" entity={workload.entity} />
          : <span className="flow__phase">{workload.phase}</span>}
        <WorkloadMenu workload={workload.id} name={workload.name} ways={waysOf(workload, facts)} request={rehome.request} asWorkload={rehome.workload} asGateway={rehome.gateway} />
      </div>
    </div>
  );
}

/** The recovery point as a part of its target: full is late. */
function Age({ workload }: { readonly workload: FlowWorkload }) {
  const part = workload.targetNs <= 0 ? 0 : Math.min(1, workload.rpoNs / workload.targetNs);
  return <span className="flow__age" style={{ width: `${part * 100}%` }} data-late={workload.rpoNs > workload.targetNs} aria-hidden="true" />;
}

/** Achieved recovery point against its target. */
function Behind({ workload }: { readonly workload: FlowWorkload }) {
  const late = workload.rpoNs > workload.targetNs;
  return (
    <span className="flow__behind" data-late={late} title={`Target ${formatQuantity(workload.targetNs, 'ns').text}`}>
      <Quantity className="flow__rate" value={workload.rpoNs} unit="ns" entity={workload.entity} />
    </span>
  );
}

function Gateway({ gateway, facts, box, dragged, tank }: {
  readonly gateway: FlowGateway; readonly facts: FlowFacts; readonly box: Box; readonly dragged: DragState | null; readonly tank: number;
}) {
  const { store } = useApp();
  const selected = useAppState((state) => state.selection === gateway.entity);
  const level = Math.min(1, gateway.backlogBytes / tank);
  const why = dragged === null || gateway.side !== 0 ? '' : (dragged.workload.refusals[gateway.id] ?? '');
  const over = dragged?.over === gateway.id && dragged.workload.gateway !== gateway.id;
  const bracket = facts.brackets.find((it) => it.side === gateway.side);
  return (
    <div
      className="flow__gateway" style={placed(box)} data-mark="gateway" data-entity={gateway.entity} data-gateway={gateway.side === 0 ? gateway.id : undefined}
      data-selected={selected} data-down={!gateway.isUp} data-overloaded={gateway.isOverloaded} data-over={over} data-refuses={why !== ''}
    >
      <div className="flow__tank" style={{ height: `${level * 100}%` }} title={`A full tank is ${formatQuantity(tank, 'bytes').text}`} aria-hidden="true" />
      <div className="flow__row">
        <button type="button" className="button flow__button" data-roving aria-pressed={selected} data-entity={gateway.entity} onClick={() => store.setState({ selection: gateway.entity })}>
          {gateway.name}
        </button>
        {gateway.isUp
          ? <span className="flow__held"><Quantity value={gateway.behindNs} unit="ns" entity={gateway.entity} /> <span className="soft">behind</span></span>
          : <span className="flow__fault">down</span>}
        <FaultMenu name={gateway.name} entities="gateway" target={gateway.entity} />
      </div>
      {box.height >= 84 && <span className="flow__bytes soft"><Quantity value={gateway.backlogBytes} unit="bytes" entity={gateway.entity} /> waiting</span>}
      <ScoreBar gateway={gateway} isHigh={bracket !== undefined && gateway.score === bracket.high} />
      {over && <p className="host__drop">{why === '' ? `Send it through ${gateway.name}` : why}</p>}
    </div>
  );
}

function Wan({ facts, box }: { readonly facts: FlowFacts; readonly box: Box }) {
  const { store } = useApp();
  const { wan } = facts;
  const part = wan.capacity <= 0 ? 0 : Math.min(1, wan.bytesPerSecond / wan.capacity);
  const text = `${formatQuantity(wan.bytesPerSecond, 'bytes/s').text} of ${formatQuantity(wan.capacity, 'bytes/s').text}`;
  return (
    <>
      <button
        type="button" className="flow__wan" style={placed(box)} data-roving data-mark="wan" data-entity={wan.entity} data-cut={!wan.isUp}
        aria-label={`WAN: ${wan.isUp ? text : 'cut'}`} onClick={() => store.setState({ selection: wan.entity })}
      >
        <span className="flow__use" style={{ height: `${part * 100}%` }} aria-hidden="true" />
      </button>
      <div className="flow__wan-facts" style={{ left: box.x - 40, width: box.width + 80, top: box.y + box.height + 6 }}>
        {wan.isUp ? <Quantity value={wan.capacity} unit="bytes/s" entity={wan.entity} /> : <span className="flow__fault">cut</span>}
        <FaultMenu name="the WAN" entities="link" />
      </div>
    </>
  );
}

/** Below each site's gateways, on the scale of their score bars: from the lowest score to the highest, and what is allowed. */
function Brackets({ facts, layout, width }: { readonly facts: FlowFacts; readonly layout: FlowLayout; readonly width: number }) {
  return (
    <div className="flow__brackets">
      {facts.brackets.map((it) => {
        const box = layout.nodes.get(facts.gateways.find(({ side }) => side === it.side)?.entity ?? '');
        if (box === undefined) return null;
        const next = it.side === 0 ? layout.nodes.get(facts.gateways.find(({ side }) => side === 1)?.entity ?? '')?.x : width;
        return (
          <div key={it.side} className="flow__bracket" data-side={it.side} data-mark="bracket" data-entity={`site:${it.side}`} style={{ left: box.x, width: (next ?? width) - box.x - 8 }}>
            <div className="flow__spread" style={{ width: box.width }}><SpreadBar bracket={it} /></div>
            <p className="flow__said">
              spread <span className="number" data-entity={`site:${it.side}`} data-unit="%">{threeDigits(it.difference * 100)}&nbsp;%</span>
              {' · moves above '}<span className="number" data-entity={`site:${it.side}`} data-unit="%">{threeDigits(it.threshold * 100)}&nbsp;%</span>
              {it.said !== '' && <span className="flow__why soft">{' · '}{it.said}</span>}
            </p>
          </div>
        );
      })}
    </div>
  );
}

function Alarms({ alarms }: { readonly alarms: readonly string[] }) {
  if (alarms.length === 0) return null;
  return <ul className="flow__alarms" aria-label="Alarms" data-mark="alarms">{alarms.slice(-2).map((it) => <li key={it}>{it}</li>)}</ul>;
}

/** Knobs stand on both sides of the picture: workloads and link first, then what gateways do. */
const FlowKnobs = memo(function FlowKnobs({ lab, side }: { readonly lab: ReturnType<typeof useLab>; readonly side: 'left' | 'right' }) {
  const rank = (entity: string) => (entity === 'workload' ? 0 : entity === 'link' ? 1 : 2);
  const rows = [...lab.contract.knobs].sort((a, b) => rank(a.entity) - rank(b.entity));
  const half = Math.ceil(rows.length / 2);
  return (
    <div className="flow__knobs" data-side={side} data-mark="knobs" data-no-zoom>
      {(side === 'left' ? rows.slice(0, half) : rows.slice(half)).map((row) => <Knob key={row.id} id={row.id} entity={row.entity} />)}
    </div>
  );
});

/** Drag of a workload onto a gateway of the primary site. */
function bindDrag(
  element: HTMLElement, facts: { readonly current: FlowFacts | undefined },
  show: (state: DragState | null) => void, drop: (workload: number, gateway: number) => void,
): () => void {
  let state: DragState | null = null;
  const gatewayAt = (x: number, y: number) => {
    const under = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-gateway]');
    return under === null || under === undefined ? -1 : Number(under.dataset['gateway']);
  };
  const behaviour = drag<HTMLElement, unknown>()
    .filter((event: MouseEvent) => event.button === 0 && (event.target as Element).closest('[data-drag-workload]') !== null
      && (event.target as Element).closest('.flow__menu') === null)
    .clickDistance(4)
    .on('start', ({ sourceEvent }: D3DragEvent<HTMLElement, unknown, unknown>) => {
      const handle = (sourceEvent.target as Element).closest<HTMLElement>('[data-drag-workload]');
      const workload = facts.current?.workloads.find((it) => it.id === Number(handle?.dataset['dragWorkload']));
      state = workload === undefined ? null : { workload, over: -1 };
    })
    .on('drag', ({ sourceEvent }: D3DragEvent<HTMLElement, unknown, unknown>) => {
      if (state === null) return;
      const { clientX, clientY } = sourceEvent as MouseEvent;
      state = { ...state, over: gatewayAt(clientX, clientY) };
      show(state);
    })
    .on('end', () => {
      const ended = state;
      state = null;
      show(null);
      if (ended !== null && ended.over >= 0 && ended.over !== ended.workload.gateway) drop(ended.workload.id, ended.over);
    });
  const selection = select(element).call(behaviour);
  return () => void selection.on('.drag', null);
}
