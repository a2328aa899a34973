// Goal: a guest can be a file: any S-mode RV64IMA program written for the boot contract runs.
// Method: an ELF file made by our own writer, one compiled by gcc (committed as base64, and compiled afresh where
// riscv64-unknown-elf-gcc is installed) run in a VM; bad files are refused with one sentence and change nothing.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeElf } from '../formats/index.ts';
import { assemble } from '../isa/assemble.ts';
import { assembly, makeTestHost } from '../testing/test-host.ts';
import { Host, vmErrorSentence } from './index.ts';

const SOURCE = String.raw`
/* A bare S-mode program: prints through SBI 2.0's debug console and ends the VM. */
typedef unsigned long word;
static word call(word extension, word function, word a, word b, word c) {
  register word a0 asm("a0") = a;
  register word a1 asm("a1") = b;
  register word a2 asm("a2") = c;
  register word a6 asm("a6") = function;
  register word a7 asm("a7") = extension;
  asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return a0;
}
static volatile word counter = 41;
static word zeroes[4];
static const char greeting[] = "compiled by gcc: ";
void hello(word hart, word tree) {
  char digits[2];
  counter += 1 + zeroes[hart & 3];
  digits[0] = '0' + counter / 10;
  digits[1] = '0' + counter % 10;
  call(0x4442434e, 0, sizeof greeting - 1, (word)greeting, 0);
  call(0x4442434e, 0, 2, (word)digits, 0);
  if (*(volatile unsigned *)tree == 0xedfe0dd0u) call(0x4442434e, 2, '\n', 0, 0);
  call(0x53525354, 0, 0, 0, 0);
  for (;;) asm volatile("wfi");
}
asm(".section .text.start,\"ax\"\n.globl _start\n_start: la sp, stack_end\n j hello\n.bss\n.balign 16\n.zero 1024\nstack_end:\n.text\n");
`;

// biome-ignore format: a command line
const FLAGS = ['-march=rv64ima_zicsr_zifencei', '-mabi=lp64', '-mcmodel=medany', '-Os', '-ffreestanding', '-nostdlib', '-static',
  '-Wl,--build-id=none', '-Wl,-Ttext-segment=0x80000000', '-Wl,-e,_start', '-Wl,-z,max-page-size=4096', '-Wl,--no-relax'];

/** riscv64-unknown-elf-gcc 12.2.0 with FLAGS on SOURCE, then riscv64-unknown-elf-strip. */
const COMPILED = [
  'f0VMRgIBAQAAAAAAAAAAAAIA8wABAAAAmAEAgAAAAABAAAAAAAAAAHgCAAAAAAAAAAAAAEAAOAADAEAACAAHAAMAAHAE',
  'AAAA7gEAAAAAAAAAAAAAAAAAAAAAAAAAAAAASAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAQAAAAUAAAAAAAAAAAAAAAAA',
  'AIAAAAAAAAAAgAAAAAC6AQAAAAAAALoBAAAAAAAAABAAAAAAAAABAAAABgAAAMABAAAAAAAAwBEAgAAAAADAEQCAAAAA',
  'AAgAAAAAAAAAEAQAAAAAAAAAEAAAAAAAABcXAAATB4cNgzcHABMGoAATAQH/k4cXACMw9wCDNwcAt0hCRJOGBQCz18cC',
  'EwUQAZcFAACThQUJEwgAAJOI6DSbhwcDIwTxAIM3BwCz98cCEwYAAJuHBwOjBPEAcwAAABMFIACTBYEAcwAAAAOnBgC3',
  'F/7tk4cH3WMa9wATBaAAkwUAABMIIABzAAAAt1hSUxMFAACTBQAAEwYAABMIAACTiEg1cwAAAHMAUBBv8N//FxEAABMB',
  'gUNv8J/0AAAAAGNvbXBpbGVkIGJ5IGdjYzogAAAAAAAAACkAAAAAAAAAR0NDOiAoMTIuMi4wLTE0K2RlYjEydTErMTEr',
  'YjIpIDEyLjIuMABBRwAAAHJpc2N2AAE9AAAABBAFcnY2NGkycDFfbTJwMF9hMnAxX3ppY3NyMnAwX3ppZmVuY2VpMnAw',
  'X3ptbXVsMXAwAAgBCgsALnNoc3RydGFiAC50ZXh0AC5yb2RhdGEALnNkYXRhAC5ic3MALmNvbW1lbnQALnJpc2N2LmF0',
  'dHJpYnV0ZXMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'AAAAAAAACwAAAAEAAAAGAAAAAAAAAOgAAIAAAAAA6AAAAAAAAAC8AAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAA',
  'ABEAAAABAAAAAgAAAAAAAACoAQCAAAAAAKgBAAAAAAAAEgAAAAAAAAAAAAAAAAAAAAgAAAAAAAAAAAAAAAAAAAAZAAAA',
  'AQAAAAMAAAAAAAAAwBEAgAAAAADAAQAAAAAAAAgAAAAAAAAAAAAAAAAAAAAIAAAAAAAAAAAAAAAAAAAAIAAAAAgAAAAD',
  'AAAAAAAAANARAIAAAAAAyAEAAAAAAAAABAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAACUAAAABAAAAMAAAAAAA',
  'AAAAAAAAAAAAAMgBAAAAAAAAJgAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAuAAAAAwAAcAAAAAAAAAAAAAAA',
  'AAAAAADuAQAAAAAAAEgAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAQAAAAMAAAAAAAAAAAAAAAAAAAAAAAAA',
  'NgIAAAAAAABAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAA==',
].join('');

