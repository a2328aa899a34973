/**
 * A second window for the presenter: the walkthrough's steps with what to say, what happens now, and the
 * clock of the run. It mirrors the page; closing it is closing the notes.
 */
import { useEffect, useState } from 'react';
import { createPortal } from 'react-dom';
import { useApp, useAppState, useLab } from '../session/react.ts';
import { formatClock, formatRatio } from './quantity.ts';

export function PresenterNotes() {
  const { store } = useApp();
  const [home, setHome] = useState<HTMLElement | null>(null);
  useEffect(() => {
    const close = () => store.setState({ teacher: { ...store.getState().teacher, notes: false } });
    const popup = window.open('', 'glasshouse-notes', 'popup,width=520,height=720');
    if (popup === null) {
      store.setState({ notice: 'The browser did not allow a second window; allow pop-ups for this page and try again.' });
      close();
      return undefined;
    }
    popup.document.title = 'Glasshouse, presenter notes';
    popup.document.documentElement.lang = 'en';
    popup.document.head.replaceChildren(...[...document.querySelectorAll('link[rel=stylesheet], style')].map((node) => popup.document.importNode(node, true)));
    for (const link of popup.document.querySelectorAll('link')) link.href = new URL(link.getAttribute('href') ?? '', location.href).href;
    popup.document.documentElement.dataset['theme'] = document.documentElement.dataset['theme'] ?? '';
    popup.document.body.className = 'notes';
    popup.document.body.replaceChildren();
    setHome(popup.document.body);
    popup.addEventListener('pagehide', close);
    return () => {
      popup.removeEventListener('pagehide', close);
      popup.close();
    };
  }, [store]);
  return home === null ? null : createPortal(<Notes />, home);
}

function Notes() {
  const { commands } = useApp();
  const { contract, walkthrough, story } = useLab();
  const now = useAppState((state) => ({ timeNs: Math.floor(state.timeNs / 1e6) * 1e6, ratio: state.pace.ratio, paused: state.pace.paused, phase: story?.summary(state) ?? '' }));
  return (
    <main>
      <h1>{contract.title}</h1>
      <p className="number" data-entity="run" data-unit="s">{formatClock(now.timeNs).text} virtual, {formatRatio(now.ratio)}, {now.paused ? 'paused' : 'running'}{now.phase !== '' && `, ${now.phase}`}</p>
      <p className="notes__keys">
        {(['play-pause', 'freeze', 'blackout', 'reset'] as const).map((id) => (
          <button key={id} type="button" className="button button--edged" onClick={() => void commands.run(id)}>{commands.find(id)!.title}</button>
        ))}
      </p>
      <h2>Steps</h2>
      <ol className="notes__steps">
        {walkthrough.steps.map((step) => (
          <li key={step.id}><strong>{step.say}</strong>{step.ask !== undefined && <em> Ask: {step.ask.question}</em>}</li>
        ))}
      </ol>
      <h2>Words</h2>
      <dl>{contract.terms.map((row) => <div key={row.term}><dt>{row.term}</dt><dd>{row.meaning}</dd></div>)}</dl>
      <h2>What this leaves out</h2>
      <ul className="notes__steps">{contract.leavesOut.map((line) => <li key={line}>{line}</li>)}</ul>
    </main>
  );
}
