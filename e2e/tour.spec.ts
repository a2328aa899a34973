// Goal: the tour as a teacher and a class live it: left and resumed, also over a reload; back and on; guess beside the result;
// words of one's own; notes in step; a lecture's hidden answers; nothing shown is covered. Method: the smallest lab, keys and
// clicks; axe on every face of the card.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { findWalkthrough } from '../core/mechanisms/catalog.ts';
import { openLab } from './lab-page.ts';

const tourOf = (page: Page) => page.evaluate(() => window.glasshouse.tour());
const timeOf = (page: Page) => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);
const card = (page: Page) => page.getByRole('region', { name: 'Tour' });
const reached = (page: Page, step: string, phase: string) => page.waitForFunction((wanted) => {
  const tour = window.glasshouse.tour();
  return tour?.step === wanted.step && tour.phase === wanted.phase && !tour.busy;
}, { step, phase });

/** The skeleton's tour, at its question. */
async function atQuestion(page: Page, query = ''): Promise<void> {
  await openLab(page, `/lab/skeleton?tour=1${query}`);
  await expect(page.locator('[data-tour]')).toBeVisible();
  await page.evaluate(() => window.glasshouse.runCommand('go-to-step', { step: 'pause' }));
  await reached(page, 'pause', 'waiting');
}

/** From the question to its answer. */
async function answered(page: Page, guess: string): Promise<void> {
  await page.locator('[data-guess]').fill(guess);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.glasshouse.tour()?.phase !== 'waiting');
  await page.evaluate(async () => {
    if (window.glasshouse.tour()?.phase === 'running') await window.glasshouse.runCommand('next-step');
  });
  await reached(page, 'pause', 'over');
}

test('left with Escape and resumed where it was', async ({ page }) => {
  await atQuestion(page);
  await page.keyboard.press('Escape');
  await expect(card(page)).toBeHidden();
  expect(await tourOf(page)).toMatchObject({ on: false, step: 'pause' });
  await page.getByRole('button', { name: 'Resume the tour' }).click();
  await expect(card(page)).toBeVisible();
  expect(await tourOf(page)).toMatchObject({ on: true, step: 'pause', phase: 'waiting' });
});

test('the guess stands beside the result, and a reload goes on where it was', async ({ page }) => {
  await atQuestion(page);
  await answered(page, '50');
  const result = (await tourOf(page))!.results.at(-1)!;
  expect(result).toMatchObject({ holds: true, answer: { guess: 50_000_000, metric: 'gap-longest' } });
  await expect(card(page).locator('[data-tour-answer]')).toContainText(/Guessed\s*50\sms\s*Measured\s*[\d.]+\sms/);
  const before = await timeOf(page);
  await page.reload();
  await page.evaluate(() => window.glasshouse.ready());
  await reached(page, 'pause', 'over');
  await expect(card(page).locator('[data-tour-answer]')).toContainText('50');
  expect((await tourOf(page))!.results).toEqual(expect.arrayContaining([result]));
  expect(await timeOf(page)).toBeGreaterThanOrEqual(before - 100_000_000);
  await page.keyboard.press('PageDown');
  await reached(page, 'faster', 'waiting');
});

test('PageUp takes the run back to where the step began, and the same step comes to the same', async ({ page }) => {
  await atQuestion(page);
  await answered(page, '50');
  const first = (await tourOf(page))!.results.at(-1)!;
  await page.keyboard.press('PageUp');
  await reached(page, 'pause', 'waiting');
  expect(await timeOf(page)).toBe(first.beganAtNs);
  await page.waitForTimeout(300);
  expect(await timeOf(page)).toBe(first.beganAtNs); // it stands until the step begins
  expect((await tourOf(page))!.guess).toBeUndefined();
  await answered(page, '70');
  const again = (await tourOf(page))!.results.at(-1)!;
  expect(again).toMatchObject({ holds: true, answer: { guess: 70_000_000, value: first.answer!.value } });
  expect(again.beganAtNs).toBe(first.beganAtNs);
});

