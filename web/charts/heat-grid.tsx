/**
 * A page a cell, by the time since its last write, on one lightness ramp; the legend is a histogram whose
 * cut can be dragged (or moved by arrows) and dims what is older. The grid has one cursor for the keyboard.
 */
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { formatAddress, grouped } from '../app/quantity.ts';
import type { HostView } from '../session/host-view.ts';
import { useApp, useAppState } from '../session/react.ts';
import { readColours } from '../styles/colours.ts';
import { ChartFrame } from './chart-frame.tsx';
import { AGE_MAX, ABSENT, ageColours, ageCounts, ageText, heatTable, readAges } from './heat-cells.ts';
import type { Mark, Picture, PictureSize } from './marks.ts';
import { paintPicture } from './mark-painter.ts';
import { textSizeFor, WatchedSize, watchColours } from '../widgets/surroundings.ts';

const REDRAW_MS = 150;
const COLUMNS = 128;
/** Where a guest's RAM begins in its own address space. */
const RAM_BASE = 0x8000_0000;

export interface HeatGridProps {
  readonly id: string;
  readonly title: string;
  readonly entity: string;
  readonly pageCount: number;
  readonly slot: number;
  readonly view: () => HostView | undefined;
}

export function HeatGrid({ id, title, entity, pageCount, slot, view }: HeatGridProps) {
  const { loop, store } = useApp();
  const theme = useAppState((state) => state.theme);
  const density = useAppState((state) => state.density);
  const [cut, setCut] = useState(AGE_MAX);
  const [page, setPage] = useState(-1);
  const grid = useRef<HTMLCanvasElement>(null);
  const legend = useRef<HTMLCanvasElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const ages = useRef(new Uint8Array(0));
  const counts = useRef<readonly number[]>([]);
  const rows = Math.ceil(pageCount / COLUMNS);
  const shown = useRef({ cut, page });
  shown.current = { cut, page };

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours and sizes follow theme and density
  useEffect(() => {
    let colours = readColours(document.documentElement);
    let drawnAt = 0;
    let key = -1;
    ages.current = new Uint8Array(pageCount);
    const unwatch = watchColours(() => {
      colours = readColours(document.documentElement);
      key = -1;
    });
    const image = new ImageData(COLUMNS, rows);
    const words = new Uint32Array(image.data.buffer);
    const place = new WatchedSize(legend.current!);
    const remove = loop.add(`heat-${id}`, 62, (now) => {
      const found = view();
      if (found === undefined || now - drawnAt < REDRAW_MS || grid.current === null || legend.current === null) return;
      drawnAt = now;
      readAges(found, slot, pageCount, ages.current);
      let sum = shown.current.cut * 7919 + shown.current.page + place.width * 31 + place.height;
      for (let at = 0; at < pageCount; at++) sum = (sum * 31 + ages.current[at]!) | 0;
      if (sum === key) return;
      key = sum;
      counts.current = ageCounts(ages.current, pageCount);
      const palette = ageColours({ hot: colours.rgba.dirty, cold: colours.rgba.clean, stage: colours.rgba.stage, cut: shown.current.cut });
      for (let at = 0; at < words.length; at++) {
        const age = at < pageCount ? ages.current[at]! : ABSENT;
        words[at] = age === ABSENT ? colours.rgba.stage : palette[age]!;
      }
      grid.current.getContext('2d')!.putImageData(image, 0, 0);
      const size = { width: place.width, height: place.height, text: textSizeFor(place.height) };
      if (size.width > 20 && size.height > 20) paintPicture(legend.current, legendPicture(counts.current, shown.current.cut, size), colours, window.devicePixelRatio);
      if (readout.current !== null) readout.current.textContent = sentence(ages.current, counts.current, shown.current);
    }, 'pictures');
    return () => {
      remove();
      place.stop();
      unwatch();
    };
  }, [loop, id, pageCount, slot, view, rows, theme, density]);

  const select = (next: number) => {
    const to = Math.max(0, Math.min(pageCount - 1, next));
    setPage(to);
    store.setState({ selection: entity, selectedPage: to });
  };
  const onGridKey = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS, PageDown: COLUMNS * 16, PageUp: -COLUMNS * 16 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    select(Math.max(0, page) + step);
  };
  const ageOf = (at: number) => (at < 0 ? '' : ageText(ages.current[at] ?? ABSENT));
  return (
    <ChartFrame
      id={id} title={title} entity={entity} readout={readout} table={() => heatTable(counts.current, entity)}
      picture={(size) => gridPicture(grid.current, counts.current, cut, size)}
    >
      <div className="heat">
        <div
          className="heat__grid" role="slider" tabIndex={0} aria-label={`${title}: page`} aria-valuemin={0} aria-valuemax={pageCount - 1} aria-valuenow={Math.max(0, page)}
          aria-valuetext={page < 0 ? 'no page chosen' : `page ${page} at ${formatAddress(RAM_BASE + page * 4096)}, written ${ageOf(page)}`} onKeyDown={onGridKey}
          onPointerDown={(event) => {
            const bounds = event.currentTarget.getBoundingClientRect();
            select(Math.floor(((event.clientY - bounds.top) / bounds.height) * rows) * COLUMNS + Math.floor(((event.clientX - bounds.left) / bounds.width) * COLUMNS));
          }}
        >
          <canvas ref={grid} width={COLUMNS} height={rows} aria-hidden="true" />
          {page >= 0 && <span className="heat__mark" style={{ left: `calc(${((page % COLUMNS) / COLUMNS) * 100}% - 3px)`, top: `calc(${(Math.floor(page / COLUMNS) / rows) * 100}% - 3px)`, width: 10, height: 10 }} />}
        </div>
        <div className="heat__legend">
          <div
            className="heat__histogram" role="slider" tabIndex={0} aria-label={`${title}: dim pages older than`} aria-valuemin={0} aria-valuemax={AGE_MAX} aria-valuenow={cut}
            aria-valuetext={cut === AGE_MAX ? 'nothing dimmed' : `older than ${ageText(cut)} dimmed`}
            onKeyDown={(event) => {
              const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
              if (step === undefined) return;
              event.preventDefault();
              setCut(Math.max(0, Math.min(AGE_MAX, cut + step)));
            }}
            onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); setCut(cutAt(event)); }}
            onPointerMove={(event) => { if (event.buttons === 1) setCut(cutAt(event)); }}
          >
            <canvas ref={legend} aria-hidden="true" />
          </div>
        </div>
      </div>
    </ChartFrame>
  );
}

