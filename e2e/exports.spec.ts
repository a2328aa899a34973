// Goal: files that leave the page are what they say, and a run file opened again gives the same run hash. Method: real downloads read
// from disk; the trace through the strict reader; the run file through the file dialog and by a drop.
import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { readPerfettoTrace } from '../core/testing/perfetto-reader.ts';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

async function runMoved(page: Page): Promise<void> {
  await openLab(page);
  await loadPaused(page, { seed: 9, knobs: { bandwidth: 4_000_000_000 } });
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, 100_000_000);
  await page.evaluate(() => window.glasshouse.advanceTo(400_000_000));
}

async function download(page: Page, act: () => Promise<unknown>): Promise<{ name: string; bytes: Buffer }> {
  const [file] = await Promise.all([page.waitForEvent('download'), act()]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

const command = (page: Page, id: string) => () => page.evaluate((it) => window.glasshouse.runCommand(it), id);

test('the stage as SVG and PNG, with a caption of lab, seed, time and fidelity', async ({ page }) => {
  await runMoved(page);
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
  const svg = await download(page, command(page, 'save-stage-svg'));
  const text = svg.bytes.toString('utf8');
  for (const part of ['lab precopy-migration', 'seed 9', 't = 0.400', 'emulated', '<text', '<image', 'host-a', 'host-b']) expect(text).toContain(part);
  const parsed = await page.evaluate((source) => new DOMParser().parseFromString(source, 'image/svg+xml').querySelector('parsererror')?.textContent ?? '', text);
  expect(parsed).toBe('');
  const png = await download(page, command(page, 'save-stage-png'));
  expect([...png.bytes.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  expect(png.bytes.readUInt32BE(16)).toBe(2560);
});

test('a chart as CSV, SVG and PNG', async ({ page }) => {
  await runMoved(page);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  const save = (item: string) => download(page, async () => {
    await page.getByRole('button', { name: 'Bytes left: table, size, files' }).click();
    await page.getByRole('menuitem', { name: item }).click();
  });
  const csv = (await save('Save as CSV')).bytes.toString('utf8').split('\r\n');
  expect(csv[0]).toBe('Time (ns),Bytes left (bytes),Bytes left (Stop-and-copy) (bytes)');
  expect(csv.length).toBeGreaterThan(20);
  expect(csv.at(-2)).toContain('seed 9');
  expect((await save('Save as SVG')).bytes.toString('utf8')).toContain('<path');
  expect((await save('Save as PNG')).bytes.subarray(1, 4).toString('latin1')).toBe('PNG');
});

test('the trace holds rounds and counters', async ({ page }) => {
  await runMoved(page);
  const trace = await download(page, command(page, 'download-trace'));
  expect(trace.name).toBe('precopy-migration.perfetto-trace');
  const tracks = readPerfettoTrace(new Uint8Array(trace.bytes));
  const rounds = tracks.find((track) => track.name === 'rounds')!;
  expect(rounds.slices.length).toBeGreaterThan(0);
  expect(rounds.slices[0]!.fromNs).toBeGreaterThanOrEqual(100_000_000);
  expect(tracks.some((track) => track.name === 'Bytes left' && track.points.length > 10)).toBe(true);
});

test('a run file gives the same hash when opened and when dropped; a broken one is explained and changes nothing', async ({ page }) => {
  await runMoved(page);
  await page.evaluate(() => window.glasshouse.runCommand('set-knob', { knob: 'dirty-rate', value: 9000 }, { at: 450_000_000 }));
  await page.evaluate(() => window.glasshouse.advanceTo(500_000_000));
  const hash = await page.evaluate(() => window.glasshouse.runHash());
  const run = await download(page, command(page, 'download-run'));
  await page.reload();
  await page.evaluate(() => window.glasshouse.ready());
  const chooser = page.waitForEvent('filechooser');
  const opened = page.evaluate(() => window.glasshouse.runCommand('open-run'));
  await (await chooser).setFiles({ name: run.name, mimeType: 'application/json', buffer: run.bytes });
  expect(await opened).toBe('');
  expect(await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBe(500_000_000);
  expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(hash);
  await expect(page.getByText('seed 9')).toBeVisible();

  const drop = (text: string) => page.evaluate((content) => {
    const files = new DataTransfer();
    files.items.add(new File([content], 'run.json', { type: 'application/json' }));
    document.dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }));
  }, text);
  await drop(run.bytes.toString('utf8').replace('"seed": 9', '"seed": "nine"'));
  await expect(page.locator('[data-notice]')).toContainText('“seed”');
  expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(hash);
  await page.evaluate(() => window.glasshouse.load({ seed: 1, autoplay: false }));
  await drop(run.bytes.toString('utf8'));
  await expect(page.getByText('seed 9')).toBeVisible();
  await expect.poll(() => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value), { timeout: 60_000 }).toBe(500_000_000);
  expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(hash);
});
