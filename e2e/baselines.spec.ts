// Goal: what a knob changes is seen in the run and in its baseline within a second, from one seed and one log. Method: the lab
// plays; the table twin of a chart tells both curves, the run's and the baseline's, before and after a turn.
import { expect, type Page, test } from '@playwright/test';
import { loadPaused, openLab } from './lab-page.ts';

/** Wall time in which a turn must show in both curves. Unit: ms. */
const ANSWER_MS = 1_000;
/** On a machine that others use as well it may take so many times longer; what it took is noted with the test. */
const PATIENCE = 20;

/** The last values of a chart's table twin by column title; numbers in the column's unit. */
async function lastRow(page: Page, figure: string): Promise<Record<string, string>> {
  return page.locator(`[data-figure="${figure}"] table`).evaluate((table) => {
    const heads = [...table.querySelectorAll('thead th')].map((it) => it.textContent ?? '');
    const rows = [...table.querySelectorAll('tbody tr')].map((row) => [...row.querySelectorAll('td, th')].map((it) => it.textContent ?? ''));
    // The newest value of each column: a baseline may be a few samples behind.
    return Object.fromEntries(heads.map((head, column) => [head, rows.findLast((row) => (row[column] ?? '').trim() !== '')?.[column] ?? '']));
  });
}

async function showTable(page: Page, figure: string): Promise<void> {
  await page.locator(`[data-figure="${figure}"] .figure__menu`).click();
  await page.getByRole('menuitem', { name: 'Show as a table' }).click();
}

/** What both dirty rates show; the run's first. Unit: bytes/s. */
async function dirtyRates(page: Page): Promise<[number, number]> {
  const row = await lastRow(page, 'dirty-bytes-per-second');
  return [bytesPerSecond(row['Dirty rate']), bytesPerSecond(row['Dirty rate (Stop-and-copy)'])];
}

function bytesPerSecond(text: string | undefined): number {
  const [value = '', unit = ''] = (text ?? '').split(/\s/u);
  return Number.parseFloat(value) * ({ 'B/s': 1, 'kB/s': 1e3, 'MB/s': 1e6, 'GB/s': 1e9 }[unit] ?? Number.NaN);
}

test('both curves answer a knob within a second, from one seed and one log', async ({ page }) => {
  await openLab(page);
  await loadPaused(page, { seed: 3, knobs: { 'dirty-rate': 1_000 } });
  await page.evaluate(() => window.glasshouse.advanceTo(200_000_000));
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  await expect(page.locator('[data-figure=dirty-bytes-per-second] .legend')).toContainText('Stop-and-copy');
  await showTable(page, 'dirty-bytes-per-second');
  const before = await dirtyRates(page);
  expect(before[0]).toBeGreaterThan(0);
  expect(before[1]).toBe(before[0]); // the same guest, the same seed, nothing moved yet

  expect(await page.evaluate(() => window.glasshouse.runCommand('play-pause'))).toBe('');
  const turnedAt = Date.now();
  expect(await page.evaluate(() => window.glasshouse.runCommand('set-knob', { knob: 'dirty-rate', value: 100_000 }))).toBe('');
  await expect(async () => {
    const now = await dirtyRates(page);
    expect(now[0]).toBeGreaterThan(5 * before[0]);
    expect(now[1]).toBeGreaterThan(5 * before[1]);
  }).toPass({ intervals: [50], timeout: ANSWER_MS * PATIENCE });
  const tookMs = Date.now() - turnedAt;
  test.info().annotations.push({ type: 'both curves answered after', description: `${tookMs} ms` });
  expect(await page.evaluate(() => window.glasshouse.runCommand('play-pause'))).toBe('');
});
