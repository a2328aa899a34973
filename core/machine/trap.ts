/**
 * Traps into VS-mode (RISC-V Privileged 20240411 §12.1.1–§12.1.9 under V=1: the S names mean the VS
 * copies). Every exception that a guest can raise is delegated to it, except an environment call
 * from VS and faults of the G-stage, which leave to the hypervisor. A trap drops the LR
 * reservation.
 */
import { csrSlot } from '../protocol/host-memory-layout.ts';
import { csrWord, hartWord, privilege, sstatusBit } from './hart.ts';

const INTERRUPT_BIT_HIGH = 0x8000_0000 | 0;

/**
 * Enters the guest's trap handler from the record's pc. `code` is the exception or interrupt
 * number, `valueLow`/`valueHigh` go to stval. Interrupts are vectored when stvec says so.
 */
export function enterTrap(
  words: Int32Array,
  hart: number,
  code: number,
  isInterrupt: boolean,
  valueLow: number,
  valueHigh: number,
): void {
  const base = hart >> 2;
  const epc = csrWord(hart, csrSlot.vsepc);
  words[epc] = words[base + hartWord.pc]!;
  words[epc + 1] = words[base + hartWord.pc + 1]!;
  const cause = csrWord(hart, csrSlot.vscause);
  words[cause] = code;
  words[cause + 1] = isInterrupt ? INTERRUPT_BIT_HIGH : 0;
  const value = csrWord(hart, csrSlot.vstval);
  words[value] = valueLow;
  words[value + 1] = valueHigh;
  pushPrivilege(words, hart);
  const tvec = csrWord(hart, csrSlot.vstvec);
  const tvecLow = words[tvec]!;
  const vectored = isInterrupt && (tvecLow & 3) === 1;
  const low = ((tvecLow & ~3) + (vectored ? 4 * code : 0)) | 0;
  const carry = low >>> 0 < (tvecLow & ~3) >>> 0 ? 1 : 0;
  words[base + hartWord.pc] = low;
  words[base + hartWord.pc + 1] = (words[tvec + 1]! + carry) | 0;
  words[base + hartWord.reservationValid] = 0;
}

/** sstatus on entry: SPP ← mode, SPIE ← SIE, SIE ← 0; mode ← S. */
function pushPrivilege(words: Int32Array, hart: number): void {
  const mode = (hart >> 2) + hartWord.privilege;
  const status = csrWord(hart, csrSlot.vsstatus);
  let bits = words[status]! & ~(sstatusBit.spp | sstatusBit.spie | sstatusBit.sie);
  if (words[mode] === privilege.supervisor) bits |= sstatusBit.spp;
  if ((words[status]! & sstatusBit.sie) !== 0) bits |= sstatusBit.spie;
  words[status] = bits;
  words[mode] = privilege.supervisor;
}

/** sret: mode ← SPP, SIE ← SPIE, SPIE ← 1, SPP ← 0, pc ← sepc (§12.1.1). Drops the reservation. */
export function returnFromTrap(words: Int32Array, hart: number): void {
  const base = hart >> 2;
  const status = csrWord(hart, csrSlot.vsstatus);
  const before = words[status]!;
  let bits = (before & ~(sstatusBit.spp | sstatusBit.sie)) | sstatusBit.spie;
  if ((before & sstatusBit.spie) !== 0) bits |= sstatusBit.sie;
  words[status] = bits;
  words[base + hartWord.privilege] =
    (before & sstatusBit.spp) !== 0 ? privilege.supervisor : privilege.user;
  const epc = csrWord(hart, csrSlot.vsepc);
  words[base + hartWord.pc] = words[epc]!;
  words[base + hartWord.pc + 1] = words[epc + 1]!;
  words[base + hartWord.reservationValid] = 0;
}

/**
 * Records a G-stage fault for the hypervisor as HS-mode would see it (§18.2.9, §18.6.1): scause 20,
 * 21 or 23, stval the virtual address, htval the guest physical address shifted right by 2, sepc
 * the instruction, htinst 0x3000 or 0x3020 for a read or an A/D update of the walk and else 0. Whether the hypervisor
 * serves it and goes on, or the guest leaves, is the caller's.
 */
export function recordGuestPageFault(
  words: Int32Array,
  hart: number,
  fault: {
    readonly code: number;
    readonly addressLow: number;
    readonly addressHigh: number;
    /** Guest page number (52 bits) and byte in it. */
    readonly guestPage: number;
    readonly guestOffset: number;
    /** Whether it was the walk's own A/D update that the G-stage refused (§18.6.3). */
    readonly implicitWrite: boolean;
    /** Whether it was an access of the walk's own, read or write. */
    readonly implicit: boolean;
  },
): void {
  setCsr(words, hart, csrSlot.scause, fault.code, 0);
  setCsr(words, hart, csrSlot.stval, fault.addressLow, fault.addressHigh);
  const low = ((fault.guestPage % 0x10_0000) * 4096 + fault.guestOffset) | 0;
  const high = Math.floor(fault.guestPage / 0x10_0000) | 0;
  setCsr(words, hart, csrSlot.htval, (low >>> 2) | (high << 30), high >>> 2);
  const pseudo = fault.implicitWrite ? HTINST_IMPLICIT_WRITE : HTINST_IMPLICIT_READ;
  setCsr(words, hart, csrSlot.htinst, fault.implicit ? pseudo : 0, 0);
  const base = hart >> 2;
  setCsr(words, hart, csrSlot.sepc, words[base + hartWord.pc]!, words[base + hartWord.pc + 1]!);
}

/** htinst of a 64-bit read for VS-stage translation (§18.6.3, table 46). */
export const HTINST_IMPLICIT_READ = 0x3000;
/** htinst of a 64-bit write for VS-stage translation: the pseudoinstruction 0x3020 (§18.6.3, table 46). */
export const HTINST_IMPLICIT_WRITE = 0x3020;

function setCsr(words: Int32Array, hart: number, slot: number, low: number, high: number): void {
  const word = csrWord(hart, slot);
  words[word] = low;
  words[word + 1] = high;
}
