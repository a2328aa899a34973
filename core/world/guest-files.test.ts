// Goal: VMs that boot files of a bundle, with disks and cards, rewind, replay and hash like all else; what does not fit is told with file and
// reason before anything is built. Method: a file of two hosts whose VMs run the S-mode programs; journeys to random cuts over checkpoints; every field
// of `boot` spoilt. Canary: at cuts the disks differ.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { packBundle } from '../formats/index.ts';
import { bootFiles as boot, DEVICE_BUNDLE as BUNDLE, DEVICE_FILES as FILES, DEVICE_SCENARIO as FILE } from '../testing/device-world.ts';
import { DISK_PROGRAM, diskProgramBlock, diskProgramSector } from '../testing/disk-program.ts';
import { NET_PROGRAM } from '../testing/net-program.ts';
import { readPcapng } from '../testing/pcapng-reader.ts';
import { WorldRun } from '../testing/run-world.ts';
import { TimeMachine } from '../testing/time-machine.ts';
import { vmScenarioOf } from './scenario.ts';
import { parseScenarioFile } from './scenario-file.ts';
import { sentenceOf } from './world-error.ts';

function scenarioOf(file: unknown, guest: Uint8Array | undefined = BUNDLE) {
  return parseScenarioFile({ text: JSON.stringify(file), ...(guest === undefined ? {} : { guest }) });
}

function machineOf(): TimeMachine {
  const scenario = scenarioOf(FILE);
  if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
  const machine = new TimeMachine({ scenario: scenario.value, guest: BUNDLE });
  for (const { atNs, command } of scenario.value.script) machine.command(atNs, command);
  return machine;
}

const consoles = (run: WorldRun) => run.processes.flatMap((it) => it.host.vms().map((found) => found.debugConsole.text()));
const diskOf = (run: WorldRun, process: number, id: number) => run.processes[process]!.snapshotFile(`disk:${id}:0`)!;

/** Whether a raw disk holds what the program wrote. */
function holdsBlocks(disk: Uint8Array): boolean {
  return Array.from({ length: 8 }, (_, block) => block).every((block) => {
    const at = diskProgramSector(block) * 512;
    return Buffer.compare(disk.subarray(at, at + 512), diskProgramBlock(block)) === 0;
  });
}

