/**
 * The small Linux: Debian's kernel source, built with few options by a cross compiler of this machine. Built once for
 * the same source, options and compiler; the result is kept in the cache.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { writeCpio } from '../../../core/formats/index.ts';
import { fetchBusybox, getGuest, type PartMaker, recipeOf, type Workshop } from './fetch-guests.ts';
import { initialDiskEntries, OWN_TEXTS } from './file-tree.ts';
import type { Package } from './packages.ts';
import config from './small.config?raw';
import { checksum } from './store.ts';
import { GuestsFailure, needTools, outputOf, runTool } from './tools.ts';

const CROSS = 'riscv64-linux-gnu-';
/** Lines that make prints for this configuration, for the bar. */
const BUILD_LINES = 1430;
/** Where the bytes of the kernel would else tell who built it, and when. */
const SIGNATURE = { KBUILD_BUILD_TIMESTAMP: '2025-01-01', KBUILD_BUILD_USER: 'glasshouse', KBUILD_BUILD_HOST: 'glasshouse', KBUILD_BUILD_VERSION: '1' };

/** The small kernel and its initial RAM disk, which needs no modules. */
export const SMALL_PART: PartMaker = {
  id: 'small',
  title: 'the small Linux',
  recipe: recipeOf('small', config, ...OWN_TEXTS),
  async make(workshop) {
    needTools('Building the small Linux', ['make', 'gcc', 'flex', 'bison', 'bc', 'perl', 'tar', 'xz', `${CROSS}gcc`], ['make', 'gcc', 'flex', 'bison', 'bc', 'perl', 'tar', 'xz-utils', 'gcc-riscv64-linux-gnu']);
    const { kernel, initrd } = getGuest('small').files;
    const [source] = await workshop.client.fetch([await workshop.client.dependency('linux-source', 'linux-source-')]);
    if (source === undefined) throw new GuestsFailure('The archive has no kernel source.');
    const busybox = await fetchBusybox(workshop);
    return {
      packages: [source, busybox.package],
      files: [
        { path: kernel, content: await kernelImage(workshop, source) },
        { path: initrd, content: writeCpio(initialDiskEntries(busybox.bytes, { boot: [], disk: [] })) },
      ],
    };
  },
};

/** The kernel's Image: from the cache, or built. */
async function kernelImage(workshop: Workshop, source: Package): Promise<Uint8Array> {
  const compiler = outputOf(`${CROSS}gcc`, ['--version']).toString().split('\n')[0] ?? '';
  const key = checksum(JSON.stringify([config, source.sha256, compiler, SIGNATURE])).slice(0, 16);
  const kept = join(workshop.cache, 'small', `Image-${key}`);
  if (existsSync(kept)) {
    workshop.progress.say(`The kernel built before with ${compiler} serves again.`);
    return new Uint8Array(readFileSync(kept));
  }
  const built = await build(workshop, source);
  mkdirSync(join(workshop.cache, 'small'), { recursive: true });
  renameSync(built, kept);
  return new Uint8Array(readFileSync(kept));
}

async function build(workshop: Workshop, source: Package): Promise<string> {
  const { progress, scratch } = workshop;
  const [tree, out] = [join(scratch, 'linux'), join(scratch, 'build')];
  for (const folder of [tree, out]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
  }
  progress.say('Unpacking the kernel’s source …');
  await runTool('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -xOf - --wildcards "*/linux-source-*.tar.xz" | tar -xJf - -C "$2" --strip-components=1', 'sh', source.path, tree]);
  const fragment = join(scratch, 'small.config');
  writeFileSync(fragment, config);
  const make = ['-C', tree, 'ARCH=riscv', `CROSS_COMPILE=${CROSS}`, `O=${out}`];
  const env = { ...process.env, LC_ALL: 'C', ...SIGNATURE };
  await runTool('make', [...make, '-s', `KCONFIG_ALLCONFIG=${fragment}`, 'allnoconfig'], { env });
  const lost = lostOptions(config, readFileSync(join(out, '.config'), 'utf8'));
  if (lost.length > 0) throw new GuestsFailure(`This kernel’s source does not take ${lost.join(', ')}; workers/node/guests/small.config has to change.`);
  const jobs = availableParallelism();
  progress.say(`Building the kernel with ${jobs} jobs; some minutes …`);
  let lines = 0;
  try {
    await runTool('make', [...make, `-j${jobs}`, 'Image'], { env, onLine: (line) => progress.bar('Building', Math.min(0.99, ++lines / BUILD_LINES), line.trim().slice(0, 40)) });
  } finally {
    progress.clear();
  }
  return join(out, 'arch/riscv/boot/Image');
}

/** Lines of the fragment that a configuration did not take: options that this source does not know or allow. */
export function lostOptions(fragment: string, made: string): string[] {
  const lines = new Set(made.split('\n'));
  return fragment.split('\n').filter((line) => line.startsWith('CONFIG_') && !lines.has(line));
}
