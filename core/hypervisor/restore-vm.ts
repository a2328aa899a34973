/**
 * From a snapshot's bytes to a VM: a new one in place of what was there, byte for byte what the original
 * was at t0. The VM is made as one that arrives; its pages come through the writer with origin 'restore'.
 */
import { err, ok, type Result } from '../base/index.ts';
import type { SnapshotImage } from '../formats/snapshot-file.ts';
import { recordErrorSentence } from '../base/device-record.ts';
import { checkHartState } from '../machine/index.ts';
import { MemorySystem } from '../memory/index.ts';
import type { Host } from './host.ts';
import { openMachine } from './machine-record.ts';
import type { Vm } from './vm.ts';
import { VmDevices, type VmDeviceSpec } from './vm-devices.ts';
import { vmErrorSentence } from './vm-error.ts';
import { hasDevices, openVmRecord } from './vm-record.ts';

/** Who the VM is to be; a fork has another id and name than the original. */
export interface RestoredIdentity {
  readonly id: number;
  readonly name: string;
}

/**
 * Makes the VM, in state 'incoming': resume() lets it run. On an error, one sentence, nothing is left
 * of it. No VM of that id is on the host. `brought`: devices that the snapshot brings; else the host knows them.
 */
export function restoreVm(
  host: Host, image: SnapshotImage, identity: RestoredIdentity, brought?: VmDeviceSpec,
): Result<Vm, string> {
  const { head } = image;
  const devices = brought ?? host.devices.specs.get(head.vm)?.();
  if (brought === undefined && devices?.network !== undefined && identity.id !== head.vm) {
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

/** Why no VM can be made of a snapshot that is all there is; undefined when one can, wherever it has room. Pages of RAM are not looked at. */
export function findRestoreFault(image: SnapshotImage): string | undefined {
  const { head, vcpus, device, machine } = image;
  for (const [index, record] of vcpus.entries()) {
    const hart = checkHartState(record);
    if (!hart.ok) return `The record of vCPU ${index} cannot be loaded: ${hart.error.kind}.`;
  }
  if (!hasDevices(device)) return faultOf(openVmRecord(device, { vcpuCount: head.vcpuCount, devices: undefined }));
  if (machine === undefined) return 'It is of a VM with devices, and brings neither these nor its disks; such a file goes on only in the run that wrote it.';
  const spec = openMachine(machine);
  if (!spec.ok) return spec.error;
  // Devices without a VM: records are held against what they are for, nothing is loaded.
  const memory = new MemorySystem(TRIAL_FRAMES).createVm({ vmId: 1, pageCount: 1, allocated: false });
  if (!memory.ok) return `There is no room to try its devices: ${memory.error.kind}.`;
  const devices = new VmDevices({ spec: spec.value, vcpuCount: head.vcpuCount, memory: memory.value }, NOBODY);
  for (const { disk, page, bytes } of image.disks ?? []) {
    if (devices.disks[disk]?.store.putPage(page, bytes) !== true) return `There is no place for page ${page} of disk ${disk}.`;
  }
  return faultOf(openVmRecord(device, { vcpuCount: head.vcpuCount, devices }));
}

/** Enough for the tables of a page. */
const TRIAL_FRAMES = 64;
const nothing = () => undefined;
/** For devices that nobody uses. */
const NOBODY = { nowNs: () => 0, setExternal: nothing, write: nothing, read: () => [], wakeAt: nothing, transmit: nothing };

function faultOf(opened: ReturnType<typeof openVmRecord>): string | undefined {
  return opened.ok ? undefined : recordErrorSentence(opened.error);
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
