/**
 * `npm run screenshots`: every lab of the house as a person sees it, into .cache/screenshots (not under version
 * control): the first picture and the picture after the story's first button, light and dark, in all densities.
 * `-- lab-slug …` for some labs only, `--size 1920x1080` for another window.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { slugsIn } from './mechanism-files.mjs';
import { serve } from './serve.mjs';
import { findChromium, root } from './tool-install.mjs';

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** When the pictures are taken, in looks of the lab's walkthrough: guests have booted, sites are at work; then what the story's button did. */
const LOOKS_FIRST = 15;
const LOOKS_LATER = 18;
/** Virtual time between two looks where the walkthrough names none. Unit: ns. */
const LOOK_NS = 20e6;
/** Panels slide in, charts are drawn at most five times a second. Unit: ms. */
const SETTLE_MS = 700;

async function take(page, folder, name) {
  await page.waitForTimeout(SETTLE_MS);
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  process.stdout.write(`${path}\n`);
}

const run = (page, id) => page.evaluate((it) => window.glasshouse.runCommand(it), id);

async function takeLab(page, { folder, lab, name, url }) {
  await page.goto(`${url}#/lab/${lab}?autoplay=0`);
  await page.waitForFunction(() => window.glasshouse !== undefined);
  await page.evaluate(() => window.glasshouse.ready());
  const lookNs = await page.evaluate((none) => window.glasshouse.walkthrough()?.lookNs ?? none, LOOK_NS);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), LOOKS_FIRST * lookNs);
  await take(page, folder, `${name}-1-first`);
  const button = page.locator('[data-story] ~ [data-primary=true]');
  if ((await button.count()) === 1) {
    await button.click();
    await page.waitForTimeout(200); // the command is on its way to the run
    await page.evaluate((ns) => window.glasshouse.advanceTo(ns), LOOKS_LATER * lookNs);
    await take(page, folder, `${name}-2-later`);
  }
  await run(page, 'density-projector');
  await take(page, folder, `${name}-3-projector`);
  await run(page, 'density-workbench');
  await take(page, folder, `${name}-4-workbench`);
}

/** Takes all pictures; gives the exit status. */
export async function takeScreenshots(rest) {
  const at = rest.indexOf('--size');
  const [width, height] = (at < 0 ? '1280x720' : (rest[at + 1] ?? '')).split('x').map(Number);
  const asked = rest.filter((word, index) => word !== '--size' && index !== at + 1 || at < 0);
  const unknown = asked.find((lab) => !slugsIn(root).includes(lab));
  if (unknown !== undefined || !(width >= 320 && height >= 240)) {
    process.stderr.write(unknown === undefined ? '--size takes a width and a height such as 1280x720.\n' : `There is no lab '${unknown}'; known are ${slugsIn(root).join(', ')}.\n`);
    return 2;
  }
  const executablePath = await findChromium();
  if (executablePath === undefined) return 1;
  const { chromium } = await import('@playwright/test');
  const folder = join(root, '.cache/screenshots');
  if (asked.length === 0 && at < 0) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const server = await serve(join(root, 'dist'), ['--port', '0']);
  const browser = await chromium.launch({ executablePath, args: flags });
  try {
    for (const lab of asked.length > 0 ? asked : slugsIn(root)) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await browser.newPage({ viewport: { width, height }, colorScheme });
        page.on('pageerror', (error) => process.stderr.write(`${lab}, ${colorScheme}: ${error.message}\n`));
        await takeLab(page, { folder, lab, name: `${lab}-${width}x${height}-${colorScheme}`, url: `http://localhost:${server.address().port}/` });
        await page.close();
      }
    }
    return 0;
  } finally {
    await browser.close();
    server.close();
  }
}
