/**
 * Random programs from the instruction table, for tests that compare two executions. A program
 * always ends: branches go forward, but for loops counted down in x31, and execution leaves at
 * `origin + 4 × words.length`, where the caller puts what it likes. Addresses of loads, stores and
 * atomics stay in the given windows, unless `wild` says otherwise.
 *
 * Registers: x8 x9 x18 x19 point into the windows and are never written; x30 holds computed
 * addresses, x31 counts loops; all others are data. Left out: sret, mret, wfi, jumps out of the
 * program, code that changes itself. With float rows sstatus.FS must not be Off, and a program is
 * longer: it starts with moves into float registers and ends with stores of them.
 */
import { assert, nextBelow, nextUint32, type Prng } from '../base/index.ts';
import { compress } from './compressed.ts';
import type { Operands } from './decode.ts';
import { decode } from './decode.ts';
import { drawCompressed, drawShortBranch, drawStackAccess } from './random-compressed.ts';
import { randomFloat } from './random-float.ts';
import { encode, IMMEDIATE_RANGES } from './encode.ts';
import { getProfile, INSTRUCTIONS, type Row } from './table/index.ts';
import type { Extension } from './table/row.ts';

/** Families of instruction groups that a program is drawn from. */
export type RandomFamily =
  | 'compute'
  | 'load'
  | 'store'
  | 'atomic'
  | 'reserve'
  | 'branch'
  | 'jump'
  | 'loop'
  | 'fence'
  | 'csr'
  | 'cacheBlock'
  | 'float'
  | 'floatMemory'
  | 'compressed'
  | 'illegal'
  | 'environment'
  | 'wild';

/** A stretch of memory that a program may read and write. */
export interface RandomWindow {
  readonly address: bigint; // multiple of 8
  readonly byteCount: number; // at least 64
}

/** What to draw. */
export interface RandomProgramOptions {
  readonly prng: Prng;
  readonly origin: bigint; //                  multiple of 4
  readonly instructionCount: number; //        at least 1; the program is at most 5 longer
  readonly windows: readonly RandomWindow[]; // 1 … 4
  /**
   * Chances relative to each other; families not named keep {@link DEFAULT_WEIGHTS}. illegal,
   * environment (ecall and ebreak) and wild (loads, stores, atomics and misaligned jumps at any
   * address) trap, so they are 0 there.
   */
  readonly weights?: Partial<Readonly<Record<RandomFamily, number>>>;
  /**
   * CSRs that csr instructions name; none: no csr instructions. Choose ones whose writes harm
   * nothing.
   */
  readonly csrs?: readonly number[];
  /** Whether loads and stores may be misaligned (default true). */
  readonly misaligned?: boolean;
  /**
   * Whether sc may stand without its lr before it (default true; QEMU compares values instead of
   * keeping a reservation).
   */
  readonly loneStoreConditional?: boolean;
  /** Extensions whose rows may be drawn (default: those of the profile rv64ima). */
  readonly extensions?: readonly Extension[];
  /** Names of rows that may not. */
  readonly without?: readonly string[];
}

/** A drawn program. */
export interface RandomProgram {
  readonly origin: bigint;
  readonly words: Uint32Array;
  /** Values of x0 … x31 to start with, unsigned 64-bit. */
  readonly registers: readonly bigint[];
}

/** Chances of the families where the options do not say. */
// biome-ignore format: a row a line
export const DEFAULT_WEIGHTS: Readonly<Record<RandomFamily, number>> = {
  compute: 50, load: 12, store: 12, atomic: 6, reserve: 3, branch: 8, jump: 3, loop: 1, fence: 1,
  csr: 3, illegal: 0, cacheBlock: 1,
  float: 40, floatMemory: 8, compressed: 40, environment: 0, wild: 0,
};

/**
 * CSRs of VS mode whose writes change nothing else: sscratch, scause, stval, scounteren, senvcfg.
 */
export const HARMLESS_CSRS: readonly number[] = [0x140, 0x142, 0x143, 0x106, 0x10a];

