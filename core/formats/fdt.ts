/**
 * Flattened device trees: the description of a machine that a guest finds at boot through a1. A
 * builder of version 17 blobs and a reader of the same. Property values are bytes; `cells`, `text`
 * and `empty` make them as the bindings print them.
 * Left out: overlays, phandle allocation (write `phandle` as a property), versions before 17.
 * Standard: Devicetree Specification 0.4, chapter 5 "Flattened Devicetree (DTB) Format".
 */
import { assert } from '../base/assert.ts';
import { err, ok, type Result } from '../base/result.ts';

/** A named value: raw big-endian bytes, as the blob holds them. */
export interface DeviceTreeProperty {
  readonly name: string;
  readonly value: Uint8Array;
}

/** A node. The root's name is ''; others are 'name' or 'name@unit-address'. */
export interface DeviceTreeNode {
  readonly name: string;
  readonly properties: readonly DeviceTreeProperty[];
  readonly children: readonly DeviceTreeNode[];
}

/** Why bytes are no device tree. Offsets in bytes from the blob's start. */
export type DeviceTreeError =
  | { readonly kind: 'truncated'; readonly part: string; readonly needs: number; readonly has: number }
  | { readonly kind: 'bad-magic'; readonly found: number }
  | { readonly kind: 'too-large'; readonly found: number; readonly maximum: number }
  | { readonly kind: 'unsupported-version'; readonly version: number; readonly lastCompatible: number }
  | { readonly kind: 'misaligned'; readonly part: string; readonly offset: number }
  | { readonly kind: 'bad-token'; readonly found: number; readonly offset: number }
  | { readonly kind: 'too-deep'; readonly offset: number; readonly maximum: number }
  | { readonly kind: 'unbalanced'; readonly offset: number }
  | { readonly kind: 'bad-name'; readonly offset: number };

const MAGIC = 0xd00dfeed;
const HEADER_SIZE = 40;
const BEGIN_NODE = 1;
const END_NODE = 2;
const PROPERTY = 3;
const NOP = 4;
const END = 9;
/** Names of properties have 31 characters at most, those of nodes as many before their address (§2.2.1, §2.2.4). */
const NAME_MAX = 255;
/** A kernel maps 2 MiB for its tree; those of real machines take 100 KiB. Unit: byte. */
export const DEVICE_TREE_BYTES_MAX = 2 << 20;
/** Real trees nest about six nodes; more is a damaged blob. */
const DEPTH_MAX = 64;

/** A property of 32-bit numbers, 0 … 2^32 − 1. */
export function cells(name: string, ...values: readonly number[]): DeviceTreeProperty {
  const value = new Uint8Array(values.length * 4);
  const view = new DataView(value.buffer);
  values.forEach((cell, index) => {
    assert(Number.isInteger(cell) && cell >= 0 && cell < 2 ** 32, `${name} holds 32-bit cells`);
    view.setUint32(index * 4, cell);
  });
  return { name, value };
}

/** A property of 64-bit numbers (two cells each, as #address-cells = 2 wants), 0 … 2^53 − 1. */
export function wideCells(name: string, ...values: readonly number[]): DeviceTreeProperty {
  return cells(
    name,
    ...values.flatMap((value) => {
      assert(Number.isSafeInteger(value) && value >= 0, `${name} holds non-negative safe integers`);
      return [Math.floor(value / 2 ** 32), value % 2 ** 32];
    }),
  );
}

/** A property of one or several ASCII strings, each ended by a zero. */
export function text(name: string, ...strings: readonly string[]): DeviceTreeProperty {
  return { name, value: Uint8Array.from(strings.flatMap((string) => [...asciiUnits(string), 0])) };
}

/** A property that is true by being there. */
export function empty(name: string): DeviceTreeProperty {
  return { name, value: new Uint8Array(0) };
}

function asciiUnits(string: string): number[] {
  const units: number[] = [];
  for (let index = 0; index < string.length; index++) {
    const unit = string.charCodeAt(index);
    assert(unit > 0 && unit < 128, `'${string}' is ASCII`);
    units.push(unit);
  }
  return units;
}

