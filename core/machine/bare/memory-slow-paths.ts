/**
 * Loads, stores, atomics and fetches of a bare-metal hart that missed the TLB: pages not yet entered, misaligned
 * ones, those across two pages, devices. An access to a device that leaves an interrupt to take, or asks for
 * the run's end, finishes its instruction here, so that what follows comes exactly behind it.
 *
 * Reservations are a physical address and a byte count; another hart's run drops them.
 */
import { assert } from '../../base/assert.ts';
import { isCompressed } from '../../isa/compressed.ts';
import { accessKind, frameOfAddress, GUEST_RAM_FIRST_PAGE } from '../../memory/index.ts';
import { exitReason, hartOffset, tlbOffset } from '../../protocol/host-memory-layout.ts';
import type { SlowPaths } from '../../wasm/interpreter-abi.ts';
import { finishAccess, readAccess } from '../device-access.ts';
import { hartWord } from '../hart.ts';
import type { Halves } from '../memory-slow-paths.ts';
import type { BareContext } from './context.ts';
import type { BareMemory } from './memory-access.ts';
import { mayTakeInterrupt, raiseException, takeInterrupt } from './trap.ts';

const LOAD_ADDRESS_MISALIGNED = 4;
const STORE_ADDRESS_MISALIGNED = 6;

type MemorySlowPaths = Pick<
  SlowPaths,
  'fetch' | 'straddle' | 'load' | 'store' | 'atomic' | 'loadReserved' | 'storeConditional'
>;

/** The memory part of a bare-metal machine's slow paths. */
export function makeBareMemorySlowPaths(context: BareContext, memory: BareMemory): MemorySlowPaths {
  const { words } = context;
  const { host } = context.system;
  return {
    fetch(hart) {
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if (!memory.locateRam(hart, low, high, accessKind.fetch)) return 0;
      const frame = frameOfAddress(host, memory.hostPage);
      const page = context.decoded.pageFor(frame, words[(hart >> 2) + hartWord.profile]!);
      memory.fill(hart, tlbOffset.fetch, low, high, page);
      return page;
    },

    straddle(hart) {
      const word = straddlingWord(context, memory, hart);
      if (word === undefined) return 0;
      context.decoded.decodeStraddling(hart, word, words[(hart >> 2) + hartWord.profile]!);
      return 1;
    },

    load(hart, byteCount) {
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if ((low & 0xfff) + byteCount > 4096) return loadAcross(context, memory, hart, byteCount);
      const as = memory.modeOf(hart, accessKind.load);
      if (!memory.locate(hart, low, high, accessKind.load, as)) return 0;
      if (memory.hostPage < 0) {
        if (!memory.readDevice(hart, low, high, byteCount, as)) return 0;
        return goesOn(context, hart) ? 1 : finishDeviceAccess(context, memory, hart);
      }
      memory.fill(hart, tlbOffset.read, low, high, memory.hostPage);
      readInto(context, hart, memory.hostPage + (low & 0xfff), byteCount);
      return 1;
    },

    store(hart, byteCount) {
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if ((low & 0xfff) + byteCount > 4096) return storeAcross(context, memory, hart, byteCount);
      const as = memory.modeOf(hart, accessKind.store);
      if (!memory.locate(hart, low, high, accessKind.store, as)) return 0;
      if (memory.hostPage < 0) {
        if (!memory.writeDevice(hart, low, high, byteCount, as)) return 0;
        return goesOn(context, hart) ? 1 : finishDeviceAccess(context, memory, hart);
      }
      memory.observeStore(hart, low, high, byteCount, true);
      writeFrom(context, hart, memory.hostPage + (low & 0xfff), byteCount);
      return 1;
    },

    atomic(hart, byteCount) {
      if (!isAligned(context, memory, hart, byteCount, STORE_ADDRESS_MISALIGNED)) return 0;
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if (!memory.locateRam(hart, low, high, accessKind.store)) return 0;
      memory.observeStore(hart, low, high, byteCount, true);
      return memory.hostPage + (low & 0xfff);
    },

    loadReserved: (hart, byteCount) => loadReserved(context, memory, hart, byteCount),
    storeConditional: (hart, byteCount) => storeConditional(context, memory, hart, byteCount),
  };
}

function addressLow(words: Int32Array, hart: number): number {
  return words[(hart >> 2) + hartWord.address]!;
}

function addressHigh(words: Int32Array, hart: number): number {
  return words[(hart >> 2) + hartWord.address + 1]!;
}

