// Goal: a VM with disks and a card goes on from its snapshot's file alone: the same bytes at the same instant, the same run however it is cut, its disk as the guest
// should leave it, movable; a file that was cut off or changed gives one sentence or a run, never an exception. Method: guests that tell when anything is lost, kept by a
// snapshot in one world and put back in another. Canary: the state one nanosecond later is another.
import { expect, test } from 'vitest';
import { assert, makePrng, nextBelow } from '../base/index.ts';
import { readSnapshotAbout } from '../formats/snapshot-notes.ts';
import { decodeCore, encodeCore } from '../hypervisor/core-file.ts';
import { cloneVm, findDifference, type VmClone } from '../testing/migration-trial.ts';
import { diskProgramBlock, diskProgramSector } from '../testing/disk-program.ts';
import { DIARY_BLOCKS, diaryProgram, mobileWorld } from '../testing/mobile-guests.ts';
import { NET_PROGRAM } from '../testing/net-program.ts';
import { WorldRun } from '../testing/run-world.ts';
import { serviceOf } from '../testing/snapshot-trial.ts';
import { restoredScenario } from '../protocol/guest-scenario.ts';
import { parseScenarioFile } from './scenario-file.ts';
import { snapshotInstant, vmScenarioOf } from './scenario.ts';
import { sentenceOf } from './world-error.ts';

const MUTATIONS = process.env['GLASSHOUSE_VERIFY'] === undefined ? 60 : 1_000;
const MS = 1_000_000;

interface Kept {
  readonly file: Uint8Array;
  readonly clone: VmClone;
}

/** VM 2 of a world (beside one that does nothing much) as its snapshot's file, and as it was. */
function keep(options: { readonly takenNs: number; readonly disk?: boolean; readonly network?: boolean }): Kept {
  const program = options.network === true ? NET_PROGRAM : diaryProgram();
  const { scenario, guest } = mobileWorld([{ program: diaryProgram(), host: 0, disk: true }, { program, host: 0, disk: options.disk ?? false, network: options.network ?? false }], 3);
  const run = new WorldRun({ scenario, guest });
  const [host] = run.processes;
  let clone: VmClone | undefined;
  const stands = host!.onStands.bind(host!);
  host!.onStands = (vm) => {
    if (serviceOf(host!).findActive(vm.id) !== undefined) clone = cloneVm(host!, vm);
    stands(vm);
  };
  run.command(options.takenNs, { kind: 'ask', ask: 'take-snapshot', arguments: { vm: 2, name: 'kept' } });
  run.runTo(options.takenNs + 100 * MS);
  const file = host!.snapshotFile('kept');
  assert(file !== undefined && clone !== undefined, 'the snapshot is there');
  return { file, clone };
}

function worldOf(file: Uint8Array, split?: (nowNs: number) => number): WorldRun {
  const scenario = vmScenarioOf({ seed: 9, kernel: file, ramBytes: 0, vcpuCount: 0 });
  if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
  return new WorldRun({ scenario: scenario.value, guest: file, ...(split === undefined ? {} : { split }) });
}

const vmOf = (run: WorldRun) => run.processes.map((it) => it.host.findVm(1)).find((it) => it !== undefined && it.state !== 'incoming') ?? run.processes[0]!.host.findVm(1)!;

function expectDiary(run: WorldRun): void {
  const vm = vmOf(run);
  expect([vm.state, vm.reason]).toEqual(['stopped', 'The guest shut down.']);
  for (let block = 0; block < DIARY_BLOCKS; block++) {
    const content = new Uint8Array(512);
    vm.devices!.disks[0]!.read(diskProgramSector(block) * 512, content);
    expect(content, `block ${block}`).toEqual(diskProgramBlock(block));
  }
}

test('a VM that writes its disk: the same instant from the file alone, then the same history however it is cut', () => {
  const takenNs = 4_300_000;
  const { file, clone } = keep({ takenNs, disk: true });
  expect(snapshotInstant(file)).toEqual({ ok: true, value: takenNs });
  expect(readSnapshotAbout(file)).toMatchObject({ ok: true, value: { hasMachine: true, head: { vm: 2, takenAtNs: takenNs } } });
  const run = worldOf(file);
  run.runTo(takenNs);
  expect(vmOf(run).state).toBe('incoming');
  expect(clone.disks.length).toBeGreaterThan(3);
  expect(findDifference(vmOf(run), clone)).toBe(undefined);
  run.runTo(takenNs + 1);
  run.runTo(takenNs + 1_000);
  expect(findDifference(vmOf(run), clone)).not.toBe(undefined); // canary
  const [whole, cut] = [worldOf(file), worldOf(file, (nowNs) => nowNs + 77_777)];
  for (const it of [whole, cut]) it.runTo(takenNs + 40 * MS);
  expect(cut.hash()).toBe(whole.hash());
  expectDiary(whole);
});

