/**
 * The hypervisor extension H (Privileged ISA 20240411, chapter "H" Extension for Hypervisor Support): its two
 * fences, and the loads and stores that are made as if by the guest. hlvx needs the right to execute, not to
 * read.
 */
import { system } from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const H = [
  { name: 'hfence.vvma', extension: 'H', format: 'R', match: 0x22000073, mask: 0xfe007fff, effect: system('hfenceVvma'), section: 'Privileged 20240411, H, memory-management fences' },
  { name: 'hfence.gvma', extension: 'H', format: 'R', match: 0x62000073, mask: 0xfe007fff, effect: system('hfenceGvma'), section: 'Privileged 20240411, H, memory-management fences' },
  { name: 'hlv.b',        extension: 'H', format: 'guestLoad',   match: 0x60004073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlv.bu',       extension: 'H', format: 'guestLoad',   match: 0x60104073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlv.h',        extension: 'H', format: 'guestLoad',   match: 0x64004073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlv.hu',       extension: 'H', format: 'guestLoad',   match: 0x64104073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlvx.hu',      extension: 'H', format: 'guestLoad',   match: 0x64304073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlv.w',        extension: 'H', format: 'guestLoad',   match: 0x68004073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlvx.wu',      extension: 'H', format: 'guestLoad',   match: 0x68304073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlv.wu',       extension: 'H', format: 'guestLoad',   match: 0x68104073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hlv.d',        extension: 'H', format: 'guestLoad',   match: 0x6c004073, mask: 0xfff0707f, effect: system('guestLoad'),   section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hsv.b',        extension: 'H', format: 'guestStore',  match: 0x62004073, mask: 0xfe007fff, effect: system('guestStore'),  section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hsv.h',        extension: 'H', format: 'guestStore',  match: 0x66004073, mask: 0xfe007fff, effect: system('guestStore'),  section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hsv.w',        extension: 'H', format: 'guestStore',  match: 0x6a004073, mask: 0xfe007fff, effect: system('guestStore'),  section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
  { name: 'hsv.d',        extension: 'H', format: 'guestStore',  match: 0x6e004073, mask: 0xfe007fff, effect: system('guestStore'),  section: 'Privileged 20240411, H, virtual-machine load and store instructions' },
] as const satisfies readonly Row[];
