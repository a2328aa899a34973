/**
 * A supervisor program that puts traps, CSRs, Sv39 and interrupts to the test. It folds everything
 * that it observes (scause, sepc, stval, sstatus, loaded values, page-table entries afterwards)
 * into one digest per section and ends with ecall in S mode. Whoever runs it, QEMU or the reference
 * step, must leave the same digests at {@link SUPERVISOR_RESULTS}.
 */

/** Where the program starts, in S mode without translation. */
export const SUPERVISOR_ORIGIN = 0x8020_0000;
/** Where it leaves the digests, one double word a section. */
export const SUPERVISOR_RESULTS = 0x8030_0000;
/** Its sections, in order. */
export const SUPERVISOR_SECTIONS = [
  'traps',
  'user-traps',
  'csrs',
  'jumps',
  'atomics',
  'interrupts',
  'page-flags-supervisor',
  'page-flags-user',
  'reserved-entries',
  'superpages',
  'canonical',
  'page-crossing',
] as const;

/** Runs `code` with traps going on behind it; folds a mark when it gets through. */
function attempt(code: string): string {
  return `
    la   s10, 9f
    ${code}
    li   t0, 0x600d
    ${fold('t0')}
9:`;
}

/** Folds register `name` into the digest. */
const fold = (name: string): string => `
    xor  s9, s9, ${name}
    mul  s9, s9, s8`;

/** Enters U mode at user routine number `routine`; comes back behind it by whatever trap. */
function inUser(routine: number): string {
  return `
    la   s10, 8f
    li   t0, 0x100
    csrc sstatus, t0
    csrr t0, satp
    li   t1, 0x80400000
    beqz t0, 1f
    li   t1, 0x400000
1:  addi t1, t1, ${routine * 16}
    csrw sepc, t1
    sret
8:`;
}

function section(index: number, code: string): string {
  return `
section${index}: nop
    li   t0, 0xc0120                    # sections do not depend on each other's sstatus
    csrc sstatus, t0
    li   s9, 0x9e3779b97f4a7c15
    ${['a0', 'a1', 'a2', 'a3', 'a4', 't0', 't1', 't2'].map((name) => `li ${name}, 0`).join('\n')}
    ${code}
    li   t0, ${SUPERVISOR_RESULTS + 8 * index}
    sd   s9, 0(t0)`;
}

// biome-ignore format: a word a line would be long
const ILLEGAL_WORDS = [
  0, 0xffffffff, 0x0200101b, 0x4200501b, 0x1010202f, 0x0000002f, 0x000000f3, 0x10208073, 0x120000f3,
  0x00007003, 0x00002063, 0x00001067, 0x84001013, 0x00004073, 0x30200073, 0x22000073, 0x62000073,
  0x0000400f, 0x02000053, 0x2800202f, 0x7000302f, 0x00004023, 0x7ff00073,
];

const traps = () =>
  [
    ...ILLEGAL_WORDS.map((word) => attempt(`.word ${word}`)),
    attempt('csrw cycle, t0'),
    attempt('csrr t0, cycle\n li t0, 0'),
    attempt('csrr t0, 0xc03'),
    attempt('csrr t0, mstatus'),
    attempt('csrr t0, 0x7c0'),
    attempt('csrs 0xc01, t0'),
    attempt('csrr a0, time\n csrsi sstatus, 0'),
  ].join('\n');

/** Routines of 16 bytes that run in U mode; a1 is an address, a2 a value. */
const USER_ROUTINES = [
  'ecall',
  'ebreak',
  'sret',
  'wfi',
  'sfence.vma',
  'csrr a0, sstatus',
  'csrr a0, time',
  'mret',
  'ld a0, 0(a1)\n ecall',
  'sd a2, 8(a1)\n ecall',
  'jalr ra, 0(a1)\n ecall',
  '.word 0',
  'addi a1, a1, 16\n amoadd.d a0, a2, (a1)\n ecall',
  'csrr a0, cycle',
  'csrr a0, instret',
  'nop\n nop\n j .-8',
];

const userTraps = () => `
    csrw scounteren, x0
    ${[0, 1, 2, 3, 4, 5, 6, 7, 11, 13, 14].map(inUser).join('\n')}
    li   t0, 2
    csrw scounteren, t0
    ${[13, 14].map(inUser).join('\n')}`;

/** Writes each of `values` to `name` and folds what reads back under `mask`. */
const csrRoundTrip = (name: string, values: readonly bigint[], mask: bigint): string =>
  values
    .map(
      (value) => `
    li   t0, ${value}
    csrw ${name}, t0
    csrr t1, ${name}
    li   t0, ${mask}
    and  t1, t1, t0
    ${fold('t1')}`,
    )
    .join('\n');

