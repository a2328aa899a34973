// Goal: a VM with devices moves while they work: nothing that it wrote to its disk or said on its network is lost, repeated or reordered.
// Method: guests that notice (core/testing/mobile-guests.ts), moved to and fro at random times; at each start all of the VM is compared
// with its clone of the stop, disks too. Canaries: a page of a disk that is not sent, frames that are not kept.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../base/index.ts';
import { etherType, readTunnelFrame } from '../../network/index.ts';
import { runTrial, type TrialResult } from '../../testing/migration-trial.ts';
import { ANSWERER_PROGRAM, callerProgram, DIARY_BLOCKS, diaryProgram, type MobileVm, mobileWorld } from '../../testing/mobile-guests.ts';
import { readPcapng } from '../../testing/pcapng-reader.ts';
import { WorldRun } from '../../testing/run-world.ts';
import { TimeMachine } from '../../testing/time-machine.ts';
import { diskProgramBlock, diskProgramSector } from '../../testing/disk-program.ts';

const SEEDS = process.env['GLASSHOUSE_VERIFY'] ? 40 : 2;

interface Move {
  readonly atNs: number;
  readonly vm: number;
  readonly to: number;
}

/** Runs the VMs while they are moved; asked for a move of one that is there already, nothing happens. */
function move(vms: readonly MobileVm[], seed: number, moves: readonly Move[], untilNs: number, meddle?: (run: WorldRun) => void): TrialResult {
  const { scenario, guest } = mobileWorld(vms, seed);
  return runTrial({
    scenario, guest, untilNs, settleNs: untilNs,
    commands: moves.map(({ atNs, vm, to }) => ({ atNs, command: { kind: 'migrate', vm, to } })),
    ...(meddle === undefined ? {} : { meddle }),
  });
}

/** All that a VM said, wherever it was. */
function said(trial: TrialResult, vm: number): string {
  const chunks = trial.run.snapshots().flatMap((it) => it.console.filter((chunk) => chunk.vm === vm));
  return chunks.toSorted((left, right) => left.timeNs - right.timeNs).map((chunk) => chunk.text).join('');
}

function moves(seed: number, vmCount: number, fromNs: number, gapNs: number, count: number): Move[] {
  const random = makePrng({ seed, stream: 9 });
  const at = Array.from({ length: vmCount }, (_, index) => index % 2);
  return Array.from({ length: count }, (_, index) => {
    const vm = nextBelow(random, vmCount);
    at[vm] = 1 - at[vm]!;
    return { atNs: fromNs + index * gapNs + nextBelow(random, gapNs / 8), vm: vm + 1, to: at[vm]! };
  });
}

const DIARY = diaryProgram();
const DIARY_TEXT = DIARY.console.replace('wrote', `${Array.from({ length: DIARY_BLOCKS }, (_, at) => `${at.toString(16).padStart(16, '0')}\n`).join('')}wrote`).replace('0800', '1000');

function diskFaults(trial: TrialResult): string[] {
  const disk = trial.run.processes.flatMap(({ host }) => host.findVm(1)?.devices?.disks ?? [])[0]!;
  return Array.from({ length: DIARY_BLOCKS }, (_, block) => {
    const content = new Uint8Array(512);
    disk.read(diskProgramSector(block) * 512, content);
    return content.every((byte, at) => byte === diskProgramBlock(block)[at]) ? '' : `block ${block}`;
  }).filter((it) => it !== '');
}

test('a disk moves with its VM, and with requests under way', () => {
  let done = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const trial = move([{ program: DIARY, host: 0, disk: true }], seed, moves(seed, 1, 100_000, 5_000_000, 4), 35_000_000);
    expect(trial.faults).toEqual([]);
    expect(said(trial, 1)).toBe(DIARY_TEXT);
    expect(diskFaults(trial)).toEqual([]);
    done += trial.migrations.filter(({ phase }) => phase === 'done').length;
  }
  expect(done).toBeGreaterThan(2 * SEEDS);
});

