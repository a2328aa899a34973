/**
 * The player of walkthroughs, without a clock or a screen: told what is to be seen now (virtual time, events,
 * metrics), it says which step is on, what to show, which command to give, when the step is over and whether
 * what it promised came true. The page, the browser's tests and the command line play through this one file.
 *
 *   waiting ── begin() ──▶ running ── until holds ──▶ over ── next() ──▶ waiting of the next step … ended
 *      (asks, button)        │                          (expect holds or not)
 *                            └── too long in virtual time ──▶ over, stuck
 */
import { assert } from '../base/assert.ts';
import type { Command } from './command.ts';
import type { Walkthrough, WalkthroughCondition, WalkthroughStep } from './walkthrough.ts';

/** What can be seen of a run at one moment. */
export interface WalkthroughView {
  readonly timeNs: number;
  /** Timeline events since the start of the run, or at least since the step began. */
  readonly events: readonly { readonly timeNs: number; readonly kind: string }[];
  /** By id, in the units of the contract; missing: not measured. */
  readonly metrics: Readonly<Record<string, { readonly value: number; readonly unit: string }>>;
}

/** Where a step stands. */
export type StepPhase = 'waiting' | 'running' | 'over';

/** Virtual time after a step's condition in which its promise may still come true: two samples. Unit: ns. */
const SETTLE_NS = 2_000_000;

const PLACEHOLDER = /\{([a-z0-9-]+)\}/g;

/** What a step came to. */
export interface StepResult {
  readonly id: string;
  readonly beganAtNs: number;
  readonly endedAtNs: number;
  readonly holds: boolean;
  readonly found: string; // one sentence about what was expected and what was found
  /** The metric that the step expects something of, as it was when the step ended. */
  readonly measured?: { readonly metric: string; readonly value: number; readonly unit: string };
  /** What was guessed and what it was, when a question is answered here; `guess` is missing when nobody guessed. */
  readonly answer?: {
    readonly metric: string;
    readonly guess?: number;
    readonly value: number;
    readonly unit: string;
  };
}

/** The player's whole state: plain data, so that a page can leave and resume. */
export interface PlayerState {
  readonly lab: string;
  readonly step: number; // position; the number of steps when it has ended
  readonly phase: StepPhase;
  readonly beganAtNs: number;
  /** What was guessed, by the id of the asking step, in the metric's unit. */
  readonly guesses: Readonly<Record<string, number>>;
  readonly results: readonly StepResult[];
}

/** Virtual time that passes before the first step: the guests have booted. Unit: ns. */
export const FIRST_STEP_NS = 100_000_000;

/** Longest virtual time of one step, when its condition does not come true. Unit: ns. */
export const STEP_NS_MAX = 60_000_000_000;

/** A player at the first step. */
export function startPlayer(walkthrough: Walkthrough): PlayerState {
  assert(walkthrough.steps.length > 0, 'a walkthrough has a step');
  return {
    lab: walkthrough.lab,
    step: 0,
    phase: 'waiting',
    beganAtNs: 0,
    guesses: {},
    results: [],
  };
}

/** The present step; undefined when the walkthrough has ended. */
export function findStep(
  walkthrough: Walkthrough,
  state: PlayerState,
): WalkthroughStep | undefined {
  return walkthrough.steps[state.step];
}

/** Has every step been played? */
export function hasEnded(walkthrough: Walkthrough, state: PlayerState): boolean {
  return state.step >= walkthrough.steps.length;
}

/** Takes a prediction, in the metric's unit; the last one before the step begins counts. */
export function guess(walkthrough: Walkthrough, state: PlayerState, value: number): PlayerState {
  const step = findStep(walkthrough, state);
  assert(
    step?.ask !== undefined && state.phase === 'waiting',
    'a guess comes before a step that asks begins',
  );
  return { ...state, guesses: { ...state.guesses, [step.id]: value } };
}

/** The step whose question is answered at the end of this one; undefined without one. */
export function findQuestion(
  walkthrough: Walkthrough,
  step: WalkthroughStep,
): WalkthroughStep | undefined {
  return walkthrough.steps.find(
    (it) => it.ask !== undefined && (it.ask.answeredBy ?? it.id) === step.id,
  );
}

/**
 * Begins the step at the view's time. `command` is to be given to the run before virtual time goes on; it is
 * missing when the step only watches. Such a step begins where the one before ended: the run may have gone on
 * while somebody was still speaking, and what happened meanwhile counts.
 */
