/**
 * Interrupts of VS level under the AIA (RISC-V AIA 1.0, chapter 6; Privileged ISA 20240411, H, hgeip and hgeie): guest
 * external interrupts from the guests' interrupt files, and which interrupt vstopi names. Such an interrupt is
 * pending at VS level if and only if vstopi is not 0.
 */
import type { BareContext } from './context.ts';
import { bareIndex, bareSlot, bareWord, GUEST_EXTERNAL, GUEST_LINE, guestControl } from './registers.ts';

const GUEST_SUPERVISOR_EXTERNAL = 1 << 10;
const SUPERVISOR_GUEST_EXTERNAL = 1 << 12;

/** hstatus.VGEIN, 0 … GEILEN. */
export function vgeinOf(words: Int32Array, hart: number): number {
  return (words[bareWord(hart, bareSlot.hstatus)]! >>> 12) & 3;
}

/** hgeip: which guest interrupt files signal. */
export function guestExternalPending(words: Int32Array, hart: number): number {
  return (words[bareWord(hart, bareSlot.lines)]! >>> GUEST_LINE) & GUEST_EXTERNAL;
}

/** Bits of mip that guest external interrupts set: VSEIP by the chosen one, SGEIP by those that hgeie lets through. */
export function guestExternalDue(words: Int32Array, hart: number): number {
  const pending = guestExternalPending(words, hart);
  if (pending === 0) return 0;
  const forGuest = ((pending >>> vgeinOf(words, hart)) & 1) !== 0 ? GUEST_SUPERVISOR_EXTERNAL : 0;
  const enabled = words[bareWord(hart, bareSlot.hgeie)]!;
  return forGuest | ((pending & enabled) !== 0 ? SUPERVISOR_GUEST_EXTERNAL : 0);
}

/** Whether hvictl.VTI injects an interrupt whatever mip and mie say, unless its IID is 9. */
export function hasInjected(words: Int32Array, hart: number): boolean {
  return (words[bareWord(hart, bareSlot.hvictl)]! & guestControl.vti) !== 0;
}

const EXTERNAL = 9;
/** Place of an interrupt without a priority number whose default order is behind the external one. */
const LAST = 4096;

/** An interrupt that might be the first: those with the lower place, then the lower rank, go before. */
interface Candidate {
  readonly code: number;
  /** Priority number, 0 for none. */
  readonly number: number;
  readonly place: number;
  /** Default order beside the external interrupt, which has 0. */
  readonly rank: number;
}

/** vstopi: IID << 16 | IPRIO of the first interrupt for VS, or 0. `pending`: mip. */
export function guestTopInterrupt(context: BareContext, hart: number, pending: number): number {
  const { words } = context;
  const control = words[bareWord(hart, bareSlot.hvictl)]!;
  const enabled = words[bareWord(hart, bareSlot.mie)]! & words[bareWord(hart, bareSlot.hideleg)]!;
  const ready = (pending & enabled) >>> 1; // as vsip and vsie number them
  let first: Candidate | undefined;
  const consider = (code: number, number: number, rank: number) => {
    const place = number === 0 && rank > 0 ? LAST : number;
    if (first === undefined || place < first.place || (place === first.place && rank < first.rank)) {
      first = { code, number, place, rank };
    }
  };
  if ((ready & (1 << EXTERNAL)) !== 0) consider(EXTERNAL, externalPriority(context, hart, control), 0);
  const injected = (control & guestControl.iid) >>> 16;
  if ((control & guestControl.vti) !== 0) {
    if (injected !== EXTERNAL) consider(injected, control & guestControl.iprio, (control & guestControl.dpr) !== 0 ? 1 : -1);
  } else {
    const priorities = words[bareWord(hart, bareSlot.hviprio1)]!;
    if ((ready & (1 << 1)) !== 0) consider(1, (priorities >>> 8) & 0xff, 1);
    if ((ready & (1 << 5)) !== 0) consider(5, (priorities >>> 24) & 0xff, 2);
  }
  return first === undefined ? 0 : told(first, (control & guestControl.ipriom) !== 0);
}

/** Priority number of the external interrupt: its file's, hvictl's without a file, else behind all that have one. */
function externalPriority(context: BareContext, hart: number, control: number): number {
  const vgein = vgeinOf(context.words, hart);
  if (vgein === 0) {
    const isSaid = (control & guestControl.iid) >>> 16 === EXTERNAL && (control & guestControl.iprio) !== 0;
    return isSaid ? control & guestControl.iprio : 256;
  }
  const top = context.ports.interruptFile?.(bareIndex(hart), vgein)?.top() ?? 0;
  return top === 0 ? 256 : top & 0x7ff;
}

function told({ code, number, rank }: Candidate, hasPriority: boolean): number {
  const unnumbered = rank > 0 ? 255 : 0;
  const priority = !hasPriority ? 1 : number === 0 ? unnumbered : Math.min(number, 255);
  return (code << 16) | priority;
}
