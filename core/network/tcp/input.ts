/**
 * What a connection does with a segment that arrives, in the order of the standard's steps.
 * Standard: RFC 9293 §3.10.7.3 (SYN-SENT), §3.10.7.4 (other states); RFC 5961 (resets and SYNs that
 * do not match exactly get a challenge acknowledgement).
 * Left out: simultaneous open, urgent data, data on a SYN (acknowledged without it).
 */
import { ACK, FIN, RST, type Segment, SYN } from '../tcp-segment.ts';
import {
  makeCongestion,
  onDuplicateAcknowledgement,
  onNewAcknowledgement,
} from './congestion.ts';
import {
  availableBytes,
  bufferedBytes,
  finAcknowledged,
  flightSize,
  offsetOf,
  type TcpConnection,
} from './connection.ts';
import type { TcpContext, TcpFailure } from './context.ts';
import { acceptPayload, isAcceptable, takeFin } from './receive.ts';
import {
  retransmitOldest,
  transmitAcknowledgement,
  transmitPending,
  transmitSyn,
} from './send.ts';
import {
  onRoundTripSample,
  restartRetransmission,
  startTimer,
  stopTimer,
  stopTiming,
} from './timers.ts';

/**
 * The connection is over by failure: the record is forgotten and the application hears why, unless it
 * never heard of the connection (a handshake that a peer began and did not finish).
 */
export function failConnection(
  context: TcpContext,
  connection: TcpConnection,
  reason: TcpFailure,
): void {
  const announced = connection.state !== 'syn-received';
  connection.state = 'closed';
  context.remove(connection);
  if (announced) context.raise({ kind: 'failed', connection: connection.id, reason });
}

/** What the peer's SYN says: its initial sequence, segment size and window scale. */
export function takeSynOptions(
  context: TcpContext,
  connection: TcpConnection,
  segment: Segment,
): void {
  const { send, receive, congestion } = connection;
  receive.initialSequence = segment.sequence;
  receive.next = 0;
  // RFC 9293 §3.7.1: without the option the peer takes 536 bytes.
  const peerSize = Math.max(1, segment.maximumSegmentSize ?? 536);
  send.maximumSegmentSize = Math.min(context.settings.maximumSegmentSize, peerSize);
  send.segmentBytes = send.maximumSegmentSize;
  Object.assign(congestion, makeCongestion(send.maximumSegmentSize));
  if (segment.windowScale === undefined) {
    send.scale = 0;
    receive.scale = -1; // RFC 7323 §2.2: neither side scales unless both offer
  } else {
    send.scale = segment.windowScale;
  }
  send.windowEdge = segment.window;
  send.windowMax = segment.window;
  send.windowSequence = -1;
  send.windowAcknowledgement = 0;
}

/** §3.10.7.3. */
export function onSegmentInSynSent(
  context: TcpContext,
  connection: TcpConnection,
  segment: Segment,
  now: number,
): 'reset' | undefined {
  const { send, timers } = connection;
  const { flags } = segment;
  const acknowledgement = offsetOf(send.initialSequence, segment.acknowledgement, 0);
  if (flags & ACK && acknowledgement !== 0) return flags & RST ? undefined : 'reset';
  if (flags & RST) {
    if (flags & ACK) failConnection(context, connection, 'refused');
    return undefined;
  }
  if ((flags & (SYN | ACK)) !== (SYN | ACK)) return undefined;
  takeSynOptions(context, connection, segment);
  send.unacknowledged = 0;
  if (timers.timedOffset === 0) {
    onRoundTripSample(timers, context.settings, now - timers.timedAtNs);
  }
  stopTiming(timers);
  stopTimer(timers, 'retransmission');
  timers.timeoutsInRow = 0;
  connection.state = send.finRequested ? 'fin-wait-1' : 'established';
  context.raise({ kind: 'connected', connection: connection.id });
  connection.receive.acknowledgeNow = true;
  finishSegment(context, connection, now);
  return undefined;
}

/** Linux tcp_invalid_ratelimit, Documentation/networking/ip-sysctl.rst. Unit: ns. */
const CHALLENGE_INTERVAL_NS = 500_000_000;

/**
 * Answers a segment that cannot be right with where we stand. Throttled (RFC 5961 §7): two sides that
 * were lied to about their numbers would else answer each other for ever.
 */
function challenge(context: TcpContext, connection: TcpConnection, now: number): void {
  const { receive } = connection;
  if (now < receive.challengeAtNs) return;
  receive.challengeAtNs = now + CHALLENGE_INTERVAL_NS;
  transmitAcknowledgement(context, connection, now);
}