test('a snapshot of a VM that was put back is the same file again', () => {
  const { file } = keep({ takenNs: 4_300_000, disk: true });
  const run = worldOf(file);
  run.command(4_300_001, { kind: 'ask', ask: 'take-snapshot', arguments: { vm: 1, name: 'again' } });
  run.runTo(104_300_001);
  const [first, second] = [decodeCore(file), decodeCore(run.processes[0]!.snapshotFile('again')!)];
  assert(first.ok && second.ok, 'both are whole');
  const bytesOf = ({ machine, disks }: typeof first.value) => Buffer.concat([machine!.record, ...machine!.files, ...disks!.map(({ bytes }) => bytes)]);
  expect(Buffer.compare(bytesOf(second.value), bytesOf(first.value))).toBe(0);
  const twice = worldOf(encodeCore(second.value));
  twice.runTo(140 * MS);
  expectDiary(twice);
});

test('a VM with a card keeps its address under another id, and reaches the gateway', () => {
  const takenNs = 20_000;
  const { file, clone } = keep({ takenNs, network: true });
  const run = worldOf(file);
  run.runTo(takenNs);
  expect(findDifference(vmOf(run), clone)).toBe(undefined);
  run.runTo(5 * MS);
  expect(vmOf(run).debugConsole.text()).toBe(NET_PROGRAM.console);
});

/** Two hosts, and the VM on the first; as the page opens such a file. */
function pairOf(file: Uint8Array): WorldRun {
  const about = readSnapshotAbout(file);
  assert(about.ok, 'the file is whole');
  const scenario = parseScenarioFile({ text: restoredScenario(about.value.head), guest: file });
  if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
  return new WorldRun({ scenario: scenario.value, guest: file });
}

test('as the page opens it, it moves to the other host with its disk', () => {
  const { file } = keep({ takenNs: 4_300_000, disk: true });
  const run = pairOf(file);
  run.command(5 * MS, { kind: 'migrate', vm: 1, to: 1 });
  run.runTo(150 * MS);
  expect(run.snapshots().flatMap((it) => it.migrations).map(({ phase }) => phase)).toEqual(['done', 'done']);
  expectDiary(run);
});

test('two VMs of one file with a card, and a file without its devices, are refused', () => {
  const { file } = keep({ takenNs: 20_000, network: true });
  const about = readSnapshotAbout(file);
  assert(about.ok, 'the file is whole');
  const one = JSON.parse(restoredScenario(about.value.head)) as { vms: object[] };
  const two = parseScenarioFile({ text: JSON.stringify({ ...one, vms: [...one.vms, { ...one.vms[0], name: 'second' }] }), guest: file });
  expect(two.ok ? '' : sentenceOf(two.error)).toContain('network card');
  const image = decodeCore(file);
  assert(image.ok, 'the file is whole');
  const { machine: _, ...rest } = image.value;
  const bare = vmScenarioOf({ seed: 1, kernel: encodeCore(rest), ramBytes: 0, vcpuCount: 0 });
  expect(bare.ok ? '' : sentenceOf(bare.error)).toContain('brings neither these nor its disks');
});

test('cut off anywhere: one sentence', () => {
  const { file } = keep({ takenNs: 4_300_000, disk: true });
  const random = makePrng({ seed: 5, stream: 2 });
  for (let count = 0; count < MUTATIONS; count++) {
    const size = nextBelow(random, file.length);
    const made = vmScenarioOf({ seed: 1, kernel: file.slice(0, size), ramBytes: 0, vcpuCount: 0 });
    expect(made.ok, `${size} bytes`).toBe(false);
    if (!made.ok) expect(sentenceOf(made.error).length).toBeLessThan(400);
  }
});

test('changed anywhere in headers, records and disks: one sentence or a run', () => {
  const { file } = keep({ takenNs: 4_300_000, disk: true });
  const random = makePrng({ seed: 6, stream: 2 });
  const image = decodeCore(file);
  assert(image.ok, 'the file is whole');
  let refused = 0;
  for (let count = 0; count < MUTATIONS; count++) {
    const bad = file.slice();
    // Headers and records first of all; the rest is pages.
    for (let change = 0; change <= nextBelow(random, 3); change++) bad[nextBelow(random, change % 2 === 0 ? 6_000 : bad.length)] = nextBelow(random, 256);
    const made = vmScenarioOf({ seed: 1, kernel: bad, ramBytes: 1 << 20, vcpuCount: 1 });
    if (!made.ok) {
      refused++;
      expect(sentenceOf(made.error)).not.toBe('');
      continue;
    }
    const instant = snapshotInstant(bad);
    if (!instant.ok || instant.value > 60 * MS) continue;
    const run = new WorldRun({ scenario: made.value, guest: bad });
    run.runTo(instant.value + 2 * MS);
  }
  expect(refused).toBeGreaterThan(MUTATIONS / 10);
});
