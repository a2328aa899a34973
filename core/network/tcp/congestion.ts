/**
 * Congestion control: slow start, congestion avoidance, fast retransmit and NewReno fast recovery.
 * Windows grow by bytes acknowledged, and only while the window is what limits the sender. The segment
 * of the formulas (SMSS) is the size that segments have on this link now, at most the negotiated one.
 * Left out: selective acknowledgement, ECN, pacing, tail loss probes; a lost tail waits for a timeout.
 * Standard: RFC 5681, RFC 6582 (NewReno), RFC 3042 (limited transmit).
 */
import { type CongestionState, flightSize, type SendState } from './connection.ts';

/** RFC 5681 §3.1: 2 segments above 2,190 bytes, 3 above 1,095, 4 below. Unit: byte. */
export function initialWindow(maximumSegmentSize: number): number {
  if (maximumSegmentSize > 2190) return 2 * maximumSegmentSize;
  return (maximumSegmentSize > 1095 ? 3 : 4) * maximumSegmentSize;
}

/** Beyond any buffer here; keeps sums far below 2^53. Unit: byte. */
const WINDOW_MAX = 2 ** 30;
/** RFC 5681 §3.2. */
const DUPLICATES_BEFORE_RETRANSMISSION = 3;

/** State of a fresh connection. */
export function makeCongestion(maximumSegmentSize: number): CongestionState {
  return {
    window: initialWindow(maximumSegmentSize),
    slowStartThreshold: WINDOW_MAX,
    duplicateAcknowledgements: 0,
    inRecovery: false,
    recover: -1,
    partialSeen: false,
    bytesAcknowledged: 0,
  };
}

/** The window that limits sending now, with RFC 3042's two segments for early duplicates. */
export function usableWindow(congestion: CongestionState, send: SendState): number {
  const early = congestion.inRecovery ? 0 : Math.min(2, congestion.duplicateAcknowledgements);
  return congestion.window + early * send.segmentBytes;
}

function halfFlight(send: SendState): number {
  return Math.max(Math.floor(flightSize(send) / 2), 2 * send.segmentBytes);
}

function grow(congestion: CongestionState, send: SendState, acknowledged: number): void {
  const segment = send.segmentBytes;
  if (congestion.window < congestion.slowStartThreshold) {
    congestion.window += Math.min(acknowledged, segment);
  } else {
    congestion.bytesAcknowledged += acknowledged;
    if (congestion.bytesAcknowledged >= congestion.window) {
      congestion.bytesAcknowledged -= congestion.window;
      congestion.window += segment;
    }
  }
  congestion.window = Math.min(congestion.window, WINDOW_MAX);
}

/** What an acknowledgement of new data asks the sender to do. */
export type AcknowledgementOutcome = 'advance' | 'partial' | 'recovered';

/**
 * `acknowledged` new bytes; `send.unacknowledged` already stands behind them, `flightBefore` is the
 * flight before that. 'partial': the next hole must be sent again (RFC 6582 §3.2 step 3).
 */
export function onNewAcknowledgement(
  congestion: CongestionState,
  send: SendState,
  amounts: { readonly acknowledged: number; readonly flightBefore: number },
): AcknowledgementOutcome {
  const { acknowledged, flightBefore } = amounts;
  congestion.duplicateAcknowledgements = 0;
  if (!congestion.inRecovery) {
    // A window that was not used says nothing about the path (RFC 5681 §4.1 in spirit, RFC 7661).
    if (2 * flightBefore >= congestion.window) grow(congestion, send, acknowledged);
    return 'advance';
  }
  const segment = send.segmentBytes;
  if (send.unacknowledged >= congestion.recover) {
    const flight = Math.max(flightSize(send), segment) + segment;
    congestion.window = Math.min(congestion.slowStartThreshold, flight);
    congestion.inRecovery = false;
    congestion.bytesAcknowledged = 0;
    return 'recovered';
  }
  congestion.window = Math.max(segment, congestion.window - acknowledged);
  if (acknowledged >= segment) congestion.window += segment;
  return 'partial';
}

/** A duplicate acknowledgement. True: send the oldest segment again now. */
export function onDuplicateAcknowledgement(congestion: CongestionState, send: SendState): boolean {
  congestion.duplicateAcknowledgements += 1;
  if (congestion.inRecovery) {
    const inflated = congestion.window + send.segmentBytes;
    congestion.window = Math.min(inflated, WINDOW_MAX);
    return false;
  }
  if (congestion.duplicateAcknowledgements !== DUPLICATES_BEFORE_RETRANSMISSION) return false;
  // RFC 6582 §3.2 step 2: duplicates of what a timeout or the last recovery sent again do not count.
  if (send.unacknowledged <= congestion.recover) return false;
  congestion.slowStartThreshold = halfFlight(send);
  congestion.recover = send.highest;
  congestion.inRecovery = true;
  congestion.partialSeen = false;
  congestion.window =
    congestion.slowStartThreshold + DUPLICATES_BEFORE_RETRANSMISSION * send.segmentBytes;
  return true;
}

/** The retransmission timer ran out, RFC 5681 (4), RFC 6582 §4. `first`: not a backed-off repeat. */
export function onTimeout(congestion: CongestionState, send: SendState, first: boolean): void {
  if (first) congestion.slowStartThreshold = halfFlight(send);
  congestion.window = send.segmentBytes;
  congestion.recover = send.highest;
  congestion.inRecovery = false;
  congestion.duplicateAcknowledgements = 0;
  congestion.bytesAcknowledged = 0;
}

/** RFC 5681 §4.1: after an idle time longer than the timeout the window starts anew. */
export function onIdleRestart(congestion: CongestionState, maximumSegmentSize: number): void {
  congestion.window = Math.min(congestion.window, initialWindow(maximumSegmentSize));
}
