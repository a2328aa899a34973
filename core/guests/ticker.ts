/**
 * The ticker: an S-mode kernel with Sv39 on, a timer interrupt every 10 ms (or every period, when that is
 * shorter), one task in user mode and an idle loop. It prints a line every period, and says what was typed.
 *
 * Two contexts, each with a frame of 34 words (x1 … x31, sepc, sstatus at 8 × 32 and 8 × 33); `sscratch` points to the
 * frame of the one that runs. The task looks for the next prime and then asks the kernel to wait for the next
 * tick (ecall, a7 = 1, a0 = the prime).
 *
 *   virtual 0x00400000  the task's code (U, R X)       0x00401000  its stack (U, R W)
 *
 * Command on the console: `period <us>`. Anything else is repeated.
 * Left out: several tasks, system calls beyond the one, signals, demand paging.
 */
import { FIND_MEMORY, PAGING_ON, POLL_LINES, PUT_TEXT, SHUT_DOWN } from './kernel-parts.ts';

/** Time between two lines before any command. Unit: ns. */
export const TICKER_PERIOD_NS = 100_000_000;

const OTHERS = Array.from({ length: 31 }, (_, index) => index + 1).filter((index) => index !== 31);

const BOOT = `
# a0 = hart id, a1 = device tree
start:
    la   sp, stack_top
    csrw sie, zero
    mv   a0, a1
    call find_memory
    mv   s0, a0
${PAGING_ON}
high:
    la   gp, output
    la   t0, trap
    csrw stvec, t0
    la   a0, text_hello
    call put_text
    srli a0, s0, 20
    call put_decimal
    la   a0, text_ram
    call put_text
    call flush

    la   t0, user_middle         # virtual 0x00400000: root 0, middle 2, leaf 0 and 1
    sub  t1, t0, tp
    srli t1, t1, 2
    ori  t1, t1, 1
    la   t2, table_root
    sd   t1, 0(t2)
    la   t2, user_leaf
    sub  t1, t2, tp
    srli t1, t1, 2
    ori  t1, t1, 1
    sd   t1, 16(t0)
    la   t1, user_code
    sub  t1, t1, tp
    srli t1, t1, 2
    ori  t1, t1, 0x5b            # A U X R V
    sd   t1, 0(t2)
    la   t1, user_stack
    sub  t1, t1, tp
    srli t1, t1, 2
    ori  t1, t1, 0xd7            # D A U W R V
    sd   t1, 8(t2)
    sfence.vma

    la   t0, frame_idle          # the idle loop: S-mode, interrupts on after sret
    la   t1, idle
    sd   t1, 256(t0)
    li   t1, 0x120               # SPP, SPIE
    sd   t1, 264(t0)
    la   t0, frame_user          # the task: U-mode
    li   t1, 0x00400000
    sd   t1, 256(t0)
    li   t1, 0x20                # SPIE
    sd   t1, 264(t0)
    li   t1, 0x00402000
    sd   t1, 16(t0)              # its sp
    rdtime a0
    la   t0, next_line
    sd   a0, 0(t0)
    call set_timer
    li   t0, 32
    csrw sie, t0
    j    switch

idle:
    wfi
    j    idle
`;

const TRAP = `
    .balign 4
trap:
    csrrw x31, sscratch, x31
${OTHERS.map((index) => `    sd   x${index}, ${index * 8}(x31)`).join('\n')}
    csrr t0, sscratch            # the x31 that was
    sd   t0, 248(x31)
    csrr t0, sepc
    sd   t0, 256(x31)
    csrr t0, sstatus
    sd   t0, 264(x31)
    li   tp, 1
    slli tp, tp, 38
    neg  tp, tp
    la   gp, output
    la   sp, stack_top
    csrr t0, scause
    bltz t0, trap_interrupt
    li   t1, 8                   # environment call from U
    bne  t0, t1, trap_unexpected
    ld   t1, 256(x31)
    addi t1, t1, 4
    sd   t1, 256(x31)
    ld   t1, 80(x31)             # a0: what the task found
    la   t0, prime
    sd   t1, 0(t0)
    la   t0, user_waits
    li   t1, 1
    sd   t1, 0(t0)
    j    switch
trap_interrupt:
    slli t0, t0, 1
    srli t0, t0, 1
    li   t1, 5                   # supervisor timer
    bne  t0, t1, trap_unexpected
    call tick
    la   t0, user_waits
    sd   zero, 0(t0)

switch:                          # to the task when it can run, else to the idle loop
    la   x31, frame_user
    la   t0, user_waits
    ld   t0, 0(t0)
    beqz t0, switch_to
    la   x31, frame_idle
switch_to:
    csrw sscratch, x31
    ld   t0, 256(x31)
    csrw sepc, t0
    ld   t0, 264(x31)
    csrw sstatus, t0
${OTHERS.map((index) => `    ld   x${index}, ${index * 8}(x31)`).join('\n')}
    ld   x31, 248(x31)
    sret

trap_unexpected:
    la   a0, text_trap
    call put_text
    csrr a0, scause
    call put_hex
    la   a0, text_at
    call put_text
    csrr a0, sepc
    call put_hex
    la   a0, text_value
    call put_text
    csrr a0, stval
    call put_hex
    la   a0, text_line_end
    call put_text
    call flush
    li   a1, 1
    j    shut_down
`;

