/** Test-only: a guest of a VM with two vCPUs and a serial port. */
import { program } from './bare-metal-program.ts';

/** Hart 1 takes the serial port's interrupts and echoes what is typed, in capitals; hart 0 sleeps. A '!' resets the machine, once. */
export const ECHO_PROGRAM = program('echo', { console: '', hartCount: 2 }, `
    li   s0, UART
    la   a0, hello
    jal  print
    li   a0, 1                   # hart_start(1, second, 7)
    la   a1, second
    li   a2, 7
    li   a6, 0
    li   a7, 0x48534D
    ecall
    bnez a0, bad
    li   t0, 1
    sb   t0, 2(s0)
    sb   t0, 1(s0)
0:  wfi
    j    0b
bad:
    li   a0, (1 << 16) | 0x3333
    j    finish
second:
    li   s0, UART
    li   t0, 7
    bne  a1, t0, bad
    li   s1, PLIC
    li   t0, 1
    sw   t0, 40(s1)              # source 10
    li   t1, 0x2080              # enabled for context 1
    add  t1, t1, s1
    li   t0, 0x400
    sw   t0, 0(t1)
    li   t1, 0x201000
    add  s2, t1, s1
    sw   zero, 0(s2)
    li   t0, 0x800
    csrw mie, t0
1:  wfi
    lw   s3, 4(s2)               # claim
    beqz s3, 1b
2:  lbu  t0, 5(s0)
    andi t0, t0, 1
    beqz t0, 3f
    lbu  a0, 0(s0)
    li   t0, '!'
    beq  a0, t0, again
    li   t0, '.'
    beq  a0, t0, pass
    addi a0, a0, -32
    jal  putchar
    j    2b
3:  sw   s3, 4(s2)
    j    1b
again:
    li   a0, 0x7777
    j    finish
    .data
hello: .asciz "up\\n"
    .text`);
