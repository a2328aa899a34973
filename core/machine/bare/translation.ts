/**
 * Address translation of a bare-metal hart (RISC-V Privileged ISA 20240411 §12.3 … §12.5, §18.5): Sv39 and Sv48,
 * Sv39x4 and Sv48x4, from the real bytes of the tables, with physical memory protection on every access, the
 * walk's own included. A walk's own read or write of an entry that is refused is reported as the access it was
 * made for. Svade and Svadu, Svpbmt: as menvcfg and henvcfg say; a hart with neither Svade nor Svadu sets A and D.
 *
 *   entry  N 63 · PBMT 62…61 · 0 60…54 · PPN 53…10 · RSW 9…8 · D A G U X W R V
 *
 * All numbers are 32-bit halves or page numbers (52 bits at most, exact in a double). Left out: Svnapot, MMU-less
 * table walks in device memory.
 */
import { HART_PROFILES } from '../../isa/table/index.ts';
import type { Extension } from '../../isa/table/row.ts';
import { accessKind, type AccessKind, frameAddress, frameOfAddress, GUEST_RAM_FIRST_PAGE } from '../../memory/index.ts';
import { hartWord } from '../hart.ts';
import type { BareContext } from './context.ts';
import { mayAccess } from './pmp.ts';
import { bareSlot, bareWord, environmentHigh, mode, statusLow } from './registers.ts';

/** How a walk ended. */
export const bareFault = { none: 0, access: 1, page: 2, guestPage: 3 } as const;
export type BareFault = (typeof bareFault)[keyof typeof bareFault];

/** As whom an access is made. */
export interface AccessMode {
  privilege: number;
  isVirtual: boolean;
  /** hlvx: a load that needs the right to execute. */
  executes: boolean;
}

/** One table entry that a walk read; addresses are guest physical for stage VS, else physical. */
export interface BareWalkStep {
  readonly stage: 'S' | 'VS' | 'G';
  readonly level: number;
  readonly entryAddress: number;
  readonly entryLow: number;
  readonly entryHigh: number;
}

const V = 1;
const R = 2;
const W = 4;
const X = 8;
const U = 16;
const A = 64;
const D = 128;
/** Bits of an entry's high half: N, PBMT, reserved. */
const NAPOT = 0x8000_0000 | 0;
const PBMT_SHIFT = 29;
const RESERVED_HIGH = 0x1fc0_0000;
const MODE_SV39 = 8;
/** Pages of physical memory: 56 bits of address. */
const PAGE_LIMIT = 2 ** 44;
/** Implicit accesses of the VS stage, as htinst names them (§18.6.3). */
export const IMPLICIT_READ = 0x3000;
export const IMPLICIT_WRITE = 0x3020;

/** What becomes of A and D on each profile's hart. */
const ACCESSED_BITS = HART_PROFILES.map(({ extensions }) => {
  const has = (name: Extension) => (extensions as readonly Extension[]).includes(name);
  return has('Svadu') ? 'asked' : has('Svade') ? 'trap' : 'set';
});

/** One walker serves a machine. Its public fields describe the last walk. */
export class BareWalk {
  /** Physical page of the last walk that succeeded. */
  page = 0;
  /** Whether its translation came from a superpage of the first stage. */
  superpage = false;
  /** Of a guest-page fault: guest physical page and byte, and htinst's word for a walk's own access, else 0. */
  guestPage = 0;
  guestOffset = 0;
  implicit = 0;
  /** When set, walks change nothing and show every entry they read. */
  visit: ((step: BareWalkStep) => void) | undefined;

  private readonly context: BareContext;
  private readonly words: Int32Array;

  constructor(context: BareContext) {
    this.context = context;
    this.words = context.words;
  }

  /** Translates `high`:`low` for `access` made as `as`, sets A and D where the hart does. */
  translate(hart: number, low: number, high: number, access: AccessKind, as: AccessMode): BareFault {
    this.superpage = false;
    const isUntranslated = as.privilege === mode.machine;
    const slot = as.isVirtual ? bareSlot.vsatp : bareSlot.satp;
    const satp = bareWord(hart, slot);
    const satpMode = isUntranslated ? 0 : this.words[satp + 1]! >>> 28;
    if (satpMode === 0) {
      const page = (high >>> 0) * 0x10_0000 + (low >>> 12);
      if (as.isVirtual && !isUntranslated) return this.guestLeaf(hart, page, low & 0xfff, access, as);
      return this.physical(hart, page, access, as.privilege);
    }
    const levels = satpMode === MODE_SV39 ? 3 : 4;
    // The bits above the virtual address repeat its highest.
    const unused = levels === 3 ? 25 : 16;
    if ((high << unused) >> unused !== high) return bareFault.page;
    const root = (this.words[satp + 1]! & 0xfff) * 0x1_0000_0000 + (this.words[satp]! >>> 0);
    return this.walk(hart, root, levels, low, high, access, as);
  }

