/**
 * The physical address space outside RAM: which device answers which address. A device is a window
 * of registers; the bus refuses what its row of widths does not allow, so a device sees aligned
 * accesses of its own widths only. A refusal is an access fault of the hart (RISC-V Privileged
 * 20240411 §3.6, vacant regions and unsupported widths), never an exception of ours.
 */
import { assert } from '../base/assert.ts';

/** Register windows as the bus sees them. */
export interface BusDevice {
  /** For inspectors: 'serial', 'plic'. */
  readonly name: string;
  /** Bytes of the window. */
  readonly size: number;
  /** Widths that it takes, as a sum of 1, 2, 4, 8 (bytes). */
  readonly widths: number;
  /**
   * The register at `offset` (0 … size − byteCount, a multiple of byteCount), 0 … 2^32 − 1;
   * undefined is an access fault. `byteCount` is 1, 2 or 4.
   */
  read(offset: number, byteCount: number): number | undefined;
  /** Writes it, value 0 … 2^32 − 1; false is an access fault. */
  write(offset: number, byteCount: number, value: number): boolean;
}

/** A wire from a device to an interrupt controller. */
export interface InterruptLine {
  set(level: boolean): void;
}

/** Direct memory access of a device: guest physical addresses, all or nothing. */
export interface DmaPort {
  /** A copy; undefined when a byte of it is no RAM. */
  read(address: number, byteCount: number): Uint8Array | undefined;
  /** False (and nothing written) when a byte of it is no RAM. */
  write(address: number, bytes: Uint8Array): boolean;
}

/** A device at its place. */
export interface BusWindow {
  readonly address: number;
  readonly device: BusDevice;
}

/** A value of up to 64 bits as two unsigned halves. */
export interface BusValue {
  low: number;
  high: number;
}

export class Bus {
  /** Ascending by address. */
  private readonly placed: BusWindow[] = [];

  /** Puts a device at an address; windows do not overlap. */
  attach(address: number, device: BusDevice): void {
    assert(Number.isSafeInteger(address + device.size) && address >= 0, 'a window below 2^53');
    const free = this.placed.every(
      (other) =>
        address + device.size <= other.address || other.address + other.device.size <= address,
    );
    assert(free, `${device.name} lies where another device is`);
    this.placed.push({ address, device });
    this.placed.sort((left, right) => left.address - right.address);
  }

  /** All windows, ascending by address. */
  windows(): readonly BusWindow[] {
    return this.placed;
  }

  /** The device whose window holds `address`, or undefined. */
  find(address: number): BusWindow | undefined {
    let low = 0;
    let high = this.placed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const place = this.placed[middle]!;
      if (address < place.address) high = middle;
      else if (address >= place.address + place.device.size) low = middle + 1;
      else return place;
    }
    return undefined;
  }

  /** Reads 1, 2, 4 or 8 bytes into `into`; false is an access fault (`into` then holds nothing). */
  read(address: number, byteCount: number, into: BusValue): boolean {
    const place = this.reach(address, byteCount);
    if (place === undefined) return false;
    const offset = address - place.address;
    const { device } = place;
    const low = device.read(offset, Math.min(byteCount, 4));
    if (low === undefined) return false;
    const high = byteCount === 8 ? device.read(offset + 4, 4) : 0;
    if (high === undefined) return false;
    into.low = low;
    into.high = high;
    return true;
  }

  /** Writes the low 1, 2, 4 or 8 bytes of `high`:`low`; false is an access fault. */
  write(address: number, byteCount: number, low: number, high: number): boolean {
    const place = this.reach(address, byteCount);
    if (place === undefined) return false;
    const offset = address - place.address;
    const { device } = place;
    const mask = byteCount >= 4 ? 0xffff_ffff : 2 ** (8 * byteCount) - 1;
    if (!device.write(offset, Math.min(byteCount, 4), (low & mask) >>> 0)) return false;
    return byteCount !== 8 || device.write(offset + 4, 4, high >>> 0);
  }

  private reach(address: number, byteCount: number): BusWindow | undefined {
    const place = this.find(address);
    if (place === undefined || address % byteCount !== 0) return undefined;
    const { device } = place;
    const fits = address - place.address + byteCount <= device.size;
    return fits && (device.widths & byteCount) !== 0 ? place : undefined;
  }
}
