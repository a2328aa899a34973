/**
 * One TCP connection as a plain record, and its arithmetic. Inside, positions are offsets in the
 * stream: byte k of the data is at k, the SYN is at −1, a FIN behind n bytes is at n. Offsets never
 * wrap (2^53); only the wire has 32-bit sequence numbers.
 * Standard: RFC 9293 §3.3 (state), §3.4 (sequence numbers), RFC 7323 §2 (window scale).
 */
import type { Ipv4Address } from '../ipv4.ts';

/** RFC 9293 §3.3.2. 'closed' only between the last segment and the record's removal. */
export type TcpState =
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close-wait'
  | 'closing'
  | 'last-ack'
  | 'time-wait'
  | 'closed';

/** Small integer, increasing, never used twice by a stack. */
export type ConnectionId = number;

/** What is being sent. Offsets in bytes of our stream. */
export interface SendState {
  /** ISS: the sequence number of our SYN. */
  readonly initialSequence: number;
  /** SND.UNA: oldest offset not acknowledged; −1 until the SYN is. */
  unacknowledged: number;
  /** SND.NXT: next offset to send. After a timeout it goes back. */
  next: number;
  /** Highest SND.NXT so far. */
  highest: number;
  /** Bytes that the application has handed over. */
  written: number;
  /** The application will write no more: a FIN follows at `written`. */
  finRequested: boolean;
  /** The application said that more follows: only full segments go. */
  corked: boolean;
  /** First offset beyond the peer's window. */
  windowEdge: number;
  /** SND.WL1, SND.WL2: offset and acknowledgement of the segment that set the window. */
  windowSequence: number;
  windowAcknowledgement: number;
  /** Largest window that the peer ever offered. Unit: byte. */
  windowMax: number;
  /** Shift of the windows that the peer announces. 0 … 14. */
  scale: number;
  /** Payload of a full segment. Unit: byte. */
  maximumSegmentSize: number;
  /** Ends of the segments that are sent and not acknowledged, ascending: what goes again is the same. */
  readonly segmentEnds: number[];
  /** Payload of a segment as the link takes them now: the SMSS of congestion control. Unit: byte. */
  segmentBytes: number;
  /** Bytes [unacknowledged, written), at offset modulo length; length is a power of two. */
  ring: Uint8Array;
  /** send() took less than it was offered: a 'writable' event is due. */
  wantsWritable: boolean;
}

/** Bytes that arrived ahead of a gap. */
export interface OutOfOrderPiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What is being received. Offsets in bytes of the peer's stream. */
export interface ReceiveState {
  /** IRS: the sequence number of the peer's SYN. */
  initialSequence: number;
  /** RCV.NXT: next offset expected; −1 until the SYN came. */
  next: number;
  /** First offset beyond the window that we announced; it never moves back. */
  edge: number;
  /** Shift of the windows that we announce. */
  scale: number;
  /** Bytes that the application has consumed. */
  consumed: number;
  /** In-order payload, oldest first: views into the frames that brought it. */
  readonly chunks: Uint8Array[];
  /** Bytes of chunks[0] that are consumed. */
  chunkStart: number;
  /** Ascending, without overlap, all beyond `next`. */
  readonly outOfOrder: OutOfOrderPiece[];
  /** Offset of the peer's FIN, once seen; −1 before. */
  finOffset: number;
  /** Segments with payload since we last sent an acknowledgement. */
  segmentsUnacknowledged: number;
  /** An acknowledgement must leave before the event ends. */
  acknowledgeNow: boolean;
  /** No challenge acknowledgement leaves before this time. Unit: ns. */
  challengeAtNs: number;
}

/** RFC 5681, RFC 6582. Unit of windows: byte. */
export interface CongestionState {
  window: number;
  slowStartThreshold: number;
  duplicateAcknowledgements: number;
  inRecovery: boolean;
  /** RFC 6582: highest offset sent when the last recovery or timeout began. */
  recover: number;
  /** Whether a partial acknowledgement already restarted the timer in this recovery. */
  partialSeen: boolean;
  /** Bytes acknowledged since the window last grew in congestion avoidance. */
  bytesAcknowledged: number;
}

