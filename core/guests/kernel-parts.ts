/**
 * Pieces of assembly that the teaching kernels share: Sv39 tables, the walk through the device tree, numbers
 * as text, SBI calls. They are text, put into a kernel's source by its template.
 *
 * Conventions: `tp` holds (virtual − physical) of the kernel's high mapping, `gp` the end of the text in
 * `output`; routines named here keep all s registers.
 */

/** Where a kernel is loaded and RAM begins. Unit: byte, guest physical. */
export const KERNEL_ADDRESS = 0x8000_0000;

/** `count` lines made by `line(index)`, for unrolled loops. */
export function repeated(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}

/**
 * Turns Sv39 on: 1 GiB from 0x80000000 in 2 MiB pages, once at its own address and once
 * 0xffffffc000000000 higher. Goes on at label `high` up there, with sp and tp set. Needs table_root, table_middle.
 *
 *   entry   63……54 53………10 9 8 7 6 5 4 3 2 1 0
 *           zero   frame   RSW D A G U X W R V      leaf 0xcf: D A X W R V
 */
export const PAGING_ON = `
    la   t0, table_middle
    li   t1, 0x200000cf          # 0x80000000 >> 2, leaf
    li   t2, 0x80000             # 2 MiB >> 2
    li   t3, 512
fill_middle:
    sd   t1, 0(t0)
    add  t1, t1, t2
    addi t0, t0, 8
    addi t3, t3, -1
    bnez t3, fill_middle
    la   t0, table_root
    la   t1, table_middle
    srli t1, t1, 2
    ori  t1, t1, 1               # points to the next level
    sd   t1, 16(t0)              # entry 2:   0x80000000
    li   t2, 2064
    add  t2, t2, t0
    sd   t1, 0(t2)               # entry 258: 0xffffffc080000000
    srli t0, t0, 12
    li   t1, 8                   # Sv39
    slli t1, t1, 60
    or   t0, t0, t1
    li   tp, 1
    slli tp, tp, 38
    neg  tp, tp                  # 0xffffffc000000000
    la   t1, high
    add  t1, t1, tp
    add  sp, sp, tp
    sfence.vma
    csrw satp, t0
    sfence.vma
    jr   t1
`;

/** `find_memory`: a0 = device tree; gives in a0 the bytes of RAM (second pair of `reg` of /memory), 0 = not found. */
export const FIND_MEMORY = `
find_memory:                     # Devicetree Specification 0.4, chapter 5
    mv   a7, ra
    mv   a1, a0
    lwu  a0, 8(a1)               # off_dt_struct
    call swap_bytes
    add  a2, a1, a0              # a2 walks the structure block
    lwu  a0, 12(a1)              # off_dt_strings
    call swap_bytes
    add  a3, a1, a0
    li   a4, 0                   # 1 while in the memory node
find_token:
    lwu  a0, 0(a2)
    call swap_bytes
    addi a2, a2, 4
    li   t0, 1
    beq  a0, t0, find_begin
    li   t0, 2
    beq  a0, t0, find_end
    li   t0, 3
    beq  a0, t0, find_property
    li   t0, 4
    beq  a0, t0, find_token      # nop
    li   a0, 0
    jr   a7
find_begin:
    li   a4, 0
    lbu  t0, 0(a2)
    li   t1, 109                 # 'm'
    bne  t0, t1, find_name
    lbu  t0, 1(a2)
    li   t1, 101                 # 'e'
    bne  t0, t1, find_name
    lbu  t0, 2(a2)
    li   t1, 109                 # 'm'
    bne  t0, t1, find_name
    li   a4, 1
find_name:
    lbu  t0, 0(a2)
    addi a2, a2, 1
    bnez t0, find_name
    addi a2, a2, 3
    andi a2, a2, -4
    j    find_token
find_end:
    li   a4, 0
    j    find_token
find_property:
    lwu  a0, 0(a2)
    call swap_bytes
    mv   a5, a0                  # length
    lwu  a0, 4(a2)
    call swap_bytes
    add  a6, a3, a0              # name
    addi a2, a2, 8
    beqz a4, find_skip
    lbu  t0, 0(a6)
    li   t1, 114                 # 'r'
    bne  t0, t1, find_skip
    lbu  t0, 1(a6)
    li   t1, 101                 # 'e'
    bne  t0, t1, find_skip
    lbu  t0, 2(a6)
    li   t1, 103                 # 'g'
    bne  t0, t1, find_skip
    lbu  t0, 3(a6)
    bnez t0, find_skip
    lwu  a0, 8(a2)
    call swap_bytes
    slli a4, a0, 32
    lwu  a0, 12(a2)
    call swap_bytes
    add  a0, a0, a4
    jr   a7
find_skip:
    add  a2, a2, a5
    addi a2, a2, 3
    andi a2, a2, -4
    j    find_token
swap_bytes:                      # a0: big endian word -> number; uses t5, t6
    andi t5, a0, 255
    slli t5, t5, 24
    srli t6, a0, 8
    andi t6, t6, 255
    slli t6, t6, 16
    or   t5, t5, t6
    srli t6, a0, 16
    andi t6, t6, 255
    slli t6, t6, 8
    or   t5, t5, t6
    srli t6, a0, 24
    andi t6, t6, 255
    or   a0, t5, t6
    ret
`;

