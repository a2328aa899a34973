/**
 * Static files of the page's build: all of public/ but the fetched guests, which are large, belong to this machine, and
 * are served from where they lie (serve.mjs).
 */
import { cpSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Folder of guests under public/, and its address under the page's. */
export const GUESTS = 'guests';

/** The Vite plugin: copies instead of Vite; before the list of files for offline use is made. */
export function publicFilesPlugin() {
  let from = '';
  let to = '';
  return {
    name: 'glasshouse-public-files',
    apply: 'build',
    config: () => ({ build: { copyPublicDir: false } }),
    configResolved(config) {
      from = config.publicDir;
      to = resolve(config.root, config.build.outDir);
    },
    writeBundle() {
      const guests = join(from, GUESTS);
      if (from !== '' && existsSync(from)) cpSync(from, to, { recursive: true, filter: (path) => path !== guests });
    },
  };
}
