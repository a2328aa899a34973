/** Installing what is missing: npm packages from the lock file, and a Chromium for the page's tests. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the project. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Runs a command with our terminal; gives its exit status (1 when it could not start). */
export function execute(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (done.error) process.stderr.write(`${command} could not start: ${done.error.message}\n`);
  return done.status ?? 1;
}

/** Fetched guests are no source. */
const guestFolder = join(root, 'public/guests');

function newestChange(path) {
  const facts = statSync(path);
  if (!facts.isDirectory()) return facts.mtimeMs;
  let newest = 0;
  for (const name of readdirSync(path)) {
    const inner = join(path, name);
    if (name === 'node_modules' || inner === guestFolder) continue;
    newest = Math.max(newest, newestChange(inner));
  }
  return newest;
}

/** True when `output` is missing or a file under one of `sources` (relative to the project) is newer. */
export function isOlderThan(output, sources) {
  if (!existsSync(output)) return true;
  const made = statSync(output).mtimeMs;
  return sources.some((source) => existsSync(join(root, source)) && newestChange(join(root, source)) > made);
}

/** Installs the packages of the lock file when they are missing or older than it. */
export function installDependencies({ quiet }) {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return;
  process.stderr.write('Installing packages (once) …\n');
  const status = execute('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', quiet ? 2 : 'inherit', 'inherit'],
  });
  if (status !== 0) {
    process.stderr.write('npm could not install the packages: see its message above; then run the command again.\n');
    process.exit(2);
  }
}

const debianChromium = '/usr/bin/chromium';

function isRootOnDebian() {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

function apt(args) {
  return execute('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Path of a Chromium to test with, installed if need be; undefined (after a sentence) when there is none. */
export async function findChromium() {
  const named = process.env.GLASSHOUSE_CHROMIUM;
  if (named) {
    if (existsSync(named)) return named;
    process.stderr.write(`GLASSHOUSE_CHROMIUM names ${named}, which is not there.\n`);
    return undefined;
  }
  if (existsSync(debianChromium)) return debianChromium;
  const { chromium } = await import('@playwright/test');
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  if (isRootOnDebian()) {
    process.stderr.write('Installing Debian’s chromium (once) …\n');
    apt(['-qq', 'update']);
    if (apt(['-qq', '-y', '--no-install-recommends', 'install', 'chromium']) === 0 && existsSync(debianChromium)) {
      return debianChromium;
    }
  }
  process.stderr.write('Downloading Playwright’s Chromium (once) …\n');
  if (execute('npx', ['--no-install', 'playwright', 'install', 'chromium']) === 0 && existsSync(chromium.executablePath())) {
    return chromium.executablePath();
  }
  process.stderr.write(
    'No Chromium for the page’s tests: install your system’s chromium package and name it in GLASSHOUSE_CHROMIUM, then run npm test again.\n',
  );
  return undefined;
}

/** Installs Debian's packages of programs that are missing, where we are root on Debian. Never fatal. `wanted`: package by program. */
function installMissing(wanted) {
  const missing = Object.entries(wanted)
    .filter(([tool]) => !['/usr/bin', '/usr/sbin', '/sbin'].some((folder) => existsSync(join(folder, tool))))
    .map(([, name]) => name);
  if (missing.length === 0 || !isRootOnDebian()) return;
  process.stderr.write(`Installing ${missing.join(', ')} (once) …\n`);
  apt(['-qq', 'update']);
  apt(['-qq', '-y', '--no-install-recommends', 'install', ...missing]);
}

/** Outside judges that some tests call when they are there. */
export function installJudges() {
  installMissing({ tshark: 'tshark', readelf: 'binutils' });
}

/** What the root image of guests is made with. */
export function installGuestTools() {
  installMissing({ mke2fs: 'e2fsprogs' });
}
