/**
 * The CSRs of the advanced interrupt architecture at machine and supervisor level (RISC-V AIA 1.0, Smaia and Ssaia,
 * chapters 2, 3.8 … 3.10 and 5): the windows miselect/mireg and siselect/sireg, the top interrupts of
 * the interrupt files and of the hart. Interrupt files belong to the board. Major interrupts have
 * their default priorities: the iprio arrays are read-only zeros, so that the priority in mtopi and
 * stopi is always 1 (§5.2.2, §5.4.2). Left out: virtual interrupts for supervisor level (mvien is 0),
 * the registers of VS level; a hart with the H extension therefore lacks the whole.
 */
import { bareIndex, bareSlot, bareWord } from './registers.ts';
import type { BareContext } from './context.ts';
import type { BareCsr } from './csr-table.ts';
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

const FIRST_PRIORITY = 0x30;
const LAST_PRIORITY = 0x3f;
const FIRST_OF_FILE = 0x70;
const LAST_OF_FILE = 0xff;

const isMachineLevel = (row: BareCsr): boolean => row.name.startsWith('m');

function fileOf(context: BareContext, hart: number, row: BareCsr): InterruptFilePort | undefined {
  return context.ports.interruptFile?.(bareIndex(hart), isMachineLevel(row) ? 'machine' : 'supervisor');
}

/** The register that a window shows now; undefined: an access is illegal. */
function windowValue(context: BareContext, hart: number, row: BareCsr): bigint | undefined {
  const select = context.words[bareWord(hart, row.slot)]!;
  if (select >= FIRST_PRIORITY && select <= LAST_PRIORITY) return (select & 1) === 0 ? 0n : undefined;
  if (select < FIRST_OF_FILE || select > LAST_OF_FILE) return undefined;
  return fileOf(context, hart, row)?.readRegister(select);
}

/** Whether a row of this extension is an illegal instruction as things stand. */
export function isAbsent(context: BareContext, hart: number, row: BareCsr): boolean {
  if (row.behaviour === 'topExternal') return fileOf(context, hart, row) === undefined;
  return row.behaviour === 'window' && windowValue(context, hart, row) === undefined;
}

/** Value of mireg, sireg, mtopei, stopei, mtopi or stopi. */
export function readAia(context: BareContext, hart: number, row: BareCsr): bigint {
  if (row.behaviour === 'window') return windowValue(context, hart, row) ?? 0n;
  if (row.behaviour === 'topExternal') return BigInt(fileOf(context, hart, row)?.top() ?? 0);
  return BigInt(topInterrupt(context, hart, row));
}

/** Writes mireg, sireg, mtopei or stopei. The file sets its wire by itself. */
export function writeAia(context: BareContext, hart: number, row: BareCsr, value: bigint): void {
  if (row.behaviour === 'topExternal') {
    fileOf(context, hart, row)?.claim();
  } else if (row.behaviour === 'window') {
    const select = context.words[bareWord(hart, row.slot)]!;
    if (select >= FIRST_OF_FILE) fileOf(context, hart, row)?.writeRegister(select, value);
  }
}

/** The first interrupt pending and enabled for a level, masked by its status or not: code << 16 | 1, or 0. */
function topInterrupt(context: BareContext, hart: number, row: BareCsr): number {
  const { words } = context;
  const delegated = words[bareWord(hart, bareSlot.mideleg)]!;
  const enabled = words[bareWord(hart, bareSlot.mie)]! & (isMachineLevel(row) ? ~delegated : delegated);
  const ready = pendingInterrupts(context, hart, context.ticks(hart)) & enabled;
  const code = PRIORITY.find((each) => (ready & (1 << each)) !== 0);
  return code === undefined ? 0 : (code << 16) | 1;
}
