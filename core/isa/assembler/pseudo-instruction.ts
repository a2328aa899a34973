/**
 * Pseudo-instructions (RISC-V Assembly Programmer's Manual, "pseudoinstructions"): a row says which
 * operands follow the mnemonic and which instructions they become. Letters: d s t registers, D S
 * float registers, e an expression, c a CSR. call, tail, la and the loads of symbols always take two instructions; there
 * is no linker to shorten them.
 */
import { findCsrNumber } from '../table/index.ts';
import { type Cursor, isRegister, need, needEnd, needFloatRegister, needRegister, peek } from './cursor.ts';
import { fail, type Place } from './error.ts';
import { parseCsr, throughAuipc } from './instruction.ts';
import { loadImmediate } from './load-immediate.ts';
import {
  absolute,
  type OperandExpression,
  parseExpression,
  type Scope,
} from './operand-expression.ts';
import { constantAt, getRow, type PendingInstruction, pend } from './pending-instruction.ts';

interface PseudoOperands {
  readonly d: number;
  readonly s: number;
  readonly t: number;
  readonly e: OperandExpression;
  readonly c: number;
  readonly place: Place;
}

type Fields = Parameters<typeof pend>[2];
/** One real instruction of an expansion; `i` is a constant immediate. */
type Step = readonly [name: string, fields: Fields & { readonly i?: number }];
type Expansion = (operands: PseudoOperands) => readonly Step[];

const CYCLE = findCsrNumber('cycle')!;
const TIME = findCsrNumber('time')!;
const INSTRET = findCsrNumber('instret')!;
const FCSR = findCsrNumber('fcsr')!;
const FRM = findCsrNumber('frm')!;
const FFLAGS = findCsrNumber('fflags')!;

const extend =
  (shift: 'srli' | 'srai', bits: number): Expansion =>
  ({ d, s }) => [
    ['slli', { rd: d, rs1: s, i: 64 - bits }],
    [shift, { rd: d, rs1: d, i: 64 - bits }],
  ];

