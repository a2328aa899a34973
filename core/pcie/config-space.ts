/**
 * The configuration space of one PCI function: 4,096 bytes, a mask of the bits that software may
 * write, base address registers for memory, and capabilities. A type 0 header.
 * Left out: I/O space, 64-bit and prefetchable registers, expansion ROMs, extended capabilities, MSI-X.
 * Standard: PCI Local Bus 3.0 §6.1, §6.2, §6.7; PCI Express Base 5.0 §7.5.1.
 */
import { assert } from '../base/assert.ts';

export const CONFIG_SPACE_BYTES = 4096;
/** Bits of the command register (§6.2.2). */
export const pciCommand = { memorySpace: 2, busMaster: 4, interruptDisable: 0x400 } as const;
const STATUS_INTERRUPT = 0x08;
const STATUS_CAPABILITIES = 0x10;
const BAR_COUNT = 6;
const FIRST_CAPABILITY = 0x40;

/** What a function is. */
export interface PciIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  /** Class, subclass and interface: 24 bits. */
  readonly classCode: number;
  readonly revision: number;
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  /** 1 … 4 for INTA … INTD, 0 for none. */
  readonly interruptPin: number;
}

/** See the file's head. */
export class PciConfigSpace {
  private readonly bytes = new Uint8Array(CONFIG_SPACE_BYTES);
  private readonly writable = new Uint8Array(CONFIG_SPACE_BYTES);
  private readonly barBytes: number[] = new Array<number>(BAR_COUNT).fill(0);
  private nextCapability = FIRST_CAPABILITY;
  private lastLink = 0x34;

  constructor(identity: PciIdentity) {
    const view = new DataView(this.bytes.buffer);
    view.setUint16(0, identity.vendorId, true);
    view.setUint16(2, identity.deviceId, true);
    view.setUint32(8, identity.classCode * 256 + identity.revision, true);
    view.setUint16(0x2c, identity.subsystemVendorId, true);
    view.setUint16(0x2e, identity.subsystemId, true);
    view.setUint8(0x3d, identity.interruptPin);
    const masks = new DataView(this.writable.buffer);
    masks.setUint16(4, pciCommand.memorySpace | pciCommand.busMaster | pciCommand.interruptDisable, true);
    masks.setUint8(0x0c, 0xff); // cache line size
    masks.setUint8(0x3c, 0xff); // interrupt line
  }

  /** Makes a base address register for `byteCount` bytes of memory, a power of two from 16. */
  addMemoryBar(index: number, byteCount: number): void {
    assert(index >= 0 && index < BAR_COUNT && this.barBytes[index] === 0, 'a base address register is free');
    assert(byteCount >= 16 && byteCount <= 2 ** 31 && Number.isInteger(2 ** 31 / byteCount), 'a power of two');
    this.barBytes[index] = byteCount;
    new DataView(this.writable.buffer).setUint32(0x10 + index * 4, 2 ** 32 - byteCount, true);
  }

  /** Appends a capability: its id, the link, then `body`; gives its offset. */
  addCapability(id: number, body: Uint8Array): number {
    const at = this.nextCapability;
    assert(at + 2 + body.length <= 256, 'capabilities lie in the first 256 bytes');
    this.bytes[this.lastLink] = at;
    this.bytes[6]! |= STATUS_CAPABILITIES;
    this.bytes[at] = id;
    this.bytes.set(body, at + 2);
    this.lastLink = at + 1;
    this.nextCapability = Math.ceil((at + 2 + body.length) / 4) * 4;
    return at;
  }

  /** Lets software write all bits of a range. */
  makeWritable(offset: number, byteCount: number): void {
    this.writable.fill(0xff, offset, offset + byteCount);
  }

  /** The bytes at an offset, little endian; `byteCount` 1, 2 or 4. */
  read(offset: number, byteCount: number): number {
    let value = 0;
    for (let at = byteCount - 1; at >= 0; at--) value = value * 256 + this.bytes[offset + at]!;
    return value;
  }

  /** Writes what may be written. */
  write(offset: number, byteCount: number, value: number): void {
    let rest = value;
    for (let at = offset; at < offset + byteCount; at++) {
      const mask = this.writable[at]!;
      this.bytes[at] = (this.bytes[at]! & ~mask) | (rest & mask & 0xff);
      rest = Math.floor(rest / 256);
    }
  }

  /** What software may have written, for a record: the writable bits, of the bytes that have any, in their order. */
  written(): Uint8Array {
    const places = this.writablePlaces();
    return Uint8Array.from(places, (at) => this.bytes[at]! & this.writable[at]!);
  }

  /** Whether bytes are what {@link written} gives: no more, no fewer, and no bit that cannot be written. */
  fits(written: Uint8Array): boolean {
    const places = this.writablePlaces();
    return places.length === written.length && places.every((at, index) => (written[index]! & ~this.writable[at]!) === 0);
  }

  /** Puts back what {@link written} gave. */
  putWritten(written: Uint8Array): void {
    this.writablePlaces().forEach((at, index) => {
      this.bytes[at] = (this.bytes[at]! & ~this.writable[at]!) | written[index]!;
    });
  }

  private writablePlaces(): number[] {
    const places: number[] = [];
    this.writable.forEach((mask, at) => {
      if (mask !== 0) places.push(at);
    });
    return places;
  }

  /** Whether a bit of {@link pciCommand} is set. */
  commands(bit: number): boolean {
    return (this.read(4, 2) & bit) !== 0;
  }

  /** Notes in the status register that the function asserts its interrupt. */
  showInterrupt(level: boolean): void {
    this.bytes[6] = level ? this.bytes[6]! | STATUS_INTERRUPT : this.bytes[6]! & ~STATUS_INTERRUPT;
  }

  /** Bytes of a base address register, 0 when there is none. */
  barSize(index: number): number {
    return this.barBytes[index] ?? 0;
  }

  /** Address that a base address register claims; undefined: none, or memory space is off. */
  barAddress(index: number): number | undefined {
    if (this.barSize(index) === 0 || !this.commands(pciCommand.memorySpace)) return undefined;
    return this.read(0x10 + index * 4, 4);
  }
}
