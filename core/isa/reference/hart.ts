/** The state that the reference step works on: one guest hart, and the ports to memory and time. */
import { DEFAULT_PROFILE, getProfile, type HartProfile } from '../table/index.ts';

/** A reservation made by LR. */
export interface Reservation {
  readonly guestPhysicalAddress: bigint;
  readonly byteCount: number; // 4 or 8
}

/**
 * A hart in VS or VU mode. All bigints are unsigned 64-bit. CSR names are the guest's (the VS
 * copies).
 */
export interface ReferenceHart {
  readonly profile: HartProfile;
  pc: bigint;
  readonly x: bigint[]; //      32 registers; x[0] is 0
  privilege: 0 | 1; //          0 = VU, 1 = VS
  readonly f: bigint[]; //      32 float registers, singles NaN-boxed
  fcsr: bigint; //              frm in bits 7 … 5, fflags below
  sstatus: bigint; //           only SIE, SPIE, SPP, FS, SUM, MXR are kept; UXL, SD are added when read
  sie: bigint;
  stvec: bigint;
  scounteren: bigint;
  senvcfg: bigint;
  sscratch: bigint;
  sepc: bigint;
  scause: bigint;
  stval: bigint;
  satp: bigint;
  hvip: bigint; //              bits 2, 6, 10: software, timer, external interrupt of the guest
  hgatp: bigint; //             MODE 8: Sv39x4; MODE 0: guest physical = host physical
  reservation: Reservation | undefined;
  cycle: bigint; //             instructions attempted so far
  instret: bigint; //           instructions retired so far
}

/**
 * Host physical memory, little endian. An address without memory is the caller's mistake: the port
 * asserts.
 */
export interface ReferenceMemory {
  read(hostPhysicalAddress: bigint, byteCount: number): bigint;
  write(hostPhysicalAddress: bigint, byteCount: number, value: bigint): void;
  /** The time CSR, now. Unit: ticks of the guest's timebase. */
  time(): bigint;
}

/** What an access is for; sc and AMOs are stores, lr is a load. */
export type ReferenceAccess = 'fetch' | 'load' | 'store';

/** Why an access or instruction did not happen. */
export type ReferenceFault =
  | { readonly kind: 'trap'; readonly cause: number; readonly value: bigint }
  | {
      readonly kind: 'guestPageFault';
      readonly access: ReferenceAccess;
      readonly virtualAddress: bigint;
      readonly guestPhysicalAddress: bigint;
    };

/** Bits of sstatus (Privileged ISA 20240411 §10.1.1). */
export const statusBit = {
  sie: 1n << 1n,
  spie: 1n << 5n,
  spp: 1n << 8n,
  fs: 3n << 13n, // 0 Off, 1 Initial, 2 Clean, 3 Dirty
  sum: 1n << 18n,
  mxr: 1n << 19n,
} as const;

/** A hart as it starts: VS mode, no translation, everything 0. */
export function makeReferenceHart(
  pc: bigint,
  profile: HartProfile = getProfile(DEFAULT_PROFILE),
): ReferenceHart {
  return {
    profile,
    pc,
    x: Array.from({ length: 32 }, () => 0n),
    f: Array.from({ length: 32 }, () => 0n),
    fcsr: 0n,
    privilege: 1,
    sstatus: 0n,
    sie: 0n,
    stvec: 0n,
    scounteren: 0n,
    senvcfg: 0n,
    sscratch: 0n,
    sepc: 0n,
    scause: 0n,
    stval: 0n,
    satp: 0n,
    hvip: 0n,
    hgatp: 0n,
    reservation: undefined,
    cycle: 0n,
    instret: 0n,
  };
}
