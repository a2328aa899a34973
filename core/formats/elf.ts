/**
 * ELF executables for a RISC-V guest: what a loader needs (segments, entry) and the symbols that an
 * inspector shows. Reads 64-bit little-endian EM_RISCV files of type ET_EXEC or ET_DYN.
 * Left out: relocations (an ET_DYN file is taken at the physical addresses it states, or moved as a whole where the
 * caller asks for it), dynamic linking (refused by name), notes, debug sections, archives and 32-bit files.
 * Standard: System V ABI gabi 4.3 draft, chapters 4 and 5; RISC-V ELF psABI 1.0, "File Header".
 */
import { err, ok, type Result } from '../base/result.ts';

/** A part of the file that goes into memory (PT_LOAD). */
export interface ElfSegment {
  /** Where the bytes go. Unit: byte of guest physical space, below 2^41 (Sv39x4). */
  readonly physicalAddress: number;
  /** Where the program expects them once paging is on. Unsigned 64 bits. */
  readonly virtualAddress: bigint;
  /** The bytes of the file: a view, not a copy. The rest up to `memorySize` is zeroes. */
  readonly bytes: Uint8Array;
  /** Bytes taken in memory, at least `bytes.length`. */
  readonly memorySize: number;
  /** PF_X 1, PF_W 2, PF_R 4. */
  readonly flags: number;
}

/** A named address. */
export interface ElfSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: number;
}

/** What a loader needs of an executable. */
export interface ElfImage {
  readonly name: string;
  /** Guest physical address of the first instruction, through the segment that holds e_entry. */
  readonly entry: number;
  /** Ascending by physical address, none overlapping, at least one. */
  readonly segments: readonly ElfSegment[];
  /** Functions and objects, ascending by address; empty when the file was stripped. */
  readonly symbols: readonly ElfSymbol[];
  /** EF_RISCV_RVC: the program may contain 16-bit instructions. */
  readonly usesCompressed: boolean;
  /** EF_RISCV_FLOAT_ABI: what the program passes floating point values in. */
  readonly floatAbi: 'soft' | 'single' | 'double' | 'quad';
}

/** Why a file is no loadable executable. All offsets are in bytes from the file's start. */
export type ElfError = { readonly name: string } & (
  | { readonly kind: 'truncated'; readonly part: string; readonly needs: number; readonly has: number }
  | { readonly kind: 'not-elf'; readonly found: readonly number[] }
  | { readonly kind: 'not-64-bit'; readonly found: number }
  | { readonly kind: 'big-endian' }
  | { readonly kind: 'bad-byte-order'; readonly found: number }
  | { readonly kind: 'bad-version'; readonly found: number; readonly offset: number }
  | { readonly kind: 'other-machine'; readonly machine: number }
  | { readonly kind: 'not-executable'; readonly type: number }
  | { readonly kind: 'needs-interpreter'; readonly header: number }
  | { readonly kind: 'bad-header-size'; readonly table: string; readonly found: number }
  | { readonly kind: 'too-many'; readonly what: string; readonly found: number; readonly maximum: number }
  | { readonly kind: 'no-loadable-segment'; readonly headers: number }
  | { readonly kind: 'segment-file-exceeds-memory'; readonly segment: number; readonly fileSize: number; readonly memorySize: number }
  | { readonly kind: 'address-out-of-range'; readonly what: string; readonly found: string }
  | { readonly kind: 'overlapping-segments'; readonly first: number; readonly second: number; readonly address: number }
  | { readonly kind: 'entry-outside-segments'; readonly entry: string }
);

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
/** Linkers write a dozen program headers at most; more is a damaged count. */
const PROGRAM_HEADERS_MAX = 256;
/** A kernel with debug sections has under a hundred; more is a damaged count. */
const SECTION_HEADERS_MAX = 4096;
/** Symbols kept for the inspector; a Linux kernel has about 200,000. */
const SYMBOLS_MAX = 1_000_000;
/** Sv39x4 maps 41 bits of guest physical address. */
const PHYSICAL_ADDRESS_LIMIT = 2 ** 41;
const EM_RISCV = 243;
const ET_DYN = 3;
const PT_LOAD = 1;
const PT_INTERP = 3;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;

/** Machines that a person is likely to hand over by mistake (gabi, e_machine). */
const MACHINES: Readonly<Record<number, string>> = {
  0: 'no machine',
  2: 'SPARC',
  3: 'x86 (32-bit)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC 64',
  22: 's390',
  40: 'ARM (32-bit)',
  43: 'SPARC v9',
  50: 'IA-64',
  62: 'x86-64',
  94: 'Xtensa',
  183: 'AArch64',
  247: 'BPF',
  258: 'LoongArch',
};

