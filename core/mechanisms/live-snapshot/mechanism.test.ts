// Goal: the card's eight invariants, by name, and bad input. Method: the lab's world with a small VM under
// observation (snapshot-trial): at t0 it is cloned, at every event queue, states and protections are counted.
import { expect, test } from 'vitest';
import { assert } from '../../base/index.ts';
import { decodeSnapshot, joinPieces } from '../../formats/snapshot-file.ts';
import { WAITS_FOR_ALL } from '../../hypervisor/vcpu.ts';
import { makeSnapshotBench } from '../../testing/snapshot-bench.ts';
import {
  ask, attachmentOf, fault, knob, runSnapshotTrial, serviceOf, type SnapshotTrial, smallSnapshotScenario, take,
} from '../../testing/snapshot-trial.ts';
import { captureState, pteBit } from '../../memory/index.ts';
import { freezeNs } from './costs.ts';
import type { LiveSnapshotTold } from './told.ts';

const MS = 1_000_000;

function told(trial: SnapshotTrial, host = 0): LiveSnapshotTold {
  return trial.run.snapshots()[host]!.mechanisms['live-snapshot'] as LiveSnapshotTold;
}

const events = (trial: SnapshotTrial, kind: string, host = 0) =>
  trial.run.snapshots()[host]!.events.filter((event) => event.kind === kind).map((event) => event.text);

// ── Invariant 1 ─────────────────────────────────────────────────────────────────────────────────

test.each(['', 'synchronous', 'stop-and-copy'])('1 (%s): the file, the restored VM and the fork equal a clone taken at t0', (baseline) => {
  const trial = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 1, baseline, knobs: { 'dirty-rate': 30_000 } }),
    commands: [take(30 * MS), ask(150 * MS, 'restore-snapshot', { vm: 1, name: 'one' }), ask(200 * MS, 'fork-snapshot', { name: 'one' })],
    untilNs: 400 * MS,
  });
  expect(trial.faults).toEqual([]);
  expect(trial.jobs.map((job) => job.state)).toEqual(['committed']);
  expect([trial.filesCompared, trial.restoresCompared]).toEqual([1, 2]);
  if (baseline !== 'stop-and-copy') expect(trial.jobs[0]!.faultCount).toBeGreaterThan(30);
  // The fork is another VM, and both run.
  const vms = trial.run.processes[0]!.host.vms();
  expect(vms.map((vm) => [vm.id, vm.state])).toEqual([[1, 'running'], [128, 'running']]);
});

const fileBytes: number[] = [];

test.each([0, 1, 2])('1 and 2 with codec %i: every page is in the file once, or left out as zeroes', (codec) => {
  const trial = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 2, knobs: { codec } }), commands: [take(30 * MS)], untilNs: 300 * MS,
  });
  expect(trial.faults).toEqual([]);
  const job = trial.jobs[0]!;
  expect(job.storedCount + job.zeroCount).toBe(1024);
  const image = decodeSnapshot(serviceOf(trial.run.processes[0]!).read('one')!);
  assert(image.ok, 'the file is whole');
  const zero = image.value.pages.filter((page) => page === undefined).length;
  expect(zero).toBe(codec === 0 ? 0 : job.zeroCount);
  if (codec === 0) expect(job.zeroCount).toBe(0);
  else expect(zero).toBeGreaterThan(200);
  fileBytes[codec] = job.fileBytes;
  if (codec > 0) expect(job.fileBytes).toBeLessThan(fileBytes[codec - 1]!);
});

// ── Invariant 3 ─────────────────────────────────────────────────────────────────────────────────

/** Every hart writes the same page at the same moment, over and over: hart 0 starts the others (SBI HSM). */
const MANY_WRITERS = `
    li   s0, 0x80020000
    bnez a0, writer
    li   s1, 1
start_next:
    mv   a0, s1
    la   a1, writer
    li   a2, 0
    li   a6, 0
    li   a7, 0x48534d
    ecall
    addi s1, s1, 1
    li   t0, 4
    bne  s1, t0, start_next
writer:
    li   s0, 0x80020000
again:
    sd   t1, 0(s0)
    addi t1, t1, 1
    j    again
`;

