/**
 * An update set on the wire and on a staging disk: all that a protected workload wrote between two seals of its
 * tap, as extents in ascending order without overlap, with the digest that the volume has afterwards. A set is
 * applied whole, to a volume that stands at `base`, and brings it to `sequence`. The format is ours. Little-endian.
 *
 *   0  'GHUS'        4  version 1    5  flags     6  0, 0
 *   8  workload     12  term        16  base     20  sequence
 *  24  sealed at, ns (u64)          32  digest of the volume afterwards (8 bytes)
 *  40  extents      44  raw bytes   48  payload bytes
 *  52  extent: byte offset (u64), byte count (u32)  …
 *   …  payload: the extents' bytes in a row, deflated (RFC 1951) when flag 0 says so
 *   …  CRC32C of everything before
 */
import { deflateSync, inflateSync } from 'fflate';
import { crc32c } from '../base/crc32c.ts';
import { err, ok, type Result } from '../base/index.ts';

export const UPDATE_SET_MAGIC = 0x5355_4847; // 'GHUS'
const HEAD_SIZE = 52;
const EXTENT_SIZE = 12;
const CHECK_SIZE = 4;
/** Extents, raw bytes of one set at most: what a receiver will make room for. */
export const EXTENTS_MAX = 65_536;
export const RAW_BYTES_MAX = 64 << 20;
const FLAG_DEFLATED = 1;
const FLAG_RESYNC = 2;
/** Speed before size: a gateway is short of processor time first. */
const DEFLATE_LEVEL = 1;

/** Bytes that a range of a volume has after the set. */
export interface Extent {
  readonly byteOffset: number;
  readonly bytes: Uint8Array;
}

/** What a set says of itself. */
export interface UpdateSetHead {
  readonly workload: number; //   u32
  readonly term: number; //       u32: of the ownership under which it was sealed
  readonly base: number; //       u32: sequence at which the volume must stand before
  readonly sequence: number; //   u32: … and stands afterwards, above `base`
  readonly sealedAtNs: number;
  /** 16 hexadecimal digits. */
  readonly digest: string;
  /** True: its blocks come from a bitmap, not from the writes in their order. */
  readonly resync: boolean;
}

export interface UpdateSet extends UpdateSetHead {
  readonly extents: readonly Extent[];
}

/** Why bytes are no update set. */
export type UpdateSetError =
  | { readonly kind: 'too-short'; readonly found: number; readonly expected: number }
  | { readonly kind: 'bad-magic'; readonly found: number }
  | { readonly kind: 'bad-version'; readonly found: number }
  | { readonly kind: 'bad-flags'; readonly found: number }
  | { readonly kind: 'too-large'; readonly field: string; readonly found: number; readonly maximum: number }
  | { readonly kind: 'bad-length'; readonly found: number; readonly expected: number }
  | { readonly kind: 'bad-check'; readonly found: number; readonly expected: number }
  | { readonly kind: 'bad-sequence'; readonly base: number; readonly sequence: number }
  | { readonly kind: 'bad-extent'; readonly index: number; readonly found: number }
  | { readonly kind: 'bad-payload'; readonly found: number; readonly expected: number };

/** One sentence, without a full stop. */
export function updateSetErrorSentence(error: UpdateSetError): string {
  switch (error.kind) {
    case 'too-short':
      return `an update set of at least ${error.expected} bytes was expected, ${error.found} are there`;
    case 'bad-magic':
      return `an update set begins with 'GHUS', not with 0x${error.found.toString(16)}`;
    case 'bad-version':
      return `an update set of version 1 was expected, found ${error.found}`;
    case 'bad-flags':
      return `flags 0 … 3 and two zeroes were expected, found 0x${error.found.toString(16)}`;
    case 'too-large':
      return `at most ${error.maximum} ${error.field} were expected, found ${error.found}`;
    case 'bad-length':
      return `the head speaks of ${error.expected} bytes, ${error.found} are there`;
    case 'bad-check':
      return `the check at the end is 0x${error.found.toString(16)}, computed was 0x${error.expected.toString(16)}`;
    case 'bad-sequence':
      return `the sequence ${error.sequence} does not lie above its base ${error.base}`;
    case 'bad-extent':
      return `extent ${error.index} begins at ${error.found}, is empty, or lies in the one before`;
    case 'bad-payload':
      return `the payload has ${error.found} bytes, the extents ${error.expected}`;
  }
}