/** The 4 bytes at pc, 2 of them in the next page; undefined when a half faults. */
function straddlingWord(context: BareContext, memory: BareMemory, hart: number): number | undefined {
  const { words, system } = context;
  const pc = (hart >> 2) + hartWord.pc;
  if (!memory.locateRam(hart, words[pc]!, words[pc + 1]!, accessKind.fetch)) return undefined;
  const first = system.host.view.getUint16(memory.hostPage + 0xffe, true);
  const low = (words[pc]! + 2) | 0;
  const high = low === 0 ? (words[pc + 1]! + 1) | 0 : words[pc + 1]!;
  if (!memory.locateRam(hart, low, high, accessKind.fetch)) return undefined;
  return first | (system.host.view.getUint16(memory.hostPage, true) << 16);
}

/** Whether compiled code may go on behind an access to a device as if nothing had happened. */
function goesOn(context: BareContext, hart: number): boolean {
  const { words } = context;
  if (words[(hart >> 2) + hartWord.exitReason] !== exitReason.none) return false;
  if (words[(hart >> 2) + hartWord.budget] === 0) return true;
  return !mayTakeInterrupt(context, hart, context.ticksAfter(hart));
}

/**
 * Ends the load or store at pc, whose device has answered (record.scratch): writes its register, moves pc, takes
 * an interrupt. Gives 0: compiled code goes on where the record says.
 */
function finishDeviceAccess(context: BareContext, memory: BareMemory, hart: number): 0 {
  const { words, system } = context;
  const access = readAccess(presentWord(context, memory, hart), context.hasShort(hart));
  assert(access !== undefined, 'an instruction that reached a device is a load or a store');
  finishAccess(system.host, hart, access, () => context.markFloatDirty(hart));
  const left = words[(hart >> 2) + hartWord.budget]!;
  const goesAway = words[(hart >> 2) + hartWord.exitReason] !== exitReason.none;
  if (left > 0 && !goesAway) takeInterrupt(context, hart, context.ticksAfter(hart));
  return 0;
}

/** The word at pc, which has been fetched before: 2 or 4 bytes. */
function presentWord(context: BareContext, memory: BareMemory, hart: number): number {
  const { words, system } = context;
  const pc = (hart >> 2) + hartWord.pc;
  const isFound = memory.locateRam(hart, words[pc]!, words[pc + 1]!, accessKind.fetch);
  assert(isFound, 'the instruction under way was fetched');
  const offset = words[pc]! & 0xfff;
  const first = system.host.view.getUint16(memory.hostPage + offset, true);
  if (isCompressed(first)) return first;
  if (offset !== 0xffe) return system.host.view.getInt32(memory.hostPage + offset, true);
  const word = straddlingWord(context, memory, hart);
  assert(word !== undefined, 'the instruction under way was fetched');
  return word;
}

/** Checks that an atomic's address is a multiple of its size, or raises `code`. */
function isAligned(context: BareContext, memory: BareMemory, hart: number, byteCount: number, code: number): boolean {
  const low = addressLow(context.words, hart);
  if ((low & (byteCount - 1)) === 0) return true;
  const { isVirtual } = memory.modeOf(hart, accessKind.load);
  raiseException(context, hart, code, { low, high: addressHigh(context.words, hart), isGuestAddress: isVirtual });
  return false;
}

function loadReserved(context: BareContext, memory: BareMemory, hart: number, byteCount: number): number {
  if (!isAligned(context, memory, hart, byteCount, LOAD_ADDRESS_MISALIGNED)) return 0;
  const { words } = context;
  const low = addressLow(words, hart);
  if (!memory.locateRam(hart, low, addressHigh(words, hart), accessKind.load)) return 0;
  readInto(context, hart, memory.hostPage + (low & 0xfff), byteCount);
  const base = hart >> 2;
  words[base + hartWord.reservationValid] = byteCount;
  words[base + hartWord.reservationAddress] = physicalLow(memory, low);
  words[base + hartWord.reservationAddress + 1] = Math.floor(memory.walk.page / 0x10_0000);
  return 1;
}

/** SC, as a guest's: see core/machine/memory-slow-paths.ts on widths. */
function storeConditional(context: BareContext, memory: BareMemory, hart: number, byteCount: number): number {
  if (!isAligned(context, memory, hart, byteCount, STORE_ADDRESS_MISALIGNED)) return 0;
  const { words } = context;
  const base = hart >> 2;
  const reserved = words[base + hartWord.reservationValid]!;
  if (reserved !== 0) {
    const low = addressLow(words, hart);
    const high = addressHigh(words, hart);
    if (!memory.locateRam(hart, low, high, accessKind.store)) return 0;
    words[base + hartWord.reservationValid] = 0;
    const isSame =
      fillsReservation(context, memory, reserved, byteCount, low) &&
      words[base + hartWord.reservationAddress] === physicalLow(memory, low) &&
      words[base + hartWord.reservationAddress + 1] === Math.floor(memory.walk.page / 0x10_0000);
    if (isSame) {
      memory.observeStore(hart, low, high, byteCount, true);
      writeFrom(context, hart, memory.hostPage + (low & 0xfff), byteCount);
      setScratch(words, hart, 0);
      return 1;
    }
  }
  setScratch(words, hart, 1);
  return 1;
}

