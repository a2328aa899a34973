/**
 * What taps, gateways and volumes say to each other over TCP: a head of 40 bytes, then a payload. One head for all
 * kinds; which of the three numbers a kind uses, and for what, is in {@link MESSAGES}. Little-endian.
 *
 *   0  'G' 'R'   2  version 1   3  kind   4  payload bytes   8  workload   12  term
 *  16  first (f64)              24  second (f64)             32  third (f64)   40  payload
 */
import { assert, err, ok, type Result } from '../base/index.ts';

const HEAD_SIZE = 40;
/** Payload of one message at most: an update set of its largest size, and room. */
const PAYLOAD_MAX = 80 << 20;

// biome-ignore format: a table
export const MESSAGES = {
  // tap → production gateway
  open:      { kind: 1,  first: 'recovery gateway', second: 'next sequence', third: '',              payload: 'changed-block bitmap' },
  resume:    { kind: 2,  first: 'recovery gateway', second: 'applied so far', third: '',             payload: '' },
  write:     { kind: 3,  first: 'byte offset',      second: '',              third: '',              payload: 'bytes written' },
  seal:      { kind: 4,  first: 'sequence',         second: 'base',          third: 'sealed at, ns', payload: 'digest (8), resync (1)' },
  close:     { kind: 5,  first: '',                 second: '',              third: '',              payload: '' },
  drop:      { kind: 6,  first: '',                 second: '',              third: '',              payload: '' },
  ping:      { kind: 7,  first: 'any number',       second: '',              third: '',              payload: '' },
  // production gateway → tap
  opened:    { kind: 16, first: 'applied',          second: '',              third: '',              payload: 'digest of the recovery volume (8)' },
  resumed:   { kind: 17, first: 'staged',           second: '',              third: '',              payload: '' },
  staged:    { kind: 18, first: 'sequence',         second: '',              third: '',              payload: '' },
  full:      { kind: 19, first: '',                 second: '',              third: '',              payload: '' },
  drained:   { kind: 20, first: '',                 second: '',              third: '',              payload: '' },
  lost:      { kind: 21, first: '',                 second: '',              third: '',              payload: '' },
  report:    { kind: 22, first: 'epoch',            second: 'score',         third: 'backlog age, ns', payload: 'uses and backlog (f64 each)' },
  pong:      { kind: 23, first: 'the ping’s',       second: '',              third: '',              payload: '' },
  // gateway → gateway → volume
  fence:     { kind: 32, first: '',                 second: '',              third: '',              payload: '' },
  set:       { kind: 33, first: 'sequence',         second: '',              third: '',              payload: 'update set' },
  // volume → gateway → gateway (→ tap)
  fenced:    { kind: 48, first: 'applied',          second: '',              third: '',              payload: 'digest of the recovery volume (8)' },
  applied:   { kind: 49, first: 'sequence',         second: '',              third: '',              payload: '' },
  refused:   { kind: 50, first: 'applied',          second: 'term known',    third: '',              payload: '' },
  // site ↔ site
  promote:   { kind: 64, first: 'sequence',         second: '',              third: '',              payload: '' },
  promoted:  { kind: 65, first: 'sequence',         second: '',              third: '',              payload: '' },
} as const;

export type MessageName = keyof typeof MESSAGES;

/** A message; numbers that its kind does not use are 0. */
export interface Message {
  readonly name: MessageName;
  readonly workload: number;
  readonly term: number;
  readonly first: number;
  readonly second: number;
  readonly third: number;
  readonly payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const NAMES: ReadonlyMap<number, MessageName> = new Map(
  (Object.keys(MESSAGES) as MessageName[]).map((name) => [MESSAGES[name].kind, name] as const),
);

/** A message with what it says; the rest 0. */
export function message(
  name: MessageName,
  workload: number,
  term: number,
  says: { readonly first?: number; readonly second?: number; readonly third?: number; readonly payload?: Uint8Array } = {},
): Message {
  const { first = 0, second = 0, third = 0, payload = NOTHING } = says;
  return { name, workload, term, first, second, third, payload };
}

/** The bytes of a message, head and payload. */
export function encodeMessage({ name, workload, term, first, second, third, payload }: Message): Uint8Array {
  assert(payload.length <= PAYLOAD_MAX, 'a message has a bound');
  const bytes = new Uint8Array(HEAD_SIZE + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x47; // 'G'
  bytes[1] = 0x52; // 'R'
  bytes[2] = 1;
  bytes[3] = MESSAGES[name].kind;
  view.setUint32(4, payload.length, true);
  view.setUint32(8, workload, true);
  view.setUint32(12, term, true);
  view.setFloat64(16, first, true);
  view.setFloat64(24, second, true);
  view.setFloat64(32, third, true);
  bytes.set(payload, HEAD_SIZE);
  return bytes;
}

/** Why a stream is none of ours. */
export type MessageError =
  | { readonly kind: 'bad-magic'; readonly found: number }
  | { readonly kind: 'unknown-kind'; readonly found: number }
  | { readonly kind: 'too-long'; readonly found: number; readonly maximum: number };

/** Cuts a stream of bytes into messages, whatever pieces it comes in. */
export class MessageReader {
  private pieces: Uint8Array[] = [];
  private byteCount = 0;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.pieces.push(bytes);
    this.byteCount += bytes.length;
  }

  /** Bytes that no message has been made of. */
  waitingBytes(): number {
    return this.byteCount;
  }

  /** The next message; undefined while it is not whole. After an error nothing more can be read. */
  take(): Result<Message | undefined, MessageError> {
    if (this.byteCount < HEAD_SIZE) return ok(undefined);
    const head = this.gather(HEAD_SIZE);
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const magic = view.getUint16(0, true) | (head[2]! << 16);
    if (magic !== 0x015247) return err({ kind: 'bad-magic', found: magic });
    const name = NAMES.get(head[3]!);
    if (name === undefined) return err({ kind: 'unknown-kind', found: head[3]! });
    const length = view.getUint32(4, true);
    if (length > PAYLOAD_MAX) return err({ kind: 'too-long', found: length, maximum: PAYLOAD_MAX });
    if (this.byteCount < HEAD_SIZE + length) return ok(undefined);
    const whole = this.gather(HEAD_SIZE + length);
    const read = {
      name,
      workload: view.getUint32(8, true),
      term: view.getUint32(12, true),
      first: view.getFloat64(16, true),
      second: view.getFloat64(24, true),
      third: view.getFloat64(32, true),
      payload: whole.subarray(HEAD_SIZE, HEAD_SIZE + length),
    };
    this.drop(HEAD_SIZE + length);
    return ok(read);
  }

  /** The first `count` bytes in one piece. */
  private gather(count: number): Uint8Array {
    const [first] = this.pieces;
    if (first !== undefined && first.length >= count) return first;
    const joined = new Uint8Array(this.byteCount);
    let at = 0;
    for (const piece of this.pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    this.pieces = [joined];
    return joined;
  }

  private drop(count: number): void {
    const [first] = this.pieces;
    assert(first !== undefined && first.length >= count, 'a message lies in one piece');
    if (first.length === count) this.pieces.shift();
    else this.pieces[0] = first.subarray(count);
    this.byteCount -= count;
  }
}

/** A digest of 16 hexadecimal digits as 8 bytes. */
export function digestBytes(digest: string): Uint8Array {
  return Uint8Array.from({ length: 8 }, (_, index) => Number.parseInt(digest.slice(2 * index, 2 * index + 2), 16));
}

/** Eight bytes as 16 hexadecimal digits. */
export function digestText(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
