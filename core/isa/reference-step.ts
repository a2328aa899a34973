/**
 * The reference step: what one instruction does to a guest hart, stated in BigInt a second time and
 * without reading the table's effects, so that one wrong row cannot agree with itself. Tests
 * compare the compiled interpreter and the machine with it; nothing in the product runs it. RISC-V
 * Unprivileged and Privileged ISA 20240411, the extensions of the hart's profile, VS and VU mode.
 *
 * Conventions, where the manuals leave a choice (core/machine keeps the same ones):
 * - Without C, IALIGN = 32: a taken branch or jump to a target with bit 1 set traps (0) on the jump, stval =
 *   target, rd not written.
 * - Every attempted instruction counts in cycle, a retired one in instret; trapping ones and
 *   exiting ecalls do not retire, wfi does.
 * - Before each instruction a pending enabled interrupt is taken: SEI, SSI, STI in this order,
 *   stval = 0; it costs no instruction.
 * - Illegal instruction (2) has stval = the word. Virtual-instruction (22) is reflected to the
 *   guest as illegal instruction: mret, hfence, CSRs that a guest has not, sret, wfi and sfence.vma
 *   in VU.
 * - ebreak: 3, stval = pc. ecall in VU: 8, stval = 0. ecall in VS leaves with environmentCall, pc
 *   still at it.
 * - wfi in VS leaves with wait, pc at the next instruction, unless (sip & sie) is not 0.
 * - Misaligned loads and stores work; over a page boundary both parts are translated, low one
 *   first, before any byte is written; stval is the address of the part that faults. lr traps
 *   misaligned with 4; sc and AMOs with 6, before all else.
 * - A reservation is (guest physical address, byte count). sc without one gives 1 and touches no
 *   memory; with one it is translated as a store, succeeds at that address, and clears it. A wider sc
 *   than its lr succeeds, as in QEMU, when the doubleword is the word's sign extension. Traps and
 *   sret clear it; plain stores and guest-page faults do not.
 * - Page faults trap; a guest-page fault leaves with guestPageFault, registers and pc unchanged (A
 *   and D bits may be set).
 * - VS-stage A and D are set through the G-stage as a store, after the entry's checks and before
 *   the leaf's G-stage walk.
 * - Cache-block management needs load permission; henvcfg enables all of it. A reserved CBIE in a
 *   write of senvcfg keeps the old one. hpmcounters read 0.
 * - satp with MODE other than 0 and 8 is ignored as a whole. sstatus keeps SIE SPIE SPP SUM MXR,
 *   UXL reads 2, with F also FS, and SD
 *   when FS is Dirty. Float conventions stand in reference/float-step.ts.
 */
import { decodeCompressed, isCompressed } from './compressed.ts';
import { decode, hasRounding, operandsOf } from './decode.ts';
import { readCsr, readPending, writeCsr } from './reference/csr.ts';
import { FLOAT_MEMORY, isFloatOn, stepFloat, writeFloat } from './reference/float-step.ts';
import {
  type ReferenceAccess,
  type ReferenceFault,
  type ReferenceHart,
  type ReferenceMemory,
  statusBit,
} from './reference/hart.ts';
import { combine, compute, isTaken, unsigned } from './reference/integer.ts';
import { type Translated, translate } from './reference/translation.ts';

export * from './reference/hart.ts';
export { translate } from './reference/translation.ts';

/**
 * How the instruction ended; the last three are names of `exitReason` in the host memory layout.
 */
export type ReferenceEnd = 'retired' | 'trapped' | 'environmentCall' | 'wait' | 'guestPageFault';

/** What one step did. */
export interface ReferenceOutcome {
  readonly end: ReferenceEnd;
  /** Code of the interrupt taken before the instruction. */
  readonly interrupt: number | undefined;
  /** Name of the instruction, undefined when it could not be fetched or is illegal. */
  readonly name: string | undefined;
  /** The trap taken, or the guest-page fault. */
  readonly fault: ReferenceFault | undefined;
}

/** What executing an instruction gives: undefined when it retired and pc is set. */
type Ending = ReferenceFault | 'environmentCall' | 'wait' | undefined;

const isFault = (value: Translated | ReferenceFault): value is ReferenceFault => 'kind' in value;
const trap = (cause: number, value: bigint): ReferenceFault => ({ kind: 'trap', cause, value });

