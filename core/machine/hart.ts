/**
 * Access to a hart's record in the host memory (layout: core/protocol/host-memory-layout). A hart
 * is named by the address of its block. 64-bit values are handled as two 32-bit halves; bigint is
 * for inspectors and tests.
 */
import { csrSlot, HART_ADDRESS, HART_STRIDE, hartOffset } from '../protocol/host-memory-layout.ts';

/** Privilege modes as the record holds them. */
export const privilege = { user: 0, supervisor: 1 } as const;

/** Word offsets inside a hart's record, for typed-array access: index = (hart >> 2) + offset. */
export const hartWord = {
  pc: hartOffset.pc >> 2,
  privilege: hartOffset.privilege >> 2,
  virtualMode: hartOffset.virtualMode >> 2,
  budget: hartOffset.budget >> 2,
  exitReason: hartOffset.exitReason >> 2,
  instructionWord: hartOffset.instructionWord >> 2,
  reservationValid: hartOffset.reservationValid >> 2,
  reservationAddress: hartOffset.reservationAddress >> 2,
  scratch: hartOffset.scratch >> 2,
  address: hartOffset.address >> 2,
  instructionsRetired: hartOffset.instructionsRetired >> 2,
  instructionsAttempted: hartOffset.instructionsAttempted >> 2,
  profile: hartOffset.profile >> 2,
  fcsr: hartOffset.fcsr >> 2,
  floatState: hartOffset.floatState >> 2,
  tlbBase: hartOffset.tlbBase >> 2,
} as const;

/** Bits of sstatus that a guest has (RISC-V Privileged §12.1.1). All in the low word. */
export const sstatusBit = {
  sie: 1 << 1,
  spie: 1 << 5,
  spp: 1 << 8,
  fs: 3 << 13,
  sum: 1 << 18,
  mxr: 1 << 19,
} as const;

/** Address of the block of hart `slot`. */
export function hartAddress(slot: number): number {
  return HART_ADDRESS + slot * HART_STRIDE;
}

/** Slot of the hart whose block is at `hart`. */
export function slotOfHart(hart: number): number {
  return (hart - HART_ADDRESS) / HART_STRIDE;
}

/** Word index of a CSR slot's low half. */
export function csrWord(hart: number, slot: number): number {
  return (hart + hartOffset.csr + 8 * slot) >> 2;
}

/** Word index of the low half of x[register]. */
export function registerWord(hart: number, register: number): number {
  return (hart + hartOffset.x + 8 * register) >> 2;
}

/** An unsigned 64-bit counter below 2^53 at a word index. */
export function readCounter(words: Int32Array, word: number): number {
  return (words[word + 1]! >>> 0) * 0x1_0000_0000 + (words[word]! >>> 0);
}

/** Stores a counter, 0 … 2^53 − 1. */
export function writeCounter(words: Int32Array, word: number, value: number): void {
  words[word] = value | 0;
  words[word + 1] = Math.floor(value / 0x1_0000_0000) | 0;
}

/** Moves pc on by the four bytes of the present instruction. */
export function advancePc(words: Int32Array, hart: number): void {
  const pc = (hart >> 2) + hartWord.pc;
  const low = (words[pc]! + 4) | 0;
  words[pc] = low;
  if (low >>> 0 < 4) words[pc + 1] = (words[pc + 1]! + 1) | 0;
}

/**
 * The supervisor interrupts that are pending and enabled for a guest: sip & sie, bits 1, 5 and 9.
 */
export function pendingAndEnabled(words: Int32Array, hart: number): number {
  const pending = (words[csrWord(hart, csrSlot.hvip)]! >>> 1) & 0x222;
  return pending & words[csrWord(hart, csrSlot.vsie)]!;
}
