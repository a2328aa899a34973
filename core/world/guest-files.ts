/**
 * What a VM of a scenario is made of when its guest is a file: an ELF, or a bundle with a kernel, a RAM disk and disks. Checked
 * before a world is built and used again when it is; both see the same.
 */
import { err, ok, type Result } from '../base/index.ts';
import { type BlockImage, type BootFiles, type GuestBundle, isBundle, openDiskBytes, type OverlayStore, readBundle } from '../formats/index.ts';
import type { GuestImage } from '../hypervisor/boot.ts';
import { slotCount, type VmDeviceSpec } from '../hypervisor/vm-devices.ts';
import type { VmError } from '../hypervisor/vm-error.ts';
import { CARD_COUNT_MAX, cardMac } from '../network/index.ts';
import { VIRTIO_SLOT_COUNT } from '../platform/memory-map.ts';

/** Of a request, as of a solid-state disk: so some are under way whenever a VM stands. Unit: ns. */
const DISK_LATENCY_NS = 20_000;

/** The VM that the files are for. */
export interface FileOwner {
  readonly id: number;
  readonly name: string;
  readonly seed: number;
}

/** Image, command line and devices of a VM. */
export interface GuestParts {
  readonly image: GuestImage;
  readonly bootArguments: string;
  readonly devices?: VmDeviceSpec;
  /** Files of its disks as they become. */
  readonly stores: readonly OverlayStore[];
}

/** What a VM boots: as the scenario says, else as the bundle says; undefined for a guest that is an ELF. */
export function bootFilesOf(stated: BootFiles | undefined, bytes: Uint8Array): Result<BootFiles | undefined, VmError> {
  if (!isBundle(bytes)) return ok(stated);
  if (stated !== undefined) return ok(stated);
  const bundle = readBundle(bytes);
  if (!bundle.ok) return err({ kind: 'bad-bundle', sentence: bundle.error });
  const { boot } = bundle.value;
  return boot === undefined ? err({ kind: 'bad-bundle', sentence: 'It does not say which of its files is the kernel.' }) : ok(boot);
}

/** The parts of a VM from the file beside its scenario; or what is wrong with which file. Disks are new overlays each time. */
export function guestPartsOf(boot: BootFiles | undefined, bytes: Uint8Array, fileName: string, owner: FileOwner): Result<GuestParts, VmError> {
  if (boot === undefined) return ok({ image: { kind: 'elf', name: fileName, bytes }, bootArguments: '', stores: [] });
  if (!isBundle(bytes)) {
    return err({ kind: 'bad-bundle', sentence: `VM ${owner.name} boots '${boot.kernel}', and the file beside the scenario is no bundle that could hold it.` });
  }
  const bundle = readBundle(bytes);
  if (!bundle.ok) return err({ kind: 'bad-bundle', sentence: bundle.error });
  return partsFrom(boot, bundle.value, owner);
}

function partsFrom(boot: BootFiles, { files }: GuestBundle, owner: FileOwner): Result<GuestParts, VmError> {
  const missing = [boot.kernel, ...(boot.initrd === undefined ? [] : [boot.initrd]), ...boot.disks].find((name) => !files.has(name));
  if (missing !== undefined) return err({ kind: 'no-such-file', vm: owner.name, file: missing, known: [...files.keys()] });
  const disks: BlockImage[] = [];
  const stores: OverlayStore[] = [];
  for (const name of boot.disks) {
    const disk = openDiskBytes(files.get(name)!, name);
    if (!disk.ok) return err({ kind: 'bad-bundle', sentence: disk.error });
    disks.push(disk.value.image);
    stores.push(disk.value.store);
  }
  const hasCard = boot.network && owner.id <= CARD_COUNT_MAX;
  const devices: VmDeviceSpec = {
    disks,
    diskLatencyNs: DISK_LATENCY_NS,
    ...(hasCard ? { network: { mac: cardMac(owner.id - 1) } } : {}),
    console: true,
    entropy: { seed: owner.seed, stream: owner.id },
  };
  if (slotCount(devices) > VIRTIO_SLOT_COUNT) {
    return err({ kind: 'too-many-disks', vm: owner.name, found: disks.length, maximum: disks.length + VIRTIO_SLOT_COUNT - slotCount(devices) });
  }
  const initrd = boot.initrd === undefined ? {} : { initrd: { name: boot.initrd, bytes: files.get(boot.initrd)! } };
  return ok({
    image: { kind: 'kernel', name: boot.guest ?? boot.kernel, bytes: files.get(boot.kernel)!, ...initrd },
    bootArguments: boot.append,
    devices,
    stores,
  });
}