/**
 * Takes a pending enabled interrupt if any, then attempts one instruction. `hart.pc` is a multiple
 * of 4, with C of 2.
 */
export function referenceStep(hart: ReferenceHart, memory: ReferenceMemory): ReferenceOutcome {
  const interrupt = takeInterrupt(hart);
  const attempt = { name: undefined as string | undefined };
  const ending = attemptInstruction(hart, memory, attempt);
  hart.cycle = unsigned(hart.cycle + 1n);
  const outcome = { interrupt, name: attempt.name };
  if (ending === undefined || ending === 'wait') {
    hart.instret = unsigned(hart.instret + 1n);
    return { ...outcome, end: ending ?? 'retired', fault: undefined };
  }
  if (ending === 'environmentCall') return { ...outcome, end: ending, fault: undefined };
  if (ending.kind === 'guestPageFault') return { ...outcome, end: 'guestPageFault', fault: ending };
  takeTrap(hart, BigInt(ending.cause), ending.value);
  return { ...outcome, end: 'trapped', fault: ending };
}

/** Enters the guest's trap handler (§10.1.1, §10.1.7 … §10.1.9). */
function takeTrap(hart: ReferenceHart, scause: bigint, stval: bigint): void {
  const { sie, spie, spp } = statusBit;
  const wasEnabled = (hart.sstatus & sie) !== 0n;
  hart.sstatus &= ~(sie | spie | spp);
  if (wasEnabled) hart.sstatus |= spie;
  if (hart.privilege === 1) hart.sstatus |= spp;
  hart.sepc = hart.pc;
  hart.scause = scause;
  hart.stval = stval;
  hart.privilege = 1;
  hart.reservation = undefined;
  const isInterrupt = scause >> 63n === 1n;
  const isVectored = isInterrupt && (hart.stvec & 1n) === 1n;
  const base = hart.stvec & ~3n;
  hart.pc = unsigned(isVectored ? base + 4n * (scause & 0xffn) : base);
}

/** Interrupt codes in order of priority (§10.1.3). */
const INTERRUPT_PRIORITY = [9, 1, 5] as const;

function takeInterrupt(hart: ReferenceHart): number | undefined {
  if (hart.privilege === 1 && (hart.sstatus & statusBit.sie) === 0n) return undefined;
  const pending = readPending(hart) & hart.sie;
  const code = INTERRUPT_PRIORITY.find((each) => ((pending >> BigInt(each)) & 1n) === 1n);
  if (code !== undefined) takeTrap(hart, (1n << 63n) | BigInt(code), 0n);
  return code;
}

function attemptInstruction(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  attempt: { name: string | undefined },
): Ending {
  const at = translate(hart, memory, hart.pc, 'fetch');
  if (isFault(at)) return at;
  const first = Number(memory.read(at.hostPhysicalAddress, 2));
  const hasShort = hart.profile.extensions.includes('C');
  const length = hasShort && isCompressed(first) ? 2n : 4n;
  let word = first;
  if (length === 4n) {
    // The second half may lie in another page; stval is then its address, sepc the instruction's.
    const rest = unsigned(hart.pc + 2n);
    const isNextPage = (rest & 0xfffn) === 0n;
    const then = isNextPage ? translate(hart, memory, rest, 'fetch') : undefined;
    if (then !== undefined && isFault(then)) return then;
    const second = then?.hostPhysicalAddress ?? at.hostPhysicalAddress + 2n;
    word = (first | (Number(memory.read(second, 2)) << 16)) >>> 0;
  }
  const found = decodeInstruction(hart, word, length);
  if (found === undefined) return trap(2, BigInt(word));
  attempt.name = found.written;
  const { instruction } = found;
  const ending = execute(hart, memory, instruction);
  if (ending === 'next') hart.pc = unsigned(hart.pc + length);
  return ending === 'next' || ending === 'jumped' ? undefined : ending;
}