/** Sends data that the segment made room for, then the acknowledgement if none went with data. */
function finishSegment(context: TcpContext, connection: TcpConnection, now: number): void {
  transmitPending(context, connection, now);
  if (connection.receive.acknowledgeNow) transmitAcknowledgement(context, connection, now);
}

/** §3.10.7.4 for every state after SYN-SENT. */
export function onSegment(
  context: TcpContext,
  connection: TcpConnection,
  segment: Segment,
  now: number,
): void {
  const { receive } = connection;
  const { flags, payload } = segment;
  const offset = offsetOf(receive.initialSequence, segment.sequence, receive.next);
  const length = payload.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
  if (connection.state === 'syn-received' && flags === SYN && offset === -1) {
    stopTiming(connection.timers); // our answer was lost; Karn's rule
    transmitSyn(context, connection, now);
    return;
  }
  if (!isAcceptable(receive, offset, length)) {
    if (flags & RST) return;
    connection.counters.duplicateSegments += 1;
    // The acknowledgement in it may still be news (both sides may have lost theirs).
    if (flags & ACK && offset <= receive.next) onAcknowledgementField(context, connection, segment, offset, now);
    if (connection.state === 'closed') return;
    if (length === 0) challenge(context, connection, now);
    else receive.acknowledgeNow = true;
    finishSegment(context, connection, now);
    return;
  }
  if (flags & RST) {
    if (offset !== receive.next) challenge(context, connection, now);
    else if (connection.state === 'time-wait') context.remove(connection);
    else failConnection(context, connection, 'reset');
    return;
  }
  if (flags & SYN) {
    challenge(context, connection, now);
    return;
  }
  if (!(flags & ACK)) return;
  if (!onAcknowledgementField(context, connection, segment, offset, now)) return;
  onText(context, connection, { offset, payload, fin: (flags & FIN) !== 0 }, now);
  finishSegment(context, connection, now);
}

/** Fifth step: the ACK field. False when nothing more is to be done with the segment. */
function onAcknowledgementField(
  context: TcpContext,
  connection: TcpConnection,
  segment: Segment,
  offset: number,
  now: number,
): boolean {
  const { send, timers } = connection;
  const near = Math.max(0, send.unacknowledged);
  const acknowledgement = offsetOf(send.initialSequence, segment.acknowledgement, near);
  if (acknowledgement > send.highest) {
    challenge(context, connection, now);
    return false;
  }
  if (connection.state === 'syn-received') {
    if (acknowledgement < 0) return false;
    onHandshakeDone(context, connection, now);
  }
  timers.probesUnanswered = 0;
  const window = segment.window * 2 ** send.scale;
  const unchanged = acknowledgement + window === send.windowEdge;
  if (acknowledgement >= send.unacknowledged) {
    updateWindow(connection, { offset, acknowledgement, window });
  }
  if (acknowledgement > send.unacknowledged) {
    onAcknowledged(context, connection, acknowledgement, now);
  } else if (
    acknowledgement === send.unacknowledged &&
    unchanged &&
    segment.payload.length === 0 &&
    !(segment.flags & FIN) &&
    flightSize(send) > 0
  ) {
    if (onDuplicateAcknowledgement(connection.congestion, send)) {
      connection.counters.fastRetransmissions += 1;
      stopTiming(timers);
      retransmitOldest(context, connection, now);
      restartRetransmission(context, connection, now);
    }
  }
  return onOurFinAcknowledged(context, connection, now);
}

function onHandshakeDone(context: TcpContext, connection: TcpConnection, now: number): void {
  const { send, timers } = connection;
  send.unacknowledged = 0;
  if (timers.timedOffset === 0) {
    onRoundTripSample(timers, context.settings, now - timers.timedAtNs);
  }
  stopTiming(timers);
  stopTimer(timers, 'retransmission');
  timers.timeoutsInRow = 0;
  connection.state = send.finRequested ? 'fin-wait-1' : 'established';
  const { id, localPort, remoteAddress, remotePort } = connection;
  context.raise({ kind: 'accepted', connection: id, localPort, remoteAddress, remotePort });
}

/** §3.10.7.4: a window is taken from the newest segment only (SND.WL1, SND.WL2). */
function updateWindow(
  connection: TcpConnection,
  news: { readonly offset: number; readonly acknowledgement: number; readonly window: number },
): void {
  const { send } = connection;
  const newer =
    send.windowSequence < news.offset ||
    (send.windowSequence === news.offset && send.windowAcknowledgement <= news.acknowledgement);
  if (!newer) return;
  send.windowSequence = news.offset;
  send.windowAcknowledgement = news.acknowledgement;
  send.windowEdge = news.acknowledgement + news.window;
  send.windowMax = Math.max(send.windowMax, news.window);
}

