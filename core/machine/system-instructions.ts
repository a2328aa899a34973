/**
 * System instructions of a guest: CSR access, sret, wfi, sfence.vma, ecall, ebreak. Whatever a
 * guest may not do is an illegal instruction to it (what real hardware raises as a
 * virtual-instruction exception, its hypervisor reflects as illegal). Each moves record.pc itself.
 */
import { csrSlot, exitReason } from '../protocol/host-memory-layout.ts';
import { SYSTEM_HANDLERS, type SlowPaths } from '../wasm/interpreter-abi.ts';
import { cacheBlock } from './cache-block.ts';
import { findGuestCsr, type GuestCsr, isCounter, isReadOnly, leastPrivilege } from './csr.ts';
import { isFloatOn, markDirty, readFloatCsr, refreshFloat, writeFloatCsr } from './float-instructions.ts';
import { raise } from './guest-access.ts';
import {
  advancePc,
  csrWord,
  hartWord,
  pendingAndEnabled,
  privilege,
  readCounter,
  registerWord,
  slotOfHart,
  sstatusBit,
  writeCounter,
} from './hart.ts';
import type { HartContext } from './hart-context.ts';
import { takeInterrupt } from './interrupt.ts';
import { returnFromTrap } from './trap.ts';
import { csrHandlers, csrNumber, type CsrOperation, exchangeCsr, writesCsr } from './zicsr.ts';

const ILLEGAL_INSTRUCTION = 2;
const BREAKPOINT = 3;
const ENVIRONMENT_CALL_FROM_USER = 8;
const INSTRUCTION_ADDRESS_MISALIGNED = 0;
/** senvcfg.CBIE, bits 5 and 4. */
const CBIE = 3 << 4;
/** Guests' time counts ticks of 100 ns (10 MHz). */
const TIME_TICK_NS = 100;

type SystemSlowPaths = Pick<SlowPaths, 'system' | 'illegal' | 'misalignedTarget' | 'decode'>;
type Handler = (context: HartContext, hart: number, word: number) => void;

/** The part of a host's slow paths that is no memory access. */
export function makeSystemSlowPaths(context: HartContext): SystemSlowPaths {
  const { words } = context;
  const handlers = SYSTEM_HANDLERS.map((name) => HANDLERS[name]);
  return {
    system(hart, handler) {
      handlers[handler]!(context, hart, words[(hart >> 2) + hartWord.instructionWord]!);
      return 0;
    },
    illegal(hart) {
      illegal(context, hart, words[(hart >> 2) + hartWord.instructionWord]!);
      return 0;
    },
    misalignedTarget(hart) {
      const address = (hart >> 2) + hartWord.address;
      raise(context, hart, INSTRUCTION_ADDRESS_MISALIGNED, words[address]!, words[address + 1]!);
      return 0;
    },
    decode(_hart, page, operation) {
      context.decoded.decode(page, operation);
      return 1;
    },
  };
}

const HANDLERS: Readonly<Record<(typeof SYSTEM_HANDLERS)[number], Handler>> = {
  ecall: (context, hart) => {
    if (isUser(context, hart)) return raise(context, hart, ENVIRONMENT_CALL_FROM_USER, 0, 0);
    context.counts[slotOfHart(hart)]!.notRetired++;
    context.words[(hart >> 2) + hartWord.exitReason] = exitReason.environmentCall;
  },
  ebreak: (context, hart) => {
    const pc = (hart >> 2) + hartWord.pc;
    raise(context, hart, BREAKPOINT, context.words[pc]!, context.words[pc + 1]!);
  },
  sret: (context, hart, word) => {
    if (isUser(context, hart)) return illegal(context, hart, word);
    returnFromTrap(context.words, hart);
    takeInterrupt(context.words, hart);
  },
  wfi: (context, hart, word) => {
    if (isUser(context, hart)) return illegal(context, hart, word);
    advancePc(context.words, hart);
    if (pendingAndEnabled(context.words, hart) !== 0) return;
    context.words[(hart >> 2) + hartWord.exitReason] = exitReason.wait;
  },
  sfenceVma: (context, hart, word) => {
    if (isUser(context, hart)) return illegal(context, hart, word);
    const source = (word >>> 15) & 31;
    const slot = slotOfHart(hart);
    if (source === 0) {
      context.system.tlb.flushHart(slot);
    } else {
      const address = registerWord(hart, source);
      context.system.tlb.flushAddress(slot, context.words[address]!, context.words[address + 1]!);
    }
    advancePc(context.words, hart);
  },
  mret: (context, hart, word) => illegal(context, hart, word),
  hfenceVvma: (context, hart, word) => illegal(context, hart, word),
  hfenceGvma: (context, hart, word) => illegal(context, hart, word),
  ...csrHandlers(accessCsr),
  cacheBlockInvalidate: (context, hart, word) => cacheBlock(context, hart, word, 'invalidate'),
  cacheBlockClean: (context, hart, word) => cacheBlock(context, hart, word, 'clean'),
  cacheBlockFlush: (context, hart, word) => cacheBlock(context, hart, word, 'flush'),
  cacheBlockZero: (context, hart, word) => cacheBlock(context, hart, word, 'zero'),
  guestLoad: (context, hart, word) => illegal(context, hart, word),
  guestStore: (context, hart, word) => illegal(context, hart, word),
  fenceInvalidation: (context, hart, word) => illegal(context, hart, word),
};

