/** The runs in which a fetched guest boots, in a VM or on bare metal: pure, for the page, the command line and tests. */
import { type GuestEntry, guestBootArguments } from './guest-library.ts';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
/** vCPUs of a guest at most, and so the processors of a host. */
export const GUEST_VCPUS_MAX = 4;
/** Memory of a host: room for the VM, and for one that comes. Unit: MiB. */
const HOST_MIB = 900;

const fileName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** The scenario: two hosts and a link, and on the first the VM. */
export function guestScenario(guest: GuestEntry, vcpus: number): string {
  const { kernel, initrd, disk } = guest.files;
  return pairWith({
    name: guest.id, memoryMiB: guest.ramBytes / MIB, vcpus, profile: 'rv64gc',
    boot: { kernel: fileName(kernel), initrd: fileName(initrd), append: guestBootArguments(guest, ''), disks: [fileName(disk)], network: true },
  });
}

/** The same for a VM that goes on from a snapshot's file, which brings its devices. */
export function restoredScenario(head: { readonly vmName: string; readonly pageCount: number; readonly vcpuCount: number; readonly takenAtNs: number }): string {
  const { vmName, pageCount, vcpuCount, takenAtNs } = head;
  const name = vmName.replaceAll(/[^A-Za-z0-9.-]/g, '-').slice(0, 40) || 'vm';
  return pairWith({ name, memoryMiB: (pageCount * PAGE_BYTES) / MIB, vcpus: vcpuCount }, takenAtNs);
}

/** A run of ten minutes after `sinceNs`. */
function pairWith(vm: { readonly name: string } & Readonly<Record<string, unknown>>, sinceNs = 0): string {
  const host = (id: string) => ({ name: id, profile: 'server', rack: '', devices: [] });
  return JSON.stringify({
    format: 'glasshouse-scenario', version: 1, name: vm.name, lab: 'precopy-migration', seed: 1, knobs: {}, sites: [],
    profiles: [{ name: 'server', memoryMiB: HOST_MIB, processors: GUEST_VCPUS_MAX, picosecondsPerInstruction: 1000 }],
    hosts: [host('host-a'), host('host-b')],
    links: [{ between: ['host-a', 'host-b'], bitsPerSecond: 10_000_000_000, latencyNs: 50_000, lossPercent: 0 }],
    vms: [{ host: 'host-a', fidelity: 'emulated', guest: 'file', input: '', ...vm }],
    workloads: [], commands: [], untilNs: sinceNs + 600_000_000_000, speed: 1,
  });
}

/** Harts of a board at most. */
export const BOARD_HARTS_MAX = 8;
/** Name of the board on which a guest boots. */
const BOARD_NAME = 'board';

/** A file of one board and nothing else. */
function boardScenario(name: string, board: object): string {
  return JSON.stringify({
    format: 'glasshouse-scenario', version: 2, name, lab: 'datacenter', seed: 1, knobs: {}, sites: [], profiles: [], hosts: [], links: [], vms: [],
    boards: [{ name: BOARD_NAME, profile: 'rv64gc', interrupts: 'plic', append: '', disks: [], network: false, input: '', ...board }],
    workloads: [], commands: [], untilNs: 600_000_000_000, speed: 1,
  });
}

/** The scenario of a guest on bare metal: a board whose firmware goes on to the kernel. `added` goes behind the kernel's command line. */
export function bareGuestScenario(guest: GuestEntry, harts: number, added = ''): string {
  const { firmware, kernel, initrd, disk } = guest.files;
  return boardScenario(guest.id, {
    memoryMiB: guest.ramBytes / MIB, harts, program: fileName(firmware), kernel: fileName(kernel), initrd: fileName(initrd),
    append: guestBootArguments(guest, added), disks: [fileName(disk)], network: true,
  });
}

/** The scenario of a bare-metal program by itself. */
export function programScenario(file: string, options: { readonly memoryMiB: number; readonly harts: number; readonly profile: string }): string {
  return boardScenario('program', { ...options, program: file });
}
