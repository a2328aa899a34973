/**
 * The state of the bare-metal reference hart: every register by the number of its CSR, in BigInt. Views (sstatus,
 * sie, hvip …) are computed from mstatus, mie, mip and never kept.
 */
import type { HartProfile } from '../../table/index.ts';
import type { ReferenceFile } from './aia.ts';
import type { Extension } from '../../table/row.ts';

/** The five modes, by the manual's names; HS stands for S where there is no H. */
export type Mode = 'M' | 'HS' | 'U' | 'VS' | 'VU';

export interface BareReferenceHart {
  readonly profile: HartProfile;
  readonly id: number;
  pc: bigint;
  readonly x: bigint[];
  readonly f: bigint[];
  fcsr: bigint;
  mode: Mode;
  /** Registers that are storage, by CSR number; unsigned 64-bit. Missing: 0. mip holds what software wrote. */
  readonly csr: Map<number, bigint>;
  /** Levels of the lines from outside, as bits of mip; bit 16 + n is guest external interrupt n. */
  lines: bigint;
  /** Interrupt files, of M, HS and guests 1, 2, 3, when the hart has such. */
  files: readonly ReferenceFile[];
  reservation: { readonly address: bigint; readonly byteCount: number } | undefined;
  /** Instructions attempted and retired, as the hart counts them whatever software writes. */
  attempted: bigint;
  retired: bigint;
  /** What mcycle and minstret are ahead of those, or hold while inhibited. */
  cycleOffset: bigint;
  instretOffset: bigint;
}

/** Memory and devices behind physical addresses, little endian. */
export interface BareReferencePort {
  /** Whether all bytes are RAM. */
  isRam(address: bigint, byteCount: number): boolean;
  read(address: bigint, byteCount: number): bigint;
  write(address: bigint, byteCount: number, value: bigint): void;
  /** A device's answer, undefined for an access fault. */
  load(address: bigint, byteCount: number): bigint | undefined;
  store(address: bigint, byteCount: number, value: bigint): boolean;
  /** mtime at the instruction under way. */
  time(): bigint;
}

export const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
export const bit = (value: bigint, at: number): boolean => ((value >> BigInt(at)) & 1n) === 1n;
/** `value` with the bits of `mask` taken from `from`. */
export const insert = (value: bigint, mask: bigint, from: bigint): bigint => (value & ~mask) | (from & mask);

/** A register that is storage. */
export const get = (hart: BareReferenceHart, number: number): bigint => hart.csr.get(number) ?? 0n;
export const set = (hart: BareReferenceHart, number: number, value: bigint): void => {
  hart.csr.set(number, u64(value));
};
export const has = (hart: BareReferenceHart, extension: Extension): boolean =>
  hart.profile.extensions.includes(extension);
export const isVirtual = (mode: Mode): boolean => mode === 'VS' || mode === 'VU';

/** CSR numbers that the reference names. */
export const N = {
  sstatus: 0x100, sie: 0x104, stvec: 0x105, scounteren: 0x106, senvcfg: 0x10a, sscratch: 0x140, sepc: 0x141,
  scause: 0x142, stval: 0x143, sip: 0x144, stimecmp: 0x14d, satp: 0x180,
  vsstatus: 0x200, vsie: 0x204, vstvec: 0x205, vsscratch: 0x240, vsepc: 0x241, vscause: 0x242, vstval: 0x243,
  vsip: 0x244, vstimecmp: 0x24d, vsatp: 0x280,
  mstatus: 0x300, misa: 0x301, medeleg: 0x302, mideleg: 0x303, mie: 0x304, mtvec: 0x305, mcounteren: 0x306,
  menvcfg: 0x30a, mcountinhibit: 0x320, mscratch: 0x340, mepc: 0x341, mcause: 0x342, mtval: 0x343, mip: 0x344,
  mtinst: 0x34a, mtval2: 0x34b, pmpcfg0: 0x3a0, pmpcfg2: 0x3a2, pmpaddr0: 0x3b0,
  hstatus: 0x600, hedeleg: 0x602, hideleg: 0x603, hie: 0x604, htimedelta: 0x605, hcounteren: 0x606, hgeie: 0x607,
  henvcfg: 0x60a, htval: 0x643, hip: 0x644, hvip: 0x645, htinst: 0x64a, hgatp: 0x680,
  mcycle: 0xb00, minstret: 0xb02, cycle: 0xc00, time: 0xc01, instret: 0xc02, hgeip: 0xe12,
} as const;

/** Bit positions in mstatus and its like. */
export const B = {
  SIE: 1, MIE: 3, SPIE: 5, MPIE: 7, SPP: 8, MPP: 11, FS: 13, MPRV: 17, SUM: 18, MXR: 19, TVM: 20, TW: 21, TSR: 22,
  GVA: 38, MPV: 39,
} as const;
/** Bit positions in hstatus. */
export const HB = { GVA: 6, SPV: 7, SPVP: 8, HU: 9, VGEIN: 12, VTVM: 20, VTW: 21, VTSR: 22 } as const;

/** A hart after reset. */
export function makeBareReferenceHart(pc: bigint, profile: HartProfile, id = 0): BareReferenceHart {
  const hart: BareReferenceHart = {
    profile,
    id,
    pc,
    x: Array.from({ length: 32 }, () => 0n),
    f: Array.from({ length: 32 }, () => 0n),
    fcsr: 0n,
    mode: 'M',
    csr: new Map(),
    lines: 0n,
    files: [],
    reservation: undefined,
    attempted: 0n,
    retired: 0n,
    cycleOffset: 0n,
    instretOffset: 0n,
  };
  if (profile.extensions.includes('H')) set(hart, N.mideleg, 0x1444n);
  return hart;
}
