// Goal: snapshots are a feature of the product in every lab: taken, shown as a tree, restored, forked, deleted, kept beyond a
// reload within a bound, and what is downloaded is the VM of that instant, byte for byte. Method: keyboard and commands in
// real Chromium; core files parsed here, and by readelf where there is one.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { openLab } from './lab-page.ts';

const MS = 1_000_000;

async function pausedIn(page: Page, lab: string): Promise<void> {
  await openLab(page, `/lab/${lab}`);
  expect(await page.evaluate((it) => window.glasshouse.load({ lab: it, seed: 3, autoplay: false }), lab)).toBe('');
}

const advance = (page: Page, ms: number) => page.evaluate((timeNs) => window.glasshouse.advanceTo(timeNs), Math.round(ms * MS));
const run = (page: Page, id: string, args: Record<string, unknown> = {}) =>
  page.evaluate(({ id, args }) => window.glasshouse.runCommand(id, args), { id, args });

/** Time of the newest event of a kind; −1 when there is none. */
const timeOf = (page: Page, kind: string) =>
  page.evaluate((it) => window.glasshouse.events().filter((event) => event.kind === it).at(-1)?.timeNs ?? -1, kind);

/** Goes on until an event of a kind is later than `afterNs`. */
async function until(page: Page, kind: string, afterNs: number, fromMs: number): Promise<number> {
  for (let ms = fromMs; ms < fromMs + 3_000; ms += 150) {
    await advance(page, ms);
    if ((await timeOf(page, kind)) > afterNs) return ms;
  }
  throw new Error(`no '${kind}' after ${afterNs} ns`);
}

async function download(page: Page, name: string): Promise<Buffer> {
  const [file] = await Promise.all([page.waitForEvent('download'), run(page, 'save-snapshot-file', { name })]);
  expect(file.suggestedFilename()).toBe(`${name}.core`);
  return readFileSync(await file.path());
}

/** RAM of a core file: its PT_LOAD segments, zeroes filled in. */
function memoryOf(core: Buffer): Buffer {
  const table = Number(core.readBigUInt64LE(32));
  const [size, count] = [core.readUInt16LE(54), core.readUInt16LE(56)];
  const loads = Array.from({ length: count }, (_, index) => table + index * size)
    .filter((at) => core.readUInt32LE(at) === 1)
    .map((at) => ({
      offset: Number(core.readBigUInt64LE(at + 8)), address: Number(core.readBigUInt64LE(at + 24)),
      inFile: Number(core.readBigUInt64LE(at + 32)), inMemory: Number(core.readBigUInt64LE(at + 40)),
    }));
  const base = Math.min(...loads.map(({ address }) => address));
  const memory = Buffer.alloc(Math.max(...loads.map(({ address, inMemory }) => address + inMemory)) - base);
  for (const { offset, address, inFile } of loads) core.copy(memory, address - base, offset, offset + inFile);
  return memory;
}

function differingPages(left: Buffer, right: Buffer): number {
  expect(left.length).toBe(right.length);
  let count = 0;
  for (let at = 0; at < left.length; at += 4096) if (left.compare(right, at, at + 4096, at, at + 4096) !== 0) count++;
  return count;
}

test('by keyboard: taken, shown as a tree, restored, forked and deleted', async ({ page }) => {
  await pausedIn(page, 'live-snapshot');
  await advance(page, 30);
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('x');
  let ms = await until(page, 'committed', 0, 100);
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('u');
  const tree = page.getByRole('tree', { name: /^Snapshots/ });
  await expect(tree.getByRole('treeitem')).toHaveText(/snapshot 1.*goes on from here.*desk-1/);
  await page.getByRole('button', { name: 'Take a snapshot', exact: true }).focus();
  await page.keyboard.press('Enter');
  ms = await until(page, 'committed', await timeOf(page, 'committed'), ms + 150);
  const second = tree.getByRole('treeitem', { name: /snapshot 2/ });
  await expect(second).toHaveAttribute('aria-level', '2');
  await expect(second).toContainText('MB');

  await tree.getByRole('treeitem').first().focus();
  await page.keyboard.press('End');
  await expect(second).toBeFocused();
  await page.keyboard.press('ArrowLeft');
  const first = tree.getByRole('treeitem', { name: /snapshot 1/ });
  await expect(first).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Enter');
  ms = await until(page, 'restored', 0, ms + 50);
  await expect(first).toContainText('the VM goes on from here');

  await page.getByRole('button', { name: 'Fork', exact: true }).focus();
  await page.keyboard.press('Enter');
  await until(page, 'forked', 0, ms + 50);
  await second.focus();
  await page.keyboard.press('Delete');
  await expect(second).toHaveCount(0);
  await expect(first).toBeVisible();
});

