/**
 * Whether a command makes sense now: a pure check against what the processes last told. The model
 * checks again when the command takes effect, for the world may have moved on.
 */
import type { Command, Refusal } from '../protocol/command.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { ProcessSnapshot, VmSnapshot } from '../protocol/snapshot.ts';
import { findContract } from '../mechanisms/catalog.ts';
import { findKnobError } from './scenario.ts';
import { sentenceOf } from './world-error.ts';

/** Console input of one command at most. As the console's own queue. */
const TEXT_LENGTH_MAX = 4096;

/** Why `command` is refused; undefined when it may be logged. */
export function validateCommand(
  scenario: Scenario,
  snapshots: readonly ProcessSnapshot[],
  command: Command,
): Refusal | undefined {
  const contract = findContract(scenario.lab);
  switch (command.kind) {
    case 'set-knob': {
      const error = findKnobError(contract?.knobs ?? [], command.knob, command.value);
      return error === undefined ? undefined : { kind: error.kind, sentence: sentenceOf(error) };
    }
    case 'inject-fault': {
      const known = (contract?.faults ?? []).map((fault) => fault.id);
      if (known.includes(command.fault)) return undefined;
      return refuse(
        'unknown-fault',
        `There is no fault '${command.fault}'; known are ${known.join(', ')}.`,
      );
    }
    case 'migrate':
      return findMigrateRefusal(scenario, snapshots, command);
    case 'cancel-migration':
      if (findVm(snapshots, command.vm) === undefined) return noSuchVm(command.vm);
      if (migrationOf(snapshots, command.vm) !== undefined) return undefined;
      return refuse(
        'not-migrating',
        `VM ${command.vm} is not migrating, so there is nothing to cancel.`,
      );
    case 'console-input':
      if (findVm(snapshots, command.vm) === undefined) return noSuchVm(command.vm);
      if (command.text.length <= TEXT_LENGTH_MAX) return undefined;
      return refuse(
        'too-long',
        `Console input has ${command.text.length} characters; at most ${TEXT_LENGTH_MAX} are taken at once.`,
      );
  }
}

function findMigrateRefusal(
  scenario: Scenario,
  snapshots: readonly ProcessSnapshot[],
  command: { readonly vm: number; readonly to: number },
): Refusal | undefined {
  const { vm: id, to } = command;
  const migrating = migrationOf(snapshots, id);
  const nameOf = (host: number) =>
    scenario.hosts.find((it) => it.id === host)?.name ?? `host ${host}`;
  const found = findVm(snapshots, id);
  if (found === undefined) return noSuchVm(id);
  const { vm, process: holder } = found;
  if (migrating !== undefined) {
    return refuse(
      'already-migrating',
      `VM ${id} '${vm.name}' is already migrating to ${nameOf(migrating.to)}; a second migration of it is refused.`,
    );
  }
  if (!scenario.hosts.some((host) => host.id === to)) {
    return refuse(
      'no-such-host',
      `There is no host ${to}; known are ${scenario.hosts.map((host) => `${host.id} (${host.name})`).join(', ')}.`,
    );
  }
  if (holder.process === to)
    return refuse('same-host', `VM ${id} '${vm.name}' is on ${nameOf(to)} already.`);
  if (vm.state !== 'running') {
    return refuse(
      'not-running',
      `VM ${id} '${vm.name}' is ${vm.state}, so it cannot be migrated while it runs.`,
    );
  }
  const destination = snapshots.find((snapshot) => snapshot.process === to)?.host;
  if (destination?.state === 'crashed') return refuse('destination-down', `${nameOf(to)} is down.`);
  if (destination !== undefined && destination.framesFree < vm.pageCount) {
    return refuse(
      'destination-memory',
      `VM ${id} '${vm.name}' needs ${vm.pageCount} pages and ${nameOf(to)} has ${destination.framesFree} frames free.`,
    );
  }
  return undefined;
}

/** The copy of a VM that holds the right to run, with its host; an incoming copy does not count. */
export function findVm(
  snapshots: readonly ProcessSnapshot[],
  id: number,
): { readonly vm: VmSnapshot; readonly process: ProcessSnapshot } | undefined {
  for (const snapshot of snapshots) {
    const vm = snapshot.host.vms.find((it) => it.id === id && it.state !== 'incoming');
    if (vm !== undefined) return { vm, process: snapshot };
  }
  return undefined;
}

const ENDED = ['done', 'failed', 'cancelled'];

function migrationOf(snapshots: readonly ProcessSnapshot[], vm: number) {
  return snapshots
    .flatMap((snapshot) => snapshot.migrations)
    .find((it) => it.vm === vm && it.role === 'source' && !ENDED.includes(it.phase));
}

function noSuchVm(id: number): Refusal {
  return refuse('no-such-vm', `There is no VM ${id}.`);
}

function refuse(kind: string, sentence: string): Refusal {
  return { kind, sentence };
}

/**
 * The same command as the baseline world takes it: all of them exist there, `migrate` means stop-
 * and-copy.
 */
export function baselineCommand(command: Command): Command | undefined {
  const precopyOnly = ['downtime-limit', 'round-limit', 'throttle'];
  return command.kind === 'set-knob' && precopyOnly.includes(command.knob) ? undefined : command;
}
