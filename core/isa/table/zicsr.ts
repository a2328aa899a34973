/** Control and status register instructions, Zicsr (Unprivileged ISA 20240411, chapter 7). */
import { system } from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const ZICSR = [
  { name: 'csrrw',  extension: 'Zicsr', format: 'csr',          match: 0x00001073, mask: 0x0000707f, effect: system('csrReadWrite'),          section: 'Unprivileged 20240411 §7.1' },
  { name: 'csrrs',  extension: 'Zicsr', format: 'csr',          match: 0x00002073, mask: 0x0000707f, effect: system('csrReadSet'),            section: 'Unprivileged 20240411 §7.1' },
  { name: 'csrrc',  extension: 'Zicsr', format: 'csr',          match: 0x00003073, mask: 0x0000707f, effect: system('csrReadClear'),          section: 'Unprivileged 20240411 §7.1' },
  { name: 'csrrwi', extension: 'Zicsr', format: 'csrImmediate', match: 0x00005073, mask: 0x0000707f, effect: system('csrReadWriteImmediate'), section: 'Unprivileged 20240411 §7.1' },
  { name: 'csrrsi', extension: 'Zicsr', format: 'csrImmediate', match: 0x00006073, mask: 0x0000707f, effect: system('csrReadSetImmediate'),   section: 'Unprivileged 20240411 §7.1' },
  { name: 'csrrci', extension: 'Zicsr', format: 'csrImmediate', match: 0x00007073, mask: 0x0000707f, effect: system('csrReadClearImmediate'), section: 'Unprivileged 20240411 §7.1' },
] as const satisfies readonly Row[];
