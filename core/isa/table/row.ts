/**
 * The shape of a row of the instruction table. Interpreter generator, decoder, assembler, disassembler,
 * inspector and random-program generator read rows; the reference step does not read `effect` (it states
 * the semantics a second time, so that one wrong row cannot agree with itself).
 *
 * An effect is data: a small typed expression tree over 64-bit integers, evaluated by emitting
 * WebAssembly for it. Comparisons yield 0 or 1. Shift amounts are masked by the row itself.
 */

/** Encoding formats of the RISC-V Unprivileged ISA §2.2, §2.3, plus the special ones of Zicsr, A, and shifts. */
export type Format =
  | 'R' | 'I' | 'S' | 'B' | 'U' | 'J'
  | 'shift64' | 'shift32'        // I-type with a 6- or 5-bit shift amount
  | 'csr' | 'csrImmediate'       // Zicsr
  | 'atomic'                     // rd, rs2, (rs1) with aq and rl bits
  | 'fence'                      // pred, succ
  | 'unary'                      // rd, rs1; rs2's place is part of the encoding
  | 'cacheBlock'                 // (rs1)
  | 'guestLoad'                  // rd, (rs1)
  | 'guestStore'                 // rs2, (rs1)
  | 'floatR' | 'floatUnary' | 'float4' // with a rounding mode in bits 14..12; float4 has rs3 in bits 31..27
  | 'none';                      // no operands: ecall, sret, wfi …

/** Binary operators on two 64-bit values. Suffix W: on the low 32 bits, result sign-extended. */
export type BinaryOperator =
  | 'add' | 'sub' | 'and' | 'or' | 'xor'
  | 'shiftLeft' | 'shiftRightLogical' | 'shiftRightArithmetic'
  | 'equal' | 'notEqual' | 'lessSigned' | 'lessUnsigned' | 'greaterOrEqualSigned' | 'greaterOrEqualUnsigned'
  | 'multiply' | 'multiplyHighSigned' | 'multiplyHighSignedUnsigned' | 'multiplyHighUnsigned'
  | 'divideSigned' | 'divideUnsigned' | 'remainderSigned' | 'remainderUnsigned'     // RISC-V results for /0 and overflow
  | 'divideSignedW' | 'divideUnsignedW' | 'remainderSignedW' | 'remainderUnsignedW'
  | 'shiftLeftW' | 'shiftRightLogicalW' | 'shiftRightArithmeticW'
  | 'minimumSigned' | 'maximumSigned' | 'minimumUnsigned' | 'maximumUnsigned'
  | 'rotateLeft' | 'rotateRight' | 'rotateLeftW' | 'rotateRightW';                  // amounts modulo 64 or 32

/** Operators on one 64-bit value. Suffix W: on the low 32 bits. */
export type UnaryOperator =
  | 'signExtend8' | 'signExtend16' | 'signExtend32' | 'zeroExtend16' | 'zeroExtend32'
  | 'countLeadingZeros' | 'countTrailingZeros' | 'countOnes'
  | 'countLeadingZerosW' | 'countTrailingZerosW' | 'countOnesW'
  | 'combineBytes'               // each byte that is not 0 becomes 0xff
  | 'reverseBytes';

/** A pure 64-bit value. `memory` is the old value in an AMO; `pc` the address of this instruction, `next` of the one after. */
export type Expression =
  | { readonly kind: 'rs1' | 'rs2' | 'immediate' | 'pc' | 'next' | 'memory' }
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression };

/** Instructions whose effect the machine layer carries out in TypeScript, leaving compiled code for a moment. */
export type SystemHandler =
  | 'ecall' | 'ebreak' | 'sret' | 'mret' | 'wfi' | 'sfenceVma' | 'hfenceVvma' | 'hfenceGvma'
  | 'csrReadWrite' | 'csrReadSet' | 'csrReadClear'
  | 'csrReadWriteImmediate' | 'csrReadSetImmediate' | 'csrReadClearImmediate'
  | 'cacheBlockInvalidate' | 'cacheBlockClean' | 'cacheBlockFlush' | 'cacheBlockZero'
  | 'guestLoad' | 'guestStore' | 'fenceInvalidation';

