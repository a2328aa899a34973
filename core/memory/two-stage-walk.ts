/**
 * Address translation for a guest: Sv39 by vsatp, every step of it through Sv39x4 by the VM's
 * G-stage (RISC-V Privileged 20240411 §12.3.2, §12.4, §18.5), from the real bytes of both tables.
 * Accessed and dirty bits are set in hardware (Svadu); guest entries are rewritten through the
 * writer as `walker`.
 *
 *   virtual address     38…30 29…21 20…12 11…0        vsatp  MODE 63…60 · ASID 59…44 · PPN 43…0
 *                       VPN2  VPN1  VPN0  offset      entry  PPN 53…10 · RSW 9…8 · D A G U X W R V
 *
 * Left out: Sv48, Svnapot, Svpbmt, physical memory protection, a third stage for nested guests.
 * All hot-path numbers are 32-bit halves or page numbers (52 bits, exact in a double).
 */
import { assert } from '../base/assert.ts';
import { csrSlot, hartOffset } from '../protocol/host-memory-layout.ts';
import { pteBit } from './g-stage.ts';
import { GUEST_RAM_FIRST_PAGE } from './guest-map.ts';
import { frameAddress, frameOfAddress, type HostMemory } from './host-memory.ts';
import type { VmMemory } from './vm-memory.ts';
import type { GuestWriter } from './writer.ts';

/** What the access is for. LR is a load; SC and AMO are stores. */
export const accessKind = { fetch: 0, load: 1, store: 2 } as const;
export type AccessKind = (typeof accessKind)[keyof typeof accessKind];

/** How a walk ended. */
export const walkFault = { none: 0, page: 1, guestPage: 2 } as const;
export type WalkFault = (typeof walkFault)[keyof typeof walkFault];

/**
 * One table entry that a walk read. Addresses: guest physical for stage VS, host physical for stage
 * G.
 */
export interface WalkStep {
  readonly stage: 'VS' | 'G';
  readonly level: number;
  readonly entryAddress: number;
  readonly entryLow: number;
  readonly entryHigh: number;
}

const SUM = 1 << 18;
const MXR = 1 << 19;
const LEAF_BITS = pteBit.read | pteBit.write | pteBit.execute;
const NOT_IN_POINTER = pteBit.accessed | pteBit.dirty | pteBit.user;
/** Permission that each access kind needs. */
const NEEDED: readonly number[] = [pteBit.execute, pteBit.read, pteBit.write];
/** Guest page numbers from here on lie beyond Sv39x4's 41-bit guest physical addresses. */
const GUEST_PAGE_LIMIT = 0x2000_0000;

const VSATP = (hartOffset.csr + 8 * csrSlot.vsatp) >> 2;
const VSSTATUS = (hartOffset.csr + 8 * csrSlot.vsstatus) >> 2;
const PRIVILEGE = hartOffset.privilege >> 2;

/** One walker serves a host. Its public fields describe the last walk. */
export class TwoStageWalk {
  /** Address in the host memory of the page that the last walk found. */
  hostPage = 0;
  /** Guest physical page number: of the page found, or of the access that the G-stage refused. */
  guestPage = 0;
  /** Byte in {@link guestPage} of the access that the G-stage refused. */
  guestOffset = 0;
  /**
   * Whether the access that the G-stage refused was a write (the store itself, or an A/D update).
   */
  refusedWrite = false;
  /** Whether that was an A/D update of the walk itself (htinst 0x3020, Privileged §18.6.3). */
  refusedImplicit = false;
  /** Whether the access that the G-stage refused was to an entry of the walk's own tables, read or written. */
  refusedTable = false;
  /** Whether the VS-stage leaf was a superpage. */
  superpage = false;

  private readonly host: HostMemory;
  private readonly words: Int32Array;
  private readonly writer: GuestWriter;
  private visit: ((step: WalkStep) => void) | undefined;

