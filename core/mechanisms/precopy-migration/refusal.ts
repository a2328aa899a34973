/** Whether a migration could be asked for, from what the hosts last told. They check again when it takes effect. */
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import { findMigration, findVm, noSuchVm, refuse } from '../find.ts';

/** Why the request is refused; undefined when it may be logged. */
export function findMigrationRefusal(
  world: { readonly scenario: Scenario; readonly snapshots: readonly ProcessSnapshot[] },
  request: MechanismRequest,
): Refusal | undefined {
  const id = Number(request.arguments['vm']);
  if (request.name === 'migrate')
    return findMigrateRefusal(world, id, Number(request.arguments['to']));
  if (findVm(world.snapshots, id) === undefined) return noSuchVm(id);
  if (findMigration(world.snapshots, id) !== undefined) return undefined;
  return refuse('not-migrating', `VM ${id} is not migrating, so there is nothing to cancel.`);
}

function findMigrateRefusal(
  world: { readonly scenario: Scenario; readonly snapshots: readonly ProcessSnapshot[] },
  id: number,
  to: number,
): Refusal | undefined {
  const { scenario, snapshots } = world;
  const nameOf = (host: number) =>
    scenario.hosts.find((it) => it.id === host)?.name ?? `host ${host}`;
  const found = findVm(snapshots, id);
  if (found === undefined) return noSuchVm(id);
  const { vm, process: holder } = found;
  const migrating = findMigration(snapshots, id);
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
  if (
    !scenario.links.some(
      ({ a, b }) => (a === to && b === holder.process) || (b === to && a === holder.process),
    )
  ) {
    return refuse(
      'no-such-host',
      `There is no link between ${holder.name}, where VM ${id} '${vm.name}' runs, and ${nameOf(to)}.`,
    );
  }
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
