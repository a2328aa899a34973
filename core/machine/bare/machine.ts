/**
 * A bare-metal machine: harts that start in M mode and run their own firmware, RAM at 0x8000_0000, and a bus for
 * every other address. The same compiled interpreter as for guests does the work; its slow paths are others, so
 * that neither world slows the other. What happens between two instructions happens at the same one however
 * run() is cut. Left out: debug mode, NMI.
 */
import { assert } from '../../base/assert.ts';
import { getProfile, type HartProfile, HART_PROFILES, type HartProfileId } from '../../isa/table/index.ts';
import { accessKind, type AccessKind, type MemorySystem, type VmMemory } from '../../memory/index.ts';
import { bareBlock, hartOffset } from '../../protocol/host-memory-layout.ts';
import type { WalkAccess, WalkFacts } from '../../protocol/machine-inspection.ts';
import { compileHostModule, type HostModule, instantiateHostModule } from '../../wasm/index.ts';
import { makeFloatSlowPath } from '../float-instructions.ts';
import { hartWord, readCounter, registerWord, slotOfHart, writeCounter } from '../hart.ts';
import type { RunOutcome } from '../machine.ts';
import { BareContext, type BareMachinePorts, type TrapCounts } from './context.ts';
import { readBareCsr } from './csr-access.ts';
import { findBareCsr } from './csr-table.ts';
import { BareMemory } from './memory-access.ts';
import { makeBareMemorySlowPaths } from './memory-slow-paths.ts';
import { BARE_HART_MAX, BARE_SLOT_COUNT, bareAddress, bareSlot, bareWord, GUEST_EXTERNAL, GUEST_LINE, LINES, mode, VIRTUAL_INTERRUPTS } from './registers.ts';
import { illegal, makeBareSystemSlowPaths } from './system-instructions.ts';
import { nextTimerTick } from './timers.ts';
import { bareFault } from './translation.ts';
import { isAnyPending, takeInterrupt, whoTakes } from './trap.ts';
import { accountForBareWalk } from './walk-account.ts';

/** Bytes of the record from its start that are state: registers, then the CSRs. */
const STATE_END = hartOffset.bareCsr + 8 * BARE_SLOT_COUNT;

export class BareMachine {
  readonly module: HostModule;
  readonly context: BareContext;
  readonly memory: BareMemory;
  private readonly system: MemorySystem;
  private readonly words: Int32Array;

  /**
   * `ram`: the one VM of `system`, whose pages are the machine's RAM. `compiled`: the module of compileHostModule(),
   * to share among machines.
   */
  constructor(
    system: MemorySystem,
    ram: VmMemory,
    ports: BareMachinePorts,
    compiled: WebAssembly.Module = compileHostModule(),
  ) {
    this.system = system;
    this.words = system.host.words;
    const context = new BareContext(system, ram, ports);
    this.context = context;
    this.memory = new BareMemory(context);
    const memorySlowPaths = makeBareMemorySlowPaths(context, this.memory);
    const unit = {
      isOn: (hart: number) => context.isFloatOn(hart),
      markDirty: (hart: number) => context.markFloatDirty(hart),
      illegal: (hart: number, word: number) => illegal(context, hart, word),
    };
    const slowPaths = {
      ...memorySlowPaths,
      ...makeBareSystemSlowPaths(context, this.memory),
      ...makeFloatSlowPath(system.host, memorySlowPaths, unit),
    };
    this.module = instantiateHostModule(system.host.memory, slowPaths, compiled);
    const { decoded } = context;
    const doors = system.writer.ports;
    doors.onCodeWrite = (frame, offset, byteCount) => decoded.onCodeWrite(frame, offset, byteCount);
    doors.onCodeFrameReleased = (frame) => decoded.onCodeFrameReleased(frame);
  }

  /** Makes hart `index` (0 … BARE_HART_MAX − 1) ready to start in M mode at `pc`; registers not named are 0. */
  resetHart(
    index: number,
    options: {
      readonly pc: number;
      readonly profile?: HartProfileId;
      readonly registers?: Readonly<Record<number, number>>;
    },
  ): void {
    assert(index >= 0 && index < BARE_HART_MAX, `a hart is 0 … ${BARE_HART_MAX - 1}`);
    const hart = bareAddress(index);
    this.system.host.bytes.fill(0, hart, hart + 0x1000);
    const profile = getProfile(options.profile ?? 'rv64gc');
    this.words[(hart >> 2) + hartWord.profile] = profile.number;
    if (profile.extensions.includes('H')) this.words[bareWord(hart, bareSlot.mideleg)] = VIRTUAL_INTERRUPTS;
    writeCounter(this.words, (hart >> 2) + hartWord.pc, options.pc);
    for (const [register, value] of Object.entries(options.registers ?? {})) {
      this.writeRegister(index, Number(register), BigInt(value));
    }
    this.attach(hart);
    this.context.setMode(hart, mode.machine, false);
  }

