// Goal: a scenario with the files that its VMs boot runs on the page as in Node, and what is typed into a console panel reaches the guest's serial
// port. Method: the S-mode test programs in a bundle, by script and dropped together; the hash of the same world in this process.
import { createHash } from 'node:crypto';
import { expect, type Page, test } from '@playwright/test';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS } from '../core/testing/disk-program.ts';
import { ECHO_PROGRAM } from '../core/testing/echo-program.ts';
import { runFileWorld } from '../core/testing/file-world.ts';
import { asSupervisor } from '../core/testing/supervisor-program.ts';
import { openLab } from './lab-page.ts';

test.describe.configure({ retries: 0 });
test.use({ serviceWorkers: 'block' }); // what is fetched goes through the routes here

function elf(from: typeof DISK_PROGRAM): Uint8Array {
  const image = asSupervisor(from);
  if (image.kind !== 'elf') throw new Error('programs are ELF files');
  return image.bytes;
}

const FILES = new Map([['echo.elf', elf(ECHO_PROGRAM)], ['disk.elf', elf(DISK_PROGRAM)], ['disk.img', new Uint8Array(DISK_PROGRAM_SECTORS * 512)]]);
const vm = (name: string, vcpus: number, disks: readonly string[]) => ({
  name, host: 'one', fidelity: 'emulated', guest: 'file', memoryMiB: 1, vcpus, input: '',
  boot: { kernel: `${name}.elf`, append: '', disks, network: false },
});
const SCENARIO = JSON.stringify({
  format: 'glasshouse-scenario', version: 1, name: 'files', lab: 'datacenter', seed: 3, knobs: {}, sites: [],
  profiles: [{ name: 'small', memoryMiB: 8, processors: 2, picosecondsPerInstruction: 1000 }],
  hosts: [{ name: 'one', profile: 'small', rack: '', devices: [] }],
  links: [], vms: [vm('echo', 2, []), vm('disk', 1, ['disk.img'])], workloads: [],
  commands: [{ atNs: 1_000_000, command: { kind: 'console-input', vm: 'echo', text: 'hello' } }],
  untilNs: 4_000_000, speed: 0.001,
});
const UNTIL_NS = 3_000_000;

/** Files as texts that cross into the page. */
const PACKED = [...FILES].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')] as const);

async function loadByScript(page: Page): Promise<string> {
  return await page.evaluate(
    async ({ scenario, packed }) => {
      const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      return await window.glasshouse.loadScenario(scenario, Object.fromEntries(packed.map(([name, text]) => [name, bytesOf(text)])));
    },
    { scenario: SCENARIO, packed: PACKED },
  );
}

test('VMs boot files given by a script: the same run as in Node; a missing file is told by its name', async ({ page }) => {
  await openLab(page);
  expect(await loadByScript(page)).toBe('');
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), UNTIL_NS);
  expect(await page.evaluate(() => window.glasshouse.runHash())).toBe(runFileWorld(SCENARIO, FILES, UNTIL_NS).hash());
  const without = await page.evaluate((scenario) => window.glasshouse.loadScenario(scenario, { 'echo.elf': new Uint8Array(4) }), SCENARIO);
  expect(without).toContain('echo.elf is no kernel');
});

test('dropped together: the console shows the boot, and what is typed there comes back', async ({ page }) => {
  await openLab(page);
  await page.evaluate(
    ({ scenario, packed }) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([scenario], 'files.json', { type: 'application/json' }));
      for (const [name, text] of packed) {
        dataTransfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
      }
      document.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    },
    { scenario: SCENARIO, packed: PACKED },
  );
  await expect(page.getByText('These machines come from a scenario file.')).toBeVisible();
  await page.evaluate(() => window.glasshouse.ready());
  const panel = page.locator('.terminal[data-entity="vm:1"]');
  if (!(await panel.isVisible())) await page.evaluate(() => window.glasshouse.runCommand('toggle-console'));
  await expect(panel).toBeVisible();
  await expect(panel).toContainText('up');
  await expect(panel).toContainText('HELLO');
  await panel.locator('textarea').focus();
  await page.keyboard.type('typed');
  await expect(panel).toContainText('TYPED');
});

test('a guest of the library boots from the server of the page; when it is not there, a sentence says how to get it', async ({ page }) => {
  await page.route('**/guests/**', (route) => route.fulfill({ status: 404 }));
  await openLab(page);
  const absent = await page.evaluate(() => window.glasshouse.runCommand('boot-small'));
  expect(absent).toContain('npm run guests -- --small');
  const contents: Record<string, Buffer> = {
    'small/Image': Buffer.from(FILES.get('echo.elf')!), 'small/initramfs.cpio': Buffer.alloc(512), 'root.qcow2': Buffer.alloc(4096), 'opensbi/fw_dynamic.elf': Buffer.alloc(1),
  };
  const files = Object.entries(contents).map(([path, bytes]) => ({ path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }));
  const manifest = { version: 1, parts: [{ id: 'all', recipe: '1', packages: [], files }] };
  await page.route('**/guests/**', async (route) => {
    const path = route.request().url().split('/guests/')[1]!;
    const body = path === 'manifest.json' ? Buffer.from(JSON.stringify(manifest)) : contents[path];
    await route.fulfill(body === undefined ? { status: 404 } : { body });
  });
  expect(await page.evaluate(() => window.glasshouse.runCommand('boot-small'))).toBe('');
  await page.evaluate(() => window.glasshouse.ready());
  await expect(page.locator('.terminal[data-entity="vm:1"]')).toContainText('up');
  contents['root.qcow2'] = Buffer.alloc(100);
  expect(await page.evaluate(() => window.glasshouse.runCommand('boot-small'))).toContain('root.qcow2 has 100 bytes; its manifest says 4096');
  contents['root.qcow2'] = Buffer.alloc(4096, 1);
  expect(await page.evaluate(() => window.glasshouse.runCommand('boot-small'))).toContain('The SHA-256 of root.qcow2 is not the manifest’s');
});