test('canary: a page of a disk that is not sent is missed', () => {
  const trial = move([{ program: DIARY, host: 0, disk: true }], 1, [{ atNs: 3_000_000, vm: 1, to: 1 }], 35_000_000, (run) => {
    const { disks } = run.processes[0]!.host.findVm(1)!;
    const take = disks.takeDirty.bind(disks);
    disks.takeDirty = () => take().slice(1);
  });
  expect(trial.faults.join()).toMatch(/disk/);
});

const CALLS = 90;
const caller = callerProgram(CALLS);
const PAIR: readonly MobileVm[] = [{ program: caller, host: 0, network: true }, { program: ANSWERER_PROGRAM, host: 1, network: true }];

test('two VMs talk while either moves: no frame is lost, repeated or out of order', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const trial = move(PAIR, seed, moves(seed, 2, 1_000_000, 5_000_000, 6), 60_000_000);
    expect(trial.faults).toEqual([]);
    expect(trial.migrations.filter(({ phase }) => phase === 'done').length).toBeGreaterThan(3);
    expect(said(trial, 1)).toBe(`0000000000000002\n${caller.console}`);
  }
});

test('canary: without the frames that are kept, an answer is missing; captures show the way between the hosts', () => {
  const { scenario, guest } = mobileWorld(PAIR, 2);
  const run = new WorldRun({ scenario, guest, capture: true });
  for (const { host } of run.processes) Object.assign(host.devices.openNetwork(), { takeKept: () => [] });
  for (const [index, { atNs, vm, to }] of moves(2, 2, 1_000_000, 5_000_000, 6).entries()) {
    run.command(atNs + index, { kind: 'migrate', vm, to });
  }
  run.runTo(60_000_000);
  const told = run.snapshots().flatMap((it) => it.console).filter((chunk) => chunk.vm === 1).map((chunk) => chunk.text).join('');
  expect(told.length).toBeLessThan(17 * CALLS);
  const inner = run.processes.flatMap((it) => readPcapng(it.capture()!).packets.map(({ bytes }) => readTunnelFrame(bytes))).filter((it) => it !== undefined);
  const types = new Set(inner.map(({ frame }) => etherType(frame)));
  expect([...types].toSorted()).toEqual([0x8035, 0x88b5]);
});

test('where a run is cut changes nothing', () => {
  const runs = [undefined, (nowNs: number) => nowNs + 77_777].map((split) => {
    const { scenario, guest } = mobileWorld(PAIR, 3);
    const run = new WorldRun({ scenario, guest, ...(split === undefined ? {} : { split }) });
    run.command(1_000_000, { kind: 'migrate', vm: 1, to: 1 });
    run.command(9_000_000, { kind: 'migrate', vm: 2, to: 0 });
    run.runTo(20_000_000);
    return run.hash();
  });
  expect(runs[1]).toBe(runs[0]);
});

test('a rewind into moves finds the recorded state', () => {
  const machine = new TimeMachine(mobileWorld([{ ...PAIR[0]!, disk: true }, PAIR[1]!], 4));
  for (const { atNs, vm, to } of moves(4, 2, 1_000_000, 4_000_000, 3)) machine.command(atNs, { kind: 'migrate', vm, to });
  const cuts: { readonly timeNs: number; readonly hash: string }[] = [];
  for (let timeNs = 500_000; timeNs <= 14_000_000; timeNs += 500_000) {
    machine.goTo(timeNs);
    cuts.push({ timeNs, hash: machine.hash() });
    if (cuts.length % 8 === 0) machine.take();
  }
  const random = makePrng({ seed: 4, stream: 2 });
  for (let journey = 0; journey < 10; journey++) {
    const { timeNs, hash } = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(timeNs);
    expect(machine.hash(), `at ${timeNs} ns`).toBe(hash);
  }
});
