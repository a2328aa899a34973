/**
 * Bare-metal drivers for QEMU's virt machine, from which the golden vectors come: they run in M
 * mode from the start of RAM, print hexadecimal numbers line by line over the 16550 UART and end
 * through the test finisher.
 */
import { makePrng } from '../../base/index.ts';
import { type RandomProgram, randomProgram } from '../random-program.ts';
import type { GuestProfileId } from '../table/index.ts';
import type { Extension } from '../table/row.ts';
import { VECTOR_WINDOWS } from './program-vector.ts';
import {
  SUPERVISOR_ORIGIN,
  SUPERVISOR_RESULTS,
  SUPERVISOR_SECTIONS,
} from './supervisor-program.ts';

/**
 * RAM of the virt machine starts here, and with -bios none so does the first instruction, in M
 * mode.
 */
export const QEMU_ORIGIN = 0x8000_0000;
/** A set of random programs: its golden file, how many, what they are drawn from. */
export interface ProgramSet {
  readonly file: string;
  readonly count: number;
  readonly firstSeed: number;
  readonly profile: GuestProfileId; //             of the harts that replay them
  readonly extensions: readonly Extension[];
  /** Extensions that QEMU's hart has besides I, M, A. */
  readonly qemu: readonly string[];
  /** Rows that QEMU 7.2 gets wrong. */
  readonly without?: readonly string[];
}

/** QEMU 7.2's ctzw counts on into the high word when the low word is 0 (mended in 8.0). */
// biome-ignore format: a row a line
export const PROGRAM_SETS = {
  base:            { file: 'program.txt',          count: 240, firstSeed: 1000, profile: 'rv64ima',  extensions: ['I', 'M', 'A', 'Zifencei'],                      qemu: [] },
  bitManipulation: { file: 'bit-manipulation.txt', count: 60,  firstSeed: 3000, profile: 'rv64gc',    extensions: ['I', 'Zba', 'Zbb', 'Zbs'],                       qemu: ['zba', 'zbb', 'zbs'], without: ['ctzw'] },
  float:           { file: 'float-program.txt',    count: 60,  firstSeed: 5000, profile: 'rv64gc',    extensions: ['I', 'F', 'D'],                                  qemu: ['f', 'd'] },
  compressed:      { file: 'compressed-program.txt', count: 60, firstSeed: 7000, profile: 'rv64gc',   extensions: ['I', 'M', 'F', 'D', 'C'],                        qemu: ['c', 'f', 'd'] },
} as const satisfies Record<string, ProgramSet>;

/** Bytes of a program's slot; the program may have 0x700. */
const SLOT = 0x800;
const FIRST_SLOT = 0x1_0000;
const PROGRAM_OFFSET = 0x100;

/** M-mode subroutines that print and end; each uses t0 … t3 and a0 only. */
export const RUNTIME = `
print_hex:                       # a0 as 16 digits and a line feed
    li   t0, 0x10000000
    li   t1, 60
1:  srl  t2, a0, t1
    andi t2, t2, 15
    addi t2, t2, '0'
    li   t3, '9'
    ble  t2, t3, 2f
    addi t2, t2, 39
2:  lbu  t3, 5(t0)               # line status, bit 5: ready for a byte
    andi t3, t3, 0x20
    beqz t3, 2b
    sb   t2, 0(t0)
    addi t1, t1, -4
    bgez t1, 1b
    li   t2, 10
3:  lbu  t3, 5(t0)
    andi t3, t3, 0x20
    beqz t3, 3b
    sb   t2, 0(t0)
    ret
finish:                          # ends QEMU
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
1:  j    1b
`;

/** Program `index` of the set. */
export function drawProgram(set: ProgramSet, index: number): RandomProgram {
  const hasAtomics = set.extensions.includes('A');
  return randomProgram({
    prng: makePrng({ seed: set.firstSeed + index, stream: 5 }),
    extensions: set.extensions,
    without: set.without ?? [],
    origin: BigInt(QEMU_ORIGIN + FIRST_SLOT + index * SLOT + PROGRAM_OFFSET),
    instructionCount: 60,
    windows: VECTOR_WINDOWS,
    loneStoreConditional: false,
    weights: hasAtomics ? { atomic: 12, reserve: 4 } : { atomic: 0, reserve: 0, fence: 0 },
  });
}

