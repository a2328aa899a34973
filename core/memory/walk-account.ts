/**
 * An account of a translation, step by step, for inspectors: each table entry of each stage, where it was read, what
 * it says, what the access would set there, and the fault that it would raise and why. Stated over whole numbers and
 * apart from the walkers that machines use, which it is held against; it changes nothing.
 *
 * The stages are told by {@link WalkRules}: those of a VM (guest-walk-account.ts) or of a bare-metal hart
 * (core/machine/bare/walk-account.ts). RISC-V Privileged ISA 20240411 §12.3 … §12.5, §18.5, §18.6; Svpbmt, Svade, Svadu.
 */
import type { WalkAccess, WalkEnd, WalkEntry, WalkFacts, WalkRow } from '../protocol/machine-inspection.ts';

/** One stage of translation. */
export interface StageRules {
  readonly mode: 'Bare' | 'Sv39' | 'Sv48'; // the G stage's have two bits more
  /** PPN field of its register. */
  readonly root: bigint;
  /** The hart sets A and D itself; else a clear one is a fault (Svade). */
  readonly setsAccessed: boolean;
  /** Memory types are on (Svpbmt). */
  readonly memoryTypes: boolean;
  /** A load may read what may be executed. */
  readonly mxr: boolean;
}

/** Everything that an access's translation depends on. */
export interface WalkRules {
  readonly first: StageRules & { readonly stage: 'S' | 'VS'; readonly isUser: boolean; readonly sum: boolean };
  /** The G stage; undefined where an access has only one. */
  readonly second: StageRules | undefined;
  readonly access: WalkAccess;
  /** hlvx: a load that needs the right to execute. */
  readonly executes: boolean;
  /** Eight bytes of a table at a physical address; undefined: no table can be there, or it may not be read or written. */
  readTable(physical: bigint, access: 'load' | 'store'): bigint | undefined;
  /** Whether the access itself may reach a physical address. */
  mayReach(physical: bigint): boolean;
}

const PPN = (1n << 44n) - 1n;
const [V, R, W, X, U, A, D] = [1n, 2n, 4n, 8n, 16n, 64n, 128n] as const;
const FLAG_NAMES = ['D', 'A', 'G', 'U', 'X', 'W', 'R', 'V'] as const;
const SIZES = ['4 KiB', '2 MiB', '1 GiB', '512 GiB'] as const;
/** Exception codes of fetch, load, store (§3.1.15, §18.6.1). */
const CODES = { access: { fetch: 1, load: 5, store: 7 }, page: { fetch: 12, load: 13, store: 15 }, guest: { fetch: 20, load: 21, store: 23 } } as const;
const KIND_NAMES = { access: 'access fault', page: 'page fault', guest: 'guest-page fault' } as const;
const ACCESS_NAMES = { fetch: 'instruction', load: 'load', store: 'store/AMO' } as const;

type Fault = Extract<WalkEnd, { ended: 'fault' }>;
interface Found {
  readonly address: bigint;
  readonly pageBytes: number;
}

/** A 64-bit number as text. */
export function hexadecimal(value: bigint | number, digits = 1): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0')}`;
}

/** The account of an access to a virtual address (0 … 2^64 − 1). */
export function accountForWalk(rules: WalkRules, address: bigint): WalkFacts {
  const rows: WalkRow[] = [];
  const end = (ended: WalkEnd): WalkFacts => ({ address: hexadecimal(address, 16), access: rules.access, rows, end: ended });
  const guest = firstStage(rules, address, rows);
  if ('ended' in guest) return end(guest);
  const second: WalkEntry[] = [];
  const found = secondStage(rules, guest.address, rules.access, rules.executes, second);
  const isFault = 'ended' in found;
  rows.push({
    purpose: 'page', level: -1, second, entry: null,
    guest: rules.second === undefined ? '' : hexadecimal(guest.address), physical: isFault ? '' : hexadecimal(found.address),
  });
  if (isFault) return end(found);
  if (found.address >> 56n !== 0n) return end(fault(rules, 'access', 'protection', 'physical addresses have 56 bits'));
  if (!rules.mayReach(found.address)) return end(fault(rules, 'access', 'protection', 'physical memory protection does not allow the access'));
  const pageBytes = Math.min(guest.pageBytes, found.pageBytes);
  return end({ ended: 'translated', guest: hexadecimal(guest.address), physical: hexadecimal(found.address), pageBytes });
}

function fault(rules: WalkRules, kind: keyof typeof CODES, stage: Fault['stage'], reason: string, more: Partial<Fault> = {}): Fault {
  const name = `${ACCESS_NAMES[rules.access]} ${KIND_NAMES[kind]}`;
  return { ended: 'fault', stage, cause: CODES[kind][rules.access], name, reason, guest: '', implicit: '', ...more };
}

