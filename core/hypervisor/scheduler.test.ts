// Goal: processors are shared fairly on absolute grids, throttles take just their share, time costs what it should.
// Method: guests that only count run on hosts with too few processors; their counters are read at known times.
// Expectations are worked out from the grid by hand.
import { expect, test } from 'vitest';
import { rank } from '../sim/rank.ts';
import { assembly, makeTestHost } from '../testing/test-host.ts';
import { Host, type Vm } from './index.ts';
import { isThrottled, nextThrottleEdge } from './scheduler.ts';

/** Two instructions a turn: s0 counts turns. */
const SPINNER = assembly('loop: addi s0, s0, 1\n j loop');
const MILLISECOND = 1_000_000;

function makeSpinners(count: number, processorCount: number): { host: Host; vms: Vm[] } {
  const host = new Host({ id: 0, name: 'h', frameCount: 4_000, processorCount, seed: 1 });
  const vms = Array.from({ length: count }, (_, index) => {
    const made = host.createVm({ id: index + 1, name: `v${index}`, image: SPINNER, ramBytes: 65_536 });
    if (!made.ok) throw new Error(made.error.kind);
    return made.value;
  });
  return { host, vms };
}

/** Virtual time that each VM has had, from its turns. Unit: ns at 1,000 ps an instruction. */
function times(host: Host, vms: readonly Vm[]): number[] {
  return vms.map((vm) => 2 * Number(host.machine.readRegister(vm.vcpus[0]!.hartSlot, 8)));
}

test('one vCPU on one processor executes one instruction a nanosecond, exactly', () => {
  const { host, vm } = makeTestHost({ image: SPINNER });
  for (const until of [1, 2, 3, 10, 5_000, 123_457, 2_000_001]) {
    host.run(until);
    expect(vm.snapshot().instructionsRetired).toBe(until);
  }
});

test('an instruction time that is not whole nanoseconds never drifts', () => {
  const { host, vm } = makeTestHost({ image: SPINNER, picosecondsPerInstruction: 333 });
  for (const until of [1, 7, 1_000, 999_999, 3_000_000]) {
    host.run(until);
    expect(vm.snapshot().instructionsRetired).toBe(Math.ceil((until * 1000) / 333));
  }
});

test('three VMs on one processor take turns of 10 ms', () => {
  const { host, vms } = makeSpinners(3, 1);
  host.run(10 * MILLISECOND);
  expect(times(host, vms)).toEqual([10 * MILLISECOND, 0, 0]);
  host.run(15 * MILLISECOND);
  expect(times(host, vms)).toEqual([10 * MILLISECOND, 5 * MILLISECOND, 0]);
  host.run(60 * MILLISECOND);
  expect(times(host, vms)).toEqual([20 * MILLISECOND, 20 * MILLISECOND, 20 * MILLISECOND]);
});

test('three VMs on two processors get two thirds each', () => {
  const { host, vms } = makeSpinners(3, 2);
  host.run(60 * MILLISECOND);
  expect(times(host, vms)).toEqual([40 * MILLISECOND, 40 * MILLISECOND, 40 * MILLISECOND]);
});

test('a processor that somebody leaves is taken within a quantum', () => {
  const sleeper = assembly(`
    li t0, 32
    csrw sie, t0
loop:
    li t1, 20000
burn:
    addi t1, t1, -1
    bnez t1, burn
    rdtime a0
    addi a0, a0, 400
    li a7, 0x54494d45
    li a6, 0
    ecall
    wfi
    addi s1, s1, 1
    j loop`);
  const host = new Host({ id: 0, name: 'h', frameCount: 4_000, processorCount: 1, seed: 1 });
  for (const [id, image] of [[1, sleeper], [2, SPINNER]] as const) {
    expect(host.createVm({ id, name: 'v', image, ramBytes: 65_536 }).ok).toBe(true);
  }
  host.run(MILLISECOND);
  // VM 1 burns 40 µs and sleeps; VM 2 takes over at the next grid point and keeps the processor for the slice.
  const spun = 2 * Number(host.machine.readRegister(1, 8));
  expect(spun).toBeGreaterThan(MILLISECOND - 50_000);
  expect(host.machine.readRegister(0, 9)).toBe(0n);
  host.run(10 * MILLISECOND + 10_000);
  expect(host.machine.readRegister(0, 9)).toBe(1n); // its turn at the slice's end
});

test('a throttle takes its share at the start of every 10 ms, from the moment it is set', () => {
  for (const percent of [1, 99]) {
    const { host, vms } = makeSpinners(1, 1);
    host.registerHandler('test', (kind) => vms[0]!.setThrottle(kind === 'test.on' ? percent : 0));
    host.schedule(10 * MILLISECOND, rank.mechanism, 'test.on');
    host.schedule(40 * MILLISECOND, rank.mechanism, 'test.off');
    host.run(10 * MILLISECOND);
    expect(times(host, vms)).toEqual([10 * MILLISECOND]);
    host.run(40 * MILLISECOND);
    expect(times(host, vms)).toEqual([10 * MILLISECOND + (100 - percent) * 300_000]);
    host.run(45 * MILLISECOND);
    expect(times(host, vms)).toEqual([15 * MILLISECOND + (100 - percent) * 300_000]);
  }
});

