/**
 * Physical memory protection: 16 entries with a grain of 4 KiB (RISC-V Privileged ISA 20240411 §3.7). A page
 * is inside an entry's region or outside it, never both, so that a page's permission is one answer. NA4 cannot
 * be chosen with this grain and becomes OFF; a W without R is taken back.
 *
 *   pmpcfg byte   L 7 · 0 6…5 · A 4…3 (OFF, TOR, NA4, NAPOT) · X W R
 */
import type { AccessKind } from '../../memory/index.ts';
import { bareSlot, bareWord, mode, PMP_COUNT, PMPADDR_SLOT } from './registers.ts';

/** Bits of pmpaddr (address >> 2) below the grain. */
const GRAIN_BITS = 10;
const OFF = 0;
const TOR = 1;
const NA4 = 2;
const LOCKED = 0x80;
/** Permission of fetch, load, store. */
const NEEDED: readonly number[] = [4, 1, 2];

/** The configuration byte of entry `index`. */
export function pmpConfiguration(words: Int32Array, hart: number, index: number): number {
  const word = bareWord(hart, index < 8 ? bareSlot.pmpcfg0 : bareSlot.pmpcfg2) + ((index >> 2) & 1);
  return (words[word]! >>> (8 * (index & 3))) & 0xff;
}

const modeOf = (configuration: number): number => (configuration >>> 3) & 3;

/** pmpaddr as written, in pages of 4 KiB: its bits from the grain on. */
function addressPage(words: Int32Array, hart: number, index: number): number {
  const word = bareWord(hart, PMPADDR_SLOT + index);
  return words[word + 1]! * 0x40_0000 + (words[word]! >>> GRAIN_BITS);
}

/** Whether `page` (44 bits) lies in the region of entry `index`, which has TOR or NAPOT. */
function isInside(words: Int32Array, hart: number, index: number, page: number, kind: number): boolean {
  if (kind === TOR) {
    if (page >= addressPage(words, hart, index)) return false;
    return index === 0 || page >= addressPage(words, hart, index - 1);
  }
  // NAPOT: the bits above the lowest 0 are the base. The lowest bits of the grain read as ones.
  const word = bareWord(hart, PMPADDR_SLOT + index);
  const high = words[word + 1]!;
  const pageHigh = Math.floor(page / 0x40_0000);
  const differsLow = (page - pageHigh * 0x40_0000) ^ (words[word]! >>> GRAIN_BITS);
  const differsHigh = pageHigh ^ high;
  if (((words[word]! >>> (GRAIN_BITS - 1)) & 1) === 0) return differsLow === 0 && differsHigh === 0;
  const zero = lowestZero(words[word]! >>> GRAIN_BITS);
  if (zero < 22) return differsHigh === 0 && differsLow >>> (zero + 1) === 0;
  return differsHigh >>> (lowestZero(high) + 1) === 0;
}

/** Place of the lowest bit that is 0; `bits` has one. */
function lowestZero(bits: number): number {
  return 31 - Math.clz32(~bits & -~bits);
}

/** Whether an access to a physical page made with `privilege` is permitted. */
export function mayAccess(words: Int32Array, hart: number, page: number, access: AccessKind, privilege: number): boolean {
  for (let index = 0; index < PMP_COUNT; index++) {
    const configuration = pmpConfiguration(words, hart, index);
    if (modeOf(configuration) === OFF || !isInside(words, hart, index, page, modeOf(configuration))) continue;
    if (privilege === mode.machine && (configuration & LOCKED) === 0) return true;
    return (configuration & NEEDED[access]!) !== 0;
  }
  return privilege === mode.machine;
}

/** What pmpaddr reads: the bits of the grain are ones for NAPOT (but its highest), else zeros (§3.7.1). */
export function readPmpAddress(words: Int32Array, hart: number, index: number): number {
  const stored = words[bareWord(hart, PMPADDR_SLOT + index)]!;
  const isNapot = modeOf(pmpConfiguration(words, hart, index)) >= NA4;
  return isNapot ? stored | ((1 << (GRAIN_BITS - 1)) - 1) : stored & ~((1 << GRAIN_BITS) - 1);
}

/** Whether pmpaddr `index` is locked: by its own entry or by a locked TOR above it. */
export function isPmpAddressLocked(words: Int32Array, hart: number, index: number): boolean {
  if ((pmpConfiguration(words, hart, index) & LOCKED) !== 0) return true;
  if (index === PMP_COUNT - 1) return false;
  const above = pmpConfiguration(words, hart, index + 1);
  return (above & LOCKED) !== 0 && modeOf(above) === TOR;
}

/** What four configuration bytes hold after a write of `value`. */
export function legalConfigurations(before: number, value: number): number {
  let result = 0;
  for (let shift = 0; shift < 32; shift += 8) {
    const old = (before >>> shift) & 0xff;
    let byte = (value >>> shift) & 0x9f;
    if (modeOf(byte) === NA4) byte &= ~0x18;
    if ((byte & 3) === 2) byte &= ~2;
    result |= ((old & LOCKED) !== 0 ? old : byte) << shift;
  }
  return result;
}
