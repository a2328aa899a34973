/**
 * What lies where before the first instruction: the program's segments, a kernel behind firmware, an
 * initial RAM disk, the device tree (places: core/platform/boot-files.ts), and what the registers say.
 * Firmware that asks for it finds the next stage in a record of version 2 (OpenSBI,
 * docs/firmware/fw_dynamic.md).
 */
import { err, ok, type Result } from '../base/result.ts';
import { type ElfSymbol, parseDeviceTree, parseElf } from '../formats/index.ts';
import type { HartProfileId } from '../isa/table/index.ts';
import { type BootError, type BootPiece, findMisplaced, KERNEL_OFFSET, type NamedBytes, placeInitrd, placeKernel, placeTree } from '../platform/boot-files.ts';
import { boardTreeBytes } from '../platform/device-tree.ts';
import { type AiaChoice, MEMORY_MAP, RAM_ADDRESS } from '../platform/memory-map.ts';

export { type BootError, type NamedBytes, renderBootError } from '../platform/boot-files.ts';

export interface BootRequest {
  /** The program that harts start in, in M mode. */
  readonly program: NamedBytes;
  /** A kernel `Image`, or an ELF, that the program (then firmware) goes on to. */
  readonly kernel?: NamedBytes;
  readonly initrd?: NamedBytes;
  readonly bootArguments?: string;
  /** A device tree to hand over as it is, in place of the board's own; it says by itself where a RAM disk lies. */
  readonly deviceTree?: NamedBytes;
  readonly ramBytes: number;
  readonly hartCount: number;
  readonly profile: HartProfileId;
  readonly aia?: AiaChoice;
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

/** The record stands behind ten words, where QEMU's reset code is. */
const RECORD_OFFSET = 0x28;
const RECORD_MAGIC = 0x4942_534fn; // 'OSBI'
const RECORD_VERSION = 2n;
const NEXT_MODE_SUPERVISOR = 1n;

/** Lays everything out, or says what does not fit. */
export function layOutBoot(request: BootRequest): Result<BootImage, BootError> {
  const program = parseElf(request.program.bytes, { name: request.program.name, base: RAM_ADDRESS });
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
  const initrd = placeInitrd(request.initrd, request.ramBytes, kernel.value?.entry ?? RAM_ADDRESS + KERNEL_OFFSET);
  if (initrd !== undefined) pieces.push(initrd);
  const made = treeOf(request, initrd);
  if (!made.ok) return made;
  const tree = made.value;
  const treeAddress = placeTree(request.ramBytes, tree, pieces);
  pieces.push({ what: request.deviceTree?.name ?? 'the device tree', address: treeAddress, bytes: tree, size: tree.length });
  const fault = findMisplaced(request.program.name, request.ramBytes, pieces);
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

/** The tree that was given, when it is one, else the board's own. */
function treeOf(request: BootRequest, initrd: BootPiece | undefined): Result<Uint8Array, BootError> {
  const { deviceTree: given } = request;
  if (given !== undefined) {
    const parsed = parseDeviceTree(given.bytes);
    return parsed.ok ? ok(given.bytes) : err({ kind: 'bad-tree', file: given.name, error: parsed.error });
  }
  const tree = boardTreeBytes({
    ramBytes: request.ramBytes,
    hartCount: request.hartCount,
    profile: request.profile,
    bootArguments: request.bootArguments ?? '',
    ...(request.aia === undefined ? {} : { aia: request.aia }),
    ...(initrd === undefined ? {} : { initrd: { start: initrd.address, end: initrd.address + initrd.bytes.length } }),
  });
  return ok(tree);
}

/** The record: magic, version, address and mode of the next stage, options, boot hart (doublewords). */
function nextStage(entry: number): Uint8Array {
  const record = [RECORD_MAGIC, RECORD_VERSION, BigInt(entry), NEXT_MODE_SUPERVISOR, 0n, 0n];
  const bytes = new Uint8Array(record.length * 8);
  const view = new DataView(bytes.buffer);
  record.forEach((word, index) => void view.setBigUint64(index * 8, word, true));
  return bytes;
}
