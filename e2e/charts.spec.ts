// Goal: every chart can be read, focused, brushed and turned into a table; axe finds nothing in light, dark and forced colours.
// Method: one finished migration; axe-core; the keyboard; the interval's numbers.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

const FIGURES = ['dirty-bytes-per-second', 'bytes-left', 'lanes', 'flow', 'heat', 'map', 'gaps', 'downtime-predicted', 'registers', 'throttle-percent', 'ring'];

async function openCharts(page: Page): Promise<void> {
  await openLab(page);
  await loadPaused(page, { seed: 3, knobs: { bandwidth: 4_000_000_000 } });
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, 100_000_000);
  await page.evaluate(() => window.glasshouse.advanceTo(400_000_000));
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  await expect(page.locator('[data-figure]')).toHaveCount(FIGURES.length);
  await expect(page.locator('[data-figure=lanes] .figure__readout')).toContainText('slices');
}

for (const media of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { forcedColors: 'active' }] as const) {
  test(`axe finds nothing in the charts, ${JSON.stringify(media)}`, async ({ page }) => {
    await page.emulateMedia(media);
    await openCharts(page);
    const { violations } = await new AxeBuilder({ page }).include('.charts').withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
    expect(violations.map((it) => `${it.id} at ${it.nodes.map((node) => node.target.join(' ')).slice(0, 3).join('; ')}`)).toEqual([]);
  });
}

test('by keyboard: slices are walked, the cursor moves, an interval is brushed and told', async ({ page }) => {
  await openCharts(page);
  const lanes = page.locator('[data-figure=lanes]');
  await lanes.locator('.spot').first().focus();
  await expect(lanes.locator('.figure__readout')).toContainText('vCPU on host-a: running');
  await page.keyboard.press('ArrowRight');
  await expect(lanes.locator('.figure__readout')).toContainText('stands still');
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  const cursor = page.getByRole('slider', { name: 'Bytes left: cursor in virtual time' });
  await cursor.focus();
  await page.keyboard.press('Home');
  await expect(page.locator('[data-figure=bytes-left] .figure__readout')).toContainText('At ');
  for (let step = 0; step < 10; step++) await page.keyboard.press('Shift+ArrowRight');
  await expect(page.getByRole('region', { name: 'Interval' })).toContainText('0.000');
  const whole = await page.locator('[data-delta=lines] dd').textContent();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('region', { name: 'Interval' })).toContainText('Whole run');
  expect(Number.parseFloat((await page.locator('[data-delta=lines] dd').textContent())!)).toBeGreaterThan(Number.parseFloat(whole!));
  expect(await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBe(400_000_000);
});

test('every chart has a table twin with units and entities', async ({ page }) => {
  await openCharts(page);
  for (const id of FIGURES) {
    const figure = page.locator(`[data-figure="${id}"]`);
    await figure.locator('.figure__menu').click();
    await page.getByRole('menuitem', { name: 'Show as a table' }).click();
    await expect(figure.getByRole('table')).toBeVisible();
    expect(await figure.locator('td.number:not([data-entity]), td.number:not([data-unit])').count()).toBe(0);
    expect(await figure.locator('tbody tr').count()).toBeGreaterThan(0);
  }
});
