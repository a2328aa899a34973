/**
 * Environment calls, trap returns, WFI and the supervisor's memory-management fence (Privileged ISA
 * 20240411, with ecall and ebreak, which the unprivileged §2.8 leaves to the environment). Rows of
 * format 'none' allow no other bits.
 */
import { system } from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const PRIVILEGED = [
  { name: 'ecall',      extension: 'Privileged', format: 'none', match: 0x00000073, mask: 0xffffffff, effect: system('ecall'),     section: 'Privileged 20240411 §3.3.1' },
  { name: 'ebreak',     extension: 'Privileged', format: 'none', match: 0x00100073, mask: 0xffffffff, effect: system('ebreak'),    section: 'Privileged 20240411 §3.3.1' },
  { name: 'sret',       extension: 'Privileged', format: 'none', match: 0x10200073, mask: 0xffffffff, effect: system('sret'),      section: 'Privileged 20240411 §3.3.2' },
  { name: 'mret',       extension: 'Privileged', format: 'none', match: 0x30200073, mask: 0xffffffff, effect: system('mret'),      section: 'Privileged 20240411 §3.3.2' },
  { name: 'wfi',        extension: 'Privileged', format: 'none', match: 0x10500073, mask: 0xffffffff, effect: system('wfi'),       section: 'Privileged 20240411 §3.3.3' },
  { name: 'sfence.vma', extension: 'Privileged', format: 'R',    match: 0x12000073, mask: 0xfe007fff, effect: system('sfenceVma'), section: 'Privileged 20240411 §10.2.1' },
] as const satisfies readonly Row[];
