// Goal: the SBI answers as version 2.0 says, seen from inside a guest.
// Method: programs made from a list of calls store every a0 and a1 into memory; expectations are written from the text of the
// specification. Timer, interrupts and harts are checked with small programs that use them.
import { expect, test } from 'vitest';
import { assembly, makeTestHost, readLong, runUntilText } from '../testing/test-host.ts';

const RESULTS = 0x8001_0000;
const TEXT = 0x8002_0000;

interface Call {
  readonly extension: number;
  readonly function?: number;
  readonly arguments?: readonly (number | bigint)[];
}

/** A guest that makes the calls one after the other and then sleeps. */
function programOf(calls: readonly Call[]): string {
  const lines = calls.flatMap((call) => [
    ...(call.arguments ?? []).map((value, index) => `    li a${index}, ${value}`),
    `    li a6, ${call.function ?? 0}`,
    `    li a7, ${call.extension}`,
    '    ecall',
    '    sd a0, 0(s0)',
    '    sd a1, 8(s0)',
    '    addi s0, s0, 16',
  ]);
  return ['start:', `    li s0, ${RESULTS}`, ...lines, 'sleep:', '    wfi', '    j sleep'].join('\n');
}

function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

/** (error, value) of each call. */
function callAll(calls: readonly Call[], prepare: (vm: ReturnType<typeof makeTestHost>['vm']) => void = () => undefined) {
  const { host, vm } = makeTestHost({ image: assembly(programOf(calls)), vcpuCount: 2 });
  prepare(vm);
  host.run(1_000_000);
  const replies = calls.map((_, index) => ({
    error: signed(readLong(vm, RESULTS + 16 * index)),
    value: signed(readLong(vm, RESULTS + 16 * index + 8)),
  }));
  return { host, vm, replies };
}

const BASE = 0x10;
const TIME = 0x54494d45;
const IPI = 0x735049;
const RFENCE = 0x52464e43;
const HSM = 0x48534d;
const SRST = 0x53525354;
const DBCN = 0x4442434e;

test('base: version 2.0, implementation, probes; unknown functions and extensions are not supported', () => {
  const probes = [BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, 0, 1, 2, 8];
  const { replies } = callAll([
    { extension: BASE, function: 0 },
    { extension: BASE, function: 4 },
    { extension: BASE, function: 9 },
    { extension: 0x504d55, function: 0 }, // PMU
    ...probes.map((id) => ({ extension: BASE, function: 3, arguments: [id] })),
    { extension: BASE, function: 3, arguments: [0x504d55] },
  ]);
  expect(replies[0]).toEqual({ error: 0, value: 0x0200_0000 });
  expect(replies[1]).toEqual({ error: 0, value: 0 });
  expect(replies[2]!.error).toBe(-2);
  expect(replies[3]!.error).toBe(-2);
  for (const reply of replies.slice(4, 4 + probes.length)) expect(reply).toEqual({ error: 0, value: 1 });
  expect(replies.at(-1)).toEqual({ error: 0, value: 0 });
});

test('a call keeps every register but a0 and a1', () => {
  const loads = Array.from({ length: 31 }, (_, index) => index + 1)
    .filter((register) => register < 10 || register > 17)
    .map((register) => `    li x${register}, ${register * 1001}`)
    .join('\n');
  const source = `${loads}\n    li a2, 2002\n    li a3, 3003\n    li a4, 4004\n    li a5, 5005
    li a0, 1\n    li a6, 3\n    li a7, 0x10\n    ecall\nsleep:\n    wfi\n    j sleep`;
  const { host, vm } = makeTestHost({ image: assembly(source) });
  host.run(100_000);
  for (let register = 1; register < 32; register++) {
    if (register >= 10 && register <= 17) continue;
    expect(host.machine.readRegister(vm.vcpus[0]!.hartSlot, register)).toBe(BigInt(register * 1001));
  }
  expect([12, 13, 14, 15].map((it) => host.machine.readRegister(0, it))).toEqual([2002n, 3003n, 4004n, 5005n]);
});

