/**
 * Timers of a connection: the round trip estimate, the retransmission timeout with its backoff, and
 * deadlines. A deadline that moves later costs no event: the call that comes too early asks again.
 * Standard: RFC 6298; RFC 9293 §3.8.1 (Karn's rule).
 */
import type { TcpConnection, TimerKind, TimerState } from './connection.ts';
import type { TcpContext, TcpSettings } from './context.ts';

/** Timers of a fresh connection. */
export function makeTimers(settings: TcpSettings): TimerState {
  return {
    smoothedRttNs: 0,
    rttVariationNs: 0,
    retransmissionTimeoutNs: settings.initialRtoNs,
    backoff: 0,
    timeoutsInRow: 0,
    timedOffset: -2,
    timedAtNs: 0,
    retransmissionAtNs: Number.POSITIVE_INFINITY,
    persistAtNs: Number.POSITIVE_INFINITY,
    probesUnanswered: 0,
    delayedAcknowledgementAtNs: Number.POSITIVE_INFINITY,
    timeWaitAtNs: Number.POSITIVE_INFINITY,
    asked: {
      retransmission: Number.POSITIVE_INFINITY,
      persist: Number.POSITIVE_INFINITY,
      'delayed-acknowledgement': Number.POSITIVE_INFINITY,
      'time-wait': Number.POSITIVE_INFINITY,
      events: Number.POSITIVE_INFINITY,
    },
    lastSentNs: 0,
  };
}

/** When `kind` is due. Unit: ns; Infinity when it is not running. */
export function deadlineOf(timers: TimerState, kind: TimerKind): number {
  switch (kind) {
    case 'retransmission':
      return timers.retransmissionAtNs;
    case 'persist':
      return timers.persistAtNs;
    case 'delayed-acknowledgement':
      return timers.delayedAcknowledgementAtNs;
    case 'time-wait':
      return timers.timeWaitAtNs;
    case 'events':
      return Number.POSITIVE_INFINITY;
  }
}

function setDeadline(timers: TimerState, kind: TimerKind, timeNs: number): void {
  if (kind === 'retransmission') timers.retransmissionAtNs = timeNs;
  else if (kind === 'persist') timers.persistAtNs = timeNs;
  else if (kind === 'delayed-acknowledgement') timers.delayedAcknowledgementAtNs = timeNs;
  else timers.timeWaitAtNs = timeNs;
}

/** Starts `kind`, or moves it, to `timeNs`. */
export function startTimer(
  context: TcpContext,
  connection: TcpConnection,
  kind: TimerKind,
  timeNs: number,
): void {
  const { timers } = connection;
  setDeadline(timers, kind, timeNs);
  if (timers.asked[kind] <= timeNs) return;
  timers.asked[kind] = timeNs;
  context.ports.scheduleTimer(timeNs, connection.id, kind);
}

/** Stops `kind`; a call already asked for finds nothing to do. */
export function stopTimer(timers: TimerState, kind: TimerKind): void {
  setDeadline(timers, kind, Number.POSITIVE_INFINITY);
}

/** The host called: true when the timer is due (and now stopped); asks again when it moved later. */
export function takeTimer(
  context: TcpContext,
  connection: TcpConnection,
  kind: TimerKind,
  now: number,
): boolean {
  const { timers } = connection;
  if (timers.asked[kind] <= now) timers.asked[kind] = Number.POSITIVE_INFINITY;
  const deadline = deadlineOf(timers, kind);
  if (deadline <= now) {
    stopTimer(timers, kind);
    return true;
  }
  if (deadline !== Number.POSITIVE_INFINITY) startTimer(context, connection, kind, deadline);
  return false;
}

/** The timeout with its backoff, RFC 6298 (5.5). Unit: ns. */
export function backedOffTimeout(timers: TimerState, settings: TcpSettings, doublings: number): number {
  let timeout = timers.retransmissionTimeoutNs;
  for (let count = 0; count < doublings && timeout < settings.maximumRtoNs; count++) timeout *= 2;
  return Math.min(timeout, settings.maximumRtoNs);
}

/** (Re)starts the retransmission timer, RFC 6298 (5.1), (5.3), (5.6). */
export function restartRetransmission(
  context: TcpContext,
  connection: TcpConnection,
  now: number,
): void {
  const { timers } = connection;
  const timeout = backedOffTimeout(timers, context.settings, timers.backoff);
  startTimer(context, connection, 'retransmission', now + timeout);
}

/**
 * One measured round trip, RFC 6298 (2.2), (2.3), in whole nanoseconds. It ends the backoff: until a
 * segment that was sent once is measured, the doubled timeout stays (Karn and Partridge 1987).
 */
export function onRoundTripSample(timers: TimerState, settings: TcpSettings, rttNs: number): void {
  if (timers.smoothedRttNs === 0) {
    timers.smoothedRttNs = Math.max(1, rttNs);
    timers.rttVariationNs = Math.floor(rttNs / 2);
  } else {
    const error = Math.abs(timers.smoothedRttNs - rttNs);
    timers.rttVariationNs = Math.floor((3 * timers.rttVariationNs + error) / 4);
    timers.smoothedRttNs = Math.max(1, Math.floor((7 * timers.smoothedRttNs + rttNs) / 8));
  }
  // Clock granularity: 1 µs. It only matters below the least timeout.
  const timeout = timers.smoothedRttNs + Math.max(1_000, 4 * timers.rttVariationNs);
  const bounded = Math.min(settings.maximumRtoNs, Math.max(settings.minimumRtoNs, timeout));
  timers.retransmissionTimeoutNs = bounded;
  timers.backoff = 0;
}

/** Times the segment that ends at `endOffset`, when none is being timed. */
export function startTiming(timers: TimerState, endOffset: number, now: number): void {
  if (timers.timedOffset !== -2) return;
  timers.timedOffset = endOffset;
  timers.timedAtNs = now;
}

/** Karn's rule: what was sent twice is not measured. */
export function stopTiming(timers: TimerState): void {
  timers.timedOffset = -2;
}
