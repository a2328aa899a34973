// Goal: a scenario file dropped onto the page runs there, with its commands and its own values at the knobs; one that does not fit
// is refused by the path in the file and changes nothing; files are told by their format. Method: real drops of files, good and spoilt.
import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { openLab, vmOn } from './lab-page.ts';

const RING = readFileSync(new URL('../public/scenarios/ring-of-four.json', import.meta.url), 'utf8');

async function drop(page: Page, name: string, text: string): Promise<void> {
  await page.evaluate(({ name, text }) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], name, { type: 'application/json' }));
    document.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, { name, text });
}

interface Exported { lab: string; seed: number; scenario?: string; log: { atNs: number; command: { kind: string } }[] }
const exported = (page: Page) => page.evaluate(async () => JSON.parse(await window.glasshouse.exportRun()) as Exported);
const timeNs = (page: Page) => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);

test('a scenario file dropped runs, with its commands; knobs show its values; a restart and the run file keep it', async ({ page }) => {
  await openLab(page);
  await drop(page, 'ring-of-four.json', RING);
  await expect.poll(async () => (await exported(page)).scenario).toBe(RING);
  await page.evaluate(() => window.glasshouse.ready());
  await expect(vmOn(page, 'host-a').first()).toBeVisible();
  await page.evaluate(() => window.glasshouse.runCommand('toggle-knobs'));
  await expect(page.locator('[data-knob=bandwidth] .knob__value')).toHaveText(/^10\s?Gb\/s$/);
  await expect(page.locator('[data-knob=latency] .knob__value')).toHaveText(/^20\s?µs$/);
  await expect(page.locator('[data-knob=dirty-rate] .knob__value')).toHaveText(/^2000\s?pages\/s$/);
  await expect(page.locator('[data-knob=working-set] .knob__value')).toHaveText(/^128\s?pages$/);
  await page.evaluate(() => window.glasshouse.advanceTo(290_000_000));
  const { log } = await exported(page);
  const moves = (JSON.parse(RING) as { commands: { atNs: number }[] }).commands;
  expect(log.map(({ atNs }) => atNs)).toEqual(moves.map(({ atNs }) => atNs));
  const hash = await page.evaluate(() => window.glasshouse.runHash());
  const file = await page.evaluate(() => window.glasshouse.exportRun());

  expect(await page.evaluate(() => window.glasshouse.runCommand('reset'))).toBe('');
  await page.evaluate(() => window.glasshouse.ready());
  await page.evaluate(() => window.glasshouse.advanceTo(290_000_000));
  expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(hash);
  expect(await page.evaluate(() => window.glasshouse.runCommand('share-link'))).toContain('cannot carry a scenario file');

  // The run file, dropped as well, is told by its format, and gives the same run.
  expect(await page.evaluate(() => window.glasshouse.load({ lab: 'precopy-migration', seed: 9, autoplay: false }))).toBe('');
  await drop(page, 'run.json', file);
  await expect.poll(() => timeNs(page)).toBe(290_000_000);
  expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(hash);
});

test('a scenario without a lab is shown as a datacenter', async ({ page }) => {
  await openLab(page);
  const file = { ...(JSON.parse(RING) as object), lab: 'datacenter', knobs: {}, commands: [] };
  expect(await page.evaluate((text) => window.glasshouse.loadScenario(text), JSON.stringify(file))).toBe('');
  await expect(page.getByText('These machines come from a scenario file.')).toBeVisible();
  await expect(vmOn(page, 'host-a').first()).toBeVisible();
  expect((await exported(page)).lab).toBe('datacenter');
});

const SPOILT: readonly (readonly [string, (file: Record<string, unknown>) => unknown, RegExp])[] = [
  ['a host of an unknown profile', (file) => ({ ...file, hosts: (file['hosts'] as object[]).map((host, at) => (at === 1 ? { ...host, profile: 'huge' } : host)) }), /at hosts\[1\]\.profile: there is no profile 'huge'/],
  ['a field that is missing', ({ links: _, ...file }) => file, /at links: /],
  ['a number that is a text', (file) => ({ ...file, seed: '1' }), /at seed: expected a whole number/],
  ['an unknown lab', (file) => ({ ...file, lab: 'teleportation' }), /at lab: there is no lab 'teleportation'/],
  ['a knob between its steps', (file) => ({ ...file, knobs: { 'round-limit': 2.5 } }), /at knobs\.round-limit: .*takes 2 or 3 rounds/],
  ['no format', ({ format: _, ...file }) => file, /at format: /],
];

test('a file that does not fit is refused by its path, and nothing changes', async ({ page }) => {
  await openLab(page);
  const before = await exported(page);
  for (const [what, spoil, sentence] of SPOILT) {
    await drop(page, 'spoilt.json', JSON.stringify(spoil(JSON.parse(RING) as Record<string, unknown>)));
    await expect(page.getByRole('alert'), what).toContainText(sentence);
  }
  await drop(page, 'cut.json', RING.slice(0, 200));
  await expect(page.getByRole('alert')).toContainText(/it is not JSON/);
  await expect(page.getByRole('alert')).toHaveCount(1);
  const after = await exported(page);
  expect([after.lab, after.seed, after.scenario, after.log]).toEqual([before.lab, before.seed, undefined, []]);
  const now = await timeNs(page);
  await expect.poll(() => timeNs(page)).toBeGreaterThan(now);
});

test('the command opens a file by dialog', async ({ page }) => {
  await openLab(page);
  const chooser = page.waitForEvent('filechooser');
  const opened = page.evaluate(() => window.glasshouse.runCommand('open-scenario'));
  await (await chooser).setFiles({ name: 'ring.json', mimeType: 'application/json', buffer: Buffer.from(RING) });
  expect(await opened).toBe('');
  expect((await exported(page)).scenario).toBe(RING);
});