test('a throttled VM leaves its processor to others', () => {
  const { host, vms } = makeSpinners(2, 1);
  vms[0]!.setThrottle(50);
  host.run(40 * MILLISECOND);
  const [first, second] = times(host, vms);
  expect(first! + second!).toBeGreaterThan(40 * MILLISECOND - 50_000);
  expect(second!).toBeGreaterThanOrEqual(20 * MILLISECOND);
});

test('edges of the throttle', () => {
  const { vm } = makeTestHost({ image: SPINNER });
  expect(nextThrottleEdge(vm, 5)).toBe(Infinity);
  vm.setThrottle(30);
  expect([0, 2_999_999, 3_000_000, 9_999_999, 10_000_000].map((at) => isThrottled(vm, at))).toEqual([
    true, true, false, false, true,
  ]);
  expect([0, 2_999_999, 3_000_000, 9_999_999].map((at) => nextThrottleEdge(vm, at))).toEqual([
    3_000_000, 3_000_000, 10_000_000, 10_000_000,
  ]);
  expect(() => vm.setThrottle(100)).toThrow('a throttle is 0 … 99 %');
});

test('the first write to a page under the dirty log costs 700 ns, once, at that instruction', () => {
  const source = assembly(`
    la s0, page
    rdtime s1
    sd zero, 0(s0)
    rdtime s2
    sd zero, 8(s0)
    rdtime s3
    amoadd.d t0, s0, (s0)
    li t1, 4096
    add t1, t1, s0
    rdtime s4
    amoadd.d t0, s0, (t1)
    rdtime s5
sleep:
    wfi
    j sleep
    .balign 4096
page: .zero 8192`);
  const { host, vm } = makeTestHost({ image: source });
  vm.memory.dirtyLog.arm();
  host.run(100_000);
  const x = (register: number) => Number(host.machine.readRegister(0, register));
  expect([x(18) - x(9), x(19) - x(18), x(20) - x(19), x(21) - x(20)]).toEqual([7, 0, 0, 7]);
  expect(vm.snapshot().exits['dirty-log']).toBe(2);
  expect(vm.memory.dirtyLog.count()).toBe(2);
});

test('pause and resume from outside of events take effect at now, without losing or inventing time', () => {
  const { host, vms } = makeSpinners(2, 2);
  host.run(7_001); // in the middle of a quantum
  vms[0]!.pause('a person');
  host.run(20_000);
  expect(times(host, vms)[0]).toBe(7_002);
  vms[0]!.resume();
  host.run(30_000);
  expect(times(host, vms)[0]).toBe(17_002);
  expect(times(host, vms)[1]).toBe(30_000);
});

test('idle time is skipped: an hour of sleep is a handful of steps', () => {
  const source = assembly(`
    li t0, 32
    csrw sie, t0
    li a0, 36000000000
    li a6, 0
    li a7, 0x54494d45
    ecall
    wfi
    rdtime s0
sleep:
    wfi
    j sleep`);
  const { host } = makeTestHost({ image: source });
  host.run(1_000_000);
  expect(host.nextEventTime()).toBe(3_600_000_000_000);
  host.run(3_600_000_010_000);
  expect(host.machine.readRegister(0, 8)).toBe(36_000_000_000n);
});

test('events of one instant run by rank, then in the order they were scheduled', () => {
  const { host } = makeTestHost({ image: SPINNER });
  const seen: string[] = [];
  host.registerHandler('test', (kind, args, now) => {
    seen.push(`${kind} ${String(args['n'])} ${now}`);
    if (args['n'] === 3) host.schedule(now, rank.command, 'test.late', { n: 9 });
  });
  host.schedule(500, rank.mechanism, 'test.a', { n: 1 });
  host.schedule(500, rank.command, 'test.b', { n: 2 });
  host.schedule(500, rank.mechanism, 'test.a', { n: 3 });
  host.schedule(500, rank.sample, 'test.c', { n: 4 });
  host.schedule(499, rank.sample, 'test.d', { n: 5 });
  host.run(500);
  expect(seen).toEqual(['test.d 5 499']);
  host.run(501);
  expect(seen).toEqual(['test.d 5 499', 'test.b 2 500', 'test.a 1 500', 'test.a 3 500', 'test.late 9 500', 'test.c 4 500']);
  expect(() => host.schedule(400, 0, 'test.e')).toThrow('past');
  host.schedule(600, 0, 'nobody.x');
  expect(() => host.run(601)).toThrow("event 'nobody.x' has a handler");
});
