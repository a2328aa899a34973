/** Why a VM could not be made, or an image not be loaded: values, rendered to one sentence at the edge. */
import { type ElfError, renderElfError } from '../formats/index.ts';
import { type BootError, renderBootError } from '../platform/boot-files.ts';

export type VmError =
  | { readonly kind: 'ram-zero'; readonly vm: string }
  | { readonly kind: 'ram-not-whole-pages'; readonly vm: string; readonly found: number }
  | {
      readonly kind: 'ram-beyond-host';
      readonly vm: string;
      readonly host: string;
      readonly pagesWanted: number;
      readonly pagesFree: number;
    }
  | { readonly kind: 'ram-too-small'; readonly vm: string; readonly found: number; readonly needed: number }
  | { readonly kind: 'vcpu-count'; readonly vm: string; readonly found: number; readonly maximum: number }
  | { readonly kind: 'no-hart-free'; readonly host: string; readonly wanted: number; readonly free: number }
  | { readonly kind: 'no-slot-free'; readonly host: string; readonly maximum: number }
  | { readonly kind: 'vm-exists'; readonly host: string; readonly id: number }
  | { readonly kind: 'unknown-guest'; readonly found: string; readonly known: readonly string[] }
  | { readonly kind: 'bad-elf'; readonly error: ElfError }
  | { readonly kind: 'elf-extension'; readonly file: string; readonly needs: string; readonly profile: string }
  | {
      readonly kind: 'segment-outside-ram';
      readonly file: string;
      readonly address: number;
      readonly size: number;
      readonly ramStart: number;
      readonly ramSize: number;
    }
  | {
      readonly kind: 'entry-outside-ram';
      readonly file: string;
      readonly entry: number;
      readonly ramStart: number;
      readonly ramSize: number;
    }
  | { readonly kind: 'bad-boot-file'; readonly error: BootError }
  | { readonly kind: 'bad-bundle'; readonly sentence: string }
  | { readonly kind: 'no-such-file'; readonly vm: string; readonly file: string; readonly known: readonly string[] }
  | { readonly kind: 'too-many-disks'; readonly vm: string; readonly found: number; readonly maximum: number }
  | { readonly kind: 'bad-snapshot'; readonly sentence: string }
  | { readonly kind: 'snapshot-shape'; readonly vm: string; readonly pages: number; readonly vcpus: number; readonly pagesWanted: number; readonly vcpusWanted: number }
  | { readonly kind: 'guest-does-not-assemble'; readonly guest: string; readonly sentence: string };

const hex = (value: number) => `0x${value.toString(16)}`;

/** One sentence that names what was wrong and where. */
export function vmErrorSentence(error: VmError): string {
  switch (error.kind) {
    case 'ram-zero':
      return `RAM of VM ${error.vm} is 0 bytes; it needs at least one page of 4 KiB.`;
    case 'ram-not-whole-pages':
      return `RAM of VM ${error.vm} is ${error.found} bytes, which is not a whole number of 4 KiB pages.`;
    case 'ram-beyond-host':
      return `RAM of VM ${error.vm} needs ${error.pagesWanted} pages and host ${error.host} has ${error.pagesFree} pages free.`;
    case 'ram-too-small':
      return `RAM of VM ${error.vm} is ${error.found} bytes; this guest needs at least ${error.needed}.`;
    case 'vcpu-count':
      return `VM ${error.vm} asks for ${error.found} vCPUs; 1 to ${error.maximum} are possible.`;
    case 'no-hart-free':
      return `Host ${error.host} has ${error.free} harts free; ${error.wanted} are wanted.`;
    case 'no-slot-free':
      return `Host ${error.host} already holds ${error.maximum} VMs, which is the most it can.`;
    case 'vm-exists':
      return `Host ${error.host} already holds a VM with id ${error.id}.`;
    case 'unknown-guest':
      return `There is no guest program '${error.found}'; known are ${error.known.join(', ')}.`;
    case 'bad-elf':
      return renderElfError(error.error);
    case 'elf-extension':
      return `${error.file} was built for ${error.needs}; this machine's harts are ${error.profile}.`;
    case 'segment-outside-ram':
      return `${error.file} has a segment of ${error.size} bytes at ${hex(error.address)}, outside the VM's RAM of ${error.ramSize} bytes at ${hex(error.ramStart)}.`;
    case 'entry-outside-ram':
      return `${error.file} starts at ${hex(error.entry)}, outside the VM's RAM of ${error.ramSize} bytes at ${hex(error.ramStart)}.`;
    case 'bad-boot-file':
      return renderBootError(error.error);
    case 'no-such-file':
      return `VM ${error.vm} wants the file '${error.file}'; there are ${error.known.join(', ') || 'none'}.`;
    case 'too-many-disks':
      return `VM ${error.vm} has ${error.found} disks; ${error.maximum} are possible beside its other devices.`;
    case 'bad-bundle':
    case 'bad-snapshot':
      return error.sentence;
    case 'snapshot-shape':
      return `The snapshot is of a VM with ${error.pages} pages and ${error.vcpus} vCPUs; VM ${error.vm} has ${error.pagesWanted} pages and ${error.vcpusWanted} vCPUs.`;
    case 'guest-does-not-assemble':
      return `The guest program '${error.guest}' does not assemble: ${error.sentence}`;
  }
}
