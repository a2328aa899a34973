/**
 * The harts of one host: reset, run for an exact number of instructions, interrupt, save and load.
 * Compiled code does the work (core/wasm); slow paths come back here. A machine knows guests only
 * (VS and VU mode); what would trap to HS leaves to the hypervisor as an exit. Harts with modes of
 * their own, from M on, are in core/machine/bare.
 */
import { assert } from '../base/assert.ts';
import type { Result } from '../base/result.ts';
import { DEFAULT_PROFILE, getProfile, GUEST_PROFILES, type GuestProfileId } from '../isa/table/index.ts';
import type { MemorySystem, VmMemory } from '../memory/index.ts';
import { csrSlot, HART_COUNT_MAX, hartOffset } from '../protocol/host-memory-layout.ts';
import { compileHostModule, type HostModule, instantiateHostModule } from '../wasm/index.ts';
import type { BusValue } from './bus.ts';
import { type AccessInstruction, finishAccess, readAccess } from './device-access.ts';
import { presentWord } from './guest-access.ts';
import {
  advancePc,
  csrWord,
  hartAddress,
  hartWord,
  pendingAndEnabled,
  privilege,
  readCounter,
  registerWord,
  writeCounter,
} from './hart.ts';
import { guestFloatUnit, makeFloatSlowPath, markDirty, refreshFloat } from './float-instructions.ts';
import { HartContext, type MachinePorts } from './hart-context.ts';
import { checkHartState, type HartStateError, loadHartState, saveHartState } from './hart-state.ts';
import { setPending, takeInterrupt } from './interrupt.ts';
import { makeMemorySlowPaths } from './memory-slow-paths.ts';
import { makeSystemSlowPaths } from './system-instructions.ts';
import { enterTrap } from './trap.ts';

/** scause of an instruction guest-page fault (Privileged §18.6.1). */
const FETCH_GUEST_PAGE_FAULT = 20;

/** How a run ended. `left`: budget not used. `exit`: see exitReason. */
export interface RunOutcome {
  readonly exit: number;
  readonly left: number;
}

/** A G-stage fault that left to the hypervisor. */
export interface GuestPageFault {
  /** 20 fetch, 21 load, 23 store or AMO. */
  readonly cause: number;
  readonly virtualAddress: bigint;
  /** To four bytes: htval lacks the two lowest bits. */
  readonly guestPhysicalAddress: bigint;
}

/** A guest's load or store outside RAM, for a device. Values as unsigned halves. */
export interface GuestDeviceAccess {
  /** Guest physical; a multiple of byteCount. */
  readonly address: number;
  readonly byteCount: 1 | 2 | 4 | 8;
  /** What a store writes; undefined for a load. */
  readonly stored: BusValue | undefined;
  readonly instruction: AccessInstruction;
}

/** One host's harts, slots 0 … 31. */
export class Machine {
  /** The compiled module over this host's memory: `hashRange` and `isZero` serve others, too. */
  readonly module: HostModule;
  readonly context: HartContext;
  private readonly system: MemorySystem;
  private readonly words: Int32Array;

  /** `compiled`: the module of compileHostModule(), to share one among the hosts of a worker. */
  constructor(
    system: MemorySystem,
    ports: MachinePorts,
    compiled: WebAssembly.Module = compileHostModule(),
  ) {
    this.system = system;
    this.words = system.host.words;
    this.context = new HartContext(system, ports);
    const { decoded } = this.context;
    const memorySlowPaths = makeMemorySlowPaths(this.context);
    const slowPaths = {
      ...memorySlowPaths,
      ...makeSystemSlowPaths(this.context),
      ...makeFloatSlowPath(system.host, memorySlowPaths, guestFloatUnit(this.context)),
    };
    this.module = instantiateHostModule(system.host.memory, slowPaths, compiled);
    const doors = system.writer.ports;
    doors.onCodeWrite = (frame, offset, byteCount) => decoded.onCodeWrite(frame, offset, byteCount);
    doors.onCodeFrameReleased = (frame) => decoded.onCodeFrameReleased(frame);
  }

