// Goal: a hidden tab stands still and says why; shown again it goes on where it stood, unless somebody paused it meanwhile. Method: the
// page's visibility as the browser tells it, the clock, the sentence.
import { expect, type Page, test } from '@playwright/test';
import { openLab } from './lab-page.ts';

const SENTENCE = 'Paused while this tab was hidden.';

async function turn(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}

const timeNs = (page: Page) => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);

test('hidden it pauses and says so; shown again it plays on from there', async ({ page }) => {
  await openLab(page);
  const before = await timeNs(page);
  await expect.poll(() => timeNs(page)).toBeGreaterThan(before);
  await turn(page, 'hidden');
  await expect(page.getByText(SENTENCE)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
  await page.evaluate(() => window.glasshouse.runHash()); // the cut that it stands at
  const stood = await timeNs(page);
  await page.waitForTimeout(700);
  expect(await timeNs(page)).toBe(stood);
  await turn(page, 'visible');
  await expect(page.getByText(SENTENCE)).toBeHidden();
  await expect.poll(() => timeNs(page)).toBeGreaterThan(stood);
});

test('what a person has paused stays paused, without the sentence', async ({ page }) => {
  await openLab(page);
  await page.evaluate(() => window.glasshouse.runCommand('play-pause'));
  await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
  await turn(page, 'hidden');
  await turn(page, 'visible');
  await page.evaluate(() => window.glasshouse.runHash());
  const stood = await timeNs(page);
  await page.waitForTimeout(500);
  expect(await timeNs(page)).toBe(stood);
  await expect(page.getByText(SENTENCE)).toBeHidden();
});
