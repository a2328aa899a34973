// Goal: the picture of every lab costs little main-thread work a frame (95th percentile) while guests run at full
// speed and its mechanism is drawn. Method: Chromium's own trace; processor time of the main thread's tasks, summed between frames
// (processor time, so that other work on the machine does not count).
import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { CATALOG } from '../core/mechanisms/catalog.ts';
import { percentileOf, traceFrameWork } from '../workers/node/frame-trace.mjs';
import { act, commandAt, loadPaused, openLab } from './lab-page.ts';

/**
 * The goal is 8 ms, measured by `npm run bench -- page` and held by the long form. The short one runs wherever the tests run, on
 * machines that are slow or shared, and holds that a frame of 60 a second is not missed: it finds what costs twice as much.
 */
const FRAME_MS = process.env['GLASSHOUSE_VERIFY'] === undefined ? 16 : 8;

/** The least of a few windows: what others do on this machine stretches single ones, never all. */
async function expectQuietWindow(page: Page, name: string, meanwhile: () => Promise<void> = () => page.waitForTimeout(2500)): Promise<void> {
  const percentiles: number[] = [];
  for (let attempt = 0; attempt < 5 && !percentiles.some((it) => it <= FRAME_MS); attempt++) {
    const work = await traceFrameWork(page, meanwhile);
    if (work.length >= 10) percentiles.push(percentileOf(work, 0.95));
  }
  test.info().annotations.push({ type: name, description: percentiles.map((it) => it.toFixed(2)).join(' ms, ') });
  expect(Math.min(...percentiles), `${name}: 95th percentile in ms, windows ${percentiles.join(', ')}`).toBeLessThanOrEqual(FRAME_MS);
}

for (const { id: lab } of CATALOG) {
  test(`${lab}: main-thread work per frame stays within its bound while its mechanism works and guests run at full speed`, async ({ page }) => {
    await openLab(page, `/lab/${lab}`, 'whole');
    await act(page);
    await expectQuietWindow(page, 'at work');
    await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
    await expectQuietWindow(page, 'at full speed');
  });
}

test('four VMs on two hosts, one of them moving: within the bound', async ({ page }) => {
  await openLab(page);
  const text = readFileSync(new URL('./scenarios/four-vms.json', import.meta.url), 'utf8');
  expect(await page.evaluate((it) => window.glasshouse.loadScenario(it), text)).toBe('');
  expect(await page.evaluate(() => window.glasshouse.runCommand('migrate', { vm: 1, to: 1 }))).toBe('');
  await expectQuietWindow(page, 'four VMs, one moving');
  await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
  await expectQuietWindow(page, 'four VMs at full speed');
});

test('the inspector open on a machine at full speed: within the bound, tab by tab', async ({ page }) => {
  await openLab(page);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-inspector'));
  await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
  for (const tab of ['Processor', 'Translation', 'Interrupts']) {
    await page.locator('[data-panel=inspector]').getByRole('tab', { name: tab }).click();
    await expectQuietWindow(page, `inspector, ${tab}`);
  }
});

/** Drags the present back and forth for a few seconds, however busy the machine is. */
async function scrub(page: Page): Promise<void> {
  const line = page.locator('[data-timeline]:visible').first();
  await expect(line).toBeVisible();
  const box = (await line.boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width / 2, y);
  await page.mouse.down();
  const end = Date.now() + 2500;
  for (let move = 0; Date.now() < end; move++) {
    await page.mouse.move(box.x + (box.width * (50 + 45 * Math.sin(move / 8))) / 100, y);
    await page.waitForTimeout(16);
  }
  await page.mouse.up();
}

test('scrubbing through a migration, with the strip and with timeline and charts open: within the bound', async ({ page }) => {
  await openLab(page);
  await loadPaused(page);
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, 60_000_000);
  await page.evaluate(() => window.glasshouse.advanceTo(240_000_000));
  await expectQuietWindow(page, 'strip', () => scrub(page));
  await page.evaluate(() => window.glasshouse.runCommand('toggle-timeline'));
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  await expectQuietWindow(page, 'timeline and charts', () => scrub(page));
});

test('canary: a frame task that burns 20 ms is seen', async ({ page }) => {
  await openLab(page);
  await page.evaluate(() => {
    const burn = () => {
      const end = performance.now() + 20;
      while (performance.now() < end);
      requestAnimationFrame(burn);
    };
    requestAnimationFrame(burn);
  });
  const work = await traceFrameWork(page, () => page.waitForTimeout(1500));
  expect(percentileOf(work, 0.95)).toBeGreaterThan(FRAME_MS);
});
