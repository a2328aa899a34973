/**
 * Interrupts of a guest hart: hvip bits 2, 6 and 10 are what the guest sees as sip bits 1
 * (software), 5 (timer) and 9 (external) (RISC-V Privileged 20240411 §18.2.3, §12.1.3). All are
 * delegated to it. Left out: guest external interrupt files (AIA), the timer comparator of Sstc
 * (the hypervisor keeps the timer).
 */
import { assert } from '../base/assert.ts';
import { csrSlot } from '../protocol/host-memory-layout.ts';
import { csrWord, hartWord, pendingAndEnabled, privilege, sstatusBit } from './hart.ts';
import { enterTrap } from './trap.ts';

/** Numbers of the virtual interrupts, as bits of hvip. */
export const virtualInterrupt = { software: 2, timer: 6, external: 10 } as const;

/** Order in which pending interrupts are taken: external, software, timer (§12.1.3). */
const TAKEN_IN_ORDER = [9, 1, 5] as const;

/** Sets or clears a bit of hvip. `cause` is one of {@link virtualInterrupt}. */
export function setPending(words: Int32Array, hart: number, cause: number, pending: boolean): void {
  assert(cause === 2 || cause === 6 || cause === 10, 'a virtual supervisor interrupt: 2, 6 or 10');
  const word = csrWord(hart, csrSlot.hvip);
  words[word] = pending ? words[word]! | (1 << cause) : words[word]! & ~(1 << cause);
}

/**
 * Takes the first interrupt that is pending, enabled and not masked by the mode. Gives whether one
 * was taken.
 */
export function takeInterrupt(words: Int32Array, hart: number): boolean {
  const ready = pendingAndEnabled(words, hart);
  if (ready === 0) return false;
  const inUser = words[(hart >> 2) + hartWord.privilege] === privilege.user;
  const status = words[csrWord(hart, csrSlot.vsstatus)]!;
  if (!inUser && (status & sstatusBit.sie) === 0) return false;
  for (const code of TAKEN_IN_ORDER) {
    if ((ready & (1 << code)) === 0) continue;
    enterTrap(words, hart, code, true, 0, 0);
    return true;
  }
  return false;
}
