/**
 * Address translation and protection of the bare-metal reference hart (Privileged ISA 20240411 §3.7, §12.3 …
 * §12.5, §18.5), stated a second time: one recursive walk for all stages, entries as whole numbers, PMP regions as
 * byte ranges.
 */
import { B, type BareReferenceHart, type BareReferencePort, bit, get, has, insert, N } from './hart.ts';

export type Access = 'fetch' | 'load' | 'store';
/** As whom: what the mode means for translation. `executes`: hlvx. */
export interface Effective {
  readonly level: 'M' | 'S' | 'U';
  readonly virtual: boolean;
  readonly executes?: boolean;
}

export type WalkFault =
  | { readonly fault: 'access' | 'page' }
  | { readonly fault: 'guestPage'; readonly guestAddress: bigint; readonly implicit: 'read' | 'write' | undefined };

export const isWalkFault = (value: { address: bigint } | WalkFault): value is WalkFault => 'fault' in value;

const ACCESS: WalkFault = { fault: 'access' };
const PAGE: WalkFault = { fault: 'page' };

/** What PMP says of one page-sized region: the grain is 4 KiB, so bytes of a page never differ. */
export function isProtected(hart: BareReferenceHart, address: bigint, access: Access, level: 'M' | 'S' | 'U'): boolean {
  for (let index = 0; index < 16; index++) {
    const byte = configuration(hart, index);
    if ((byte & 0x18n) === 0n) continue;
    const range = regionOf(hart, index, byte);
    if (range === undefined || address < range.start || address >= range.end) continue;
    if (level === 'M' && !bit(byte, 7)) return false;
    return !bit(byte, { load: 0, store: 1, fetch: 2 }[access]);
  }
  return level !== 'M';
}

export function configuration(hart: BareReferenceHart, index: number): bigint {
  return (get(hart, index < 8 ? N.pmpcfg0 : N.pmpcfg2) >> BigInt(8 * (index % 8))) & 0xffn;
}

function regionOf(hart: BareReferenceHart, index: number, byte: bigint): { start: bigint; end: bigint } | undefined {
  const grain = ~0xfffn;
  const whole = (number: number) => (get(hart, N.pmpaddr0 + number) << 2n) & grain;
  switch ((byte >> 3n) & 3n) {
    case 1n:
      return { start: index === 0 ? 0n : whole(index - 1), end: whole(index) };
    case 3n: {
      // n ones at the bottom mean 2^(n + 3) bytes; a number and the next one differ in n + 1 bits.
      const value = get(hart, N.pmpaddr0 + index) | 0x1ffn;
      const size = ((value ^ (value + 1n)) + 1n) << 2n;
      const start = (value << 2n) & ~(size - 1n);
      return { start, end: start + size };
    }
    default:
      return undefined;
  }
}

/** Where an access of a page's bytes goes, A and D set on the way. */
export function translate(
  hart: BareReferenceHart,
  port: BareReferencePort,
  virtualAddress: bigint,
  access: Access,
  as: Effective,
): { readonly address: bigint } | WalkFault {
  const physical = throughStages(hart, port, virtualAddress, access, as);
  if (isWalkFault(physical)) return physical;
  const { address } = physical;
  if (address >> 56n !== 0n || isProtected(hart, address, access, as.level)) return ACCESS;
  return physical;
}

function throughStages(
  hart: BareReferenceHart,
  port: BareReferencePort,
  address: bigint,
  access: Access,
  as: Effective,
): { readonly address: bigint } | WalkFault {
  if (as.level === 'M') return { address };
  if (!as.virtual) return stage(hart, port, address, access, as, 'S');
  const guest = stage(hart, port, address, access, as, 'VS');
  if (isWalkFault(guest)) return guest;
  return stage(hart, port, guest.address, access, as, 'G');
}

type Stage = 'S' | 'VS' | 'G';
const TABLES = { S: N.satp, VS: N.vsatp, G: N.hgatp } as const;

