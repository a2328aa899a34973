// Goal: a prepared guest goes on at its shell on the page as soon as its file is there, works, moves, and is the same run as in Node; a VM with disk and card that
// was downloaded as a snapshot goes on from that file alone. Method: the library's button, files by the chooser; the hash of the same world in this process.
import { existsSync, readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { PREPARED_GUESTS, preparedGuestsOf, readGuestManifest } from '../core/protocol/guest-library.ts';
import { restoredScenario } from '../core/protocol/guest-scenario.ts';
import { headOf, runWorldWith } from '../core/testing/file-world.ts';
import { openLab } from './lab-page.ts';

test.describe.configure({ retries: 0 });

const FOLDER = new URL('../public/guests/', import.meta.url);
const MANIFEST = new URL('manifest.json', FOLDER);
const read = existsSync(MANIFEST) ? readGuestManifest(readFileSync(MANIFEST, 'utf8')) : undefined;
const THERE = read?.ok === true ? preparedGuestsOf(read.value) : [];
const LOOK_NS = 50_000_000;
const REST_NS = 4_000_000_000;

const timeOf = (page: Page) => page.evaluate(() => window.glasshouse.metrics()['virtual-time']?.value ?? -1);
const run = (page: Page, id: string, args: Record<string, unknown> = {}) => page.evaluate(({ id, args }) => window.glasshouse.runCommand(id, args), { id, args });
const type = async (page: Page, text: string) => expect(await run(page, 'console-input', { vm: 1, text })).toBe('');

/** It plays when it is opened: running to a time makes it stand there, unless it is past that meanwhile. */
const stand = (page: Page) =>
  expect(() => page.evaluate(() => window.glasshouse.advanceTo(window.glasshouse.metrics()['virtual-time']!.value + 100_000_000))).toPass({ timeout: 30_000 });

/** Runs on until the lines beside the VM's map hold a text. */
async function runUntil(page: Page, text: string): Promise<void> {
  const begin = await timeOf(page);
  const said = () => page.evaluate(() => document.querySelector('[data-entity="vm:1"].console-lines')?.textContent ?? '');
  for (let ns = begin + LOOK_NS; ns < begin + REST_NS; ns += LOOK_NS) {
    await page.evaluate((to) => window.glasshouse.advanceTo(to), ns);
    if ((await said()).includes(text)) return;
  }
  throw new Error(`the console does not show “${text}”; it shows “${await said()}”`);
}

for (const { id, path, command, guest } of PREPARED_GUESTS) {
  const title = `${id} stands at its shell at once, works, moves, and is the same run as in Node`;
  if (!THERE.some((it) => it.id === id)) {
    test.skip(`${title} (left out: not prepared; run ${command})`, () => undefined);
    continue;
  }
  test(title, async ({ page }, testInfo) => {
    await openLab(page);
    await run(page, 'labs');
    const beganMs = performance.now();
    await page.locator(`[data-guest=${id}]`).click();
    await expect(page.locator('[data-dialog=labs]')).toBeHidden({ timeout: 30_000 });
    await page.evaluate(() => window.glasshouse.ready());
    const tookMs = Math.round(performance.now() - beganMs);
    testInfo.annotations.push({ type: 'from click to shell', description: `${tookMs} ms` });
    process.stdout.write(`${id}: ${tookMs} ms from the click to the shell\n`);
    await expect(page.locator('[data-panel=console]')).toBeVisible();
    await stand(page);
    await type(page, 'echo $((6*7)); network; ping -c 1 10.0.2.2\n');
    await runUntil(page, '1 packets received');
    expect(await run(page, 'migrate', { vm: 1, to: 1 })).toBe('');
    await type(page, 'echo moved $((7*8))\n');
    await runUntil(page, 'moved 56');
    const file = new Uint8Array(readFileSync(new URL(path, FOLDER)));
    const head = headOf(file);
    const untilNs = head.takenAtNs + 3_000_000_000;
    expect(await run(page, 'open-guest', { guest: id })).toBe('');
    await page.evaluate((ns) => window.glasshouse.advanceTo(ns), untilNs);
    expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(runWorldWith(restoredScenario({ ...head, vmName: guest.id }), file, untilNs).hash());
  });
}

const small = THERE.find(({ guest }) => guest.id === 'small');
if (small === undefined) test.skip('a VM with a disk goes on from its downloaded file (left out: not prepared; run npm run guests -- --small --prepare)', () => undefined);
else {
  test('a VM with disk and card goes on from its downloaded file, with what it wrote; a cut file is one sentence', async ({ page }, testInfo) => {
    await openLab(page);
    expect(await run(page, 'open-guest', { guest: small.id })).toBe('');
    await stand(page);
    await type(page, 'mkdir /m; mount /dev/vda /m; echo kept > /m/it; sync; echo written $((6*7))\n');
    await runUntil(page, 'written 42');
    expect(await run(page, 'take-snapshot', { vm: 1, name: 'mine' })).toBe('');
    for (let look = 0; look < 40; look++) {
      await page.evaluate((to) => window.glasshouse.advanceTo(to), (await timeOf(page)) + 200_000_000);
      if (await page.evaluate(() => window.glasshouse.events().some(({ kind }) => kind === 'committed'))) break;
    }
    const [download] = await Promise.all([page.waitForEvent('download'), run(page, 'save-snapshot-file', { name: 'mine' })]);
    const path = testInfo.outputPath('mine.core');
    await download.saveAs(path);
    const bytes = readFileSync(path);
    const open = async (name: string, content: Buffer) => {
      const chooser = page.waitForEvent('filechooser');
      const done = run(page, 'open-snapshot-file');
      await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer: content });
      return await done;
    };
    const before = await timeOf(page);
    expect(await open('cut.core', bytes.subarray(0, 700_000))).toMatch(/^cut\.core: The core file is truncated/);
    expect(await timeOf(page)).toBe(before);
    expect(await open('mine.core', bytes)).toBe('');
    expect(await timeOf(page)).toBe(headOf(new Uint8Array(bytes)).takenAtNs + 1);
    await type(page, 'cat /m/it; echo again $((7*8))\n');
    await runUntil(page, 'again 56');
    expect(await page.evaluate(() => document.querySelector('[data-entity="vm:1"].console-lines')?.textContent ?? '')).toContain('kept');
  });
}