test('3: four simultaneous writers of a page: one copy, three retries', () => {
  const { host, vm, job, begin } = makeSnapshotBench({ source: MANY_WRITERS, vcpuCount: 4 });
  host.run(1 * MS);
  begin(2 * MS);
  host.run(3 * MS);
  expect(job.pageState[0x20]).toBe(captureState.stored);
  expect([job.faultCount, job.retryCount]).toEqual([1, 3]);
  expect(vm.vcpus.every((vcpu) => vcpu.waitsForPage < 0)).toBe(true);
  // All four go on writing.
  const before = vm.vcpus.map((vcpu) => vcpu.instructionCount);
  host.run(3 * MS + 100_000);
  for (const [index, vcpu] of vm.vcpus.entries()) expect(vcpu.instructionCount).toBeGreaterThan(before[index]! + 1_000);
});

// ── Invariants 4 and 5 ──────────────────────────────────────────────────────────────────────────

const TIGHT = { 'queue-cap': 65_536, 'disk-bandwidth': 10_000_000, 'dirty-rate': 30_000, 'queue-reserve': 25 };

test('4: the queue never holds more than its cap, and nothing is dropped, however tight it is', () => {
  const trial = runSnapshotTrial({ scenario: smallSnapshotScenario({ seed: 3, knobs: TIGHT }), commands: [take(30 * MS)], untilNs: 3_000 * MS });
  expect(trial.faults).toEqual([]);
  const job = trial.jobs[0]!;
  expect(job.state).toBe('committed');
  expect(job.queue.heldBytesMost).toBe(65_536);
  expect(job.queue.pagesTaken).toBe(1024);
  expect(job.stallCount).toBeGreaterThan(10);
  expect(job.stallNs).toBeGreaterThan(10 * MS);
  expect(trial.filesCompared).toBe(1);
});

test('4: the sweep leaves the reserve to the guest’s writes: with one, fewer writes stall', () => {
  const stalls = [0, 75].map((reserve) => {
    const knobs = { ...TIGHT, 'queue-cap': 262_144, 'dirty-rate': 3_000, 'queue-reserve': reserve };
    return runSnapshotTrial({ scenario: smallSnapshotScenario({ seed: 3, knobs }), commands: [take(30 * MS)], untilNs: 3_000 * MS }).jobs[0]!.stallNs;
  });
  expect(stalls[1]).toBeLessThan(stalls[0]! / 2);
});

test('5: a ten times slower disk leaves the pause identical; echoes move by counted stalls only', () => {
  const knobs = { 'queue-cap': 16 << 20, 'dirty-rate': 3_000 };
  const runs = [200_000_000, 20_000_000].map((bandwidth) => {
    const trial = runSnapshotTrial({
      scenario: smallSnapshotScenario({ seed: 4, knobs: { ...knobs, 'disk-bandwidth': bandwidth } }), commands: [take(30 * MS)], untilNs: 2_000 * MS,
    });
    expect(trial.faults).toEqual([]);
    return trial;
  });
  const [fast, slow] = runs.map((trial) => trial.jobs[0]!) as [SnapshotTrial['jobs'][number], SnapshotTrial['jobs'][number]];
  expect(slow.resumedAtNs - slow.takenAtNs).toBe(fast.resumedAtNs - fast.takenAtNs);
  expect(fast.resumedAtNs - fast.takenAtNs).toBe(freezeNs(1024, 1));
  expect(slow.endedAtNs - slow.takenAtNs).toBeGreaterThan(5 * (fast.endedAtNs - fast.takenAtNs));
  // The queue is larger than the VM: no stall, and then the guest's world is the same to the nanosecond.
  expect([fast.stallNs, slow.stallNs]).toEqual([0, 0]);
  const answers = runs.map((trial) => attachmentOf(trial.run.processes[0]!).session.answers.slice(0, 18));
  expect(answers[1]).toEqual(answers[0]);
  // With a tight queue what is slower is what was stalled.
  const tight = runSnapshotTrial({ scenario: smallSnapshotScenario({ seed: 4, knobs: { ...TIGHT } }), commands: [take(30 * MS)], untilNs: 3_000 * MS });
  const echo = told(tight).echo;
  expect(tight.jobs[0]!.resumedAtNs - tight.jobs[0]!.takenAtNs).toBe(freezeNs(1024, 1));
  expect(echo.worstNs).toBeGreaterThan(told(runs[0]!).echo.worstNs);
  expect(echo.worstNs).toBeLessThan(told(runs[0]!).echo.worstNs + tight.jobs[0]!.stallNs);
});

