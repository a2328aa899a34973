// Goal: one run hash in Node and Chromium, with 1, 2 and 4 workers, paused or not, isolated or not. Method: the same
// seed and commands through the command line and through the page; compare the hashes at one virtual time.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { commandAt, loadPaused, openLab } from './lab-page.ts';

test.describe.configure({ retries: 0 });

const SEED = 11;
const KNOBS = { bandwidth: 4_000_000_000, 'dirty-rate': 8_000, loss: 1 };
const MIGRATE_AT_NS = 200_000_000;
const UNTIL_NS = 500_000_000;

function hashFromNode(workers: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-'));
  const report = join(folder, 'report.json');
  const done = spawnSync(
    process.execPath,
    ['workers/node/launch.mjs', 'headless', 'lab', 'precopy-migration', '--seed', String(SEED), '--workers', String(workers),
      ...Object.entries(KNOBS).flatMap(([knob, value]) => ['--set', `${knob}=${value}`]),
      '--until', `${UNTIL_NS}ns`, '--report', report],
    { cwd: join(import.meta.dirname, '..'), encoding: 'utf8' },
  );
  expect(done.status, done.stderr).toBeLessThanOrEqual(1);
  const parsed = JSON.parse(readFileSync(report, 'utf8')) as { runHash: string; virtualTimeNs: number };
  expect(parsed.virtualTimeNs).toBe(UNTIL_NS);
  return parsed.runHash;
}

async function hashFromPage(page: Page, pauses: readonly number[]): Promise<string> {
  await openLab(page);
  await loadPaused(page, { seed: SEED, knobs: KNOBS });
  await commandAt(page, 'migrate', { vm: 1, to: 1 }, MIGRATE_AT_NS);
  for (const pause of pauses) await page.evaluate((ns) => window.glasshouse.advanceTo(ns), pause);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), UNTIL_NS);
  return await page.evaluate(() => window.glasshouse.runHash());
}

test('Node with 1, 2 and 4 workers and Chromium give one run hash', async ({ page }) => {
  const hash = hashFromNode(1);
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  expect(hashFromNode(2)).toBe(hash);
  expect(hashFromNode(4)).toBe(hash);
  expect(await hashFromPage(page, [])).toBe(hash);
  expect(await hashFromPage(page, [100_000_001, 199_999_999, 250_000_003, 333_333_333])).toBe(hash);
});

test('without cross-origin isolation the page runs in one worker with the same hash', async ({ page }) => {
  await page.route('**/*', async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers() };
    delete headers['cross-origin-opener-policy'];
    delete headers['cross-origin-embedder-policy'];
    await route.fulfill({ response, headers });
  });
  const hash = await hashFromPage(page, [150_000_000]);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
  expect(hash).toBe(hashFromNode(1));
});