/** The stage of satp or vsatp: a guest physical address where there is a second stage. */
function firstStage(rules: WalkRules, address: bigint, rows: WalkRow[]): Found | Fault {
  const { first, access } = rules;
  const { stage } = first;
  if (first.mode === 'Bare') return { address, pageBytes: Number.MAX_SAFE_INTEGER };
  const levels = first.mode === 'Sv39' ? 3 : 4;
  const width = 12 + 9 * levels;
  if (BigInt.asUintN(64, BigInt.asIntN(width, address)) !== address) {
    return fault(rules, 'page', stage, `bits 63 to ${width} of the address must repeat bit ${width - 1}`);
  }
  let table = first.root << 12n;
  for (let level = levels - 1; level >= 0; level--) {
    const shift = BigInt(12 + 9 * level);
    const index = (address >> shift) & 0x1ffn;
    const at = table + index * 8n;
    const place = tablePlace(rules, at, 'load', level, rows);
    if ('ended' in place) return place;
    const { value } = place;
    const judged = judge(value, level, first);
    const reason = judged.kind === 'leaf' ? refusal(rules, value) : judged.reason;
    const sets = judged.kind === 'leaf' && reason === '' ? missingBits(value, access) : '';
    const why = sets !== '' && !first.setsAccessed ? unset(sets) : reason;
    rows[rows.length - 1] = { ...rows.at(-1)!, entry: entryOf({ stage, level, index, at, physical: place.address, value, judged, sets, fault: why }) };
    if (why !== '') return fault(rules, 'page', stage, why);
    if (judged.kind === 'pointer') {
      table = judged.target;
      continue;
    }
    if (sets !== '') {
      const written = tablePlace(rules, at, 'store', level, rows);
      if ('ended' in written) return written;
    }
    return { address: judged.target | (address & ((1n << shift) - 1n)), pageBytes: 4096 * 512 ** level };
  }
  throw new Error('the last level points nowhere: judge() says so');
}

/** Finds an entry of the first stage for the walk's own read or write of it, and adds a row. */
function tablePlace(rules: WalkRules, at: bigint, access: 'load' | 'store', level: number, rows: WalkRow[]): { address: bigint; value: bigint } | Fault {
  const second: WalkEntry[] = [];
  const found = secondStage(rules, at, access, false, second);
  const isFault = 'ended' in found;
  const value = isFault ? undefined : rules.readTable(found.address, access);
  rows.push({
    purpose: access === 'load' ? 'table' : 'update', level, second, entry: null,
    guest: rules.second === undefined ? '' : hexadecimal(at), physical: isFault ? '' : hexadecimal(found.address),
  });
  if (isFault) return found.cause >= 20 ? { ...found, implicit: access === 'load' ? 'read' : 'write' } : found;
  if (value === undefined) return fault(rules, 'access', 'protection', 'no table can be where the walk looks for one');
  return { address: found.address, value };
}

/** The G stage of a guest physical address; where there is none, the address is physical. */
function secondStage(rules: WalkRules, guest: bigint, access: WalkAccess, executes: boolean, into: WalkEntry[]): Found | Fault {
  const { second } = rules;
  if (second === undefined || second.mode === 'Bare') return { address: guest, pageBytes: Number.MAX_SAFE_INTEGER };
  const refused = (reason: string) => fault(rules, 'guest', 'G', reason, { guest: hexadecimal(guest) });
  const levels = second.mode === 'Sv39' ? 3 : 4;
  const width = 14 + 9 * levels;
  if (guest >> BigInt(width) !== 0n) return refused(`guest physical addresses have ${width} bits`);
  let table = (second.root & ~3n) << 12n; // the root takes four pages
  for (let level = levels - 1; level >= 0; level--) {
    const shift = BigInt(12 + 9 * level);
    const index = (guest >> shift) & (level === levels - 1 ? 0x7ffn : 0x1ffn);
    const at = table + index * 8n;
    const value = rules.readTable(at, 'load');
    if (value === undefined) return fault(rules, 'access', 'protection', 'no table can be where the G stage looks for one');
    const judged = judge(value, level, second);
    let reason = judged.reason;
    if (judged.kind === 'leaf') reason = guestRefusal(second, value, access, executes);
    const sets = judged.kind === 'leaf' && reason === '' ? missingBits(value, access) : '';
    if (sets !== '' && !second.setsAccessed) reason = unset(sets);
    into.push(entryOf({ stage: 'G', level, index, at, physical: at, value, judged, sets, fault: reason }));
    if (reason !== '') return refused(reason);
    if (judged.kind === 'pointer') {
      table = judged.target;
      continue;
    }
    if (sets !== '' && rules.readTable(at, 'store') === undefined) return fault(rules, 'access', 'protection', 'the table of the G stage may not be written');
    return { address: judged.target | (guest & ((1n << shift) - 1n)), pageBytes: 4096 * 512 ** level };
  }
  throw new Error('the last level points nowhere: judge() says so');
}

