/**
 * Compressed instructions, C for RV64: Zca and Zcd (Unprivileged ISA 20240411, chapter 27). A row
 * names the 32-bit instruction that it stands for, and its format says where operands lie. Hints
 * expand to instructions without effect; what is reserved is illegal. Left out: Zcb, Zcmp, Zcmt.
 */

/** Where a register stands: bits 11 … 7, bits 6 … 2, x8 … x15 in bits 9 … 7 or 4 … 2, or always the same. */
export type CompressedPlace = 'high' | 'low' | 'highShort' | 'lowShort' | number;

/** How operands lie in 16 bits. */
export interface CompressedFormat {
  /** Bit of the immediate in each of the bits 12 … 2; '-' for none. */
  readonly immediate: string;
  readonly isSigned: boolean;
  readonly rd: CompressedPlace;
  readonly rs1: CompressedPlace;
  readonly rs2: CompressedPlace;
}

// biome-ignore format: a row a line
export const COMPRESSED_FORMATS = {
  none:      { immediate: '- - - - - - - - - - -',     isSigned: false, rd: 0,           rs1: 0,           rs2: 0 },
  stackAddress: { immediate: '5 4 9 8 7 6 2 3 - - -',  isSigned: false, rd: 'lowShort',  rs1: 2,           rs2: 0 },
  loadW:     { immediate: '5 4 3 - - - 2 6 - - -',     isSigned: false, rd: 'lowShort',  rs1: 'highShort', rs2: 0 },
  loadD:     { immediate: '5 4 3 - - - 7 6 - - -',     isSigned: false, rd: 'lowShort',  rs1: 'highShort', rs2: 0 },
  storeW:    { immediate: '5 4 3 - - - 2 6 - - -',     isSigned: false, rd: 0,           rs1: 'highShort', rs2: 'lowShort' },
  storeD:    { immediate: '5 4 3 - - - 7 6 - - -',     isSigned: false, rd: 0,           rs1: 'highShort', rs2: 'lowShort' },
  immediate: { immediate: '5 - - - - - 4 3 2 1 0',     isSigned: true,  rd: 'high',      rs1: 'high',      rs2: 0 },
  constant:  { immediate: '5 - - - - - 4 3 2 1 0',     isSigned: true,  rd: 'high',      rs1: 0,           rs2: 0 },
  upper:     { immediate: '17 - - - - - 16 15 14 13 12', isSigned: true, rd: 'high',     rs1: 0,           rs2: 0 },
  stackStep: { immediate: '9 - - - - - 4 6 8 7 5',     isSigned: true,  rd: 2,           rs1: 2,           rs2: 0 },
  shift:     { immediate: '5 - - - - - 4 3 2 1 0',     isSigned: false, rd: 'high',      rs1: 'high',      rs2: 0 },
  shortShift: { immediate: '5 - - - - - 4 3 2 1 0',    isSigned: false, rd: 'highShort', rs1: 'highShort', rs2: 0 },
  shortImmediate: { immediate: '5 - - - - - 4 3 2 1 0', isSigned: true, rd: 'highShort', rs1: 'highShort', rs2: 0 },
  shortRegisters: { immediate: '- - - - - - - - - - -', isSigned: false, rd: 'highShort', rs1: 'highShort', rs2: 'lowShort' },
  jump:      { immediate: '11 4 9 8 10 6 7 3 2 1 5',   isSigned: true,  rd: 0,           rs1: 0,           rs2: 0 },
  branch:    { immediate: '8 4 3 - - - 7 6 2 1 5',     isSigned: true,  rd: 0,           rs1: 'highShort', rs2: 0 },
  stackLoadW: { immediate: '5 - - - - - 4 3 2 7 6',    isSigned: false, rd: 'high',      rs1: 2,           rs2: 0 },
  stackLoadD: { immediate: '5 - - - - - 4 3 8 7 6',    isSigned: false, rd: 'high',      rs1: 2,           rs2: 0 },
  stackStoreW: { immediate: '5 4 3 2 7 6 - - - - -',   isSigned: false, rd: 0,           rs1: 2,           rs2: 'low' },
  stackStoreD: { immediate: '5 4 3 8 7 6 - - - - -',   isSigned: false, rd: 0,           rs1: 2,           rs2: 'low' },
  jumpRegister: { immediate: '- - - - - - - - - - -',  isSigned: false, rd: 0,           rs1: 'high',      rs2: 0 },
  linkRegister: { immediate: '- - - - - - - - - - -',  isSigned: false, rd: 1,           rs1: 'high',      rs2: 0 },
  move:      { immediate: '- - - - - - - - - - -',     isSigned: false, rd: 'high',      rs1: 0,           rs2: 'low' },
  registers: { immediate: '- - - - - - - - - - -',     isSigned: false, rd: 'high',      rs1: 'high',      rs2: 'low' },
} as const satisfies Record<string, CompressedFormat>;

