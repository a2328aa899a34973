/**
 * Bare-metal programs for the board, and what each prints and ends with, as recorded with QEMU 7.2's
 * virt machine (core/board/programs.qemu.test.ts holds them to it). They use the devices as their
 * manuals say.
 */
import { AIA_PROGRAMS } from './aia-programs.ts';
import { type BareMetalProgram, program } from './bare-metal-program.ts';

export const BARE_METAL_PROGRAMS: readonly BareMetalProgram[] = [
  ...AIA_PROGRAMS,

  program('hello', { console: 'Hello, bare metal!\n' }, `
    la   a0, text
    jal  print
    j    pass
    .data
text: .asciz "Hello, bare metal!\\n"
    .text`),

  program('failure', { console: '', status: 42 }, `
    li   a0, (42 << 16) | 0x3333
    j    finish`),

  program('device tree', { console: '00000000edfe0dd0\n0000000000000000\n' }, `
    mv   s0, a0
    lwu  a0, 0(a1)
    jal  print_hex
    mv   a0, s0
    jal  print_hex
    j    pass`),

  // Five timer interrupts, each waited for in wfi; then no sixth.
  program('timer', { console: '8000000000000007\n0000000000000005\n0000000000000001\n' }, `
    la   t0, handler
    csrw mtvec, t0
    li   t0, 0x80
    csrw mie, t0
    li   s0, 0
    li   s1, CLINT + 0x4000
    li   s2, CLINT + 0xbff8
    ld   s3, 0(s2)
    li   t0, 1000
    add  s3, s3, t0
    sd   s3, 0(s1)
1:  csrci mstatus, 8             # looked at while nothing can be taken: none is missed before wfi
    li   t0, 5
    bge  s0, t0, 2f
    wfi
    csrsi mstatus, 8
    j    1b
2:  mv   a0, s4
    jal  print_hex
    mv   a0, s0
    jal  print_hex
    ld   t0, 0(s2)
    li   t1, 5000
    sub  t2, s3, t1
    sltu a0, t2, t0              # five periods have passed
    jal  print_hex
    j    pass
    .balign 4
handler:
    csrr s4, mcause
    addi s0, s0, 1
    li   t0, 1000
    add  s3, s3, t0
    li   t1, 5
    blt  s0, t1, 2f
    li   t0, -1
    sd   t0, 0(s1)
    mret
2:  sd   s3, 0(s1)
    mret`),

  // The transmitter's interrupt through the controller: claim gives 10; text goes out byte by interrupt.
  program('interrupt-driven serial port', { console: 'by interrupt\n800000000000000b\n000000000000000a\n000000000000000e\n' }, `
    la   t0, handler
    csrw mtvec, t0
    li   s0, PLIC
    li   t0, 1
    sw   t0, 40(s0)              # priority of source 10
    li   t1, PLIC + 0x2000
    li   t0, 1 << 10
    sw   t0, 0(t1)
    li   s1, PLIC + 0x200000
    sw   zero, 0(s1)
    li   t0, 0x800
    csrw mie, t0
    la   s2, text
    li   s3, 0
    li   s6, UART
    li   t0, 2
    sb   t0, 1(s6)               # the holding register is empty: at once
    csrsi mstatus, 8
1:  lbu  t0, 0(s2)
    bnez t0, 1b
    csrci mstatus, 8
    sb   zero, 1(s6)
    mv   a0, s4
    jal  print_hex
    mv   a0, s5
    jal  print_hex
    mv   a0, s3
    jal  print_hex
    j    pass
    .balign 4
handler:
    csrr s4, mcause
    lw   s5, 4(s1)
    addi s3, s3, 1
    lbu  t0, 2(s6)               # identification: takes the interrupt
    lbu  t0, 0(s2)
    bnez t0, 2f
    sb   zero, 1(s6)
    j    3f
2:  sb   t0, 0(s6)
    addi s2, s2, 1
3:  sw   s5, 4(s1)
    mret
    .data
text: .asciz "by interrupt\\n"
    .text`),

  // Loopback: what is sent comes back, through the divisor latch and the scratch register, too.
  program('serial registers', { console: '000000000000005a\n0000000000000090\n00000000000000a5\n0000000000000060\n00000000000000c1\n' }, `
    li   s0, UART
    li   t0, 0x1a
    sb   t0, 4(s0)
    lbu  s1, 6(s0)
    andi s1, s1, 0xf0
    li   t0, 0x5a
    sb   t0, 0(s0)
    lbu  s2, 0(s0)
    sb   zero, 4(s0)
    li   t0, 0xa5
    sb   t0, 7(s0)
    lbu  s3, 7(s0)
    lbu  s4, 5(s0)
    li   t0, 7
    sb   t0, 2(s0)
    lbu  s5, 2(s0)
    mv   a0, s2
    jal  print_hex
    mv   a0, s1
    jal  print_hex
    mv   a0, s3
    jal  print_hex
    mv   a0, s4
    jal  print_hex
    mv   a0, s5
    jal  print_hex
    j    pass`),

  // Vacant addresses, an illegal word, calls and breakpoints: cause and value of each trap.
  program('traps', { console: [
    '0000000000000005', '0000000000000000', // load from 0
    '0000000000000007', '0000000000200000', // store to a hole
    '0000000000000001', '0000000002100000', // fetch from a hole
    '0000000000000002', // illegal instruction
    '000000000000000b', '0000000000000000', // call from M
    '0000000000000003', // breakpoint
    '0000000000000005', '000000000c000001', // a byte of the interrupt controller
  ].map((line) => `${line}\n`).join('') }, `
    la   t0, handler
    csrw mtvec, t0
    la   s0, 1f
    ld   t0, 0(zero)
1:  jal  show
    la   s0, 1f
    li   t0, 0x200000
    sd   zero, 0(t0)
1:  jal  show
    la   s0, 1f
    li   t0, 0x02100000
    jr   t0
1:  jal  show
    la   s0, 1f
    .word 0
1:  mv   a0, s1
    jal  print_hex
    la   s0, 1f
    ecall
1:  jal  show
    la   s0, 1f
    ebreak
1:  mv   a0, s1
    jal  print_hex
    la   s0, 1f
    li   t0, PLIC + 1
    lbu  t1, 0(t0)
1:  jal  show
    j    pass
show:
    mv   s3, ra
    mv   a0, s1
    jal  print_hex
    mv   a0, s2
    jal  print_hex
    jr   s3
    .balign 4
handler:
    csrr s1, mcause
    csrr s2, mtval
    csrw mepc, s0
    mret`),

  // The host bridge, a place without a device, and memory that no function claims.
  program('pcie', { console: '0000000000081b36\n00000000ffffffff\n00000000ffffffff\n' }, `
    li   s0, 0x30000000
    lwu  a0, 0(s0)
    jal  print_hex
    li   s0, 0x30000000 + (9 << 15)
    lwu  a0, 0(s0)
    jal  print_hex
    li   s0, 0x60000000
    lwu  a0, 0(s0)
    jal  print_hex
    j    pass`),

  // Two harts count under a lock of LR/SC and with AMOs; the second is woken by a software interrupt.
  program('two harts', { hartCount: 2, console: '8000000000000003\n00000000000007d0\n00000000000007d0\n' }, `
    la   s0, lock
    la   s1, plain
    la   s2, atomic
    la   s3, done
    li   s4, 1000
    csrr t0, mhartid
    bnez t0, second
    li   t0, CLINT
    li   t1, 1
    sw   t1, 4(t0)               # wakes hart 1
    jal  work
1:  lw   t0, 0(s3)
    li   t1, 2
    bne  t0, t1, 1b
    la   t0, seen
    ld   a0, 0(t0)
    jal  print_hex
    ld   a0, 0(s1)
    jal  print_hex
    ld   a0, 0(s2)
    jal  print_hex
    j    pass
second:
    la   t0, woken
    csrw mtvec, t0
    csrwi mie, 8
    csrsi mstatus, 8
2:  wfi
    j    2b
    .balign 4
woken:
    csrr t0, mcause
    la   t1, seen
    sd   t0, 0(t1)
    li   t0, CLINT
    sw   zero, 4(t0)
    jal  work
3:  wfi
    j    3b
work:
    mv   s5, ra
4:  lr.w.aq t0, (s0)
    bnez t0, 4b
    li   t1, 1
    sc.w t0, t1, (s0)
    bnez t0, 4b
    ld   t0, 0(s1)
    addi t0, t0, 1
    sd   t0, 0(s1)
    amoswap.w.rl zero, zero, (s0)
    li   t0, 1
    amoadd.d zero, t0, (s2)
    addi s4, s4, -1
    bnez s4, 4b
    li   t0, 1
    amoadd.w zero, t0, (s3)
    jr   s5
    .data
    .balign 64
lock:   .dword 0
plain:  .dword 0
atomic: .dword 0
done:   .dword 0
seen:   .dword 0
    .text`),

  // From M to S under Sv39 with delegation, a page fault there, and back.
  program('supervisor', { console: '000000000000000d\n0000000050000000\n0000000000000009\n' }, `
    la   t0, handler
    csrw mtvec, t0
    li   t0, -1
    csrw pmpaddr0, t0
    li   t0, 0x1f
    csrw pmpcfg0, t0
    li   t0, 1 << 13
    csrw medeleg, t0
    la   t0, root
    li   t1, (0x80000000 >> 2) | 0xcf
    sd   t1, 16(t0)              # a gigapage: RAM at its own address
    srli t0, t0, 12
    li   t1, 8 << 60
    or   t0, t0, t1
    csrw satp, t0
    sfence.vma
    li   t0, 3 << 11
    csrc mstatus, t0
    li   t0, 1 << 11
    csrs mstatus, t0
    la   t0, supervisor
    csrw mepc, t0
    mret
supervisor:
    la   t0, fault
    csrw stvec, t0
    li   t0, 0x50000000
    ld   t1, 0(t0)
    ecall
    .balign 4
fault:
    csrr s1, scause
    csrr s2, stval
    ecall
    .balign 4
handler:
    csrr s3, mcause
    mv   a0, s1
    jal  print_hex
    mv   a0, s2
    jal  print_hex
    mv   a0, s3
    jal  print_hex
    j    pass
    .bss
    .balign 4096
root: .zero 4096
    .text`),

  program('tohost pass', { console: '', onlyHere: true }, `
    la   t0, tohost
    li   t1, 1
    sd   t1, 0(t0)
1:  j    1b
    .data
    .balign 64
tohost: .dword 0
fromhost: .dword 0
    .text`),

  program('tohost failure', { console: '!', status: 7, onlyHere: true }, `
    la   t0, tohost
    li   t1, (0x101 << 48) | '!'
    sd   t1, 0(t0)
1:  ld   t1, 0(t0)
    bnez t1, 1b
test_7:
    li   t1, (7 << 1) | 1
    sd   t1, 0(t0)
2:  j    2b
    .data
    .balign 64
tohost: .dword 0
fromhost: .dword 0
    .text`),
];

/** The program called `name`. */
export function getBareMetalProgram(name: string): BareMetalProgram {
  const found = BARE_METAL_PROGRAMS.find((it) => it.name === name);
  if (found === undefined) throw new Error(`there is no program '${name}'`);
  return found;
}
