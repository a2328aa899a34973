/**
 * Traps of a bare-metal hart: where they go (medeleg, hedeleg and their like for interrupts), what they leave in
 * the CSRs of M, HS or VS, and the returns (RISC-V Privileged ISA 20240411 §3.1.6, §3.3.2, §12.1, §18.6). A trap
 * drops the LR reservation.
 */
import { hartWord } from '../hart.ts';
import type { BareContext } from './context.ts';
import { guestExternalDue, guestTopInterrupt, hasInjected } from './guest-interrupts.ts';
import {
  bareIndex,
  bareSlot,
  bareWord,
  hstatusLow,
  LINES,
  mode,
  statusHigh,
  statusLow,
  SUPERVISOR_INTERRUPTS,
} from './registers.ts';
import { hasSupervisorTimer, timersDue } from './timers.ts';

const INTERRUPT_HIGH = 0x8000_0000 | 0;

/** What a trap leaves besides its cause. All are 32-bit halves, 0 where not said. */
export interface TrapValues {
  readonly low?: number;
  readonly high?: number;
  /** Whether low and high are a guest virtual address. */
  readonly isGuestAddress?: boolean;
  /** htval or mtval2: a guest physical address shifted right by 2. */
  readonly guestLow?: number;
  readonly guestHigh?: number;
  /** htinst or mtinst. */
  readonly instruction?: number;
}

/** An exception of the present instruction, which does not retire. */
export function raiseException(context: BareContext, hart: number, cause: number, values: TrapValues): void {
  const { words } = context;
  const index = bareIndex(hart);
  context.counts[index]!.notRetired++;
  context.traps[index]!.exception[cause]!++;
  const bit = 1 << cause;
  const isMachine = context.privilege(hart) === mode.machine;
  if (isMachine || (words[bareWord(hart, bareSlot.medeleg)]! & bit) === 0) {
    enterMachine(context, hart, cause, 0, values);
  } else if (context.isVirtual(hart) && (words[bareWord(hart, bareSlot.hedeleg)]! & bit) !== 0) {
    enterGuestSupervisor(context, hart, cause, 0, values);
  } else {
    enterSupervisor(context, hart, cause, 0, values);
  }
}

/** mip as it stands at `ticks`, all sources together. */
export function pendingInterrupts(context: BareContext, hart: number, ticks: number): number {
  const { words } = context;
  const lines = words[bareWord(hart, bareSlot.lines)]! & LINES;
  // With stimecmp in force STIP is its and not software's (Sstc).
  const notOwn = hasSupervisorTimer(words, hart) ? 1 << 5 : 0;
  return (words[bareWord(hart, bareSlot.mip)]! & ~notOwn) | lines | timersDue(words, hart, ticks) | guestExternalDue(words, hart);
}

/** Whether wfi goes on: an interrupt is pending and enabled at some level, masked by the mode or not. */
export function isAnyPending(context: BareContext, hart: number, ticks: number): boolean {
  const { words } = context;
  const pending = pendingInterrupts(context, hart, ticks);
  if ((pending & words[bareWord(hart, bareSlot.mie)]!) !== 0) return true;
  return hasInjected(words, hart) && guestTopInterrupt(context, hart, pending) !== 0;
}

/** Order in which interrupts of one destination are taken (§3.1.9, §18.2.3). */
export const PRIORITY = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6] as const;

/** Who takes an interrupt. */
const destination = { none: 0, machine: 1, supervisor: 2, guest: 3 } as const;

/** An interrupt that is due: where it goes, and its code there. */
interface DueInterrupt {
  readonly to: number;
  readonly code: number;
}

const NONE: DueInterrupt = { to: destination.none, code: 0 };
const firstOf = (ready: number): number => PRIORITY.find((each) => (ready & (1 << each)) !== 0)!;

