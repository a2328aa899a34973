/**
 * Builders for the expression trees in the instruction table, so that a row reads like the manual's
 * sentence. They build data (see row.ts) and evaluate nothing.
 */
import type { BinaryOperator, Effect, Expression, FloatOperation, SystemHandler, UnaryOperator } from './row.ts';

const binary =
  (operator: BinaryOperator) =>
  (left: Expression, right: Expression): Expression => ({ kind: 'binary', operator, left, right });

/** Value of the register named by bits 19..15. */
export const rs1: Expression = { kind: 'rs1' };
/** Value of the register named by bits 24..20. */
export const rs2: Expression = { kind: 'rs2' };
/** The immediate of the row's format, sign-extended to 64 bits (a shift amount is not). */
export const immediate: Expression = { kind: 'immediate' };
/** Address of this instruction. */
export const pc: Expression = { kind: 'pc' };
/** Address of the instruction after this one. */
export const next: Expression = { kind: 'next' };
/** Old value of the memory operand of an AMO. */
export const memory: Expression = { kind: 'memory' };

/** A constant, as a signed 64-bit value. */
export const constant = (value: bigint): Expression => ({ kind: 'constant', value });

export const add = binary('add');
export const sub = binary('sub');
export const and = binary('and');
export const or = binary('or');
export const xor = binary('xor');
export const shiftLeft = binary('shiftLeft');
export const shiftRightLogical = binary('shiftRightLogical');
export const shiftRightArithmetic = binary('shiftRightArithmetic');
export const equal = binary('equal');
export const notEqual = binary('notEqual');
export const lessSigned = binary('lessSigned');
export const lessUnsigned = binary('lessUnsigned');
export const greaterOrEqualSigned = binary('greaterOrEqualSigned');
export const greaterOrEqualUnsigned = binary('greaterOrEqualUnsigned');
export const multiply = binary('multiply');
export const multiplyHighSigned = binary('multiplyHighSigned');
export const multiplyHighSignedUnsigned = binary('multiplyHighSignedUnsigned');
export const multiplyHighUnsigned = binary('multiplyHighUnsigned');
export const divideSigned = binary('divideSigned');
export const divideUnsigned = binary('divideUnsigned');
export const remainderSigned = binary('remainderSigned');
export const remainderUnsigned = binary('remainderUnsigned');
export const divideSignedW = binary('divideSignedW');
export const divideUnsignedW = binary('divideUnsignedW');
export const remainderSignedW = binary('remainderSignedW');
export const remainderUnsignedW = binary('remainderUnsignedW');
export const shiftLeftW = binary('shiftLeftW');
export const shiftRightLogicalW = binary('shiftRightLogicalW');
export const shiftRightArithmeticW = binary('shiftRightArithmeticW');
export const minimumSigned = binary('minimumSigned');
export const maximumSigned = binary('maximumSigned');
export const minimumUnsigned = binary('minimumUnsigned');
export const maximumUnsigned = binary('maximumUnsigned');
export const rotateLeft = binary('rotateLeft');
export const rotateRight = binary('rotateRight');
export const rotateLeftW = binary('rotateLeftW');
export const rotateRightW = binary('rotateRightW');

const unary =
  (operator: UnaryOperator) =>
  (operand: Expression): Expression => ({ kind: 'unary', operator, operand });

export const signExtend8 = unary('signExtend8');
export const signExtend16 = unary('signExtend16');
export const zeroExtend16 = unary('zeroExtend16');
export const countLeadingZeros = unary('countLeadingZeros');
export const countTrailingZeros = unary('countTrailingZeros');
export const countOnes = unary('countOnes');
export const countLeadingZerosW = unary('countLeadingZerosW');
export const countTrailingZerosW = unary('countTrailingZerosW');
export const countOnesW = unary('countOnesW');
export const combineBytes = unary('combineBytes');
export const reverseBytes = unary('reverseBytes');

/** Bits 31..0, sign-extended to 64. */
export const signExtend32 = unary('signExtend32');
/** Bits 31..0, zero-extended to 64. */
export const zeroExtend32 = unary('zeroExtend32');

/** rd ← value. */
export const write = (value: Expression): Effect => ({ kind: 'write', value });
/** If the condition is not 0: pc ← pc + immediate. */
export const branch = (condition: Expression): Effect => ({ kind: 'branch', condition });
/** rd ← next; pc ← target. */
export const jump = (target: Expression): Effect => ({ kind: 'jump', target });
/** rd ← M[rs1 + immediate], sign-extended. */
export const loadSigned = (byteCount: 1 | 2 | 4 | 8): Effect => ({
  kind: 'load',
  byteCount,
  signed: true,
});
/** rd ← M[rs1 + immediate], zero-extended. */
export const loadUnsigned = (byteCount: 1 | 2 | 4 | 8): Effect => ({
  kind: 'load',
  byteCount,
  signed: false,
});
/** M[rs1 + immediate] ← low bytes of rs2. */
export const store = (byteCount: 1 | 2 | 4 | 8): Effect => ({ kind: 'store', byteCount });
/** rd ← M[rs1], sign-extended; M[rs1] ← low bytes of combine. */
export const atomic = (byteCount: 4 | 8, combine: Expression): Effect => ({
  kind: 'atomic',
  byteCount,
  combine,
});
/** rd ← M[rs1], sign-extended, and reserves it. */
export const loadReserved = (byteCount: 4 | 8): Effect => ({ kind: 'loadReserved', byteCount });
/** If reserved: M[rs1] ← rs2, rd ← 0; else rd ← 1. */
export const storeConditional = (byteCount: 4 | 8): Effect => ({
  kind: 'storeConditional',
  byteCount,
});
/** rd ← M[rs1 + immediate], a float register, a single NaN-boxed. */
export const loadFloat = (byteCount: 4 | 8): Effect => ({ kind: 'loadFloat', byteCount });
/** M[rs1 + immediate] ← low bytes of float register rs2. */
export const storeFloat = (byteCount: 4 | 8): Effect => ({ kind: 'storeFloat', byteCount });
/** rd ← operation; `byteCount` 4 computes in binary32, 8 in binary64. */
export const float = (operation: FloatOperation, byteCount: 4 | 8): Effect => ({
  kind: 'float',
  operation,
  byteCount,
});
/** Goes on at next. */
export const nothing: Effect = { kind: 'nothing' };
/** Carried out by the machine layer. */
export const system = (handler: SystemHandler): Effect => ({ kind: 'system', handler });
