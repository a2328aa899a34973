// Goal: what every screen of every lab must keep: a first screen of one picture, one sentence and one button; numbers with
// unit and entity; still pictures when paused; knobs near their marks and live; readable projector text. Method: measure
// the built page in Chromium, lab by lab of the catalog. (Colours: web/styles/tokens.test.ts. Frames: frame-work.spec.ts.)
import { expect, type Page, test } from '@playwright/test';
import { CATALOG } from '../core/mechanisms/catalog.ts';
import { findLabGuest } from '../core/protocol/lab-guests.ts';
import { act, LOOKS_LATER, momentOf, openLab, openPaused, story, storyButton } from './lab-page.ts';

/** Texts on screen whose element does not satisfy a rule. */
async function texts(page: Page, rule: 'stray-number' | 'small'): Promise<string[]> {
  return await page.evaluate((asked) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement;
      const text = (node.textContent ?? '').trim();
      if (parent === null || text === '' || !parent.checkVisibility() || parent.closest('.visually-hidden, script, noscript') !== null) continue;
      if (asked === 'small') {
        const size = Number.parseFloat(getComputedStyle(parent).fontSize);
        if (size < 20) found.push(`${size} px: ${text.slice(0, 40)}`);
      } else if (/\d/.test(text) && parent.closest('.number, [data-entity], .console-lines, svg, select, option, .uplot') === null) found.push(text);
    }
    return found;
  }, rule);
}

