/**
 * `npm run bench -- page`: what the built page does in real Chromium on this machine: first paint, script size, guest
 * speed, main-thread work per frame, how soon a turned knob shows in its mark. `npm run bench -- page-memory`: what the tab takes.
 * One JSON line each; figures for SPECIFICATION.md.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { percentileOf, traceFrameWork } from './frame-trace.mjs';
import { serve } from './serve.mjs';
import { findChromium, root } from './tool-install.mjs';

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

function tell(bench, value, unit, facts = {}) {
  process.stdout.write(`${JSON.stringify({ bench, value: Number(value.toPrecision(4)), unit, ...facts })}\n`);
}

/** gzip bytes of the scripts that the first paint waits for: the entry and what it imports statically. */
function firstPaintBytes() {
  const folder = join(root, 'dist/assets');
  const html = readFileSync(join(root, 'dist/index.html'), 'utf8');
  const queue = [...html.matchAll(/(?:src|href)="\.\/assets\/([^"]+\.js)"/g)].map((match) => match[1]);
  const seen = new Set();
  while (queue.length > 0) {
    const name = queue.pop();
    if (seen.has(name) || !readdirSync(folder).includes(name)) continue;
    seen.add(name);
    const text = readFileSync(join(folder, name), 'utf8');
    for (const match of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) queue.push(match[1]);
  }
  return [...seen].reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0);
}

const metrics = (page) => page.evaluate(() => window.glasshouse.metrics());
const advance = (page, ns) => page.evaluate((it) => window.glasshouse.advanceTo(it), ns);

async function guestSpeed(page) {
  await page.evaluate(() => window.glasshouse.load({ seed: 1, knobs: { 'dirty-rate': 200_000 }, autoplay: false }));
  await advance(page, 500e6);
  const before = (await metrics(page)).instructions.value;
  const start = performance.now();
  await advance(page, 3500e6);
  const seconds = (performance.now() - start) / 1000;
  tell('guest-instructions', ((await metrics(page)).instructions.value - before) / seconds, 'instructions/s', { wallSeconds: Number(seconds.toFixed(2)) });
}

/** Processor time of the main thread a frame while `meanwhile` lasts: median and 95th percentile. */
async function tellFrameWork(page, name, meanwhile) {
  const work = await traceFrameWork(page, meanwhile);
  tell(`frame-work-p95-${name}`, percentileOf(work, 0.95), 'ms', { median: Number(percentileOf(work, 0.5).toFixed(2)), frames: work.length });
}

/** Every lab with its mechanism at work, at its own speed and as fast as it can. */
async function frameWork(page) {
  const labs = await page.evaluate(() => window.glasshouse.listLabs().map(({ id }) => id));
  for (const lab of labs) {
    await page.evaluate((id) => window.glasshouse.load({ lab: id, seed: 1, knobs: {}, autoplay: true }), lab);
    await page.waitForTimeout(1500);
    await page.locator('[data-story] ~ [data-primary]').click();
    await tellFrameWork(page, `${lab}-at-work`, () => page.waitForTimeout(5000));
    await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
    await tellFrameWork(page, `${lab}-full-speed`, () => page.waitForTimeout(5000));
  }
}

/** Turns of the knob that are timed. */
const TURN_COUNT = 40;

/** From turning a knob while the lab plays to the frame in which the link's own label, which tells what the run does, has changed. */
async function knobAnswer(page) {
  await page.evaluate(() => window.glasshouse.load({ seed: 1, knobs: {}, autoplay: true }));
  const times = await page.evaluate(async (count) => {
    const label = () => document.querySelector('.link__rate')?.textContent ?? '';
    const times = [];
    for (let turn = 0; turn < count; turn++) {
      const before = label();
      const start = performance.now();
      void window.glasshouse.runCommand('set-knob', { knob: 'bandwidth', value: turn % 2 === 0 ? 4e9 : 1e9 });
      while (label() === before && performance.now() - start < 5000) await new Promise((resolve) => requestAnimationFrame(resolve));
      times.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 150 + 7 * turn)); // at no beat of its own
    }
    return times.sort((left, right) => left - right);
  }, TURN_COUNT);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  tell('knob-answer', at(0.5), 'ms', { p95: Number(at(0.95).toFixed(1)), worst: Number(at(1).toFixed(1)), turns: times.length });
}

/** Turns after which both curves are waited for. */
const CURVE_TURNS = 6;