function isUser(context: HartContext, hart: number): boolean {
  return context.words[(hart >> 2) + hartWord.privilege] === privilege.user;
}

function illegal(context: HartContext, hart: number, word: number): void {
  raise(context, hart, ILLEGAL_INSTRUCTION, word, 0);
}

/** One Zicsr instruction of a guest. */
function accessCsr(context: HartContext, hart: number, word: number, operation: CsrOperation, immediate: boolean): void {
  const { words } = context;
  const writes = writesCsr(word, operation);
  const row = findGuestCsr(csrNumber(word), words[(hart >> 2) + hartWord.profile]!);
  const isOff = row?.behaviour === 'float' && !isFloatOn(words, hart);
  if (row === undefined || isOff || !mayAccess(context, hart, row, writes)) {
    illegal(context, hart, word);
    return;
  }
  const scratch = (hart >> 2) + hartWord.scratch;
  readCsr(context, hart, row, scratch);
  const { low, high } = exchangeCsr(words, hart, word, { operation, immediate, base: words[scratch]! });
  if (writes) writeCsr(context, hart, row, low, high);
}

function mayAccess(context: HartContext, hart: number, row: GuestCsr, writes: boolean): boolean {
  if (writes && isReadOnly(row.number)) return false;
  if (!isUser(context, hart)) return true;
  if (leastPrivilege(row.number) > privilege.user) return false;
  if (!isCounter(row.number)) return true;
  // Counters in VU need their bit of scounteren: CY 0, TM 1, IR 2, HPMn n (Privileged §12.1.5).
  return ((context.words[csrWord(hart, csrSlot.scounteren)]! >>> (row.number & 31)) & 1) !== 0;
}

/** Puts the value of a CSR into the two words at `into`. */
function readCsr(context: HartContext, hart: number, row: GuestCsr, into: number): void {
  const { words } = context;
  if (row.behaviour === 'zero' || row.behaviour === 'float') {
    const isFloat = row.behaviour === 'float';
    writeCounter(words, into, isFloat ? readFloatCsr(words, hart, row.number) : 0);
    return;
  }
  if (row.slot < 0) {
    writeCounter(words, into, counterValue(context, hart, row));
    return;
  }
  const word = csrWord(hart, row.slot);
  if (row.behaviour === 'pending') {
    words[into] = (words[word]! >>> 1) & 0x222;
    words[into + 1] = 0;
  } else {
    words[into] = words[word]!;
    words[into + 1] = words[word + 1]!;
  }
}

/**
 * cycle, instret: what came before this instruction. time: the instant of this instruction, in
 * ticks.
 */
function counterValue(context: HartContext, hart: number, row: GuestCsr): number {
  const { words } = context;
  const base = hart >> 2;
  const slot = slotOfHart(hart);
  const left = words[base + hartWord.budget]!;
  if (row.behaviour === 'time') {
    return Math.floor(context.ports.timeNs(slot, left) / TIME_TICK_NS);
  }
  const counts = context.counts[slot]!;
  const before = counts.budget - left - 1;
  if (row.behaviour === 'cycle') {
    return readCounter(words, base + hartWord.instructionsAttempted) + before;
  }
  return readCounter(words, base + hartWord.instructionsRetired) + before - counts.notRetired;
}

/**
 * Writes a CSR under its mask, with what follows from it. pc already stands at the next
 * instruction.
 */
function writeCsr(
  context: HartContext,
  hart: number,
  row: GuestCsr,
  low: number,
  high: number,
): void {
  const { words } = context;
  if (row.behaviour === 'float') {
    writeFloatCsr(words, hart, row.number, low);
    markDirty(words, hart);
    return;
  }
  const word = csrWord(hart, row.slot);
  if (row.behaviour === 'translation') {
    const mode = high >>> 28;
    if (mode !== 0 && mode !== 8) return;
  }
  const value = row.behaviour === 'pending' ? low << 1 : low;
  const before = words[word]!;
  // CBIE = 2 is reserved: the field keeps its value.
  const isReserved = row.behaviour === 'environment' && (low & CBIE) === 2 << 4;
  const writable = isReserved ? row.writeLow & ~CBIE : row.writeLow;
  words[word] = (before & ~writable) | (value & writable);
  words[word + 1] = (words[word + 1]! & ~row.writeHigh) | (high & row.writeHigh);
  if (row.behaviour === 'translation') context.system.tlb.flushHart(slotOfHart(hart));
  if (row.behaviour === 'status') refreshFloat(words, hart);
  if (row.behaviour === 'status') flushWithdrawn(context, hart, before & ~words[word]!);
  if (row.behaviour === 'status' || row.behaviour === 'enable' || row.behaviour === 'pending') {
    takeInterrupt(words, hart);
  }
}

/**
 * Empties the TLB banks that relied on a permission bit of sstatus which has gone. Bits that come
 * only add misses.
 */
function flushWithdrawn(context: HartContext, hart: number, withdrawn: number): void {
  const slot = slotOfHart(hart);
  if ((withdrawn & (sstatusBit.sum | sstatusBit.mxr)) !== 0) context.system.tlb.flushData(slot, 1);
  if ((withdrawn & sstatusBit.mxr) !== 0) context.system.tlb.flushData(slot, 0);
}
