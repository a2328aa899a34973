/**
 * A bare-metal program that asks the gateway for its hardware address: it finds the virtio network card
 * among the slots, sets up both queues, sends an ARP request as 10.0.2.15, sleeps until the card's
 * interrupt, and prints what came back. The same file runs on QEMU's virt machine with its user network.
 */
import { program } from './bare-metal-program.ts';

/** Finds the card, sets both queues up and lets its interrupt through: s0 its registers, s1 its interrupt, s2 claim and threshold. */
export const NET_SETUP = `
    li   s0, 0x10001000          # the slots, a page apart; s1 is the interrupt's number
    li   s1, 1
10: lw   t0, 8(s0)
    li   t1, 1
    beq  t0, t1, 11f
    li   t1, 0x1000
    add  s0, s0, t1
    addi s1, s1, 1
    li   t1, 9
    bne  s1, t1, 10b
    la   a0, no_card
    jal  print
    li   a0, (1 << 16) | 0x3333
    j    finish
11: lw   a0, 4(s0)
    jal  print_hex
    sw   zero, 0x70(s0)          # reset, ACKNOWLEDGE, DRIVER
    li   t0, 1
    sw   t0, 0x70(s0)
    li   t0, 3
    sw   t0, 0x70(s0)
    sw   zero, 0x24(s0)          # VIRTIO_NET_F_MAC and VERSION_1
    li   t0, 0x20
    sw   t0, 0x20(s0)
    li   t0, 1
    sw   t0, 0x24(s0)
    sw   t0, 0x20(s0)
    li   t0, 11
    sw   t0, 0x70(s0)
    li   a0, 0
    la   a1, receive
    jal  queue
    li   a0, 1
    la   a1, transmit
    jal  queue
    li   t0, 15
    sw   t0, 0x70(s0)
    li   t0, PLIC                # priority 1, enabled for context 0, threshold 0
    slli t1, s1, 2
    add  t1, t1, t0
    li   t2, 1
    sw   t2, 0(t1)
    sll  t2, t2, s1
    li   t1, 0x2000
    add  t1, t1, t0
    sw   t2, 0(t1)
    li   t1, 0x200000
    add  s2, t1, t0              # threshold, and claim behind it
    sw   zero, 0(s2)
    li   t0, 0x800
    csrw mie, t0
`;

/** Subroutine of the setup. */
export const NET_QUEUE = `queue:                           # a0 index, a1 its place: table, available ring at 128, used ring at 256
    sw   a0, 0x30(s0)
    li   t0, 8
    sw   t0, 0x38(s0)
    sw   a1, 0x80(s0)
    sw   zero, 0x84(s0)
    addi t0, a1, 128
    sw   t0, 0x90(s0)
    sw   zero, 0x94(s0)
    addi t0, a1, 256
    sw   t0, 0xa0(s0)
    sw   zero, 0xa4(s0)
    li   t0, 1
    sw   t0, 0x44(s0)
    ret
`;

export const NET_PROGRAM = program('net', {
  console: '0000000000000002\n0000000000000036\n000052550a000202\n000000000a000202\n',
}, `
${NET_SETUP}
    la   a0, receive             # a buffer of 1,526 bytes for what comes
    la   a1, buffer
    li   a2, 1526
    li   a3, 2
    jal  offer
    sw   zero, 0x50(s0)
    lw   t0, 0x100(s0)           # the card's own address into the request, three times two bytes
    lhu  t1, 0x104(s0)
    la   t2, request
    sh   t0, 18(t2)
    sh   t0, 34(t2)
    srli t0, t0, 16
    sh   t0, 20(t2)
    sh   t0, 36(t2)
    sh   t1, 22(t2)
    sh   t1, 38(t2)
    la   a0, transmit
    la   a1, request
    li   a2, 54                  # 12 bytes of header and 42 of frame
    li   a3, 0
    jal  offer
    li   t0, 1
    sw   t0, 0x50(s0)
20: wfi
    csrr t2, mip
    li   t3, 0x800
    and  t2, t2, t3
    beqz t2, 20b
    lw   t2, 4(s2)               # claim, acknowledge, complete
    lw   t3, 0x60(s0)
    sw   t3, 0x64(s0)
    sw   t2, 4(s2)
    la   t0, receive
    lhu  t1, 258(t0)
    beqz t1, 20b
    lw   a0, 264(t0)             # bytes written: QEMU pads to 60, the wire's least
    li   t0, 54
    bltu a0, t0, short
    li   a0, 54
short:
    jal  print_hex
    la   a1, buffer + 34         # the sender's hardware address, then its address
    li   a2, 6
    jal  number
    jal  print_hex
    la   a1, buffer + 40
    li   a2, 4
    jal  number
    jal  print_hex
    j    pass

number:                          # a0 = a2 bytes from a1, the first the highest
    li   a0, 0
30: slli a0, a0, 8
    lbu  t0, 0(a1)
    or   a0, a0, t0
    addi a1, a1, 1
    addi a2, a2, -1
    bnez a2, 30b
    ret
${NET_QUEUE}offer:                           # a0 queue, a1 buffer, a2 bytes, a3 flags
    sd   a1, 0(a0)
    sw   a2, 8(a0)
    sw   a3, 12(a0)
    sh   zero, 132(a0)
    fence
    li   t0, 1
    sh   t0, 130(a0)
    fence
    ret
    .data
no_card: .asciz "no card\\n"
    .balign 4
request:
    .zero 12
    .byte 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0x08, 0x06
    .byte 0, 1, 8, 0, 6, 4, 0, 1
    .byte 0, 0, 0, 0, 0, 0, 10, 0, 2, 15
    .byte 0, 0, 0, 0, 0, 0, 10, 0, 2, 2
    .bss
    .balign 16
receive: .zero 512
transmit: .zero 512
buffer: .zero 1536
    .text`);
