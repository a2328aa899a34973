/**
 * Writes a Perfetto trace: tracks with slices, instants and counters, as protocol buffers. Times are whole
 * nanoseconds. Not written: interned names, flows, the parts that describe real threads.
 * Messages and field numbers: perfetto protos/perfetto/trace/{trace,trace_packet}.proto and
 * trace/track_event/{track_event,track_descriptor,counter_descriptor,process_descriptor,debug_annotation}.proto.
 */
import { assert } from '../base/assert.ts';

export interface TraceSlice {
  readonly fromNs: number;
  readonly toNs: number;
  readonly name: string;
  readonly category: string;
  /** Shown when the slice is selected. */
  readonly facts: Readonly<Record<string, string | number>>;
}

export interface TraceInstant {
  readonly atNs: number;
  readonly name: string;
  readonly category: string;
}

/** One row of the trace: slices and instants, or a counter. */
export type TraceTrack =
  | { readonly kind: 'slices'; readonly name: string; readonly slices: readonly TraceSlice[]; readonly instants: readonly TraceInstant[] }
  | { readonly kind: 'counter'; readonly name: string; readonly unit: string; readonly points: readonly { readonly atNs: number; readonly value: number }[] };

/** Tracks of one machine, shown together under its name. */
export interface TraceProcess {
  readonly name: string;
  readonly tracks: readonly TraceTrack[];
}

/** TracePacket.trusted_packet_sequence_id: this file has one writer. */
const SEQUENCE = 1;
/** TracePacket.sequence_flags SEQ_INCREMENTAL_STATE_CLEARED. */
const STATE_CLEARED = 1;
const EVENT = { sliceBegin: 1, sliceEnd: 2, instant: 3, counter: 4 } as const;

/** Growing protocol-buffer message: varints, length-delimited fields, doubles. */
class Message {
  #bytes = new Uint8Array(64);
  #length = 0;

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  varint(field: number, value: number): this {
    this.#key(field, 0);
    this.#raw(value);
    return this;
  }

  double(field: number, value: number): this {
    this.#key(field, 1);
    this.#room(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  text(field: number, value: string): this {
    return this.part(field, encodeUtf8(value));
  }

  part(field: number, bytes: Uint8Array): this {
    this.#key(field, 2);
    this.#raw(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  #key(field: number, wireType: number): void {
    this.#raw(field * 8 + wireType);
  }

  #raw(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a varint of a trace is a whole number from 0');
    this.#room(8);
    let left = value;
    while (left >= 128) {
      this.#bytes[this.#length++] = (left % 128) + 128;
      left = Math.floor(left / 128);
    }
    this.#bytes[this.#length++] = left;
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** UTF-8 of a string; a lone surrogate becomes U+FFFD (RFC 3629). */
export function encodeUtf8(text: string): Uint8Array {
  const out: number[] = [];
  for (const sign of text) {
    let code = sign.codePointAt(0)!;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) out.push(code);
    else if (code < 0x800) out.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else out.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return Uint8Array.from(out);
}

interface Timed {
  readonly atNs: number;
  /** At one time, ends come before beginnings, the inner first; then the outer begins first. */
  readonly order: number;
  readonly event: Message;
}

/** The trace file of these processes. Slices of one track must nest or follow one another, as Perfetto asks. */
export function writePerfettoTrace(processes: readonly TraceProcess[]): Uint8Array {
  const file = new Message();
  const timed: Timed[] = [];
  let uuid = 1;
  let first = true;
  const describe = (descriptor: Message) => {
    const packet = new Message().varint(10, SEQUENCE).part(60, descriptor.bytes());
    if (first) packet.varint(13, STATE_CLEARED);
    first = false;
    file.part(1, packet.bytes());
  };
  processes.forEach(({ name, tracks }, index) => {
    const parent = uuid++;
    const identity = new Message().varint(1, index + 1).text(6, name);
    describe(new Message().varint(1, parent).text(2, name).part(3, identity.bytes()));
    for (const track of tracks) {
      const id = uuid++;
      const descriptor = new Message().varint(1, id).text(2, track.name).varint(5, parent);
      if (track.kind === 'counter') descriptor.part(8, new Message().text(6, track.unit).bytes());
      describe(descriptor);
      timed.push(...(track.kind === 'counter' ? counterEvents(id, track.points) : sliceEvents(id, track.slices, track.instants)));
    }
  });
  timed.sort((a, b) => a.atNs - b.atNs || a.order - b.order);
  for (const { atNs, event } of timed) {
    file.part(1, new Message().varint(8, atNs).varint(10, SEQUENCE).part(11, event.bytes()).bytes());
  }
  return file.bytes().slice();
}

function counterEvents(track: number, points: readonly { readonly atNs: number; readonly value: number }[]): Timed[] {
  return points
    .filter((point) => Number.isFinite(point.value))
    .map(({ atNs, value }) => ({ atNs, order: 0, event: new Message().varint(9, EVENT.counter).varint(11, track).double(44, value) }));
}

function sliceEvents(track: number, slices: readonly TraceSlice[], instants: readonly TraceInstant[]): Timed[] {
  const events: Timed[] = [];
  for (const slice of slices) {
    assert(slice.toNs >= slice.fromNs, 'a slice of a trace does not end before it begins');
    const length = slice.toNs - slice.fromNs;
    const begin = new Message().varint(9, EVENT.sliceBegin).varint(11, track).text(22, slice.category).text(23, slice.name);
    for (const [name, value] of Object.entries(slice.facts)) {
      const fact = new Message().text(10, name);
      if (typeof value === 'string') fact.text(6, value);
      else fact.double(5, value);
      begin.part(4, fact.bytes());
    }
    // A slice of no length begins and ends after all other ends of its time.
    events.push({ atNs: slice.fromNs, order: length === 0 ? 1 : 2 + 1 / (1 + length), event: begin });
    events.push({ atNs: slice.toNs, order: length === 0 ? 1.5 : -1 / (1 + length), event: new Message().varint(9, EVENT.sliceEnd).varint(11, track) });
  }
  for (const { atNs, name, category } of instants) {
    events.push({ atNs, order: 0.5, event: new Message().varint(9, EVENT.instant).varint(11, track).text(22, category).text(23, name) });
  }
  return events;
}
