/**
 * The advanced interrupt architecture of the bare-metal reference hart, from its specification (RISC-V AIA 1.0, chapters
 * 2, 3, 5 and 6) and without the machine's code: interrupt files as sets of identities, registers by number, the
 * interrupt of VS level chosen from the list of candidates.
 *
 * Choices that it leaves open, as the machine has them: no priorities of major interrupts at M and HS (IPRIO is 1), of VS
 * for interrupts 1 and 5 only; IID of 6 bits; mvien, hvien, hviprio2 are zeros; three guest external interrupts.
 */
import { type BareReferenceHart, bit, get, has, HB, insert, N, set } from './hart.ts';

/** One interrupt file. */
export interface ReferenceFile {
  /** The greatest identity. */
  readonly identities: number;
  readonly pending: Set<number>;
  readonly enabled: Set<number>;
  delivers: boolean;
  threshold: number;
}

export const makeReferenceFile = (identities: number): ReferenceFile => ({
  identities,
  pending: new Set(),
  enabled: new Set(),
  delivers: false,
  threshold: 0,
});

/** CSR numbers of the architecture. */
export const A = {
  mvien: 0x308, mvip: 0x309, miselect: 0x350, mireg: 0x351, mtopei: 0x35c, mtopi: 0xfb0,
  siselect: 0x150, sireg: 0x151, stopei: 0x15c, stopi: 0xdb0,
  hvien: 0x608, hvictl: 0x609, hviprio1: 0x646, hviprio2: 0x647,
  vsiselect: 0x250, vsireg: 0x251, vstopei: 0x25c, vstopi: 0xeb0,
} as const;

const GUEST_LEVEL = new Set<number>([A.hvien, A.hvictl, A.hviprio1, A.hviprio2, A.vsiselect, A.vsireg, A.vstopei, A.vstopi]);
const SELECT = new Map<number, number>([[A.mireg, A.miselect], [A.sireg, A.siselect], [A.vsireg, A.vsiselect]]);
const WRITABLE = new Map<number, bigint>([
  [A.miselect, 0xffn], [A.siselect, 0x1ffn], [A.vsiselect, 0x1ffn], [A.hvictl, 0x403f_03ffn], [A.hviprio1, 0xff00_ff00n],
]);

/** Whether the hart has the guests' side of the architecture. */
export const hasGuestInterrupts = (hart: BareReferenceHart): boolean => has(hart, 'Smaia') && has(hart, 'H');

/** Whether the hart has the register, accessible or not. */
export function hasAia(hart: BareReferenceHart, number: number): boolean {
  const isOurs = (Object.values(A) as number[]).includes(number);
  return isOurs && has(hart, 'Smaia') && (!GUEST_LEVEL.has(number) || has(hart, 'H'));
}

export const vgein = (hart: BareReferenceHart): number => Number((get(hart, N.hstatus) >> BigInt(HB.VGEIN)) & 3n);

/** hgeip. */
export const guestExternals = (hart: BareReferenceHart): bigint => (hart.lines >> 16n) & 0xen;

/** The file behind a register of M, HS or VS. */
function fileBehind(hart: BareReferenceHart, number: number): ReferenceFile | undefined {
  const privilege = (number >> 8) & 3;
  if (privilege === 3) return hart.files[0];
  if (privilege === 1) return hart.files[1];
  return vgein(hart) === 0 ? undefined : hart.files[1 + vgein(hart)];
}

/** The identity that comes first, or 0. */
export function topIdentity(file: ReferenceFile): number {
  let top = 0;
  for (const identity of file.pending) {
    const isOpen = file.enabled.has(identity) && (file.threshold === 0 || identity < file.threshold);
    if (isOpen && (top === 0 || identity < top)) top = identity;
  }
  return top;
}

/** Drives the hart's wires from its files, which must be done whenever one changes. */
export function driveLines(hart: BareReferenceHart): void {
  hart.files.forEach((file, index) => {
    const at = index === 0 ? 11n : index === 1 ? 9n : 15n + BigInt(index);
    const level = file.delivers && topIdentity(file) !== 0;
    hart.lines = level ? hart.lines | (1n << at) : hart.lines & ~(1n << at);
  });
}