function cutAt(event: React.PointerEvent): number {
  const bounds = event.currentTarget.getBoundingClientRect();
  return Math.max(0, Math.min(AGE_MAX, Math.floor(((event.clientX - bounds.left) / bounds.width) * (AGE_MAX + 1))));
}

function sentence(ages: Uint8Array, counts: readonly number[], shown: { readonly cut: number; readonly page: number }): string {
  if (shown.page >= 0) return `Page ${grouped(shown.page)} at ${formatAddress(RAM_BASE + shown.page * 4096)}: last written ${ageText(ages[shown.page] ?? ABSENT)}.`;
  const newer = counts.slice(0, shown.cut === AGE_MAX ? AGE_MAX : shown.cut + 1).reduce((sum, count) => sum + count, 0);
  return `${grouped(newer)} pages written in the last ${shown.cut === AGE_MAX ? AGE_MAX : shown.cut + 1} epochs.`;
}

/** Pages by age; bars are square roots of counts, so that few pages stay visible beside many. */
function legendPicture(counts: readonly number[], cut: number, size: PictureSize): Picture {
  const { width, height, text } = size;
  const bottom = height - text * 1.5;
  const most = Math.sqrt(Math.max(1, ...counts));
  const step = width / counts.length;
  const marks: Mark[] = counts.map((count, age) => {
    const tall = count === 0 ? 0 : Math.max(2, (Math.sqrt(count) / most) * (bottom - text * 1.5));
    return { kind: 'rect', x: age * step, y: bottom - tall, width: Math.max(1, step - 1), height: tall, fill: 'dirty', opacity: age > cut ? 0.25 : 1 - 0.65 * Math.sqrt(age / AGE_MAX) };
  });
  const line = (cut + 1) * step - 1;
  marks.push(
    { kind: 'rect', x: 0, y: bottom, width, height: 1, fill: 'rule-strong' },
    { kind: 'rect', x: Math.min(width - 3, line - 1), y: text * 1.2, width: 3, height: bottom - text * 1.2, fill: 'ink' },
    { kind: 'text', x: 0, y: text * 0.6, text: `most: ${grouped(Math.max(0, ...counts))} pages`, ink: 'ink-soft', size: text },
    { kind: 'text', x: 0, y: bottom + text * 0.9, text: 'now', ink: 'ink-soft', size: text },
    { kind: 'text', x: width, y: bottom + text * 0.9, text: `${AGE_MAX} epochs ago or never`, ink: 'ink-soft', size: text, anchor: 'end' },
  );
  return { width, height, marks, spots: [], summary: '' };
}

/** The grid as an image with its legend beside it, for a file. */
function gridPicture(canvas: HTMLCanvasElement | null, counts: readonly number[], cut: number, size: PictureSize): Picture {
  const side = size.height - 16;
  const legend = legendPicture(counts, cut, { ...size, width: size.width - side - 40, height: size.height });
  const moved = legend.marks.map((mark) => (mark.kind === 'rect' || mark.kind === 'text' ? { ...mark, x: mark.x + side + 32 } : mark));
  return {
    width: size.width, height: size.height, spots: [], summary: `${counts.reduce((sum, count) => sum + count, 0)} pages by time since their last write.`,
    marks: [{ kind: 'image', x: 8, y: 8, width: side, height: side, source: canvas, href: () => canvas?.toDataURL('image/png') ?? '' }, ...moved],
  };
}