/** The structure block under construction: big-endian words. */
interface Block {
  readonly words: number[];
  readonly strings: number[];
  readonly stringOffsets: Map<string, number>;
}

function pushBytes(words: number[], bytes: ArrayLike<number>): void {
  for (let index = 0; index < bytes.length; index += 4) {
    const byte = (position: number): number => bytes[index + position] ?? 0;
    words.push(((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0);
  }
}

function stringOffset(block: Block, name: string): number {
  const known = block.stringOffsets.get(name);
  if (known !== undefined) return known;
  const offset = block.strings.length;
  block.strings.push(...asciiUnits(name), 0);
  block.stringOffsets.set(name, offset);
  return offset;
}

/** Recursion depth is that of a tree our own code wrote. */
function pushNode(block: Block, node: DeviceTreeNode, depth: number): void {
  assert(depth < DEPTH_MAX, `a device tree nests fewer than ${DEPTH_MAX} nodes`);
  block.words.push(BEGIN_NODE);
  pushBytes(block.words, [...asciiUnits(node.name), 0]);
  for (const { name, value } of node.properties) {
    block.words.push(PROPERTY, value.length, stringOffset(block, name));
    pushBytes(block.words, value);
  }
  for (const child of node.children) pushNode(block, child, depth + 1);
  block.words.push(END_NODE);
}

/** The blob of the tree under `root`. `bootHart` is the hart id that a0 holds at entry. */
export function buildDeviceTree(
  root: DeviceTreeNode,
  options: { readonly bootHart?: number } = {},
): Uint8Array {
  const block: Block = { words: [], strings: [], stringOffsets: new Map() };
  pushNode(block, root, 0);
  block.words.push(END);
  const reservationOffset = HEADER_SIZE; //         a multiple of 8; one empty entry ends the list
  const structureOffset = reservationOffset + 16;
  const structureSize = block.words.length * 4;
  const stringsOffset = structureOffset + structureSize;
  const total = (stringsOffset + block.strings.length + 7) & ~7;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const header = [
    MAGIC, total, structureOffset, stringsOffset, reservationOffset,
    17, 16, options.bootHart ?? 0, block.strings.length, structureSize,
  ];
  header.forEach((word, index) => void view.setUint32(index * 4, word));
  block.words.forEach((word, index) => void view.setUint32(structureOffset + index * 4, word));
  bytes.set(block.strings, stringsOffset);
  return bytes;
}

interface Layout {
  readonly structure: number;
  readonly structureEnd: number;
  readonly strings: number;
  readonly stringsEnd: number;
}

function parseHeader(bytes: Uint8Array, view: DataView): Result<Layout, DeviceTreeError> {
  const short = (part: string, needs: number, has: number): { ok: false; error: DeviceTreeError } =>
    err({ kind: 'truncated', part, needs, has });
  if (bytes.length < HEADER_SIZE) return short('the header', HEADER_SIZE, bytes.length);
  if (bytes.length > DEVICE_TREE_BYTES_MAX) return err({ kind: 'too-large', found: bytes.length, maximum: DEVICE_TREE_BYTES_MAX });
  const word = (index: number): number => view.getUint32(index * 4);
  if (word(0) !== MAGIC) return err({ kind: 'bad-magic', found: word(0) });
  if (word(5) < 17 || word(6) > 17) {
    return err({ kind: 'unsupported-version', version: word(5), lastCompatible: word(6) });
  }
  const total = word(1);
  if (total > bytes.length) return short('the blob', total, bytes.length);
  const structure = word(2);
  if (structure % 4 !== 0) {
    return err({ kind: 'misaligned', part: 'the structure block', offset: structure });
  }
  const structureEnd = structure + word(9);
  if (structureEnd > total) return short('the structure block', structureEnd, total);
  const stringsEnd = word(3) + word(8);
  if (stringsEnd > total) return short('the strings block', stringsEnd, total);
  return ok({ structure, structureEnd, strings: word(3), stringsEnd });
}

/** A zero-ended ASCII string in [start, end); undefined when it does not end there or is longer than any name. */
function readString(bytes: Uint8Array, start: number, end: number): string | undefined {
  let string = '';
  for (let index = start; index < Math.min(end, start + NAME_MAX + 1); index++) {
    const unit = bytes[index] ?? 0;
    if (unit === 0) return string;
    string += String.fromCharCode(unit);
  }
  return undefined;
}

interface OpenNode {
  readonly name: string;
  readonly properties: DeviceTreeProperty[];
  readonly children: DeviceTreeNode[];
}

const hexadecimal = (value: number) => `0x${value.toString(16)}`;

/** One sentence for a {@link DeviceTreeError} about the file `name`: what was expected, what was found, at which byte. */
export function renderDeviceTreeError(error: DeviceTreeError, name: string): string {
  const damaged = (what: string, offset: number) => `${name}: the device tree is damaged: ${what} at byte ${offset}.`;
  switch (error.kind) {
    case 'truncated':
      return `${name}: ${error.part} of the device tree should reach to byte ${error.needs}, it ends at byte ${error.has}.`;
    case 'bad-magic':
      return `${name}: no device tree blob: expected ${hexadecimal(MAGIC)} at byte 0, found ${hexadecimal(error.found)}.`;
    case 'too-large':
      return `${name}: a device tree of ${error.found} bytes; at most ${error.maximum} are read, to byte ${error.maximum}.`;
    case 'unsupported-version':
      return `${name}: a device tree of version ${error.version} (at byte 20), compatible down to ${error.lastCompatible} (at byte 24); expected 17.`;
    case 'misaligned':
      return damaged(`${error.part} begins off a multiple of 4`, error.offset);
    case 'bad-token':
      return damaged(`${hexadecimal(error.found)} in place of a token`, error.offset);
    case 'too-deep':
      return damaged(`nodes nest deeper than ${error.maximum}`, error.offset);
    case 'unbalanced':
      return damaged('a token that does not follow from those before it', error.offset);
    case 'bad-name':
      return damaged(`a name without an end within ${NAME_MAX} characters`, error.offset);
  }
}

/** Reads a blob of version 17. Values are copies. Never throws; linear in the size of the blob, which is limited. */
export function parseDeviceTree(bytes: Uint8Array): Result<DeviceTreeNode, DeviceTreeError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = parseHeader(bytes, view);
  if (!header.ok) return header;
  const { structureEnd, strings, stringsEnd } = header.value;
  const open: OpenNode[] = [];
  let root: OpenNode | undefined;
  let at = header.value.structure;
  while (at + 4 <= structureEnd) {
    const offset = at;
    const token = view.getUint32(at);
    at += 4;
    const node = open[open.length - 1];
    if (token === NOP) continue;
    if (token === END) {
      if (root === undefined || node !== undefined) return err({ kind: 'unbalanced', offset });
      return ok(root);
    }
    if (token === BEGIN_NODE) {
      if (open.length >= DEPTH_MAX) return err({ kind: 'too-deep', offset, maximum: DEPTH_MAX });
      const name = readString(bytes, at, structureEnd);
      if (name === undefined) return err({ kind: 'bad-name', offset: at });
      at += (name.length + 4) & ~3;
      const child: OpenNode = { name, properties: [], children: [] };
      if (node !== undefined) node.children.push(child);
      else if (root !== undefined) return err({ kind: 'unbalanced', offset });
      else root = child;
      open.push(child);
    } else if (token === END_NODE) {
      if (node === undefined) return err({ kind: 'unbalanced', offset });
      open.pop();
    } else if (token === PROPERTY) {
      if (node === undefined) return err({ kind: 'unbalanced', offset });
      const needs = at + 8;
      if (needs > structureEnd) return err({ kind: 'truncated', part: 'a property', needs, has: structureEnd });
      const end = needs + view.getUint32(at);
      if (end > structureEnd) return err({ kind: 'truncated', part: 'a property', needs: end, has: structureEnd });
      const name = readString(bytes, strings + view.getUint32(at + 4), stringsEnd);
      if (name === undefined) return err({ kind: 'bad-name', offset: at + 4 });
      node.properties.push({ name, value: bytes.slice(needs, end) });
      at = (end + 3) & ~3;
    } else {
      return err({ kind: 'bad-token', found: token, offset });
    }
  }
  return err({ kind: 'truncated', part: 'the structure block', needs: at + 4, has: structureEnd });
}
