/**
 * A host bridge with one bus: configuration through ECAM, memory of functions through one window, and
 * the four interrupt wires. Device 0 is the bridge itself, known to operating systems as QEMU's.
 * Left out: bridges behind it, functions beside 0, I/O space, MSI-X, hot plug, SR-IOV.
 * Standard: PCI Express Base 5.0 §7.2.2 (ECAM); PCI-to-PCI Bridge 1.2 §9.1 (which wire a pin reaches).
 */
import { assert } from '../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, wrongField } from '../base/record-shape.ts';
import { ok, type Result } from '../base/result.ts';
import type { BusDevice, InterruptLine } from '../machine/index.ts';
import { PciConfigSpace, pciCommand } from './config-space.ts';

/** Devices of a bus, the bridge included. */
const DEVICES = 32;
const BARS = 6;
const FUNCTION_BYTES = 0x1000;
/** What an address answers that nobody claims. */
const ALL_ONES = 0xffff_ffff;

/** A function on the bus. Offsets within its register; widths 1, 2 and 4. */
export interface PciFunction {
  readonly name: string;
  readonly config: PciConfigSpace;
  readBar(bar: number, offset: number, byteCount: number): number;
  writeBar(bar: number, offset: number, byteCount: number, value: number): void;
  /** Configuration as software sees it: most functions answer from `config`. */
  readConfig(offset: number, byteCount: number): number;
  writeConfig(offset: number, byteCount: number, value: number): void;
  /** Told once: whom to tell of the interrupt pin's level. */
  connect(pin: InterruptLine): void;
}

/** Where the bridge lies, and the wires INTA … INTD of its root. */
export interface HostBridgeOptions {
  readonly windowAddress: number;
  readonly windowBytes: number;
  /** Buses that the ECAM window holds; each takes 1 MiB. Only bus 0 has devices. */
  readonly buses: number;
  readonly interrupts: readonly [InterruptLine, InterruptLine, InterruptLine, InterruptLine];
}

/** Functions have records of their own; which pins are asserted follows from them. */
const RECORD = {
  name: 'pcieBridge', version: 1,
  fields: [{ name: 'config', width: 'bytes', since: 1 }], // what software may write of the bridge's own configuration space
} as const satisfies RecordShape;

/** One function's pin, joined with others to the bridge's wires. */
class Pin implements InterruptLine {
  private readonly bridge: PcieHostBridge;
  private readonly device: number;

  constructor(bridge: PcieHostBridge, device: number) {
    this.bridge = bridge;
    this.device = device;
  }

  set(level: boolean): void {
    this.bridge.setPin(this.device, level);
  }
}

/** See the file's head. */
export class PcieHostBridge implements Recorded {
  static readonly [checkpointRules]: CheckpointRules = { interrupts: 'outside' };
  /** Configuration space of all functions: attach it to the memory bus. */
  readonly ecam: BusDevice;
  /** Memory of functions: attach it to the memory bus at the window's address. */
  readonly window: BusDevice;
  private readonly functions = new Array<PciFunction | undefined>(DEVICES).fill(undefined);
  private readonly own = new PciConfigSpace({
    vendorId: 0x1b36, deviceId: 0x0008, classCode: 0x06_00_00, revision: 0,
    subsystemVendorId: 0x1af4, subsystemId: 0x1100, interruptPin: 0,
  });
  private readonly windowAddress: number;
  private readonly interrupts: readonly InterruptLine[];
  /** Devices whose pin is asserted, a bit each. */
  private asserted = 0;

  constructor(options: HostBridgeOptions) {
    this.windowAddress = options.windowAddress;
    this.interrupts = options.interrupts;
    this.ecam = new Ecam(this, options.buses);
    this.window = new Window(this, options.windowBytes);
  }

  /** Puts a function into a device's place, 1 … 31. */
  attach(device: number, it: PciFunction): void {
    assert(device >= 1 && device < DEVICES && this.functions[device] === undefined, 'a place on the bus is free');
    this.functions[device] = it;
    it.connect(new Pin(this, device));
  }

  /** All functions, in the order of their places. */
  all(): readonly PciFunction[] {
    return this.functions.filter((it) => it !== undefined);
  }

