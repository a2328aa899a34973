/**
 * The part of the hypervisor extension H that is decoded now: its two fences (Privileged ISA
 * 20240411, chapter "H" Extension for Hypervisor Support). The guest loads and stores hlv/hsv are
 * rows to add.
 */
import { system } from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const H = [
  { name: 'hfence.vvma', extension: 'H', format: 'R', match: 0x22000073, mask: 0xfe007fff, effect: system('hfenceVvma'), section: 'Privileged 20240411, H, memory-management fences' },
  { name: 'hfence.gvma', extension: 'H', format: 'R', match: 0x62000073, mask: 0xfe007fff, effect: system('hfenceGvma'), section: 'Privileged 20240411, H, memory-management fences' },
] as const satisfies readonly Row[];
