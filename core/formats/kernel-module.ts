/**
 * Linux kernel modules as files: what a module says of itself, and a copy without what loading does not need. Debian's
 * modules carry tens of thousands of local labels that no relocation names any more, and type information; a kernel
 * reads all of them. The copy keeps sections, relocations and every symbol that is defined for others, wanted from
 * others, or named by a relocation.
 * Standard: System V ABI gabi 4.3 draft, "Sections" and "Symbol Table"; a signature appended to the file is dropped.
 */
import { err, ok, type Result } from '../base/result.ts';

const HEADER_SIZE = 64;
const SECTION_SIZE = 64;
const SYMBOL_SIZE = 24;
const RELOCATION_SIZE = 24;
const SECTIONS_MAX = 4096;
const TYPE_SYMBOLS = 2;
const TYPE_STRINGS = 3;
const TYPE_RELOCATIONS = 4;
const TYPE_NO_BITS = 8;
const BIND_LOCAL = 0;
const SYMBOL_OF_SECTION = 3;
/** A longer name, or line of .modinfo, is damage. */
const TEXT_MAX = 4096;
/** Linkers align to a page at most. */
const ALIGN_MAX = 4096;
/** Sections whose content loading does not need. */
const DROPPED = ['.BTF', '.BTF.ext', '.comment'];

interface Section {
  readonly name: string;
  readonly header: Uint8Array;
  readonly type: number;
  readonly link: number;
  readonly align: number;
  content: Uint8Array;
}

interface Module {
  readonly header: Uint8Array;
  readonly sections: Section[];
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const number64 = (view: DataView, at: number) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;

/** The text from there to its zero, cut at TEXT_MAX. */
function textAt(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let index = at; index < bytes.length && bytes[index] !== 0 && text.length < TEXT_MAX; index++) text += String.fromCharCode(bytes[index]!);
  return text;
}

/** Header and sections of a relocatable RISC-V object; the error is one sentence. */
function readObject(name: string, bytes: Uint8Array): Result<Module, string> {
  const view = viewOf(bytes);
  const isObject = bytes.length >= HEADER_SIZE && view.getUint32(0, false) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
  if (!isObject || view.getUint16(16, true) !== 1 || view.getUint16(18, true) !== 243) return err(`${name} is no RISC-V kernel module.`);
  const [table, size, count, namesIndex] = [number64(view, 40), view.getUint16(58, true), view.getUint16(60, true), view.getUint16(62, true)];
  if (size !== SECTION_SIZE || count === 0 || count > SECTIONS_MAX || namesIndex >= count || table + count * size > bytes.length) {
    return err(`${name}: its table of sections is damaged.`);
  }
  const sections: Section[] = [];
  const names = sectionOf(bytes, table + namesIndex * SECTION_SIZE);
  for (let index = 0; index < count; index++) {
    const at = table + index * SECTION_SIZE;
    const content = sectionOf(bytes, at);
    if (content === undefined || names === undefined) return err(`${name}: section ${index} lies outside the file.`);
    const align = Math.max(1, number64(view, at + 48));
    if (align > ALIGN_MAX) return err(`${name}: section ${index} is aligned to ${align} bytes; expected ${ALIGN_MAX} at most.`);
    sections.push({
      name: textAt(names, view.getUint32(at, true)),
      header: bytes.slice(at, at + SECTION_SIZE),
      type: view.getUint32(at + 4, true),
      link: view.getUint32(at + 40, true),
      align,
      content,
    });
  }
  return ok({ header: bytes.slice(0, HEADER_SIZE), sections });
}

/** Bytes of the section whose header is there; undefined when they lie outside the file. */
function sectionOf(bytes: Uint8Array, header: number): Uint8Array | undefined {
  const view = viewOf(bytes);
  if (view.getUint32(header + 4, true) === TYPE_NO_BITS) return new Uint8Array(0);
  const [offset, size] = [number64(view, header + 24), number64(view, header + 32)];
  return offset + size <= bytes.length ? bytes.subarray(offset, offset + size) : undefined;
}

/** What a module says of itself. Names of modules have _ for -. */
export interface ModuleFacts {
  readonly name: string;
  readonly depends: readonly string[];
  /** Modules to load before, if they exist (softdep: pre). */
  readonly before: readonly string[];
  /** The kernel that it was built for, and how. */
  readonly kernel: string;
}

/** Reads the section .modinfo (texts `key=value`, each ended by a zero; include/linux/module.h). */
export function readModuleFacts(name: string, bytes: Uint8Array): Result<ModuleFacts, string> {
  const object = readObject(name, bytes);
  if (!object.ok) return object;
  const facts = object.value.sections.find((it) => it.name === '.modinfo')?.content ?? new Uint8Array(0);
  const lines: string[] = [];
  for (let at = 0; at < facts.length; at++) {
    const line = textAt(facts, at);
    if (line !== '') lines.push(line);
    at += line.length;
  }
  const valuesOf = (key: string) => lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
  const own = valuesOf('name')[0];
  if (own === undefined) return err(`${name} has no name in .modinfo.`);
  const words = (text: string, parting: RegExp) => text.split(parting).filter((it) => it !== '').map(moduleName);
  return ok({
    name: moduleName(own),
    depends: words(valuesOf('depends').join(','), /,/),
    before: valuesOf('softdep').flatMap((text) => words(/pre:\s*(.*?)(?:post:|$)/.exec(text)?.[1] ?? '', /\s+/)),
    kernel: valuesOf('vermagic')[0] ?? '',
  });
}