/** A message arrives at file `index`: 0 of M, 1 of HS, from 2 on the guests'. */
export function message(hart: BareReferenceHart, index: number, identity: number): void {
  const file = hart.files[index];
  if (file === undefined || identity < 1 || identity > file.identities) return;
  file.pending.add(identity);
  driveLines(hart);
}

const inRange = (select: number, first: number, last: number): boolean => select >= first && select <= last;

/** Which exception an access to a register that the hart's mode may name raises, if any. */
export function inaccessible(hart: BareReferenceHart, number: number): 'illegal' | 'virtual' | undefined {
  const fromGuest = hart.mode === 'VS';
  const refused = fromGuest ? 'virtual' : 'illegal';
  const file = fileBehind(hart, number);
  if (number === A.mtopei || number === A.stopei || number === A.vstopei) return file === undefined ? refused : undefined;
  const selector = SELECT.get(number);
  if (selector === undefined) return undefined;
  const select = Number(get(hart, selector));
  if (inRange(select, 0x30, 0x3f)) {
    if (number === A.vsireg) return refused;
    return select % 2 === 0 ? undefined : 'illegal';
  }
  if (!inRange(select, 0x70, 0xff)) return 'illegal';
  if (file === undefined) return refused;
  return select >= 0x80 && select % 2 === 1 ? refused : undefined;
}

/** eip and eie registers: which identities the 64 bits are of. */
const firstOf = (select: number): number => 32 * (select & 0x3f);

function setBits(from: ReadonlySet<number>, first: number): bigint {
  let value = 0n;
  for (const identity of from) if (inRange(identity, first, first + 63)) value |= 1n << BigInt(identity - first);
  return value;
}

function readFile(file: ReferenceFile | undefined, select: number): bigint {
  if (file === undefined) return 0n;
  if (select === 0x70) return file.delivers ? 1n : 0n;
  if (select === 0x72) return BigInt(file.threshold);
  if (select < 0x80) return 0n;
  return setBits(select < 0xc0 ? file.pending : file.enabled, firstOf(select));
}

function writeFile(file: ReferenceFile, select: number, value: bigint): void {
  if (select === 0x70) {
    if (value < 2n) file.delivers = value === 1n;
  } else if (select === 0x72) file.threshold = Number(value & 0x7ffn);
  else if (select >= 0x80) {
    const into = select < 0xc0 ? file.pending : file.enabled;
    const first = firstOf(select);
    for (let at = 0; at < 64; at++) {
      const identity = first + at;
      if (identity === 0 || identity > file.identities) continue;
      if (bit(value, at)) into.add(identity);
      else into.delete(identity);
    }
  }
}

/** Value of a register that {@link hasAia} has. `pending`: mip. */
export function readAia(hart: BareReferenceHart, number: number, pending: bigint): bigint {
  const file = fileBehind(hart, number);
  switch (number) {
    case A.mvien:
    case A.hvien:
    case A.hviprio2:
      return 0n;
    case A.mvip:
      return get(hart, N.mip) & (bit(get(hart, N.menvcfg), 63) ? 0x202n : 0x222n);
    case A.mireg:
    case A.sireg:
    case A.vsireg:
      return readFile(file, Number(get(hart, SELECT.get(number)!)));
    case A.mtopei:
    case A.stopei:
    case A.vstopei:
      return file === undefined ? 0n : BigInt(topIdentity(file)) * 0x1_0001n;
    case A.mtopi:
      return first(pending & get(hart, N.mie) & ~get(hart, N.mideleg));
    case A.stopi:
      return first(pending & get(hart, N.mie) & get(hart, N.mideleg) & ~get(hart, N.hideleg));
    case A.vstopi:
      return guestTop(hart, pending);
    default:
      return get(hart, number);
  }
}

/** Of interrupts without priority numbers the first by default order (AIA 1.0 §5.1), as *topi tells it. */
function first(ready: bigint): bigint {
  const code = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6].find((each) => bit(ready, each));
  return code === undefined ? 0n : (BigInt(code) << 16n) | 1n;
}