test('debug console: write, partial write, write byte, read, addresses outside RAM', () => {
  const { vm, replies } = callAll(
    [
      { extension: DBCN, function: 0, arguments: [5, TEXT, 0] },
      { extension: DBCN, function: 2, arguments: [33] },
      { extension: DBCN, function: 0, arguments: [5, 0x1000, 0] },
      { extension: DBCN, function: 0, arguments: [5, TEXT, 1] },
      { extension: DBCN, function: 0, arguments: [16, 0x8000_0000 + (1 << 20) - 8, 0] },
      { extension: DBCN, function: 0, arguments: [100_000, TEXT, 0] },
      { extension: DBCN, function: 1, arguments: [3, TEXT + 64, 0] },
      { extension: DBCN, function: 1, arguments: [64, TEXT + 80, 0] },
      { extension: DBCN, function: 1, arguments: [64, TEXT + 80, 0] },
      { extension: DBCN, function: 1, arguments: [64, 0x1000, 0] },
      { extension: DBCN, function: 0, arguments: [0, TEXT, 0] },
      { extension: DBCN, function: 7 },
    ],
    (it) => {
      it.memory.write(TEXT, Uint8Array.from([104, 101, 108, 108, 111]), 'hypervisor');
      it.type('abcdé');
    },
  );
  expect(replies[0]).toEqual({ error: 0, value: 5 });
  expect(vm.debugConsole.text().startsWith('hello!')).toBe(true);
  expect(replies[1]!.error).toBe(0);
  expect([2, 3, 4].map((index) => replies[index]!.error)).toEqual([-3, -3, -3]);
  expect(replies[5]).toEqual({ error: 0, value: 4096 });
  expect(vm.debugConsole.byteCount).toBe(6 + 4096);
  expect(replies[6]).toEqual({ error: 0, value: 3 });
  expect([...vm.memory.read(TEXT + 64, 4)!]).toEqual([97, 98, 99, 0]);
  expect(replies[7]).toEqual({ error: 0, value: 3 });
  expect([...vm.memory.read(TEXT + 80, 4)!]).toEqual([100, 0xc3, 0xa9, 0]);
  expect(replies[8]).toEqual({ error: 0, value: 0 });
  expect(replies[9]!.error).toBe(-3);
  expect(replies[10]).toEqual({ error: 0, value: 0 });
  expect(replies[11]!.error).toBe(-2);
});

test('legacy: putchar, getchar with and without input; a1 is left alone', () => {
  const { vm, replies } = callAll(
    [
      { extension: 1, arguments: [72, 4711] },
      { extension: 2, arguments: [0, 4712] },
      { extension: 2, arguments: [0, 4713] },
    ],
    (it) => void it.type('x'),
  );
  expect(vm.debugConsole.text()).toBe('H');
  expect(replies).toEqual([{ error: 0, value: 4711 }, { error: 120, value: 4712 }, { error: -1, value: 4713 }]);
});

test('a full input queue drops and counts', () => {
  const { vm } = makeTestHost({ image: assembly('s: wfi\n j s') });
  expect(vm.type('a'.repeat(5000))).toBe(4096);
  expect(vm.debugConsole.overflowCount).toBe(904);
});

test('set_timer wakes wfi at its tick, and clears the pending interrupt', () => {
  const source = `
    li t0, 32
    csrw sie, t0
    li a0, 1234
    li a6, 0
    li a7, ${TIME}
    ecall
    wfi
    rdtime s1
    csrr s2, sip
    li a0, -1
    ecall
    csrr s3, sip
    wfi
    li s4, 1
sleep:
    wfi
    j sleep`;
  const { host, vm } = makeTestHost({ image: assembly(source) });
  host.run(10_000_001);
  const x = (register: number) => host.machine.readRegister(0, register);
  expect(x(9)).toBe(1234n); // s1: the clock right after the wait
  expect(x(18)).toBe(32n);
  expect(x(19)).toBe(0n);
  expect(x(20)).toBe(0n); // sleeps for ever
  expect(vm.snapshot().exits['wait']).toBe(2);
  expect(host.nextEventTime()).toBe(Infinity);
});

