/**
 * An instruction word as text in the style of GNU objdump with -M no-aliases: mnemonic, a blank,
 * operands without blanks, targets as addresses. What it prints, assemble.ts reads back to the same
 * word. Fields that the hardware ignores (fence's rd, rs1 and reserved fm, fence.i's) are not
 * shown.
 */
import { decodeCompressed } from './compressed.ts';
import { decode, type Operands, operandsOf } from './decode.ts';
import { floatRegisterName, ROUNDING_MODES, registerName } from './registers.ts';
import { findCsrName, type Row } from './table/index.ts';

const FENCE_TSO = 0x833;

/**
 * The text of `word` at address `pc`. With `symbols` (name → address), targets of branches and
 * jumps get ` <name+0x10>` of the nearest symbol at or below them. An illegal word is `.word 0x…`.
 */
export function disassemble(
  word: number,
  pc: bigint | number,
  symbols?: ReadonlyMap<string, number>,
): string {
  const row = decode(word);
  if (row === undefined) return `.word 0x${(word >>> 0).toString(16).padStart(8, '0')}`;
  const operands = operandsOf(row, word);
  const text = operandText(row, operands, BigInt(pc), symbols);
  const name = mnemonic(row, operands);
  return text === '' ? name : `${name} ${text}`;
}

function mnemonic(row: Row, { aq, rl, immediate }: Operands): string {
  if (row.format === 'fence' && immediate === FENCE_TSO) return 'fence.tso';
  return `${row.name}${aq || rl ? '.' : ''}${aq ? 'aq' : ''}${rl ? 'rl' : ''}`;
}

const hexadecimal = (value: bigint | number): string => `0x${value.toString(16)}`;

function fenceSet(bits: number): string {
  const letters = [...'iorw'].filter((_, index) => (bits & (8 >> index)) !== 0);
  return letters.join('') || '0';
}

function csrText(number: number): string {
  return findCsrName(number) ?? hexadecimal(number);
}

function operandText(
  row: Row,
  operands: Operands,
  pc: bigint,
  symbols: ReadonlyMap<string, number> | undefined,
): string {
  const { immediate } = operands;
  const name = (place: number, number: number) =>
    row.registers?.[place] === 'f' ? floatRegisterName(number) : registerName(number);
  const rd = name(0, operands.rd);
  const rs1 = name(1, operands.rs1);
  const rs2 = name(2, operands.rs2);
  const plain = isExactConversion(row) ? 0 : 7; // the mode that goes without saying
  const mode = operands.rm === plain ? '' : `,${ROUNDING_MODES[operands.rm]}`;
  const target = () => targetText(BigInt.asUintN(64, pc + BigInt(immediate)), symbols);
  switch (row.format) {
    case 'R':
      return row.effect.kind === 'system' ? `${rs1},${rs2}` : `${rd},${rs1},${rs2}`;
    case 'I': {
      const isMemory = ['load', 'loadFloat', 'jump'].includes(row.effect.kind);
      return isMemory ? `${rd},${immediate}(${rs1})` : `${rd},${rs1},${immediate}`;
    }
    case 'S':
      return `${rs2},${immediate}(${rs1})`;
    case 'B':
      return `${rs1},${rs2},${target()}`;
    case 'U':
      return `${rd},${hexadecimal(immediate >>> 12)}`;
    case 'J':
      return `${rd},${target()}`;
    case 'shift64':
    case 'shift32':
      return `${rd},${rs1},${hexadecimal(immediate)}`;
    case 'csr':
      return `${rd},${csrText(operands.csr)},${rs1}`;
    case 'csrImmediate':
      return `${rd},${csrText(operands.csr)},${immediate}`;
    case 'atomic':
      return row.effect.kind === 'loadReserved' ? `${rd},(${rs1})` : `${rd},${rs2},(${rs1})`;
    case 'fence':
      if (immediate === FENCE_TSO) return '';
      return `${fenceSet((immediate >> 4) & 15)},${fenceSet(immediate & 15)}`;
    case 'unary':
      return `${rd},${rs1}`;
    case 'floatR':
      return `${rd},${rs1},${rs2}${mode}`;
    case 'floatUnary':
      return `${rd},${rs1}${mode}`;
    case 'float4':
      return `${rd},${rs1},${rs2},${name(3, operands.rs3)}${mode}`;
    case 'guestLoad':
      return `${rd},(${rs1})`;
    case 'guestStore':
      return `${rs2},(${rs1})`;
    case 'cacheBlock':
      return `(${rs1})`;
    case 'none':
      return '';
  }
}

