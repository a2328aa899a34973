/**
 * Float instructions that compiled code hands over: those of a hart whose float unit is not Dirty,
 * or whose result and flags compiled code cannot be certain of; and the registers fflags, frm, fcsr
 * (Unprivileged ISA 20240411, chapters 21 and 22). sstatus.FS becomes Dirty when an instruction
 * with a float destination retires, when a clear flag is raised, and when fcsr is written.
 */
import { assert } from '../base/assert.ts';
import { decodeCompressed, isCompressed } from '../isa/compressed.ts';
import { decode, hasRounding, type Operands, operandsOf } from '../isa/decode.ts';
import type { Row } from '../isa/table/row.ts';
import { csrSlot, floatStateBit, hartOffset } from '../protocol/host-memory-layout.ts';
import type { HostMemory } from '../memory/index.ts';
import type { SlowPaths } from '../wasm/interpreter-abi.ts';
import { raise } from './guest-access.ts';
import { csrWord, hartWord, registerWord, sstatusBit } from './hart.ts';
import type { HartContext } from './hart-context.ts';
import { computeFloat, type FloatEnvironment, SINGLE_NAN } from './soft-float.ts';

const ILLEGAL_INSTRUCTION = 2;
const DYNAMIC = 7;
const SD_HIGH = 0x8000_0000 | 0;
const BOX = 0xffff_ffffn << 32n;

/** Whether sstatus.FS lets the hart execute float instructions. */
export function isFloatOn(words: Int32Array, hart: number): boolean {
  return (words[csrWord(hart, csrSlot.vsstatus)]! & sstatusBit.fs) !== 0;
}

/**
 * Brings sstatus.SD and record.floatState, which compiled code reads, in line with FS and fcsr. To
 * be called after every change of either.
 */
export function refreshFloat(words: Int32Array, hart: number): void {
  const status = csrWord(hart, csrSlot.vsstatus);
  const isDirty = (words[status]! & sstatusBit.fs) === sstatusBit.fs;
  words[status + 1] = isDirty ? words[status + 1]! | SD_HIGH : words[status + 1]! & ~SD_HIGH;
  setFloatState(words, hart, isDirty);
}

/** record.floatState for a hart whose float unit is Dirty or not. */
export function setFloatState(words: Int32Array, hart: number, isDirty: boolean): void {
  const fcsr = words[(hart >> 2) + hartWord.fcsr]!;
  let state = 0;
  if (isDirty && fcsr >>> 5 <= 4) state |= floatStateBit.usable;
  if (isDirty && fcsr >>> 5 === 0) state |= floatStateBit.nearest;
  if (state & floatStateBit.nearest && (fcsr & 1) !== 0) state |= floatStateBit.inexactKnown;
  words[(hart >> 2) + hartWord.floatState] = state;
}

export function markDirty(words: Int32Array, hart: number): void {
  words[csrWord(hart, csrSlot.vsstatus)]! |= sstatusBit.fs;
  refreshFloat(words, hart);
}

/** fflags (1), frm (2), fcsr (3): where they lie in fcsr. */
const FIELDS: Readonly<Record<number, { readonly shift: number; readonly mask: number }>> = {
  1: { shift: 0, mask: 0x1f },
  2: { shift: 5, mask: 0x7 },
  3: { shift: 0, mask: 0xff },
};

/** The value of fflags, frm or fcsr, by CSR number. */
export function readFloatCsr(words: Int32Array, hart: number, number: number): number {
  const { shift, mask } = FIELDS[number]!;
  return (words[(hart >> 2) + hartWord.fcsr]! >>> shift) & mask;
}

/** Writes fflags, frm or fcsr; {@link FloatUnit.markDirty} must follow. */
export function writeFloatCsr(words: Int32Array, hart: number, number: number, value: number): void {
  const { shift, mask } = FIELDS[number]!;
  const word = (hart >> 2) + hartWord.fcsr;
  words[word] = (words[word]! & ~(mask << shift)) | ((value & mask) << shift);
}

/** What the float unit needs to know of its hart's status registers and traps. */
export interface FloatUnit {
  isOn(hart: number): boolean;
  /** FS becomes Dirty; to be called after every change of fcsr, too. */
  markDirty(hart: number): void;
  /** Raises illegal-instruction for `word`. */
  illegal(hart: number, word: number): void;
}

