/**
 * Emits the body of one handler: what a row's effect does, with the fast path of memory accesses (a
 * direct-mapped TLB hit) inline. Every body ends in a tail call; none falls through.
 */
import { assert, unreachable } from '../base/assert.ts';
import type { Effect, Row } from '../isa/table/row.ts';
import {
  DECODED_ADDRESS,
  DECODED_STRIDE,
  floatStateBit,
  hartOffset,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';
import { emitCondition, emitExpression, type ExpressionContext } from './expression-emitter.ts';
import { emitFloat, emitFloatSlow, emitFloatState } from './float-emitter.ts';
import type { Handler } from './handler-table.ts';
import { SYSTEM_HANDLERS } from './interpreter-abi.ts';
import type { FunctionBuilder } from './module-builder.ts';
import { type MemoryOpcode, opcode as op, memoryOpcode as mem, valueType } from './opcode.ts';
import {
  emitDispatch,
  emitGoTo,
  emitInstructionWord,
  emitNext,
  emitPc,
  emitReadRegister,
  emitRegister,
  emitResumeIfZero,
  emitSpill,
  emitTlbEntry,
  field,
  local,
  type SharedFunctions,
} from './operation-frame.ts';

const { i32, i64 } = valueType;

type EffectOf<Kind extends Effect['kind']> = Extract<Effect, { readonly kind: Kind }>;

const LOAD_SIGNED: Readonly<Record<number, MemoryOpcode>> = {
  1: mem.i64Load8S, 2: mem.i64Load16S, 4: mem.i64Load32S, 8: mem.i64Load,
};
const LOAD_UNSIGNED: Readonly<Record<number, MemoryOpcode>> = {
  1: mem.i64Load8U, 2: mem.i64Load16U, 4: mem.i64Load32U, 8: mem.i64Load,
};
const STORE: Readonly<Record<number, MemoryOpcode>> = {
  1: mem.i64Store8, 2: mem.i64Store16, 4: mem.i64Store32, 8: mem.i64Store,
};

/** Emits the whole body of `handler` into `code`. */
export function emitHandler(
  code: FunctionBuilder,
  handler: Handler,
  shared: SharedFunctions,
): void {
  switch (handler.variant) {
    case 'undecoded':
      emitUndecoded(code, shared);
      return;
    case 'nextPage': {
      const target = code.addLocal(i64);
      emitPc(code);
      code.set(target).get(local.hart).get(local.budget).get(target).get(local.tlb);
      code.returnCall(shared.goTo);
      return;
    }
    case 'illegal':
      emitSpill(code, shared);
      emitInstructionWord(code);
      code.get(local.hart).call(shared.slow.illegal).emit(op.drop);
      code.get(local.hart).returnCall(shared.resume);
      return;
    case 'general':
    case 'inPage': {
      const { length, alignment, row, variant } = handler;
      const own = { ...shared, length, alignment };
      if (variant === 'general') emitGeneral(code, row, own);
      else emitInPage(code, row, own);
      return;
    }
    case 'straddle':
      emitStraddle(code, shared);
      return;
    case 'slowFloat':
      emitFloatSlow(code, shared);
      return;
    default:
      unreachable(handler, 'a handler variant');
  }
}

function emitGeneral(code: FunctionBuilder, row: Row, shared: SharedFunctions): void {
  const { effect } = row;
  switch (effect.kind) {
    case 'write':
      emitRegister(code, 'rd');
      emitExpression(contextOf(code, shared), effect.value);
      code.memory(mem.i64Store);
      emitNext(code, shared);
      return;
    case 'branch':
      emitCondition(contextOf(code, shared), effect.condition);
      code.if();
      emitPc(code);
      code.get(local.op).memory(mem.i64Load, field.immediate).emit(op.i64Add);
      emitJumpToStack(code, shared, false);
      code.emit(op.end);
      emitNext(code, shared);
      return;
    case 'jump':
      emitExpression(contextOf(code, shared), effect.target);
      emitJumpToStack(code, shared, true);
      return;
    case 'load':
      emitLoad(code, effect, shared);
      return;
    case 'store':
      emitStore(code, effect, shared);
      return;
    case 'atomic':
      emitAtomic(code, effect, shared);
      return;
    case 'loadReserved':
      emitLoadReserved(code, effect.byteCount, shared);
      return;
    case 'storeConditional':
      emitStoreConditional(code, effect.byteCount, shared);
      return;
    case 'loadFloat':
      emitLoadFloat(code, effect, shared);
      return;
    case 'storeFloat':
      emitStoreFloat(code, effect, shared);
      return;
    case 'float':
      emitFloat(code, row, shared);
      return;
    case 'nothing':
      emitNext(code, shared);
      return;
    case 'system':
      emitSpill(code, shared);
      emitInstructionWord(code);
      code.get(local.hart).i32(SYSTEM_HANDLERS.indexOf(effect.handler)).call(shared.slow.system);
      code.emit(op.drop).get(local.hart).returnCall(shared.resume);
      return;
    default:
      unreachable(effect, 'an effect');
  }
}

/**
 * A branch or jump inside the page: the immediate counts bytes of operations, alignment was checked
 * at decoding.
 */
function emitInPage(code: FunctionBuilder, row: Row, shared: SharedFunctions): void {
  const move = () =>
    code
      .get(local.op)
      .get(local.op)
      .memory(mem.i32Load, field.immediate)
      .emit(op.i32Add)
      .set(local.op);
  if (row.effect.kind === 'branch') {
    emitCondition(contextOf(code, shared), row.effect.condition);
    code.if();
    move();
    emitNext(code, shared, 0);
    code.emit(op.end);
    emitNext(code, shared);
  } else {
    emitRegister(code, 'rd');
    emitPc(code, shared.length);
    code.memory(mem.i64Store);
    move();
    emitNext(code, shared, 0);
  }
}

/**
 * Leaves of a handler's expressions; `values` names i64 locals that already hold the operands of an
 * AMO.
 */
function contextOf(
  code: FunctionBuilder,
  shared: SharedFunctions,
  values?: { readonly memory: number; readonly rs2: number },
): ExpressionContext {
  const leaf: ExpressionContext['leaf'] = (kind) => {
    if (values !== undefined && (kind === 'memory' || kind === 'rs2')) code.get(values[kind]);
    else if (kind === 'rs1' || kind === 'rs2') emitReadRegister(code, kind);
    else if (kind === 'immediate') code.get(local.op).memory(mem.i64Load, field.immediate);
    else if (kind === 'pc') emitPc(code);
    else if (kind === 'next') emitPc(code, shared.length);
    else assert(false, 'only an AMO has a memory operand');
  };
  return { code, highMultiply: shared.highMultiply, leaf };
}

/** Handler 0: has the operation filled, then runs it. */
function emitUndecoded(code: FunctionBuilder, shared: SharedFunctions): void {
  emitSpill(code, shared);
  // page = DECODED_ADDRESS + (op − DECODED_ADDRESS) rounded down to whole decoded pages
  const distance = () => code.get(local.op).i32(DECODED_ADDRESS).emit(op.i32Sub);
  code.get(local.hart).get(local.op);
  distance().i32(DECODED_STRIDE).emit(op.i32RemU, op.i32Sub);
  code.get(local.op).call(shared.slow.decode);
  emitResumeIfZero(code, shared);
  emitDispatch(code, shared);
}

/**
 * An instruction of which the last half lies in the next page, wherever that is today: the slow path
 * decodes both halves into the hart's own operation, which then runs as if it lay here.
 */
function emitStraddle(code: FunctionBuilder, shared: SharedFunctions): void {
  const pc = code.addLocal(i64);
  emitPc(code);
  code.set(pc);
  emitSpill(code, shared);
  code.get(local.hart).call(shared.slow.straddle);
  emitResumeIfZero(code, shared);
  code.get(local.hart).i32(hartOffset.straddle).emit(op.i32Add).set(local.op);
  code.get(pc).get(local.op).i32(3).emit(op.i32ShrU, op.i64ExtendI32U, op.i64Sub).set(local.bias);
  emitDispatch(code, shared);
}

/** Takes a target from the stack and goes there, or to the slow path when it is misaligned. */
function emitJumpToStack(code: FunctionBuilder, shared: SharedFunctions, links: boolean): void {
  const target = code.addLocal(i64);
  code.set(target);
  if (shared.alignment === 4) {
    code.get(target).emit(op.i32WrapI64).i32(3).emit(op.i32And).if();
    emitSpill(code, shared);
    code.get(local.hart).get(target).memory(mem.i64Store, hartOffset.address);
    code.get(local.hart).call(shared.slow.misalignedTarget).emit(op.drop);
    code.get(local.hart).returnCall(shared.resume).emit(op.end);
  }
  if (links) {
    emitRegister(code, 'rd');
    emitPc(code, shared.length);
    code.memory(mem.i64Store);
  }
  emitGoTo(code, shared, target);
}

interface Access {
  readonly table: 'read' | 'write';
  readonly byteCount: number;
  readonly address: number; // i64 local: virtual address
  readonly pointer: number; // i32 local: address in the memory, set here
}

/**
 * Looks `address` up: on a hit sets `pointer`; on a miss spills, stores record.address and emits
 * `miss`, which must set `pointer` or leave. A misaligned address never hits, as its low bits stay
 * in the compared tag.
 */
function emitTranslate(
  code: FunctionBuilder,
  shared: SharedFunctions,
  access: Access,
  miss: () => void,
): void {
  const entry = code.addLocal(i32);
  const table = tlbOffset[access.table];
  emitTlbEntry(code, local.tlb, access.address);
  code.tee(entry).memory(mem.i64Load, table);
  const tagMask = ~0xfffn | BigInt(access.byteCount - 1);
  code.get(access.address).i64(tagMask).emit(op.i64And, op.i64Eq).if();
  code.get(entry).memory(mem.i32Load, table + 8);
  code.get(access.address).emit(op.i32WrapI64).i32(0xfff).emit(op.i32And, op.i32Add);
  code.set(access.pointer);
  code.emit(op.else);
  emitSpill(code, shared);
  code.get(local.hart).get(access.address).memory(mem.i64Store, hartOffset.address);
  miss();
  code.emit(op.end);
}

/** Declares an access at rs1 + immediate, or at rs1 alone. */
function emitAccess(
  code: FunctionBuilder,
  options: {
    table: 'read' | 'write';
    byteCount: number;
    hasImmediate: boolean;
    isFloat?: boolean; // the immediate has 32 bits, the word stands behind it
  },
): Access {
  const address = code.addLocal(i64);
  emitReadRegister(code, 'rs1');
  if (options.hasImmediate) {
    const load = options.isFloat ? mem.i64Load32S : mem.i64Load;
    code.get(local.op).memory(load, field.immediate).emit(op.i64Add);
  }
  code.set(address);
  const { table, byteCount } = options;
  return { table, byteCount, address, pointer: code.addLocal(i32) };
}

/*
 * A slow path that writes may zero the operation being executed (code that changes itself), so what
 * handlers need of the operation after a call out, the address of rd above all, is read before it
 * and waits on the operand stack.
 */

function emitLoad(code: FunctionBuilder, effect: EffectOf<'load'>, shared: SharedFunctions): void {
  const { byteCount } = effect;
  emitRegister(code, 'rd');
  const access = emitAccess(code, { table: 'read', byteCount, hasImmediate: true });
  emitTranslate(code, shared, access, () => {
    code.get(local.hart).i32(byteCount).call(shared.slow.load);
    emitResumeIfZero(code, shared);
    code.get(local.hart).i32(hartOffset.scratch).emit(op.i32Add).set(access.pointer);
  });
  code.get(access.pointer).memory((effect.signed ? LOAD_SIGNED : LOAD_UNSIGNED)[byteCount]!);
  code.memory(mem.i64Store);
  emitNext(code, shared);
}

/** The miss path ends the instruction itself: the slow path has written. */
function emitStore(
  code: FunctionBuilder,
  effect: EffectOf<'store'>,
  shared: SharedFunctions,
): void {
  const { byteCount } = effect;
  const access = emitAccess(code, { table: 'write', byteCount, hasImmediate: true });
  emitStoreAt(code, access, shared);
}

/** The register rs2, of either file, goes to `access`. */
function emitStoreAt(code: FunctionBuilder, access: Access, shared: SharedFunctions): void {
  const { byteCount } = access;
  emitTranslate(code, shared, access, () => {
    code.get(local.hart);
    emitReadRegister(code, 'rs2');
    code.memory(mem.i64Store, hartOffset.scratch);
    code.get(local.hart).i32(byteCount).call(shared.slow.store);
    emitResumeIfZero(code, shared);
    emitNext(code, shared);
  });
  code.get(access.pointer);
  emitReadRegister(code, 'rs2');
  code.memory(STORE[byteCount]!);
  emitNext(code, shared);
}

/** Unless the float unit may be used without a look at sstatus.FS, it executes the access itself. */
function emitNeedFloat(code: FunctionBuilder, shared: SharedFunctions): void {
  emitFloatState(code, floatStateBit.usable);
  code.emit(op.i32Eqz).if();
  emitFloatSlow(code, shared, field.word);
  code.emit(op.end);
}

function emitLoadFloat(
  code: FunctionBuilder,
  { byteCount }: EffectOf<'loadFloat'>,
  shared: SharedFunctions,
): void {
  emitNeedFloat(code, shared);
  emitRegister(code, 'rd');
  const access = emitAccess(code, { table: 'read', byteCount, hasImmediate: true, isFloat: true });
  emitTranslate(code, shared, access, () => {
    code.get(local.hart).i32(byteCount).call(shared.slow.load);
    emitResumeIfZero(code, shared);
    code.get(local.hart).i32(hartOffset.scratch).emit(op.i32Add).set(access.pointer);
  });
  code.get(access.pointer).memory(LOAD_UNSIGNED[byteCount]!);
  if (byteCount === 4) code.i64(-1n << 32n).emit(op.i64Or); // a single is boxed in ones
  code.memory(mem.i64Store);
  emitNext(code, shared);
}

function emitStoreFloat(
  code: FunctionBuilder,
  { byteCount }: EffectOf<'storeFloat'>,
  shared: SharedFunctions,
): void {
  emitNeedFloat(code, shared);
  const access = emitAccess(code, { table: 'write', byteCount, hasImmediate: true, isFloat: true });
  emitStoreAt(code, access, shared);
}

/**
 * Harts of a host run one after another in one thread, so read, combine and write need no atomic
 * instruction.
 */
function emitAtomic(
  code: FunctionBuilder,
  effect: EffectOf<'atomic'>,
  shared: SharedFunctions,
): void {
  const { byteCount } = effect;
  const values = { memory: code.addLocal(i64), rs2: code.addLocal(i64) };
  emitReadRegister(code, 'rs2');
  code.set(values.rs2);
  emitRegister(code, 'rd');
  const access = emitAccess(code, { table: 'write', byteCount, hasImmediate: false });
  emitTranslate(code, shared, access, () => {
    code.get(local.hart).i32(byteCount).call(shared.slow.atomic).tee(access.pointer);
    emitResumeIfZero(code, shared);
  });
  code.get(access.pointer).memory(LOAD_SIGNED[byteCount]!).set(values.memory);
  code.get(access.pointer);
  emitExpression(contextOf(code, shared, values), effect.combine);
  code.memory(STORE[byteCount]!);
  code.get(values.memory).memory(mem.i64Store);
  emitNext(code, shared);
}

function emitLoadReserved(code: FunctionBuilder, byteCount: number, shared: SharedFunctions): void {
  emitRegister(code, 'rd');
  emitSpill(code, shared);
  code.get(local.hart);
  emitReadRegister(code, 'rs1');
  code.memory(mem.i64Store, hartOffset.address);
  code.get(local.hart).i32(byteCount).call(shared.slow.loadReserved);
  emitResumeIfZero(code, shared);
  code.get(local.hart).memory(LOAD_SIGNED[byteCount]!, hartOffset.scratch).memory(mem.i64Store);
  emitNext(code, shared);
}

function emitStoreConditional(
  code: FunctionBuilder,
  byteCount: number,
  shared: SharedFunctions,
): void {
  emitRegister(code, 'rd');
  emitSpill(code, shared);
  code.get(local.hart);
  emitReadRegister(code, 'rs1');
  code.memory(mem.i64Store, hartOffset.address);
  code.get(local.hart);
  emitReadRegister(code, 'rs2');
  code.memory(mem.i64Store, hartOffset.scratch);
  code.get(local.hart).i32(byteCount).call(shared.slow.storeConditional);
  emitResumeIfZero(code, shared);
  code.get(local.hart).memory(mem.i64Load, hartOffset.scratch).memory(mem.i64Store);
  emitNext(code, shared);
}
