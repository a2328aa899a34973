/**
 * Fused multiplication and addition where WebAssembly has none: the product and the sums are split
 * into a rounded part and its exact error, and the last step but one rounds to odd, so that the last
 * one rounds as if it were the only one (S. Boldo, G. Melquiond, Emulation of a FMA and
 * correctly-rounded sums, IEEE Transactions on Computers 57-4, 2008). Doubles take part whose
 * exponents are so small that nothing overflows or underflows on the way; singles go by way of
 * doubles, whose product is exact. Everything else is the float unit's.
 */
import type { FloatOperation } from '../isa/table/row.ts';
import { floatStateBit, hartOffset } from '../protocol/host-memory-layout.ts';
import {
  emitAreBoxed,
  emitAnd,
  emitExponent,
  emitFloatState,
  emitIsSafe,
  emitWriteFloat,
  type Fast,
  readFloat,
  when,
} from './float-emitter.ts';
import type { FunctionBuilder } from './module-builder.ts';
import { opcode as op, memoryOpcode as mem, valueType } from './opcode.ts';
import { field, local } from './operation-frame.ts';

const { i32, i64, f32, f64 } = valueType;

/** Operations of this file. */
export type FusedOperation = Extract<
  FloatOperation,
  'multiplyAdd' | 'multiplySubtract' | 'negatedMultiplySubtract' | 'negatedMultiplyAdd'
>;

/** Biased exponents of doubles that take part: 2^−250 … 2^250. */
const LEAST_EXPONENT = 1023 - 250;
const EXPONENTS = 501;
/** Splits a double into two of 26 bits (Veltkamp): 2^27 + 1. */
const SPLITTER = 134_217_729;

/** The fast path; `done` goes on to the next instruction. */
export function emitFused(fast: Fast, operation: FusedOperation, done: () => void): void {
  const { code, isSingle } = fast;
  when(code, () => emitAreBoxed(fast, ['rs1', 'rs2']), () => {
    const address = code.addLocal(i32);
    // hart + 8 · rs3, which stands in bits 31 … 27 of the word
    code.get(local.op).memory(mem.i32Load, field.immediate).i32(24).emit(op.i32ShrU);
    code.i32(0xf8).emit(op.i32And).get(local.hart).emit(op.i32Add).set(address);
    const isThirdBoxed = () => {
      if (isSingle) code.get(address).memory(mem.i32Load, hartOffset.f + 4).i32(-1).emit(op.i32Eq);
      else code.i32(1);
    };
    when(code, isThirdBoxed, () => {
      const a = readFloat(fast, 'rs1');
      const b = readFloat(fast, 'rs2');
      const c = code.addLocal(isSingle ? f32 : f64);
      code.get(address).memory(isSingle ? mem.f32Load : mem.f64Load, hartOffset.f).set(c);
      const negate = isSingle ? op.f32Neg : op.f64Neg;
      if (operation.startsWith('negated')) code.get(a).emit(negate).set(a);
      if (operation === 'multiplySubtract' || operation === 'negatedMultiplyAdd')
        code.get(c).emit(negate).set(c);
      if (isSingle) emitSingle(fast, { a, b, c }, done);
      else emitDoubles(fast, { a, b, c }, done);
    });
  });
}

interface Terms {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** A rounded value and its error, both locals. */
interface Split {
  readonly rounded: number;
  readonly error: number;
}

/** x + y as rounded sum and exact error (Knuth). */
function emitTwoSum(code: FunctionBuilder, x: number, y: number): Split {
  const [rounded, error, t] = [code.addLocal(f64), code.addLocal(f64), code.addLocal(f64)];
  code.get(x).get(y).emit(op.f64Add).tee(rounded).get(x).emit(op.f64Sub).set(t);
  code.get(x).get(rounded).get(t).emit(op.f64Sub, op.f64Sub);
  code.get(y).get(t).emit(op.f64Sub, op.f64Add).set(error);
  return { rounded, error };
}

/** x · y as rounded product and exact error (Dekker). */
function emitTwoProduct(code: FunctionBuilder, x: number, y: number): Split {
  const halves = (value: number) => {
    const [high, low, t] = [code.addLocal(f64), code.addLocal(f64), code.addLocal(f64)];
    code.get(value).i64(bitsOf(SPLITTER)).emit(op.f64ReinterpretI64, op.f64Mul).set(t);
    code.get(t).get(t).get(value).emit(op.f64Sub, op.f64Sub).set(high);
    code.get(value).get(high).emit(op.f64Sub).set(low);
    return { high, low };
  };
  const [p, q] = [halves(x), halves(y)];
  const [rounded, error] = [code.addLocal(f64), code.addLocal(f64)];
  code.get(x).get(y).emit(op.f64Mul).set(rounded);
  code.get(p.high).get(q.high).emit(op.f64Mul).get(rounded).emit(op.f64Sub);
  code.get(p.high).get(q.low).emit(op.f64Mul, op.f64Add);
  code.get(p.low).get(q.high).emit(op.f64Mul, op.f64Add);
  code.get(p.low).get(q.low).emit(op.f64Mul, op.f64Add).set(error);
  return { rounded, error };
}

function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigInt64(0);
}

