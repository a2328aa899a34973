// Goal: a Linux that moves over four hosts while it works is the same run in Chromium as in Node (there with 1 and 4 workers: workers/node/guests/moving-hash.test.ts).
// Method: the scenario of core/testing/moving-linux.ts opened by script with its files; the hash of the same world in this process. Only in the long form (npm run verify).
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { guestsOf, readGuestManifest } from '../core/protocol/guest-library.ts';
import { runFileWorld } from '../core/testing/file-world.ts';
import { MOVING_LINUX_NS, movingLinux } from '../core/testing/moving-linux.ts';
import { openLab } from './lab-page.ts';

const FOLDER = new URL('../public/guests/', import.meta.url);
const MANIFEST = new URL('manifest.json', FOLDER);
const read = existsSync(MANIFEST) ? readGuestManifest(readFileSync(MANIFEST, 'utf8')) : undefined;
const small = read?.ok === true ? guestsOf(read.value).find(({ id }) => id === 'small') : undefined;
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
const title = 'a Linux that moves over four hosts while it works is the same run as in Node';

if (small === undefined || process.env['GLASSHOUSE_VERIFY'] === undefined) {
  const why = small === undefined ? 'guests not fetched; run npm run guests -- --small' : 'part of npm run verify';
  test.skip(`${title} (left out: ${why})`, () => undefined);
} else {
  test(title, async ({ page }) => {
    test.setTimeout(600_000);
    const { kernel, initrd, disk } = small.files;
    const paths = [kernel, initrd, disk];
    const files = new Map(paths.map((path) => [nameOf(path), new Uint8Array(readFileSync(new URL(path, FOLDER)))]));
    const expected = runFileWorld(movingLinux(small), files, MOVING_LINUX_NS).hash();
    await openLab(page);
    const opened = await page.evaluate(async ({ text, places }) => {
      const fetched: [string, Uint8Array][] = [];
      for (const [name, path] of places) fetched.push([name, new Uint8Array(await (await fetch(`guests/${path}`)).arrayBuffer())]);
      return await window.glasshouse.loadScenario(text, Object.fromEntries(fetched));
    }, { text: movingLinux(small), places: paths.map((path): [string, string] => [nameOf(path), path]) });
    expect(opened).toBe('');
    await page.evaluate((ns) => window.glasshouse.advanceTo(ns), MOVING_LINUX_NS);
    expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(expected);
  });
}
