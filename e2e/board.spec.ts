// Goal: any bare-metal program starts on a board of the page, by file dialog or by drop: its console, its memory and how it ended are seen, and the
// run is the same as in Node, reads well, and is put back by a rewind. Method: programs recorded on QEMU, from this process as files; axe; hashes.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { programScenario } from '../core/protocol/guest-scenario.ts';
import { bareMetalElf } from '../core/testing/bare-metal-program.ts';
import { getBareMetalProgram } from '../core/testing/bare-metal-programs.ts';
import { BOARD_FILES, BOARD_SCENARIO } from '../core/testing/board-world.ts';
import { runFileWorld } from '../core/testing/file-world.ts';
import { openLab } from './lab-page.ts';

const UNTIL_NS = 20_000_000;

/** Drops files anywhere onto the page. */
async function drop(page: Page, files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Promise<void> {
  await page.evaluate((list) => {
    const dataTransfer = new DataTransfer();
    for (const { name, bytes } of list) dataTransfer.items.add(new File([Uint8Array.from(bytes)], name));
    document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer }));
  }, files.map(({ name, bytes }) => ({ name, bytes: [...bytes] })));
}

const console = (page: Page) => page.evaluate(() => document.querySelector('[data-entity="vm:1"].console-lines')?.textContent ?? '');
const hash = (page: Page) => page.evaluate(() => window.glasshouse.runHash());
/** Goes on to a time, or back to it when the run has passed it, and stands there. */
async function standAt(page: Page, timeNs: number): Promise<void> {
  await page.evaluate(async (ns) => {
    await window.glasshouse.ready();
    await window.glasshouse.advanceTo(ns).catch(() => window.glasshouse.rewindTo(ns));
  }, timeNs);
}
const title = (page: Page) => page.locator('[data-stage] .host__name').first();

test('a program from the library’s dialog: console, finisher, harts, the same run as in Node', async ({ page }) => {
  await openLab(page);
  await page.evaluate(() => window.glasshouse.runCommand('labs'));
  const chooser = page.waitForEvent('filechooser');
  await page.locator('[data-board=program]').click();
  const bytes = bareMetalElf(getBareMetalProgram('hello'));
  await (await chooser).setFiles({ name: 'hello.elf', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
  await expect(title(page)).toContainText('board');
  await standAt(page, UNTIL_NS);
  expect(await console(page)).toBe('Hello, bare metal!');
  await expect(page.locator('[data-story]')).toHaveText('The program reported a pass to the test finisher: it is switched off.');
  await expect(page.locator('.board__program')).toContainText('hello.elf switched off');
  const node = runFileWorld(programScenario('hello.elf', { memoryMiB: 128, harts: 1, profile: 'rv64gc' }), new Map([['hello.elf', bytes]]), UNTIL_NS);
  expect(await hash(page)).toBe(node.hash());
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});

test('a program that ends by tohost is dropped onto any lab, and onto a board any other; its failure is told', async ({ page }) => {
  await openLab(page);
  await drop(page, [{ name: 'test.elf', bytes: bareMetalElf(getBareMetalProgram('tohost failure')) }]);
  await expect(page.locator('[data-story]')).toHaveText('Test 7 failed (tohost).', { timeout: 30_000 });
  await drop(page, [{ name: 'failure.elf', bytes: bareMetalElf(getBareMetalProgram('failure')) }]);
  await expect(page.locator('[data-story]')).toHaveText('The program reported failure 42 to the test finisher.', { timeout: 30_000 });
  await drop(page, [{ name: 'nothing.elf', bytes: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46) }]);
  await expect(page.locator('[data-notice]')).toContainText('nothing.elf');
  await expect(page.locator('.board__program')).toContainText('failure.elf');
});

test('a file of four boards: the same run as in Node, also rewound', async ({ page }) => {
  await openLab(page);
  const scenario = new TextEncoder().encode(JSON.stringify(BOARD_SCENARIO));
  await drop(page, [{ name: 'boards.json', bytes: scenario }, ...[...BOARD_FILES].filter(([, { length }]) => length < 100_000).map(([name, bytes]) => ({ name, bytes }))]);
  await expect(page.locator('[data-notice]')).toContainText('raw.img'); // a disk was left out: nothing changes
  await drop(page, [{ name: 'boards.json', bytes: scenario }, ...[...BOARD_FILES].map(([name, bytes]) => ({ name, bytes }))]);
  await expect(title(page)).toContainText('disk', { timeout: 30_000 });
  await standAt(page, BOARD_SCENARIO.untilNs);
  const whole = runFileWorld(JSON.stringify(BOARD_SCENARIO), BOARD_FILES, BOARD_SCENARIO.untilNs).hash();
  expect(await hash(page)).toBe(whole);
  await standAt(page, 1_500_000);
  await standAt(page, BOARD_SCENARIO.untilNs);
  expect(await hash(page)).toBe(whole);
});
