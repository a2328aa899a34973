/**
 * The file that a snapshot is drained into: records in the order in which pages come, so that it can be
 * written as one stream, and a trailer with counts and a digest, without which it is no snapshot.
 *
 *   0       2    3      4          8               12      16
 *   | 'SF'  |kind|codec | argument | payload bytes | extra | payload …      little endian
 *
 *   head (once, first)   vcpu (one each)   device (once)   disk × n   page × n   trailer (once, last)
 *
 * Pages that no record brings are zeroes; the trailer says how many those are. The digest (base/hash)
 * is over all records before the trailer: it finds damage, it does not resist an adversary.
 * Of disks it has the pages of their files that were ever written; the files below are elsewhere.
 * Left out: several files a snapshot, encryption.
 */
import { inflateSync } from 'fflate';
import { err, type Hash64, hashBytes, hashHex, makeHash, ok, PAGE_SIZE, type Result } from '../base/index.ts';

/** Bytes of a record before its payload. */
export const SNAPSHOT_RECORD_HEADER = 16;
const MAGIC = 0x4653; // 'S' 'F'
const VERSION = 1;
const KIND = { head: 1, vcpu: 2, device: 3, page: 4, trailer: 5, disk: 6 } as const;
/** How a page's payload is coded. */
export const pageCodec = { raw: 0, deflate: 1 } as const;
/** Pages of the largest VM (a host has less RAM). */
const PAGES_MAX = 1 << 20;
const VCPUS_MAX = 64;
const RECORD_MAX = 2 << 20;

/** What a snapshot says of its VM. */
export interface SnapshotHead {
  readonly name: string; //        of the snapshot
  readonly parent: string; //      snapshot that the VM's history goes on from, '' = none
  readonly vm: number;
  readonly vmName: string;
  readonly guest: string;
  readonly pageCount: number;
  readonly vcpuCount: number;
  readonly takenAtNs: number; //   t0: the one instant it shows
}

/** A page of 4 KiB of a disk's file: number of the disk, number of the page. */
export interface SnapshotDiskPage {
  readonly disk: number;
  readonly page: number;
  readonly bytes: Uint8Array;
}

/** What a VM's devices are made of: their record, and the files of its disks as they were before anybody wrote. */
export interface SnapshotMachine {
  readonly record: Uint8Array;
  readonly files: readonly Uint8Array[];
}

/** A whole snapshot in memory. */
export interface SnapshotImage {
  readonly head: SnapshotHead;
  readonly vcpus: readonly Uint8Array[];
  readonly device: Uint8Array;
  /** What was written to the disks; missing: nothing. */
  readonly disks?: readonly SnapshotDiskPage[];
  /** Missing: the VM has no devices, or they are known where the snapshot is. Only an ELF core brings it. */
  readonly machine?: SnapshotMachine;
  /** By page; undefined is a page of zeroes. */
  readonly pages: readonly (Uint8Array | undefined)[];
}

/** Why bytes are no snapshot. `offset` in bytes from the start. */
export type SnapshotFileError =
  | { readonly kind: 'truncated'; readonly offset: number; readonly part: string }
  | { readonly kind: 'bad-record'; readonly offset: number; readonly found: string }
  | { readonly kind: 'bad-version'; readonly found: number; readonly known: number }
  | { readonly kind: 'bad-head'; readonly found: string }
  | { readonly kind: 'wrong-order'; readonly offset: number; readonly found: string }
  | { readonly kind: 'bad-page'; readonly page: number; readonly found: string }
  | { readonly kind: 'wrong-count'; readonly what: string; readonly said: number; readonly found: number }
  | { readonly kind: 'wrong-digest'; readonly said: string; readonly found: string };

