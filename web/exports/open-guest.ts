/**
 * Guests that `npm run guests` has fetched, on the page: which of them are there, a run of two hosts in which a VM boots one,
 * so that it can be moved while it works, and a run of a bare-metal board that boots one under its firmware. The files come from beside the page and are held against the manifest's sums.
 */
import { readSnapshotAbout } from '../../core/formats/snapshot-notes.ts';
import {
  findGuestEntry, findPreparedGuest, GUEST_MANIFEST, GUESTS, type GuestFile, type GuestManifest, guestsOf, PREPARED_GUESTS,
  type PreparedGuest, preparedGuestsOf, readGuestManifest,
} from '../../core/protocol/guest-library.ts';
import { packBundle } from '../../core/formats/guest-bundle.ts';
import { fileName, findLabGuest, LAB_GUESTS, type LabGuest, labGuestBoot, labGuestsOf, LABS_WITH_GUESTS } from '../../core/protocol/lab-guests.ts';
import type { RunController } from '../session/run-controller.ts';
import { bareGuestScenario, guestScenario } from '../../core/protocol/guest-scenario.ts';
import { openScenario, type ScenarioFiles } from './open-file.ts';
import { openRestored } from './open-restored.ts';

/** A row of the library as it is offered: to boot, or to go on with. */
export interface OfferedGuest {
  readonly id: string;
  readonly title: string;
  readonly sentence: string;
  readonly command: string;
  readonly isPrepared: boolean;
}

/** Rows of the library, and what is not there yet. */
export interface FoundGuests {
  readonly there: readonly OfferedGuest[];
  readonly absent: readonly OfferedGuest[];
  /** The same of guests of labs. */
  readonly labGuests: readonly { readonly guest: LabGuest; readonly isThere: boolean }[];
}

function addressOf(path: string): string {
  return new URL(`guests/${path}`, document.baseURI).href;
}

async function readManifest(): Promise<GuestManifest> {
  const nothing: GuestManifest = { version: 1, parts: [] };
  try {
    const answer = await fetch(addressOf(GUEST_MANIFEST), { cache: 'no-cache' });
    if (!answer.ok) return nothing;
    const read = readGuestManifest(await answer.text());
    return read.ok ? read.value : nothing; // a server may answer anything with its first page
  } catch {
    return nothing; // no server, as offline
  }
}

/** Which guests can be booted here, each followed by itself prepared. What cannot be prepared yet, as it is not there, is not told of twice. */
export async function findGuests(): Promise<FoundGuests> {
  const manifest = await readManifest();
  const guests = guestsOf(manifest);
  const prepared = preparedGuestsOf(manifest);
  const there: OfferedGuest[] = [];
  const absent: OfferedGuest[] = [];
  for (const guest of GUESTS) {
    (guests.includes(guest) ? there : absent).push({ ...guest, isPrepared: false });
    for (const row of PREPARED_GUESTS.filter((it) => it.guest === guest)) {
      if (prepared.includes(row)) there.push({ ...row, isPrepared: true });
      else if (guests.includes(guest)) absent.push({ ...row, isPrepared: true });
    }
  }
  const forLabs = labGuestsOf(manifest);
  return { there, absent, labGuests: LAB_GUESTS.map((guest) => ({ guest, isThere: forLabs.includes(guest) })) };
}

/** A file's bytes, or one sentence. `onBytes` hears how many have come since it was called last. */
async function fetchFile(file: GuestFile, onBytes: (count: number) => void): Promise<Uint8Array | string> {
  const answer = await fetch(addressOf(file.path)).catch(() => undefined);
  if (answer?.ok !== true || answer.body === null) return `${file.path} could not be fetched.`;
  const bytes = new Uint8Array(file.bytes);
  const reader = answer.body.getReader();
  let at = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    if (at + piece.value.length > bytes.length) return `${file.path} is longer than its manifest says.`;
    bytes.set(piece.value, at);
    at += piece.value.length;
    onBytes(piece.value.length);
  }
  if (at !== bytes.length) return `${file.path} has ${at} bytes; its manifest says ${bytes.length}.`;
  if (globalThis.crypto?.subtle === undefined) return bytes; // over plain http from elsewhere there are no sums
  const digest = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((it) => it.toString(16).padStart(2, '0')).join('');
  return digest === file.sha256 ? bytes : `The SHA-256 of ${file.path} is not the manifest’s; “npm run guests” makes it again.`;
}

/** What is asked for: a guest of the library, in a VM with so many vCPUs, or on a board with so many harts. */
export interface AskedGuest {
  readonly guest: string;
  readonly vcpus: number;
  readonly isBare?: boolean;
}