  /** The stage that satp or vsatp describes. */
  private walk(
    hart: number,
    root: number,
    levels: number,
    low: number,
    high: number,
    access: AccessKind,
    as: AccessMode,
  ): BareFault {
    let table = root;
    for (let level = levels - 1; level >= 0; level--) {
      const index = virtualIndex(low, high, level);
      const readable = this.tablePage(hart, table, index, as, accessKind.load);
      if (readable !== bareFault.none) return readable;
      const entry = this.entryWord(this.page, index);
      const entryLow = this.words[entry]!;
      const entryHigh = this.words[entry + 1]!;
      const stage = as.isVirtual ? 'VS' : 'S';
      this.visit?.({ stage, level, entryAddress: table * 4096 + index * 8, entryLow, entryHigh });
      const kind = this.kindOf(hart, entryLow, entryHigh, level, as.isVirtual ? bareSlot.henvcfg : bareSlot.menvcfg);
      if (kind === 'invalid') return bareFault.page;
      const ppn = pageOf(entryLow, entryHigh);
      if (kind === 'pointer') {
        table = ppn;
        continue;
      }
      if (!this.isAllowed(hart, entryLow, access, as)) return bareFault.page;
      const wanted = A | (access === accessKind.store ? D : 0);
      if ((entryLow & wanted) !== wanted && this.visit === undefined) {
        if (!this.setsAccessed(hart, as.isVirtual)) return bareFault.page;
        const writable = this.tablePage(hart, table, index, as, accessKind.store);
        if (writable !== bareFault.none) return writable;
        this.writeEntry(this.page, index, entryLow | wanted);
      }
      const inside = 2 ** (9 * level);
      const superpage = level !== 0;
      const page = ppn + (pageBelow(low, high) % inside);
      const fault = as.isVirtual
        ? this.guestLeaf(hart, page, low & 0xfff, access, as)
        : this.physical(hart, page, access, as.privilege);
      this.superpage = superpage;
      return fault;
    }
    return bareFault.page;
  }

  /** Finds the page of a table of the first stage, for the walk's own read or write of entry `index`. */
  private tablePage(hart: number, table: number, index: number, as: AccessMode, access: 1 | 2): BareFault {
    if (as.isVirtual) {
      const fault = this.guestStage(hart, table, index * 8, access, false);
      if (fault === bareFault.guestPage) {
        this.implicit = access === accessKind.load ? IMPLICIT_READ : IMPLICIT_WRITE;
      }
      if (fault !== bareFault.none) return fault;
    } else {
      this.page = table;
    }
    return this.isTable(hart, this.page, access) ? bareFault.none : bareFault.access;
  }

  /** The G stage of an access of the program itself. */
  private guestLeaf(hart: number, page: number, offset: number, access: AccessKind, as: AccessMode): BareFault {
    const fault = this.guestStage(hart, page, offset, access, as.executes);
    if (fault === bareFault.guestPage) this.implicit = 0;
    if (fault !== bareFault.none) return fault;
    return this.physical(hart, this.page, access, as.privilege);
  }

  /** The G stage: sets page, or says which fault. */
  private guestStage(hart: number, guestPage: number, offset: number, access: AccessKind, executes: boolean): BareFault {
    this.guestPage = guestPage;
    this.guestOffset = offset;
    const hgatp = bareWord(hart, bareSlot.hgatp);
    const gMode = this.words[hgatp + 1]! >>> 28;
    if (gMode === 0) {
      this.page = guestPage;
      return bareFault.none;
    }
    const levels = gMode === MODE_SV39 ? 3 : 4;
    if (guestPage >= 2 ** (9 * levels + 2)) return bareFault.guestPage;
    let table = (this.words[hgatp + 1]! & 0xfff) * 0x1_0000_0000 + ((this.words[hgatp]! & ~3) >>> 0);
    for (let level = levels - 1; level >= 0; level--) {
      // The root is four pages with 2,048 entries.
      const above = Math.floor(guestPage / 2 ** (9 * level));
      const wide = level === levels - 1 ? above : above % 512;
      const page = table + Math.floor(wide / 512);
      const index = wide % 512;
      if (!this.isTable(hart, page, accessKind.load)) return bareFault.access;
      const entry = this.entryWord(page, index);
      const low = this.words[entry]!;
      const high = this.words[entry + 1]!;
      this.visit?.({ stage: 'G', level, entryAddress: page * 4096 + index * 8, entryLow: low, entryHigh: high });
      const kind = this.kindOf(hart, low, high, level, bareSlot.menvcfg);
      if (kind === 'invalid') return bareFault.guestPage;
      const ppn = pageOf(low, high);
      if (kind === 'pointer') {
        table = ppn;
        continue;
      }
      if ((low & U) === 0 || !this.permits(hart, low, access, executes)) return bareFault.guestPage;
      const wanted = A | (access === accessKind.store ? D : 0);
      if ((low & wanted) !== wanted && this.visit === undefined) {
        if (!this.setsAccessed(hart, false)) return bareFault.guestPage;
        if (!this.isTable(hart, page, accessKind.store)) return bareFault.access;
        this.writeEntry(page, index, low | wanted);
      }
      this.page = ppn + (guestPage % 2 ** (9 * level));
      return bareFault.none;
    }
    return bareFault.guestPage;
  }

