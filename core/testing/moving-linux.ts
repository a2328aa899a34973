/** Test-only: a scenario file in which a fetched Linux moves over four hosts while it works and talks to another one, and says what came of it. */
import { type GuestEntry, guestBootArguments } from '../protocol/guest-library.ts';

/** Virtual time that the story takes. Unit: ns. */
export const MOVING_LINUX_NS = 900_000_000;
const MS = 1_000_000;
/** What the guest prints when it is through: the sum of `seq 1 30000`, and that all pings were answered. */
export const MOVING_LINUX_SAYS = ['3 packets received', 'd2a98205aeda90bdb7e741631f330f5240bb7d76'] as const;

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** Its text; the files beside it go by their last names. `firstNs`: when the first move begins. */
export function movingLinux(guest: GuestEntry, firstNs = 190 * MS): string {
  const { kernel, initrd, disk } = guest.files;
  const names = ['a', 'b', 'c', 'd'];
  const boot = { kernel: nameOf(kernel), initrd: nameOf(initrd), append: guestBootArguments(guest, ''), disks: [nameOf(disk)], network: true };
  const vm = (name: string, host: string, vcpus: number) => ({
    name, host, fidelity: 'emulated', guest: 'file', memoryMiB: guest.ramBytes / (1024 * 1024), vcpus, profile: 'rv64gc', input: '', boot,
  });
  const type = (atNs: number, name: string, text: string) => ({ atNs, command: { kind: 'console-input', vm: name, text } });
  const move = (atNs: number, name: string, to: string) => ({ atNs, command: { kind: 'migrate', vm: name, to } });
  return JSON.stringify({
    format: 'glasshouse-scenario', version: 1, name: 'moving-linux', lab: 'precopy-migration', seed: 11, knobs: {}, sites: [],
    profiles: [{ name: 'server', memoryMiB: 100, processors: 2, picosecondsPerInstruction: 1000 }],
    hosts: names.map((name) => ({ name, profile: 'server', rack: '', devices: [] })),
    links: names.flatMap((name, at) => names.slice(at + 1).map((other) => ({ between: [name, other], bitsPerSecond: 10e9, latencyNs: 50_000, lossPercent: 0 }))),
    vms: [vm('mover', 'a', 2), vm('peer', 'd', 1)],
    workloads: [],
    commands: [
      type(150 * MS, 'peer', 'network\n'),
      type(180 * MS, 'mover', 'network; (seq 1 30000 | sha1sum) & ping -c 3 -i 0.1 10.0.2.16; wait; mkdir /m; mount /dev/vda /m; seq 1 999 > /m/it; sync; umount /m; echo over $((6*7))\n'),
      move(firstNs, 'mover', 'b'),
      move(300 * MS, 'mover', 'c'),
      move(400 * MS, 'peer', 'a'),
      move(500 * MS, 'mover', 'd'),
    ],
    untilNs: MOVING_LINUX_NS, speed: 1,
  });
}
