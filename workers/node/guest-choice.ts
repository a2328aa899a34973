/** `--guest id`: the files of a guest of the library, where `npm run guests` has put them. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  findPreparedGuest, GUEST_MANIFEST, GUEST_PROGRAMS, GUESTS, type GuestEntry, type GuestFiles, guestsOf, PREPARED_GUESTS, preparedGuestsOf,
} from '../../core/protocol/guest-library.ts';
import { packBundle } from '../../core/formats/index.ts';
import { fileName, findLabGuest, LAB_GUESTS, type LabGuest, labGuestBoot, labGuestsOf } from '../../core/protocol/lab-guests.ts';
import { suggestion } from './arguments.ts';
import { findFileFault, GUEST_FOLDER, readManifest } from './guests/store.ts';
import { BadInput } from './terminal.ts';

/** A guest that is there: its row, and its files as paths of this machine. */
export interface ChosenGuest {
  readonly entry: GuestEntry;
  readonly paths: GuestFiles;
}

/** The project's folder of guests: from the source as from the bundle, the nearest above that has a package.json. */
export function guestFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, GUEST_FOLDER);
}

/** Guests that are there, and those that are not. */
export function listGuests(folder: string = guestFolder()): { readonly there: readonly GuestEntry[]; readonly absent: readonly GuestEntry[] } {
  const there = existsSync(join(folder, GUEST_MANIFEST)) ? guestsOf(readManifest(folder)) : [];
  return { there, absent: GUESTS.filter((it) => !there.includes(it)) };
}

/** The disk with redis, sqlite and lua; {@link BadInput} says how to get it. */
export function chooseProgramsDisk(folder: string = guestFolder()): string {
  const row = readManifest(folder).parts.flatMap((part) => part.files).find(({ path }) => path === GUEST_PROGRAMS);
  const fault = row === undefined ? 'it is not there' : findFileFault(folder, row);
  if (fault !== undefined) throw new BadInput(`The disk with programs cannot be used: ${fault}; 'npm run guests' makes it.`);
  return join(folder, GUEST_PROGRAMS);
}

/** The file of a prepared guest, undefined when no such guest is meant; {@link BadInput} says how to get it when it is not there or not whole. */
export function choosePrepared(id: string, folder: string = guestFolder()): string | undefined {
  const prepared = findPreparedGuest(id);
  if (prepared === undefined) return undefined;
  const manifest = readManifest(folder);
  if (!preparedGuestsOf(manifest).includes(prepared)) throw new BadInput(`The guest '${id}' is not on this machine yet; '${prepared.command}' makes it.`);
  const row = manifest.parts.flatMap(({ files }) => files).find(({ path }) => path === prepared.path)!;
  const fault = findFileFault(folder, row);
  if (fault !== undefined) throw new BadInput(`The guest '${id}' is not whole: ${fault}; '${prepared.command}' makes it again.`);
  return join(folder, prepared.path);
}

/** Guests of labs that are there, and those that are not. */
export function listLabGuests(folder: string = guestFolder()): { readonly there: readonly LabGuest[]; readonly absent: readonly LabGuest[] } {
  const there = existsSync(join(folder, GUEST_MANIFEST)) ? labGuestsOf(readManifest(folder)) : [];
  return { there, absent: LAB_GUESTS.filter((it) => !there.includes(it)) };
}

/** A guest of labs as the bundle that its VM boots; undefined: there is none of that id. {@link BadInput} says how to get it. */
export function chooseLabGuest(id: string, folder: string = guestFolder()): Uint8Array | undefined {
  const guest = findLabGuest(id);
  if (guest === undefined) return undefined;
  const { title, command } = guest;
  const rows = existsSync(join(folder, GUEST_MANIFEST)) ? readManifest(folder).parts.flatMap((part) => part.files) : [];
  const files = new Map<string, Uint8Array>();
  for (const path of Object.values(guest.files)) {
    const row = rows.find((it) => it.path === path);
    if (row === undefined) throw new BadInput(`The guest '${id}' (${title}) is not on this machine yet; '${command}' gets it.`);
    const fault = findFileFault(folder, row);
    if (fault !== undefined) throw new BadInput(`The guest '${id}' is not whole: ${fault}; '${command}' makes it again.`);
    files.set(fileName(path), new Uint8Array(readFileSync(join(folder, path))));
  }
  return packBundle(files, labGuestBoot(guest));
}

/** The guest of that id; {@link BadInput} says how to get it when it is not there, or what is wrong with it. */
export function chooseGuest(id: string, folder: string = guestFolder()): ChosenGuest {
  const { there, absent } = listGuests(folder);
  const entry = there.find((it) => it.id === id);
  if (entry === undefined) {
    const row = absent.find((it) => it.id === id);
    if (row !== undefined) throw new BadInput(`The guest '${id}' (${row.title}) is not on this machine yet; '${row.command}' gets it.`);
    if (findPreparedGuest(id) !== undefined) throw new BadInput(`The guest '${id}' is for VMs: vm --guest ${id}.`);
    throw new BadInput(`There is no guest '${id}'${suggestion(id, [...GUESTS, ...PREPARED_GUESTS].map((it) => it.id))}`);
  }
  const files = readManifest(folder).parts.flatMap((part) => part.files);
  for (const path of Object.values(entry.files)) {
    const row = files.find((it) => it.path === path);
    const fault = row === undefined ? `${path} is missing` : findFileFault(folder, row);
    if (fault !== undefined) throw new BadInput(`The guest '${id}' is not whole: ${fault}; '${entry.command}' makes it again.`);
  }
  const { firmware, kernel, initrd, disk } = entry.files;
  const at = (path: string) => join(folder, path);
  return { entry, paths: { firmware: at(firmware), kernel: at(kernel), initrd: at(initrd), disk: at(disk) } };
}
