/**
 * The network of a host's VMs: a switch that their cards are plugged into, and ways to the switches of other hosts. Together they are one
 * network with one gateway, 10.0.2.2, at one of the hosts. A VM's card has the same address wherever it is: the n-th for VM n that boots.
 *
 * A VM that moves takes its address along: its card says where it is, five times, as QEMU has it. Frames that come for a VM that
 * stands are kept: it gets them when it goes on; when it went on elsewhere they follow as soon as that is known.
 * Left out: addresses that age.
 */
import { type Hash64, hashInteger } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { CABLE_NS, GuestNetwork, type MacAddress, makeAnnouncement, readMac, type TunnelledFrame } from '../network/index.ts';
import { rank } from '../sim/rank.ts';
import type { Host } from './host.ts';
import { type RunContext, timeOf } from './vcpu-run.ts';
import type { Vm } from './vm.ts';

/** Event: the network has something due. */
export const NETWORK_DUE = 'host.network';
/** Event: a card that has moved says again where it is. */
export const ANNOUNCE = 'host.announce';
/** When, after the first time (QEMU 7.2 migration/options: announce-initial, -step, -rounds). Unit: ns. */
const ANNOUNCE_GAPS_NS = [50_000_000, 150_000_000, 250_000_000, 350_000_000] as const;
/** Frames kept for one VM; later ones are lost. As many as a card lets wait. */
const KEPT_MAX = 256;

/** How a host's switch reaches those of other hosts. */
export interface NetworkWays {
  /** Hosts with a switch, this one not among them. */
  readonly peers: readonly { readonly host: number; readonly name: string }[];
  /** Whether the gateway is at this host. */
  readonly hasGateway: boolean;
  /** A frame leaves towards a host. `isLate`: it was kept, and its sender may be elsewhere by now. */
  send(host: number, frame: Uint8Array, nowNs: number, isLate: boolean): void;
}

/** A host by itself. */
export const NO_WAYS: NetworkWays = { peers: [], hasGateway: true, send: () => undefined };

/** See the file's head. */
export class HostNetwork {
  static readonly [checkpointRules]: CheckpointRules = {
    host: 'outside', context: 'outside', ways: 'outside', kept: { '*': 'values' },
  };
  readonly guests: GuestNetwork;
  private readonly host: Host;
  private readonly context: RunContext;
  private readonly ways: NetworkWays;
  /** Port of each VM's card, by id, and back; and of each host. */
  private readonly portOf = new Map<number, number>();
  private readonly vmOf = new Map<number, number>();
  private readonly peerPorts = new Map<number, number>();
  /** Address of each VM's card. */
  private readonly cards = new Map<number, MacAddress>();
  /** Frames for VMs that stand, by id. */
  private readonly kept = new Map<number, Uint8Array[]>();
  /** VMs that are arriving: they will have to say where they are. */
  private readonly arriving = new Set<number>();
  private wakeNs = Infinity;

  constructor(host: Host, context: RunContext, ways: NetworkWays) {
    this.host = host;
    this.context = context;
    this.ways = ways;
    const clock = { nowNs: () => timeOf(this.context, this.host.now()), wakeAt: (timeNs: number) => this.wakeAt(timeNs) };
    this.guests = new GuestNetwork(clock, (port, frame) => this.deliver(port, frame), { hasGateway: ways.hasGateway });
    for (const { host: peer, name } of ways.peers) {
      this.peerPorts.set(peer, this.guests.addTrunk(name, (frame, isLate) => this.ways.send(peer, frame, this.host.now(), isLate)));
    }
  }

  /** Plugs a VM's card in; a VM that leaves and comes again finds its port. */
  plugIn(vm: Vm): void {
    const { id, name } = vm;
    if (vm.state === 'incoming') this.arriving.add(id);
    if (vm.devices?.card !== undefined) this.cards.set(id, vm.devices.card.mac);
    if (this.portOf.has(id)) return;
    const port = this.guests.addCard(name);
    this.portOf.set(id, port);
    this.vmOf.set(port, id);
  }

  /** A frame leaves a VM's card. */
  send(vm: number, frame: Uint8Array): void {
    const port = this.portOf.get(vm);
    if (port !== undefined) this.guests.send(port, frame);
  }

