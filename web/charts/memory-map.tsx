/** What each page of a VM is (clean, dirty, in flight, missing), painted as the stage paints it, with counts and a cursor for the keyboard. */
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { formatAddress, grouped } from '../app/quantity.ts';
import type { HostView } from '../session/host-view.ts';
import { useApp, useAppState } from '../session/react.ts';
import { findMigration, isMigrating } from '../session/store.ts';
import { type CellPatterns, makePatterns, paintMap } from '../stage/map-painter.ts';
import { type PageCounts, pageState, readPageStates, stateName } from '../stage/page-states.ts';
import { readColours } from '../styles/colours.ts';
import { ChartFrame } from './chart-frame.tsx';
import type { ChartTable } from './chart-table.ts';
import type { Picture, PictureSize } from './marks.ts';
import { WatchedSize, watchColours } from '../widgets/surroundings.ts';

const REDRAW_MS = 100;
const COLUMNS = 128;
const RAM_BASE = 0x8000_0000;

export interface MemoryMapProps {
  readonly id: string;
  readonly title: string;
  readonly entity: string;
  readonly vm: number;
  readonly host: number;
  readonly slot: number;
  readonly pageCount: number;
  readonly view: () => HostView | undefined;
}

export function MemoryMap({ id, title, entity, vm, host, slot, pageCount, view }: MemoryMapProps) {
  const { loop, store } = useApp();
  const theme = useAppState((state) => state.theme);
  const [page, setPage] = useState(-1);
  const canvas = useRef<HTMLCanvasElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const states = useRef(new Uint8Array(0));
  const chosen = useRef(page);
  chosen.current = page;
  const rows = Math.ceil(pageCount / COLUMNS);

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours and sizes follow theme and density
  useEffect(() => {
    states.current = new Uint8Array(pageCount);
    const shown = new Uint8Array(pageCount).fill(255);
    const counts: PageCounts = { missing: 0, dirty: 0, inFlight: 0 };
    const painted = { first: 0, last: -1, cells: 0 };
    let patterns: CellPatterns | undefined;
    let image: ImageData | undefined;
    let drawnAt = 0;
    const unwatch = watchColours(() => {
      patterns = undefined;
    });
    const size = new WatchedSize(canvas.current!);
    const remove = loop.add(`map-${id}`, 61, (now) => {
      const found = view();
      const element = canvas.current;
      if (found === undefined || element === null || now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      const cell = Math.max(1, Math.floor((size.width * window.devicePixelRatio) / COLUMNS));
      const force = patterns?.cell !== cell;
      if (force || patterns === undefined || image === undefined) {
        const { rgba } = readColours(document.documentElement);
        patterns = makePatterns(cell, { stage: rgba.stage, clean: rgba.clean, dirty: rgba.dirty, inFlight: rgba['in-flight'], missing: rgba.missing, merged: rgba.shared, ink: rgba.ink });
        image = new ImageData(COLUMNS * cell, rows * cell);
        element.width = image.width;
        element.height = image.height;
      }
      const state = store.getState();
      const migration = findMigration(state);
      const logged = isMigrating(migration) && migration?.from === host && migration.vm === vm;
      readPageStates({ view: found, slot, pageCount, logged, incoming: false, into: states.current, counts });
      paintMap({ states: states.current, shown, pageCount, columns: COLUMNS, patterns, pixels: new Uint32Array(image.data.buffer), force, painted });
      if (painted.cells > 0) element.getContext('2d')!.putImageData(image, 0, 0, 0, painted.first * cell, image.width, (painted.last - painted.first + 1) * cell);
      const at = chosen.current;
      const text = at >= 0
        ? `Page ${grouped(at)} at ${formatAddress(RAM_BASE + at * 4096)}: ${stateName(states.current[at] ?? 0)}.`
        : `${grouped(pageCount)} pages: ${grouped(counts.dirty)} dirty, ${grouped(counts.inFlight)} in flight, ${grouped(counts.missing)} missing.`;
      if (readout.current !== null && readout.current.textContent !== text) readout.current.textContent = text;
    }, 'pictures');
    return () => {
      remove();
      size.stop();
      unwatch();
    };
  }, [loop, store, id, vm, host, slot, pageCount, view, rows, theme]);

  const select = (next: number) => {
    const to = Math.max(0, Math.min(pageCount - 1, next));
    setPage(to);
    store.setState({ selection: entity, selectedPage: to });
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS, PageDown: COLUMNS * 16, PageUp: -COLUMNS * 16 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    select(Math.max(0, page) + step);
  };
  return (
    <ChartFrame
      id={id} title={title} entity={entity} readout={readout} table={() => stateTable(states.current, title, entity)}
      picture={(size) => mapPicture(canvas.current, states.current, size)}
    >
      <div className="heat">
        <div
          className="heat__grid heat__grid--alone" role="slider" tabIndex={0} aria-label={`${title}: page`} aria-valuemin={0} aria-valuemax={pageCount - 1} aria-valuenow={Math.max(0, page)}
          aria-valuetext={page < 0 ? 'no page chosen' : `page ${page} at ${formatAddress(RAM_BASE + page * 4096)}, ${stateName(states.current[page] ?? 0)}`} onKeyDown={onKey}
          onPointerDown={(event) => {
            const bounds = event.currentTarget.getBoundingClientRect();
            select(Math.floor(((event.clientY - bounds.top) / bounds.height) * rows) * COLUMNS + Math.floor(((event.clientX - bounds.left) / bounds.width) * COLUMNS));
          }}
        >
          <canvas ref={canvas} aria-hidden="true" />
          {page >= 0 && <span className="heat__mark" style={{ left: `calc(${((page % COLUMNS) / COLUMNS) * 100}% - 3px)`, top: `calc(${(Math.floor(page / COLUMNS) / rows) * 100}% - 3px)`, width: 10, height: 10 }} />}
        </div>
        <ul className="legend legend--column">
          <li><span className="swatch swatch--clean" aria-hidden="true" />clean</li>
          <li><span className="swatch swatch--dirty" aria-hidden="true" />written</li>
          <li><span className="swatch swatch--in-flight" aria-hidden="true" />in flight</li>
          <li><span className="swatch swatch--missing" aria-hidden="true" />missing</li>
        </ul>
      </div>
    </ChartFrame>
  );
}

/** Runs of neighbouring pages in one state, as a memory map is read. */
export function stateTable(states: Uint8Array, title: string, entity: string): ChartTable {
  const rows: (number | string)[][] = [];
  for (let first = 0; first < states.length;) {
    const name = stateName(states[first]!);
    let end = first + 1;
    while (end < states.length && stateName(states[end]!) === name) end++;
    rows.push([formatAddress(RAM_BASE + first * 4096), end - first, name]);
    first = end;
  }
  return {
    title,
    columns: [{ title: 'Guest address', unit: '', entity }, { title: 'Pages', unit: 'pages', entity }, { title: 'State', unit: '', entity }],
    rows,
  };
}

function mapPicture(canvas: HTMLCanvasElement | null, states: Uint8Array, { width, height, text }: PictureSize): Picture {
  const side = height - 16;
  const count = (state: number) => states.reduce((sum, it) => sum + (it === state ? 1 : 0), 0);
  const lines = [`${grouped(states.length)} pages`, `${grouped(count(pageState.dirty))} dirty`, `${grouped(count(pageState.inFlight))} in flight`, `${grouped(count(pageState.missing))} missing`];
  return {
    width, height, spots: [], summary: `${lines.join(', ')}.`,
    marks: [
      { kind: 'image', x: 8, y: 8, width: side, height: side, source: canvas, href: () => canvas?.toDataURL('image/png') ?? '' },
      ...lines.map((line, index) => ({ kind: 'text' as const, x: side + 32, y: 24 + index * text * 1.6, text: line, ink: 'ink' as const, size: text })),
    ],
  };
}
