/**
 * The smallest machine around the generated interpreter: one or more harts, RAM seen through the
 * identity (guest virtual = physical, from FLAT_RAM_BASE up), no privilege, no CSRs, no interrupts,
 * float unit Off.
 * For the interpreter's own tests and benchmark. What would trap leaves with `exitReason.illegal`
 * and is described by `fault`.
 */
import { assert } from '../base/assert.ts';
import { INSTRUCTIONS } from '../isa/table/index.ts';
import {
  DECODED_ADDRESS,
  DECODED_STRIDE,
  exitReason,
  HART_ADDRESS,
  HOST_MEMORY_MAXIMUM_PAGES,
  hartOffset,
  hostMemoryLayout,
  TLB_ENTRY_COUNT,
  TLB_ENTRY_SIZE,
  TLB_TABLE_SIZE,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';
import { clearDecodedPage, decodeOperation } from '../wasm/decode-operation.ts';
import { type HostModule, instantiateHostModule } from '../wasm/instantiate.ts';
import { SYSTEM_HANDLERS, type SlowPaths } from '../wasm/interpreter-abi.ts';

/** Guest address of the first byte of RAM. */
export const FLAT_RAM_BASE = 0x8000_0000;

/** Why the machine left with `exitReason.illegal`: the cause as scause counts them, and stval. */
export interface FlatFault {
  readonly cause: number;
  readonly value: bigint;
}

export interface FlatMachineOptions {
  readonly frameCount: number; // 1 … 512
  /** Whether slow paths fill the read and write TLBs; if not, every access takes the slow path. */
  readonly fillsTlb: boolean;
  /** Compiled code to use instead of the host module for the instruction table. */
  readonly module?: WebAssembly.Module;
}

/** One host's memory, its compiled code, and access to the first hart and to RAM. */
export interface FlatMachine {
  readonly compiled: HostModule;
  readonly hart: number;
  readonly ramAddress: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly slowPaths: SlowPaths;
  /** The fault behind the last `exitReason.illegal`. */
  fault: FlatFault | undefined;
  /** Calls out of compiled code so far, by name. */
  readonly calls: Record<keyof SlowPaths, number>;
  run(budget: number): number;
  loadWords(guestAddress: number, words: readonly number[]): void;
}

/** The registers of the hart: x0 … x31, then pc. */
export function readRegisters(machine: FlatMachine): bigint[] {
  const values: bigint[] = [];
  for (let index = 0; index < 33; index++) {
    values.push(machine.view.getBigUint64(machine.hart + 8 * index, true));
  }
  return values;
}

export function writeRegister(machine: FlatMachine, register: number, value: bigint): void {
  assert(register > 0 && register < 32, 'x1 … x31 can be written');
  machine.view.setBigUint64(machine.hart + 8 * register, BigInt.asUintN(64, value), true);
}

export function writePc(machine: FlatMachine, pc: number): void {
  machine.view.setBigUint64(machine.hart + hartOffset.pc, BigInt(pc), true);
}

/** A machine with zeroed RAM, pc at FLAT_RAM_BASE. */
export function makeFlatMachine(options: FlatMachineOptions): FlatMachine {
  const { frameCount } = options;
  assert(frameCount >= 1 && frameCount <= 512, 'every frame has a decoded page of its own');
  const layout = hostMemoryLayout(frameCount);
  const memory = new WebAssembly.Memory({
    initial: layout.pageCount,
    maximum: HOST_MEMORY_MAXIMUM_PAGES,
    shared: true,
  });
  const bytes = new Uint8Array(memory.buffer);
  const view = new DataView(memory.buffer);
  const calls = {
    fetch: 0,
    load: 0,
    store: 0,
    atomic: 0,
    loadReserved: 0,
    storeConditional: 0,
    system: 0,
    misalignedTarget: 0,
    illegal: 0,
    float: 0,
    straddle: 0,
    decode: 0,
  };
  const state: FlatState = {
    options,
    bytes,
    view,
    ramAddress: layout.ramAddress,
    codeFrames: new Set(),
    fault: undefined,
  };
  const slowPaths = countCalls(makeSlowPaths(state), calls);
  const compiled = instantiateHostModule(memory, slowPaths, options.module);
  const machine: FlatMachine = {
    compiled,
    hart: HART_ADDRESS,
    ramAddress: layout.ramAddress,
    bytes,
    view,
    slowPaths,
    calls,
    get fault() {
      return state.fault;
    },
    run: (budget) => compiled.run(HART_ADDRESS, budget),
    loadWords(guestAddress, words) {
      const address = layout.ramAddress + guestAddress - FLAT_RAM_BASE;
      words.forEach((word, index) => {
        view.setUint32(address + 4 * index, word >>> 0, true);
      });
    },
  };
  bytes.fill(
    0xff,
    HART_ADDRESS + tlbOffset.read,
    HART_ADDRESS + tlbOffset.read + 6 * TLB_TABLE_SIZE,
  );
  view.setUint32(HART_ADDRESS + hartOffset.privilege, 1, true);
  writePc(machine, FLAT_RAM_BASE);
  return machine;
}

interface FlatState {
  readonly options: FlatMachineOptions;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly ramAddress: number;
  readonly codeFrames: Set<number>;
  fault: FlatFault | undefined;
}

function countCalls(slowPaths: SlowPaths, calls: Record<keyof SlowPaths, number>): SlowPaths {
  const counted: Partial<SlowPaths> = {};
  for (const name of Object.keys(calls) as (keyof SlowPaths)[]) {
    const call = slowPaths[name] as (...args: number[]) => number;
    counted[name] = (...args: number[]) => {
      calls[name]++;
      return call(...args);
    };
  }
  return counted as SlowPaths;
}

function leave(state: FlatState, hart: number, fault: FlatFault): 0 {
  state.fault = fault;
  state.view.setUint32(hart + hartOffset.reservationValid, 0, true); // as a trap does
  state.view.setUint32(hart + hartOffset.exitReason, exitReason.illegal, true);
  return 0;
}

function addressOf(state: FlatState, hart: number): bigint {
  return state.view.getBigUint64(hart + hartOffset.address, true);
}

/** Where the bytes at record.address are in the memory, or 0 when some are outside RAM. */
function translate(state: FlatState, hart: number, byteCount: number): number {
  const offset = addressOf(state, hart) - BigInt(FLAT_RAM_BASE);
  if (offset < 0n || offset + BigInt(byteCount) > BigInt(state.options.frameCount * 4096)) return 0;
  return state.ramAddress + Number(offset);
}

function entryOf(hart: number, table: number, address: bigint): number {
  const index = Number((address >> 12n) & BigInt(TLB_ENTRY_COUNT - 1));
  return hart + table + TLB_TABLE_SIZE + index * TLB_ENTRY_SIZE; // bank 1: the hart is in S
}

function fill(state: FlatState, hart: number, table: number, payload: number): void {
  const address = addressOf(state, hart);
  const entry = entryOf(hart, table, address);
  state.view.setBigInt64(entry, BigInt.asIntN(64, address & ~0xfffn), true);
  state.view.setUint32(entry + 8, payload, true);
}

/**
 * Observes a write of `byteCount` bytes at `pointer`: decoded code of a touched frame is dropped.
 */
function observeWrite(state: FlatState, hart: number, pointer: number, byteCount: number): void {
  const first = (pointer - state.ramAddress) >> 12;
  const last = (pointer + byteCount - 1 - state.ramAddress) >> 12;
  for (let frame = first; frame <= last; frame++) {
    if (state.codeFrames.has(frame))
      clearDecodedPage(state.bytes, DECODED_ADDRESS + frame * DECODED_STRIDE);
  }
  if (state.options.fillsTlb && first === last && !state.codeFrames.has(first)) {
    fill(state, hart, tlbOffset.write, state.ramAddress + first * 4096);
  }
}

function copyToScratch(state: FlatState, hart: number, pointer: number, byteCount: number): void {
  state.view.setBigUint64(hart + hartOffset.scratch, 0n, true);
  state.bytes.copyWithin(hart + hartOffset.scratch, pointer, pointer + byteCount);
}

/** The flat machine executes every row of the table. */
const EVERY_EXTENSION = new Set(INSTRUCTIONS.map((row) => row.extension));

const CAUSE = {
  fetchMisaligned: 0,
  illegal: 2,
  breakpoint: 3,
  loadMisaligned: 4,
  storeMisaligned: 6,
  fetch: 12,
  load: 13,
  store: 15,
} as const;

function makeSlowPaths(state: FlatState): SlowPaths {
  const { view, bytes } = state;
  const fault = (hart: number, cause: number) =>
    leave(state, hart, { cause, value: addressOf(state, hart) });
  return {
    fetch(hart) {
      const pointer = translate(state, hart, 4);
      if (pointer === 0) return fault(hart, CAUSE.fetch);
      const frame = (pointer - state.ramAddress) >> 12;
      const page = DECODED_ADDRESS + frame * DECODED_STRIDE;
      state.codeFrames.add(frame);
      view.setBigInt64(entryOf(hart, tlbOffset.write, addressOf(state, hart)), -1n, true);
      fill(state, hart, tlbOffset.fetch, page);
      return page;
    },
    load(hart, byteCount) {
      const pointer = translate(state, hart, byteCount);
      if (pointer === 0) return fault(hart, CAUSE.load);
      copyToScratch(state, hart, pointer, byteCount);
      if (state.options.fillsTlb) fill(state, hart, tlbOffset.read, pointer & ~0xfff);
      return 1;
    },
    store(hart, byteCount) {
      const pointer = translate(state, hart, byteCount);
      if (pointer === 0) return fault(hart, CAUSE.store);
      const from = hart + hartOffset.scratch;
      bytes.copyWithin(pointer, from, from + byteCount);
      observeWrite(state, hart, pointer, byteCount);
      return 1;
    },
    atomic(hart, byteCount) {
      if (addressOf(state, hart) % BigInt(byteCount) !== 0n)
        return fault(hart, CAUSE.storeMisaligned);
      const pointer = translate(state, hart, byteCount);
      if (pointer === 0) return fault(hart, CAUSE.store);
      observeWrite(state, hart, pointer, byteCount);
      return pointer;
    },
    loadReserved(hart, byteCount) {
      if (addressOf(state, hart) % BigInt(byteCount) !== 0n)
        return fault(hart, CAUSE.loadMisaligned);
      const pointer = translate(state, hart, byteCount);
      if (pointer === 0) return fault(hart, CAUSE.load);
      copyToScratch(state, hart, pointer, byteCount);
      view.setUint32(hart + hartOffset.reservationValid, byteCount, true);
      view.setBigUint64(hart + hartOffset.reservationAddress, addressOf(state, hart), true);
      return 1;
    },
    storeConditional: (hart, byteCount) => storeConditional(state, hart, byteCount),
    system(hart, handler) {
      if (SYSTEM_HANDLERS[handler] === 'ecall') {
        view.setUint32(hart + hartOffset.exitReason, exitReason.environmentCall, true);
        return 0;
      }
      const isBreakpoint = SYSTEM_HANDLERS[handler] === 'ebreak';
      const word = view.getUint32(hart + hartOffset.instructionWord, true);
      const pc = view.getBigUint64(hart + hartOffset.pc, true);
      if (isBreakpoint) return leave(state, hart, { cause: CAUSE.breakpoint, value: pc });
      return leave(state, hart, { cause: CAUSE.illegal, value: BigInt(word) });
    },
    misalignedTarget: (hart) => fault(hart, CAUSE.fetchMisaligned),
    illegal(hart) {
      const word = view.getUint32(hart + hartOffset.instructionWord, true);
      return leave(state, hart, { cause: CAUSE.illegal, value: BigInt(word) });
    },
    float(hart) {
      const word = view.getUint32(hart + hartOffset.instructionWord, true);
      return leave(state, hart, { cause: CAUSE.illegal, value: BigInt(word) });
    },
    straddle: () => 0, // its harts have no C
    decode(_hart, page, operation) {
      const frame = (page - DECODED_ADDRESS) / DECODED_STRIDE;
      const frameAddress = state.ramAddress + frame * 4096;
      decodeOperation(view, { page, operation, frameAddress, extensions: EVERY_EXTENSION });
      return 1;
    },
  };
}

/** Whether a doubleword is its low word's sign extension: then a sc.d may follow a lr.w, as in QEMU. */
function isSignExtended(view: DataView, pointer: number): boolean {
  return view.getBigInt64(pointer, true) === BigInt(view.getInt32(pointer, true));
}

/**
 * Misaligned faults first; without a matching reservation nothing is accessed; every sc clears it.
 */
function storeConditional(state: FlatState, hart: number, byteCount: number): number {
  const { view, bytes } = state;
  const address = addressOf(state, hart);
  if (address % BigInt(byteCount) !== 0n)
    return leave(state, hart, { cause: CAUSE.storeMisaligned, value: address });
  const reserved = view.getUint32(hart + hartOffset.reservationValid, true);
  const isThere =
    reserved > 0 && view.getBigUint64(hart + hartOffset.reservationAddress, true) === address;
  const pointer = isThere ? translate(state, hart, reserved) : -1; // in RAM, as lr has found
  const matches = isThere && (byteCount <= reserved || isSignExtended(view, pointer));
  if (matches) {
    const from = hart + hartOffset.scratch;
    bytes.copyWithin(pointer, from, from + byteCount);
    observeWrite(state, hart, pointer, byteCount);
  }
  view.setUint32(hart + hartOffset.reservationValid, 0, true);
  view.setBigUint64(hart + hartOffset.scratch, matches ? 0n : 1n, true);
  return 1;
}
