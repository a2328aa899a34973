/**
 * Loads, stores and atomics that missed the TLB: misaligned ones, those across two pages, pages not
 * yet entered, pages that somebody watches. Reservations of LR/SC are a guest physical address and
 * a byte count; another vCPU's run drops them, a hart's own plain stores do not.
 */
import { assert } from '../base/assert.ts';
import {
  accessKind,
  frameOfAddress,
  GUEST_RAM_FIRST_PAGE,
  type VmMemory,
} from '../memory/index.ts';
import { hartOffset, tlbOffset } from '../protocol/host-memory-layout.ts';
import type { SlowPaths } from '../wasm/interpreter-abi.ts';
import { locate, raise } from './guest-access.ts';
import { hartWord, slotOfHart } from './hart.ts';
import type { HartContext } from './hart-context.ts';

const LOAD_ADDRESS_MISALIGNED = 4;
const STORE_ADDRESS_MISALIGNED = 6;

type MemorySlowPaths = Pick<
  SlowPaths,
  'fetch' | 'straddle' | 'load' | 'store' | 'atomic' | 'loadReserved' | 'storeConditional'
>;

/** The memory part of a host's slow paths. */
export function makeMemorySlowPaths(context: HartContext): MemorySlowPaths {
  const { words } = context;
  return {
    fetch(hart) {
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if (!locate(context, hart, low, high, accessKind.fetch)) return 0;
      const frame = frameOfAddress(context.system.host, context.walk.hostPage);
      const page = context.decoded.pageFor(frame, words[(hart >> 2) + hartWord.profile]!);
      fill(context, hart, tlbOffset.fetch, low, high, page);
      return page;
    },

    straddle(hart) {
      const pc = (hart >> 2) + hartWord.pc;
      const { view } = context.system.host;
      if (!locate(context, hart, words[pc]!, words[pc + 1]!, accessKind.fetch)) return 0;
      const first = view.getUint16(context.walk.hostPage + 0xffe, true);
      const low = (words[pc]! + 2) | 0;
      const high = low === 0 ? (words[pc + 1]! + 1) | 0 : words[pc + 1]!;
      if (!locate(context, hart, low, high, accessKind.fetch)) return 0;
      const word = first | (view.getUint16(context.walk.hostPage, true) << 16);
      context.decoded.decodeStraddling(hart, word, words[(hart >> 2) + hartWord.profile]!);
      return 1;
    },

    load(hart, byteCount) {
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if ((low & 0xfff) + byteCount > 4096) return loadAcross(context, hart, byteCount);
      if (!locate(context, hart, low, high, accessKind.load)) return 0;
      fill(context, hart, tlbOffset.read, low, high, context.walk.hostPage);
      readInto(context, hart, context.walk.hostPage + (low & 0xfff), byteCount);
      return 1;
    },

    store(hart, byteCount) {
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if ((low & 0xfff) + byteCount > 4096) return storeAcross(context, hart, byteCount);
      if (!locate(context, hart, low, high, accessKind.store)) return 0;
      observeStore(context, hart, low, high, byteCount);
      writeFrom(context, hart, context.walk.hostPage + (low & 0xfff), byteCount);
      return 1;
    },

    atomic(hart, byteCount) {
      if (!isAligned(context, hart, byteCount, STORE_ADDRESS_MISALIGNED)) return 0;
      const low = addressLow(words, hart);
      const high = addressHigh(words, hart);
      if (!locate(context, hart, low, high, accessKind.store)) return 0;
      observeStore(context, hart, low, high, byteCount);
      return context.walk.hostPage + (low & 0xfff);
    },

    loadReserved: (hart, byteCount) => loadReserved(context, hart, byteCount),
    storeConditional: (hart, byteCount) => storeConditional(context, hart, byteCount),
  };
}

function addressLow(words: Int32Array, hart: number): number {
  return words[(hart >> 2) + hartWord.address]!;
}

function addressHigh(words: Int32Array, hart: number): number {
  return words[(hart >> 2) + hartWord.address + 1]!;
}

