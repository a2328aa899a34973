/** Traps, interrupts and returns of the bare-metal reference hart, from the manual (§3.1.6 … §3.1.9, §18.4 … §18.6). */
import { guestTop, hasGuestInterrupts } from './aia.ts';
import { pending } from './csr.ts';
import { B, type BareReferenceHart, type BareReferencePort, bit, get, HB, isVirtual, type Mode, N, set, u64 } from './hart.ts';

/** An exception on its way. */
export interface Exception {
  readonly cause: number;
  readonly value: bigint;
  /** Whether value is a guest virtual address. */
  readonly guestAddress?: boolean;
  /** Guest physical address of a guest-page fault. */
  readonly guestPhysical?: bigint;
  readonly instruction?: bigint;
}

const one = (at: number): bigint => 1n << BigInt(at);
const withBit = (value: bigint, at: number, on: boolean): bigint => (on ? value | one(at) : value & ~one(at));

/** The hart's mode after the exception: where it is delegated. */
export function raise(hart: BareReferenceHart, exception: Exception): void {
  const { cause } = exception;
  let to: 'M' | 'HS' | 'VS' = 'M';
  if (hart.mode !== 'M' && bit(get(hart, N.medeleg), cause)) {
    to = isVirtual(hart.mode) && bit(get(hart, N.hedeleg), cause) ? 'VS' : 'HS';
  }
  enter(hart, to, BigInt(cause), exception);
}

function enter(hart: BareReferenceHart, to: 'M' | 'HS' | 'VS', cause: bigint, exception: Omit<Exception, 'cause'>): void {
  const { mode, pc } = hart;
  const wasVirtual = isVirtual(mode);
  const registers = {
    M: { status: N.mstatus, epc: N.mepc, cause: N.mcause, value: N.mtval, vector: N.mtvec },
    HS: { status: N.mstatus, epc: N.sepc, cause: N.scause, value: N.stval, vector: N.stvec },
    VS: { status: N.vsstatus, epc: N.vsepc, cause: N.vscause, value: N.vstval, vector: N.vstvec },
  }[to];
  let status = get(hart, registers.status);
  const level = mode === 'M' ? 3n : mode === 'HS' || mode === 'VS' ? 1n : 0n;
  const isGuestAddress = exception.guestAddress === true;
  if (to === 'M') {
    status = withBit(status, B.MPIE, bit(status, B.MIE));
    status = withBit(status, B.MIE, false);
    status = (status & ~(3n << 11n)) | (level << 11n);
    status = withBit(withBit(status, B.GVA, isGuestAddress), B.MPV, wasVirtual);
    set(hart, N.mtval2, (exception.guestPhysical ?? 0n) >> 2n);
    set(hart, N.mtinst, exception.instruction ?? 0n);
  } else {
    status = withBit(status, B.SPIE, bit(status, B.SIE));
    status = withBit(status, B.SIE, false);
    status = withBit(status, B.SPP, level === 1n);
  }
  if (to === 'HS') {
    let hypervisor = get(hart, N.hstatus);
    hypervisor = withBit(withBit(hypervisor, HB.GVA, isGuestAddress), HB.SPV, wasVirtual);
    if (wasVirtual) hypervisor = withBit(hypervisor, HB.SPVP, level === 1n);
    set(hart, N.hstatus, hypervisor);
    set(hart, N.htval, (exception.guestPhysical ?? 0n) >> 2n);
    set(hart, N.htinst, exception.instruction ?? 0n);
  }
  set(hart, registers.status, status);
  set(hart, registers.epc, pc);
  set(hart, registers.cause, cause);
  set(hart, registers.value, exception.value);
  hart.mode = to;
  hart.reservation = undefined;
  const vector = get(hart, registers.vector);
  const isVectored = bit(cause, 63) && (vector & 3n) === 1n;
  hart.pc = u64((vector & ~3n) + (isVectored ? 4n * (cause & 63n) : 0n));
}

const ORDER = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6];

/** Takes the interrupt due before the next instruction; gives its code as bit of mip (of VS one more than it sees), or undefined. */
export function interrupt(hart: BareReferenceHart, port: BareReferencePort): number | undefined {
  const all = pending(hart, port);
  const ready = all & get(hart, N.mie);
  const toMachine = ready & ~get(hart, N.mideleg);
  const toGuest = ready & get(hart, N.mideleg) & get(hart, N.hideleg);
  const toSupervisor = ready & get(hart, N.mideleg) & ~get(hart, N.hideleg);
  const { mode } = hart;
  const status = get(hart, N.mstatus);
  const isOpen: Record<'M' | 'HS' | 'VS', boolean> = {
    M: mode !== 'M' || bit(status, B.MIE),
    HS: mode !== 'M' && (mode !== 'HS' || bit(status, B.SIE)),
    VS: mode === 'VU' || (mode === 'VS' && bit(get(hart, N.vsstatus), B.SIE)),
  };
  for (const [to, bits] of [['M', toMachine], ['HS', toSupervisor], ['VS', toGuest]] as const) {
    if (!isOpen[to]) continue;
    if (to === 'VS' && hasGuestInterrupts(hart)) {
      const top = guestTop(hart, all);
      if (top === 0n) return undefined;
      enter(hart, to, (1n << 63n) | (top >> 16n), { value: 0n });
      return Number(top >> 16n) + 1;
    }
    if (bits === 0n) continue;
    const code = ORDER.find((each) => bit(bits, each))!;
    enter(hart, to, (1n << 63n) | BigInt(to === 'VS' ? code - 1 : code), { value: 0n });
    return code;
  }
  return undefined;
}

/** mret. */
export function machineReturn(hart: BareReferenceHart): void {
  let status = get(hart, N.mstatus);
  const level = (status >> 11n) & 3n;
  const toGuest = bit(status, B.MPV);
  status = withBit(status, B.MIE, bit(status, B.MPIE));
  status = withBit(status, B.MPIE, true) & ~(3n << 11n);
  status = withBit(status, B.MPV, false);
  if (level !== 3n) status = withBit(status, B.MPRV, false);
  set(hart, N.mstatus, status);
  hart.mode = level === 3n ? 'M' : modeOf(level === 1n, toGuest);
  hart.pc = get(hart, N.mepc);
  hart.reservation = undefined;
}

const modeOf = (isSupervisor: boolean, isGuest: boolean): Mode =>
  isGuest ? (isSupervisor ? 'VS' : 'VU') : isSupervisor ? 'HS' : 'U';

/** sret, in M, HS or VS. */
export function supervisorReturn(hart: BareReferenceHart): void {
  const inGuest = hart.mode === 'VS';
  const which = inGuest ? N.vsstatus : N.mstatus;
  let status = get(hart, which);
  const toSupervisor = bit(status, B.SPP);
  status = withBit(status, B.SIE, bit(status, B.SPIE));
  status = withBit(withBit(status, B.SPIE, true), B.SPP, false);
  set(hart, which, status);
  set(hart, N.mstatus, withBit(get(hart, N.mstatus), B.MPRV, false));
  const toGuest = inGuest || bit(get(hart, N.hstatus), HB.SPV);
  if (!inGuest) set(hart, N.hstatus, withBit(get(hart, N.hstatus), HB.SPV, false));
  hart.pc = get(hart, inGuest ? N.vsepc : N.sepc);
  hart.mode = modeOf(toSupervisor, toGuest);
  hart.reservation = undefined;
}