// biome-ignore format: a row a line
const PSEUDO: Readonly<Record<string, readonly [operands: string, expansion: Expansion]>> = {
  'nop':       ['',    () => [['addi', {}]]],
  'mv':        ['ds',  ({ d, s }) => [['addi', { rd: d, rs1: s }]]],
  'not':       ['ds',  ({ d, s }) => [['xori', { rd: d, rs1: s, i: -1 }]]],
  'neg':       ['ds',  ({ d, s }) => [['sub', { rd: d, rs2: s }]]],
  'negw':      ['ds',  ({ d, s }) => [['subw', { rd: d, rs2: s }]]],
  'sext.b':    ['ds',  extend('srai', 8)],
  'sext.h':    ['ds',  extend('srai', 16)],
  'sext.w':    ['ds',  ({ d, s }) => [['addiw', { rd: d, rs1: s }]]],
  'zext.b':    ['ds',  ({ d, s }) => [['andi', { rd: d, rs1: s, i: 255 }]]],
  'zext.h':    ['ds',  extend('srli', 16)],
  'zext.w':    ['ds',  extend('srli', 32)],
  'seqz':      ['ds',  ({ d, s }) => [['sltiu', { rd: d, rs1: s, i: 1 }]]],
  'snez':      ['ds',  ({ d, s }) => [['sltu', { rd: d, rs2: s }]]],
  'sltz':      ['ds',  ({ d, s }) => [['slt', { rd: d, rs1: s }]]],
  'sgtz':      ['ds',  ({ d, s }) => [['slt', { rd: d, rs2: s }]]],
  'sgt':       ['dst', ({ d, s, t }) => [['slt', { rd: d, rs1: t, rs2: s }]]],
  'sgtu':      ['dst', ({ d, s, t }) => [['sltu', { rd: d, rs1: t, rs2: s }]]],
  'beqz':      ['se',  ({ s, e }) => [['beq', { rs1: s, immediate: e }]]],
  'bnez':      ['se',  ({ s, e }) => [['bne', { rs1: s, immediate: e }]]],
  'blez':      ['se',  ({ s, e }) => [['bge', { rs2: s, immediate: e }]]],
  'bgez':      ['se',  ({ s, e }) => [['bge', { rs1: s, immediate: e }]]],
  'bltz':      ['se',  ({ s, e }) => [['blt', { rs1: s, immediate: e }]]],
  'bgtz':      ['se',  ({ s, e }) => [['blt', { rs2: s, immediate: e }]]],
  'bgt':       ['ste', ({ s, t, e }) => [['blt', { rs1: t, rs2: s, immediate: e }]]],
  'ble':       ['ste', ({ s, t, e }) => [['bge', { rs1: t, rs2: s, immediate: e }]]],
  'bgtu':      ['ste', ({ s, t, e }) => [['bltu', { rs1: t, rs2: s, immediate: e }]]],
  'bleu':      ['ste', ({ s, t, e }) => [['bgeu', { rs1: t, rs2: s, immediate: e }]]],
  'j':         ['e',   ({ e }) => [['jal', { immediate: e }]]],
  'jr':        ['s',   ({ s }) => [['jalr', { rs1: s }]]],
  'ret':       ['',    () => [['jalr', { rs1: 1 }]]],
  'csrr':      ['dc',  ({ d, c }) => [['csrrs', { rd: d, csr: c }]]],
  'csrw':      ['cs',  ({ c, s }) => [['csrrw', { csr: c, rs1: s }]]],
  'csrs':      ['cs',  ({ c, s }) => [['csrrs', { csr: c, rs1: s }]]],
  'csrc':      ['cs',  ({ c, s }) => [['csrrc', { csr: c, rs1: s }]]],
  'csrwi':     ['ce',  ({ c, e }) => [['csrrwi', { csr: c, immediate: e }]]],
  'csrsi':     ['ce',  ({ c, e }) => [['csrrsi', { csr: c, immediate: e }]]],
  'csrci':     ['ce',  ({ c, e }) => [['csrrci', { csr: c, immediate: e }]]],
  'rdcycle':   ['d',   ({ d }) => [['csrrs', { rd: d, csr: CYCLE }]]],
  'rdtime':    ['d',   ({ d }) => [['csrrs', { rd: d, csr: TIME }]]],
  'rdinstret': ['d',   ({ d }) => [['csrrs', { rd: d, csr: INSTRET }]]],
  'frcsr':     ['d',   ({ d }) => [['csrrs', { rd: d, csr: FCSR }]]],
  'fscsr':     ['s',   ({ s }) => [['csrrw', { rs1: s, csr: FCSR }]]],
  'frrm':      ['d',   ({ d }) => [['csrrs', { rd: d, csr: FRM }]]],
  'fsrm':      ['s',   ({ s }) => [['csrrw', { rs1: s, csr: FRM }]]],
  'fsrmi':     ['e',   ({ e }) => [['csrrwi', { csr: FRM, immediate: e }]]],
  'frflags':   ['d',   ({ d }) => [['csrrs', { rd: d, csr: FFLAGS }]]],
  'fsflags':   ['s',   ({ s }) => [['csrrw', { rs1: s, csr: FFLAGS }]]],
  'fmv.s':     ['DS',  ({ d, s }) => [['fsgnj.s', { rd: d, rs1: s, rs2: s }]]],
  'fabs.s':    ['DS',  ({ d, s }) => [['fsgnjx.s', { rd: d, rs1: s, rs2: s }]]],
  'fneg.s':    ['DS',  ({ d, s }) => [['fsgnjn.s', { rd: d, rs1: s, rs2: s }]]],
  'fmv.d':     ['DS',  ({ d, s }) => [['fsgnj.d', { rd: d, rs1: s, rs2: s }]]],
  'fabs.d':    ['DS',  ({ d, s }) => [['fsgnjx.d', { rd: d, rs1: s, rs2: s }]]],
  'fneg.d':    ['DS',  ({ d, s }) => [['fsgnjn.d', { rd: d, rs1: s, rs2: s }]]],
  'fence.tso': ['',    () => [['fence', { i: 0x833 }]]],
  'pause':     ['',    () => [['fence', { i: 0x010 }]]],
  'unimp':     ['',    () => [['csrrw', { csr: CYCLE }]]],
  'scall':     ['',    () => [['ecall', {}]]],
  'sbreak':    ['',    () => [['ebreak', {}]]],
};