test('5: three ways from one seed: the live one stands shortest and echoes soonest', () => {
  const [live, synchronous, copied] = ['', 'synchronous', 'stop-and-copy'].map((baseline) =>
    runSnapshotTrial({
      scenario: smallSnapshotScenario({ seed: 5, baseline, knobs: { 'dirty-rate': 10_000, 'disk-bandwidth': 20_000_000 } }),
      commands: [take(30 * MS)], untilNs: 2_000 * MS,
    }),
  ) as [SnapshotTrial, SnapshotTrial, SnapshotTrial];
  const pause = (trial: SnapshotTrial) => trial.jobs[0]!.resumedAtNs - trial.jobs[0]!.takenAtNs;
  expect(pause(copied)).toBeGreaterThan((1024 * 4096 * 0.7) / 20e6 * 1e9);
  expect(pause(copied)).toBeGreaterThan(100 * pause(live));
  expect(pause(synchronous)).toBe(pause(live));
  expect(synchronous.jobs[0]!.stallNs).toBeGreaterThan(live.jobs[0]!.stallNs + 10 * MS);
  expect(told(live).echo.p99Ns).toBeLessThan(told(copied).echo.p99Ns / 10);
  expect(told(live).echo.p50Ns).toBeLessThanOrEqual(told(synchronous).echo.p50Ns);
});

// ── Invariants 6 and 7 ──────────────────────────────────────────────────────────────────────────

function closedPages(trial: SnapshotTrial): number {
  const { memory } = trial.run.processes[0]!.host.findVm(1)!;
  return Array.from({ length: memory.pageCount }, (_, page) => memory.gStage.leaf(page) & pteBit.write).filter((bit) => bit === 0).length;
}

test('6: at the end no W bit is cleared by the snapshot; other owners’ protections are intact', () => {
  const trial = runSnapshotTrial({ scenario: smallSnapshotScenario({ seed: 6 }), commands: [take(30 * MS)], untilNs: 300 * MS });
  expect(trial.faults).toEqual([]);
  expect(closedPages(trial)).toBe(0);
  let armed = 0;
  const logged = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 6, knobs: { 'dirty-rate': 20_000 } }), commands: [take(30 * MS)], untilNs: 300 * MS,
    watch: (run) => {
      // Another owner arms its log in the middle of the capture, once.
      const { memory } = run.processes[0]!.host.findVm(1)!;
      if (armed > 0 || serviceOf(run.processes[0]!).jobs[0]?.state !== 'capturing') return;
      memory.dirtyLog.arm();
      armed++;
    },
  });
  expect(logged.faults).toEqual([]);
  const { memory } = logged.run.processes[0]!.host.findVm(1)!;
  expect(armed).toBe(1);
  expect(memory.arbiter.count('snapshot')).toBe(0);
  expect(memory.arbiter.count('dirtyLog')).toBe(1024 - memory.dirtyLog.count());
  expect(closedPages(logged)).toBe(memory.arbiter.count('dirtyLog'));
  expect(memory.dirtyLog.count()).toBeGreaterThan(100);
});

test('6: a device that writes memory without write faults: refused, and named', () => {
  const trial = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 6 }), commands: [take(30 * MS)], untilNs: 100 * MS,
    meddle: (run) => void run.processes[0]!.host.findVm(1)!.unseenWriters.push('network card 03:00.0'),
  });
  expect(trial.jobs).toEqual([]);
  expect(events(trial, 'refused').join()).toContain("'network card 03:00.0'");
});

test.each(['', 'synchronous', 'stop-and-copy'])('7 (%s): the disk full or broken at byte k: aborted with the reason, no file, all pages open, the guest goes on', (baseline) => {
  for (const [id, reason] of [['disk-full', 'the disk is full at byte'], ['disk-error', 'a write error at byte']] as const) {
    const trial = runSnapshotTrial({
      scenario: smallSnapshotScenario({ seed: 7, baseline, knobs: { 'disk-bandwidth': 50_000_000 } }),
      commands: [take(30 * MS), fault(45 * MS, id)], untilNs: 400 * MS,
    });
    expect(trial.faults).toEqual([]);
    expect(trial.jobs.map((job) => job.state)).toEqual(['aborted']);
    expect(trial.jobs[0]!.reason).toContain(reason);
    expect(told(trial).files).toEqual([]);
    expect(told(trial).disk.usedBytes).toBe(0);
    expect(closedPages(trial)).toBe(0);
    expect(trial.run.processes[0]!.host.findVm(1)!.state).toBe('running');
    expect(told(trial).recentEchoes.at(-1)!.sentNs).toBeGreaterThan(60 * MS);
  }
});