const TYPES: Readonly<Record<number, string>> = {
  0: 'no type',
  1: 'a relocatable object',
  4: 'a core file',
};

const FLOAT_ABIS = ['soft', 'single', 'double', 'quad'] as const;

interface Reader {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function hexadecimal(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function truncated(reader: Reader, part: string, needs: number): { ok: false; error: ElfError } {
  const { name, bytes } = reader;
  return err({ kind: 'truncated', name, part, needs, has: bytes.length });
}

/** A 64-bit field as a number; fields at or above 2^53 become 2^53, which no bound check passes. */
function readOffset(reader: Reader, offset: number): number {
  const low = reader.view.getUint32(offset, true);
  const high = reader.view.getUint32(offset + 4, true);
  return high >= 0x20_0000 ? Number.MAX_SAFE_INTEGER + 1 : high * 0x1_0000_0000 + low;
}

/** The identification and the machine: everything that makes the rest readable. */
function checkHeader(reader: Reader): Result<undefined, ElfError> {
  const { bytes, view, name } = reader;
  const magic = [0x7f, 0x45, 0x4c, 0x46];
  const shared = Math.min(4, bytes.length);
  if (shared === 0) return err({ kind: 'not-elf', name, found: [] });
  for (let index = 0; index < shared; index++) {
    if (bytes[index] !== magic[index]) {
      return err({ kind: 'not-elf', name, found: [...bytes.subarray(0, 4)] });
    }
  }
  if (bytes.length < 20) return truncated(reader, 'the file header', HEADER_SIZE);
  if (bytes[4] !== 2) return err({ kind: 'not-64-bit', name, found: bytes[4] ?? 0 });
  if (bytes[5] === 2) return err({ kind: 'big-endian', name });
  if (bytes[5] !== 1) return err({ kind: 'bad-byte-order', name, found: bytes[5] ?? 0 });
  const machine = view.getUint16(18, true);
  if (machine !== EM_RISCV) return err({ kind: 'other-machine', name, machine });
  if (bytes.length < HEADER_SIZE) return truncated(reader, 'the file header', HEADER_SIZE);
  if (bytes[6] !== 1) return err({ kind: 'bad-version', name, found: bytes[6] ?? 0, offset: 6 });
  const version = view.getUint32(20, true);
  if (version !== 1) return err({ kind: 'bad-version', name, found: version, offset: 20 });
  const type = view.getUint16(16, true);
  if (type !== 2 && type !== ET_DYN) return err({ kind: 'not-executable', name, type });
  return ok(undefined);
}

interface ProgramHeader extends ElfSegment {
  readonly index: number;
}

function parseSegment(reader: Reader, index: number, at: number): Result<ProgramHeader, ElfError> {
  const { name, bytes, view } = reader;
  const offset = readOffset(reader, at + 8);
  const physicalAddress = readOffset(reader, at + 24);
  const fileSize = readOffset(reader, at + 32);
  const memorySize = readOffset(reader, at + 40);
  if (offset + fileSize > bytes.length) {
    return truncated(reader, `segment ${index}`, offset + fileSize);
  }
  if (fileSize > memorySize) {
    return err({ kind: 'segment-file-exceeds-memory', name, segment: index, fileSize, memorySize });
  }
  if (physicalAddress + memorySize > PHYSICAL_ADDRESS_LIMIT) {
    const found = `${hexadecimal(view.getBigUint64(at + 24, true))} with ${memorySize} bytes`;
    return err({ kind: 'address-out-of-range', name, what: `segment ${index}`, found });
  }
  return ok({
    index,
    physicalAddress,
    virtualAddress: view.getBigUint64(at + 16, true),
    bytes: bytes.subarray(offset, offset + fileSize),
    memorySize,
    flags: view.getUint32(at + 4, true),
  });
}

function parseProgramHeaders(reader: Reader): Result<ProgramHeader[], ElfError> {
  const { name, bytes, view } = reader;
  const table = readOffset(reader, 32);
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (count > PROGRAM_HEADERS_MAX) {
    return err({ kind: 'too-many', name, what: 'program headers', found: count, maximum: PROGRAM_HEADERS_MAX });
  }
  if (count > 0 && size !== PROGRAM_HEADER_SIZE) {
    return err({ kind: 'bad-header-size', name, table: 'program headers', found: size });
  }
  if (count > 0 && table + count * size > bytes.length) {
    return truncated(reader, 'the program headers', table + count * size);
  }
  const segments: ProgramHeader[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    const type = view.getUint32(at, true);
    if (type === PT_INTERP) return err({ kind: 'needs-interpreter', name, header: index });
    if (type !== PT_LOAD) continue;
    const segment = parseSegment(reader, index, at);
    if (!segment.ok) return segment;
    if (segment.value.memorySize > 0) segments.push(segment.value);
  }
  if (segments.length === 0) return err({ kind: 'no-loadable-segment', name, headers: count });
  segments.sort((a, b) => a.physicalAddress - b.physicalAddress || a.index - b.index);
  for (let index = 1; index < segments.length; index++) {
    const first = segments[index - 1];
    const second = segments[index];
    if (first === undefined || second === undefined) continue;
    if (first.physicalAddress + first.memorySize > second.physicalAddress) {
      const address = second.physicalAddress;
      return err({ kind: 'overlapping-segments', name, first: first.index, second: second.index, address });
    }
  }
  return ok(segments);
}

/** e_entry is a virtual address; the segment around it says which physical one that is. */
function findEntry(reader: Reader, segments: readonly ProgramHeader[]): Result<number, ElfError> {
  const entry = reader.view.getBigUint64(24, true);
  for (const segment of segments) {
    const offset = entry - segment.virtualAddress;
    if (offset >= 0n && offset < BigInt(segment.memorySize)) {
      return ok(segment.physicalAddress + Number(offset));
    }
  }
  return err({ kind: 'entry-outside-segments', name: reader.name, entry: hexadecimal(entry) });
}

function readName(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let index = start; index < end && index < start + 256; index++) {
    const unit = bytes[index] ?? 0;
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

function parseSections(reader: Reader): Result<Section[], ElfError> {
  const { name, bytes, view } = reader;
  const table = readOffset(reader, 40);
  const size = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  if (table === 0 || count === 0) return ok([]);
  if (count > SECTION_HEADERS_MAX) {
    return err({ kind: 'too-many', name, what: 'section headers', found: count, maximum: SECTION_HEADERS_MAX });
  }
  if (size !== SECTION_HEADER_SIZE) {
    return err({ kind: 'bad-header-size', name, table: 'section headers', found: size });
  }
  if (table + count * size > bytes.length) {
    return truncated(reader, 'the section headers', table + count * size);
  }
  const sections: Section[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    const type = view.getUint32(at + 4, true);
    const offset = readOffset(reader, at + 24);
    const length = readOffset(reader, at + 32);
    const link = view.getUint32(at + 40, true);
    if (type !== 0 && type !== SHT_NOBITS && offset + length > bytes.length) {
      return truncated(reader, `section ${index}`, offset + length);
    }
    sections.push({ type, offset, size: length, link });
  }
  return ok(sections);
}

function parseSymbols(reader: Reader): Result<ElfSymbol[], ElfError> {
  const sections = parseSections(reader);
  if (!sections.ok) return sections;
  const table = sections.value.find((section) => section.type === SHT_SYMTAB);
  const names = table && sections.value[table.link];
  if (table === undefined || names === undefined || names.type === SHT_NOBITS) return ok([]);
  if (names.type === 0) return ok([]);
  const count = Math.floor(table.size / SYMBOL_SIZE);
  if (count > SYMBOLS_MAX) {
    return err({ kind: 'too-many', name: reader.name, what: 'symbols', found: count, maximum: SYMBOLS_MAX });
  }
  const symbols: ElfSymbol[] = [];
  for (let index = 1; index < count; index++) {
    const at = table.offset + index * SYMBOL_SIZE;
    const type = (reader.bytes[at + 4] ?? 0) & 15;
    const start = reader.view.getUint32(at, true);
    // STT_NOTYPE (labels of assembly), STT_OBJECT, STT_FUNC; not sections, files or undefined ones.
    if (type > 2 || start === 0 || reader.view.getUint16(at + 6, true) === 0) continue;
    const name = readName(reader.bytes, names.offset + start, names.offset + names.size);
    // '$x…' are the assembler's mapping symbols, not names (RISC-V ELF psABI, "Mapping Symbol").
    if (name === '' || name.startsWith('$')) continue;
    symbols.push({ name, address: reader.view.getBigUint64(at + 8, true), size: readOffset(reader, at + 16) });
  }
  symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return ok(symbols);
}

/**
 * Reads an executable. `name` is what the file is called, for sentences. Segments are views into
 * `bytes`. Never throws; time is linear in the size of the file. `base`: where a file of type ET_DYN that begins at
 * address 0 is to lie (firmware that relocates itself is linked so).
 */
export function parseElf(
  bytes: Uint8Array,
  options: { readonly name: string; readonly base?: number },
): Result<ElfImage, ElfError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader: Reader = { name: options.name, bytes, view };
  const header = checkHeader(reader);
  if (!header.ok) return header;
  const segments = parseProgramHeaders(reader);
  if (!segments.ok) return segments;
  const entry = findEntry(reader, segments.value);
  if (!entry.ok) return entry;
  const symbols = parseSymbols(reader);
  if (!symbols.ok) return symbols;
  const flags = view.getUint32(48, true);
  const isMovable = view.getUint16(16, true) === ET_DYN && segments.value[0]?.physicalAddress === 0;
  const base = isMovable ? (options.base ?? 0) : 0;
  const moved = ({ index: _index, ...segment }: ProgramHeader) => ({
    ...segment,
    physicalAddress: segment.physicalAddress + base,
    virtualAddress: segment.virtualAddress + BigInt(base),
  });
  return ok({
    name: options.name,
    entry: entry.value + base,
    segments: segments.value.map(moved),
    symbols: base === 0 ? symbols.value : symbols.value.map((it) => ({ ...it, address: it.address + BigInt(base) })),
    usesCompressed: (flags & 1) !== 0,
    floatAbi: FLOAT_ABIS[(flags >>> 1) & 3] ?? 'soft',
  });
}

/** One sentence: what was expected, what was found, where. */
export function renderElfError(error: ElfError): string {
  const file = error.name;
  switch (error.kind) {
    case 'truncated':
      return error.needs > Number.MAX_SAFE_INTEGER
        ? `${file}: ${error.part} lies beyond any file (this one has ${error.has} bytes); the file is damaged.`
        : `${file}: the file is truncated: ${error.part} should reach to byte ${error.needs}, the file has ${error.has} bytes.`;
    case 'not-elf':
      return error.found.length === 0
        ? `${file}: the file is empty; expected an ELF executable for RISC-V.`
        : `${file}: not an ELF file: expected the bytes 7f 45 4c 46 at offset 0, found ${error.found
            .map((byte) => byte.toString(16).padStart(2, '0'))
            .join(' ')}.`;
    case 'not-64-bit':
      return error.found === 1
        ? `${file}: a 32-bit ELF file (class 1 at offset 4); expected 64-bit (ELFCLASS64) for an RV64 guest.`
        : `${file}: expected ELF class 2 (64-bit) at offset 4, found ${error.found}.`;
    case 'big-endian':
      return `${file}: a big-endian ELF file (byte order 2 at offset 5); expected little-endian RISC-V.`;
    case 'bad-byte-order':
      return `${file}: expected byte order 1 (little-endian) at offset 5, found ${error.found}.`;
    case 'bad-version':
      return `${file}: expected ELF version 1 at offset ${error.offset}, found ${error.found}.`;
    case 'other-machine':
      return `${file}: an ELF file for ${MACHINES[error.machine] ?? `machine ${error.machine}`} (e_machine ${error.machine} at offset 18); expected RISC-V (243).`;
    case 'not-executable':
      return `${file}: ${TYPES[error.type] ?? `ELF type ${error.type}`}, not an executable (e_type ${error.type} at offset 16); link it first.`;
    case 'needs-interpreter':
      return `${file}: a dynamically linked program (PT_INTERP in program header ${error.header}); expected a kernel or a bare-metal program that stands alone.`;
    case 'bad-header-size': {
      const [expected, offset] = error.table === 'program headers' ? [PROGRAM_HEADER_SIZE, 54] : [SECTION_HEADER_SIZE, 58];
      return `${file}: an entry of the ${error.table} has ${error.found} bytes (at offset ${offset}), expected ${expected}.`;
    }
    case 'too-many':
      return `${file}: ${error.found} ${error.what}, at most ${error.maximum} are read; the file is damaged.`;
    case 'no-loadable-segment':
      return `${file}: nothing to load: none of the ${error.headers} program headers is PT_LOAD with a size.`;
    case 'segment-file-exceeds-memory':
      return `${file}: segment ${error.segment} has ${error.fileSize} bytes in the file but room for ${error.memorySize} in memory.`;
    case 'address-out-of-range':
      return `${file}: ${error.what} lies at ${error.found}, beyond the 41-bit guest physical space.`;
    case 'overlapping-segments':
      return `${file}: segments ${error.first} and ${error.second} overlap at physical address ${hexadecimal(error.address)}.`;
    case 'entry-outside-segments':
      return `${file}: the entry point ${error.entry} (e_entry at offset 24) lies in no loadable segment.`;
  }
}
