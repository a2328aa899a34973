/**
 * The scenario's VMs on their hosts: booted from a program, an ELF file or a bundle of files, or put back from a snapshot
 * file, which goes on at the instant that it shows, so that its clock does not jump.
 */
import { assert } from '../base/index.ts';
import { isSnapshotBytes, readSnapshotBytes } from '../hypervisor/core-file.ts';
import { openMachine } from '../hypervisor/machine-record.ts';
import { restoreVm } from '../hypervisor/restore-vm.ts';
import type { GuestProfileId } from '../isa/table/index.ts';
import type { Scenario } from '../protocol/scenario.ts';
import { rank } from '../sim/rank.ts';
import { guestPartsOf } from './guest-files.ts';
import type { HostProcess } from './host-process.ts';
import { bootPaged, isPaged } from './paged-vms.ts';

/** Makes the VMs that the scenario has on this host. `guest`: bytes of the file that some of them are made of. */
export function bootVms(self: HostProcess, guest: Uint8Array | undefined): void {
  for (const spec of self.scenario.vms) {
    assert(!spec.fromFile || guest !== undefined, 'a guest file comes with its scenario');
    const file = spec.fromFile ? guest : undefined;
    if (file !== undefined && isSnapshotBytes(file)) {
      putBack(self, spec, file);
      continue;
    }
    prepareDevices(self, spec, file);
    if (spec.host !== self.id) continue;
    if (isPaged(spec)) bootPaged(self, spec);
    else boot(self, spec, file);
  }
}

/** What a VM that has devices finds on every host: the same, over disks as they were before anybody wrote. */
function prepareDevices(self: HostProcess, spec: Scenario['vms'][number], file: Uint8Array | undefined): void {
  if (spec.boot === undefined || file === undefined) return;
  self.host.devices.specs.set(spec.id, () => {
    const parts = guestPartsOf(spec.boot, file, spec.guest, { ...spec, seed: self.scenario.seed });
    assert(parts.ok && parts.value.devices !== undefined, 'guest files were checked with their scenario');
    return parts.value.devices;
  });
}

function boot(self: HostProcess, spec: Scenario['vms'][number], file: Uint8Array | undefined): void {
  const parts = file === undefined ? undefined : guestPartsOf(spec.boot, file, spec.guest, { ...spec, seed: self.scenario.seed });
  assert(parts?.ok !== false, 'guest files were checked with their scenario');
  const made = self.host.createVm({
    id: spec.id,
    name: spec.name,
    image: parts?.value.image ?? { kind: 'program', name: spec.guest },
    ...(parts?.value.devices === undefined ? {} : { bootArguments: parts.value.bootArguments, devices: parts.value.devices }),
    ramBytes: spec.pageCount * 4096,
    vcpuCount: spec.vcpuCount,
    ...(spec.profile === undefined ? {} : { profile: spec.profile as GuestProfileId }),
  });
  assert(made.ok, `VM ${spec.id} of the scenario fits its host`);
  self.onRuns(made.value, 0);
  if (spec.bootInput !== '') made.value.type(spec.bootInput);
}

/** Every host can give the devices that the snapshot brings; one has the VM, which stands until its instant. */
function putBack(self: HostProcess, spec: Scenario['vms'][number], file: Uint8Array): void {
  const read = readSnapshotBytes(file);
  assert(read.ok, 'a snapshot file was checked with its scenario');
  const image = read.value;
  const { machine } = image;
  const makeDevices = machine === undefined ? undefined : () => {
    const devices = openMachine(machine);
    assert(devices.ok, 'the devices of a snapshot were checked with its scenario');
    return devices.value;
  };
  if (makeDevices !== undefined) self.host.devices.specs.set(spec.id, makeDevices);
  if (spec.host !== self.id) return;
  const made = restoreVm(self.host, image, spec, makeDevices?.());
  assert(made.ok, `VM ${spec.id} of the scenario fits its host`);
  self.host.schedule(image.head.takenAtNs, rank.mechanism, 'world.restored', { vm: spec.id });
}

/** The instant of a VM's snapshot: it goes on. */
export function onRestoredVm(self: HostProcess, id: number): void {
  const vm = self.host.findVm(id);
  if (vm?.state !== 'incoming') return;
  vm.resume();
  self.onRuns(vm, self.host.now());
}
