/**
 * Integer multiplication and division, the M extension for RV64 (Unprivileged ISA 20240411, chapter
 * 13).
 */
import {
  rs1,
  rs2,
  multiply,
  multiplyHighSigned,
  multiplyHighSignedUnsigned,
  multiplyHighUnsigned,
  divideSigned,
  divideUnsigned,
  remainderSigned,
  remainderUnsigned,
  divideSignedW,
  divideUnsignedW,
  remainderSignedW,
  remainderUnsignedW,
  signExtend32,
  write,
} from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const M = [
  { name: 'mul',    extension: 'M', format: 'R', match: 0x02000033, mask: 0xfe00707f, effect: write(multiply(rs1, rs2)),                   section: 'Unprivileged 20240411 §13.1' },
  { name: 'mulh',   extension: 'M', format: 'R', match: 0x02001033, mask: 0xfe00707f, effect: write(multiplyHighSigned(rs1, rs2)),         section: 'Unprivileged 20240411 §13.1' },
  { name: 'mulhsu', extension: 'M', format: 'R', match: 0x02002033, mask: 0xfe00707f, effect: write(multiplyHighSignedUnsigned(rs1, rs2)), section: 'Unprivileged 20240411 §13.1' },
  { name: 'mulhu',  extension: 'M', format: 'R', match: 0x02003033, mask: 0xfe00707f, effect: write(multiplyHighUnsigned(rs1, rs2)),       section: 'Unprivileged 20240411 §13.1' },
  { name: 'div',    extension: 'M', format: 'R', match: 0x02004033, mask: 0xfe00707f, effect: write(divideSigned(rs1, rs2)),               section: 'Unprivileged 20240411 §13.2' },
  { name: 'divu',   extension: 'M', format: 'R', match: 0x02005033, mask: 0xfe00707f, effect: write(divideUnsigned(rs1, rs2)),             section: 'Unprivileged 20240411 §13.2' },
  { name: 'rem',    extension: 'M', format: 'R', match: 0x02006033, mask: 0xfe00707f, effect: write(remainderSigned(rs1, rs2)),            section: 'Unprivileged 20240411 §13.2' },
  { name: 'remu',   extension: 'M', format: 'R', match: 0x02007033, mask: 0xfe00707f, effect: write(remainderUnsigned(rs1, rs2)),          section: 'Unprivileged 20240411 §13.2' },
  { name: 'mulw',   extension: 'M', format: 'R', match: 0x0200003b, mask: 0xfe00707f, effect: write(signExtend32(multiply(rs1, rs2))),     section: 'Unprivileged 20240411 §13.1' },
  { name: 'divw',   extension: 'M', format: 'R', match: 0x0200403b, mask: 0xfe00707f, effect: write(divideSignedW(rs1, rs2)),              section: 'Unprivileged 20240411 §13.2' },
  { name: 'divuw',  extension: 'M', format: 'R', match: 0x0200503b, mask: 0xfe00707f, effect: write(divideUnsignedW(rs1, rs2)),            section: 'Unprivileged 20240411 §13.2' },
  { name: 'remw',   extension: 'M', format: 'R', match: 0x0200603b, mask: 0xfe00707f, effect: write(remainderSignedW(rs1, rs2)),           section: 'Unprivileged 20240411 §13.2' },
  { name: 'remuw',  extension: 'M', format: 'R', match: 0x0200703b, mask: 0xfe00707f, effect: write(remainderUnsignedW(rs1, rs2)),         section: 'Unprivileged 20240411 §13.2' },
] as const satisfies readonly Row[];
