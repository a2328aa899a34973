/**
 * Framing of a migration stream: the bytes that two hypervisors exchange over one TCP connection.
 * Every record is a 16-byte header, little endian, and a payload:
 *
 *   0        2     3     4          8        12              16
 *   | 'GS'   | kind| 0   | argument | extra  | payload bytes | payload …
 *
 * The decoder is incremental and reads pages in place: a record that lies whole in the bytes handed in
 * is never copied. Only the framing is here; which record may follow which is the mechanism's matter.
 * Left out: compression, checksums of its own (TCP's checksum covers the bytes), multiplexing.
 */
import { assert, err, ok, PAGE_SIZE, type Result } from '../base/index.ts';

/** Bytes of a record's header. */
export const RECORD_HEADER_SIZE = 16;
/** Bytes of a whole page record. */
export const PAGE_RECORD_SIZE = RECORD_HEADER_SIZE + PAGE_SIZE;
/** Version of the framing, carried by `hello`. */
export const STREAM_VERSION = 1;

const MAGIC = 0x5347; // 'G' 'S'

/** Kinds of record. A term numbers a stop of the VM (its hand-over's fencing token). */
export const recordKind = {
  hello: 1, //      source → destination: who comes (payload: see encodeHello)
  accept: 2, //     destination → source: frames are reserved
  refuse: 3, //     destination → source: payload is one sentence
  page: 4, //       argument = guest frame number, payload = 4,096 bytes
  zero: 5, //       argument = first guest frame number, extra = how many frames of zeroes
  roundEnd: 6, //   argument = round, extra = pages sent in it
  roundAck: 7, //   destination → source: everything up to this round is in memory
  vcpu: 8, //       argument = vCPU index, payload = its declared record
  device: 9, //     payload = the VM's device record
  ready: 10, //     destination → source: it could run now; argument = term
  grant: 11, //     source → destination: the fencing token; argument = term, payload = deadline (8 bytes, ns)
  taken: 12, //     destination → source: the token is recorded, it runs here; payload = since when (8 bytes, ns)
  query: 13, //     source → destination: what became of the token? argument = term, extra = VM
  void: 14, //      destination → source: the token of this term was never taken and never will be
  stop: 15, //      source → destination: the VM stands; argument = term, payload = since when; its final state follows
  final: 16, //     source → destination: that was all; (argument, extra) = digest of what came since `stop`
  undo: 17, //      source → destination: the stop of this term is called off, rounds go on
  disk: 18, //      argument = page of a disk's file, extra = number of the disk, payload = 4,096 bytes
} as const;
export type RecordKindName = keyof typeof recordKind;

/** Most payload bytes of a kind; a page is exact. Limits bound what a broken peer makes the decoder keep. */
const PAYLOAD_MAX: Readonly<Record<RecordKindName, number>> = {
  hello: 1024,
  accept: 0,
  refuse: 1024,
  page: PAGE_SIZE,
  zero: 0,
  roundEnd: 0,
  roundAck: 0,
  vcpu: 65_536,
  device: 2 << 20, // frames that wait, pages in the balloon
  ready: 0,
  grant: 8,
  taken: 8,
  query: 0,
  void: 0,
  stop: 8,
  final: 0,
  undo: 0,
  disk: PAGE_SIZE,
};

const KIND_NAMES: readonly (RecordKindName | undefined)[] = Object.keys(recordKind).reduce<
  (RecordKindName | undefined)[]
>((names, name) => {
  names[recordKind[name as RecordKindName]] = name as RecordKindName;
  return names;
}, []);

/** The name of a kind, for logs. */
export function recordKindName(kind: number): string {
  return KIND_NAMES[kind] ?? `kind ${kind}`;
}

/** Why a stream is not one of ours. `offset` counts bytes from the start of the stream. */
export type StreamError =
  | { readonly kind: 'bad-magic'; readonly offset: number; readonly found: number }
  | { readonly kind: 'unknown-record'; readonly offset: number; readonly found: number }
  | {
      readonly kind: 'bad-length';
      readonly offset: number;
      readonly record: RecordKindName;
      readonly found: number;
      readonly maximum: number;
    }
  | { readonly kind: 'bad-hello'; readonly found: string };

/** One sentence for a {@link StreamError}. */
export function streamErrorSentence(error: StreamError): string {
  switch (error.kind) {
    case 'bad-magic':
      return `The migration stream has 0x${error.found.toString(16)} at byte ${error.offset}, where a record should begin with 0x5347.`;
    case 'unknown-record':
      return `The migration stream has a record of unknown kind ${error.found} at byte ${error.offset}.`;
    case 'bad-length':
      return `The ${error.record} record at byte ${error.offset} of the migration stream says ${error.found} bytes; at most ${error.maximum} are allowed (a page is exactly ${PAGE_SIZE}).`;
    case 'bad-hello':
      return `The hello of the migration stream is malformed: ${error.found}.`;
  }
}

