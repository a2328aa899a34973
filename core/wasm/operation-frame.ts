/**
 * The pieces of code that every generated handler shares: its parameters, reading and writing guest
 * registers, the TLB lookup, leaving for a slow path, and going on to the next operation.
 */
import { exitReason, hartOffset, TLB_ENTRY_COUNT } from '../protocol/host-memory-layout.ts';
import type { SlowPaths } from './interpreter-abi.ts';
import type { FunctionBuilder, Signature } from './module-builder.ts';
import { opcode as op, memoryOpcode as mem, valueType } from './opcode.ts';

const { i32, i64 } = valueType;

/** Indices of a handler's parameters; `spill` takes the first four. */
export const local = { hart: 0, op: 1, budget: 2, bias: 3, tlb: 4 } as const;

/** Type of every handler; the result is the exit reason. */
export const HANDLER_SIGNATURE: Signature = {
  parameters: [i32, i32, i32, i64, i32],
  results: [i32],
};

/** Byte offsets of an operation's fields; `word` in float loads and stores, whose immediate is 4 bytes. */
export const field = { handler: 0, rd: 2, rs1: 4, rs2: 6, immediate: 8, word: 12 } as const;

export type SlowPathIndices = Readonly<Record<keyof SlowPaths, number>>;

/** What handlers call. All are function indices but `handlerType`. */
export interface SharedFunctions {
  readonly handlerType: number;
  readonly highMultiply: number; // (i64, i64) → i64
  readonly goTo: number; //         (hart, budget, pc: i64, tlb) → exit reason
  readonly resume: number; //       (hart) → exit reason
  readonly spill: number; //        (hart, op, budget, bias: i64)
  readonly budgetExit: number; //   (hart, pc: i64) → exit reason
  readonly slow: SlowPathIndices;
  /** Bytes of the instruction whose handler is emitted, and what its target is a multiple of. */
  readonly length: 2 | 4;
  readonly alignment: 2 | 4;
}

/** Leaves the address of the register that the operation's `register` field names. */
export function emitRegister(code: FunctionBuilder, register: 'rd' | 'rs1' | 'rs2'): void {
  code.get(local.hart).get(local.op).memory(mem.i32Load16U, field[register]).emit(op.i32Add);
}

/** record.instructionWord = the word that the decoder has put into the operation. */
export function emitInstructionWord(
  code: FunctionBuilder,
  wordOffset: number = field.immediate,
): void {
  code.get(local.hart).get(local.op).memory(mem.i32Load, wordOffset);
  code.memory(mem.i32Store, hartOffset.instructionWord);
}

/** Leaves the i64 value of the register that the operation's `register` field names. */
export function emitReadRegister(code: FunctionBuilder, register: 'rs1' | 'rs2'): void {
  emitRegister(code, register);
  code.memory(mem.i64Load);
}

/** Leaves pc + `distance`. */
export function emitPc(code: FunctionBuilder, distance = 0): void {
  code.get(local.bias).get(local.op).i32(3).emit(op.i32ShrU, op.i64ExtendI32U, op.i64Add);
  if (distance !== 0) code.i64(BigInt(distance)).emit(op.i64Add);
}

/**
 * Leaves the address of the TLB entry for the virtual address in i64 local `address`, to be offset
 * by the table's.
 */
export function emitTlbEntry(code: FunctionBuilder, tlb: number, address: number): void {
  code.get(tlb).get(address).emit(op.i32WrapI64);
  code.i32(8).emit(op.i32ShrU).i32((TLB_ENTRY_COUNT - 1) << 4).emit(op.i32And, op.i32Add);
}

/** record.budget = budget − 1. */
export function emitStoreBudgetAfter(code: FunctionBuilder, hart: number, budget: number): void {
  code.get(hart).get(budget).i32(1).emit(op.i32Sub).memory(mem.i32Store, hartOffset.budget);
}

/** Puts pc and the budget after this instruction into the record, as before every call out. */
export function emitSpill(code: FunctionBuilder, shared: SharedFunctions): void {
  code.get(local.hart).get(local.op).get(local.budget).get(local.bias).call(shared.spill);
}

/** Takes the i32 on the stack: when it is 0, goes on wherever the slow path has put the hart. */
export function emitResumeIfZero(code: FunctionBuilder, shared: SharedFunctions): void {
  code.emit(op.i32Eqz).if();
  code.get(local.hart).returnCall(shared.resume).emit(op.end);
}

/** Calls the handler of the operation at local `op`; takes nothing from the budget. */
export function emitDispatch(code: FunctionBuilder, shared: SharedFunctions): void {
  code.get(local.hart).get(local.op).get(local.budget).get(local.bias).get(local.tlb);
  code.get(local.op).memory(mem.i32Load16U, field.handler).returnCallIndirect(shared.handlerType);
}

/**
 * Ends an instruction: takes one from the budget, then runs the operation `step` bytes on (8 for a
 * byte of code; the next instruction's, when not said), or leaves.
 */
export function emitNext(
  code: FunctionBuilder,
  shared: SharedFunctions,
  step = 8 * shared.length,
): void {
  if (step !== 0) code.get(local.op).i32(step).emit(op.i32Add).set(local.op);
  code.get(local.budget).i32(1).emit(op.i32Sub).tee(local.budget).emit(op.i32Eqz).if();
  code.get(local.hart);
  emitPc(code);
  code.returnCall(shared.budgetExit).emit(op.end);
  emitDispatch(code, shared);
}

/**
 * Ends an instruction whose successor is the i64 local `target`: takes one from the budget and goes
 * there.
 */
export function emitGoTo(code: FunctionBuilder, shared: SharedFunctions, target: number): void {
  code.get(local.hart).get(local.budget).i32(1).emit(op.i32Sub).get(target).get(local.tlb);
  code.returnCall(shared.goTo);
}

/** The body of budgetExit(hart, pc): the budget is used up before the instruction at pc. */
export function emitBudgetExit(code: FunctionBuilder): void {
  const [hart, pc] = [0, 1];
  code.get(hart).get(pc).memory(mem.i64Store, hartOffset.pc);
  code.get(hart).i32(0).memory(mem.i32Store, hartOffset.budget);
  code.get(hart).i32(exitReason.budget).memory(mem.i32Store, hartOffset.exitReason);
  code.i32(exitReason.budget);
}
