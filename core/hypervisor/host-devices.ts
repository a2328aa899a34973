/**
 * The devices of a host's VMs, wired to vCPUs, consoles, the host's time and one another. A wire to the vCPU whose access is
 * served acts at its next instruction; a wire to another one at the next point of the grid; from an event,
 * at once. What a device or the network has due is an event of the host.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { GuestNetwork } from '../network/index.ts';
import type { EventArguments } from '../sim/event-queue.ts';
import { rank } from '../sim/rank.ts';
import type { Host } from './host.ts';
import { EXTERNAL, nextGridNs, type RunContext } from './vcpu-run.ts';
import type { Vm } from './vm.ts';
import { type VmDeviceSpec, VmDevices } from './vm-devices.ts';

/** Events: devices of a VM, or the guests' network, have something due. */
const DEVICES_DUE = 'host.devices';
const NETWORK_DUE = 'host.network';

/** See the file's head. One for each host. */
export class HostDevices {
  static readonly [checkpointRules]: CheckpointRules = { host: 'outside', context: 'outside', specs: 'outside' };
  /**
   * What this host can give to VMs that come from elsewhere, by id: the same devices, their disks over the files that every
   * host has, as they were before anybody wrote.
   */
  readonly specs = new Map<number, () => VmDeviceSpec>();
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
    this.network ??= new HostNetwork(this.host, this.context);
    this.network.plugIn(vm.id, vm.name);
  }

  /** Events of the host that are for devices; others are a cut and nothing else. A VM that stands keeps what is due until it goes on. */
  onEvent(kind: string, args: EventArguments, nowNs: number): void {
    if (kind === NETWORK_DUE) this.network?.service(nowNs);
    if (kind !== DEVICES_DUE) return;
    const vm = this.host.findVm(args['vm'] as number);
    if (vm?.state === 'running') vm.devices?.service(nowNs);
  }

  private make(vm: Vm, spec: VmDeviceSpec): VmDevices {
    const { host, context } = this;
    const nowNs = () => timeOf(host, context);
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

/** Virtual time of the access that is served, or of the event. Unit: ns. */
function timeOf(host: Host, context: RunContext): number {
  return context.callNs >= 0 ? context.callNs : host.now();
}

/**
 * The network of a host's VMs: a switch that their cards are plugged into, with the gateway 10.0.2.2 behind it. VM n has the
 * n-th card's addresses. A VM that stands, or has left, hears nothing.
 */
export class HostNetwork {
  static readonly [checkpointRules]: CheckpointRules = { host: 'outside', context: 'outside' };
  readonly guests: GuestNetwork;
  private readonly host: Host;
  private readonly context: RunContext;
  /** Port of each VM's card, by id, and back. */
  private readonly portOf = new Map<number, number>();
  private readonly vmOf = new Map<number, number>();
  private wakeNs = Infinity;

  constructor(host: Host, context: RunContext) {
    this.host = host;
    this.context = context;
    this.guests = new GuestNetwork({ nowNs: () => timeOf(this.host, this.context), wakeAt: (timeNs) => this.wakeAt(timeNs) }, (port, frame) => this.deliver(port, frame));
  }

  /** Plugs a VM's card in; once for each id, also when it leaves and comes again. */
  plugIn(vm: number, name: string): void {
    if (this.portOf.has(vm)) return;
    const port = this.guests.addCard(name);
    this.portOf.set(vm, port);
    this.vmOf.set(port, vm);
  }

  /** A frame leaves a VM's card. */
  send(vm: number, frame: Uint8Array): void {
    const port = this.portOf.get(vm);
    if (port !== undefined) this.guests.send(port, frame);
  }

  service(nowNs: number): void {
    if (nowNs >= this.wakeNs) this.wakeNs = Infinity;
    this.guests.service(nowNs);
    const { dueNs } = this.guests;
    if (dueNs < Infinity) this.wakeAt(dueNs);
  }

  private deliver(port: number, frame: Uint8Array): void {
    const vm = this.host.findVm(this.vmOf.get(port)!);
    if (vm?.state === 'running') vm.devices?.receive(frame);
  }

  private wakeAt(timeNs: number): void {
    if (timeNs >= this.wakeNs) return;
    this.wakeNs = timeNs;
    this.host.schedule(Math.max(timeNs, this.host.effectNs()), rank.network, NETWORK_DUE);
  }
}
