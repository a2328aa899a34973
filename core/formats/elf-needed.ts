/**
 * The shared libraries that a program or library names, and the loader that it asks for.
 * Standard: System V ABI gabi 4.3 draft, "Program Header", "Dynamic Section".
 */
import { err, ok, type Result } from '../base/result.ts';

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
/** Longer names, and more libraries, are damage. */
const NAME_MAX = 256;
const ENTRIES_MAX = 4096;

/** What has to be there for it to start. Names as in the file. */
export interface ElfNeeds {
  readonly libraries: readonly string[];
  /** Undefined: it is linked statically, or is a library. */
  readonly loader: string | undefined;
}

interface Range {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads a 64-bit little-endian ELF file's needs; the error is one sentence. */
export function readElfNeeds(name: string, bytes: Uint8Array): Result<ElfNeeds, string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_SIZE || view.getUint32(0, false) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) return err(`${name} is no 64-bit ELF file.`);
  const number = (at: number) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  const text = (at: number) => {
    let found = '';
    for (let index = at; index < bytes.length && bytes[index] !== 0 && found.length < NAME_MAX; index++) found += String.fromCharCode(bytes[index]!);
    return found;
  };
  const [table, count] = [number(32), view.getUint16(56, true)];
  if (table + count * PROGRAM_HEADER_SIZE > bytes.length) return err(`${name}: its program headers lie outside the file.`);
  const ranges = Array.from({ length: count }, (_, index): Range => {
    const at = table + index * PROGRAM_HEADER_SIZE;
    return { type: view.getUint32(at, true), offset: number(at + 8), address: number(at + 16), size: number(at + 32) };
  });
  const inside = ({ offset, size }: Range) => offset + size <= bytes.length;
  const interpreter = ranges.find(({ type }) => type === PT_INTERP);
  const loader = interpreter === undefined || !inside(interpreter) ? undefined : text(interpreter.offset);
  const dynamic = ranges.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return ok({ libraries: [], loader });
  if (!inside(dynamic)) return err(`${name}: its dynamic section lies outside the file.`);
  const entries: [number, number][] = [];
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.size && entries.length < ENTRIES_MAX; at += 16) {
    const tag = number(at);
    if (tag === DT_NULL) break;
    entries.push([tag, number(at + 8)]);
  }
  const strings = entries.find(([tag]) => tag === DT_STRTAB)?.[1] ?? -1;
  const holder = ranges.find(({ type, address, size }) => type === PT_LOAD && strings >= address && strings < address + size);
  const needed = entries.filter(([tag]) => tag === DT_NEEDED);
  if (needed.length > 0 && holder === undefined) return err(`${name}: the names of its libraries are not in the file.`);
  const base = holder === undefined ? 0 : holder.offset + strings - holder.address;
  return ok({ libraries: needed.map(([, at]) => text(base + at)), loader });
}
