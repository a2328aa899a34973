/**
 * Generated functions over ranges of a host's memory: XXH64 with seed 0 (Yann Collet, xxHash
 * specification 0.1.1, "XXH64 algorithm description") for hash points, and a test for zero pages.
 */
import type { FunctionBuilder, ModuleBuilder } from './module-builder.ts';
import { opcode as op, memoryOpcode as mem, valueType } from './opcode.ts';

const { i32, i64 } = valueType;

const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;

/** Rotations of the four lanes when they are folded. */
const FOLD_ROTATION = [1n, 7n, 12n, 18n] as const;
const STRIPE = 32;

/** Parameters and locals of the hash function. */
interface HashLocals {
  readonly address: number;
  readonly rest: number; // bytes not yet mixed in
  readonly lanes: readonly number[];
  readonly hash: number;
}

/**
 * Adds and exports `hashRange(address, byteCount) → low 32 bits` and `hashHigh() → high 32 bits` of
 * the last hash. Two i32 rather than one i64, so that no bigint is made at hash points.
 */
export function addHashRange(module: ModuleBuilder): void {
  const highGlobal = module.addGlobal();
  const code = module.addFunction({ parameters: [i32, i32], results: [i32] });
  const lanes = [code.addLocal(i64), code.addLocal(i64), code.addLocal(i64), code.addLocal(i64)];
  const count = code.addLocal(i32);
  const locals: HashLocals = { address: 0, rest: 1, lanes, hash: code.addLocal(i64) };
  code.get(locals.rest).set(count);
  code.get(locals.rest).i32(STRIPE).emit(op.i32GeU).if();
  emitStripes(code, locals);
  emitFold(code, locals);
  code.emit(op.else).i64(PRIME_5).set(locals.hash).emit(op.end);
  code.get(locals.hash).get(count).emit(op.i64ExtendI32U, op.i64Add).set(locals.hash);
  emitTail(code, locals);
  emitAvalanche(code, locals.hash);
  code.get(locals.hash).i64(32n).emit(op.i64ShrU, op.i32WrapI64).globalSet(highGlobal);
  code.get(locals.hash).emit(op.i32WrapI64);
  module.exportFunction('hashRange', code.index);
  const high = module.addFunction({ parameters: [], results: [i32] });
  high.globalGet(highGlobal);
  module.exportFunction('hashHigh', high.index);
}

/** Whole stripes of four 8-byte words: lane = rotl(lane + word · P2, 31) · P1. */
function emitStripes(code: FunctionBuilder, { address, rest, lanes }: HashLocals): void {
  const initial = [PRIME_1 + PRIME_2, PRIME_2, 0n, -PRIME_1];
  lanes.forEach((lane, index) => {
    code.i64(initial[index]!).set(lane);
  });
  code.loop();
  lanes.forEach((lane, index) => {
    code.get(lane).get(address).memory(mem.i64Load, 8 * index);
    code.i64(PRIME_2).emit(op.i64Mul, op.i64Add).i64(31n).emit(op.i64Rotl);
    code.i64(PRIME_1).emit(op.i64Mul).set(lane);
  });
  advance(code, address, STRIPE);
  advance(code, rest, -STRIPE);
  code.get(rest).i32(STRIPE).emit(op.i32GeU).branchIf(0).emit(op.end);
}

function emitFold(code: FunctionBuilder, { lanes, hash }: HashLocals): void {
  lanes.forEach((lane, index) => {
    code.get(lane).i64(FOLD_ROTATION[index]!).emit(op.i64Rotl);
    if (index > 0) code.emit(op.i64Add);
  });
  code.set(hash);
  for (const lane of lanes) {
    code.get(hash).get(lane);
    emitRound(code);
    code.emit(op.i64Xor).i64(PRIME_1).emit(op.i64Mul).i64(PRIME_4).emit(op.i64Add).set(hash);
  }
}

/** word → rotl(word · P2, 31) · P1. */
function emitRound(code: FunctionBuilder): void {
  code.i64(PRIME_2).emit(op.i64Mul).i64(31n).emit(op.i64Rotl).i64(PRIME_1).emit(op.i64Mul);
}

/** What is left after the stripes: 8 bytes at a time, then 4, then 1. */
function emitTail(code: FunctionBuilder, { address, rest, hash }: HashLocals): void {
  code.block().loop().get(rest).i32(8).emit(op.i32LtU).branchIf(1);
  code.get(hash).get(address).memory(mem.i64Load);
  emitRound(code);
  code.emit(op.i64Xor).i64(27n).emit(op.i64Rotl).i64(PRIME_1).emit(op.i64Mul).i64(PRIME_4);
  code.emit(op.i64Add).set(hash);
  advance(code, address, 8);
  advance(code, rest, -8);
  code.branch(0).emit(op.end, op.end);

  code.get(rest).i32(4).emit(op.i32GeU).if();
  code.get(hash).get(address).memory(mem.i64Load32U).i64(PRIME_1).emit(op.i64Mul, op.i64Xor);
  code.i64(23n).emit(op.i64Rotl).i64(PRIME_2).emit(op.i64Mul).i64(PRIME_3);
  code.emit(op.i64Add).set(hash);
  advance(code, address, 4);
  advance(code, rest, -4);
  code.emit(op.end);

  code.block().loop().get(rest).emit(op.i32Eqz).branchIf(1);
  code.get(hash).get(address).memory(mem.i64Load8U).i64(PRIME_5).emit(op.i64Mul, op.i64Xor);
  code.i64(11n).emit(op.i64Rotl).i64(PRIME_1).emit(op.i64Mul).set(hash);
  advance(code, address, 1);
  advance(code, rest, -1);
  code.branch(0).emit(op.end, op.end);
}

function emitAvalanche(code: FunctionBuilder, hash: number): void {
  const xorShift = (shift: bigint) =>
    code.get(hash).get(hash).i64(shift).emit(op.i64ShrU, op.i64Xor);
  xorShift(33n).i64(PRIME_2).emit(op.i64Mul).set(hash);
  xorShift(29n).i64(PRIME_3).emit(op.i64Mul).set(hash);
  xorShift(32n).set(hash);
}

function advance(code: FunctionBuilder, counter: number, by: number): void {
  code.get(counter).i32(by).emit(op.i32Add).set(counter);
}

/**
 * Adds and exports `isZero(address, byteCount) → 0 or 1`: whether every byte is 0. Leaves at the
 * first that is not.
 */
export function addIsZero(module: ModuleBuilder): void {
  const code = module.addFunction({ parameters: [i32, i32], results: [i32] });
  const [address, rest] = [0, 1];
  const chunk = 64;
  code.block().loop().get(rest).i32(chunk).emit(op.i32LtU).branchIf(1);
  for (let offset = 0; offset < chunk; offset += 8) {
    code.get(address).memory(mem.i64Load, offset);
    if (offset > 0) code.emit(op.i64Or);
  }
  code.i64(0n).emit(op.i64Ne).if().i32(0).emit(op.return, op.end);
  advance(code, address, chunk);
  advance(code, rest, -chunk);
  code.branch(0).emit(op.end, op.end);
  code.block().loop().get(rest).emit(op.i32Eqz).branchIf(1);
  code.get(address).memory(mem.i32Load8U).if().i32(0).emit(op.return, op.end);
  advance(code, address, 1);
  advance(code, rest, -1);
  code.branch(0).emit(op.end, op.end);
  code.i32(1);
  module.exportFunction('isZero', code.index);
}
