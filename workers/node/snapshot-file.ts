/** `--snapshot file`: takes a snapshot of the run's VM where it stands, or writes the last one that was taken. */
import { writeFileSync } from 'node:fs';
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import type { HeadlessRun } from './run-session.ts';
import { BadInput } from './terminal.ts';

/** Name of a snapshot that is taken for a file only. */
const NAME = 'at the end';
/** Virtual time that a snapshot may take to reach its disk, and between two looks. Unit: ns. */
const PATIENCE_NS = 600_000_000_000;
const LOOK_NS = 100_000_000;

/** What the hosts tell of their snapshots (core/mechanisms/live-snapshot/told.ts), as far as it matters here. */
interface Told {
  readonly jobs: readonly { readonly name: string; readonly state: string; readonly reason: string; readonly storedPages: number; readonly protectedPages: number }[];
  readonly files: readonly { readonly name: string; readonly takenAtNs: number }[];
}

function toldBy(snapshots: readonly ProcessSnapshot[]): readonly Told[] {
  return snapshots.flatMap(({ mechanisms }) => (mechanisms['live-snapshot'] as Told | undefined) ?? []);
}

/** Takes a snapshot of the only VM where the run stands, lets it reach the disk, and writes it as an ELF core. */
export async function writeSnapshot(run: HeadlessRun, path: string): Promise<void> {
  writeFileSync(path, await takeSnapshot(run));
}

/** The same without a file. `onLook` hears which part of the pages is kept, 0 … 1. */
export async function takeSnapshot(run: HeadlessRun, onLook: (part: number) => void = () => undefined): Promise<Uint8Array> {
  const [vm] = run.snapshots('main').flatMap((snapshot) => snapshot.host?.vms ?? []);
  if (vm === undefined) throw new BadInput('--snapshot: there is no VM.');
  const asked = await run.coordinator.command({
    kind: 'ask', ask: 'take-snapshot', arguments: { vm: vm.id, name: NAME },
  });
  if (!asked.ok) throw new BadInput(`--snapshot: ${asked.error.sentence}`);
  const beganNs = asked.value.atNs;
  for (let timeNs = beganNs; timeNs < beganNs + PATIENCE_NS && run.failure() === undefined; ) {
    timeNs += LOOK_NS;
    await run.coordinator.advanceTo(timeNs);
    const job = toldBy(run.snapshots('main')).flatMap((told) => told.jobs).find(({ name }) => name === NAME);
    if (job?.state === 'aborted') throw new BadInput(`--snapshot: it was given up: ${job.reason}.`);
    if (job?.state === 'committed') break;
    if (job !== undefined) onLook(job.storedPages / (job.storedPages + job.protectedPages + 1));
  }
  return await fileOf(run, NAME);
}

/** Writes the snapshot that was taken last. */
export async function writeLastSnapshot(run: HeadlessRun, path: string): Promise<void> {
  const files = toldBy(run.snapshots('main')).flatMap((told) => told.files);
  const last = files.toSorted((left, right) => left.takenAtNs - right.takenAtNs).at(-1);
  if (last === undefined) throw new BadInput('--snapshot: no snapshot was taken in this run.');
  writeFileSync(path, await fileOf(run, last.name));
}

async function fileOf(run: HeadlessRun, name: string): Promise<Uint8Array> {
  const bytes = await run.coordinator.snapshotFile(name);
  if (bytes.length === 0) throw new BadInput(`--snapshot: '${name}' did not reach the disk.`);
  return bytes;
}