/** Checks that an atomic's address is a multiple of its size, or raises `code`. */
function isAligned(context: HartContext, hart: number, byteCount: number, code: number): boolean {
  const low = addressLow(context.words, hart);
  if ((low & (byteCount - 1)) === 0) return true;
  raise(context, hart, code, low, addressHigh(context.words, hart));
  return false;
}

/** LR: a load that also notes where, by guest physical address, and how many bytes. */
function loadReserved(context: HartContext, hart: number, byteCount: number): number {
  if (!isAligned(context, hart, byteCount, LOAD_ADDRESS_MISALIGNED)) return 0;
  const { words, walk } = context;
  const low = addressLow(words, hart);
  if (!locate(context, hart, low, addressHigh(words, hart), accessKind.load)) return 0;
  readInto(context, hart, walk.hostPage + (low & 0xfff), byteCount);
  const base = hart >> 2;
  words[base + hartWord.reservationValid] = byteCount;
  words[base + hartWord.reservationAddress] = reservedLow(context, low);
  words[base + hartWord.reservationAddress + 1] = walk.guestPage >>> 20;
  return 1;
}

/**
 * SC: without a reservation it fails and touches nothing; with one it is a store that may fault. Its LR may have had
 * another width (Unprivileged §14.2 leaves it open); it then goes as in QEMU: see {@link fillsReservation}.
 */
function storeConditional(context: HartContext, hart: number, byteCount: number): number {
  if (!isAligned(context, hart, byteCount, STORE_ADDRESS_MISALIGNED)) return 0;
  const { words, walk } = context;
  const base = hart >> 2;
  const reserved = words[base + hartWord.reservationValid];
  if (reserved !== 0) {
    const low = addressLow(words, hart);
    const high = addressHigh(words, hart);
    if (!locate(context, hart, low, high, accessKind.store)) return 0;
    words[base + hartWord.reservationValid] = 0;
    const isSame =
      fillsReservation(context, reserved ?? 0, byteCount, low) &&
      words[base + hartWord.reservationAddress] === reservedLow(context, low) &&
      words[base + hartWord.reservationAddress + 1] === walk.guestPage >>> 20;
    if (isSame) {
      observeStore(context, hart, low, high, byteCount);
      writeFrom(context, hart, walk.hostPage + (low & 0xfff), byteCount);
      setScratch(words, hart, 0);
      return 1;
    }
  }
  setScratch(words, hart, 1);
  return 1;
}

/**
 * Whether a store of that width may use the reservation: one no wider than the LR always, a wider one when
 * what the LR read, sign-extended, is what the whole doubleword holds. (QEMU 9, target/riscv: trans_rva.c.inc,
 * gen_sc compares the address and then the memory with the value that LR left in its register.)
 */
function fillsReservation(context: HartContext, reserved: number, byteCount: number, low: number): boolean {
  if (byteCount <= reserved) return true;
  const { view } = context.system.host;
  const address = context.walk.hostPage + (low & 0xfff);
  return view.getInt32(address + 4, true) === view.getInt32(address, true) >> 31;
}

/** Low half of the guest physical address of the page just found and the offset in `low`. */
function reservedLow(context: HartContext, low: number): number {
  return (context.walk.guestPage << 12) | (low & 0xfff) | 0;
}

function setScratch(words: Int32Array, hart: number, value: number): void {
  words[(hart >> 2) + hartWord.scratch] = value;
  words[(hart >> 2) + hartWord.scratch + 1] = 0;
}

function fill(
  context: HartContext,
  hart: number,
  table: number,
  low: number,
  high: number,
  payload: number,
): void {
  const bank = context.words[(hart >> 2) + hartWord.privilege] === 0 ? 0 : 1;
  context.system.tlb.fill(hart, table, bank, low, high, payload, context.walk.superpage);
}

/**
 * Announces a store to the page just found and, when nobody wants to hear of the next one, enters
 * it in the TLB.
 */
function observeStore(
  context: HartContext,
  hart: number,
  low: number,
  high: number,
  byteCount: number,
): void {
  const vm = vmOf(context, hart);
  const { walk, system } = context;
  const page = walk.guestPage - GUEST_RAM_FIRST_PAGE;
  const frame = frameOfAddress(system.host, walk.hostPage);
  system.writer.observe(vm, page, frame, low & 0xfff, byteCount, 'vcpu');
  if (!system.writer.mayBypass(vm, page, frame)) return;
  fill(context, hart, tlbOffset.write, low, high, walk.hostPage);
}