/** From turning a knob while the lab plays to the frame in which a chart's table tells it of the run and of its baseline: at most a second on a machine that is free. */
async function bothCurvesAnswer(page) {
  await page.evaluate(() => window.glasshouse.load({ seed: 3, knobs: { 'dirty-rate': 1_000 }, autoplay: false }));
  await advance(page, 200e6);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-samples'));
  const figure = page.locator('[data-figure="dirty-bytes-per-second"]');
  await figure.locator('.legend').getByText('Stop-and-copy').waitFor();
  await figure.locator('.figure__menu').click();
  await page.getByRole('menuitem', { name: 'Show as a table' }).click();
  await page.evaluate(() => window.glasshouse.runCommand('play-pause'));
  const times = await page.evaluate(async (count) => {
    const table = () => document.querySelector('[data-figure="dirty-bytes-per-second"] table');
    const factors = { 'B/s': 1, 'kB/s': 1e3, 'MB/s': 1e6, 'GB/s': 1e9 };
    const rate = (column) => {
      const text = [...table().querySelectorAll('tbody tr')].map((row) => row.children[column]?.textContent.trim() ?? '').findLast((it) => it !== '') ?? '';
      const [value, unit] = text.split(/\s/u);
      return Number.parseFloat(value) * (factors[unit] ?? Number.NaN);
    };
    const heads = [...table().querySelectorAll('thead th')].map((it) => it.textContent ?? '');
    const columns = ['Dirty rate', 'Dirty rate (Stop-and-copy)'].map((head) => heads.indexOf(head));
    const times = [];
    for (let turn = 0; turn < count; turn++) {
      const isUp = turn % 2 === 0;
      const start = performance.now();
      void window.glasshouse.runCommand('set-knob', { knob: 'dirty-rate', value: isUp ? 100_000 : 1_000 });
      const answered = () => columns.every((column) => (isUp ? rate(column) > 100e6 : rate(column) < 40e6));
      while (!answered() && performance.now() - start < 20_000) await new Promise((resolve) => requestAnimationFrame(resolve));
      times.push(performance.now() - start);
    }
    return times.sort((left, right) => left - right);
  }, CURVE_TURNS);
  tell('both-curves-answer', times[Math.floor(times.length / 2)], 'ms', { worst: Number(times.at(-1).toFixed(1)), turns: times.length });
}

/** Four VMs of one scenario file, one of them moving; then the present is dragged back and forth through a migration. */
async function frameWorkOfMore(page) {
  const text = readFileSync(join(root, 'e2e/scenarios/four-vms.json'), 'utf8');
  await page.evaluate((it) => window.glasshouse.loadScenario(it), text);
  await page.evaluate(() => window.glasshouse.runCommand('migrate', { vm: 1, to: 1 }));
  await tellFrameWork(page, 'four-vms', () => page.waitForTimeout(6000));
  await page.evaluate(() => window.glasshouse.load({ lab: 'precopy-migration', seed: 1, knobs: {}, autoplay: false }));
  await page.evaluate(() => window.glasshouse.runCommand('migrate', { vm: 1, to: 1 }, { at: 60_000_000 }));
  await advance(page, 240e6);
  const box = await page.locator('[data-timeline]').first().boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width / 2, y);
  await tellFrameWork(page, 'scrubbing', async () => {
    await page.mouse.down();
    for (let move = 0; move < 250; move++) {
      await page.mouse.move(box.x + (box.width * (50 + 45 * Math.sin(move / 8))) / 100, y);
      await page.waitForTimeout(16);
    }
    await page.mouse.up();
  });
}

/** Opens the built page and hands it over; gives the exit status. */
async function onPage(address, work) {
  const executablePath = await findChromium();
  if (executablePath === undefined) return 1;
  const { chromium } = await import('@playwright/test');
  const server = await serve(join(root, 'dist'), ['--port', '0']);
  const browser = await chromium.launch({ executablePath, args: flags });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.goto(`http://localhost:${server.address().port}/${address}`);
    await page.waitForFunction(() => window.glasshouse !== undefined);
    await page.evaluate(() => window.glasshouse.ready());
    await work(page, browser);
    return 0;
  } finally {
    await browser.close();
    server.close();
  }
}

/** Virtual time over which the tab's memory is looked at: all its stores have met their bounds by then. Unit: s. */
const MEMORY_SECONDS = 800;

/** `bench page-memory`: the largest resident set of the tab's process while ten thousand hosts and their baseline run. */
export async function measureMemory() {
  return await onPage('#/lab/datacenter-scale?hosts=10000', async (page, browser) => {
    const session = await browser.newBrowserCDPSession();
    await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
    let [most, seconds, told] = [0, 0, 0];
    while (seconds < MEMORY_SECONDS) {
      await page.waitForTimeout(1000);
      seconds = ((await metrics(page))['virtual-time']?.value ?? 0) / 1e9;
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
      const sizes = execFileSync('ps', ['-o', 'rss=', '-p', renderers.join(',')], { encoding: 'utf8' }).trim().split(/\s+/u);
      const now = Math.max(...sizes.map(Number)) * 1024;
      most = Math.max(most, now);
      if (seconds < told + 100 && seconds < MEMORY_SECONDS) continue;
      told = seconds;
      tell('tab-memory-at-10000-hosts', most / 1e6, 'MB at most', { now: Math.round(now / 1e6), virtualSeconds: Math.round(seconds) });
    }
  });
}

/** Runs all page benches; gives the exit status. */
export async function measurePage() {
  return await onPage('', async (page) => {
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN);
    tell('first-contentful-paint', paint, 'ms');
    tell('first-paint-script', firstPaintBytes() / 1000, 'kB gzip');
    await guestSpeed(page);
    await frameWork(page);
    await frameWorkOfMore(page);
    await knobAnswer(page);
    await bothCurvesAnswer(page);
  });
}
