/** The files of our guests beside the kernel: the same tree goes into the initial RAM disk and into the root image. */
import type { CpioEntry } from '../../../core/formats/index.ts';
import checkScript from './check.sh?raw';
import initScript from './init.sh?raw';
import loadModulesScript from './load-modules.sh?raw';
import networkScript from './network.sh?raw';
import type { KernelModule } from './modules.ts';
import redisLoadScript from './redis-load.sh?raw';
import workloadScript from './workload.sh?raw';

const PROGRAM = 0o755;
const TEXT = 0o644;

const ascii = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const program = (name: string, bytes: Uint8Array): CpioEntry => ({ kind: 'file', name, bytes, mode: PROGRAM });
const text = (name: string, content: string): CpioEntry => ({ kind: 'file', name, bytes: ascii(content), mode: TEXT });
const folder = (name: string): CpioEntry => ({ kind: 'folder', name, mode: 0o755 });

/** Folders that are to be there; of those above a file too, made when missing. */
const FOLDERS = ['bin', 'dev', 'etc', 'lib', 'proc', 'root', 'run', 'sbin', 'sys', 'tmp', 'usr', 'usr/bin', 'usr/sbin', 'var', 'var/lib'];

/** Our programs and a busybox. */
function commonFiles(busybox: Uint8Array): CpioEntry[] {
  return [
    ...FOLDERS.map(folder),
    program('bin/busybox', busybox),
    { kind: 'link', name: 'bin/sh', target: 'busybox' },
    program('bin/check', ascii(checkScript)),
    program('bin/load-modules', ascii(loadModulesScript)),
    program('bin/network', ascii(networkScript)),
    text('etc/passwd', 'root::0:0:root:/root:/bin/sh\n'),
    text('etc/group', 'root:x:0:\n'),
    text('etc/hostname', 'glasshouse\n'),
  ];
}

/** Modules of the RAM disk by list: what is loaded at once, and what a disk's file system needs. */
export interface ModuleLists {
  readonly boot: readonly KernelModule[];
  readonly disk: readonly KernelModule[];
}

/** Entries of an initial RAM disk. */
export function initialDiskEntries(busybox: Uint8Array, modules: ModuleLists): CpioEntry[] {
  const all = [...modules.boot, ...modules.disk];
  const files = all.map(({ name, bytes }): CpioEntry => ({ kind: 'file', name: `lib/modules/${name}.ko`, bytes, mode: TEXT }));
  const list = (name: string, rows: readonly KernelModule[]) => text(`lib/modules/${name}.list`, rows.map((it) => `${it.name}.ko\n`).join(''));
  return [
    ...commonFiles(busybox),
    program('init', ascii(initScript)),
    // The kernel opens the console before our first program mounts /dev.
    { kind: 'character-device', name: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    ...(all.length === 0 ? [] : [folder('lib/modules'), ...files, list('boot', modules.boot), list('disk', modules.disk)]),
  ];
}

/** Entries of the root image: the same programs, and files of packages. */
export function rootEntries(busybox: Uint8Array, extras: readonly CpioEntry[]): CpioEntry[] {
  const own = [...commonFiles(busybox), program('sbin/init', ascii(initScript)), text('etc/glasshouse-root', 'the root image\n')];
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...extras.filter(({ name }) => !names.has(name))];
}

/** What the image with programs holds of ours besides. */
export function programsOwnEntries(): CpioEntry[] {
  return [program('bin/workload', ascii(workloadScript)), program('bin/redis-load', ascii(redisLoadScript))];
}

/** Everything of ours that goes in, for the recipe's checksum. */
export const OWN_TEXTS = [checkScript, initScript, loadModulesScript, networkScript];
/** The same of the image with programs. */
export const ROOT_TEXTS = [workloadScript, redisLoadScript];
