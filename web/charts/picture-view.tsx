/**
 * Shows a picture and keeps it true: asks a few times a second whether it would look different, draws only
 * then and only while it can be seen, from the one frame loop. Hovering and selecting go through the store.
 */
import { useEffect, useRef } from 'react';
import { useApp, useAppState } from '../session/react.ts';
import { readColours } from '../styles/colours.ts';
import { ChartFrame } from './chart-frame.tsx';
import type { ChartTable } from './chart-table.ts';
import { paintPicture } from './mark-painter.ts';
import { findSpot, type Picture, type PictureSize, type Spot } from './marks.ts';
import { SpotLayer } from './spot-layer.ts';
import { textSizeFor, WatchedSize, watchColours } from '../widgets/surroundings.ts';

/** Least time between two drawings of one picture. Unit: ms. */
const REDRAW_MS = 150;

export interface PictureViewProps {
  readonly id: string;
  readonly title: string;
  readonly help?: string;
  readonly entity: string;
  /** Changes when the picture would look different. Cheap; asked for a few times a second. */
  readonly version: () => string;
  readonly draw: (size: PictureSize) => Picture;
  readonly table: () => ChartTable;
}

export function PictureView(props: PictureViewProps) {
  const { id, title, entity, table } = props;
  const { loop, store } = useApp();
  const density = useAppState((state) => state.density);
  const theme = useAppState((state) => state.theme);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const latest = useRef(props);
  latest.current = props;

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours and sizes follow theme and density
  useEffect(() => {
    let colours = readColours(document.documentElement);
    let picture: Picture | undefined;
    let key = '';
    let drawnAt = 0;
    let active: Spot | undefined;
    let visible = true;
    const say = () => {
      const text = active?.label ?? picture?.summary ?? '';
      if (readout.current !== null && readout.current.textContent !== text) readout.current.textContent = text;
    };
    const activate = (spot: Spot | undefined) => {
      if (active?.key === spot?.key) return;
      active = spot;
      const hovered = spot?.entity ?? '';
      if (store.getState().hovered !== hovered) store.setState({ hovered });
      key = '';
      say();
    };
    const spots = new SpotLayer(layer.current!, activate, (spot) => store.setState({ selection: spot.entity }));
    const element = box.current!;
    const spotAt = (event: PointerEvent) => {
      const bounds = element.getBoundingClientRect();
      return findSpot(picture?.spots ?? [], event.clientX - bounds.left, event.clientY - bounds.top);
    };
    element.onpointermove = (event) => activate(spotAt(event));
    element.onpointerleave = () => activate(undefined);
    element.onpointerdown = (event) => {
      const spot = spotAt(event);
      if (spot !== undefined && spot.entity !== '') store.setState({ selection: spot.entity });
    };
    const unwatch = watchColours(() => {
      colours = readColours(document.documentElement);
      key = '';
    });
    const seen = new IntersectionObserver(([entry]) => {
      visible = entry?.isIntersecting ?? true;
    });
    seen.observe(element);
    const size = new WatchedSize(element);
    const remove = loop.add(`picture-${id}`, 60, (now) => {
      // Out of sight it is drawn once, for its words.
      if ((!visible && key !== '') || now - drawnAt < REDRAW_MS) return;
      const { width, height } = size;
      if (width < 40 || height < 40) return;
      const lit = store.getState().hovered;
      const next = `${latest.current.version()} ${width}×${height} ${lit}`;
      if (next === key) return;
      key = next;
      drawnAt = now;
      picture = latest.current.draw({ width, height, text: textSizeFor(height) });
      paintPicture(canvas.current!, withRings(picture, active, lit), colours, window.devicePixelRatio);
      spots.update(picture.spots);
      if (active !== undefined) active = picture.spots.find((spot) => spot.key === active!.key);
      say();
    }, 'pictures');
    return () => {
      remove();
      size.stop();
      unwatch();
      seen.disconnect();
      spots.destroy();
    };
  }, [loop, store, id, density, theme]);

  return (
    <ChartFrame id={id} title={title} {...(props.help === undefined ? {} : { help: props.help })} entity={entity} table={table} picture={(size) => props.draw(size)} readout={readout}>
      <div className="figure__canvas-box" ref={box}>
        <canvas ref={canvas} className="figure__canvas" aria-hidden="true" />
        <div ref={layer} className="spots" role="group" aria-label={`${title}: parts`} />
      </div>
    </ChartFrame>
  );
}

/** Rings of lit spots are drawn up to this many; beyond, only the one pointed at. */
const RINGS_MAX = 24;

/** The double ring around what is pointed at, and around what is the same thing elsewhere. */
function withRings(picture: Picture, active: Spot | undefined, hovered: string): Picture {
  const same = hovered === '' ? [] : picture.spots.filter((spot) => spot.entity === hovered);
  const lit = active !== undefined ? [active] : same.length <= RINGS_MAX ? same : [];
  if (lit.length === 0) return picture;
  return {
    ...picture,
    marks: [...picture.marks, ...lit.flatMap((spot) => [
      { kind: 'rect' as const, x: spot.x - 1, y: spot.y - 1, width: spot.width + 2, height: spot.height + 2, edge: 'stage' as const },
      { kind: 'rect' as const, x: spot.x - 2, y: spot.y - 2, width: spot.width + 4, height: spot.height + 4, edge: 'ink' as const },
    ])],
  };
}
