/**
 * hlv, hlvx and hsv: loads and stores that HS, M, and with hstatus.HU also U make as if in VS or VU, whichever
 * hstatus.SPVP says (RISC-V Privileged ISA 20240411 §18.3.1). They do not use the TLB.
 *
 *   31…25  011 0 w w s   w: 1, 2, 4, 8 bytes; s: store    24…20  of loads: 0 signed, 1 unsigned, 3 executes
 */
import { accessKind, type AccessKind, GUEST_RAM_FIRST_PAGE } from '../../memory/index.ts';
import { hartOffset } from '../../protocol/host-memory-layout.ts';
import { advancePc, registerWord } from '../hart.ts';
import type { BareContext } from './context.ts';
import type { BareMemory } from './memory-access.ts';
import { bareSlot, bareWord, hstatusLow, mode } from './registers.ts';
import { illegal, settle, virtual } from './system-instructions.ts';
import { type AccessMode, bareFault } from './translation.ts';

function isRefused(context: BareContext, hart: number, word: number): boolean {
  if (context.isVirtual(hart)) {
    virtual(context, hart, word);
    return true;
  }
  const isOpen = (context.words[bareWord(hart, bareSlot.hstatus)]! & hstatusLow.hu) !== 0;
  if (context.privilege(hart) !== mode.user || isOpen) return false;
  illegal(context, hart, word);
  return true;
}

function guestMode(context: BareContext, hart: number, executes: boolean): AccessMode {
  const isSupervisor = (context.words[bareWord(hart, bareSlot.hstatus)]! & hstatusLow.spvp) !== 0;
  return { privilege: isSupervisor ? mode.supervisor : mode.user, isVirtual: true, executes };
}

/** Executes hlv.* or hlvx.*. */
export function guestLoad(context: BareContext, memory: BareMemory, hart: number, word: number): void {
  if (isRefused(context, hart, word)) return;
  const byteCount = 1 << ((word >>> 26) & 3);
  const kind = (word >>> 20) & 31;
  const as = guestMode(context, hart, kind === 3);
  const { longs, bytes } = context.system.host;
  const pieces = locatePieces(context, memory, hart, word, byteCount, accessKind.load, as);
  if (pieces === undefined) return;
  const scratch = hart + hartOffset.scratch;
  if (pieces.first < 0) {
    if (!memory.readDevice(hart, pieces.low, pieces.high, byteCount, as)) return;
  } else {
    bytes.fill(0, scratch, scratch + 8);
    for (let index = 0; index < byteCount; index++) bytes[scratch + index] = bytes[addressOf(pieces, index)]!;
  }
  const value = longs[scratch >> 3]!;
  const rd = (word >>> 7) & 31;
  if (rd !== 0) longs[registerWord(hart, rd) >> 1] = kind === 0 ? BigInt.asIntN(8 * byteCount, value) : value;
  advancePc(context.words, hart);
  settle(context, hart);
}

/** Executes hsv.*. */
export function guestStore(context: BareContext, memory: BareMemory, hart: number, word: number): void {
  if (isRefused(context, hart, word)) return;
  const byteCount = 1 << ((word >>> 26) & 3);
  const as = guestMode(context, hart, false);
  const { longs, bytes } = context.system.host;
  const pieces = locatePieces(context, memory, hart, word, byteCount, accessKind.store, as);
  if (pieces === undefined) return;
  longs[(hart + hartOffset.scratch) >> 3] = longs[registerWord(hart, (word >>> 20) & 31) >> 1]!;
  if (pieces.first < 0) {
    if (!memory.writeDevice(hart, pieces.low, pieces.high, byteCount, as)) return;
  } else {
    announce(context, pieces, byteCount);
    const scratch = hart + hartOffset.scratch;
    for (let index = 0; index < byteCount; index++) bytes[addressOf(pieces, index)] = bytes[scratch + index]!;
  }
  advancePc(context.words, hart);
  settle(context, hart);
}

/** Where the bytes of an access lie in the host memory: `split` of them at first, the rest at second. */
interface Pieces {
  readonly low: number;
  readonly high: number;
  readonly first: number; // −1: a device
  readonly second: number;
  readonly split: number;
  readonly firstPage: number;
  readonly secondPage: number;
}

const addressOf = ({ first, second, split }: Pieces, index: number): number =>
  index < split ? first + index : second + index - split;

function locatePieces(
  context: BareContext,
  memory: BareMemory,
  hart: number,
  word: number,
  byteCount: number,
  access: AccessKind,
  as: AccessMode,
): Pieces | undefined {
  const { words } = context;
  const register = registerWord(hart, (word >>> 15) & 31);
  const low = words[register]!;
  const high = words[register + 1]!;
  if (!memory.locate(hart, low, high, access, as)) return undefined;
  const offset = low & 0xfff;
  const split = Math.min(byteCount, 4096 - offset);
  const first = memory.hostPage < 0 ? -1 : memory.hostPage + offset;
  const firstPage = memory.walk.page;
  const base = { low, high, split, firstPage };
  if (split === byteCount) return { ...base, first, second: 0, secondPage: 0 };
  const nextLow = (low + split) | 0;
  const nextHigh = nextLow === 0 ? (high + 1) | 0 : high;
  const isRefusedDevice = (at: number, atHigh: number) => {
    if (memory.hostPage >= 0) return false;
    memory.raise(hart, bareFault.access, access, at, atHigh, true);
    return true;
  };
  if (isRefusedDevice(low, high)) return undefined;
  if (!memory.locate(hart, nextLow, nextHigh, access, as)) return undefined;
  if (isRefusedDevice(nextLow, nextHigh)) return undefined;
  return { ...base, first, second: memory.hostPage, secondPage: memory.walk.page };
}

function announce(context: BareContext, pieces: Pieces, byteCount: number): void {
  const { ram, system } = context;
  const observe = (page: number, offset: number, count: number) => {
    const index = page - GUEST_RAM_FIRST_PAGE;
    system.writer.observe(ram, index, ram.frame(index), offset, count, 'vcpu');
  };
  const offset = pieces.low & 0xfff;
  observe(pieces.firstPage, offset, pieces.split);
  if (pieces.split < byteCount) observe(pieces.secondPage, 0, byteCount - pieces.split);
}
