/**
 * The board's user-mode network: one virtio card, a cable to a switch, and the gateway behind it with a
 * TCP stack that echoes on port 7 (RFC 862). Addresses are those of QEMU's user network, so that a
 * guest set up for it works. Frames take CABLE_NS each way.
 * Left out: names, ways to anywhere else.
 */
import { makePrng } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { type VirtioCore, VirtioMmio, VirtioNet, VmDma } from '../devices/virtio/index.ts';
import type { InterruptLine } from '../machine/bus.ts';
import type { VmMemory } from '../memory/index.ts';
import { type CaptureTap, ECHO_PORT, type TcpEvent, TcpStack, type TimerKind, UserNetwork } from '../network/index.ts';
import type { SlotDevice } from './virt-devices.ts';
import type { SlotClock } from './virt-machine.ts';

/** Time of a frame from card to switch, or back. Unit: ns. */
export const CABLE_NS = 5_000;
const GATEWAY_MAC = 0x5255_0a00_0202;
const GATEWAY_ADDRESS = 0x0a00_0202; // 10.0.2.2
const GUEST_MAC = 0x5254_0012_3456;
const GUEST_ADDRESS = 0x0a00_020f; //   10.0.2.15
const MASK = 0xffff_ff00;
/** Frames on the cable at most, each way together; more are lost. */
const CABLE_FRAMES_MAX = 1024;

interface Travelling {
  readonly timeNs: number;
  readonly to: 'network' | 'card' | 'gateway';
  readonly frame: Uint8Array;
}

interface Timer {
  readonly timeNs: number;
  readonly connection: number;
  readonly kind: TimerKind;
}

/** See the file's head. It is the device in the slot. */
export class BoardNetwork implements SlotDevice {
  static readonly [checkpointRules]: CheckpointRules = { clock: 'outside', cable: 'values', timers: 'values' };
  readonly name = 'virtio net';
  readonly card: VirtioNet;
  readonly network: UserNetwork;
  /** Frames that found the cable full. */
  lostFrames = 0;
  private readonly mmio: VirtioMmio;
  private readonly stack: TcpStack;
  private readonly clock: SlotClock;
  private readonly port: number;
  private cable: Travelling[] = [];
  private timers: Timer[] = [];

  constructor(interrupt: InterruptLine, ram: VmMemory, clock: SlotClock, capture?: CaptureTap) {
    this.clock = clock;
    this.card = new VirtioNet({ mac: GUEST_MAC }, { transmit: (frame) => this.travel('network', frame) });
    this.mmio = new VirtioMmio({ device: this.card, memory: new VmDma(ram), interrupt });
    this.network = new UserNetwork(
      { gatewayMac: GATEWAY_MAC, gatewayAddress: GATEWAY_ADDRESS, mask: MASK, leases: new Map([[GUEST_MAC, GUEST_ADDRESS]]) },
      { onTcp: (frame) => this.travel('gateway', frame) },
    );
    this.port = this.network.addPort({ name: 'vm', deliver: (frame) => this.travel('card', frame) });
    if (capture !== undefined) this.network.capture(capture);
    this.stack = new TcpStack(
      {
        mac: GATEWAY_MAC, address: GATEWAY_ADDRESS, neighbours: new Map([[GUEST_ADDRESS, GUEST_MAC]]),
        random: makePrng({ seed: 0, stream: GATEWAY_ADDRESS }),
      },
      {
        transmit: (frame, _destination, now) => this.network.transmit(frame, now),
        scheduleTimer: (timeNs, connection, kind) => this.addTimer({ timeNs, connection, kind }),
        event: (event, now) => this.onTcp(event, now),
      },
    );
    this.stack.listen(ECHO_PORT);
  }

  get core(): VirtioCore {
    return this.mmio.core;
  }

  get size(): number {
    return this.mmio.size;
  }

  get widths(): number {
    return this.mmio.widths;
  }

  read(offset: number, byteCount: number): number {
    return this.mmio.read(offset, byteCount);
  }

  write(offset: number, byteCount: number, value: number): boolean {
    return this.mmio.write(offset, byteCount, value);
  }

  get dueNs(): number {
    return this.timers.reduce((least, { timeNs }) => Math.min(least, timeNs), this.cable[0]?.timeNs ?? Infinity);
  }

  /** Frames in their order, then timers; what these send travels on later. */
  service(nowNs: number): void {
    while (this.cable.length > 0 && this.cable[0]!.timeNs <= nowNs) {
      const { to, frame, timeNs } = this.cable.shift()!;
      if (to === 'network') this.network.receive(this.port, frame, timeNs);
      else if (to === 'card') this.card.receive(frame);
      else this.stack.onFrame(frame, timeNs);
    }
    const due = this.timers.filter(({ timeNs }) => timeNs <= nowNs).sort((left, right) => left.timeNs - right.timeNs);
    this.timers = this.timers.filter(({ timeNs }) => timeNs > nowNs);
    for (const { connection, kind } of due) this.stack.onTimer(connection, kind, nowNs);
  }

  private travel(to: Travelling['to'], frame: Uint8Array): void {
    if (this.cable.length >= CABLE_FRAMES_MAX) {
      this.lostFrames++;
      return;
    }
    const timeNs = this.clock.nowNs() + CABLE_NS;
    // Harts take turns, so that a later turn may send at an earlier time.
    let place = this.cable.length;
    while (place > 0 && this.cable[place - 1]!.timeNs > timeNs) place--;
    this.cable.splice(place, 0, { timeNs, to, frame });
    this.clock.wakeAt(timeNs);
  }

  private addTimer(timer: Timer): void {
    this.timers.push(timer);
    this.clock.wakeAt(timer.timeNs);
  }

  /** Sends back what was read, as far as there is room; the rest waits for it. */
  private onTcp(event: TcpEvent, now: number): void {
    const { stack } = this;
    const { connection } = event;
    if (event.kind === 'readable' || event.kind === 'writable') {
      while (stack.receiveAvailable(connection) > 0) {
        const taken = stack.send(connection, stack.peek(connection), now);
        if (taken === 0) return;
        stack.consume(connection, taken, now);
      }
    }
    if (event.kind === 'peer-closed') stack.close(connection, now);
  }
}