function runFile(bytes: Uint8Array, name = 'hello.elf') {
  const { host, vm } = makeTestHost({ image: { kind: 'elf', name, bytes } });
  host.run(1_000_000);
  return vm;
}

test('the committed program compiled by gcc runs', () => {
  const vm = runFile(Uint8Array.from(Buffer.from(COMPILED, 'base64')));
  expect(vm.debugConsole.text()).toBe('compiled by gcc: 42\n');
  expect(vm.state).toBe('stopped');
  expect(vm.reason).toBe('The guest shut down.');
  expect(vm.guest).toBe('hello.elf');
});

function hasCompiler(): boolean {
  try {
    execFileSync('riscv64-unknown-elf-gcc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // not installed: the committed file stands for it
  }
}

test.skipIf(!hasCompiler())('the same source compiled now runs, at every level of optimisation', () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-elf-'));
  try {
    writeFileSync(join(folder, 'hello.c'), SOURCE);
    for (const level of ['-O0', '-O2']) {
      const output = join(folder, 'hello.elf');
      execFileSync('riscv64-unknown-elf-gcc', [...FLAGS, level, join(folder, 'hello.c'), '-o', output]);
      expect(runFile(readFileSync(output)).debugConsole.text()).toBe('compiled by gcc: 42\n');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

// biome-ignore format: a command line
const FULL_FLAGS = FLAGS.map((flag) => flag.replace('rv64ima_zicsr_zifencei', 'rv64gc').replace(/^-mabi=lp64$/, '-mabi=lp64d'));

test.skipIf(!hasCompiler())('compiled with RVC and the double-float ABI it runs where the profile has them, and only there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-elf-'));
  try {
    writeFileSync(join(folder, 'hello.c'), SOURCE);
    const output = join(folder, 'hello.elf');
    execFileSync('riscv64-unknown-elf-gcc', [...FULL_FLAGS, '-O2', join(folder, 'hello.c'), '-o', output]);
    const image = { kind: 'elf', name: 'hello.elf', bytes: readFileSync(output) } as const;
    const { host, vm } = makeTestHost({ image, profile: 'rv64gc' });
    host.run(1_000_000);
    expect(vm.debugConsole.text()).toBe('compiled by gcc: 42\n');
    const refused = host.createVm({ id: 2, name: 'v', image, ramBytes: 1 << 20 });
    if (refused.ok) throw new Error('rv64ima took compressed instructions');
    expect(vmErrorSentence(refused.error)).toBe(
      "hello.elf was built for compressed instructions (C); this machine's harts are rv64ima.",
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a second hart, a reboot and the device tree have the profile of the VM', () => {
  const source = `bnez a0, second
    mv s1, a1
    li a7, 0x48534d       # SBI HSM: start hart 1 at the entry
    li a6, 0
    li a0, 1
    la a1, start
    ecall
  w: wfi
    j w
  start: c.li s2, 7
    j w
  second: j w`;
  const { host, vm } = makeTestHost({ image: assembly(source), vcpuCount: 2, profile: 'rv64gc' });
  host.run(1_000_000);
  expect(host.machine.readRegister(1, 18)).toBe(7n);
  expect([0, 1].map((slot) => host.machine.profile(slot))).toEqual(['rv64gc', 'rv64gc']);
  const tree = new TextDecoder('latin1').decode(vm.memory.read(Number(host.machine.readRegister(0, 9)), 2000));
  expect(tree).toContain('rv64imafdc_zicbom');
});

function elfOf(source: string, origin: number): Uint8Array {
  const program = assemble(source, { origin, name: 'a' });
  if (!program.ok) throw new Error(program.error.kind);
  return writeElf({ entry: origin, segments: [{ physicalAddress: origin, bytes: program.value.bytes }] });
}

test('boot contract: a0 hart id, a1 device tree, everything else 0, VS-mode, paging off', () => {
  const bytes = elfOf('s: csrr s2, satp\n csrr s3, sstatus\n csrr s4, sie\n w: wfi\n j w', 0x8000_2000);
  const { host } = makeTestHost({ image: { kind: 'elf', name: 'a.elf', bytes } });
  host.run(1000);
  const x = (register: number) => host.machine.readRegister(0, register);
  expect(x(10)).toBe(0n);
  const tree = host.findVm(1)!.memory.read(Number(x(11)), 8)!;
  expect([...tree.subarray(0, 4)]).toEqual([0xd0, 0x0d, 0xfe, 0xed]);
  expect(Number(x(11)) % 8).toBe(0);
  expect([x(1), x(2), x(9), x(18), x(20)]).toEqual([0n, 0n, 0n, 0n, 0n]);
  expect(x(19) & 0x2n).toBe(0n);
});

test('bad files: one sentence each, and nothing changed', () => {
  const host = new Host({ id: 0, name: 'a', frameCount: 1000, processorCount: 1, seed: 1 });
  const good = elfOf('s: wfi\n j s', 0x8000_0000);
  const other = good.slice();
  other[18] = 62; // x86-64
  const compressed = good.slice();
  compressed[48] = 1;
  const double = good.slice();
  double[48] = 4;
  const cases: [Uint8Array, RegExp][] = [
    [good.subarray(0, 40), /truncated/],
    [good.subarray(0, good.length - 60), /truncated/],
    [new Uint8Array(0), /empty/],
    [other, /x86-64.*expected RISC-V/],
    [compressed, /compressed instructions/],
    [double, /double-float/],
    [elfOf('s: j s', 0x1000_0000), /at 0x10000000, outside the VM's RAM of 1048576 bytes at 0x80000000/],
    [elfOf('s: j s', 0x8010_0000), /outside the VM's RAM/],
    [elfOf(`s: j s\n .zero ${1 << 20}`, 0x8000_0000), /outside the VM's RAM/],
    [elfOf(`s: j s\n .zero ${(1 << 20) - 4096}`, 0x8000_0000), /needs at least|outside/],
  ];
  const free = host.memory.frames.freeCount();
  for (const [bytes, pattern] of cases) {
    const made = host.createVm({ id: 1, name: 'v', image: { kind: 'elf', name: 'x.elf', bytes }, ramBytes: 1 << 20 });
    if (made.ok) throw new Error('a bad file was taken');
    const sentence = vmErrorSentence(made.error);
    expect(sentence).toMatch(pattern);
    expect(sentence).toMatch(/^[^\n]+\.$/);
    expect(host.memory.frames.freeCount()).toBe(free);
    expect(host.vms()).toEqual([]);
  }
  const made = host.createVm({ id: 1, name: 'v', image: { kind: 'elf', name: 'x.elf', bytes: good }, ramBytes: 1 << 20 });
  expect(made.ok).toBe(true);
});
