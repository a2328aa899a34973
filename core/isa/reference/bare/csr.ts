/**
 * The CSRs of the bare-metal reference hart, register by register from the manual (Privileged ISA 20240411 §3.1,
 * §12.1, §18.2, Sstc), without the machine's table.
 */
import {
  guestExternalBits,
  guestExternals,
  hasAia,
  hasGuestInterrupts,
  inaccessible,
  isKeptFromGuest,
  A,
  readAia,
  writeAia,
} from './aia.ts';
import { configuration } from './translation.ts';
import {
  B,
  type BareReferenceHart,
  type BareReferencePort,
  bit,
  get,
  has,
  HB,
  insert,
  isVirtual,
  N,
  set,
  u64,
} from './hart.ts';

const UXL = 2n << 32n;
const SXL = 2n << 34n;
const S_STATUS = 0xc_0122n;
const M_STATUS = S_STATUS | 0x72_1888n;
const FS = 3n << 13n;

/** Whether float instructions are legal now. */
export function isFloatOn(hart: BareReferenceHart): boolean {
  if ((get(hart, N.mstatus) & FS) === 0n) return false;
  return !isVirtual(hart.mode) || (get(hart, N.vsstatus) & FS) !== 0n;
}

export function markFloatDirty(hart: BareReferenceHart): void {
  set(hart, N.mstatus, get(hart, N.mstatus) | FS);
  if (isVirtual(hart.mode)) set(hart, N.vsstatus, get(hart, N.vsstatus) | FS);
}

const guestTime = (hart: BareReferenceHart, port: BareReferencePort): bigint => u64(port.time() + get(hart, N.htimedelta));
const hasComparator = (hart: BareReferenceHart): boolean => bit(get(hart, N.menvcfg), 63);
const hasGuestComparator = (hart: BareReferenceHart): boolean => hasComparator(hart) && bit(get(hart, N.henvcfg), 63);

/** mip, all sources together. */
export function pending(hart: BareReferenceHart, port: BareReferencePort): bigint {
  let bits = get(hart, N.mip) | (hart.lines & 0xa88n) | guestExternalBits(hart);
  // STIP is the comparator's and not software's.
  if (hasComparator(hart)) bits &= ~(1n << 5n);
  if (hasComparator(hart) && port.time() >= get(hart, N.stimecmp)) bits |= 1n << 5n;
  if (hasGuestComparator(hart) && guestTime(hart, port) >= get(hart, N.vstimecmp)) bits |= 1n << 6n;
  return bits;
}

const cycle = (hart: BareReferenceHart): bigint =>
  bit(get(hart, N.mcountinhibit), 0) ? hart.cycleOffset : u64(hart.attempted + hart.cycleOffset);
const instret = (hart: BareReferenceHart): bigint =>
  bit(get(hart, N.mcountinhibit), 2) ? hart.instretOffset : u64(hart.retired + hart.instretOffset);

/** Bits that only some harts have. */
function statusMask(hart: BareReferenceHart, mask: bigint): bigint {
  return has(hart, 'F') ? mask | FS : mask;
}

function environmentMask(hart: BareReferenceHart, isSupervisor: boolean): bigint {
  let mask = 1n;
  if (has(hart, 'Zicbom')) mask |= 0x70n;
  if (has(hart, 'Zicboz')) mask |= 0x80n;
  if (isSupervisor) return mask;
  if (has(hart, 'Svadu')) mask |= 1n << 61n;
  if (has(hart, 'Svpbmt')) mask |= 1n << 62n;
  return has(hart, 'Sstc') ? mask | (1n << 63n) : mask;
}

const dirty = (status: bigint): bigint => ((status & FS) === FS ? 1n << 63n : 0n);
const counterMask = (hart: BareReferenceHart): bigint => (has(hart, 'Zihpm') ? 0xffff_ffffn : 7n);
const supervisorView = (hart: BareReferenceHart): bigint => get(hart, N.mideleg) & 0x222n;
const guestView = (hart: BareReferenceHart): bigint => get(hart, N.hideleg) & 0x444n;

const PLAIN = new Set<number>([
  N.mtvec, N.mscratch, N.mepc, N.mcause, N.mtval, N.stvec, N.sscratch, N.sepc, N.scause, N.stval, N.satp,
  N.medeleg, N.mideleg, N.mcounteren, N.mcountinhibit, N.menvcfg, N.scounteren, N.senvcfg, N.pmpcfg0, N.pmpcfg2,
]);
const PLAIN_H = new Set<number>([
  N.mtinst, N.mtval2, N.hedeleg, N.hideleg, N.htimedelta, N.hcounteren, N.henvcfg, N.htval, N.htinst, N.hgatp,
  N.vstvec, N.vsscratch, N.vsepc, N.vscause, N.vstval, N.vsatp,
]);