const POINTERS = [8, 9, 18, 19] as const;
const ADDRESS = 30;
const COUNTER = 31;
const DATA = Array.from({ length: 30 }, (_, index) => index).filter(
  (index) => !POINTERS.some((pointer) => pointer === index),
);
/** Rows by what they are drawn for. */
type RowsByFamily = ReturnType<typeof rowsByFamily>;

function rowsByFamily({ extensions, without }: RandomProgramOptions) {
  const allowed = extensions ?? getProfile('rv64ima').extensions;
  const rows = INSTRUCTIONS.filter(
    (row) => allowed.includes(row.extension) && !without?.includes(row.name),
  );
  const having = (kind: Row['effect']['kind']) => rows.filter((row) => row.effect.kind === kind);
  return {
    compute: having('write'),
    load: having('load'),
    store: having('store'),
    atomic: having('atomic'),
    loadReserved: having('loadReserved'),
    storeConditional: having('storeConditional'),
    branch: having('branch'),
    fence: having('nothing'),
    csr: rows.filter((row) => row.extension === 'Zicsr'),
    cacheBlock: rows.filter((row) => row.format === 'cacheBlock'),
    float: having('float'),
    loadFloat: having('loadFloat'),
    storeFloat: having('storeFloat'),
  };
}

/** One instruction of a group; `skip` groups ahead is where a branch or jump goes. */
interface Draft {
  readonly row: Row;
  readonly operands: Partial<Operands>;
  /** Target in groups relative to this one (0: this group's first instruction). */
  readonly target?: number;
  /** For jalr: distance in bytes from this instruction back to its auipc. */
  readonly back?: number;
  /** A word to use as it is (illegal ones). */
  readonly raw?: number;
  /** The 16-bit instruction that stands for it. */
  readonly short?: number;
  /** Whether it is not to become a 16-bit one. */
  readonly isLong?: boolean;
}

/** Instructions that are entered only at the first one. */
type Group = readonly Draft[];

interface Pointer {
  readonly register: number;
  readonly value: bigint;
  readonly before: number; // bytes of the window below the value
  readonly after: number; //  bytes from the value to the end
}

interface Drawing {
  readonly options: RandomProgramOptions;
  readonly rows: RowsByFamily;
  readonly prng: Prng;
  readonly pointers: readonly Pointer[];
}

function getRow(name: string): Row {
  const row = INSTRUCTIONS.find((each) => each.name === name);
  assert(row !== undefined, `the table has a row ${name}`);
  return row;
}

const ADDI = getRow('addi');
const ANDI = getRow('andi');
const ADD = getRow('add');
const AUIPC = getRow('auipc');
const JAL = getRow('jal');
const JALR = getRow('jalr');
const BLT = getRow('blt');
const ECALL = getRow('ecall');
const EBREAK = getRow('ebreak');
const CSRRWI = getRow('csrrwi');
const CSRRS = getRow('csrrs');
const FMV_D_X = getRow('fmv.d.x');
const FSD = getRow('fsd');
const FCSR = 3;
const FRM = 2;

function pick<T>(prng: Prng, from: readonly T[]): T {
  const chosen = from[nextBelow(prng, from.length)];
  assert(chosen !== undefined, 'a choice is made from a list that is not empty');
  return chosen;
}

const chance = (prng: Prng, percent: number): boolean => nextBelow(prng, 100) < percent;
const destination = (prng: Prng): number => pick(prng, DATA);
const source = (prng: Prng): number => nextBelow(prng, 32);

/** A 64-bit value, often one at which something overflows. */
export function randomValue(prng: Prng): bigint {
  const random = (BigInt(nextUint32(prng)) << 32n) | BigInt(nextUint32(prng));
  const bits = BigInt(nextBelow(prng, 64));
  switch (nextBelow(prng, 6)) {
    case 0:
      return random;
    case 1:
      return BigInt.asUintN(64, BigInt.asIntN(32, random));
    case 2:
      return 1n << bits;
    case 3:
      return BigInt.asUintN(64, -1n << bits);
    case 4:
      return (1n << bits) - 1n;
    default:
      return BigInt.asUintN(64, BigInt(nextBelow(prng, 9)) - 4n);
  }
}

