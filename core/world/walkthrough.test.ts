// Goal: every walkthrough can be played to its end, and what it expects comes true. Method: the headless player:
// each step's command at once, then virtual time until its condition holds.
import { expect, test } from 'vitest';
import { WALKTHROUGHS } from '../mechanisms/catalog.ts';
import type { WalkthroughCondition } from '../protocol/walkthrough.ts';
import { WorldRun } from '../testing/run-world.ts';
import { judge } from './judge.ts';
import { scenarioOf } from './scenario.ts';
import { validateCommand } from './validate-command.ts';

const STEP_NS = 1_000_000;
/** Virtual time that one step may take. */
const STEP_NS_MAX = 20_000_000_000;
/** The reader has had time to look when the first button is pressed. */
const FIRST_LOOK_NS = 100_000_000;

class Player {
  readonly run: WorldRun;
  stepStartNs = 0;

  constructor(run: WorldRun) {
    this.run = run;
  }

  metric(id: string): number {
    const { scenario, log } = this.run;
    const { metrics } = judge({ scenario, snapshots: this.run.snapshots(), commands: log });
    return metrics[id]?.value ?? Number.NaN;
  }

  holds(condition: WalkthroughCondition): boolean {
    switch (condition.kind) {
      case 'time':
        return this.run.now() - this.stepStartNs >= condition.afterNs;
      case 'metric': {
        const value = this.metric(condition.metric);
        return condition.is === 'at-least' ? value >= condition.value : value <= condition.value;
      }
      case 'event':
        return this.run
          .snapshots()
          .some(({ events }) =>
            events.some((it) => it.kind === condition.event && it.timeNs >= this.stepStartNs),
          );
    }
  }
}

test.each(WALKTHROUGHS)(
  '$lab',
  ({ lab, steps }) => {
    const scenario = scenarioOf({ lab, seed: 1, knobs: {}, baseline: '' });
    if (!scenario.ok) throw new Error(scenario.error.kind);
    const player = new Player(new WorldRun({ scenario: scenario.value }));
    const { run } = player;
    run.runTo(FIRST_LOOK_NS);
    for (const step of steps) {
      player.stepStartNs = run.now();
      if (step.do !== undefined) {
        expect(validateCommand(run.scenario, run.snapshots(), step.do)).toBeUndefined();
        run.command(run.now(), step.do);
      }
      const until = step.until;
      while (until !== undefined && !player.holds(until)) {
        expect(run.now() - player.stepStartNs, `step ${step.id} ends`).toBeLessThan(STEP_NS_MAX);
        run.runTo(run.now() + STEP_NS);
      }
      if (step.expect !== undefined)
        expect(player.holds(step.expect), `step ${step.id}`).toBe(true);
    }
    const { checks } = judge({
      scenario: run.scenario,
      snapshots: run.snapshots(),
      commands: run.log,
    });
    expect(checks.filter((check) => !check.holds)).toEqual([]);
  },
  60_000,
);
