/**
 * `npm run new-mechanism <slug>`: writes a mechanism's two folders, a copy of the skeleton that runs at once, and
 * the lists of all mechanisms. `--catalog` writes the lists only.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { catalogFiles, newMechanismFiles, slugFault } from './mechanism-files.mjs';

/** Writes files, by path under `root`. */
function write(root, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    process.stdout.write(`${path}\n`);
  }
}

/** Does it; the result is the exit status. */
export function newMechanism(root, rest) {
  const [slug, ...more] = rest;
  if (slug !== '--catalog') {
    const fault = more.length > 0 ? `new-mechanism takes one name, found '${more[0]}'.` : slugFault(root, slug);
    if (fault !== '') {
      process.stderr.write(`${fault}\n`);
      return 2;
    }
    write(root, newMechanismFiles(root, slug));
  }
  write(root, catalogFiles(root));
  if (slug !== '--catalog') {
    process.stdout.write(`It runs: npm run -s headless -- lab ${slug}\nThen replace what it does, file by file.\n`);
  }
  return 0;
}