/** One sentence: what was expected, what was found, where. */
export function snapshotFileErrorSentence(error: SnapshotFileError): string {
  switch (error.kind) {
    case 'truncated':
      return `The snapshot ends at byte ${error.offset}, before ${error.part}.`;
    case 'bad-record':
      return `The snapshot has no record at byte ${error.offset}: ${error.found}.`;
    case 'bad-version':
      return `The snapshot has version ${error.found}; version ${error.known} is known.`;
    case 'bad-head':
      return `The snapshot's head is malformed: ${error.found}.`;
    case 'wrong-order':
      return `The snapshot has ${error.found} at byte ${error.offset}, where it does not belong.`;
    case 'bad-page':
      return `Page ${error.page} of the snapshot is malformed: ${error.found}.`;
    case 'wrong-count':
      return `The snapshot says ${error.said} ${error.what} and has ${error.found}.`;
    case 'wrong-digest':
      return `The snapshot's digest is ${error.said} and its bytes have ${error.found}; it is damaged.`;
  }
}

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────

function record(kind: number, fields: { codec?: number; argument?: number; extra?: number }, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_RECORD_HEADER + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint8(2, kind);
  view.setUint8(3, fields.codec ?? 0);
  view.setUint32(4, fields.argument ?? 0, true);
  view.setUint32(8, payload.length, true);
  view.setUint32(12, fields.extra ?? 0, true);
  bytes.set(payload, SNAPSHOT_RECORD_HEADER);
  return bytes;
}

