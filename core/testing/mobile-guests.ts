/**
 * Test-only: guests in S mode that would notice when anything of them were lost, repeated or reordered by a move. One writes blocks to
 * its disk and reads them back; one sends numbered frames to another VM, each after the answer to the one before, never again; the
 * other sends each back. And a world of two hosts for them.
 */
import { packBundle } from '../formats/index.ts';
import type { Scenario } from '../protocol/scenario.ts';
import { assembleElf, type BareMetalProgram, program } from './bare-metal-program.ts';
import { DISK_PROGRAM } from './disk-program.ts';
import { smallScenario } from './migration-trial.ts';
import { NET_QUEUE, NET_SETUP } from './net-program.ts';
import { supervisorSource } from './supervisor-program.ts';

/** Blocks of the disk guest, and sectors of its disk. */
export const DIARY_BLOCKS = 60;
export const DIARY_SECTORS = 4096;

/** Writes each block, tells its number; then reads each back and compares. */
export function diaryProgram(): BareMetalProgram {
  const counted = DISK_PROGRAM.source.replaceAll('li   t0, 8\n    bne  s3', `li   t0, ${DIARY_BLOCKS}\n    bne  s3`);
  const told = counted.replace('    addi s3, s3, 1\n', '    mv   a0, s3\n    jal  print_hex\n    li   t0, 100000              # 200 us\n80: addi t0, t0, -1\n    bnez t0, 80b\n    addi s3, s3, 1\n');
  return { ...DISK_PROGRAM, name: 'diary', source: told };
}

/** The number of a frame, at byte 16 of it; its type is one for experiments (IEEE 802 0x88b5). */
const NUMBER = 28;
const LINK = `
wait:                            # until a frame is in the buffer
40: la   t0, receive
    lhu  t1, 258(t0)
    bne  t1, s4, 41f
    wfi
    csrr t2, mip
    li   t3, 0x800
    and  t2, t2, t3
    beqz t2, 40b
    lw   t2, 4(s2)
    lw   t3, 0x60(s0)
    sw   t3, 0x64(s0)
    sw   t2, 4(s2)
    j    40b
41: addi s4, s4, 1
    slli s4, s4, 48
    srli s4, s4, 48
    ret
arm:
    mv   s6, ra
    la   a0, receive
    la   a1, buffer
    li   a2, 1526
    li   a3, 2
    jal  give
    sw   zero, 0x50(s0)
    jr   s6
send:                            # a1: header and frame, 72 bytes
    mv   s6, ra
    la   a0, transmit
    li   a2, 72
    li   a3, 0
    jal  give
    li   t0, 1
    sw   t0, 0x50(s0)
42: lhu  t1, 258(a0)
    lhu  t2, 130(a0)
    bne  t1, t2, 42b
    jr   s6
give:                            # a0 queue, a1 buffer, a2 bytes, a3 flags: descriptor 0 once more
    sd   a1, 0(a0)
    sw   a2, 8(a0)
    sw   a3, 12(a0)
    lhu  t1, 130(a0)
    andi t2, t1, 7
    slli t2, t2, 1
    add  t2, t2, a0
    sh   zero, 132(t2)
    fence
    addi t1, t1, 1
    sh   t1, 130(a0)
    fence
    ret
sender:                          # own address to a0 + 18 (buffer of header and frame)
    lhu  t0, 0x100(s0)
    sh   t0, 18(a0)
    lhu  t0, 0x102(s0)
    sh   t0, 20(a0)
    lhu  t0, 0x104(s0)
    sh   t0, 22(a0)
    ret
${NET_QUEUE}
    .data
no_card: .asciz "no card\\n"
    .balign 16
request:
    .zero 12
    .byte 0x52, 0x54, 0, 0x12, 0x34, 0x57, 0, 0, 0, 0, 0, 0, 0x88, 0xb5
    .zero 62
    .bss
    .balign 16
receive: .zero 512
transmit: .zero 512
buffer: .zero 1536
    .text`;

/** Sends `count` numbered frames to the card 52:54:00:12:34:57, the card of VM 2, and tells the number of each answer. */
export function callerProgram(count: number): BareMetalProgram {
  return program('caller', { console: Array.from({ length: count }, (_, at) => `${at.toString(16).padStart(16, '0')}\n`).join('') }, `
${NET_SETUP}
    li   s4, 0
    li   s5, 0
    la   a0, request
    jal  sender
20: la   a1, request
    sw   s5, ${NUMBER}(a1)
    jal  send
21: jal  arm
    jal  wait
    la   t0, buffer
    lhu  t1, 24(t0)
    li   t2, 0xb588
    bne  t1, t2, 21b             # somebody else's
    lw   t1, ${NUMBER}(t0)
    bne  t1, s5, 23f
    mv   a0, s5
    jal  print_hex
    li   t0, 40000               # 80 us until the next one
22: addi t0, t0, -1
    bnez t0, 22b
    addi s5, s5, 1
    li   t0, ${count}
    bne  s5, t0, 20b
    j    pass
23: li   a0, (3 << 16) | 0x3333
    j    finish
${LINK}`);
}

/** Sends every such frame back, for ever. */
export const ANSWERER_PROGRAM = program('answerer', { console: '' }, `
${NET_SETUP}
    li   s4, 0
30: jal  arm
    jal  wait
    la   a0, buffer
    lhu  t1, 24(a0)
    li   t2, 0xb588
    bne  t1, t2, 30b
    lhu  t0, 18(a0)              # back to its sender
    sh   t0, 12(a0)
    lhu  t0, 20(a0)
    sh   t0, 14(a0)
    lhu  t0, 22(a0)
    sh   t0, 16(a0)
    jal  sender
    la   a1, buffer
    jal  send
    j    30b
${LINK}`);

/** A VM of the world: its id is its place in the list, from 1. */
export interface MobileVm {
  readonly program: BareMetalProgram;
  readonly host: number;
  readonly disk?: boolean;
  readonly network?: boolean;
}

/** Such a guest as an ELF file. */
export function guestFile(it: BareMetalProgram): Uint8Array {
  return assembleElf(supervisorSource(it), it.name, 0x8000_0000);
}

/** Two hosts and a cable, and the VMs with 1 MiB each; the file that goes with the scenario. */
export function mobileWorld(vms: readonly MobileVm[], seed: number): { readonly scenario: Scenario; readonly guest: Uint8Array } {
  const pageCount = 256;
  const base = smallScenario({ seed, pageCount: pageCount * (vms.length + 1) });
  const files = new Map<string, Uint8Array>([['disk.img', new Uint8Array(DIARY_SECTORS * 512)]]);
  for (const { program: it } of vms) files.set(it.name, guestFile(it));
  return {
    guest: packBundle(files),
    scenario: {
      ...base,
      lab: 'vm',
      vms: vms.map(({ program: it, host, disk, network }, index) => ({
        id: index + 1, name: it.name, guest: 'guest', fromFile: true, host, pageCount, vcpuCount: 1, profile: 'rv64gc',
        boot: { kernel: it.name, append: '', disks: disk === true ? ['disk.img'] : [], network: network === true },
        bootInput: '',
      })),
    },
  };
}