const ALL = (1n << 64n) - 1n;
const STATUS_MASK = 0x3_000c_0122n;
const csrs = () =>
  [
    csrRoundTrip('sscratch', [ALL, 0n, 0x1234_5678_9abc_def0n], ALL),
    csrRoundTrip('scause', [ALL, 0n, 5n], 0x8000_0000_0000_001fn),
    csrRoundTrip('stval', [ALL, 0n, 0x1234_5678_9abc_def0n], ALL),
    csrRoundTrip('sepc', [0xffff_ffff_ffff_fffcn, 0n], ALL),
    csrRoundTrip('sie', [ALL, 0n], 0x222n),
    csrRoundTrip('sip', [ALL, 0n], 0x222n),
    csrRoundTrip(
      'sstatus',
      [ALL & ~2n & ~(1n << 32n), 0n, 1n << 18n, 1n << 19n, 1n << 5n, 1n << 8n],
      STATUS_MASK,
    ),
    csrRoundTrip('satp', [(1n << 60n) | 5n, (7n << 60n) | 0x1234n, 0n], ALL),
    'csrw sscratch, x0',
    ...[
      'csrrwi a0, sscratch, 21',
      'csrrsi a0, sscratch, 10',
      'csrrci a0, sscratch, 3',
      'csrrw a0, sscratch, a0',
      'csrrs a0, sscratch, s8',
      'csrrc a0, sscratch, a0',
      'csrrw a0, sscratch, x0',
      'csrrs x0, sscratch, s8',
    ].map((code) => `${code}\n csrr t1, sscratch\n ${fold('a0')} ${fold('t1')}`),
  ].join('\n');

const jumps = () =>
  [
    attempt('la t0, .+14\n jalr ra, 0(t0)\n nop'), //      to 2 mod 4
    attempt('li ra, 77\n la t0, .\n jalr ra, 2(t0)'),
    fold('ra'),
    'li s7, 0', //                                         QEMU 7.2 leaves an old stval here
    attempt('li ra, 78\n .word 0x002000ef'), //            jal ra, .+2
    fold('ra'),
    attempt('.word 0x00000163'), //                        beq x0, x0, .+2: taken
    attempt('.word 0x00001163'), //                        bne x0, x0, .+2: not taken
    'li s7, -1',
    attempt('la t0, .+13\n jalr ra, 0(t0)'), //            bit 0 is cleared
  ].join('\n');

const atomics = () =>
  [
    'la a1, scratch_page',
    ...[
      'amoadd.w a0, a1, (a1)',
      'amoadd.d a0, a1, (a1)',
      'lr.w a0, (a1)',
      'lr.d a0, (a1)',
      'amoswap.d a0, a1, (a1)',
    ].flatMap((code) =>
      [1, 2, 4, 8].map((offset) =>
        attempt(`la a1, scratch_page\n addi a1, a1, ${offset}\n ${code}`),
      ),
    ),
    `la a1, scratch_page
    sd s8, 0(a1)
    lr.d a0, (a1)
    sc.d a2, s9, (a1)
    sc.d a3, s8, (a1)
    ld a4, 0(a1)`,
    fold('a0'),
    fold('a2'),
    fold('a3'),
    fold('a4'),
    'lr.w a0, (a1)',
    attempt('ebreak'),
    'sc.w a2, a1, (a1)',
    fold('a2'), //   a trap ends the reservation
  ].join('\n');

const interrupts = () =>
  [
    'csrwi sie, 2',
    attempt('csrsi sip, 2\n csrsi sstatus, 2\n nop\n nop'),
    'csrci sip, 2',
    attempt('csrsi sstatus, 2\n csrsi sip, 2\n nop\n nop'),
    'csrci sip, 2\n csrci sstatus, 2\n csrsi sip, 2',
    'csrci sstatus, 2',
    inUser(15), //                                         taken in U whatever SIE is
    'csrci sip, 2\n csrci sstatus, 2',
    'la t0, vectors\n addi t0, t0, 1\n csrw stvec, t0',
    attempt('csrsi sip, 2\n csrsi sstatus, 2\n nop\n nop'),
    'csrci sip, 2\n csrci sstatus, 2',
    attempt('ebreak'), //                  exceptions go to the base in vectored mode, too
    'la t0, trap\n csrw stvec, t0\n csrci sstatus, 2',
    'csrsi sip, 2\n csrwi sie, 0\n csrwi sie, 2\n wfi\n csrci sip, 2', // pending: goes on
    'csrr t1, sip',
    fold('t1'),
    'csrwi sie, 0',
  ].join('\n');

