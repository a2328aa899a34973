// Goal: adding a lab touches nothing outside its two folders and the generated lists, and the new lab opens on the page with
// picture, story, knobs and strip. Method: `npm run new-mechanism` in a copy of the project, built and served as it is.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { act, story } from './lab-page.ts';

const root = join(import.meta.dirname, '..');
const SLUG = 'made-by-a-test';
const PARTS = ['core', 'web', 'workers', 'public', 'index.html', 'vite.config.ts', 'package.json', 'package-lock.json', 'tsconfig.base.json', 'tsconfig.json'];

function filesOf(folder: string, top = folder): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesOf(path, top) : [relative(top, path).replaceAll('\\', '/')];
  });
}

/** Runs a line of JavaScript in the copy. Not the launcher: it would install packages, into the folder that the copy borrows. */
const script = (line: string) => ['--input-type=module', '--eval', line];

/** Starts the copy's server; resolves to its address. */
function serve(copy: string): Promise<{ readonly process: ChildProcess; readonly url: string }> {
  const server = spawn(process.execPath, script("const { serve } = await import('./workers/node/serve.mjs'); await serve(process.cwd() + '/dist', ['--port', '0']);"), { cwd: copy });
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (text: Buffer) => {
      said += text.toString();
      const url = /http:\/\/localhost:\d+\//.exec(said)?.[0];
      if (url !== undefined) resolve({ process: server, url });
    };
    server.stdout.on('data', listen);
    server.stderr.on('data', listen);
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
}

test('a new mechanism is a lab on the page, made of its two folders alone', async ({ page }) => {
  const copy = mkdtempSync(join(tmpdir(), 'glasshouse-'));
  let server: ChildProcess | undefined;
  try {
    for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: statSync(join(root, part)).isDirectory(), filter: (path) => path !== join(root, 'public/guests') });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const before = filesOf(copy).filter((path) => !path.startsWith('node_modules'));
    execFileSync(process.execPath, script(`const { newMechanism } = await import('./workers/node/new-mechanism.mjs'); process.exit(newMechanism(process.cwd(), ['${SLUG}']));`), { cwd: copy });
    const after = ['core', 'web', 'workers', 'public'].flatMap((part) => filesOf(join(copy, part)).map((path) => `${part}/${path}`));
    const added = after.filter((path) => !before.includes(path));
    expect(added.filter((path) => !path.startsWith(`core/mechanisms/${SLUG}/`) && !path.startsWith(`web/labs/${SLUG}/`))).toEqual([]);
    const changed = after.filter((path) => !added.includes(path) && !readFileSync(join(copy, path)).equals(readFileSync(join(root, path))));
    expect(changed.sort()).toEqual(['core/mechanisms/catalog.ts', 'core/mechanisms/labs.ts', 'core/mechanisms/library.ts']);

    execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'error'], { cwd: copy });
    const started = await serve(copy);
    server = started.process;
    await page.goto(started.url);
    await page.evaluate(() => window.glasshouse.ready());
    await page.getByRole('button', { name: 'Open a lab' }).click();
    await page.locator(`[data-lab="${SLUG}"]`).click();
    await expect(story(page)).toHaveText('This VM prints a line each period. Pause it, and see the hole in its time.');
    await expect(page.getByRole('button', { name: /Memory of clock on host/ })).toBeVisible();
    await expect(page.locator('[data-strip="time-chart"]')).toBeVisible();
    await act(page);
    await expect(page.locator('[data-knob="period"]')).toBeVisible();
    await expect(page.locator('[data-knob="pause"]')).toBeVisible();
    await openLabAt(page, started.url);
  } finally {
    server?.kill();
    rmSync(copy, { recursive: true, force: true });
  }
});

/** By its link as well. */
async function openLabAt(page: Page, url: string): Promise<void> {
  await page.goto(`${url}?again#/lab/${SLUG}`);
  await page.evaluate(() => window.glasshouse.ready());
  expect(await page.evaluate(() => window.glasshouse.listLabs().map(({ id }) => id))).toContain(SLUG);
  await expect(story(page)).toContainText('prints a line');
}
