/**
 * ELF core files of a RISC-V machine, as gdb, readelf and crash open them: memory as PT_LOAD segments by
 * guest physical address, the registers of each hart as NT_PRSTATUS, and notes of other names beside
 * them. Pages of zeroes in long runs are segments with no bytes in the file (p_filesz 0).
 * A hart with float registers has NT_FPREGSET, too. Left out: sections, files of 32 bits.
 * Standard: System V ABI gabi 4.3 draft, chapters 4 and 5; struct elf_prstatus of Linux for riscv64
 * (include/linux/elfcore.h, arch/riscv/include/uapi/asm/ptrace.h), 376 bytes, and there struct
 * __riscv_d_ext_state, 264 bytes.
 */
import { assert, err, ok, type Result } from '../base/index.ts';

/** Registers of one hart. */
export interface CoreThread {
  readonly id: number; //               shown as the light-weight process
  readonly pc: bigint;
  readonly x: readonly bigint[]; //     x1 … x31
  readonly float?: CoreFloat; //        of a hart with F and D
}

/** Float registers of one hart. */
export interface CoreFloat {
  readonly f: readonly bigint[]; //     f0 … f31
  readonly fcsr: number; //             32 bits
}

/** A note of another name than CORE. */
export interface CoreNote {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A run of memory. Bytes beyond `bytes` up to `memorySize` are zeroes. */
export interface CoreSegment {
  readonly physicalAddress: number;
  readonly pieces: readonly Uint8Array[];
  readonly memorySize: number;
}

/** What a core file holds. */
export interface CoreFile {
  readonly threads: readonly CoreThread[];
  readonly notes: readonly CoreNote[];
  readonly segments: readonly CoreSegment[];
}

/** Why bytes are no core file of a RISC-V machine. */
export type CoreError =
  | { readonly kind: 'not-elf' }
  | { readonly kind: 'not-a-core'; readonly type: number; readonly machine: number }
  | { readonly kind: 'truncated'; readonly part: string; readonly needs: number; readonly has: number }
  | { readonly kind: 'malformed'; readonly part: string; readonly found: string };

/** One sentence for a {@link CoreError}. */
export function coreErrorSentence(error: CoreError): string {
  switch (error.kind) {
    case 'not-elf':
      return 'The file is no 64-bit little-endian ELF file.';
    case 'not-a-core':
      return `The file is ELF of type ${error.type} for machine ${error.machine}; a core (4) of RISC-V (243) was expected.`;
    case 'truncated':
      return `The core file is truncated: ${error.part} ends at byte ${error.needs}, the file has ${error.has} bytes.`;
    case 'malformed':
      return `The core file is malformed: ${error.part}: ${error.found}.`;
  }
}

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const ET_CORE = 4;
const EM_RISCV = 243;
const PT_LOAD = 1;
const PT_NOTE = 4;
const NT_PRSTATUS = 1;
/** struct elf_prstatus: pr_pid at 32, pr_reg (pc, x1 … x31) at 112, pr_fpvalid at 368. */
const PRSTATUS_SIZE = 376;
const PRSTATUS_PID = 32;
const PRSTATUS_REGISTERS = 112;
const NT_FPREGSET = 2;
/** struct __riscv_d_ext_state: f0 … f31, fcsr, 4 unused bytes. */
const FPREGSET_SIZE = 264;
const FPREGSET_FCSR = 256;
/** e_phnum is 16 bits, and 0xffff means something else. */
const SEGMENTS_MAX = 0xff00;

/** Whether bytes begin as an ELF core file does. */
export function isCoreFile(bytes: Uint8Array): boolean {
  const magic = [0x7f, 0x45, 0x4c, 0x46];
  return bytes.length >= 18 && magic.every((byte, index) => bytes[index] === byte) && bytes[16] === ET_CORE;
}

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────

function encodeNote({ name, type, bytes }: CoreNote): Uint8Array {
  const nameSize = name.length + 1;
  const size = 12 + align(nameSize) + align(bytes.length);
  const note = new Uint8Array(size);
  const view = new DataView(note.buffer);
  view.setUint32(0, nameSize, true);
  view.setUint32(4, bytes.length, true);
  view.setUint32(8, type, true);
  for (let index = 0; index < name.length; index++) note[12 + index] = name.charCodeAt(index);
  note.set(bytes, 12 + align(nameSize));
  return note;
}

function encodeThread(thread: CoreThread): Uint8Array {
  assert(thread.x.length === 31, 'a hart has x1 to x31');
  const bytes = new Uint8Array(PRSTATUS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(PRSTATUS_PID, thread.id, true);
  [thread.pc, ...thread.x].forEach((value, index) => {
    view.setBigUint64(PRSTATUS_REGISTERS + 8 * index, BigInt.asUintN(64, value), true);
  });
  return encodeNote({ name: 'CORE', type: NT_PRSTATUS, bytes });
}

/** After the NT_PRSTATUS of its thread, as the kernel writes them. */
function encodeFloat({ f, fcsr }: CoreFloat): Uint8Array {
  assert(f.length === 32, 'a hart has f0 to f31');
  const bytes = new Uint8Array(FPREGSET_SIZE);
  const view = new DataView(bytes.buffer);
  f.forEach((value, index) => {
    view.setBigUint64(8 * index, BigInt.asUintN(64, value), true);
  });
  view.setUint32(FPREGSET_FCSR, fcsr, true);
  return encodeNote({ name: 'CORE', type: NT_FPREGSET, bytes });
}

const align = (size: number) => (size + 3) & ~3;

/** The bytes of the file: headers, notes, then segments at multiples of 4 KiB. */
export function writeCore(core: CoreFile): Uint8Array {
  assert(core.segments.length <= SEGMENTS_MAX, 'segments fit their 16-bit count');
  const threads = core.threads.flatMap((thread) =>
    thread.float === undefined ? [encodeThread(thread)] : [encodeThread(thread), encodeFloat(thread.float)],
  );
  const notes = [...threads, ...core.notes.map(encodeNote)];
  const notesSize = notes.reduce((sum, note) => sum + note.length, 0);
  const headers = 1 + core.segments.length;
  const notesOffset = HEADER_SIZE + headers * PROGRAM_HEADER_SIZE;
  let end = notesOffset + notesSize;
  const offsets = core.segments.map((segment) => {
    const size = segment.pieces.reduce((sum, piece) => sum + piece.length, 0);
    const offset = Math.ceil(end / 4096) * 4096;
    if (size > 0) end = offset + size;
    return { offset: size > 0 ? offset : end, size };
  });
  const bytes = new Uint8Array(end);
  const view = new DataView(bytes.buffer);
  writeHeader(view, headers);
  writeProgramHeader(view, 0, { type: PT_NOTE, flags: 0, offset: notesOffset, address: 0, fileSize: notesSize, memorySize: 0, align: 4 });
  let at = notesOffset;
  for (const note of notes) {
    bytes.set(note, at);
    at += note.length;
  }
  core.segments.forEach((segment, index) => {
    const { offset, size } = offsets[index]!;
    const { physicalAddress: address, memorySize } = segment;
    writeProgramHeader(view, 1 + index, { type: PT_LOAD, flags: 7, offset, address, fileSize: size, memorySize, align: 4096 });
    let to = offset;
    for (const piece of segment.pieces) {
      bytes.set(piece, to);
      to += piece.length;
    }
  });
  return bytes;
}

function writeHeader(view: DataView, headers: number): void {
  view.setUint32(0, 0x7f454c46, false);
  view.setUint32(4, 0x02010100, false); // 64-bit, little-endian, version 1, System V
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, EM_RISCV, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(HEADER_SIZE), true);
  view.setUint16(52, HEADER_SIZE, true);
  view.setUint16(54, PROGRAM_HEADER_SIZE, true);
  view.setUint16(56, headers, true);
  view.setUint16(58, 64, true);
}

interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

/** Virtual addresses are the physical ones: what gdb's `x` reads is guest physical memory. */
function writeProgramHeader(view: DataView, index: number, header: ProgramHeader): void {
  const at = HEADER_SIZE + index * PROGRAM_HEADER_SIZE;
  view.setUint32(at, header.type, true);
  view.setUint32(at + 4, header.flags, true);
  view.setBigUint64(at + 8, BigInt(header.offset), true);
  view.setBigUint64(at + 16, BigInt(header.address), true);
  view.setBigUint64(at + 24, BigInt(header.address), true);
  view.setBigUint64(at + 32, BigInt(header.fileSize), true);
  view.setBigUint64(at + 40, BigInt(header.memorySize), true);
  view.setBigUint64(at + 48, BigInt(header.align), true);
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────

function readProgramHeader(view: DataView, at: number): ProgramHeader {
  // Fields at or above 2^53 lose digits and are then beyond every bound.
  const wide = (offset: number) => Number(view.getBigUint64(at + offset, true));
  return {
    type: view.getUint32(at, true), flags: view.getUint32(at + 4, true), offset: wide(8), address: wide(24),
    fileSize: wide(32), memorySize: wide(40), align: wide(48),
  };
}

function readNotes(bytes: Uint8Array, part: { from: number; to: number }, into: { threads: CoreThread[]; notes: CoreNote[] }): CoreError | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = part.from; at < part.to; ) {
    if (at + 12 > part.to) return { kind: 'truncated', part: 'a note', needs: at + 12, has: part.to };
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const start = at + 12 + Math.ceil(nameSize / 4) * 4;
    if (start + size > part.to) return { kind: 'truncated', part: 'a note', needs: start + size, has: part.to };
    let name = '';
    for (let index = 0; index < Math.min(nameSize, 64) - 1; index++) name += String.fromCharCode(bytes[at + 12 + index]!);
    const body = bytes.subarray(start, start + size);
    if (name === 'CORE' && type === NT_PRSTATUS) {
      if (size !== PRSTATUS_SIZE) return { kind: 'malformed', part: 'NT_PRSTATUS', found: `${size} bytes where ${PRSTATUS_SIZE} were expected` };
      into.threads.push(readThread(view, start));
    } else if (name === 'CORE' && type === NT_FPREGSET) {
      const thread = into.threads.pop();
      if (thread === undefined || size !== FPREGSET_SIZE)
        return { kind: 'malformed', part: 'NT_FPREGSET', found: `${size} bytes after ${into.threads.length} threads` };
      into.threads.push({ ...thread, float: readFloat(view, start) });
    } else into.notes.push({ name, type, bytes: body });
    at = start + Math.ceil(size / 4) * 4;
  }
  return undefined;
}