function vmOf(context: HartContext, hart: number): VmMemory {
  const vm = context.vms[slotOfHart(hart)];
  assert(vm !== undefined, 'a hart that runs belongs to a VM');
  return vm;
}

/** record.scratch = zero-extended value at `address`. */
function readInto(context: HartContext, hart: number, address: number, byteCount: number): void {
  const { view } = context.system.host;
  const scratch = (hart >> 2) + hartWord.scratch;
  const low =
    byteCount === 1
      ? view.getUint8(address)
      : byteCount === 2
        ? view.getUint16(address, true)
        : view.getInt32(address, true);
  context.words[scratch] = low;
  context.words[scratch + 1] = byteCount === 8 ? view.getInt32(address + 4, true) : 0;
}

/** Bytes at `address` = low bytes of record.scratch. */
function writeFrom(context: HartContext, hart: number, address: number, byteCount: number): void {
  const { view } = context.system.host;
  const scratch = (hart >> 2) + hartWord.scratch;
  const low = context.words[scratch]!;
  if (byteCount === 1) view.setUint8(address, low);
  else if (byteCount === 2) view.setUint16(address, low, true);
  else view.setInt32(address, low, true);
  if (byteCount === 8) view.setInt32(address + 4, context.words[scratch + 1]!, true);
}

/** A load across two pages: both halves are translated before a byte is read. */
function loadAcross(context: HartContext, hart: number, byteCount: number): number {
  const halves = locateAcross(context, hart, accessKind.load);
  if (halves === undefined) return 0;
  const { bytes } = context.system.host;
  const scratch = hart + hartOffset.scratch;
  bytes.fill(0, scratch, scratch + 8);
  for (let index = 0; index < byteCount; index++) {
    const inFirst = index < halves.split;
    const address = inFirst ? halves.first + index : halves.second + index - halves.split;
    bytes[scratch + index] = bytes[address]!;
  }
  return 1;
}

/** A store across two pages: both halves are translated and announced before a byte is written. */
function storeAcross(context: HartContext, hart: number, byteCount: number): number {
  const halves = locateAcross(context, hart, accessKind.store);
  if (halves === undefined) return 0;
  const { host, writer } = context.system;
  const vm = vmOf(context, hart);
  const { split, firstPage, secondPage } = halves;
  const firstFrame = frameOfAddress(host, halves.first);
  const secondFrame = frameOfAddress(host, halves.second);
  writer.observe(vm, firstPage, firstFrame, 4096 - split, split, 'vcpu');
  writer.observe(vm, secondPage, secondFrame, 0, byteCount - split, 'vcpu');
  const scratch = hart + hartOffset.scratch;
  for (let index = 0; index < byteCount; index++) {
    const address = index < split ? halves.first + index : halves.second + index - split;
    host.bytes[address] = host.bytes[scratch + index]!;
  }
  return 1;
}

/**
 * Where the two halves of an access lie: memory addresses of their first bytes, pages of RAM, bytes
 * in the first.
 */
export interface Halves {
  readonly split: number;
  readonly first: number;
  readonly second: number;
  readonly firstPage: number;
  readonly secondPage: number;
}

function locateAcross(context: HartContext, hart: number, access: 1 | 2): Halves | undefined {
  const { walk, words } = context;
  const low = words[(hart >> 2) + hartWord.address]!;
  const high = words[(hart >> 2) + hartWord.address + 1]!;
  if (!locate(context, hart, low, high, access)) return undefined;
  const first = walk.hostPage + (low & 0xfff);
  const firstPage = walk.guestPage - GUEST_RAM_FIRST_PAGE;
  const split = 4096 - (low & 0xfff);
  const nextLow = (low + split) | 0;
  const nextHigh = nextLow === 0 ? (high + 1) | 0 : high;
  if (!locate(context, hart, nextLow, nextHigh, access)) return undefined;
  const secondPage = walk.guestPage - GUEST_RAM_FIRST_PAGE;
  return { split, first, second: walk.hostPage, firstPage, secondPage };
}
