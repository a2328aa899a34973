/**
 * What lies where before the first instruction: the program's segments, a kernel behind firmware, an
 * initial RAM disk, the device tree, and what the registers say. Places as QEMU's `virt` machine
 * chooses them (facts: QEMU 7.2 documentation, hw/riscv/boot.c): the kernel 2 MiB into RAM, the
 * RAM disk half way (at most 128 MiB behind the kernel), the device tree in the last whole 2 MiB of RAM.
 * Firmware that asks for it finds the next stage in a record of version 2 (OpenSBI,
 * docs/firmware/fw_dynamic.md).
 */
import { err, ok, type Result } from '../base/result.ts';
import { type ElfError, type ElfSymbol, parseElf, renderElfError } from '../formats/index.ts';
import type { HartProfileId } from '../isa/table/index.ts';
import { boardTreeBytes } from './device-tree.ts';
import type { AiaChoice } from './interrupt-controller.ts';
import { MEMORY_MAP, RAM_ADDRESS } from './memory-map.ts';

/** A file: its name for sentences, and its bytes. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface BootRequest {
  /** The program that harts start in, in M mode. */
  readonly program: NamedBytes;
  /** A kernel `Image`, or an ELF, that the program (then firmware) goes on to. */
  readonly kernel?: NamedBytes;
  readonly initrd?: NamedBytes;
  readonly bootArguments?: string;
  readonly ramBytes: number;
  readonly hartCount: number;
  readonly profile: HartProfileId;
  readonly aia?: AiaChoice;
}

/** Bytes for RAM; what follows `bytes` up to `size` is zeroes. */
export interface BootPiece {
  readonly what: string;
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly size: number;
}

export interface BootImage {
  readonly entry: number;
  readonly pieces: readonly BootPiece[];
  /** Where a1 points. */
  readonly treeAddress: number;
  readonly tree: Uint8Array;
  /** Where a2 points: the record for firmware, in ROM. */
  readonly nextStageAddress: number;
  readonly rom: { readonly offset: number; readonly bytes: Uint8Array };
  readonly symbols: readonly ElfSymbol[];
}

/** Why a machine cannot be made from these files. */
export type BootError =
  | { readonly kind: 'bad-elf'; readonly error: ElfError }
  | { readonly kind: 'outside-ram'; readonly file: string; readonly what: string; readonly address: number; readonly size: number; readonly ramBytes: number }
  | { readonly kind: 'overlap'; readonly first: string; readonly second: string; readonly address: number }
  | { readonly kind: 'empty-file'; readonly file: string };

const MIB = 1024 * 1024;
/** A kernel for RV64 lies at a multiple of 2 MiB (Linux Documentation/arch/riscv/boot.rst). */
const KERNEL_OFFSET = 2 * MIB;
const INITRD_OFFSET_MAX = 128 * MIB;
/** The record stands behind ten words, where QEMU's reset code is. */
const RECORD_OFFSET = 0x28;
const RECORD_MAGIC = 0x4942_534fn; // 'OSBI'
const RECORD_VERSION = 2n;
const NEXT_MODE_SUPERVISOR = 1n;

/** Lays everything out, or says what does not fit. */
export function layOutBoot(request: BootRequest): Result<BootImage, BootError> {
  const program = parseElf(request.program.bytes, { name: request.program.name });
  if (!program.ok) return err({ kind: 'bad-elf', error: program.error });
  const pieces: BootPiece[] = program.value.segments.map(({ physicalAddress, bytes, memorySize }) => ({
    what: request.program.name,
    address: physicalAddress,
    bytes,
    size: memorySize,
  }));
  const kernel = request.kernel === undefined ? ok(undefined) : placeKernel(request.kernel);
  if (!kernel.ok) return kernel;
  if (kernel.value !== undefined) pieces.push(...kernel.value.pieces);
  const initrd = placeInitrd(request, kernel.value?.entry ?? RAM_ADDRESS + KERNEL_OFFSET);
  if (initrd !== undefined) pieces.push(initrd);
  const tree = boardTreeBytes({
    ramBytes: request.ramBytes,
    hartCount: request.hartCount,
    profile: request.profile,
    bootArguments: request.bootArguments ?? '',
    ...(request.aia === undefined ? {} : { aia: request.aia }),
    ...(initrd === undefined ? {} : { initrd: { start: initrd.address, end: initrd.address + initrd.bytes.length } }),
  });
  const treeAddress = placeTree(request.ramBytes, tree, pieces);
  pieces.push({ what: 'the device tree', address: treeAddress, bytes: tree, size: tree.length });
  const fault = findMisplaced(request, pieces);
  if (fault !== undefined) return err(fault);
  return ok({
    entry: program.value.entry,
    pieces,
    treeAddress,
    tree,
    nextStageAddress: MEMORY_MAP.rom.address + RECORD_OFFSET,
    rom: { offset: RECORD_OFFSET, bytes: nextStage(kernel.value?.entry ?? 0) },
    symbols: program.value.symbols,
  });
}

