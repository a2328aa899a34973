/** When the next instruction of a VM is done: what the step button of the transport asks. */
import type { Host } from '../hypervisor/host.ts';
import { nextThrottleEdge, isThrottled } from '../hypervisor/scheduler.ts';
import { nextStepNs } from '../hypervisor/vcpu-run.ts';

/**
 * A time t > now such that running to t lets at least one more instruction of the VM start and end;
 * Infinity when it is not here or does not run. Least for a vCPU that runs now; for one that waits,
 * the time of its waking.
 */
export function nextInstructionNs(host: Host, id: number): number {
  const vm = host.findVm(id);
  if (vm === undefined || vm.state !== 'running') return Number.POSITIVE_INFINITY;
  const now = host.now();
  let next = Number.POSITIVE_INFINITY;
  for (const vcpu of vm.vcpus) {
    let atNs = Math.max(now, nextStepNs(vm, vcpu));
    if (Number.isFinite(atNs) && isThrottled(vm, atNs)) atNs = nextThrottleEdge(vm, atNs);
    next = Math.min(next, atNs + 1);
  }
  return next;
}