/**
 * Makes `rounded` odd unless the error is 0: an even one moves to its neighbour on the error's side,
 * away from zero when both have one sign.
 */
function emitRoundToOdd(code: FunctionBuilder, { rounded, error }: Split): void {
  const bits = code.addLocal(i64);
  code.get(rounded).emit(op.i64ReinterpretF64).set(bits);
  code.get(error);
  code.i64(0n).emit(op.f64ReinterpretI64, op.f64Eq, op.i32Eqz);
  code.get(bits).i64(1n).emit(op.i64And, op.i64Eqz, op.i32And).if();
  // signs differ: −1, else +1
  code.get(bits).get(bits).get(error).emit(op.i64ReinterpretF64, op.i64Xor);
  code.i64(63n).emit(op.i64ShrS).i64(1n).emit(op.i64Or, op.i64Add);
  code.emit(op.f64ReinterpretI64).set(rounded).emit(op.end);
}

/** Leaves whether the exponent of a double is one that takes part. */
function emitTakesPart(fast: Fast, value: number): void {
  emitExponent(fast, value);
  fast.code.i32(LEAST_EXPONENT).emit(op.i32Sub).i32(EXPONENTS).emit(op.i32LtU);
}

function emitDoubles(fast: Fast, { a, b, c }: Terms, done: () => void): void {
  const { code } = fast;
  const takePart = () => {
    emitTakesPart(fast, a);
    emitTakesPart(fast, b);
    code.emit(op.i32And);
    emitTakesPart(fast, c);
    code.emit(op.i32And);
  };
  when(code, takePart, () => {
    const product = emitTwoProduct(code, a, b);
    const low = emitTwoSum(code, c, product.error);
    const high = emitTwoSum(code, product.rounded, low.rounded);
    const rest = emitTwoSum(code, low.error, high.error);
    emitRoundToOdd(code, rest);
    const result = code.addLocal(f64);
    code.get(high.rounded).get(rest.rounded).emit(op.f64Add).set(result);
    const isCertain = () => {
      code.get(rest.rounded).i64(0n).emit(op.f64ReinterpretI64, op.f64Eq);
      emitFloatState(code, floatStateBit.inexactKnown);
      code.emit(op.i32Or);
      emitIsSafe(fast, result);
      emitAnd(code);
    };
    when(code, isCertain, () => {
      emitWriteFloat(fast, result);
      done();
    });
  });
}

/** The sum of an exact product and c, rounded to odd in 53 bits, rounds once more to 24. */
function emitSingle(fast: Fast, { a, b, c }: Terms, done: () => void): void {
  const { code } = fast;
  const [product, addend] = [code.addLocal(f64), code.addLocal(f64)];
  code.get(a).emit(op.f64PromoteF32).get(b).emit(op.f64PromoteF32, op.f64Mul).set(product);
  code.get(c).emit(op.f64PromoteF32).set(addend);
  const sum = emitTwoSum(code, product, addend);
  emitRoundToOdd(code, sum);
  const result = code.addLocal(f32);
  code.get(sum.rounded).emit(op.f32DemoteF64).set(result);
  const isCertain = () => {
    // an odd sum of 53 bits is no single: equal means that both steps were exact
    code.get(result).emit(op.f64PromoteF32).get(sum.rounded).emit(op.f64Eq);
    emitFloatState(code, floatStateBit.inexactKnown);
    code.emit(op.i32Or);
    emitIsSafe(fast, result);
    emitAnd(code);
  };
  when(code, isCertain, () => {
    emitWriteFloat(fast, result);
    done();
  });
}
