/**
 * What a driver of virtio over PCI does, behind the register layout of MMIO, so that one test driver
 * serves both: finds the function through ECAM, sizes and places its base address register, follows the
 * capabilities, and reaches the parts that they tell through the bridge's memory window.
 */
import { assert } from '../base/index.ts';
import { type VirtioDevice, VirtioPci } from '../devices/virtio/index.ts';
import type { QueueMemory } from '../devices/virtio/index.ts';
import { Bus, type BusDevice, type BusValue, type InterruptLine } from '../machine/index.ts';
import { PcieHostBridge, pciCommand } from '../pcie/index.ts';

export const ECAM_ADDRESS = 0x3000_0000;
export const WINDOW_ADDRESS = 0x4000_0000;

/** A bus with a host bridge; its four wires joined into one line. */
export function makePciBus(interrupt: InterruptLine): { readonly bus: Bus; readonly bridge: PcieHostBridge; readonly levels: boolean[] } {
  const levels = [false, false, false, false];
  const wire = (index: number): InterruptLine => ({
    set(level) {
      levels[index] = level;
      interrupt.set(levels.some(Boolean));
    },
  });
  const bridge = new PcieHostBridge({
    windowAddress: WINDOW_ADDRESS, windowBytes: 0x4000_0000, buses: 256, interrupts: [wire(0), wire(1), wire(2), wire(3)],
  });
  const bus = new Bus();
  bus.attach(ECAM_ADDRESS, bridge.ecam);
  bus.attach(WINDOW_ADDRESS, bridge.window);
  return { bus, bridge, levels };
}

/** See the file's head. */
export class PciDriver implements BusDevice {
  readonly name = 'virtio over pci';
  readonly size = 0x1000;
  readonly widths = 7;
  readonly function: VirtioPci;
  readonly bridge: PcieHostBridge;
  readonly levels: readonly boolean[];
  private readonly bus: Bus;
  private readonly device: number;
  /** Where the parts of the function lie, by cfg_type. */
  private readonly parts = new Map<number, number>();
  private isr = 0;

  constructor(options: { readonly device: VirtioDevice; readonly memory: QueueMemory; readonly interrupt: InterruptLine; readonly place?: number }) {
    const { bus, bridge, levels } = makePciBus(options.interrupt);
    this.bus = bus;
    this.bridge = bridge;
    this.levels = levels;
    this.device = options.place ?? 1;
    this.function = new VirtioPci(options);
    bridge.attach(this.device, this.function);
    this.enumerate();
  }

  /** Reads configuration space of this function. */
  config(offset: number, byteCount: number): number {
    return this.bring(ECAM_ADDRESS + (this.device << 15) + offset, byteCount);
  }

  /** Writes it. */
  setConfig(offset: number, byteCount: number, value: number): void {
    assert(this.bus.write(ECAM_ADDRESS + (this.device << 15) + offset, byteCount, value, 0), 'configuration takes writes');
  }

  /** Reads an address of the memory bus. */
  bring(address: number, byteCount: number): number {
    const into: BusValue = { low: 0, high: 0 };
    assert(this.bus.read(address, byteCount, into), 'the bus answers');
    return into.low;
  }

  /** Finds, places and enables the function, as an operating system does at its start. */
  enumerate(): void {
    assert(this.config(0, 2) === 0x1af4, 'a virtio function is there');
    this.setConfig(0x10, 4, 0xffff_ffff);
    const byteCount = 2 ** 32 - (this.config(0x10, 4) & ~15) >>> 0;
    const place = WINDOW_ADDRESS + byteCount * 4;
    this.setConfig(0x10, 4, place);
    this.setConfig(4, 2, pciCommand.memorySpace | pciCommand.busMaster);
    for (let at = this.config(0x34, 1); at !== 0; at = this.config(at + 1, 1)) {
      if (this.config(at, 1) === 9) this.parts.set(this.config(at + 3, 1), place + this.config(at + 8, 4));
    }
  }

  private at(part: number, offset: number): number {
    const start = this.parts.get(part);
    assert(start !== undefined, 'the function tells all of its parts');
    return start + offset;
  }

  /** Writes an address of the memory bus. */
  put(address: number, byteCount: number, value: number): void {
    assert(this.bus.write(address, byteCount, value, 0), 'the window takes writes');
  }

  read(offset: number, byteCount: number): number {
    if (offset >= 0x100) return this.bring(this.at(4, offset - 0x100), byteCount);
    const common = (it: number, width: number) => this.bring(this.at(1, it), width);
    switch (offset) {
      case 0x10:
        return common(4, 4);
      case 0x34:
        return common(24, 2);
      case 0x44:
        return common(28, 2);
      case 0x60:
        // Over PCI reading acknowledges; over MMIO it does not.
        this.isr |= this.bring(this.at(3, 0), 1);
        return this.isr;
      case 0x70:
        return common(20, 1);
      case 0xfc:
        return common(21, 1);
      default:
        return 0;
    }
  }

  write(offset: number, byteCount: number, value: number): boolean {
    if (offset >= 0x100) this.put(this.at(4, offset - 0x100), byteCount, value);
    else if (offset === 0x14) this.put(this.at(1, 0), 4, value);
    else if (offset === 0x20) this.put(this.at(1, 12), 4, value);
    else if (offset === 0x24) this.put(this.at(1, 8), 4, value);
    else if (offset === 0x30) this.put(this.at(1, 22), 2, value);
    else if (offset === 0x38) this.put(this.at(1, 24), 2, value);
    else if (offset === 0x44) this.put(this.at(1, 28), 2, value);
    else if (offset === 0x50) this.put(this.at(2, value * 4), 2, value);
    else if (offset === 0x64) this.acknowledge(value);
    else if (offset === 0x70) this.put(this.at(1, 20), 1, value & 0xff);
    else if (offset >= 0x80 && offset < 0xa8) this.put(this.at(1, 32 + ((offset - 0x80) >> 4) * 8 + (offset & 4)), 4, value);
    return true;
  }

  private acknowledge(value: number): void {
    this.read(0x60, 4);
    this.isr &= ~value;
  }
}