  private attach(hart: number): void {
    for (let block = 0; block < bareBlock.count; block++) {
      this.system.tlb.attach(slotOfHart(hart) + block, this.context.ram.slot);
      this.context.filled[slotOfHart(hart) + block] = 0;
    }
  }

  /**
   * Takes a pending enabled interrupt, then runs up to `budget` instructions (0 … 2^31 − 1). Every attempted
   * instruction takes one from the budget. Running a hart drops the LR reservations of the others.
   */
  run(index: number, budget: number): RunOutcome {
    assert(Number.isInteger(budget) && budget >= 0 && budget < 2 ** 31, 'a budget is 0 … 2^31 − 1');
    const hart = bareAddress(index);
    const { context, words } = this;
    const base = hart >> 2;
    const counts = context.counts[index]!;
    counts.budget = budget;
    counts.notRetired = 0;
    words[base + hartWord.budget] = budget;
    if (budget > 0) {
      this.system.tlb.clearReservations(context.ram.slot, slotOfHart(hart));
      takeInterrupt(context, hart, context.ticksAfter(hart));
    }
    const exit = this.module.run(hart, budget);
    const left = words[base + hartWord.budget]!;
    this.count(base + hartWord.instructionsAttempted, budget - left);
    this.count(base + hartWord.instructionsRetired, budget - left - counts.notRetired);
    counts.budget = 0;
    counts.notRetired = 0;
    return { exit, left };
  }

  private count(word: number, more: number): void {
    writeCounter(this.words, word, readCounter(this.words, word) + more);
  }

  /** Ends the present run behind the instruction under way; from inside a port only. */
  requestExit(index: number): void {
    this.context.requestExit(bareAddress(index));
  }

  /**
   * Level of an interrupt line, by its bit of mip: 3 software, 7 timer, 9 supervisor external, 11 external; guest
   * external interrupt n is GUEST_LINE + n.
   */
  setInterrupt(index: number, code: number, level: boolean): void {
    assert((((LINES | (GUEST_EXTERNAL << GUEST_LINE)) >>> code) & 1) === 1, 'an interrupt line: 3, 7, 9, 11 or of a guest');
    const word = bareWord(bareAddress(index), bareSlot.lines);
    const bit = 1 << code;
    this.words[word] = level ? this.words[word]! | bit : this.words[word]! & ~bit;
  }

  /** Whether wfi would go on at `ticks`: an interrupt is pending and enabled, masked by the mode or not. */
  isWoken(index: number, ticks: number): boolean {
    const hart = bareAddress(index);
    return isAnyPending(this.context, hart, ticks);
  }

  /** The first tick after `ticks` at which a comparator of the hart's own may change an interrupt; or Infinity. */
  timerDeadline(index: number, ticks: number): number {
    return nextTimerTick(this.words, bareAddress(index), ticks);
  }

  /** Instructions of the present run still to come after the one under way. */
  budgetLeft(index: number): number {
    return this.words[(bareAddress(index) >> 2) + hartWord.budget]!;
  }

  mode(index: number): { readonly privilege: number; readonly isVirtual: boolean } {
    const hart = bareAddress(index);
    return { privilege: this.context.privilege(hart), isVirtual: this.context.isVirtual(hart) };
  }

  profile(index: number): HartProfile {
    return HART_PROFILES[this.words[(bareAddress(index) >> 2) + hartWord.profile]!]!;
  }

  /** Traps that the hart has taken, by cause. */
  trapCounts(index: number): TrapCounts {
    return this.context.traps[index]!;
  }

  /** The CSR of that number as M mode reads it between two runs; undefined when the hart has none. */
  readCsr(index: number, number: number): bigint | undefined {
    const hart = bareAddress(index);
    const row = findBareCsr(number, this.words[(hart >> 2) + hartWord.profile]!);
    if (row === undefined) return undefined;
    const { words } = this;
    const scratch = (hart >> 2) + hartWord.scratch;
    const kept = [words[scratch]!, words[scratch + 1]!];
    const budget = words[(hart >> 2) + hartWord.budget]!;
    words[(hart >> 2) + hartWord.budget] = -1; // behind the last instruction, before the next
    readBareCsr(this.context, hart, row, scratch);
    words[(hart >> 2) + hartWord.budget] = budget;
    const value = BigInt.asUintN(64, this.system.host.longs[scratch >> 1]!);
    words[scratch] = kept[0]!;
    words[scratch + 1] = kept[1]!;
    return value;
  }

