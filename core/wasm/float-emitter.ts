/**
 * Emits the handlers of float instructions. A handler computes with WebAssembly's own operations
 * where result and flags are certain, and hands the instruction over to the float unit of the
 * machine layer (slow path `float`) otherwise. Certain means: the unit is Dirty and rounds to
 * nearest even (record.floatState), operands are boxed, the result is finite and far enough from
 * the subnormal numbers, and it is exact or fflags.NX is set already. NaNs always leave, as
 * WebAssembly does not say which bits a computed NaN has.
 */
import type { Effect, FloatOperation, Row } from '../isa/table/row.ts';
import { floatStateBit, hartOffset } from '../protocol/host-memory-layout.ts';
import { emitFused } from './fused-emitter.ts';
import type { FunctionBuilder } from './module-builder.ts';
import { type Opcode, opcode as op, memoryOpcode as mem, valueType } from './opcode.ts';
import {
  emitInstructionWord,
  emitNext,
  emitRegister,
  emitResumeIfZero,
  emitSpill,
  field,
  local,
  type SharedFunctions,
} from './operation-frame.ts';

const { i64, f32, f64 } = valueType;

type FloatEffect = Extract<Effect, { readonly kind: 'float' }>;
type Source = 'rs1' | 'rs2';

const BOX = -1n << 32n;
/** A double with these bits clear has at most 26 significant ones: a product of two is exact. */
const LOW_HALF = (1n << 27n) - 1n;

/** Hands the instruction whose word is at `wordOffset` in the operation over to the float unit. */
export function emitFloatSlow(
  code: FunctionBuilder,
  shared: SharedFunctions,
  wordOffset: number = field.immediate,
): void {
  emitSpill(code, shared);
  emitInstructionWord(code, wordOffset);
  code.get(local.hart).call(shared.slow.float);
  emitResumeIfZero(code, shared);
  emitNext(code, shared);
}

/** Leaves record.floatState & bit, not 0 when the bit is set. */
export function emitFloatState(code: FunctionBuilder, bit: number): void {
  code.get(local.hart).memory(mem.i32Load, hartOffset.floatState).i32(bit).emit(op.i32And);
}

/** Emits the handler of a row whose effect is `float`. */
export function emitFloat(code: FunctionBuilder, row: Row, shared: SharedFunctions): void {
  if (row.effect.kind === 'float') emitFast(code, row.effect, shared);
  emitFloatSlow(code, shared);
}

/** What a fast path is made with. */
export interface Fast {
  readonly code: FunctionBuilder;
  readonly isSingle: boolean; // format of the operation
}

/** Runs `body` in an `if` on what `condition` leaves. */
export function when(code: FunctionBuilder, condition: () => void, body: () => void): void {
  condition();
  code.if();
  body();
  code.emit(op.end);
}

function emitFast(code: FunctionBuilder, effect: FloatEffect, shared: SharedFunctions): void {
  const fast: Fast = { code, isSingle: effect.byteCount === 4 };
  const done = () => emitNext(code, shared);
  const state = (bit: number) => () => emitFloatState(code, bit);
  const usable = state(floatStateBit.usable);
  const nearest = state(floatStateBit.nearest);
  switch (effect.operation) {
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'divide':
    case 'squareRoot': {
      const { operation } = effect;
      when(code, nearest, () => emitArithmetic(fast, operation, done));
      return;
    }
    case 'equal':
    case 'less':
    case 'lessOrEqual':
    case 'minimum':
    case 'maximum': {
      const { operation } = effect;
      when(code, usable, () => emitOrdered(fast, operation, done));
      return;
    }
    case 'injectSign':
    case 'injectNegatedSign':
    case 'injectXorSign': {
      const { operation } = effect;
      when(code, usable, () => emitInjectSign(fast, operation, done));
      return;
    }
    case 'moveToInteger':
    case 'moveFromInteger': {
      const { operation } = effect;
      when(code, usable, () => emitMove(fast, operation, done));
      return;
    }
    case 'fromOtherFormat':
      when(code, fast.isSingle ? nearest : usable, () => emitOtherFormat(fast, done));
      return;
    case 'fromInt32':
    case 'fromUint32':
    case 'fromInt64':
    case 'fromUint64': {
      const { operation } = effect;
      const isExact = !fast.isSingle && operation.endsWith('32');
      when(code, isExact ? usable : nearest, () => emitFromInteger(fast, operation, isExact, done));
      return;
    }
    case 'toInt32':
    case 'toUint32':
    case 'toInt64':
    case 'toUint64': {
      const { operation } = effect;
      when(code, usable, () => emitToInteger(fast, operation, done));
      return;
    }
    case 'multiplyAdd':
    case 'multiplySubtract':
    case 'negatedMultiplySubtract':
    case 'negatedMultiplyAdd': {
      const { operation } = effect;
      when(code, nearest, () => emitFused(fast, operation, done));
      return;
    }
    default: // fclass is the float unit's
  }
}

