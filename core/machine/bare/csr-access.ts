/**
 * Reads and writes of a bare-metal hart's CSRs, with who may (RISC-V Privileged ISA 20240411 §2.1, §18.6.1) and
 * what follows. In VS and VU the numbers of the S registers mean the VS ones.
 */
import { HART_PROFILES } from '../../isa/table/index.ts';
import { bareBlock } from '../../protocol/host-memory-layout.ts';
import { readFloatCsr, writeFloatCsr } from '../float-instructions.ts';
import { hartWord, readCounter, slotOfHart, writeCounter } from '../hart.ts';
import { readAia, refusalOf, writeAia } from './aia.ts';
import type { BareContext } from './context.ts';
import { type BareCsr, findBareCsr } from './csr-table.ts';
import { guestExternalPending, hasInjected } from './guest-interrupts.ts';
import { isPmpAddressLocked, legalConfigurations, readPmpAddress } from './pmp.ts';
import {
  bareIndex,
  bareSlot,
  bareWord,
  environmentHigh,
  environmentLow,
  hstatusLow,
  mode,
  PMPADDR_SLOT,
  statusHigh,
  statusLow,
} from './registers.ts';
import { guestTicks, hasSupervisorTimer } from './timers.ts';
import { pendingInterrupts } from './trap.ts';

/** Whether an access is allowed, or which exception it raises. */
export type Permission = 'allowed' | 'illegal' | 'virtual';

const TIME = 2; // bit TM of the counter enables
const SATP = 0x180;
const STIMECMP = 0x14d;
const VSTIMECMP = 0x24d;

/** The number that an access means: in VS and VU an S register is the VS one. */
function effectiveNumber(context: BareContext, hart: number, number: number): number {
  if (!context.isVirtual(hart)) return number;
  const isReplaced = number === 0x100 || number === 0x104 || number === 0x105 || (number >= 0x140 && number <= 0x144);
  const isAia = number === 0x150 || number === 0x151 || number === 0x15c || number === 0xdb0;
  return isReplaced || isAia || number === SATP || number === STIMECMP ? number + 0x100 : number;
}

/** The row behind `number` as the hart sees it now, or undefined. */
export function rowOf(context: BareContext, hart: number, number: number): BareCsr | undefined {
  const profile = context.words[(hart >> 2) + hartWord.profile]!;
  // A number that the hart's own level lacks must not lead to one of another level.
  if (findBareCsr(number, profile) === undefined) return undefined;
  return findBareCsr(effectiveNumber(context, hart, number), profile);
}

/** Whether the hart may access `number`, which has a row, now. */
export function permissionOf(context: BareContext, hart: number, number: number, row: BareCsr, writes: boolean): Permission {
  if (writes && number >>> 10 === 3) return 'illegal';
  const privilege = context.privilege(hart);
  if (row.behaviour === 'float') return context.isFloatOn(hart) ? 'allowed' : 'illegal';
  if (privilege === mode.machine) return refusalOf(context, hart, row);
  const isVirtual = context.isVirtual(hart);
  const level = (number >>> 8) & 3;
  if (level === 3) return 'illegal';
  const isTimer = number === STIMECMP || number === VSTIMECMP;
  if (isTimer && !mayUseTimer(context, hart)) return 'illegal';
  if (level > privilege + (isVirtual || privilege === 0 ? 0 : 1)) return isVirtual ? 'virtual' : 'illegal';
  const { words } = context;
  // hvictl.VTI keeps from a guest what its hypervisor makes up (AIA 1.0 §6.3.2).
  const isMadeUp = number === 0x104 || number === 0x144 || (number === STIMECMP && writes);
  if (isVirtual && isMadeUp && hasInjected(words, hart)) return 'virtual';
  const enables = (slot: number) => words[bareWord(hart, slot)]!;
  if (isTimer && isVirtual) {
    const isOn = (words[bareWord(hart, bareSlot.henvcfg) + 1]! & environmentHigh.stce) !== 0;
    return isOn && (enables(bareSlot.hcounteren) & TIME) !== 0 ? 'allowed' : 'virtual';
  }
  if (number >>> 5 === 0x60) {
    const bit = 1 << (number & 31);
    if ((enables(bareSlot.mcounteren) & bit) === 0) return 'illegal';
    if (isVirtual && (enables(bareSlot.hcounteren) & bit) === 0) return 'virtual';
    const isRefused = privilege === mode.user && (enables(bareSlot.scounteren) & bit) === 0;
    return isRefused ? (isVirtual ? 'virtual' : 'illegal') : 'allowed';
  }
  if (number === SATP && isVirtual) {
    return (words[bareWord(hart, bareSlot.hstatus)]! & hstatusLow.vtvm) !== 0 ? 'virtual' : 'allowed';
  }
  if (number === SATP || number === 0x680) {
    return (words[bareWord(hart, bareSlot.mstatus)]! & statusLow.tvm) !== 0 ? 'illegal' : 'allowed';
  }
  return refusalOf(context, hart, row);
}