  readConfig(offset: number, byteCount: number): number {
    const device = (offset >> 15) & 31;
    const within = offset % FUNCTION_BYTES;
    const absent = offset >= DEVICES << 15 || ((offset >> 12) & 7) !== 0;
    if (absent) return ALL_ONES % 256 ** byteCount;
    if (device === 0) return this.own.read(within, byteCount);
    return this.functions[device]?.readConfig(within, byteCount) ?? ALL_ONES % 256 ** byteCount;
  }

  writeConfig(offset: number, byteCount: number, value: number): void {
    if (offset >= DEVICES << 15 || ((offset >> 12) & 7) !== 0) return;
    const device = (offset >> 15) & 31;
    const within = offset % FUNCTION_BYTES;
    if (device === 0) this.own.write(within, byteCount, value);
    else this.functions[device]?.writeConfig(within, byteCount, value);
    this.joinWires(); // a command register may have silenced a pin
  }

  /** Calls `reach` with the function, register and offset that claim an address of the window. */
  claim<T>(offset: number, byteCount: number, reach: (it: PciFunction, bar: number, offset: number) => T): T | undefined {
    const address = this.windowAddress + offset;
    for (const it of this.functions) {
      if (it === undefined) continue;
      for (let bar = 0; bar < BARS; bar++) {
        const start = it.config.barAddress(bar);
        if (start === undefined || address < start || address + byteCount > start + it.config.barSize(bar)) continue;
        return reach(it, bar, address - start);
      }
    }
    return undefined;
  }

  /** A function's pin rises or falls. */
  setPin(device: number, level: boolean): void {
    this.asserted = (level ? this.asserted | (1 << device) : this.asserted & ~(1 << device)) >>> 0;
    this.joinWires();
  }

  /** Pin p of device d reaches wire (d + p) mod 4; a wire is high while any pin on it is. */
  private joinWires(): void {
    const levels = [false, false, false, false];
    for (let device = 1; device < DEVICES; device++) {
      const it = this.functions[device];
      if (it === undefined) continue;
      const level = (this.asserted & (1 << device)) !== 0;
      it.config.showInterrupt(level);
      const pin = it.config.read(0x3d, 1);
      if (level && pin > 0 && !it.config.commands(pciCommand.interruptDisable)) levels[(device + pin - 1) % 4] = true;
    }
    for (let wire = 0; wire < 4; wire++) this.interrupts[wire]!.set(levels[wire]!);
  }

  saveRecord(): Uint8Array {
    return encodeRecord(RECORD, { config: this.own.written() });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { config } = read.value;
    if (!this.own.fits(config)) return wrongField(RECORD, 'config', config.length);
    return ok(() => {
      this.own.putWritten(config);
      this.joinWires();
    });
  }
}

/** The ECAM window: bus, device and function in the address (§7.2.2). */
class Ecam implements BusDevice {
  readonly name = 'pcie configuration';
  readonly size: number;
  readonly widths = 7;
  private readonly bridge: PcieHostBridge;

  constructor(bridge: PcieHostBridge, buses: number) {
    this.bridge = bridge;
    this.size = buses << 20;
  }

  read(offset: number, byteCount: number): number {
    return this.bridge.readConfig(offset, byteCount);
  }

  write(offset: number, byteCount: number, value: number): boolean {
    this.bridge.writeConfig(offset, byteCount, value);
    return true;
  }
}

/** The memory window: an address that no function claims reads as ones and takes no writes. */
class Window implements BusDevice {
  readonly name = 'pcie memory';
  readonly size: number;
  readonly widths = 15;
  private readonly bridge: PcieHostBridge;

  constructor(bridge: PcieHostBridge, byteCount: number) {
    this.bridge = bridge;
    this.size = byteCount;
  }

  read(offset: number, byteCount: number): number {
    const value = this.bridge.claim(offset, byteCount, (it, bar, at) => it.readBar(bar, at, byteCount));
    return value ?? ALL_ONES % 256 ** byteCount;
  }

  write(offset: number, byteCount: number, value: number): boolean {
    this.bridge.claim(offset, byteCount, (it, bar, at) => it.writeBar(bar, at, byteCount, value));
    return true;
  }
}
