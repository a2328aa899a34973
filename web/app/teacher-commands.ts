/** Commands for whoever stands on a stage. None of them changes the run. */
import * as v from 'valibot';
import type { AppState, TeacherState } from '../session/store.ts';
import type { CommandContext, CommandRow } from './commands.ts';

const none = v.object({});
const always = () => '';
const alive = (state: AppState) => (state.status === 'live' ? '' : 'No run is alive; start again first.');
/** Wall time between two events when they go by the beat. Unit: ms. */
export const BEAT_MS = 1000;

const patch = ({ actions, state }: CommandContext, change: Partial<TeacherState>) => actions.patch({ teacher: { ...state().teacher, ...change } });
const toggle = (name: 'pointerRing' | 'blackout' | 'notes') => (context: CommandContext) => patch(context, { [name]: !context.state().teacher[name] });

export const TEACHER_ROWS: readonly CommandRow[] = [
  { id: 'freeze', title: 'Freeze the picture (the run goes on)', group: 'View', hotkey: 'p', schema: none, enabledWhen: alive, run: ({ actions, state }) => actions.freeze(!state().teacher.frozen) },
  { id: 'pointer-ring', title: 'Ring around the pointer', group: 'View', hotkey: 'r', schema: none, enabledWhen: always, run: toggle('pointerRing') },
  { id: 'blackout', title: 'Black screen', group: 'View', hotkey: 'b', schema: none, enabledWhen: always, run: toggle('blackout') },
  { id: 'presenter-notes', title: 'Presenter notes in a window', group: 'View', hotkey: 'n', schema: none, enabledWhen: always, run: toggle('notes') },
  {
    id: 'event-beat', title: 'One event per beat', group: 'Run', hotkey: '6', enabledWhen: alive,
    schema: v.object({ ms: v.optional(v.pipe(v.number(), v.minValue(50, 'a beat lasts at least 50 ms'), v.maxValue(60_000)), BEAT_MS) }),
    run: (context, { ms }) => patch(context, { beatMs: context.state().teacher.beatMs > 0 ? 0 : Number(ms) }),
  },
  { id: 'lecture-link', title: 'Copy a lecture link (knobs locked, answers hidden)', group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.shareLecture() },
  {
    id: 'reveal-answers', title: 'Show the hidden answers', group: 'View', hotkey: 'v', schema: none,
    enabledWhen: (state) => (state.teacher.answersHidden ? '' : 'No answers are hidden.'), run: (context) => patch(context, { answersHidden: false }),
  },
  {
    id: 'unlock-knobs', title: 'Unlock the knobs', group: 'Link', schema: none,
    enabledWhen: (state) => (state.teacher.locked ? '' : 'The knobs are not locked.'), run: (context) => patch(context, { locked: false }),
  },
];

/** Said when a knob is turned in a lecture whose knobs are locked. */
export const LOCKED = 'The knobs are locked in this lecture; “Unlock the knobs” is in the list of commands.';
