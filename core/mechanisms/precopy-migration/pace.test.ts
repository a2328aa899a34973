// Goal: rate and round trip come out right from acknowledgements alone, at any latency. Method: synthetic
// acknowledgements of a known way: continuous, in bursts, after a change.
import { expect, test } from 'vitest';
import { makePace, onAcknowledged, openBusyTime, openProbe, transferNs } from './pace.ts';

const SEGMENT = 65_495;

/** A burst of `segments` on a way of `rate` bytes/s and `roundTripNs`; acknowledged one by one. */
function burst(
  pace: ReturnType<typeof makePace>,
  way: {
    startNs: number;
    acknowledged: number;
    segments: number;
    rate: number;
    roundTripNs: number;
  },
): number {
  openProbe(pace, way.startNs, way.acknowledged);
  openBusyTime(pace, way.startNs, way.acknowledged);
  let timeNs = way.startNs;
  for (let index = 1; index <= way.segments; index++) {
    timeNs = way.startNs + way.roundTripNs + Math.round(((index * SEGMENT) / way.rate) * 1e9);
    onAcknowledged(pace, {
      timeNs,
      acknowledgedBytes: way.acknowledged + index * SEGMENT,
      outstandingBytes: (way.segments - index) * SEGMENT,
    });
  }
  return timeNs;
}

test.each([
  [125e6, 100_000],
  [125e6, 10_000_000],
  [12.5e6, 100_000_000],
  [50e9, 10_000],
  [125e3, 50_000],
])('a rate of %d bytes/s at a round trip of %d ns', (rate, roundTripNs) => {
  const pace = makePace();
  const endNs = burst(pace, { startNs: 1e6, acknowledged: 0, segments: 50, rate, roundTripNs });
  expect(pace.rateBytesPerSecond / rate).toBeCloseTo(1, 2);
  burst(pace, { startNs: endNs + 1e6, acknowledged: 50 * SEGMENT, segments: 4, rate, roundTripNs });
  expect(pace.rateBytesPerSecond / rate).toBeCloseTo(1, 2);
  expect(pace.roundTripNs / roundTripNs).toBeCloseTo(1, 1); // its own time on the wire is not in it
  expect(transferNs(pace, rate) / 1e9).toBeCloseTo(1, 2);
});

test('a lone acknowledgement measures no rate, but what the way carries at least; a slower way is believed within a few samples', () => {
  const pace = makePace();
  expect(transferNs(pace, 1)).toBe(Number.POSITIVE_INFINITY);
  burst(pace, { startNs: 0, acknowledged: 0, segments: 1, rate: 125e6, roundTripNs: 1e5 });
  expect(pace.rateBytesPerSecond).toBe(0);
  const wireNs = (SEGMENT / 125e6) * 1e9;
  expect(pace.roundTripNs).toBeCloseTo(1e5 + wireNs, -2); // with the burst's own time on the wire,
  expect(transferNs(pace, SEGMENT)).toBe(0); //             which therefore takes no more,
  expect(transferNs(pace, 3 * SEGMENT)).toBeGreaterThan(2 * wireNs); // and more of it more
  burst(pace, { startNs: 1e7, acknowledged: SEGMENT, segments: 40, rate: 125e6, roundTripNs: 1e5 });
  burst(pace, {
    startNs: 1e9,
    acknowledged: 41 * SEGMENT,
    segments: 40,
    rate: 12.5e6,
    roundTripNs: 1e5,
  });
  expect(pace.rateBytesPerSecond / 12.5e6).toBeLessThan(1.01);
});