test('7: after a mend the same name can be taken again', () => {
  const trial = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 7 }),
    commands: [fault(20 * MS, 'disk-full'), take(30 * MS), fault(100 * MS, 'disk-mend'), take(110 * MS)], untilNs: 400 * MS,
  });
  expect(trial.jobs.map((job) => job.state)).toEqual(['aborted', 'committed']);
  expect(trial.filesCompared).toBe(1);
});

test('a host that crashes in the middle of the drain leaves no half file; what was committed before is there after the boot', () => {
  const trial = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 8, knobs: { 'disk-bandwidth': 20_000_000, 'queue-cap': 16 << 20 } }),
    commands: [take(30 * MS, 'whole'), take(300 * MS, 'torn'), fault(360 * MS, 'host-crash'), ask(2_500 * MS, 'restore-snapshot', { vm: 1, name: 'whole' })],
    untilNs: 3_000 * MS,
  });
  expect(trial.jobs.map((job) => [job.name, job.state])).toEqual([['whole', 'committed'], ['torn', 'draining']]);
  expect(trial.faults).toEqual([]);
  expect(told(trial).files.map((file) => file.name)).toEqual(['whole']);
  expect(told(trial).disk.usedBytes).toBe(told(trial).files[0]!.byteCount + 4096);
  expect(trial.restoresCompared).toBe(1);
  expect(trial.run.processes[0]!.host.findVm(1)!.state).toBe('running');
});

// ── Invariant 8 (the table of writers is core/memory/arbiter.test.ts) ───────────────────────────

/** Stores nothing itself: what is typed comes into page 0x40 through the console's calls, and goes out from there. */
const CONSOLE_ONLY = `
    li   s0, 0x80040000
poll:
    li   a0, 16
    mv   a1, s0
    li   a2, 0
    li   a6, 1
    li   a7, 0x4442434e
    ecall
    beqz a1, poll
    mv   a0, a1
    mv   a1, s0
    li   a2, 0
    li   a6, 0
    ecall
    j    poll
`;

test('8: the hypervisor’s own write into guest memory keeps the page first, and waits for room as a store does', () => {
  const bench = makeSnapshotBench({
    source: CONSOLE_ONLY, bandwidthBytesPerSecond: 10_000_000, settings: { queueBytes: 65_536, sweepPagesPerSecond: 1_000_000 },
  });
  const { host, vm, job } = bench;
  vm.type('before');
  bench.begin(2 * MS);
  host.run(2 * MS + 150_000);
  expect(vm.debugConsole.text()).toBe('before');
  expect(job.pageState[0x40]).toBe(captureState.protected);
  expect(job.queue.hasRoom('fault')).toBe(false);
  vm.type('while');
  host.run(2 * MS + 200_000);
  expect(vm.vcpus[0]!.waitsForPage).toBe(0x40);
  expect(vm.debugConsole.text()).toBe('before');
  host.run(200 * MS);
  expect(vm.debugConsole.text()).toBe('beforewhile');
  expect(job.state).toBe('committed');
  expect(job.stallCount).toBe(1);
  const image = decodeSnapshot(joinPieces(bench.disk.content('bench')!));
  assert(image.ok, 'the file is whole');
  expect(String.fromCharCode(...image.value.pages[0x40]!.subarray(0, 7))).toBe('before\0');
});

const REBOOTS = `
    li   t0, 2300000
wait:
    addi t0, t0, -1
    bnez t0, wait
    li   a0, 1
    li   a1, 0
    li   a6, 0
    li   a7, 0x53525354
    ecall
    j    wait
`;

test('8: a guest that reboots meanwhile, which clears all memory, waits until every page is kept', () => {
  const bench = makeSnapshotBench({ source: REBOOTS, settings: { sweepPagesPerSecond: 20_000, queueBytes: 2 << 20 } });
  const { host, vm, job } = bench;
  vm.memory.writePage(0x90, new Uint8Array(4096).fill(0x42), 'hypervisor');
  bench.begin(2 * MS);
  host.run(5 * MS);
  expect(vm.vcpus[0]!.waitsForPage).toBe(WAITS_FOR_ALL);
  expect(vm.memory.readPage(0x90)![0]).toBe(0x42);
  host.run(40 * MS);
  expect(job.state).toBe('committed');
  expect(vm.memory.readPage(0x90)![0]).toBe(0);
  const image = decodeSnapshot(joinPieces(bench.disk.content('bench')!));
  assert(image.ok, 'the file is whole');
  expect(image.value.pages[0x90]!.every((byte) => byte === 0x42)).toBe(true);
});

