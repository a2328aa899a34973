// Goal: the board runs bare-metal programs as QEMU's virt machine does, and the same way however a run is cut.
// Method: programs recorded on QEMU (core/testing/bare-metal-programs.ts) for console and status; what only the
// board can be asked (virtual time, turns, input, HTIF, sleep) by programs of its own.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { type BareMetalProgram, bareMetalElf } from '../testing/bare-metal-program.ts';
import { BARE_METAL_PROGRAMS, getBareMetalProgram } from '../testing/bare-metal-programs.ts';
import { compileHostModule } from '../wasm/index.ts';
import { layOutBoot, renderBootError } from './boot-image.ts';
import { hartReports } from './report.ts';
import { VirtMachine } from './virt-machine.ts';

const compiled = compileHostModule();
const RAM_BYTES = 4 * 1024 * 1024;
const INSTRUCTIONS_MAX = 2_000_000;

function profileOf({ aia, guests }: Pick<BareMetalProgram, 'aia' | 'guests'>) {
  if (guests !== undefined) return 'rv64gch-sstc-aia' as const;
  return aia === 'aplic-imsic' ? ('rv64gc-aia' as const) : ('rv64gc' as const);
}

function boot(program: Pick<BareMetalProgram, 'name' | 'source' | 'hartCount' | 'aia' | 'guests'>) {
  const file = { name: program.name, bytes: bareMetalElf(program) };
  const options = { ramBytes: RAM_BYTES, hartCount: program.hartCount, profile: profileOf(program), ...(program.aia === undefined ? {} : { aia: program.aia }) };
  const image = layOutBoot({ program: file, ...options });
  if (!image.ok) throw new Error(renderBootError(image.error));
  const told = { console: '' };
  const transmit = (byte: number) => { told.console += String.fromCharCode(byte); };
  return { machine: new VirtMachine(image.value, { ...options, compiled, transmit }), told };
}
const source = (name: string, text: string, hartCount = 1) => ({ name, source: text, hartCount });

/** All that a run may not depend on how it is cut. */
function stateOf(machine: VirtMachine): unknown {
  const harts = hartReports(machine).map(({ hart }) => [machine.harts.readPc(hart), Buffer.from(machine.harts.saveHart(hart)).toString('hex')]);
  return [machine.timeNs(), machine.instructionsAttempted(), hartReports(machine), harts];
}

test.each(BARE_METAL_PROGRAMS)('$name: console and status as recorded', (program) => {
  const { machine, told } = boot(program);
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('ended');
  expect(told.console).toBe(program.console);
  const end = machine.ended()!;
  expect(end.how === 'pass' ? 0 : end.code).toBe(program.status);
  expect(end.by).toBe(program.onlyHere ? 'htif' : 'finisher');
});

test.each(['timer', 'two harts', 'interrupt-driven serial port', 'supervisor'])('%s: cut anywhere, the same run', (name) => {
  const prng = makePrng({ seed: 4, stream: 7 });
  const whole = boot(getBareMetalProgram(name));
  whole.machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX);
  for (let round = 0; round < 5; round++) {
    const { machine, told } = boot(getBareMetalProgram(name));
    for (let cuts = 0; machine.ended() === undefined && cuts < 100_000; cuts++) machine.advance(machine.timeNs() + 1 + nextBelow(prng, 9_000), INSTRUCTIONS_MAX);
    expect(told.console).toBe(whole.told.console);
    expect(stateOf(machine)).toEqual(stateOf(whole.machine));
  }
});

test.each(['timer', 'two harts', 'interrupt-driven serial port', 'supervisor'])('%s: cut in the middle of turns, the same run, and the same state at the same instant', (name) => {
  const prng = makePrng({ seed: 11, stream: 3 });
  const whole = boot(getBareMetalProgram(name));
  whole.machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX);
  const endNs = whole.machine.timeNs();
  for (let round = 0; round < 4; round++) {
    const lookNs = 1 + nextBelow(prng, endNs);
    const straight = boot(getBareMetalProgram(name));
    straight.machine.runTo(lookNs);
    const { machine, told } = boot(getBareMetalProgram(name));
    let timeNs = 0;
    const goTo = (untilNs: number) => {
      while (timeNs < untilNs) {
        timeNs = Math.min(untilNs, timeNs + 1 + nextBelow(prng, 1 + endNs / 200));
        machine.runTo(timeNs);
      }
    };
    goTo(lookNs);
    expect(stateOf(machine)).toEqual(stateOf(straight.machine));
    expect(told.console).toBe(straight.told.console);
    goTo(endNs + 100_000);
    expect(told.console).toBe(whole.told.console);
    expect(stateOf(machine)).toEqual(stateOf(whole.machine));
  }
});

test('a cut in the middle of a turn is exact: no instruction starts at the instant or later', () => {
  const { machine } = boot(source('straight', 'main: j main'));
  machine.runTo(777_333);
  expect(machine.instructionsAttempted()).toBe(777_333);
  expect(machine.nextInstructionNs()).toBe(777_333);
  const asleep = boot(source('asleep', '1: wfi\n j 1b'));
  asleep.machine.runTo(5_000_017);
  expect(asleep.machine.timeNs()).toBe(5_000_017);
  expect(asleep.machine.nextInstructionNs()).toBe(Number.POSITIVE_INFINITY);
});

test('traps are counted by cause', () => {
  const { machine } = boot(getBareMetalProgram('traps'));
  machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX);
  const [hart] = hartReports(machine);
  expect(hart!.traps).toEqual({
    'load access fault': 2,
    'store/AMO access fault': 1,
    'instruction access fault': 1,
    'illegal instruction': 1,
    'environment call from M-mode': 1,
    breakpoint: 1,
  });
  expect(hart!.instructionsRetired).toBe(machine.instructionsAttempted() - 7);
});

