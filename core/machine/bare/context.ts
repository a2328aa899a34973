/** What the slow paths of a bare-metal machine share, and the door to its devices and its clock. */
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { HART_PROFILES } from '../../isa/table/index.ts';
import type { Extension } from '../../isa/table/row.ts';
import type { MemorySystem, VmMemory } from '../../memory/index.ts';
import { bareBlock, exitReason, HART_STRIDE } from '../../protocol/host-memory-layout.ts';
import type { FileLevel, InterruptFilePort } from './aia.ts';
import type { BusValue } from '../bus.ts';
import { DecodedPages } from '../decoded-pages.ts';
import { setFloatState } from '../float-instructions.ts';
import { hartWord, slotOfHart } from '../hart.ts';
import type { RunCounts } from '../hart-context.ts';
import { BARE_HART_MAX, bareIndex, bareSlot, bareWord, mode, statusLow } from './registers.ts';

/** What a bare-metal machine needs from its board. */
export interface BareMachinePorts {
  /**
   * mtime at the instruction that hart `hart` executes while `budgetLeft` instructions of the present run() come
   * after it. Unit: ticks of the board's timebase. No effects.
   */
  timeTicks(hart: number, budgetLeft: number): number;
  /**
   * Loads 1, 2, 4 or 8 bytes, aligned, at a physical address (below 2^53) outside RAM. False: nothing there
   * answers, an access fault.
   */
  load(hart: number, address: number, byteCount: number, into: BusValue): boolean;
  /** Stores likewise. */
  store(hart: number, address: number, byteCount: number, value: BusValue): boolean;
  /** A hart's interrupt file at a level; absent or undefined: it has none. */
  interruptFile?(hart: number, level: FileLevel): InterruptFilePort | undefined;
}

/** Traps of one hart by cause, exceptions and interrupts apart. */
export interface TrapCounts {
  readonly exception: number[];
  readonly interrupt: number[];
}

/** Profiles with the C extension, by number. */
const HAS_SHORT = HART_PROFILES.map(({ extensions }) => (extensions as readonly Extension[]).includes('C'));

export class BareContext {
  static readonly [checkpointRules]: CheckpointRules = { decoded: 'outside', filled: 'outside', ports: 'outside' };
  readonly system: MemorySystem;
  readonly words: Int32Array;
  readonly ram: VmMemory;
  readonly decoded: DecodedPages;
  readonly ports: BareMachinePorts;
  readonly counts: RunCounts[] = [];
  readonly traps: TrapCounts[] = [];
  /** Hart blocks whose TLBs hold something since they were last emptied. */
  readonly filled = new Uint8Array(BARE_HART_MAX * bareBlock.count);

  constructor(system: MemorySystem, ram: VmMemory, ports: BareMachinePorts) {
    this.system = system;
    this.words = system.host.words;
    this.ram = ram;
    this.decoded = new DecodedPages(system);
    this.ports = ports;
    for (let index = 0; index < BARE_HART_MAX; index++) {
      this.counts.push({ budget: 0, notRetired: 0 });
      this.traps.push({ exception: new Array(64).fill(0), interrupt: new Array(64).fill(0) });
    }
  }

  /** mtime at the instruction after the present one, or at the first of a run. */
  ticksAfter(hart: number): number {
    return this.ports.timeTicks(bareIndex(hart), this.words[(hart >> 2) + hartWord.budget]! - 1);
  }

  /** mtime at the present instruction. */
  ticks(hart: number): number {
    return this.ports.timeTicks(bareIndex(hart), this.words[(hart >> 2) + hartWord.budget]!);
  }

  privilege(hart: number): number {
    return this.words[(hart >> 2) + hartWord.privilege]!;
  }

  isVirtual(hart: number): boolean {
    return this.words[(hart >> 2) + hartWord.virtualMode] !== 0;
  }

  /** Puts the hart into a mode: which TLB bank serves it and whether it may use floats follow from it. */
  setMode(hart: number, privilege: number, isVirtual: boolean): void {
    const base = hart >> 2;
    this.words[base + hartWord.privilege] = privilege;
    this.words[base + hartWord.virtualMode] = isVirtual ? 1 : 0;
    this.refreshMode(hart);
  }

  /** To be called when mstatus or vsstatus changed: TLB bank and float state follow from them, too. */
  refreshMode(hart: number): void {
    const { words } = this;
    const base = hart >> 2;
    const isVirtual = words[base + hartWord.virtualMode] !== 0;
    const status = words[bareWord(hart, bareSlot.mstatus)]!;
    let block: number = isVirtual ? bareBlock.guest : bareBlock.host;
    if (words[base + hartWord.privilege] === mode.machine) {
      const isModified = (status & statusLow.mprv) !== 0 && (status & statusLow.mpp) !== statusLow.mpp;
      block = isModified ? bareBlock.modified : bareBlock.machine;
    }
    if (block === bareBlock.modified) this.flush(hart, block); // as whom it accesses may have changed
    words[base + hartWord.tlbBase] = block * HART_STRIDE;
    const guest = isVirtual ? words[bareWord(hart, bareSlot.vsstatus)]! : -1;
    setFloatState(words, hart, (status & guest & statusLow.fs) === statusLow.fs);
  }

  /** Whether float instructions are legal: FS is not Off, under a hypervisor neither level's. */
  isFloatOn(hart: number): boolean {
    if ((this.words[bareWord(hart, bareSlot.mstatus)]! & statusLow.fs) === 0) return false;
    return !this.isVirtual(hart) || (this.words[bareWord(hart, bareSlot.vsstatus)]! & statusLow.fs) !== 0;
  }

  markFloatDirty(hart: number): void {
    this.words[bareWord(hart, bareSlot.mstatus)]! |= statusLow.fs;
    if (this.isVirtual(hart)) this.words[bareWord(hart, bareSlot.vsstatus)]! |= statusLow.fs;
    this.refreshMode(hart);
  }

  /** Whether the hart has 16-bit instructions. */
  hasShort(hart: number): boolean {
    return HAS_SHORT[this.words[(hart >> 2) + hartWord.profile]!] === true;
  }

  /** Enters a translation into the bank that serves the hart now. */
  fill(hart: number, table: number, low: number, high: number, payload: number, superpage: boolean): void {
    const base = this.words[(hart >> 2) + hartWord.tlbBase]!;
    const bank = this.privilege(hart) === mode.user ? 0 : 1;
    this.filled[slotOfHart(hart + base)] = 1;
    this.system.tlb.fill(hart + base, table, bank, low, high, payload, superpage);
  }

  /** Empties the TLBs of one of the hart's blocks, see `bareBlock`. */
  flush(hart: number, block: number): void {
    const slot = slotOfHart(hart) + block;
    if (this.filled[slot] === 0) return;
    this.filled[slot] = 0;
    this.system.tlb.flushHart(slot);
  }

  flushAll(hart: number): void {
    for (let block = 0; block < bareBlock.count; block++) this.flush(hart, block);
  }

  /** Ends the run after the present instruction. */
  requestExit(hart: number): void {
    this.words[(hart >> 2) + hartWord.exitReason] = exitReason.yield;
  }
}