/** RFC 6298 and the deadlines of all timers. Unit: ns; Infinity is "not running". */
export interface TimerState {
  smoothedRttNs: number;
  rttVariationNs: number;
  /** Before backoff. */
  retransmissionTimeoutNs: number;
  /** Doublings of the timeout; a fresh measurement ends them (Karn's rule). */
  backoff: number;
  /** Timeouts in a row without an acknowledgement of new data. */
  timeoutsInRow: number;
  /** End offset of the segment that is being timed; −2 when none is. */
  timedOffset: number;
  timedAtNs: number;
  retransmissionAtNs: number;
  persistAtNs: number;
  /** Window probes in a row that nobody answered. */
  probesUnanswered: number;
  delayedAcknowledgementAtNs: number;
  timeWaitAtNs: number;
  /** Earliest call that each timer has asked its host for and not had: saves one event a segment. */
  readonly asked: Record<TimerKind, number>;
  lastSentNs: number;
}

/** Timers of a connection, and 'events' for those that an interface call raised. */
export type TimerKind =
  | 'retransmission'
  | 'persist'
  | 'delayed-acknowledgement'
  | 'time-wait'
  | 'events';

/** Counters since the connection began. */
export interface ConnectionCounters {
  segmentsSent: number;
  segmentsReceived: number;
  payloadBytesSent: number;
  payloadBytesReceived: number;
  bytesRetransmitted: number;
  timeouts: number;
  fastRetransmissions: number;
  duplicateSegments: number;
}

/** See the file's head. */
export interface TcpConnection {
  readonly id: ConnectionId;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  /** True when connect() made it. */
  readonly active: boolean;
  state: TcpState;
  readonly send: SendState;
  readonly receive: ReceiveState;
  readonly congestion: CongestionState;
  readonly timers: TimerState;
  readonly counters: ConnectionCounters;
}

/** The 32-bit sequence number of `offset` in a stream whose SYN has `initialSequence`. */
export function sequenceOf(initialSequence: number, offset: number): number {
  // The sum stays below 2^53; >>> takes it modulo 2^32.
  return (initialSequence + 1 + offset) >>> 0;
}

/** The offset nearest to `near` that `sequence` can mean: within 2^31 on either side. */
export function offsetOf(initialSequence: number, sequence: number, near: number): number {
  return near + ((sequence - sequenceOf(initialSequence, near)) | 0);
}

/** Bytes in flight: sent and not acknowledged (FlightSize of RFC 5681). */
export function flightSize(send: SendState): number {
  return Math.max(0, send.next - Math.max(0, send.unacknowledged));
}

/** Bytes of the application that are still in the send buffer. */
export function bufferedBytes(send: SendState): number {
  return send.written - Math.min(send.written, Math.max(0, send.unacknowledged));
}

/** End of the segment that holds byte `offset` and was sent before. */
export function sentSegmentEnd(send: SendState, offset: number): number {
  return send.segmentEnds.find((end) => end > offset) ?? send.highest;
}

/** Whether our FIN was sent and acknowledged. */
export function finAcknowledged(send: SendState): boolean {
  return send.finRequested && send.unacknowledged > send.written;
}

/** Whether the peer's FIN was received in order. */
export function finReceived(receive: ReceiveState): boolean {
  return receive.finOffset >= 0 && receive.next > receive.finOffset;
}

/** In-order bytes that the application has not consumed. */
export function availableBytes(receive: ReceiveState): number {
  return Math.max(0, receive.next - (finReceived(receive) ? 1 : 0) - receive.consumed);
}

const RING_BYTES_MIN = 1 << 16;

/** Copies `bytes` into the ring behind what is written; the caller checked that the limit allows it. */
export function writeRing(send: SendState, bytes: Uint8Array): void {
  const held = bufferedBytes(send);
  let size = Math.max(RING_BYTES_MIN, send.ring.length);
  while (size < held + bytes.length) size *= 2;
  if (size !== send.ring.length) {
    const ring = new Uint8Array(size);
    if (held > 0) copyToRing(ring, send.written - held, readRing(send, send.written - held, held));
    send.ring = ring;
  }
  copyToRing(send.ring, send.written, bytes);
  send.written += bytes.length;
}

function copyToRing(ring: Uint8Array, offset: number, bytes: Uint8Array): void {
  const start = offset % ring.length;
  const first = Math.min(bytes.length, ring.length - start);
  ring.set(first === bytes.length ? bytes : bytes.subarray(0, first), start);
  if (first < bytes.length) ring.set(bytes.subarray(first), 0);
}

function readRing(send: SendState, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  copyFromRing(send, offset, bytes);
  return bytes;
}

/** Fills `into` with the stream's bytes from `offset`; all of them are in the ring. */
export function copyFromRing(send: SendState, offset: number, into: Uint8Array): void {
  const start = offset % send.ring.length;
  const first = Math.min(into.length, send.ring.length - start);
  into.set(send.ring.subarray(start, start + first), 0);
  if (first < into.length) into.set(send.ring.subarray(0, into.length - first), first);
}
