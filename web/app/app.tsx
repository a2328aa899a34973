/** The page: header, stage, what has been opened around it, transport. Panels come in lazily. */
import { lazy, Suspense, useEffect, useLayoutEffect, useRef } from 'react';
import { Strip } from '../charts/strip.tsx';
import { NewsContext, useApp, useAppState, useContract } from '../session/react.ts';
import { Stage } from '../stage/stage.tsx';
import type { StageScene } from '../stage/stage-scene.ts';
import { Panels } from '../panels/panels.tsx';
import { captionOf } from './caption.ts';
import { Header } from './header.tsx';
import { ScrubStrip } from '../timeline/scrub-strip.tsx';
import { bindHotkeys } from './hotkeys.ts';
import { bindHoverLight } from './hover-light.ts';
import { Transport } from './transport.tsx';
import './app.css';

const TeacherLayer = lazy(() => import('./teacher-layer.tsx').then((it) => ({ default: it.TeacherLayer })));
const TourLayer = lazy(() => import('../tour/tour-layer.tsx').then((it) => ({ default: it.TourLayer })));
const Dialogs = lazy(() => import('../panels/dialogs.tsx').then((it) => ({ default: it.Dialogs })));

export function App({ scene }: { readonly scene: StageScene }) {
  const { commands, store } = useApp();
  const theme = useAppState((state) => state.theme);
  const density = useAppState((state) => state.density);
  const timeline = useAppState((state) => state.panels.timeline);
  const dialog = useAppState((state) => state.dialog);
  const teaching = useAppState((state) => state.teacher.frozen || state.teacher.pointerRing || state.teacher.blackout || state.teacher.notes || state.teacher.beatMs > 0);
  const touring = useAppState((state) => state.tour?.on === true);
  const { locked, answersHidden } = useAppState((state) => state.teacher);
  useEffect(() => bindHotkeys(commands), [commands]);
  useEffect(() => bindHoverLight(store), [store]);
  const title = useContract().title;
  useEffect(() => {
    document.title = `${title} – Glasshouse`;
  }, [title]);
  useEffect(() => {
    document.documentElement.dataset['answers'] = answersHidden ? 'hidden' : 'shown';
    document.documentElement.dataset['locked'] = String(locked);
  }, [answersHidden, locked]);
  // Before the effects of what is drawn, which read colours and sizes from the page.
  useLayoutEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    document.documentElement.dataset['density'] = density;
  }, [theme, density]);
  const main = (
    <div className="main__picture">
      <Stage scene={scene} />
      <Strip />
    </div>
  );
  return (
    <div className="app">
      <Header scene={scene} />
      {touring && <Suspense fallback={null}><TourLayer /></Suspense>}
      <main className="main" onDragOver={(event) => event.preventDefault()}>
        <Panels>{main}</Panels>
      </main>
      <NewsContext value="around">
        {!timeline && <ScrubStrip />}
        <Transport scene={scene} />
      </NewsContext>
      <section id="popups" aria-label="Menus" />
      <Summary />
      <PrintCaption />
      {teaching && <Suspense fallback={null}><TeacherLayer /></Suspense>}
      {dialog !== '' && <Suspense fallback={null}><Dialogs close={() => store.setState({ dialog: '' })} /></Suspense>}
    </div>
  );
}

/** Stands on paper only: lab, seed, time and fidelity of what was printed. */
function PrintCaption() {
  const { store } = useApp();
  const line = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    const fill = () => {
      line.current!.textContent = `${captionOf(store.getState(), store.getState().lab.contract.title)} · ${location.href}`;
    };
    window.addEventListener('beforeprint', fill);
    return () => window.removeEventListener('beforeprint', fill);
  }, [store]);
  return <p className="print-caption" ref={line} />;
}

/** One sentence on where the run is, for who does not see the picture. */
function Summary() {
  const sentence = useAppState((state) => {
    const told = state.lab.story?.summary(state) ?? '';
    if (told !== '') return told;
    const host = state.hosts.find((it) => it.vms.length > 0);
    const vm = host?.vms[0];
    return host === undefined || vm === undefined ? 'No VM is running.' : `${vm.name} is ${vm.state} on ${host.name}.`;
  });
  return <p className="visually-hidden" aria-live="polite" data-summary>{sentence}</p>;
}
