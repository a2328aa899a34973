/**
 * The dirtier: an S-mode kernel with Sv39 on that writes pages in a pattern, at a rate that can be changed
 * while it runs, and checks its own memory for ever.
 *
 * At boot it fills a region (12,288 pages, or what fits) with f(page, version): word i of a page holds
 * seed + i × K, seed = (page × 2^32 + version) × M. Writing a page means its version goes up and the first word of each
 * of its 64 cache lines changes to the new seed's pattern. A table keeps every page's sum and version.
 * By its own clock it writes `rate` pages a second among the first `set` pages, and verifies pages one
 * after the other; the rest of the time it waits. It looks at the clock all the while and keeps the longest gap.
 *
 *   0x80000000  code and data     0x80040000  table: 16 bytes a page (sum, version)     0x80100000  region
 *
 * Commands on the console: `rate <pages/s>`, `set <pages>`, `gap` (say and reset), `sum` (say), `echo <text>`.
 * Left out: interrupts are enabled only to end `wfi` (sstatus.SIE stays 0); no user mode (see the ticker).
 */
import { COMMANDS } from './dirtier-commands.ts';
import { FIND_MEMORY, PAGING_ON, POLL_LINES, PUT_TEXT, repeated, SHUT_DOWN } from './kernel-parts.ts';

/** Longest time between two looks at the clock while it runs undisturbed. Unit: ns. It wakes every 500 µs. */
export const DIRTIER_SAMPLING_NS = 1_000_000;
/** A gap longer than this is printed at once. Unit: ns. */
export const DIRTIER_STEP_NS = 2_000_000;
/** Time between two status lines. Unit: ns. */
export const DIRTIER_STATUS_NS = 10_000_000;
/** Most pages of the region. */
export const DIRTIER_REGION_PAGES = 12_288;
/** First page of the region, counted from the start of RAM. */
export const DIRTIER_REGION_FIRST_PAGE = 0x100;
/** Rate and set before any command. */
export const DIRTIER_DEFAULTS = { pagesPerSecond: 3_000, setPages: 4_096 } as const;

const VARIABLES = [
  'pace_time', 'pace_done', 'verify_time', 'verify_done', 'verify_index', 'next_status',
  'next_poll', 'corrupt_count', 'line_length', 'ram_bytes',
] as const;

const BOOT = `
# a0 = hart id, a1 = device tree
start:
    la   sp, stack_top
    la   t0, trap
    csrw stvec, t0
    csrw sie, zero
    mv   a0, a1
    call find_memory
    la   t0, ram_bytes
    sd   a0, 0(t0)
${PAGING_ON}
high:
    la   t0, trap
    csrw stvec, t0
    la   gp, output
    li   t0, 0x80100000
    add  s1, t0, tp              # s1 region
    li   t0, 0x80040000
    add  s2, t0, tp              # s2 table
    la   t0, ram_bytes
    ld   t0, 0(t0)
    srli t0, t0, 12              # pages of RAM
    addi t1, t0, -272            # without the first MiB and the device tree at the end
    slli t2, t0, 1
    add  t2, t2, t0
    srli t2, t2, 2               # three quarters
    li   s3, ${DIRTIER_REGION_PAGES}
    bge  t2, s3, size_rest
    mv   s3, t2
size_rest:
    bge  t1, s3, size_known
    mv   s3, t1
size_known:
    li   t0, 16
    bge  s3, t0, fill
    la   a0, text_small
    call put_text
    call flush
    li   a1, 1
    j    shut_down

fill:                            # version 0 everywhere
    li   s11, 0                  # s11 sum of all sums
    li   a0, 0
    la   t0, constant_k
    ld   a4, 0(t0)
    la   t0, constant_m
    ld   a5, 0(t0)
    mv   a1, s1
    mv   a2, s2
fill_page:
    slli t0, a0, 32
    mul  t0, t0, a5
    li   t1, 0
    li   t2, 64
fill_line:
${repeated(8, (word) => `    sd   t0, ${word * 8}(a1)\n    add  t1, t1, t0\n    add  t0, t0, a4`)}
    addi a1, a1, 64
    addi t2, t2, -1
    bnez t2, fill_line
    sd   t1, 0(a2)
    sd   zero, 8(a2)
    add  s11, s11, t1
    addi a2, a2, 16
    addi a0, a0, 1
    bltu a0, s3, fill_page

    li   s4, ${DIRTIER_DEFAULTS.setPages}
    bge  s3, s4, set_fits
    mv   s4, s3
set_fits:
    li   s5, ${DIRTIER_DEFAULTS.pagesPerSecond}
    li   s6, 0                   # s6 pages written
    li   s7, 0                   # s7 pages verified
    li   s9, 0                   # s9 longest gap in ticks
    li   s10, 88172645           # s10 state of the choice of pages
    la   a0, text_hello
    call put_text
    mv   a0, s3
    call put_decimal
    la   a0, text_of
    call put_text
    la   t0, ram_bytes
    ld   a0, 0(t0)
    srli a0, a0, 12
    call put_decimal
    la   a0, text_filled
    call put_text
    call flush
    li   t0, 32
    csrw sie, t0                 # the timer may end wfi
    rdtime s8                    # s8 last look at the clock
    la   t0, pace_time
    sd   s8, 0(t0)
    la   t0, verify_time
    sd   s8, 0(t0)
    la   t0, next_poll
    sd   s8, 0(t0)
    li   t1, 100000
    divu t2, s8, t1
    addi t2, t2, 1
    mul  t2, t2, t1
    la   t0, next_status
    sd   t2, 0(t0)
`;

