/**
 * Parses the operands of a table row's instruction, in the order of the manual's assembly syntax,
 * and GNU as's shorthands.
 */
import { hasRounding } from '../decode.ts';
import { isExactConversion } from '../disassemble.ts';
import { ROUNDING_MODES } from '../registers.ts';
import { findCsrNumber, type Row } from '../table/index.ts';
import {
  accept,
  type Cursor,
  describeToken,
  isAt,
  isRegister,
  need,
  needEnd,
  needFloatRegister,
  needRegister,
  peek,
  take,
} from './cursor.ts';
import { fail, type Place } from './error.ts';
import { type OperandExpression, parseExpression } from './operand-expression.ts';
import {
  constantAt,
  findRow,
  getRow,
  type PendingInstruction,
  pend,
} from './pending-instruction.ts';

/** Takes `imm(rs1)`, `(rs1)`, or a bare expression: then `base` is undefined. */
function parseMemoryOperand(cursor: Cursor): {
  offset: OperandExpression;
  base: number | undefined;
} {
  const place = peek(cursor);
  const isBare =
    isAt(cursor, '(') &&
    peek(cursor, 1).kind === 'name' &&
    isRegister({ ...cursor, index: cursor.index + 1 });
  const offset = isBare ? constantAt(0, place) : parseExpression(cursor);
  if (!accept(cursor, '(')) return { offset, base: undefined };
  const base = needRegister(cursor);
  need(cursor, ')');
  return { offset, base };
}

/** Takes a CSR by name or by number. */
export function parseCsr(cursor: Cursor): number {
  const token = take(cursor);
  if (token.kind === 'number' && token.value < 4096n) return Number(token.value);
  const number = token.kind === 'name' ? findCsrNumber(token.text) : undefined;
  if (number === undefined) return fail('bad-csr', token, describeToken(token), 'a CSR');
  return number;
}

/** auipc into `scratch` and `row` with the low part of the address of `target` as its offset. */
export function throughAuipc(
  row: Row,
  options: { readonly scratch: number; readonly rd: number; readonly rs2: number },
  target: OperandExpression,
  place: Place,
): readonly PendingInstruction[] {
  const high: OperandExpression = {
    kind: 'modifier',
    name: 'pcrel_hi',
    operand: target,
    place: target.place,
  };
  const low: OperandExpression = {
    kind: 'pcrelLoBack',
    back: 4,
    operand: target,
    place: target.place,
  };
  return [
    pend(getRow('auipc'), place, { rd: options.scratch, immediate: high }),
    pend(row, place, { rd: options.rd, rs1: options.scratch, rs2: options.rs2, immediate: low }),
  ];
}

/** Takes a register of the file that `row` has at `at`: 0 rd, 1 rs1, 2 rs2, 3 rs3. */
function needRegisterOf(row: Row, at: number, cursor: Cursor): number {
  return row.registers?.[at] === 'f' ? needFloatRegister(cursor) : needRegister(cursor);
}

/** Operands rd, rs1, … as many as `count`, then a rounding mode if the row has one. */
function parseFloatOperands(
  row: Row,
  count: number,
  cursor: Cursor,
  place: Place,
): readonly PendingInstruction[] {
  const numbers = [0, 0, 0, 0];
  for (let at = 0; at < count; at++) {
    if (at > 0) need(cursor, ',');
    numbers[at] = needRegisterOf(row, at, cursor);
  }
  const [rd = 0, rs1 = 0, rs2 = 0, rs3 = 0] = numbers;
  return [pend(row, place, { rd, rs1, rs2, rs3, rm: parseRounding(row, cursor) })];
}

/** `, rne` …; absent: dyn, or 0 for a conversion that never rounds. */
function parseRounding(row: Row, cursor: Cursor): number {
  if (!hasRounding(row)) return 0;
  if (!accept(cursor, ',')) return isExactConversion(row) ? 0 : 7;
  const token = take(cursor);
  const names: readonly string[] = ROUNDING_MODES;
  const mode = token.kind === 'name' ? names.indexOf(token.text) : -1;
  if (mode < 0) return fail('bad-operand', token, describeToken(token), 'a rounding mode');
  return mode;
}

function parseLoad(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  if (row.effect.kind === 'loadFloat') return parseFloatAccess(row, cursor, place);
  const rd = needRegister(cursor);
  need(cursor, ',');
  const { offset, base } = parseMemoryOperand(cursor);
  if (base !== undefined) return [pend(row, place, { rd, rs1: base, immediate: offset })];
  return throughAuipc(row, { scratch: rd, rd, rs2: 0 }, offset, place);
}

