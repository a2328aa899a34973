/**
 * The board's devices at their places, wired to the harts: serial port, test finisher, clock,
 * core-local interrupts, platform-level interrupts, virtio slots, a PCIe host bridge, ROM. The harts and time are
 * behind ports.
 */
import { assert } from '../base/assert.ts';
import type { Hash64 } from '../base/hash.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import {
  Aclint,
  EmptyVirtioSlot,
  type FinisherPorts,
  GoldfishRtc,
  TestFinisher,
  Uart16550,
} from '../devices/index.ts';
import type { VirtioCore } from '../devices/virtio/index.ts';
import { Bus, type BusDevice, type InterruptLine } from '../machine/bus.ts';
import { attachController, type HartFiles, type InterruptController } from './interrupt-controller.ts';
import { type PciFunction, PcieHostBridge } from '../pcie/index.ts';
import { type AiaChoice, hartLine, INTERRUPT, MEMORY_MAP, VIRTIO_SLOT_COUNT } from '../platform/memory-map.ts';
import { Rom } from './rom.ts';

/** What the devices need of the harts and of the world outside. */
export interface VirtDevicePorts extends FinisherPorts {
  /** Virtual time of the access under way, or of the slice. Unit: ns. */
  nowNs(): number;
  /** A wire to a hart changed: `code` is a bit of mip, or GUEST_LINE + n for its guest interrupt file n. */
  setInterrupt(hart: number, code: number, level: boolean): void;
  /** A hart's comparator or the clock was written. */
  onTimer(hart: number): void;
  /** A byte leaves the serial port. */
  transmit(byte: number): void;
}

/** A device in a virtio slot: made with its interrupt wire; events of its own are told by dueNs. */
export interface SlotDevice extends BusDevice {
  /** When it wants to be serviced; Infinity: never. Unit: ns. */
  readonly dueNs: number;
  service(nowNs: number): void;
  /** Its virtio side, for reports. */
  readonly core?: VirtioCore;
  /** Mixes what is neither in memory nor follows from accesses into a hash: frames on a cable. */
  hashInto?(hash: Hash64): void;
}

export interface VirtDeviceOptions {
  readonly hartCount: number;
  readonly aia?: AiaChoice;
  /** Guest interrupt files of each hart; none when not given. */
  readonly guestFileCount?: number;
  /** What the real-time clock shows at virtual time 0. Unit: ns since 1970. */
  readonly epochNs: bigint;
  /** Content of the mask ROM. */
  readonly rom: { readonly offset: number; readonly bytes: Uint8Array };
  /** Devices for the virtio slots, in their order; the rest is empty. */
  readonly slots?: readonly ((line: InterruptLine) => SlotDevice)[];
  /** Functions on the PCIe bus, as devices 1, 2, … */
  readonly functions?: readonly PciFunction[];
}

export class VirtDevices {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly bus = new Bus();
  readonly serial: Uart16550;
  readonly clint: Aclint;
  readonly controller: InterruptController;
  /** Interrupt files by hart; empty without incoming-MSI controllers. */
  readonly files: readonly HartFiles[];
  readonly rtc: GoldfishRtc;
  readonly slots: readonly SlotDevice[];
  readonly bridge: PcieHostBridge;
  readonly hartCount: number;
  private readonly ports: VirtDevicePorts;

  constructor(options: VirtDeviceOptions, ports: VirtDevicePorts) {
    const { hartCount } = options;
    const makers = options.slots ?? [];
    assert(makers.length <= VIRTIO_SLOT_COUNT, `the board has ${VIRTIO_SLOT_COUNT} virtio slots`);
    this.hartCount = hartCount;
    this.ports = ports;
    const harts = { hartCount, guestFileCount: options.guestFileCount ?? 0 };
    const wiring = attachController(this.bus, options.aia ?? 'none', harts, (hart, code, level) =>
      this.ports.setInterrupt(hart, code, level),
    );
    this.controller = wiring.controller;
    this.files = wiring.files;
    this.clint = new Aclint(hartCount, {
      nowNs: () => this.ports.nowNs(),
      onSoftware: (hart, level) => this.ports.setInterrupt(hart, hartLine.software, level),
      onTimer: (hart) => this.ports.onTimer(hart),
    });
    this.serial = new Uart16550({
      transmit: (byte) => this.ports.transmit(byte),
      line: this.line(INTERRUPT.serial),
    });
    this.rtc = new GoldfishRtc({ nowNs: () => this.ports.nowNs(), line: this.line(INTERRUPT.rtc) }, options.epochNs);
    this.slots = makers.map((make, slot) => make(this.line(INTERRUPT.virtio + slot)));
    const wire = (pin: number) => this.line(INTERRUPT.pcie + pin);
    this.bridge = new PcieHostBridge({
      windowAddress: MEMORY_MAP.pcieMemory.address,
      windowBytes: MEMORY_MAP.pcieMemory.size,
      buses: MEMORY_MAP.pcieConfiguration.size >> 20,
      interrupts: [wire(0), wire(1), wire(2), wire(3)],
    });
    for (const [index, it] of (options.functions ?? []).entries()) this.bridge.attach(index + 1, it);
    this.attachAll(options.rom);
  }

  /** The next instant at which a device does something by itself; Infinity: never. Unit: ns. */
  nextEventNs(): number {
    let next = this.rtc.nextEventNs();
    for (const { dueNs } of this.slots) next = Math.min(next, dueNs);
    return next;
  }

  /** Lets devices do what is due at `nowNs`. */
  settle(nowNs: number): void {
    if (this.rtc.nextEventNs() <= nowNs) this.rtc.settle();
    for (const slot of this.slots) if (slot.dueNs <= nowNs) slot.service(nowNs);
  }

  private line(source: number): InterruptLine {
    return { set: (level) => this.controller.setLevel(source, level) };
  }

  private attachAll(rom: VirtDeviceOptions['rom']): void {
    const { bus } = this;
    bus.attach(MEMORY_MAP.rom.address, new Rom(MEMORY_MAP.rom.size, rom));
    bus.attach(MEMORY_MAP.test.address, new TestFinisher(this.ports));
    bus.attach(MEMORY_MAP.rtc.address, this.rtc);
    bus.attach(MEMORY_MAP.clint.address, this.clint);
    bus.attach(MEMORY_MAP.serial.address, this.serial);
    bus.attach(MEMORY_MAP.pcieConfiguration.address, this.bridge.ecam);
    bus.attach(MEMORY_MAP.pcieMemory.address, this.bridge.window);
    for (let slot = 0; slot < VIRTIO_SLOT_COUNT; slot++) {
      const { address, size } = MEMORY_MAP.virtio;
      bus.attach(address + slot * size, this.slots[slot] ?? new EmptyVirtioSlot());
    }
  }
}
