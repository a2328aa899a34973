// Goal: after the first visit the page works without a network, isolated, with the right run hash. Method: load, wait for the service
// worker, cut the network and stop asking the server, reload, run the same commands, compare hashes.
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

async function hashOf(page: Page): Promise<string> {
  await loadPaused(page, { seed: 5 });
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, 50_000_000);
  await page.evaluate(() => window.glasshouse.advanceTo(200_000_000));
  return await page.evaluate(() => window.glasshouse.runHash());
}

test('offline after the first visit', async ({ page, context }) => {
  await openLab(page);
  const online = await hashOf(page);
  expect(online).toMatch(/^[0-9a-f]{16}$/);
  await page.evaluate(() => navigator.serviceWorker.ready.then((it) => it.active?.state));
  await expect.poll(() => page.evaluate(async () => (await caches.keys()).length)).toBe(1);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await context.setOffline(true);
  await page.reload();
  await page.evaluate(() => window.glasshouse.ready());
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(await hashOf(page)).toBe(online);
  // Parts that are loaded late must be there as well.
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  await expect(page.locator('[data-figure=dirty-bytes-per-second]')).toBeVisible();
  // Canary: what was never part of the build is not answered.
  expect(await page.evaluate(() => fetch('./not-there.txt').then(() => 'answered', () => 'no network'))).toBe('no network');
});

test('the kept page carries the headers with which it was served', async ({ page }) => {
  await openLab(page);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const headers = await page.evaluate(async () => {
    const kept = await caches.match('./');
    return ['cross-origin-opener-policy', 'cross-origin-embedder-policy', 'content-security-policy'].map((name) => kept?.headers.get(name) ?? '');
  });
  expect(headers[0]).toBe('same-origin');
  expect(headers[1]).toBe('require-corp');
  expect(headers[2]).toContain("default-src 'none'");
});