/** What `word` of `length` bytes is to a hart, and how it was written (c.addi for an addi); undefined: illegal. */
export function decodeInstruction(
  { profile, x }: Pick<ReferenceHart, 'profile' | 'x'>,
  word: number,
  length: 2n | 4n,
): { readonly instruction: Instruction; readonly written: string } | undefined {
  const short = length === 2n ? decodeCompressed(word) : undefined;
  const row = length === 2n ? short?.row : decode(word);
  if (row === undefined || !profile.extensions.includes(row.extension)) return undefined;
  const { rd, rs1, rs2, rs3, rm, immediate, csr } = short?.operands ?? operandsOf(row, word);
  const instruction: Instruction = {
    name: row.name,
    word,
    rd,
    rs1,
    rs2,
    rs3,
    rm: hasRounding(row) ? rm : undefined,
    immediate: unsigned(BigInt(immediate)),
    csr,
    a: x[rs1]!,
    b: x[rs2]!,
    takesImmediate: row.format !== 'R',
    length,
  };
  return { instruction, written: short?.compressed.name ?? row.name };
}

/** One instruction, decoded, with its operands' values. */
export interface Instruction {
  readonly name: string;
  readonly word: number;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly rs3: number;
  readonly rm: number | undefined;
  readonly immediate: bigint; // unsigned 64-bit
  readonly csr: number;
  readonly a: bigint; //         value of rs1
  readonly b: bigint; //         value of rs2
  readonly takesImmediate: boolean;
  readonly length: bigint; //    bytes: 2 or 4
}

/** 'next': go on at the following instruction; 'jumped': pc is set. */
type Execution = 'next' | 'jumped' | ReferenceFault | 'environmentCall' | 'wait';

function writeRegister(hart: ReferenceHart, rd: number, value: bigint): void {
  if (rd !== 0) hart.x[rd] = unsigned(value);
}

/** Goes to `target`; the link register is written only when the target is aligned. */
function jump(
  hart: ReferenceHart,
  target: bigint,
  { rd, length }: { readonly rd: number; readonly length: bigint },
): Execution {
  const to = unsigned(target);
  if ((to & 2n) !== 0n && !hart.profile.extensions.includes('C')) return trap(0, to);
  writeRegister(hart, rd, hart.pc + length);
  hart.pc = to;
  return 'jumped';
}

function execute(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  instruction: Instruction,
): Execution {
  const { name, rd, a, b, immediate, takesImmediate, length } = instruction;
  const value = compute(name, { a, b: takesImmediate ? immediate : b, pc: hart.pc });
  if (value !== undefined) {
    writeRegister(hart, rd, value);
    return 'next';
  }
  const taken = isTaken(name, a, b);
  if (taken !== undefined) return taken ? jump(hart, hart.pc + immediate, { rd: 0, length }) : 'next';
  if (name === 'jal') return jump(hart, hart.pc + immediate, { rd, length });
  if (name === 'jalr') return jump(hart, (a + immediate) & ~1n, { rd, length });
  if (name === 'fence' || name === 'fence.i') return 'next';

  const loadWidth = LOADS[name];
  if (loadWidth !== undefined) return load(hart, memory, instruction, loadWidth);
  const storeWidth = STORES[name];
  if (storeWidth !== undefined) {
    return accessBytes(hart, memory, {
      address: unsigned(a + immediate),
      byteCount: storeWidth,
      value: b,
    });
  }
  if (name.startsWith('f')) return executeFloat(hart, memory, instruction);
  if (name.endsWith('.w') || name.endsWith('.d')) return atomic(hart, memory, instruction);
  if (name.startsWith('cbo.')) return cacheBlock(hart, memory, instruction);
  if (name.startsWith('csrr')) return accessCsr(hart, memory, instruction);
  return system(hart, instruction);
}

/** Bytes, negative for the sign-extending ones. */
const LOADS: Readonly<Record<string, number>> = {
  lb: -1,
  lh: -2,
  lw: -4,
  ld: -8,
  lbu: 1,
  lhu: 2,
  lwu: 4,
};
const STORES: Readonly<Record<string, number>> = { sb: 1, sh: 2, sw: 4, sd: 8 };

function load(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  instruction: Instruction,
  width: number,
): Execution {
  const byteCount = Math.abs(width);
  const address = unsigned(instruction.a + instruction.immediate);
  const value = readBytes(hart, memory, address, byteCount);
  if (typeof value !== 'bigint') return value;
  writeRegister(hart, instruction.rd, width < 0 ? BigInt.asIntN(8 * byteCount, value) : value);
  return 'next';
}

