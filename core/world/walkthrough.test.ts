// Goal: every walkthrough can be played to its end, and what it expects comes true. Method: the shared player
// over a world in one thread: each step's command at once, then virtual time until the step is over.
import { expect, test } from 'vitest';
import { WALKTHROUGHS } from '../mechanisms/catalog.ts';
import {
  beginStep,
  FIRST_STEP_NS,
  hasEnded,
  nextStep,
  startPlayer,
  type WalkthroughView,
  watch,
} from '../protocol/walkthrough-player.ts';
import { WorldRun } from '../testing/run-world.ts';
import { judge } from './judge.ts';
import { scenarioOf } from './scenario.ts';
import { validateCommand } from './validate-command.ts';

/** Virtual time between two looks, as on the command line. Unit: ns. */
const LOOK_NS = 2_000_000;

function judged(run: WorldRun) {
  return judge({ scenario: run.scenario, snapshots: run.snapshots(), commands: run.log });
}

/** The run is judged only when the step on hand speaks of a metric: consoles are read from their beginning each time. */
function viewOf(run: WorldRun): WalkthroughView {
  const snapshots = run.snapshots();
  let metrics: WalkthroughView['metrics'] | undefined;
  return {
    timeNs: run.now(),
    events: snapshots.flatMap(({ events }) => events),
    get metrics() {
      metrics ??= judge({ scenario: run.scenario, snapshots, commands: run.log }).metrics;
      return metrics;
    },
  };
}

test.each(WALKTHROUGHS)(
  '$lab',
  (walkthrough) => {
    const scenario = scenarioOf({ lab: walkthrough.lab, seed: 1, knobs: {}, baseline: '' });
    if (!scenario.ok) throw new Error(scenario.error.kind);
    const run = new WorldRun({ scenario: scenario.value });
    run.runTo(FIRST_STEP_NS);
    let state = startPlayer(walkthrough);
    while (!hasEnded(walkthrough, state)) {
      const { state: begun, command } = beginStep(walkthrough, state, viewOf(run));
      if (command !== undefined) {
        expect(validateCommand(run.scenario, run.snapshots(), command)).toBeUndefined();
        run.command(run.now(), command);
      }
      state = watch(walkthrough, begun, viewOf(run));
      while (state.phase === 'running') {
        run.runTo(run.now() + (walkthrough.lookNs ?? LOOK_NS));
        state = watch(walkthrough, state, viewOf(run));
      }
      expect(state.results.at(-1)).toMatchObject({ holds: true });
      state = nextStep(state);
    }
    expect(judged(run).checks.filter((check) => !check.holds)).toEqual([]);
  },
  120_000,
);
