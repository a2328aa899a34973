/** The board's user-mode network: one virtio card on a cable to the network of core/network/guest-network.ts. */
import type { Hash64 } from '../base/hash.ts';
import { type VirtioCore, VirtioMmio, VirtioNet, VmDma } from '../devices/virtio/index.ts';
import type { InterruptLine } from '../machine/bus.ts';
import type { VmMemory } from '../memory/index.ts';
import { type CaptureTap, cardMac, GuestNetwork } from '../network/index.ts';
import type { SlotDevice } from './virt-devices.ts';
import type { SlotClock } from './virt-machine.ts';

/** See the file's head. It is the device in the slot. */
export class BoardNetwork implements SlotDevice {
  readonly name = 'virtio net';
  readonly card: VirtioNet;
  readonly guests: GuestNetwork;
  private readonly mmio: VirtioMmio;

  constructor(interrupt: InterruptLine, ram: VmMemory, clock: SlotClock, capture?: CaptureTap) {
    this.guests = new GuestNetwork(clock, (_port, frame) => this.card.receive(frame));
    const port = this.guests.addCard('vm');
    this.card = new VirtioNet({ mac: cardMac(0) }, { transmit: (frame) => this.guests.send(port, frame) });
    this.mmio = new VirtioMmio({ device: this.card, memory: new VmDma(ram), interrupt });
    if (capture !== undefined) this.guests.capture(capture);
  }

  /** Frames that found the cable full. */
  get lostFrames(): number {
    return this.guests.lostFrames;
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
    return this.guests.dueNs;
  }

  service(nowNs: number): void {
    this.guests.service(nowNs);
  }

  hashInto(hash: Hash64): void {
    this.guests.hashInto(hash);
  }
}
