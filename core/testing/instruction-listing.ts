/**
 * Test-only: which 32-bit words are instructions, stated a second time, from the opcode maps and instruction listings
 * of the manuals and without the instruction table: by opcode, and within it by the fields that select. A row of the
 * table that is missing, too wide or too narrow makes the two sets differ.
 *
 *   listing  Unprivileged 20240411 §2 … §7, §9, §13 … §15, §20 … §22, §28 (RV64IMAFD, Zifencei, Zicsr, Zicond, Zicbom,
 *            Zicboz, Zba, Zbb, Zbs); Privileged 20240411 §3.3, §12.2, H, Svinval
 */
import { type Cube, cubeOf } from './encoding-space.ts';

const bits = (value: number, width: number): string => value.toString(2).padStart(width, '0');
const OPEN5 = '-----';

interface Fields {
  /** Bits 31 … 25 as a picture, or several. */
  readonly top?: string;
  /** Bits 24 … 20. */
  readonly second?: string;
  readonly first?: string;
  /** Bits 14 … 12. */
  readonly width?: string;
  readonly destination?: string;
}

function word(opcode: string, fields: Fields): Cube {
  const { top = '-------', second = OPEN5, first = OPEN5, width = '---', destination = OPEN5 } = fields;
  return cubeOf(`${top} ${second} ${first} ${width} ${destination} ${opcode} 11`);
}

const widths = (list: readonly number[]): readonly string[] => list.map((value) => bits(value, 3));
const one = (opcode: string, list: readonly number[], fields: Fields = {}): readonly Cube[] =>
  widths(list).map((width) => word(opcode, { ...fields, width }));

/** Integer instructions of the base, M, Zicond, Zba, Zbb and Zbs by funct7, then funct3. */
const OP: Readonly<Record<string, readonly number[]>> = {
  '0000000': [0, 1, 2, 3, 4, 5, 6, 7], //  add sll slt sltu xor srl or and
  '0100000': [0, 4, 5, 6, 7], //           sub xnor sra orn andn
  '0000001': [0, 1, 2, 3, 4, 5, 6, 7], //  M
  '0000111': [5, 7], //                    czero.eqz czero.nez
  '0010000': [2, 4, 6], //                 sh1add sh2add sh3add
  '0000101': [4, 5, 6, 7], //              min minu max maxu
  '0110000': [1, 5], //                    rol ror
  '0010100': [1], //                       bset
  '0100100': [1, 5], //                    bclr bext
  '0110100': [1], //                       binv
};
const OP_32: Readonly<Record<string, readonly number[]>> = {
  '0000000': [0, 1, 5], //                 addw sllw srlw
  '0100000': [0, 5], //                    subw sraw
  '0000001': [0, 4, 5, 6, 7], //           mulw divw divuw remw remuw
  '0000100': [0], //                       add.uw
  '0010000': [2, 4, 6], //                 sh1add.uw …
  '0110000': [1, 5], //                    rolw rorw
};
/** Shifts and single-bit operations by an immediate of 6 bits: bits 31 … 26. */
const SHIFT_LEFT = ['000000-', '001010-', '010010-', '011010-']; //  slli bseti bclri binvi
const SHIFT_RIGHT = ['000000-', '010000-', '010010-', '011000-']; // srli srai bexti rori

const byTop = (opcode: string, table: Readonly<Record<string, readonly number[]>>): readonly Cube[] =>
  Object.entries(table).flatMap(([top, list]) => one(opcode, list, { top }));
const tops = (opcode: string, list: readonly string[], fields: Fields): readonly Cube[] =>
  list.map((top) => word(opcode, { ...fields, top }));
const seconds = (opcode: string, list: readonly number[], fields: Fields): readonly Cube[] =>
  list.map((second) => word(opcode, { ...fields, second: bits(second, 5) }));

const integer = (): readonly Cube[] => [
  word('01101', {}), //  lui
  word('00101', {}), //  auipc
  word('11011', {}), //  jal
  ...one('11001', [0]), // jalr
  ...one('11000', [0, 1, 4, 5, 6, 7]), // branches
  ...one('00000', [0, 1, 2, 3, 4, 5, 6]), // loads
  ...one('01000', [0, 1, 2, 3]), // stores
  ...one('00100', [0, 2, 3, 4, 6, 7]),
  ...tops('00100', SHIFT_LEFT, { width: '001' }),
  ...seconds('00100', [0, 1, 2, 4, 5], { top: '0110000', width: '001' }), // clz ctz cpop sext.b sext.h
  ...tops('00100', SHIFT_RIGHT, { width: '101' }),
  ...seconds('00100', [7], { top: '0010100', width: '101' }), // orc.b
  ...seconds('00100', [24], { top: '0110101', width: '101' }), // rev8
  ...one('00110', [0]), // addiw
  ...tops('00110', ['0000000', '000010-'], { width: '001' }), // slliw slli.uw
  ...seconds('00110', [0, 1, 2], { top: '0110000', width: '001' }), // clzw ctzw cpopw
  ...tops('00110', ['0000000', '0100000', '0110000'], { width: '101' }), // srliw sraiw roriw
  ...byTop('01100', OP),
  ...byTop('01110', OP_32),
  ...seconds('01110', [0], { top: '0000100', width: '100' }), // zext.h
  ...one('00011', [0, 1]), // fence fence.i: what they do not use is ignored
  ...seconds('00011', [0, 1, 2, 4], { top: '0000000', width: '010', destination: '00000' }), // cbo.*
];

