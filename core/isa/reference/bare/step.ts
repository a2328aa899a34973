/**
 * The reference step of a bare-metal hart: what one instruction does in M, HS, U, VS and VU, in BigInt and without the
 * table's effects (RISC-V Unprivileged and Privileged ISA 20240411). Integer and float results come from the
 * reference of guests' harts.
 *
 * Conventions where the manuals leave a choice, besides those of core/isa/reference-step.ts:
 * - wfi waits for no time where TW or VTW limit it: it traps at once. In U and VU it always traps.
 * - Devices take aligned accesses; atomics, cache blocks, fetches and page tables must be in RAM. All else there is an
 *   access fault.
 * - htinst and mtinst are 0 but for guest-page faults of the walk itself (0x3000 a read, 0x3020 a write).
 * - A write of mcycle or minstret is what the next instruction reads.
 * - mstatus.MXR holds for the walk's own reads through G, too.
 */
import { isCompressed } from '../../compressed.ts';
import { decodeInstruction, type Instruction } from '../../reference-step.ts';
import { FLOAT_MEMORY, stepFloat } from '../float-step.ts';
import { makeReferenceHart } from '../hart.ts';
import { combine, compute, isTaken } from '../integer.ts';
import { guestTop, hasGuestInterrupts } from './aia.ts';
import { isFloatOn, markFloatDirty, meant, modified, pending, read, refusal, write } from './csr.ts';
import { B, type BareReferenceHart, type BareReferencePort, bit, get, has, HB, isVirtual, N, u64 } from './hart.ts';
import { type Access, type Effective, isWalkFault, translate } from './translation.ts';
import { type Exception, interrupt, machineReturn, raise, supervisorReturn } from './trap.ts';

/** What one step did. */
export interface BareOutcome {
  readonly end: 'retired' | 'trapped' | 'wait';
  readonly interrupt: number | undefined;
  readonly name: string | undefined;
  readonly exception: Exception | undefined;
}

type Ending = Exception | 'next' | 'jumped' | 'wait';

interface Step extends Instruction {
  readonly hart: BareReferenceHart;
  readonly port: BareReferencePort;
}

/** Takes an interrupt that is due, then attempts one instruction. */
export function bareReferenceStep(hart: BareReferenceHart, port: BareReferencePort): BareOutcome {
  const taken = interrupt(hart, port);
  const attempt = { name: undefined as string | undefined };
  const ending = attemptInstruction(hart, port, attempt);
  hart.attempted += 1n;
  const told = { interrupt: taken, name: attempt.name };
  if (typeof ending === 'string') {
    hart.retired += 1n;
    return { ...told, end: ending === 'wait' ? 'wait' : 'retired', exception: undefined };
  }
  raise(hart, ending);
  return { ...told, end: 'trapped', exception: ending };
}

function levelOf({ mode }: BareReferenceHart): 'M' | 'S' | 'U' {
  return mode === 'M' ? 'M' : mode === 'HS' || mode === 'VS' ? 'S' : 'U';
}

/** As whom the hart's own accesses are made; loads and stores of M by MPRV. */
function effective(hart: BareReferenceHart, access: Access): Effective {
  const status = get(hart, N.mstatus);
  const previous = (status >> 11n) & 3n;
  if (hart.mode === 'M' && access !== 'fetch' && bit(status, B.MPRV) && previous !== 3n) {
    return { level: previous === 1n ? 'S' : 'U', virtual: bit(status, B.MPV) };
  }
  return { level: levelOf(hart), virtual: isVirtual(hart.mode) };
}

const CAUSES = {
  access: { fetch: 1, load: 5, store: 7 },
  page: { fetch: 12, load: 13, store: 15 },
  guestPage: { fetch: 20, load: 21, store: 23 },
} as const;

/** Where bytes of one page are, or the exception. */
function locate(
  { hart, port }: Pick<Step, 'hart' | 'port'>,
  address: bigint,
  access: Access,
  as = effective(hart, access),
  reported: Access = access,
): bigint | Exception {
  const found = translate(hart, port, address, access, as);
  if (!isWalkFault(found)) return found.address;
  const base = { cause: CAUSES[found.fault][reported], value: address, guestAddress: as.virtual };
  if (found.fault !== 'guestPage') return base;
  const instruction = found.implicit === undefined ? 0n : found.implicit === 'read' ? 0x3000n : 0x3020n;
  return { ...base, guestPhysical: found.guestAddress, instruction };
}

const isException = (value: unknown): value is Exception => typeof value === 'object';
const accessFault = (as: Effective, address: bigint, access: Access): Exception => ({
  cause: CAUSES.access[access],
  value: address,
  guestAddress: as.virtual,
});

