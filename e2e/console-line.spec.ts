// Goal: the newest line that a VM printed stands whole beside its map, to its last word. Method: boxes of the line and of its frame,
// before and beside a migration's graph, in both densities.
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

/** Whether the last line lies within its frame, and what it says. */
async function lastLine(page: Page): Promise<{ readonly text: string; readonly whole: boolean }> {
  return page.locator('.console-lines:visible').first().evaluate((frame) => {
    const line = frame.querySelector('p:last-child')!;
    const [inner, outer] = [line.getBoundingClientRect(), frame.getBoundingClientRect()];
    const whole = inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1 && line.scrollWidth <= line.clientWidth + 1;
    return { text: line.textContent ?? '', whole };
  });
}

test('the newest line is whole at 1280 pixels', async ({ page }) => {
  await openLab(page);
  await loadPaused(page, { seed: 3 });
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, 210_000_000);
  for (const atNs of [200_000_000, 900_000_000]) {
    await page.evaluate((it) => window.glasshouse.advanceTo(it), atNs);
    const { text, whole } = await lastLine(page);
    expect(text).toMatch(/^dirtier .* gap [\d.]+ ms {2}ok$/);
    expect(whole, text).toBe(true);
  }
});