const LOOP = `
loop:
    rdtime s0                    # s0 now
    sub  t0, s0, s8
    mv   s8, s0
    bgeu s9, t0, gap_kept
    mv   s9, t0
gap_kept:
    li   t1, ${DIRTIER_STEP_NS / 100}
    bgeu t1, t0, clock_fine
    mv   a3, t0
    la   a0, text_stepped
    call put_text
    li   t0, 10
    divu a0, a3, t0              # microseconds
    call put_thousandths
    la   a0, text_ms
    call put_text
    call flush
clock_fine:
    la   t0, next_poll
    ld   t1, 0(t0)
    bltu s0, t1, no_poll
    li   t2, 5000                # every 500 us
    add  t1, s0, t2
    sd   t1, 0(t0)
    call poll
no_poll:
    la   t0, next_status
    ld   t1, 0(t0)
    bltu s0, t1, no_status
    li   t2, ${DIRTIER_STATUS_NS / 100}
    divu t3, s0, t2
    addi t3, t3, 1
    mul  t3, t3, t2
    sd   t3, 0(t0)
    call status
no_status:
    la   t0, pace_time           # how many pages are due?
    ld   t1, 0(t0)
    sub  t1, s0, t1
    mul  t1, t1, s5
    li   t2, 10000000
    divu t1, t1, t2              # due by now
    la   t0, pace_done
    ld   t2, 0(t0)
    sub  a3, t1, t2
    li   t3, 10
    divu t3, s5, t3
    addi t3, t3, 16              # backlog of at most 100 ms
    bgeu t3, a3, backlog_fine
    mv   a3, t3
    sub  t2, t1, t3
backlog_fine:
    beqz a3, nothing_due
    li   t3, 16                  # a few at a time, so that the clock is seen often
    bgeu t3, a3, batch_fits
    mv   a3, t3
batch_fits:
    add  t2, t2, a3
    sd   t2, 0(t0)
    add  s6, s6, a3
write_next:
    la   t0, constant_a
    ld   t0, 0(t0)
    mul  s10, s10, t0
    la   t0, constant_c
    ld   t0, 0(t0)
    add  s10, s10, t0
    mulhu a0, s10, s4
    call write_page
    addi a3, a3, -1
    bnez a3, write_next
    j    loop

nothing_due:                     # verify min(rate, 8000) + 1000 pages a second
    la   t0, verify_time
    ld   t1, 0(t0)
    sub  t1, s0, t1
    li   t2, 8000
    bgeu t2, s5, verify_rate
    j    verify_capped
verify_rate:
    mv   t2, s5
verify_capped:
    addi t2, t2, 1000
    mul  t1, t1, t2
    li   t2, 10000000
    divu t1, t1, t2
    la   t0, verify_done
    ld   t2, 0(t0)
    bgeu t2, t1, wait
    sub  t3, t1, t2
    li   t4, 900                 # backlog of at most 100 ms
    bgeu t4, t3, verify_fine
    sub  t2, t1, t4
verify_fine:
    addi t2, t2, 1
    sd   t2, 0(t0)
    addi s7, s7, 1
    la   t0, verify_index
    ld   a0, 0(t0)
    addi t1, a0, 1
    bltu t1, s3, verify_index_fine
    li   t1, 0
verify_index_fine:
    sd   t1, 0(t0)
    call verify_page
    j    loop

wait:                            # to the next multiple of 500 us, 1 ms with nothing to write
    li   t0, 5000
    bnez s5, wait_grid
    li   t0, 10000
wait_grid:
    divu a0, s0, t0
    addi a0, a0, 1
    mul  a0, a0, t0
    li   a6, 0
    li   a7, 0x54494d45          # SBI TIME, set_timer: also takes the pending interrupt away
    ecall
    wfi
    j    loop
`;

