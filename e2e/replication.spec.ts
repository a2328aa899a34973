// Goal: a workload is sent through another gateway by hand, with the pointer and with keys alone, and a gateway that would refuse it
// says so before the drop; the picture's curves have their target. Method: the replication lab, paused, so that nothing else moves.
import { expect, type Page, test } from '@playwright/test';
import { openLab } from './lab-page.ts';

const SECOND = 1_000_000_000;

/** The lab when all gateways have told their load, standing; the balancer is off. */
async function openStill(page: Page): Promise<void> {
  await openLab(page, '/lab/gateway-balancer?autoplay=0&knobs=balancing:0');
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), 3 * SECOND);
}

/** What was asked for so far. */
const asked = (page: Page) => page.evaluate(async () =>
  (JSON.parse(await window.glasshouse.exportRun()) as { log: { command: { kind: string; arguments?: unknown } }[] }).log
    .filter(({ command }) => command.kind === 'ask').map(({ command }) => command.arguments));

const workload = (page: Page, name: string) => page.locator('[data-drag-workload]').filter({ hasText: name });
const gateway = (page: Page, name: string) => page.locator('[data-gateway]').filter({ hasText: name });

test('dragged onto a gateway, a workload goes there; one that refuses it says why before the drop', async ({ page }) => {
  await openStill(page);
  const from = (await workload(page, 'desk').boundingBox())!;
  const over = async (name: string) => {
    const to = (await gateway(page, name).boundingBox())!;
    await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 4 });
  };
  await page.mouse.move(from.x + 30, from.y + from.height - 4);
  await page.mouse.down();
  await over('P1');
  await expect(gateway(page, 'P1')).toHaveAttribute('data-refuses', 'true');
  await expect(gateway(page, 'P1')).toContainText('the gateway would be overloaded');
  await over('P2');
  await expect(gateway(page, 'P2')).toHaveAttribute('data-refuses', 'false');
  await expect(gateway(page, 'P2')).toContainText('Send it through P2');
  await page.mouse.up();
  await expect.poll(() => asked(page)).toEqual([{ workload: 11, gateway: 2 }]);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), 6 * SECOND);
  await expect.poll(() => page.evaluate(() => window.glasshouse.metrics()['moves']?.value)).toBe(1);
});

test('by keys alone: the menu of a workload offers every other gateway, refusals with their reasons', async ({ page }) => {
  await openStill(page);
  await workload(page, 'web').getByRole('button', { name: 'Menu of web' }).focus();
  await page.keyboard.press('Enter');
  const item = (name: string) => page.getByRole('menuitem', { name: new RegExp(`^Through ${name}`) });
  await expect(item('P1')).toContainText('the gateway would be overloaded');
  await expect(item('P1')).toHaveAttribute('aria-disabled', 'true');
  await expect(item('P4')).toHaveCount(0); // it is there already
  for (let press = 0; press < 6 && !(await item('P3').evaluate((it) => it === document.activeElement)); press++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect.poll(() => asked(page)).toEqual([{ workload: 10, gateway: 3 }]);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), 6 * SECOND);
  await page.evaluate(() => window.glasshouse.runCommand('toggle-tables'));
  await expect(page.locator('[data-twin=flow] table').filter({ hasText: 'Recovery point' }).getByRole('row').filter({ hasText: 'web' })).toContainText('P3');
});

test('every workload has its recovery point in the table of the curves', async ({ page }) => {
  await openStill(page);
  const figure = page.locator('[data-figure="strip-worst-recovery-point"]');
  await figure.locator('.figure__menu').click();
  await page.getByRole('menuitem', { name: 'Show as a table' }).click();
  const heads = await figure.locator('thead th').allTextContents();
  for (const name of ['Worst recovery point', 'Recovery point of orders', 'Recovery point of desk']) expect(heads.join('\n')).toContain(name);
  await expect(figure.locator('tbody tr').last()).toContainText(/\d\sm?s/);
});