function locateRam(step: Pick<Step, 'hart' | 'port'>, address: bigint, access: Access, reported = access): bigint | Exception {
  const as = effective(step.hart, access);
  const at = locate(step, address, access, as, reported);
  if (isException(at) || step.port.isRam(at, 1)) return at;
  return accessFault(as, address, reported);
}

function attemptInstruction(
  hart: BareReferenceHart,
  port: BareReferencePort,
  attempt: { name: string | undefined },
): Ending {
  const parts = { hart, port };
  const at = locateRam(parts, hart.pc, 'fetch');
  if (isException(at)) return at;
  const first = Number(port.read(at, 2));
  const length = has(hart, 'C') && isCompressed(first) ? 2n : 4n;
  let word = first;
  if (length === 4n) {
    const rest = u64(hart.pc + 2n);
    const then = (rest & 0xfffn) === 0n ? locateRam(parts, rest, 'fetch') : at + 2n;
    if (isException(then)) return then;
    word = (first | (Number(port.read(then, 2)) << 16)) >>> 0;
  }
  const found = decodeInstruction(hart, word, length);
  if (found === undefined) return illegal(word);
  attempt.name = found.written;
  const ending = execute({ ...parts, ...found.instruction });
  if (ending === 'next' || ending === 'wait') hart.pc = u64(hart.pc + length);
  return ending;
}

const illegal = (word: number): Exception => ({ cause: 2, value: BigInt(word >>> 0) });
const virtualInstruction = (word: number): Exception => ({ cause: 22, value: BigInt(word >>> 0) });

function writeX({ hart, rd }: Step, value: bigint): 'next' {
  if (rd !== 0) hart.x[rd] = u64(value);
  return 'next';
}

function jump(step: Step, target: bigint, links: boolean): Ending {
  const { hart, length } = step;
  const to = u64(target);
  if (bit(to, 1) && !has(hart, 'C')) return { cause: 0, value: to, guestAddress: isVirtual(hart.mode) };
  if (links) writeX(step, hart.pc + length);
  hart.pc = to;
  return 'jumped';
}

/** Bytes of loads, negative where the sign extends; of stores. */
const LOADS: Readonly<Record<string, number>> = { lb: -1, lh: -2, lw: -4, ld: -8, lbu: 1, lhu: 2, lwu: 4 };
const STORES: Readonly<Record<string, number>> = { sb: 1, sh: 2, sw: 4, sd: 8 };

function execute(step: Step): Ending {
  const { hart, name, a, b, immediate } = step;
  const value = compute(name, { a, b: step.takesImmediate ? immediate : b, pc: hart.pc });
  if (value !== undefined) return writeX(step, value);
  const taken = isTaken(name, a, b);
  if (taken !== undefined) return taken ? jump(step, hart.pc + immediate, false) : 'next';
  if (name === 'jal') return jump(step, hart.pc + immediate, true);
  if (name === 'jalr') return jump(step, (a + immediate) & ~1n, true);
  if (name === 'fence' || name === 'fence.i') return 'next';
  const address = u64(a + immediate);
  const width = LOADS[name];
  if (width !== undefined) {
    const loaded = load(step, address, Math.abs(width), effective(hart, 'load'));
    if (isException(loaded)) return loaded;
    return writeX(step, width < 0 ? BigInt.asIntN(-8 * width, loaded) : loaded);
  }
  if (name in STORES) return store(step, address, STORES[name]!, b, effective(hart, 'store'));
  if (name.startsWith('hlv') || name.startsWith('hsv')) return asGuest(step);
  if (name.startsWith('f')) return float(step, address);
  if (/^(lr|sc|amo\w+)\.[wd]$/.test(name)) return atomic(step);
  if (name.startsWith('cbo.')) return cacheBlock(step);
  if (name.startsWith('csrr')) return accessCsr(step);
  return system(step);
}

interface Piece {
  readonly at: bigint;
  readonly byteCount: number;
}

/** The access, cut at the page's end when it crosses it: RAM, or all of it one device register. */
function pieces(step: Step, address: bigint, byteCount: number, access: 'load' | 'store', as: Effective): readonly Piece[] | Exception {
  const firstCount = Math.min(byteCount, 4096 - Number(address & 0xfffn));
  const first = locate(step, address, access, as);
  if (isException(first)) return first;
  const isWhole = firstCount === byteCount;
  const mayBeDevice = isWhole && address % BigInt(byteCount) === 0n;
  if (!step.port.isRam(first, 1) && !mayBeDevice) return accessFault(as, address, access);
  if (isWhole) return [{ at: first, byteCount }];
  const next = u64(address + BigInt(firstCount));
  const second = locate(step, next, access, as);
  if (isException(second)) return second;
  if (!step.port.isRam(second, 1)) return accessFault(as, next, access);
  return [{ at: first, byteCount: firstCount }, { at: second, byteCount: byteCount - firstCount }];
}