function randomImmediate(prng: Prng, row: Row): number {
  const range = IMMEDIATE_RANGES[row.format];
  if (range === undefined) return 0;
  const { minimum, maximum, multiple } = range;
  if (chance(prng, 25)) return pick(prng, [minimum, maximum, 0, multiple]);
  return minimum + multiple * nextBelow(prng, (maximum - minimum) / multiple + 1);
}

function randomOperands(prng: Prng, row: Row): Partial<Operands> {
  return {
    rd: destination(prng),
    rs1: source(prng),
    rs2: source(prng),
    immediate: randomImmediate(prng, row),
    aq: nextBelow(prng, 2),
    rl: nextBelow(prng, 2),
  };
}

const widthOf = (row: Row): number => ('byteCount' in row.effect ? row.effect.byteCount : 0);

/** Code that leaves an address of `width` bytes, inside a window, as base register and offset. */
function drawAddress(
  { options, prng, pointers }: Drawing,
  width: number,
  needs: { readonly aligned: boolean; readonly offset: boolean },
): { readonly code: Group; readonly base: number; readonly offset: number } {
  const pointer = pick(prng, pointers);
  const isAligned = needs.aligned || options.misaligned === false || chance(prng, 70);
  const step = isAligned ? width : 1;
  const lowest = -Math.min(pointer.before, 2048);
  const highest = Math.min(pointer.after - width, 2047);
  const draw = () => {
    const raw = lowest + nextBelow(prng, highest - lowest + 1);
    return Math.ceil(raw / step) * step <= highest ? Math.ceil(raw / step) * step : 0;
  };
  if (needs.offset && chance(prng, 60)) return { code: [], base: pointer.register, offset: draw() };
  if (chance(prng, 50)) {
    const code = [
      { row: ADDI, operands: { rd: ADDRESS, rs1: pointer.register, immediate: draw() } },
    ];
    return { code, base: ADDRESS, offset: 0 };
  }
  let mask = 1;
  while (mask * 2 + 1 <= highest) mask = mask * 2 + 1;
  const immediate = isAligned ? mask & ~(width - 1) : mask;
  const code = [
    { row: ANDI, operands: { rd: ADDRESS, rs1: source(prng), immediate } },
    { row: ADD, operands: { rd: ADDRESS, rs1: ADDRESS, rs2: pointer.register } },
  ];
  return { code, base: ADDRESS, offset: 0 };
}

function drawAccess(
  drawing: Drawing,
  family: 'load' | 'store' | 'atomic' | 'loadFloat' | 'storeFloat',
): Group {
  const { prng, rows } = drawing;
  const row = pick(prng, rows[family]);
  const isAtomic = family === 'atomic';
  const needs = { aligned: isAtomic, offset: !isAtomic };
  const { code, base, offset } = drawAddress(drawing, widthOf(row), needs);
  const operands = { ...randomOperands(prng, row), rs1: base, immediate: offset };
  return [...code, { row, operands }];
}

/** A float computation, at times after a write of frm, which stays legal. */
function drawFloat({ prng, rows }: Drawing): Group {
  const row = pick(prng, rows.float);
  const rm = pick(prng, [0, 1, 2, 3, 4, 7, 7, 7, 7]);
  const rd = row.registers?.[0] === 'f' ? nextBelow(prng, 32) : destination(prng);
  const compute = { row, operands: { ...randomOperands(prng, row), rd, rs3: source(prng), rm } };
  if (!chance(prng, 8)) return [compute];
  return [{ row: CSRRWI, operands: { csr: FRM, immediate: nextBelow(prng, 5) } }, compute];
}

