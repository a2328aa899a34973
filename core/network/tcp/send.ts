/**
 * The sending half: which segment goes next, and when none may. One copy takes bytes from the ring
 * into a frame. No Nagle delay: what is written goes, unless the application corks the stream.
 * Standard: RFC 9293 §3.8.4 (window probes), §3.8.6.2.1 (sender's silly window avoidance).
 */
import { ACK, FIN, makeSegmentFrame, PSH, RST, SEGMENT_HEADERS_SIZE, type SegmentFields, SYN } from '../tcp-segment.ts';
import { onIdleRestart, usableWindow } from './congestion.ts';
import {
  copyFromRing,
  flightSize,
  type SendState,
  sentSegmentEnd,
  sequenceOf,
  type TcpConnection,
} from './connection.ts';
import type { TcpContext } from './context.ts';
import { announceWindow } from './receive.ts';
import {
  backedOffTimeout,
  restartRetransmission,
  startTimer,
  startTiming,
  stopTimer,
} from './timers.ts';

/** Payload of a packet of the common size: what is cut down further waits instead. Unit: byte. */
const SMALL_SEGMENT_BYTES = 1460;

/** Sends a segment that belongs to no connection (a reset) or to one; the frame is complete. */
export function transmitFrame(
  context: TcpContext,
  remoteAddress: number,
  fields: SegmentFields,
  fill: { readonly send: SendState; readonly offset: number; readonly length: number } | undefined,
  now: number,
): void {
  const { address, mac, neighbours } = context.settings;
  const destinationMac = neighbours.get(remoteAddress);
  if (destinationMac === undefined) return; // no such neighbour: as a frame that nobody takes
  const length = fill?.length ?? 0;
  const frame = makeSegmentFrame(
    { sourceMac: mac, destinationMac, sourceAddress: address, destinationAddress: remoteAddress },
    fields,
    length,
  );
  if (fill && length > 0) {
    copyFromRing(fill.send, fill.offset, frame.subarray(frame.length - length));
  }
  context.ports.transmit(frame, remoteAddress, now);
}

/** Sends one segment of a connection: `length` bytes of the stream from `offset`, and `flags`. */
export function transmitSegment(
  context: TcpContext,
  connection: TcpConnection,
  segment: { readonly offset: number; readonly length: number; readonly flags: number },
  now: number,
): void {
  const { send, receive, timers, counters } = connection;
  const syn = (segment.flags & SYN) !== 0;
  const acknowledges = (segment.flags & ACK) !== 0;
  const fields: SegmentFields = {
    sourcePort: connection.localPort,
    destinationPort: connection.remotePort,
    sequence: sequenceOf(send.initialSequence, segment.offset),
    acknowledgement: acknowledges ? sequenceOf(receive.initialSequence, receive.next) : 0,
    flags: segment.flags,
    window: announceWindow(context.settings, receive, syn),
    maximumSegmentSize: syn ? context.settings.maximumSegmentSize : undefined,
    windowScale: syn && receive.scale >= 0 ? receive.scale : undefined,
  };
  if (acknowledges) {
    receive.segmentsUnacknowledged = 0;
    receive.acknowledgeNow = false;
    stopTimer(timers, 'delayed-acknowledgement');
  }
  counters.segmentsSent += 1;
  counters.payloadBytesSent += segment.length;
  const fill = { send, offset: segment.offset, length: segment.length };
  transmitFrame(context, connection.remoteAddress, fields, fill, now);
}

/** The SYN or the SYN with acknowledgement; also when it is sent again. */
export function transmitSyn(context: TcpContext, connection: TcpConnection, now: number): void {
  const { send, timers } = connection;
  const again = send.highest > -1;
  send.next = Math.max(send.next, 0);
  send.highest = Math.max(send.highest, 0);
  if (!again) startTiming(timers, 0, now);
  const flags = connection.state === 'syn-received' ? SYN | ACK : SYN;
  transmitSegment(context, connection, { offset: -1, length: 0, flags }, now);
  timers.lastSentNs = now;
  restartRetransmission(context, connection, now);
}

/** Where a segment without data stands: at what was sent last, but not beyond the peer's window. */
function emptyOffset(send: SendState): number {
  return Math.max(0, send.unacknowledged, Math.min(send.highest, send.windowEdge));
}

/** An acknowledgement without data. */
export function transmitAcknowledgement(
  context: TcpContext,
  connection: TcpConnection,
  now: number,
): void {
  const offset = emptyOffset(connection.send);
  transmitSegment(context, connection, { offset, length: 0, flags: ACK }, now);
}

/** A reset for a connection that both sides may still know. */
export function transmitReset(context: TcpContext, connection: TcpConnection, now: number): void {
  const offset = emptyOffset(connection.send);
  const flags = connection.receive.next >= 0 ? RST | ACK : RST;
  transmitSegment(context, connection, { offset, length: 0, flags }, now);
}

function maySendData(connection: TcpConnection): boolean {
  const { state } = connection;
  return (
    state === 'established' ||
    state === 'close-wait' ||
    state === 'fin-wait-1' ||
    state === 'closing' ||
    state === 'last-ack'
  );
}

/**
 * Length of the next segment; 0 when nothing may go. Against the peer's window a segment that could be
 * larger waits, unless it holds everything written, or half the largest window the peer ever had
 * (§3.8.6.2.1). The congestion window and the link may cut it down to a packet of the common size.
 */