/**
 * Text: `put_text` (a0 = zero-ended), `put_decimal` (a0), `put_thousandths` (a0, as 12.345), `put_hex` (a0), `flush`
 * (to the console, through its physical address). Needs output (256 bytes and more) and digits (24 bytes).
 */
export const PUT_TEXT = `
put_text:
    lbu  t0, 0(a0)
    beqz t0, put_return
    sb   t0, 0(gp)
    addi gp, gp, 1
    addi a0, a0, 1
    j    put_text
put_decimal:
    la   t0, digits
    addi t1, t0, 24
    mv   t2, t1
    li   t3, 10
put_digit:
    remu t4, a0, t3
    divu a0, a0, t3
    addi t4, t4, 48
    addi t1, t1, -1
    sb   t4, 0(t1)
    bnez a0, put_digit
put_copy:
    lbu  t4, 0(t1)
    sb   t4, 0(gp)
    addi gp, gp, 1
    addi t1, t1, 1
    bltu t1, t2, put_copy
put_return:
    ret
put_thousandths:
    mv   a7, ra
    li   t0, 1000
    remu a6, a0, t0
    divu a0, a0, t0
    call put_decimal
    li   t0, 46                  # '.'
    sb   t0, 0(gp)
    li   t0, 100
    divu t1, a6, t0
    remu t2, a6, t0
    addi t1, t1, 48
    sb   t1, 1(gp)
    li   t0, 10
    divu t1, t2, t0
    remu t2, t2, t0
    addi t1, t1, 48
    sb   t1, 2(gp)
    addi t2, t2, 48
    sb   t2, 3(gp)
    addi gp, gp, 4
    jr   a7
put_hex:
    li   t0, 16
put_nibble:
    srli t1, a0, 60
    slli a0, a0, 4
    addi t1, t1, 48
    li   t2, 58
    blt  t1, t2, put_nibble_done
    addi t1, t1, 39              # 'a' - '0' - 10
put_nibble_done:
    sb   t1, 0(gp)
    addi gp, gp, 1
    addi t0, t0, -1
    bnez t0, put_nibble
    ret
flush:                           # SBI 2.0 chapter 12: DBCN, function 0
    la   a4, output
flush_more:
    sub  a0, gp, a4
    beqz a0, flush_done
    sub  a1, a4, tp              # physical address
    li   a2, 0
    li   a6, 0
    li   a7, 0x4442434e
    ecall
    bnez a0, flush_done          # no console: nobody to tell
    add  a4, a4, a1
    j    flush_more
flush_done:
    la   gp, output
    ret
`;

/** Ends the VM: SBI 2.0 chapter 10, SRST shutdown; a1 = reason (0 none, 1 failure). */
export const SHUT_DOWN = `
shut_down:
    li   a0, 0
    li   a6, 0
    li   a7, 0x53525354
    ecall
halt:
    wfi
    j    halt
`;

/**
 * `poll`: takes all that was typed (DBCN read) and calls `command` for every whole line, which then stands in `line`,
 * ended by a zero. The beginning of a line is kept for the next call; a line longer than 126 bytes loses its end.
 * Needs input (64 bytes), line (128 bytes), line_length (8 bytes).
 */
export const POLL_LINES = `
poll:
    addi sp, sp, -32
    sd   ra, 0(sp)
    sd   s0, 8(sp)
poll_more:
    li   a0, 64
    la   a1, input
    sub  a1, a1, tp
    li   a2, 0
    li   a6, 1
    li   a7, 0x4442434e          # DBCN, read
    ecall
    bnez a0, poll_end
    beqz a1, poll_end
    la   s0, input
    add  a1, a1, s0
    sd   a1, 16(sp)              # end of what came
poll_byte:
    lbu  t0, 0(s0)
    addi s0, s0, 1
    li   t1, 10
    beq  t0, t1, poll_line
    li   t1, 13
    beq  t0, t1, poll_line
    la   t1, line_length
    ld   t2, 0(t1)
    li   t3, 126
    bgeu t2, t3, poll_next       # a longer line loses its end
    addi t4, t2, 1
    sd   t4, 0(t1)
    la   t1, line
    add  t1, t1, t2
    sb   t0, 0(t1)
    j    poll_next
poll_line:
    la   t1, line_length
    ld   t2, 0(t1)
    sd   zero, 0(t1)
    la   t1, line
    add  t1, t1, t2
    sb   zero, 0(t1)
    beqz t2, poll_next
    call command
poll_next:
    ld   a1, 16(sp)
    bltu s0, a1, poll_byte
    j    poll_more
poll_end:
    ld   ra, 0(sp)
    ld   s0, 8(sp)
    addi sp, sp, 32
    ret
`;
