/**
 * Hart profiles: which extensions a hart has. A guest's hart is made with one and keeps it, also on
 * another host; words and CSRs of extensions that it lacks are illegal instructions to it.
 */
import type { Extension } from './row.ts';

/** One profile. */
export interface HartProfile {
  readonly id: string;
  /** What the hart record and saved states hold. */
  readonly number: number;
  readonly extensions: readonly Extension[];
  /** `riscv,isa` of a device tree (RISC-V bindings of Linux). */
  readonly isaString: string;
}

const BASE = ['I', 'M', 'A', 'Zicsr', 'Zifencei', 'Zicntr', 'Privileged'] as const;
const GC = [...BASE, 'Zihpm', 'Zicond', 'Zicbom', 'Zicboz', 'F', 'D', 'C', 'Zba', 'Zbb', 'Zbs'] as const;
const GC_ISA = 'zicbom_zicboz_zicntr_zicond_zicsr_zifencei_zihpm_zba_zbb_zbs';

// biome-ignore format: a row a line
export const HART_PROFILES = [
  { id: 'rv64ima',      number: 0, extensions: BASE, isaString: 'rv64ima_zicsr_zifencei' },
  { id: 'rv64gc',       number: 1, extensions: GC, isaString: `rv64imafdc_${GC_ISA}` },
  { id: 'rv64gch',      number: 2, extensions: [...GC, 'H', 'Svade'], isaString: `rv64imafdch_${GC_ISA}_svade` },
  { id: 'rv64gch-sstc', number: 3, extensions: [...GC, 'H', 'Svade', 'Svadu', 'Sstc', 'Svinval', 'Svpbmt'], isaString: `rv64imafdch_${GC_ISA}_sstc_svade_svadu_svinval_svpbmt` },
  { id: 'rv64gc-aia',   number: 4, extensions: [...GC, 'Sstc', 'Smaia'], isaString: `rv64imafdc_${GC_ISA}_smaia_ssaia_sstc` },
  { id: 'rv64gch-sstc-aia', number: 5, extensions: [...GC, 'H', 'Svade', 'Svadu', 'Sstc', 'Svinval', 'Svpbmt', 'Smaia'], isaString: `rv64imafdch_${GC_ISA}_smaia_ssaia_sstc_svade_svadu_svinval_svpbmt` },
] as const satisfies readonly HartProfile[];

export type HartProfileId = (typeof HART_PROFILES)[number]['id'];

/** Profiles that a guest's hart can have: a guest is in VS and VU mode and has no guests of its own. */
export const GUEST_PROFILES = [HART_PROFILES[0], HART_PROFILES[1]] as const;

export type GuestProfileId = (typeof GUEST_PROFILES)[number]['id'];

/** The profile that a guest's hart has when nobody chooses one: the teaching kernels' machine. */
export const DEFAULT_PROFILE: GuestProfileId = 'rv64ima';

/** The profile called `id`. */
export function getProfile(id: HartProfileId): HartProfile {
  return HART_PROFILES.find((profile) => profile.id === id)!;
}

/** The profile with `number`, or undefined. */
export function findProfile(number: number): HartProfile | undefined {
  return HART_PROFILES[number];
}