test('a timer interrupt falls exactly before the instruction that starts at its time', () => {
  const source = `
    la t0, trap
    csrw stvec, t0
    li t0, 32
    csrw sie, t0
    li a0, 50
    li a6, 0
    li a7, ${TIME}
    ecall
    csrsi sstatus, 2
spin:
    addi s0, s0, 1
    j spin
    .balign 4
trap:
    rdtime s1
    li t0, 0
    csrw sie, t0
sleep:
    j sleep`;
  const { host, vm } = makeTestHost({ image: assembly(source) });
  host.run(4_999);
  const before = Number(host.machine.readRegister(0, 8));
  host.run(5_000);
  const after = Number(host.machine.readRegister(0, 8));
  expect(after - before).toBeLessThanOrEqual(1);
  expect(host.machine.readRegister(0, 9)).toBe(0n);
  host.run(8_000);
  expect(host.machine.readRegister(0, 8)).toBe(BigInt(after));
  // 5,000 ns, then the cost of the interrupt's exit, then the handler's first instruction
  expect(host.machine.readRegister(0, 9)).toBe(BigInt(Math.floor((5_000 + 600) / 100)));
  expect(vm.snapshot().exits['timer']).toBe(1);
});

test('harts: status, start, double start, bad hart, bad address; IPI with masks; stop', () => {
  const source = `
    mv s0, a0
    bnez a0, second
    li s1, ${RESULTS}
${[
  [HSM, 2, 1, 0, 0], //                     status of hart 1: stopped
  [HSM, 0, 1, 0x8000_0001, 0], //           misaligned
  [HSM, 0, 1, 0x1000, 0], //                not RAM
  [HSM, 0, 9, 0x8000_0000, 0], //           no such hart
  [HSM, 0, 0, 0x8000_0000, 0], //           itself: already available
  [HSM, 0, 1, 0x8000_0000, 77], //          starts
  [HSM, 2, 1, 0, 0], //                     start pending or started
  [HSM, 0, 1, 0x8000_0000, 0], //           already available
  [IPI, 0, 4, 0, 0], //                     hart 2 does not exist
  [RFENCE, 0, 3, 0, 0],
  [RFENCE, 1, 2, 0, 0],
  [RFENCE, 5, 3, 0, 0], //                  hfence: not supported
  [HSM, 3, 0x8000_0000, 0, 0], //           non-retentive suspend: not supported
]
  .map(([extension, id, ...values]) => `
${values.map((value, index) => `    li a${index}, ${value}`).join('\n')}
    li a6, ${id}
    li a7, ${extension}
    ecall
    sd a0, 0(s1)
    sd a1, 8(s1)
    addi s1, s1, 16`)
  .join('\n')}
    li a0, 2
    li a1, 0
    li a6, 0
    li a7, ${IPI}
    ecall
    sd a0, 0(s1)
wait_for_other:
    la t0, flag
    ld t1, 0(t0)
    beqz t1, wait_for_other
    li t2, 20000
delay:
    addi t2, t2, -1
    bnez t2, delay
    li a0, 1
    li a6, 2
    li a7, ${HSM}
    ecall
    sd a1, 16(s1)
    li a0, 0
    li a6, 1
    ecall                        # hart 0 stops: all are stopped
second:
    mv s2, a1
    li t0, 2
    csrw sie, t0
    wfi
    csrr s3, sip
    csrci sip, 2
    csrr s4, sip
    la t0, flag
    sd s2, 0(t0)
    li a6, 1
    li a7, ${HSM}
    ecall
    .balign 8
flag: .quad 0`;
  const { host, vm } = makeTestHost({ image: assembly(source), vcpuCount: 2, processorCount: 2 });
  host.run(2_000_000);
  const result = (index: number) => ({
    error: signed(readLong(vm, RESULTS + 16 * index)),
    value: signed(readLong(vm, RESULTS + 16 * index + 8)),
  });
  expect(result(0)).toEqual({ error: 0, value: 1 });
  expect([1, 2, 3, 4].map((index) => result(index).error)).toEqual([-5, -5, -3, -6]);
  expect(result(5).error).toBe(0);
  expect(result(6).error).toBe(0);
  expect([0, 2]).toContain(result(6).value);
  expect(result(7).error).toBe(-6);
  expect(result(8).error).toBe(-3);
  expect([9, 10, 11, 12, 13].map((index) => result(index).error)).toEqual([0, 0, -2, -2, 0]);
  expect(readLong(vm, RESULTS + 13 * 16 + 16)).toBe(1n); // hart 1 stopped again
  const second = vm.vcpus[1]!.hartSlot;
  expect(host.machine.readRegister(second, 18)).toBe(77n); // opaque
  expect(host.machine.readRegister(second, 19)).toBe(2n);
  expect(host.machine.readRegister(second, 20)).toBe(0n);
  expect(vm.state).toBe('stopped');
  expect(vm.reason).toBe('The guest stopped all of its harts.');
});