test('a wrong narration is told by file, path and problem; a right one speaks at once', async ({ page }) => {
  await atQuestion(page);
  const offer = async (content: unknown) => {
    const chooser = page.waitForEvent('filechooser');
    void page.evaluate(() => window.glasshouse.runCommand('open-narration'));
    await (await chooser).setFiles({ name: 'mine.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(content)) });
  };
  const { steps } = findWalkthrough('skeleton')!;
  const mine = {
    format: 'glasshouse-narration', version: 1, lab: 'skeleton', language: 'eo',
    steps: Object.fromEntries(steps.map((step) => [step.id, {
      say: `Diru: ${step.say}`, ...(step.button === undefined ? {} : { button: 'Ek!' }), ...(step.wait === undefined ? {} : { wait: step.wait }),
      ...(step.ask === undefined ? {} : { question: 'Kiom da milisekundoj?' }),
    }])),
  };
  const { pause: _, ...incomplete } = mine.steps;
  await offer({ ...mine, steps: incomplete });
  await expect(card(page).getByRole('alert')).toHaveText('The narration “mine.json”: steps.pause is missing.');
  await offer(mine);
  await expect(card(page).getByRole('button', { name: 'Ek!' })).toBeVisible();
  await expect(card(page)).toContainText('Kiom da milisekundoj?');
  await expect(card(page).getByRole('alert')).toBeHidden();
  expect(await tourOf(page)).toMatchObject({ language: 'eo', step: 'pause', phase: 'waiting' });
});

test('in German by the link, in English again by the menu', async ({ page }) => {
  await openLab(page, '/lab/skeleton?tour=1&lang=de');
  await expect(card(page)).toContainText('Diese VM gibt in jeder Periode eine Zeile aus.');
  await expect(page.locator('[data-tour]')).toHaveAttribute('lang', 'de');
  await page.getByRole('button', { name: 'View, files and help' }).click();
  await page.getByRole('menuitem', { name: 'Tour: English' }).click();
  await expect(card(page)).toContainText('This VM prints a line each period.');
});

test('the presenter’s notes are in step and drive', async ({ page }) => {
  await atQuestion(page);
  const popup = page.waitForEvent('popup');
  await page.evaluate(() => void window.glasshouse.runCommand('presenter-notes'));
  const notes = await popup;
  const now = notes.getByRole('region', { name: 'The present step' });
  await expect(now).toHaveAttribute('data-notes-step', 'pause');
  await expect(notes.locator('[data-notes-following]')).toContainText('Tick faster');
  await page.locator('[data-guess]').fill('50');
  await expect(now).toContainText(/Guessed: 50\sms/);
  await notes.getByRole('button', { name: 'Pause it briefly' }).click();
  await expect.poll(async () => (await tourOf(page))?.phase).not.toBe('waiting');
  await notes.bringToFront();
  if ((await tourOf(page))?.phase === 'running') await notes.keyboard.press('PageDown');
  await reached(page, 'pause', 'over');
  await expect(now).toContainText(/Measured\s*[\d.]+\sms/);
  await notes.keyboard.press('PageDown');
  await reached(page, 'faster', 'waiting');
  await expect(now).toHaveAttribute('data-notes-step', 'faster');
});

test('a lecture’s answers are covered until the teacher reveals them; the tour’s own knob turns all the same', async ({ page }) => {
  await atQuestion(page, '&lecture=1');
  await answered(page, '50');
  const measured = card(page).locator('[data-tour-answer] .story__number');
  expect(await measured.evaluate((it) => getComputedStyle(it).visibility)).toBe('hidden');
  await expect(page.locator('[data-tour-spoken]')).toHaveText('Measured: hidden until it is revealed.');
  expect(await page.evaluate(() => window.glasshouse.runCommand('set-knob', { knob: 'pause', value: 70_000_000 }))).toContain('locked');
  await page.evaluate(() => window.glasshouse.runCommand('reveal-answers'));
  expect(await measured.evaluate((it) => getComputedStyle(it).visibility)).toBe('visible');
  await expect(page.locator('[data-tour-spoken]')).toHaveText(/Measured: [\d.]+\sms\./);
  await page.evaluate(() => window.glasshouse.runCommand('next-step'));
  await reached(page, 'faster', 'waiting');
  await page.evaluate(() => window.glasshouse.runCommand('next-step'));
  await page.waitForFunction(() => window.glasshouse.tour()?.phase !== 'waiting');
  expect((await tourOf(page))!.results.filter(({ holds }) => !holds)).toEqual([]);
});

/** How much of what the present step shows lies under the card. Unit: square CSS px. */
const coveredPixels = (page: Page) => page.evaluate(() => {
  const tour = document.querySelector('[data-tour]')!.getBoundingClientRect();
  const shown = window.glasshouse.tour()!.shown;
  return shown.reduce((sum, box) => {
    const width = Math.min(tour.right, box.x + box.width) - Math.max(tour.left, box.x);
    const height = Math.min(tour.bottom, box.y + box.height) - Math.max(tour.top, box.y);
    return sum + Math.max(0, width) * Math.max(0, height);
  }, 0);
});

for (const density of ['lab', 'projector'] as const) {
  test(`the card covers nothing that a step shows, ${density}`, async ({ page }) => {
    await openLab(page, `/lab/precopy-migration?tour=1&view=${density}`);
    for (const { id, show } of findWalkthrough('precopy-migration')!.steps) {
      await page.evaluate((step) => window.glasshouse.runCommand('go-to-step', { step }), id);
      await page.waitForFunction((step) => window.glasshouse.tour()?.step === step, id);
      await expect(page.locator('[data-tour][data-placed]')).toBeVisible();
      await page.waitForTimeout(400); // graphs have come in, the card has found its place
      expect(await page.evaluate(() => window.glasshouse.tour()!.shown.length), `${id} shows ${show.join(', ')}`).toBeGreaterThan(0);
      expect(await coveredPixels(page), id).toBe(0);
      const box = (await page.locator('[data-tour]').boundingBox())!;
      expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= 1280 && box.y + box.height <= 720, id).toBe(true);
      const least = await page.locator('[data-tour]').evaluate((it) => Math.min(...[...it.querySelectorAll('p:not(.visually-hidden), button, label, input')].map((part) => Number.parseFloat(getComputedStyle(part).fontSize))));
      if (density === 'projector') expect(least, id).toBeGreaterThanOrEqual(20);
    }
  });
}

for (const [name, media] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }], ['forced colours', { forcedColors: 'active', reducedMotion: 'reduce' }]] as const) {
  test(`axe finds nothing on the tour, ${name}`, async ({ page }) => {
    await page.emulateMedia(media);
    const clean = async (state: string) => {
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
      expect(violations.map((it) => `${state}: ${it.id} at ${it.nodes.map((node) => node.target.join(' ')).slice(0, 3).join('; ')}`)).toEqual([]);
    };
    await atQuestion(page);
    await clean('question');
    await answered(page, '50');
    await clean('answer');
    const small = await page.locator('[data-tour]').evaluate((it) => [...it.querySelectorAll('button, input:not([type=range])')]
      .map((part) => part.getBoundingClientRect()).filter(({ width, height }) => width < 24 || height < 24).length);
    expect(small).toBe(0);
    // Tab goes through the card and out of it: a tour is no trap.
    await page.locator('[data-tour-next]').focus();
    for (let press = 0; press < 3; press++) await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('[data-tour]') === null)).toBe(true);
  });
}