  constructor(host: HostMemory, writer: GuestWriter) {
    this.host = host;
    this.words = host.words;
    this.writer = writer;
  }

  /**
   * Translates the virtual address `high`:`low` (32-bit halves) of the hart whose block is at
   * `hart`, at its present privilege. Sets A and D bits on the way.
   */
  translate(vm: VmMemory, hart: number, low: number, high: number, access: AccessKind): WalkFault {
    const satpHigh = this.words[(hart >> 2) + VSATP + 1]!;
    this.superpage = false;
    const offset = low & 0xfff;
    if (satpHigh >>> 28 === 0) {
      const page = (high >>> 0) * 0x10_0000 + (low >>> 12);
      return this.leafAccess(vm, page, offset, access);
    }
    // Sv39: bits 63…39 repeat bit 38.
    if ((high << 25) >> 25 !== high) return walkFault.page;
    const satpLow = this.words[(hart >> 2) + VSATP]!;
    const rootPage = (satpHigh & 0xfff) * 0x1_0000_0000 + (satpLow >>> 0);
    return this.walk(vm, hart, rootPage, low, high, access);
  }

  /** As {@link translate}, but changes nothing and shows every entry it reads to `visit`. */
  inspect(
    vm: VmMemory,
    hart: number,
    low: number,
    high: number,
    access: AccessKind,
    visit: (step: WalkStep) => void,
  ): WalkFault {
    this.visit = visit;
    const fault = this.translate(vm, hart, low, high, access);
    this.visit = undefined;
    return fault;
  }

  /** The VS stage, from the root table's page number. */
  private walk(
    vm: VmMemory,
    hart: number,
    rootPage: number,
    low: number,
    high: number,
    access: AccessKind,
  ): WalkFault {
    let tablePage = rootPage;
    for (let level = 2; level >= 0; level--) {
      const index = vpn(low, high, level);
      if (!this.gTranslate(vm, tablePage, accessKind.load)) {
        this.refusedTable = true;
        return this.refused(tablePage, index * 8, false);
      }
      const entry = (this.hostPage >> 2) + index * 2;
      const entryLow = this.words[entry]!;
      const entryHigh = this.words[entry + 1]!;
      if (this.visit !== undefined) {
        const entryAddress = tablePage * 4096 + index * 8;
        this.visit({ stage: 'VS', level, entryAddress, entryLow, entryHigh });
      }
      if (isInvalid(entryLow, entryHigh)) return walkFault.page;
      const ppn = (entryHigh & 0x3f_ffff) * 0x40_0000 + (entryLow >>> 10);
      if ((entryLow & LEAF_BITS) === 0) {
        if (level === 0 || (entryLow & NOT_IN_POINTER) !== 0) return walkFault.page;
        tablePage = ppn;
        continue;
      }
      if (!this.isAllowed(hart, entryLow, access)) return walkFault.page;
      const inside = level === 0 ? 0 : level === 1 ? 0x1ff : 0x3_ffff;
      if (((entryLow >>> 10) & inside) !== 0) return walkFault.page;
      const wanted = pteBit.accessed | (access === accessKind.store ? pteBit.dirty : 0);
      if ((entryLow & wanted) !== wanted && this.visit === undefined) {
        if (!this.setAccessed(vm, tablePage, index, entryLow | wanted)) {
          this.refusedTable = true;
          return this.refused(tablePage, index * 8, true, true);
        }
      }
      this.superpage = level !== 0;
      const page = ppn + ((low >>> 12) & inside);
      return this.leafAccess(vm, page, low & 0xfff, access);
    }
    return walkFault.page;
  }

  /** Rewrites a guest's leaf entry with A (and D) set: a store through the G-stage. */
  private setAccessed(vm: VmMemory, tablePage: number, index: number, entryLow: number): boolean {
    if (!this.gTranslate(vm, tablePage, accessKind.store)) return false;
    const page = tablePage - GUEST_RAM_FIRST_PAGE;
    const frame = frameOfAddress(this.host, this.hostPage);
    this.writer.observe(vm, page, frame, index * 8, 8, 'walker');
    this.words[(this.hostPage >> 2) + index * 2] = entryLow;
    return true;
  }