test('8: a page without a frame is left out as zeroes', () => {
  const bench = makeSnapshotBench({ source: 'wait: wfi\n j wait\n', settings: { sweepPagesPerSecond: 1_000_000 } });
  bench.vm.memory.release(0x77);
  bench.begin(2 * MS);
  bench.host.run(40 * MS);
  expect([bench.job.state, bench.job.zeroCount, bench.job.storedCount]).toEqual(['committed', 1, 255]);
  expect(decodeSnapshot(joinPieces(bench.disk.content('bench')!)).ok).toBe(true);
});

// ── Requests and refusals ───────────────────────────────────────────────────────────────────────

test('a second snapshot of the same VM is refused by name and changes nothing; another name later is a child', () => {
  const trial = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 10 }),
    commands: [take(30 * MS), fault(31 * MS, 'second-snapshot'), take(32 * MS, 'two'), take(200 * MS, 'three'), ask(300 * MS, 'delete-snapshot', { name: 'one' })],
    untilNs: 500 * MS,
  });
  expect(trial.faults).toEqual([]);
  const sentence = "The snapshot 'one' of VM 1 'desk-1' is under way (capturing); a second one is refused.";
  expect(events(trial, 'refused')).toEqual([sentence, sentence]);
  expect(told(trial).files.map(({ name, parent }) => [name, parent])).toEqual([['three', '']]);
});

test.each([
  ['a name taken', take(150 * MS), "There is a snapshot 'one' on host-a already."],
  ['a bad name', take(150 * MS, '../one'), "'../one' cannot name a snapshot"],
  ['a VM of another snapshot', ask(150 * MS, 'restore-snapshot', { vm: 2, name: 'one' }), "The snapshot 'one' is of VM 1, not of VM 2; fork it to get another VM."],
])('%s is refused with a sentence', (_what, command, sentence) => {
  const trial = runSnapshotTrial({ scenario: smallSnapshotScenario({ seed: 11 }), commands: [take(30 * MS), command], untilNs: 300 * MS });
  expect(events(trial, 'refused').join()).toContain(sentence);
});

test('knobs may be turned in the middle: queue, sweep, codec and disk', () => {
  const turns = [
    knob(32 * MS, 'queue-cap', 65_536), knob(34 * MS, 'codec', 2), knob(40 * MS, 'sweep-rate', 20_000), knob(50 * MS, 'disk-bandwidth', 2_000_000),
    knob(60 * MS, 'codec', 0), knob(70 * MS, 'disk-bandwidth', 500_000_000), knob(72 * MS, 'queue-cap', 8 << 20), knob(74 * MS, 'page-size', 16),
  ];
  const trial = runSnapshotTrial({ scenario: smallSnapshotScenario({ seed: 12, knobs: { 'dirty-rate': 20_000, 'sweep-rate': 20_000 } }), commands: [take(30 * MS), ...turns], untilNs: 2_000 * MS });
  expect(trial.faults.filter((it) => !it.includes('the queue holds'))).toEqual([]);
  expect(trial.jobs[0]!.state).toBe('committed');
  expect(trial.filesCompared).toBe(1);
});

test('larger pages: a fault keeps its neighbours, so there are fewer faults, and the file is the same', () => {
  const faults = [1, 16].map((size) => {
    const trial = runSnapshotTrial({ scenario: smallSnapshotScenario({ seed: 13, knobs: { 'page-size': size, 'sweep-rate': 5_000, 'dirty-rate': 20_000 } }), commands: [take(30 * MS)], untilNs: 600 * MS });
    expect(trial.faults).toEqual([]);
    expect(trial.filesCompared).toBe(1);
    return trial.jobs[0]!.faultCount;
  });
  expect(faults[1]).toBeLessThan(faults[0]! / 3);
});

test('canary: a write that bypasses the protection makes the file differ from the clone', () => {
  let bypassed = 0;
  const trial = runSnapshotTrial({
    scenario: smallSnapshotScenario({ seed: 14, knobs: { 'sweep-rate': 5_000 } }), commands: [take(30 * MS)], untilNs: 600 * MS,
    watch: (run) => {
      const { host } = run.processes[0]!;
      if (bypassed > 0 || serviceOf(run.processes[0]!).jobs[0]?.state !== 'capturing') return;
      bypassed++;
      const { memory } = host.memory.host;
      new Uint8Array(memory.buffer)[host.memory.host.layout.ramAddress + host.findVm(1)!.memory.frame(900) * 4096] = 0x77;
    },
  });
  expect(trial.faults.join()).toMatch(/page 900 differs/);
});
