/**
 * The header of a qcow2 image, versions 2 and 3, read from bytes that nobody vouches for and written
 * anew. What this code cannot serve is refused by name: encryption, external data files, extended L2
 * entries, compression other than deflate, unknown incompatible features.
 * Standard: QEMU, docs/interop/qcow2.txt, "Header", "Feature name table", "Header extensions".
 */
import { err, ok, type Result } from '../../base/result.ts';
import type { ByteStore, ImageError } from '../byte-store.ts';
import { renderImageError } from '../byte-store.ts';

export const QCOW2_MAGIC = 0x5146_49fb; // "QFI" and 0xfb
export const HEADER_BYTES_V2 = 72;
export const HEADER_BYTES_V3 = 104;
/** 512 bytes to 2 MiB, as QEMU takes them. */
export const CLUSTER_BITS_MIN = 9;
export const CLUSTER_BITS_MAX = 21;
/** Bounds of what is held in memory for one image; QEMU's own are 32 MiB and 8 MiB. Unit: byte. */
export const L1_BYTES_MAX = 4 << 20;
export const REFCOUNT_TABLE_BYTES_MAX = 8 << 20;
/** The specification's bound of a backing file's name. Unit: byte. */
export const BACKING_NAME_BYTES_MAX = 1023;
const EXTENSIONS_MAX = 64;
const SNAPSHOTS_MAX = 65_536; // as QEMU

/** Bits of incompatible_features. */
export const incompatible = { dirty: 1, corrupt: 2, externalData: 4, compression: 8, extendedL2: 16 } as const;
const KNOWN_INCOMPATIBLE = 31;
const extension = { end: 0, backingFormat: 0xe279_2aca, bitmaps: 0x2385_2875 } as const;

/** A header that was read and is sound in itself. Offsets in bytes of the file. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly diskBytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly refcountOrder: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  /** Low half of incompatible_features; the high half is 0 in what was accepted. */
  readonly incompatibleFeatures: number;
  readonly hasAutoclearFeatures: boolean;
  readonly hasBitmaps: boolean;
  readonly backingName: string | undefined;
  readonly backingFormat: string | undefined;
}

/** Why a file is no image that can be opened. */
export type Qcow2Error =
  | { readonly kind: 'truncated'; readonly part: string; readonly needs: number; readonly has: number }
  | { readonly kind: 'bad-magic'; readonly found: number }
  | { readonly kind: 'unsupported'; readonly what: string }
  | { readonly kind: 'out-of-range'; readonly field: string; readonly found: number; readonly expected: string }
  | { readonly kind: 'no-backing'; readonly name: string }
  | { readonly kind: 'chain-too-long'; readonly maximum: number }
  | { readonly kind: 'image'; readonly error: ImageError };

/** Text of a file that nobody vouches for, fit for a sentence: ASCII, at most 80 characters. */
function printable(text: string): string {
  const shown = text.replace(/[^ -~]/g, '?');
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
}

/** One sentence for a {@link Qcow2Error} about the file `name`. */
export function renderQcow2Error(error: Qcow2Error, name: string): string {
  switch (error.kind) {
    case 'truncated':
      return `${name}: ${error.part} needs ${error.needs} bytes; the file has ${error.has}.`;
    case 'bad-magic':
      return `${name}: a qcow2 image begins with 0x514649fb; found 0x${error.found.toString(16)}.`;
    case 'unsupported':
      return `${name}: ${printable(error.what)} is not supported.`;
    case 'out-of-range':
      return `${name}: ${error.field} is ${error.found}; expected ${error.expected}.`;
    case 'no-backing':
      return `${name}: its backing file '${printable(error.name)}' was not given.`;
    case 'chain-too-long':
      return `${name}: more than ${error.maximum} backing files follow each other.`;
    case 'image':
      return `${name}: ${renderImageError(error.error)}`;
  }
}

type Refused = { readonly ok: false; readonly error: Qcow2Error };

function outOfRange(field: string, found: number, expected: string): Refused {
  return err({ kind: 'out-of-range', field, found, expected });
}

/** A 64-bit number; what does not fit 53 bits comes back as Infinity, which no range admits. */
function wide(view: DataView, at: number): number {
  const high = view.getUint32(at);
  return high >= 2 ** 21 ? Infinity : high * 2 ** 32 + view.getUint32(at + 4);
}

function checkFeatures(view: DataView, headerBytes: number): Qcow2Error | undefined {
  const bits = view.getUint32(76);
  if (view.getUint32(72) !== 0 || (bits & ~KNOWN_INCOMPATIBLE) !== 0) {
    return { kind: 'unsupported', what: 'an unknown incompatible feature' };
  }
  if (bits & incompatible.externalData) return { kind: 'unsupported', what: 'an external data file' };
  if (bits & incompatible.extendedL2) return { kind: 'unsupported', what: 'a table with extended L2 entries' };
  const type = headerBytes > HEADER_BYTES_V3 ? view.getUint8(104) : 0;
  if (type !== 0) {
    return { kind: 'unsupported', what: type === 1 ? 'zstd compression' : `compression type ${type}` };
  }
  return undefined;
}