/** The interrupt that would be taken, the first for the first destination that takes one. */
function dueInterrupt(context: BareContext, hart: number, ticks: number): DueInterrupt {
  const { words } = context;
  const enabled = words[bareWord(hart, bareSlot.mie)]!;
  const isInjected = hasInjected(words, hart);
  if (enabled === 0 && !isInjected) return NONE;
  const pending = pendingInterrupts(context, hart, ticks);
  const ready = pending & enabled;
  if (ready === 0 && !isInjected) return NONE;
  const privilege = context.privilege(hart);
  const status = words[bareWord(hart, bareSlot.mstatus)]!;
  const delegated = words[bareWord(hart, bareSlot.mideleg)]!;
  const machine = ready & ~delegated;
  if (machine !== 0 && (privilege < mode.machine || (status & statusLow.mie) !== 0)) {
    return { to: destination.machine, code: firstOf(machine) };
  }
  if (privilege === mode.machine) return NONE;
  const isVirtual = context.isVirtual(hart);
  const toGuest = words[bareWord(hart, bareSlot.hideleg)]!;
  const supervisor = ready & delegated & ~toGuest;
  if (supervisor !== 0 && (isVirtual || privilege < mode.supervisor || (status & statusLow.sie) !== 0)) {
    return { to: destination.supervisor, code: firstOf(supervisor) };
  }
  if (!isVirtual) return NONE;
  const isOpen = privilege < mode.supervisor || (words[bareWord(hart, bareSlot.vsstatus)]! & statusLow.sie) !== 0;
  if (!isOpen) return NONE;
  const guest = ready & delegated & toGuest;
  if (isInjected || words[bareWord(hart, bareSlot.hviprio1)] !== 0) {
    const top = guestTopInterrupt(context, hart, pending);
    return top === 0 ? NONE : { to: destination.guest, code: top >>> 16 };
  }
  // Without priorities of the hypervisor's the order is the default one.
  return guest === 0 ? NONE : { to: destination.guest, code: firstOf(guest) - 1 };
}

/** Whether an interrupt is due before the next instruction, as things stand at `ticks`. */
export function mayTakeInterrupt(context: BareContext, hart: number, ticks: number): boolean {
  return dueInterrupt(context, hart, ticks).to !== destination.none;
}

/** The interrupt that is due before the next instruction at `ticks`, by its name's code, and who takes it: for inspectors. */
export function whoTakes(context: BareContext, hart: number, ticks: number): { readonly code: number; readonly to: 'M' | 'HS' | 'VS' } | undefined {
  const { to, code } = dueInterrupt(context, hart, ticks);
  if (to === destination.none) return undefined;
  return { code, to: to === destination.machine ? 'M' : to === destination.supervisor ? 'HS' : 'VS' };
}

/**
 * Takes the interrupt that is due before the instruction at pc, if any, as things stand at `ticks`. Gives
 * whether one was.
 */
export function takeInterrupt(context: BareContext, hart: number, ticks: number): boolean {
  const { to, code } = dueInterrupt(context, hart, ticks);
  if (to === destination.none) return false;
  const isOfGuest = to === destination.guest && ((SUPERVISOR_INTERRUPTS >>> code) & 1) === 1;
  context.traps[bareIndex(hart)]!.interrupt[isOfGuest ? code + 1 : code]!++;
  if (to === destination.machine) enterMachine(context, hart, code, INTERRUPT_HIGH, {});
  else if (to === destination.supervisor) enterSupervisor(context, hart, code, INTERRUPT_HIGH, {});
  else enterGuestSupervisor(context, hart, code, INTERRUPT_HIGH, {});
  return true;
}

function enterMachine(context: BareContext, hart: number, code: number, high: number, values: TrapValues): void {
  const { words } = context;
  const status = bareWord(hart, bareSlot.mstatus);
  const before = words[status]!;
  const after = before & ~(statusLow.mie | statusLow.mpie | statusLow.mpp);
  const wasEnabled = (before & statusLow.mie) !== 0 ? statusLow.mpie : 0;
  words[status] = after | wasEnabled | (context.privilege(hart) << 11);
  words[status + 1]! &= ~(statusHigh.gva | statusHigh.mpv);
  if (values.isGuestAddress === true) words[status + 1]! |= statusHigh.gva;
  if (context.isVirtual(hart)) words[status + 1]! |= statusHigh.mpv;
  setSlot(words, hart, bareSlot.mtval2, values.guestLow ?? 0, values.guestHigh ?? 0);
  setSlot(words, hart, bareSlot.mtinst, values.instruction ?? 0, 0);
  record(words, hart, bareSlot.mepc, bareSlot.mcause, bareSlot.mtval, code, high, values);
  context.setMode(hart, mode.machine, false);
  goToVector(words, hart, bareSlot.mtvec, code, high);
}

function enterSupervisor(context: BareContext, hart: number, code: number, high: number, values: TrapValues): void {
  const { words } = context;
  const privilege = context.privilege(hart);
  const hstatus = bareWord(hart, bareSlot.hstatus);
  words[hstatus]! &= ~(hstatusLow.gva | hstatusLow.spv);
  if (values.isGuestAddress === true) words[hstatus]! |= hstatusLow.gva;
  if (context.isVirtual(hart)) {
    words[hstatus] = (words[hstatus]! & ~hstatusLow.spvp) | hstatusLow.spv | (privilege === 0 ? 0 : hstatusLow.spvp);
  }
  push(words, bareWord(hart, bareSlot.mstatus), privilege);
  setSlot(words, hart, bareSlot.htval, values.guestLow ?? 0, values.guestHigh ?? 0);
  setSlot(words, hart, bareSlot.htinst, values.instruction ?? 0, 0);
  record(words, hart, bareSlot.sepc, bareSlot.scause, bareSlot.stval, code, high, values);
  context.setMode(hart, mode.supervisor, false);
  goToVector(words, hart, bareSlot.stvec, code, high);
}