/** A module's name as the kernel says it. */
export function moduleName(text: string): string {
  return text.replace(/\.ko$/, '').replaceAll('-', '_');
}

/** A copy that loads as the module does, without what loading does not need; the error is one sentence. */
export function slimModule(name: string, bytes: Uint8Array): Result<Uint8Array, string> {
  const object = readObject(name, bytes);
  if (!object.ok) return object;
  const { header, sections } = object.value;
  const symbols = sections.filter(({ type }) => type === TYPE_SYMBOLS);
  const [table] = symbols;
  const strings = table === undefined ? undefined : sections[table.link];
  if (symbols.length !== 1 || table === undefined || strings?.type !== TYPE_STRINGS || table.content.length % SYMBOL_SIZE !== 0) {
    return err(`${name}: expected one table of symbols with its names.`);
  }
  const relocations = sections.filter(({ type }) => type === TYPE_RELOCATIONS);
  const places = placesOf(table, relocations);
  if (places === undefined) return err(`${name}: a relocation names a symbol that is not there.`);
  renameSymbols(relocations, places);
  const firstGlobal = keepSymbols(table, strings, places);
  viewOf(table.header).setUint32(44, firstGlobal, true);
  for (const section of sections) if (DROPPED.includes(section.name)) section.content = new Uint8Array(0);
  return ok(writeObject(header, sections));
}

/** For each symbol its new index, or -1; undefined when a relocation is wrong. The table's order stays. */
function placesOf(table: Section, relocations: readonly Section[]): Int32Array | undefined {
  const count = table.content.length / SYMBOL_SIZE;
  const keep = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const info = table.content[index * SYMBOL_SIZE + 4]!;
    keep[index] = info >> 4 !== BIND_LOCAL || (info & 15) === SYMBOL_OF_SECTION || index === 0 ? 1 : 0;
  }
  for (const { content } of relocations) {
    const view = viewOf(content);
    for (let at = 0; at + RELOCATION_SIZE <= content.length; at += RELOCATION_SIZE) {
      const symbol = view.getUint32(at + 12, true);
      if (symbol >= count) return undefined;
      keep[symbol] = 1;
    }
  }
  let next = 0;
  return Int32Array.from(keep, (kept) => (kept === 1 ? next++ : -1));
}

function renameSymbols(relocations: readonly Section[], places: Int32Array): void {
  for (const section of relocations) {
    section.content = section.content.slice();
    const view = viewOf(section.content);
    for (let at = 0; at + RELOCATION_SIZE <= section.content.length; at += RELOCATION_SIZE) {
      view.setUint32(at + 12, places[view.getUint32(at + 12, true)]!, true);
    }
  }
}

/** Keeps symbols that have a place, and their names; gives the index of the first that is not local. */
function keepSymbols(table: Section, strings: Section, places: Int32Array): number {
  const names: number[] = [0];
  const kept: Uint8Array[] = [];
  let firstGlobal = 0;
  places.forEach((place, index) => {
    if (place < 0) return;
    const symbol = table.content.slice(index * SYMBOL_SIZE, (index + 1) * SYMBOL_SIZE);
    const view = viewOf(symbol);
    const name = textAt(strings.content, view.getUint32(0, true));
    view.setUint32(0, name === '' ? 0 : names.length, true);
    if (name !== '') names.push(...Array.from(name, (it) => it.charCodeAt(0)), 0);
    kept.push(symbol);
    if (symbol[4]! >> 4 === BIND_LOCAL) firstGlobal = kept.length;
  });
  table.content = new Uint8Array(kept.length * SYMBOL_SIZE);
  kept.forEach((symbol, index) => void table.content.set(symbol, index * SYMBOL_SIZE));
  strings.content = Uint8Array.from(names);
  return firstGlobal;
}

/** Header, sections one after another where their alignment allows, table of sections. */
function writeObject(header: Uint8Array, sections: readonly Section[]): Uint8Array {
  let end = HEADER_SIZE;
  const offsets = sections.map(({ content, align }) => {
    const offset = Math.ceil(end / align) * align;
    end = offset + content.length;
    return offset;
  });
  const table = Math.ceil(end / 8) * 8;
  const bytes = new Uint8Array(table + sections.length * SECTION_SIZE);
  bytes.set(header);
  viewOf(bytes).setBigUint64(40, BigInt(table), true);
  sections.forEach((section, index) => {
    const own = viewOf(section.header);
    own.setBigUint64(24, BigInt(index === 0 ? 0 : offsets[index]!), true);
    if (section.type !== TYPE_NO_BITS) own.setBigUint64(32, BigInt(section.content.length), true);
    bytes.set(section.content, offsets[index]!);
    bytes.set(section.header, table + index * SECTION_SIZE);
  });
  return bytes;
}
