// Goal: a fetched guest boots on the page to its shell, takes typing, moves to the other host while it works, and is the same run as in Node; a guest
// that is not there says how to get it. Method: the library's own buttons; what the console shows; the hash of the same world in this process.
import { existsSync, readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { GUESTS, guestsOf, readGuestManifest } from '../core/protocol/guest-library.ts';
import { runFileWorld } from '../core/testing/file-world.ts';
import { bareGuestScenario, guestScenario } from '../core/protocol/guest-scenario.ts';
import { openLab } from './lab-page.ts';

test.describe.configure({ retries: 0 });
test.use({ serviceWorkers: 'block' }); // its requests could not be answered for it

const FOLDER = new URL('../public/guests/', import.meta.url);
const MANIFEST = new URL('manifest.json', FOLDER);
const read = existsSync(MANIFEST) ? readGuestManifest(readFileSync(MANIFEST, 'utf8')) : undefined;
const THERE = read?.ok === true ? guestsOf(read.value) : [];
const LOOK_NS = 50_000_000;
const BOOT_NS_MAX = 4_000_000_000;

const lineOf = (page: Page) => page.evaluate(() => document.querySelector('[data-entity="vm:1"].console-lines')?.textContent ?? '');

/** Runs on until the lines beside the VM's map hold a text. */
async function runUntil(page: Page, text: string): Promise<void> {
  const begin = await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);
  for (let ns = begin + LOOK_NS; ns < begin + BOOT_NS_MAX; ns += LOOK_NS) {
    await page.evaluate((to) => window.glasshouse.advanceTo(to), ns);
    if ((await lineOf(page)).includes(text)) return;
  }
  throw new Error(`the console does not show “${text}”; it shows “${await lineOf(page)}”`);
}

const type = (page: Page, text: string) => page.evaluate((it) => window.glasshouse.runCommand('console-input', { vm: 1, text: it }), text);

for (const guest of GUESTS) {
  const title = `${guest.id} boots to its shell on the page, works, moves and works on; the same run as in Node`;
  if (!THERE.includes(guest)) {
    test.skip(`${title} (left out: guests not fetched; run ${guest.command})`, () => undefined);
    continue;
  }
  test(title, async ({ page }) => {
    await openLab(page);
    await page.evaluate(() => window.glasshouse.runCommand('labs'));
    await page.locator(`[data-guest=${guest.id}]`).click();
    await expect(page.locator('[data-dialog=labs]')).toBeHidden({ timeout: 60_000 });
    await page.evaluate(() => window.glasshouse.ready());
    await page.evaluate(() => window.glasshouse.runCommand('play-pause'));
    await runUntil(page, '~ #');
    await type(page, 'echo $((6*7)); cat /proc/cpuinfo | grep -c ^hart\n');
    await runUntil(page, '42');
    expect(await page.evaluate(() => window.glasshouse.runCommand('migrate', { vm: 1, to: 1 }))).toBe('');
    await type(page, 'sync; echo moved $((7*8))\n');
    await runUntil(page, 'moved 56');
    for (let look = 0; look < 40 && (await page.evaluate(() => window.glasshouse.metrics()['migrations-done']?.value)) !== 1; look++) {
      await page.evaluate(() => window.glasshouse.advanceTo(window.glasshouse.metrics()['virtual-time']!.value + 50_000_000));
    }
    await type(page, 'echo still $((8*9)); dmesg | tail -1\n');
    await runUntil(page, 'still 72');
    // The same files and commands in this process: the same history.
    const name = (path: string) => path.slice(path.lastIndexOf('/') + 1);
    const { kernel, initrd, disk } = guest.files;
    const files = new Map([kernel, initrd, disk].map((path) => [name(path), new Uint8Array(readFileSync(new URL(path, FOLDER)))]));
    const scenario = guestScenario(guest, 1);
    const until = 300_000_000;
    await page.evaluate((it) => window.glasshouse.runCommand('open-guest', it), { guest: guest.id, vcpus: 1 });
    await page.evaluate(() => window.glasshouse.ready());
    await page.evaluate((ns) => window.glasshouse.advanceTo(ns), until);
    expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(runFileWorld(scenario, files, until).hash());
  });
}

for (const guest of GUESTS) {
  const title = `${guest.id} boots on a bare-metal board of the page to its shell, works, is rewound; the same run as in Node`;
  if (!THERE.includes(guest)) {
    test.skip(`${title} (left out: guests not fetched; run ${guest.command})`, () => undefined);
    continue;
  }
  test(title, async ({ page }) => {
    await openLab(page);
    await page.evaluate(() => window.glasshouse.runCommand('labs'));
    await page.locator(`[data-board=${guest.id}][data-harts="2"]`).click();
    await expect(page.locator('[data-dialog=labs]')).toBeHidden({ timeout: 60_000 });
    await page.evaluate(() => window.glasshouse.ready());
    await page.evaluate(() => window.glasshouse.runCommand('play-pause'));
    await runUntil(page, '~ #');
    await expect(page.locator('[data-stage] .board__hart')).toHaveCount(2);
    await expect(page.locator('[data-stage] .board__device[data-state=driven]')).not.toHaveCount(0);
    await type(page, 'echo $((6*7)); grep -c ^hart.*: /proc/cpuinfo; cat /proc/cpuinfo | head -3\n');
    await runUntil(page, 'isa');
    expect(await lineOf(page)).toContain('42');
    expect(await page.evaluate(() => window.glasshouse.command({ kind: 'migrate', vm: 1, to: 1 }))).toContain('bare metal');
    await type(page, 'echo later $((8*9))\n');
    const beforeNs = await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);
    await runUntil(page, 'later 72');
    await page.evaluate((ns) => window.glasshouse.rewindTo(ns - 1_000_000), beforeNs);
    expect(await lineOf(page)).not.toContain('later 72');
    // The same files in this process: the same history, for each number of harts.
    const name = (path: string) => path.slice(path.lastIndexOf('/') + 1);
    const files = new Map(Object.values(guest.files).map((path) => [name(path), new Uint8Array(readFileSync(new URL(path, FOLDER)))]));
    const until = 300_000_000;
    for (const harts of [1, 2]) {
      await page.evaluate((it) => window.glasshouse.runCommand('boot-board', it), { guest: guest.id, harts });
      await page.evaluate(() => window.glasshouse.ready());
      await page.evaluate((ns) => window.glasshouse.advanceTo(ns).catch(() => window.glasshouse.rewindTo(ns)), until);
      expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(runFileWorld(bareGuestScenario(guest, harts), files, until).hash());
    }
  });
}

test('a guest that is not there says how to get it, and changes nothing', async ({ page }) => {
  await openLab(page);
  await page.route('**/guests/manifest.json', (route) => route.fulfill({ status: 404, body: '' }));
  const sentence = await page.evaluate(() => window.glasshouse.runCommand('open-guest', { guest: 'debian' }));
  expect(sentence).toContain('“npm run guests” gets it');
  expect(await page.evaluate(() => window.glasshouse.runCommand('open-guest', { guest: 'windows' }))).toContain('There is no guest “windows”');
  await page.evaluate(() => window.glasshouse.runCommand('labs'));
  await expect(page.locator('[data-dialog=labs] [data-guest=debian]')).toContainText('npm run guests');
});
