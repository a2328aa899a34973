/**
 * Where files lie in RAM before the first instruction: a kernel, an initial RAM disk, a device tree. Places as QEMU's
 * `virt` machine chooses them (facts: QEMU 7.2 documentation, hw/riscv/boot.c): the kernel 2 MiB into
 * RAM, the RAM disk half way (at most 128 MiB behind the kernel), the device tree in the last whole 2 MiB of
 * RAM. For the board and for VMs alike.
 */
import { err, ok, type Result } from '../base/result.ts';
import { type DeviceTreeError, type ElfError, parseElf, renderDeviceTreeError, renderElfError } from '../formats/index.ts';
import { RAM_ADDRESS } from './memory-map.ts';

/** A file: its name for sentences, and its bytes. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Bytes for RAM; what follows `bytes` up to `size` is zeroes. */
export interface BootPiece {
  readonly what: string;
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** Why a machine cannot be made from these files. */
export type BootError =
  | { readonly kind: 'bad-elf'; readonly error: ElfError }
  | { readonly kind: 'bad-tree'; readonly file: string; readonly error: DeviceTreeError }
  | { readonly kind: 'outside-ram'; readonly file: string; readonly what: string; readonly address: number; readonly size: number; readonly ramBytes: number }
  | { readonly kind: 'overlap'; readonly first: string; readonly second: string; readonly address: number }
  | { readonly kind: 'empty-file'; readonly file: string }
  | { readonly kind: 'not-a-kernel'; readonly file: string; readonly found: string };

const MIB = 1024 * 1024;
/** A kernel for RV64 lies at a multiple of 2 MiB (Linux Documentation/arch/riscv/boot.rst). */
export const KERNEL_OFFSET = 2 * MIB;
const INITRD_OFFSET_MAX = 128 * MIB;
const HEADER_BYTES = 64;
/** magic2: 'RSC\x05'. */
const IMAGE_MAGIC = 0x0543_5352;
/** A kernel in RAM. */
export interface PlacedKernel {
  readonly entry: number;
  readonly pieces: readonly BootPiece[];
}

/** An ELF where it says; else a flat file 2 MiB into RAM, with the zeroes that an `Image` states. */
export function placeKernel(kernel: NamedBytes): Result<PlacedKernel, BootError> {
  const { name, bytes } = kernel;
  if (bytes.length === 0) return err({ kind: 'empty-file', file: name });
  if (bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46) {
    const elf = parseElf(bytes, { name });
    if (!elf.ok) return err({ kind: 'bad-elf', error: elf.error });
    const pieces = elf.value.segments.map((it) => ({ what: name, address: it.physicalAddress, bytes: it.bytes, size: it.memorySize }));
    return ok({ entry: elf.value.entry, pieces });
  }
  const entry = RAM_ADDRESS + KERNEL_OFFSET;
  return ok({ entry, pieces: [{ what: name, address: entry, bytes, size: imageSize(bytes) }] });
}

/**
 * Why a file is neither an ELF nor an `Image` that this machine can start; undefined when it is one. Header: Linux
 * Documentation/arch/riscv/boot-image-header.rst; version 0.2, flags bit 0: big endian.
 */
export function findKernelFault({ name: file, bytes }: NamedBytes): BootError | undefined {
  if (bytes.length === 0) return { kind: 'empty-file', file };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4 && view.getUint32(0) === 0x7f45_4c46) return undefined;
  const fault = (found: string): BootError => ({ kind: 'not-a-kernel', file, found });
  if (bytes.length < HEADER_BYTES) return fault(`${bytes.length} bytes`);
  if (view.getUint16(0) === 0x1f8b) return fault('a gzip file, which must be unpacked first');
  const magic = view.getUint32(56, true);
  if (magic !== IMAGE_MAGIC) return fault(`${hexadecimal(magic)} in place of ${hexadecimal(IMAGE_MAGIC)} at byte 56`);
  if ((view.getUint32(24, true) & 1) !== 0) return fault('a big-endian kernel');
  const major = view.getUint32(32, true) >>> 16;
  if (major !== 0) return fault(`version ${major} of the header`);
  const offset = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
  if (offset !== KERNEL_OFFSET) return fault(`a load offset of ${offset} in place of ${KERNEL_OFFSET} bytes`);
  return undefined;
}

/** Bytes that a kernel image takes, its zeroes included: image_size of its header when it has one (boot-image-header.rst). */
function imageSize(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hasHeader = bytes.length >= HEADER_BYTES && view.getUint32(56, true) === IMAGE_MAGIC;
  if (!hasHeader) return bytes.length;
  const stated = view.getUint32(16, true) + view.getUint32(20, true) * 2 ** 32;
  return Math.max(bytes.length, Math.min(stated, 2 ** 52));
}

/** Half way into RAM, at most 128 MiB behind the kernel. */
export function placeInitrd(initrd: NamedBytes | undefined, ramBytes: number, kernelEntry: number): BootPiece | undefined {
  if (initrd === undefined) return undefined;
  const behind = Math.min(Math.floor(ramBytes / 2), INITRD_OFFSET_MAX);
  const address = Math.ceil((kernelEntry + behind) / 4096) * 4096;
  return { what: initrd.name, address, bytes: initrd.bytes, size: initrd.bytes.length };
}

/** At the last multiple of 2 MiB where it fits; in small RAM at its last pages. */
export function placeTree(ramBytes: number, tree: Uint8Array, pieces: readonly BootPiece[]): number {
  const end = RAM_ADDRESS + ramBytes;
  const wide = Math.floor((end - tree.length) / (2 * MIB)) * 2 * MIB;
  const isFree = pieces.every(({ address, size }) => wide >= address + size || wide + tree.length <= address);
  return wide >= RAM_ADDRESS && isFree ? wide : Math.floor((end - tree.length) / 4096) * 4096;
}

/** The first piece outside RAM, or two that lie over each other. `file`: whose machine it is, for the sentence. */
export function findMisplaced(file: string, ramBytes: number, pieces: readonly BootPiece[]): BootError | undefined {
  const sorted = pieces.toSorted((left, right) => left.address - right.address);
  for (const { what, address, size } of sorted) {
    if (address >= RAM_ADDRESS && address + size <= RAM_ADDRESS + ramBytes) continue;
    return { kind: 'outside-ram', file, what, address, size, ramBytes };
  }
  for (let index = 1; index < sorted.length; index++) {
    const [first, second] = [sorted[index - 1]!, sorted[index]!];
    if (first.address + first.size <= second.address) continue;
    return { kind: 'overlap', first: first.what, second: second.what, address: second.address };
  }
  return undefined;
}

const hexadecimal = (value: number) => `0x${value.toString(16)}`;

/** One sentence: what was expected, what was found, where. */
export function renderBootError(error: BootError): string {
  switch (error.kind) {
    case 'bad-elf':
      return renderElfError(error.error);
    case 'bad-tree':
      return renderDeviceTreeError(error.error, error.file);
    case 'outside-ram': {
      const ram = `${hexadecimal(RAM_ADDRESS)} to ${hexadecimal(RAM_ADDRESS + error.ramBytes)}`;
      return `${error.file}: ${error.what} takes ${error.size} bytes at ${hexadecimal(error.address)}, outside RAM (${ram}).`;
    }
    case 'overlap':
      return `${error.first} and ${error.second} overlap at ${hexadecimal(error.address)}; more RAM may help.`;
    case 'empty-file':
      return `${error.file}: the file is empty.`;
    case 'not-a-kernel':
      return `${error.file} is no kernel: an ELF file or a RISC-V Image was expected, found ${error.found}.`;
  }
}
