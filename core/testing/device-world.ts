/** Test-only: a scenario of two hosts whose VMs boot files of a bundle: disks, a card, two vCPUs with a serial port. */
import { createQcow2, MemoryStore, packBundle } from '../formats/index.ts';
import type { ScenarioBoot } from '../protocol/scenario.ts';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS } from './disk-program.ts';
import { ECHO_PROGRAM } from './echo-program.ts';
import { NET_PROGRAM } from './net-program.ts';
import { asSupervisor } from './supervisor-program.ts';

const elfOf = (from: typeof DISK_PROGRAM) => {
  const image = asSupervisor(from);
  if (image.kind !== 'elf') throw new Error('programs are ELF files');
  return image.bytes;
};

function qcow2(backing?: string): Uint8Array {
  const store = new MemoryStore({ bytesMax: 1 << 30 });
  createQcow2(store, { diskBytes: DISK_PROGRAM_SECTORS * 512, ...(backing === undefined ? {} : { backing: { name: backing, format: 'raw' as const } }) });
  return store.bytes();
}

/** Files of its VMs; one disk lies over a file that is not there. */
export const DEVICE_FILES = new Map([
  ['disk.elf', elfOf(DISK_PROGRAM)], ['net.elf', elfOf(NET_PROGRAM)], ['echo.elf', elfOf(ECHO_PROGRAM)],
  ['raw.img', new Uint8Array(DISK_PROGRAM_SECTORS * 512)], ['disk.qcow2', qcow2()], ['over.qcow2', qcow2('base.img')],
]);
export const DEVICE_BUNDLE = packBundle(DEVICE_FILES);

export const bootFiles = (kernel: string, more: Partial<ScenarioBoot> = {}) => ({ kernel, append: '', disks: [], network: false, ...more });
const vm = (name: string, host: string, boots: object, vcpus = 1) => ({
  name, host, fidelity: 'emulated', guest: 'file', memoryMiB: 1, vcpus, boot: boots, input: '',
});

/** As the text of its file would be parsed. */
export const DEVICE_SCENARIO = {
  format: 'glasshouse-scenario', version: 1, name: 'devices', lab: 'datacenter', seed: 3, knobs: {}, sites: [],
  profiles: [{ name: 'small', memoryMiB: 8, processors: 2, picosecondsPerInstruction: 1000 }],
  hosts: [{ name: 'a', profile: 'small', rack: '', devices: [] }, { name: 'b', profile: 'small', rack: '', devices: [] }],
  links: [{ between: ['a', 'b'], bitsPerSecond: 1e9, latencyNs: 20_000, lossPercent: 0 }],
  vms: [
    vm('raw', 'a', bootFiles('disk.elf', { disks: ['raw.img'] })),
    vm('net', 'a', bootFiles('net.elf', { network: true })),
    vm('echo', 'b', bootFiles('echo.elf'), 2),
    vm('qcow2', 'b', bootFiles('disk.elf', { disks: ['disk.qcow2'] })),
  ],
  workloads: [],
  commands: [
    { atNs: 1_000_000, command: { kind: 'console-input', vm: 'echo', text: 'hello' } },
    { atNs: 2_000_000, command: { kind: 'console-input', vm: 'echo', text: '!' } },
    { atNs: 3_000_000, command: { kind: 'console-input', vm: 'echo', text: 'again' } },
  ],
  untilNs: 4_000_000, speed: 1,
};
