// Goal: what every screen must keep: numbers with unit and entity, still pictures when paused, knobs near their marks
// and live, readable projector text, colours that stay apart. Method: measure the built page in Chromium.
import { expect, type Page, test } from '@playwright/test';
import { contract } from '../core/mechanisms/precopy-migration/contract.ts';
import { commandAt, loadPaused, openLab, story } from './lab-page.ts';

async function migrateAndPause(page: Page): Promise<void> {
  await openLab(page);
  await loadPaused(page);
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, 150_000_000);
  await page.evaluate(() => window.glasshouse.advanceTo(300_000_000));
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
}

test('every number on screen has a unit and an entity', async ({ page }) => {
  await migrateAndPause(page);
  const faults = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('.number')]
      .filter((element) => element.checkVisibility() && /\d/.test(element.textContent ?? ''))
      .filter((element) => element.closest('table') === null)
      .filter((element) => element.closest('[data-entity="run"]') === null)
      .filter((element) => element.dataset['entity'] === undefined || element.dataset['unit'] === undefined)
      .map((element) => element.outerHTML.slice(0, 120)),
  );
  expect(faults).toEqual([]);
  // Digits outside .number belong to names, guest text, axes and listings only.
  const stray = await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (parent === null || !/\d/.test(node.textContent ?? '') || !parent.checkVisibility()) continue;
      if (parent.closest('.number, [data-entity], script, noscript, .console-lines, .visually-hidden, svg, select, option, .uplot') !== null) continue;
      found.push((node.textContent ?? '').trim());
    }
    return found;
  });
  expect(stray).toEqual([]);
});

test('paused: two screenshots a second apart are identical', async ({ page }) => {
  await migrateAndPause(page);
  await page.waitForTimeout(700); // panels have slid in, thumbs have settled
  const first = await page.screenshot();
  await page.waitForTimeout(1000);
  const second = await page.screenshot();
  expect(first.equals(second)).toBe(true);
});

test('running: pixels change only inside marks', async ({ page }) => {
  await openLab(page);
  await page.waitForTimeout(500);
  const outside = async () => {
    await page.addStyleTag({ content: '[data-mark], [data-stage] canvas, .transport__clock { visibility: hidden !important; }' });
    return await page.screenshot();
  };
  const first = await outside();
  await page.waitForTimeout(1000);
  expect((await page.screenshot()).equals(first)).toBe(true);
});

test('each knob lies within 120 px of its mark, and the run takes its value', async ({ page }) => {
  await openLab(page);
  await page.getByRole('button', { name: 'Move it while it runs' }).click();
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
  for (const row of contract.knobs) {
    const control = row.scale === 'switch' ? page.getByRole('switch', { name: row.title }) : page.getByRole('slider', { name: row.title });
    await expect(control, row.id).toBeVisible();
    const distance = await page.evaluate((id) => {
      const element = [...document.querySelectorAll(`[data-knob="${id}"]`)].find((it) => it.checkVisibility())!;
      const knob = element.getBoundingClientRect();
      const host = element.closest('[data-mark]')!;
      // Knobs stand in a group that is itself a mark's part: measure to the nearest other mark of the same picture.
      const marks = [...document.querySelectorAll('[data-mark]:not([data-mark="knobs"])')].filter((mark) => mark.checkVisibility() && mark !== host || mark.getAttribute('data-mark') === 'migration');
      return Math.min(...marks.map((mark) => {
        const box = mark.getBoundingClientRect();
        const dx = Math.max(0, box.left - knob.right, knob.left - box.right);
        const dy = Math.max(0, box.top - knob.bottom, knob.top - box.bottom);
        return Math.hypot(dx, dy);
      }));
    }, row.id);
    expect(distance, `${row.id} stands ${distance} px from the nearest mark`).toBeLessThanOrEqual(120);
    await control.focus();
    await page.keyboard.press(row.scale === 'switch' ? 'Space' : 'ArrowRight');
    await expect(page.locator(`[data-knob="${row.id}"]:visible`), `${row.id} is confirmed by the run`).toHaveAttribute('data-pending', 'false');
    const value = await page.evaluate(async () => JSON.parse(await window.glasshouse.exportRun()) as { log: { command: { kind: string; knob?: string } }[] });
    expect(value.log.some((it) => it.command.kind === 'set-knob' && it.command.knob === row.id), `${row.id} is in the command log`).toBe(true);
  }
});

test('projector text is 20 px or more', async ({ page }) => {
  await openLab(page);
  await page.evaluate(() => window.glasshouse.runCommand('density-projector'));
  await page.waitForTimeout(500);
  const small = await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (parent === null || (node.textContent ?? '').trim() === '' || !parent.checkVisibility() || parent.closest('.visually-hidden, script, noscript') !== null) continue;
      const size = Number.parseFloat(getComputedStyle(parent).fontSize);
      if (size < 20) found.push(`${size} px: ${(node.textContent ?? '').trim().slice(0, 40)}`);
    }
    return found;
  });
  expect(small).toEqual([]);
});

test('the story never shows a number that was not measured', async ({ page }) => {
  await openLab(page);
  await expect(story(page)).not.toContainText(/\d/);
});
