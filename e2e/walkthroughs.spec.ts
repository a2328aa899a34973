// Goal: a walkthrough's steps happen as they say. Method: play the same data that the tour plays: run each step's command,
// advance virtual time until its condition holds, then check what it expects.
import { expect, type Page, test } from '@playwright/test';
import { walkthrough } from '../core/mechanisms/precopy-migration/walkthrough.ts';
import type { WalkthroughCondition } from '../core/protocol/walkthrough.ts';
import { loadPaused, openLab } from './lab-page.ts';

const STEP_NS = 10_000_000;
const STEPS_MAX = 1_500; // 15 s of virtual time: more than the slow link needs

interface Moment {
  readonly timeNs: number;
  readonly events: readonly string[];
  readonly metrics: Readonly<Record<string, { readonly value: number }>>;
}

/** Virtual time, kinds of timeline events and metrics now. */
async function lookAt(page: Page): Promise<Moment> {
  return await page.evaluate(() => {
    const metrics = window.glasshouse.metrics();
    return { timeNs: metrics['virtual-time']!.value, metrics, events: window.glasshouse.events().map((it) => it.kind) };
  });
}

function holds(condition: WalkthroughCondition, now: Moment, begin: Moment): boolean {
  if (condition.kind === 'time') return now.timeNs >= begin.timeNs + condition.afterNs;
  if (condition.kind === 'event') return now.events.slice(begin.events.length).includes(condition.event);
  const value = now.metrics[condition.metric]?.value ?? Number.NaN;
  return condition.is === 'at-least' ? value >= condition.value : value <= condition.value;
}

test(`the walkthrough of ${walkthrough.lab}`, async ({ page }) => {
  await openLab(page);
  await loadPaused(page);
  await page.evaluate(() => window.glasshouse.advanceTo(200_000_000)); // the guest has filled its memory
  for (const step of walkthrough.steps) {
    const begin = await lookAt(page);
    if (step.do?.kind === 'migrate') {
      const { vm, to } = step.do;
      expect(await page.evaluate((it) => window.glasshouse.runCommand('migrate', it), { vm, to }), step.id).toBe('');
    } else if (step.do?.kind === 'set-knob') {
      const { knob, value } = step.do;
      expect(await page.evaluate((it) => window.glasshouse.runCommand('set-knob', it, { at: it.at }), { knob, value, at: begin.timeNs }), step.id).toBe('');
    } else {
      expect(step.do, `${step.id} does something that this runner knows`).toBeUndefined();
    }
    let now = begin;
    for (let count = 0; step.until !== undefined && !holds(step.until, now, begin); count++) {
      expect(count, `${step.id}: ${JSON.stringify(step.until)} comes true`).toBeLessThan(STEPS_MAX);
      await page.evaluate((ns) => window.glasshouse.advanceTo(ns), now.timeNs + STEP_NS);
      now = await lookAt(page);
    }
    if (step.expect !== undefined) expect(holds(step.expect, now, begin), `${step.id}: ${JSON.stringify(step.expect)}`).toBe(true);
  }
});
