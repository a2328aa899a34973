// Goal: any lab is a click, a key or a link away, and what its contract offers stands on its page: knobs, faults, requests.
// Method: the library, the address, back and forward, menus, the palette and the form of a request, in Chromium.
import { expect, type Page, test } from '@playwright/test';
import { CATALOG } from '../core/mechanisms/catalog.ts';
import { openLab, story } from './lab-page.ts';

const title = (id: string) => CATALOG.find((contract) => contract.id === id)!.title;
const sentence = (id: string) => CATALOG.find((contract) => contract.id === id)!.sentence;
const log = (page: Page) => page.evaluate(async () => (JSON.parse(await window.glasshouse.exportRun()) as { log: { command: Record<string, unknown> }[] }).log.map((it) => it.command));

test('the library lists every lab; each opens on its picture, already moving', async ({ page }) => {
  await openLab(page);
  for (const { id } of CATALOG) {
    await page.getByRole('button', { name: 'Open a lab' }).click();
    const dialog = page.getByRole('dialog', { name: 'Open a lab' });
    await expect(dialog.getByRole('button', { name: title(id) })).toContainText(sentence(id));
    await dialog.getByRole('button', { name: title(id) }).click();
    await expect(story(page)).toHaveText(sentence(id));
    expect(page.url()).toContain(`#/lab/${id}`);
    await expect(page).toHaveTitle(new RegExp(title(id)));
    await expect.poll(() => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBeGreaterThan(0);
  }
});

test('links switch labs, and back and forward of the browser go the same way', async ({ page }) => {
  await openLab(page, '/lab/skeleton');
  await expect(story(page)).toHaveText(sentence('skeleton'));
  await page.evaluate(() => { location.hash = '#/lab/live-snapshot?seed=5'; });
  await expect(story(page)).toHaveText(sentence('live-snapshot'));
  await expect(page.getByText('seed 5')).toBeVisible();
  await page.goBack();
  await expect(story(page)).toHaveText(sentence('skeleton'));
  await page.goForward();
  await expect(story(page)).toHaveText(sentence('live-snapshot'));
});

test('an unknown lab is named in one sentence, and what runs goes on', async ({ page }) => {
  await openLab(page, '/lab/skeleton');
  await page.evaluate(() => { location.hash = '#/lab/perpetual-motion'; });
  await expect(page.getByRole('alert')).toContainText('perpetual-motion');
  expect(await page.evaluate(() => window.glasshouse.runCommand('open-lab', { lab: 'skeleton' }))).toBe('');
  await expect(story(page)).toHaveText(sentence('skeleton'));
  expect(await page.evaluate(() => window.glasshouse.load({ lab: 'perpetual-motion' }))).toContain('perpetual-motion');
});

test('by keyboard: O opens the library, Tab and Enter choose', async ({ page }) => {
  await openLab(page);
  await page.locator('[data-stage]').focus();
  await page.keyboard.press('o');
  const dialog = page.getByRole('dialog', { name: 'Open a lab' });
  await expect(dialog).toBeVisible();
  for (let step = 0; step < 10 && (await page.evaluate(() => (document.activeElement as HTMLElement).dataset['lab'])) !== 'skeleton'; step++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(story(page)).toHaveText(sentence('skeleton'));
});

for (const contract of CATALOG) {
  test(`${contract.id}: every fault is offered at a mark, and every request is in the palette`, async ({ page }) => {
    await openLab(page, `/lab/${contract.id}?autoplay=0`);
    const offered = new Set<string>();
    for (const menu of await page.getByRole('button', { name: /^Menu of / }).all()) {
      await menu.click();
      for (const item of await page.getByRole('menuitem').allTextContents()) offered.add(item.replace(' …', '').trim());
      await page.keyboard.press('Escape');
    }
    const cut = page.getByRole('button', { name: 'Cut the link' });
    if ((await cut.count()) === 1) for (const words of ['Cut the link', 'Mend the link']) offered.add(words);
    // Pictures of walls and maps have a menu at each mark; others offer faults by the palette.
    if (offered.size > 0) for (const fault of contract.faults.filter(({ id }) => id !== 'cancel')) expect([...offered], fault.id).toContain(fault.title);
    await page.keyboard.press('Control+k');
    await expect(page.locator('.palette__item').first()).toBeVisible();
    const entries = await page.locator('.palette__item').allTextContents();
    for (const request of contract.requests) expect(entries.join('\n'), request.id).toContain(request.id === 'migrate' ? 'Move it while it runs' : request.id === 'cancel-migration' ? 'Cancel the migration' : request.title);
    for (const fault of contract.faults) expect(entries.join('\n'), fault.id).toContain(fault.title);
  });
}

test('a request that needs words asks for them in a form, and gives them to the run', async ({ page }) => {
  await openLab(page, '/lab/live-snapshot');
  const open = (request: string) => page.evaluate((id) => window.glasshouse.runCommand('open-request', { request: id }), request);
  await open('take-snapshot');
  const dialog = page.getByRole('dialog', { name: 'Take a snapshot' });
  await dialog.getByLabel('Name').fill('before lunch');
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect.poll(() => log(page)).toContainEqual({ kind: 'ask', ask: 'take-snapshot', arguments: { vm: 1, name: 'before lunch' } });
  await open('restore-snapshot');
  await page.getByRole('dialog').getByLabel('Name').fill('never taken');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('never taken');
});

test('the story of a lab goes on along its walkthrough, by what the run did', async ({ page }) => {
  await openLab(page, '/lab/skeleton');
  await page.getByRole('button', { name: 'Pause it briefly' }).click();
  await expect(story(page)).toHaveText('It stands for a moment. Nothing in it notices, except its clock.');
  await page.evaluate(() => window.glasshouse.runCommand('set-speed', { ratio: 1 }));
  await expect(story(page)).toHaveText(/^The longest gap was [\d.]+\sms\./, { timeout: 30_000 });
  await page.getByRole('button', { name: 'Tick faster' }).click();
  await expect.poll(() => log(page)).toContainEqual({ kind: 'set-knob', knob: 'period', value: 5_000_000 });
});
