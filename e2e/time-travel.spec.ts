// Goal: the run can be scrubbed backwards by pointer and keyboard, comes back to the recorded hash, forks where a knob is
// turned in the past, returns to a branch that was left, and nothing of later times stays on screen. Method: the built page in Chromium.
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

test.describe.configure({ retries: 0 });

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

test('the strip scrubs by pointer and keyboard, and the hash comes back', async ({ page }) => {
  const recorded = await migrated(page);
  const strip = page.getByRole('slider', { name: 'Present, in virtual time' });
  await expect(strip).toHaveAttribute('aria-valuemax', String(END_NS));
  const box = (await strip.boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width - 4, y);
  await page.mouse.down();
  for (let part = 95; part >= 10; part -= 5) await page.mouse.move(box.x + (box.width * part) / 100, y);
  await page.mouse.up();
  // The latest target wins: it stands where the pointer was let go.
  await expect(strip).toHaveAttribute('aria-busy', 'false');
  await expect.poll(async () => Math.abs((await timeOf(page))! / END_NS - 0.1)).toBeLessThan(0.01);
  await expect(strip).toHaveAttribute('aria-valuenow', String(await timeOf(page)));
  await strip.focus();
  const before = (await timeOf(page))!;
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => timeOf(page)).toBe(before + END_NS / 100);
  await page.keyboard.press('PageUp');
  await expect.poll(() => timeOf(page)).toBe(before + END_NS / 100 + END_NS / 10);
  await page.keyboard.press('Home');
  await expect.poll(() => timeOf(page)).toBe(0);
  await page.keyboard.press('End');
  await expect.poll(() => timeOf(page)).toBe(END_NS);
  await expect(strip).toHaveAttribute('aria-busy', 'false');
  expect(await hashOf(page)).toBe(recorded);
});

test('a knob turned in the past forks a branch that the timeline shows; a return to the first gives its hash', async ({ page }) => {
  const recorded = await migrated(page);
  await page.evaluate(() => window.glasshouse.rewindTo(150_000_000));
  await page.getByRole('slider', { name: 'Bandwidth' }).focus();
  await page.keyboard.press('ArrowRight');
  await expect.poll(async () => (await page.evaluate(() => window.glasshouse.history()))!.branches.length).toBe(2);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), END_NS);
  expect(await hashOf(page)).not.toBe(recorded);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-timeline'));
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  const branches = page.getByRole('list', { name: 'Branches' });
  await expect(branches.getByRole('listitem')).toHaveText(['Branch 0', 'Branch 1']);
  await expect(page.locator('[data-figure="dirty-bytes-per-second"]').getByText('branch 0, which was left')).toBeVisible();
  await branches.getByRole('button', { name: 'Branch 0' }).click();
  await expect(branches.getByRole('button')).toHaveText(['Branch 1']);
  await expect.poll(() => timeOf(page)).toBe(END_NS);
  expect(await hashOf(page)).toBe(recorded);
  // The knob stands as it did there, and the other course is compared now.
  await expect(page.locator('[data-figure="dirty-bytes-per-second"]').getByText('branch 1, which was left')).toBeVisible();
  expect((await page.evaluate(() => window.glasshouse.history()))!.branch).toBe(0);
});

test('the panel’s axis zooms and moves by keyboard, an interval is chosen with Shift, Escape clears it', async ({ page }) => {
  await migrated(page);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-timeline'));
  const slider = page.locator('.timeline__slider');
  await slider.focus();
  await page.keyboard.press('w');
  await page.keyboard.press('w');
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => timeOf(page)).toBe(END_NS - END_NS / 400);
  await page.keyboard.press('a');
  await page.keyboard.press('s');
  await page.keyboard.press('s');
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  const strip = page.getByRole('region', { name: 'Timeline' });
  await expect(strip).toContainText('At ');
  await page.keyboard.press('Escape');
  await page.keyboard.press(',');
  await expect.poll(() => timeOf(page)).toBeLessThan(END_NS - END_NS / 400);
});

test('a link to a moment opens there with all that was asked before, with the same hash', async ({ page, context }) => {
  const recorded = await migrated(page);
  expect(await page.evaluate(() => window.glasshouse.runCommand('share-moment'))).toBe('');
  await expect(page).toHaveURL(/[?&]t=240000000&log=/);
  const other = await context.newPage();
  await other.goto(page.url());
  await other.waitForFunction(() => window.glasshouse !== undefined);
  await expect.poll(() => timeOf(other)).toBe(END_NS);
  expect(await hashOf(other)).toBe(recorded);
  await other.goto(page.url().replace(/log=/, 'log=x'));
  await other.reload();
  await expect(other.locator('[data-notice]')).toContainText('damaged');
});

test('a reload goes on where the run stood, as it looked', async ({ page }) => {
  const recorded = await migrated(page);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-timeline'));
  await expect.poll(() => page.evaluate(() => sessionStorage.getItem('glasshouse-run')?.includes('"timeNs":240000000'))).toBe(true);
  await page.reload();
  await page.waitForFunction(() => window.glasshouse !== undefined);
  await expect.poll(() => timeOf(page)).toBe(END_NS);
  expect(await hashOf(page)).toBe(recorded);
  await expect(page.getByRole('region', { name: 'Timeline' })).toBeVisible();
  await page.evaluate(() => window.glasshouse.runCommand('reset'));
  expect(await page.evaluate(async () => (JSON.parse(await window.glasshouse.exportRun()) as { log: unknown[] }).log)).toEqual([]);
});

test('old checkpoints of a busy run lie in the browser’s files, within the bound of memory, and lead back to the same hashes', async ({ page }) => {
  await openLab(page);
  await loadPaused(page, { knobs: { 'dirty-rate': 200_000 } });
  const recorded: { readonly timeNs: number; readonly hash: string }[] = [];
  const history = () => page.evaluate(() => window.glasshouse.history());
  for (let timeNs = 50_000_000; timeNs <= 2_000_000_000; timeNs += 50_000_000) {
    await page.evaluate((ns) => window.glasshouse.advanceTo(ns), timeNs);
    recorded.push({ timeNs, hash: await hashOf(page) });
    if ((await history())!.checkpointBytesSpilled > 20_000_000) break;
  }
  const { checkpointBytes, checkpointBytesMax, checkpointBytesSpilled } = (await history())!;
  expect(checkpointBytesSpilled).toBeGreaterThan(20_000_000);
  expect(checkpointBytes).toBeLessThanOrEqual(checkpointBytesMax);
  for (const { timeNs, hash } of [recorded[0]!, recorded[recorded.length >> 1]!, recorded.at(-1)!]) {
    await page.evaluate((ns) => window.glasshouse.rewindTo(ns), timeNs);
    expect(await hashOf(page)).toBe(hash);
  }
});
