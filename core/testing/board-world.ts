/** Test-only: a scenario of boards that start bare-metal programs: two harts, a disk, a card, typed input, a program that resets. */
import { packBundle } from '../formats/index.ts';
import { bareMetalElf, program } from './bare-metal-program.ts';
import { getBareMetalProgram } from './bare-metal-programs.ts';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS } from './disk-program.ts';
import { NET_PROGRAM } from './net-program.ts';

/** Hart 1 takes the serial port's interrupts and echoes what is typed, in capitals, until a '!'; hart 0 sleeps. */
const ECHO_PROGRAM = program('echo', { console: '', hartCount: 2 }, `
    csrr t0, mhartid
    bnez t0, 2f
    la   a0, hello
    jal  print
1:  wfi
    j    1b
2:  la   t0, handler
    csrw mtvec, t0
    li   s0, PLIC
    li   t0, 1
    sw   t0, 40(s0)              # priority of source 10
    li   t1, PLIC + 0x2100       # enabled for hart 1 in M mode: context 2
    li   t0, 1 << 10
    sw   t0, 0(t1)
    li   s1, PLIC + 0x202000
    sw   zero, 0(s1)
    li   t0, 0x800
    csrw mie, t0
    li   s2, UART
    li   t0, 1
    sb   t0, 1(s2)
    csrsi mstatus, 8
3:  wfi
    j    3b
    .balign 4
handler:
    lw   s3, 4(s1)
    lbu  a0, 0(s2)
    li   t0, '!'
    beq  a0, t0, pass
    addi a0, a0, -32
    jal  putchar
    sw   s3, 4(s1)
    mret
    .data
hello: .asciz "up\\n"
    .text`);

/** Prints a dot and asks the finisher for a reset. */
const RESET_PROGRAM = program('reset', { console: '.' }, `
    la   a0, text
    jal  print
    la   t0, word
    lw   t1, 0(t0)
    bnez t1, 1f                  # RAM is empty again after a reset
    li   t1, 1
    sw   t1, 0(t0)
    li   a0, 0x7777
    j    finish
1:  la   a0, stale
    jal  print
    li   a0, (9 << 16) | 0x3333
    j    finish
    .data
text:  .asciz "."
stale: .asciz "stale"
    .balign 8
word:  .dword 0
    .text`);

/** Traps for ever, into a handler that is not there; and the same with a handler that comes back, for ever. */
const LOST_PROGRAM = program('lost', { console: '' }, '    ecall');
const TRAPPING_PROGRAM = program('trapping', { console: '' }, `
    la   t0, handler
    csrw mtvec, t0
1:  ecall
    j    1b
    .balign 4
handler:
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret`);

/** Files of its boards. */
export const BOARD_FILES = new Map([
  ['disk.elf', bareMetalElf(DISK_PROGRAM)], ['net.elf', bareMetalElf(NET_PROGRAM)], ['echo.elf', bareMetalElf(ECHO_PROGRAM)],
  ['harts.elf', bareMetalElf(getBareMetalProgram('two harts'))], ['reset.elf', bareMetalElf(RESET_PROGRAM)],
  ['failure.elf', bareMetalElf(getBareMetalProgram('failure'))], ['tohost.elf', bareMetalElf(getBareMetalProgram('tohost failure'))],
  ['lost.elf', bareMetalElf(LOST_PROGRAM)], ['trapping.elf', bareMetalElf(TRAPPING_PROGRAM)],
  ['raw.img', new Uint8Array(DISK_PROGRAM_SECTORS * 512)],
]);
export const BOARD_BUNDLE = packBundle(BOARD_FILES);

/** A board as the file has it. */
export const boardRow = (name: string, started: string, more: object = {}) => ({
  name, memoryMiB: 1, harts: 1, profile: 'rv64gc', interrupts: 'plic', program: started, append: '', disks: [] as string[], network: false, input: '', ...more,
});

/** As the text of its file would be parsed. */
export const BOARD_SCENARIO = {
  format: 'glasshouse-scenario', version: 2, name: 'boards', lab: 'datacenter', seed: 3, knobs: {}, sites: [], profiles: [], hosts: [], links: [], vms: [],
  boards: [
    boardRow('disk', 'disk.elf', { disks: ['raw.img'] }),
    boardRow('net', 'net.elf', { network: true }),
    boardRow('echo', 'echo.elf', { harts: 2 }),
    boardRow('harts', 'harts.elf', { harts: 2 }),
  ],
  workloads: [],
  commands: [
    { atNs: 1_000_000, command: { kind: 'console-input', vm: 'echo', text: 'hello' } },
    { atNs: 2_000_000, command: { kind: 'console-input', vm: 'echo', text: '!' } },
  ],
  untilNs: 3_000_000, speed: 1,
};