test('VMs of a file with disks, cards and typed input: 24 journeys find the recorded state, disks included', () => {
  const machine = machineOf();
  const random = makePrng({ seed: 3, stream: 1 });
  const cuts: { timeNs: number; hash: string; disk: Uint8Array }[] = [];
  while (machine.now() < FILE.untilNs) {
    // Disks are written within the first tenth of a millisecond.
    machine.goTo(Math.min(FILE.untilNs, machine.now() + 1 + nextBelow(random, machine.now() < 200_000 ? 4_000 : 200_000)));
    cuts.push({ timeNs: machine.now(), hash: machine.hash(), disk: diskOf(machine.run, 0, 1) });
    if (cuts.length % 9 === 0) machine.take();
  }
  expect(consoles(machine.run)).toEqual([DISK_PROGRAM.console, NET_PROGRAM.console, 'up\nHELLOup\nAGAIN', DISK_PROGRAM.console]);
  const end = diskOf(machine.run, 0, 1);
  expect(holdsBlocks(end)).toBe(true);
  expect(cuts.filter(({ disk }) => !holdsBlocks(disk)).length).toBeGreaterThan(3); // canary: disks at cuts differ
  for (let count = 0; count < 24; count++) {
    const cut = cuts[nextBelow(random, count % 2 === 0 ? Math.min(60, cuts.length) : cuts.length)]!;
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${machine.hash()}`).toBe(`${cut.timeNs} ${cut.hash}`);
    expect(Buffer.compare(diskOf(machine.run, 0, 1), cut.disk)).toBe(0);
  }
  machine.goTo(FILE.untilNs);
  expect(Buffer.compare(diskOf(machine.run, 0, 1), end)).toBe(0);
  expect(machine.hash()).toBe(cuts.at(-1)!.hash);
});

test('cuts of a world with such VMs change nothing', () => {
  const scenario = scenarioOf(FILE);
  if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
  const hashes = [undefined, (now: number) => now + 13_331].map((split) => {
    const run = new WorldRun({ scenario: scenario.value, guest: BUNDLE, ...(split === undefined ? {} : { split }) });
    run.runTo(2_500_000);
    return run.processes.map((it) => it.stateHash()).join(' ');
  });
  expect(hashes[1]).toBe(hashes[0]);
});

test('frames at cards are in the capture of their host, and change nothing; a journey back takes later ones out', () => {
  const scenario = scenarioOf(FILE);
  if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
  const [machine, without] = [true, false].map((capture) => new TimeMachine({ scenario: scenario.value, guest: BUNDLE, capture }));
  machine!.goTo(1_000);
  machine!.take();
  for (const it of [machine!, without!]) it.goTo(900_000);
  expect(machine!.hash()).toBe(without!.hash());
  const atCards = () => readPcapng(machine!.run.processes[0]!.capture()!).packets.filter(({ bytes }) => bytes.length === 42).length;
  const count = atCards();
  expect(count).toBeGreaterThanOrEqual(2); // the question and the answer
  machine!.travelTo(2_000);
  expect(atCards()).toBe(0);
  machine!.goTo(900_000);
  expect(atCards()).toBe(count);
});

const withVm = (change: object) => ({ ...FILE, vms: [{ ...FILE.vms[0], ...change }] });

test.each([
  ['a kernel that is not there', withVm({ boot: boot('Image') }), "VM raw wants the file 'Image'; there are disk.elf, net.elf"],
  ['a disk that is not there', withVm({ boot: boot('disk.elf', { disks: ['x'] }) }), "VM raw wants the file 'x'"],
  ['a disk as kernel', withVm({ boot: boot('raw.img') }), 'raw.img is no kernel'],
  ['a kernel that is too large', withVm({ boot: boot('disk.elf', { initrd: 'raw.img' }) }), 'disk.elf: raw.img takes 1048576 bytes'],
  ['a disk over another', withVm({ boot: boot('disk.elf', { disks: ['over.qcow2'] }) }), 'base.img'],
  ['too many disks', withVm({ boot: boot('disk.elf', { disks: Array.from({ length: 7 }, () => 'raw.img'), network: true }) }), 'VM raw has 7 disks; 5 are possible beside its other devices.'],
  ['a program of the house', withVm({ guest: 'ticker', memoryMiB: 4 }), "at vms[0].boot: only a VM with the guest 'file' boots files, this one runs 'ticker'"],
  ['a bundle without a kernel', withVm({ boot: undefined }), 'It does not say which of its files is the kernel.'],
])('%s: one sentence', (_, file, words) => {
  const made = scenarioOf(file);
  expect(made.ok ? 'accepted' : sentenceOf(made.error)).toContain(words);
});

test('every field of boot removed, mistyped or strange is told by its path; a file that is no bundle, too', () => {
  const sound = boot('disk.elf', { initrd: 'net.elf', disks: ['raw.img'] });
  const refused = (boots: object, guest = BUNDLE) => {
    const made = scenarioOf(withVm({ boot: boots }), guest);
    return made.ok ? 'accepted' : sentenceOf(made.error);
  };
  for (const key of Object.keys(sound)) {
    const { [key as keyof typeof sound]: _, ...rest } = sound;
    if (key !== 'initrd') expect(refused(rest)).toContain(`vms[0].boot.${key}`);
    for (const wrong of [null, 7, {}, [[]]]) expect(refused({ ...sound, [key]: wrong })).toContain(`vms[0].boot.${key}`);
  }
  expect(refused({ ...sound, strange: 1 })).toContain('vms[0].boot.strange');
  expect(refused(sound, FILES.get('disk.elf')!)).toContain("VM raw boots 'disk.elf', and the file beside the scenario is no bundle");
});

test('a bundle that says what to boot makes a VM of its own, of profile rv64gc', () => {
  const kernel = packBundle(FILES, boot('disk.elf', { disks: ['raw.img'] }));
  const made = vmScenarioOf({ seed: 1, kernel, ramBytes: 1 << 20, vcpuCount: 1 });
  if (!made.ok) throw new Error(sentenceOf(made.error));
  expect(made.value.vms[0]).toMatchObject({ profile: 'rv64gc', boot: { kernel: 'disk.elf' } });
  const run = new WorldRun({ scenario: made.value, guest: kernel });
  run.runTo(2_000_000);
  expect(consoles(run)).toEqual([DISK_PROGRAM.console]);
});