interface PlacedKernel {
  readonly entry: number;
  readonly pieces: readonly BootPiece[];
}

function placeKernel(kernel: NamedBytes): Result<PlacedKernel, BootError> {
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

/** Bytes that a kernel image takes, its zeroes included: image_size of its header when it has one (boot-image-header.rst). */
function imageSize(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hasHeader = bytes.length >= 64 && view.getUint32(56, true) === 0x0543_5352; // 'RSC\x05'
  if (!hasHeader) return bytes.length;
  const stated = view.getUint32(16, true) + view.getUint32(20, true) * 2 ** 32;
  return Math.max(bytes.length, Math.min(stated, 2 ** 52));
}

function placeInitrd(request: BootRequest, kernelEntry: number): BootPiece | undefined {
  const { initrd, ramBytes } = request;
  if (initrd === undefined) return undefined;
  const behind = Math.min(Math.floor(ramBytes / 2), INITRD_OFFSET_MAX);
  const address = Math.ceil((kernelEntry + behind) / 4096) * 4096;
  return { what: initrd.name, address, bytes: initrd.bytes, size: initrd.bytes.length };
}

/** At the last multiple of 2 MiB where it fits; in small RAM at its last pages. */
function placeTree(ramBytes: number, tree: Uint8Array, pieces: readonly BootPiece[]): number {
  const end = RAM_ADDRESS + ramBytes;
  const wide = Math.floor((end - tree.length) / (2 * MIB)) * 2 * MIB;
  const isFree = pieces.every(({ address, size }) => wide >= address + size || wide + tree.length <= address);
  return wide >= RAM_ADDRESS && isFree ? wide : Math.floor((end - tree.length) / 4096) * 4096;
}

function findMisplaced(request: BootRequest, pieces: readonly BootPiece[]): BootError | undefined {
  const { ramBytes } = request;
  const sorted = pieces.toSorted((left, right) => left.address - right.address);
  for (const { what, address, size } of sorted) {
    if (address >= RAM_ADDRESS && address + size <= RAM_ADDRESS + ramBytes) continue;
    return { kind: 'outside-ram', file: request.program.name, what, address, size, ramBytes };
  }
  for (let index = 1; index < sorted.length; index++) {
    const [first, second] = [sorted[index - 1]!, sorted[index]!];
    if (first.address + first.size <= second.address) continue;
    return { kind: 'overlap', first: first.what, second: second.what, address: second.address };
  }
  return undefined;
}

/** The record: magic, version, address and mode of the next stage, options, boot hart (doublewords). */
function nextStage(entry: number): Uint8Array {
  const record = [RECORD_MAGIC, RECORD_VERSION, BigInt(entry), NEXT_MODE_SUPERVISOR, 0n, 0n];
  const bytes = new Uint8Array(record.length * 8);
  const view = new DataView(bytes.buffer);
  record.forEach((word, index) => void view.setBigUint64(index * 8, word, true));
  return bytes;
}

const hexadecimal = (value: number) => `0x${value.toString(16)}`;

/** One sentence: what was expected, what was found, where. */
export function renderBootError(error: BootError): string {
  switch (error.kind) {
    case 'bad-elf':
      return renderElfError(error.error);
    case 'outside-ram': {
      const ram = `${hexadecimal(RAM_ADDRESS)} to ${hexadecimal(RAM_ADDRESS + error.ramBytes)}`;
      return `${error.file}: ${error.what} takes ${error.size} bytes at ${hexadecimal(error.address)}, outside RAM (${ram}).`;
    }
    case 'overlap':
      return `${error.first} and ${error.second} overlap at ${hexadecimal(error.address)}; more RAM may help.`;
    case 'empty-file':
      return `${error.file}: the file is empty.`;
  }
}
