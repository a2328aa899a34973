/** A host with one VM for tests that run guest programs: small, quick to make, no network. */
import { assert } from '../base/index.ts';
import { type GuestImage, Host, type HostOptions, type Vm, vmErrorSentence } from '../hypervisor/index.ts';
import type { GuestProfileId } from '../isa/table/index.ts';

/** What a test may choose; the rest is one processor at 1 GHz and 1 MiB of RAM in a host of 2,000 frames. */
export interface TestHostOptions extends Partial<Omit<HostOptions, 'name'>> {
  readonly image: GuestImage;
  readonly ramBytes?: number;
  readonly vcpuCount?: number;
  readonly profile?: GuestProfileId;
}

/** A host that holds VM 1 with the given image, at virtual time 0. */
export function makeTestHost(options: TestHostOptions): { readonly host: Host; readonly vm: Vm } {
  const { image, ramBytes = 1 << 20, vcpuCount = 1, profile = 'rv64ima', ...hostOptions } = options;
  const host = new Host({
    id: 0, name: 'test', frameCount: 2_000, processorCount: 1, seed: 1, ...hostOptions,
  });
  const made = host.createVm({ id: 1, name: 'guest', image, ramBytes, vcpuCount, profile });
  assert(made.ok, made.ok ? '' : vmErrorSentence(made.error));
  return { host, vm: made.value };
}

/** Assembly as an image. */
export function assembly(source: string): GuestImage {
  return { kind: 'assembly', name: 'test program', source };
}

/** Runs until the console shows `text` or `untilNs` is reached, in steps of 1 ms. Gives whether it was shown. */
export function runUntilText(host: Host, vm: Vm, text: string, untilNs: number): boolean {
  while (!vm.debugConsole.text().includes(text)) {
    if (host.now() >= untilNs) return false;
    host.run(Math.min(untilNs, host.now() + 1_000_000));
  }
  return true;
}

/** An unsigned 64-bit number of guest memory. */
export function readLong(vm: Vm, guestPhysicalAddress: number): bigint {
  const bytes = vm.memory.read(guestPhysicalAddress, 8);
  assert(bytes !== undefined, 'the address is RAM');
  return new DataView(bytes.buffer).getBigUint64(0, true);
}
