// Goal: a guest in S mode finds the devices of QEMU's virt machine and works with them as the bare-metal programs do; what no device takes is
// an access fault; nothing depends on where time is cut. Method: the board's recorded programs moved to S mode; small programs for faults,
// wires to another vCPU, typed input and the finisher; each runs in one piece and in pieces. Canary: one byte typed more.
import { expect, test } from 'vitest';
import { hashBytes, hashHex, makeHash } from '../base/index.ts';
import { openDiskBytes, parseDeviceTree } from '../formats/index.ts';
import { cardMac } from '../network/index.ts';
import { program } from '../testing/bare-metal-program.ts';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS, diskProgramBlock, diskProgramSector } from '../testing/disk-program.ts';
import { ECHO_PROGRAM } from '../testing/echo-program.ts';
import { NET_PROGRAM } from '../testing/net-program.ts';
import { asSupervisor, makeDeviceHost } from '../testing/supervisor-program.ts';
import { vmDeviceTree } from './boot.ts';
import type { GuestImage, VmDeviceSpec } from './index.ts';

const NET: VmDeviceSpec = { network: { mac: cardMac(0) } };

interface Trial {
  readonly vcpuCount?: number;
  readonly processorCount?: number;
  /** Typed at these times. */
  readonly typed?: readonly { readonly atNs: number; readonly text: string }[];
  readonly untilNs?: number;
}

/** Runs in pieces of `cutNs`; what can be seen at the end. */
function run(image: GuestImage, spec: VmDeviceSpec, cutNs: number, trial: Trial = {}) {
  const { host, vm } = makeDeviceHost(image, spec, trial);
  const { untilNs = 20_000_000, typed = [] } = trial;
  host.registerHandler('typed', (_kind, { text }) => void vm.type(String(text)));
  for (const { atNs, text } of typed) host.schedule(atNs, 0, 'typed', { text });
  while (host.now() < untilNs) host.run(Math.min(untilNs, host.now() + cutNs));
  const hash = makeHash();
  vm.hashInto(hash);
  host.devices.network?.guests.hashInto(hash);
  for (let page = 0; page < vm.pageCount; page++) hashBytes(hash, vm.memory.readPage(page)!);
  return { text: vm.debugConsole.text(), state: vm.state, reason: vm.reason, hash: hashHex(hash) };
}

/** The same in one piece and in pieces; gives what it came to. */
function runBothWays(image: GuestImage, spec: () => VmDeviceSpec, trial: Trial = {}) {
  const whole = run(image, spec(), 1_000_000_000, trial);
  expect(run(image, spec(), 7_000, trial)).toEqual(whole);
  expect(run(image, spec(), 333_333, trial)).toEqual(whole);
  return whole;
}