/** Conversions that never round, whose rounding mode 0 is not written. */
export function isExactConversion({ effect }: Row): boolean {
  if (effect.kind !== 'float' || effect.byteCount !== 8) return false;
  return ['fromInt32', 'fromUint32', 'fromOtherFormat'].includes(effect.operation);
}

/**
 * The text of the 16-bit instruction `halfword` at address `pc`, for harts that have the C
 * extension. An illegal one is `.half 0x…`.
 */
export function disassembleCompressed(
  halfword: number,
  pc: bigint | number,
  symbols?: ReadonlyMap<string, number>,
): string {
  const instruction = decodeCompressed(halfword);
  if (instruction === undefined) return `.half 0x${halfword.toString(16).padStart(4, '0')}`;
  const { compressed, row, operands } = instruction;
  const { name, format } = compressed;
  const { immediate } = operands;
  const register = (place: number, number: number) =>
    row.registers?.[place] === 'f' ? floatRegisterName(number) : registerName(number);
  const rd = register(0, operands.rd);
  const rs1 = register(1, operands.rs1);
  const rs2 = register(2, operands.rs2);
  const target = () => targetText(BigInt.asUintN(64, BigInt(pc) + BigInt(immediate)), symbols);
  const text = (): string => {
    switch (format) {
      case 'none':
        return '';
      case 'stackAddress':
        return `${rd},${rs1},${immediate}`;
      case 'loadW':
      case 'loadD':
      case 'stackLoadW':
      case 'stackLoadD':
        return `${rd},${immediate}(${rs1})`;
      case 'storeW':
      case 'storeD':
      case 'stackStoreW':
      case 'stackStoreD':
        return `${rs2},${immediate}(${rs1})`;
      case 'upper':
        return `${rd},${hexadecimal((immediate >>> 12) & 0xfffff)}`;
      case 'shift':
      case 'shortShift':
        return immediate === 0 ? rd : `${rd},${hexadecimal(immediate)}`;
      case 'immediate':
        if (name === 'c.nop') return immediate === 0 ? '' : String(immediate);
        return `${rd},${immediate}`;
      case 'constant':
      case 'stackStep':
      case 'shortImmediate':
        return `${rd},${immediate}`;
      case 'shortRegisters':
      case 'move':
      case 'registers':
        return `${rd},${rs2}`;
      case 'jump':
        return target();
      case 'branch':
        return `${rs1},${target()}`;
      case 'jumpRegister':
      case 'linkRegister':
        return rs1;
    }
  };
  // A shift by 0 is RV128's shift by 64 there, and a hint here.
  const isHint = format.toLowerCase().endsWith('shift') && immediate === 0;
  return [isHint ? `${name}64` : name, text()].filter((each) => each !== '').join(' ');
}

/** `0x80000010 <loop+0x10>`; O(symbols). */
function targetText(target: bigint, symbols: ReadonlyMap<string, number> | undefined): string {
  let nearest: { readonly name: string; readonly address: bigint } | undefined;
  for (const [name, value] of symbols ?? []) {
    const address = BigInt(value);
    if (address <= target && (nearest === undefined || address > nearest.address)) {
      nearest = { name, address };
    }
  }
  if (nearest === undefined) return hexadecimal(target);
  const offset = target - nearest.address;
  const beyond = offset === 0n ? '' : `+${hexadecimal(offset)}`;
  return `${hexadecimal(target)} <${nearest.name}${beyond}>`;
}
