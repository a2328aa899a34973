/**
 * Emits WebAssembly for the expression trees of the instruction table (core/isa/table/row.ts).
 * Division, remainder and the high product follow the RISC-V results (Unprivileged ISA 20240411
 * §13.1, §13.2) where WebAssembly would trap or has no instruction.
 */
import type { BinaryOperator, Expression, UnaryOperator } from '../isa/table/row.ts';
import type { FunctionBuilder, ModuleBuilder } from './module-builder.ts';
import { type Opcode, opcode as op, valueType } from './opcode.ts';

const { i64 } = valueType;

/** Where an expression's leaves come from in the function that is being emitted. */
export interface ExpressionContext {
  readonly code: FunctionBuilder;
  /** Index of the function that {@link addHighMultiply} made. */
  readonly highMultiply: number;
  /** Emits the leaf's i64 value. */
  readonly leaf: (kind: 'rs1' | 'rs2' | 'immediate' | 'pc' | 'next' | 'memory') => void;
}

/** Operators that are one WebAssembly instruction on two i64. */
const DIRECT: Partial<Record<BinaryOperator, Opcode>> = {
  add: op.i64Add, sub: op.i64Sub, and: op.i64And, or: op.i64Or, xor: op.i64Xor,
  shiftLeft: op.i64Shl, shiftRightLogical: op.i64ShrU, shiftRightArithmetic: op.i64ShrS,
  multiply: op.i64Mul, rotateLeft: op.i64Rotl, rotateRight: op.i64Rotr,
};

/** Comparisons: one instruction that leaves an i32. */
const COMPARISON: Partial<Record<BinaryOperator, Opcode>> = {
  equal: op.i64Eq, notEqual: op.i64Ne, lessSigned: op.i64LtS, lessUnsigned: op.i64LtU,
  greaterOrEqualSigned: op.i64GeS, greaterOrEqualUnsigned: op.i64GeU,
};

/** Emits `expression`, leaving an i64. */
export function emitExpression(context: ExpressionContext, expression: Expression): void {
  const { code } = context;
  switch (expression.kind) {
    case 'constant':
      code.i64(expression.value);
      return;
    case 'unary':
      emitExpression(context, expression.operand);
      emitUnary(code, expression.operator);
      return;
    case 'binary':
      emitBinary(context, expression.operator, expression.left, expression.right);
      return;
    default:
      context.leaf(expression.kind);
  }
}

/** Unary operators that are one instruction, and counts of the low word that are one on an i32. */
const DIRECT_UNARY: Partial<Record<UnaryOperator, Opcode>> = {
  signExtend8: op.i64Extend8S, signExtend16: op.i64Extend16S, signExtend32: op.i64Extend32S,
  countLeadingZeros: op.i64Clz, countTrailingZeros: op.i64Ctz, countOnes: op.i64Popcnt,
};
const COUNT_W: Partial<Record<UnaryOperator, Opcode>> = {
  countLeadingZerosW: op.i32Clz, countTrailingZerosW: op.i32Ctz, countOnesW: op.i32Popcnt,
};

/** A unary operator on the i64 that lies on the stack. */
function emitUnary(code: FunctionBuilder, operator: UnaryOperator): void {
  const direct = DIRECT_UNARY[operator];
  const count = COUNT_W[operator];
  if (direct !== undefined) code.emit(direct);
  else if (count !== undefined) code.emit(op.i32WrapI64, count, op.i64ExtendI32U);
  else if (operator === 'zeroExtend32') code.i64(0xffff_ffffn).emit(op.i64And);
  else if (operator === 'zeroExtend16') code.i64(0xffffn).emit(op.i64And);
  else if (operator === 'combineBytes') emitCombineBytes(code);
  else emitReverseBytes(code);
}

/**
 * Bit 7 of each byte of ((x & 0x7f…) + 0x7f…) | x says whether the byte has a bit; 0xff times it
 * fills the byte.
 */
function emitCombineBytes(code: FunctionBuilder): void {
  const x = code.addLocal(i64);
  const low = BigInt.asIntN(64, 0x7f7f_7f7f_7f7f_7f7fn);
  code.tee(x).i64(low).emit(op.i64And).i64(low).emit(op.i64Add).get(x).emit(op.i64Or);
  code.i64(7n).emit(op.i64ShrU).i64(0x0101_0101_0101_0101n).emit(op.i64And);
  code.i64(255n).emit(op.i64Mul);
}

/** Neighbouring bytes change places, then neighbouring pairs, then the halves. */
function emitReverseBytes(code: FunctionBuilder): void {
  const x = code.addLocal(i64);
  for (const [mask, distance] of [
    [0x00ff_00ff_00ff_00ffn, 8n],
    [0x0000_ffff_0000_ffffn, 16n],
  ] as const) {
    code.tee(x).i64(distance).emit(op.i64ShrU).i64(mask).emit(op.i64And);
    code.get(x).i64(mask).emit(op.i64And).i64(distance).emit(op.i64Shl, op.i64Or);
  }
  code.i64(32n).emit(op.i64Rotl);
}

/** Emits `expression` as a condition, leaving an i32 that is 0 when the value is 0. */
export function emitCondition(context: ExpressionContext, expression: Expression): void {
  const comparison = expression.kind === 'binary' ? COMPARISON[expression.operator] : undefined;
  if (expression.kind === 'binary' && comparison !== undefined) {
    emitExpression(context, expression.left);
    emitExpression(context, expression.right);
    context.code.emit(comparison);
  } else {
    emitExpression(context, expression);
    context.code.i64(0n).emit(op.i64Ne);
  }
}

