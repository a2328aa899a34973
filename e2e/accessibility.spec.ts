// Goal: no axe violation in any state of any lab, in light, dark, forced colours, at every density; all its commands by
// keyboard; with reduced motion nothing slides. Method: axe-core in Chromium on the first screen, after the story's
// button, with every panel and dialog open, lab by lab of the catalog.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { CATALOG } from '../core/mechanisms/catalog.ts';
import { act, openLab, openPaused, storyButton } from './lab-page.ts';

/** axe on the page, or on one part of it. */
async function expectClean(page: Page, state: string, part = 'html'): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).include(part).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  expect(violations.map((it) => `${state}: ${it.id} at ${it.nodes.map((node) => node.target.join(' ')).slice(0, 3).join('; ')}`)).toEqual([]);
}

const run = (page: Page, id: string, args: Record<string, unknown> = {}) => page.evaluate(([name, given]) => window.glasshouse.runCommand(name, given), [id, args] as const);

for (const { id: lab, requests } of CATALOG) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${lab}: axe finds nothing in ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await openLab(page, `/lab/${lab}`);
      await expectClean(page, 'first screen');
      await act(page);
      await expectClean(page, 'after the story’s button');
      // On to where the mechanism has done its work, and stands: axe looks at one picture.
      await page.evaluate(() => window.glasshouse.advanceTo(window.glasshouse.metrics()['virtual-time']!.value + 1_000_000_000));
      await expectClean(page, 'later');
      for (const panel of ['inspector', 'console', 'timeline', 'tables', 'samples', 'snapshots']) await run(page, `toggle-${panel}`);
      await run(page, 'select', { entity: 'vm:1' });
      await page.waitForTimeout(800);
      await expectClean(page, 'all panels');
      for (const dialog of ['palette', 'help', 'leaves-out', 'labs']) {
        await run(page, dialog);
        await page.waitForTimeout(300);
        await expectClean(page, dialog, '[data-dialog]');
        await page.keyboard.press('Escape');
      }
      for (const request of requests) {
        await run(page, 'open-request', { request: request.id });
        await expect(page.locator('[data-dialog=request]')).toBeVisible();
        await expectClean(page, `the form of ${request.id}`, '[data-dialog]');
        await page.keyboard.press('Escape');
      }
      for (const density of ['projector', 'workbench']) {
        await run(page, `density-${density}`);
        await page.waitForTimeout(300);
        await expectClean(page, density);
      }
    });
  }

  test(`${lab}: forced colours keep every control`, async ({ page }) => {
    await page.emulateMedia({ forcedColors: 'active' });
    await openLab(page, `/lab/${lab}`);
    await expect(storyButton(page)).toBeVisible();
    await expectClean(page, 'forced colours');
    await act(page);
    await expectClean(page, 'forced colours, after the story’s button');
  });

  test(`${lab}: with reduced motion nothing slides`, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await openLab(page, `/lab/${lab}`);
    await act(page);
    const sliding = await page.evaluate(() =>
      [...document.querySelectorAll('*')].filter((element) => {
        const style = getComputedStyle(element);
        return style.transitionDuration.split(',').some((it) => Number.parseFloat(it) > 0) || (style.animationName !== 'none' && Number.parseFloat(style.animationDuration) > 0);
      }).map((element) => element.className.toString()),
    );
    expect(sliding).toEqual([]);
  });

  test(`${lab}: targets are at least 24 px in both directions`, async ({ page }) => {
    await openPaused(page, lab);
    await act(page);
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, [role="slider"], [role="switch"], a[href], input:not([type="range"])')]
        .filter((element) => element.checkVisibility())
        .map((element) => ({ name: element.getAttribute('aria-label') ?? element.textContent ?? '', box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 1 && (box.width < 24 || box.height < 24))
        .map(({ name, box }) => `${name.trim()} ${box.width.toFixed(0)}×${box.height.toFixed(0)}`),
    );
    expect(small).toEqual([]);
  });
}
