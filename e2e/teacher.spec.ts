// Goal: what a teacher switches on shows, and never changes the run. Method: each switch by its key; the picture compared while frozen.
import { expect, type Page, test } from '@playwright/test';
import { loadPaused, openLab } from './lab-page.ts';

const now = (page: Page) => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);

test('a frozen picture stands while the run goes on', async ({ page }) => {
  await openLab(page);
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('p');
  await expect(page.getByText('The picture is frozen')).toBeVisible();
  await page.waitForTimeout(400);
  const before = await page.locator('[data-stage]').screenshot();
  const from = await now(page);
  await expect.poll(() => now(page)).toBeGreaterThan(from);
  await page.waitForTimeout(600);
  expect((await page.locator('[data-stage]').screenshot()).equals(before)).toBe(true);
  await page.keyboard.press('p');
  await expect.poll(async () => (await page.locator('[data-stage]').screenshot()).equals(before)).toBe(false);
});

test('blackout covers all and any key brings the page back', async ({ page }) => {
  await openLab(page);
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('b');
  const black = page.getByRole('button', { name: 'Show the page again' });
  await expect(black).toBeFocused();
  expect(await black.boundingBox()).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
  await page.keyboard.press('b');
  await expect(black).toBeHidden();
  await page.keyboard.press('r');
  await page.mouse.move(400, 300);
  await expect(page.locator('.pointer-ring')).toBeVisible();
});

test('one event per beat, each further than the last, until play', async ({ page }) => {
  await openLab(page);
  await loadPaused(page);
  expect(await page.evaluate(() => window.glasshouse.runCommand('event-beat', { ms: 100 }))).toBe('');
  const first = await now(page);
  await expect.poll(() => now(page)).toBeGreaterThan(first);
  await page.evaluate(() => window.glasshouse.runCommand('play-pause'));
  await expect(page.getByText('One event every')).toBeHidden();
});

test('a lecture link locks the knobs and hides the answers until they are revealed', async ({ page }) => {
  await openLab(page, '/lab/precopy-migration?v=1&lecture=1');
  expect(await page.evaluate(() => window.glasshouse.runCommand('set-knob', { knob: 'loss', value: 1 }))).toContain('locked');
  expect(await page.evaluate(() => document.documentElement.dataset['answers'])).toBe('hidden');
  expect(await page.evaluate(() => window.glasshouse.runCommand('reveal-answers'))).toBe('');
  expect(await page.evaluate(() => document.documentElement.dataset['answers'])).toBe('shown');
  expect(await page.evaluate(() => window.glasshouse.runCommand('unlock-knobs'))).toBe('');
  expect(await page.evaluate(() => window.glasshouse.runCommand('set-knob', { knob: 'loss', value: 1 }))).toBe('');
});

test('presenter notes open in a window of their own with steps and the run’s clock', async ({ page }) => {
  await openLab(page);
  const popup = page.waitForEvent('popup');
  await page.evaluate(() => window.glasshouse.runCommand('presenter-notes'));
  const notes = await popup;
  await expect(notes.getByRole('heading', { name: 'Steps' })).toBeVisible();
  await notes.getByRole('button', { name: /^Play or pause/ }).click();
  await expect(page.getByRole('button', { name: /^Play/ }).first()).toBeVisible();
});

test('paused, the page says how long a move will take on the wall; on paper stands the caption', async ({ page }) => {
  await openLab(page);
  await loadPaused(page);
  await expect(page.getByText(/a move takes about/)).toBeVisible();
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  await expect(page.locator('.print-caption')).toContainText('seed 1');
  await expect(page.locator('.transport')).toBeHidden();
});