export function beginStep(
  walkthrough: Walkthrough,
  state: PlayerState,
  view: WalkthroughView,
): { readonly state: PlayerState; readonly command?: Command } {
  const step = findStep(walkthrough, state);
  assert(step !== undefined && state.phase === 'waiting', 'a step that waits begins');
  const before = state.results.at(-1)?.endedAtNs;
  const beganAtNs =
    step.do === undefined && before !== undefined ? Math.min(before, view.timeNs) : view.timeNs;
  const begun: PlayerState = { ...state, phase: 'running', beganAtNs };
  return step.do === undefined ? { state: begun } : { state: begun, command: step.do };
}

/** The step's command was logged at this time: the step began there, and can be begun again from there. */
export function loggedStep(state: PlayerState, atNs: number): PlayerState {
  assert(state.phase === 'running' && atNs >= state.beganAtNs, 'a command is logged after it is given');
  return { ...state, beganAtNs: atNs };
}

/** The command of the step was refused: the step is over, and has failed. */
export function refuseStep(
  walkthrough: Walkthrough,
  state: PlayerState,
  view: WalkthroughView,
  sentence: string,
): PlayerState {
  return endStep(walkthrough, state, view, {
    holds: false,
    found: `its command was refused: ${sentence}`,
  });
}

/** Looks at the run: a step whose condition holds, or can no longer, is over. Gives the same state when nothing changed. */
export function watch(
  walkthrough: Walkthrough,
  state: PlayerState,
  view: WalkthroughView,
): PlayerState {
  const step = findStep(walkthrough, state);
  if (step === undefined || state.phase !== 'running') return state;
  if (step.until !== undefined && !conditionHolds(step.until, state, view)) {
    if (view.timeNs - state.beganAtNs < STEP_NS_MAX) return state;
    const found = `${sayCondition(step.until, view)} did not come true within ${STEP_NS_MAX / 1e9} s of virtual time`;
    return endStep(walkthrough, state, view, { holds: false, found });
  }
  // What is told of events and what is sampled do not come at once: promise and answer have a moment to come.
  const settled = step.until === undefined ? 0 : cameTrueAt(step.until, state, view) + SETTLE_NS;
  // A promise about a metric that is not measured here never comes true: that must end, too.
  const mayWait = view.timeNs < settled && view.timeNs - state.beganAtNs < STEP_NS_MAX;
  if (mayWait && !isComplete(walkthrough, step, state, view)) return state;
  if (step.expect === undefined)
    return endStep(walkthrough, state, view, { holds: true, found: '' });
  const holds = conditionHolds(step.expect, state, view);
  return endStep(walkthrough, state, view, { holds, found: sayCondition(step.expect, view) });
}

/** Does what the step expects hold, and is what it answers measured? */
function isComplete(
  walkthrough: Walkthrough,
  step: WalkthroughStep,
  state: PlayerState,
  view: WalkthroughView,
): boolean {
  const asked = findQuestion(walkthrough, step)?.ask?.metric;
  if (asked !== undefined && view.metrics[asked] === undefined) return false;
  return step.expect === undefined || conditionHolds(step.expect, state, view);
}

/** Goes to the next step, which waits to begin. */
export function nextStep(state: PlayerState): PlayerState {
  assert(state.phase === 'over', 'the step is over');
  return { ...state, step: state.step + 1, phase: 'waiting' };
}

/** Goes back to an earlier step, as after a rewind; later results are forgotten. */
export function goToStep(walkthrough: Walkthrough, state: PlayerState, step: number): PlayerState {
  assert(step >= 0 && step < walkthrough.steps.length, 'a step of the walkthrough');
  const isBefore = (id: string) => walkthrough.steps.findIndex((it) => it.id === id) < step;
  const results = state.results.filter(({ id }) => isBefore(id));
  const guesses = Object.fromEntries(
    Object.entries(state.guesses).filter(([id]) => isBefore(id)),
  );
  return { ...state, step, phase: 'waiting', guesses, results };
}

/**
 * Follows a run that somebody took back to an earlier time, or started again: the step that was on then runs, and
 * what came after is forgotten. Before the first step began, the first one waits.
 */
export function followBack(
  walkthrough: Walkthrough,
  state: PlayerState,
  timeNs: number,
): PlayerState {
  const began = state.results.map((it) => it.beganAtNs);
  if (state.phase === 'running') began.push(state.beganAtNs);
  const step = began.findLastIndex((it) => it <= timeNs);
  if (step < 0) return goToStep(walkthrough, state, 0);
  // What was guessed before the step began stands: the question is not asked again.
  const guesses = state.guesses;
  return {
    ...goToStep(walkthrough, state, step),
    guesses,
    phase: 'running',
    beganAtNs: began[step]!,
  };
}