function emitBinary(
  context: ExpressionContext,
  operator: BinaryOperator,
  left: Expression,
  right: Expression,
): void {
  const { code } = context;
  if (COMPARISON[operator] !== undefined) {
    emitCondition(context, { kind: 'binary', operator, left, right });
    code.emit(op.i64ExtendI32U);
    return;
  }
  emitExpression(context, left);
  emitExpression(context, right);
  const direct = DIRECT[operator];
  if (direct !== undefined) code.emit(direct);
  else emitCompound(context, operator);
}

/** An operator of several instructions on the two i64 that lie on the stack. */
function emitCompound(context: ExpressionContext, operator: BinaryOperator): void {
  const { code } = context;
  const a = code.addLocal(i64);
  const b = code.addLocal(i64);
  code.set(b).set(a);
  switch (operator) {
    case 'multiplyHighUnsigned':
      code.get(a).get(b).call(context.highMultiply);
      return;
    case 'multiplyHighSigned': // subtract b when a is negative, and a when b is
      code.get(a).get(b).call(context.highMultiply);
      subtractIfNegative(code, a, b);
      subtractIfNegative(code, b, a);
      return;
    case 'multiplyHighSignedUnsigned':
      code.get(a).get(b).call(context.highMultiply);
      subtractIfNegative(code, a, b);
      return;
    case 'shiftLeftW':
      emitShiftW(code, a, b, op.i32Shl);
      return;
    case 'shiftRightLogicalW':
      emitShiftW(code, a, b, op.i32ShrU);
      return;
    case 'shiftRightArithmeticW':
      emitShiftW(code, a, b, op.i32ShrS);
      return;
    case 'rotateLeftW':
      emitShiftW(code, a, b, op.i32Rotl);
      return;
    case 'rotateRightW':
      emitShiftW(code, a, b, op.i32Rotr);
      return;
    case 'minimumSigned':
      code.get(a).get(b).get(a).get(b).emit(op.i64LtS, op.select);
      return;
    case 'maximumSigned':
      code.get(a).get(b).get(a).get(b).emit(op.i64GtS, op.select);
      return;
    case 'minimumUnsigned':
      code.get(a).get(b).get(a).get(b).emit(op.i64LtU, op.select);
      return;
    case 'maximumUnsigned':
      code.get(a).get(b).get(a).get(b).emit(op.i64GtU, op.select);
      return;
    default:
      emitDivision(code, operator, a, b);
  }
}

function subtractIfNegative(code: FunctionBuilder, tested: number, subtracted: number): void {
  code.get(tested).i64(63n).emit(op.i64ShrS).get(subtracted).emit(op.i64And, op.i64Sub);
}

function emitShiftW(code: FunctionBuilder, a: number, b: number, shift: Opcode): void {
  code.get(a).emit(op.i32WrapI64).get(b).emit(op.i32WrapI64, shift, op.i64ExtendI32S);
}

/**
 * Division by zero gives all ones, the remainder then is the dividend; the one signed overflow
 * gives the dividend and remainder 0. The W forms divide extended values in 64 bits, where nothing
 * overflows.
 */
function emitDivision(code: FunctionBuilder, operator: BinaryOperator, a: number, b: number): void {
  const isW = operator.endsWith('W');
  const isSigned = operator.includes('Signed');
  const isRemainder = operator.startsWith('remainder');
  if (isW) {
    for (const local of [a, b]) {
      code.get(local);
      if (isSigned) code.emit(op.i64Extend32S);
      else code.i64(0xffff_ffffn).emit(op.i64And);
      code.set(local);
    }
  }
  code.get(b).emit(op.i64Eqz).if(i64);
  if (isRemainder) code.get(a);
  else code.i64(-1n);
  code.emit(op.else);
  if (isRemainder) {
    code.get(a).get(b).emit(isSigned ? op.i64RemS : op.i64RemU);
  } else if (isSigned) {
    code.get(b).i64(-1n).emit(op.i64Eq).if(i64).i64(0n).get(a).emit(op.i64Sub);
    code.emit(op.else).get(a).get(b).emit(op.i64DivS, op.end);
  } else {
    code.get(a).get(b).emit(op.i64DivU);
  }
  code.emit(op.end);
  if (isW) code.emit(op.i64Extend32S);
}

/**
 * Adds the function (i64 a, i64 b) → bits 127..64 of the unsigned product, by four 32-bit partial
 * products.
 */
export function addHighMultiply(module: ModuleBuilder): number {
  const code = module.addFunction({ parameters: [i64, i64], results: [i64] });
  const [a, b] = [0, 1];
  const middle = code.addLocal(i64);
  const low = (local: number) => code.get(local).i64(0xffff_ffffn).emit(op.i64And);
  const high = (local: number) => code.get(local).i64(32n).emit(op.i64ShrU);
  // middle = aHigh · bLow + (aLow · bLow >> 32): at most (2^32 − 1)^2 + 2^32 − 2, fits
  high(a);
  low(b).emit(op.i64Mul);
  low(a);
  low(b).emit(op.i64Mul).i64(32n).emit(op.i64ShrU, op.i64Add).set(middle);
  // aHigh · bHigh + (middle >> 32) + ((aLow · bHigh + middle's low half) >> 32)
  high(a);
  high(b).emit(op.i64Mul);
  high(middle).emit(op.i64Add);
  low(a);
  high(b).emit(op.i64Mul);
  low(middle).emit(op.i64Add).i64(32n).emit(op.i64ShrU, op.i64Add);
  return code.index;
}
