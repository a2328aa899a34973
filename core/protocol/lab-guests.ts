/**
 * Real systems that labs take as a guest in place of their own: what each boots, and how it says that its load is on.
 * Their files are made by `npm run guests`; a lab's contract has knobs for them (rows whose `guest` is the id here).
 */
import { findGuestEntry, GUEST_PROGRAMS, type GuestManifest, guestBootArguments } from './guest-library.ts';
import type { ScenarioBoot } from './scenario.ts';

export interface LabGuest {
  readonly id: string;
  readonly title: string;
  /** What it is, in one sentence. */
  readonly sentence: string;
  /** What makes its files. */
  readonly command: string;
  /** Files as paths under the folder of guests; a VM boots them by their last part. */
  readonly files: { readonly kernel: string; readonly initrd: string; readonly disk: string };
  /** The kernel's command line. */
  readonly append: string;
  /** What is told while it boots, in one sentence. */
  readonly boots: string;
  /** The first words of the line that says: the load is on, the lab may begin. */
  readonly ready: string;
}

const SMALL = findGuestEntry('small')!;

/** Every such guest, a row each. */
export const LAB_GUESTS: readonly LabGuest[] = [
  {
    id: 'redis',
    title: 'Small Linux, redis under load',
    sentence: 'A small Linux of Debian’s source in which redis answers requests; each answer is checked.',
    command: SMALL.command,
    files: { kernel: SMALL.files.kernel, initrd: SMALL.files.initrd, disk: GUEST_PROGRAMS },
    append: guestBootArguments(SMALL, 'root=/dev/vda glasshouse.run=redis-load'),
    boots: 'A small Linux boots. The lab begins when redis is under load.',
    ready: 'redis: under load',
  },
];

/** Labs that take them. */
export const LABS_WITH_GUESTS: readonly string[] = ['live-snapshot', 'precopy-migration'];

export function findLabGuest(id: string): LabGuest | undefined {
  return LAB_GUESTS.find((it) => it.id === id);
}

/** The name by which a VM boots a file. */
export const fileName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** What a VM boots of a guest: goes into the bundle of its files. */
export function labGuestBoot({ id, files, append }: LabGuest): ScenarioBoot {
  return { kernel: fileName(files.kernel), initrd: fileName(files.initrd), append, disks: [fileName(files.disk)], network: false, guest: id };
}

/** Those whose files a manifest names. */
export function labGuestsOf(manifest: GuestManifest): LabGuest[] {
  const named = new Set(manifest.parts.flatMap(({ files }) => files.map(({ path }) => path)));
  return LAB_GUESTS.filter(({ files }) => Object.values(files).every((path) => named.has(path)));
}
