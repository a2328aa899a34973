/**
 * A load or store that reached a device instead of RAM: read back from its instruction word, and finished by
 * writing its register and moving pc. For harts of both kinds: the hypervisor serves a guest's access after
 * the exit, a bare-metal hart within the slow path.
 */
import { decodeCompressed, isCompressed } from '../isa/compressed.ts';
import { decode, operandsOf } from '../isa/decode.ts';
import { hartOffset } from '../protocol/host-memory-layout.ts';
import { hartWord, registerWord } from './hart.ts';

const SIGN_HIGH = 0xffff_ffff | 0;

/** A plain load or store; atomics and cache blocks are none, a device does not take them. */
export interface AccessInstruction {
  readonly kind: 'load' | 'loadFloat' | 'store' | 'storeFloat';
  readonly byteCount: 1 | 2 | 4 | 8;
  /** Of a load: whether the register gets the sign. */
  readonly signed: boolean;
  readonly rd: number;
  /** Bytes of the instruction. */
  readonly length: 2 | 4;
}

/** The load or store that `word` is (2 or 4 bytes; short ones when the hart has C); undefined for all else. */
export function readAccess(word: number, hasShort: boolean): AccessInstruction | undefined {
  const short = isCompressed(word) && hasShort ? decodeCompressed(word & 0xffff) : undefined;
  const row = short?.row ?? decode(word);
  if (row === undefined) return undefined;
  const { rd } = short?.operands ?? operandsOf(row, word);
  const { effect } = row;
  if (effect.kind !== 'load' && effect.kind !== 'loadFloat' && effect.kind !== 'store' && effect.kind !== 'storeFloat') {
    return undefined;
  }
  const signed = effect.kind === 'load' && effect.signed;
  return { kind: effect.kind, byteCount: effect.byteCount, signed, rd, length: short === undefined ? 4 : 2 };
}

/**
 * Ends the access at pc: what a device answered to a load (record.scratch, zero-extended) goes to its register, and pc moves on.
 * `onFloat`: a float register was written.
 */
export function finishAccess(
  memory: { readonly words: Int32Array; readonly longs: BigInt64Array },
  hart: number,
  access: AccessInstruction,
  onFloat: () => void,
): void {
  const { words, longs } = memory;
  const value = longs[((hart >> 2) + hartWord.scratch) >> 1]!;
  const { kind, byteCount, rd, length } = access;
  if (kind === 'load' && rd !== 0) {
    longs[registerWord(hart, rd) >> 1] = access.signed ? BigInt.asIntN(8 * byteCount, value) : value;
  } else if (kind === 'loadFloat') {
    longs[(hart + hartOffset.f + 8 * rd) >> 3] = value;
    if (byteCount === 4) words[((hart + hartOffset.f + 8 * rd) >> 2) + 1] = SIGN_HIGH;
    onFloat();
  }
  const pc = (hart >> 2) + hartWord.pc;
  const before = words[pc]!;
  const low = (before + length) | 0;
  words[pc] = low;
  if (low >>> 0 < before >>> 0) words[pc + 1] = (words[pc + 1]! + 1) | 0;
}
