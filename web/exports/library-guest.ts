/**
 * A guest of the library in a VM: two hosts with a cable, on the first of them the VM with the guest's kernel, RAM disk and disk. The
 * files come from the server of the page, where `npm run guests` has put them; when they are not there, one sentence says how to get them.
 */
import { findGuestEntry, GUEST_MANIFEST, type GuestEntry, type GuestManifest, guestBootArguments, guestsOf, readGuestManifest } from '../../core/protocol/guest-library.ts';
import type { RunController } from '../session/run-controller.ts';
import { openScenario } from './open-file.ts';

const FOLDER = './guests/';
const MIB = 1024 * 1024;
/** RAM of a host beside its VM's: tables and what arrives. */
const HOST_EXTRA_MIB = 16;

/** Boots the guest of that id in place of the present run; gives '' or why not. */
export async function bootLibraryGuest(controller: RunController, id: string): Promise<string> {
  const entry = findGuestEntry(id);
  if (entry === undefined) return `There is no guest “${id}”.`;
  const files = await fetchFiles(entry);
  if (typeof files === 'string') {
    controller.store.setState({ notice: files });
    return files;
  }
  const sentence = await openScenario(controller, JSON.stringify(scenarioOf(entry)), files);
  if (sentence === '') controller.store.setState(({ panels }) => ({ panels: { ...panels, console: true } }));
  return sentence;
}

/** Kernel, RAM disk and disk by their names in the scenario; or what is missing. */
async function fetchFiles(entry: GuestEntry): Promise<ReadonlyMap<string, Uint8Array> | string> {
  const absent = `The guest “${entry.title}” is not on the server of this page yet; “${entry.command}” there gets it.`;
  const manifest = await fetchManifest();
  if (manifest === undefined || !guestsOf(manifest).includes(entry)) return absent;
  const rows = manifest.parts.flatMap((part) => part.files);
  const files = new Map<string, Uint8Array>();
  for (const name of ['kernel', 'initrd', 'disk'] as const) {
    const path = entry.files[name];
    const bytes = await fetchBytes(path);
    if (bytes === undefined) return absent;
    const size = rows.find((row) => row.path === path)?.bytes;
    if (bytes.length !== size) return `The guest “${entry.title}” is not whole: ${path} has ${bytes.length} bytes, its manifest says ${size}; “${entry.command}” makes it again.`;
    files.set(name, bytes);
  }
  return files;
}

async function fetchManifest(): Promise<GuestManifest | undefined> {
  const bytes = await fetchBytes(GUEST_MANIFEST);
  const read = bytes === undefined ? undefined : readGuestManifest(new TextDecoder().decode(bytes));
  return read?.ok === true ? read.value : undefined;
}

async function fetchBytes(path: string): Promise<Uint8Array | undefined> {
  try {
    const answer = await fetch(`${FOLDER}${path}`);
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined;
  } catch {
    return undefined; // no network
  }
}

function scenarioOf(entry: GuestEntry): object {
  const memoryMiB = entry.ramBytes / MIB;
  const hosts = ['host-a', 'host-b'];
  return {
    format: 'glasshouse-scenario', version: 1, name: entry.id, lab: 'precopy-migration', seed: 1, knobs: {}, sites: [],
    profiles: [{ name: 'host', memoryMiB: memoryMiB + HOST_EXTRA_MIB, processors: 2, picosecondsPerInstruction: 1000 }],
    hosts: hosts.map((name) => ({ name, profile: 'host', rack: '', devices: [] })),
    links: [{ between: hosts, bitsPerSecond: 10_000_000_000, latencyNs: 20_000, lossPercent: 0 }],
    vms: [{
      name: entry.id, host: 'host-a', fidelity: 'emulated', guest: 'file', memoryMiB, vcpus: 1, input: '',
      boot: { kernel: 'kernel', initrd: 'initrd', append: guestBootArguments(entry, ''), disks: ['disk'], network: true },
    }],
    workloads: [], commands: [], untilNs: 10_000_000_000, speed: 1,
  };
}