/** Boots a guest in place of the present run; '' or one sentence. `onPart` hears which part, 0 … 1, of its files is there. */
export async function openGuest(
  controller: RunController,
  asked: AskedGuest,
  onPart: (part: number) => void = () => undefined,
): Promise<string> {
  const sentence = await fetchAndOpen(controller, asked, onPart);
  // One boots it to type into it.
  if (sentence === '') controller.store.setState(({ panels }) => ({ panels: { ...panels, console: true } }));
  else controller.store.setState({ notice: sentence });
  return sentence;
}

/** What a lab is to run on. */
export interface AskedLabGuest {
  readonly lab: string;
  /** Id of a guest of labs; '' for the lab's own. */
  readonly guest: string;
}

/** Runs a lab on a fetched guest in place of the present run; '' or one sentence, which is also the page's notice. */
export async function openLabGuest(controller: RunController, asked: AskedLabGuest, onPart: (part: number) => void = () => undefined): Promise<string> {
  const sentence = await fetchAndRun(controller, asked, onPart);
  if (sentence !== '') controller.store.setState({ notice: sentence });
  if (sentence === '' && !location.hash.startsWith(`#/lab/${asked.lab}`)) history.replaceState(null, '', `#/lab/${asked.lab}`);
  return sentence;
}

async function fetchAndRun(controller: RunController, { lab, guest }: AskedLabGuest, onPart: (part: number) => void): Promise<string> {
  if (!LABS_WITH_GUESTS.includes(lab)) return `The lab “${lab.slice(0, 40)}” takes no other guest; ${LABS_WITH_GUESTS.join(' and ')} do.`;
  const { spec } = controller.store.getState();
  const kept = { lab, seed: spec.seed, knobs: spec.lab === lab ? spec.knobs : {} };
  if (guest === '') return await controller.start(kept);
  const entry = findLabGuest(guest);
  if (entry === undefined) return `There is no guest “${guest.slice(0, 40)}” for labs; there is ${LAB_GUESTS.map(({ id }) => id).join(', ')}.`;
  const manifest = await readManifest();
  if (!labGuestsOf(manifest).includes(entry)) return `${entry.title} is not on this machine yet: “${entry.command}” gets it.`;
  const files = await fetchFiles(manifest, Object.values(entry.files), onPart);
  if (typeof files === 'string') return files;
  return await controller.start({ ...kept, guest: { name: guest, bytes: packBundle(files, labGuestBoot(entry)) } });
}

async function fetchAndOpen(controller: RunController, { guest, vcpus, isBare = false }: AskedGuest, onPart: (part: number) => void): Promise<string> {
  const entry = findGuestEntry(guest);
  const prepared = findPreparedGuest(guest);
  if (prepared !== undefined && isBare) return `${prepared.title} stands in a VM; “${prepared.guest.id}” boots on bare metal.`;
  if (prepared !== undefined && vcpus > 1) return `${prepared.title} has one vCPU; “${prepared.guest.id}” boots with more.`;
  const manifest = await readManifest();
  const row = entry ?? prepared;
  if (row === undefined) return `There is no guest “${guest.slice(0, 40)}”; there are ${[...GUESTS, ...PREPARED_GUESTS].map(({ id }) => id).join(', ')}.`;
  const isThere = entry === undefined ? preparedGuestsOf(manifest).some(({ id }) => id === guest) : guestsOf(manifest).includes(entry);
  if (!isThere) return `${row.title} is not on this machine yet: “${row.command}” gets it.`;
  const paths = entry === undefined ? [prepared!.path] : [...(isBare ? [entry.files.firmware] : []), entry.files.kernel, entry.files.initrd, entry.files.disk];
  const files = await fetchFiles(manifest, paths, onPart);
  if (typeof files === 'string') return files;
  if (entry === undefined) return await goOn(controller, prepared!, [...files.values()][0]!);
  return await openScenario(controller, isBare ? bareGuestScenario(entry, vcpus) : guestScenario(entry, vcpus), files);
}

/** Files of the manifest by their last names, or one sentence. */
async function fetchFiles(manifest: GuestManifest, paths: readonly string[], onPart: (part: number) => void): Promise<ScenarioFiles | string> {
  const rows = manifest.parts.flatMap(({ files }) => files);
  const wanted = paths.map((path) => rows.find((it) => it.path === path)!);
  const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
  let come = 0;
  const onBytes = (count: number) => {
    come += count;
    onPart(come / total);
  };
  const files = new Map<string, Uint8Array>();
  for (const file of wanted) {
    const found = await fetchFile(file, onBytes);
    if (typeof found === 'string') return found;
    files.set(fileName(file.path), found);
  }
  return files;
}

/** The VM stands at its shell, and plays from there. */
async function goOn(controller: RunController, { id, guest }: PreparedGuest, bytes: Uint8Array): Promise<string> {
  const about = readSnapshotAbout(bytes);
  if (!about.ok) return about.error;
  const sentence = await openRestored(controller, { name: id, bytes }, { ...about.value.head, vmName: guest.id });
  if (sentence === '') controller.session?.play();
  return sentence;
}
