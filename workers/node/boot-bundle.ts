/** `--kernel`, `--initrd`, `--append`, `--disk`, `--net` of `headless vm`: the files of a VM as one bundle, and disks written back. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type BootFiles, isBundle, packBundle } from '../../core/formats/index.ts';
import { type GuestEntry, guestBootArguments } from '../../core/protocol/guest-library.ts';
import { bareGuestScenario } from '../../core/protocol/guest-scenario.ts';
import { type ChosenGuest, chooseGuest, chooseProgramsDisk } from './guest-choice.ts';
import type { HeadlessRun } from './run-session.ts';
import { type GivenOptions, readGuest } from './options.ts';
import { BadInput } from './terminal.ts';

/** Of the eight virtio slots; card, console and source of random bytes take the others. */
const DISKS_MAX = 5;
const ELF_MAGIC = 0x7f45_4c46;

/** Options that make a VM with devices. */
export const BOOT_OPTIONS = { guest: 'value', initrd: 'value', append: 'value', disk: 'values', programs: 'switch', net: 'switch' } as const;

/** What a VM is made of when its kernel comes with more than itself, or is no ELF. */
export interface BootBundle {
  readonly bytes: Uint8Array;
  /** Disks that are written back to their files. */
  readonly disks: readonly string[];
  /** RAM and what to type after, of a guest of the library. */
  readonly guest: GuestEntry | undefined;
}

/** The bundle that the options ask for; undefined: a guest on its own, as an ELF or a snapshot. */
export function readBundleOptions(given: GivenOptions): BootBundle | undefined {
  const guest = chosenGuest(given);
  const kernel = guest?.paths.kernel ?? given.value('kernel');
  const initrd = guest?.paths.initrd ?? given.value('initrd');
  const added = given.value('append') ?? '';
  const append = guest === undefined ? added : guestBootArguments(guest.entry, added);
  const disks = given.values('disk');
  const isAsked = initrd !== undefined || append !== '' || disks.length > 0 || given.has('net');
  if (kernel === undefined) {
    if (isAsked) throw new BadInput('vm: --initrd, --append, --disk and --net go with --kernel or --guest.');
    return undefined;
  }
  const bytes = readGuest('--kernel', kernel);
  const isElf = bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === ELF_MAGIC;
  if (!isAsked && (isElf || isBundle(bytes))) return undefined;
  if (disks.length > DISKS_MAX) throw new BadInput(`--disk is given ${disks.length} times; a VM takes ${DISKS_MAX}.`);
  const twice = disks.find((path, at) => disks.indexOf(path) !== at);
  if (twice !== undefined) throw new BadInput(`--disk '${twice}' is given twice.`);
  if (given.has('programs') && (guest === undefined || disks.length > 0)) throw new BadInput('vm: --programs is the disk of a guest of --guest, in place of --disk.');
  const own = given.has('programs') ? chooseProgramsDisk() : guest?.paths.disk;
  const shown = own !== undefined && disks.length === 0 ? [own] : disks; // the library's stays as it is
  const files = new Map([[kernel, bytes]]);
  if (initrd !== undefined) files.set(initrd, readGuest('--initrd', initrd));
  for (const path of shown) files.set(path, readGuest('--disk', path));
  const boot: BootFiles = { kernel, append, disks: shown, network: given.has('net'), ...(initrd === undefined ? {} : { initrd }) };
  return { bytes: packBundle(files, boot), disks, guest: guest?.entry };
}

/** Options that a board of the library's guest does not take: what it is made of is the page's. */
const NOT_ON_BOARD = ['kernel', 'initrd', 'disk', 'net', 'restore', 'scenario', 'ram', 'profile', 'snapshot', 'save-disk'] as const;

/** The run in which `--board` boots a guest: the page's scenario, and its files in a bundle. */
export function readBoardOptions(given: GivenOptions, hartCount: number): { readonly scenario: string; readonly bundle: BootBundle } {
  const id = given.value('guest');
  if (id === undefined) throw new BadInput('vm: --board goes with --guest; a program of its own runs on a board by the command machine.');
  const surplus = NOT_ON_BOARD.find((name) => given.value(name) !== undefined || given.has(name));
  if (surplus !== undefined) throw new BadInput(`vm takes --board or --${surplus}, not both.`);
  const { entry, paths } = chooseGuest(id);
  const files = Object.entries(entry.files).map(([role, path]) => [path.slice(path.lastIndexOf('/') + 1), readGuest(`--guest ${id}`, paths[role as keyof typeof paths])] as const);
  return { scenario: bareGuestScenario(entry, hartCount, given.value('append') ?? ''), bundle: { bytes: packBundle(new Map(files)), disks: [], guest: entry } };
}

/** The guest of the library; it brings what these options would give. */
function chosenGuest(given: GivenOptions): ChosenGuest | undefined {
  const id = given.value('guest');
  if (id === undefined) return undefined;
  const doubled = ['kernel', 'initrd', 'restore', 'scenario'].find((name) => given.value(name) !== undefined);
  if (doubled !== undefined) throw new BadInput(`--guest brings its own; leave --${doubled} out.`);
  return chooseGuest(id);
}

/** Writes disks that have changed back to their files. */
export async function writeDisks(run: HeadlessRun, vm: number, disks: readonly string[]): Promise<void> {
  for (const [index, path] of disks.entries()) {
    const bytes = await run.coordinator.snapshotFile(`disk:${vm}:${index}`);
    if (bytes.length === 0 || Buffer.compare(bytes, readFileSync(path)) === 0) continue;
    writeFileSync(path, bytes);
  }
}

/** Writes disks as they are, in their order, each to a file of its own. */
export async function saveDisks(run: HeadlessRun, vm: number, paths: readonly string[]): Promise<void> {
  for (const [index, path] of paths.entries()) {
    const bytes = await run.coordinator.snapshotFile(`disk:${vm}:${index}`);
    if (bytes.length === 0) throw new BadInput(`--save-disk '${path}': the VM has ${index === 0 ? 'no disk' : `${index} disks`}.`);
    writeFileSync(path, bytes);
  }
}