interface Extensions {
  backingFormat: string | undefined;
  hasBitmaps: boolean;
}

function latin(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function readExtensions(bytes: Uint8Array, start: number): Result<Extensions, Qcow2Error> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Extensions = { backingFormat: undefined, hasBitmaps: false };
  let at = start;
  for (let count = 0; at + 8 <= bytes.length; count++) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === extension.end) return ok(found);
    if (count >= EXTENSIONS_MAX) return outOfRange('the number of header extensions', count, `at most ${EXTENSIONS_MAX}`);
    if (at + 8 + length > bytes.length) {
      return err({ kind: 'truncated', part: 'a header extension', needs: at + 8 + length, has: bytes.length });
    }
    if (type === extension.backingFormat) {
      if (length > 15) return outOfRange('the length of the backing format', length, 'at most 15');
      found.backingFormat = latin(bytes.subarray(at + 8, at + 8 + length));
    }
    if (type === extension.bitmaps) found.hasBitmaps = true;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return ok(found);
}

/** Whether a table of `bytes` bytes lies in the file at a multiple of the cluster size. */
function checkTable(part: string, offset: number, bytes: number, cluster: number, size: number): Refused | undefined {
  if (!Number.isSafeInteger(offset) || offset % cluster !== 0) {
    return outOfRange(`the offset of ${part}`, offset, `a multiple of ${cluster} below 2^53`);
  }
  if (bytes > 0 && offset < cluster) return outOfRange(`the offset of ${part}`, offset, `at least ${cluster}`);
  if (offset + bytes > size) return err({ kind: 'truncated', part, needs: offset + bytes, has: size });
  return undefined;
}

interface Geometry {
  readonly clusterBits: number;
  readonly refcountOrder: number;
  readonly headerBytes: number;
}

function readGeometry(view: DataView, version: 2 | 3): Result<Geometry, Qcow2Error> {
  const clusterBits = view.getUint32(20);
  if (clusterBits < CLUSTER_BITS_MIN || clusterBits > CLUSTER_BITS_MAX) {
    return outOfRange('cluster_bits', clusterBits, `${CLUSTER_BITS_MIN} to ${CLUSTER_BITS_MAX}`);
  }
  if (view.getUint32(32) !== 0) return err({ kind: 'unsupported', what: 'encryption' });
  if (version === 2) return ok({ clusterBits, refcountOrder: 4, headerBytes: HEADER_BYTES_V2 });
  const headerBytes = view.getUint32(100);
  if (headerBytes < HEADER_BYTES_V3 || headerBytes > 2 ** clusterBits || headerBytes % 8 !== 0) {
    return outOfRange('header_length', headerBytes, `a multiple of 8, ${HEADER_BYTES_V3} to ${2 ** clusterBits}`);
  }
  const refcountOrder = view.getUint32(96);
  if (refcountOrder > 6) return outOfRange('refcount_order', refcountOrder, 'at most 6');
  return ok({ clusterBits, refcountOrder, headerBytes });
}

/** Reads and checks the header of `store`. Holds at most one cluster of it in memory. */
export function readQcow2Header(store: ByteStore): Result<Qcow2Header, Qcow2Error> {
  const size = store.size();
  const failed = err({ kind: 'image', error: { kind: 'store-failed', offset: 0, access: 'read' } } as const);
  if (size < HEADER_BYTES_V2) return err({ kind: 'truncated', part: 'the header', needs: HEADER_BYTES_V2, has: size });
  const first = new Uint8Array(HEADER_BYTES_V3 + 8);
  if (!store.read(0, first)) return failed;
  const fixed = new DataView(first.buffer);
  if (fixed.getUint32(0) !== QCOW2_MAGIC) return err({ kind: 'bad-magic', found: fixed.getUint32(0) });
  const version = fixed.getUint32(4);
  if (version !== 2 && version !== 3) return outOfRange('the version', version, '2 or 3');
  if (version === 3 && size < HEADER_BYTES_V3) {
    return err({ kind: 'truncated', part: 'the header', needs: HEADER_BYTES_V3, has: size });
  }
  const geometry = readGeometry(fixed, version);
  if (!geometry.ok) return geometry;
  const { clusterBits, refcountOrder, headerBytes } = geometry.value;
  const cluster = 2 ** clusterBits;
  if (version === 3) {
    const refused = checkFeatures(fixed, headerBytes);
    if (refused !== undefined) return err(refused);
  }
  const bytes = new Uint8Array(Math.min(cluster, size));
  if (headerBytes > bytes.length) return err({ kind: 'truncated', part: 'the header', needs: headerBytes, has: size });
  if (!store.read(0, bytes)) return failed;
  return readFields(bytes, { version, clusterBits, refcountOrder, headerBytes, size });
}

