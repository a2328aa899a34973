/** Commands of the tour. The player itself comes lazily, with the first of them. */
import * as v from 'valibot';
import type { CommandRow } from '../app/commands.ts';
import type { AppState } from '../session/store.ts';
import { LANGUAGES, languageName } from './narration-files.ts';
import { presentStep } from './tour-state.ts';

const none = v.object({});
const alive = (state: AppState) => (state.status === 'live' ? '' : 'No run is alive; start again first.');
const on = (state: AppState) => (state.tour?.on === true ? '' : 'No tour is on; “Start the tour” begins one.');
const canGoBack = (state: AppState) => {
  const { tour } = state;
  if (tour?.on !== true) return on(state);
  if (tour.busy) return 'The run is on its way.';
  return tour.player.step === 0 && tour.player.phase === 'waiting' ? 'This is the first step.' : '';
};
const isAsked = (state: AppState) => {
  const { tour } = state;
  if (tour?.on !== true) return on(state);
  return tour.player.phase === 'waiting' && presentStep(tour)?.ask !== undefined ? '' : 'Nothing is asked now.';
};

export const TOUR_ROWS: readonly CommandRow[] = [
  { id: 'start-tour', title: 'Start the tour', group: 'Help', schema: none, enabledWhen: alive, run: ({ actions }) => actions.tour({ kind: 'start' }) },
  { id: 'next-step', title: 'Tour: go on', group: 'Help', hotkey: 'PageDown', schema: none, enabledWhen: alive, run: ({ actions }) => actions.tour({ kind: 'next' }) },
  { id: 'previous-step', title: 'Tour: go back', group: 'Help', hotkey: 'PageUp', schema: none, enabledWhen: canGoBack, run: ({ actions }) => actions.tour({ kind: 'previous' }) },
  { id: 'leave-tour', title: 'Leave the tour', group: 'Help', hotkey: 'Escape', schema: none, enabledWhen: on, run: ({ actions }) => actions.tour({ kind: 'leave' }) },
  {
    id: 'resume-tour', title: 'Resume the tour', group: 'Help', schema: none,
    enabledWhen: (state) => (state.tour === null ? 'No tour was left.' : state.tour.on ? 'The tour is on.' : ''),
    run: ({ actions }) => actions.tour({ kind: 'resume' }),
  },
  {
    id: 'go-to-step', title: 'Go to a step of the tour', group: 'Help', enabledWhen: on,
    schema: v.object({ step: v.union([v.pipe(v.number(), v.integer(), v.minValue(1, 'steps are counted from 1')), v.string()], 'must be a step’s number or id') }),
    run: ({ actions }, { step }) => actions.tour({ kind: 'go-to', step: step as number | string }),
  },
  {
    id: 'answer', title: 'Answer the tour’s question', group: 'Help', enabledWhen: isAsked,
    schema: v.object({ value: v.pipe(v.number('a guess is a number'), v.finite('a guess is finite'), v.minValue(0, 'a guess is 0 or more')) }),
    run: ({ actions }, { value }) => actions.tour({ kind: 'answer', value: Number(value) }),
  },
  {
    id: 'narration-language', title: 'Language of the tour', group: 'Help', enabledWhen: () => '',
    schema: v.object({ language: v.pipe(v.string(), v.regex(/^[a-z]{2,3}(-\w+)*$/i, 'must be a language tag such as “de”')) }),
    run: ({ actions }, { language }) => actions.tour({ kind: 'language', language: String(language) }),
  },
  ...LANGUAGES.map((language): CommandRow => ({
    id: `narration-${language}`, title: `Tour: ${languageName(language)}`, group: 'Help', schema: none,
    enabledWhen: () => '', run: ({ actions }) => actions.tour({ kind: 'language', language }),
  })),
  { id: 'open-narration', title: 'Open a narration of your own', group: 'Files', schema: none, enabledWhen: alive, run: ({ actions }) => actions.tour({ kind: 'open-narration' }) },
];

/** The commands of the page's menu. */
export const TOUR_MENU: readonly string[] = ['start-tour', ...LANGUAGES.map((language) => `narration-${language}`), 'open-narration'];