function nextLength(context: TcpContext, connection: TcpConnection): number {
  const { send, congestion } = connection;
  // What goes again after a timeout goes in the same segments.
  const again = send.next < send.highest;
  const end = again ? sentSegmentEnd(send, send.next) : send.written;
  const unsent = Math.min(end, send.written) - send.next;
  const wanted = Math.min(unsent, send.maximumSegmentSize, send.windowEdge - send.next);
  if (wanted <= 0) return 0;
  const full = wanted === send.maximumSegmentSize || 2 * wanted >= send.windowMax;
  if (!full && wanted < unsent) return 0;
  if (!full && send.corked && !send.finRequested && !again) return 0;
  const congestionEdge =
    Math.max(0, send.unacknowledged) + usableWindow(congestion, send);
  const frameRoom = context.ports.transmitRoom?.(connection.remoteAddress);
  const room = frameRoom === undefined ? wanted : frameRoom - SEGMENT_HEADERS_SIZE;
  if (frameRoom !== undefined && room >= SMALL_SEGMENT_BYTES) {
    send.segmentBytes = Math.min(send.maximumSegmentSize, room);
  }
  const allowed = Math.min(wanted, congestionEdge - send.next, room);
  return allowed < Math.min(wanted, SMALL_SEGMENT_BYTES) ? 0 : allowed;
}

/** Sends all that windows, link and application allow. Bounded by the congestion window. */
export function transmitPending(context: TcpContext, connection: TcpConnection, now: number): void {
  const { send, timers, congestion, counters } = connection;
  if (!maySendData(connection)) return;
  const idle = flightSize(send) === 0 && send.next === send.highest;
  if (idle && send.next < send.written) {
    const silence = now - timers.lastSentNs;
    const timeout = timers.retransmissionTimeoutNs;
    if (silence > timeout) onIdleRestart(congestion, send.maximumSegmentSize);
  }
  for (;;) {
    const length = nextLength(context, connection);
    const last = send.next + length === send.written;
    const fin = last && send.finRequested && send.next <= send.written;
    if (length === 0 && !fin) break;
    const offset = send.next;
    const end = offset + length + (fin ? 1 : 0);
    if (end > send.highest) {
      if (offset >= send.highest) startTiming(timers, end, now);
      counters.bytesRetransmitted += Math.max(0, send.highest - offset);
    } else {
      counters.bytesRetransmitted += length;
    }
    const flags = ACK | (last && length > 0 ? PSH : 0) | (fin ? FIN : 0);
    send.next = end;
    if (end > send.highest) send.segmentEnds.push(end);
    send.highest = Math.max(send.highest, end);
    timers.lastSentNs = now;
    transmitSegment(context, connection, { offset, length, flags }, now);
    if (timers.retransmissionAtNs === Number.POSITIVE_INFINITY) {
      restartRetransmission(context, connection, now);
    }
  }
  armPersist(context, connection, now);
}

/** With data to send, nothing in flight and a window that lets nothing go, only a probe finds out. */
function armPersist(context: TcpContext, connection: TcpConnection, now: number): void {
  const { send, timers } = connection;
  const waiting = send.next < send.written && flightSize(send) === 0;
  const windowLimit = send.windowEdge - send.next;
  const useful = Math.min(send.written - send.next, send.maximumSegmentSize);
  if (!waiting || windowLimit >= useful) {
    stopTimer(timers, 'persist');
    return;
  }
  if (timers.persistAtNs !== Number.POSITIVE_INFINITY) return;
  const wait = backedOffTimeout(timers, context.settings, timers.probesUnanswered);
  startTimer(context, connection, 'persist', now + wait);
}

/** The persist timer ran out: sends what the window takes, or one byte beyond it (§3.8.6.1). */
export function transmitProbe(context: TcpContext, connection: TcpConnection, now: number): void {
  const { send, timers, counters } = connection;
  const unsent = send.written - send.next;
  if (unsent <= 0 || flightSize(send) > 0 || !maySendData(connection)) return;
  const windowLimit = send.windowEdge - send.next;
  const length = Math.max(1, Math.min(unsent, windowLimit, send.maximumSegmentSize));
  const end = send.next + length;
  counters.bytesRetransmitted += Math.max(0, Math.min(end, send.highest) - send.next);
  send.highest = Math.max(send.highest, end);
  transmitSegment(context, connection, { offset: send.next, length, flags: ACK | PSH }, now);
  timers.probesUnanswered += 1;
  timers.lastSentNs = now;
  const wait = backedOffTimeout(timers, context.settings, timers.probesUnanswered);
  startTimer(context, connection, 'persist', now + wait);
}

/** Sends the oldest unacknowledged segment again (fast retransmit, partial acknowledgement). */
export function retransmitOldest(
  context: TcpContext,
  connection: TcpConnection,
  now: number,
): void {
  const { send, timers, counters } = connection;
  const offset = Math.max(0, send.unacknowledged);
  const sentData = Math.min(sentSegmentEnd(send, offset), send.written);
  const window = Math.max(0, send.windowEdge - offset);
  const length = Math.max(0, Math.min(sentData - offset, window, send.maximumSegmentSize));
  const reachesEnd = offset + length === send.written;
  const fin = reachesEnd && send.finRequested && send.highest > send.written;
  if (length === 0 && !fin) return;
  counters.bytesRetransmitted += length;
  timers.lastSentNs = now;
  const flags = ACK | (reachesEnd && length > 0 ? PSH : 0) | (fin ? FIN : 0);
  transmitSegment(context, connection, { offset, length, flags }, now);
}
