/**
 * Bit manipulation: Zba (addresses), Zbb (basic) and Zbs (single bits) for RV64 (Unprivileged ISA
 * 20240411, chapter 28). Left out: the carry-less products of Zbc and the rows of Zbk*.
 */
import {
  rs1,
  rs2,
  immediate,
  constant,
  add,
  sub,
  and,
  or,
  xor,
  shiftLeft,
  shiftRightLogical,
  rotateLeft,
  rotateRight,
  rotateLeftW,
  rotateRightW,
  minimumSigned,
  maximumSigned,
  minimumUnsigned,
  maximumUnsigned,
  countLeadingZeros,
  countTrailingZeros,
  countOnes,
  countLeadingZerosW,
  countTrailingZerosW,
  countOnesW,
  combineBytes,
  reverseBytes,
  signExtend8,
  signExtend16,
  zeroExtend16,
  zeroExtend32,
  equal,
  notEqual,
  write,
} from './expression.ts';
import type { Expression, Row } from './row.ts';

const not = (value: Expression): Expression => xor(value, constant(-1n));
/** 1 at the bit that `index` names, modulo 64. */
const bitAt = (index: Expression): Expression =>
  shiftLeft(constant(1n), and(index, constant(63n)));
/** All ones when the condition holds, else 0. */
const maskIf = (condition: Expression): Expression => sub(constant(0n), condition);