  /** Read, write or execute permission of a G-stage leaf. mstatus.MXR reaches it, vsstatus.MXR does not. */
  private permits(hart: number, entryLow: number, access: AccessKind, executes: boolean): boolean {
    if (access === accessKind.store) return (entryLow & W) !== 0;
    if (access === accessKind.fetch || executes) return (entryLow & X) !== 0;
    if ((entryLow & R) !== 0) return true;
    const status = this.words[bareWord(hart, bareSlot.mstatus)]!;
    return (status & statusLow.mxr) !== 0 && (entryLow & X) !== 0;
  }

  /** Permission of a leaf of the first stage, with SUM and MXR (§12.1.1, §18.2.1). */
  private isAllowed(hart: number, entryLow: number, access: AccessKind, as: AccessMode): boolean {
    const machine = this.words[bareWord(hart, bareSlot.mstatus)]!;
    const guest = this.words[bareWord(hart, bareSlot.vsstatus)]!;
    const status = as.isVirtual ? guest : machine;
    if (as.privilege === mode.user) {
      if ((entryLow & U) === 0) return false;
    } else if ((entryLow & U) !== 0) {
      if (access === accessKind.fetch || (status & statusLow.sum) === 0) return false;
    }
    if (access === accessKind.store) return (entryLow & W) !== 0;
    if (access === accessKind.fetch || as.executes) return (entryLow & X) !== 0;
    if ((entryLow & R) !== 0) return true;
    return ((status | machine) & statusLow.mxr) !== 0 && (entryLow & X) !== 0;
  }

  private kindOf(hart: number, low: number, high: number, level: number, slot: number): 'pointer' | 'leaf' | 'invalid' {
    const memoryType = (high >>> PBMT_SHIFT) & 3;
    if ((low & V) === 0 || (high & (NAPOT | RESERVED_HIGH)) !== 0 || (low & (R | W)) === W) return 'invalid';
    if (memoryType !== 0) {
      const isOn = (this.words[bareWord(hart, slot) + 1]! & environmentHigh.pbmte) !== 0;
      if (!isOn || memoryType === 3) return 'invalid';
    }
    if ((low & (R | X)) === 0) {
      const isClean = (low & (A | D | U)) === 0 && memoryType === 0;
      return level > 0 && isClean ? 'pointer' : 'invalid';
    }
    return pageOf(low, high) % 2 ** (9 * level) === 0 ? 'leaf' : 'invalid';
  }

  /** Whether the hart sets A and D itself; otherwise the access faults. */
  private setsAccessed(hart: number, isGuest: boolean): boolean {
    const rule = ACCESSED_BITS[this.words[(hart >> 2) + hartWord.profile]!];
    if (rule !== 'asked') return rule === 'set';
    const slot = isGuest ? bareSlot.henvcfg : bareSlot.menvcfg;
    return (this.words[bareWord(hart, slot) + 1]! & environmentHigh.adue) !== 0;
  }

  /** The physical page itself: a protected or impossible one is an access fault. */
  private physical(hart: number, page: number, access: AccessKind, privilege: number): BareFault {
    this.page = page;
    if (page >= PAGE_LIMIT) return bareFault.access;
    return mayAccess(this.words, hart, page, access, privilege) ? bareFault.none : bareFault.access;
  }

  /** Whether the walk may read or write the table in a physical page: RAM, and not protected from S. */
  private isTable(hart: number, page: number, access: AccessKind): boolean {
    if (this.context.ram.frame(page - GUEST_RAM_FIRST_PAGE) < 0) return false;
    return mayAccess(this.words, hart, page, access, mode.supervisor);
  }

  private entryWord(page: number, index: number): number {
    const { ram, system } = this.context;
    return (frameAddress(system.host, ram.frame(page - GUEST_RAM_FIRST_PAGE)) >> 2) + index * 2;
  }

  private writeEntry(page: number, index: number, low: number): void {
    const { ram, system } = this.context;
    const word = this.entryWord(page, index);
    const frame = frameOfAddress(system.host, word << 2);
    system.writer.observe(ram, page - GUEST_RAM_FIRST_PAGE, frame, index * 8, 8, 'walker');
    this.words[word] = low;
  }
}

/** Nine bits of the virtual page number for a level. */
function virtualIndex(low: number, high: number, level: number): number {
  if (level === 3) return (high >>> 7) & 0x1ff;
  if (level === 2) return ((high & 0x7f) << 2) | (low >>> 30);
  return level === 1 ? (low >>> 21) & 0x1ff : (low >>> 12) & 0x1ff;
}

/** Virtual page number, the bits of three levels. */
function pageBelow(low: number, high: number): number {
  return (high & 0xffff) * 0x10_0000 + (low >>> 12);
}

/** PPN of an entry. */
function pageOf(low: number, high: number): number {
  return (high & 0x3f_ffff) * 0x40_0000 + (low >>> 10);
}
