// Goal: the first sixty seconds as a newcomer lives them. Method: open the page, click the one button, watch the
// story, the graph and the console to the end; then the same move by drag and by keyboard alone.
import { expect, test } from '@playwright/test';
import { openLab, story, vmOn } from './lab-page.ts';

test.beforeEach(({ page }) => {
  page.on('pageerror', (error) => { throw error; });
});

test('the first screen is a stage, one sentence and one button', async ({ page }) => {
  await openLab(page);
  const shares = await page.evaluate(() => {
    const stage = document.querySelector('[data-stage]')!.getBoundingClientRect();
    return (stage.width * stage.height) / (innerWidth * innerHeight);
  });
  expect(shares).toBeGreaterThanOrEqual(0.75);
  await expect(page.locator('[data-primary="true"]')).toHaveCount(1);
  await expect(story(page)).toHaveText('This VM is running. Move it to the other host without stopping it.');
  const words = await page.evaluate(() => {
    // Words outside marks: everything visible that is not inside a mark of the stage.
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let count = 0;
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (parent === null || parent.closest('[data-mark], .visually-hidden, script, noscript') !== null) continue;
      if (!parent.checkVisibility()) continue;
      count += (node.textContent ?? '').split(/\s+/).filter((word) => /[a-zA-Z]{2,}/.test(word)).length;
    }
    return count;
  });
  expect(words).toBeLessThanOrEqual(25);
});

test('the button moves the VM while it runs, and the story tells what was measured', async ({ page }) => {
  await openLab(page);
  await page.waitForTimeout(500);
  await page.getByRole('button', { name: 'Move it while it runs' }).click();
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
  await expect(story(page)).toHaveText('Its pages cross the link while it runs.', { timeout: 20_000 });
  await expect(story(page)).toHaveText(/^It stopped for [\d.]+\s(ms|µs)\./, { timeout: 60_000 });
  await expect(story(page)).toHaveText(/Stop-and-copy: [\d.]+\s(ms|s)\./, { timeout: 60_000 });
  await expect(page.getByRole('button', { name: 'Make the link slower' })).toBeVisible();
  await expect(vmOn(page, 'host-b')).toBeVisible();
  const { downtime, baseline } = await page.evaluate(() => {
    const metrics = window.glasshouse.metrics();
    return { downtime: metrics['downtime']!.value, baseline: metrics['baseline-downtime']!.value };
  });
  expect(downtime).toBeLessThanOrEqual(30_000_000);
  expect(baseline).toBeGreaterThan(5 * downtime);
});

test('dragging the VM onto the other host moves it', async ({ page }) => {
  await openLab(page);
  const chip = page.locator('[data-drag-vm="1"]').first();
  const from = (await chip.boundingBox())!;
  const to = (await page.locator('[data-mark="host"][data-entity="host:1"]').first().boundingBox())!;
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(from.x + 80, from.y + 60, { steps: 4 });
  await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 8 });
  await expect(page.getByText('Move it to host-b')).toBeVisible();
  await page.mouse.up();
  await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 0 }));
  await expect(vmOn(page, 'host-b')).toBeVisible({ timeout: 60_000 });
});

test('a drop that would be refused says why before the drop', async ({ page }) => {
  await openLab(page);
  await page.evaluate(() => window.glasshouse.runCommand('inject-fault', { fault: 'destination-memory' }));
  await page.waitForTimeout(500);
  const chip = page.locator('[data-drag-vm="1"]').first();
  const from = (await chip.boundingBox())!;
  const to = (await page.locator('[data-mark="host"][data-entity="host:1"]').first().boundingBox())!;
  await page.mouse.move(from.x + 20, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 10 });
  await expect(page.locator('[data-refuses="true"][data-entity="host:1"]')).toContainText(/free/);
  await page.mouse.up();
  await expect(vmOn(page, 'host-a')).toBeVisible();
});

test('by keyboard alone: move, pause, step, and read the tables', async ({ page }) => {
  await openLab(page);
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('m');
  await expect(page.getByRole('region', { name: 'Migration graph' })).toBeVisible();
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('Space');
  const clock = page.getByRole('timer', { name: 'Virtual time' });
  await expect(page.getByRole('button', { name: /^Play/ })).toBeVisible();
  await page.waitForTimeout(300);
  const before = await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);
  await page.keyboard.press('>');
  await expect.poll(() => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBeGreaterThan(before);
  const afterInstruction = await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);
  await page.keyboard.press('.');
  await expect.poll(() => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBeGreaterThan(afterInstruction);
  await expect(clock).toBeVisible();
  await page.keyboard.press('y');
  await expect(page.getByRole('table').first()).toBeVisible();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('as fast as possible');
  await page.keyboard.press('Enter');
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('Space');
  await expect(vmOn(page, 'host-b')).toBeVisible({ timeout: 60_000 });
});

test('a shared link reloads the same lab', async ({ page }) => {
  await openLab(page, '/lab/precopy-migration?v=1&seed=42&knobs=bandwidth:200000000,dirty-rate:1000');
  await expect(page.getByText('seed 42')).toBeVisible();
  await page.reload();
  await page.evaluate(() => window.glasshouse.ready());
  await expect(page.getByText('seed 42')).toBeVisible();
  await page.evaluate(() => window.glasshouse.runCommand('toggle-knobs', {}));
  await expect(page.getByRole('slider', { name: 'Link bandwidth' })).toHaveAttribute('aria-valuetext', /200\sMb\/s/);
});
