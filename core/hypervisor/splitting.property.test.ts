// Goal: results do not depend on how virtual time is cut up by whoever calls run().
// Method: the same host (several VMs, vCPUs on fewer processors, a throttle, dirty logging, console input, pauses at event
// times) runs once in one piece and once in random pieces; state at event times, memory, registers and console must be equal.
// Canary: the same comparison must see a difference of one instruction.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashHex, hashBytes, hashInteger, hashText, makeHash } from '../base/index.ts';
import { rank } from '../sim/rank.ts';
import { Host, type VmSpec } from './index.ts';

const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;

/** Two harts that add to one counter with AMOs, wake each other by IPI and sleep on a timer of their own. */
const PAIR = `
start:
    mv   s0, a0
    la   t0, trap
    csrw stvec, t0
    bnez a0, both
    li   a0, 1                   # hart_start(1, second, 7)
    la   a1, start
    li   a2, 7
    li   a6, 0
    li   a7, 0x48534D
    ecall
both:
    li   t0, 0x22                # software and timer interrupts
    csrw sie, t0
    csrsi sstatus, 2
loop:
    li   s1, 700
work:
    la   t0, counter
    li   t1, 1
    amoadd.d t2, t1, (t0)
    xor  s2, s2, t2              # what was there: depends on the interleaving
    addi s1, s1, -1
    bnez s1, work
    la   t0, sums
    slli t1, s0, 3
    add  t0, t0, t1
    sd   s2, 0(t0)
    rdtime a0
    addi a0, a0, 173
    li   a6, 0
    li   a7, 0x54494D45
    ecall
    li   t0, 1                   # IPI to the other hart
    xor  t1, s0, t0
    sll  a0, t0, t1
    li   a1, 0
    li   a6, 0
    li   a7, 0x735049
    ecall
    andi t0, s2, 3
    beqz t0, loop
    wfi
    j    loop
    .balign 4
trap:
    csrr t5, scause
    csrr t6, time
    xor  s2, s2, t6
    slli t5, t5, 1
    srli t5, t5, 1
    li   t6, 1
    bne  t5, t6, timer
    csrci sip, 2
    la   t5, woken
    amoadd.d t6, t6, (t5)
    sret
timer:
    li   t6, 32
    csrc sie, t6
    csrs sie, t6
    li   a0, -1
    li   a6, 0
    li   a7, 0x54494D45
    ecall
    sret
    .balign 8
counter: .quad 0
sums:    .quad 0, 0
woken:   .quad 0
`;

const VMS: readonly VmSpec[] = [
  { id: 1, name: 'pair', image: { kind: 'assembly', name: 'pair', source: PAIR }, ramBytes: 256 << 10, vcpuCount: 2 },
  { id: 2, name: 'ticker', image: { kind: 'program', name: 'ticker' }, ramBytes: 1 << 20 },
  { id: 3, name: 'dirtier', image: { kind: 'program', name: 'dirtier' }, ramBytes: 2 << 20 },
];

interface Plan {
  readonly vms: readonly number[];
  readonly processorCount: number;
  readonly throttle: number;
  readonly picosecondsPerInstruction: number;
  readonly endNs: number;
  readonly armNs: number;
  readonly pauseNs: number;
}