  /** Permission of a VS-stage leaf at the hart's privilege, with SUM and MXR. */
  private isAllowed(hart: number, entryLow: number, access: AccessKind): boolean {
    const status = this.words[(hart >> 2) + VSSTATUS]!;
    const user = (entryLow & pteBit.user) !== 0;
    if (this.words[(hart >> 2) + PRIVILEGE] === 0) {
      if (!user) return false;
    } else if (user && (access === accessKind.fetch || (status & SUM) === 0)) {
      return false;
    }
    if ((entryLow & NEEDED[access]!) !== 0) return true;
    return access === accessKind.load && (status & MXR) !== 0 && (entryLow & pteBit.execute) !== 0;
  }

  private leafAccess(vm: VmMemory, page: number, offset: number, access: AccessKind): WalkFault {
    if (!this.gTranslate(vm, page, access)) {
      this.refusedTable = false;
      return this.refused(page, offset, access === accessKind.store);
    }
    this.guestPage = page;
    return walkFault.none;
  }

  private refused(page: number, offset: number, write: boolean, implicit = false): WalkFault {
    this.refusedImplicit = implicit;
    this.guestPage = page;
    this.guestOffset = offset;
    this.refusedWrite = write;
    return walkFault.guestPage;
  }

  /**
   * The G-stage for one guest page number: sets hostPage, or gives false for a guest-page fault.
   */
  private gTranslate(vm: VmMemory, guestPage: number, access: AccessKind): boolean {
    if (guestPage >= GUEST_PAGE_LIMIT) return false;
    let table = frameAddress(this.host, vm.gStage.rootFrame);
    for (let level = 2; level >= 0; level--) {
      const below = guestPage >>> (9 * level);
      const index = level === 2 ? below : below & 511;
      const entry = (table >> 2) + index * 2;
      const low = this.words[entry]!;
      const high = this.words[entry + 1]!;
      if (this.visit !== undefined) {
        const entryAddress = frameOfAddress(this.host, table) * 4096 + index * 8;
        this.visit({ stage: 'G', level, entryAddress, entryLow: low, entryHigh: high });
      }
      if (isInvalid(low, high)) return false;
      const frame = (high & 0x3f_ffff) * 0x40_0000 + (low >>> 10);
      if ((low & LEAF_BITS) === 0) {
        if (level === 0 || (low & NOT_IN_POINTER) !== 0) return false;
        table = frameAddress(this.host, frame);
        continue;
      }
      const inside = level === 0 ? 0 : level === 1 ? 0x1ff : 0x3_ffff;
      if ((frame & inside) !== 0 || (low & pteBit.user) === 0) return false;
      if ((low & NEEDED[access]!) === 0) return false;
      const wanted = pteBit.accessed | (access === accessKind.store ? pteBit.dirty : 0);
      if ((low & wanted) !== wanted && this.visit === undefined) this.words[entry] = low | wanted;
      const found = frame + (guestPage & inside);
      assert(found < this.host.layout.frameCount, 'a G-stage leaf points at a frame of the host');
      this.hostPage = frameAddress(this.host, found);
      return true;
    }
    return false;
  }
}

/** Nine bits of the virtual page number for a level. */
function vpn(low: number, high: number, level: number): number {
  if (level === 2) return ((high & 0x7f) << 2) | (low >>> 30);
  return level === 1 ? (low >>> 21) & 0x1ff : (low >>> 12) & 0x1ff;
}

/** An entry that is not valid, or has a reserved encoding or reserved bits set. */
function isInvalid(low: number, high: number): boolean {
  if ((low & pteBit.valid) === 0 || high >>> 22 !== 0) return true;
  return (low & (pteBit.read | pteBit.write)) === pteBit.write;
}