interface Judged {
  readonly kind: WalkEntry['kind'];
  readonly target: bigint;
  readonly reason: string;
}

/** What an entry is by itself (§12.3.2 steps 3 to 5, 7). */
function judge(entry: bigint, level: number, rules: StageRules): Judged {
  const target = ((entry >> 10n) & PPN) << 12n;
  const invalid = (reason: string): Judged => ({ kind: 'invalid', target, reason });
  if ((entry & V) === 0n) return invalid('the entry is not valid: V is 0');
  if ((entry & (R | W)) === W) return invalid('W without R is reserved');
  if (entry >> 63n !== 0n) return invalid('N is set: Svnapot is not implemented');
  if (((entry >> 54n) & 0x7fn) !== 0n) return invalid('reserved bits are set');
  const type = (entry >> 61n) & 3n;
  if (type === 3n || (type !== 0n && !rules.memoryTypes)) return invalid('the entry has a memory type that is not allowed here');
  if ((entry & (R | X)) === 0n) {
    if (level === 0) return invalid('the last level points at yet another table');
    if ((entry & (A | D | U)) !== 0n || type !== 0n) return invalid('an entry that points at a table has A, D, U or a memory type set');
    return { kind: 'pointer', target, reason: '' };
  }
  if ((target & ((4096n << BigInt(9 * level)) - 1n)) !== 0n) return invalid(`a page of ${SIZES[level]} does not begin at a multiple of its size`);
  return { kind: 'leaf', target, reason: '' };
}

/** Why a leaf of the first stage refuses the access (§12.3.2 step 6); '' it does not. */
function refusal({ first, access, executes }: WalkRules, entry: bigint): string {
  const isUserPage = (entry & U) !== 0n;
  if (first.isUser && !isUserPage) return 'the page is not user mode’s: U is 0';
  if (!first.isUser && isUserPage && access === 'fetch') return 'supervisor mode fetches nothing from a page of user mode';
  if (!first.isUser && isUserPage && !first.sum) return 'the page is user mode’s, and SUM is 0';
  return missingRight(first, entry, access, executes);
}

function guestRefusal(second: StageRules, entry: bigint, access: WalkAccess, executes: boolean): string {
  if ((entry & U) === 0n) return 'every page of the G stage is user mode’s, and U is 0';
  return missingRight(second, entry, access, executes);
}

function missingRight(stage: StageRules, entry: bigint, access: WalkAccess, executes: boolean): string {
  if (access === 'store') return (entry & W) === 0n ? 'the page may not be written: W is 0' : '';
  if (access === 'fetch' || executes) return (entry & X) === 0n ? 'the page may not be executed: X is 0' : '';
  if ((entry & R) !== 0n || (stage.mxr && (entry & X) !== 0n)) return '';
  return (entry & X) === 0n ? 'the page may not be read: R is 0' : 'the page may only be executed, and MXR is 0';
}

/** Bits that the access needs set and that are not. */
function missingBits(entry: bigint, access: WalkAccess): string {
  return `${(entry & A) === 0n ? 'A' : ''}${access === 'store' && (entry & D) === 0n ? 'D' : ''}`;
}

function unset(sets: string): string {
  return sets === 'AD' ? 'A and D are 0, and this hart does not set them itself' : `${sets} is 0, and this hart does not set it itself`;
}

interface EntryParts {
  readonly stage: WalkEntry['stage'];
  readonly level: number;
  readonly index: bigint;
  readonly at: bigint;
  readonly physical: bigint;
  readonly value: bigint;
  readonly judged: Judged;
  readonly sets: string;
  readonly fault: string;
}

function entryOf({ stage, level, index, at, physical, value, judged, sets, fault: why }: EntryParts): WalkEntry {
  const flags = FLAG_NAMES.map((name, place) => ((value >> BigInt(7 - place)) & 1n) === 1n ? name : '·').join('');
  return {
    stage, level, index: Number(index), address: hexadecimal(at), physical: hexadecimal(physical), value: hexadecimal(value, 16), flags,
    kind: judged.kind, target: hexadecimal(judged.target), pageBytes: judged.kind === 'leaf' ? 4096 * 512 ** level : 0,
    sets: why === '' ? sets : '', fault: why,
  };
}