/** Writes a header at `at` of `into`; gives the offset after it. */
export function writeRecordHeader(
  into: Uint8Array,
  at: number,
  header: {
    readonly kind: number;
    readonly argument: number;
    readonly extra: number;
    readonly payloadSize: number;
  },
): number {
  assert(at + RECORD_HEADER_SIZE <= into.length, 'a record header fits its buffer');
  into[at] = MAGIC & 0xff;
  into[at + 1] = MAGIC >> 8;
  into[at + 2] = header.kind;
  into[at + 3] = 0;
  writeUint32(into, at + 4, header.argument);
  writeUint32(into, at + 8, header.extra);
  writeUint32(into, at + 12, header.payloadSize);
  return at + RECORD_HEADER_SIZE;
}

/** Writes a page record at `at`; gives the offset after it. `page` is a live view, copied here. */
export function writePageRecord(
  into: Uint8Array,
  at: number,
  guestFrame: number,
  page: Uint8Array,
): number {
  assert(page.length === PAGE_SIZE, 'a page record carries one page');
  assert(at + PAGE_RECORD_SIZE <= into.length, 'a page record fits its buffer');
  writeUint32(into, at, MAGIC | (recordKind.page << 16));
  writeUint32(into, at + 4, guestFrame);
  writeUint32(into, at + 8, 0);
  writeUint32(into, at + 12, PAGE_SIZE);
  into.set(page, at + RECORD_HEADER_SIZE);
  return at + PAGE_RECORD_SIZE;
}

/** A whole record as fresh bytes. */
export function encodeRecord(
  kind: RecordKindName,
  values: { readonly argument?: number; readonly extra?: number; readonly payload?: Uint8Array } = {},
): Uint8Array {
  const payload = values.payload ?? new Uint8Array(0);
  assert(payload.length <= PAYLOAD_MAX[kind], `a ${kind} record's payload is within its limit`);
  const bytes = new Uint8Array(RECORD_HEADER_SIZE + payload.length);
  writeRecordHeader(bytes, 0, {
    kind: recordKind[kind],
    argument: values.argument ?? 0,
    extra: values.extra ?? 0,
    payloadSize: payload.length,
  });
  bytes.set(payload, RECORD_HEADER_SIZE);
  return bytes;
}

/**
 * What the decoder calls for each whole record. `source` holds the payload at `offset`, `size` bytes
 * long; it is valid during the call only. Return false to stop decoding (the stream is done with).
 */
export type RecordHandler = (
  kind: number,
  argument: number,
  extra: number,
  source: Uint8Array,
  offset: number,
  size: number,
) => boolean;

/**
 * An incremental decoder of one direction of a stream. `feed` takes any split of the bytes. What is
 * kept between calls is at most one record.
 */
export class PageStreamDecoder {
  private partial = new Uint8Array(PAGE_RECORD_SIZE);
  private partialSize = 0;
  private consumed = 0; // bytes of the stream before the record that stands next

  /** Bytes of an unfinished record that wait for more. */
  pendingByteCount(): number {
    return this.partialSize;
  }

  /** Decodes `bytes`, calling `onRecord` for each record. After an error the decoder is not fed again. */
  feed(bytes: Uint8Array, onRecord: RecordHandler): Result<number, StreamError> {
    let at = 0;
    let count = 0;
    while (at < bytes.length) {
      if (this.partialSize > 0) {
        const taken = this.fillPartial(bytes, at);
        if (!taken.ok) return taken;
        at += taken.value;
        const size = this.wholeSize(this.partial, 0, this.partialSize);
        if (!size.ok) return size;
        if (size.value === 0) return ok(count); // all of `bytes` went into the partial record
        this.partialSize = 0;
        count++;
        if (!this.hand(this.partial, 0, size.value, onRecord)) return ok(count);
        continue;
      }
      const size = this.wholeSize(bytes, at, bytes.length - at);
      if (!size.ok) return size;
      if (size.value === 0) {
        this.keep(bytes, at);
        return ok(count);
      }
      const start = at;
      at += size.value;
      count++;
      if (!this.hand(bytes, start, size.value, onRecord)) return ok(count);
    }
    return ok(count);
  }

  /** Size of the record at `at` when it is whole within `available` bytes, 0 when more is needed. */
  private wholeSize(source: Uint8Array, at: number, available: number): Result<number, StreamError> {
    if (available < RECORD_HEADER_SIZE) return ok(0);
    const checked = this.checkHeader(source, at);
    if (!checked.ok) return checked;
    return ok(available >= checked.value ? checked.value : 0);
  }

  private checkHeader(source: Uint8Array, at: number): Result<number, StreamError> {
    const magic = source[at]! | (source[at + 1]! << 8);
    if (magic !== MAGIC) return err({ kind: 'bad-magic', offset: this.consumed, found: magic });
    const kind = source[at + 2]!;
    const name = KIND_NAMES[kind];
    if (name === undefined) {
      return err({ kind: 'unknown-record', offset: this.consumed, found: kind });
    }
    const size = readUint32(source, at + 12);
    const maximum = PAYLOAD_MAX[name];
    if (size > maximum || ((kind === recordKind.page || kind === recordKind.disk) && size !== PAGE_SIZE)) {
      return err({ kind: 'bad-length', offset: this.consumed, record: name, found: size, maximum });
    }
    return ok(RECORD_HEADER_SIZE + size);
  }

