/**
 * What is put into a VM before its first instruction, as Linux for RISC-V expects it (Documentation/arch/riscv/
 * boot.rst): the image in RAM from 0x80000000, a device tree at the end of RAM, a0 = hart id, a1 = address of
 * the tree, VS-mode, satp = 0. The image is a guest of ours, assembled here, an ELF file, or a kernel with an
 * initial RAM disk. Left out: EFI.
 */
import { err, ok, type Result } from '../base/index.ts';
import {
  buildDeviceTree,
  cells,
  type DeviceTreeNode,
  empty,
  parseElf,
  text,
  wideCells,
} from '../formats/index.ts';
import { findGuestProgram, GUEST_PROGRAMS, KERNEL_ADDRESS } from '../guests/index.ts';
import { assemble, renderAssemblyError } from '../isa/assemble.ts';
import {
  DEFAULT_PROFILE,
  getProfile,
  type GuestProfileId,
} from '../isa/table/index.ts';
import type { Extension } from '../isa/table/row.ts';
import { GUEST_RAM_ADDRESS, type VmMemory } from '../memory/index.ts';
import { findKernelFault, findMisplaced, type NamedBytes, placeInitrd, placeKernel } from '../platform/boot-files.ts';
import { boardTreeBytes, cacheBlockProperties, extensionNames } from '../platform/device-tree.ts';
import type { VmError } from './vm-error.ts';

/** What runs in a VM. */
export type GuestImage =
  | { readonly kind: 'program'; readonly name: string }
  | { readonly kind: 'assembly'; readonly name: string; readonly source: string }
  | { readonly kind: 'elf'; readonly name: string; readonly bytes: Uint8Array }
  /** A kernel as boot loaders start it: an `Image` 2 MiB into RAM, or an ELF, with an initial RAM disk. */
  | { readonly kind: 'kernel'; readonly name: string; readonly bytes: Uint8Array; readonly initrd?: NamedBytes };

/** A part of an image. `bytes` at `address`, zeroes up to `size`. Guest physical. */
export interface ImageSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** An image that can be put into RAM. */
export interface BootImage {
  readonly name: string;
  readonly entry: number;
  readonly segments: readonly ImageSegment[];
  readonly ramBytesMin: number;
  /** Where its initial RAM disk lies, when it has one. Guest physical. */
  readonly initrd?: { readonly start: number; readonly end: number };
}

/** Reads or assembles an image; says what is wrong with it without touching any VM. `ramBytes`: where a RAM disk goes depends on it. */
export function prepareImage(
  image: GuestImage,
  profile: GuestProfileId = DEFAULT_PROFILE,
  ramBytes = 0,
): Result<BootImage, VmError> {
  switch (image.kind) {
    case 'program': {
      const program = findGuestProgram(image.name);
      if (program === undefined) {
        const known = GUEST_PROGRAMS.map((it) => it.name);
        return err({ kind: 'unknown-guest', found: image.name, known });
      }
      return assembleImage(program.name, program.source, program.ramBytesMin, DEFAULT_PROFILE);
    }
    case 'assembly':
      return assembleImage(image.name, image.source, 4096, profile);
    case 'kernel':
      return placeFiles(image, ramBytes);
    case 'elf': {
      const elf = parseElf(image.bytes, { name: image.name });
      if (!elf.ok) return err({ kind: 'bad-elf', error: elf.error });
      const { entry, segments, usesCompressed, floatAbi } = elf.value;
      const lacks = (extension: Extension) => !getProfile(profile).extensions.includes(extension);
      const refuse = (needs: string) => err({ kind: 'elf-extension' as const, file: image.name, needs, profile });
      if (usesCompressed && lacks('C')) return refuse('compressed instructions (C)');
      if (floatAbi === 'quad' || lacks(FLOAT_ABI_NEEDS[floatAbi])) return refuse(`the ${floatAbi}-float ABI`);
      return ok({
        name: image.name,
        entry,
        ramBytesMin: 4096,
        segments: segments.map((segment) => ({
          address: segment.physicalAddress,
          bytes: segment.bytes,
          size: segment.memorySize,
        })),
      });
    }
  }
}

/** A kernel and its RAM disk at their places, or what is wrong with one of them. */
function placeFiles(image: GuestImage & { readonly kind: 'kernel' }, ramBytes: number): Result<BootImage, VmError> {
  const fault = findKernelFault(image);
  if (fault !== undefined) return err({ kind: 'bad-boot-file', error: fault });
  const kernel = placeKernel(image);
  if (!kernel.ok) return err({ kind: 'bad-boot-file', error: kernel.error });
  const { entry } = kernel.value;
  const initrd = placeInitrd(image.initrd, ramBytes, entry);
  const pieces = [...kernel.value.pieces, ...(initrd === undefined ? [] : [initrd])];
  const misplaced = findMisplaced(image.name, ramBytes, pieces);
  if (misplaced !== undefined) return err({ kind: 'bad-boot-file', error: misplaced });
  return ok({
    name: image.name,
    entry,
    ramBytesMin: 4096,
    segments: pieces,
    ...(initrd === undefined ? {} : { initrd: { start: initrd.address, end: initrd.address + initrd.bytes.length } }),
  });
}

/** Extension that a float ABI passes its values in. */
const FLOAT_ABI_NEEDS = { soft: 'I', single: 'F', double: 'D' } as const satisfies Record<string, Extension>;

