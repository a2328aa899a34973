/**
 * An example of a script outside of the app: drives a lab in a real browser and asserts on a metric. Needs Node
 * and Playwright only; the page may run anywhere.
 *
 *   npm start                                         (in one terminal; it says the address)
 *   node e2e/example/migrate-and-measure.mjs http://localhost:4173/
 *
 * @typedef {import('../../web/app/glasshouse.ts').Glasshouse} Glasshouse  the types that an editor completes from
 */
import assert from 'node:assert/strict';
import { chromium } from '@playwright/test';

const address = process.argv[2] ?? 'http://localhost:4173/';
const browser = await chromium.launch({ executablePath: process.env['GLASSHOUSE_CHROMIUM'], args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForFunction(() => window.glasshouse !== undefined);

  const result = await page.evaluate(async () => {
    const { glasshouse } = window;
    await glasshouse.ready();
    // A run of its own: a known seed, a slower link, standing at virtual time 0.
    const refusal = await glasshouse.load({
      lab: 'precopy-migration', seed: 42, knobs: { bandwidth: 500_000_000 }, autoplay: false,
    });
    if (refusal !== '') throw new Error(refusal);
    // Asked for at a virtual time, so that every run of this script is the same run.
    await glasshouse.command({ kind: 'migrate', vm: 1, to: 1 }, { at: 200_000_000 });
    await glasshouse.advanceTo(3_000_000_000);
    return { metrics: glasshouse.metrics(), hash: await glasshouse.runHash() };
  });

  const { downtime } = result.metrics;
  assert.ok(downtime !== undefined, 'the VM has moved');
  assert.ok(downtime.value <= 30_000_000, `it stood for ${downtime.value} ${downtime.unit}, at most 30 ms are allowed`);
  console.log(`It stood for ${downtime.value / 1e6} ms. Run hash: ${result.hash}`);
} finally {
  await browser.close();
}
