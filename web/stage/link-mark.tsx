/**
 * The link between the hosts: what it can carry and how long it takes, its pull handle (height is
 * capacity), its knobs, and the scissors that cut or mend it. The pipe itself is on the canvas.
 */
import { Scissors, Link2 } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { findMigration, isMigrating } from '../session/store.ts';
import { useApp, useAppState, useLab } from '../session/react.ts';
import { Knob } from '../widgets/knob.tsx';
import { Quantity } from '../widgets/quantity.tsx';
import { knobsAreShown } from './knobs-shown.ts';
import { useAnchor, useLevel } from './scene-react.ts';
import { pipeCapacity, pipeHeight } from './stage-layout.ts';
import { roundTo } from './stage-layout.ts';
import { placeKnobs } from './stage-shape.ts';

export function LinkMark() {
  const { store, commands } = useApp();
  const link = useAppState((state) => state.links[0]);
  const lab = useLab();
  const shown = useAppState(knobsAreShown);
  const selected = useAppState((state) => state.selection.startsWith('link:'));
  const level = useLevel();
  const area = useAnchor<HTMLDivElement>((layout) => layout.link, 'fill');
  const knobs = useAnchor<HTMLDivElement>((layout) => layout.linkKnobs, 'pin');
  const live = useAppState((state) => isMigrating(findMigration(state)));
  if (link === undefined) return null;
  const entity = `link:${Math.min(link.from, link.to)}-${Math.max(link.from, link.to)}`;
  const rows = placeKnobs(lab).between;
  const cut = lab.contract.faults.find(({ id }) => id === (link.up ? 'cut-link' : 'mend-link'));
  const height = pipeHeight(link.bandwidthBitsPerSecond);
  return (
    <>
      <div ref={area} className="link" data-mark="link" hidden={level === 'map' || level === 'page'} data-entity={entity}>
        <button
          type="button" className="link__pipe" data-roving aria-pressed={selected} style={{ height: `max(24px, ${height}px)` }}
          aria-label={`Link, ${link.up ? 'joined' : 'cut'}. Select it to turn its knobs.`}
          onClick={() => store.setState({ selection: entity })}
        />
        <div className="link__facts" style={{ bottom: `calc(50% + ${height / 2 + 6}px)` }}>
          <Quantity className="link__rate" value={link.bandwidthBitsPerSecond} unit="bit/s" entity={entity} />
          <Quantity className="soft" value={link.latencyNs} unit="ns" entity={entity} />
          {link.lossPercent > 0 && <span className="soft">loses <Quantity value={link.lossPercent} unit="%" entity={entity} /></span>}
          {!link.up && <span className="link__cut">cut</span>}
          <TileLegend live={live} />
          {cut !== undefined && (
            <button type="button" className="button link__scissors" title={cut.title} aria-label={cut.title} onClick={() => void commands.run('inject-fault', { fault: cut.id })}>
              {link.up ? <Scissors size={16} aria-hidden="true" /> : <Link2 size={16} aria-hidden="true" />}
            </button>
          )}
        </div>
        {rows.some(({ id }) => id === 'bandwidth') && <PipeHandle height={height} />}
      </div>
      <div ref={knobs} className="link__knobs" hidden={level !== 'site' || !shown} data-mark="knobs" data-no-zoom>
        {rows.map(({ id }) => <Knob key={id} id={id} entity={entity} />)}
      </div>
    </>
  );
}

/** Says how many pages a tile stands for while tiles are in flight. Filled by the frame loop through the store's samples. */
function TileLegend({ live }: { readonly live: boolean }) {
  const text = useRef<HTMLSpanElement>(null);
  const { loop } = useApp();
  useEffect(() => {
    if (!live) return undefined;
    let before = '';
    return loop.add('tile-legend', 10, () => {
      const pages = document.querySelector<HTMLElement>('[data-stage]')?.dataset['pagesPerTile'] ?? '';
      if (pages === before || text.current === null) return;
      before = pages;
      text.current.textContent = `${pages}\u00a0${pages === '1' ? 'page' : 'pages'}`;
    }, 'words');
  }, [live, loop]);
  if (!live) return null;
  return (
    <span className="link__legend">
      <span className="swatch swatch--in-flight" aria-hidden="true" />
      <span aria-hidden="true">=</span> <span ref={text} className="number" data-entity="link:0-1" data-unit="pages" />
    </span>
  );
}

/** The pipe's upper edge, to be pulled: height is capacity. The slider below is its keyboard twin. */
function PipeHandle({ height }: { readonly height: number }) {
  const { controller } = useApp();
  const start = useRef<{ readonly y: number; readonly height: number } | null>(null);
  return (
    <div
      className="link__handle" style={{ top: `calc(50% - ${height / 2}px)` }} data-no-zoom data-knob-handle="bandwidth" aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { y: event.clientY, height };
      }}
      onPointerMove={(event) => {
        if (start.current === null) return;
        const wanted = pipeCapacity(start.current.height + 2 * (start.current.y - event.clientY));
        controller.requestKnob('bandwidth', Math.round(roundTo(wanted, 2)));
      }}
      onPointerUp={() => { start.current = null; }}
      onPointerCancel={() => { start.current = null; }}
    />
  );
}
