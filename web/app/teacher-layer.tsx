/** What a teacher has switched on, over the page: pointer ring, blackout, the frozen sign, the beat, the notes. */
import { useEffect, useRef } from 'react';
import { useApp, useAppState } from '../session/react.ts';
import { PresenterNotes } from './presenter-notes.tsx';
import './teacher.css';

export function TeacherLayer() {
  const { commands } = useApp();
  const { frozen, pointerRing, blackout, notes, beatMs } = useAppState((state) => state.teacher);
  return (
    <>
      {frozen && <p className="frozen" role="status" data-no-export>The picture is frozen; the run goes on. <kbd>P</kbd></p>}
      {pointerRing && <PointerRing />}
      {beatMs > 0 && <Beat ms={beatMs} />}
      {notes && <PresenterNotes />}
      {blackout && <Blackout leave={() => void commands.run('blackout')} />}
    </>
  );
}

function PointerRing() {
  const ring = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const follow = (event: PointerEvent) => {
      ring.current!.style.translate = `${event.clientX}px ${event.clientY}px`;
      ring.current!.dataset['placed'] = 'true';
    };
    document.addEventListener('pointermove', follow);
    return () => document.removeEventListener('pointermove', follow);
  }, []);
  return <div ref={ring} className="pointer-ring" aria-hidden="true" data-no-export />;
}

/** All of the screen, so that nobody looks at it; any click or key brings the page back. */
function Blackout({ leave }: { readonly leave: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    button.current?.focus();
    return () => before?.focus();
  }, []);
  return (
    <button
      ref={button} type="button" className="blackout" aria-label="Show the page again" onClick={leave}
      onKeyDown={(event) => {
        event.preventDefault();
        event.stopPropagation();
        leave();
      }}
    />
  );
}

/** One event of the run at each beat; the next waits until the last has been reached. */
function Beat({ ms }: { readonly ms: number }) {
  const { controller, store } = useApp();
  useEffect(() => {
    let timer = 0;
    let ended = false;
    const beat = async () => {
      await controller.session?.stepEvent();
      if (!ended) timer = window.setTimeout(() => void beat(), ms);
    };
    timer = window.setTimeout(() => void beat(), ms);
    // Whoever presses play wants time to flow again.
    const unsubscribe = store.subscribe((state, before) => {
      if (before.pace.paused && !state.pace.paused) store.setState({ teacher: { ...state.teacher, beatMs: 0 } });
    });
    controller.session?.pause();
    return () => {
      ended = true;
      window.clearTimeout(timer);
      unsubscribe();
    };
  }, [controller, store, ms]);
  return <p className="frozen" role="status" data-no-export>One event every <span className="number" data-entity="run" data-unit="s">{ms / 1000}&nbsp;s</span> <kbd>6</kbd></p>;
}