/** New data is acknowledged: round trip, congestion window, timer, room in the buffer. */
function onAcknowledged(
  context: TcpContext,
  connection: TcpConnection,
  acknowledgement: number,
  now: number,
): void {
  const { send, timers, congestion } = connection;
  const flightBefore = flightSize(send);
  const acknowledged = acknowledgement - Math.max(0, send.unacknowledged);
  send.unacknowledged = acknowledgement;
  send.next = Math.max(send.next, acknowledgement);
  const known = send.segmentEnds.findIndex((end) => end > acknowledgement);
  send.segmentEnds.splice(0, known < 0 ? send.segmentEnds.length : known);
  if (timers.timedOffset !== -2 && acknowledgement >= timers.timedOffset) {
    onRoundTripSample(timers, context.settings, now - timers.timedAtNs);
    stopTiming(timers);
  }
  timers.timeoutsInRow = 0;
  const outcome = onNewAcknowledgement(congestion, send, { acknowledged, flightBefore });
  if (outcome === 'partial') retransmitOldest(context, connection, now);
  if (flightSize(send) === 0 && send.next === send.highest) {
    stopTimer(timers, 'retransmission');
  } else if (outcome !== 'partial' || !congestion.partialSeen) {
    // RFC 6582 §3.2 step 3: only the first partial acknowledgement restarts the timer.
    restartRetransmission(context, connection, now);
  }
  congestion.partialSeen = outcome === 'partial';
  raiseWritable(context, connection);
}

/** The application was refused bytes before: it hears once a quarter of the buffer is free. */
function raiseWritable(context: TcpContext, connection: TcpConnection): void {
  const { send } = connection;
  if (!send.wantsWritable || send.finRequested) return;
  const free = context.settings.sendBufferBytes - bufferedBytes(send);
  if (4 * free < context.settings.sendBufferBytes) return;
  send.wantsWritable = false;
  context.raise({ kind: 'writable', connection: connection.id });
}

/** What the acknowledgement of our FIN does to the state. False when the connection is over. */
function onOurFinAcknowledged(
  context: TcpContext,
  connection: TcpConnection,
  now: number,
): boolean {
  if (!finAcknowledged(connection.send)) return true;
  if (connection.state === 'fin-wait-1') connection.state = 'fin-wait-2';
  else if (connection.state === 'closing') enterTimeWait(context, connection, now);
  else if (connection.state === 'last-ack') {
    connection.state = 'closed';
    context.remove(connection);
    context.raise({ kind: 'closed', connection: connection.id });
    return false;
  }
  return true;
}

function enterTimeWait(context: TcpContext, connection: TcpConnection, now: number): void {
  connection.state = 'time-wait';
  stopTimer(connection.timers, 'retransmission');
  stopTimer(connection.timers, 'persist');
  startTimer(context, connection, 'time-wait', now + context.settings.timeWaitNs);
  context.raise({ kind: 'closed', connection: connection.id });
}

/** Seventh and eighth step: the payload and the FIN behind it. */
function onText(
  context: TcpContext,
  connection: TcpConnection,
  text: { readonly offset: number; readonly payload: Uint8Array; readonly fin: boolean },
  now: number,
): void {
  const { receive, timers, counters, state } = connection;
  const { offset, payload, fin } = text;
  const open = state === 'established' || state === 'fin-wait-1' || state === 'fin-wait-2';
  if (!open) {
    if (payload.length > 0 || fin) receive.acknowledgeNow = true;
    return;
  }
  if (fin) takeFin(receive, offset + payload.length);
  if (payload.length > 0) {
    const before = availableBytes(receive);
    const gained = acceptPayload(receive, offset, payload);
    counters.payloadBytesReceived += gained;
    receive.segmentsUnacknowledged += 1;
    if (receive.segmentsUnacknowledged >= 2) receive.acknowledgeNow = true;
    else if (timers.delayedAcknowledgementAtNs === Number.POSITIVE_INFINITY) {
      const at = now + context.settings.delayedAcknowledgementNs;
      startTimer(context, connection, 'delayed-acknowledgement', at);
    }
    if (availableBytes(receive) > before) {
      context.raise({ kind: 'readable', connection: connection.id });
    }
  }
  if (receive.finOffset < 0) return;
  if (fin) receive.acknowledgeNow = true;
  if (receive.next !== receive.finOffset) return;
  receive.next += 1;
  receive.acknowledgeNow = true;
  context.raise({ kind: 'peer-closed', connection: connection.id });
  if (state === 'established') connection.state = 'close-wait';
  else if (state === 'fin-wait-1') connection.state = 'closing';
  else enterTimeWait(context, connection, now);
}