/** Leaves whether the registers hold boxed singles; always for doubles. */
export function emitAreBoxed({ code, isSingle }: Fast, sources: readonly Source[]): void {
  code.i32(-1);
  for (const source of isSingle ? sources : []) {
    emitRegister(code, source);
    code.memory(mem.i32Load, 4).emit(op.i32And);
  }
  code.i32(-1).emit(op.i32Eq);
}

/** Reads a float register into a local of its own. */
export function readFloat({ code, isSingle }: Fast, source: Source): number {
  const value = code.addLocal(isSingle ? f32 : f64);
  emitRegister(code, source);
  code.memory(isSingle ? mem.f32Load : mem.f64Load).set(value);
  return value;
}

/** Writes the float in a local to rd, boxed. */
export function emitWriteFloat({ code, isSingle }: Fast, value: number): void {
  emitRegister(code, 'rd');
  code.get(value);
  if (isSingle) code.emit(op.i32ReinterpretF32, op.i64ExtendI32U).i64(BOX).emit(op.i64Or);
  else code.emit(op.i64ReinterpretF64);
  code.memory(mem.i64Store);
}

/** Leaves the biased exponent of the float in a local. */
export function emitExponent({ code, isSingle }: Fast, value: number): void {
  code.get(value);
  if (isSingle) code.emit(op.i32ReinterpretF32).i32(23).emit(op.i32ShrU).i32(0xff);
  else code.emit(op.i64ReinterpretF64).i64(52n).emit(op.i64ShrU, op.i32WrapI64).i32(0x7ff);
  code.emit(op.i32And);
}

/** Leaves whether a rounded result is finite and at least twice the smallest normal number. */
export function emitIsSafe(fast: Fast, value: number): void {
  emitExponent(fast, value);
  fast.code.i32(2).emit(op.i32Sub).i32(fast.isSingle ? 0xfd : 0x7fd).emit(op.i32LtU);
}

/** Opcodes of a format. */
const ARITHMETIC = {
  add: [op.f32Add, op.f64Add],
  subtract: [op.f32Sub, op.f64Sub],
  multiply: [op.f32Mul, op.f64Mul],
  divide: [op.f32Div, op.f64Div],
  squareRoot: [op.f32Sqrt, op.f64Sqrt],
} as const satisfies Partial<Record<FloatOperation, readonly [Opcode, Opcode]>>;

function emitArithmetic(fast: Fast, operation: keyof typeof ARITHMETIC, done: () => void): void {
  const { code, isSingle } = fast;
  const isUnary = operation === 'squareRoot';
  const sources: Source[] = isUnary ? ['rs1'] : ['rs1', 'rs2'];
  when(code, () => emitAreBoxed(fast, sources), () => {
    const values = sources.map((source) => readFloat(fast, source));
    const [a = 0, b = 0] = values;
    const result = code.addLocal(isSingle ? f32 : f64);
    for (const value of values) code.get(value);
    code.emit(ARITHMETIC[operation][isSingle ? 0 : 1]).set(result);
    const isSum = operation === 'add' || operation === 'subtract';
    const isCertain = () => {
      if (isSum) emitSumIsCertain(fast, operation, { a, b, result });
      else emitProductIsCertain(fast, operation, { a, b, result });
    };
    when(code, isCertain, () => {
      emitWriteFloat(fast, result);
      done();
    });
  });
}

