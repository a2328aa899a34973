/** Test-only: bare-metal programs as S-mode guests of a VM with devices, and a host that runs them. */
import { type GuestImage, Host, type Vm, type VmDeviceSpec, vmErrorSentence } from '../hypervisor/index.ts';
import { assembleElf, type BareMetalProgram } from './bare-metal-program.ts';

const ORIGIN = 0x8000_0000;

/** A program that waits for external interrupts in M mode, with S mode's registers and bit in their place. */
export function asSupervisor(it: BareMetalProgram): GuestImage {
  return supervisorElf(it.name, supervisorSource(it));
}

/** Its source for S mode. */
export function supervisorSource({ source }: BareMetalProgram): string {
  return source.replaceAll(/\bmie\b/g, 'sie').replaceAll(/\bmip\b/g, 'sip').replaceAll(/\b0x800\b/g, '0x200');
}

/** A source in our assembler's language, from the start of RAM. */
export function supervisorElf(name: string, source: string): GuestImage {
  return { kind: 'elf', name, bytes: assembleElf(source, name, ORIGIN) };
}

/** A host with one VM that has devices, 1 MiB of RAM and harts of profile rv64gc. */
export function makeDeviceHost(
  image: GuestImage,
  devices: VmDeviceSpec,
  options: { readonly vcpuCount?: number; readonly processorCount?: number } = {},
): { readonly host: Host; readonly vm: Vm } {
  const { vcpuCount = 1, processorCount = 1 } = options;
  const host = new Host({ id: 0, name: 'test', frameCount: 2_000, processorCount, seed: 1 });
  const made = host.createVm({ id: 1, name: 'guest', image, ramBytes: 1 << 20, vcpuCount, profile: 'rv64gc', devices });
  if (!made.ok) throw new Error(vmErrorSentence(made.error));
  return { host, vm: made.value };
}
