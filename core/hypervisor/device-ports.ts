/**
 * A VM's devices wired to its vCPUs, its console and its host's time. A wire to the vCPU whose access is served acts at its next
 * instruction; a wire to another one at the next point of the grid; from an event, at once. What a
 * device has due is an event of the host.
 */
import { rank } from '../sim/rank.ts';
import type { Host } from './host.ts';
import { EXTERNAL, nextGridNs, type RunContext } from './vcpu-run.ts';
import type { Vm } from './vm.ts';
import { type VmDeviceSpec, VmDevices } from './vm-devices.ts';

/** Event: devices of a VM have something due. */
export const DEVICES_DUE = 'host.devices';

/** Devices of a VM of this host, as after power on. */
export function makeVmDevices(vm: Vm, spec: VmDeviceSpec, host: Host, context: RunContext): VmDevices {
  const nowNs = () => (context.callNs >= 0 ? context.callNs : host.now());
  const { id, memory, vcpus, debugConsole } = vm;
  return new VmDevices({ spec, vcpuCount: vcpus.length, memory }, {
    nowNs,
    setExternal: (index, level) => {
      const vcpu = vm.getVcpu(index);
      if (context.caller === vcpu) host.machine.setInterruptPending(vcpu.hartSlot, EXTERNAL, level);
      else vcpu.externalAtNs = Math.min(vcpu.externalAtNs, context.callNs >= 0 ? nextGridNs(context.callNs) : host.now());
    },
    write: (text) => debugConsole.write(nowNs(), text),
    read: (count) => debugConsole.read(count),
    wakeAt: (timeNs) => host.schedule(Math.max(timeNs, host.effectNs()), rank.timer, DEVICES_DUE, { vm: id }),
    transmit: () => undefined,
  });
}

/** At that event. A VM that stands keeps what is due until it goes on, so that nothing writes to its memory meanwhile. */
export function serviceDevices(vm: Vm | undefined, nowNs: number): void {
  if (vm?.state === 'running') vm.devices?.service(nowNs);
}