// biome-ignore format: a row a line
export const B = [
  { name: 'add.uw',    extension: 'Zba',    format: 'R',       match: 0x0800003b, mask: 0xfe00707f, effect: write(add(zeroExtend32(rs1), rs2)),                            section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'sh1add',    extension: 'Zba',    format: 'R',       match: 0x20002033, mask: 0xfe00707f, effect: write(add(shiftLeft(rs1, constant(1n)), rs2)),                 section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'sh1add.uw', extension: 'Zba',    format: 'R',       match: 0x2000203b, mask: 0xfe00707f, effect: write(add(shiftLeft(zeroExtend32(rs1), constant(1n)), rs2)),   section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'sh2add',    extension: 'Zba',    format: 'R',       match: 0x20004033, mask: 0xfe00707f, effect: write(add(shiftLeft(rs1, constant(2n)), rs2)),                 section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'sh2add.uw', extension: 'Zba',    format: 'R',       match: 0x2000403b, mask: 0xfe00707f, effect: write(add(shiftLeft(zeroExtend32(rs1), constant(2n)), rs2)),   section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'sh3add',    extension: 'Zba',    format: 'R',       match: 0x20006033, mask: 0xfe00707f, effect: write(add(shiftLeft(rs1, constant(3n)), rs2)),                 section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'sh3add.uw', extension: 'Zba',    format: 'R',       match: 0x2000603b, mask: 0xfe00707f, effect: write(add(shiftLeft(zeroExtend32(rs1), constant(3n)), rs2)),   section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'slli.uw',   extension: 'Zba',    format: 'shift64', match: 0x0800101b, mask: 0xfc00707f, effect: write(shiftLeft(zeroExtend32(rs1), immediate)),                section: 'Unprivileged 20240411 §28.4.1' },
  { name: 'andn',      extension: 'Zbb',    format: 'R',       match: 0x40007033, mask: 0xfe00707f, effect: write(and(rs1, not(rs2))),                                     section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'orn',       extension: 'Zbb',    format: 'R',       match: 0x40006033, mask: 0xfe00707f, effect: write(or(rs1, not(rs2))),                                      section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'xnor',      extension: 'Zbb',    format: 'R',       match: 0x40004033, mask: 0xfe00707f, effect: write(xor(rs1, not(rs2))),                                     section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'clz',       extension: 'Zbb',    format: 'unary',   match: 0x60001013, mask: 0xfff0707f, effect: write(countLeadingZeros(rs1)),                                 section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'clzw',      extension: 'Zbb',    format: 'unary',   match: 0x6000101b, mask: 0xfff0707f, effect: write(countLeadingZerosW(rs1)),                                section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'ctz',       extension: 'Zbb',    format: 'unary',   match: 0x60101013, mask: 0xfff0707f, effect: write(countTrailingZeros(rs1)),                                section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'ctzw',      extension: 'Zbb',    format: 'unary',   match: 0x6010101b, mask: 0xfff0707f, effect: write(countTrailingZerosW(rs1)),                               section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'cpop',      extension: 'Zbb',    format: 'unary',   match: 0x60201013, mask: 0xfff0707f, effect: write(countOnes(rs1)),                                         section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'cpopw',     extension: 'Zbb',    format: 'unary',   match: 0x6020101b, mask: 0xfff0707f, effect: write(countOnesW(rs1)),                                        section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'max',       extension: 'Zbb',    format: 'R',       match: 0x0a006033, mask: 0xfe00707f, effect: write(maximumSigned(rs1, rs2)),                                section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'maxu',      extension: 'Zbb',    format: 'R',       match: 0x0a007033, mask: 0xfe00707f, effect: write(maximumUnsigned(rs1, rs2)),                              section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'min',       extension: 'Zbb',    format: 'R',       match: 0x0a004033, mask: 0xfe00707f, effect: write(minimumSigned(rs1, rs2)),                                section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'minu',      extension: 'Zbb',    format: 'R',       match: 0x0a005033, mask: 0xfe00707f, effect: write(minimumUnsigned(rs1, rs2)),                              section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'sext.b',    extension: 'Zbb',    format: 'unary',   match: 0x60401013, mask: 0xfff0707f, effect: write(signExtend8(rs1)),                                       section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'sext.h',    extension: 'Zbb',    format: 'unary',   match: 0x60501013, mask: 0xfff0707f, effect: write(signExtend16(rs1)),                                      section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'zext.h',    extension: 'Zbb',    format: 'unary',   match: 0x0800403b, mask: 0xfff0707f, effect: write(zeroExtend16(rs1)),                                      section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'rol',       extension: 'Zbb',    format: 'R',       match: 0x60001033, mask: 0xfe00707f, effect: write(rotateLeft(rs1, rs2)),                                   section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'rolw',      extension: 'Zbb',    format: 'R',       match: 0x6000103b, mask: 0xfe00707f, effect: write(rotateLeftW(rs1, rs2)),                                  section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'ror',       extension: 'Zbb',    format: 'R',       match: 0x60005033, mask: 0xfe00707f, effect: write(rotateRight(rs1, rs2)),                                  section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'rori',      extension: 'Zbb',    format: 'shift64', match: 0x60005013, mask: 0xfc00707f, effect: write(rotateRight(rs1, immediate)),                            section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'roriw',     extension: 'Zbb',    format: 'shift32', match: 0x6000501b, mask: 0xfe00707f, effect: write(rotateRightW(rs1, immediate)),                           section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'rorw',      extension: 'Zbb',    format: 'R',       match: 0x6000503b, mask: 0xfe00707f, effect: write(rotateRightW(rs1, rs2)),                                 section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'orc.b',     extension: 'Zbb',    format: 'unary',   match: 0x28705013, mask: 0xfff0707f, effect: write(combineBytes(rs1)),                                      section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'rev8',      extension: 'Zbb',    format: 'unary',   match: 0x6b805013, mask: 0xfff0707f, effect: write(reverseBytes(rs1)),                                      section: 'Unprivileged 20240411 §28.4.2' },
  { name: 'bclr',      extension: 'Zbs',    format: 'R',       match: 0x48001033, mask: 0xfe00707f, effect: write(and(rs1, not(bitAt(rs2)))),                              section: 'Unprivileged 20240411 §28.4.4' },
  { name: 'bclri',     extension: 'Zbs',    format: 'shift64', match: 0x48001013, mask: 0xfc00707f, effect: write(and(rs1, not(bitAt(immediate)))),                        section: 'Unprivileged 20240411 §28.4.4' },
  { name: 'bext',      extension: 'Zbs',    format: 'R',       match: 0x48005033, mask: 0xfe00707f, effect: write(and(shiftRightLogical(rs1, and(rs2, constant(63n))), constant(1n))), section: 'Unprivileged 20240411 §28.4.4' },
  { name: 'bexti',     extension: 'Zbs',    format: 'shift64', match: 0x48005013, mask: 0xfc00707f, effect: write(and(shiftRightLogical(rs1, immediate), constant(1n))),   section: 'Unprivileged 20240411 §28.4.4' },
  { name: 'binv',      extension: 'Zbs',    format: 'R',       match: 0x68001033, mask: 0xfe00707f, effect: write(xor(rs1, bitAt(rs2))),                                   section: 'Unprivileged 20240411 §28.4.4' },
  { name: 'binvi',     extension: 'Zbs',    format: 'shift64', match: 0x68001013, mask: 0xfc00707f, effect: write(xor(rs1, bitAt(immediate))),                             section: 'Unprivileged 20240411 §28.4.4' },
  { name: 'bset',      extension: 'Zbs',    format: 'R',       match: 0x28001033, mask: 0xfe00707f, effect: write(or(rs1, bitAt(rs2))),                                    section: 'Unprivileged 20240411 §28.4.4' },
  { name: 'bseti',     extension: 'Zbs',    format: 'shift64', match: 0x28001013, mask: 0xfc00707f, effect: write(or(rs1, bitAt(immediate))),                              section: 'Unprivileged 20240411 §28.4.4' },
] as const satisfies readonly Row[];

/** Conditional zeroing, Zicond (Unprivileged ISA 20240411, chapter 12). */
// biome-ignore format: a row a line
export const ZICOND = [
  { name: 'czero.eqz', extension: 'Zicond', format: 'R', match: 0x0e005033, mask: 0xfe00707f, effect: write(and(rs1, maskIf(notEqual(rs2, constant(0n))))), section: 'Unprivileged 20240411 §12.1' },
  { name: 'czero.nez', extension: 'Zicond', format: 'R', match: 0x0e007033, mask: 0xfe00707f, effect: write(and(rs1, maskIf(equal(rs2, constant(0n))))),    section: 'Unprivileged 20240411 §12.1' },
] as const satisfies readonly Row[];