  /**
   * Where an access of the hart's present mode would lead: a physical address, or why it would fault. Between two runs;
   * nothing is changed.
   */
  inspect(index: number, address: bigint, access: AccessKind): { readonly physicalAddress: number } | { readonly fault: 'access' | 'page' | 'guest-page' } {
    const hart = bareAddress(index);
    const { walk } = this.memory;
    walk.visit = () => undefined;
    const low = Number(BigInt.asIntN(32, address));
    const fault = walk.translate(hart, low, Number(BigInt.asIntN(32, address >> 32n)), access, this.memory.modeOf(hart, access));
    walk.visit = undefined;
    if (fault === bareFault.none) return { physicalAddress: walk.page * 4096 + (low & 0xfff) };
    return { fault: fault === bareFault.page ? 'page' : fault === bareFault.guestPage ? 'guest-page' : 'access' };
  }

  /** The same access step by step, for inspectors. */
  accountForWalk(index: number, address: bigint, access: WalkAccess): WalkFacts {
    const hart = bareAddress(index);
    return accountForBareWalk(this.context, hart, address, access, this.memory.modeOf(hart, accessKind[access]));
  }

  /** The interrupt that would be taken before the next instruction, and the mode that takes it, between two runs. */
  dueInterrupt(index: number): { readonly code: number; readonly to: 'M' | 'HS' | 'VS' } | undefined {
    const hart = bareAddress(index);
    const word = (hart >> 2) + hartWord.budget;
    const budget = this.words[word]!;
    this.words[word] = -1; // behind the last instruction, before the next
    const due = whoTakes(this.context, hart, this.context.ticks(hart));
    this.words[word] = budget;
    return due;
  }

  /** f[register] with its NaN box, as an unsigned 64-bit value. */
  readFloat(index: number, register: number): bigint {
    assert(register >= 0 && register < 32, 'a register is f0 … f31');
    return BigInt.asUintN(64, this.system.host.longs[(bareAddress(index) + hartOffset.f + 8 * register) >> 3]!);
  }

  /** x[register] as an unsigned 64-bit value. */
  readRegister(index: number, register: number): bigint {
    assert(register >= 0 && register < 32, 'a register is x0 … x31');
    return BigInt.asUintN(64, this.system.host.longs[registerWord(bareAddress(index), register) >> 1]!);
  }

  /** Sets x[register]; x0 stays 0. */
  writeRegister(index: number, register: number, value: bigint): void {
    assert(register >= 0 && register < 32, 'a register is x0 … x31');
    if (register === 0) return;
    this.system.host.longs[registerWord(bareAddress(index), register) >> 1] = BigInt.asIntN(64, value);
  }

  /** pc as an unsigned 64-bit value. */
  readPc(index: number): bigint {
    return BigInt.asUintN(64, this.system.host.longs[(bareAddress(index) + hartOffset.pc) >> 3]!);
  }

  instructionsRetired(index: number): number {
    return readCounter(this.words, (bareAddress(index) >> 2) + hartWord.instructionsRetired);
  }

  /** The hart's state between two runs, as bytes for {@link loadHart} of this version of the model. */
  saveHart(index: number): Uint8Array {
    const hart = bareAddress(index);
    const saved = this.system.host.bytes.slice(hart, hart + STATE_END);
    const view = new DataView(saved.buffer);
    // What slow paths and compiled code leave behind is no state.
    for (const name of ['sink', 'scratch', 'address'] as const) view.setBigUint64(hartOffset[name], 0n, true);
    for (const name of ['budget', 'exitReason', 'instructionWord'] as const) view.setUint32(hartOffset[name], 0, true);
    saved.fill(0, hartOffset.straddle, hartOffset.bareCsr);
    return saved;
  }

  /** Puts a hart into a saved state. False: the bytes are none. */
  loadHart(index: number, saved: Uint8Array): boolean {
    if (saved.length !== STATE_END) return false;
    const hart = bareAddress(index);
    const view = new DataView(saved.buffer, saved.byteOffset);
    const privilege = view.getUint32(hartOffset.privilege, true);
    const isVirtual = view.getUint32(hartOffset.virtualMode, true);
    if (HART_PROFILES[view.getUint32(hartOffset.profile, true)] === undefined) return false;
    if (privilege === 2 || privilege > 3 || isVirtual > 1 || (privilege === 3 && isVirtual === 1)) return false;
    this.system.host.bytes.fill(0, hart, hart + 0x1000);
    this.system.host.bytes.set(saved, hart);
    this.attach(hart);
    this.context.setMode(hart, privilege, isVirtual === 1);
    return true;
  }
}

