/**
 * The CSRs of a guest hart, stated a second time (Privileged ISA 20240411 §10.1, Unprivileged
 * §8.1): which exist, who may touch them, which bits can be written. Every other number is an
 * illegal instruction.
 */
import { isFloatOn, markFloatDirty } from './float-step.ts';
import type { ReferenceHart, ReferenceMemory } from './hart.ts';
import { statusBit } from './hart.ts';

const STATUS_WRITABLE =
  statusBit.sie | statusBit.spie | statusBit.spp | statusBit.sum | statusBit.mxr;
const UXL_64 = 2n << 32n;
const SD = 1n << 63n;

const hasFloat = (hart: ReferenceHart): boolean => hart.profile.extensions.includes('F');

/** fflags, frm and fcsr: their place in fcsr. */
const FLOAT_FIELDS: Readonly<Record<number, readonly [shift: bigint, bits: number]>> = {
  1: [0n, 5],
  2: [5n, 3],
  3: [0n, 8],
};

/** sstatus as software sees it, and as a record of the machine holds it. */
export function readStatus(hart: ReferenceHart): bigint {
  return hart.sstatus | UXL_64 | ((hart.sstatus & statusBit.fs) === statusBit.fs ? SD : 0n);
}
const INTERRUPTS = 0x222n;
const SSIP = 2n;

/** The guest's sip: hvip one position lower. */
export function readPending(hart: ReferenceHart): bigint {
  return (hart.hvip >> 1n) & INTERRUPTS;
}

/** The value of CSR `number`, or undefined when the access is illegal at the hart's privilege. */
export function readCsr(
  hart: ReferenceHart,
  memory: ReferenceMemory,
  number: number,
): bigint | undefined {
  if (((number >> 8) & 3) > hart.privilege) return undefined;
  const isCounterEnabled = (bit: bigint) =>
    hart.privilege === 1 || ((hart.scounteren >> bit) & 1n) === 1n;
  if (number >= 0xc03 && number <= 0xc1f) {
    const isThere = hart.profile.extensions.includes('Zihpm');
    return isThere && isCounterEnabled(BigInt(number - 0xc00)) ? 0n : undefined;
  }
  const field = FLOAT_FIELDS[number];
  if (field !== undefined) {
    if (!hasFloat(hart) || !isFloatOn(hart)) return undefined;
    return BigInt.asUintN(field[1], hart.fcsr >> field[0]);
  }
  switch (number) {
    case 0xc00:
      return isCounterEnabled(0n) ? hart.cycle : undefined;
    case 0xc01:
      return isCounterEnabled(1n) ? memory.time() : undefined;
    case 0xc02:
      return isCounterEnabled(2n) ? hart.instret : undefined;
    case 0x100:
      return readStatus(hart);
    case 0x104:
      return hart.sie;
    case 0x105:
      return hart.stvec;
    case 0x106:
      return hart.scounteren;
    case 0x10a:
      return hart.senvcfg;
    case 0x140:
      return hart.sscratch;
    case 0x141:
      return hart.sepc;
    case 0x142:
      return hart.scause;
    case 0x143:
      return hart.stval;
    case 0x144:
      return readPending(hart);
    case 0x180:
      return hart.satp;
    default:
      return undefined;
  }
}

/**
 * What senvcfg holds after a write of `value`: FIOM in bit 0; with Zicbom CBIE in bits 5 … 4, where
 * 2 is reserved and changes nothing, and CBCFE in bit 6; with Zicboz CBZE in bit 7.
 */
function environment(hart: ReferenceHart, value: bigint): bigint {
  let result = value & 1n;
  if (hart.profile.extensions.includes('Zicbom')) {
    result |= value & 0x40n;
    result |= (value & 0x30n) === 0x20n ? hart.senvcfg & 0x30n : value & 0x30n;
  }
  if (hart.profile.extensions.includes('Zicboz')) result |= value & 0x80n;
  return result;
}

/**
 * Writes CSR `number`, which {@link readCsr} has found; bits that cannot be written keep their
 * value.
 */
export function writeCsr(hart: ReferenceHart, number: number, value: bigint): void {
  const field = FLOAT_FIELDS[number];
  if (field !== undefined) {
    const [shift, bits] = field;
    const mask = ((1n << BigInt(bits)) - 1n) << shift;
    hart.fcsr = (hart.fcsr & ~mask) | ((value << shift) & mask);
    markFloatDirty(hart);
    return;
  }
  switch (number) {
    case 0x100:
      hart.sstatus = value & (hasFloat(hart) ? STATUS_WRITABLE | statusBit.fs : STATUS_WRITABLE);
      break;
    case 0x104:
      hart.sie = value & INTERRUPTS;
      break;
    case 0x105:
      hart.stvec = value & ~2n;
      break;
    case 0x106:
      hart.scounteren = value & (hart.profile.extensions.includes('Zihpm') ? 0xffff_ffffn : 7n);
      break;
    case 0x10a:
      hart.senvcfg = environment(hart, value);
      break;
    case 0x140:
      hart.sscratch = value;
      break;
    case 0x141:
      hart.sepc = value & (hart.profile.extensions.includes('C') ? ~1n : ~3n);
      break;
    case 0x142:
      hart.scause = value;
      break;
    case 0x143:
      hart.stval = value;
      break;
    case 0x144:
      hart.hvip = (hart.hvip & ~(SSIP << 1n)) | ((value & SSIP) << 1n);
      break;
    case 0x180:
      if (value >> 60n === 0n || value >> 60n === 8n) hart.satp = value;
      break;
    default:
      break;
  }
}