function parseOperands(letters: string, cursor: Cursor, place: Place): PseudoOperands {
  const found = { d: 0, s: 0, t: 0, e: constantAt(0, place), c: 0, place };
  [...letters].forEach((letter, index) => {
    if (index > 0) need(cursor, ',');
    if (letter === 'e') found.e = parseExpression(cursor);
    else if (letter === 'c') found.c = parseCsr(cursor);
    else if (letter === 'd' || letter === 's' || letter === 't')
      found[letter] = needRegister(cursor);
    else if (letter === 'D') found.d = needFloatRegister(cursor);
    else if (letter === 'S') found.s = needFloatRegister(cursor);
  });
  return found;
}

/** csrw, csrs, csrc with a number are their immediate forms, as in GNU as. */
function spelling(name: string, cursor: Cursor): string {
  const isCsrWrite = name === 'csrw' || name === 'csrs' || name === 'csrc';
  return isCsrWrite && peek(cursor, 2).kind === 'number' ? `${name}i` : name;
}

function parseLi(cursor: Cursor, place: Place, scope: Scope): readonly PendingInstruction[] {
  const rd = needRegister(cursor);
  need(cursor, ',');
  const expression = parseExpression(cursor);
  const { value } = absolute(expression, scope);
  if (value < -(1n << 63n) || value >= 1n << 64n) {
    fail('out-of-range', expression.place, String(value), 'a 64-bit constant');
  }
  return loadImmediate(value).map((step, index) => {
    const immediate = step.name === 'lui' ? step.immediate >> 12 : step.immediate;
    const rs1 = index === 0 ? 0 : rd;
    return pend(getRow(step.name), place, { rd, rs1, immediate: constantAt(immediate, place) });
  });
}

/**
 * li, la, call, tail: expansions that are more than fields put in place. Undefined for other names.
 */
function parseAddressed(
  name: string,
  cursor: Cursor,
  place: Place,
  scope: Scope,
): readonly PendingInstruction[] | undefined {
  switch (name) {
    case 'li':
      return parseLi(cursor, place, scope);
    case 'la':
    case 'lla': {
      const rd = needRegister(cursor);
      need(cursor, ',');
      return throughAuipc(
        getRow('addi'),
        { scratch: rd, rd, rs2: 0 },
        parseExpression(cursor),
        place,
      );
    }
    case 'call': {
      const hasLink = isRegister(cursor) && peek(cursor, 1).text === ',';
      const link = hasLink ? needRegister(cursor) : 1;
      if (hasLink) need(cursor, ',');
      return throughAuipc(
        getRow('jalr'),
        { scratch: link, rd: link, rs2: 0 },
        parseExpression(cursor),
        place,
      );
    }
    case 'tail':
      return throughAuipc(
        getRow('jalr'),
        { scratch: 6, rd: 0, rs2: 0 },
        parseExpression(cursor),
        place,
      );
    default:
      return undefined;
  }
}

/**
 * The instructions that pseudo-instruction `name` stands for, or undefined when there is none of
 * that name. The constant of li must be known here (`scope` is the first pass's): its size depends
 * on it.
 */
export function parsePseudoInstruction(
  name: string,
  cursor: Cursor,
  place: Place,
  scope: Scope,
): readonly PendingInstruction[] | undefined {
  const addressed = parseAddressed(name, cursor, place, scope);
  if (addressed !== undefined) {
    needEnd(cursor);
    return addressed;
  }
  const row = Object.hasOwn(PSEUDO, name) ? PSEUDO[spelling(name, cursor)] : undefined;
  if (row === undefined) return undefined;
  const operands = parseOperands(row[0], cursor, place);
  needEnd(cursor);
  return row[1](operands).map(([real, { i, ...fields }]) =>
    pend(
      getRow(real),
      place,
      i === undefined ? fields : { ...fields, immediate: constantAt(i, place) },
    ),
  );
}