function readFields(
  bytes: Uint8Array,
  known: Geometry & { readonly version: 2 | 3; readonly size: number },
): Result<Qcow2Header, Qcow2Error> {
  const { version, clusterBits, refcountOrder, headerBytes, size } = known;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cluster = 2 ** clusterBits;
  const diskBytes = wide(view, 24);
  if (diskBytes > 2 ** 52) return outOfRange('the disk size', diskBytes, 'at most 2^52');
  const l1Entries = view.getUint32(36);
  const l1Needed = Math.ceil(diskBytes / (cluster * (cluster / 8)));
  if (l1Entries < l1Needed) return outOfRange('l1_size', l1Entries, `at least ${l1Needed} for this disk`);
  if (l1Entries * 8 > L1_BYTES_MAX) return outOfRange('l1_size', l1Entries, `at most ${L1_BYTES_MAX / 8}`);
  const l1Offset = wide(view, 40);
  const refcountTableOffset = wide(view, 48);
  const refcountTableClusters = view.getUint32(56);
  if (refcountTableClusters === 0 || refcountTableClusters * cluster > REFCOUNT_TABLE_BYTES_MAX) {
    return outOfRange('refcount_table_clusters', refcountTableClusters, `1 to ${REFCOUNT_TABLE_BYTES_MAX / cluster}`);
  }
  const snapshotCount = view.getUint32(60);
  if (snapshotCount > SNAPSHOTS_MAX) return outOfRange('nb_snapshots', snapshotCount, `at most ${SNAPSHOTS_MAX}`);
  const snapshotsOffset = wide(view, 64);
  const misplaced =
    checkTable('the L1 table', l1Offset, l1Entries * 8, cluster, size) ??
    checkTable('the refcount table', refcountTableOffset, refcountTableClusters * cluster, cluster, size) ??
    (snapshotCount > 0 ? checkTable('the snapshot table', snapshotsOffset, 1, cluster, size) : undefined);
  if (misplaced !== undefined) return misplaced;
  const extensions = readExtensions(bytes, headerBytes);
  if (!extensions.ok) return extensions;
  const backing = readBackingName(bytes, view);
  if (!backing.ok) return backing;
  return ok({
    version, clusterBits, diskBytes, l1Offset, l1Entries, refcountTableOffset, refcountTableClusters,
    refcountOrder, snapshotCount, snapshotsOffset,
    incompatibleFeatures: version === 3 ? view.getUint32(76) : 0,
    hasAutoclearFeatures: version === 3 && (view.getUint32(88) !== 0 || view.getUint32(92) !== 0),
    backingName: backing.value,
    ...extensions.value,
  });
}

function readBackingName(bytes: Uint8Array, view: DataView): Result<string | undefined, Qcow2Error> {
  const offset = wide(view, 8);
  if (offset === 0) return ok(undefined);
  const length = view.getUint32(16);
  if (length > BACKING_NAME_BYTES_MAX) {
    return outOfRange('backing_file_size', length, `at most ${BACKING_NAME_BYTES_MAX}`);
  }
  if (offset + length > bytes.length) {
    return err({ kind: 'truncated', part: 'the backing file name', needs: offset + length, has: bytes.length });
  }
  return ok(latin(bytes.subarray(offset, offset + length)));
}

/** What a new header says. */
export interface NewHeader extends Pick<Qcow2Header,
  'version' | 'clusterBits' | 'diskBytes' | 'l1Offset' | 'l1Entries' | 'refcountTableOffset' | 'refcountTableClusters' | 'refcountOrder'> {
  readonly backing?: { readonly name: string; readonly format: 'raw' | 'qcow2' };
}

function putWide(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
}

/** The first cluster of a new image. Names are ASCII and fit the cluster (checked by whoever creates). */
export function writeQcow2Header(header: NewHeader): Uint8Array {
  const bytes = new Uint8Array(2 ** header.clusterBits);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, QCOW2_MAGIC);
  view.setUint32(4, header.version);
  view.setUint32(20, header.clusterBits);
  putWide(view, 24, header.diskBytes);
  view.setUint32(36, header.l1Entries);
  putWide(view, 40, header.l1Offset);
  putWide(view, 48, header.refcountTableOffset);
  view.setUint32(56, header.refcountTableClusters);
  let at = HEADER_BYTES_V2;
  if (header.version === 3) {
    view.setUint32(96, header.refcountOrder);
    view.setUint32(100, HEADER_BYTES_V3);
    at = HEADER_BYTES_V3;
  }
  if (header.backing !== undefined) {
    const { name, format } = header.backing;
    view.setUint32(at, extension.backingFormat);
    view.setUint32(at + 4, format.length);
    for (let index = 0; index < format.length; index++) bytes[at + 8 + index] = format.charCodeAt(index);
    at += 16 + 8; // one padded value of at most 8 bytes, then the end of the extensions
    putWide(view, 8, at);
    view.setUint32(16, name.length);
    for (let index = 0; index < name.length; index++) bytes[at + index] = name.charCodeAt(index);
  }
  return bytes;
}