/** flw, fsw: a register, then imm(rs1); or a symbol and a scratch register. */
function parseFloatAccess(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  const register = needFloatRegister(cursor);
  need(cursor, ',');
  const { offset, base } = parseMemoryOperand(cursor);
  const isLoad = row.effect.kind === 'loadFloat';
  const fields = isLoad ? { rd: register, rs2: 0 } : { rd: 0, rs2: register };
  if (base !== undefined) return [pend(row, place, { ...fields, rs1: base, immediate: offset })];
  need(cursor, ',');
  return throughAuipc(row, { scratch: needRegister(cursor), ...fields }, offset, place);
}

function parseStore(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  if (row.effect.kind === 'storeFloat') return parseFloatAccess(row, cursor, place);
  const rs2 = needRegister(cursor);
  need(cursor, ',');
  const { offset, base } = parseMemoryOperand(cursor);
  if (base !== undefined) return [pend(row, place, { rs1: base, rs2, immediate: offset })];
  need(cursor, ',');
  return throughAuipc(row, { scratch: needRegister(cursor), rd: 0, rs2 }, offset, place);
}

/**
 * jalr rs1 | jalr imm(rs1) | jalr rd, rs1 | jalr rd, rs1, imm | jalr rd, imm(rs1). One register
 * means rd = ra.
 */
function parseJalr(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  const isLink = isRegister(cursor) && peek(cursor, 1).text === ',';
  const rd = isLink ? needRegister(cursor) : 1;
  if (isLink) need(cursor, ',');
  if (isRegister(cursor)) {
    const rs1 = needRegister(cursor);
    const immediate = accept(cursor, ',') ? parseExpression(cursor) : constantAt(0, place);
    return [pend(row, place, { rd, rs1, immediate })];
  }
  const { offset, base } = parseMemoryOperand(cursor);
  if (base === undefined)
    return fail('bad-register', peek(cursor), describeToken(peek(cursor)), "'(' and a register");
  return [pend(row, place, { rd, rs1: base, immediate: offset })];
}

/** rd, rs1, rs2; or rd, rs1, immediate, which names the row with an immediate (add → addi). */
function parseRegisters(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  const rd = needRegister(cursor);
  need(cursor, ',');
  const rs1 = needRegister(cursor);
  need(cursor, ',');
  const base = row.name.endsWith('w') ? row.name.slice(0, -1) : row.name;
  const suffix = row.name.endsWith('w') ? 'iw' : 'i';
  const withImmediate = row.name === 'sltu' ? findRow('sltiu') : findRow(base + suffix);
  const token = peek(cursor);
  const isNumber = token.kind === 'number' || token.kind === 'modifier' || isAt(cursor, '-');
  if (withImmediate !== undefined && isNumber) {
    return [pend(withImmediate, place, { rd, rs1, immediate: parseExpression(cursor) })];
  }
  return [pend(row, place, { rd, rs1, rs2: needRegister(cursor) })];
}

/** sfence.vma, hfence.*: up to two registers; absent ones are x0. */
function parseFenceVma(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  const rs1 = isRegister(cursor) ? needRegister(cursor) : 0;
  const rs2 = accept(cursor, ',') ? needRegister(cursor) : 0;
  return [pend(row, place, { rs1, rs2 })];
}

function parseAtomic(
  row: Row,
  cursor: Cursor,
  place: Place,
  ordering: { readonly aq: number; readonly rl: number },
): readonly PendingInstruction[] {
  const rd = needRegister(cursor);
  need(cursor, ',');
  let rs2 = 0;
  if (row.effect.kind !== 'loadReserved') {
    rs2 = needRegister(cursor);
    need(cursor, ',');
  }
  const at = peek(cursor);
  const { offset, base } = parseMemoryOperand(cursor);
  if (base === undefined || offset.kind !== 'constant' || offset.value !== 0n) {
    return fail(
      'bad-operand',
      at,
      describeToken(at),
      'a register in parentheses, without an offset',
    );
  }
  return [pend(row, place, { rd, rs1: base, rs2, ...ordering })];
}

function parseCsrAccess(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  const rd = needRegister(cursor);
  need(cursor, ',');
  const csr = parseCsr(cursor);
  need(cursor, ',');
  if (row.format === 'csr' && isRegister(cursor)) {
    return [pend(row, place, { rd, csr, rs1: needRegister(cursor) })];
  }
  const token = peek(cursor);
  if (row.format === 'csr' && token.kind !== 'number') needRegister(cursor);
  const withImmediate = row.format === 'csr' ? getRow(`${row.name}i`) : row;
  return [pend(withImmediate, place, { rd, csr, immediate: parseExpression(cursor) })];
}

/** The set after fence: letters of 'iorw' in this order, or 0. As 4 bits, i the highest. */
function parseFenceSet(cursor: Cursor): number {
  const token = take(cursor);
  if (token.kind === 'number' && token.value === 0n) return 0;
  if (token.kind !== 'name' || !/^i?o?r?w?$/.test(token.text)) {
    return fail('bad-operand', token, describeToken(token), "letters of 'iorw' in this order");
  }
  return [...'iorw'].reduce(
    (bits, letter) => (bits << 1) | (token.text.includes(letter) ? 1 : 0),
    0,
  );
}

