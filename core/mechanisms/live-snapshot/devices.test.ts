// Goal: a snapshot of a VM whose disk works shows one instant, disk and requests under way too, and a VM put back from it goes on from there.
// Method: the guest that writes a disk and reads it back, snapshotted at random times, restored later; files and restored VMs are compared with
// clones of t0, the disk's content with what the guest should leave. Canary: a file without the disk's pages.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../base/index.ts';
import { decodeCore, encodeCore } from '../../hypervisor/core-file.ts';
import { diskProgramBlock, diskProgramSector } from '../../testing/disk-program.ts';
import { DIARY_BLOCKS, diaryProgram, mobileWorld } from '../../testing/mobile-guests.ts';
import { imageDifference, runSnapshotTrial } from '../../testing/snapshot-trial.ts';
import { cloneVm } from '../../testing/migration-trial.ts';
import { WorldRun } from '../../testing/run-world.ts';
import { vmScenarioOf } from '../../world/index.ts';

const SEEDS = process.env['GLASSHOUSE_VERIFY'] ? 30 : 2;
const UNTIL_NS = 70_000_000;

test('the file and the VM put back from it are the VM of t0, with its disk', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = makePrng({ seed, stream: 4 });
    const { scenario, guest } = mobileWorld([{ program: diaryProgram(), host: 0, disk: true }], seed);
    const takenNs = 1_000_000 + nextBelow(random, 8_000_000);
    const trial = runSnapshotTrial({
      scenario, guest, untilNs: UNTIL_NS,
      commands: [
        { atNs: takenNs, command: { kind: 'ask', ask: 'take-snapshot', arguments: { vm: 1, name: 'a' } } },
        { atNs: takenNs + 12_000_000, command: { kind: 'ask', ask: 'restore-snapshot', arguments: { vm: 1, name: 'a' } } },
      ],
    });
    expect(trial.faults).toEqual([]);
    expect([trial.filesCompared, trial.restoresCompared]).toEqual([1, 1]);
    expect(trial.jobs.map((job) => job.state)).toEqual(['committed']);
    trial.run.runTo(trial.run.now() + 30_000_000);
    const vm = trial.run.processes[0]!.host.findVm(1)!;
    expect([vm.state, vm.reason]).toEqual(['stopped', 'The guest shut down.']);
    for (let block = 0; block < DIARY_BLOCKS; block++) {
      const content = new Uint8Array(512);
      vm.devices!.disks[0]!.read(diskProgramSector(block) * 512, content);
      expect(content, `block ${block}`).toEqual(diskProgramBlock(block));
    }
  }
});

test('canary: an image without the pages of its disk differs', () => {
  const { scenario, guest } = mobileWorld([{ program: diaryProgram(), host: 0, disk: true }], 1);
  const run = new WorldRun({ scenario, guest });
  run.runTo(3_000_000);
  const [process] = run.processes;
  const clone = cloneVm(process!, process!.host.findVm(1)!);
  const head = { name: 'a', parent: '', vm: 1, vmName: 'a', guest: 'a', pageCount: 256, vcpuCount: 1, takenAtNs: clone.timeNs };
  const whole = { head, vcpus: clone.vcpus, device: clone.device, pages: clone.pages };
  expect(imageDifference({ ...whole, disks: clone.disks }, clone)).toBe(undefined);
  expect(imageDifference(whole, clone)).toMatch(/disks differ/);
  // As a core file it has its disk, and is refused where the files that it was booted from are not.
  const core = encodeCore({ ...whole, disks: clone.disks });
  const again = decodeCore(core);
  expect(again.ok ? imageDifference(again.value, clone) : again.error.kind).toBe(undefined);
  expect(vmScenarioOf({ seed: 1, kernel: core, ramBytes: 1 << 20, vcpuCount: 1 })).toMatchObject({ error: { error: { sentence: expect.stringContaining('with devices') } } });
});