/** Instructions of 16 bits: one by itself, an access by sp, or a branch. */
function drawCompressedGroup(drawing: Drawing): Group {
  const { prng, pointers } = drawing;
  const after = [8, 9].map((each) => pointers.find(({ register }) => register === each)!.after);
  const limits = { prng, data: DATA, after: [after[0]!, after[1]!] as const };
  if (chance(prng, 70)) return [drawCompressed(limits)];
  if (chance(prng, 50)) {
    const { code, base } = drawAddress(drawing, 8, { aligned: true, offset: false });
    return [...code, ...drawStackAccess(limits, base)];
  }
  return drawShortBranch(limits, DATA[4]!, drawCompute(drawing)[0]!);
}

/** At most half of what fits 16 bits gets them. */
function shorten({ prng, options }: Drawing, groups: readonly Group[]): readonly Group[] {
  if (!options.extensions?.includes('C')) return groups;
  const isPlain = ({ target, back, raw, isLong }: Draft) =>
    target === undefined && back === undefined && raw === undefined && !isLong;
  return groups.map((group) =>
    group.map((draft) => {
      if (draft.short !== undefined || !isPlain(draft) || chance(prng, 50)) return draft;
      const short = compress(draft.row, draft.operands);
      return short === undefined ? draft : { ...draft, short };
    }),
  );
}

/** Float registers from integer ones, so that a program starts with numbers. */
function drawFloatStart(): readonly Group[] {
  return DATA.slice(1, 25).map((register, index) => [
    { row: FMV_D_X, operands: { rd: index, rs1: register } },
  ]);
}

/** Puts some float registers into a window and fcsr into a register, where a comparison sees them. */
function drawFloatEnd({ pointers }: Drawing): readonly Group[] {
  const { register, before } = pointers[0]!;
  const stores = Array.from({ length: 16 }, (_, index) => [
    { row: FSD, operands: { rs1: register, rs2: 2 * index, immediate: 8 * index - Math.min(before, 96) } },
  ]);
  return [...stores, [{ row: CSRRS, operands: { rd: DATA[1]!, csr: FCSR } }]];
}

/** lr, some computing, sc on the same address; sometimes one half only. */
function drawReserve(drawing: Drawing): Group {
  const { prng, options, rows } = drawing;
  const lr = pick(prng, rows.loadReserved);
  const sc = rows.storeConditional.find((row) => widthOf(row) === widthOf(lr))!;
  const { code, base } = drawAddress(drawing, 8, { aligned: true, offset: false });
  const reserve = { row: lr, operands: { ...randomOperands(prng, lr), rs1: base } };
  const store = { row: sc, operands: { ...randomOperands(prng, sc), rs1: base } };
  if (options.loneStoreConditional !== false && chance(prng, 25)) {
    const other = pick(prng, rows.storeConditional);
    return [...code, { row: other, operands: { ...randomOperands(prng, other), rs1: base } }];
  }
  if (chance(prng, 15)) return [...code, reserve];
  const between = chance(prng, 50) ? drawCompute(drawing) : [];
  return [...code, reserve, ...between, store];
}

function drawCompute({ prng, rows }: Drawing): Group {
  const row = pick(prng, rows.compute);
  return [{ row, operands: randomOperands(prng, row) }];
}

function drawJump({ prng }: Drawing): Group {
  const target = 1 + nextBelow(prng, 6);
  if (chance(prng, 50)) return [{ row: JAL, operands: { rd: destination(prng) }, target }];
  return [
    { row: AUIPC, operands: { rd: ADDRESS, immediate: 0 } },
    { row: JALR, operands: { rd: destination(prng), rs1: ADDRESS }, target, back: 4 },
  ];
}

/** Sets the counter; the closing branch is a group of its own, `bodyCount` groups on. */
function drawLoop(drawing: Drawing): readonly Group[] {
  const { prng } = drawing;
  const bodyCount = 1 + nextBelow(prng, 4);
  const start: Group = [
    { row: ADDI, operands: { rd: COUNTER, immediate: 1 + nextBelow(prng, 6) } },
  ];
  const body = Array.from({ length: bodyCount }, () => drawCompute(drawing));
  const close: Group = [
    { row: ADDI, operands: { rd: COUNTER, rs1: COUNTER, immediate: -1 } },
    { row: BLT, operands: { rs1: 0, rs2: COUNTER }, target: -bodyCount },
  ];
  return [start, ...body, close];
}