function fillsReservation(context: BareContext, memory: BareMemory, reserved: number, byteCount: number, low: number): boolean {
  if (byteCount <= reserved) return true;
  const { view } = context.system.host;
  const address = memory.hostPage + (low & 0xfff);
  return view.getInt32(address + 4, true) === view.getInt32(address, true) >> 31;
}

function physicalLow(memory: BareMemory, low: number): number {
  return ((memory.walk.page % 0x10_0000) * 4096 + (low & 0xfff)) | 0;
}

function setScratch(words: Int32Array, hart: number, value: number): void {
  words[(hart >> 2) + hartWord.scratch] = value;
  words[(hart >> 2) + hartWord.scratch + 1] = 0;
}

/** record.scratch = zero-extended value at `address`. */
export function readInto(context: BareContext, hart: number, address: number, byteCount: number): void {
  const { view } = context.system.host;
  const scratch = (hart >> 2) + hartWord.scratch;
  const isNarrow = byteCount < 4;
  const narrow = byteCount === 1 ? view.getUint8(address) : view.getUint16(address, true);
  context.words[scratch] = isNarrow ? narrow : view.getInt32(address, true);
  context.words[scratch + 1] = byteCount === 8 ? view.getInt32(address + 4, true) : 0;
}

/** Bytes at `address` = low bytes of record.scratch. */
export function writeFrom(context: BareContext, hart: number, address: number, byteCount: number): void {
  const { bytes } = context.system.host;
  const scratch = hart + hartOffset.scratch;
  for (let index = 0; index < byteCount; index++) bytes[address + index] = bytes[scratch + index]!;
}

/** Both halves of an access over a page's end; devices do not take such. */
function locateAcross(context: BareContext, memory: BareMemory, hart: number, access: 1 | 2): Halves | undefined {
  const { words } = context;
  const low = addressLow(words, hart);
  const high = addressHigh(words, hart);
  if (!memory.locateRam(hart, low, high, access)) return undefined;
  const first = memory.hostPage + (low & 0xfff);
  const firstPage = memory.walk.page - GUEST_RAM_FIRST_PAGE;
  const split = 4096 - (low & 0xfff);
  const nextLow = (low + split) | 0;
  const nextHigh = nextLow === 0 ? (high + 1) | 0 : high;
  if (!memory.locateRam(hart, nextLow, nextHigh, access)) return undefined;
  return { split, first, second: memory.hostPage, firstPage, secondPage: memory.walk.page - GUEST_RAM_FIRST_PAGE };
}

/** A load across two pages: both halves are translated before a byte is read. */
function loadAcross(context: BareContext, memory: BareMemory, hart: number, byteCount: number): number {
  const halves = locateAcross(context, memory, hart, accessKind.load);
  if (halves === undefined) return 0;
  const { bytes } = context.system.host;
  const scratch = hart + hartOffset.scratch;
  bytes.fill(0, scratch, scratch + 8);
  for (let index = 0; index < byteCount; index++) {
    const isFirst = index < halves.split;
    bytes[scratch + index] = bytes[isFirst ? halves.first + index : halves.second + index - halves.split]!;
  }
  return 1;
}

/** A store across two pages: both halves are translated and announced before a byte is written. */
function storeAcross(context: BareContext, memory: BareMemory, hart: number, byteCount: number): number {
  const halves = locateAcross(context, memory, hart, accessKind.store);
  if (halves === undefined) return 0;
  const { host, writer } = context.system;
  const { split, first, second, firstPage, secondPage } = halves;
  writer.observe(context.ram, firstPage, frameOfAddress(host, first), 4096 - split, split, 'vcpu');
  writer.observe(context.ram, secondPage, frameOfAddress(host, second), 0, byteCount - split, 'vcpu');
  const scratch = hart + hartOffset.scratch;
  for (let index = 0; index < byteCount; index++) {
    host.bytes[index < split ? first + index : second + index - split] = host.bytes[scratch + index]!;
  }
  return 1;
}
