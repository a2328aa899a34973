/**
 * The CSRs of the advanced interrupt architecture at machine, supervisor and VS level (RISC-V AIA 1.0, Smaia and Ssaia,
 * chapters 2, 3.8 … 3.10, 5 and 6): the windows miselect/mireg, siselect/sireg and vsiselect/vsireg, the top
 * interrupts of the interrupt files and of the hart. Interrupt files belong to the board; hstatus.VGEIN chooses the
 * guest's. Major interrupts of M and HS have their default priorities: the iprio arrays are read-only zeros, so that
 * the priority in mtopi and stopi is always 1 (§5.2.2, §5.4.2). Left out: virtual interrupts for supervisor level and
 * those of VS level by hvien (mvien and hvien are 0).
 */
import type { BareContext } from './context.ts';
import type { BareCsr } from './csr-table.ts';
import { guestTopInterrupt, vgeinOf } from './guest-interrupts.ts';
import { bareIndex, bareSlot, bareWord } from './registers.ts';
import { PRIORITY, pendingInterrupts } from './trap.ts';

/** An interrupt file as its hart sees it. */
export interface InterruptFilePort {
  /** A register by the value of *iselect, 0x70 … 0xff; undefined: there is none. */
  readRegister(select: number): bigint | undefined;
  /** False: there is none. */
  writeRegister(select: number, value: bigint): boolean;
  /** Value of *topei. */
  top(): number;
  /** A write to *topei. */
  claim(): void;
}

/** Whose interrupt file: of M, of HS, or that of a guest by its number 1 … GEILEN. */
export type FileLevel = 'machine' | 'supervisor' | number;

const FIRST_PRIORITY = 0x30;
const LAST_PRIORITY = 0x3f;
const FIRST_OF_FILE = 0x70;
const LAST_OF_FILE = 0xff;

function levelOf(context: BareContext, hart: number, row: BareCsr): FileLevel {
  if (row.name.startsWith('v')) return vgeinOf(context.words, hart);
  return row.name.startsWith('m') ? 'machine' : 'supervisor';
}

/** The interrupt file behind a register; for VS level none while VGEIN is not the number of one. */
function fileOf(context: BareContext, hart: number, row: BareCsr): InterruptFilePort | undefined {
  const level = levelOf(context, hart, row);
  return level === 0 ? undefined : context.ports.interruptFile?.(bareIndex(hart), level);
}

const selectOf = (context: BareContext, hart: number, row: BareCsr): number => context.words[bareWord(hart, row.slot)]!;
const isOfFile = (select: number): boolean => select >= FIRST_OF_FILE && select <= LAST_OF_FILE;

/** The register that a window shows now; undefined: an access is refused. */
function windowValue(context: BareContext, hart: number, row: BareCsr): bigint | undefined {
  const select = selectOf(context, hart, row);
  if (isOfFile(select)) return fileOf(context, hart, row)?.readRegister(select);
  const isPriority = select >= FIRST_PRIORITY && select <= LAST_PRIORITY && (select & 1) === 0;
  return isPriority && typeof levelOf(context, hart, row) === 'string' ? 0n : undefined;
}

/**
 * How an access to a row that the hart's level may reach is refused as things stand, if it is. From VS what a guest's
 * hypervisor could emulate is a virtual instruction: a register that is inaccessible, but no reserved one (§2.3).
 */
export function refusalOf(context: BareContext, hart: number, row: BareCsr): 'allowed' | 'illegal' | 'virtual' {
  const isMissing =
    (row.behaviour === 'topExternal' && fileOf(context, hart, row) === undefined) ||
    (row.behaviour === 'window' && windowValue(context, hart, row) === undefined);
  if (!isMissing) return 'allowed';
  if (!context.isVirtual(hart)) return 'illegal';
  if (row.behaviour === 'topExternal') return 'virtual';
  const select = selectOf(context, hart, row);
  const isInaccessible = isOfFile(select) || (select >= FIRST_PRIORITY && select <= LAST_PRIORITY);
  return isInaccessible ? 'virtual' : 'illegal';
}

/** Value of mireg, sireg, vsireg, mtopei, stopei, vstopei, mtopi, stopi or vstopi. */
export function readAia(context: BareContext, hart: number, row: BareCsr): bigint {
  if (row.behaviour === 'window') return windowValue(context, hart, row) ?? 0n;
  if (row.behaviour === 'topExternal') return BigInt(fileOf(context, hart, row)?.top() ?? 0);
  return BigInt(topInterrupt(context, hart, row));
}

/** Writes mireg, sireg, vsireg, mtopei, stopei or vstopei. The file sets its wire by itself. */
export function writeAia(context: BareContext, hart: number, row: BareCsr, value: bigint): void {
  if (row.behaviour === 'topExternal') {
    fileOf(context, hart, row)?.claim();
  } else if (row.behaviour === 'window') {
    const select = selectOf(context, hart, row);
    if (isOfFile(select)) fileOf(context, hart, row)?.writeRegister(select, value);
  }
}

/** The first interrupt pending and enabled for a level, masked by its status or not: code << 16 | 1, or 0. */
function topInterrupt(context: BareContext, hart: number, row: BareCsr): number {
  const { words } = context;
  const pending = pendingInterrupts(context, hart, context.ticks(hart));
  if (row.name.startsWith('v')) return guestTopInterrupt(context, hart, pending);
  const delegated = words[bareWord(hart, bareSlot.mideleg)]!;
  const own = row.name.startsWith('m') ? ~delegated : delegated & ~words[bareWord(hart, bareSlot.hideleg)]!;
  const ready = pending & words[bareWord(hart, bareSlot.mie)]! & own;
  const code = PRIORITY.find((each) => (ready & (1 << each)) !== 0);
  return code === undefined ? 0 : (code << 16) | 1;
}
