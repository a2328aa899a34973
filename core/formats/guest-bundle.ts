/**
 * Several files as one: a kernel with its initial RAM disk and its disks, as they stand beside a scenario. One row of
 * bytes, so that they travel, are digested and are kept like any guest file.
 *
 *   'GLSSBNDL'  u32 length of the table  table (JSON)  the files' bytes, one behind the other       little endian
 *
 * The table names the files with their sizes and may say what a VM boots from them.
 */
import { assert } from '../base/assert.ts';
import { err, ok, type Result } from '../base/result.ts';

const MAGIC = 'GLSSBNDL';
const HEADER_BYTES = MAGIC.length + 4;
const TABLE_BYTES_MAX = 1 << 20;
const FILE_COUNT_MAX = 64;

/** What a VM boots, by names of files beside it. */
export interface BootFiles {
  /** An `Image` or an ELF file. */
  readonly kernel: string;
  readonly initrd?: string;
  /** The kernel's command line. */
  readonly append: string;
  /** Disk images, raw or qcow2: vda, vdb, … */
  readonly disks: readonly string[];
  /** Whether the VM has a network card. */
  readonly network: boolean;
  /** What runs in it, as labs know it; its kernel's name when missing. */
  readonly guest?: string;
}

export interface GuestBundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly boot: BootFiles | undefined;
}

/** Whether bytes are meant to be a bundle, by the first of them. */
export function isBundle(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && [...MAGIC].every((letter, at) => bytes[at] === letter.charCodeAt(0));
}

/** Packs files; names are told apart, at most 64 of them. */
export function packBundle(files: ReadonlyMap<string, Uint8Array>, boot?: BootFiles): Uint8Array {
  assert(files.size <= FILE_COUNT_MAX, `a bundle holds at most ${FILE_COUNT_MAX} files`);
  const rows = [...files].map(([name, { length }]) => ({ name, size: length }));
  const table = toBytes(JSON.stringify({ version: 1, files: rows, ...(boot === undefined ? {} : { boot }) }));
  const size = rows.reduce((sum, row) => sum + row.size, HEADER_BYTES + table.length);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < MAGIC.length; at++) bytes[at] = MAGIC.charCodeAt(at);
  new DataView(bytes.buffer).setUint32(MAGIC.length, table.length, true);
  bytes.set(table, HEADER_BYTES);
  let at = HEADER_BYTES + table.length;
  for (const content of files.values()) {
    bytes.set(content, at);
    at += content.length;
  }
  return bytes;
}

/** The files, as views of `bytes`; or one sentence. */
export function readBundle(bytes: Uint8Array): Result<GuestBundle, string> {
  if (!isBundle(bytes)) return err('It is no bundle of guest files.');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const begin = HEADER_BYTES + length;
  if (length > TABLE_BYTES_MAX || begin > bytes.length) return err(`Its table has ${length} bytes, and ${bytes.length - HEADER_BYTES} follow.`);
  const table = readTable(fromBytes(bytes.subarray(HEADER_BYTES, begin)));
  if (table === undefined) return err('Its table cannot be read.');
  const files = new Map<string, Uint8Array>();
  let at = begin;
  for (const { name, size } of table.files) {
    if (files.has(name)) return err(`It holds the file '${name}' twice.`);
    if (size > bytes.length - at) return err(`Its file '${name}' is cut off: ${size} bytes were said, ${bytes.length - at} are there.`);
    files.set(name, bytes.subarray(at, at + size));
    at += size;
  }
  return ok({ files, boot: table.boot });
}

interface Table {
  readonly files: readonly { readonly name: string; readonly size: number }[];
  readonly boot: BootFiles | undefined;
}

function readTable(text: string): Table | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value['version'] !== 1 || !Array.isArray(value['files'])) return undefined;
  const files: { name: string; size: number }[] = [];
  for (const row of value['files'].slice(0, FILE_COUNT_MAX) as unknown[]) {
    if (!isRecord(row) || typeof row['name'] !== 'string') return undefined;
    const size = row['size'];
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
    files.push({ name: row['name'], size });
  }
  if (value['boot'] === undefined) return { files, boot: undefined };
  const boot = readBoot(value['boot']);
  return boot === undefined ? undefined : { files, boot };
}

function readBoot(value: unknown): BootFiles | undefined {
  if (!isRecord(value)) return undefined;
  const { kernel, initrd, append, disks, network, guest } = value;
  if (typeof kernel !== 'string' || typeof append !== 'string' || typeof network !== 'boolean') return undefined;
  if (initrd !== undefined && typeof initrd !== 'string') return undefined;
  if (guest !== undefined && (typeof guest !== 'string' || guest === '' || guest.length > 64)) return undefined;
  if (!Array.isArray(disks) || disks.some((name) => typeof name !== 'string')) return undefined;
  return { kernel, append, disks: disks as string[], network, ...(initrd === undefined ? {} : { initrd }), ...(guest === undefined ? {} : { guest }) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** UTF-16 units below 256 as bytes; others escaped as JSON allows. */
function toBytes(json: string): Uint8Array {
  const plain = json.replaceAll(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function fromBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