  /** A guest's frame arrives from another host. */
  arrive(peer: number, { frame, isLate }: TunnelledFrame, nowNs: number): void {
    const port = this.peerPorts.get(peer);
    if (port === undefined) return;
    this.guests.network.receive(port, frame, nowNs, isLate);
    if (isLate) return;
    // Whoever sent it is there: what is kept for it follows.
    for (const vm of [...this.kept.keys()]) {
      // It may be heard from before the token's answer is here.
      const state = this.host.findVm(vm)?.state ?? 'handing-over';
      if (this.cardOf(vm) !== readMac(frame, 6) || state !== 'handing-over') continue;
      for (const it of this.takeKept(vm)) this.guests.network.forward(it, nowNs);
    }
  }

  /** A VM runs here from now on: it gets what is kept, and says where it is when it has come from elsewhere. */
  onRuns(vm: Vm): void {
    if (!this.portOf.has(vm.id)) return;
    if (this.arriving.delete(vm.id)) {
      this.announce(vm.id);
      for (const gapNs of ANNOUNCE_GAPS_NS) {
        this.host.schedule(this.host.now() + gapNs, rank.network, ANNOUNCE, { vm: vm.id });
      }
    }
    for (const frame of this.takeKept(vm.id)) vm.devices?.receive(frame);
  }

  /** A VM leaves. When it was handed over, what is kept for it stays until it is heard from elsewhere. */
  onLeaves(vm: Vm): void {
    this.arriving.delete(vm.id);
    const moved = vm.state === 'handing-over';
    const kept = this.takeKept(vm.id);
    // What is for everybody has reached it where it is now.
    const own = kept.filter((frame) => readMac(frame, 0) === this.cardOf(vm.id));
    if (!moved || own.length === 0) return;
    if (this.guests.network.portOf(this.cardOf(vm.id)) === this.portOf.get(vm.id)) this.kept.set(vm.id, own);
    else for (const frame of own) this.guests.network.forward(frame, this.host.now());
  }

  /** A VM's card says where it is, when it is here and runs. */
  announce(id: number): void {
    const port = this.portOf.get(id);
    if (port === undefined || this.host.findVm(id)?.state !== 'running') return;
    this.guests.network.receive(port, makeAnnouncement(this.cardOf(id)), this.host.now());
  }

  service(nowNs: number): void {
    if (nowNs >= this.wakeNs) this.wakeNs = Infinity;
    this.guests.service(nowNs);
    const { dueNs } = this.guests;
    if (dueNs < Infinity) this.wakeAt(dueNs);
  }

  /** Earliest time at which a step of a vCPU at `stepNs` or later can make a frame leave this host; Infinity: never. */
  sendsAfter(stepNs: number): number {
    return this.peerPorts.size > 0 && this.portOf.size > 0 ? stepNs + CABLE_NS : Infinity;
  }

  hashInto(hash: Hash64): void {
    this.guests.hashInto(hash);
    for (const [vm, frames] of this.kept) {
      hashInteger(hash, vm);
      hashInteger(hash, frames.length);
    }
  }

  private deliver(port: number, frame: Uint8Array): void {
    const id = this.vmOf.get(port)!;
    const vm = this.host.findVm(id);
    if (vm?.state === 'running') {
      vm.devices?.receive(frame);
      return;
    }
    const ended = vm?.state === 'stopped' || vm?.state === 'failed';
    const isOwn = readMac(frame, 0) === this.cardOf(id);
    if (ended || (vm === undefined && !isOwn)) return;
    const { network } = this.guests;
    if (vm === undefined && network.portOf(this.cardOf(id)) !== port) {
      network.forward(frame, this.host.now()); // it left while the frame was on the cable
      return;
    }
    const frames = this.kept.get(id) ?? [];
    if (frames.length < KEPT_MAX) this.kept.set(id, [...frames, frame]);
  }

  private takeKept(vm: number): readonly Uint8Array[] {
    const frames = this.kept.get(vm) ?? [];
    this.kept.delete(vm);
    return frames;
  }

  private wakeAt(timeNs: number): void {
    if (timeNs >= this.wakeNs) return;
    this.wakeNs = timeNs;
    this.host.schedule(Math.max(timeNs, this.host.effectNs()), rank.network, NETWORK_DUE);
  }

  /** Address of a VM's card; −1, which no frame has, for one that was never here. */
  private cardOf(vm: number): MacAddress {
    return this.cards.get(vm) ?? -1;
  }
}
