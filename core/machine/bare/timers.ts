/**
 * The comparators of Sstc: stimecmp against time, vstimecmp against time + htimedelta, as unsigned 64-bit
 * numbers (Privileged ISA 20240411, Sstc). They are on while menvcfg.STCE, for the guest henvcfg.STCE, is 1.
 */
import { bareSlot, bareWord, environmentHigh } from './registers.ts';

const SUPERVISOR_TIMER = 1 << 5;
const GUEST_TIMER = 1 << 6;
const MODULUS = 1n << 64n;

function isOn(words: Int32Array, hart: number, slot: number): boolean {
  return (words[bareWord(hart, slot) + 1]! & environmentHigh.stce) !== 0;
}

/** Whether mip.STIP belongs to stimecmp, and is not to be written. */
export function hasSupervisorTimer(words: Int32Array, hart: number): boolean {
  return isOn(words, hart, bareSlot.menvcfg);
}

function hasGuestTimer(words: Int32Array, hart: number): boolean {
  return hasSupervisorTimer(words, hart) && isOn(words, hart, bareSlot.henvcfg);
}

function unsigned(words: Int32Array, hart: number, slot: number): number {
  const word = bareWord(hart, slot);
  return (words[word + 1]! >>> 0) * 0x1_0000_0000 + (words[word]! >>> 0);
}

function exact(words: Int32Array, hart: number, slot: number): bigint {
  const word = bareWord(hart, slot);
  return (BigInt(words[word + 1]! >>> 0) << 32n) | BigInt(words[word]! >>> 0);
}

/** time as the guest sees it: ticks + htimedelta, modulo 2^64. */
export function guestTicks(words: Int32Array, hart: number, ticks: number): bigint {
  return (BigInt(ticks) + exact(words, hart, bareSlot.htimedelta)) % MODULUS;
}

/** Bits of mip that the comparators set at `ticks` (below 2^53). */
export function timersDue(words: Int32Array, hart: number, ticks: number): number {
  if (!hasSupervisorTimer(words, hart)) return 0;
  let due = ticks >= unsigned(words, hart, bareSlot.stimecmp) ? SUPERVISOR_TIMER : 0;
  if (hasGuestTimer(words, hart)) {
    if (guestTicks(words, hart, ticks) >= exact(words, hart, bareSlot.vstimecmp)) due |= GUEST_TIMER;
  }
  return due;
}

/** The first tick after `ticks` at which a comparator changes its mind; Infinity for never. */
export function nextTimerTick(words: Int32Array, hart: number, ticks: number): number {
  if (!hasSupervisorTimer(words, hart)) return Infinity;
  const supervisor = unsigned(words, hart, bareSlot.stimecmp);
  let next = supervisor > ticks ? supervisor : Infinity;
  if (hasGuestTimer(words, hart)) {
    const now = guestTicks(words, hart, ticks);
    const at = exact(words, hart, bareSlot.vstimecmp);
    next = Math.min(next, ticks + Number((now < at ? at : MODULUS) - now));
  }
  return next < 2 ** 53 ? next : Infinity;
}
