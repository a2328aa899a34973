/**
 * Atomic instructions, the A extension for RV64 (Unprivileged ISA 20240411, chapter 14). The aq and
 * rl bits are operands without effect: a host's harts are interleaved in order on one coherent
 * memory.
 */
import {
  rs2,
  memory,
  add,
  and,
  or,
  xor,
  minimumSigned,
  maximumSigned,
  minimumUnsigned,
  maximumUnsigned,
  signExtend32,
  zeroExtend32,
  atomic,
  loadReserved,
  storeConditional,
} from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const A = [
  { name: 'lr.w',      extension: 'A', format: 'atomic', match: 0x1000202f, mask: 0xf9f0707f, effect: loadReserved(4),                                                     section: 'Unprivileged 20240411 §14.2' },
  { name: 'sc.w',      extension: 'A', format: 'atomic', match: 0x1800202f, mask: 0xf800707f, effect: storeConditional(4),                                                 section: 'Unprivileged 20240411 §14.2' },
  { name: 'amoswap.w', extension: 'A', format: 'atomic', match: 0x0800202f, mask: 0xf800707f, effect: atomic(4, rs2),                                                      section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoadd.w',  extension: 'A', format: 'atomic', match: 0x0000202f, mask: 0xf800707f, effect: atomic(4, add(memory, rs2)),                                         section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoxor.w',  extension: 'A', format: 'atomic', match: 0x2000202f, mask: 0xf800707f, effect: atomic(4, xor(memory, rs2)),                                         section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoand.w',  extension: 'A', format: 'atomic', match: 0x6000202f, mask: 0xf800707f, effect: atomic(4, and(memory, rs2)),                                         section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoor.w',   extension: 'A', format: 'atomic', match: 0x4000202f, mask: 0xf800707f, effect: atomic(4, or(memory, rs2)),                                          section: 'Unprivileged 20240411 §14.4' },
  { name: 'amomin.w',  extension: 'A', format: 'atomic', match: 0x8000202f, mask: 0xf800707f, effect: atomic(4, minimumSigned(signExtend32(memory), signExtend32(rs2))),   section: 'Unprivileged 20240411 §14.4' },
  { name: 'amomax.w',  extension: 'A', format: 'atomic', match: 0xa000202f, mask: 0xf800707f, effect: atomic(4, maximumSigned(signExtend32(memory), signExtend32(rs2))),   section: 'Unprivileged 20240411 §14.4' },
  { name: 'amominu.w', extension: 'A', format: 'atomic', match: 0xc000202f, mask: 0xf800707f, effect: atomic(4, minimumUnsigned(zeroExtend32(memory), zeroExtend32(rs2))), section: 'Unprivileged 20240411 §14.4' },
  { name: 'amomaxu.w', extension: 'A', format: 'atomic', match: 0xe000202f, mask: 0xf800707f, effect: atomic(4, maximumUnsigned(zeroExtend32(memory), zeroExtend32(rs2))), section: 'Unprivileged 20240411 §14.4' },
  { name: 'lr.d',      extension: 'A', format: 'atomic', match: 0x1000302f, mask: 0xf9f0707f, effect: loadReserved(8),                                                     section: 'Unprivileged 20240411 §14.2' },
  { name: 'sc.d',      extension: 'A', format: 'atomic', match: 0x1800302f, mask: 0xf800707f, effect: storeConditional(8),                                                 section: 'Unprivileged 20240411 §14.2' },
  { name: 'amoswap.d', extension: 'A', format: 'atomic', match: 0x0800302f, mask: 0xf800707f, effect: atomic(8, rs2),                                                      section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoadd.d',  extension: 'A', format: 'atomic', match: 0x0000302f, mask: 0xf800707f, effect: atomic(8, add(memory, rs2)),                                         section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoxor.d',  extension: 'A', format: 'atomic', match: 0x2000302f, mask: 0xf800707f, effect: atomic(8, xor(memory, rs2)),                                         section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoand.d',  extension: 'A', format: 'atomic', match: 0x6000302f, mask: 0xf800707f, effect: atomic(8, and(memory, rs2)),                                         section: 'Unprivileged 20240411 §14.4' },
  { name: 'amoor.d',   extension: 'A', format: 'atomic', match: 0x4000302f, mask: 0xf800707f, effect: atomic(8, or(memory, rs2)),                                          section: 'Unprivileged 20240411 §14.4' },
  { name: 'amomin.d',  extension: 'A', format: 'atomic', match: 0x8000302f, mask: 0xf800707f, effect: atomic(8, minimumSigned(memory, rs2)),                               section: 'Unprivileged 20240411 §14.4' },
  { name: 'amomax.d',  extension: 'A', format: 'atomic', match: 0xa000302f, mask: 0xf800707f, effect: atomic(8, maximumSigned(memory, rs2)),                               section: 'Unprivileged 20240411 §14.4' },
  { name: 'amominu.d', extension: 'A', format: 'atomic', match: 0xc000302f, mask: 0xf800707f, effect: atomic(8, minimumUnsigned(memory, rs2)),                             section: 'Unprivileged 20240411 §14.4' },
  { name: 'amomaxu.d', extension: 'A', format: 'atomic', match: 0xe000302f, mask: 0xf800707f, effect: atomic(8, maximumUnsigned(memory, rs2)),                             section: 'Unprivileged 20240411 §14.4' },
] as const satisfies readonly Row[];
