// Goal: VMs are made wholly or not at all, fail alone, and their state moves to another host byte for byte.
// Method: bad specifications against a host whose free frames and harts are counted; guests that trap for ever; a hand-made
// move of a dirtier between two hosts, whose console must go on without a word of corruption. Canary: one page left out.
import { expect, test } from 'vitest';
import { hashHex, makeHash } from '../base/index.ts';
import { assembly, makeTestHost, readLong } from '../testing/test-host.ts';
import { recordErrorSentence } from '../base/device-record.ts';
import { Host, type Vm, vmErrorSentence, type VmSpec } from './index.ts';

const SLEEPER = assembly('s: wfi\n j s');

function smallHost(frameCount = 1_000): Host {
  return new Host({ id: 0, name: 'a', frameCount, processorCount: 1, seed: 1 });
}

test('bad sizes and counts are refused by name, with nothing half-changed', () => {
  const host = smallHost();
  const good: VmSpec = { id: 1, name: 'web', image: SLEEPER, ramBytes: 1 << 20 };
  const cases: [Partial<VmSpec>, string][] = [
    [{ ramBytes: 0 }, 'RAM of VM web is 0 bytes; it needs at least one page of 4 KiB.'],
    [{ ramBytes: 4095 }, 'RAM of VM web is 4095 bytes, which is not a whole number of 4 KiB pages.'],
    [{ ramBytes: -4096 }, 'RAM of VM web is -4096 bytes, which is not a whole number of 4 KiB pages.'],
    [{ ramBytes: Number.NaN }, 'RAM of VM web is NaN bytes, which is not a whole number of 4 KiB pages.'],
    [{ ramBytes: 4 << 20 }, 'RAM of VM web needs 1031 pages and host a has 1000 pages free.'],
    [{ ramBytes: 2 ** 45 }, 'RAM of VM web needs'],
    [{ ramBytes: 4096 }, 'RAM of VM web is 4096 bytes; this guest needs at least 4104.'],
    [{ vcpuCount: 0 }, 'VM web asks for 0 vCPUs; 1 to 8 are possible.'],
    [{ vcpuCount: 9 }, 'VM web asks for 9 vCPUs; 1 to 8 are possible.'],
    [{ vcpuCount: 1.5 }, 'VM web asks for 1.5 vCPUs; 1 to 8 are possible.'],
    [{ image: { kind: 'program', name: 'nginx' } }, "There is no guest program 'nginx'; known are dirtier, ticker."],
    [{ image: assembly('s: frobnicate a0') }, "The guest program 'test program' does not assemble:"],
  ];
  for (const [change, sentence] of cases) {
    const made = host.createVm({ ...good, ...change });
    if (made.ok) throw new Error(`taken: ${JSON.stringify(change)}`);
    expect(vmErrorSentence(made.error)).toContain(sentence);
    expect(host.memory.frames.freeCount()).toBe(1000);
    expect(host.vms()).toEqual([]);
  }
  expect(host.createVm(good).ok).toBe(true);
  const again = host.createVm(good);
  expect(!again.ok && vmErrorSentence(again.error)).toBe('Host a already holds a VM with id 1.');
});