function assembleImage(
  name: string,
  source: string,
  ramBytesMin: number,
  profile: GuestProfileId,
): Result<BootImage, VmError> {
  const program = assemble(source, { origin: KERNEL_ADDRESS, name, profile });
  if (!program.ok) {
    const sentence = renderAssemblyError(program.error);
    return err({ kind: 'guest-does-not-assemble', guest: name, sentence });
  }
  const { bytes, origin } = program.value;
  return ok({
    name,
    entry: origin,
    ramBytesMin,
    segments: [{ address: origin, bytes, size: bytes.length }],
  });
}

/** Room at the end of RAM that holds the device tree. Unit: byte. */
export function deviceTreeRoom(tree: Uint8Array): number {
  return Math.ceil(tree.length / 4096) * 4096;
}

/** Whether an image and its device tree fit a VM's RAM of `ramBytes`. */
export function checkImage(
  image: BootImage,
  options: { readonly vm: string; readonly ramBytes: number; readonly treeBytes: number },
): Result<undefined, VmError> {
  const { ramBytes } = options;
  const end = GUEST_RAM_ADDRESS + ramBytes;
  const place = { file: image.name, ramStart: GUEST_RAM_ADDRESS, ramSize: ramBytes };
  for (const { address, size } of image.segments) {
    if (address < GUEST_RAM_ADDRESS || address + size > end) {
      return err({ kind: 'segment-outside-ram', address, size, ...place });
    }
  }
  if (image.entry < GUEST_RAM_ADDRESS || image.entry >= end) {
    return err({ kind: 'entry-outside-ram', entry: image.entry, ...place });
  }
  const last = Math.max(...image.segments.map(({ address, size }) => address + size));
  const needed = Math.max(image.ramBytesMin, last - GUEST_RAM_ADDRESS + options.treeBytes);
  if (needed > ramBytes) {
    return err({ kind: 'ram-too-small', vm: options.vm, found: ramBytes, needed });
  }
  return ok(undefined);
}

/**
 * The device tree of a VM: memory, cpus, chosen (Devicetree Specification 0.4 chapter 3; RISC-V bindings of Linux); with
 * devices, that of QEMU's `virt` machine.
 */
export function vmDeviceTree(options: {
  readonly ramBytes: number;
  readonly vcpuCount: number;
  readonly bootArguments: string;
  readonly profile?: GuestProfileId;
  readonly initrd?: { readonly start: number; readonly end: number } | undefined;
  readonly hasDevices?: boolean;
}): Uint8Array {
  const { ramBytes, vcpuCount, bootArguments, initrd } = options;
  if (options.hasDevices === true) {
    return boardTreeBytes({
      machine: 'guest', ramBytes, hartCount: vcpuCount, bootArguments, profile: options.profile ?? DEFAULT_PROFILE,
      ...(initrd === undefined ? {} : { initrd }),
    });
  }
  const profile = getProfile(options.profile ?? DEFAULT_PROFILE);
  const cpu = (index: number): DeviceTreeNode => ({
    name: `cpu@${index.toString(16)}`,
    properties: [
      text('device_type', 'cpu'),
      cells('reg', index),
      text('status', 'okay'),
      text('compatible', 'riscv'),
      text('riscv,isa', profile.isaString),
      text('riscv,isa-base', 'rv64i'),
      text('riscv,isa-extensions', ...extensionNames(profile.isaString)),
      ...cacheBlockProperties(profile),
      text('mmu-type', 'riscv,sv39'),
    ],
    children: [
      {
        name: 'interrupt-controller',
        properties: [
          cells('#address-cells', 0),
          cells('#interrupt-cells', 1),
          empty('interrupt-controller'),
          text('compatible', 'riscv,cpu-intc'),
          cells('phandle', index + 1),
        ],
        children: [],
      },
    ],
  });
  return buildDeviceTree({
    name: '',
    properties: [
      cells('#address-cells', 2),
      cells('#size-cells', 2),
      text('compatible', 'glasshouse,virtual-machine'),
      text('model', 'glasshouse virtual machine'),
    ],
    children: [
      {
        name: 'chosen',
        properties: [
          text('bootargs', options.bootArguments),
          text('stdout-path', '/'), // the SBI debug console: no node of its own
          ...(initrd === undefined
            ? []
            : [wideCells('linux,initrd-start', initrd.start), wideCells('linux,initrd-end', initrd.end)]),
        ],
        children: [],
      },
      {
        name: `memory@${GUEST_RAM_ADDRESS.toString(16)}`,
        properties: [
          text('device_type', 'memory'),
          wideCells('reg', GUEST_RAM_ADDRESS, options.ramBytes),
        ],
        children: [],
      },
      {
        name: 'cpus',
        properties: [
          cells('#address-cells', 1),
          cells('#size-cells', 0),
          cells('timebase-frequency', 10_000_000),
        ],
        children: Array.from({ length: options.vcpuCount }, (_, index) => cpu(index)),
      },
    ],
  });
}

/** Puts image and tree into RAM (all of it allocated); gives the tree's guest physical address. */
export function loadImage(memory: VmMemory, image: BootImage, tree: Uint8Array): number {
  for (const segment of image.segments) memory.write(segment.address, segment.bytes, 'hypervisor');
  const address = GUEST_RAM_ADDRESS + memory.pageCount * 4096 - deviceTreeRoom(tree);
  memory.write(address, tree, 'hypervisor');
  return address;
}
