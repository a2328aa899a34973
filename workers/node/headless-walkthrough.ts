/**
 * `headless walkthrough`: plays a lab's walkthrough in virtual time through the coordinator, with the same
 * player as the page. Nobody guesses and nobody waits: each step begins as soon as the one before is over.
 */
import { writeFileSync } from 'node:fs';
import { findContract, findWalkthrough, WALKTHROUGHS } from '../../core/mechanisms/catalog.ts';
import { LAB_GUESTS } from '../../core/protocol/lab-guests.ts';
import type { Scenario } from '../../core/protocol/scenario.ts';
import type { Walkthrough } from '../../core/protocol/walkthrough.ts';
import {
  beginStep,
  FIRST_STEP_NS,
  findStep,
  hasEnded,
  nextStep,
  type PlayerState,
  refuseStep,
  startPlayer,
  type WalkthroughView,
  watch,
} from '../../core/protocol/walkthrough-player.ts';
import { judge } from '../../core/world/index.ts';
import { WORKER_COUNT_MAX } from '../run-plan.ts';
import { planner } from '../world.ts';
import { readInteger, readKnob, suggestion } from './arguments.ts';
import { advanceToBegin, readLabGuest } from './lab-begin.ts';
import { checkWritable, optional, orBadInput, readOptions } from './options.ts';
import type { HeadlessRun } from './run-session.ts';
import { startHeadlessRun } from './run-session.ts';
import { BadInput, showFailure } from './terminal.ts';

/** What `walkthrough --help` prints. */
export const walkthroughHelp = `usage: npm run -s headless -- walkthrough <slug> [options]

  --set knob=value     a knob at the start; repeatable
  --seed n             0 … 4294967295, default 1
  --guest id           a real system with a load in place of the lab's own guest: ${LAB_GUESTS.map(({ id }) => id).join(', ')}; the first
                       step begins when its load is on
  --workers n          worker threads, 1 … ${WORKER_COUNT_MAX}
  --report file.json   writes the report there, else it goes to stdout

Plays the lab's walkthrough step by step in virtual time. Exit status: 0 when every step
came to its end and what it expects came true, 1 when not, 2 for bad input.
`;

/** Virtual time between two looks. Unit: ns. */
const LOOK_NS = 2_000_000;

interface WalkthroughArguments {
  readonly walkthrough: Walkthrough;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly guest: { readonly name: string; readonly bytes: Uint8Array } | undefined;
  readonly workers: number | undefined;
  readonly report: string | undefined;
}

function readArguments(rest: readonly string[]): WalkthroughArguments {
  const given = readOptions('walkthrough', rest, { set: 'values', seed: 'value', guest: 'value', workers: 'value', report: 'value' });
  const [slug, ...more] = given.operands;
  const slugs = WALKTHROUGHS.map(({ lab }) => lab);
  if (slug === undefined) throw new BadInput(`walkthrough needs the name of a lab. Known: ${slugs.join(', ')}.`);
  if (more.length > 0) throw new BadInput(`walkthrough takes one lab, found '${more[0]}' after '${slug}'.`);
  const walkthrough = findWalkthrough(slug);
  if (walkthrough === undefined) throw new BadInput(`There is no lab '${slug}'${suggestion(slug, slugs)}`);
  const knobs = findContract(slug)?.knobs ?? [];
  const guest = given.value('guest');
  const settings = given.values('set').map((text) => orBadInput(readKnob(text, knobs)));
  return {
    walkthrough,
    seed: optional(given.value('seed'), (text) => readInteger('--seed', text, { minimum: 0, maximum: 0xffff_ffff })) ?? 1,
    knobs: Object.fromEntries(settings.map(({ id, value }) => [id, value])),
    guest: guest === undefined ? undefined : readLabGuest(guest, slug),
    workers: optional(given.value('workers'), (text) =>
      readInteger('--workers', text, { minimum: 1, maximum: WORKER_COUNT_MAX }),
    ),
    report: given.value('report'),
  };
}

