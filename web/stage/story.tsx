/**
 * The one sentence and the one button. A lab may tell its own story; without one it is the contract's sentence
 * and the first thing that its walkthrough does. A number stands here only as a result that has just been measured.
 */
import { useLayoutEffect, useRef } from 'react';
import { useApp, useAppState, useLab } from '../session/react.ts';
import { runMetrics } from '../session/run-metrics.ts';
import { findVm } from '../session/store.ts';
import { genericStory } from './generic-story.tsx';
import { useAnchor, useLevel } from './scene-react.ts';

/** Smaller and smaller sizes of the sentence (stage.css), 0 = as designed. */
const FITS = ['0', '1', '2', '3'] as const;

/** Sets the sentence as large as its place allows; looks only when text or place differ from `before`. Gives what it looked at. */
function fitSentence(sentence: HTMLElement, before: string): string {
  const place = sentence.parentElement!;
  const now = `${sentence.textContent} ${place.style.width} ${place.style.height} ${document.documentElement.dataset['density']}`;
  if (now === before) return now;
  for (const size of FITS) {
    place.dataset['fit'] = size;
    if (place.scrollHeight <= place.clientHeight + 1) break;
  }
  return now;
}

export function Story() {
  const place = useAnchor<HTMLDivElement>((layout) => layout.story, 'pin');
  const level = useLevel();
  const touring = useAppState((it) => it.tour?.on === true); // its card says what is to be said
  return <div ref={place} className="story" hidden={level !== 'site' || touring}><StoryTold /></div>;
}

/** Sentence and button, wherever a picture puts them. */
export function StoryTold() {
  const { commands, controller } = useApp();
  const lab = useLab();
  const state = useAppState((it) => it);
  const told = lab.story === undefined ? genericStory(state, () => runMetrics(controller)) : lab.story.tell(state);
  const button = state.status === 'failed' ? { id: 'start-again', args: {}, title: 'Start again', primary: true } : told.button;
  const sentence = state.status === 'failed' ? 'The run stopped.'
    : state.status !== 'live' || (findVm(state) === undefined && state.nodes.length === 0) ? 'The machines start.'
    : state.booting !== '' ? state.booting
    : told.sentence;
  const noticed = state.notice !== '';
  const line = useRef<HTMLParagraphElement>(null);
  const fitted = useRef('');
  useLayoutEffect(() => {
    if (line.current !== null) fitted.current = fitSentence(line.current, fitted.current);
  });
  return (
    <>
      {noticed && <p ref={line} className="story__sentence story__notice" role="alert" data-story data-notice>{state.notice}</p>}
      {!noticed && <p ref={line} className="story__sentence" data-story>{sentence}</p>}
      {button.id !== '' && (
        <button
          type="button" className={`button ${button.primary ? 'button--primary' : 'button--edged'}`} data-primary={button.primary}
          disabled={state.status === 'starting' || state.booting !== ''} onClick={(event) => {
            // After a click of the mouse, Space is play and pause again, not this button.
            if (event.detail > 0) event.currentTarget.closest<HTMLElement>('[data-stage]')?.focus({ preventScroll: true });
            void commands.run(button.id, button.args);
          }}
        >
          {button.title}
        </button>
      )}
    </>
  );
}