/** What the float unit computes; `to` and `from` convert to and from integers. */
export type FloatOperation =
  | 'add' | 'subtract' | 'multiply' | 'divide' | 'squareRoot'
  | 'multiplyAdd' | 'multiplySubtract' | 'negatedMultiplySubtract' | 'negatedMultiplyAdd'
  | 'injectSign' | 'injectNegatedSign' | 'injectXorSign' | 'minimum' | 'maximum'
  | 'equal' | 'less' | 'lessOrEqual' | 'classify'
  | 'toInt32' | 'toUint32' | 'toInt64' | 'toUint64' | 'fromInt32' | 'fromUint32' | 'fromInt64' | 'fromUint64'
  | 'moveToInteger' | 'moveFromInteger' | 'fromOtherFormat';

/** What an instruction does. Every effect except branch, jump and system goes on at `next`. */
export type Effect =
  | { readonly kind: 'write'; readonly value: Expression }                                     // rd ← value
  | { readonly kind: 'branch'; readonly condition: Expression }                                // if condition: pc ← pc + immediate
  | { readonly kind: 'jump'; readonly target: Expression }                                     // rd ← next; pc ← target
  | { readonly kind: 'load'; readonly byteCount: 1 | 2 | 4 | 8; readonly signed: boolean }     // rd ← M[rs1 + immediate]
  | { readonly kind: 'store'; readonly byteCount: 1 | 2 | 4 | 8 }                              // M[rs1 + immediate] ← rs2
  | { readonly kind: 'atomic'; readonly byteCount: 4 | 8; readonly combine: Expression }       // rd ← M[rs1]; M[rs1] ← combine(memory, rs2)
  | { readonly kind: 'loadReserved'; readonly byteCount: 4 | 8 }
  | { readonly kind: 'storeConditional'; readonly byteCount: 4 | 8 }
  | { readonly kind: 'loadFloat'; readonly byteCount: 4 | 8 }                                  // rd ← M[rs1 + immediate], boxed
  | { readonly kind: 'storeFloat'; readonly byteCount: 4 | 8 }                                 // M[rs1 + immediate] ← rs2
  | { readonly kind: 'float'; readonly operation: FloatOperation; readonly byteCount: 4 | 8 }  // rd ← operation in the format of byteCount
  | { readonly kind: 'nothing' }                                                               // fence, fence.i: the machine is always in order and coherent
  | { readonly kind: 'system'; readonly handler: SystemHandler };

/** Extensions that the table or the CSR table has rows of. */
export type Extension =
  | 'I' | 'M' | 'A' | 'Zicsr' | 'Zifencei' | 'Zicntr' | 'Zihpm' | 'Zicond' | 'Zicbom' | 'Zicboz'
  | 'Zba' | 'Zbb' | 'Zbs' | 'F' | 'D' | 'C' | 'Privileged' | 'H'
  | 'Svinval' | 'Svpbmt' | 'Svade' | 'Svadu' | 'Sstc' | 'Smaia';

/** One instruction. `(word & mask) === match` decodes it; masks of two rows never overlap. */
export interface Row {
  readonly name: string;        // as the manual prints it: 'addi', 'amoadd.w', 'sfence.vma'
  readonly extension: Extension;
  readonly format: Format;
  readonly match: number;       // unsigned 32-bit
  readonly mask: number;        // unsigned 32-bit
  readonly effect: Effect;
  /** File of rd, rs1, rs2, rs3 where not all are x: a letter each, 'x' or 'f'. */
  readonly registers?: string;
  readonly section: string;     // 'Unprivileged 20240411 §2.4.1'
}