/** The value of the register with `number`, as M sees it; undefined when the hart has none. */
export function read(hart: BareReferenceHart, port: BareReferencePort, number: number): bigint | undefined {
  const value = get(hart, number);
  if (PLAIN.has(number)) return value;
  if (number >= N.pmpaddr0 && number < N.pmpaddr0 + 16) {
    const isNapot = bit(configuration(hart, number - N.pmpaddr0), 4);
    return isNapot ? value | 0x1ffn : value & ~0x3ffn;
  }
  if (has(hart, 'Zihpm')) {
    const isEvent = [0xb00, 0x320, 0xc00].some((base) => number >= base + 3 && number <= base + 31);
    if (isEvent) return 0n;
  }
  if (has(hart, 'F')) {
    if (number === 1) return hart.fcsr & 31n;
    if (number === 2) return (hart.fcsr >> 5n) & 7n;
    if (number === 3) return hart.fcsr & 255n;
  }
  if (hasAia(hart, number)) return readAia(hart, number, pending(hart, port));
  switch (number) {
    case N.misa: {
      const letters = hart.profile.extensions.filter((each) => each.length === 1);
      return [...letters, 'S', 'U'].reduce((sum, each) => sum | (1n << BigInt(each.charCodeAt(0) - 65)), 2n << 62n);
    }
    case 0xf14:
      return BigInt(hart.id);
    case 0xf11:
    case 0xf12:
    case 0xf13:
    case 0xf15:
      return 0n;
    case N.mstatus: {
      const status = get(hart, N.mstatus);
      return status | UXL | SXL | dirty(status);
    }
    case N.sstatus: {
      const status = get(hart, N.mstatus);
      return (status & statusMask(hart, S_STATUS)) | UXL | dirty(status);
    }
    case N.mie:
      return value;
    case N.mip:
      return pending(hart, port);
    case N.sie:
      return get(hart, N.mie) & supervisorView(hart);
    case N.sip:
      return pending(hart, port) & supervisorView(hart);
    case N.mcycle:
    case N.cycle:
      return cycle(hart);
    case N.minstret:
    case N.instret:
      return instret(hart);
    case N.time:
      return isVirtual(hart.mode) ? guestTime(hart, port) : port.time();
    case N.stimecmp:
      return has(hart, 'Sstc') ? value : undefined;
    default:
      return has(hart, 'H') ? readHypervisor(hart, port, number) : undefined;
  }
}

function readHypervisor(hart: BareReferenceHart, port: BareReferencePort, number: number): bigint | undefined {
  if (PLAIN_H.has(number)) return get(hart, number);
  switch (number) {
    case N.hstatus:
      return get(hart, number) | UXL;
    case N.vsstatus:
      return get(hart, number) | UXL | dirty(get(hart, number));
    case N.hie:
      return get(hart, N.mie) & 0x1444n;
    case N.hip:
      return pending(hart, port) & 0x1444n;
    case N.hvip:
      return get(hart, N.mip) & 0x444n;
    case N.vsie:
      return (get(hart, N.mie) & guestView(hart)) >> 1n;
    case N.vsip:
      return (pending(hart, port) & guestView(hart)) >> 1n;
    case N.hgeie:
      return get(hart, number);
    case N.hgeip:
      return guestExternals(hart);
    case N.vstimecmp:
      return has(hart, 'Sstc') ? get(hart, number) : undefined;
    default:
      return undefined;
  }
}