/** Locals of an operation; squareRoot has no b. */
interface Locals {
  readonly a: number;
  readonly b: number;
  readonly result: number;
}

/**
 * A finite sum raises inexact or nothing: a subnormal one is exact. The rounding error of r = a + b
 * is (a − (r − t)) + (b − t) with t = r − a (Knuth's two-sum), here 0 when exact.
 */
function emitSumIsCertain(fast: Fast, operation: 'add' | 'subtract', locals: Locals): void {
  const { code, isSingle } = fast;
  const [plus, minus, equal] = isSingle
    ? [op.f32Add, op.f32Sub, op.f32Eq]
    : [op.f64Add, op.f64Sub, op.f64Eq];
  const { a, b, result } = locals;
  const t = code.addLocal(isSingle ? f32 : f64);
  code.get(result).get(a).emit(minus).set(t);
  code.get(a).get(result).get(t).emit(minus, minus);
  // the error is a − (r − t) + (b − t), or for a − b: a − (r − t) − (b + t)
  code.get(b).get(t).emit(operation === 'add' ? minus : plus);
  code.emit(operation === 'add' ? plus : minus);
  emitFloatZero(fast);
  code.emit(equal);
  emitFloatState(code, floatStateBit.inexactKnown);
  code.emit(op.i32Or);
  emitExponent(fast, result);
  code.i32(isSingle ? 0xff : 0x7ff).emit(op.i32Ne);
  emitAnd(code);
}

/** Logical and of two i32 of which the second is 0 or 1. */
export function emitAnd(code: FunctionBuilder): void {
  const second = code.addLocal(valueType.i32);
  code.set(second).i32(0).emit(op.i32Ne).get(second).emit(op.i32And);
}

function emitFloatZero({ code, isSingle }: Fast): void {
  if (isSingle) code.i32(0).emit(op.f32ReinterpretI32);
  else code.i64(0n).emit(op.f64ReinterpretI64);
}

/**
 * A product, quotient or root that is safe raises inexact or nothing. It is exact when factor ·
 * factor = whole without rounding: r = a · b, r · b = a, r · r = a.
 */
function emitProductIsCertain(
  fast: Fast,
  operation: 'multiply' | 'divide' | 'squareRoot',
  { a, b, result }: Locals,
): void {
  const { code, isSingle } = fast;
  const [first, second, whole] =
    operation === 'multiply'
      ? [a, b, result]
      : operation === 'divide'
        ? [result, b, a]
        : [result, result, a];
  if (isSingle) {
    code.get(first).emit(op.f64PromoteF32).get(second).emit(op.f64PromoteF32, op.f64Mul);
    code.get(whole).emit(op.f64PromoteF32, op.f64Eq);
  } else {
    code.get(first).emit(op.i64ReinterpretF64).get(second).emit(op.i64ReinterpretF64, op.i64Or);
    code.i64(LOW_HALF).emit(op.i64And, op.i64Eqz);
    code.get(first).get(second).emit(op.f64Mul).get(whole).emit(op.f64Eq, op.i32And);
  }
  emitFloatState(code, floatStateBit.inexactKnown);
  code.emit(op.i32Or);
  emitIsSafe(fast, result);
  emitAnd(code);
}

const ORDERED = {
  equal: [op.f32Eq, op.f64Eq],
  less: [op.f32Lt, op.f64Lt],
  lessOrEqual: [op.f32Le, op.f64Le],
  minimum: [op.f32Min, op.f64Min],
  maximum: [op.f32Max, op.f64Max],
} as const satisfies Partial<Record<FloatOperation, readonly [Opcode, Opcode]>>;

