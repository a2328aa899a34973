/**
 * What the integer computations give, stated in BigInt a second time and without reading the
 * table's effects: RV64I, M and the combining operations of A (Unprivileged ISA 20240411). Values
 * are unsigned 64-bit bigints unless a name says otherwise.
 */
import { computeBits } from './bit-manipulation.ts';

/**
 * Sources of a computation; `b` is rs2 or the immediate (both unsigned 64-bit), whichever the
 * instruction takes.
 */
export interface Sources {
  readonly a: bigint;
  readonly b: bigint;
  readonly pc: bigint;
}

/** v as a signed 64-bit value. */
export const signed = (v: bigint): bigint => BigInt.asIntN(64, v);
/** v modulo 2^64. */
export const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);
/** Bits 31..0 as a signed value. */
export const signedWord = (v: bigint): bigint => BigInt.asIntN(32, v);
const word = (v: bigint): bigint => BigInt.asUintN(32, v);
const flag = (condition: boolean): bigint => (condition ? 1n : 0n);

/**
 * Division by zero gives all ones; overflow (most negative by −1) gives the dividend, as two's
 * complement does by itself (§13.2).
 */
const quotient = (dividend: bigint, divisor: bigint): bigint =>
  divisor === 0n ? -1n : dividend / divisor;
/** Remainder by zero gives the dividend; its sign is the dividend's. */
const remainder = (dividend: bigint, divisor: bigint): bigint =>
  divisor === 0n ? dividend : dividend % divisor;

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);

type Computation = (sources: Sources) => bigint;

const shiftLeft: Computation = ({ a, b }) => a << (b & 63n);
const shiftRight: Computation = ({ a, b }) => a >> (b & 63n);
const shiftRightSigned: Computation = ({ a, b }) => signed(a) >> (b & 63n);
const shiftLeftWord: Computation = ({ a, b }) => signedWord(a << (b & 31n));
const shiftRightWord: Computation = ({ a, b }) => signedWord(word(a) >> (b & 31n));
const shiftRightSignedWord: Computation = ({ a, b }) => signedWord(a) >> (b & 31n);
const addWord: Computation = ({ a, b }) => signedWord(a + b);
const lessSigned: Computation = ({ a, b }) => flag(signed(a) < signed(b));
const lessUnsigned: Computation = ({ a, b }) => flag(a < b);

/** Value written to rd, before truncation to 64 bits, by instruction name. */
// biome-ignore format: a row a line
const COMPUTATIONS: Readonly<Record<string, Computation>> = {
  'lui':    ({ b }) => b,
  'auipc':  ({ b, pc }) => pc + b,
  'addi':   ({ a, b }) => a + b,
  'slti':   lessSigned,
  'sltiu':  lessUnsigned,
  'xori':   ({ a, b }) => a ^ b,
  'ori':    ({ a, b }) => a | b,
  'andi':   ({ a, b }) => a & b,
  'slli':   shiftLeft,
  'srli':   shiftRight,
  'srai':   shiftRightSigned,
  'add':    ({ a, b }) => a + b,
  'sub':    ({ a, b }) => a - b,
  'sll':    shiftLeft,
  'slt':    lessSigned,
  'sltu':   lessUnsigned,
  'xor':    ({ a, b }) => a ^ b,
  'srl':    shiftRight,
  'sra':    shiftRightSigned,
  'or':     ({ a, b }) => a | b,
  'and':    ({ a, b }) => a & b,
  'addiw':  addWord,
  'slliw':  shiftLeftWord,
  'srliw':  shiftRightWord,
  'sraiw':  shiftRightSignedWord,
  'addw':   addWord,
  'subw':   ({ a, b }) => signedWord(a - b),
  'sllw':   shiftLeftWord,
  'srlw':   shiftRightWord,
  'sraw':   shiftRightSignedWord,
  'mul':    ({ a, b }) => a * b,
  'mulh':   ({ a, b }) => (signed(a) * signed(b)) >> 64n,
  'mulhsu': ({ a, b }) => (signed(a) * b) >> 64n,
  'mulhu':  ({ a, b }) => (a * b) >> 64n,
  'div':    ({ a, b }) => quotient(signed(a), signed(b)),
  'divu':   ({ a, b }) => quotient(a, b),
  'rem':    ({ a, b }) => remainder(signed(a), signed(b)),
  'remu':   ({ a, b }) => remainder(a, b),
  'mulw':   ({ a, b }) => signedWord(a * b),
  'divw':   ({ a, b }) => signedWord(quotient(signedWord(a), signedWord(b))),
  'divuw':  ({ a, b }) => signedWord(quotient(word(a), word(b))),
  'remw':   ({ a, b }) => signedWord(remainder(signedWord(a), signedWord(b))),
  'remuw':  ({ a, b }) => signedWord(remainder(word(a), word(b))),
};

/** Whether the branch called `name` is taken. */
// biome-ignore format: a row a line
const BRANCHES: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  'beq':  (a, b) => a === b,
  'bne':  (a, b) => a !== b,
  'blt':  (a, b) => signed(a) < signed(b),
  'bge':  (a, b) => signed(a) >= signed(b),
  'bltu': (a, b) => a < b,
  'bgeu': (a, b) => a >= b,
};

type Combination = (old: bigint, source: bigint, bits: number) => bigint;

/**
 * New memory value of an AMO from old value and rs2, both zero-extended from the operand's width of
 * `bits`.
 */
// biome-ignore format: a row a line
const COMBINATIONS: Readonly<Record<string, Combination>> = {
  'amoswap': (_, source) => source,
  'amoadd':  (old, source) => old + source,
  'amoxor':  (old, source) => old ^ source,
  'amoand':  (old, source) => old & source,
  'amoor':   (old, source) => old | source,
  'amomin':  (old, source, bits) => least(BigInt.asIntN(bits, old), BigInt.asIntN(bits, source)),
  'amomax':  (old, source, bits) => greatest(BigInt.asIntN(bits, old), BigInt.asIntN(bits, source)),
  'amominu': (old, source) => least(old, source),
  'amomaxu': (old, source) => greatest(old, source),
};

/** rd of computation `name`, unsigned 64-bit, or undefined when `name` is no computation. */
export function compute(name: string, sources: Sources): bigint | undefined {
  const computation = COMPUTATIONS[name];
  if (computation === undefined) return computeBits(name, sources.a, sources.b);
  return unsigned(computation(sources));
}

/** Whether branch `name` is taken, or undefined when `name` is no branch. */
export function isTaken(name: string, a: bigint, b: bigint): boolean | undefined {
  return BRANCHES[name]?.(a, b);
}

/**
 * What AMO `name` (without .w or .d) writes, or undefined when it is none. `old` and `source` are
 * of `bits` bits, unsigned.
 */
export function combine(
  name: string,
  old: bigint,
  source: bigint,
  bits: number,
): bigint | undefined {
  const value = COMBINATIONS[name]?.(old, source, bits);
  return value === undefined ? undefined : BigInt.asUintN(bits, value);
}
