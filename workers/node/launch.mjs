/**
 * The launcher behind every npm script: needs nothing but Node, installs what is missing, builds what is
 * older than its sources, then starts the thing asked for. Plain JavaScript, for Node 20 runs no TypeScript.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execute, installDependencies, installGuestTools, isOlderThan, root } from './tool-install.mjs';

const usage = `usage: npm start | npm run dev | npm test | npm run verify | npm run bench -- [name]
       npm run guests [-- options]   (Debian's kernel and programs, to boot)
       npm run -s headless -- <list | lab | vm | …> [options]   (--help for its own page)
       npm run new-mechanism -- <slug> | npm run screenshots -- [slug …] [--size 1920x1080]`;

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Glasshouse needs Node 20.19 or later; this is Node ${process.versions.node}.`);
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

const headlessEntry = join(root, '.cache/headless/headless.js');

/** Bundles the headless entries when a source is newer than the bundle. */
async function bundleHeadless() {
  if (!isOlderThan(headlessEntry, ['core', 'workers', 'package-lock.json'])) return;
  const { build } = await import('vite');
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: 'node20',
      outDir: join(root, '.cache/headless'),
      emptyOutDir: true,
      minify: false,
      sourcemap: true,
      rollupOptions: {
        input: {
          headless: join(root, 'workers/node/headless.ts'),
          'host-thread': join(root, 'workers/node/host-thread.ts'),
        },
        output: { entryFileNames: '[name].js', chunkFileNames: 'chunk-[name]-[hash].js' },
      },
    },
  });
}

/** Builds the page when a source is newer than the build. */
export async function buildPage() {
  const stamp = join(root, 'dist/index.html');
  const sources = ['core', 'workers', 'web', 'public', 'index.html', 'vite.config.ts', 'package-lock.json'];
  if (!isOlderThan(stamp, sources)) return;
  process.stdout.write('Building the page …\n');
  const { build } = await import('vite');
  await build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'warn' });
}

async function headless(rest) {
  await bundleHeadless();
  return execute(process.execPath, ['--enable-source-maps', headlessEntry, ...rest]);
}

/** All benches are headless but those of the page, which need a browser. */
async function bench(rest) {
  if (rest[0] !== 'page' && rest[0] !== 'page-memory') return await headless(['bench', ...rest]);
  await buildPage();
  const { measureMemory, measurePage } = await import('./tool-measure.mjs');
  return rest[0] === 'page' ? await measurePage() : await measureMemory();
}

async function main() {
  requireNode();
  const [command, ...rest] = process.argv.slice(2);
  // A machine interface prints nothing of its own on stdout.
  installDependencies({ quiet: command === 'headless' });
  switch (command) {
    case 'start': {
      await buildPage();
      const { serve } = await import('./serve.mjs');
      await serve(join(root, 'dist'), rest, join(root, 'public/guests'));
      return;
    }
    case 'build':
      await buildPage();
      return;
    case 'dev':
      process.exit(execute('npx', ['--no-install', 'vite', ...rest]));
      return;
    case 'headless':
      process.exit(await headless(rest));
      return;
    case 'guests':
      installGuestTools();
      process.exit(await headless(['guests', ...rest]));
      return;
    case 'bench':
      process.exit(await bench(rest));
      return;
    case 'screenshots': {
      await buildPage();
      const { takeScreenshots } = await import('./tool-screenshots.mjs');
      process.exit(await takeScreenshots(rest));
      return;
    }
    case 'new-mechanism': {
      const { newMechanism } = await import('./new-mechanism.mjs');
      process.exit(newMechanism(root, rest));
      return;
    }
    case 'test':
    case 'verify': {
      const { runTests } = await import('./tool-test.mjs');
      await bundleHeadless();
      await buildPage();
      process.exit(await runTests({ verify: command === 'verify', only: rest }));
      return;
    }
    default:
      fail(command ? `Unknown command '${command}'.\n${usage}` : usage);
  }
}

if (!existsSync(join(root, 'package.json')) || !statSync(root).isDirectory()) {
  fail(`No package.json in ${root}: the launcher must stay in workers/node of the project.`);
}
await main();
