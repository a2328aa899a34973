# Read by assemble.test.ts, and by GNU as through assembler.sh: both must give the same bytes.
.equ UART, 0x10000000
.set N, (1 << 12) | 5
start:
  li a0, 0x123456789abcdef0
  li t0, -1
  li t1, 0x40000000
  la a1, message
  lla a2, start
1: lbu t2, 0(a1)
  beqz t2, 1f
  sb t2, (a0)
  addi a1, a1, 1
  j 1b
1: call func
  lw a3, message
  sd a3, table, t1
  csrr a0, sstatus
  csrw satp, a0
  csrwi sip, 2
  csrw sscratch, 4
  rdtime a5
  fence rw, w
  fence
  fence.i
  amoadd.w.aqrl a0, a1, (a2)
  lr.d.aq t0, (a0)
  sc.d.rl t0, t1, (a0)
  sfence.vma a0, a1
  sfence.vma
2: auipc a0, %pcrel_hi(table)
  addi a0, a0, %pcrel_lo(2b)
  lui a0, %hi(N)
  addi a0, a0, %lo(N)
  add a0, a0, 5
  jalr 4(a0)
  jalr a1
  jalr zero, 8(a1)
  ecall
  sret
  wfi
  tail start
  .balign 16
func: ret
  bgtu a0, a1, func
  sext.h a0, a1
  not a0, a1
  unimp
  .option norelax
  neg a0, a1
  negw a0, a1
  sext.b a0, a1
  sext.w a0, a1
  zext.b a0, a1
  zext.h a0, a1
  zext.w a0, a1
  seqz a0, a1
  snez a0, a1
  sltz a0, a1
  sgtz a0, a1
  sgt a0, a1, a2
  sgtu a0, a1, a2
3:
  bnez a0, 3b
  blez a0, 3b
  bgez a0, 3b
  bltz a0, 3f
  bgtz a0, 3f
  bgt a0, a1, 3b
  ble a0, a1, 3b
3:
  bleu a0, a1, 3b
  jr a0
  jalr a0
  jalr a0, a1
  jalr a0, 12(a1)
  jal func
  jal a0, func
  csrs sie, a0
  csrc sie, a0
  csrsi sie, 3
  csrci sie, 3
  csrrw a0, satp, a1
  csrrw a0, satp, 7
  csrr a0, 0xc01
  rdcycle a0
  rdinstret a1
  fence.tso
  fence i, o
  and a0, a1, 15
  sll a0, a1, 3
  slt a0, a1, -3
  sltu a0, a1, 3
  addw a0, a1, 7
  sraw a0, a1, 7
  la a0, start + 8
  lui a0, 0xfffff
  auipc a0, 0
  lw a0, N - 4096(sp)
  ld a0, (sp)
  sd a0, -8(fp)
  li a0, 2047
  li a0, 2048
  li a0, -2049
  li a0, 0x7fffffff
  li a0, -0x80000000
  li a0, 'A' + 1
  li a0, 1 << 3 | 4
  li a0, 2 + 3 * 4 - 10 / 3
  li a0, ~(1 << 4) & 0xff
  hfence.gvma a0, a1
  hfence.vvma
  mret
  ebreak
  pause
 .balign 16, 0
message: .asciz "h\n\"é"
 .balign 8, 0
table: .dword func, start, 'a', N*2-1, ~0, func-start
.half 0xffff, -1
.zero 6
end = .

 .balign 16, 0
