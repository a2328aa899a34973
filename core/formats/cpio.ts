/**
 * Archives of the "new ASCII" kind of cpio, as a kernel unpacks for its initial RAM disk. The same entries give the
 * same bytes: sorted by name, owner 0, time 0, inode numbers counted from 1.
 * Format: Linux Documentation/driver-api/early-userspace/buffer-format.rst; cpio(5), "New ASCII Format".
 */
import { assert } from '../base/assert.ts';

/** A file, folder, symbolic link or character device. Names are relative, parts parted by /. */
export type CpioEntry = { readonly name: string } & (
  | { readonly kind: 'file'; readonly bytes: Uint8Array; readonly mode: number }
  | { readonly kind: 'folder'; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'character-device'; readonly mode: number; readonly major: number; readonly minor: number }
);

/** Types of an inode (stat(2), st_mode). */
const TYPES = { file: 0o100000, folder: 0o040000, link: 0o120000, 'character-device': 0o020000 } as const;
const HEADER_BYTES = 110;
const LAST_NAME = 'TRAILER!!!';
const FILE_BYTES_MAX = 2 ** 32 - 1;

const toBytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const padded = (count: number) => Math.ceil(count / 4) * 4;

/** Content of an entry; a link's is its target. */
function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.bytes;
  return entry.kind === 'link' ? toBytes(entry.target) : new Uint8Array(0);
}

function modeOf(entry: CpioEntry): number {
  return TYPES[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode);
}

interface Field {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly size: number;
  readonly major: number;
  readonly minor: number;
}

/** Header and name, padded to a multiple of 4 bytes. */
function header(name: string, it: Field): Uint8Array {
  // inode, mode, uid, gid, links, mtime, size, device major and minor, own device major and minor, name's size, check
  const numbers = [it.inode, it.mode, 0, 0, it.links, 0, it.size, 0, 0, it.major, it.minor, name.length + 1, 0];
  const text = `070701${numbers.map((value) => value.toString(16).toUpperCase().padStart(8, '0')).join('')}${name}`;
  const bytes = new Uint8Array(padded(HEADER_BYTES + name.length + 1));
  bytes.set(toBytes(text));
  return bytes;
}

/** The archive of these entries. Their folders have to be among them; names are ASCII and differ. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const sorted = entries.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const names = new Set(sorted.map(({ name }) => name));
  assert(names.size === entries.length, 'names in an archive differ');
  const pieces: Uint8Array[] = [];
  sorted.forEach((entry, index) => {
    const { name } = entry;
    const text = entry.kind === 'link' ? name + entry.target : name;
    assert(/^[!-~]+$/.test(text) && !/^\/|\/$|(^|\/)\.{1,2}(\/|$)/.test(name), `'${name}' is a relative name in ASCII`);
    const folder = name.lastIndexOf('/');
    assert(folder < 0 || names.has(name.slice(0, folder)), `the folder of '${name}' is in the archive`);
    const content = contentOf(entry);
    assert(content.length <= FILE_BYTES_MAX, `'${name}' has a size of 32 bits`);
    const [major, minor] = entry.kind === 'character-device' ? [entry.major, entry.minor] : [0, 0];
    pieces.push(header(name, { inode: index + 1, mode: modeOf(entry), links: 1, size: content.length, major, minor }));
    pieces.push(content, new Uint8Array(padded(content.length) - content.length));
  });
  pieces.push(header(LAST_NAME, { inode: 0, mode: 0, links: 1, size: 0, major: 0, minor: 0 }));
  return joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
