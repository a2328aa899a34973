/**
 * The tour's card: what is said, with what was measured in it; the question and the guess; the step's button; what a
 * running step waits for; what it came to. One primary button, the same as the presenter's PageDown.
 */
import { type RefObject, useEffect, useRef } from 'react';
import type { StepResult } from '../../core/protocol/walkthrough-player.ts';
import { sayStep } from '../../core/protocol/walkthrough-player.ts';
import { formatQuantity } from '../app/quantity.ts';
import { useApp, useAppState, useContract } from '../session/react.ts';
import { Bet } from './bet.tsx';
import { GuessBars } from './guess-bars.tsx';
import { entityOf, primaryLabel, unitOf, Words } from './told.tsx';
import { presentStep, type TourState, type TourStep } from './tour-state.ts';
import { failureSentence, type TourWords, waitSentence, wordsOf } from './words.ts';

export function TourCard({ card }: { readonly card: RefObject<HTMLElement | null> }) {
  const tour = useAppState((state) => state.tour);
  return tour === null ? null : <Told tour={tour} card={card} />;
}

function Told({ tour, card }: { readonly tour: TourState; readonly card: RefObject<HTMLElement | null> }) {
  const { commands } = useApp();
  const { notice, hidden, paused } = useAppState((state) => ({ notice: state.notice, hidden: state.teacher.answersHidden, paused: state.pace.paused }));
  const { metrics } = useContract();
  const words = wordsOf(tour.language);
  const step = presentStep(tour);
  const { phase } = tour.player;
  const result = phase === 'over' ? tour.player.results.at(-1) : undefined;
  const failure = step === undefined || result === undefined ? '' : failureSentence(step, result, metrics, words);
  const wait = step === undefined || phase !== 'running' ? '' : waitSentence(step, words, tour.hurrying);
  const asks = step?.ask !== undefined && phase === 'waiting' ? step : undefined;
  const primary = useFocus(card, `${tour.player.step} ${phase}`);
  const back = commands.blockedBecause('previous-step');
  const label = primaryLabel(tour, words);
  return (
    <section
      ref={card} className="tour" lang={tour.language} aria-label={words.tour} data-tour data-step={step?.id ?? 'end'} data-phase={phase} data-no-export
      data-said={`${tour.player.step} ${phase} ${tour.language} ${notice} ${failure} ${tour.hurrying}`}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return;
        event.preventDefault();
        void commands.run('leave-tour');
      }}
    >
      <p className="tour__say" data-tour-say>{step === undefined ? words.ended : <Words step={step} values={tour.values} metrics={metrics} />}</p>
      {asks !== undefined && <Bet key={asks.id} step={asks} unit={unitOf(metrics, asks)} words={words} />}
      {wait !== '' && <p className="tour__wait" data-entity="run">{wait}</p>}
      {tour.busy && <p className="tour__wait">{words.travelling}</p>}
      {result?.answer !== undefined && <GuessBars answer={result.answer} entity={entityOf(metrics, result.answer.metric)} words={words} hidden={hidden} />}
      {failure !== '' && <p className="tour__failure" data-entity="run" data-answer>{failure}</p>}
      {notice !== '' && <p className="tour__failure" role="alert" data-entity="run" data-notice>{notice}</p>}
      <div className="tour__foot">
        <button
          ref={primary} type="button" className={`button ${phase === 'running' ? 'button--edged' : 'button--primary'} tour__primary`}
          data-primary={phase !== 'running'} aria-disabled={tour.busy || (phase === 'running' && tour.hurrying) || undefined} data-tour-next
          onClick={() => void commands.run('next-step')} // the player knows where the tour is; what stands here may be a few frames old
        >
          {label}
        </button>
        <span className="tour__quiet">
          {step !== undefined && <span className="number soft tour__count" data-entity="tour" data-unit="steps">{tour.player.step + 1}&nbsp;/&nbsp;{tour.steps.length}</span>}
          <button type="button" className="button" aria-disabled={back !== '' || undefined} title={back} onClick={() => void commands.run('previous-step')}>{words.back}</button>
          <button type="button" className="button" onClick={() => void commands.run('leave-tour')}>{words.leave}</button>
        </span>
      </div>
      <Spoken tour={tour} step={step} words={words} wait={wait} failure={failure} hidden={hidden} result={result} paused={paused} />
    </section>
  );
}

/** The same for who listens: told when the step or what became of it changes, not with every value. */
function Spoken({ tour, step, words, wait, failure, hidden, result, paused }: {
  readonly tour: TourState; readonly step: TourStep | undefined; readonly words: TourWords; readonly wait: string; readonly failure: string;
  readonly hidden: boolean; readonly result: StepResult | undefined; readonly paused: boolean;
}) {
  const told = useRef({ key: '', text: '' });
  const key = `${tour.player.step} ${tour.player.phase} ${tour.language} ${hidden} ${result?.holds} ${paused && tour.busy}`;
  if (told.current.key !== key) {
    const show = (value: number, unit: string) => (hidden ? words.hidden : formatQuantity(value, unit).text);
    const said = step === undefined ? words.ended : sayStep(step, { metrics: tour.values }, show);
    const answer = result?.answer === undefined ? '' : `${words.measured}: ${show(result.answer.value, result.answer.unit)}.`;
    const { phase } = tour.player;
    const parts = phase === 'waiting' ? [said, step?.ask?.question ?? ''] : phase === 'running' ? [step?.do === undefined ? said : '', wait] : [answer, hidden ? '' : failure];
    told.current = { key, text: (step === undefined ? [said] : parts).filter((part) => part !== '').join(' ') };
  }
  return <p className="visually-hidden" aria-live="polite" data-tour-spoken>{told.current.text}</p>;
}

/** Keeps the focus in the card from step to step when it is there, or nowhere; gives the primary button's place. */
function useFocus(card: RefObject<HTMLElement | null>, place: string): RefObject<HTMLButtonElement | null> {
  const primary = useRef<HTMLButtonElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with every step and phase
  useEffect(() => {
    const now = document.activeElement;
    const isElsewhere = now !== null && now !== document.body && card.current?.contains(now) !== true && now.closest('.header') === null;
    if (isElsewhere) return;
    const field = card.current?.querySelector<HTMLElement>('[data-guess]') ?? primary.current;
    field?.focus({ preventScroll: true });
  }, [place]);
  return primary;
}