function disk() {
  const made = openDiskBytes(new Uint8Array(DISK_PROGRAM_SECTORS * 512), 'disk');
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

test('the disk program writes, flushes and reads back, and sleeps until its interrupts', () => {
  const disks: ReturnType<typeof disk>[] = [];
  const end = runBothWays(asSupervisor(DISK_PROGRAM), () => {
    disks.push(disk());
    return { disks: [disks.at(-1)!.image] };
  });
  expect([end.text, end.state, end.reason]).toEqual([DISK_PROGRAM.console, 'stopped', 'The guest shut down.']);
  for (const { image } of disks) {
    for (let block = 0; block < 8; block++) {
      const content = new Uint8Array(512);
      image.read(diskProgramSector(block) * 512, content);
      expect(content).toEqual(diskProgramBlock(block));
    }
  }
});

test('the net program hears the gateway through the network of the host', () => {
  const end = runBothWays(asSupervisor(NET_PROGRAM), () => NET);
  expect([end.text, end.state]).toEqual([NET_PROGRAM.console, 'stopped']);
});

const FAULTS = asSupervisor(program('faults', { console: '' }, `
    la   t0, trap
    csrw stvec, t0
    li   s0, 0x10000000
    li   s1, 0x10000800          # behind the serial port: nothing
    li   s2, 0x0ffffffc
    ld   t1, 0(s1)
    sw   t1, 0(s1)
    ld   t1, 0(s0)               # the serial port takes 1, 2 and 4 bytes
    lw   t1, 1(s0)               # misaligned
    amoadd.w t1, t1, (s0)
    lr.w t1, (s0)
    sd   t1, 0(s2)               # over the end of a page and of nothing
    cbo.zero (s0)
    la   s3, root                # tables: devices, RAM, and two that lie where no RAM is
    li   t0, 0xc7
    sd   t0, 0(s3)
    li   t0, 0x200000cf
    sd   t0, 16(s3)
    li   t0, 0x10000001          # 0x40000000: nothing
    sd   t0, 8(s3)
    li   t0, 0x04000001          # 0x10000000: the serial port
    sd   t0, 24(s3)
    srli t0, s3, 12
    li   t1, 8
    slli t1, t1, 60
    or   t0, t0, t1
    csrw satp, t0
    sfence.vma
    li   s4, 0x40000000
    li   s5, 0xc0000000
    lw   t1, 0(s4)
    sw   t1, 0(s5)
    csrw satp, zero
    sfence.vma
    li   a0, 0x85
    sb   a0, 7(s0)               # the scratch register, by short instructions, too
    mv   s1, s0
    lbu  a0, 7(s0)
    jal  print_hex
    lb   a0, 7(s0)
    jal  print_hex
    li   t0, 0x6000              # FS: loads into float registers
    csrs sstatus, t0
    li   s1, 0x101000            # the clock, in words
    flw  fa0, 0x0(s1)
    fmv.x.d a0, fa0
    srli a0, a0, 32
    jal  print_hex
    j    pass
    .balign 4
trap:                            # cause and value, then the next instruction
    csrr a0, scause
    jal  print_hex
    csrr a0, stval
    jal  print_hex
    csrr t0, sepc
    lhu  t1, 0(t0)
    andi t1, t1, 3
    addi t0, t0, 2
    li   t2, 3
    bne  t1, t2, 9f
    addi t0, t0, 2
9:  csrw sepc, t0
    sret
    .bss
    .balign 4096
root: .zero 4096
    .text`));

test('what no device takes is an access fault of its kind, with its address', () => {
  const end = runBothWays(FAULTS, () => ({}));
  const lines = end.text.trim().split('\n').map((line) => BigInt(`0x${line}`));
  const [load, store] = [5n, 7n];
  expect(lines).toEqual([
    load, 0x1000_0800n, store, 0x1000_0800n, load, 0x1000_0000n, load, 0x1000_0001n, store, 0x1000_0000n, load, 0x1000_0000n,
    store, 0x0fff_fffcn, store, 0x1000_0000n, load, 0x4000_0000n, store, 0xc000_0000n,
    0x85n, 0xffff_ffff_ffff_ff85n, 0xffff_ffffn,
  ]);
  expect(end.state).toBe('stopped');
});

const ECHO = asSupervisor(ECHO_PROGRAM);

const TYPED = [
  { atNs: 1_000_003, text: 'abc' }, { atNs: 1_500_000, text: 'defghijklmnopqrstuvwxyzabcdefghijklmnop' }, { atNs: 2_222_222, text: '!' },
  { atNs: 4_000_000, text: 'xyz' }, { atNs: 5_000_000, text: '.' },
];

test('the serial port wakes another vCPU by its own context; typed bytes wait for room; a reset makes the devices anew', () => {
  for (const processorCount of [1, 2]) {
    const trial = { vcpuCount: 2, processorCount, typed: TYPED, untilNs: 8_000_000 };
    const end = runBothWays(ECHO, () => ({}), trial);
    expect(end.text).toBe('up\nABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPup\nXYZ');
    expect([end.state, end.reason]).toEqual(['stopped', 'The guest shut down.']);
    const other = [...TYPED.slice(0, 3), { atNs: 4_000_001, text: 'xyz' }, TYPED[4]!]; // canary: a nanosecond
    expect(run(ECHO, {}, 1_000_000_000, { ...trial, typed: other }).hash).not.toBe(end.hash);
  }
});

test('a VM without devices has none, and its tree says nothing of them', () => {
  const tree = (hasDevices: boolean) => {
    const parsed = parseDeviceTree(vmDeviceTree({ ramBytes: 1 << 20, vcpuCount: 2, bootArguments: '', profile: 'rv64gc', hasDevices }));
    if (!parsed.ok) throw new Error('the tree can be read');
    return parsed.value;
  };
  const names = (from: ReturnType<typeof tree>): string[] => [from.name, ...from.children.flatMap(names)];
  expect(names(tree(false)).filter((name) => /soc|plic|serial|virtio/.test(name))).toEqual([]);
  const found = names(tree(true));
  expect(found.filter((name) => name.startsWith('virtio_mmio'))).toHaveLength(8);
  expect(found.filter((name) => /^(plic|serial|rtc|test)@/.test(name))).toHaveLength(4);
  expect(found.filter((name) => /clint|aplic|pci/.test(name))).toEqual([]);
  const { host, vm } = makeDeviceHost(asSupervisor(DISK_PROGRAM), { ...NET, console: true, entropy: { seed: 1, stream: 0 }, balloon: true });
  host.run(1_000);
  expect(vm.devices!.list().map(({ name }) => name)).toEqual([
    'plic', 'serial', 'rtc', 'test', 'virtio net', 'virtio console', 'virtio entropy', 'virtio balloon',
  ]);
});
