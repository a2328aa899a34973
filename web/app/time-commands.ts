/** Commands that travel in virtual time, and those that move the timeline's axis. */
import * as v from 'valibot';
import type { AppState } from '../session/store.ts';
import { panSpan, type TimeSpan, wholeSpan, zoomSpan } from '../timeline/time-axis.ts';
import type { CommandRow } from './commands.ts';

const none = v.object({});
const alive = (state: AppState) => (state.status === 'live' ? '' : 'No run is alive; start again first.');
const hasPast = (state: AppState) => (state.status !== 'live' || state.timeNs > 0 ? alive(state) : 'The run stands at its start.');
const time = v.pipe(v.number(), v.integer('a time is whole nanoseconds'), v.minValue(0, 'a run begins at 0 ns'));

/** What the timeline shows: the stretch that was chosen, or all that the run and its branches know. */
export function shownSpan(state: AppState): TimeSpan {
  return state.timelineView ?? wholeSpan(knownEndNs(state));
}

/** The latest time that any branch has reached. Unit: ns. */
export function knownEndNs(state: Pick<AppState, 'timeNs' | 'furthestNs' | 'branches'>): number {
  return Math.max(state.timeNs, state.furthestNs, ...state.branches.map(({ endNs }) => endNs));
}

export const TIME_ROWS: readonly CommandRow[] = [
  { id: 'rewind', title: 'Rewind to the start', group: 'Run', hotkey: 'h', schema: none, enabledWhen: hasPast, run: ({ actions }) => actions.travelTo(0) },
  { id: 'step-back-event', title: 'Step back to the event before', group: 'Run', hotkey: ',', schema: none, enabledWhen: hasPast, run: ({ actions }) => actions.stepBack('event') },
  { id: 'step-event', title: 'Step to the next event', group: 'Run', hotkey: '.', schema: none, enabledWhen: alive, run: ({ actions }) => actions.stepEvent() },
  { id: 'step-back-instruction', title: 'Step back one instruction', group: 'Run', hotkey: '<', schema: none, enabledWhen: hasPast, run: ({ actions }) => actions.stepBack('instruction') },
  { id: 'step-instruction', title: 'Step one instruction', group: 'Run', hotkey: '>', schema: none, enabledWhen: alive, run: ({ actions }) => actions.stepInstruction() },
  {
    id: 'travel-to', title: 'Travel to a moment', group: 'Run', enabledWhen: alive, schema: v.object({ timeNs: time }),
    run: ({ actions }, { timeNs }) => actions.travelTo(Number(timeNs)),
  },
  {
    id: 'return-to-branch', title: 'Return to a branch that was left', group: 'Run',
    schema: v.object({ branch: v.optional(v.pipe(v.number(), v.integer()), -1), timeNs: v.optional(time) }),
    enabledWhen: (state) => (state.branches.length > 1 ? alive(state) : 'No branch was left: turn a knob in the past and there is one.'),
    run: ({ actions, state }, { branch, timeNs }) => {
      const asked = Number(branch);
      const id = asked >= 0 ? asked : (state().branches.findLast((it) => it.id !== state().branch)?.id ?? -1);
      return actions.returnTo(id, timeNs === undefined ? undefined : Number(timeNs));
    },
  },
  { id: 'share-moment', title: 'Share this moment', group: 'Files', schema: none, enabledWhen: alive, run: ({ actions }) => actions.shareMoment() },
  {
    id: 'timeline-zoom', title: 'Zoom the timeline', group: 'View', enabledWhen: alive,
    schema: v.object({ factor: v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(100)), 2), aroundNs: v.optional(time) }),
    run: ({ actions, state }, { factor, aroundNs }) => {
      const now = state();
      const around = aroundNs === undefined ? now.timeNs : Number(aroundNs);
      actions.patch({ timelineView: zoomSpan(shownSpan(now), { factor: Number(factor), aroundNs: around, endNs: knownEndNs(now) }) });
    },
  },
  {
    id: 'timeline-pan', title: 'Move the timeline', group: 'View', enabledWhen: (state) => (state.timelineView === null ? 'The timeline shows all; zoom it first.' : ''),
    schema: v.object({ part: v.optional(v.pipe(v.number(), v.minValue(-10), v.maxValue(10)), 0.25) }),
    run: ({ actions, state }, { part }) => actions.patch({ timelineView: panSpan(shownSpan(state()), Number(part), knownEndNs(state())) }),
  },
  {
    id: 'timeline-all', title: 'Show the whole timeline', group: 'View', schema: none,
    enabledWhen: (state) => (state.timelineView === null ? 'The timeline shows all.' : ''), run: ({ actions }) => actions.patch({ timelineView: null }),
  },
];
