// Goal: no axe violation in any state of any lab, in light, dark, forced colours, at every density; all its commands by
// keyboard; with reduced motion nothing slides. Method: axe-core in Chromium on the first screen, after the story's
// button, with every panel and dialog open, lab by lab of the catalog. What all labs share (dialogs, densities) the short form looks at in one.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { CATALOG } from '../core/mechanisms/catalog.ts';
import { act, openLab, openPaused, storyButton } from './lab-page.ts';

const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The rules that a colour scheme can break; the others look at what the schemes share. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

/** The run stands: axe looks at one picture, with the machine to itself. */
async function stand(page: Page): Promise<void> {
  if (await page.getByRole('button', { name: 'Play', exact: true }).isVisible()) return;
  await page.evaluate(() => window.glasshouse.runCommand('play-pause'));
  await expect(page.getByRole('button', { name: 'Play', exact: true })).toBeVisible();
}

/** axe on the page, or on one part of it: every rule, then, where `schemes` names more, those of colour in the others. */
async function expectClean(page: Page, state: string, { part = 'html', schemes = [] }: { part?: string; schemes?: readonly ('light' | 'dark')[] } = {}): Promise<void> {
  const builder = () => new AxeBuilder({ page }).include(part);
  const all = [(await builder().withTags(STANDARDS).analyze()).violations.map((it) => ({ ...it, scheme: schemes[0] ?? '' }))];
  for (const scheme of schemes.slice(1)) {
    await page.emulateMedia({ colorScheme: scheme });
    all.push((await builder().withRules(COLOUR_RULES).analyze()).violations.map((it) => ({ ...it, scheme })));
  }
  if (schemes.length > 1) await page.emulateMedia({ colorScheme: schemes[0]! });
  expect(all.flat().map((it) => `${state} ${it.scheme}: ${it.id} at ${it.nodes.map((node) => node.target.join(' ')).slice(0, 3).join('; ')}`)).toEqual([]);
}

/** Forced colours keep what stands there: every control by its role and name, and what can be read. */
async function expectForced(page: Page, state: string): Promise<void> {
  await page.emulateMedia({ forcedColors: 'active' });
  await expect(storyButton(page)).toBeVisible();
  await expectClean(page, `${state}, forced colours`);
  await page.emulateMedia({ forcedColors: 'none' });
}

const BOTH = ['light', 'dark'] as const;
const run = (page: Page, id: string, args: Record<string, unknown> = {}) => page.evaluate(([name, given]) => window.glasshouse.runCommand(name, given), [id, args] as const);

const isLong = process.env['GLASSHOUSE_VERIFY'] !== undefined;

for (const [index, { id: lab, requests }] of CATALOG.entries()) {
  const whole = isLong || index === 0;
  test(`${lab}: axe finds nothing, light, dark and in forced colours`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' }); // no colour is on its way while axe looks
    await openLab(page, `/lab/${lab}`);
    await stand(page);
    await expectClean(page, 'first screen', { schemes: BOTH });
    await expectForced(page, 'first screen');
    await act(page);
    await stand(page);
    if (whole) await expectClean(page, 'after the story’s button');
    await expectForced(page, 'after the story’s button');
    // On to where the mechanism has done its work.
    await page.evaluate(() => window.glasshouse.advanceTo(window.glasshouse.metrics()['virtual-time']!.value + 1_000_000_000));
    await expectClean(page, 'later', { schemes: BOTH });
    for (const panel of ['inspector', 'console', 'timeline', 'tables', 'samples', 'snapshots']) await run(page, `toggle-${panel}`);
    await run(page, 'select', { entity: 'vm:1' });
    await page.waitForTimeout(800);
    await expectClean(page, 'all panels', { schemes: BOTH });
    for (const dialog of whole ? ['palette', 'help', 'leaves-out', 'labs'] : []) {
      await run(page, dialog);
      await page.waitForTimeout(300);
      await expectClean(page, dialog, { part: '[data-dialog]', schemes: BOTH });
      await page.keyboard.press('Escape');
    }
    for (const request of requests) {
      await run(page, 'open-request', { request: request.id });
      await expect(page.locator('[data-dialog=request]')).toBeVisible();
      await expectClean(page, `the form of ${request.id}`, { part: '[data-dialog]', schemes: BOTH });
      await page.keyboard.press('Escape');
    }
    for (const density of whole ? ['projector', 'workbench'] : ['projector']) {
      await run(page, `density-${density}`);
      await page.waitForTimeout(300);
      await expectClean(page, density, { schemes: BOTH });
    }
  });

  test(`${lab}: with reduced motion nothing slides; targets are at least 24 px in both directions`, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await openPaused(page, lab);
    await act(page);
    const sliding = await page.evaluate(() =>
      [...document.querySelectorAll('*')].filter((element) => {
        const style = getComputedStyle(element);
        return style.transitionDuration.split(',').some((it) => Number.parseFloat(it) > 0) || (style.animationName !== 'none' && Number.parseFloat(style.animationDuration) > 0);
      }).map((element) => element.className.toString()),
    );
    expect(sliding).toEqual([]);
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