/** What a word of a row must not have; it is reserved then, or another row's. */
export type CompressedException = 'rd = 0' | 'rd = 2' | 'rs1 = 0' | 'rs2 = 0' | 'immediate = 0';

/** One instruction of 16 bits. `(word & mask) === match` and no exception decodes it. */
export interface CompressedRow {
  readonly name: string;
  readonly format: keyof typeof COMPRESSED_FORMATS;
  readonly match: number; // unsigned 16-bit
  readonly mask: number; //  unsigned 16-bit
  /** Name of the 32-bit instruction with the same effect. */
  readonly expands: string;
  readonly except: readonly CompressedException[];
  readonly section: string;
}

// biome-ignore format: a row a line
export const COMPRESSED = [
  { name: 'c.addi4spn', format: 'stackAddress',   match: 0x0000, mask: 0xe003, expands: 'addi',   except: ['immediate = 0'],           section: 'Unprivileged 20240411 §27.5.1' },
  { name: 'c.fld',      format: 'loadD',          match: 0x2000, mask: 0xe003, expands: 'fld',    except: [],                          section: 'Unprivileged 20240411 §27.3.2' },
  { name: 'c.lw',       format: 'loadW',          match: 0x4000, mask: 0xe003, expands: 'lw',     except: [],                          section: 'Unprivileged 20240411 §27.3.2' },
  { name: 'c.ld',       format: 'loadD',          match: 0x6000, mask: 0xe003, expands: 'ld',     except: [],                          section: 'Unprivileged 20240411 §27.3.2' },
  { name: 'c.fsd',      format: 'storeD',         match: 0xa000, mask: 0xe003, expands: 'fsd',    except: [],                          section: 'Unprivileged 20240411 §27.3.2' },
  { name: 'c.sw',       format: 'storeW',         match: 0xc000, mask: 0xe003, expands: 'sw',     except: [],                          section: 'Unprivileged 20240411 §27.3.2' },
  { name: 'c.sd',       format: 'storeD',         match: 0xe000, mask: 0xe003, expands: 'sd',     except: [],                          section: 'Unprivileged 20240411 §27.3.2' },
  { name: 'c.nop',      format: 'immediate',      match: 0x0001, mask: 0xef83, expands: 'addi',   except: [],                          section: 'Unprivileged 20240411 §27.5.5' },
  { name: 'c.addi',     format: 'immediate',      match: 0x0001, mask: 0xe003, expands: 'addi',   except: ['rd = 0'],                  section: 'Unprivileged 20240411 §27.5.2' },
  { name: 'c.addiw',    format: 'immediate',      match: 0x2001, mask: 0xe003, expands: 'addiw',  except: ['rd = 0'],                  section: 'Unprivileged 20240411 §27.5.2' },
  { name: 'c.li',       format: 'constant',       match: 0x4001, mask: 0xe003, expands: 'addi',   except: [],                          section: 'Unprivileged 20240411 §27.5.1' },
  { name: 'c.addi16sp', format: 'stackStep',      match: 0x6101, mask: 0xef83, expands: 'addi',   except: ['immediate = 0'],           section: 'Unprivileged 20240411 §27.5.2' },
  { name: 'c.lui',      format: 'upper',          match: 0x6001, mask: 0xe003, expands: 'lui',    except: ['rd = 2', 'immediate = 0'], section: 'Unprivileged 20240411 §27.5.1' },
  { name: 'c.srli',     format: 'shortShift',     match: 0x8001, mask: 0xec03, expands: 'srli',   except: [],                          section: 'Unprivileged 20240411 §27.5.2' },
  { name: 'c.srai',     format: 'shortShift',     match: 0x8401, mask: 0xec03, expands: 'srai',   except: [],                          section: 'Unprivileged 20240411 §27.5.2' },
  { name: 'c.andi',     format: 'shortImmediate', match: 0x8801, mask: 0xec03, expands: 'andi',   except: [],                          section: 'Unprivileged 20240411 §27.5.2' },
  { name: 'c.sub',      format: 'shortRegisters', match: 0x8c01, mask: 0xfc63, expands: 'sub',    except: [],                          section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.xor',      format: 'shortRegisters', match: 0x8c21, mask: 0xfc63, expands: 'xor',    except: [],                          section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.or',       format: 'shortRegisters', match: 0x8c41, mask: 0xfc63, expands: 'or',     except: [],                          section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.and',      format: 'shortRegisters', match: 0x8c61, mask: 0xfc63, expands: 'and',    except: [],                          section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.subw',     format: 'shortRegisters', match: 0x9c01, mask: 0xfc63, expands: 'subw',   except: [],                          section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.addw',     format: 'shortRegisters', match: 0x9c21, mask: 0xfc63, expands: 'addw',   except: [],                          section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.j',        format: 'jump',           match: 0xa001, mask: 0xe003, expands: 'jal',    except: [],                          section: 'Unprivileged 20240411 §27.4' },
  { name: 'c.beqz',     format: 'branch',         match: 0xc001, mask: 0xe003, expands: 'beq',    except: [],                          section: 'Unprivileged 20240411 §27.4' },
  { name: 'c.bnez',     format: 'branch',         match: 0xe001, mask: 0xe003, expands: 'bne',    except: [],                          section: 'Unprivileged 20240411 §27.4' },
  { name: 'c.slli',     format: 'shift',          match: 0x0002, mask: 0xe003, expands: 'slli',   except: [],                          section: 'Unprivileged 20240411 §27.5.2' },
  { name: 'c.fldsp',    format: 'stackLoadD',     match: 0x2002, mask: 0xe003, expands: 'fld',    except: [],                          section: 'Unprivileged 20240411 §27.3.1' },
  { name: 'c.lwsp',     format: 'stackLoadW',     match: 0x4002, mask: 0xe003, expands: 'lw',     except: ['rd = 0'],                  section: 'Unprivileged 20240411 §27.3.1' },
  { name: 'c.ldsp',     format: 'stackLoadD',     match: 0x6002, mask: 0xe003, expands: 'ld',     except: ['rd = 0'],                  section: 'Unprivileged 20240411 §27.3.1' },
  { name: 'c.jr',       format: 'jumpRegister',   match: 0x8002, mask: 0xf07f, expands: 'jalr',   except: ['rs1 = 0'],                 section: 'Unprivileged 20240411 §27.4' },
  { name: 'c.mv',       format: 'move',           match: 0x8002, mask: 0xf003, expands: 'add',    except: ['rs2 = 0'],                 section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.ebreak',   format: 'none',           match: 0x9002, mask: 0xffff, expands: 'ebreak', except: [],                          section: 'Unprivileged 20240411 §27.5.6' },
  { name: 'c.jalr',     format: 'linkRegister',   match: 0x9002, mask: 0xf07f, expands: 'jalr',   except: ['rs1 = 0'],                 section: 'Unprivileged 20240411 §27.4' },
  { name: 'c.add',      format: 'registers',      match: 0x9002, mask: 0xf003, expands: 'add',    except: ['rs2 = 0'],                 section: 'Unprivileged 20240411 §27.5.3' },
  { name: 'c.fsdsp',    format: 'stackStoreD',    match: 0xa002, mask: 0xe003, expands: 'fsd',    except: [],                          section: 'Unprivileged 20240411 §27.3.1' },
  { name: 'c.swsp',     format: 'stackStoreW',    match: 0xc002, mask: 0xe003, expands: 'sw',     except: [],                          section: 'Unprivileged 20240411 §27.3.1' },
  { name: 'c.sdsp',     format: 'stackStoreD',    match: 0xe002, mask: 0xe003, expands: 'sd',     except: [],                          section: 'Unprivileged 20240411 §27.3.1' },
] as const satisfies readonly CompressedRow[];
