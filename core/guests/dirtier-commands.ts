/** What the dirtier does with a line that was typed: part of its source, which puts it together (dirtier.ts). */

/** `command`: `line` holds the line, ended by a zero; s registers as in the main loop. */
export const COMMANDS = `
command:
    addi sp, sp, -16
    sd   ra, 0(sp)
    la   a0, word_rate
    call begins
    bnez a0, command_rate
    la   a0, word_set
    call begins
    bnez a0, command_set
    la   a0, word_gap
    call begins
    bnez a0, command_gap
    la   a0, word_sum
    call begins
    bnez a0, command_sum
    la   a0, word_echo
    call begins
    bnez a0, command_echo
    la   a0, text_unknown
    call put_text
    la   a0, line
    call put_text
    la   a0, text_quote_end
    call put_text
    j    command_end
command_rate:
    call number
    li   t0, 1000000
    bgeu t0, a0, rate_fine
    mv   a0, t0
rate_fine:
    mv   s5, a0
    la   t0, pace_time
    sd   s8, 0(t0)
    la   t0, pace_done
    sd   zero, 0(t0)
    la   t0, verify_time
    sd   s8, 0(t0)
    la   t0, verify_done
    sd   zero, 0(t0)
    la   a0, text_name_rate
    call put_text
    mv   a0, s5
    call put_decimal
    la   a0, text_rate_end
    call put_text
    j    command_end
command_set:
    call number
    bnez a0, set_some
    li   a0, 1
set_some:
    bgeu s3, a0, set_fine
    mv   a0, s3
set_fine:
    mv   s4, a0
    la   a0, text_name_set
    call put_text
    mv   a0, s4
    call put_decimal
    la   a0, text_pages_end
    call put_text
    j    command_end
command_gap:
    la   a0, text_name_gap
    call put_text
    li   t0, 10
    divu a0, s9, t0
    call put_thousandths
    la   a0, text_ms
    call put_text
    li   s9, 0
    j    command_end
command_echo:
    mv   a3, a1
    la   a0, text_name_echo
    call put_text
    mv   a0, a3
    call put_text
    la   a0, text_line_end
    call put_text
    j    command_end
command_sum:
    la   a0, text_name_sum
    call put_text
    mv   a0, s11
    call put_hex
    la   a0, text_line_end
    call put_text
command_end:
    call flush
    ld   ra, 0(sp)
    addi sp, sp, 16
    ret

begins:                          # a0 word: does the line begin with it? a1 = the rest
    la   a1, line
begins_more:
    lbu  t0, 0(a0)
    beqz t0, begins_yes
    lbu  t1, 0(a1)
    bne  t0, t1, begins_no
    addi a0, a0, 1
    addi a1, a1, 1
    j    begins_more
begins_yes:
    li   a0, 1
    ret
begins_no:
    li   a0, 0
    ret
number:                          # a1 text: blanks and decimal digits, at most 12; a0 = value
    li   a0, 0
    li   t2, 12
number_more:
    lbu  t0, 0(a1)
    addi a1, a1, 1
    li   t1, 32
    beq  t0, t1, number_more
    addi t0, t0, -48
    li   t1, 10
    bgeu t0, t1, number_end
    mul  a0, a0, t1
    add  a0, a0, t0
    addi t2, t2, -1
    bnez t2, number_more
number_end:
    ret
`;