/**
 * Sets the level-0 entry of virtual page 1 to data_page with the flags in register `flags`, then
 * `code`, folding the entry.
 */
function withEntry(code: string): string {
  return `
    la   t0, data_page
    srli t0, t0, 2
    or   t0, t0, s2
    la   t1, level0
    sd   t0, 8(t1)
    sfence.vma
    li   a1, 0x1000
    li   a2, 0x55
    ${code}
    la   t1, level0
    ld   t0, 8(t1)
    ${fold('t0')}`;
}

/**
 * For all 256 flags × MXR and (in steps of 1, not 2) SUM: load, store, fetch, AMO. s2 flags, s3
 * sstatus bits.
 */
function allFlags(name: string, step: 1 | 2, accesses: readonly string[]): string {
  return `
    call paging_on
    li   s3, 0
${name}_status:
    li   s2, 0
${name}_flags:
    li   t0, 0xc0000
    csrc sstatus, t0
    slli t0, s3, 18
    csrs sstatus, t0
    ${accesses.map(withEntry).join('\n')}
    addi s2, s2, 1
    li   t0, 256
    bne  s2, t0, ${name}_flags
    addi s3, s3, ${step}
    li   t0, 4
    bne  s3, t0, ${name}_status
    call paging_off`;
}

const ACCESSES = [
  'ld a0, 0(a1)',
  'sd a2, 8(a1)',
  'la ra, 1f\n jr a1\n1:',
  'addi a1, a1, 16\n amoadd.d a0, a2, (a1)',
];

/** The same as user routines. */
const ACCESSES_IN_USER = [8, 9, 10, 12];

const reservedEntries = () => `
    call paging_on
    ${Array.from(
      { length: 10 },
      (_, bit) => `
    li   s2, ${(1n << BigInt(54 + bit)) | 0xcfn}
    ${withEntry(attempt('ld a0, 0(a1)'))}`,
    ).join('\n')}
    ${[0x100n, 0x200n, 0x20n]
      .map(
        (flags) => `
    li   s2, ${flags | 0xcfn}
    ${withEntry(attempt('ld a0, 0(a1)'))}`,
      )
      .join('\n')}
    ${[0x10n, 0x40n, 0x80n, 0x20n, 0x100n, 1n << 54n, 1n << 63n, 0n]
      .map(
        (flags) => `
    la   t0, level0                     # pointer entries with bits that must be clear
    srli t0, t0, 2
    li   t1, ${flags | 1n}
    or   t0, t0, t1
    la   t1, level1
    sd   t0, 0(t1)
    sfence.vma
    li   s2, 0xcf
    ${withEntry(attempt('ld a0, 0(a1)'))}`,
      )
      .join('\n')}
    call paging_off`;

/** A leaf at level 1 (virtual 0x600000) and at level 2 (virtual 0x40000000): aligned and not. */
const superpages = () => `
    call paging_on
    ${[0n, 1n, 0x100n]
      .flatMap((low) =>
        [0xcfn, 0x0fn, 0x4fn, 0x47n, 0xc1n].map(
          (flags) => `
    li   t0, ${((0x80400n + low) << 10n) | flags}
    la   t1, level1
    sd   t0, 24(t1)
    sfence.vma
    li   a1, 0x612340
    ${attempt(`ld a0, 0(a1)\n ${fold('a0')}`)}
    ${attempt('sd a2, 8(a1)')}
    la   t1, level1
    ld   t0, 24(t1)
    ${fold('t0')}`,
        ),
      )
      .join('\n')}
    ${[0n, 0x200n, 1n]
      .map(
        (low) => `
    li   t0, ${((0x80000n + low) << 10n) | 0x4fn}
    la   t1, level2
    sd   t0, 8(t1)
    sfence.vma
    li   a1, 0x40412340
    ${attempt(`ld a0, 0(a1)\n ${fold('a0')}`)}
    la   t1, level2
    ld   t0, 8(t1)
    ${fold('t0')}`,
      )
      .join('\n')}
    call paging_off`;

const canonical = () => `
    call paging_on
    ${[
      0x40_0000_0000n,
      0x8000_0000_0000_1000n,
      0xffff_ff80_0000_0000n,
      0xffff_ffbf_ffff_fff8n,
      0xffff_ffff_ffff_fff8n,
      0x3f_ffff_f000n,
      0x80_8000_0000n,
      0xffff_ffff_ffff_fffcn,
    ]
      .map(
        (address) => `
    li   a1, ${address}
    ${attempt('ld a0, 0(a1)')}
    ${attempt('sd a0, 0(a1)')}
    la   ra, .+12
    ${attempt('jr a1')}`,
      )
      .join('\n')}
    call paging_off`;