function enterGuestSupervisor(context: BareContext, hart: number, code: number, high: number, values: TrapValues): void {
  const { words } = context;
  push(words, bareWord(hart, bareSlot.vsstatus), context.privilege(hart));
  record(words, hart, bareSlot.vsepc, bareSlot.vscause, bareSlot.vstval, code, high, values);
  context.setMode(hart, mode.supervisor, true);
  goToVector(words, hart, bareSlot.vstvec, code, high);
}

/** SPP ← mode, SPIE ← SIE, SIE ← 0. */
function push(words: Int32Array, status: number, privilege: number): void {
  const before = words[status]!;
  const after = before & ~(statusLow.sie | statusLow.spie | statusLow.spp);
  const wasEnabled = (before & statusLow.sie) !== 0 ? statusLow.spie : 0;
  words[status] = after | wasEnabled | (privilege === 0 ? 0 : statusLow.spp);
}

function record(
  words: Int32Array,
  hart: number,
  epc: number,
  cause: number,
  value: number,
  code: number,
  high: number,
  values: TrapValues,
): void {
  const pc = (hart >> 2) + hartWord.pc;
  setSlot(words, hart, epc, words[pc]!, words[pc + 1]!);
  setSlot(words, hart, cause, code, high);
  setSlot(words, hart, value, values.low ?? 0, values.high ?? 0);
  words[(hart >> 2) + hartWord.reservationValid] = 0;
}

function goToVector(words: Int32Array, hart: number, slot: number, code: number, causeHigh: number): void {
  const vector = bareWord(hart, slot);
  const base = words[vector]! & ~3;
  const offset = causeHigh !== 0 && (words[vector]! & 3) === 1 ? 4 * code : 0;
  const low = (base + offset) | 0;
  const pc = (hart >> 2) + hartWord.pc;
  words[pc] = low;
  words[pc + 1] = (words[vector + 1]! + (low >>> 0 < base >>> 0 ? 1 : 0)) | 0;
}

function setSlot(words: Int32Array, hart: number, slot: number, low: number, high: number): void {
  const word = bareWord(hart, slot);
  words[word] = low;
  words[word + 1] = high;
}

/** mret, in M. */
export function returnFromMachine(context: BareContext, hart: number): void {
  const { words } = context;
  const status = bareWord(hart, bareSlot.mstatus);
  const before = words[status]!;
  const privilege = (before & statusLow.mpp) >>> 11;
  const isVirtual = privilege !== mode.machine && (words[status + 1]! & statusHigh.mpv) !== 0;
  let after = (before & ~(statusLow.mpp | statusLow.mie)) | statusLow.mpie;
  if ((before & statusLow.mpie) !== 0) after |= statusLow.mie;
  if (privilege !== mode.machine) after &= ~statusLow.mprv;
  words[status] = after;
  words[status + 1]! &= ~statusHigh.mpv;
  goTo(words, hart, bareSlot.mepc);
  context.setMode(hart, privilege, isVirtual);
}

/** sret, in M, HS or VS. */
export function returnFromSupervisor(context: BareContext, hart: number): void {
  const { words } = context;
  const isVirtual = context.isVirtual(hart);
  const mstatus = bareWord(hart, bareSlot.mstatus);
  const status = isVirtual ? bareWord(hart, bareSlot.vsstatus) : mstatus;
  const before = words[status]!;
  let after = (before & ~(statusLow.spp | statusLow.sie)) | statusLow.spie;
  if ((before & statusLow.spie) !== 0) after |= statusLow.sie;
  words[status] = after;
  words[mstatus]! &= ~statusLow.mprv;
  const privilege = (before & statusLow.spp) !== 0 ? mode.supervisor : mode.user;
  if (isVirtual) {
    goTo(words, hart, bareSlot.vsepc);
    context.setMode(hart, privilege, true);
    return;
  }
  const hstatus = bareWord(hart, bareSlot.hstatus);
  const toGuest = (words[hstatus]! & hstatusLow.spv) !== 0;
  words[hstatus]! &= ~hstatusLow.spv;
  goTo(words, hart, bareSlot.sepc);
  context.setMode(hart, privilege, toGuest);
}

function goTo(words: Int32Array, hart: number, slot: number): void {
  const from = bareWord(hart, slot);
  const pc = (hart >> 2) + hartWord.pc;
  words[pc] = words[from]!;
  words[pc + 1] = words[from + 1]!;
  words[(hart >> 2) + hartWord.reservationValid] = 0;
}