/** The float unit of a guest's hart. */
export function guestFloatUnit(context: HartContext): FloatUnit {
  const { words } = context;
  return {
    isOn: (hart) => isFloatOn(words, hart),
    markDirty: (hart) => markDirty(words, hart),
    illegal: (hart, word) => raise(context, hart, ILLEGAL_INSTRUCTION, word, 0),
  };
}

/** The slow path `float`: executes record.instructionWord; loads and stores through `memory`. */
export function makeFloatSlowPath(
  host: HostMemory,
  memory: Pick<SlowPaths, 'load' | 'store'>,
  unit: FloatUnit,
): Pick<SlowPaths, 'float'> {
  const { words, longs } = host;
  const environment: FloatEnvironment = { mode: 0, flags: 0 };

  const illegal = (hart: number, word: number): 0 => {
    unit.illegal(hart, word);
    return 0;
  };

  const access = (hart: number, row: Row, operands: Operands): number => {
    const { rd, rs1, rs2, immediate } = operands;
    assert(row.effect.kind === 'loadFloat' || row.effect.kind === 'storeFloat', 'a float access');
    const { byteCount } = row.effect;
    const address = longs[registerWord(hart, rs1) >> 1]! + BigInt(immediate);
    longs[(hart + hartOffset.address) >> 3] = address;
    if (row.effect.kind === 'storeFloat') {
      longs[(hart + hartOffset.scratch) >> 3] = longs[floatLong(hart, rs2)]!;
      return memory.store(hart, byteCount);
    }
    if (memory.load(hart, byteCount) === 0) return 0;
    const value = longs[(hart + hartOffset.scratch) >> 3]!;
    longs[floatLong(hart, rd)] = byteCount === 4 ? BigInt.asIntN(64, value | BOX) : value;
    unit.markDirty(hart);
    return 1;
  };

  const compute = (hart: number, row: Row, word: number): number => {
    const { rd, rs1, rs2, rs3, rm } = operandsOf(row, word);
    assert(row.effect.kind === 'float', 'a computation');
    const { operation, byteCount } = row.effect;
    const fcsr = words[(hart >> 2) + hartWord.fcsr]!;
    environment.mode = !hasRounding(row) ? 0 : rm === DYNAMIC ? fcsr >>> 5 : rm;
    if (environment.mode > 4) return illegal(hart, word);
    environment.flags = 0;
    const files = row.registers!;
    const isSingleSource = (operation === 'fromOtherFormat') !== (byteCount === 4);
    const source = (place: number, number: number): bigint => {
      if (files[place] !== 'f') {
        return BigInt.asUintN(64, longs[registerWord(hart, number) >> 1]!);
      }
      const bits = BigInt.asUintN(64, longs[floatLong(hart, number)]!);
      if (!isSingleSource || operation === 'moveToInteger') return bits;
      return bits >= BOX ? bits - BOX : SINGLE_NAN;
    };
    const a = source(1, rs1);
    let result: bigint;
    if (operation === 'moveFromInteger') result = byteCount === 4 ? BigInt.asUintN(32, a) : a;
    else if (operation === 'moveToInteger') result = byteCount === 4 ? BigInt.asIntN(32, a) : a;
    else {
      const operands = [a, source(2, rs2), source(3, rs3)] as const;
      result = computeFloat(operation, byteCount, operands, environment);
    }
    if (files[0] === 'f') {
      longs[floatLong(hart, rd)] = BigInt.asIntN(64, byteCount === 4 ? result | BOX : result);
    } else if (rd !== 0) {
      longs[registerWord(hart, rd) >> 1] = BigInt.asIntN(64, result);
    }
    const raised = fcsr | environment.flags;
    words[(hart >> 2) + hartWord.fcsr] = raised;
    if (raised !== fcsr || files[0] === 'f') unit.markDirty(hart);
    return 1;
  };

  return {
    float(hart) {
      const word = words[(hart >> 2) + hartWord.instructionWord]!;
      if (!unit.isOn(hart)) return illegal(hart, word);
      const short = isCompressed(word) ? decodeCompressed(word) : undefined;
      const row = short?.row ?? decode(word);
      assert(row !== undefined, 'a decoded operation has a row');
      if (row.effect.kind === 'float') return compute(hart, row, word);
      return access(hart, row, short?.operands ?? operandsOf(row, word));
    },
  };
}

/** Index of f[number] among 64-bit values. */
function floatLong(hart: number, number: number): number {
  return (hart + hartOffset.f + 8 * number) >> 3;
}