  /**
   * Makes a hart of `vm` ready to start in VS-mode, paging off, at `pc`, with a0 and a1 as given
   * and all else 0. Its profile stays with it, also on other hosts; rv64ima when not named.
   */
  resetHart(
    slot: number,
    options: {
      readonly vm: VmMemory;
      readonly pc: number;
      readonly a0: number;
      readonly a1: number;
      readonly profile?: GuestProfileId;
      /** User mode may read cycle, time and instret from the start, as behind OpenSBI and KVM. */
      readonly userCounters?: boolean;
    },
  ): void {
    const hart = this.claim(slot, options.vm);
    const { number } = getProfile(options.profile ?? DEFAULT_PROFILE);
    this.words[(hart >> 2) + hartWord.profile] = number;
    writeCounter(this.words, (hart >> 2) + hartWord.pc, options.pc);
    writeCounter(this.words, registerWord(hart, 10), options.a0);
    writeCounter(this.words, registerWord(hart, 11), options.a1);
    this.words[(hart >> 2) + hartWord.privilege] = privilege.supervisor;
    this.words[(hart >> 2) + hartWord.virtualMode] = 1;
    this.words[csrWord(hart, csrSlot.vsstatus) + 1] = 2; // UXL = 64 bits
    if (options.userCounters === true) this.words[csrWord(hart, csrSlot.scounteren)] = 7;
  }

  /** The profile that a hart was reset or loaded with. */
  profile(slot: number): GuestProfileId {
    return GUEST_PROFILES[this.words[(hartAddress(slot) >> 2) + hartWord.profile]!]!.id;
  }

  /** Takes a hart from its VM: it does not run again before the next reset or load. */
  releaseHart(slot: number): void {
    this.context.vms[slot] = undefined;
    this.system.tlb.detach(slot);
  }

  /**
   * Takes a pending enabled interrupt, then runs up to `budget` instructions (0 … 2^31 − 1). Every
   * attempted instruction takes one from the budget. Running a vCPU drops the LR reservations of
   * its VM's others.
   */
  run(slot: number, budget: number): RunOutcome {
    const vm = this.context.vms[slot];
    assert(vm !== undefined, 'a hart that runs belongs to a VM');
    assert(Number.isInteger(budget) && budget >= 0 && budget < 2 ** 31, 'a budget is 0 … 2^31 − 1');
    const hart = hartAddress(slot);
    const counts = this.context.counts[slot]!;
    counts.budget = budget;
    counts.notRetired = 0;
    if (budget > 0) {
      this.system.tlb.clearReservations(vm.slot, slot);
      takeInterrupt(this.words, hart);
    }
    const exit = this.module.run(hart, budget);
    const base = hart >> 2;
    const left = this.words[base + hartWord.budget]!;
    this.count(base + hartWord.instructionsAttempted, budget - left);
    this.count(base + hartWord.instructionsRetired, budget - left - counts.notRetired);
    counts.budget = 0;
    counts.notRetired = 0;
    return { exit, left };
  }

  /**
   * Sets or clears a bit of the guest's hvip: 2 software, 6 timer, 10 external. Seen by the next
   * run().
   */
  setInterruptPending(slot: number, cause: number, pending: boolean): void {
    setPending(this.words, hartAddress(slot), cause, pending);
  }

  /**
   * Whether a hart that waits in wfi would go on: an interrupt is pending and enabled, masked by
   * the mode or not.
   */
  isWoken(slot: number): boolean {
    return pendingAndEnabled(this.words, hartAddress(slot)) !== 0;
  }

  /**
   * Moves pc past the present instruction: an environment call was served. It counts as retired
   * never.
   */
  skipInstruction(slot: number): void {
    advancePc(this.words, hartAddress(slot));
  }

  /**
   * Raises an exception in the guest as if the present instruction had (the hypervisor reflects a
   * fault).
   */
  raiseException(slot: number, cause: number, value: bigint): void {
    const low = Number(BigInt.asIntN(32, value));
    const high = Number(BigInt.asIntN(32, value >> 32n));
    enterTrap(this.words, hartAddress(slot), cause, false, low, high);
  }

  /** What the last guestPageFault exit of a hart was about. */
  guestPageFault(slot: number): GuestPageFault {
    const hart = hartAddress(slot);
    const { longs } = this.system.host;
    const value = (which: number) => BigInt.asUintN(64, longs[csrWord(hart, which) >> 1]!);
    const virtualAddress = value(csrSlot.stval);
    const guestPhysicalAddress = value(csrSlot.htval) << 2n;
    const cause = this.words[csrWord(hart, csrSlot.scause)]!;
    return { cause, virtualAddress, guestPhysicalAddress };
  }