const PAGES = `
write_page:                      # a0 page of the region
    la   t0, constant_m
    ld   t6, 0(t0)
    slli t0, a0, 4
    add  t0, t0, s2
    ld   t1, 0(t0)               # sum
    ld   t2, 8(t0)               # version
    slli t3, a0, 32
    add  t4, t3, t2
    mul  t4, t4, t6              # old seed
    addi t2, t2, 1
    add  t3, t3, t2
    mul  t3, t3, t6              # new seed
    sub  t4, t3, t4
    slli t4, t4, 6               # 64 words change by the same difference
    add  t1, t1, t4
    add  s11, s11, t4
    sd   t1, 0(t0)
    sd   t2, 8(t0)
    la   t0, constant_k
    ld   t0, 0(t0)
    slli t0, t0, 3
    slli t5, a0, 12
    add  t5, t5, s1
${repeated(32, (line) => `    sd   t3, ${line * 64}(t5)\n    add  t3, t3, t0`)}
    addi t5, t5, 2032
    addi t5, t5, 16
${repeated(32, (line) => `    sd   t3, ${line * 64}(t5)\n    add  t3, t3, t0`)}
    ret

verify_page:                     # a0 page of the region
    slli t0, a0, 4
    add  t0, t0, s2
    ld   a1, 0(t0)               # what the sum should be
    slli t5, a0, 12
    add  t5, t5, s1
    li   t1, 0
    li   t2, 8
verify_part:
${repeated(64, (word) => `    ld   t3, ${word * 8}(t5)\n    add  t1, t1, t3`)}
    addi t5, t5, 512
    addi t2, t2, -1
    bnez t2, verify_part
    bne  t1, a1, corrupt
    ret
corrupt:
    addi sp, sp, -16
    sd   ra, 0(sp)
    mv   a2, a0
    mv   a3, t1
    la   t0, corrupt_count
    ld   t1, 0(t0)
    addi t1, t1, 1
    sd   t1, 0(t0)
    la   a0, text_corrupt
    call put_text
    mv   a0, a2
    call put_decimal
    la   a0, text_expected
    call put_text
    mv   a0, a1
    call put_hex
    la   a0, text_found
    call put_text
    mv   a0, a3
    call put_hex
    la   a0, text_line_end
    call put_text
    call flush
    ld   ra, 0(sp)
    addi sp, sp, 16
    ret
`;

const STATUS = `
status:
    addi sp, sp, -16
    sd   ra, 0(sp)
    la   a0, text_name
    call put_text
    li   t0, 10000
    divu a0, s0, t0              # milliseconds
    call put_thousandths
    la   a0, text_seconds
    call put_text
    mv   a0, s5
    call put_decimal
    la   a0, text_rate
    call put_text
    mv   a0, s4
    call put_decimal
    la   a0, text_written
    call put_text
    mv   a0, s6
    call put_decimal
    la   a0, text_verified
    call put_text
    mv   a0, s7
    call put_decimal
    la   a0, text_gap
    call put_text
    li   t0, 10
    divu a0, s9, t0
    call put_thousandths
    la   t0, corrupt_count
    ld   a3, 0(t0)
    bnez a3, status_corrupt
    la   a0, text_ok
    call put_text
    j    status_end
status_corrupt:
    la   a0, text_bad
    call put_text
    mv   a0, a3
    call put_decimal
    la   a0, text_line_end
    call put_text
status_end:
    call flush
    ld   ra, 0(sp)
    addi sp, sp, 16
    ret
`;

const DATA = String.raw`
    .balign 4
trap:                            # none is expected
    la   gp, output
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

    .balign 8
constant_m: .quad 0x9e3779b97f4a7c15
constant_k: .quad 0xd1342543de82ef95
constant_a: .quad 6364136223846793005
constant_c: .quad 1442695040888963407
text_name: .asciz "dirtier "
text_seconds: .asciz " s  "
text_rate: .asciz " pages/s  set "
text_written: .asciz "  written "
text_verified: .asciz "  verified "
text_gap: .asciz "  gap "
text_ok: .asciz " ms  ok\n"
text_bad: .asciz " ms  CORRUPT "
text_hello: .asciz "dirtier: "
text_of: .asciz " of "
text_filled: .asciz " pages filled\n"
text_small: .asciz "dirtier: too little RAM, 2 MiB are needed\n"
text_stepped: .asciz "dirtier clock stepped "
text_ms: .asciz " ms\n"
text_corrupt: .asciz "CORRUPT page "
text_expected: .asciz " expected "
text_found: .asciz " found "
text_line_end: .asciz "\n"
text_unknown: .asciz "dirtier does not know '"
text_quote_end: .asciz "'\n"
text_name_rate: .asciz "dirtier rate "
text_rate_end: .asciz " pages/s\n"
text_name_set: .asciz "dirtier set "
text_pages_end: .asciz " pages\n"
text_name_gap: .asciz "dirtier gap "
text_name_sum: .asciz "dirtier sum "
text_name_echo: .asciz "dirtier echo "
text_trap: .asciz "dirtier trap: cause "
text_at: .asciz " at "
text_value: .asciz " value "
word_rate: .asciz "rate "
word_set: .asciz "set "
word_gap: .asciz "gap"
word_sum: .asciz "sum"
word_echo: .asciz "echo "
    .balign 4096                 # written data keeps off the pages of code
${VARIABLES.map((name) => `${name}: .quad 0`).join('\n')}
    .balign 16
digits: .zero 32
input: .zero 64
line: .zero 128
output: .zero 512
stack: .zero 1024
stack_top:
    .balign 4096
table_root: .zero 4096
table_middle: .zero 4096
`;

/** The whole source, for `assemble(source, {origin: KERNEL_ADDRESS})`. */
export const DIRTIER_SOURCE = [
  BOOT,
  LOOP,
  PAGES,
  STATUS,
  POLL_LINES,
  COMMANDS,
  FIND_MEMORY,
  PUT_TEXT,
  SHUT_DOWN,
  DATA,
].join('\n');