function putTime(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** A head as bytes: numbers first, then four texts as UTF-16 with their lengths. */
export function encodeHead(head: SnapshotHead): Uint8Array {
  const texts = [head.name, head.parent, head.vmName, head.guest].map((text) => text.slice(0, 255));
  const bytes = new Uint8Array(24 + texts.reduce((sum, text) => sum + 2 + 2 * text.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, VERSION, true);
  view.setUint32(4, head.vm, true);
  view.setUint32(8, head.pageCount, true);
  view.setUint32(12, head.vcpuCount, true);
  putTime(view, 16, head.takenAtNs);
  let at = 24;
  for (const text of texts) {
    view.setUint16(at, text.length, true);
    for (let index = 0; index < text.length; index++) {
      view.setUint16(at + 2 + 2 * index, text.charCodeAt(index), true);
    }
    at += 2 + 2 * text.length;
  }
  return bytes;
}

/** Digest over records, as writer and reader make it: one mixing a record. */
export function digestRecord(digest: Hash64, bytes: Uint8Array): void {
  hashBytes(digest, bytes);
}

/** Everything before the first page: head, vCPUs, devices, pages of disks, each a record. */
export function encodeBeginning(
  head: SnapshotHead, vcpus: readonly Uint8Array[], device: Uint8Array, disks: readonly SnapshotDiskPage[] = [],
): Uint8Array[] {
  return [
    record(KIND.head, {}, encodeHead(head)),
    ...vcpus.map((bytes, index) => record(KIND.vcpu, { argument: index }, bytes)),
    record(KIND.device, {}, device),
    ...disks.map(({ disk, page, bytes }) => record(KIND.disk, { argument: page, extra: disk }, bytes)),
  ];
}

/** One page. `payload`: 4,096 bytes, or what deflate made of them. */
export function encodePage(page: number, codec: number, payload: Uint8Array): Uint8Array {
  return record(KIND.page, { codec, argument: page }, payload);
}

/** The end: what makes it a snapshot. */
export function encodeTrailer(
  counts: { readonly stored: number; readonly zero: number }, digest: Hash64,
): Uint8Array {
  const payload = new Uint8Array(16);
  const view = new DataView(payload.buffer);
  view.setUint32(0, counts.stored, true);
  view.setUint32(4, counts.zero, true);
  view.setUint32(8, digest.low >>> 0, true);
  view.setUint32(12, digest.high >>> 0, true);
  return record(KIND.trailer, {}, payload);
}

/** The head that {@link encodeHead} made; never throws. */
export function decodeHead(bytes: Uint8Array): Result<SnapshotHead, SnapshotFileError> {
  return readHead(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────

interface Reading {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly digest: Hash64;
  head: SnapshotHead | undefined;
  device: Uint8Array | undefined;
  readonly vcpus: Uint8Array[];
  readonly disks: SnapshotDiskPage[];
  pages: (Uint8Array | undefined)[];
  stored: number;
  done: boolean;
}

function readHead(view: DataView, at: number, size: number): Result<SnapshotHead, SnapshotFileError> {
  if (size < 24) return err({ kind: 'bad-head', found: `${size} bytes` });
  const version = view.getUint32(at, true);
  if (version !== VERSION) return err({ kind: 'bad-version', found: version, known: VERSION });
  const texts: string[] = [];
  let offset = 24;
  for (let index = 0; index < 4; index++) {
    if (offset + 2 > size) return err({ kind: 'bad-head', found: 'a text is missing' });
    const length = view.getUint16(at + offset, true);
    if (offset + 2 + 2 * length > size) return err({ kind: 'bad-head', found: `a text of ${length} characters` });
    let text = '';
    for (let unit = 0; unit < length; unit++) {
      text += String.fromCharCode(view.getUint16(at + offset + 2 + 2 * unit, true));
    }
    texts.push(text);
    offset += 2 + 2 * length;
  }
  if (offset !== size) return err({ kind: 'bad-head', found: `${size - offset} bytes too many` });
  const pageCount = view.getUint32(at + 8, true);
  const vcpuCount = view.getUint32(at + 12, true);
  const takenAtNs = view.getUint32(at + 20, true) * 2 ** 32 + view.getUint32(at + 16, true);
  if (pageCount < 1 || pageCount > PAGES_MAX) return err({ kind: 'bad-head', found: `${pageCount} pages` });
  if (vcpuCount < 1 || vcpuCount > VCPUS_MAX) return err({ kind: 'bad-head', found: `${vcpuCount} vCPUs` });
  if (!Number.isSafeInteger(takenAtNs)) return err({ kind: 'bad-head', found: 'a time beyond 2^53 ns' });
  const [name, parent, vmName, guest] = texts as [string, string, string, string];
  return ok({
    name, parent, vm: view.getUint32(at + 4, true), vmName, guest, pageCount, vcpuCount, takenAtNs,
  });
}

function readPage(codec: number, payload: Uint8Array): Uint8Array | string {
  if (codec === pageCodec.raw) {
    return payload.length === PAGE_SIZE ? payload : `${payload.length} bytes where ${PAGE_SIZE} were expected`;
  }
  if (codec !== pageCodec.deflate) return `codec ${codec} is not known`;
  if (payload.length >= PAGE_SIZE) return `${payload.length} bytes of deflate`;
  try {
    const page = inflateSync(payload);
    return page.length === PAGE_SIZE ? page : `it inflates to ${page.length} bytes`;
  } catch (error) {
    return `it does not inflate (${error instanceof Error ? error.message : 'unknown'})`;
  }
}

/** One record; its payload lies whole in the bytes. */
function onRecord(
  reading: Reading, kind: number, at: number, size: number,
): SnapshotFileError | undefined {
  const { bytes, view } = reading;
  const start = at + SNAPSHOT_RECORD_HEADER;
  const payload = bytes.subarray(start, start + size);
  const argument = view.getUint32(at + 4, true);
  if (kind === KIND.head) {
    if (at !== 0) return { kind: 'wrong-order', offset: at, found: 'a second head' };
    const head = readHead(view, start, size);
    if (!head.ok) return head.error;
    reading.head = head.value;
    reading.pages = new Array<Uint8Array | undefined>(head.value.pageCount).fill(undefined);
    return undefined;
  }
  const { head } = reading;
  if (head === undefined) return { kind: 'wrong-order', offset: at, found: 'a record before the head' };
  switch (kind) {
    case KIND.vcpu:
      if (argument !== reading.vcpus.length || argument >= head.vcpuCount) {
        return { kind: 'wrong-order', offset: at, found: `vCPU ${argument}` };
      }
      reading.vcpus.push(payload);
      return undefined;
    case KIND.device:
      if (reading.device !== undefined) return { kind: 'wrong-order', offset: at, found: 'a second device record' };
      reading.device = payload;
      return undefined;
    case KIND.disk:
      if (size !== PAGE_SIZE) return { kind: 'bad-record', offset: at, found: `a page of a disk with ${size} bytes` };
      reading.disks.push({ disk: view.getUint32(at + 12, true), page: argument, bytes: payload });
      return undefined;
    case KIND.page: {
      if (argument >= head.pageCount) return { kind: 'bad-page', page: argument, found: `the VM has ${head.pageCount} pages` };
      if (reading.pages[argument] !== undefined) return { kind: 'bad-page', page: argument, found: 'it comes a second time' };
      const page = readPage(view.getUint8(at + 3), payload);
      if (typeof page === 'string') return { kind: 'bad-page', page: argument, found: page };
      reading.pages[argument] = page;
      reading.stored++;
      return undefined;
    }
    default:
      return onTrailer(reading, head, start, size);
  }
}

function onTrailer(
  reading: Reading, head: SnapshotHead, start: number, size: number,
): SnapshotFileError | undefined {
  const { view, digest } = reading;
  if (size !== 16) return { kind: 'bad-record', offset: start, found: `a trailer of ${size} bytes` };
  const stored = view.getUint32(start, true);
  const zero = view.getUint32(start + 4, true);
  const said = { low: view.getUint32(start + 8, true) | 0, high: view.getUint32(start + 12, true) | 0 };
  if (said.low !== (digest.low | 0) || said.high !== (digest.high | 0)) {
    return { kind: 'wrong-digest', said: hashHex(said), found: hashHex(digest) };
  }
  if (stored !== reading.stored) return { kind: 'wrong-count', what: 'stored pages', said: stored, found: reading.stored };
  if (stored + zero !== head.pageCount) return { kind: 'wrong-count', what: 'pages', said: stored + zero, found: head.pageCount };
  if (reading.vcpus.length !== head.vcpuCount) return { kind: 'wrong-count', what: 'vCPUs', said: head.vcpuCount, found: reading.vcpus.length };
  if (reading.device === undefined) return { kind: 'bad-head', found: 'there is no device record' };
  reading.done = true;
  return undefined;
}

/** Reads a snapshot; pages may be views into `bytes`. Never throws. Time and memory are linear. */
export function decodeSnapshot(bytes: Uint8Array): Result<SnapshotImage, SnapshotFileError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reading: Reading = {
    bytes, view, digest: makeHash(), head: undefined, device: undefined, vcpus: [], disks: [], pages: [], stored: 0, done: false,
  };
  let at = 0;
  while (!reading.done) {
    if (at + SNAPSHOT_RECORD_HEADER > bytes.length) return err({ kind: 'truncated', offset: bytes.length, part: 'the next record' });
    const kind = view.getUint8(at + 2);
    const size = view.getUint32(at + 8, true);
    if (view.getUint16(at, true) !== MAGIC || kind < 1 || kind > KIND.disk || size > RECORD_MAX) {
      return err({ kind: 'bad-record', offset: at, found: `0x${view.getUint32(at, true).toString(16)} with ${size} bytes` });
    }
    const end = at + SNAPSHOT_RECORD_HEADER + size;
    if (end > bytes.length) return err({ kind: 'truncated', offset: bytes.length, part: 'the end of a record' });
    const error = onRecord(reading, kind, at, size);
    if (error !== undefined) return err(error);
    digestRecord(reading.digest, bytes.subarray(at, end));
    at = end;
  }
  if (at !== bytes.length) return err({ kind: 'bad-record', offset: at, found: `${bytes.length - at} bytes after the trailer` });
  const { head, device, vcpus, disks, pages } = reading;
  if (head === undefined || device === undefined) return err({ kind: 'bad-head', found: 'it is missing' });
  return ok({ head, device, vcpus, pages, ...(disks.length === 0 ? {} : { disks }) });
}

/** A whole snapshot as bytes, pages uncompressed, zeroes left out (for tests and for exports of live VMs). */
export function encodeSnapshot(image: SnapshotImage): Uint8Array {
  const digest = makeHash();
  const stored = image.pages.flatMap((bytes, page) => (bytes === undefined ? [] : [encodePage(page, pageCodec.raw, bytes)]));
  const records = [...encodeBeginning(image.head, image.vcpus, image.device, image.disks), ...stored];
  for (const bytes of records) digestRecord(digest, bytes);
  const zero = image.pages.length - stored.length;
  return joinPieces([...records, encodeTrailer({ stored: stored.length, zero }, digest)]);
}

/** Pieces in one array. */
export function joinPieces(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
