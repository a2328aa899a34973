/**
 * Two-stage address translation, stated a second time: Sv39 (Privileged ISA 20240411 §10.3, §10.4)
 * under Sv39x4 (H extension, guest physical address translation), on page-table bytes. Accessed and
 * dirty bits are set by hardware (Svadu). Left out: Svnapot, Svpbmt, PMP.
 *
 *     63    54 53        28 27    19 18    10 9   8 7 6 5 4 3 2 1 0
 *    | reserved|   PPN[2]  | PPN[1] | PPN[0] | RSW |D|A|G|U|X|W|R|V|
 */
import type { ReferenceAccess, ReferenceFault, ReferenceHart, ReferenceMemory } from './hart.ts';
import { statusBit } from './hart.ts';

const V = 1n;
const R = 2n;
const W = 4n;
const X = 8n;
const U = 16n;
const A = 64n;
const D = 128n;
const RESERVED = ((1n << 10n) - 1n) << 54n;
const PPN_MASK = (1n << 44n) - 1n;

const PAGE_FAULT: Readonly<Record<ReferenceAccess, number>> = { fetch: 12, load: 13, store: 15 };

/** Where an access ends up. */
export interface Translated {
  readonly guestPhysicalAddress: bigint;
  readonly hostPhysicalAddress: bigint;
}

/**
 * Reading of one entry at `level`: 'pointer' to the next table, 'leaf', or 'invalid' for every kind
 * of malformed entry.
 */
function kindOfEntry(entry: bigint, level: number): 'pointer' | 'leaf' | 'invalid' {
  if ((entry & V) === 0n || (entry & RESERVED) !== 0n) return 'invalid';
  if ((entry & W) !== 0n && (entry & R) === 0n) return 'invalid';
  if ((entry & (R | X)) === 0n) {
    return level === 0 || (entry & (A | D | U)) !== 0n ? 'invalid' : 'pointer';
  }
  const lowPpn = (1n << BigInt(9 * level)) - 1n;
  return ((entry >> 10n) & lowPpn) === 0n ? 'leaf' : 'invalid';
}

const tableOf = (entry: bigint): bigint => ((entry >> 10n) & PPN_MASK) << 12n;

/**
 * Address that leaf `entry` at `level` gives: its frame, and the bits of `address` below the
 * level's page size.
 */
function leafAddress(entry: bigint, level: number, address: bigint): bigint {
  const offset = (1n << BigInt(12 + 9 * level)) - 1n;
  return tableOf(entry) | (address & offset);
}

/** `entry` with the bits that `access` sets. */
function touched(entry: bigint, access: ReferenceAccess): bigint {
  return entry | A | (access === 'store' ? D : 0n);
}

/** G-stage: guest physical to host physical, or undefined on a guest-page fault. */
export function translateGuestPhysical(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  guestPhysicalAddress: bigint,
  access: ReferenceAccess,
): bigint | undefined {
  if (hart.hgatp >> 60n === 0n) return guestPhysicalAddress;
  if (guestPhysicalAddress >> 41n !== 0n) return undefined;
  let table = (hart.hgatp & PPN_MASK) << 12n;
  for (let level = 2; level >= 0; level--) {
    const bits = level === 2 ? 11n : 9n; // the root has 2,048 entries, 16 KiB
    const index = (guestPhysicalAddress >> BigInt(12 + 9 * level)) & ((1n << bits) - 1n);
    const entryAddress = table + index * 8n;
    const entry = memory.read(entryAddress, 8);
    const kind = kindOfEntry(entry, level);
    if (kind === 'invalid') return undefined;
    if (kind === 'pointer') table = tableOf(entry);
    else {
      const needed = access === 'fetch' ? X : access === 'load' ? R : W;
      if ((entry & U) === 0n || (entry & needed) === 0n) return undefined;
      const after = touched(entry, access);
      if (after !== entry) memory.write(entryAddress, 8, after);
      return leafAddress(entry, level, guestPhysicalAddress);
    }
  }
  return undefined;
}

/** Whether leaf `entry` lets the hart do `access` at its present privilege. */
function isAllowed(hart: ReferenceHart, entry: bigint, access: ReferenceAccess): boolean {
  const isUserPage = (entry & U) !== 0n;
  if (hart.privilege === 0) {
    if (!isUserPage) return false;
  } else if (isUserPage && (access === 'fetch' || (hart.sstatus & statusBit.sum) === 0n))
    return false;
  switch (access) {
    case 'fetch':
      return (entry & X) !== 0n;
    case 'store':
      return (entry & W) !== 0n;
    case 'load':
      return (entry & R) !== 0n || ((entry & X) !== 0n && (hart.sstatus & statusBit.mxr) !== 0n);
  }
}

/**
 * Both stages for `access` at `virtualAddress`: the addresses, or the fault. Sets A and D on the
 * way.
 */
export function translate(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  virtualAddress: bigint,
  access: ReferenceAccess,
): Translated | ReferenceFault {
  const guestFault = (guestPhysicalAddress: bigint): ReferenceFault => ({
    kind: 'guestPageFault',
    access,
    virtualAddress,
    guestPhysicalAddress,
  });
  const finish = (guestPhysicalAddress: bigint): Translated | ReferenceFault => {
    const host = translateGuestPhysical(hart, memory, guestPhysicalAddress, access);
    if (host === undefined) return guestFault(guestPhysicalAddress);
    return { guestPhysicalAddress, hostPhysicalAddress: host };
  };
  if (hart.satp >> 60n === 0n) return finish(virtualAddress);

  const pageFault: ReferenceFault = {
    kind: 'trap',
    cause: PAGE_FAULT[access],
    value: virtualAddress,
  };
  if (BigInt.asUintN(64, BigInt.asIntN(39, virtualAddress)) !== virtualAddress) return pageFault;
  let table = (hart.satp & PPN_MASK) << 12n;
  for (let level = 2; level >= 0; level--) {
    const index = (virtualAddress >> BigInt(12 + 9 * level)) & 0x1ffn;
    const entryAddress = table + index * 8n;
    const entryHost = translateGuestPhysical(hart, memory, entryAddress, 'load');
    if (entryHost === undefined) return guestFault(entryAddress);
    const entry = memory.read(entryHost, 8);
    const kind = kindOfEntry(entry, level);
    if (kind === 'invalid') return pageFault;
    if (kind === 'pointer') table = tableOf(entry);
    else {
      if (!isAllowed(hart, entry, access)) return pageFault;
      const after = touched(entry, access);
      if (after !== entry) {
        const writable = translateGuestPhysical(hart, memory, entryAddress, 'store');
        if (writable === undefined) return guestFault(entryAddress);
        memory.write(writable, 8, after);
      }
      return finish(leafAddress(entry, level, virtualAddress));
    }
  }
  return pageFault;
}
