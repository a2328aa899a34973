/**
 * A bare-metal program that works on a disk: it finds the virtio block device among the slots, sets up
 * one queue, writes eight blocks, flushes, reads each back and compares. It sleeps until the device's
 * interrupt comes through the interrupt controller. The same file runs on QEMU's virt machine
 * (-global virtio-mmio.force-legacy=false), which is how its console was recorded.
 */
import { program } from './bare-metal-program.ts';

/** Sectors of the disk for which the console was recorded. */
export const DISK_PROGRAM_SECTORS = 2048;
/** Block n of eight goes to this sector. */
export const diskProgramSector = (n: number): number => n * 37 + 5;

/** Content of block n: 64 doublewords, (n + 1) × 0x9e3779b97f4a7c15 and each next one plus its index. */
export function diskProgramBlock(n: number): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  let value = BigInt.asUintN(64, BigInt(n + 1) * 0x9e37_79b9_7f4a_7c15n);
  for (let at = 0; at < 64; at++) {
    view.setBigUint64(at * 8, value, true);
    value = BigInt.asUintN(64, value + BigInt(at));
  }
  return bytes;
}

export const DISK_PROGRAM = program('disk', {
  console: '0000000000000002\n0000000000000800\n000000000000000b\nwrote and flushed\nread back\n',
}, `
    li   s0, 0x10001000          # the slots, a page apart; s1 is the interrupt's number
    li   s1, 1
10: lw   t0, 8(s0)
    li   t1, 2
    beq  t0, t1, 11f
    li   t1, 0x1000
    add  s0, s0, t1
    addi s1, s1, 1
    li   t1, 9
    bne  s1, t1, 10b
    la   a0, no_disk
    jal  print
    li   a0, (1 << 16) | 0x3333
    j    finish
11: lw   a0, 4(s0)
    jal  print_hex
    lw   a0, 0x100(s0)           # capacity
    jal  print_hex
    sw   zero, 0x70(s0)          # reset, ACKNOWLEDGE, DRIVER
    li   t0, 1
    sw   t0, 0x70(s0)
    li   t0, 3
    sw   t0, 0x70(s0)
    sw   zero, 0x24(s0)          # VIRTIO_BLK_F_FLUSH and VERSION_1
    li   t0, 0x200
    sw   t0, 0x20(s0)
    li   t0, 1
    sw   t0, 0x24(s0)
    sw   t0, 0x20(s0)
    li   t0, 11
    sw   t0, 0x70(s0)
    lw   a0, 0x70(s0)
    jal  print_hex
    sw   zero, 0x30(s0)          # queue 0 with 8 entries
    li   t0, 8
    sw   t0, 0x38(s0)
    la   t0, descriptors
    sw   t0, 0x80(s0)
    sw   zero, 0x84(s0)
    la   t0, available
    sw   t0, 0x90(s0)
    sw   zero, 0x94(s0)
    la   t0, used
    sw   t0, 0xa0(s0)
    sw   zero, 0xa4(s0)
    li   t0, 1
    sw   t0, 0x44(s0)
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

    li   s3, 0                   # eight blocks
20: mv   a0, s3
    jal  pattern
    li   a0, 1
    jal  sector
    li   a2, 1
    jal  request
    addi s3, s3, 1
    li   t0, 8
    bne  s3, t0, 20b
    li   a0, 4                   # flush
    li   a1, 0
    li   a2, 0
    jal  request
    la   a0, wrote
    jal  print
    li   s3, 0
30: la   t0, buffer              # nothing of the pattern is left before it is read
    li   t1, 64
31: sd   zero, 0(t0)
    addi t0, t0, 8
    addi t1, t1, -1
    bnez t1, 31b
    li   a0, 0
    jal  sector
    li   a2, 3
    jal  request
    jal  compare
    addi s3, s3, 1
    li   t0, 8
    bne  s3, t0, 30b
    la   a0, back
    jal  print
    j    pass

sector:                          # a1 = s3 * 37 + 5
    li   a1, 37
    mul  a1, a1, s3
    addi a1, a1, 5
    ret
value:                           # t0 = the first doubleword of block s3
    li   t0, 0x9e3779b97f4a7c15
    addi t1, s3, 1
    mul  t0, t0, t1
    ret
pattern:
    mv   t5, ra
    jal  value
    la   t2, buffer
    li   t3, 0
40: sd   t0, 0(t2)
    add  t0, t0, t3
    addi t2, t2, 8
    addi t3, t3, 1
    li   t4, 64
    bne  t3, t4, 40b
    jr   t5
compare:
    mv   t5, ra
    jal  value
    la   t2, buffer
    li   t3, 0
50: ld   t6, 0(t2)
    bne  t6, t0, wrong
    add  t0, t0, t3
    addi t2, t2, 8
    addi t3, t3, 1
    li   t4, 64
    bne  t3, t4, 50b
    jr   t5
wrong:
    li   a0, (2 << 16) | 0x3333
    j    finish

request:                         # a0 type, a1 sector, a2: 0 no data, 1 from memory, 3 into memory
    la   t0, header
    sw   a0, 0(t0)
    sw   zero, 4(t0)
    sd   a1, 8(t0)
    la   t1, descriptors
    sd   t0, 0(t1)
    li   t2, 16
    sw   t2, 8(t1)
    li   t2, 0x00010001          # next: 1
    bnez a2, 60f
    li   t2, 0x00020001          # next: 2
60: sw   t2, 12(t1)
    la   t0, buffer
    sd   t0, 16(t1)
    li   t2, 512
    sw   t2, 24(t1)
    li   t2, 0x00020000
    or   t2, t2, a2              # next, and 2 more where the device writes
    sw   t2, 28(t1)
    la   t0, result
    li   t2, 0xff
    sb   t2, 0(t0)
    sd   t0, 32(t1)
    li   t2, 1
    sw   t2, 40(t1)
    li   t2, 2
    sw   t2, 44(t1)
    la   t0, available
    lhu  t1, 2(t0)
    andi t2, t1, 7
    slli t2, t2, 1
    add  t2, t2, t0
    sh   zero, 4(t2)             # descriptor 0
    fence
    addi t1, t1, 1
    sh   t1, 2(t0)
    fence
    sw   zero, 0x50(s0)
61: wfi
    csrr t2, mip
    li   t3, 0x800
    and  t2, t2, t3
    beqz t2, 61b
    lw   t2, 4(s2)               # claim, acknowledge, complete
    lw   t3, 0x60(s0)
    sw   t3, 0x64(s0)
    sw   t2, 4(s2)
    la   t0, used
    lhu  t2, 2(t0)
    slli t1, t1, 48
    srli t1, t1, 48
    bne  t2, t1, 61b
    la   t0, result
    lbu  t0, 0(t0)
    bnez t0, 62f
    ret
62: slli a0, t0, 16
    li   t0, 0x3333
    or   a0, a0, t0
    j    finish
    .data
no_disk: .asciz "no disk\\n"
wrote: .asciz "wrote and flushed\\n"
back: .asciz "read back\\n"
    .bss
    .balign 16
descriptors: .zero 128
available: .zero 32
    .balign 16
used: .zero 80
    .balign 16
header: .zero 16
result: .zero 16
buffer: .zero 512
    .text`);
