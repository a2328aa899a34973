/**
 * Floating point: F (single) and D (double) for RV64 (Unprivileged ISA 20240411, chapters 21 and 22).
 * What an operation gives is stated by its name; the arithmetic is IEEE 754's, carried out by the
 * machine's float unit and, where the result and the flags are certain, by compiled code. A
 * rounding mode of 5 or 6 is illegal (decode.ts). Left out: Q, Zfh, Zfa, Zfinx.
 */
import { float, loadFloat, storeFloat } from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const F = [
  { name: 'flw',       extension: 'F', format: 'I',          match: 0x00002007, mask: 0x0000707f, effect: loadFloat(4),                        registers: 'fx',   section: 'Unprivileged 20240411 §21.5' },
  { name: 'fsw',       extension: 'F', format: 'S',          match: 0x00002027, mask: 0x0000707f, effect: storeFloat(4),                       registers: 'xxf',  section: 'Unprivileged 20240411 §21.5' },
  { name: 'fmadd.s',   extension: 'F', format: 'float4',     match: 0x00000043, mask: 0x0600007f, effect: float('multiplyAdd', 4),             registers: 'ffff', section: 'Unprivileged 20240411 §21.6' },
  { name: 'fmsub.s',   extension: 'F', format: 'float4',     match: 0x00000047, mask: 0x0600007f, effect: float('multiplySubtract', 4),        registers: 'ffff', section: 'Unprivileged 20240411 §21.6' },
  { name: 'fnmsub.s',  extension: 'F', format: 'float4',     match: 0x0000004b, mask: 0x0600007f, effect: float('negatedMultiplySubtract', 4), registers: 'ffff', section: 'Unprivileged 20240411 §21.6' },
  { name: 'fnmadd.s',  extension: 'F', format: 'float4',     match: 0x0000004f, mask: 0x0600007f, effect: float('negatedMultiplyAdd', 4),      registers: 'ffff', section: 'Unprivileged 20240411 §21.6' },
  { name: 'fadd.s',    extension: 'F', format: 'floatR',     match: 0x00000053, mask: 0xfe00007f, effect: float('add', 4),                     registers: 'fff',  section: 'Unprivileged 20240411 §21.6' },
  { name: 'fsub.s',    extension: 'F', format: 'floatR',     match: 0x08000053, mask: 0xfe00007f, effect: float('subtract', 4),                registers: 'fff',  section: 'Unprivileged 20240411 §21.6' },
  { name: 'fmul.s',    extension: 'F', format: 'floatR',     match: 0x10000053, mask: 0xfe00007f, effect: float('multiply', 4),                registers: 'fff',  section: 'Unprivileged 20240411 §21.6' },
  { name: 'fdiv.s',    extension: 'F', format: 'floatR',     match: 0x18000053, mask: 0xfe00007f, effect: float('divide', 4),                  registers: 'fff',  section: 'Unprivileged 20240411 §21.6' },
  { name: 'fsqrt.s',   extension: 'F', format: 'floatUnary', match: 0x58000053, mask: 0xfff0007f, effect: float('squareRoot', 4),              registers: 'ff',   section: 'Unprivileged 20240411 §21.6' },
  { name: 'fsgnj.s',   extension: 'F', format: 'R',          match: 0x20000053, mask: 0xfe00707f, effect: float('injectSign', 4),              registers: 'fff',  section: 'Unprivileged 20240411 §21.7' },
  { name: 'fsgnjn.s',  extension: 'F', format: 'R',          match: 0x20001053, mask: 0xfe00707f, effect: float('injectNegatedSign', 4),       registers: 'fff',  section: 'Unprivileged 20240411 §21.7' },
  { name: 'fsgnjx.s',  extension: 'F', format: 'R',          match: 0x20002053, mask: 0xfe00707f, effect: float('injectXorSign', 4),           registers: 'fff',  section: 'Unprivileged 20240411 §21.7' },
  { name: 'fmin.s',    extension: 'F', format: 'R',          match: 0x28000053, mask: 0xfe00707f, effect: float('minimum', 4),                 registers: 'fff',  section: 'Unprivileged 20240411 §21.6' },
  { name: 'fmax.s',    extension: 'F', format: 'R',          match: 0x28001053, mask: 0xfe00707f, effect: float('maximum', 4),                 registers: 'fff',  section: 'Unprivileged 20240411 §21.6' },
  { name: 'fcvt.w.s',  extension: 'F', format: 'floatUnary', match: 0xc0000053, mask: 0xfff0007f, effect: float('toInt32', 4),                 registers: 'xf',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fcvt.wu.s', extension: 'F', format: 'floatUnary', match: 0xc0100053, mask: 0xfff0007f, effect: float('toUint32', 4),                registers: 'xf',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fcvt.l.s',  extension: 'F', format: 'floatUnary', match: 0xc0200053, mask: 0xfff0007f, effect: float('toInt64', 4),                 registers: 'xf',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fcvt.lu.s', extension: 'F', format: 'floatUnary', match: 0xc0300053, mask: 0xfff0007f, effect: float('toUint64', 4),                registers: 'xf',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fmv.x.w',   extension: 'F', format: 'unary',      match: 0xe0000053, mask: 0xfff0707f, effect: float('moveToInteger', 4),           registers: 'xf',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'feq.s',     extension: 'F', format: 'R',          match: 0xa0002053, mask: 0xfe00707f, effect: float('equal', 4),                   registers: 'xff',  section: 'Unprivileged 20240411 §21.8' },
  { name: 'flt.s',     extension: 'F', format: 'R',          match: 0xa0001053, mask: 0xfe00707f, effect: float('less', 4),                    registers: 'xff',  section: 'Unprivileged 20240411 §21.8' },
  { name: 'fle.s',     extension: 'F', format: 'R',          match: 0xa0000053, mask: 0xfe00707f, effect: float('lessOrEqual', 4),             registers: 'xff',  section: 'Unprivileged 20240411 §21.8' },
  { name: 'fclass.s',  extension: 'F', format: 'unary',      match: 0xe0001053, mask: 0xfff0707f, effect: float('classify', 4),                registers: 'xf',   section: 'Unprivileged 20240411 §21.9' },
  { name: 'fcvt.s.w',  extension: 'F', format: 'floatUnary', match: 0xd0000053, mask: 0xfff0007f, effect: float('fromInt32', 4),               registers: 'fx',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fcvt.s.wu', extension: 'F', format: 'floatUnary', match: 0xd0100053, mask: 0xfff0007f, effect: float('fromUint32', 4),              registers: 'fx',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fcvt.s.l',  extension: 'F', format: 'floatUnary', match: 0xd0200053, mask: 0xfff0007f, effect: float('fromInt64', 4),               registers: 'fx',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fcvt.s.lu', extension: 'F', format: 'floatUnary', match: 0xd0300053, mask: 0xfff0007f, effect: float('fromUint64', 4),              registers: 'fx',   section: 'Unprivileged 20240411 §21.7' },
  { name: 'fmv.w.x',   extension: 'F', format: 'unary',      match: 0xf0000053, mask: 0xfff0707f, effect: float('moveFromInteger', 4),         registers: 'fx',   section: 'Unprivileged 20240411 §21.7' },
] as const satisfies readonly Row[];

// biome-ignore format: a row a line
export const D = [
  { name: 'fld',       extension: 'D', format: 'I',          match: 0x00003007, mask: 0x0000707f, effect: loadFloat(8),                        registers: 'fx',   section: 'Unprivileged 20240411 §22.3' },
  { name: 'fsd',       extension: 'D', format: 'S',          match: 0x00003027, mask: 0x0000707f, effect: storeFloat(8),                       registers: 'xxf',  section: 'Unprivileged 20240411 §22.3' },
  { name: 'fmadd.d',   extension: 'D', format: 'float4',     match: 0x02000043, mask: 0x0600007f, effect: float('multiplyAdd', 8),             registers: 'ffff', section: 'Unprivileged 20240411 §22.4' },
  { name: 'fmsub.d',   extension: 'D', format: 'float4',     match: 0x02000047, mask: 0x0600007f, effect: float('multiplySubtract', 8),        registers: 'ffff', section: 'Unprivileged 20240411 §22.4' },
  { name: 'fnmsub.d',  extension: 'D', format: 'float4',     match: 0x0200004b, mask: 0x0600007f, effect: float('negatedMultiplySubtract', 8), registers: 'ffff', section: 'Unprivileged 20240411 §22.4' },
  { name: 'fnmadd.d',  extension: 'D', format: 'float4',     match: 0x0200004f, mask: 0x0600007f, effect: float('negatedMultiplyAdd', 8),      registers: 'ffff', section: 'Unprivileged 20240411 §22.4' },
  { name: 'fadd.d',    extension: 'D', format: 'floatR',     match: 0x02000053, mask: 0xfe00007f, effect: float('add', 8),                     registers: 'fff',  section: 'Unprivileged 20240411 §22.4' },
  { name: 'fsub.d',    extension: 'D', format: 'floatR',     match: 0x0a000053, mask: 0xfe00007f, effect: float('subtract', 8),                registers: 'fff',  section: 'Unprivileged 20240411 §22.4' },
  { name: 'fmul.d',    extension: 'D', format: 'floatR',     match: 0x12000053, mask: 0xfe00007f, effect: float('multiply', 8),                registers: 'fff',  section: 'Unprivileged 20240411 §22.4' },
  { name: 'fdiv.d',    extension: 'D', format: 'floatR',     match: 0x1a000053, mask: 0xfe00007f, effect: float('divide', 8),                  registers: 'fff',  section: 'Unprivileged 20240411 §22.4' },
  { name: 'fsqrt.d',   extension: 'D', format: 'floatUnary', match: 0x5a000053, mask: 0xfff0007f, effect: float('squareRoot', 8),              registers: 'ff',   section: 'Unprivileged 20240411 §22.4' },
  { name: 'fsgnj.d',   extension: 'D', format: 'R',          match: 0x22000053, mask: 0xfe00707f, effect: float('injectSign', 8),              registers: 'fff',  section: 'Unprivileged 20240411 §22.5' },
  { name: 'fsgnjn.d',  extension: 'D', format: 'R',          match: 0x22001053, mask: 0xfe00707f, effect: float('injectNegatedSign', 8),       registers: 'fff',  section: 'Unprivileged 20240411 §22.5' },
  { name: 'fsgnjx.d',  extension: 'D', format: 'R',          match: 0x22002053, mask: 0xfe00707f, effect: float('injectXorSign', 8),           registers: 'fff',  section: 'Unprivileged 20240411 §22.5' },
  { name: 'fmin.d',    extension: 'D', format: 'R',          match: 0x2a000053, mask: 0xfe00707f, effect: float('minimum', 8),                 registers: 'fff',  section: 'Unprivileged 20240411 §22.4' },
  { name: 'fmax.d',    extension: 'D', format: 'R',          match: 0x2a001053, mask: 0xfe00707f, effect: float('maximum', 8),                 registers: 'fff',  section: 'Unprivileged 20240411 §22.4' },
  { name: 'fcvt.w.d',  extension: 'D', format: 'floatUnary', match: 0xc2000053, mask: 0xfff0007f, effect: float('toInt32', 8),                 registers: 'xf',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.wu.d', extension: 'D', format: 'floatUnary', match: 0xc2100053, mask: 0xfff0007f, effect: float('toUint32', 8),                registers: 'xf',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.l.d',  extension: 'D', format: 'floatUnary', match: 0xc2200053, mask: 0xfff0007f, effect: float('toInt64', 8),                 registers: 'xf',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.lu.d', extension: 'D', format: 'floatUnary', match: 0xc2300053, mask: 0xfff0007f, effect: float('toUint64', 8),                registers: 'xf',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fmv.x.d',   extension: 'D', format: 'unary',      match: 0xe2000053, mask: 0xfff0707f, effect: float('moveToInteger', 8),           registers: 'xf',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'feq.d',     extension: 'D', format: 'R',          match: 0xa2002053, mask: 0xfe00707f, effect: float('equal', 8),                   registers: 'xff',  section: 'Unprivileged 20240411 §22.6' },
  { name: 'flt.d',     extension: 'D', format: 'R',          match: 0xa2001053, mask: 0xfe00707f, effect: float('less', 8),                    registers: 'xff',  section: 'Unprivileged 20240411 §22.6' },
  { name: 'fle.d',     extension: 'D', format: 'R',          match: 0xa2000053, mask: 0xfe00707f, effect: float('lessOrEqual', 8),             registers: 'xff',  section: 'Unprivileged 20240411 §22.6' },
  { name: 'fclass.d',  extension: 'D', format: 'unary',      match: 0xe2001053, mask: 0xfff0707f, effect: float('classify', 8),                registers: 'xf',   section: 'Unprivileged 20240411 §22.7' },
  { name: 'fcvt.d.w',  extension: 'D', format: 'floatUnary', match: 0xd2000053, mask: 0xfff0007f, effect: float('fromInt32', 8),               registers: 'fx',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.d.wu', extension: 'D', format: 'floatUnary', match: 0xd2100053, mask: 0xfff0007f, effect: float('fromUint32', 8),              registers: 'fx',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.d.l',  extension: 'D', format: 'floatUnary', match: 0xd2200053, mask: 0xfff0007f, effect: float('fromInt64', 8),               registers: 'fx',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.d.lu', extension: 'D', format: 'floatUnary', match: 0xd2300053, mask: 0xfff0007f, effect: float('fromUint64', 8),              registers: 'fx',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fmv.d.x',   extension: 'D', format: 'unary',      match: 0xf2000053, mask: 0xfff0707f, effect: float('moveFromInteger', 8),         registers: 'fx',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.s.d',  extension: 'D', format: 'floatUnary', match: 0x40100053, mask: 0xfff0007f, effect: float('fromOtherFormat', 4),         registers: 'ff',   section: 'Unprivileged 20240411 §22.5' },
  { name: 'fcvt.d.s',  extension: 'D', format: 'floatUnary', match: 0x42000053, mask: 0xfff0007f, effect: float('fromOtherFormat', 8),         registers: 'ff',   section: 'Unprivileged 20240411 §22.5' },
] as const satisfies readonly Row[];