/** Writes a register that {@link hasAia} has. */
export function writeAia(hart: BareReferenceHart, number: number, value: bigint): void {
  const file = fileBehind(hart, number);
  const selector = SELECT.get(number);
  const mask = WRITABLE.get(number);
  if (number === A.mvip) {
    const writable = bit(get(hart, N.menvcfg), 63) ? 0x202n : 0x222n;
    set(hart, N.mip, insert(get(hart, N.mip), writable, value));
  } else if (mask !== undefined) set(hart, number, value & mask);
  else if (file === undefined) return;
  else if (selector !== undefined) {
    const select = Number(get(hart, selector));
    if (inRange(select, 0x70, 0xff)) writeFile(file, select, value);
  } else if (number === A.mtopei || number === A.stopei || number === A.vstopei) file.pending.delete(topIdentity(file));
  driveLines(hart);
}

/** Whether hvictl.VTI keeps a register from VS (§6.3.2). */
export function isKeptFromGuest(hart: BareReferenceHart, number: number, writes: boolean): boolean {
  if (!bit(get(hart, A.hvictl), 30)) return false;
  return number === N.sip || number === N.sie || (number === N.stimecmp && writes);
}

/** One line of §6.3.3: `before` and `after` say where its default order is beside an external interrupt. */
interface Candidate {
  readonly code: bigint;
  readonly priority: bigint;
  readonly order: 'before' | 'external' | 'after';
}

/** Position in the table of §5.4.1 (effect of priority numbers); less is first. */
function position({ priority, order }: Candidate): bigint {
  if (priority !== 0n) return priority;
  return order === 'after' ? 1n << 20n : 0n;
}
const ORDER = ['before', 'external', 'after'];

/** vstopi. `pending`: mip. */
export function guestTop(hart: BareReferenceHart, pending: bigint): bigint {
  const vsip = (pending & get(hart, N.hideleg)) >> 1n;
  const vsie = (get(hart, N.mie) & get(hart, N.hideleg)) >> 1n;
  const control = get(hart, A.hvictl);
  const [injects, iid, priority] = [bit(control, 30), (control >> 16n) & 0xfffn, control & 0xffn];
  const candidates: Candidate[] = [];
  if (bit(vsip & vsie, 9)) {
    const file = fileBehind(hart, A.vstopei);
    const top = file === undefined ? 0 : topIdentity(file);
    const isGiven = vgein(hart) === 0 && iid === 9n && priority !== 0n;
    candidates.push({ code: 9n, priority: top !== 0 ? BigInt(top) : isGiven ? priority : 256n, order: 'external' });
  }
  if (injects && iid !== 9n) candidates.push({ code: iid, priority, order: bit(control, 9) ? 'after' : 'before' });
  if (!injects) {
    // Software before timer where nothing else decides: the sort keeps their order.
    for (const code of [1n, 5n]) {
      const given = (get(hart, A.hviprio1) >> (code === 1n ? 8n : 24n)) & 0xffn;
      if (bit(vsip & vsie, Number(code))) candidates.push({ code, priority: given, order: 'after' });
    }
  }
  candidates.sort((a, b) => Number(position(a) - position(b)) || ORDER.indexOf(a.order) - ORDER.indexOf(b.order));
  const [best] = candidates;
  if (best === undefined) return 0n;
  let told = 1n;
  if (bit(control, 8)) {
    if (best.priority === 0n) told = best.order === 'before' ? 0n : 255n;
    else told = best.priority > 255n ? 255n : best.priority;
  }
  return (best.code << 16n) | told;
}

/** Bits of mip that guest external interrupts set. */
export function guestExternalBits(hart: BareReferenceHart): bigint {
  const raised = guestExternals(hart);
  const forGuest = bit(raised, vgein(hart)) ? 1n << 10n : 0n;
  return forGuest | ((raised & get(hart, N.hgeie)) !== 0n ? 1n << 12n : 0n);
}
