/**
 * An instruction whose row and registers are known and whose immediate waits for the second pass.
 */
import { assert } from '../../base/index.ts';
import { encodeCompressed } from '../compressed.ts';
import { encode, IMMEDIATE_RANGES } from '../encode.ts';
import { type CompressedRow, INSTRUCTIONS, type Row } from '../table/index.ts';
import { fail, type Place } from './error.ts';
import { absolute, evaluate, type OperandExpression, type Scope } from './operand-expression.ts';

/** Fields of an instruction before encoding. */
export interface PendingInstruction {
  readonly row: Row;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly rs3: number;
  readonly rm: number;
  readonly csr: number;
  readonly aq: number;
  readonly rl: number;
  /** For U the 20-bit number as written; for B and J the target's address. */
  readonly immediate: OperandExpression;
  readonly place: Place;
  /** The 16-bit instruction to encode instead of `row`, to which it expands. */
  readonly compressed?: CompressedRow;
}

/** Bytes of the instruction. */
export function sizeOf(pending: PendingInstruction): 2 | 4 {
  return pending.compressed === undefined ? 4 : 2;
}

const rowOfName: ReadonlyMap<string, Row> = new Map(INSTRUCTIONS.map((row) => [row.name, row]));

/** The row called `name`, or undefined. */
export function findRow(name: string): Row | undefined {
  return rowOfName.get(name);
}

/** The row called `name`, which exists. */
export function getRow(name: string): Row {
  const row = rowOfName.get(name);
  assert(row !== undefined, `the table has a row ${name}`);
  return row;
}

/** A constant as an expression. */
export function constantAt(value: number | bigint, place: Place): OperandExpression {
  return { kind: 'constant', value: BigInt(value), place };
}

/** A pending instruction; absent fields are 0. */
export function pend(
  row: Row,
  place: Place,
  fields: Partial<Omit<PendingInstruction, 'row' | 'place'>>,
): PendingInstruction {
  const zero = constantAt(0, place);
  return { row, place, rd: 0, rs1: 0, rs2: 0, rs3: 0, rm: 0, csr: 0, aq: 0, rl: 0, immediate: zero, ...fields };
}

/**
 * The 20 bits of lui and auipc, written signed or unsigned, as the operand that decode.ts gives.
 */
function upperImmediate(value: bigint, place: Place): number {
  if (value < -0x80000n || value > 0xfffffn) {
    fail('out-of-range', place, String(value), 'a 20-bit immediate, -524288 … 1048575');
  }
  return Number(BigInt.asIntN(20, value)) * 4096;
}

/** The 16 bits of `pending`. */
function encodeShort(pending: PendingInstruction, compressed: CompressedRow, scope: Scope): number {
  const { immediate: expression } = pending;
  const isRelative = compressed.format === 'jump' || compressed.format === 'branch';
  let value = isRelative
    ? evaluate(expression, scope).value - scope.here(expression.place).value
    : absolute(expression, scope).value;
  if (compressed.format === 'upper') value = BigInt.asIntN(20, value) << 12n;
  const isSmall = value >= -(1n << 31n) && value < 1n << 31n;
  const operands = { ...pending, immediate: Number(value), shamt: Number(value) };
  const word = isSmall ? encodeCompressed(compressed, operands) : undefined;
  if (word !== undefined) return word;
  return fail('out-of-range', expression.place, String(value), `operands that ${compressed.name} has`);
}

/**
 * The word of `pending`. Fails with 'out-of-range', 'misaligned' and what its expression fails
 * with.
 */
export function encodePending(pending: PendingInstruction, scope: Scope): number {
  const { row, compressed, immediate: expression } = pending;
  if (compressed !== undefined) return encodeShort(pending, compressed, scope);
  const range = IMMEDIATE_RANGES[row.format];
  if (range === undefined) return encode(row, { ...pending, immediate: 0 });
  if (row.format === 'U') {
    const { value } = absolute(expression, scope);
    return encode(row, { ...pending, immediate: upperImmediate(value, expression.place) });
  }
  const isRelative = row.format === 'B' || row.format === 'J';
  const value = isRelative
    ? evaluate(expression, scope).value - scope.here(expression.place).value
    : absolute(expression, scope).value;
  const { minimum, maximum, multiple } = range;
  if (value < BigInt(minimum) || value > BigInt(maximum)) {
    const what = isRelative ? 'a target within' : 'an immediate of';
    const found = isRelative ? `a target at distance ${value}` : String(value);
    fail('out-of-range', expression.place, found, `${what} ${minimum} … ${maximum}`);
  }
  if (value % BigInt(multiple) !== 0n) {
    fail('misaligned', expression.place, `a distance of ${value}`, `a multiple of ${multiple}`);
  }
  return encode(row, { ...pending, immediate: Number(value) });
}
