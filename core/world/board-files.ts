/**
 * What a board of a scenario starts from: the files in the bundle beside the scenario, or the one file there. Checked before
 * a world is built and used again when it is; both see the same.
 */
import { err, ok, type Result } from '../base/index.ts';
import { type BootImage, type BootRequest, type HartProfileId, layOutBoot, renderBootError } from '../board/index.ts';
import { type BlockImage, isBundle, openDiskBytes, type OverlayStore, readBundle } from '../formats/index.ts';
import { getProfile } from '../isa/table/index.ts';
import { type AiaChoice, VIRTIO_SLOT_COUNT } from '../platform/memory-map.ts';
import type { ScenarioBoard, ScenarioProgram } from '../protocol/scenario.ts';

/** Why a board cannot start: the field of its row and one sentence. */
export interface BoardFault {
  readonly field: string;
  readonly sentence: string;
}

/** What a board is made of. */
export interface BoardParts {
  readonly image: BootImage;
  /** In the order of their slots; each an overlay over the file's bytes. */
  readonly disks: readonly { readonly image: BlockImage; readonly store: OverlayStore }[];
}

export const PAGE_SIZE = 4096;

/** The board's option of QEMU's name. */
export function aiaOf(interrupts: ScenarioBoard['interrupts']): AiaChoice {
  return interrupts === 'plic' ? 'none' : interrupts;
}

/** Slots that a board fills: its disks, a network card, a source of random bytes. */
function slotCount(boot: ScenarioProgram): number {
  return boot.disks.length + (boot.network ? 1 : 0) + 1;
}

/** The files that a board may name: those of a bundle, or the one file under the program's name. */
function filesOf(boot: ScenarioProgram, bytes: Uint8Array): Result<ReadonlyMap<string, Uint8Array>, BoardFault> {
  if (!isBundle(bytes)) return ok(new Map([[boot.program, bytes]]));
  const bundle = readBundle(bytes);
  return bundle.ok ? ok(bundle.value.files) : err({ field: 'program', sentence: bundle.error });
}

/** The parts of a board from the file beside its scenario; or what is wrong with which field. Disks are new overlays each time. */
export function boardPartsOf(board: ScenarioBoard, bytes: Uint8Array | undefined): Result<BoardParts, BoardFault> {
  const { boot } = board;
  if (bytes === undefined) return err({ field: 'program', sentence: `this board starts the file '${boot.program}', and none was given` });
  const found = filesOf(boot, bytes);
  if (!found.ok) return found;
  const files = found.value;
  const named = [['program', boot.program], ['kernel', boot.kernel], ['initrd', boot.initrd], ...boot.disks.map((name, index) => [`disks[${index}]`, name] as const)] as const;
  for (const [field, name] of named) {
    if (name === undefined || files.has(name)) continue;
    return err({ field, sentence: `there is no file '${name}' beside the scenario; there are ${[...files.keys()].join(', ') || 'none'}` });
  }
  const surplus = slotCount(boot) - VIRTIO_SLOT_COUNT;
  if (surplus > 0) return err({ field: 'disks', sentence: `expected at most ${boot.disks.length - surplus} disks beside the board's other devices, found ${boot.disks.length}` });
  const profile = getProfile(board.profile as HartProfileId);
  if (board.interrupts === 'aplic-imsic' && !profile.extensions.includes('Smaia')) {
    return err({ field: 'profile', sentence: `harts with interrupt files need a profile with the AIA, found '${board.profile}'` });
  }
  const image = layOutBoot(requestOf(board, files));
  if (!image.ok) return err({ field: 'program', sentence: renderBootError(image.error) });
  const disks: { image: BlockImage; store: OverlayStore }[] = [];
  for (const [index, name] of boot.disks.entries()) {
    const disk = openDiskBytes(files.get(name)!, name);
    if (!disk.ok) return err({ field: `disks[${index}]`, sentence: disk.error });
    disks.push(disk.value);
  }
  return ok({ image: image.value, disks });
}

function requestOf(board: ScenarioBoard, files: ReadonlyMap<string, Uint8Array>): BootRequest {
  const { program, kernel, initrd, append } = board.boot;
  const file = (name: string) => ({ name, bytes: files.get(name)! });
  return {
    program: file(program),
    ...(kernel === undefined ? {} : { kernel: file(kernel) }),
    ...(initrd === undefined ? {} : { initrd: file(initrd) }),
    bootArguments: append,
    ramBytes: board.pageCount * PAGE_SIZE,
    hartCount: board.hartCount,
    profile: board.profile as HartProfileId,
    aia: aiaOf(board.interrupts),
  };
}
