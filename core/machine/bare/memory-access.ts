/**
 * A bare-metal hart's access to one page: translation, protection, and what it finds there: RAM, whose frame it
 * may read and write, or a device on the bus. A refused access becomes an exception.
 */
import { accessKind, type AccessKind, frameAddress, frameOfAddress, GUEST_RAM_FIRST_PAGE } from '../../memory/index.ts';
import { tlbOffset } from '../../protocol/host-memory-layout.ts';
import type { BusValue } from '../bus.ts';
import { hartWord } from '../hart.ts';
import type { BareContext } from './context.ts';
import { bareIndex, bareSlot, bareWord, mode, statusHigh, statusLow } from './registers.ts';
import { type AccessMode, type BareFault, bareFault, BareWalk } from './translation.ts';
import { raiseException } from './trap.ts';

/** Causes of each access kind: access fault, page fault, guest-page fault (§3.1.15, §18.6.1). */
const CAUSES: Readonly<Record<1 | 2 | 3, readonly [fetch: number, load: number, store: number]>> = {
  [bareFault.access]: [1, 5, 7],
  [bareFault.page]: [12, 13, 15],
  [bareFault.guestPage]: [20, 21, 23],
};

/** What a located page is: the address of its frame in the host memory, or −1 for a device. */
export class BareMemory {
  readonly walk: BareWalk;
  /** Address of the frame found last, −1 when it is no RAM. */
  hostPage = -1;
  readonly value: BusValue = { low: 0, high: 0 };
  private readonly context: BareContext;
  private readonly present: AccessMode = { privilege: 0, isVirtual: false, executes: false };

  constructor(context: BareContext) {
    this.context = context;
    this.walk = new BareWalk(context);
  }

  /** As whom the hart fetches, or with MPRV loads and stores, now. The object is reused. */
  modeOf(hart: number, access: AccessKind): AccessMode {
    const { context, present } = this;
    present.privilege = context.privilege(hart);
    present.isVirtual = context.isVirtual(hart);
    present.executes = false;
    if (present.privilege !== mode.machine || access === accessKind.fetch) return present;
    const status = bareWord(hart, bareSlot.mstatus);
    const low = context.words[status]!;
    const previous = (low & statusLow.mpp) >>> 11;
    if ((low & statusLow.mprv) === 0 || previous === mode.machine) return present;
    present.privilege = previous;
    present.isVirtual = (context.words[status + 1]! & statusHigh.mpv) !== 0;
    return present;
  }

  /**
   * Finds the page of `high`:`low`. False: an exception was raised, as of kind `faultAs`, and the instruction
   * does not retire.
   */
  locate(
    hart: number,
    low: number,
    high: number,
    access: AccessKind,
    as: AccessMode = this.modeOf(hart, access),
    faultAs: AccessKind = access,
  ): boolean {
    const fault = this.walk.translate(hart, low, high, access, as);
    if (fault === bareFault.none) {
      const { ram, system } = this.context;
      const frame = ram.frame(this.walk.page - GUEST_RAM_FIRST_PAGE);
      this.hostPage = frame < 0 ? -1 : frameAddress(system.host, frame);
      return true;
    }
    this.raise(hart, fault, faultAs, low, high, as.isVirtual);
    return false;
  }

  /** As {@link locate}, for what must be RAM: fetches, LR, SC, AMO, cache blocks. A device is an access fault. */
  locateRam(hart: number, low: number, high: number, access: AccessKind, faultAs: AccessKind = access): boolean {
    const as = this.modeOf(hart, access);
    if (!this.locate(hart, low, high, access, as, faultAs)) return false;
    if (this.hostPage >= 0) return true;
    this.raise(hart, bareFault.access, faultAs, low, high, as.isVirtual);
    return false;
  }

  /** Raises a fault of an access made to virtual address `high`:`low`. */
  raise(hart: number, fault: BareFault, access: AccessKind, low: number, high: number, isGuestAddress: boolean): void {
    if (fault !== bareFault.guestPage) {
      const cause = CAUSES[fault === bareFault.page ? bareFault.page : bareFault.access][access];
      raiseException(this.context, hart, cause, { low, high, isGuestAddress });
      return;
    }
    const { guestPage, guestOffset, implicit } = this.walk;
    const addressLow = ((guestPage % 0x10_0000) * 4096 + guestOffset) | 0;
    const addressHigh = Math.floor(guestPage / 0x10_0000) | 0;
    raiseException(this.context, hart, CAUSES[bareFault.guestPage][access], {
      low,
      high,
      isGuestAddress: true,
      guestLow: (addressLow >>> 2) | (addressHigh << 30),
      guestHigh: addressHigh >>> 2,
      instruction: implicit,
    });
  }

  /** Enters the page found last into one of the hart's tables. */
  fill(hart: number, table: number, low: number, high: number, payload: number): void {
    this.context.fill(hart, table, low, high, payload, this.walk.superpage);
  }

  /** Announces a store to the page found last; when nobody wants to hear of the next one, enters it in the TLB. */
  observeStore(hart: number, low: number, high: number, byteCount: number, mayFill: boolean): void {
    const { system, ram } = this.context;
    const page = this.walk.page - GUEST_RAM_FIRST_PAGE;
    const frame = frameOfAddress(system.host, this.hostPage);
    system.writer.observe(ram, page, frame, low & 0xfff, byteCount, 'vcpu');
    if (mayFill && system.writer.mayBypass(ram, page, frame)) {
      this.fill(hart, tlbOffset.write, low, high, this.hostPage);
    }
  }

  /**
   * Reads the device at offset `low` of the page found last into record.scratch. False: an access fault was raised.
   */
  readDevice(hart: number, low: number, high: number, byteCount: number, as: AccessMode): boolean {
    const { context, value } = this;
    const address = this.walk.page * 4096 + (low & 0xfff);
    const isReached = Number.isSafeInteger(address) && (low & (byteCount - 1)) === 0;
    value.low = 0;
    value.high = 0;
    if (!isReached || !context.ports.load(bareIndex(hart), address, byteCount, value)) {
      this.raise(hart, bareFault.access, accessKind.load, low, high, as.isVirtual);
      return false;
    }
    const scratch = (hart >> 2) + hartWord.scratch;
    const mask = byteCount >= 4 ? -1 : (1 << (8 * byteCount)) - 1;
    context.words[scratch] = value.low & mask;
    context.words[scratch + 1] = byteCount === 8 ? value.high | 0 : 0;
    return true;
  }

  /** Writes record.scratch to the device likewise. */
  writeDevice(hart: number, low: number, high: number, byteCount: number, as: AccessMode): boolean {
    const { context, value } = this;
    const address = this.walk.page * 4096 + (low & 0xfff);
    const isReached = Number.isSafeInteger(address) && (low & (byteCount - 1)) === 0;
    const scratch = (hart >> 2) + hartWord.scratch;
    const mask = byteCount >= 4 ? -1 : (1 << (8 * byteCount)) - 1;
    value.low = (context.words[scratch]! & mask) >>> 0;
    value.high = byteCount === 8 ? context.words[scratch + 1]! >>> 0 : 0;
    if (isReached && context.ports.store(bareIndex(hart), address, byteCount, value)) return true;
    this.raise(hart, bareFault.access, accessKind.store, low, high, as.isVirtual);
    return false;
  }
}
