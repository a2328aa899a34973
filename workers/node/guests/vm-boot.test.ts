// Goal: the fetched guests boot in VMs (VS mode, our hypervisor) with one and two vCPUs, check themselves as under QEMU and on the board, ping one
// another, leave their disks clean; the run is the same however it is cut and wherever it is rewound to. Method: worlds in this thread over the
// files of `npm run guests`. Canary: the hash of a run whose typed text comes a nanosecond later.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../../core/base/index.ts';
import { checkQcow2, MemoryStore, packBundle } from '../../../core/formats/index.ts';
import { GUEST_CHECK, GUEST_READY, GUESTS, type GuestId } from '../../../core/protocol/guest-library.ts';
import type { Scenario } from '../../../core/protocol/scenario.ts';
import { runFileWorld } from '../../../core/testing/file-world.ts';
import { WorldRun } from '../../../core/testing/run-world.ts';
import { TimeMachine } from '../../../core/testing/time-machine.ts';
import { vmScenarioOf } from '../../../core/world/index.ts';
import { chooseGuest, listGuests } from '../guest-choice.ts';
import { checkLines, recordedCheck } from '../../../core/testing/recorded-check.ts';

const there = listGuests().there.map(({ id }) => id as string);
const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const MS = 1_000_000;

function why(id: GuestId): string {
  if (!there.includes(id)) return ` (left out: guests not fetched; run ${GUESTS.find((it) => it.id === id)!.command})`;
  return VERIFY ? '' : ' (left out: part of npm run verify)';
}
const runs = (id: GuestId) => VERIFY && there.includes(id);

function filesOf(id: GuestId): Map<string, Uint8Array> {
  const { kernel, initrd, disk } = chooseGuest(id).paths;
  return new Map([['kernel', kernel], ['initrd', initrd], ['disk', disk]].map(([name, path]) => [name!, new Uint8Array(readFileSync(path!))]));
}

const bootOf = (id: GuestId, more: string) => ({
  kernel: 'kernel', initrd: 'initrd', append: `console=ttyS0 ${chooseGuest(id).entry.append} ${more}`, disks: ['disk'], network: true,
});

/** A world of one VM that boots the guest. */
function oneVm(id: GuestId, vcpuCount: number, more: string): { readonly scenario: Scenario; readonly guest: Uint8Array } {
  const guest = packBundle(filesOf(id), bootOf(id, more));
  const made = vmScenarioOf({ seed: 1, kernel: guest, ramBytes: chooseGuest(id).entry.ramBytes, vcpuCount });
  if (!made.ok) throw new Error('the guest fits its VM');
  return { scenario: made.value, guest };
}

const vmOf = (run: WorldRun, id: number) => run.processes[0]!.host.findVm(id)!;
const consoleOf = (run: WorldRun, id = 1) => vmOf(run, id).debugConsole.text();

/** Goes on until VM 1 has ended; at most a minute of virtual time. */
function runToEnd(run: WorldRun, fromNs: number): void {
  for (let timeNs = fromNs; vmOf(run, 1).state === 'running' && timeNs < 60_000 * MS; ) {
    timeNs += 50 * MS;
    run.runTo(timeNs);
  }
}

function expectClean(run: WorldRun, vm: number): void {
  const bytes = run.processes[0]!.snapshotFile(`disk:${vm}:0`)!;
  expect(checkQcow2(new MemoryStore({ bytesMax: bytes.length, bytes }))).toMatchObject({ value: { leaks: 0, damages: 0, flagFaults: 0 } });
}

for (const { id, title } of GUESTS) {
  for (const vcpuCount of [1, 2]) {
    test.skipIf(!runs(id))(`${title} in a VM of ${vcpuCount}: checks itself, prints what it prints under QEMU${why(id)}`, () => {
      const run = new WorldRun(oneVm(id, vcpuCount, GUEST_CHECK));
      runToEnd(run, 0);
      expect(checkLines(consoleOf(run))).toEqual(recordedCheck());
      expect(consoleOf(run)).not.toMatch(/Oops|BUG:|WARNING:|Call Trace|failed to start/);
      expect([vmOf(run, 1).state, vmOf(run, 1).reason]).toEqual(['stopped', 'The guest shut down.']);
      expectClean(run, 1);
    });
  }
}

test.skipIf(!runs('small'))(`two VMs of a host ping one another and share nothing else${why('small')}`, () => {
  const vm = (name: string, vcpus: number, more: string) => ({
    name, host: 'one', fidelity: 'emulated', guest: 'file', memoryMiB: 32, vcpus, boot: bootOf('small', more), input: '',
  });
  const text = JSON.stringify({
    format: 'glasshouse-scenario', version: 1, name: 'pair', lab: 'datacenter', seed: 1, knobs: {}, sites: [],
    profiles: [{ name: 'host', memoryMiB: 80, processors: 2, picosecondsPerInstruction: 1000 }],
    hosts: [{ name: 'one', profile: 'host', rack: '', devices: [] }], links: [],
    vms: [vm('checks', 1, `${GUEST_CHECK} glasshouse.peer=10.0.2.16`), vm('answers', 2, '')], workloads: [],
    commands: [{ atNs: 150 * MS, command: { kind: 'console-input', vm: 'answers', text: 'network && echo $((6 * 7)) ready\n' } }],
    untilNs: 60_000 * MS, speed: 1,
  });
  const run = runFileWorld(text, filesOf('small'), 200 * MS);
  expect(consoleOf(run, 2)).toContain(GUEST_READY);
  runToEnd(run, 200 * MS);
  expect(consoleOf(run, 2)).toContain('42 ready');
  expect(checkLines(consoleOf(run))).toEqual(recordedCheck('10.0.2.16'));
  for (const id of [1, 2]) expectClean(run, id);
});

test.skipIf(!runs('small'))(`Linux rewound: random instants of its boot and check are found again; cuts change nothing${why('small')}`, () => {
  const typed = { kind: 'console-input', vm: 1, text: 'seq 1 2000 | md5sum; poweroff -f\n' } as const;
  const machine = new TimeMachine(oneVm('small', 2, ''));
  machine.command(160 * MS, typed);
  const random = makePrng({ seed: 6, stream: 1 });
  const cuts: { readonly timeNs: number; readonly hash: string }[] = [];
  for (let takenAt = 0; vmOf(machine.run, 1).state === 'running' && machine.now() < 2_000 * MS; ) {
    machine.goTo(machine.now() + 1 + nextBelow(random, 4 * MS));
    cuts.push({ timeNs: machine.now(), hash: machine.hash() });
    if (machine.work() - takenAt < 10_000_000) continue;
    takenAt = machine.work();
    machine.take();
  }
  expect(consoleOf(machine.run)).toContain('ea4d0a24dabcaa11f9aa979b872d162b');
  const end = cuts.at(-1)!;
  for (let count = 0; count < 12; count++) {
    const cut = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${machine.hash()}`).toBe(`${cut.timeNs} ${cut.hash}`);
  }
  const hashOf = (atNs: number, split?: (nowNs: number) => number) => {
    const run = new WorldRun({ ...oneVm('small', 2, ''), ...(split === undefined ? {} : { split }) });
    run.runTo(atNs);
    run.command(atNs, typed);
    run.runTo(end.timeNs);
    return run.processes[0]!.stateHash();
  };
  expect(hashOf(160 * MS)).toBe(end.hash);
  expect(hashOf(160 * MS, (nowNs) => nowNs + 77_777)).toBe(end.hash);
  expect(hashOf(160 * MS + 1)).not.toBe(end.hash); // canary
});
