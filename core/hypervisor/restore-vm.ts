/**
 * From a snapshot's bytes to a VM: a new one in place of what was there, byte for byte what the original
 * was at t0. The VM is made as one that arrives; its pages come through the writer with origin 'restore'.
 */
import { err, ok, type Result } from '../base/index.ts';
import type { SnapshotImage } from '../formats/snapshot-file.ts';
import { recordErrorSentence } from '../base/device-record.ts';
import type { Host } from './host.ts';
import type { Vm } from './vm.ts';
import { vmErrorSentence } from './vm-error.ts';

/** Who the VM is to be; a fork has another id and name than the original. */
export interface RestoredIdentity {
  readonly id: number;
  readonly name: string;
}

/**
 * Makes the VM, in state 'incoming': resume() lets it run. On an error, one sentence, nothing is left
 * of it. No VM of that id is on the host.
 */
export function restoreVm(
  host: Host, image: SnapshotImage, identity: RestoredIdentity,
): Result<Vm, string> {
  const { head } = image;
  const devices = host.devices.specs.get(head.vm)?.();
  if (devices?.network !== undefined && identity.id !== head.vm) {
    return err(`VM ${head.vm} '${head.vmName}' has a network card, whose address a second VM cannot have`);
  }
  const made = host.createIncomingVm({
    id: identity.id, name: identity.name, guest: head.guest, pageCount: head.pageCount,
    vcpuCount: head.vcpuCount, ...(devices === undefined ? {} : { devices }),
  });
  if (!made.ok) return err(vmErrorSentence(made.error));
  const vm = made.value;
  const loaded = loadState(vm, image);
  if (loaded.ok) return ok(vm);
  host.destroyVm(vm.id);
  return loaded;
}

function loadState(vm: Vm, image: SnapshotImage): Result<undefined, string> {
  for (const [index, record] of image.vcpus.entries()) {
    const loaded = vm.loadVcpu(index, record);
    if (!loaded.ok) return err(`The record of vCPU ${index} cannot be loaded: ${loaded.error.kind}.`);
  }
  for (const place of image.disks ?? []) {
    if (!vm.disks.writePage(place, place.bytes)) return err(`There is no place for page ${place.page} of disk ${place.disk}.`);
  }
  const devices = vm.loadDeviceRecord(image.device);
  if (!devices.ok) return err(recordErrorSentence(devices.error));
  for (const [page, bytes] of image.pages.entries()) {
    if (!vm.memory.allocate(page)) return err(`There is no frame for page ${page}.`);
    // A frame that was free holds zeroes already.
    if (bytes !== undefined) vm.memory.writePage(page, bytes, 'restore');
  }
  return ok(undefined);
}