function parseFence(row: Row, cursor: Cursor, place: Place): readonly PendingInstruction[] {
  if (peek(cursor).kind === 'end')
    return [pend(row, place, { immediate: constantAt(0xff, place) })];
  const predecessor = parseFenceSet(cursor);
  need(cursor, ',');
  const successor = parseFenceSet(cursor);
  return [pend(row, place, { immediate: constantAt((predecessor << 4) | successor, place) })];
}

function parseShiftOrImmediate(
  row: Row,
  cursor: Cursor,
  place: Place,
): readonly PendingInstruction[] {
  const rd = needRegister(cursor);
  need(cursor, ',');
  const rs1 = needRegister(cursor);
  need(cursor, ',');
  return [pend(row, place, { rd, rs1, immediate: parseExpression(cursor) })];
}

/** A register in parentheses. */
function parseBase(cursor: Cursor): number {
  const at = peek(cursor);
  const { offset, base } = parseMemoryOperand(cursor);
  if (base === undefined || offset.kind !== 'constant' || offset.value !== 0n) {
    return fail('bad-operand', at, describeToken(at), 'a register in parentheses');
  }
  return base;
}

function parseByFormat(
  row: Row,
  cursor: Cursor,
  place: Place,
  ordering: { readonly aq: number; readonly rl: number },
): readonly PendingInstruction[] {
  switch (row.format) {
    case 'floatR':
      return parseFloatOperands(row, 3, cursor, place);
    case 'floatUnary':
      return parseFloatOperands(row, 2, cursor, place);
    case 'float4':
      return parseFloatOperands(row, 4, cursor, place);
    case 'R':
      if (row.effect.kind === 'float') return parseFloatOperands(row, 3, cursor, place);
      return row.effect.kind === 'system'
        ? parseFenceVma(row, cursor, place)
        : parseRegisters(row, cursor, place);
    case 'I':
      if (row.effect.kind === 'load' || row.effect.kind === 'loadFloat')
        return parseLoad(row, cursor, place);
      if (row.effect.kind === 'jump') return parseJalr(row, cursor, place);
      return parseShiftOrImmediate(row, cursor, place);
    case 'shift64':
    case 'shift32':
      return parseShiftOrImmediate(row, cursor, place);
    case 'S':
      return parseStore(row, cursor, place);
    case 'B': {
      const rs1 = needRegister(cursor);
      need(cursor, ',');
      const rs2 = needRegister(cursor);
      need(cursor, ',');
      return [pend(row, place, { rs1, rs2, immediate: parseExpression(cursor) })];
    }
    case 'U': {
      const rd = needRegister(cursor);
      need(cursor, ',');
      return [pend(row, place, { rd, immediate: parseExpression(cursor) })];
    }
    case 'J': {
      const rd = isRegister(cursor) ? needRegister(cursor) : undefined;
      if (rd !== undefined) need(cursor, ',');
      return [pend(row, place, { rd: rd ?? 1, immediate: parseExpression(cursor) })];
    }
    case 'csr':
    case 'csrImmediate':
      return parseCsrAccess(row, cursor, place);
    case 'atomic':
      return parseAtomic(row, cursor, place, ordering);
    case 'fence':
      return parseFence(row, cursor, place);
    case 'unary': {
      if (row.effect.kind === 'float') return parseFloatOperands(row, 2, cursor, place);
      const rd = needRegister(cursor);
      need(cursor, ',');
      return [pend(row, place, { rd, rs1: needRegister(cursor) })];
    }
    case 'cacheBlock':
      return [pend(row, place, { rs1: parseBase(cursor) })];
    case 'guestLoad': {
      const rd = needRegister(cursor);
      need(cursor, ',');
      return [pend(row, place, { rd, rs1: parseBase(cursor) })];
    }
    case 'guestStore': {
      const rs2 = needRegister(cursor);
      need(cursor, ',');
      return [pend(row, place, { rs2, rs1: parseBase(cursor) })];
    }
    case 'none':
      return [pend(row, place, {})];
  }
}

const ORDERING = /^(.+\.[wd])\.(aqrl|aq|rl)$/;

/**
 * The instruction(s) that mnemonic `name` with the operands at the cursor stands for, or undefined
 * when no row has that name.
 */
export function parseInstruction(
  name: string,
  cursor: Cursor,
  place: Place,
): readonly PendingInstruction[] | undefined {
  const suffixed = ORDERING.exec(name);
  const row = findRow(suffixed?.[1] ?? name);
  if (row === undefined || (suffixed !== null && row.format !== 'atomic')) return undefined;
  const suffix = suffixed?.[2] ?? '';
  const ordering = { aq: suffix.startsWith('aq') ? 1 : 0, rl: suffix.endsWith('rl') ? 1 : 0 };
  const instructions = parseByFormat(row, cursor, place, ordering);
  needEnd(cursor);
  return instructions;
}
