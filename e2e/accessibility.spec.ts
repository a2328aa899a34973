// Goal: no axe violation in any state of the page, in light, dark, forced colours, at every density. Method: axe-core in
// Chromium on the first screen, during and after a migration, with every panel and dialog open.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { openLab, vmOn } from './lab-page.ts';

async function expectClean(page: Page, state: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  expect(violations.map((it) => `${state}: ${it.id} at ${it.nodes.map((node) => node.target.join(' ')).slice(0, 3).join('; ')}`)).toEqual([]);
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing in ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await openLab(page);
    await expectClean(page, 'first screen');
    await page.getByRole('button', { name: 'Move it while it runs' }).click();
    await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
    await expectClean(page, 'migrating');
    await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
    await expect(vmOn(page, 'host-b')).toBeVisible({ timeout: 60_000 });
    await expectClean(page, 'moved');
    for (const panel of ['inspector', 'console', 'timeline', 'tables', 'samples']) {
      await page.evaluate((id) => window.glasshouse.runCommand(`toggle-${id}`), panel);
    }
    await page.evaluate(() => window.glasshouse.runCommand('select', { entity: 'vm:1' }));
    await page.waitForTimeout(800);
    await expectClean(page, 'all panels');
    for (const dialog of ['palette', 'help', 'leaves-out']) {
      await page.evaluate((id) => window.glasshouse.runCommand(id), dialog);
      await page.waitForTimeout(300);
      await expectClean(page, dialog);
      await page.keyboard.press('Escape');
    }
    await page.evaluate(() => window.glasshouse.runCommand('density-projector'));
    await page.waitForTimeout(300);
    await expectClean(page, 'projector');
  });
}

test('forced colours and reduced motion keep every control', async ({ page }) => {
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
  await openLab(page);
  await expect(page.getByRole('button', { name: 'Move it while it runs' })).toBeVisible();
  await expectClean(page, 'forced colours');
  await page.getByRole('button', { name: 'Move it while it runs' }).click();
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
});

test('targets are at least 24 px in both directions', async ({ page }) => {
  await openLab(page);
  await page.getByRole('button', { name: 'Move it while it runs' }).click();
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button, [role="slider"], [role="switch"], a[href], input:not([type="range"])')]
      .filter((element) => element.checkVisibility())
      .map((element) => ({ name: element.getAttribute('aria-label') ?? element.textContent ?? '', box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 1 && (box.width < 24 || box.height < 24))
      .map(({ name, box }) => `${name.trim()} ${box.width.toFixed(0)}×${box.height.toFixed(0)}`),
  );
  expect(small).toEqual([]);
});