/** Loads bytes, zero-extended, or gives the fault. */
function readBytes(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  address: bigint,
  byteCount: number,
): bigint | ReferenceFault {
  const pieces = translatePieces(hart, memory, { address, byteCount, access: 'load' });
  if ('kind' in pieces) return pieces;
  let value = 0n;
  let shift = 0n;
  for (const piece of pieces) {
    value |= memory.read(piece.hostPhysicalAddress, piece.byteCount) << shift;
    shift += BigInt(8 * piece.byteCount);
  }
  return value;
}

/** Writes the low bytes of `value`, or nothing at all when a part faults. */
function accessBytes(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  store: { readonly address: bigint; readonly byteCount: number; readonly value: bigint },
): Execution {
  const pieces = translatePieces(hart, memory, { ...store, access: 'store' });
  if ('kind' in pieces) return pieces;
  let rest = store.value;
  for (const piece of pieces) {
    memory.write(
      piece.hostPhysicalAddress,
      piece.byteCount,
      BigInt.asUintN(8 * piece.byteCount, rest),
    );
    rest >>= BigInt(8 * piece.byteCount);
  }
  return 'next';
}

/** flw, fld, fsw, fsd; all else computes. */
function executeFloat(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  instruction: Instruction,
): Execution {
  const width = FLOAT_MEMORY[instruction.name];
  const illegal = trap(2, BigInt(instruction.word));
  if (width === undefined) return stepFloat(hart, instruction) ? 'next' : illegal;
  if (!isFloatOn(hart)) return illegal;
  const address = unsigned(instruction.a + instruction.immediate);
  const byteCount = Math.abs(width);
  if (width > 0) {
    return accessBytes(hart, memory, { address, byteCount, value: hart.f[instruction.rs2]! });
  }
  const value = readBytes(hart, memory, address, byteCount);
  if (typeof value !== 'bigint') return value;
  writeFloat(hart, instruction.rd, value, byteCount === 4);
  return 'next';
}

interface Piece {
  readonly hostPhysicalAddress: bigint;
  readonly byteCount: number;
}

/**
 * The access cut at the page boundary, if it crosses one, both parts translated; or the first
 * fault.
 */
function translatePieces(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  wanted: {
    readonly address: bigint;
    readonly byteCount: number;
    readonly access: ReferenceAccess;
  },
): readonly Piece[] | ReferenceFault {
  const room = 4096 - Number(wanted.address & 0xfffn);
  const firstCount = Math.min(room, wanted.byteCount);
  const first = translate(hart, memory, wanted.address, wanted.access);
  if (isFault(first)) return first;
  const low = { hostPhysicalAddress: first.hostPhysicalAddress, byteCount: firstCount };
  if (firstCount === wanted.byteCount) return [low];
  const second = translate(
    hart,
    memory,
    unsigned(wanted.address + BigInt(firstCount)),
    wanted.access,
  );
  if (isFault(second)) return second;
  const byteCount = wanted.byteCount - firstCount;
  return [low, { hostPhysicalAddress: second.hostPhysicalAddress, byteCount }];
}

/** lr, sc and the AMOs (Unprivileged §14.2, §14.4). */
function atomic(hart: ReferenceHart, memory: ReferenceMemory, instruction: Instruction): Execution {
  const { name, rd, a: address, b } = instruction;
  const byteCount = name.endsWith('.w') ? 4 : 8;
  const bits = 8 * byteCount;
  const operation = name.slice(0, -2);
  if (address % BigInt(byteCount) !== 0n) return trap(operation === 'lr' ? 4 : 6, address);

  if (operation === 'sc' && hart.reservation === undefined) {
    writeRegister(hart, rd, 1n);
    return 'next';
  }
  const at = translate(hart, memory, address, operation === 'lr' ? 'load' : 'store');
  if (isFault(at)) return at;
  const { guestPhysicalAddress, hostPhysicalAddress } = at;
  if (operation === 'sc') {
    const held = hart.reservation;
    hart.reservation = undefined;
    const there = memory.read(hostPhysicalAddress, byteCount);
    const heldBits = 8 * (held?.byteCount ?? 0);
    const succeeds =
      held?.guestPhysicalAddress === guestPhysicalAddress &&
      (byteCount <= held.byteCount || BigInt.asIntN(bits, there) === BigInt.asIntN(heldBits, there));
    if (succeeds) memory.write(hostPhysicalAddress, byteCount, BigInt.asUintN(bits, b));
    writeRegister(hart, rd, succeeds ? 0n : 1n);
    return 'next';
  }
  const old = memory.read(hostPhysicalAddress, byteCount);
  if (operation === 'lr') hart.reservation = { guestPhysicalAddress, byteCount };
  else {
    const value = combine(operation, old, BigInt.asUintN(bits, b), bits);
    if (value === undefined) return trap(2, BigInt(instruction.word));
    memory.write(hostPhysicalAddress, byteCount, value);
  }
  writeRegister(hart, rd, BigInt.asIntN(bits, old));
  return 'next';
}