const TICK = `
tick:
    addi sp, sp, -16
    sd   ra, 0(sp)
    sd   s0, 8(sp)
    la   t0, ticks
    ld   t1, 0(t0)
    addi t1, t1, 1
    sd   t1, 0(t0)
    call poll
    rdtime s0
    la   t0, next_line
    ld   t1, 0(t0)
    bltu s0, t1, tick_no_line
    la   t2, period
    ld   t2, 0(t2)
    add  t1, t1, t2
    bltu s0, t1, tick_in_time
    add  t1, s0, t2              # lines were missed: go on from now
tick_in_time:
    sd   t1, 0(t0)
    la   a0, text_name
    call put_text
    li   t0, 10000
    divu a0, s0, t0              # milliseconds
    call put_thousandths
    la   a0, text_tick
    call put_text
    la   t0, ticks
    ld   a0, 0(t0)
    call put_decimal
    la   a0, text_prime
    call put_text
    la   t0, prime
    ld   a0, 0(t0)
    call put_decimal
    la   a0, text_line_end
    call put_text
    call flush
tick_no_line:
    la   t0, next_line           # next interrupt: in 10 ms, or at the next line if that is sooner
    ld   t1, 0(t0)
    li   t2, 100000
    add  a0, s0, t2
    bgeu t1, a0, tick_set
    mv   a0, t1
tick_set:
    call set_timer
    ld   ra, 0(sp)
    ld   s0, 8(sp)
    addi sp, sp, 16
    ret

set_timer:                       # a0 = ticks
    li   a6, 0
    li   a7, 0x54494d45          # SBI TIME
    ecall
    ret

command:
    addi sp, sp, -16
    sd   ra, 0(sp)
    la   a0, word_period
    la   a1, line
command_compare:
    lbu  t0, 0(a0)
    beqz t0, command_period
    lbu  t1, 0(a1)
    bne  t0, t1, command_say
    addi a0, a0, 1
    addi a1, a1, 1
    j    command_compare
command_say:
    la   a0, text_heard
    call put_text
    la   a0, line
    call put_text
    la   a0, text_quote_end
    call put_text
    j    command_end
command_period:                  # microseconds, 100 … 10,000,000
    li   a0, 0
    li   t2, 8
command_digit:
    lbu  t0, 0(a1)
    addi a1, a1, 1
    addi t0, t0, -48
    li   t1, 10
    bgeu t0, t1, command_number
    mul  a0, a0, t1
    add  a0, a0, t0
    addi t2, t2, -1
    bnez t2, command_digit
command_number:
    li   t0, 100
    bgeu a0, t0, command_not_short
    mv   a0, t0
command_not_short:
    li   t0, 10000000
    bgeu t0, a0, command_not_long
    mv   a0, t0
command_not_long:
    mv   a3, a0
    li   t0, 10
    mul  t1, a0, t0
    la   t0, period
    sd   t1, 0(t0)
    rdtime t2
    add  t2, t2, t1
    la   t0, next_line
    sd   t2, 0(t0)
    la   a0, text_period
    call put_text
    mv   a0, a3
    call put_decimal
    la   a0, text_us
    call put_text
command_end:
    call flush
    ld   ra, 0(sp)
    addi sp, sp, 16
    ret
`;

const DATA = String.raw`
text_name: .asciz "ticker "
text_tick: .asciz " s  tick "
text_prime: .asciz "  user prime "
text_line_end: .asciz "\n"
text_hello: .asciz "ticker: "
text_ram: .asciz " MiB of RAM, paging on\n"
text_heard: .asciz "ticker heard '"
text_quote_end: .asciz "'\n"
text_period: .asciz "ticker period "
text_us: .asciz " us\n"
text_trap: .asciz "ticker trap: cause "
text_at: .asciz " at "
text_value: .asciz " value "
word_period: .asciz "period "
    .balign 4096                 # written data keeps off the pages of code
period: .quad ${TICKER_PERIOD_NS / 100}
next_line: .quad 0
ticks: .quad 0
prime: .quad 0
user_waits: .quad 0
line_length: .quad 0
frame_user: .zero 272
frame_idle: .zero 272
    .balign 16
digits: .zero 32
input: .zero 64
line: .zero 128
output: .zero 512
stack: .zero 1024
stack_top:

    .balign 4096
user_code:                       # runs at 0x00400000 in user mode
    li   s0, 2
user_found:
    addi sp, sp, -8
    sd   s0, 0(sp)
    ld   a0, 0(sp)
    addi sp, sp, 8
    li   a7, 1
    ecall                        # found one; wait for the next tick
user_next:
    addi s0, s0, 1
    li   t0, 2
user_try:
    mul  t1, t0, t0
    bltu s0, t1, user_found
    remu t2, s0, t0
    beqz t2, user_next
    addi t0, t0, 1
    j    user_try
    .balign 4096
user_stack: .zero 4096
user_middle: .zero 4096
user_leaf: .zero 4096
table_root: .zero 4096
table_middle: .zero 4096
`;

/** The whole source, for `assemble(source, {origin: KERNEL_ADDRESS})`. */
export const TICKER_SOURCE = [
  BOOT,
  TRAP,
  TICK,
  POLL_LINES,
  FIND_MEMORY,
  PUT_TEXT,
  SHUT_DOWN,
  DATA,
].join('\n');