/** Runs a plan, stopping at each of `stops`; gives a digest of everything there is. */
function play(plan: Plan, stops: readonly number[]): { digest: string; states: string[]; text: string } {
  const host = new Host({
    id: 3,
    name: 'h',
    frameCount: 1200,
    processorCount: plan.processorCount,
    seed: 1,
    picosecondsPerInstruction: plan.picosecondsPerInstruction,
  });
  const states: string[] = [];
  const stateHash = (): string => {
    const hash = makeHash();
    for (const vm of host.vms()) vm.hashInto(hash);
    host.memory.takeWrittenPages((slot, page) => {
      hashInteger(hash, slot);
      hashInteger(hash, page);
      hashBytes(hash, host.memory.findVm(slot)!.readPage(page)!);
    });
    return hashHex(hash);
  };
  host.registerHandler('test', (kind) => {
    const first = host.vms()[0]!;
    if (kind === 'test.hash') states.push(stateHash());
    if (kind === 'test.arm') for (const vm of host.vms()) vm.memory.dirtyLog.arm();
    if (kind === 'test.pause' && first.state === 'running') first.pause('a test');
    if (kind === 'test.resume' && first.state === 'paused') first.resume();
    if (kind === 'test.type') for (const vm of host.vms()) vm.type('rate 100000\nperiod 700\n');
    if (kind === 'test.throttle') first.setThrottle(plan.throttle);
  });
  for (const index of plan.vms) {
    const made = host.createVm(VMS[index]!);
    if (!made.ok) throw new Error(made.error.kind);
  }
  host.schedule(300_007, rank.command, 'test.type');
  host.schedule(400_001, rank.command, 'test.throttle');
  host.schedule(plan.armNs, rank.mechanism, 'test.arm');
  host.schedule(plan.pauseNs, rank.mechanism, 'test.pause');
  host.schedule(plan.pauseNs + 400_000, rank.mechanism, 'test.resume');
  for (let at = 500_000; at < plan.endNs; at += 1_234_567) {
    host.schedule(at, rank.hashPoint, 'test.hash');
  }
  for (const stop of stops) {
    host.run(stop);
    expect(host.now()).toBe(stop);
  }
  host.run(plan.endNs);
  // An event that everyone sees: what is left of a quantum is finished first.
  host.schedule(plan.endNs, rank.hashPoint, 'test.hash');
  host.run(plan.endNs + 1);
  const hash = makeHash();
  for (const state of states) hashText(hash, state);
  const text = host.vms().map((vm) => JSON.stringify(vm.debugConsole.chunksFrom(0))).join('\n');
  hashText(hash, text);
  hashText(hash, JSON.stringify(host.vms().map((vm) => vm.snapshot())));
  hashText(hash, JSON.stringify(host.takeTimeline()));
  return { digest: hashHex(hash), states, text };
}

const END_MAX = 14_000_000;

const plans = fc.record({
  vms: fc.constantFrom([0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]),
  processorCount: fc.constantFrom(1, 2, 4),
  throttle: fc.constantFrom(0, 0, 20, 99),
  picosecondsPerInstruction: fc.constantFrom(1000, 1000, 333, 1700),
  endNs: fc.integer({ min: 600_000, max: END_MAX }),
  armNs: fc.integer({ min: 400_000, max: 3_000_000 }),
  pauseNs: fc.integer({ min: 400_000, max: 3_000_000 }),
});

test('any splitting of the run gives the same memory, registers, console and timeline', () => {
  fc.assert(
    fc.property(
      plans,
      fc.array(fc.integer({ min: 1, max: END_MAX }), { maxLength: 12 }),
      fc.array(fc.nat({ max: 6_000 }), { maxLength: 25 }),
      (plan, coarse, fine) => {
        // Coarse stops anywhere; fine ones a few instructions and grid points apart, from one of them on.
        let at = coarse[0] ?? 450_000;
        const near = fine.map((step) => (at += step));
        const stops = [...coarse, ...near].filter((stop) => stop < plan.endNs).toSorted((a, b) => a - b);
        expect(play(plan, stops)).toEqual(play(plan, []));
      },
    ),
    { numRuns: VERIFY ? 600 : 8, seed: 20261121 },
  );
}, VERIFY ? 3_600_000 : 60_000);

test('canary: one instruction more is seen', () => {
  const plan = {
    vms: [0, 1], processorCount: 2, throttle: 0, picosecondsPerInstruction: 1000,
    endNs: 2_000_000, armNs: 500_000, pauseNs: 500_000,
  };
  const same = play(plan, []);
  expect(play({ ...plan, endNs: 2_000_001 }, []).digest).not.toBe(same.digest);
  expect(play(plan, [777]).digest).toBe(same.digest);
  expect(play({ ...plan, processorCount: 1 }, []).digest).not.toBe(same.digest);
  expect(same.text).toContain('ticker');
});