/**
 * Cache-block operations (Unprivileged §19): in VU senvcfg must enable them; zero writes 64 zero
 * bytes; the others need what a load needs. Faults are a store's, at rs1's value.
 */
function cacheBlock(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  instruction: Instruction,
): Execution {
  const { name, a, word } = instruction;
  const enables: Record<string, bigint> = { 'cbo.inval': 0x30n, 'cbo.zero': 0x80n };
  if (hart.privilege === 0 && (hart.senvcfg & (enables[name] ?? 0x40n)) === 0n)
    return trap(2, BigInt(word));
  const at = translate(hart, memory, a, name === 'cbo.zero' ? 'store' : 'load');
  if (isFault(at)) {
    if (at.kind === 'guestPageFault') return { ...at, access: 'store' };
    return trap(15, a);
  }
  if (name !== 'cbo.zero') return 'next';
  const start = at.hostPhysicalAddress - (at.hostPhysicalAddress % 64n);
  for (let offset = 0n; offset < 64n; offset += 8n) memory.write(start + offset, 8, 0n);
  return 'next';
}

/** The six Zicsr instructions (Unprivileged §7.1). */
function accessCsr(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  instruction: Instruction,
): Execution {
  const { name, word, rd, rs1, csr, a, immediate } = instruction;
  const isImmediate = name.endsWith('i');
  const operation = isImmediate ? name.slice(0, -1) : name;
  const source = isImmediate ? immediate : a;
  const isSourceNamed = isImmediate ? immediate !== 0n : rs1 !== 0;
  const writes = operation === 'csrrw' || isSourceNamed;
  const illegal = trap(2, BigInt(word));
  if (writes && csr >> 10 === 3) return illegal;
  const old = readCsr(hart, memory, csr);
  if (old === undefined) return illegal;
  if (writes) {
    const value =
      operation === 'csrrw' ? source : operation === 'csrrs' ? old | source : old & ~source;
    writeCsr(hart, csr, value);
  }
  writeRegister(hart, rd, old);
  return 'next';
}

function system(hart: ReferenceHart, instruction: Instruction): Execution {
  const isSupervisor = hart.privilege === 1;
  switch (instruction.name) {
    case 'ecall':
      return isSupervisor ? 'environmentCall' : trap(8, 0n);
    case 'ebreak':
      return trap(3, hart.pc);
    case 'sfence.vma':
      if (isSupervisor) return 'next'; // there is no translation cache here to flush
      break;
    case 'wfi':
      if (isSupervisor) return waitForInterrupt(hart);
      break;
    case 'sret':
      if (isSupervisor) return supervisorReturn(hart);
      break;
    default:
      break;
  }
  return trap(2, BigInt(instruction.word));
}

function waitForInterrupt(hart: ReferenceHart): Execution {
  if ((readPending(hart) & hart.sie) !== 0n) return 'next';
  hart.pc = unsigned(hart.pc + 4n);
  return 'wait';
}

function supervisorReturn(hart: ReferenceHart): Execution {
  const { sie, spie, spp } = statusBit;
  hart.privilege = (hart.sstatus & spp) !== 0n ? 1 : 0;
  const enable = (hart.sstatus & spie) !== 0n ? sie : 0n;
  hart.sstatus = (hart.sstatus & ~(sie | spp)) | enable | spie;
  hart.reservation = undefined;
  hart.pc = hart.sepc;
  return 'jumped';
}
