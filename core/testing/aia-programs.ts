/** Test-only: programs for boards with an APLIC, and with interrupt files behind it; see bare-metal-programs.ts. */
import { type BareMetalProgram, program } from './bare-metal-program.ts';
import { GUEST_DEVICE_PROGRAM, GUEST_FILE_PROGRAM } from './guest-file-program.ts';

export const AIA_PROGRAMS: readonly BareMetalProgram[] = [
  // The same through an APLIC's root domain; then the source is delegated and pends at supervisor level.
  program('interrupts of an APLIC', { aia: 'aplic', console: 'claimed\n800000000000000b\n00000000000a0001\n0000000000000200\n' }, `
    .equ LEAF, 0x0d000000
    la   t0, handler
    csrw mtvec, t0
    li   s0, PLIC                # the root lies in the PLIC's place
    li   t0, 6
    sw   t0, 40(s0)              # source 10: level, active high
    li   t1, PLIC + 0x3000
    li   t0, 1
    sw   t0, 40(t1)              # to hart 0 at priority 1
    li   t1, PLIC + 0x1edc
    li   t0, 10
    sw   t0, 0(t1)               # enabled by number
    li   s1, PLIC + 0x4000
    li   t0, 1
    sw   t0, 0(s1)
    li   t0, 0x100
    sw   t0, 0(s0)
    li   t0, 0x800
    csrw mie, t0
    la   s2, text
    li   s6, UART
    li   t0, 2
    sb   t0, 1(s6)
    csrsi mstatus, 8
1:  lbu  t0, 0(s2)
    bnez t0, 1b
    csrci mstatus, 8
    sb   zero, 1(s6)
    mv   a0, s4
    jal  print_hex
    mv   a0, s5
    jal  print_hex
    li   t0, 0x400
    sw   t0, 40(s0)              # to the child
    li   s0, LEAF
    li   t0, 6
    sw   t0, 40(s0)
    li   t1, LEAF + 0x1edc
    li   t0, 10
    sw   t0, 0(t1)
    li   t1, LEAF + 0x3000
    li   t0, 1
    sw   t0, 40(t1)
    li   t1, LEAF + 0x4000
    sw   t0, 0(t1)
    li   t0, 0x100
    sw   t0, 0(s0)
    li   t0, 2
    sb   t0, 1(s6)
    csrr s7, mip
    li   t0, 0xa00
    and  a0, s7, t0
    jal  print_hex
    j    pass
    .balign 4
handler:
    csrr s4, mcause
    lwu  s5, 0x1c(s1)            # claimi
    lbu  t0, 2(s6)
    lbu  t0, 0(s2)
    bnez t0, 2f
    sb   zero, 1(s6)
    mret
2:  sb   t0, 0(s6)
    addi s2, s2, 1
    mret
    .data
text: .asciz "claimed\\n"
    .text`),

  // An interrupt file: a message of the hart's own, then the serial port's by way of the APLIC; windows that do not exist trap.
  program('messages to an interrupt file', { aia: 'aplic-imsic', console: [
    '0000000000000080', // pending before it is enabled
    '0000000000000800', // MEIP
    '0000000000070007', // top of the file
    '000000000000000b', // top of the hart
    '0000000000070007', // claimed
    '0000000000000000', // nothing left
    '0000000000000800', // a message over the threshold is not signalled; one below is
    '0000000000000002', // an odd register of the window: illegal
    '0000000000000002', // a reserved one
    'by message',
    '800000000000000b',
    '0000000000210021',
    '0000000000000040', // supervisor file: identity 6
    '0000000000000200', // SEIP
    '0000000000060006',
  ].map((line) => `${line}\n`).join('') }, `
    la   t0, trap
    csrw mtvec, t0
    li   s1, 0x24000000          # the doorbell of hart 0
    li   t0, 7
    sw   t0, 0(s1)
    li   t0, 0x80                # eip0
    csrw miselect, t0
    csrr a0, mireg
    jal  print_hex
    li   t0, 0xc0                # eie0
    csrw miselect, t0
    li   t0, 0x280               # 7 and 9
    csrw mireg, t0
    li   t0, 0x70
    csrw miselect, t0
    csrwi mireg, 1
    csrr a0, mip
    li   t0, 0xa00               # mtimecmp after reset is nobody's promise
    and  a0, a0, t0
    jal  print_hex
    csrr a0, mtopei
    jal  print_hex
    li   t0, 0x800
    csrw mie, t0
    csrr a0, mtopi
    srli a0, a0, 16
    jal  print_hex
    csrrw a0, mtopei, zero
    jal  print_hex
    csrr a0, mtopei
    jal  print_hex
    li   t0, 0x72                # threshold
    csrw miselect, t0
    li   t0, 9
    csrw mireg, t0
    sw   t0, 0(s1)
    csrr s2, mip
    li   t0, 10
    csrw mireg, t0
    csrr a0, mip
    sub  a0, a0, s2
    jal  print_hex
    csrw mtopei, zero
    csrw mireg, zero
    li   t0, 0x81
    csrw miselect, t0
    la   s0, 1f
    csrr a0, mireg
1:  mv   a0, s4
    jal  print_hex
    li   t0, 0x40
    csrw miselect, t0
    la   s0, 1f
    csrr a0, mireg
1:  mv   a0, s4
    jal  print_hex
    # the serial port
    la   t0, handler
    csrw mtvec, t0
    li   s0, PLIC
    li   t1, PLIC + 0x1bc0
    li   t0, 0x24000
    sw   t0, 0(t1)               # base page of the machine-level files
    li   t0, 6
    sw   t0, 40(s0)
    li   t1, PLIC + 0x3000
    li   t0, 33
    sw   t0, 40(t1)              # hart 0, identity 33
    li   t1, PLIC + 0x1edc
    li   t0, 10
    sw   t0, 0(t1)
    li   t0, 0x100
    sw   t0, 0(s0)
    li   t0, 0xc0
    csrw miselect, t0
    li   t0, 1 << 33
    csrw mireg, t0
    la   s2, text
    li   s6, UART
    li   t0, 2
    sb   t0, 1(s6)
    csrsi mstatus, 8
1:  lbu  t0, 0(s2)
    bnez t0, 1b
    csrci mstatus, 8
    sb   zero, 1(s6)
    mv   a0, s4
    jal  print_hex
    mv   a0, s5
    jal  print_hex
    # the supervisor's file
    li   s1, 0x28000000
    li   t0, 6
    sw   t0, 0(s1)
    li   t0, 0x80
    csrw siselect, t0
    csrr a0, sireg
    jal  print_hex
    li   t0, 0xc0
    csrw siselect, t0
    li   t0, 0x40
    csrw sireg, t0
    li   t0, 0x70
    csrw siselect, t0
    csrwi sireg, 1
    csrr a0, mip
    li   t0, 0x200
    and  a0, a0, t0
    jal  print_hex
    csrrw a0, stopei, zero
    jal  print_hex
    j    pass
    .balign 4
trap:
    csrr s4, mcause
    csrw mepc, s0
    mret
    .balign 4
handler:
    csrr s4, mcause
    csrrw s5, mtopei, zero
    lbu  t0, 2(s6)
    lbu  t0, 0(s2)
    bnez t0, 2f
    sb   zero, 1(s6)
    mret
2:  sb   t0, 0(s6)
    addi s2, s2, 1
    mret
    .data
text: .asciz "by message\\n"
    .text`),

  GUEST_FILE_PROGRAM,
  GUEST_DEVICE_PROGRAM,
];