/** Plays it; the result is the exit status. */
export async function runWalkthrough(rest: readonly string[]): Promise<number> {
  const asked = readArguments(rest);
  checkWritable('--report', asked.report);
  const { lab } = asked.walkthrough;
  const { seed, knobs, guest } = asked;
  const made = planner.scenarioOf({ lab, seed, knobs, baseline: '', ...(guest === undefined ? {} : { guest: guest.bytes, guestName: guest.name }) });
  if (!made.ok) throw new BadInput(made.error.sentence);
  const begun = await startHeadlessRun(
    {
      lab,
      seed,
      knobs,
      playing: false,
      speed: Number.POSITIVE_INFINITY,
      capture: false,
      ...(guest === undefined ? {} : { guest }),
      ...(asked.workers === undefined ? {} : { workerCount: asked.workers }),
    },
    { inline: false },
  );
  if (!begun.ok) {
    if ('sentence' in begun.error) throw new BadInput(begun.error.sentence);
    process.stderr.write(`${showFailure(begun.error)}\n`);
    return 1;
  }
  const run = begun.value;
  try {
    return await finish(run, asked, await play(run, asked.walkthrough, made.value as Scenario));
  } finally {
    await run.stop();
  }
}

/** Plays all steps, or up to the first that fails. */
async function play(run: HeadlessRun, walkthrough: Walkthrough, scenario: Scenario): Promise<PlayerState> {
  let timeNs = 0;
  const advance = async (toNs: number) => {
    const reached = await run.coordinator.advanceTo(toNs);
    timeNs = reached.ok ? reached.value : timeNs;
    return viewOf(run, scenario, timeNs);
  };
  const began = await advanceToBegin(run, scenario);
  if (typeof began === 'string') throw new BadInput(began);
  timeNs = began;
  let view = await advance(Math.max(FIRST_STEP_NS, began));
  let state = startPlayer(walkthrough);
  while (!hasEnded(walkthrough, state) && run.failure() === undefined) {
    const begun = beginStep(walkthrough, state, view);
    state = begun.state;
    if (begun.command !== undefined) {
      const given = await run.coordinator.command(begun.command, timeNs);
      if (!given.ok) state = refuseStep(walkthrough, state, view, given.error.sentence);
    }
    state = findStep(walkthrough, state)?.until === undefined ? watch(walkthrough, state, view) : state;
    while (state.phase === 'running' && run.failure() === undefined) {
      view = await advance(timeNs + (walkthrough.lookNs ?? LOOK_NS));
      state = watch(walkthrough, state, view);
    }
    if (state.phase !== 'over' || state.results.at(-1)?.holds !== true) break;
    state = nextStep(state);
  }
  return state;
}

function viewOf(run: HeadlessRun, scenario: Scenario, timeNs: number): WalkthroughView {
  const snapshots = run.snapshots('main');
  const { metrics } = judge({ scenario, snapshots, commands: run.log() });
  return { timeNs, metrics, events: snapshots.flatMap(({ events }) => events) };
}

async function finish(run: HeadlessRun, asked: WalkthroughArguments, state: PlayerState): Promise<number> {
  const { walkthrough, seed, report } = asked;
  const failure = run.failure();
  const broken = state.results.find(({ holds }) => !holds);
  const { hash } = failure === undefined ? await run.coordinator.runHash() : { hash: '' };
  const outcome =
    failure !== undefined
      ? `failed: ${failure.message}`
      : broken === undefined
        ? 'played to its end'
        : `stopped at the step '${broken.id}'`;
  const text = `${JSON.stringify({ lab: walkthrough.lab, seed, workers: run.started.workerCount, runHash: hash, steps: state.results, outcome }, null, 2)}\n`;
  if (report === undefined) process.stdout.write(text);
  else {
    writeFileSync(report, text);
    process.stdout.write(`${outcome}\n`);
  }
  if (failure !== undefined) process.stderr.write(`${showFailure(failure)}\n`);
  else if (broken !== undefined) process.stderr.write(`The step '${broken.id}' of ${walkthrough.lab} does not hold: ${broken.found}.\n`);
  return failure === undefined && broken === undefined ? 0 : 1;
}
