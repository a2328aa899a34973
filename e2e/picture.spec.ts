// Goal: no lab's picture changes unnoticed. Method: each lab at a fixed virtual time, paused, after its walkthrough's first
// command, 1280 × 720, light; the screenshot is reduced to 64 × 36 mean colours of 4 bits a channel and compared with the
// digest beside the lab's view (web/labs/<slug>/picture.txt). A digest and not a PNG, because letters differ between
// machines by fonts and hinting: text is hidden, and a block's mean moves by less than a step where a line of a chart's
// axis is drawn in another font. It is text, as golden files are, and a few kilobytes.
// After a wanted change: `npm test -- e2e picture.spec --update-snapshots`, look at `npm run screenshots`, commit both.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { CATALOG, findWalkthrough } from '../core/mechanisms/catalog.ts';
import { LOOKS_FIRST, momentOf, openLab } from './lab-page.ts';

const BLOCK_PX = 20;
/** Steps (of 16) that a channel of a block may be off. */
const STEPS_OFF = 2;
/** Share of blocks that may be off by more: a menu's width, an icon. */
const BLOCKS_OFF = 0.015;
/** When the walkthrough's first command is given. */
const COMMAND_LOOKS = 10;

/** Rows of a picture, three hexadecimal digits a block. */
async function digest(page: Page): Promise<string[]> {
  const png = (await page.screenshot()).toString('base64');
  return await page.evaluate(async ({ data, size }) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    const rows: string[] = [];
    for (let y = 0; y + size <= bitmap.height; y += size) {
      let row = '';
      for (let x = 0; x + size <= bitmap.width; x += size) {
        const pixels = context.getImageData(x, y, size, size).data;
        for (let channel = 0; channel < 3; channel++) {
          let sum = 0;
          for (let at = channel; at < pixels.length; at += 4) sum += pixels[at]!;
          row += Math.min(15, Math.floor((sum * 4) / pixels.length / 16)).toString(16);
        }
      }
      rows.push(row);
    }
    return rows;
  }, { data: png, size: BLOCK_PX });
}

/** Share of blocks that differ by more than STEPS_OFF in a channel; 1 when the sizes differ. */
function shareOff(a: readonly string[], b: readonly string[]): number {
  if (a.length !== b.length || a.some((row, index) => row.length !== b[index]!.length)) return 1;
  let [off, all] = [0, 0];
  for (const [y, row] of a.entries()) {
    for (let x = 0; x < row.length; x += 3) {
      const steps = [0, 1, 2].map((channel) => Math.abs(Number.parseInt(row[x + channel]!, 16) - Number.parseInt(b[y]![x + channel]!, 16)));
      if (Math.max(...steps) > STEPS_OFF) off++;
      all++;
    }
  }
  return off / all;
}

const isUpdating = () => ['all', 'changed'].includes(test.info().config.updateSnapshots);

for (const { id: lab } of CATALOG) {
  test(`${lab}: the picture is the one that was agreed on`, async ({ page }) => {
    const file = join(import.meta.dirname, '../web/labs', lab, 'picture.txt');
    test.skip(!existsSync(file) && !isUpdating(), 'no picture of this lab has been agreed on; --update-snapshots writes it');
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await openLab(page, `/lab/${lab}?autoplay=0`);
    const step = findWalkthrough(lab)?.steps.find((it) => it.do !== undefined);
    if (step !== undefined) expect(await page.evaluate(([id, at]) => window.glasshouse.runCommand('take-step', { step: id }, { at }), [step.id, momentOf(lab, COMMAND_LOOKS)] as const)).toBe('');
    await page.evaluate((ns) => window.glasshouse.advanceTo(ns), momentOf(lab, LOOKS_FIRST));
    await page.addStyleTag({ content: '* { color: transparent !important; caret-color: transparent !important; }' });
    await page.waitForTimeout(1500); // the baselines have come as far, charts have drawn their last sample
    const found = await digest(page);
    if (isUpdating()) writeFileSync(file, `${found.join('\n')}\n`);
    const agreed = readFileSync(file, 'utf8').trim().split('\n');
    expect(shareOff(found, agreed), 'share of blocks that differ').toBeLessThanOrEqual(BLOCKS_OFF);
    // The canary: without what its painters draw, the picture is another.
    await page.addStyleTag({ content: '[data-stage] { visibility: hidden !important; } [data-stage] * { visibility: hidden !important; }' });
    expect(shareOff(await digest(page), agreed), 'the stage counts').toBeGreaterThan(BLOCKS_OFF);
  });
}
