/**
 * Float instructions on the reference hart: sstatus.FS, rounding modes, NaN boxes, flags
 * (Unprivileged ISA 20240411, chapters 21 and 22; Privileged §3.1.6.6).
 *
 * Conventions: FS becomes Dirty when an instruction retires that has a float destination, and when
 * it raises a flag that was clear. With FS Off every float instruction and fcsr are illegal.
 */
import { canonicalNan, computeFloat } from './float.ts';
import { BINARY32 } from './float-rounding.ts';
import { type ReferenceHart, statusBit } from './hart.ts';

/** What the step knows of a float instruction. */
export interface FloatInstruction {
  readonly name: string;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly rs3: number;
  /** Mode of the word, 0 … 7; undefined when it has none. */
  readonly rm: number | undefined;
}

const BOX = 0xffff_ffffn << 32n;

/** Whether the hart may execute float instructions. */
export function isFloatOn(hart: ReferenceHart): boolean {
  return (hart.sstatus & statusBit.fs) !== 0n;
}

export function markFloatDirty(hart: ReferenceHart): void {
  hart.sstatus |= statusBit.fs;
}

/** A float register as an operand of 32 or 64 bits: a single that is not boxed is a NaN. */
function operand(hart: ReferenceHart, register: number, isSingle: boolean): bigint {
  const bits = hart.f[register]!;
  if (!isSingle) return bits;
  return bits >> 32n === 0xffff_ffffn ? BigInt.asUintN(32, bits) : canonicalNan(BINARY32);
}

/** Writes a result of 32 (boxed) or 64 bits. */
export function writeFloat(hart: ReferenceHart, rd: number, bits: bigint, single: boolean): void {
  hart.f[rd] = single ? BOX | BigInt.asUintN(32, bits) : bits;
  markFloatDirty(hart);
}

/** Executes; false when the instruction is illegal (FS Off, or a reserved frm). */
export function stepFloat(hart: ReferenceHart, instruction: FloatInstruction): boolean {
  if (!isFloatOn(hart)) return false;
  const { name, rd, rs1, rs2, rs3, rm } = instruction;
  const mode = rm === 7 ? Number((hart.fcsr >> 5n) & 7n) : (rm ?? 0);
  if (mode > 4) return false;
  const x = (value: bigint) => {
    if (rd !== 0) hart.x[rd] = BigInt.asUintN(64, value);
  };
  switch (name) {
    case 'fmv.x.w':
      x(BigInt.asIntN(32, hart.f[rs1]!));
      return true;
    case 'fmv.x.d':
      x(hart.f[rs1]!);
      return true;
    case 'fmv.w.x':
      writeFloat(hart, rd, hart.x[rs1]!, true);
      return true;
    case 'fmv.d.x':
      writeFloat(hart, rd, hart.x[rs1]!, false);
      return true;
    default:
      break;
  }
  const [operation, to, from] = name.split('.');
  const isConversion = operation === 'fcvt';
  const source = isConversion ? from : to;
  const isSingleSource = source === 's';
  const isFromInteger = isConversion && source !== 's' && source !== 'd';
  const a = isFromInteger ? hart.x[rs1]! : operand(hart, rs1, isSingleSource);
  const b = operand(hart, rs2, isSingleSource);
  const c = operand(hart, rs3, isSingleSource);
  const { bits, flags } = computeFloat(name, { a, b, c, mode });
  const isToInteger = isConversion
    ? to !== 's' && to !== 'd'
    : ['feq', 'flt', 'fle', 'fclass'].includes(operation ?? '');
  if (isToInteger) x(bits);
  else writeFloat(hart, rd, bits, to === 's');
  raiseFlags(hart, flags);
  return true;
}

function raiseFlags(hart: ReferenceHart, flags: number): void {
  const raised = hart.fcsr | BigInt(flags);
  if (raised !== hart.fcsr) markFloatDirty(hart);
  hart.fcsr = raised;
}

/** The register that flw and fld write, and what fsw and fsd store; width in bytes. */
export const FLOAT_MEMORY: Readonly<Record<string, number>> = { flw: -4, fld: -8, fsw: 4, fsd: 8 };
