/**
 * What a source measures of the way to the destination: goodput and round trip, from
 * acknowledgements only. Nothing here knows the link's knobs; a change of bandwidth shows up as
 * later acknowledgements.
 * Left out: smoothing over minutes, cross traffic (a link carries one migration at a time here).
 */

/** A measurement that is going on. A plain record; times in ns, −1 or 0 as said. */
export interface Pace {
  rateBytesPerSecond: number; // goodput; 0 = not measured yet
  busySinceNs: number; //        when something was sent into the idle way; −1 = all is acknowledged
  busyBytes: number; //          acknowledged bytes at `busySinceNs`
  carriedBytes: number; //       most that came through from one idle moment to the next; 0 = nothing yet
  carriedNs: number; //          what that took, round trip included
  roundTripNs: number; //        of an otherwise idle way; 0 = not measured yet
  sinceNs: number; //            first acknowledgement of the present sample; −1 = no sample open
  sinceBytes: number; //         acknowledged bytes at `sinceNs`
  probeNs: number; //            when something was sent into the idle way; −1 = no probe open
  probeBytes: number; //         acknowledged bytes at `probeNs`
}

/**
 * A sample is closed after this long at least, or after one round trip. Long enough for two
 * segments at 1 Gb/s.
 */
const SAMPLE_NS_MIN = 1_000_000;
/**
 * A burst that ends earlier counts when it moved this much: two segments of 64 KiB after the first.
 */
const BURST_BYTES_MIN = 2 * 65_536;

/** Nothing measured yet. */
export function makePace(): Pace {
  return {
    rateBytesPerSecond: 0,
    busySinceNs: -1,
    busyBytes: 0,
    carriedBytes: 0,
    carriedNs: 0,
    roundTripNs: 0,
    sinceNs: -1,
    sinceBytes: 0,
    probeNs: -1,
    probeBytes: 0,
  };
}

/**
 * Something is sent at `nowNs` while nothing was unacknowledged: the next acknowledgement measures
 * a round trip.
 */
export function openProbe(pace: Pace, nowNs: number, acknowledgedBytes: number): void {
  pace.probeNs = nowNs;
  pace.probeBytes = acknowledgedBytes;
}

/** Something is sent at `nowNs` while nothing was unacknowledged: until all is again, what comes through is counted. */
export function openBusyTime(pace: Pace, nowNs: number, acknowledgedBytes: number): void {
  pace.busySinceNs = nowNs;
  pace.busyBytes = acknowledgedBytes;
}

/**
 * An acknowledgement came. `outstandingBytes` is what is sent or buffered and still unacknowledged.
 * The first acknowledgement of a busy time only opens a sample: so the round trip is not in the
 * rate.
 */
export function onAcknowledged(
  pace: Pace,
  now: {
    readonly timeNs: number;
    readonly acknowledgedBytes: number;
    readonly outstandingBytes: number;
  },
): void {
  closeProbe(pace, now.timeNs, now.acknowledgedBytes);
  const elapsedNs = now.timeNs - pace.sinceNs;
  const movedBytes = now.acknowledgedBytes - pace.sinceBytes;
  if (pace.sinceNs < 0) {
    open(pace, now.timeNs, now.acknowledgedBytes);
  } else if (elapsedNs > 0) {
    const long = elapsedNs >= Math.max(SAMPLE_NS_MIN, pace.roundTripNs);
    const burst = now.outstandingBytes === 0 && movedBytes >= BURST_BYTES_MIN;
    if (long || burst) {
      const sample = Math.max(1, Math.round((movedBytes / elapsedNs) * 1e9));
      pace.rateBytesPerSecond =
        pace.rateBytesPerSecond === 0 ? sample : Math.round((pace.rateBytesPerSecond + sample) / 2);
      open(pace, now.timeNs, now.acknowledgedBytes);
    }
  }
  if (now.outstandingBytes > 0) return;
  pace.sinceNs = -1;
  closeBusyTime(pace, now.timeNs, now.acknowledgedBytes);
}

/** What came through in a busy time is what the way carries at least: all that is known of it while too little is sent for a sample. */
function closeBusyTime(pace: Pace, timeNs: number, acknowledgedBytes: number): void {
  const bytes = acknowledgedBytes - pace.busyBytes;
  if (pace.busySinceNs >= 0 && bytes > pace.carriedBytes) {
    pace.carriedBytes = bytes;
    pace.carriedNs = Math.max(1, timeNs - pace.busySinceNs);
  }
  pace.busySinceNs = -1;
}

function open(pace: Pace, timeNs: number, acknowledgedBytes: number): void {
  pace.sinceNs = timeNs;
  pace.sinceBytes = acknowledgedBytes;
}

/** The time on the wire of what was acknowledged is taken off: it is counted by the rate. */
function closeProbe(pace: Pace, timeNs: number, acknowledgedBytes: number): void {
  if (pace.probeNs < 0) return;
  const bytes = acknowledgedBytes - pace.probeBytes;
  const wireNs =
    pace.rateBytesPerSecond === 0 ? 0 : Math.round((bytes / pace.rateBytesPerSecond) * 1e9);
  pace.roundTripNs = Math.max(1, timeNs - pace.probeNs - wireNs);
  pace.probeNs = -1;
}

/**
 * Time that `byteCount` bytes take beside the round trip at the measured rate, in ns. While there is none (an idle
 * VM sends so little that no sample is ever long enough), the most that they can take, by the largest burst that
 * came through; Infinity while nothing has.
 */
export function transferNs(pace: Pace, byteCount: number): number {
  const { rateBytesPerSecond, carriedBytes, carriedNs, roundTripNs } = pace;
  if (rateBytesPerSecond > 0) return Math.round((byteCount / rateBytesPerSecond) * 1e9);
  if (carriedBytes === 0) return Number.POSITIVE_INFINITY;
  const bursts = Math.max(1, byteCount / carriedBytes);
  return Math.max(0, Math.round(bursts * carriedNs) - roundTripNs);
}