  /** Completes the kept record as far as `bytes` reaches; gives how many bytes it took. */
  private fillPartial(bytes: Uint8Array, at: number): Result<number, StreamError> {
    let taken = 0;
    if (this.partialSize < RECORD_HEADER_SIZE) {
      taken = this.append(bytes, at, RECORD_HEADER_SIZE - this.partialSize);
      if (this.partialSize < RECORD_HEADER_SIZE) return ok(taken);
    }
    const whole = this.checkHeader(this.partial, 0);
    if (!whole.ok) return whole;
    taken += this.append(bytes, at + taken, whole.value - this.partialSize);
    return ok(taken);
  }

  private append(bytes: Uint8Array, at: number, wanted: number): number {
    const size = Math.min(wanted, bytes.length - at);
    if (this.partialSize + size > this.partial.length) {
      const larger = new Uint8Array(this.partialSize + size);
      larger.set(this.partial.subarray(0, this.partialSize));
      this.partial = larger;
    }
    this.partial.set(bytes.subarray(at, at + size), this.partialSize);
    this.partialSize += size;
    return size;
  }

  private keep(bytes: Uint8Array, at: number): void {
    this.append(bytes, at, bytes.length - at);
  }

  private hand(source: Uint8Array, at: number, size: number, onRecord: RecordHandler): boolean {
    this.consumed += size;
    return onRecord(
      source[at + 2]!,
      readUint32(source, at + 4),
      readUint32(source, at + 8),
      source,
      at + RECORD_HEADER_SIZE,
      size - RECORD_HEADER_SIZE,
    );
  }
}

/** What a source says first. */
export interface StreamHello {
  readonly version: number;
  readonly vm: number; //        VM id, kept across migration
  readonly attempt: number; //   counts migrations of this VM from this source; part of the fencing token
  readonly source: number; //    host id
  readonly pageCount: number;
  readonly vcpuCount: number;
  readonly mode: number; //      0 pre-copy, 1 stop-and-copy
  readonly name: string;
  readonly guest: string;
}

const HELLO_FIXED_SIZE = 7 * 4;

/** The payload of a hello record. Names are cut at 200 UTF-16 units. */
export function encodeHello(hello: StreamHello): Uint8Array {
  const name = hello.name.slice(0, 200);
  const guest = hello.guest.slice(0, 200);
  const bytes = new Uint8Array(HELLO_FIXED_SIZE + 4 + 2 * (name.length + guest.length));
  const words = [hello.version, hello.vm, hello.attempt, hello.source];
  [...words, hello.pageCount, hello.vcpuCount, hello.mode].forEach((word, index) => {
    writeUint32(bytes, index * 4, word);
  });
  let at = HELLO_FIXED_SIZE;
  for (const text of [name, guest]) {
    bytes[at] = text.length;
    bytes[at + 1] = 0;
    at += 2;
    for (let index = 0; index < text.length; index++, at += 2) {
      bytes[at] = text.charCodeAt(index) & 0xff;
      bytes[at + 1] = text.charCodeAt(index) >> 8;
    }
  }
  return bytes;
}

/** Reads a hello's payload; refuses one that is cut short or of another version. */
export function decodeHello(payload: Uint8Array): Result<StreamHello, StreamError> {
  if (payload.length < HELLO_FIXED_SIZE + 4) {
    return err({ kind: 'bad-hello', found: `${payload.length} bytes` });
  }
  const word = (index: number) => readUint32(payload, index * 4);
  if (word(0) !== STREAM_VERSION) return err({ kind: 'bad-hello', found: `version ${word(0)}` });
  const texts: string[] = [];
  let at = HELLO_FIXED_SIZE;
  for (let text = 0; text < 2; text++) {
    const length = payload[at] ?? 0;
    if (at + 2 + 2 * length > payload.length) {
      return err({ kind: 'bad-hello', found: 'a name that is cut short' });
    }
    let value = '';
    for (let index = 0; index < length; index++) {
      const unit = at + 2 + 2 * index;
      value += String.fromCharCode(payload[unit]! | (payload[unit + 1]! << 8));
    }
    texts.push(value);
    at += 2 + 2 * length;
  }
  return ok({
    version: word(0),
    vm: word(1),
    attempt: word(2),
    source: word(3),
    pageCount: word(4),
    vcpuCount: word(5),
    mode: word(6),
    name: texts[0]!,
    guest: texts[1]!,
  });
}

function writeUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value & 0xff;
  into[at + 1] = (value >>> 8) & 0xff;
  into[at + 2] = (value >>> 16) & 0xff;
  into[at + 3] = value >>> 24;
}

function readUint32(source: Uint8Array, at: number): number {
  return (
    (source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24)) >>> 0
  );
}