test('reset: shutdown ends the VM, reboot starts the image afresh, bad parameters are refused', () => {
  const { vm, replies } = callAll([
    { extension: SRST, function: 0, arguments: [3, 0] },
    { extension: SRST, function: 0, arguments: [0, 2] },
    { extension: SRST, function: 1, arguments: [0, 0] },
    { extension: SRST, function: 0, arguments: [0, 0] },
  ]);
  expect(replies.slice(0, 3).map((reply) => reply.error)).toEqual([-3, -3, -2]);
  expect(vm.state).toBe('stopped');
  expect(vm.reason).toBe('The guest shut down.');

  const reboots = makeTestHost({
    image: assembly(`
    la t0, count
    ld t1, 0(t0)
    addi t1, t1, 1
    sd t1, 0(t0)
    addi a0, t1, 64
    li a7, 1
    ecall
    rdtime t0
    li t1, 100
    bltu t1, t0, end
    li a0, 1
    li a1, 0
    li a6, 0
    li a7, ${SRST}
    ecall
end:
    wfi
    j end
    .balign 8
count: .quad 0`),
  });
  reboots.host.run(1_000_000);
  expect(reboots.vm.debugConsole.text()).toMatch(/^AAA+$/);
  expect(reboots.vm.state).toBe('running');
  expect(reboots.host.takeTimeline().filter((event) => event.kind === 'reboot').length).toBeGreaterThan(1);
});

test('an SBI call costs what the table says', () => {
  const source = `
    rdtime s0
    li a6, 0
    li a7, 0x10
${'    ecall\n'.repeat(100)}
    rdtime s1
sleep:
    wfi
    j sleep`;
  const { host, vm } = makeTestHost({ image: assembly(source) });
  host.run(1_000_000);
  const ticks = Number(host.machine.readRegister(0, 9) - host.machine.readRegister(0, 8));
  expect(Math.abs(ticks * 100 - (100 * (600 + 1) + 4))).toBeLessThanOrEqual(100);
  expect(vm.snapshot().exits['sbi-base']).toBe(100);
});

test('canary: text that was not printed is not found', () => {
  const { host, vm } = makeTestHost({ image: { kind: 'program', name: 'ticker' } });
  expect(runUntilText(host, vm, 'tick 3', 100_000_000)).toBe(false);
  expect(runUntilText(host, vm, 'paging on', 100_000_000)).toBe(true);
});