function mayUseTimer(context: BareContext, hart: number): boolean {
  const { words } = context;
  return hasSupervisorTimer(words, hart) && (words[bareWord(hart, bareSlot.mcounteren)]! & TIME) !== 0;
}

/** Puts the value of a CSR into the two words at `into`. */
export function readBareCsr(context: BareContext, hart: number, row: BareCsr, into: number): void {
  const { words } = context;
  const word = row.slot < 0 ? 0 : bareWord(hart, row.slot);
  words[into + 1] = 0;
  switch (row.behaviour) {
    case 'misa': {
      const misa = MISA[words[(hart >> 2) + hartWord.profile]!]!;
      words[into] = misa;
      words[into + 1] = MXL_64;
      return;
    }
    case 'hartId':
      words[into] = bareIndex(hart);
      return;
    case 'enable':
    case 'pending':
      words[into] = interruptView(context, hart, row, row.behaviour === 'enable' ? words[word]! : pendingFor(context, hart, row));
      return;
    case 'cycle':
    case 'instret':
      put(words, into, counterValue(context, hart, row));
      return;
    case 'time':
      if (context.isVirtual(hart)) put(words, into, guestTicks(words, hart, context.ticks(hart)));
      else writeCounter(words, into, context.ticks(hart));
      return;
    case 'float':
      words[into] = readFloatCsr(words, hart, row.number);
      return;
    case 'guestExternal':
      words[into] = guestExternalPending(words, hart);
      return;
    case 'window':
    case 'topExternal':
    case 'topInterrupt':
      put(words, into, readAia(context, hart, row));
      return;
    case 'pmpAddress':
      words[into] = readPmpAddress(words, hart, row.slot - PMPADDR_SLOT);
      words[into + 1] = words[word + 1]!;
      return;
    default:
      break;
  }
  if (row.slot < 0) {
    words[into] = 0;
    return;
  }
  const fixed = row.fixed ?? NO_BITS;
  const low = words[word]!;
  words[into] = (low & row.read[0]) | fixed[0];
  words[into + 1] = (words[word + 1]! & row.read[1]) | fixed[1];
  if (row.behaviour === 'status' && (low & statusLow.fs) === statusLow.fs) words[into + 1]! |= statusHigh.sd;
}

const NO_BITS = [0, 0] as const;
const MXL_64 = 0x8000_0000 | 0;

/** misa's low half by profile number: letters, with S and U. */
const MISA = HART_PROFILES.map(({ extensions }) => {
  const letters = [...extensions.filter((name) => name.length === 1), 'S', 'U'];
  return letters.reduce((bits, letter) => bits | (1 << (letter.charCodeAt(0) - 65)), 0);
});

/** mip with what a view shows of it: hvip and mvip have what software wrote only. */
function pendingFor(context: BareContext, hart: number, row: BareCsr): number {
  const written = context.words[bareWord(hart, bareSlot.mip)]!;
  if (row.name === 'hvip') return written;
  if (row.name === 'mvip') return hasSupervisorTimer(context.words, hart) ? written & ~(1 << 5) : written;
  return pendingInterrupts(context, hart, context.ticks(hart));
}

/** What a view of mie or mip shows of `bits`: delegated ones, for the guest one position lower. */
function interruptView(context: BareContext, hart: number, row: BareCsr, bits: number): number {
  const { words } = context;
  if (row.name === 'sie' || row.name === 'sip') return bits & words[bareWord(hart, bareSlot.mideleg)]! & row.read[0];
  if (row.name === 'vsie' || row.name === 'vsip') {
    return ((bits & words[bareWord(hart, bareSlot.hideleg)]!) >>> 1) & row.read[0];
  }
  return bits & row.read[0];
}

