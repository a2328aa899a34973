// Goal: what a knob changes is seen in the run and in its baseline within a second of virtual time, from one seed and one log.
// Method: the table twin of a chart tells both curves before a turn and a second after it. (How long that takes on the wall
// is a machine's business: `npm run bench -- page` measures it.)
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

/** When the knob is turned, and virtual time in which that must show in both curves. Unit: ns. */
const TURNED_AT_NS = 200_000_000;
const ANSWER_NS = 1_000_000_000;

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

test('both curves have answered a knob when a second has passed, from one seed and one log', async ({ page }) => {
  await openLab(page);
  await loadPaused(page, { seed: 3, knobs: { 'dirty-rate': 1_000 } });
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), TURNED_AT_NS);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  await expect(page.locator('[data-figure=dirty-bytes-per-second] .legend')).toContainText('Stop-and-copy');
  await showTable(page, 'dirty-bytes-per-second');
  await expect(async () => {
    const [run, baseline] = await dirtyRates(page);
    expect(run).toBeGreaterThan(0);
    expect(baseline).toBe(run); // the same guest, the same seed, nothing moved yet
  }).toPass({ intervals: [50] });
  const [before] = await dirtyRates(page);
  await commandAt(page, 'set-knob', { knob: 'dirty-rate', value: 100_000 }, TURNED_AT_NS + 1);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), TURNED_AT_NS + ANSWER_NS);
  // The run stands there; its baseline, which never passes it, comes as far in its own time.
  await expect(async () => {
    const now = await dirtyRates(page);
    expect(now[0]).toBeGreaterThan(5 * before);
    expect(now[1]).toBeGreaterThan(5 * before);
  }).toPass({ intervals: [50] });
  expect(await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBe(TURNED_AT_NS + ANSWER_NS);
});
