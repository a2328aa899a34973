// Goal: each fault of the contract can be caused by hand, says what happened in a sentence, and leaves one running copy
// with every byte right. Method: cause it at a fixed virtual time, run on, read the stage and the guest's console.
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab, story, vmOn } from './lab-page.ts';

const MIGRATE_NS = 150_000_000;

async function runWith(page: Page, faults: readonly { fault: string; at: number }[], until: number): Promise<void> {
  await openLab(page);
  await loadPaused(page);
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, MIGRATE_NS);
  for (const { fault, at } of faults) await commandAt(page, 'inject-fault', { fault }, at);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), until);
}

async function consoleText(page: Page): Promise<string> {
  return await page.locator('.console-lines').first().innerText();
}

test('a cut link: the VM stays; after mending, a second try succeeds', async ({ page }) => {
  await runWith(page, [{ fault: 'cut-link', at: 250_000_000 }], 4_000_000_000);
  await expect(vmOn(page, 'host-a')).toBeVisible();
  await expect(story(page)).toContainText(/link|connection|answer/i);
  expect(await consoleText(page)).not.toContain('CORRUPT');
  await commandAt(page, 'inject-fault', { fault: 'mend-link' }, 4_100_000_000);
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, 4_200_000_000);
  await page.evaluate(() => window.glasshouse.advanceTo(5_500_000_000));
  await expect(vmOn(page, 'host-b')).toBeVisible();
});

test('a destination without memory is refused by name', async ({ page }) => {
  await runWith(page, [{ fault: 'destination-memory', at: 100_000_000 }], 400_000_000);
  await expect(vmOn(page, 'host-a')).toBeVisible();
  await expect(story(page)).toHaveText(/host-b .*free/);
});

test('a destination that crashes: the VM goes on where it was', async ({ page }) => {
  await runWith(page, [{ fault: 'destination-crash', at: 300_000_000 }], 1_000_000_000);
  await expect(vmOn(page, 'host-a')).toBeVisible();
  await expect(page.getByText('no power')).toBeVisible();
  expect(await consoleText(page)).not.toContain('CORRUPT');
});

test('a second migration of the same VM is refused by name', async ({ page }) => {
  await runWith(page, [], 250_000_000);
  const sentence = await page.evaluate(() => window.glasshouse.runCommand('migrate', { vm: 1, to: 1 }));
  expect(sentence).toMatch(/already|second/);
});

test('a cancelled migration leaves the VM where it runs', async ({ page }) => {
  await runWith(page, [{ fault: 'cancel', at: 300_000_000 }], 500_000_000);
  await expect(vmOn(page, 'host-a')).toBeVisible();
  await expect(story(page)).toContainText(/cancelled|called off/i);
});
