/**
 * A build step: writes the list of built files, and a version made of their bytes, into the service worker.
 * Source maps and the worker itself stay out of the list.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';

/** What the source holds in place of the list. */
const PLACE = /\{\\?"version\\?":\\?"unbuilt\\?",\\?"files\\?":\[\]\}/;
const WORKER = 'service-worker.js';

/** Paths of all files under `folder`, with /, sorted. */
function filesUnder(folder, at = folder) {
  return readdirSync(at)
    .flatMap((name) => {
      const path = join(at, name);
      return statSync(path).isDirectory() ? filesUnder(folder, path) : [relative(folder, path).split(sep).join('/')];
    })
    .sort();
}

/** The list for the files of a built folder. */
export function offlineList(folder) {
  const files = filesUnder(folder).filter((path) => path !== WORKER && path !== 'index.html' && !path.endsWith('.map'));
  const hash = createHash('sha256');
  for (const path of ['index.html', ...files]) hash.update(path).update('\0').update(readFileSync(join(folder, path))).update('\0');
  return { version: hash.digest('hex').slice(0, 16), files };
}

/** The Vite plugin: fills the list in after everything else has been written. */
export function offlinePlugin() {
  let folder = 'dist';
  return {
    name: 'glasshouse-offline',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir); // an --outDir may be absolute
    },
    closeBundle() {
      const path = join(folder, WORKER);
      const source = readFileSync(path, 'utf8');
      if (!PLACE.test(source)) throw new Error(`${WORKER} has no place for the list of files.`);
      writeFileSync(path, source.replace(PLACE, () => JSON.stringify(offlineList(folder))));
    },
  };
}
