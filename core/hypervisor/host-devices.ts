/**
 * The devices of a host's VMs, wired to vCPUs, consoles, the host's time and one another. A wire to the vCPU whose access is
 * served acts at its next instruction; a wire to another one at the next point of the grid; from an event,
 * at once. What a device or the network has due is an event of the host.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { CaptureTap } from '../network/index.ts';
import type { EventArguments } from '../sim/event-queue.ts';
import { rank } from '../sim/rank.ts';
import type { Host } from './host.ts';
import { ANNOUNCE, HostNetwork, NETWORK_DUE, NO_WAYS, type NetworkWays } from './host-network.ts';
import { EXTERNAL, nextGridNs, type RunContext, timeOf } from './vcpu-run.ts';
import type { Vm } from './vm.ts';
import { type VmDeviceSpec, VmDevices } from './vm-devices.ts';

/** Event: devices of a VM have something due. */
const DEVICES_DUE = 'host.devices';

/** See the file's head. One for each host. */
export class HostDevices {
  static readonly [checkpointRules]: CheckpointRules = { host: 'outside', context: 'outside', specs: 'outside', ways: 'outside' };
  /**
   * What this host can give to VMs that come from elsewhere, by id: the same devices, their disks over the files that every
   * host has, as they were before anybody wrote.
   */
  readonly specs = new Map<number, () => VmDeviceSpec>();
  /** How the network reaches those of other hosts; a host by itself when nobody says so. */
  ways: NetworkWays = NO_WAYS;
  /** Where frames at cards are captured, when they are. */
  capture: CaptureTap | undefined;
  /** What cards are plugged into; there with the first of them. */
  network: HostNetwork | undefined;
  private readonly host: Host;
  private readonly context: RunContext;

  constructor(host: Host, context: RunContext) {
    this.host = host;
    this.context = context;
  }

  /** Gives a VM devices as after power on, and its card a cable. */
  give(vm: Vm, spec: VmDeviceSpec): void {
    vm.devices = this.make(vm, spec);
    if (spec.network === undefined) return;
    this.openNetwork().plugIn(vm);
  }

  /** The network, made when it is first asked for. */
  openNetwork(): HostNetwork {
    if (this.network !== undefined) return this.network;
    this.network = new HostNetwork(this.host, this.context, this.ways);
    if (this.capture !== undefined) this.network.guests.capture(this.capture);
    return this.network;
  }

  /** Events of the host that are for devices; others are a cut and nothing else. A VM that stands keeps what is due until it goes on. */
  onEvent(kind: string, args: EventArguments, nowNs: number): void {
    if (kind === NETWORK_DUE) this.network?.service(nowNs);
    if (kind === ANNOUNCE) this.network?.announce(args['vm'] as number);
    if (kind !== DEVICES_DUE) return;
    const vm = this.host.findVm(args['vm'] as number);
    if (vm?.state === 'running') vm.devices?.service(nowNs);
  }

  private make(vm: Vm, spec: VmDeviceSpec): VmDevices {
    const { host, context } = this;
    const nowNs = () => timeOf(context, host.now());
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
      transmit: (frame) => this.network?.send(id, frame),
    });
  }
}
