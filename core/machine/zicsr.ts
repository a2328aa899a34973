/**
 * What the six Zicsr instructions have in common, whoever says what a register is and who may reach it: guests'
 * harts and bare-metal ones (RISC-V Unprivileged ISA 20240411 §7.1).
 */
import type { BusValue } from './bus.ts';
import { advancePc, hartWord, registerWord } from './hart.ts';

/** What becomes of the register. */
export type CsrOperation = 'write' | 'set' | 'clear';

/** One instruction's access; `immediate`: the operand is the five bits of rs1 itself. */
export type CsrAccess<Parts> = (parts: Parts, hart: number, word: number, operation: CsrOperation, immediate: boolean) => void;

/** The handlers of the six instructions over one access. */
export function csrHandlers<Parts>(access: CsrAccess<Parts>) {
  const handler = (operation: CsrOperation, immediate: boolean) => (parts: Parts, hart: number, word: number): void =>
    access(parts, hart, word, operation, immediate);
  return {
    csrReadWrite: handler('write', false),
    csrReadSet: handler('set', false),
    csrReadClear: handler('clear', false),
    csrReadWriteImmediate: handler('write', true),
    csrReadSetImmediate: handler('set', true),
    csrReadClearImmediate: handler('clear', true),
  };
}

/** Number of the register, 0 … 4095. */
export function csrNumber(word: number): number {
  return word >>> 20;
}

/** Whether it writes: a set or clear with x0, or with 0, only reads. */
export function writesCsr(word: number, operation: CsrOperation): boolean {
  return operation === 'write' || ((word >>> 15) & 31) !== 0;
}

/**
 * rd ← the old value, which stands in the record's scratch words; pc moves on. Gives what a write puts, valid until the
 * next call. `base`: low half from which bits are set and cleared, where it is not the value read.
 */
export function exchangeCsr(
  words: Int32Array,
  hart: number,
  word: number,
  { operation, immediate, base }: { readonly operation: CsrOperation; readonly immediate: boolean; readonly base: number },
): Readonly<BusValue> {
  const scratch = (hart >> 2) + hartWord.scratch;
  const oldHigh = words[scratch + 1]!;
  const source = (word >>> 15) & 31;
  const register = registerWord(hart, source);
  const low = immediate ? source : words[register]!;
  const high = immediate ? 0 : words[register + 1]!;
  const destination = (word >>> 7) & 31;
  if (destination !== 0) {
    const target = registerWord(hart, destination);
    words[target] = words[scratch]!;
    words[target + 1] = oldHigh;
  }
  advancePc(words, hart);
  put.low = combine(operation, base, low);
  put.high = combine(operation, oldHigh, high);
  return put;
}

/** One for all: these instructions are too frequent for an object each. */
const put: BusValue = { low: 0, high: 0 };

function combine(operation: CsrOperation, old: number, operand: number): number {
  if (operation === 'write') return operand;
  return operation === 'set' ? old | operand : old & ~operand;
}
