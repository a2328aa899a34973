/** Looking things up in what the processes last told. */
import type { Refusal } from '../protocol/command.ts';
import { type MigrationSnapshot, type ProcessSnapshot, type VmSnapshot, vmsOf } from '../protocol/snapshot.ts';

/** The copy of a VM that holds the right to run, with its host; an incoming copy does not count. */
export function findVm(
  snapshots: readonly ProcessSnapshot[],
  id: number,
): { readonly vm: VmSnapshot; readonly process: ProcessSnapshot } | undefined {
  for (const snapshot of snapshots) {
    const vm = vmsOf(snapshot).find((it) => it.id === id && it.state !== 'incoming');
    if (vm !== undefined) return { vm, process: snapshot };
  }
  return undefined;
}

const ENDED = ['done', 'failed', 'cancelled'];

/** The migration that takes a VM away from where it is; undefined when there is none under way. */
export function findMigration(
  snapshots: readonly ProcessSnapshot[],
  vm: number,
): MigrationSnapshot | undefined {
  return snapshots
    .flatMap((snapshot) => snapshot.migrations)
    .find((it) => it.vm === vm && it.role === 'source' && !ENDED.includes(it.phase));
}

/** Where a VM is and how it is there, as the end of a sentence about it. */
export function whereabouts(snapshots: readonly ProcessSnapshot[], vm: number): string {
  const found = findVm(snapshots, vm);
  if (found === undefined) return `VM ${vm} is lost with its host`;
  return `VM ${vm} is ${found.vm.state} on ${found.process.name}`;
}

export function noSuchVm(id: number): Refusal {
  return refuse('no-such-vm', `There is no VM ${id}.`);
}

export function refuse(kind: string, sentence: string): Refusal {
  return { kind, sentence };
}