/** Comparisons, minimum and maximum of operands that are no NaNs raise nothing. */
function emitOrdered(fast: Fast, operation: keyof typeof ORDERED, done: () => void): void {
  const { code, isSingle } = fast;
  const equal = isSingle ? op.f32Eq : op.f64Eq;
  when(code, () => emitAreBoxed(fast, ['rs1', 'rs2']), () => {
    const a = readFloat(fast, 'rs1');
    const b = readFloat(fast, 'rs2');
    const areNumbers = () => {
      code.get(a).get(a).emit(equal).get(b).get(b).emit(equal, op.i32And);
    };
    when(code, areNumbers, () => {
      const isExtreme = operation === 'minimum' || operation === 'maximum';
      const opcode = ORDERED[operation][isSingle ? 0 : 1];
      if (isExtreme) {
        const result = code.addLocal(isSingle ? f32 : f64);
        code.get(a).get(b).emit(opcode).set(result);
        emitWriteFloat(fast, result);
      } else {
        emitRegister(code, 'rd');
        code.get(a).get(b).emit(opcode, op.i64ExtendI32U).memory(mem.i64Store);
      }
      done();
    });
  });
}

/** On encodings: a boxed single keeps its box, as only bit 31 changes. */
function emitInjectSign(
  fast: Fast,
  operation: 'injectSign' | 'injectNegatedSign' | 'injectXorSign',
  done: () => void,
): void {
  const { code, isSingle } = fast;
  const sign = isSingle ? 1n << 31n : -1n << 63n;
  const read = (source: Source) => {
    emitRegister(code, source);
    code.memory(mem.i64Load);
  };
  when(code, () => emitAreBoxed(fast, ['rs1', 'rs2']), () => {
    emitRegister(code, 'rd');
    read('rs1');
    if (operation !== 'injectXorSign') code.i64(~sign).emit(op.i64And);
    read('rs2');
    if (operation === 'injectNegatedSign') code.i64(-1n).emit(op.i64Xor);
    code.i64(sign).emit(op.i64And, operation === 'injectXorSign' ? op.i64Xor : op.i64Or);
    code.memory(mem.i64Store);
    done();
  });
}

function emitMove(
  { code, isSingle }: Fast,
  operation: 'moveToInteger' | 'moveFromInteger',
  done: () => void,
): void {
  emitRegister(code, 'rd');
  emitRegister(code, 'rs1');
  if (!isSingle) code.memory(mem.i64Load);
  else if (operation === 'moveToInteger') code.memory(mem.i64Load32S);
  else code.memory(mem.i64Load32U).i64(BOX).emit(op.i64Or);
  code.memory(mem.i64Store);
  done();
}

/** fcvt.d.s of a number is exact; fcvt.s.d is when it comes back the same. */
function emitOtherFormat(to: Fast, done: () => void): void {
  const { code, isSingle } = to;
  const from: Fast = { code, isSingle: !isSingle };
  when(code, () => emitAreBoxed(from, ['rs1']), () => {
    const source = readFloat(from, 'rs1');
    const result = code.addLocal(isSingle ? f32 : f64);
    code.get(source).emit(isSingle ? op.f32DemoteF64 : op.f64PromoteF32).set(result);
    const isCertain = () => {
      if (!isSingle) {
        code.get(source).get(source).emit(op.f32Eq);
        return;
      }
      code.get(result).emit(op.f64PromoteF32).get(source).emit(op.f64Eq);
      emitFloatState(code, floatStateBit.inexactKnown);
      code.emit(op.i32Or);
      emitIsSafe(to, result);
      emitAnd(code);
    };
    when(code, isCertain, () => {
      emitWriteFloat(to, result);
      done();
    });
  });
}