function load(step: Step, address: bigint, byteCount: number, as: Effective): bigint | Exception {
  const { port } = step;
  const found = pieces(step, address, byteCount, 'load', as);
  if (isPieces(found)) {
    if (!port.isRam(found[0]!.at, 1)) return port.load(found[0]!.at, byteCount) ?? accessFault(as, address, 'load');
    let value = 0n;
    let shift = 0n;
    for (const piece of found) {
      value |= port.read(piece.at, piece.byteCount) << shift;
      shift += BigInt(8 * piece.byteCount);
    }
    return value;
  }
  return found;
}

const isPieces = (value: readonly Piece[] | Exception): value is readonly Piece[] => Array.isArray(value);

function store(step: Step, address: bigint, byteCount: number, value: bigint, as: Effective): Ending {
  const { port } = step;
  const found = pieces(step, address, byteCount, 'store', as);
  if (!isPieces(found)) return found;
  let rest = BigInt.asUintN(8 * byteCount, value);
  if (!port.isRam(found[0]!.at, 1)) {
    return port.store(found[0]!.at, byteCount, rest) ? 'next' : accessFault(as, address, 'store');
  }
  for (const piece of found) {
    port.write(piece.at, piece.byteCount, BigInt.asUintN(8 * piece.byteCount, rest));
    rest >>= BigInt(8 * piece.byteCount);
  }
  return 'next';
}

/** Loads and stores as if by the guest (§18.3.1). */
function asGuest(step: Step): Ending {
  const { hart, name, word, a, b } = step;
  if (isVirtual(hart.mode)) return virtualInstruction(word);
  const hypervisor = get(hart, N.hstatus);
  if (hart.mode === 'U' && !bit(hypervisor, HB.HU)) return illegal(word);
  const level = bit(hypervisor, HB.SPVP) ? 'S' : 'U';
  const [operation, kind] = name.split('.');
  const byteCount = { b: 1, h: 2, w: 4, d: 8 }[kind![0]!]!;
  const as = { level, virtual: true, executes: operation === 'hlvx' } as const;
  if (operation === 'hsv') return store(step, a, byteCount, b, as);
  const value = load(step, a, byteCount, as);
  if (isException(value)) return value;
  return writeX(step, kind!.endsWith('u') ? value : BigInt.asIntN(8 * byteCount, value));
}

function float(step: Step, address: bigint): Ending {
  const { hart, name, word, rd, rs2 } = step;
  if (!isFloatOn(hart)) return illegal(word);
  const width = FLOAT_MEMORY[name];
  if (width !== undefined && width > 0) return store(step, address, width, hart.f[rs2]!, effective(hart, 'store'));
  if (width !== undefined) {
    const value = load(step, address, -width, effective(hart, 'load'));
    if (isException(value)) return value;
    hart.f[rd] = width === -4 ? (0xffff_ffffn << 32n) | value : value;
    markFloatDirty(hart);
    return 'next';
  }
  // The float unit of the guests' reference, over the same registers.
  const unit = { ...makeReferenceHart(0n, hart.profile), x: hart.x, f: hart.f, fcsr: hart.fcsr, sstatus: 1n << 13n };
  if (!stepFloat(unit, step)) return illegal(word);
  hart.fcsr = unit.fcsr;
  if (((unit.sstatus >> 13n) & 3n) === 3n) markFloatDirty(hart);
  return 'next';
}

function atomic(step: Step): Ending {
  const { hart, port, name, a: address, b } = step;
  const byteCount = name.endsWith('.w') ? 4 : 8;
  const bits = 8 * byteCount;
  const operation = name.slice(0, -2);
  if (address % BigInt(byteCount) !== 0n) {
    const { virtual } = effective(hart, 'load');
    return { cause: operation === 'lr' ? 4 : 6, value: address, guestAddress: virtual };
  }
  if (operation === 'sc' && hart.reservation === undefined) return writeX(step, 1n);
  const at = locateRam(step, address, operation === 'lr' ? 'load' : 'store');
  if (isException(at)) return at;
  const old = port.read(at, byteCount);
  if (operation === 'lr') {
    hart.reservation = { address: at, byteCount };
    return writeX(step, BigInt.asIntN(bits, old));
  }
  if (operation === 'sc') {
    const held = hart.reservation!;
    hart.reservation = undefined;
    const fits = byteCount <= held.byteCount || BigInt.asIntN(bits, old) === BigInt.asIntN(8 * held.byteCount, old);
    const succeeds = held.address === at && fits;
    if (succeeds) port.write(at, byteCount, BigInt.asUintN(bits, b));
    return writeX(step, succeeds ? 0n : 1n);
  }
  port.write(at, byteCount, combine(operation, old, BigInt.asUintN(bits, b), bits)!);
  return writeX(step, BigInt.asIntN(bits, old));
}