const atomic = (): readonly Cube[] => {
  const operations = ['00011', '00001', '00000', '00100', '01100', '01000', '10000', '10100', '11000', '11100'];
  return [
    ...operations.flatMap((operation) => one('01011', [2, 3], { top: `${operation}--` })),
    ...one('01011', [2, 3], { top: '00010--', second: '00000' }), // lr
  ];
};

/** Rounding modes that are not reserved. */
const ROUNDED = ['0--', '100', '111'];

function float(): readonly Cube[] {
  const each: Cube[] = [...one('00001', [2, 3]), ...one('01001', [2, 3])]; // loads, stores
  const rounded = (opcode: string, fields: Fields) => {
    for (const width of ROUNDED) each.push(word(opcode, { ...fields, width }));
  };
  const OP_FP = '10100';
  for (const format of ['00', '01']) {
    for (const fused of ['10000', '10001', '10010', '10011']) rounded(fused, { top: `-----${format}` });
    for (const operation of ['00000', '00001', '00010', '00011']) rounded(OP_FP, { top: operation + format });
    rounded(OP_FP, { top: `01011${format}`, second: '00000' }); // sqrt
    for (const width of ['000', '001', '010']) {
      each.push(word(OP_FP, { top: `00100${format}`, width })); // sgnj
      each.push(word(OP_FP, { top: `10100${format}`, width })); // le lt eq
    }
    for (const width of ['000', '001']) {
      each.push(word(OP_FP, { top: `00101${format}`, width })); // min max
      each.push(word(OP_FP, { top: `11100${format}`, second: '00000', width })); // move to x, classify
    }
    each.push(word(OP_FP, { top: `11110${format}`, second: '00000', width: '000' })); // move from x
    for (const second of ['00000', '00001', '00010', '00011']) {
      rounded(OP_FP, { top: `11000${format}`, second }); // to integers
      rounded(OP_FP, { top: `11010${format}`, second }); // from integers
    }
  }
  rounded(OP_FP, { top: '0100000', second: '00001' }); // to single from double
  rounded(OP_FP, { top: '0100001', second: '00000' }); // to double from single
  return each;
}

function system(): readonly Cube[] {
  const SYSTEM = '11100';
  const whole = (top: string, second: number): Cube =>
    word(SYSTEM, { top, second: bits(second, 5), first: '00000', width: '000', destination: '00000' });
  // Fences and invalidations of the supervisor, of VS and of G.
  const fences = ['0001001', '0001011', '0010001', '0010011', '0110001', '0110011'];
  return [
    ...one(SYSTEM, [1, 2, 3, 5, 6, 7]), // Zicsr
    whole('0000000', 0), // ecall
    whole('0000000', 1), // ebreak
    whole('0001000', 2), // sret
    whole('0011000', 2), // mret
    whole('0001000', 5), // wfi
    whole('0001100', 0), // sfence.w.inval
    whole('0001100', 1), // sfence.inval.ir
    ...tops(SYSTEM, fences, { width: '000', destination: '00000' }),
    ...seconds(SYSTEM, [0, 1], { top: '0110000', width: '100' }), // hlv.b hlv.bu
    ...seconds(SYSTEM, [0, 1, 3], { top: '0110010', width: '100' }), // hlv.h hlv.hu hlvx.hu
    ...seconds(SYSTEM, [0, 1, 3], { top: '0110100', width: '100' }), // hlv.w hlv.wu hlvx.wu
    ...seconds(SYSTEM, [0], { top: '0110110', width: '100' }), // hlv.d
    ...tops(SYSTEM, ['0110001', '0110011', '0110101', '0110111'], { width: '100', destination: '00000' }), // hsv
  ];
}

/** All 32-bit words that are instructions of the listed extensions. */
export const LISTED: readonly Cube[] = [...integer(), ...atomic(), ...float(), ...system()];

/**
 * Whether a 16-bit word is an instruction of C for RV64 with D, by its quadrant (Unprivileged 20240411, tables of §27.8):
 * all are, hints too, but for the reserved places named here.
 */
export function isListedShort(halfword: number): boolean {
  const width = (halfword >>> 13) & 7;
  const destination = (halfword >>> 7) & 31;
  const twelve = (halfword >>> 12) & 1;
  const low = (halfword >>> 2) & 31;
  switch (halfword & 3) {
    case 0:
      return width !== 4 && !(width === 0 && (halfword & 0x1fe0) === 0); // the place of Zcb; c.addi4spn of 0, all zeros
    case 1:
      if (width === 1) return destination !== 0; // c.addiw
      if (width === 3) return twelve !== 0 || low !== 0; // c.lui and c.addi16sp of 0
      // Between c.addw and c.andi two places are free.
      return !(width === 4 && (halfword & 0x1c00) === 0x1c00 && ((halfword >>> 6) & 1) === 1);
    case 2:
      if (width === 2 || width === 3) return destination !== 0; // c.lwsp, c.ldsp
      return !(width === 4 && twelve === 0 && low === 0 && destination === 0); // c.jr
    default:
      return false;
  }
}
