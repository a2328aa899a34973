// Goal: Debian's OpenSBI runs unmodified on the board and serves a supervisor as on QEMU. Method: a payload in S mode
// that uses its console, timer, hart start, interprocessor interrupts and shutdown; what it prints was recorded
// with QEMU 7.2, and is compared with it again under `npm run verify`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assembleElf } from '../testing/bare-metal-program.ts';
import { layOutBoot, renderBootError } from './boot-image.ts';
import { hartReports } from './report.ts';
import { VirtMachine } from './virt-machine.ts';

const FIRMWARE = '/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf';
const has = existsSync(FIRMWARE);
const why = has ? '' : ' (left out: OpenSBI, Debian package opensbi, is not installed)';
const MIB = 1024 * 1024;

/** SBI 1.0: a7 extension, a6 function. Legacy console is extension 1. */
const PAYLOAD = `
    .equ TIME, 0x54494d45
    .equ IPI,  0x735049
    .equ HSM,  0x48534d
    .equ SRST, 0x53525354
    mv   s0, a0                  # boot hart
    la   a0, hello
    jal  print
    la   t0, timer
    csrw stvec, t0
    li   t0, 0x20
    csrs sie, t0
    rdtime a0
    li   t0, 20000               # 2 ms
    add  a0, a0, t0
    mv   s1, a0
    li   a7, TIME
    li   a6, 0
    ecall
    csrsi sstatus, 2
1:  j    1b
    .balign 4
timer:
    csrr s2, scause
    rdtime s3
    sltu s3, s3, s1              # not before its time
    li   t0, 0x20
    csrc sie, t0
    li   t0, 5
    bnez s3, fail
    slli t1, s2, 1
    srli t1, t1, 1
    bne  t1, t0, fail
    la   a0, ticked
    jal  print
    xori a0, s0, 1               # the other hart
    la   a1, second
    li   a2, 0x1234
    li   a7, HSM
    li   a6, 0
    ecall
    bnez a0, fail
    la   s4, ready
2:  lw   t0, 0(s4)
    beqz t0, 2b
    li   a0, 1
    xori a1, s0, 1               # hart mask base
    li   a7, IPI
    li   a6, 0
    ecall
    la   s4, interrupted
3:  lw   t0, 0(s4)
    beqz t0, 3b
    la   a0, reached
    jal  print
    li   a0, 0                   # shutdown, no reason
    li   a1, 0
    li   a7, SRST
    li   a6, 0
    ecall
fail:
    la   a0, failed
    jal  print
4:  j    4b
second:
    li   t0, 0x1234
    bne  a1, t0, fail
    la   t0, software
    csrw stvec, t0
    csrwi sie, 2
    csrsi sstatus, 2
    la   t0, ready
    li   t1, 1
    sw   t1, 0(t0)
5:  wfi
    j    5b
    .balign 4
software:
    csrci sip, 2
    la   t0, interrupted
    li   t1, 1
    sw   t1, 0(t0)
6:  j    6b
print:
    mv   a3, a0
7:  lbu  a0, 0(a3)
    beqz a0, 8f
    li   a7, 1
    ecall
    addi a3, a3, 1
    j    7b
8:  ret
    .data
hello:   .asciz "payload: in supervisor mode\\n"
ticked:  .asciz "payload: the timer fired\\n"
reached: .asciz "payload: the other hart started and was interrupted\\n"
failed:  .asciz "payload: failed\\n"
    .balign 4
ready:       .word 0
interrupted: .word 0
    .text`;
const EXPECTED = ['payload: in supervisor mode', 'payload: the timer fired', 'payload: the other hart started and was interrupted'];
const payload = () => assembleElf(PAYLOAD, 'payload', 0x8020_0000);
const linesOf = (console: string) => console.split(/\r?\n/).filter((line) => line.startsWith('payload'));

const HARTS = [['rv64gc', 'none', 'aclint-mswi'], ['rv64gch-sstc', 'none', 'aclint-mswi'], ['rv64gch-sstc-aia', 'aplic-imsic', 'aia-imsic']] as const;

test.skipIf(!has).each(HARTS)(`OpenSBI and a supervisor on two harts of %s, aia=%s${why}`, (profile, aia, interprocessor) => {
  const options = { ramBytes: 16 * MIB, hartCount: 2, profile, aia };
  const image = layOutBoot({ program: { name: 'fw_dynamic.elf', bytes: new Uint8Array(readFileSync(FIRMWARE)) }, kernel: { name: 'payload', bytes: payload() }, ...options });
  if (!image.ok) throw new Error(renderBootError(image.error));
  let console = '';
  const machine = new VirtMachine(image.value, { ...options, transmit: (byte) => { console += String.fromCharCode(byte); } });
  expect(machine.advance(Number.POSITIVE_INFINITY, 100_000_000)).toBe('ended');
  expect(console).toContain('Platform Name             : riscv-virtio,qemu');
  expect(console).toContain('Platform HART Count       : 2');
  expect(console).toMatch(new RegExp(`Platform IPI Device +: ${interprocessor}`));
  expect(linesOf(console)).toEqual(EXPECTED);
  expect(machine.ended()).toEqual({ by: 'finisher', how: 'pass', code: 0 });
  expect(hartReports(machine).map(({ instructionsRetired }) => instructionsRetired > 100_000)).toEqual([true, true]);
});

const verifies = has && process.env['GLASSHOUSE_VERIFY'] !== undefined && spawnSync('qemu-system-riscv64', ['--version']).status === 0;
test.skipIf(!verifies)(`the same payload on QEMU${verifies ? '' : ' (under npm run verify, where QEMU and OpenSBI are installed)'}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-firmware-'));
  try {
    const file = join(folder, 'payload.elf');
    writeFileSync(file, payload());
    const done = spawnSync('qemu-system-riscv64', ['-M', 'virt', '-m', '128M', '-smp', '2', '-bios', FIRMWARE, '-kernel', file, '-nographic', '-monitor', 'none', '-serial', 'stdio'], { encoding: 'latin1', timeout: 30_000, stdio: ['ignore', 'pipe', 'pipe'] });
    expect([linesOf(done.stdout), done.status]).toEqual([EXPECTED, 0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