/** One slot: loads the registers, runs the words, goes to `save`. */
function slotSource(set: ProgramSet, index: number): string {
  const { registers, words } = drawProgram(set, index);
  const loads = registers.slice(1).map((_, each) => `ld x${each + 1}, ${8 * (each + 1)}(x31)`);
  return `
    .org ${FIRST_SLOT + index * SLOT}
    la x31, registers${index}
    ${loads.join('\n')}
    j program${index}
    .org ${FIRST_SLOT + index * SLOT + PROGRAM_OFFSET}
program${index}: .word ${[...words].join(',')}
    csrw mscratch, x1
    la x1, save
    jr x1
    .data
registers${index}: .dword ${registers.join(',')}
    .text`;
}

const FLOATS = Array.from({ length: 32 }, (_, index) => index);
const hasFloat = (set: ProgramSet): boolean => set.extensions.includes('F');

/**
 * Runs all slots in turn; for each prints x1 … x31 and the digest. The slot number is in memory at
 * `current`.
 */
export function programDriver(set: ProgramSet): string {
  const stores = Array.from({ length: 30 }, (_, each) => `sd x${each + 2}, ${8 * (each + 2)}(x1)`);
  const [first, second] = VECTOR_WINDOWS;
  const overWindows = (body: string) =>
    [first, second]
      .map(
        ({ address }, each) => `
    li s2, ${address}
    addi s3, s2, 256
1:  ${body}
    addi s2, s2, 8
    bne s2, s3, 1b # window ${each}`,
      )
      .join('\n');
  return `
    la t0, failed
    csrw mtvec, t0
    li t0, 0x6000
    csrs mstatus, t0               # float unit on, if there is one
run:
    lw   s0, current               # seed = slot number
    li   s1, 0x9e3779b97f4a7c15
    addi s0, s0, 1
    ${overWindows(`mul t0, s0, s1
    sd t0, 0(s2)
    addi s0, s0, 1`)}
    sc.w x0, x0, (s2)              # no reservation of the program before
    ${hasFloat(set) ? `csrw fcsr, x0
${FLOATS.map((each) => `fmv.d.x f${each}, x0`).join('\n')}` : ''}
    lw   t0, current
    li   t1, ${SLOT}
    mul  t0, t0, t1
    li   t1, ${QEMU_ORIGIN + FIRST_SLOT}
    add  t0, t0, t1
    jr   t0
save:
    la   x1, saved
    ${stores.join('\n')}
    csrr x2, mscratch
    sd   x2, 8(x1)
    la   s0, saved
    addi s1, s0, 256
    addi s0, s0, 8
1:  ld   a0, 0(s0)
    call print_hex
    addi s0, s0, 8
    bne  s0, s1, 1b
    li   a1, 0x9e3779b97f4a7c15
    li   a2, 0x100000001b3
    ${overWindows(`ld t0, 0(s2)
    xor a1, a1, t0
    mul a1, a1, a2`)}
    mv   a0, a1
    call print_hex
    lw   t0, current
    addi t0, t0, 1
    sw   t0, current, t1
    li   t1, ${set.count}
    bne  t0, t1, run
    j    finish
    .balign 4
failed:
    csrr a0, mcause
    call print_hex
    csrr a0, mepc
    call print_hex
    j finish
    ${RUNTIME}
    .data
saved: .zero 256
current: .word 0, 0
    .text
    ${Array.from({ length: set.count }, (_, index) => slotSource(set, index)).join('\n')}`;
}

/**
 * Enters the supervisor program, given as its bytes, with everything delegated, and prints its
 * digests when it calls.
 */
export function supervisorDriver(bytes: Uint8Array): string {
  return `
    csrr t0, mhartid                    # the second hart sleeps; it is there so that QEMU makes
1:  bnez t0, 1b                         # AMOs whole, with the faults of a store
    la   t0, machine_trap
    csrw mtvec, t0
    li   t0, -1
    csrw pmpaddr0, t0
    li   t0, 0x1f
    csrw pmpcfg0, t0
    li   t0, 0xb1ff                     # all but ecall from S and M
    csrw medeleg, t0
    li   t0, 0x222
    csrw mideleg, t0
    csrwi mcounteren, 7
    li   t0, 0x1800
    csrc mstatus, t0
    li   t0, 0x800
    csrs mstatus, t0
    li   t0, ${SUPERVISOR_ORIGIN}
    csrw mepc, t0
    mret
    .balign 4
machine_trap:
    li   s0, ${SUPERVISOR_RESULTS}
    li   s1, ${SUPERVISOR_RESULTS + 8 * SUPERVISOR_SECTIONS.length}
    csrr a0, mcause
    call print_hex
1:  ld   a0, 0(s0)
    call print_hex
    addi s0, s0, 8
    bne  s0, s1, 1b
    j    finish
    ${RUNTIME}
    .org ${SUPERVISOR_ORIGIN - QEMU_ORIGIN}
    .byte ${[...bytes].join(',')}`;
}
