// Goal: the labs of migration and of snapshots run on a small Linux under redis on the page: chosen in the list of labs, booted before the lab
// begins, moved and snapshotted by the story's button, the same run as in Node; when its files are not there, the page says how to get them.
// Method: the page's own buttons; what it tells; the hash of the same world with the same commands in this process.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { readGuestManifest } from '../core/protocol/guest-library.ts';
import { fileName, LAB_GUESTS, labGuestsOf, LABS_WITH_GUESTS } from '../core/protocol/lab-guests.ts';
import type { LoggedCommand } from '../core/protocol/command.ts';
import { runLabWorld } from '../core/testing/lab-world.ts';
import { act, openLab, story } from './lab-page.ts';

test.describe.configure({ retries: 0 });
test.use({ serviceWorkers: 'block' }); // its requests could not be answered for it

const FOLDER = new URL('../public/guests/', import.meta.url);
const MANIFEST = new URL('manifest.json', FOLDER);
const read = existsSync(MANIFEST) ? readGuestManifest(readFileSync(MANIFEST, 'utf8')) : undefined;
const THERE = read?.ok === true ? labGuestsOf(read.value) : [];
const [REDIS] = LAB_GUESTS;
const MINUTES = 4 * 60_000;
/** What says that the lab's own mechanism is through. */
const DONE: Readonly<Record<string, RegExp>> = { 'precopy-migration': /^It stopped for .*ms\. Stop-and-copy/, 'live-snapshot': /^It stood for .*µs\. Stop-and-copy/ };

for (const lab of LABS_WITH_GUESTS) {
  const title = `${lab} on ${REDIS!.title}: it boots, the lab does its work, redis answers right; the same run as in Node`;
  if (!THERE.includes(REDIS!)) {
    test.skip(`${title} (left out: guests not fetched; run ${REDIS!.command})`, () => undefined);
    continue;
  }
  test(title, async ({ page }) => {
    test.setTimeout(MINUTES);
    await openLab(page, `/lab/${lab}`);
    await page.evaluate(() => window.glasshouse.runCommand('labs'));
    await page.locator(`[data-guest=${lab}-redis]`).click();
    await expect(page.locator('[data-dialog=labs]')).toBeHidden({ timeout: 60_000 });
    await expect(story(page)).toHaveText(REDIS!.boots);
    await expect(story(page)).not.toHaveText(REDIS!.boots, { timeout: MINUTES });
    const lines = page.locator('[data-entity="vm:1"].console-lines');
    await expect(lines).toContainText('redis');
    await act(page);
    await expect(page.locator('[data-mark=knobs]').getByText('Requests to redis').first()).toBeVisible();
    await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
    await expect(story(page)).toHaveText(DONE[lab]!, { timeout: MINUTES });
    await page.evaluate(async () => {
      await window.glasshouse.runCommand('play-pause');
      await window.glasshouse.runCommand('console-input', { vm: 1, text: 'sum\n' });
      const now = window.glasshouse.metrics()['virtual-time']!.value;
      await window.glasshouse.advanceTo(now + 400_000_000);
    });
    const file = JSON.parse(await page.evaluate(() => window.glasshouse.exportRun())) as { readonly endNs: number; readonly log: readonly LoggedCommand[] };
    const hash = await page.evaluate(() => window.glasshouse.runHash());
    const files = new Map(Object.values(REDIS!.files).map((path) => [fileName(path), new Uint8Array(readFileSync(new URL(path, FOLDER)))]));
    const run = runLabWorld({ lab, ...file }, REDIS!, files);
    expect(hash).toBe(run.hash());
    const said = run.snapshots().flatMap((it) => it.console).map(({ text }) => text).join('');
    expect(said).toMatch(/^redis sum [0-9a-f]{40} after \d+ requests$/m);
    expect(said).not.toMatch(/CORRUPT|Oops|BUG:|does not know/);
  });
}

test('a guest of labs that is not there says how to get it, and changes nothing', async ({ page }) => {
  await openLab(page, '/lab/precopy-migration');
  await page.route('**/guests/manifest.json', (route) => route.fulfill({ status: 404, body: '' }));
  expect(await page.evaluate(() => window.glasshouse.runCommand('lab-on-redis'))).toContain(`“${REDIS!.command}” gets it`);
  await page.evaluate(() => window.glasshouse.runCommand('labs'));
  await expect(page.locator('[data-guest=precopy-migration-redis]')).toContainText(REDIS!.command);
  expect(await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBeGreaterThan(0);
  await openLab(page, '/lab/skeleton');
  expect(await page.evaluate(() => window.glasshouse.runCommand('open-lab-guest', { guest: 'redis', lab: 'skeleton' }))).toContain('takes no other guest');
});