/** The metrics that a sentence names as {metric}, in order, each once. */
export function metricsNamed(say: string): readonly string[] {
  return [...new Set([...say.matchAll(PLACEHOLDER)].map(([, id]) => id!))];
}

/** A sentence cut at its {metric} placeholders: words, and ids of metrics. */
export function sayParts(say: string): readonly ({ words: string } | { metric: string })[] {
  // `split` with a group gives words and ids in turn.
  const pieces = say.split(PLACEHOLDER);
  return pieces
    .map((piece, index) => (index % 2 === 0 ? { words: piece } : { metric: piece }))
    .filter((part) => !('words' in part) || part.words !== '');
}

/** A sentence, every {metric} replaced by what `show` makes of its value; '–' while not measured. */
export function sayStep(
  step: Pick<WalkthroughStep, 'say'>,
  view: Pick<WalkthroughView, 'metrics'>,
  show: (value: number, unit: string) => string,
): string {
  return sayParts(step.say)
    .map((part) => {
      if ('words' in part) return part.words;
      const metric = view.metrics[part.metric];
      return metric === undefined ? '–' : show(metric.value, metric.unit);
    })
    .join('');
}

/** Does a condition hold at this moment of the present step? A metric that is not measured holds nothing. */
export function conditionHolds(
  condition: WalkthroughCondition,
  state: PlayerState,
  view: WalkthroughView,
): boolean {
  switch (condition.kind) {
    case 'time':
      return view.timeNs - state.beganAtNs >= condition.afterNs;
    case 'event':
      return view.events.some(
        ({ kind, timeNs }) => kind === condition.event && timeNs >= state.beganAtNs,
      );
    case 'metric': {
      const value = view.metrics[condition.metric]?.value;
      if (value === undefined || Number.isNaN(value)) return false;
      return condition.is === 'at-least' ? value >= condition.value : value <= condition.value;
    }
  }
}

/** A condition and what was found, in one sentence. */
export function sayCondition(condition: WalkthroughCondition, view: WalkthroughView): string {
  switch (condition.kind) {
    case 'time':
      return `${condition.afterNs} ns of virtual time`;
    case 'event':
      return `an event '${condition.event}'`;
    case 'metric': {
      const { metric, is, value } = condition;
      const found = view.metrics[metric];
      const unit = found === undefined || found.unit === '' ? '' : ` ${found.unit}`;
      const measured = found === undefined ? 'is not measured' : `is ${found.value}${unit}`;
      return `${metric} ${measured}, expected ${is === 'at-least' ? 'at least' : 'at most'} ${value}${unit}`;
    }
  }
}

function endStep(
  walkthrough: Walkthrough,
  state: PlayerState,
  view: WalkthroughView,
  result: { readonly holds: boolean; readonly found: string },
): PlayerState {
  const step = findStep(walkthrough, state);
  assert(step !== undefined && state.phase === 'running', 'a step that runs ends');
  const { beganAtNs, guesses } = state;
  const question = findQuestion(walkthrough, step);
  const metric = question?.ask?.metric ?? '';
  const measured = view.metrics[metric];
  const guessed = question === undefined ? undefined : guesses[question.id];
  const answer =
    measured === undefined
      ? {}
      : { answer: { metric, ...measured, ...(guessed === undefined ? {} : { guess: guessed }) } };
  const ended: StepResult = {
    id: step.id,
    beganAtNs,
    endedAtNs: cameTrueAt(step.until, state, view),
    ...result,
    ...measuredOf(step.expect, view),
    ...answer,
  };
  return { ...state, phase: 'over', results: [...state.results, ended] };
}

/** When a condition came true, as closely as the view tells; the view's time when it did not. */
function cameTrueAt(
  condition: WalkthroughCondition | undefined,
  state: PlayerState,
  view: WalkthroughView,
): number {
  if (condition === undefined || !conditionHolds(condition, state, view)) return view.timeNs;
  if (condition.kind === 'time') return state.beganAtNs + condition.afterNs;
  if (condition.kind === 'metric') return view.timeNs;
  const times = view.events
    .filter(({ kind, timeNs }) => kind === condition.event && timeNs >= state.beganAtNs)
    .map(({ timeNs }) => timeNs);
  return Math.min(view.timeNs, ...times);
}

function measuredOf(
  expected: WalkthroughCondition | undefined,
  view: WalkthroughView,
): Pick<StepResult, 'measured'> {
  if (expected?.kind !== 'metric') return {};
  const found = view.metrics[expected.metric];
  return found === undefined ? {} : { measured: { metric: expected.metric, ...found } };
}