function cacheBlock(step: Step): Ending {
  const { hart, port, name, word, a } = step;
  const field = { 'cbo.inval': 0x30n, 'cbo.zero': 0x80n }[name] ?? 0x40n;
  const isOff = (number: number) => (get(hart, number) & field) === 0n;
  if (hart.mode !== 'M') {
    if (isOff(N.menvcfg)) return illegal(word);
    if (isVirtual(hart.mode) && isOff(N.henvcfg)) return virtualInstruction(word);
    if (hart.mode === 'VU' && isOff(N.senvcfg)) return virtualInstruction(word);
    if (hart.mode === 'U' && isOff(N.senvcfg)) return illegal(word);
  }
  const at = locateRam(step, a, name === 'cbo.zero' ? 'store' : 'load', 'store');
  if (isException(at)) return at;
  const start = at & ~63n;
  if (name === 'cbo.zero') for (let offset = 0n; offset < 64n; offset += 8n) port.write(start + offset, 8, 0n);
  return 'next';
}

function accessCsr(step: Step): Ending {
  const { hart, port, name, word, csr, rs1, a, immediate } = step;
  const isImmediate = name.endsWith('i');
  const operation = isImmediate ? name.slice(0, -1) : name;
  const source = isImmediate ? immediate : a;
  const writes = operation === 'csrrw' || (isImmediate ? immediate !== 0n : rs1 !== 0);
  const refused = refusal(hart, port, csr, writes);
  if (refused !== undefined) return refused === 'illegal' ? illegal(word) : virtualInstruction(word);
  const number = meant(hart, csr);
  const old = read(hart, port, number)!;
  const start = modified(hart, number, old);
  if (writes) write(hart, number, u64(operation === 'csrrw' ? source : operation === 'csrrs' ? start | source : start & ~source));
  return writeX(step, old);
}

/** Instructions of the supervisor: what refuses them in HS (a bit of mstatus) and VS (a bit of hstatus). */
const GUARDS: Readonly<Record<string, readonly [mstatus: number, hstatus: number]>> = {
  'sfence.vma': [B.TVM, HB.VTVM],
  'sinval.vma': [B.TVM, HB.VTVM],
  'sfence.w.inval': [-1, -1],
  'sfence.inval.ir': [-1, -1],
  sret: [B.TSR, HB.VTSR],
  wfi: [-1, HB.VTW],
};

function system(step: Step): Ending {
  const { hart, port, name, word } = step;
  const { mode } = hart;
  if (name === 'ecall') return { cause: { M: 11, HS: 9, U: 8, VS: 10, VU: 8 }[mode], value: 0n };
  if (name === 'ebreak') return { cause: 3, value: hart.pc, guestAddress: isVirtual(mode) };
  if (name === 'mret') {
    if (mode !== 'M') return illegal(word);
    machineReturn(hart);
    return 'jumped';
  }
  const status = get(hart, N.mstatus);
  if (name.startsWith('hfence') || name.startsWith('hinval')) {
    if (isVirtual(mode)) return virtualInstruction(word);
    if (mode === 'U') return illegal(word);
    return name.endsWith('gvma') && mode === 'HS' && bit(status, B.TVM) ? illegal(word) : 'next';
  }
  const [machineBit, guestBit] = GUARDS[name]!;
  if (name === 'wfi' && mode !== 'M' && bit(status, B.TW)) return illegal(word);
  if (mode === 'U') return illegal(word);
  if (mode === 'VU') return virtualInstruction(word);
  if (mode === 'HS' && machineBit >= 0 && bit(status, machineBit)) return illegal(word);
  if (mode === 'VS' && guestBit >= 0 && bit(get(hart, N.hstatus), guestBit)) return virtualInstruction(word);
  if (name === 'sret') {
    supervisorReturn(hart);
    return 'jumped';
  }
  if (name === 'wfi') {
    const all = pending(hart, port);
    const isForGuest = hasGuestInterrupts(hart) && guestTop(hart, all) !== 0n;
    return (all & get(hart, N.mie)) === 0n && !isForGuest ? 'wait' : 'next';
  }
  return 'next';
}
