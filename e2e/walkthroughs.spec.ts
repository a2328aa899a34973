// Goal: every lab's walkthrough comes true on the page, as it does headless. Method: one runner for all labs: the shared
// player (core/protocol/walkthrough-player.ts) reads the page's virtual time, events and metrics, and says what is to
// be done; commands go through window.glasshouse, and where a step has a button on the page, by pointer or by keyboard.
import { expect, type Page, test } from '@playwright/test';
import { WALKTHROUGHS } from '../core/mechanisms/catalog.ts';
import type { Command } from '../core/protocol/command.ts';
import type { WalkthroughStep } from '../core/protocol/walkthrough.ts';
import {
  beginStep, findStep, hasEnded, nextStep, refuseStep, startPlayer, type WalkthroughView, watch,
} from '../core/protocol/walkthrough-player.ts';
import { openLab } from './lab-page.ts';

/** Virtual time between two looks. Unit: ns. */
const LOOK_NS = 5_000_000;
/** The guests have booted when the first step begins. Unit: ns. */
const FIRST_LOOK_NS = 200_000_000;

type Hand = 'script' | 'pointer' | 'keyboard';

/** Virtual time, timeline events and metrics now. */
async function viewOf(page: Page): Promise<WalkthroughView> {
  return await page.evaluate(() => {
    const metrics = window.glasshouse.metrics();
    const events = window.glasshouse.events().map(({ timeNs, kind }) => ({ timeNs, kind }));
    return { timeNs: metrics['virtual-time']?.value ?? 0, metrics, events };
  });
}

async function advance(page: Page, timeNs: number): Promise<WalkthroughView> {
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), timeNs);
  return await viewOf(page);
}

/** Gives a step's command the way a person would when the page shows its button, else as a script. '' or the refusal. */
async function give(page: Page, step: WalkthroughStep, command: Command, hand: Hand): Promise<string> {
  const button = page.getByRole('button', { name: step.button ?? '', exact: true });
  const isThere = step.button !== undefined && hand !== 'script' && (await button.count()) === 1 && (await button.isEnabled());
  if (!isThere) return await page.evaluate((it) => window.glasshouse.command(it), command);
  if (hand === 'pointer') await button.click();
  else {
    await button.focus();
    await page.keyboard.press('Enter');
  }
  return '';
}

for (const walkthrough of WALKTHROUGHS) {
  for (const hand of ['script', 'pointer', 'keyboard'] as const) {
    test(`the walkthrough of ${walkthrough.lab}, by ${hand}`, async ({ page }) => {
      await openLab(page, `/lab/${walkthrough.lab}?autoplay=0`);
      let view = await advance(page, FIRST_LOOK_NS);
      let state = startPlayer(walkthrough);
      while (!hasEnded(walkthrough, state)) {
        const step = findStep(walkthrough, state)!;
        const begun = beginStep(walkthrough, state, view);
        state = begun.state;
        if (begun.command !== undefined) {
          const refusal = await give(page, step, begun.command, hand);
          if (refusal !== '') state = refuseStep(walkthrough, state, view, refusal);
          view = await viewOf(page);
        }
        state = watch(walkthrough, state, view);
        while (state.phase === 'running') {
          view = await advance(page, view.timeNs + LOOK_NS);
          state = watch(walkthrough, state, view);
        }
        expect(state.results.at(-1), `step ${step.id}`).toMatchObject({ holds: true });
        state = nextStep(state);
      }
      expect(state.results).toHaveLength(walkthrough.steps.length);
    });
  }
}