/** One stage. The tables of VS are read and written through G, the others' are physical. */
function stage(
  hart: BareReferenceHart,
  port: BareReferencePort,
  address: bigint,
  access: Access,
  as: Effective,
  which: Stage,
): { readonly address: bigint } | WalkFault {
  const root = get(hart, TABLES[which]);
  const scheme = root >> 60n;
  if (scheme === 0n) return { address };
  const guestFault: WalkFault = { fault: 'guestPage', guestAddress: address, implicit: undefined };
  const fault = which === 'G' ? guestFault : PAGE;
  const levels = scheme === 8n ? 3 : 4;
  const width = 12 + 9 * levels;
  if (which === 'G') {
    if (address >> BigInt(width + 2) !== 0n) return fault;
  } else if (BigInt.asUintN(64, BigInt.asIntN(width, address)) !== address) return fault;

  let table = (root & ((1n << 44n) - 1n)) << 12n;
  for (let level = levels - 1; level >= 0; level--) {
    const shift = BigInt(12 + 9 * level);
    const isWide = which === 'G' && level === levels - 1;
    const index = (address >> shift) & (isWide ? 0x7ffn : 0x1ffn);
    const at = tableEntry(hart, port, table + index * 8n, 'load', which);
    if (isWalkFault(at)) return at;
    const entry = port.read(at.address, 8);
    const environment = get(hart, which === 'VS' ? N.henvcfg : N.menvcfg);
    const kind = kindOf(entry, level, bit(environment, 62));
    if (kind === 'invalid') return fault;
    if (kind === 'pointer') {
      table = ((entry >> 10n) & ((1n << 44n) - 1n)) << 12n;
      continue;
    }
    if (!permits(hart, entry, access, as, which)) return fault;
    const touched = entry | 0x40n | (access === 'store' ? 0x80n : 0n);
    if (touched !== entry) {
      if (!setsAccessed(hart, environment)) return fault;
      const writable = tableEntry(hart, port, table + index * 8n, 'store', which);
      if (isWalkFault(writable)) return writable;
      port.write(writable.address, 8, touched);
    }
    const page = ((entry >> 10n) & ((1n << 44n) - 1n)) << 12n;
    return { address: insert(page, (1n << shift) - 1n, address) };
  }
  return fault;
}

/** Where the entry at `address` lies, for the walk's own access to it. */
function tableEntry(
  hart: BareReferenceHart,
  port: BareReferencePort,
  address: bigint,
  access: 'load' | 'store',
  which: Stage,
): { readonly address: bigint } | WalkFault {
  let at = { address };
  if (which === 'VS') {
    const through = stage(hart, port, address, access, { level: 'U', virtual: true }, 'G');
    if (isWalkFault(through)) {
      return through.fault === 'guestPage' ? { ...through, implicit: access === 'load' ? 'read' : 'write' } : through;
    }
    at = through;
  }
  if (!port.isRam(at.address, 8) || isProtected(hart, at.address, access, 'S')) return ACCESS;
  return at;
}

function kindOf(entry: bigint, level: number, hasTypes: boolean): 'pointer' | 'leaf' | 'invalid' {
  const flags = Number(entry & 0xffn);
  const [v, r, w, x] = [(flags & 1) !== 0, (flags & 2) !== 0, (flags & 4) !== 0, (flags & 8) !== 0];
  const type = (entry >> 61n) & 3n;
  if (!v || (w && !r)) return 'invalid';
  if (bit(entry, 63) || ((entry >> 54n) & 0x7fn) !== 0n) return 'invalid';
  if (type === 3n || (type !== 0n && !hasTypes)) return 'invalid';
  if (!r && !x) return level === 0 || (flags & 0xd0) !== 0 || type !== 0n ? 'invalid' : 'pointer';
  return ((entry >> 10n) & ((1n << BigInt(9 * level)) - 1n)) === 0n ? 'leaf' : 'invalid';
}

function permits(hart: BareReferenceHart, entry: bigint, access: Access, as: Effective, which: Stage): boolean {
  const machine = get(hart, N.mstatus);
  const own = which === 'VS' ? get(hart, N.vsstatus) : machine;
  const isUserPage = bit(entry, 4);
  if (which === 'G' || as.level === 'U') {
    if (!isUserPage) return false;
  } else if (isUserPage && (access === 'fetch' || !bit(own, B.SUM))) return false;
  const [r, w, x] = [bit(entry, 1), bit(entry, 2), bit(entry, 3)];
  if (access === 'store') return w;
  if (access === 'fetch' || as.executes === true) return x;
  const readsExecutable = bit(machine, B.MXR) || (which === 'VS' && bit(own, B.MXR));
  return r || (x && readsExecutable);
}

/** Svadu as menvcfg or henvcfg enables it; a hart with Svade alone never does; one with neither always. */
function setsAccessed(hart: BareReferenceHart, environment: bigint): boolean {
  if (has(hart, 'Svadu')) return bit(environment, 61);
  return !has(hart, 'Svade');
}
