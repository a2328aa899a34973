/**
 * Guests that `npm run guests` has fetched, on the page: which of them are there, and a run of two hosts in which a VM boots one,
 * so that it can be moved while it works. The files come from beside the page and are held against the manifest's sums.
 */
import {
  findGuestEntry, GUEST_MANIFEST, GUESTS, type GuestEntry, type GuestFile, type GuestManifest, guestsOf, readGuestManifest,
} from '../../core/protocol/guest-library.ts';
import type { RunController } from '../session/run-controller.ts';
import { guestScenario } from '../../core/protocol/guest-scenario.ts';
import { openScenario, type ScenarioFiles } from './open-file.ts';

/** Rows of the library, and what keeps the rest from being there. */
export interface FoundGuests {
  readonly there: readonly GuestEntry[];
  readonly absent: readonly GuestEntry[];
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

/** Which guests can be booted here. */
export async function findGuests(): Promise<FoundGuests> {
  const there = guestsOf(await readManifest());
  return { there, absent: GUESTS.filter((it) => !there.includes(it)) };
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

/** Boots a guest in place of the present run; '' or one sentence. `onPart` hears which part, 0 … 1, of its files is there. */
export async function openGuest(
  controller: RunController,
  asked: { readonly guest: string; readonly vcpus: number },
  onPart: (part: number) => void = () => undefined,
): Promise<string> {
  const sentence = await fetchAndOpen(controller, asked, onPart);
  // One boots it to type into it.
  if (sentence === '') controller.store.setState(({ panels }) => ({ panels: { ...panels, console: true } }));
  else controller.store.setState({ notice: sentence });
  return sentence;
}

async function fetchAndOpen(controller: RunController, { guest, vcpus }: { readonly guest: string; readonly vcpus: number }, onPart: (part: number) => void): Promise<string> {
  const entry = findGuestEntry(guest);
  if (entry === undefined) return `There is no guest “${guest.slice(0, 40)}”; there are ${GUESTS.map(({ id }) => id).join(', ')}.`;
  const manifest = await readManifest();
  if (!guestsOf(manifest).includes(entry)) return `${entry.title} is not on this machine yet: “${entry.command}” gets it.`;
  const rows = manifest.parts.flatMap(({ files }) => files);
  const { kernel, initrd, disk } = entry.files;
  const wanted = [kernel, initrd, disk].map((path) => rows.find((it) => it.path === path)!);
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
    files.set(file.path.slice(file.path.lastIndexOf('/') + 1), found);
  }
  return await openScenario(controller, guestScenario(entry, vcpus), files satisfies ScenarioFiles);
}