function drawIllegal({ prng }: Drawing): Group {
  for (;;) {
    const raw = chance(prng, 80) ? (nextUint32(prng) | 3) >>> 0 : nextUint32(prng);
    if (decode(raw) === undefined) return [{ row: ADDI, operands: {}, raw }];
  }
}

/** An access at whatever address a register holds, or a jump to a misaligned target. */
function drawWild({ prng, rows }: Drawing): Group {
  const family = pick(prng, [
    'load',
    'store',
    'atomic',
    'loadReserved',
    'storeConditional',
    'jump',
  ] as const);
  if (family !== 'jump') {
    const row = pick(prng, rows[family]);
    return [{ row, operands: randomOperands(prng, row) }];
  }
  return [
    { row: AUIPC, operands: { rd: ADDRESS, immediate: 0 } },
    {
      row: JALR,
      operands: { rd: destination(prng), rs1: ADDRESS, immediate: 2 + nextBelow(prng, 2) },
    },
  ];
}

function drawCsr({ prng, options, rows }: Drawing): Group {
  const row = pick(prng, rows.csr);
  return [{ row, operands: { ...randomOperands(prng, row), csr: pick(prng, options.csrs ?? []) } }];
}

/** A cache-block operation anywhere in a window: blocks may reach beyond it, so zero is left out. */
function drawCacheBlock(drawing: Drawing): Group {
  const { prng, rows } = drawing;
  const row = pick(prng, rows.cacheBlock.filter((each) => each.name !== 'cbo.zero'));
  const { code, base } = drawAddress(drawing, 1, { aligned: false, offset: false });
  return [...code, { row, operands: { rs1: base } }];
}

function drawGroups(drawing: Drawing, family: RandomFamily): readonly Group[] {
  const { prng, rows } = drawing;
  switch (family) {
    case 'compute':
      return [drawCompute(drawing)];
    case 'load':
    case 'store':
    case 'atomic':
      return [drawAccess(drawing, family)];
    case 'reserve':
      return [drawReserve(drawing)];
    case 'branch': {
      const row = pick(prng, rows.branch);
      const operands = { rs1: source(prng), rs2: source(prng) };
      return [[{ row, operands, target: 1 + nextBelow(prng, 6) }]];
    }
    case 'jump':
      return [drawJump(drawing)];
    case 'loop':
      return drawLoop(drawing);
    case 'fence': {
      const row = pick(prng, rows.fence);
      return [
        [{ row, operands: { immediate: row.format === 'fence' ? nextBelow(prng, 256) : 0 } }],
      ];
    }
    case 'csr':
      return [drawCsr(drawing)];
    case 'cacheBlock':
      return [drawCacheBlock(drawing)];
    case 'float':
      return [drawFloat(drawing)];
    case 'compressed':
      return [drawCompressedGroup(drawing)];
    case 'floatMemory':
      return [drawAccess(drawing, chance(prng, 50) ? 'loadFloat' : 'storeFloat')];
    case 'illegal':
      return [drawIllegal(drawing)];
    case 'environment':
      return [[{ row: pick(prng, [ECALL, EBREAK]), operands: {} }]];
    case 'wild':
      return [drawWild(drawing)];
  }
}

function drawFamily({ options, prng, rows }: Drawing): RandomFamily {
  const weights = { ...DEFAULT_WEIGHTS, ...options.weights };
  if (rows.cacheBlock.length === 0) weights.cacheBlock = 0;
  if (!options.extensions?.includes('C')) weights.compressed = 0;
  if (rows.float.length === 0) {
    weights.float = 0;
    weights.floatMemory = 0;
  }
  if ((options.csrs ?? []).length === 0) weights.csr = 0;
  const families = Object.keys(DEFAULT_WEIGHTS) as RandomFamily[];
  const total = families.reduce((sum, family) => sum + weights[family], 0);
  let ticket = nextBelow(prng, total);
  for (const family of families) {
    ticket -= weights[family];
    if (ticket < 0) return family;
  }
  return 'compute';
}