/**
 * What csrrs and csrrc modify: the value read, but of mip and its views what software wrote (§3.1.9: SEIP of the
 * interrupt controller must not become SEIP of software).
 */
export function modifiedBase(context: BareContext, hart: number, row: BareCsr, readLow: number): number {
  if (row.behaviour !== 'pending') return readLow;
  return interruptView(context, hart, row, context.words[bareWord(hart, bareSlot.mip)]!);
}

/** Attempted or retired instructions before the present one, as the hart's record counts them. */
function ownCount(context: BareContext, hart: number, behaviour: 'cycle' | 'instret'): number {
  const { words } = context;
  const counts = context.counts[bareIndex(hart)]!;
  const before = counts.budget - words[(hart >> 2) + hartWord.budget]! - 1;
  if (behaviour === 'cycle') return readCounter(words, (hart >> 2) + hartWord.instructionsAttempted) + before;
  return readCounter(words, (hart >> 2) + hartWord.instructionsRetired) + before - counts.notRetired;
}

const INHIBIT = { cycle: 1, instret: 4 } as const;

function isInhibited(context: BareContext, hart: number, behaviour: 'cycle' | 'instret'): boolean {
  return (context.words[bareWord(hart, bareSlot.mcountinhibit)]! & INHIBIT[behaviour]) !== 0;
}

function counterValue(context: BareContext, hart: number, row: BareCsr): bigint {
  const behaviour = row.behaviour === 'cycle' ? 'cycle' : 'instret';
  const kept = context.system.host.longs[bareWord(hart, row.slot) >> 1]!;
  return isInhibited(context, hart, behaviour) ? kept : kept + BigInt(ownCount(context, hart, behaviour));
}