const FROM_INTEGER = {
  fromInt32: [op.f32ConvertI32S, op.f64ConvertI32S],
  fromUint32: [op.f32ConvertI32U, op.f64ConvertI32U],
  fromInt64: [op.f32ConvertI64S, op.f64ConvertI64S],
  fromUint64: [op.f32ConvertI64U, op.f64ConvertI64U],
} as const;

/** Conversions of integers raise inexact or nothing; up to 2^24 or 2^53 they are exact. */
function emitFromInteger(
  fast: Fast,
  operation: keyof typeof FROM_INTEGER,
  isExact: boolean,
  done: () => void,
): void {
  const { code, isSingle } = fast;
  const source = code.addLocal(i64);
  emitRegister(code, 'rs1');
  if (operation === 'fromInt32') code.memory(mem.i64Load32S);
  else if (operation === 'fromUint32') code.memory(mem.i64Load32U);
  else code.memory(mem.i64Load);
  code.set(source);
  const precision = isSingle ? 24n : 53n;
  const isCertain = () => {
    if (isExact) code.i32(1);
    else {
      const isSigned = operation === 'fromInt64' || operation === 'fromInt32';
      code.get(source);
      if (isSigned) code.i64(1n << precision).emit(op.i64Add);
      code.i64(isSigned ? 2n << precision : 1n << precision).emit(op.i64LtU);
      emitFloatState(code, floatStateBit.inexactKnown);
      code.emit(op.i32Or);
    }
  };
  when(code, isCertain, () => {
    const result = code.addLocal(isSingle ? f32 : f64);
    code.get(source);
    if (operation.endsWith('32')) code.emit(op.i32WrapI64);
    code.emit(FROM_INTEGER[operation][isSingle ? 0 : 1]).set(result);
    emitWriteFloat(fast, result);
    done();
  });
}

/** Opcodes there and back, and the open interval of doubles whose integer part fits. */
const TO_INTEGER = {
  toInt32: { there: op.i32TruncF64S, back: op.f64ConvertI32S, above: -(2 ** 31) - 1, below: 2 ** 31 },
  toUint32: { there: op.i32TruncF64U, back: op.f64ConvertI32U, above: -1, below: 2 ** 32 },
  toInt64: {
    there: op.i64TruncF64S,
    back: op.f64ConvertI64S,
    above: -(2 ** 63) - 2048, // the double before −2^63
    below: 2 ** 63,
  },
  toUint64: { there: op.i64TruncF64U, back: op.f64ConvertI64U, above: -1, below: 2 ** 64 },
} as const;

/** Towards zero, the one mode that the decoder sends here. Singles go by way of doubles. */
function emitToInteger(fast: Fast, operation: keyof typeof TO_INTEGER, done: () => void): void {
  const { code, isSingle } = fast;
  const { there, back, above, below } = TO_INTEGER[operation];
  const is32 = operation.endsWith('32');
  when(code, () => emitAreBoxed(fast, ['rs1']), () => {
    const source = code.addLocal(f64);
    code.get(readFloat(fast, 'rs1'));
    if (isSingle) code.emit(op.f64PromoteF32);
    code.set(source);
    const isInside = () => {
      emitDouble(code, above);
      code.get(source).emit(op.f64Lt).get(source);
      emitDouble(code, below);
      code.emit(op.f64Lt, op.i32And);
    };
    when(code, isInside, () => {
      const result = code.addLocal(is32 ? valueType.i32 : i64);
      code.get(source).emit(there).tee(result).emit(back).get(source).emit(op.f64Eq);
      emitFloatState(code, floatStateBit.inexactKnown);
      when(code, () => code.emit(op.i32Or), () => {
        emitRegister(code, 'rd');
        code.get(result);
        if (is32) code.emit(op.i64ExtendI32S);
        code.memory(mem.i64Store);
        done();
      });
    });
  });
}

/** Leaves a double. */
function emitDouble(code: FunctionBuilder, value: number): void {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  code.i64(view.getBigInt64(0)).emit(op.f64ReinterpretI64);
}
