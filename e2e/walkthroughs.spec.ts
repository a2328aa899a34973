// Goal: every lab's walkthrough comes true on the page, by script, by pointer and by keyboard alone. Method: the script is the
// shared player (core/protocol/walkthrough-player.ts) over window.glasshouse; the two hands go through the tour as a
// person does: a guess where one is asked for, the card's one button or the presenter's keys, to its end. The long form
// plays every lab in all three ways, the short one each lab in one, in turn, and the skeleton in all.
import { expect, type Page, test } from '@playwright/test';
import { WALKTHROUGHS } from '../core/mechanisms/catalog.ts';
import type { Walkthrough } from '../core/protocol/walkthrough.ts';
import {
  beginStep, FIRST_STEP_NS, hasEnded, nextStep, refuseStep, startPlayer, type WalkthroughView, watch,
} from '../core/protocol/walkthrough-player.ts';
import { openLab } from './lab-page.ts';

/** Virtual time between two looks. Unit: ns. */
const LOOK_NS = 20_000_000;
/** The longest way through a tour, in presses. */
const PRESSES_MAX = 60;

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

const tourOf = (page: Page) => page.evaluate(() => window.glasshouse.tour());

/** Goes through the whole tour; `press` goes on from where it stands, `guess` answers a question first. */
async function playThrough(page: Page, walkthrough: Walkthrough, hand: { press: () => Promise<void>; guess: () => Promise<void> }): Promise<void> {
  for (let press = 0; press < PRESSES_MAX; press++) {
    const tour = await tourOf(page);
    if (tour === undefined) throw new Error('the tour went away');
    const last = tour.results.at(-1);
    if (last !== undefined) expect(last, `step ${last.id}`).toMatchObject({ holds: true });
    if (tour.step === '') break;
    const step = walkthrough.steps.find(({ id }) => id === tour.step)!;
    if (tour.phase === 'waiting' && step.ask !== undefined) {
      await hand.guess();
      await expect.poll(async () => (await tourOf(page))?.guess, `the guess at ${step.id}`).toBeGreaterThan(0);
    }
    await hand.press();
    // Something came of it: the step began, hurries to its end, or the next one came up.
    await page.waitForFunction(({ step, phase }) => {
      const now = window.glasshouse.tour();
      return now === undefined || now.step !== step || (now.phase !== phase && now.phase !== 'running') || (phase === 'waiting' && now.phase === 'running');
    }, { step: tour.step, phase: tour.phase });
  }
  const { results } = (await tourOf(page))!;
  expect(results.map(({ id }) => id)).toEqual(walkthrough.steps.map(({ id }) => id));
  for (const step of walkthrough.steps.filter(({ ask }) => ask !== undefined)) {
    const answered = results.find(({ id }) => id === (step.ask!.answeredBy ?? step.id));
    expect(answered?.answer, `the answer to ${step.id}`).toMatchObject({ metric: step.ask!.metric, guess: expect.any(Number), value: expect.any(Number) });
  }
  await hand.press();
  await expect.poll(() => tourOf(page)).toBeUndefined();
}

const WAYS = ['pointer', 'keyboard', 'script'] as const;
const isPlayed = (lab: number, way: (typeof WAYS)[number]) =>
  process.env['GLASSHOUSE_VERIFY'] !== undefined || WALKTHROUGHS[lab]!.lab === 'skeleton' || WAYS[lab % WAYS.length] === way;

for (const [lab, walkthrough] of WALKTHROUGHS.entries()) {
  if (isPlayed(lab, 'script')) test(`the walkthrough of ${walkthrough.lab}, by script`, async ({ page }) => {
    await openLab(page, `/lab/${walkthrough.lab}?autoplay=0`, 'whole');
    let view = await advance(page, FIRST_STEP_NS);
    let state = startPlayer(walkthrough);
    while (!hasEnded(walkthrough, state)) {
      const begun = beginStep(walkthrough, state, view);
      state = begun.state;
      if (begun.command !== undefined) {
        const refusal = await page.evaluate((it) => window.glasshouse.command(it), begun.command);
        if (refusal !== '') state = refuseStep(walkthrough, state, view, refusal);
        view = await viewOf(page);
      }
      state = watch(walkthrough, state, view);
      while (state.phase === 'running') {
        view = await advance(page, view.timeNs + (walkthrough.lookNs ?? LOOK_NS));
        state = watch(walkthrough, state, view);
      }
      expect(state.results.at(-1)).toMatchObject({ holds: true });
      state = nextStep(state);
    }
    expect(state.results).toHaveLength(walkthrough.steps.length);
  });

  if (isPlayed(lab, 'pointer')) test(`the tour of ${walkthrough.lab}, by pointer`, async ({ page }) => {
    await openLab(page, `/lab/${walkthrough.lab}`, 'whole');
    await page.getByRole('banner').getByRole('button', { name: 'Tour' }).click();
    await expect(page.getByRole('region', { name: 'Tour' })).toBeVisible();
    await playThrough(page, walkthrough, {
      press: () => page.locator('[data-tour-next]').click(),
      guess: () => page.locator('[data-tour] .knob__control').click({ position: { x: 30, y: 12 } }),
    });
  });

  if (isPlayed(lab, 'keyboard')) test(`the tour of ${walkthrough.lab}, by keyboard alone`, async ({ page }) => {
    await openLab(page, `/lab/${walkthrough.lab}`, 'whole');
    await page.keyboard.press('PageDown');
    await expect(page.getByRole('region', { name: 'Tour' })).toBeVisible();
    let presses = 0;
    await playThrough(page, walkthrough, {
      // The presenter's key, and the button that has the focus, in turn.
      press: async () => {
        const byFocus = presses++ % 2 === 1;
        if (byFocus) await expect(page.locator('[data-tour-next]:focus, [data-guess]:focus')).toHaveCount(1);
        await page.keyboard.press(byFocus ? 'Enter' : 'PageDown');
      },
      guess: async () => {
        await expect(page.locator('[data-guess]')).toBeFocused();
        await page.keyboard.type('12,5');
      },
    });
  });
}
