/** Paged VMs of a host process: made at boot, and acting on the grid that the scenario gives. */
import { assert } from '../base/index.ts';
import type { Scenario } from '../protocol/scenario.ts';
import { rank } from '../sim/rank.ts';
import { actPagedVms, createPagedVm, firstRecord, profileOfGuest } from '../workload/paged-vm.ts';
import type { HostProcess } from './host-process.ts';

/** How often paged VMs act where the scenario says nothing. Unit: ns. */
const WORKLOAD_NS = 5_000_000;

/** Whether any VM of a world may be paged. */
function hasPaged(scenario: Scenario): boolean {
  return scenario.workloadNs !== undefined || scenario.vms.some(({ guest, fromFile }) => !fromFile && profileOfGuest(guest) >= 0);
}

/** Whether a VM of the scenario is paged. */
export function isPaged(spec: Scenario['vms'][number]): boolean {
  return !spec.fromFile && profileOfGuest(spec.guest) >= 0;
}

/** Lets the paged VMs of a host act from now on; a host of a world that has none does nothing. */
export function startWorkloads(self: HostProcess): void {
  const { host, scenario } = self;
  if (!hasPaged(scenario)) return;
  const everyNs = scenario.workloadNs ?? WORKLOAD_NS;
  const next = () => host.schedule((Math.floor(host.now() / everyNs) + 1) * everyNs, rank.timer, 'workload.act');
  host.registerHandler('workload', () => {
    next();
    if (host.state === 'up') actPagedVms(host, scenario.seed);
  });
  next();
}

/** Makes a paged VM of the scenario. Its draws are those of the world's VM of that number. */
export function bootPaged(self: HostProcess, spec: Scenario['vms'][number]): void {
  const { host, scenario } = self;
  const of = firstRecord({ id: spec.id, profile: profileOfGuest(spec.guest), seed: scenario.seed, now: host.now() });
  const made = createPagedVm(host, { id: spec.id, name: spec.name, pageCount: spec.pageCount, of }, scenario.seed);
  assert(made.ok, `VM ${spec.id} of the scenario fits its host`);
  self.onRuns(made.value, 0);
}
