/**
 * Generates the interpreter from the instruction table: one WebAssembly function a handler, each of
 * which ends by calling the next operation's handler through the table, as a tail call. The state
 * that every operation needs travels in five parameters, which engines keep in machine registers:
 *
 *   hart    address of the hart block            budget  instructions left, this one included (≥ 1)
 *   op      address of the decoded operation     bias    pc − op / 8, constant inside a page
 *   tlb     hart + the TLB bank of the mode
 *
 * pc is not stored while instructions run; it is bias + op / 8. Guest registers stay in the hart
 * block. Tail calls rather than a br_table in a loop: every handler has its own indirect jump for the
 * processor to predict, and engines optimise handlers one by one while a run goes on. They need an
 * engine that has them (Chromium 112, Firefox 121, Safari 18.2, Node 20).
 */
import { assert } from '../base/assert.ts';
import type { Row } from '../isa/table/row.ts';
import {
  exitReason,
  HOST_MEMORY_MAXIMUM_PAGES,
  hartOffset,
  TLB_TABLE_SIZE,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';
import { addHighMultiply } from './expression-emitter.ts';
import { emitHandler } from './handler-emitter.ts';
import { makeHandlerTable } from './handler-table.ts';
import type { SlowPaths } from './interpreter-abi.ts';
import { ModuleBuilder } from './module-builder.ts';
import { opcode as op, memoryOpcode as mem, valueType } from './opcode.ts';
import {
  emitBudgetExit,
  emitPc,
  emitStoreBudgetAfter,
  emitTlbEntry,
  HANDLER_SIGNATURE,
  local,
  type SharedFunctions,
  type SlowPathIndices,
} from './operation-frame.ts';

const { i32, i64 } = valueType;

/** Pages (64 KiB) that the module demands of its memory: everything below the guest frame maps. */
const MINIMUM_PAGES = 320;

/** Parameters of each slow path; all are i32, all give one i32. */
const SLOW_PATH_PARAMETERS: Readonly<Record<keyof SlowPaths, number>> = {
  fetch: 1, load: 2, store: 2, atomic: 2, loadReserved: 2, storeConditional: 2,
  system: 2, misalignedTarget: 1, illegal: 1, float: 1, straddle: 1, decode: 3,
};

/** A module that imports a host's memory and the slow paths, ready for functions. */
export function startHostModule(): { module: ModuleBuilder; slow: SlowPathIndices } {
  const module = new ModuleBuilder();
  module.importSharedMemory('host', 'memory', {
    minimum: MINIMUM_PAGES,
    maximum: HOST_MEMORY_MAXIMUM_PAGES,
  });
  const slow: Partial<Record<keyof SlowPaths, number>> = {};
  for (const name of Object.keys(SLOW_PATH_PARAMETERS) as (keyof SlowPaths)[]) {
    const parameters = new Array<typeof i32>(SLOW_PATH_PARAMETERS[name]).fill(i32);
    slow[name] = module.importFunction('slow', name, { parameters, results: [i32] });
  }
  return { module, slow: slow as SlowPathIndices };
}

/** Adds the interpreter for `rows` to `module` and exports it as `run`. */
export function addInterpreter(
  module: ModuleBuilder,
  slow: SlowPathIndices,
  rows: readonly Row[],
): void {
  const { handlers } = makeHandlerTable(rows);
  assert(handlers.length < 0x10000, 'handler numbers fit in an operation');
  const handlerType = module.typeIndex(HANDLER_SIGNATURE);
  const highMultiply = addHighMultiply(module);
  const goTo = module.addFunction({ parameters: [i32, i32, i64, i32], results: [i32] });
  const resume = module.addFunction({ parameters: [i32], results: [i32] });
  const spill = module.addFunction({ parameters: [i32, i32, i32, i64], results: [] });
  const budgetExit = module.addFunction({ parameters: [i32, i64], results: [i32] });
  const shared: SharedFunctions = {
    handlerType,
    highMultiply,
    goTo: goTo.index,
    resume: resume.index,
    spill: spill.index,
    budgetExit: budgetExit.index,
    slow,
    length: 4,
    alignment: 4,
  };
  const slots: number[] = [];
  for (const handler of handlers) {
    const code = module.addFunction(HANDLER_SIGNATURE);
    emitHandler(code, handler, shared);
    slots.push(code.index);
  }
  module.setTable(slots);

  // spill(hart, op, budget, bias): the record as slow paths want it
  spill.get(local.hart);
  emitPc(spill);
  spill.memory(mem.i64Store, hartOffset.pc);
  emitStoreBudgetAfter(spill, local.hart, local.budget);

  emitBudgetExit(budgetExit);
  emitGoTo(goTo, shared);
  emitResume(resume, shared);
  module.exportFunction('run', addRun(module, shared));
}

/** The bytes of a module with the interpreter for `rows` alone. */
export function generateInterpreter(rows: readonly Row[]): Uint8Array<ArrayBuffer> {
  const { module, slow } = startHostModule();
  addInterpreter(module, slow, rows);
  return module.finish();
}

type Builder = ReturnType<ModuleBuilder['addFunction']>;

/**
 * goTo(hart, budget, pc, tlb): goes on at a virtual address, through the fetch TLB; leaves when the
 * budget is 0.
 */
function emitGoTo(code: Builder, shared: SharedFunctions): void {
  const [hart, budget, pc, tlb] = [0, 1, 2, 3];
  const entry = code.addLocal(i32);
  const page = code.addLocal(i32);
  const operation = code.addLocal(i32);
  const pageMask = ~0xfffn;
  code.get(budget).emit(op.i32Eqz).if();
  code.get(hart).get(pc).returnCall(shared.budgetExit).emit(op.end);

  emitTlbEntry(code, tlb, pc);
  code.tee(entry).memory(mem.i64Load, tlbOffset.fetch);
  code.get(pc).i64(pageMask).emit(op.i64And, op.i64Eq).if();
  code.get(entry).memory(mem.i32Load, tlbOffset.fetch + 8).set(page);
  code.emit(op.else);
  code.get(hart).get(pc).memory(mem.i64Store, hartOffset.pc);
  code.get(hart).get(pc).memory(mem.i64Store, hartOffset.address);
  emitStoreBudgetAfter(code, hart, budget);
  code.get(hart).call(shared.slow.fetch).tee(page).emit(op.i32Eqz).if();
  code.get(hart).returnCall(shared.resume).emit(op.end);
  code.emit(op.end);

  // operation = page + (offset in the page) · 8; bias = page's virtual address − page / 8
  code.get(hart);
  code.get(page).get(pc).emit(op.i32WrapI64).i32(0xffe).emit(op.i32And);
  code.i32(3).emit(op.i32Shl, op.i32Add);
  code.tee(operation).get(budget);
  code.get(pc).i64(pageMask).emit(op.i64And);
  code.get(page).i32(3).emit(op.i32ShrU, op.i64ExtendI32U, op.i64Sub);
  code.get(tlb);
  code.get(operation).memory(mem.i32Load16U).returnCallIndirect(shared.handlerType);
}

/**
 * resume(hart): after a slow path gave 0, and at entry: leaves, or goes on at record.pc in the
 * record's mode.
 */
function emitResume(code: Builder, shared: SharedFunctions): void {
  const hart = 0;
  const reason = code.addLocal(i32);
  code.get(hart).memory(mem.i32Load, hartOffset.exitReason).tee(reason);
  code.if().get(reason).emit(op.return, op.end);
  code.get(hart);
  code.get(hart).memory(mem.i32Load, hartOffset.budget);
  code.get(hart).memory(mem.i64Load, hartOffset.pc);
  // bank 0 is U, bank 1 all else
  code.get(hart).i32(TLB_TABLE_SIZE).i32(0).get(hart).memory(mem.i32Load, hartOffset.privilege);
  code.emit(op.select, op.i32Add);
  code.get(hart).memory(mem.i32Load, hartOffset.tlbBase).emit(op.i32Add);
  code.returnCall(shared.goTo);
}

/** run(hart, budget): the entry, see interpreter-abi.ts. */
function addRun(module: ModuleBuilder, shared: SharedFunctions): number {
  const code = module.addFunction({ parameters: [i32, i32], results: [i32] });
  const [hart, budget] = [0, 1];
  code.get(hart).get(budget).memory(mem.i32Store, hartOffset.budget);
  code.get(hart).i32(exitReason.none).memory(mem.i32Store, hartOffset.exitReason);
  code.get(hart).returnCall(shared.resume);
  return code.index;
}