function put(words: Int32Array, into: number, value: bigint): void {
  words[into] = Number(BigInt.asIntN(32, value));
  words[into + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** Writes a CSR, with what follows from it but interrupts. pc already stands at the next instruction. */
export function writeBareCsr(context: BareContext, hart: number, row: BareCsr, low: number, high: number): void {
  const { words } = context;
  const word = row.slot < 0 ? 0 : bareWord(hart, row.slot);
  switch (row.behaviour) {
    case 'float':
      writeFloatCsr(words, hart, row.number, low);
      context.markFloatDirty(hart);
      return;
    case 'enable':
    case 'pending':
      writeInterrupts(context, hart, row, low);
      return;
    case 'cycle':
    case 'instret':
      writeCount(context, hart, row, low, high);
      return;
    case 'inhibit':
      writeInhibit(context, hart, low & row.write[0]);
      return;
    case 'pmpConfiguration':
      words[word] = legalConfigurations(words[word]!, low);
      words[word + 1] = legalConfigurations(words[word + 1]!, high);
      context.flushAll(hart);
      return;
    case 'window':
    case 'topExternal':
      writeAia(context, hart, row, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
      return;
    case 'pmpAddress':
      if (isPmpAddressLocked(words, hart, row.slot - PMPADDR_SLOT)) return;
      words[word] = low;
      words[word + 1] = high & row.write[1];
      context.flushAll(hart);
      return;
    case 'translation':
      writeTranslation(context, hart, row, low, high);
      return;
    case 'environment':
      writeEnvironment(context, hart, row, low, high);
      return;
    default:
      break;
  }
  if (row.slot < 0) return;
  const before = words[word]!;
  let writable = row.write[0];
  // MPP = 2 is no mode: the field keeps its value.
  if (row.name === 'mstatus' && ((low & statusLow.mpp) >>> 11) === 2) writable &= ~statusLow.mpp;
  words[word] = (before & ~writable) | (low & writable);
  words[word + 1] = (words[word + 1]! & ~row.write[1]) | (high & row.write[1]);
  if (row.behaviour === 'status') {
    flushWithdrawn(context, hart, row.slot, before & ~words[word]!);
    context.refreshMode(hart);
  }
  if (row.behaviour === 'comparator') context.requestExit(hart);
}

/** Empties the TLB banks that relied on a permission bit which has gone. Bits that come only add misses. */
function flushWithdrawn(context: BareContext, hart: number, slot: number, withdrawn: number): void {
  const { tlb } = context.system;
  const first = slotOfHart(hart);
  const isGuest = slot === bareSlot.vsstatus;
  const own = first + (isGuest ? bareBlock.guest : bareBlock.host);
  if ((withdrawn & (statusLow.sum | statusLow.mxr)) !== 0) tlb.flushData(own, 1);
  if ((withdrawn & statusLow.mxr) === 0) return;
  tlb.flushData(own, 0);
  if (isGuest) return;
  tlb.flushData(first + bareBlock.guest, 0);
  tlb.flushData(first + bareBlock.guest, 1);
}

function writeInterrupts(context: BareContext, hart: number, row: BareCsr, low: number): void {
  const { words } = context;
  const word = bareWord(hart, row.slot);
  let mask = row.write[0];
  let value = low;
  if (row.name === 'sie' || row.name === 'sip') mask &= words[bareWord(hart, bareSlot.mideleg)]!;
  if (row.name === 'vsie' || row.name === 'vsip') {
    mask = (mask << 1) & words[bareWord(hart, bareSlot.hideleg)]!;
    value = low << 1;
  }
  // With stimecmp in force STIP shows the comparator and nothing else.
  if ((row.name === 'mip' || row.name === 'mvip') && hasSupervisorTimer(words, hart)) mask &= ~(1 << 5);
  words[word] = (words[word]! & ~mask) | (value & mask);
}

function writeCount(context: BareContext, hart: number, row: BareCsr, low: number, high: number): void {
  const behaviour = row.behaviour === 'cycle' ? 'cycle' : 'instret';
  const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
  const own = isInhibited(context, hart, behaviour) ? 0n : BigInt(ownCount(context, hart, behaviour) + 1);
  context.system.host.longs[bareWord(hart, row.slot) >> 1] = BigInt.asIntN(64, value - own);
}

/** A counter that stops keeps its value, and goes on from it later. */
function writeInhibit(context: BareContext, hart: number, bits: number): void {
  const { longs } = context.system.host;
  for (const [behaviour, slot] of [['cycle', bareSlot.cycleOffset], ['instret', bareSlot.instretOffset]] as const) {
    const isStopped = (bits & INHIBIT[behaviour]) !== 0;
    if (isStopped === isInhibited(context, hart, behaviour)) continue;
    const own = BigInt(ownCount(context, hart, behaviour) + 1);
    const at = bareWord(hart, slot) >> 1;
    longs[at] = BigInt.asIntN(64, isStopped ? longs[at]! + own : longs[at]! - own);
  }
  context.words[bareWord(hart, bareSlot.mcountinhibit)] = bits;
}

/** satp ignores an unknown MODE as a whole, and so does vsatp from VS; else the field keeps its value. */
function writeTranslation(context: BareContext, hart: number, row: BareCsr, low: number, high: number): void {
  const { words } = context;
  const word = bareWord(hart, row.slot);
  const chosen = high >>> 28;
  const isKnown = chosen === 0 || chosen === 8 || chosen === 9;
  if (!isKnown && (row.name === 'satp' || context.isVirtual(hart))) return;
  const field = isKnown ? high & MODE_MASK : words[word + 1]! & MODE_MASK;
  if (row.name === 'hgatp') {
    words[word] = low & ~3;
    words[word + 1] = field | (high & HGATP_HIGH);
  } else {
    words[word] = low;
    words[word + 1] = field | (high & ~MODE_MASK);
  }
  context.flush(hart, row.name === 'satp' ? bareBlock.host : bareBlock.guest);
  context.flush(hart, bareBlock.modified);
}

const MODE_MASK = 0xf000_0000 | 0;
/** VMID of 14 bits, PPN's upper 12. */
const HGATP_HIGH = 0x03ff_ffff;

/** CBIE = 2 is reserved: the field keeps its value. What menvcfg has not, henvcfg has not either. */
function writeEnvironment(context: BareContext, hart: number, row: BareCsr, low: number, high: number): void {
  const { words } = context;
  const word = bareWord(hart, row.slot);
  const isReserved = (low & environmentLow.cbie) === 2 << 4;
  const writable = isReserved ? row.write[0] & ~environmentLow.cbie : row.write[0];
  words[word] = (words[word]! & ~writable) | (low & writable);
  words[word + 1] = (words[word + 1]! & ~row.write[1]) | (high & row.write[1]);
  words[bareWord(hart, bareSlot.henvcfg) + 1]! &= words[bareWord(hart, bareSlot.menvcfg) + 1]!;
  if (row.name === 'senvcfg') return;
  context.flush(hart, bareBlock.host);
  context.flush(hart, bareBlock.guest);
  context.flush(hart, bareBlock.modified);
  context.requestExit(hart);
}
