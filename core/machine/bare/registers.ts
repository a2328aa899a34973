/**
 * What a bare-metal hart keeps besides its x, f and pc: the CSRs that are storage, as 64-bit slots of its
 * record, and the bits that the model reads of them (RISC-V Privileged ISA 20240411). A hart is named by the
 * address of the first of its four blocks.
 */
import { bareBlock, HART_ADDRESS, HART_COUNT_MAX, HART_STRIDE, hartOffset } from '../../protocol/host-memory-layout.ts';

/** Harts that a bare-metal machine can have. */
export const BARE_HART_MAX = HART_COUNT_MAX / bareBlock.count;

/** Names of the slots, in their order in the record. */
const SLOT_NAMES = [
  'mstatus', 'medeleg', 'mideleg', 'mie', 'mip', 'mtvec', 'mcounteren', 'menvcfg', 'mcountinhibit', 'mscratch',
  'mepc', 'mcause', 'mtval', 'mtinst', 'mtval2', 'stvec', 'scounteren', 'senvcfg', 'sscratch', 'sepc', 'scause',
  'stval', 'satp', 'stimecmp', 'hstatus', 'hedeleg', 'hideleg', 'hcounteren', 'htval', 'htinst', 'henvcfg', 'hgatp',
  'htimedelta', 'vsstatus', 'vstvec', 'vsscratch', 'vsepc', 'vscause', 'vstval', 'vsatp', 'vstimecmp',
  /** mcycle and minstret less the hart's own counts; the value itself while it is inhibited. */
  'cycleOffset', 'instretOffset',
  /** Levels of the interrupt lines from outside, as bits of mip. */
  'lines', 'pmpcfg0', 'pmpcfg2', 'miselect', 'siselect',
  'vsiselect', 'hgeie', 'hvictl', 'hviprio1',
] as const;

export type BareSlot = (typeof SLOT_NAMES)[number];

/** Slot numbers by name; pmpaddr0 … 15 follow. */
export const bareSlot = Object.fromEntries(SLOT_NAMES.map((name, index) => [name, index])) as {
  readonly [Name in BareSlot]: number;
};
export const PMPADDR_SLOT = SLOT_NAMES.length;
export const PMP_COUNT = 16;
export const BARE_SLOT_COUNT = PMPADDR_SLOT + PMP_COUNT;

/** Privilege modes as the record holds them; V is apart. */
export const mode = { user: 0, supervisor: 1, machine: 3 } as const;

/** Bits of mstatus, sstatus and vsstatus in their low half (§3.1.6). */
export const statusLow = {
  sie: 1 << 1, mie: 1 << 3, spie: 1 << 5, mpie: 1 << 7, spp: 1 << 8, mpp: 3 << 11, fs: 3 << 13,
  mprv: 1 << 17, sum: 1 << 18, mxr: 1 << 19, tvm: 1 << 20, tw: 1 << 21, tsr: 1 << 22,
} as const;
/** Bits of mstatus in its high half. */
export const statusHigh = { gva: 1 << 6, mpv: 1 << 7, sd: 0x8000_0000 | 0 } as const;
/** Bits of hstatus in its low half (H extension). */
export const hstatusLow = {
  gva: 1 << 6, spv: 1 << 7, spvp: 1 << 8, hu: 1 << 9, vgein: 3 << 12, vtvm: 1 << 20, vtw: 1 << 21, vtsr: 1 << 22,
} as const;
/** Fields of hvictl (AIA 1.0 §6.3.2); IID has 6 bits. */
export const guestControl = { vti: 1 << 30, iid: 0x3f << 16, dpr: 1 << 9, ipriom: 1 << 8, iprio: 0xff } as const;
/** Bits of menvcfg and henvcfg: low half, then high half (§3.1.18). */
export const environmentLow = { fiom: 1, cbie: 3 << 4, cbcfe: 1 << 6, cbze: 1 << 7 } as const;
export const environmentHigh = { adue: 1 << 29, pbmte: 1 << 30, stce: 0x8000_0000 | 0 } as const;

/** Interrupts of the virtual supervisor and the guest external one: always delegated to HS. */
export const VIRTUAL_INTERRUPTS = 0x1444;
/** Interrupts of the supervisor: 1, 5 and 9. */
export const SUPERVISOR_INTERRUPTS = 0x222;
/** Interrupt lines that come from outside: 3, 7, 9 and 11. */
export const LINES = 0xa88;
/** Guest external interrupts of a hart with H and the AIA (GEILEN): 1 … 3, as many as its guest interrupt files. */
export const GUEST_EXTERNAL_COUNT = 3;
/** Among the lines, guest external interrupt n is GUEST_LINE + n. */
export const GUEST_LINE = 16;
/** Bits of hgeip and hgeie. */
export const GUEST_EXTERNAL = ((1 << GUEST_EXTERNAL_COUNT) - 1) << 1;

/** Address of the first block of hart `index`. */
export function bareAddress(index: number): number {
  return HART_ADDRESS + index * bareBlock.count * HART_STRIDE;
}

/** Index of the hart whose first block is at `hart`. */
export function bareIndex(hart: number): number {
  return (hart - HART_ADDRESS) / (bareBlock.count * HART_STRIDE);
}

/** Word index of the low half of a slot. */
export function bareWord(hart: number, slot: number): number {
  return (hart + hartOffset.bareCsr + 8 * slot) >> 2;
}