/** Accesses over the boundary of virtual pages 1 and 2, whose entries have every pair of flags. */
const pageCrossing = () => `
    call paging_on
    ${[0xcfn, 0x0fn, 0x43n, 0n]
      .flatMap((low) =>
        [0xcfn, 0x0fn, 0x43n, 0n].map(
          (high) => `
    la   t1, level0
    la   t0, data_page
    srli t0, t0, 2
    ori  t2, t0, ${low}
    sd   t2, 8(t1)
    la   t0, scratch_page
    srli t0, t0, 2
    ori  t2, t0, ${high}
    sd   t2, 16(t1)
    sfence.vma
    li   a1, 0x2000
    ${attempt(`ld a0, -3(a1)\n ${fold('a0')}`)}
    ${attempt(`lhu a0, -1(a1)\n ${fold('a0')}`)}
    ${attempt(`lw a0, -2(a1)\n ${fold('a0')}`)}
    ${attempt('sd s9, -5(a1)')}
    ${attempt('sh s9, -1(a1)')}
    la   t1, level0
    ld   t0, 8(t1)
    ${fold('t0')}
    ld   t0, 16(t1)
    ${fold('t0')}
    la   t0, data_page
    li   t1, 4088
    add  t0, t0, t1
    ld   t0, 0(t0)
    ${fold('t0')}
    la   t0, scratch_page
    ld   t0, 0(t0)
    ${fold('t0')}`,
        ),
      )
      .join('\n')}
    call paging_off`;

/** The source text. */
export function supervisorSource(): string {
  const routines = USER_ROUTINES.map((code) => `.balign 16\n ${code}`).join('\n');
  const user = ACCESSES_IN_USER.map((routine) => inUser(routine));
  const bodies = [
    traps(),
    userTraps(),
    csrs(),
    jumps(),
    atomics(),
    interrupts(),
    allFlags(
      'supervisor',
      1,
      ACCESSES.map((code) => attempt(`${code}\n ${fold('a0')}`)),
    ),
    allFlags(
      'user',
      2,
      user.map((code) => `${code}\n ${fold('a0')}`),
    ),
    reservedEntries(),
    superpages(),
    canonical(),
    pageCrossing(),
  ];
  return `
    li   s8, 0x100000001b3
    li   s7, -1
    la   t0, trap
    csrw stvec, t0
    la   t0, user_code                  # to where U mode may run it
    li   t1, 0x80400000
    la   t2, user_end
1:  ld   a0, 0(t0)
    sd   a0, 0(t1)
    addi t0, t0, 8
    addi t1, t1, 8
    bltu t0, t2, 1b
    j    section0
    .balign 4
trap:                                   # folds the trap, then goes on at s10 in S mode
    csrr t3, sepc
    ${fold('t3')}
    csrr t3, scause
    ${fold('t3')}
    addi t3, t3, -3                     # a breakpoint's stval may be 0 or pc: not looked at
    snez t3, t3
    neg  t3, t3
    csrr t4, stval
    and  t3, t3, t4
    and  t3, t3, s7
    ${fold('t3')}
    csrr t3, sstatus
    li   t4, ${STATUS_MASK}
    and  t3, t3, t4
    ${fold('t3')}
    li   t3, 0x100
    csrs sstatus, t3
    li   t3, 0x20
    csrc sstatus, t3                    # interrupts stay off
    csrw sepc, s10
    sret
    .balign 64
vectors:
    j    trap
    j    vectored_software
    .balign 64
vectored_software:
    xori s9, s9, 0x111
    j    trap
paging_on:
    la   t0, level2
    srli t0, t0, 12
    li   t1, 8 << 60
    or   t0, t0, t1
    sfence.vma
    csrw satp, t0
    sfence.vma
    ret
paging_off:
    csrw satp, x0
    sfence.vma
    ret
${bodies.map((code, index) => section(index, code)).join('\n')}
    ecall
    .balign 16
user_code:
${routines}
    .balign 16
user_end:
    .data
    .balign 4096
level2:                                 # 1 GiB pages: 2 is RAM itself, for S
    .dword (level1 >> 2) | 1, 0, (0x80000 << 10) | 0xcf
    .balign 4096
level1:                                 # 2 MiB pages: 2 is user code
    .dword (level0 >> 2) | 1, 0, (0x80400 << 10) | 0xdf, 0
    .balign 4096
level0:
    .zero 4096
data_page:
    .word 0x00008067                    # ret, for fetches
    .zero 4092
scratch_page:
    .zero 4096
`;
}
