/**
 * Where things are on the board and in VMs with devices: the memory map and interrupt numbers of QEMU's `virt`
 * machine (facts: QEMU 7.2 documentation, docs/system/riscv/virt.rst, and the device tree that it dumps).
 */

export const RAM_ADDRESS = 0x8000_0000;

/** A place in the physical address space. Unit: byte. */
export interface Place {
  readonly address: number;
  readonly size: number;
}

// biome-ignore format: a row a line
export const MEMORY_MAP = {
  rom:      { address: 0x1000,      size: 0xf000 },
  test:     { address: 0x10_0000,   size: 0x1000 },
  rtc:      { address: 0x10_1000,   size: 0x1000 },
  clint:    { address: 0x200_0000,  size: 0x1_0000 },
  plic:     { address: 0xc00_0000,  size: 0x60_0000 },
  aplicMachine:    { address: 0xc00_0000, size: 0x8000 }, // in the PLIC's place
  aplicSupervisor: { address: 0xd00_0000, size: 0x8000 },
  serial:   { address: 0x1000_0000, size: 0x100 },
  virtio:   { address: 0x1000_1000, size: 0x1000 }, // the first of VIRTIO_SLOT_COUNT, a page apart
  imsicMachine:      { address: 0x2400_0000, size: 0x1000 }, // of hart 0; others follow
  imsicSupervisor:   { address: 0x2800_0000, size: 0x1000 },
  pcieConfiguration: { address: 0x3000_0000, size: 0x1000_0000 }, // 1 MiB a bus
  pcieMemory:        { address: 0x4000_0000, size: 0x4000_0000 },
} as const satisfies Record<string, Place>;

export const VIRTIO_SLOT_COUNT = 8;

/** Sources of the interrupt controller. virtio slot n has number virtio + n. */
export const INTERRUPT = { virtio: 1, serial: 10, rtc: 11, pcie: 32 } as const; // pcie: INTA … INTD
export const SOURCE_COUNT = 96;
/** Identities of an interrupt file. */
export const IDENTITY_COUNT = 255;

/** Bits of mip that the board's wires drive (RISC-V Privileged 20240411 §3.1.9). */
export const hartLine = { software: 3, timer: 7, supervisorExternal: 9, machineExternal: 11 } as const;

/** Guest interrupt files of each hart that has both the H extension and the AIA, else none. */
export function guestFileCountOf(extensions: readonly string[]): number {
  return extensions.includes('H') && extensions.includes('Smaia') ? 3 : 0;
}

/** log2 of the pages that a hart's interrupt files of supervisor level take: its own and those of its guests. */
export function guestIndexBits(guestFileCount: number): number {
  return 32 - Math.clz32(guestFileCount);
}

/** Interrupt controllers, by the names of QEMU's machine option `aia`; none: a PLIC. */
export const AIA_CHOICES = ['none', 'aplic', 'aplic-imsic'] as const;
export type AiaChoice = (typeof AIA_CHOICES)[number];
