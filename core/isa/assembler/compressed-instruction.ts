/**
 * Parses 16-bit instructions by their own names (c.addi, c.lw, …). Nothing is compressed by itself:
 * an instruction has the length that its mnemonic says.
 */
import { expansionOf } from '../compressed.ts';
import { COMPRESSED, type CompressedRow } from '../table/index.ts';
import { accept, type Cursor, isAt, need, needEnd, needFloatRegister, needRegister, peek } from './cursor.ts';
import type { Place } from './error.ts';
import { parseExpression } from './operand-expression.ts';
import { constantAt, type PendingInstruction, pend } from './pending-instruction.ts';

const rowOfName: ReadonlyMap<string, CompressedRow> = new Map(
  COMPRESSED.map((row) => [row.name, row]),
);

/** The 16-bit instruction `name` with the operands at the cursor, or undefined for other names. */
export function parseCompressed(
  name: string,
  cursor: Cursor,
  place: Place,
): readonly PendingInstruction[] | undefined {
  const compressed = rowOfName.get(name);
  if (compressed === undefined) return undefined;
  const row = expansionOf(compressed);
  const fields = parseFields(compressed, cursor, place, row.registers ?? 'xxx');
  needEnd(cursor);
  return [{ ...pend(row, place, fields), compressed }];
}

type Fields = Parameters<typeof pend>[2];

function parseFields(
  { format, name }: CompressedRow,
  cursor: Cursor,
  place: Place,
  files: string,
): Fields {
  const register = (at: number) => (files[at] === 'f' ? needFloatRegister(cursor) : needRegister(cursor));
  const expression = () => {
    need(cursor, ',');
    return parseExpression(cursor);
  };
  switch (format) {
    case 'none':
      return {};
    case 'stackAddress': {
      const rd = register(0);
      need(cursor, ',');
      return { rd, rs1: needRegister(cursor), immediate: expression() };
    }
    case 'loadW':
    case 'loadD':
    case 'stackLoadW':
    case 'stackLoadD':
      return { rd: register(0), ...parseMemory(cursor, place) };
    case 'storeW':
    case 'storeD':
    case 'stackStoreW':
    case 'stackStoreD':
      return { rs2: register(2), ...parseMemory(cursor, place) };
    case 'constant':
    case 'upper':
      return { rd: register(0), immediate: expression() };
    case 'immediate':
      if (name === 'c.nop') {
        return peek(cursor).kind === 'end' ? {} : { immediate: parseExpression(cursor) };
      }
      return parseBoth(cursor, register(0));
    case 'stackStep':
    case 'shift':
    case 'shortShift':
    case 'shortImmediate':
      return parseBoth(cursor, register(0));
    case 'shortRegisters':
    case 'registers': {
      const rd = register(0);
      need(cursor, ',');
      return { rd, rs1: rd, rs2: needRegister(cursor) };
    }
    case 'move': {
      const rd = register(0);
      need(cursor, ',');
      return { rd, rs2: needRegister(cursor) };
    }
    case 'jump':
      return { immediate: parseExpression(cursor) };
    case 'branch':
      return { rs1: register(1), immediate: expression() };
    case 'jumpRegister':
      return { rs1: register(1) };
    case 'linkRegister':
      return { rd: 1, rs1: register(1) };
  }
}

/** rd, which is rs1, too, and an immediate. */
function parseBoth(cursor: Cursor, rd: number): Fields {
  need(cursor, ',');
  return { rd, rs1: rd, immediate: parseExpression(cursor) };
}

function parseMemory(cursor: Cursor, place: Place): Fields {
  need(cursor, ',');
  const immediate = isAt(cursor, '(') ? constantAt(0, place) : parseExpression(cursor);
  if (!accept(cursor, '(')) need(cursor, '(');
  const rs1 = needRegister(cursor);
  need(cursor, ')');
  return { immediate, rs1 };
}
