/**
 * Prepared guests: each guest that is there boots once in a VM of its own, to its shell, and is kept by a snapshot, whose file is all
 * that it needs to go on. The same guest gives the same bytes; a file that this version cannot put back is made again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packBundle } from '../../../core/formats/index.ts';
import { GUEST_READY, type GuestFile, guestBootArguments, guestsOf, PREPARED_GUESTS, type PreparedGuest } from '../../../core/protocol/guest-library.ts';
import { planner, VM_LAB } from '../../world.ts';
import { type HeadlessRun, startHeadlessRun } from '../run-session.ts';
import { takeSnapshot } from '../snapshot-file.ts';
import { recipeOf } from './fetch-guests.ts';
import { findPartReason, placePart, readManifest } from './store.ts';
import { GuestsFailure, megabytes, type Progress } from './tools.ts';

/** Raised when the code below makes other bytes of the same guest. */
const PREPARE_VERSION = '1';
/** Between two looks at the console; longer than a boot takes. Unit: ns of virtual time. */
const LOOK_NS = 10_000_000;
const BOOT_NS_MAX = 60_000_000_000;
/** What the shell prints when it waits. */
const PROMPT = '~ # ';
/** Of a boot to the shell, for the bar. */
const BOOT_INSTRUCTIONS: Readonly<Record<string, number>> = { debian: 400_000_000, small: 40_000_000 };

/** Makes what is missing or outdated of the guests that are there. Gives how many were made. */
export async function prepareGuests(folder: string, progress: Progress): Promise<number> {
  let made = 0;
  for (const prepared of PREPARED_GUESTS) {
    const manifest = readManifest(folder);
    if (!guestsOf(manifest).includes(prepared.guest)) {
      progress.say(`${prepared.title}: ${prepared.guest.title} is not here; ${prepared.guest.command} gets it.`);
      continue;
    }
    const rows = manifest.parts.flatMap(({ files }) => files);
    const { kernel, initrd, disk } = prepared.guest.files;
    const files = [kernel, initrd, disk].map((path) => rows.find((it) => it.path === path)!);
    const recipe = recipeOf('prepared', PREPARE_VERSION, prepared.id, String(prepared.guest.ramBytes), prepared.guest.append, ...files.map(({ sha256 }) => sha256));
    const part = `prepared-${prepared.guest.id}`;
    const reason = findPartReason(folder, part, recipe) ?? findRestoreReason(join(folder, prepared.path));
    if (reason === undefined) continue;
    progress.say(`Preparing ${prepared.guest.title}: ${reason}. It boots in a VM of one vCPU with its disk and a network card …`);
    const content = await boot(prepared, folder, files, progress);
    const refused = refusalOf(content);
    if (refused !== undefined) throw new GuestsFailure(`What was kept of ${prepared.guest.title} cannot be put back: ${refused}`);
    placePart(folder, { id: part, recipe, packages: [] }, [{ path: prepared.path, content }]);
    progress.say(`${prepared.title}: ${megabytes(content.length)}.`);
    made++;
  }
  return made;
}

/** Why this version cannot put a file back, which another one has made. */
function findRestoreReason(path: string): string | undefined {
  const refused = refusalOf(new Uint8Array(readFileSync(path)));
  return refused === undefined ? undefined : `it was made by another version (${refused.replace(/\.$/, '')})`;
}

function refusalOf(file: Uint8Array): string | undefined {
  const made = planner.scenarioOf({ lab: VM_LAB, seed: 1, knobs: {}, baseline: '', guest: file });
  return made.ok ? undefined : made.error.sentence;
}

async function boot(prepared: PreparedGuest, folder: string, files: readonly GuestFile[], progress: Progress): Promise<Uint8Array> {
  const { guest } = prepared;
  const [kernel, initrd, disk] = files.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)) as [string, string, string];
  const bytes = packBundle(
    new Map(files.map(({ path }) => [path.slice(path.lastIndexOf('/') + 1), new Uint8Array(readFileSync(join(folder, path)))])),
    { kernel, initrd, append: guestBootArguments(guest, ''), disks: [disk], network: true },
  );
  let text = '';
  const begun = await startHeadlessRun(
    { lab: VM_LAB, seed: 1, knobs: { ram: guest.ramBytes, vcpus: 1 }, playing: false, speed: Number.POSITIVE_INFINITY, capture: false, guest: { name: guest.id, bytes } },
    {
      inline: true,
      onSnapshot: (_lane, { console }) => {
        for (const chunk of console) text += chunk.text;
      },
    },
  );
  if (!begun.ok) throw new GuestsFailure(`${guest.title} does not start: ${'sentence' in begun.error ? begun.error.sentence : begun.error.message}`);
  try {
    await bootToShell(begun.value, { guest, told: () => text, progress });
    return await takeSnapshot(begun.value, (part) => progress.bar('Keeping', part));
  } finally {
    progress.clear();
    await begun.value.stop();
  }
}

async function bootToShell(run: HeadlessRun, it: { readonly guest: PreparedGuest['guest']; readonly told: () => string; readonly progress: Progress }): Promise<void> {
  for (let timeNs = LOOK_NS; ; timeNs += LOOK_NS) {
    await run.coordinator.advanceTo(timeNs);
    const text = it.told();
    const failure = run.failure();
    if (failure !== undefined) throw new GuestsFailure(`${it.guest.title} failed: ${failure.message}`);
    const ready = text.indexOf(GUEST_READY);
    if (ready >= 0 && text.indexOf(PROMPT, ready) >= 0) return;
    const [vm] = run.snapshots('main').flatMap((snapshot) => snapshot.host?.vms ?? []);
    if (timeNs >= BOOT_NS_MAX || vm?.state === 'stopped' || vm?.state === 'failed') {
      throw new GuestsFailure(`${it.guest.title} does not reach its shell; it said last: ${text.trimEnd().split('\n').at(-1) ?? ''}`);
    }
    const part = (vm?.instructionsRetired ?? 0) / (BOOT_INSTRUCTIONS[it.guest.id] ?? Number.POSITIVE_INFINITY);
    it.progress.bar('Booting', Math.min(0.99, part), text.trimEnd().split('\n').at(-1)?.trim().slice(0, 40));
  }
}
