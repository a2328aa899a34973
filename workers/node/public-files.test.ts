// Goal: the build holds every static file but the guests. Method: the plugin's calls on a folder made here.
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { publicFilesPlugin } from './public-files.mjs';

test('static files are copied, guests are left where they are', () => {
  const root = mkdtempSync(join(tmpdir(), 'public-'));
  for (const folder of ['public', 'public/guests', 'public/scenarios', 'public/scenarios/guests', 'dist']) mkdirSync(join(root, folder));
  for (const file of ['icon.svg', 'guests/manifest.json', 'scenarios/ring.json', 'scenarios/guests/a.json']) writeFileSync(join(root, 'public', file), file);
  const plugin = publicFilesPlugin() as unknown as {
    config(): unknown;
    configResolved(config: { readonly root: string; readonly publicDir: string; readonly build: { readonly outDir: string } }): void;
    writeBundle(): void;
  };
  expect(plugin.config()).toEqual({ build: { copyPublicDir: false } });
  plugin.configResolved({ root, publicDir: join(root, 'public'), build: { outDir: 'dist' } });
  plugin.writeBundle();
  expect(readdirSync(join(root, 'dist'), { recursive: true }).map(String).sort()).toEqual(['icon.svg', 'scenarios', 'scenarios/guests', 'scenarios/guests/a.json', 'scenarios/ring.json']);
});
