/**
 * Writes a minimal ELF64 executable for RISC-V from segments and symbols: what our assembler's output
 * needs to become a file that binutils, gdb and QEMU accept. One program header a segment; a symbol
 * table only when there are symbols. No relocations, no debug information.
 * Standard: as in elf.ts.
 */
import { assert } from '../base/assert.ts';

/** What goes into the file. Addresses in bytes; symbols are absolute. */
export interface ElfProgram {
  readonly entry: number;
  readonly segments: readonly {
    readonly physicalAddress: number;
    /** Equal to the physical address when not given. */
    readonly virtualAddress?: bigint;
    readonly bytes: Uint8Array;
    /** bytes.length when not given. */
    readonly memorySize?: number;
    /** PF_X 1, PF_W 2, PF_R 4; all three when not given. */
    readonly flags?: number;
  }[];
  readonly symbols?: readonly { readonly name: string; readonly address: number }[];
}

const SECTION_NAMES = ['', '.symtab', '.strtab', '.shstrtab'];

function textBytes(text: string): number[] {
  return [...text].map((character) => {
    const unit = character.codePointAt(0) ?? 0;
    assert(unit > 0 && unit < 128, 'a name in an ELF file is ASCII');
    return unit;
  });
}

interface Placed {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Names one after another, each ended by a zero; the offset of each. */
function stringTable(names: readonly string[]): { bytes: Uint8Array; offsets: number[] } {
  const units: number[] = [0];
  const offsets = names.map((name) => {
    if (name === '') return 0;
    const offset = units.length;
    units.push(...textBytes(name), 0);
    return offset;
  });
  return { bytes: Uint8Array.from(units), offsets };
}

function symbolTable(
  symbols: readonly { readonly name: string; readonly address: number }[],
  nameOffsets: readonly number[],
): Uint8Array {
  const bytes = new Uint8Array((symbols.length + 1) * 24);
  const view = new DataView(bytes.buffer);
  symbols.forEach((symbol, index) => {
    const at = (index + 1) * 24;
    view.setUint32(at, nameOffsets[index] ?? 0, true);
    bytes[at + 4] = 0x10; //                          STB_GLOBAL, STT_NOTYPE
    view.setUint16(at + 6, 0xfff1, true); //          SHN_ABS
    view.setBigUint64(at + 8, BigInt(symbol.address), true);
  });
  return bytes;
}

function writeFileHeader(
  view: DataView,
  counts: { entry: bigint; segments: number; sections: number; sectionOffset: number },
): void {
  view.setUint32(0, 0x7f454c46, false);
  view.setUint32(4, 0x02010100, false); //  64-bit, little-endian, version 1, System V
  view.setUint16(16, 2, true); //           ET_EXEC
  view.setUint16(18, 243, true); //         EM_RISCV
  view.setUint32(20, 1, true);
  view.setBigUint64(24, counts.entry, true);
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, BigInt(counts.sectionOffset), true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, counts.segments, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, counts.sections, true);
  view.setUint16(62, counts.sections === 0 ? 0 : 3, true);
}

function writeSegments(view: DataView, program: ElfProgram, placed: readonly Placed[]): void {
  program.segments.forEach((segment, index) => {
    const at = 64 + index * 56;
    view.setUint32(at, 1, true);
    view.setUint32(at + 4, segment.flags ?? 7, true);
    view.setBigUint64(at + 8, BigInt(placed[index]?.offset ?? 0), true);
    view.setBigUint64(at + 16, segment.virtualAddress ?? BigInt(segment.physicalAddress), true);
    view.setBigUint64(at + 24, BigInt(segment.physicalAddress), true);
    view.setBigUint64(at + 32, BigInt(segment.bytes.length), true);
    view.setBigUint64(at + 40, BigInt(segment.memorySize ?? segment.bytes.length), true);
    view.setBigUint64(at + 48, 1n, true);
  });
}

function writeSections(
  view: DataView,
  tables: { at: number; names: readonly number[]; placed: readonly Placed[] },
): void {
  tables.placed.forEach((section, position) => {
    const at = tables.at + (position + 1) * 64;
    view.setUint32(at, tables.names[position + 1] ?? 0, true);
    view.setUint32(at + 4, position === 0 ? 2 : 3, true); //   SHT_SYMTAB, SHT_STRTAB
    view.setBigUint64(at + 24, BigInt(section.offset), true);
    view.setBigUint64(at + 32, BigInt(section.bytes.length), true);
    view.setUint32(at + 40, position === 0 ? 2 : 0, true); //  its names are in section 2
    view.setUint32(at + 44, position === 0 ? 1 : 0, true); //  first global symbol
    view.setBigUint64(at + 48, position === 0 ? 8n : 1n, true);
    view.setBigUint64(at + 56, position === 0 ? 24n : 0n, true);
  });
}

/** The bytes of the file. Entry is the virtual address of the first instruction. */
export function writeElf(program: ElfProgram): Uint8Array {
  assert(program.segments.length > 0, 'an ELF executable has a segment');
  const symbols = program.symbols ?? [];
  let end = 64 + program.segments.length * 56;
  const place = (bytes: Uint8Array): Placed => {
    const offset = (end + 7) & ~7;
    end = offset + bytes.length;
    return { offset, bytes };
  };
  const segments = program.segments.map((segment) => place(segment.bytes));
  const sections: Placed[] = [];
  const sectionNames = stringTable(SECTION_NAMES);
  if (symbols.length > 0) {
    const names = stringTable(symbols.map((symbol) => symbol.name));
    sections.push(place(symbolTable(symbols, names.offsets)));
    sections.push(place(names.bytes), place(sectionNames.bytes));
  }
  const sectionCount = sections.length === 0 ? 0 : 4;
  const sectionOffset = sectionCount === 0 ? 0 : (end + 7) & ~7;
  const bytes = new Uint8Array(sectionCount === 0 ? end : sectionOffset + 4 * 64);
  const view = new DataView(bytes.buffer);
  const entry = BigInt(program.entry);
  writeFileHeader(view, { entry, segments: segments.length, sections: sectionCount, sectionOffset });
  writeSegments(view, program, segments);
  for (const { offset, bytes: part } of [...segments, ...sections]) bytes.set(part, offset);
  writeSections(view, { at: sectionOffset, names: sectionNames.offsets, placed: sections });
  return bytes;
}
