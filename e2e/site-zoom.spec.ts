// Goal: from ten thousand hosts to one page by keyboard alone: the overloaded host is found, a VM of a host with real memory shows its
// pages and their bytes as they lie in memory, and an aggregate VM gets real memory from its card. Method: the site opened small and
// paused; bytes on screen are compared with the inspector's, and with what a paged VM keeps in its first page.
import { expect, type Page, test } from '@playwright/test';
import { loadPaused, openPaused } from './lab-page.ts';

/** Where the page stands when it is looked at. Unit: ns. */
const LOOK_NS = 2_000_000_000;
const KNOBS = { hosts: 400, 'vms-per-host': 6, 'paged-vms': 20, turnover: 0, 'crash-rate': 0 };

async function begin(page: Page): Promise<void> {
  await openPaused(page, 'datacenter-scale', 0);
  await loadPaused(page, { knobs: KNOBS });
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), LOOK_NS);
}

test('the overloaded host is found by one key, and its card names its VMs', async ({ page }) => {
  await begin(page);
  expect(await page.evaluate(() => window.glasshouse.runCommand('inject-fault', { fault: 'hot-spot', target: 'machine:17' }))).toBe('');
  await page.evaluate(() => window.glasshouse.advanceTo(2_500_000_001));
  await page.getByRole('application').focus();
  const seen = new Set<string>();
  for (let press = 0; press < 60; press++) {
    await page.keyboard.press('n');
    const told = page.locator('[data-host-told]');
    await expect(told).toContainText('overloaded');
    const name = (await told.locator('strong').textContent())!;
    if (seen.has(name)) break;
    seen.add(name);
    if (name === 'host 17') break;
  }
  expect([...seen]).toContain('host 17');
  await expect(page.locator('[data-host-card]').getByRole('list', { name: 'VMs' }).getByRole('button').first()).toBeVisible();
});

test('a page of a paged VM: by keyboard to its bytes, which are those in memory', async ({ page }) => {
  await begin(page);
  const hosts = page.getByRole('group', { name: 'Hosts with real memory' });
  await hosts.getByRole('button', { name: /^host A,/ }).focus();
  await page.keyboard.press('Enter');
  const card = page.locator('[data-memory-card]');
  await expect(card).toBeVisible();
  await expect(card.getByRole('combobox', { name: 'VM' })).toBeVisible();
  await card.locator('[data-page-map]').focus();
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown']) await page.keyboard.press(key);
  await expect(card.locator('[data-page-told] strong')).toHaveText('0x80021000'); // none, 0, 1, a row of 32 below
  const bytes = card.locator('[data-view="hexdump"]');
  const shown = await bytes.textContent();
  // The inspector looks at the same page in its own way.
  await page.evaluate(() => window.glasshouse.runCommand('toggle-inspector'));
  await expect(page.locator('.inspector__section [data-view="hexdump"]')).toHaveText(shown!, { useInnerText: false });
  // A paged VM keeps what it remembers in its first page, behind a mark of four letters and the number of its profile.
  await card.locator('[data-page-map]').focus();
  await page.keyboard.press('Home');
  await expect(bytes).toContainText('80000000  47 48 50 57 05 00 00 00');
  // The twin counts every page once.
  await expect.poll(async () => {
    const cells = await card.locator('[data-twin="pages"] .number').allTextContents();
    return cells.reduce((sum, text) => sum + Number(text.replace(/\D/g, '')), 0);
  }).toBe(512);
});

test('an aggregate VM gets real pages from its card', async ({ page }) => {
  await begin(page);
  await page.getByRole('application').focus();
  const vms = page.locator('[data-host-card] .site__vms button');
  let found = false;
  for (let step = 0; step < 60 && !found; step++) {
    await page.keyboard.press('ArrowRight');
    await expect(vms.first()).toBeVisible();
    const micro = vms.filter({ hasText: 'micro' }).first();
    found = (await micro.count()) > 0;
    if (found) await micro.click();
  }
  expect(found, 'one of sixty hosts has a micro-VM').toBe(true);
  await page.getByRole('button', { name: 'Give it real pages' }).click();
  await expect(page.locator('[data-promote]')).toContainText('on its way');
  await page.evaluate(() => window.glasshouse.advanceTo(6_000_000_000));
  const events = await page.evaluate(() => window.glasshouse.events());
  expect(events.filter(({ kind }) => kind === 'promoted' || kind === 'refused').map(({ kind }) => kind)).toEqual(['promoted']);
});