for (const { id: lab, knobs } of CATALOG) {
  test.describe(lab, () => {
    test('the first screen is one picture, one sentence and one button; it moves by itself, inside marks only', async ({ page }) => {
      await openLab(page, `/lab/${lab}`);
      await test.step('one picture, one sentence, one button', async () => {
        const share = await page.evaluate(() => {
          const picture = document.querySelector('[data-stage]')!.parentElement!.getBoundingClientRect();
          return (picture.width * picture.height) / (innerWidth * innerHeight);
        });
        expect(share).toBeGreaterThanOrEqual(0.75);
        await expect(page.locator('[data-primary="true"]')).toHaveCount(1);
        await expect(page.locator('.panel')).toHaveCount(0);
        await expect(story(page)).not.toContainText(/\d/); // nothing has been measured yet
        const words = await page.evaluate(() => {
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const found: string[] = [];
          for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
            const parent = node.parentElement;
            if (parent === null || parent.closest('[data-mark], .visually-hidden, script, noscript') !== null || !parent.checkVisibility()) continue;
            found.push(...(node.textContent ?? '').split(/\s+/).filter((word) => /[a-zA-Z]{2,}/.test(word)));
          }
          return found;
        });
        expect(words.length, words.join(' ')).toBeLessThanOrEqual(25);
      });
      await test.step('the picture lives before anything is asked', async () => {
        const clock = () => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);
        const before = await clock();
        await expect.poll(clock).toBeGreaterThan(before);
        await expect(storyButton(page)).toBeEnabled();
      });
      await test.step('pixels change only inside marks', async () => {
        await page.waitForTimeout(500);
        await page.addStyleTag({ content: '[data-mark], [data-stage] canvas, .transport__clock { visibility: hidden !important; }' });
        const first = await page.screenshot();
        await page.waitForTimeout(1000);
        expect((await page.screenshot()).equals(first)).toBe(true);
      });
    });

    test('every number has a unit and an entity; a paused picture stands still; projector text is 20 px or more, and nothing covers the sentence', async ({ page }) => {
      await openPaused(page, lab);
      const small = async () => {
        await page.evaluate(() => window.glasshouse.runCommand('density-projector'));
        await page.waitForTimeout(500);
        expect(await texts(page, 'small')).toEqual([]);
      };
      await test.step('projector text of the first screen', small);
      await page.evaluate(() => window.glasshouse.runCommand('density-lab'));
      // The picture after the story's button: marks, knobs and strip are all there.
      await act(page);
      await page.evaluate((ns) => window.glasshouse.advanceTo(ns), momentOf(lab, LOOKS_LATER));
      await test.step('numbers', async () => {
        const faults = await page.evaluate(() =>
          [...document.querySelectorAll<HTMLElement>('.number')]
            .filter((element) => element.checkVisibility() && /\d/.test(element.textContent ?? ''))
            .filter((element) => element.closest('table') === null && element.closest('[data-entity="run"]') === null)
            .filter((element) => element.dataset['entity'] === undefined || element.dataset['unit'] === undefined)
            .map((element) => element.outerHTML.slice(0, 120)),
        );
        expect(faults).toEqual([]);
        // Digits outside .number belong to names, guest text, axes and listings only.
        expect(await texts(page, 'stray-number')).toEqual([]);
      });
      await test.step('two screenshots a second apart are identical', async () => {
        await page.waitForTimeout(900); // panels have slid in, thumbs have settled, charts have drawn their last sample
        const first = await page.screenshot();
        await page.waitForTimeout(1000);
        expect((await page.screenshot()).equals(first)).toBe(true);
      });
      await test.step('projector text with all marks, and the sentence', async () => {
        await small();
        const crossed = await page.evaluate(() => {
          const button = document.querySelector('[data-story] ~ [data-primary]')!.getBoundingClientRect();
          const stage = document.querySelector('[data-stage]')!.getBoundingClientRect();
          return button.bottom > stage.bottom;
        });
        expect(crossed, 'the story fits the stage').toBe(false);
      });
    });

    test('each knob lies within 120 px of its mark, and the run takes its value', async ({ page }) => {
      await openLab(page, `/lab/${lab}`);
      await act(page);
      if ((await page.locator('[data-knob]:visible').count()) === 0) await page.evaluate(() => window.glasshouse.runCommand('toggle-knobs'));
      // Knobs of a guest that is chosen instead of the lab's own stand there only while it runs (guest-labs.spec.ts).
      for (const row of knobs.filter(({ guest }) => guest === undefined || findLabGuest(guest) === undefined)) {
        const knob = page.locator(`[data-knob="${row.id}"]:visible`);
        const control = row.scale === 'switch' ? knob.getByRole('switch') : knob.getByRole('slider');
        await expect(control, row.id).toHaveCount(1);
        const { distance, outside } = await knob.evaluate((element) => {
          const box = element.getBoundingClientRect();
          // Knobs stand in a group that is itself a mark's part: measure to the nearest other mark of the same picture.
          const marks = [...document.querySelectorAll('[data-mark]:not([data-mark="knobs"])')].filter((mark) => mark.checkVisibility());
          return {
            distance: Math.min(...marks.map((mark) => {
              const its = mark.getBoundingClientRect();
              return Math.hypot(Math.max(0, its.left - box.right, box.left - its.right), Math.max(0, its.top - box.bottom, box.top - its.bottom));
            })),
            outside: !element.contains(document.elementFromPoint(box.x + box.width / 2, box.bottom - 12)),
          };
        });
        expect(distance, `${row.id} stands ${distance} px from the nearest mark`).toBeLessThanOrEqual(120);
        expect(outside, `${row.id} can be reached with the pointer`).toBe(false);
        await control.focus();
        await page.keyboard.press(row.scale === 'switch' ? 'Space' : row.default === row.maximum ? 'ArrowLeft' : 'ArrowRight');
        await expect(knob, `${row.id} is confirmed by the run`).toHaveAttribute('data-pending', 'false');
        const logged = await page.evaluate(async () => JSON.parse(await window.glasshouse.exportRun()) as { log: { command: { kind: string; knob?: string } }[] });
        expect(logged.log.some((it) => it.command.kind === 'set-knob' && it.command.knob === row.id), `${row.id} is in the command log`).toBe(true);
      }
    });
  });
}
