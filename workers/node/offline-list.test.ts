// Goal: the service worker's list names every built file but maps and itself, and its version follows the bytes. Method: a small folder on disk.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { offlineList } from './offline-list.mjs';

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
