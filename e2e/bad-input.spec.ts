// Goal: bad input gives one sentence that names what and where, and breaks no running lab; a broken model stops its own
// run with a report while the page survives. Method: malformed links, hostile files, corrupted shared memory.
import { expect, type Page, test } from '@playwright/test';
import { openLab, vmOn } from './lab-page.ts';

test('a malformed link says what was wrong and loads the defaults', async ({ page }) => {
  await openLab(page, '/lab/precopy-migration?seed=banana&knobs=bandwidth:fast,loss:99');
  await expect(page.getByRole('alert')).toContainText('banana');
  await expect(page.getByRole('alert')).toContainText('99');
  await expect(vmOn(page, 'host-a')).toBeVisible();
});

test('an unknown lab is named', async ({ page }) => {
  await openLab(page, '/lab/teleportation');
  await expect(page.getByRole('alert')).toContainText('teleportation');
  await expect(vmOn(page, 'host-a')).toBeVisible();
});

test('knobs outside their range and unknown ones are refused, and nothing changes', async ({ page }) => {
  await openLab(page);
  const before = await page.evaluate(async () => (JSON.parse(await window.glasshouse.exportRun()) as { log: unknown[] }).log.length);
  expect(await page.evaluate(() => window.glasshouse.runCommand('set-knob', { knob: 'bandwidth', value: 1 }))).toMatch(/between/);
  expect(await page.evaluate(() => window.glasshouse.runCommand('set-knob', { knob: 'colour', value: 1 }))).toContain('colour');
  expect(await page.evaluate(() => window.glasshouse.runCommand('no-such-command'))).toContain('no-such-command');
  expect(await page.evaluate(async () => (JSON.parse(await window.glasshouse.exportRun()) as { log: unknown[] }).log.length)).toBe(before);
});

async function chooseElf(page: Page, name: string, bytes: Buffer): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  void page.evaluate(() => window.glasshouse.runCommand('open-elf'));
  await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer: bytes });
}

function elfHeader(machine: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeUInt16LE(64, 52);
  return bytes;
}

test('an ELF that cannot run is refused by name, and the running lab goes on', async ({ page }) => {
  await openLab(page);
  await chooseElf(page, 'kernel-x86.elf', elfHeader(62));
  await expect(page.getByRole('alert')).toContainText(/x86/i);
  await chooseElf(page, 'short.elf', elfHeader(243).subarray(0, 20));
  await expect(page.getByRole('alert')).toContainText(/short\.elf|truncated|bytes/i);
  await chooseElf(page, 'notes.txt', Buffer.from('hello'));
  await expect(page.getByRole('alert')).toContainText(/ELF/);
  await expect(vmOn(page, 'host-a')).toBeVisible();
  const before = await page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value);
  await expect.poll(() => page.evaluate(() => window.glasshouse.metrics()['virtual-time']!.value)).toBeGreaterThan(before);
});

test('an assertion in a worker stops the run with a report, and the page starts again', async ({ page }) => {
  // The page holds the hosts' memories to paint them; spoiling the guest frame maps sends the model out of its memory.
  await page.addInitScript(() => {
    const seen: SharedArrayBuffer[] = [];
    Object.assign(window, {
      spoil: () => {
        for (const memory of seen) if (memory.byteLength > 64e6) new Uint8Array(memory, 0x0140_0000, 64 * 1024).fill(0x7f);
      },
    });
    const collect = (value: unknown, depth: number): void => {
      if (value instanceof SharedArrayBuffer) seen.push(value);
      else if (value instanceof Map) for (const item of value.values()) collect(item, depth + 1);
      else if (typeof value === 'object' && value !== null && depth < 6) for (const item of Object.values(value)) collect(item, depth + 1);
    };
    for (const target of [Worker.prototype, MessagePort.prototype] as EventTarget[]) {
      const add = target.addEventListener;
      target.addEventListener = function (this: EventTarget, kind: string, handler: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions) {
        if (kind === 'message' && typeof handler === 'function') {
          return add.call(this, kind, (event) => { collect((event as MessageEvent).data, 0); handler.call(this, event); }, options);
        }
        return add.call(this, kind, handler, options);
      };
    }
  });
  await openLab(page);
  await page.evaluate(() => (window as unknown as { spoil(): void }).spoil());
  void page.evaluate(() => window.glasshouse.runCommand('migrate', { vm: 1, to: 1 }));
  const report = await page.evaluate(() => window.glasshouse.failed);
  expect(report).toContain('virtualTimeNs');
  await page.getByRole('dialog').getByRole('button', { name: 'Start again' }).click();
  await page.evaluate(() => window.glasshouse.ready());
  await expect(vmOn(page, 'host-a')).toBeVisible();
});
