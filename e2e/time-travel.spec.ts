// Goal: the run can be scrubbed backwards by pointer and keyboard, comes back to the recorded hash, forks where a knob is
// turned in the past, returns to a branch that was left, and nothing of later times stays on screen. Method: the built page in Chromium.
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

const MIGRATE_NS = 60_000_000;
const END_NS = 240_000_000;

/** A paused run with a migration under way. */
async function migrated(page: Page): Promise<string> {
  await openLab(page);
  await loadPaused(page);
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, MIGRATE_NS);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), END_NS);
  return await hashOf(page);
}

const hashOf = (page: Page) => page.evaluate(() => window.glasshouse.runHash());
const timeOf = (page: Page) => page.evaluate(() => window.glasshouse.metrics()['virtual-time']?.value);

test('back and forth gives the recorded hash, and nothing of later times stays', async ({ page }) => {
  const recorded = await migrated(page);
  const early = await page.evaluate(() => window.glasshouse.events().length);
  await page.evaluate(() => window.glasshouse.rewindTo(30_000_000));
  expect(await timeOf(page)).toBe(30_000_000);
  const events = await page.evaluate(() => window.glasshouse.events());
  expect(events.length).toBeLessThan(early);
  expect(events.every(({ timeNs }) => timeNs < 30_000_000)).toBe(true);
  await expect(page.getByRole('region', { name: 'Migration graph' })).toHaveCount(0);
  const there = await page.screenshot();
  await page.waitForTimeout(500);
  expect((await page.screenshot()).equals(there), 'the picture stands still after a journey').toBe(true);
  await page.evaluate((ns) => window.glasshouse.rewindTo(ns), END_NS);
  expect(await hashOf(page)).toBe(recorded);
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
});

test('steps back by an event and by an instruction, with keys and buttons', async ({ page }) => {
  await migrated(page);
  await page.locator('[data-stage]').focus();
  await page.keyboard.press(',');
  await expect.poll(() => timeOf(page)).toBeLessThan(END_NS);
  const atEvent = (await timeOf(page))!;
  await page.keyboard.press('.');
  await expect.poll(() => timeOf(page)).toBeGreaterThan(atEvent);
  const forward = (await timeOf(page))!;
  await page.getByRole('button', { name: 'Step back one instruction' }).click();
  await expect.poll(() => timeOf(page)).toBeLessThan(forward);
  await page.getByRole('button', { name: 'Rewind to the start' }).click();
  await expect.poll(() => timeOf(page)).toBe(0);
  await expect(page.getByRole('button', { name: 'Step back to the event before' })).toBeDisabled();
});