/**
 * Words of the groups, targets resolved; a target beyond the last group is the end of the program.
 */
function layOut(groups: readonly Group[]): Uint32Array {
  const sizeOf = ({ short }: Draft) => (short === undefined ? 4 : 2);
  const starts: number[] = []; // in bytes
  let end = 0;
  for (const group of groups) {
    starts.push(end);
    for (const draft of group) end += sizeOf(draft);
  }
  const bytes = new DataView(new ArrayBuffer(Math.ceil(end / 4) * 4));
  groups.forEach((group, groupIndex) => {
    let at = starts[groupIndex]!;
    for (const draft of group) {
      let operands = draft.operands;
      if (draft.target !== undefined) {
        const target = starts[groupIndex + draft.target] ?? end;
        operands = { ...operands, immediate: target - at + (draft.back ?? 0) };
      }
      if (draft.short !== undefined) bytes.setUint16(at, draft.short, true);
      else bytes.setUint32(at, draft.raw ?? encode(draft.row, operands), true);
      at += sizeOf(draft);
    }
  });
  if (end % 4 === 2) bytes.setUint16(end, C_NOP, true);
  return new Uint32Array(bytes.buffer);
}

/** Fills the last word. */
const C_NOP = 0x0001;

function drawPointers(options: RandomProgramOptions): readonly Pointer[] {
  return POINTERS.map((register, index) => {
    const window = options.windows[index % options.windows.length];
    assert(window !== undefined, 'there is at least one window');
    const { address, byteCount } = window;
    assert(
      address % 8n === 0n && byteCount >= 64,
      'a window is aligned to 8 and has 64 bytes or more',
    );
    const before = 8 * nextBelow(options.prng, Math.floor((byteCount - 32) / 8));
    return { register, value: address + BigInt(before), before, after: byteCount - before };
  });
}

/** Draws a program. The same generator state and options give the same program. */
export function randomProgram(options: RandomProgramOptions): RandomProgram {
  const { prng, origin, instructionCount } = options;
  assert(origin % 4n === 0n, 'code starts at a multiple of 4');
  assert(instructionCount >= 1, 'a program has an instruction');
  const drawing = { options, prng, rows: rowsByFamily(options), pointers: drawPointers(options) };
  const hasFloat = drawing.rows.float.length > 0;
  const groups: Group[] = hasFloat ? [...drawFloatStart()] : [];
  let count = 0;
  while (count < instructionCount) {
    for (const group of drawGroups(drawing, drawFamily(drawing))) {
      groups.push(group);
      count += group.length;
    }
  }
  if (hasFloat) {
    assert(options.windows[0]!.byteCount >= 128, 'the first window has room for float registers');
    groups.push(...drawFloatEnd(drawing));
  }
  const value = () =>
    hasFloat && chance(prng, 80) ? randomFloat(prng, chance(prng, 50) ? 4 : 8) : randomValue(prng);
  const registers = Array.from({ length: 32 }, (_, index) => {
    if (index === 0 || index === COUNTER) return 0n;
    return (
      drawing.pointers.find((pointer) => pointer.register === index)?.value ?? value()
    );
  });
  return { origin, words: layOut(shorten(drawing, groups)), registers };
}

/**
 * Words of an S-mode trap handler that goes on after the instruction that trapped, for stvec, so
 * that programs with traps end too. It keeps all registers and overwrites sscratch and sepc.
 */
export const SKIP_HANDLER: readonly number[] = [
  encode(getRow('csrrw'), { csr: 0x140, rs1: ADDRESS }), //        csrw sscratch, x30
  encode(getRow('csrrs'), { rd: ADDRESS, csr: 0x141 }), //         csrr x30, sepc
  encode(ADDI, { rd: ADDRESS, rs1: ADDRESS, immediate: 4 }),
  encode(getRow('csrrw'), { csr: 0x141, rs1: ADDRESS }), //        csrw sepc, x30
  encode(getRow('csrrs'), { rd: ADDRESS, csr: 0x140 }), //         csrr x30, sscratch
  encode(getRow('sret'), {}),
];