test('slots and harts run out by name, and come back when a VM goes', () => {
  const host = smallHost(4_000);
  for (let id = 1; id <= 4; id++) {
    expect(host.createVm({ id, name: `v${id}`, image: SLEEPER, ramBytes: 65_536, vcpuCount: 8 }).ok).toBe(true);
  }
  const noHart = host.createVm({ id: 9, name: 'x', image: SLEEPER, ramBytes: 65_536 });
  expect(!noHart.ok && vmErrorSentence(noHart.error)).toBe('Host a has 0 harts free; 1 are wanted.');
  host.destroyVm(2);
  expect(host.createVm({ id: 9, name: 'x', image: SLEEPER, ramBytes: 65_536 }).ok).toBe(true);
  host.run(1_000_000);
  for (const id of [1, 3, 4, 9]) host.destroyVm(id);
  expect(host.memory.frames.freeCount()).toBe(4_000);
  for (let id = 1; id <= 16; id++) {
    expect(host.createVm({ id, name: `v${id}`, image: SLEEPER, ramBytes: 65_536 }).ok).toBe(true);
  }
  const noSlot = host.createVm({ id: 17, name: 'x', image: SLEEPER, ramBytes: 65_536 });
  expect(!noSlot.ok && vmErrorSentence(noSlot.error)).toBe('Host a already holds 16 VMs, which is the most it can.');
  expect(host.vms().map((vm) => vm.id)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
});

const BROKEN: [string, string, RegExp][] = [
  ['stvec 0, bare', '    csrw stvec, zero\n    .word 0', /fetched an instruction from 0x0, outside its RAM \(0x80000000 to 0x80100000\)\.$/],
  ['a jump out of RAM', '    li t0, 0x90000000\n    jr t0', /fetched an instruction from 0x90000000, outside its RAM/],
  ['a handler that is an illegal instruction', '    la t0, bad\n    csrw stvec, t0\n    j bad\n    .balign 4\nbad: .word 0', /traps for ever: its trap handler at 0x800000\w\w cannot be executed\.$/],
  ['paging on with an empty table', `
    la t0, table
    srli t0, t0, 12
    li t1, 8
    slli t1, t1, 60
    or t0, t0, t1
    csrw stvec, zero
    csrw satp, t0
    nop
    .balign 4096
table: .zero 4096`, /traps for ever: its trap handler at 0x0 cannot be executed\.$/],
];

test('a guest that can never go on fails with a sentence, alone', () => {
  for (const [name, source, pattern] of BROKEN) {
    const { host, vm } = makeTestHost({ image: assembly(source), processorCount: 2 });
    const other = host.createVm({ id: 2, name: 'ticker', image: { kind: 'program', name: 'ticker' }, ramBytes: 1 << 20 });
    if (!other.ok) throw new Error('the other VM starts');
    host.run(250_000_000);
    expect(`${name}: ${vm.state}`).toBe(`${name}: failed`);
    expect(vm.reason).toMatch(pattern);
    expect(other.value.state).toBe('running');
    expect(other.value.debugConsole.text()).toContain('ticker 0.200 s');
    expect(host.takeTimeline().map((event) => event.kind)).toEqual(['failed']);
  }
});

test('a load from nowhere is an access fault that the guest can handle', () => {
  const { host, vm } = makeTestHost({
    image: assembly(`
    la t0, trap
    csrw stvec, t0
    li t1, 0x10000004
    lw t2, 0(t1)
    .balign 4
trap:
    csrr s2, scause
    csrr s3, stval
    bnez s4, second
    li s4, 1
    sw t2, 8(t1)
second:
    csrr s5, scause
    csrr s6, stval
sleep:
    wfi
    j sleep`),
  });
  host.run(1_000_000);
  const x = (register: number) => host.machine.readRegister(0, register);
  expect([x(21), x(22)]).toEqual([7n, 0x1000_000cn]);
  expect(vm.state).toBe('running');
  expect(vm.snapshot().exits['guest-page-fault']).toBe(2);
});

/** Moves VM 1 by hand: pages, vCPUs, devices. `skip` pages are forgotten. */
function move(from: Host, to: Host, skip: readonly number[] = []): Vm {
  const vm = from.findVm(1)!;
  vm.pause('moving');
  const made = to.createIncomingVm({
    id: 1, name: vm.name, guest: vm.guest, pageCount: vm.pageCount, vcpuCount: vm.vcpus.length,
  });
  if (!made.ok) throw new Error(vmErrorSentence(made.error));
  const incoming = made.value;
  for (let page = 0; page < vm.pageCount; page++) {
    expect(incoming.memory.allocate(page)).toBe(true);
    if (!skip.includes(page)) incoming.memory.writePage(page, vm.memory.readPage(page)!, 'migration');
  }
  for (const { index } of vm.vcpus) expect(incoming.loadVcpu(index, vm.saveVcpu(index)).ok).toBe(true);
  expect(incoming.loadDeviceRecord(vm.deviceRecord()).ok).toBe(true);
  expect(incoming.deviceRecord()).toEqual(vm.deviceRecord());
  for (const { index } of vm.vcpus) expect(incoming.saveVcpu(index)).toEqual(vm.saveVcpu(index));
  vm.beginHandOver('the token is on its way');
  from.destroyVm(1);
  incoming.resume();
  return incoming;
}

test('a dirtier moved by hand goes on: same clock, same counters, nothing corrupt, waiting input included', () => {
  const { host: a, vm } = makeTestHost({
    image: { kind: 'program', name: 'dirtier' }, ramBytes: 2 << 20, frameCount: 2_000,
  });
  const b = new Host({ id: 1, name: 'b', frameCount: 1_500, processorCount: 1, seed: 1 });
  vm.type('rate 20000\n');
  a.run(40_300_000);
  b.run(45_000_000);
  vm.type('set 7\nra'); // not read yet: it travels in the device record
  const before = vm.debugConsole.text();
  const moved = move(a, b);
  moved.type('te 5000\n');
  expect(a.memory.frames.freeCount()).toBe(2_000);
  b.run(500_000_000);
  const text = before + moved.debugConsole.text();
  expect(text).toContain('dirtier set 7 pages\ndirtier rate 5000 pages/s\n');
  expect(text).not.toContain('CORRUPT');
  expect(text).toMatch(/clock stepped (4\.\d\d\d|5\.\d\d\d) ms/);
  const times = [...text.matchAll(/^dirtier ([\d.]+) s /gm)].map((match) => Number(match[1]));
  expect(times.at(-1)).toBe(0.49);
  expect(times).toEqual(times.toSorted((left, right) => left - right));
  expect(moved.pageCount).toBe(512);
});

test('canary: a page that was left out is found by the guest', () => {
  const { host: a } = makeTestHost({
    image: { kind: 'program', name: 'dirtier' }, ramBytes: 2 << 20, frameCount: 2_000,
  });
  const b = new Host({ id: 1, name: 'b', frameCount: 1_500, processorCount: 1, seed: 1 });
  a.run(40_000_000);
  b.run(41_000_000);
  const moved = move(a, b, [0x100 + 11]);
  b.run(300_000_000);
  expect(moved.debugConsole.text()).toContain('CORRUPT page 11 expected');
});

test('two harts move with their sleeping, waking and starting', () => {
  const source = assembly(`
    bnez a0, second
    li a0, 1
    la a1, start2
    li a2, 5
    li a6, 0
    li a7, 0x48534d
    ecall
loop0:
    li t0, 32
    csrw sie, t0
    rdtime a0
    addi a0, a0, 1000
    li a7, 0x54494d45
    ecall
    wfi
    addi s0, s0, 1
    j loop0
start2:
    mv s1, a1
second:
    addi s0, s0, 1
    j second`);
  const { host: a, vm } = makeTestHost({ image: source, vcpuCount: 2, processorCount: 2 });
  const b = new Host({ id: 1, name: 'b', frameCount: 1_500, processorCount: 2, seed: 1 });
  a.run(2_000_000);
  b.run(2_000_000);
  const counts = vm.vcpus.map(({ hartSlot }) => Number(a.machine.readRegister(hartSlot, 8)));
  expect(counts[0]).toBe(19);
  const moved = move(a, b);
  b.run(4_000_000);
  const after = moved.vcpus.map(({ hartSlot }) => Number(b.machine.readRegister(hartSlot, 8)));
  expect(after[0]! - counts[0]!).toBe(20);
  expect(after[1]! - counts[1]!).toBe(1_000_000);
  expect(b.machine.readRegister(moved.vcpus[1]!.hartSlot, 9)).toBe(5n);
});

test('device records that are not ours are refused and change nothing', () => {
  const { vm } = makeTestHost({ image: SLEEPER, vcpuCount: 2 });
  vm.type('abc');
  const good = vm.deviceRecord();
  const edit = (change: (bytes: Uint8Array) => void) => {
    const bytes = good.slice();
    change(bytes);
    return bytes;
  };
  const cases: [Uint8Array, RegExp][] = [
    [good.subarray(0, 6), /6 bytes/],
    [good.subarray(0, good.length - 1), /bytes; \d+ were expected/],
    [new Uint8Array([...good, 0]), /were expected/],
    [edit((bytes) => (bytes[0] = 9)), /version 9; version 1 was expected/],
    [edit((bytes) => (bytes[2] = 3)), /vcpuCount .* holds 3/],
    [edit((bytes) => (bytes[5] = 0xff)), /inputCount/],
    [edit((bytes) => (bytes[8] = 3)), /hartState/],
    [edit((bytes) => bytes.fill(0xfe, 10, 18)), /timerDeadlineNs/],
  ];
  for (const [bytes, pattern] of cases) {
    const refused = vm.loadDeviceRecord(bytes);
    expect(!refused.ok && recordErrorSentence(refused.error)).toMatch(pattern);
    expect(vm.deviceRecord()).toEqual(good);
  }
});

test('the hash of a VM sees a register, a timer, the console and the state', () => {
  const digest = (change: (host: Host, vm: Vm) => void) => {
    const { host, vm } = makeTestHost({ image: SLEEPER });
    change(host, vm);
    const hash = makeHash();
    vm.hashInto(hash);
    return hashHex(hash);
  };
  const plain = digest(() => undefined);
  expect(digest(() => undefined)).toBe(plain);
  const others = [
    digest((host) => host.machine.writeRegister(0, 31, 1n)),
    digest((_host, vm) => (vm.vcpus[0]!.timerDeadlineNs = 5)),
    digest((_host, vm) => vm.type('x')),
    digest((_host, vm) => vm.debugConsole.write(0, 'x')),
    digest((_host, vm) => vm.pause('')),
  ];
  expect(new Set([plain, ...others]).size).toBe(6);
});

test('a reboot after a move: programs of the house start afresh, of others the image stayed behind', () => {
  const rebooter = assembly(`
    li t0, 32
    csrw sie, t0
    li a0, 30000
    li a7, 0x54494d45
    ecall
    wfi
    li a0, 1
    li a1, 0
    li a7, 0x53525354
    ecall`);
  const { host: a } = makeTestHost({ image: rebooter });
  const b = new Host({ id: 1, name: 'b', frameCount: 1_500, processorCount: 1, seed: 1 });
  a.run(1_000_000);
  b.run(1_000_000);
  const moved = move(a, b);
  b.run(10_000_000);
  expect(moved.state).toBe('stopped');
  expect(moved.reason).toBe('The guest asked for a reboot, and its image is not on this host.');
});

test('two harts that increment one counter with LR/SC and with AMOs lose nothing, on one processor or two', () => {
  const source = assembly(`
    mv s0, a0
    bnez a0, both
    li a0, 1
    la a1, start1
    li a6, 0
    li a7, 0x48534d
    ecall
    j both
start1:
    mv s0, a0
both:
    li s1, 30000
loop:
    la t0, counter
again:
    lr.d t1, (t0)
    addi t1, t1, 1
    sc.d t2, t1, (t0)
    bnez t2, again
    addi t0, t0, 8
    li t1, 1
    amoadd.d t2, t1, (t0)
    addi s1, s1, -1
    bnez s1, loop
end:
    wfi
    j end
    .balign 4096
counter: .quad 0, 0`);
  for (const processorCount of [1, 2]) {
    const { host, vm } = makeTestHost({ image: source, vcpuCount: 2, processorCount });
    host.run(30_000_000);
    expect(readLong(vm, 0x8000_1000)).toBe(60_000n);
    expect(readLong(vm, 0x8000_1008)).toBe(60_000n);
  }
});