test('in another lab: the file is the VM of that instant; kept, it outlives a reload and starts a run there', async ({ page }, testInfo) => {
  await pausedIn(page, 'precopy-migration');
  await advance(page, 60);
  await page.getByRole('button', { name: /^Menu of (?!host)/ }).click();
  await page.getByRole('menuitem', { name: 'Take a snapshot' }).click();
  await until(page, 'committed', 0, 150);
  const taken = await timeOf(page, 'freeze');
  const core = await download(page, 'snapshot 1');
  const path = testInfo.outputPath('one.core');
  writeFileSync(path, core);
  try {
    const headers = execFileSync('readelf', ['-hl', path], { encoding: 'utf8' });
    expect(headers).toMatch(/Type:\s+CORE/);
    expect(headers).toContain('RISC-V');
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ENOENT') throw cause; // no readelf here
  }

  expect(await run(page, 'toggle-snapshots')).toBe('');
  await page.getByRole('treeitem', { name: /snapshot 1/ }).focus();
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  const kept = page.locator('[data-kept="snapshot 1"]');
  await expect(kept).toBeVisible();
  await expect(page.locator('[data-kept-usage]')).toContainText(/MB of/);

  await page.reload();
  await page.waitForFunction(() => window.glasshouse !== undefined);
  await page.evaluate(() => window.glasshouse.ready());
  // The reload goes on with the run, and brings the panels back when it is there.
  await expect(async () => {
    if (!(await page.locator('[data-panel="snapshots"]').isVisible())) await run(page, 'toggle-snapshots');
    await expect(kept).toBeVisible({ timeout: 5_000 });
  }).toPass();
  await kept.getByRole('button', { name: /^Start a run/ }).click();
  // It stands at the instant that the snapshot shows, and goes on from there.
  await expect.poll(() => page.evaluate(() => window.glasshouse.metrics()['virtual-time']?.value)).toBe(taken);
  await expect(page.locator('[data-notice]')).toHaveCount(0);
  await advance(page, (taken + 1) / MS);
  expect(await run(page, 'take-snapshot', { name: 'again' })).toBe('');
  await until(page, 'committed', 0, Math.ceil(taken / MS) + 150);
  const again = await download(page, 'again');
  // One instruction lies between the two.
  expect(differingPages(memoryOf(core), memoryOf(again))).toBeLessThanOrEqual(1);
  await kept.getByRole('button', { name: /^Delete/ }).click();
  await expect(kept).toHaveCount(0);
});

test('the bound is said in a sentence with what to do, and nothing of what was refused is kept', async ({ page }) => {
  await pausedIn(page, 'live-snapshot');
  await advance(page, 20);
  expect(await run(page, 'take-snapshot', { name: 'large' })).toBe('');
  await until(page, 'committed', 0, 100);
  expect(await run(page, 'toggle-snapshots')).toBe('');
  expect(await run(page, 'allow-storage', { megabytes: 8 })).toBe('');
  expect(await run(page, 'keep-snapshot', { name: 'large' })).toMatch(/8\.4 MB are allowed; delete something that is kept/);
  await expect(page.locator('[data-notice]')).toContainText('allowed');
  await expect(page.locator('[data-kept]')).toHaveCount(0);
  await expect(page.locator('[data-kept-usage]')).toContainText('0 B');
  expect(await run(page, 'allow-storage', { megabytes: 256 })).toBe('');
  expect(await run(page, 'keep-snapshot', { name: 'large' })).toBe('');
  expect(await run(page, 'keep-snapshot', { name: 'nothing' })).toMatch(/no snapshot “nothing”/);
  await expect(page.locator('[data-kept="large"]')).toBeVisible();
});

test('a full disk is a marker that is dragged onto the file; the snapshot is given up by name and the VM goes on', async ({ page }) => {
  await pausedIn(page, 'live-snapshot');
  await advance(page, 20);
  expect(await run(page, 'take-snapshot', { name: 'doomed' })).toBe('');
  await advance(page, 40);
  const marker = page.getByRole('button', { name: 'Fill the disk' });
  const file = await page.locator('[data-file-map]').boundingBox();
  const from = await marker.boundingBox();
  await page.mouse.move(from!.x + from!.width / 2, from!.y + from!.height / 2);
  await page.mouse.down();
  await page.mouse.move(file!.x - 40, file!.y + 40, { steps: 4 });
  await expect(page.locator('[data-file-map]')).toHaveAttribute('data-drop', 'false');
  await page.mouse.move(file!.x + 60, file!.y + 60, { steps: 4 });
  await expect(page.locator('[data-file-map]')).toHaveAttribute('data-drop', 'true');
  await page.mouse.up();
  await until(page, 'aborted', 0, 60);
  await expect(page.locator('[data-story]')).toContainText('the disk is full');
  const instructions = () => page.evaluate(() => window.glasshouse.metrics()['instructions']!.value);
  const before = await instructions();
  await page.evaluate(async () => window.glasshouse.advanceTo((window.glasshouse.metrics()['virtual-time']?.value ?? 0) + 5_000_000));
  expect(await instructions()).toBeGreaterThan(before);
  await expect(page.getByRole('button', { name: 'Mend the disk' }).first()).toBeVisible();
});

test('cap line, reserve and disk pipe can be pulled, and say the same as their sliders', async ({ page }) => {
  await pausedIn(page, 'live-snapshot');
  expect(await run(page, 'toggle-knobs')).toBe('');
  for (const [knob, dy] of [['queue-cap', -16], ['queue-reserve', 10], ['disk-bandwidth', -8]] as const) {
    const value = page.locator(`[data-knob="${knob}"] .knob__value`);
    const before = await value.textContent();
    const handle = page.locator(`[data-knob-handle="${knob}"]`);
    const { y: top } = (await handle.boundingBox())!;
    const box = (await handle.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 + dy, { steps: 3 });
    await page.mouse.up();
    await expect(value).not.toHaveText(before!);
    await expect(page.locator(`[data-knob="${knob}"]`)).toHaveAttribute('data-pending', 'false');
    // The edge stands where it was pulled to (the pipe grows to both sides).
    await expect.poll(async () => Math.abs((await handle.boundingBox())!.y - top - dy)).toBeLessThan(3);
  }
});