  /**
   * The access that the last guestPageFault exit of a hart was about, when a device could serve it: an aligned load or store
   * of its own, not one of the page walk, no atomic. Undefined: it is an access fault whoever is there.
   */
  findDeviceAccess(slot: number): GuestDeviceAccess | undefined {
    const hart = hartAddress(slot);
    const { words } = this;
    if (words[csrWord(hart, csrSlot.htinst)] !== 0 || words[csrWord(hart, csrSlot.scause)] === FETCH_GUEST_PAGE_FAULT) return undefined;
    const word = presentWord(this.context, hart);
    if (word === undefined) return undefined;
    const { extensions } = getProfile(this.profile(slot));
    const instruction = readAccess(word, extensions.includes('C'));
    if (instruction === undefined) return undefined;
    const { kind, byteCount } = instruction;
    const htval = csrWord(hart, csrSlot.htval);
    const page = Math.floor(readCounter(words, htval) / 1024);
    const address = page * 4096 + (words[(hart >> 2) + hartWord.address]! & 0xfff);
    if (address % byteCount !== 0 || !Number.isSafeInteger(address)) return undefined;
    const scratch = (hart >> 2) + hartWord.scratch;
    const isStore = kind === 'store' || kind === 'storeFloat';
    const stored = isStore ? { low: words[scratch]! >>> 0, high: words[scratch + 1]! >>> 0 } : undefined;
    return { address, byteCount, stored, instruction };
  }

  /** Ends that access: `answer` is what a device gave to a load, its low bytes. The instruction does not count as retired. */
  finishDeviceAccess(slot: number, access: GuestDeviceAccess, answer: BusValue): void {
    const hart = hartAddress(slot);
    const { words } = this;
    const scratch = (hart >> 2) + hartWord.scratch;
    const { byteCount } = access;
    words[scratch] = answer.low & (byteCount >= 4 ? -1 : (1 << (8 * byteCount)) - 1);
    words[scratch + 1] = byteCount === 8 ? answer.high | 0 : 0;
    finishAccess(this.system.host, hart, access.instruction, () => markDirty(words, hart));
  }

  /** x[register] as an unsigned 64-bit value. */
  readRegister(slot: number, register: number): bigint {
    assert(register >= 0 && register < 32, 'a register is x0 … x31');
    const word = registerWord(hartAddress(slot), register);
    return BigInt.asUintN(64, this.system.host.longs[word >> 1]!);
  }

  /** Sets x[register]; x0 stays 0. */
  writeRegister(slot: number, register: number, value: bigint): void {
    assert(register >= 0 && register < 32, 'a register is x0 … x31');
    if (register === 0) return;
    const word = registerWord(hartAddress(slot), register);
    this.system.host.longs[word >> 1] = BigInt.asIntN(64, value);
  }

  /** pc as an unsigned 64-bit value. */
  readPc(slot: number): bigint {
    return BigInt.asUintN(64, this.system.host.longs[(hartAddress(slot) + hartOffset.pc) >> 3]!);
  }

  /** Instructions that retired since the hart was first reset, also on other hosts. */
  instructionsRetired(slot: number): number {
    return readCounter(this.words, (hartAddress(slot) >> 2) + hartWord.instructionsRetired);
  }

  /** The hart's architectural state: a declared record (hart-state.ts). */
  saveHart(slot: number): Uint8Array {
    return saveHartState(this.system.host.bytes, hartAddress(slot));
  }

  /** Makes a hart of `vm` with a saved state; refused bytes change nothing. */
  loadHart(slot: number, saved: Uint8Array, vm: VmMemory): Result<true, HartStateError> {
    const checked = checkHartState(saved);
    if (!checked.ok) return checked;
    const hart = this.claim(slot, vm);
    loadHartState(this.system.host.bytes, hart, saved);
    refreshFloat(this.words, hart);
    return checked;
  }

  /** Gives a hart to a VM with a record of zeroes and empty TLBs. */
  private claim(slot: number, vm: VmMemory): number {
    assert(slot >= 0 && slot < HART_COUNT_MAX, `a hart slot is 0 … ${HART_COUNT_MAX - 1}`);
    const hart = hartAddress(slot);
    this.system.host.bytes.fill(0, hart, hart + 0x1000);
    this.context.vms[slot] = vm;
    this.system.tlb.attach(slot, vm.slot);
    return hart;
  }

  private count(word: number, more: number): void {
    writeCounter(this.words, word, readCounter(this.words, word) + more);
  }
}
