/** Whether a snapshot could be asked for, from what the hosts last told. They check again when it takes effect. */
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import { findMigration, findVm, noSuchVm, refuse } from '../find.ts';
import { NAME_PATTERN } from './service.ts';
import type { FileTold, JobTold, LiveSnapshotTold } from './told.ts';

const ENDED = ['committed', 'aborted'];

/** What a process tells of its snapshots; undefined before it has told anything. */
export function toldBy(snapshot: ProcessSnapshot): LiveSnapshotTold | undefined {
  return snapshot.mechanisms['live-snapshot'] as LiveSnapshotTold | undefined;
}

/** The snapshot of a VM that is under way on any host. */
export function findJob(snapshots: readonly ProcessSnapshot[], vm: number): JobTold | undefined {
  return snapshots
    .flatMap((snapshot) => toldBy(snapshot)?.jobs ?? [])
    .find((job) => job.vm === vm && !ENDED.includes(job.state));
}

/** A snapshot that can be restored, and where it is. */
export function findFile(
  snapshots: readonly ProcessSnapshot[], name: string,
): { readonly file: FileTold; readonly holder: ProcessSnapshot } | undefined {
  for (const holder of snapshots) {
    const file = toldBy(holder)?.files.find((it) => it.name === name);
    if (file !== undefined) return { file, holder };
  }
  return undefined;
}

/** Why the request is refused; undefined when it may be logged. */
export function findSnapshotRefusal(
  world: { readonly scenario: Scenario; readonly snapshots: readonly ProcessSnapshot[] },
  request: MechanismRequest,
): Refusal | undefined {
  const vm = Number(request.arguments['vm']);
  const name = String(request.arguments['name'] ?? '');
  if (request.name === 'take-snapshot') return findTakeRefusal(world.snapshots, vm, name);
  const found = findFile(world.snapshots, name);
  if (found === undefined) {
    const known = world.snapshots.flatMap((it) => toldBy(it)?.files ?? []).map((file) => file.name);
    return refuse('no-such-snapshot', `There is no snapshot '${name}'; known are ${known.join(', ') || 'none'}.`);
  }
  if (request.name === 'delete-snapshot') return undefined;
  const where = found.holder.host;
  if (where?.state !== 'up') return refuse('host-down', `${found.holder.name}, where the snapshot '${name}' is, is down.`);
  if (request.name === 'fork-snapshot') {
    const { pageCount } = found.file;
    if (where.framesFree > pageCount) return undefined;
    return refuse('no-memory', `A fork of '${name}' needs ${pageCount} pages and ${where.name} has ${where.framesFree} frames free.`);
  }
  return findRestoreRefusal(world.snapshots, { vm, name, file: found.file, hostName: where.name, process: found.holder.process });
}

function findTakeRefusal(
  snapshots: readonly ProcessSnapshot[], id: number, name: string,
): Refusal | undefined {
  const found = findVm(snapshots, id);
  if (found === undefined) return noSuchVm(id);
  const about = `VM ${id} '${found.vm.name}'`;
  const job = findJob(snapshots, id);
  if (job !== undefined) {
    return refuse('already-snapshotting', `The snapshot '${job.name}' of ${about} is under way (${job.state}); a second one is refused.`);
  }
  if (!NAME_PATTERN.test(name)) {
    return refuse('bad-name', `'${name}' cannot name a snapshot: 1 to 63 letters, digits, blanks, dots, dashes and underscores are possible.`);
  }
  if (findFile(snapshots, name) !== undefined) return refuse('name-taken', `There is a snapshot '${name}' already.`);
  if (found.vm.state !== 'running') return refuse('not-running', `${about} is ${found.vm.state}, so it cannot be snapshotted while it runs.`);
  if (findMigration(snapshots, id) !== undefined) return refuse('held', `${about} is migrating; it can be snapshotted once it has arrived.`);
  return undefined;
}

function findRestoreRefusal(
  snapshots: readonly ProcessSnapshot[],
  about: { readonly vm: number; readonly name: string; readonly file: FileTold; readonly hostName: string; readonly process: number },
): Refusal | undefined {
  const { vm: id, name, file, hostName, process } = about;
  if (file.vm !== id) return refuse('other-vm', `The snapshot '${name}' is of VM ${file.vm}, not of VM ${id}; fork it to get another VM.`);
  const at = findVm(snapshots, id);
  const holder = at?.process;
  if (at !== undefined && holder !== undefined && holder.process !== process) {
    return refuse('elsewhere', `VM ${id} '${at.vm.name}' is on ${holder.name} and the snapshot '${name}' on ${hostName}; move the VM first.`);
  }
  const job = findJob(snapshots, id);
  if (job !== undefined && job.state !== 'draining') {
    return refuse('held', `The snapshot '${job.name}' of VM ${id} is ${job.state}; it can be replaced once every page is kept.`);
  }
  if (findMigration(snapshots, id) !== undefined) return refuse('held', `VM ${id} is migrating.`);
  return undefined;
}
