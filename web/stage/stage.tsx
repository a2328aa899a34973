/**
 * The stage: one canvas for what is made of thousands of marks (pages, tiles), and real elements for
 * what can be pointed at, focused, dragged and turned. The camera moves both.
 */
import { lazy, Suspense, useEffect, useMemo, useRef } from 'react';
import { useApp, useAppState, useLab } from '../session/react.ts';
import { findMigration } from '../session/store.ts';
import { readColours } from '../styles/colours.ts';
import { HostMark } from './host-mark.tsx';
import { FileMark } from './file-mark.tsx';
import { knobsAreShown } from './knobs-shown.ts';
import { LinkMark } from './link-mark.tsx';
import { columnsOf } from './stage-layout.ts';
import { SceneContext } from './scene-react.ts';
import { bindCamera } from './stage-camera.ts';
import { bindRoving } from './roving.ts';
import { StagePainter } from './stage-painter.ts';
import type { StageScene } from './stage-scene.ts';
import { hostAt, shapeOf, shapeWith } from './stage-shape.ts';
import { QueueMark } from './queue-mark.tsx';
import { Story } from './story.tsx';
import { PageMarker } from './page-marker.tsx';
import './stage.css';

const FlowStage = lazy(() => import('./flow/flow-stage.tsx').then((it) => ({ default: it.FlowStage })));

const SiteStage = lazy(() => import('./site/site-stage.tsx').then((it) => ({ default: it.SiteStage })));

/** The lab's one large picture. */
export function Stage({ scene }: { readonly scene: StageScene }) {
  const { picture } = useLab().view.stage;
  if (picture === 'flow') return <Suspense fallback={<section className="stage" data-stage />}><FlowStage /></Suspense>;
  if (picture === 'site') return <Suspense fallback={<section className="stage" data-stage />}><SiteStage /></Suspense>;
  return <Memories scene={scene} />;
}

/** Maps of pages side by side, and what is between them. */
function Memories({ scene }: { readonly scene: StageScene }) {
  const parts = useApp();
  const { controller, loop, store } = parts;
  const element = useRef<HTMLElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const lab = useLab();
  const hosts = useAppState((state) => state.hosts.map((host) => host.id).join(' '));
  const shape = useMemo(() => shapeWith(shapeOf(lab), hosts === '' ? [] : hosts.split(' ').map(Number)), [lab, hosts]);
  const compact = useAppState((state) => findMigration(state) !== undefined && state.lab.view.strip.some(({ view }) => view === 'migration-graph'));
  const large = useAppState((state) => state.density === 'projector');
  const knobs = useAppState(knobsAreShown);
  const theme = useAppState((state) => state.theme);
  const pageCount = useAppState((state) => state.hosts.flatMap((host) => host.vms)[0]?.pageCount ?? 16_384);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme or density must read the colours again
  useEffect(() => {
    const painter = new StagePainter(canvas.current!, scene, controller);
    const recolour = () => painter.setColours(readColours(document.documentElement));
    recolour();
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', recolour);
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) scene.setSize(Math.floor(entry.contentRect.width), Math.floor(entry.contentRect.height));
    });
    observer.observe(element.current!);
    const unbind = bindCamera(element.current!, scene, painter, parts);
    const unrove = bindRoving(element.current!);
    const remove = loop.add('stage', 11, painter.draw);
    return () => {
      dark.removeEventListener('change', recolour);
      observer.disconnect();
      unbind();
      unrove();
      remove();
    };
  }, [scene, controller, loop, parts, theme]);

  useEffect(() => {
    const columns = columnsOf(pageCount);
    scene.setShape({ rows: Math.ceil(pageCount / columns), columns, compact, large, knobs, shape });
  }, [scene, pageCount, compact, large, knobs, shape]);
  const sides = ([0, 1] as const).map((side) => ({ side, it: side === 0 ? shape.left : shape.right }));

  return (
    <SceneContext value={scene}>
      <section
        ref={element} className="stage" aria-label="Stage" data-stage tabIndex={-1}
        onPointerDown={(event) => {
          if (event.target === event.currentTarget || event.target === canvas.current) store.setState({ selection: '', selectedPage: -1 });
        }}
      >
        <canvas ref={canvas} className="stage__canvas" aria-hidden="true" />
        {sides.map(({ side, it }) => (it === 'nothing' ? null
          : it.map === 'file' ? <FileMark key={side} side={side} host={it.host} />
          : <HostMark key={side} side={side} id={it.host} />))}
        {shape.between === 'link' && <LinkMark />}
        {shape.between === 'queue' && <QueueMark host={hostAt(shape, 0)} />}
        <PageMarker />
        <Story />
      </section>
    </SceneContext>
  );
}