function readThread(view: DataView, at: number): CoreThread {
  const register = (index: number) => view.getBigUint64(at + PRSTATUS_REGISTERS + 8 * index, true);
  return {
    id: view.getUint32(at + PRSTATUS_PID, true), pc: register(0),
    x: Array.from({ length: 31 }, (_, index) => register(index + 1)),
  };
}

function readFloat(view: DataView, at: number): CoreFloat {
  const f = Array.from({ length: 32 }, (_, index) => view.getBigUint64(at + 8 * index, true));
  return { f, fcsr: view.getUint32(at + FPREGSET_FCSR, true) };
}

/** Reads a core file; segments are views into `bytes`. Never throws. */
export function readCore(bytes: Uint8Array): Result<CoreFile, CoreError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_SIZE || view.getUint32(0, false) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    return err({ kind: 'not-elf' });
  }
  const type = view.getUint16(16, true);
  const machine = view.getUint16(18, true);
  if (type !== ET_CORE || machine !== EM_RISCV) return err({ kind: 'not-a-core', type, machine });
  const table = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (size !== PROGRAM_HEADER_SIZE) return err({ kind: 'malformed', part: 'program headers', found: `${size} bytes each` });
  if (table + count * size > bytes.length) return err({ kind: 'truncated', part: 'the program headers', needs: table + count * size, has: bytes.length });
  const found = { threads: [] as CoreThread[], notes: [] as CoreNote[], segments: [] as CoreSegment[] };
  for (let index = 0; index < count; index++) {
    const header = readProgramHeader(view, table + index * size);
    const end = header.offset + header.fileSize;
    if (end > bytes.length) return err({ kind: 'truncated', part: `segment ${index}`, needs: end, has: bytes.length });
    if (header.type === PT_NOTE) {
      const error = readNotes(bytes, { from: header.offset, to: end }, found);
      if (error !== undefined) return err(error);
    } else if (header.type === PT_LOAD) {
      if (header.fileSize > header.memorySize || header.address + header.memorySize > Number.MAX_SAFE_INTEGER) {
        return err({ kind: 'malformed', part: `segment ${index}`, found: `${header.fileSize} bytes in ${header.memorySize} of memory` });
      }
      const pieces = header.fileSize > 0 ? [bytes.subarray(header.offset, end)] : [];
      found.segments.push({ physicalAddress: header.address, pieces, memorySize: header.memorySize });
    }
  }
  return ok(found);
}