/** Who may: undefined when the access is allowed, else which exception. `number` as it stands in the word. */
export function refusal(
  hart: BareReferenceHart,
  port: BareReferencePort,
  number: number,
  writes: boolean,
): 'illegal' | 'virtual' | undefined {
  const { mode } = hart;
  if (read(hart, port, meant(hart, number)) === undefined || read(hart, port, number) === undefined) return 'illegal';
  if (writes && number >> 10 === 3) return 'illegal';
  if (number <= 3) return isFloatOn(hart) ? undefined : 'illegal';
  if (mode === 'M') return inaccessible(hart, number);
  // What HS could not do either is illegal for everybody below.
  const level = (number >> 8) & 3;
  if (level === 3) return 'illegal';
  const counters = (which: number, at: number) => bit(get(hart, which), at);
  const isTimer = number === N.stimecmp || number === N.vstimecmp;
  if (isTimer && !(hasComparator(hart) && counters(N.mcounteren, 1))) return 'illegal';
  const counter = number >= 0xc00 && number <= 0xc1f ? number - 0xc00 : undefined;
  if (counter !== undefined && !counters(N.mcounteren, counter)) return 'illegal';
  switch (mode) {
    case 'HS':
      if ((number === N.satp || number === N.hgatp) && bit(get(hart, N.mstatus), B.TVM)) return 'illegal';
      return inaccessible(hart, number);
    case 'U':
      if (level !== 0) return 'illegal';
      return counter !== undefined && !counters(N.scounteren, counter) ? 'illegal' : undefined;
    case 'VS':
      if (level === 2) return 'virtual';
      if (number === N.satp && bit(get(hart, N.hstatus), HB.VTVM)) return 'virtual';
      if (isTimer && !(hasGuestComparator(hart) && counters(N.hcounteren, 1))) return 'virtual';
      if (isKeptFromGuest(hart, number, writes)) return 'virtual';
      if (hasAia(hart, number)) return inaccessible(hart, meant(hart, number));
      return counter !== undefined && !counters(N.hcounteren, counter) ? 'virtual' : undefined;
    case 'VU':
      if (level !== 0) return 'virtual';
      if (counter === undefined) return undefined;
      return counters(N.hcounteren, counter) && counters(N.scounteren, counter) ? undefined : 'virtual';
  }
}

/** S registers that are the VS ones under a hypervisor. */
const REPLACED = new Set<number>([
  N.sstatus, N.sie, N.stvec, N.sscratch, N.sepc, N.scause, N.stval, N.sip, N.satp, N.stimecmp,
  A.siselect, A.sireg, A.stopei, A.stopi,
]);

/** The register that `number` means in the hart's mode. */
export function meant(hart: BareReferenceHart, number: number): number {
  return isVirtual(hart.mode) && REPLACED.has(number) ? number + 0x100 : number;
}

/** What csrrs and csrrc start from: of mip and its views only what software has written. */
export function modified(hart: BareReferenceHart, number: number, value: bigint): bigint {
  const written = get(hart, N.mip);
  if (number === N.mip) return written;
  if (number === N.sip) return written & supervisorView(hart);
  if (number === N.hip) return written & 0x1444n;
  if (number === N.vsip) return (written & guestView(hart)) >> 1n;
  return value;
}

const ALL = (1n << 64n) - 1n;

/** Which storage a plain write changes, under which mask, from which value. */
function placeOf(
  hart: BareReferenceHart,
  number: number,
  value: bigint,
): readonly [register: number, mask: bigint, from: bigint] {
  switch (number) {
    case N.mstatus: {
      let mask = statusMask(hart, M_STATUS);
      if (has(hart, 'H')) mask |= (1n << BigInt(B.GVA)) | (1n << BigInt(B.MPV));
      if (((value >> 11n) & 3n) === 2n) mask &= ~(3n << 11n);
      return [N.mstatus, mask, value];
    }
    case N.sstatus:
      return [N.mstatus, statusMask(hart, S_STATUS), value];
    case N.vsstatus:
      return [number, statusMask(hart, S_STATUS), value];
    case N.hstatus:
      return [number, hasGuestInterrupts(hart) ? 0x70_33c0n : 0x70_03c0n, value];
    case N.hgeie:
      return [number, hasGuestInterrupts(hart) ? 0xen : 0n, value];
    case N.medeleg:
      return [number, has(hart, 'H') ? 0xf0_b7ffn : 0xb3ffn, value];
    case N.hedeleg:
      return [number, 0xb1ffn, value];
    case N.mideleg:
      return [number, 0x222n, value];
    case N.hideleg:
      return [number, 0x444n, value];
    case N.mie:
      return [number, has(hart, 'H') ? 0x1eeen : 0xaaan, value];
    case N.sie:
      return [N.mie, supervisorView(hart), value];
    case N.hie:
      return [N.mie, 0x1444n, value];
    case N.vsie:
      return [N.mie, guestView(hart), value << 1n];
    case N.mip: {
      const mask = (has(hart, 'H') ? 0x226n : 0x222n) & (hasComparator(hart) ? ~0x20n : ALL);
      return [number, mask, value];
    }
    case N.sip:
      return [N.mip, supervisorView(hart) & 2n, value];
    case N.hip:
      return [N.mip, 4n, value];
    case N.hvip:
      return [N.mip, 0x444n, value];
    case N.vsip:
      return [N.mip, guestView(hart) & 4n, value << 1n];
    case N.mtvec:
    case N.stvec:
    case N.vstvec:
      return [number, ALL & ~2n, value];
    case N.mepc:
    case N.sepc:
    case N.vsepc:
      return [number, ALL & (has(hart, 'C') ? ~1n : ~3n), value];
    case N.mcounteren:
    case N.scounteren:
    case N.hcounteren:
      return [number, counterMask(hart), value];
    default:
      return [number, ALL, value];
  }
}

