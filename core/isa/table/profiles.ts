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

const BASE = ['I', 'M', 'A', 'Zicsr', 'Zifencei', 'Zicntr', 'Privileged', 'H'] as const;

// biome-ignore format: a row a line
export const HART_PROFILES = [
  { id: 'rv64ima', number: 0, extensions: BASE, isaString: 'rv64ima_zicsr_zifencei' },
  { id: 'rv64gc',  number: 1, extensions: [...BASE, 'Zihpm', 'Zicond', 'Zicbom', 'Zicboz', 'F', 'D', 'C', 'Zba', 'Zbb', 'Zbs'], isaString: 'rv64imafdc_zicbom_zicboz_zicntr_zicond_zicsr_zifencei_zihpm_zba_zbb_zbs' },
] as const satisfies readonly HartProfile[];

export type HartProfileId = (typeof HART_PROFILES)[number]['id'];

/** The profile that a hart has when nobody chooses one: the teaching kernels' machine. */
export const DEFAULT_PROFILE: HartProfileId = 'rv64ima';

/** The profile called `id`. */
export function getProfile(id: HartProfileId): HartProfile {
  return HART_PROFILES.find((profile) => profile.id === id)!;
}

/** The profile with `number`, or undefined. */
export function findProfile(number: number): HartProfile | undefined {
  return HART_PROFILES[number];
}
