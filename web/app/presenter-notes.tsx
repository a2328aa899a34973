/**
 * A second window for the presenter: the step that is on and the next, guess and answer, the clock of the run. It
 * mirrors the page and drives it: its buttons, PageDown and PageUp are the same commands. Closing it is closing the notes.
 */
import { useEffect, useState } from 'react';
import { createPortal } from 'react-dom';
import { useApp, useAppState, useContract, useLab } from '../session/react.ts';
import { GuessBars } from '../tour/guess-bars.tsx';
import { entityOf, primaryLabel, unitOf, Words } from '../tour/told.tsx';
import { presentStep } from '../tour/tour-state.ts';
import { failureSentence, waitSentence, wordsOf } from '../tour/words.ts';
import { Quantity } from '../widgets/quantity.tsx';
import '../tour/tour.css';
import { formatClock, formatRatio } from './quantity.ts';

export function PresenterNotes() {
  const { store, commands } = useApp();
  const theme = useAppState((state) => state.theme);
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
    popup.document.body.className = 'notes';
    popup.document.body.replaceChildren();
    setHome(popup.document.body);
    // The window is named, so a second one would be this one again: both listeners go with it.
    const onKey = (event: KeyboardEvent) => {
      const id = event.key === 'PageDown' ? 'next-step' : event.key === 'PageUp' ? 'previous-step' : '';
      if (id === '' || event.repeat) return;
      event.preventDefault();
      void commands.run(id);
    };
    popup.addEventListener('keydown', onKey);
    popup.addEventListener('pagehide', close);
    return () => {
      popup.removeEventListener('keydown', onKey);
      popup.removeEventListener('pagehide', close);
      popup.close();
    };
  }, [store, commands]);
  useEffect(() => {
    const root = home?.ownerDocument.documentElement;
    if (root === undefined) return;
    if (theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = theme;
  }, [home, theme]);
  return home === null ? null : createPortal(<Notes />, home);
}

function Notes() {
  const { contract, story } = useLab();
  const now = useAppState((state) => ({ timeNs: Math.floor(state.timeNs / 1e6) * 1e6, ratio: state.pace.ratio, paused: state.pace.paused, phase: story?.summary(state) ?? '' }));
  return (
    <main>
      <h1>{contract.title}</h1>
      <p className="number notes__clock" data-entity="run" data-unit="s">{formatClock(now.timeNs).text} virtual, {formatRatio(now.ratio)}, {now.paused ? 'paused' : 'running'}{now.phase !== '' && `, ${now.phase}`}</p>
      <Present />
      <Switches ids={['play-pause', 'freeze', 'blackout', 'reveal-answers', 'reset']} />
      <Steps />
      <h2>Words</h2>
      <dl>{contract.terms.map((row) => <div key={row.term}><dt>{row.term}</dt><dd>{row.meaning}</dd></div>)}</dl>
      <h2>What this leaves out</h2>
      <ul className="notes__list">{contract.leavesOut.map((line) => <li key={line}>{line}</li>)}</ul>
    </main>
  );
}

/** The present step as the audience sees it, with answers, and what comes next. The same commands drive it from here. */
function Present() {
  const { commands } = useApp();
  const { metrics } = useContract();
  const tour = useAppState((state) => state.tour);
  const back = useAppState(() => commands.blockedBecause('previous-step'));
  if (tour === null || !tour.on) return <Switches ids={[tour === null ? 'start-tour' : 'resume-tour']} />;
  const words = wordsOf(tour.language);
  const step = presentStep(tour);
  const next = tour.steps[tour.player.step + 1];
  const { phase } = tour.player;
  const result = phase === 'over' ? tour.player.results.at(-1) : undefined;
  const guess = step === undefined ? undefined : tour.player.guesses[step.id];
  const failure = step === undefined || result === undefined ? '' : failureSentence(step, result, metrics, words);
  return (
    <section className="notes__now" aria-label="The present step" data-notes-step={step?.id ?? 'end'} data-phase={phase}>
      {step !== undefined && <p className="soft">Step <span className="number" data-entity="tour" data-unit="steps">{tour.player.step + 1}&nbsp;/&nbsp;{tour.steps.length}</span></p>}
      <p className="notes__say" lang={tour.language}>{step === undefined ? words.ended : <Words step={step} values={tour.values} metrics={metrics} />}</p>
      {step?.note !== undefined && <p lang={tour.language}>{step.note}</p>}
      {phase === 'waiting' && step?.ask !== undefined && (
        <p lang={tour.language}>{step.ask.question} {guess !== undefined && <>{words.guessed}: <Quantity value={guess} unit={unitOf(metrics, step)} entity={entityOf(metrics, step.ask.metric)} />.</>}</p>
      )}
      {phase === 'running' && step !== undefined && <p className="soft" lang={tour.language} data-entity="run">{waitSentence(step, words, tour.hurrying)}</p>}
      {result?.answer !== undefined && <GuessBars answer={result.answer} entity={entityOf(metrics, result.answer.metric)} words={words} hidden={false} />}
      {failure !== '' && <p className="tour__failure" lang={tour.language} data-entity="run">{failure}</p>}
      <p className="notes__keys">
        <button type="button" className="button button--edged" data-notes-next onClick={() => void commands.run('next-step')} lang={tour.language}>{primaryLabel(tour, words)}</button>
        <button type="button" className="button" aria-disabled={back !== '' || undefined} title={back} onClick={() => void commands.run('previous-step')} lang={tour.language}>{words.back}</button>
        <button type="button" className="button" onClick={() => void commands.run('leave-tour')} lang={tour.language}>{words.leave}</button>
      </p>
      {next !== undefined && <p className="notes__next"><span className="soft">Then: </span><span lang={tour.language} data-notes-following>{plain(next.say)}{next.button !== undefined && ` [${next.button}]`}</span></p>}
    </section>
  );
}

/** All steps; while a tour is on, each is a way to go there. */
function Steps() {
  const { commands } = useApp();
  const { walkthrough } = useLab();
  const tour = useAppState((state) => state.tour);
  const steps = tour?.steps ?? walkthrough.steps;
  const at = tour === null ? -1 : tour.player.step;
  return (
    <>
      <h2>Steps</h2>
      <ol className="notes__steps">
        {steps.map((step, index) => (
          <li key={step.id} aria-current={index === at ? 'step' : undefined} lang={tour?.language}>
            {tour?.on === true
              ? <button type="button" className="button notes__step" onClick={() => void commands.run('go-to-step', { step: step.id })}>{plain(step.say)}</button>
              : plain(step.say)}
            {step.ask !== undefined && <em> {step.ask.question}</em>}
          </li>
        ))}
      </ol>
    </>
  );
}

/** A sentence whose values are not measured yet. */
function plain(say: string): string {
  return say.replace(/\{[a-z0-9-]+\}/g, '…');
}

function Switches({ ids }: { readonly ids: readonly string[] }) {
  const { commands } = useApp();
  return (
    <p className="notes__keys">
      {ids.filter((id) => id !== 'reveal-answers' || commands.blockedBecause(id) === '').map((id) => (
        <button key={id} type="button" className="button button--edged" onClick={() => void commands.run(id)}>{commands.find(id)!.title}</button>
      ))}
    </p>
  );
}