/** Registers whose bits are all fixed. */
function isFixed(number: number): boolean {
  const isEvent = (number >= 0xb03 && number <= 0xb1f) || (number >= 0x323 && number <= 0x33f);
  return isEvent || number === N.misa;
}

/** Writes `value` to the register with `number`, already meant for the mode. */
export function write(hart: BareReferenceHart, number: number, value: bigint): void {
  if (number <= 3) {
    const [shift, width] = ({ 1: [0n, 31n], 2: [5n, 7n], 3: [0n, 255n] } as const)[number as 1 | 2 | 3];
    hart.fcsr = insert(hart.fcsr, width << shift, value << shift);
    markFloatDirty(hart);
  } else if (hasAia(hart, number)) writeAia(hart, number, value);
  else if (number >= N.pmpaddr0 && number < N.pmpaddr0 + 16) writePmpAddress(hart, number - N.pmpaddr0, value);
  else if (number === N.mcountinhibit) writeInhibit(hart, value & 5n);
  else if (number === N.mcycle) {
    hart.cycleOffset = bit(get(hart, N.mcountinhibit), 0) ? value : u64(value - hart.attempted - 1n);
  } else if (number === N.minstret) {
    hart.instretOffset = bit(get(hart, N.mcountinhibit), 2) ? value : u64(value - hart.retired - 1n);
  } else if (number === N.menvcfg || number === N.henvcfg || number === N.senvcfg) writeEnvironment(hart, number, value);
  else if (number === N.pmpcfg0 || number === N.pmpcfg2) writePmpConfiguration(hart, number, value);
  else if (number === N.satp || number === N.vsatp || number === N.hgatp) writeTranslation(hart, number, value);
  else if (!isFixed(number)) {
    const [register, mask, from] = placeOf(hart, number, value);
    set(hart, register, insert(get(hart, register), mask, from));
  }
}

function writeInhibit(hart: BareReferenceHart, bits: bigint): void {
  const was = get(hart, N.mcountinhibit);
  if (bit(bits, 0) !== bit(was, 0)) {
    hart.cycleOffset = u64(hart.cycleOffset + (bit(bits, 0) ? 1n : -1n) * (hart.attempted + 1n));
  }
  if (bit(bits, 2) !== bit(was, 2)) {
    hart.instretOffset = u64(hart.instretOffset + (bit(bits, 2) ? 1n : -1n) * (hart.retired + 1n));
  }
  set(hart, N.mcountinhibit, bits);
}

function writeEnvironment(hart: BareReferenceHart, number: number, value: bigint): void {
  let mask = environmentMask(hart, number === N.senvcfg);
  if (((value >> 4n) & 3n) === 2n) mask &= ~0x30n;
  set(hart, number, insert(get(hart, number), mask, value));
  const machine = get(hart, N.menvcfg) | ((1n << 61n) - 1n);
  set(hart, N.henvcfg, get(hart, N.henvcfg) & machine);
}

function writeTranslation(hart: BareReferenceHart, number: number, value: bigint): void {
  const isKnown = [0n, 8n, 9n].includes(value >> 60n);
  if (!isKnown && (number === N.satp || isVirtual(hart.mode))) return;
  let mask = number === N.hgatp ? ((1n << 58n) - 1n) & ~3n : (1n << 60n) - 1n;
  if (isKnown) mask |= 15n << 60n;
  set(hart, number, insert(get(hart, number), mask, value));
}

function writePmpAddress(hart: BareReferenceHart, index: number, value: bigint): void {
  if (bit(configuration(hart, index), 7)) return;
  const above = index < 15 ? configuration(hart, index + 1) : 0n;
  if (bit(above, 7) && ((above >> 3n) & 3n) === 1n) return;
  set(hart, N.pmpaddr0 + index, value & ((1n << 54n) - 1n));
}

function writePmpConfiguration(hart: BareReferenceHart, number: number, value: bigint): void {
  let result = 0n;
  for (let shift = 0n; shift < 64n; shift += 8n) {
    const old = (get(hart, number) >> shift) & 0xffn;
    let byte = (value >> shift) & 0x9fn;
    if (((byte >> 3n) & 3n) === 2n) byte &= ~0x18n;
    if (!bit(byte, 0)) byte &= ~2n;
    result |= (bit(old, 7) ? old : byte) << shift;
  }
  set(hart, number, result);
}
