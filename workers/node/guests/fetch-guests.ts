/** What each part of the guests is made of, and how: firmware and root image, and the stock kernel. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeCpio } from '../../../core/formats/index.ts';
import { findGuestEntry, GUEST_PROGRAMS, type GuestEntry } from '../../../core/protocol/guest-library.ts';
import { initialDiskEntries, OWN_TEXTS, programsOwnEntries, ROOT_TEXTS, rootEntries } from './file-tree.ts';
import { ModuleFolder } from './modules.ts';
import { type Package, type PackageClient, SUITE, unpack } from './packages.ts';
import { makeRootImage } from './root-image.ts';
import { checksum, type NewFile } from './store.ts';
import { GuestsFailure, type Progress } from './tools.ts';
import { WORKLOAD_RECIPE, workloadEntries } from './workloads.ts';

/** Raised when the code below makes other bytes of the same packages. */
const RECIPE_VERSION = 1;

/** Drivers that the shell finds loaded, and what a disk's file system needs. */
const BOOT_MODULES = ['virtio_mmio', 'virtio_blk', 'virtio_net', 'virtio_rng', 'virtio_balloon'];
const DISK_MODULES = ['crc32c_generic', 'ext4'];

/** What makers need. */
export interface Workshop {
  readonly client: PackageClient;
  readonly progress: Progress;
  /** A folder for files in between. */
  readonly scratch: string;
  /** A folder for what is kept from one run to the next. */
  readonly cache: string;
}

/** A part that was made. */
export interface MadePart {
  readonly packages: readonly Package[];
  readonly files: readonly NewFile[];
}

/** Something that `npm run guests` makes: its name in the manifest, what its bytes depend on, and its maker. */
export interface PartMaker {
  readonly id: string;
  readonly title: string;
  readonly recipe: string;
  readonly make: (workshop: Workshop) => Promise<MadePart>;
}

/** The table's row; the makers below know their own. */
export function getGuest(id: string): GuestEntry {
  const found = findGuestEntry(id);
  if (found === undefined) throw new GuestsFailure(`There is no guest ${id} in the library.`);
  return found;
}

/** A part's checksum of what it is made of. */
export const recipeOf = (...words: readonly string[]) => checksum(JSON.stringify([RECIPE_VERSION, SUITE, ...words])).slice(0, 16);

/** The folder of a package's unpacked files. */
export async function unpacked(workshop: Workshop, it: Package): Promise<string> {
  const folder = join(workshop.scratch, it.name);
  rmSync(folder, { recursive: true, force: true });
  await unpack(it, folder);
  return folder;
}

/** A package's one busybox. */
export async function fetchBusybox(workshop: Workshop): Promise<{ readonly package: Package; readonly bytes: Uint8Array }> {
  const [found] = await workshop.client.fetch(['busybox-static']);
  if (found === undefined) throw new GuestsFailure('The archive has no busybox-static.');
  const folder = await unpacked(workshop, found);
  return { package: found, bytes: read(folder, 'usr/bin/busybox', 'bin/busybox') };
}

/** The first of these files that is there. */
function read(folder: string, ...paths: readonly string[]): Uint8Array {
  for (const path of paths) {
    try {
      return new Uint8Array(readFileSync(join(folder, path)));
    } catch {
      // the next one; packages have moved from /bin to /usr/bin
    }
  }
  throw new GuestsFailure(`The package unpacked at ${folder} holds no ${paths.join(', no ')}.`);
}

const FIRMWARE = 'usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf';

/** Firmware for bare metal, and the disk of every guest. */
export const COMMON_PART: PartMaker = {
  id: 'common',
  title: 'firmware and root image',
  recipe: recipeOf('common', ...OWN_TEXTS),
  async make(workshop) {
    const { firmware, disk } = getGuest('debian').files;
    const busybox = await fetchBusybox(workshop);
    const [opensbi] = await workshop.client.fetch(['opensbi']);
    if (opensbi === undefined) throw new GuestsFailure('The archive has no opensbi.');
    const folder = await unpacked(workshop, opensbi);
    workshop.progress.say('Making the root image …');
    return {
      packages: [busybox.package, opensbi],
      files: [
        { path: firmware, content: read(folder, FIRMWARE) },
        { path: firmware.replace(/elf$/, 'bin'), content: read(folder, FIRMWARE.replace(/elf$/, 'bin')) },
        { path: disk, content: makeRootImage(rootEntries(busybox.bytes, []), workshop.scratch) },
      ],
    };
  },
};

/** The same root with redis, sqlite and lua. */
export const PROGRAMS_PART: PartMaker = {
  id: 'programs',
  title: 'the root image with redis, sqlite and lua',
  recipe: recipeOf('programs', ...OWN_TEXTS, ...ROOT_TEXTS, ...WORKLOAD_RECIPE),
  async make(workshop) {
    const busybox = await fetchBusybox(workshop);
    const { packages, entries } = await workloadEntries(workshop);
    workshop.progress.say('Making the root image with programs …');
    const content = makeRootImage(rootEntries(busybox.bytes, [...programsOwnEntries(), ...entries]), workshop.scratch);
    return { packages: [busybox.package, ...packages], files: [{ path: GUEST_PROGRAMS, content }] };
  },
};

/** Debian's kernel as it is, with the modules of our devices. */
export const DEBIAN_PART: PartMaker = {
  id: 'debian',
  title: 'Debian’s kernel and its initial RAM disk',
  recipe: recipeOf('debian', ...BOOT_MODULES, ...DISK_MODULES, ...OWN_TEXTS),
  async make(workshop) {
    const { client, progress, scratch } = workshop;
    const { kernel, initrd } = getGuest('debian').files;
    const [found] = await client.fetch([await client.dependency('linux-image-riscv64', 'linux-image-')]);
    if (found === undefined) throw new GuestsFailure('The archive has no kernel.');
    const busybox = await fetchBusybox(workshop);
    progress.say('Unpacking the kernel and choosing its modules …');
    const folder = await unpacked(workshop, found);
    const [image] = readdirSync(join(folder, 'boot')).filter((name) => name.startsWith('vmlinux-') || name.startsWith('vmlinuz-'));
    if (image === undefined) throw new GuestsFailure(`The package ${found.name} holds no kernel.`);
    mkdirSync(join(scratch, 'module'), { recursive: true });
    const modules = new ModuleFolder(join(folder, 'usr/lib/modules'), join(scratch, 'module'));
    const boot = modules.inOrder(BOOT_MODULES);
    const disk = modules.inOrder(DISK_MODULES, new Set(boot.map(({ name }) => name)));
    const files = [
      { path: kernel, content: read(folder, `boot/${image}`) },
      { path: initrd, content: writeCpio(initialDiskEntries(busybox.bytes, { boot, disk })) },
    ];
    rmSync(folder, { recursive: true });
    return { packages: [found, busybox.package], files };
  },
};