/** Bytes of a set. Extents ascend without overlap. */
export function encodeUpdateSet(set: UpdateSet): Uint8Array {
  const rawBytes = set.extents.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const raw = new Uint8Array(rawBytes);
  let at = 0;
  for (const { bytes } of set.extents) {
    raw.set(bytes, at);
    at += bytes.length;
  }
  const deflated = deflateSync(raw, { level: DEFLATE_LEVEL });
  const smaller = deflated.length < rawBytes;
  const payload = smaller ? deflated : raw;
  const frame = new Uint8Array(HEAD_SIZE + EXTENT_SIZE * set.extents.length + payload.length + CHECK_SIZE);
  const view = new DataView(frame.buffer);
  view.setUint32(0, UPDATE_SET_MAGIC, true);
  view.setUint8(4, 1);
  view.setUint8(5, (smaller ? FLAG_DEFLATED : 0) | (set.resync ? FLAG_RESYNC : 0));
  view.setUint32(8, set.workload, true);
  view.setUint32(12, set.term, true);
  view.setUint32(16, set.base, true);
  view.setUint32(20, set.sequence, true);
  writeUint64(view, 24, set.sealedAtNs);
  for (let index = 0; index < 8; index++) view.setUint8(32 + index, Number.parseInt(set.digest.slice(2 * index, 2 * index + 2), 16));
  view.setUint32(40, set.extents.length, true);
  view.setUint32(44, rawBytes, true);
  view.setUint32(48, payload.length, true);
  at = HEAD_SIZE;
  for (const { byteOffset, bytes } of set.extents) {
    writeUint64(view, at, byteOffset);
    view.setUint32(at + 8, bytes.length, true);
    at += EXTENT_SIZE;
  }
  frame.set(payload, at);
  view.setUint32(frame.length - CHECK_SIZE, crc32c(frame.subarray(0, frame.length - CHECK_SIZE)), true);
  return frame;
}

/** The head of a set whose check is right, and its raw bytes; what passes a set on needs no more. */
export function readUpdateSetHead(frame: Uint8Array): Result<UpdateSetHead & { readonly rawBytes: number }, UpdateSetError> {
  const least = HEAD_SIZE + CHECK_SIZE;
  if (frame.length < least) return err({ kind: 'too-short', found: frame.length, expected: least });
  const view = viewOf(frame);
  const magic = view.getUint32(0, true);
  if (magic !== UPDATE_SET_MAGIC) return err({ kind: 'bad-magic', found: magic });
  if (frame[4] !== 1) return err({ kind: 'bad-version', found: frame[4]! });
  const flags = view.getUint8(5) | (view.getUint16(6, true) << 8);
  if (flags > (FLAG_DEFLATED | FLAG_RESYNC)) return err({ kind: 'bad-flags', found: flags });
  const extents = view.getUint32(40, true);
  const rawBytes = view.getUint32(44, true);
  if (extents > EXTENTS_MAX) return err({ kind: 'too-large', field: 'extents', found: extents, maximum: EXTENTS_MAX });
  if (rawBytes > RAW_BYTES_MAX) return err({ kind: 'too-large', field: 'raw bytes', found: rawBytes, maximum: RAW_BYTES_MAX });
  const expected = least + EXTENT_SIZE * extents + view.getUint32(48, true);
  if (expected !== frame.length) return err({ kind: 'bad-length', found: frame.length, expected });
  const check = view.getUint32(frame.length - CHECK_SIZE, true);
  const computed = crc32c(frame.subarray(0, frame.length - CHECK_SIZE));
  if (check !== computed) return err({ kind: 'bad-check', found: check, expected: computed });
  const [base, sequence] = [view.getUint32(16, true), view.getUint32(20, true)];
  if (sequence <= base) return err({ kind: 'bad-sequence', base, sequence });
  return ok({
    workload: view.getUint32(8, true),
    term: view.getUint32(12, true),
    base,
    sequence,
    sealedAtNs: readUint64(view, 24),
    digest: Array.from(frame.subarray(32, 40), (byte) => byte.toString(16).padStart(2, '0')).join(''),
    resync: (flags & FLAG_RESYNC) !== 0,
    rawBytes,
  });
}

/** A whole set; never more memory than its head may ask for. */
export function decodeUpdateSet(frame: Uint8Array): Result<UpdateSet, UpdateSetError> {
  const head = readUpdateSetHead(frame);
  if (!head.ok) return head;
  const { rawBytes, ...rest } = head.value;
  const view = viewOf(frame);
  const count = view.getUint32(40, true);
  const payload = frame.subarray(HEAD_SIZE + EXTENT_SIZE * count, frame.length - CHECK_SIZE);
  const raw = (frame[5]! & FLAG_DEFLATED) === 0 ? payload : inflate(payload, rawBytes);
  if (raw?.length !== rawBytes) return err({ kind: 'bad-payload', found: raw?.length ?? -1, expected: rawBytes });
  const extents: Extent[] = [];
  let end = 0;
  let taken = 0;
  for (let index = 0; index < count; index++) {
    const byteOffset = readUint64(view, HEAD_SIZE + EXTENT_SIZE * index);
    const length = view.getUint32(HEAD_SIZE + EXTENT_SIZE * index + 8, true);
    const holds = Number.isSafeInteger(byteOffset + length) && byteOffset >= end && length > 0;
    if (!holds) return err({ kind: 'bad-extent', index, found: byteOffset });
    if (taken + length > rawBytes) return err({ kind: 'bad-payload', found: rawBytes, expected: taken + length });
    extents.push({ byteOffset, bytes: raw.subarray(taken, taken + length) });
    taken += length;
    end = byteOffset + length;
  }
  if (taken !== rawBytes) return err({ kind: 'bad-payload', found: rawBytes, expected: taken });
  return ok({ ...rest, extents });
}

/** Undefined for what is not deflated. The room is given, so no bomb goes off; its last byte is touched by one only. */
function inflate(payload: Uint8Array, rawBytes: number): Uint8Array | undefined {
  try {
    return inflateSync(payload, { out: new Uint8Array(rawBytes + 1) });
  } catch {
    return undefined; // fflate throws on every malformed stream
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

function readUint64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}