test('the timer fires at its tick, also in the middle of a straight run; mtime is virtual time', () => {
  const { machine } = boot(source('exact', `
    la   t0, handler
    csrw mtvec, t0
    li   t0, 0x80
    csrw mie, t0
    li   s0, 0x02004000
    li   t0, 100                 # at 10 µs
    sd   t0, 0(s0)
    csrsi mstatus, 8
    li   s1, 0
1:  addi s1, s1, 1
    j    1b
    .balign 4
handler:
    csrr s2, time
    csrr s3, mcycle
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
2:  j    2b`));
  machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX);
  expect(machine.harts.readRegister(0, 18)).toBe(100n);
  expect(machine.harts.readRegister(0, 19)).toBe(10_001n); // 10,000 ns of instructions, and the one before
});

test('wfi skips idle time: a timer a second away costs a handful of instructions', () => {
  const { machine } = boot(source('sleep', `
    la   t0, handler
    csrw mtvec, t0
    li   t0, 0x80
    csrw mie, t0
    li   s0, 0x02004000
    li   t0, 10000000
    sd   t0, 0(s0)
    csrsi mstatus, 8
1:  wfi
    j    1b
    .balign 4
handler:
    csrr s2, time
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
2:  j    2b`));
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('ended');
  expect(machine.harts.readRegister(0, 18)).toBe(10_000_000n);
  expect(machine.instructionsAttempted()).toBeLessThan(30);
});

test('the clock of the day rings through the interrupt controller, at its nanosecond', () => {
  const { machine } = boot(source('alarm', `
    la   t0, handler
    csrw mtvec, t0
    li   s0, 0x0c000000
    li   t0, 1
    sw   t0, 44(s0)
    li   t1, 0x0c002000
    li   t0, 1 << 11
    sw   t0, 0(t1)
    li   t0, 0x800
    csrw mie, t0
    li   s0, 0x101000
    li   t0, 1
    sw   t0, 0x10(s0)
    lwu  t1, 0(s0)
    lwu  t2, 4(s0)
    li   t0, 30000
    add  t1, t1, t0
    sw   t2, 12(s0)
    sw   t1, 8(s0)
    csrsi mstatus, 8
    mv   s3, t1
1:  wfi
    j    1b
    .balign 4
handler:
    csrr s2, mcause
    lwu  s4, 0(s0)
    sub  s4, s4, s3
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
2:  j    2b`));
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('ended');
  expect(machine.harts.readRegister(0, 18)).toBe(0x8000_0000_0000_000bn);
  expect(Number(machine.harts.readRegister(0, 20))).toBeLessThan(20);
});

test('every hart asleep without a timer: told as such, and input wakes it', () => {
  const { machine, told } = boot(source('echo', `
    la   t0, handler
    csrw mtvec, t0
    li   s0, 0x0c000000
    li   t0, 1
    sw   t0, 40(s0)
    li   t1, 0x0c002000
    li   t0, 1 << 10
    sw   t0, 0(t1)
    li   t0, 0x800
    csrw mie, t0
    li   s1, 0x10000000
    li   t0, 1
    sb   t0, 1(s1)
    csrsi mstatus, 8
1:  wfi
    j    1b
    .balign 4
handler:
    li   t1, 0x0c200004
    lw   t2, 0(t1)
    lbu  t0, 0(s1)
    sb   t0, 0(s1)
    sw   t2, 0(t1)
    li   t1, '!'
    bne  t0, t1, 3f
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
3:  mret`));
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('asleep');
  const before = machine.timeNs();
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('asleep');
  expect(machine.timeNs()).toBe(before);
  machine.type(new TextEncoder().encode('typed'));
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('asleep');
  machine.type(new TextEncoder().encode('!'));
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('ended');
  expect(told.console).toBe('typed!');
});

test('the limit of instructions is exact, for one hart and for several', () => {
  for (const hartCount of [1, 3]) {
    const { machine } = boot(source('endless', 'main: j main', hartCount));
    expect(machine.advance(Number.POSITIVE_INFINITY, 12_345)).toBe('instructions');
    expect(machine.instructionsAttempted()).toBe(12_345);
  }
});

test('harts take turns: what one writes the other sees within a turn, and both come equally far', () => {
  const { machine } = boot(source('turns', `
    csrr t0, mhartid
    bnez t0, 2f
1:  addi s1, s1, 1
    j    1b
2:  addi s1, s1, 1
    j    2b`, 4));
  machine.advance(1_000_000, INSTRUCTIONS_MAX * 10);
  expect(machine.timeNs()).toBe(1_000_000);
  expect(hartReports(machine).map(({ instructionsRetired }) => instructionsRetired)).toEqual([1e6, 1e6, 1e6, 1e6]);
});

test('a software interrupt wakes a sleeping hart at the next point of the grid', () => {
  const { machine } = boot(source('ipi', `
    csrwi mie, 8
    csrr t0, mhartid
    bnez t0, 2f
    li   t1, 7000                # 14 µs of work
1:  addi t1, t1, -1
    bnez t1, 1b
    csrr s1, time
    li   t0, 0x02000000
    li   t1, 1
    sw   t1, 4(t0)
3:  j    3b
2:  wfi
    csrr s2, time
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
4:  j    4b`, 2));
  expect(machine.advance(Number.POSITIVE_INFINITY, INSTRUCTIONS_MAX)).toBe('ended');
  expect(machine.harts.readRegister(0, 9)).toBe(140n);
  expect(machine.harts.readRegister(1, 18)).toBe(150n);
});
