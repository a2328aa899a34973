// Goal: the service worker's list names every built file but maps and itself, and its version follows the bytes. Method: a small folder on disk; the plugin's own calls, with a relative folder and an absolute one.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { offlineList, offlinePlugin } from './offline-list.mjs';

test('files and version', () => {
  const folder = mkdtempSync(join(tmpdir(), 'offline-'));
  mkdirSync(join(folder, 'assets'));
  const put = (path: string, text: string) => writeFileSync(join(folder, path), text);
  put('index.html', 'page');
  put('service-worker.js', 'worker');
  put('assets/a-12345678.js', 'a');
  put('assets/a-12345678.js.map', 'map');
  put('icon.svg', 'icon');
  const list = offlineList(folder);
  expect(list.files).toEqual(['assets/a-12345678.js', 'icon.svg']);
  expect(list.version).toMatch(/^[0-9a-f]{16}$/);
  put('assets/a-12345678.js.map', 'other map');
  expect(offlineList(folder).version).toBe(list.version);
  put('index.html', 'other page');
  expect(offlineList(folder).version).not.toBe(list.version);
});

test.each([
  ['below the root', (folder: string) => ({ root: join(folder, '..'), outDir: folder.split('/').at(-1)! })],
  ['anywhere', (folder: string) => ({ root: '/nowhere', outDir: folder })],
])('the list is written into the service worker of a build %s', (_, configOf) => {
  const folder = mkdtempSync(join(tmpdir(), 'offline-'));
  writeFileSync(join(folder, 'index.html'), 'page');
  writeFileSync(join(folder, 'service-worker.js'), 'const list = JSON.parse(\'{"version":"unbuilt","files":[]}\');');
  writeFileSync(join(folder, 'icon.svg'), 'icon');
  const { root, outDir } = configOf(folder);
  const plugin = offlinePlugin() as unknown as {
    configResolved(config: { readonly root: string; readonly build: { readonly outDir: string } }): void;
    closeBundle(): void;
  };
  plugin.configResolved({ root, build: { outDir } });
  plugin.closeBundle();
  const { version } = offlineList(folder);
  expect(readFileSync(join(folder, 'service-worker.js'), 'utf8')).toContain(`"version":"${version}","files":["icon.svg"]`);
});
