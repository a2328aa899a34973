// Goal: a link keeps time, order, bounds and counts. Method: exact times by hand, and fast-check programs of
// enqueues and changes held against a rational model in BigInt.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeHash, hashHex } from '../base/hash.ts';
import type { WireMessage } from '../sim/logical-process.ts';
import { LinkEnd, type LinkEndOptions } from './link.ts';

const OPTIONS: LinkEndOptions = {
  source: 0,
  destination: 1,
  bandwidthBitsPerSecond: 1e9,
  latencyNs: 50_000,
  seed: 1,
  sequences: { next: 0 },
};

/** A link and what it emitted; run(until) calls onTransmitDone when it asked for it. */
function makeBench(options: Partial<LinkEndOptions> = {}) {
  const messages: WireMessage[] = [];
  const asked: number[] = [];
  const link = new LinkEnd(
    { ...OPTIONS, sequences: { next: 0 }, ...options },
    { emit: (message) => void messages.push(message), schedule: (timeNs) => void asked.push(timeNs) },
  );
  const run = (until: number): void => {
    while (asked[0] !== undefined && asked[0] < until) link.onTransmitDone(asked.shift() ?? 0);
  };
  return { link, messages, run };
}

const frame = (length: number) => new Uint8Array(length);

test('a frame costs its bytes and 24 more on the wire, then the latency', () => {
  const { link, messages } = makeBench();
  link.enqueue(frame(1476), 1000);
  expect(link.nextEventTime()).toBe(1000 + 1500 * 8);
  expect(messages).toMatchObject([{ arrivalTimeNs: 1000 + 12_000 + 50_000, sequence: 0, linkEpoch: 0, source: 0, destination: 1 }]);
});

test('a rate that is not whole nanoseconds a frame does not drift', () => {
  const { link, messages, run } = makeBench({ bandwidthBitsPerSecond: 7e9, queueLimitBytes: 1 << 30 });
  for (let count = 0; count < 7_000; count++) link.enqueue(frame(100), 0);
  run(Number.POSITIVE_INFINITY);
  // 124 bytes are 992 bits: 141.71… ns each; 7,000 of them are exactly 992,000 ns.
  expect(messages.at(-1)?.arrivalTimeNs).toBe(992_000 + 50_000);
});

test('a new bandwidth re-times what is queued, not what is being sent', () => {
  const { link, messages, run } = makeBench();
  for (let count = 0; count < 3; count++) link.enqueue(frame(976), 0);
  run(5_000);
  link.setBandwidth(1e8);
  run(Number.POSITIVE_INFINITY);
  expect(messages.map((message) => message.arrivalTimeNs - 50_000)).toEqual([8_000, 88_000, 168_000]);
});

test('a lower latency lets no frame overtake', () => {
  const { link, messages, run } = makeBench({ latencyNs: 1_000_000 });
  link.enqueue(frame(976), 0);
  link.enqueue(frame(976), 0);
  run(8_000);
  link.setLatency(5_000);
  run(Number.POSITIVE_INFINITY);
  expect(messages.map((message) => message.arrivalTimeNs)).toEqual([1_008_000, 1_008_000]);
  link.enqueue(frame(976), 2_000_000);
  expect(messages.at(-1)?.arrivalTimeNs).toBe(2_013_000);
});

test('the queue is bounded in bytes; what does not fit is dropped and counted', () => {
  const { link } = makeBench({ queueLimitBytes: 1514 });
  const taken = Array.from({ length: 7 }, () => link.enqueue(frame(500), 0));
  expect(taken).toEqual([true, true, true, true, false, false, false]);
  expect(link.state.counters).toEqual({ sentFrames: 1, sentBytes: 500, lostFrames: 0, droppedFrames: 3 });
  expect(link.state.queuedBytes).toBe(1500);
});

test('a cut drops the queue, what is in flight is refused, and a mended cable carries again', () => {
  const { link, messages, run } = makeBench();
  const far = makeBench({ source: 1, destination: 0 }).link;
  for (let count = 0; count < 3; count++) link.enqueue(frame(976), 0);
  const inFlight = messages[0];
  if (inFlight === undefined) throw new Error('a frame is on the wire');
  expect(far.accepts(inFlight)).toBe(true);
  link.cut();
  far.cut();
  link.cut(); // a second cut of a cut cable changes nothing
  expect(far.accepts(inFlight)).toBe(false);
  expect(link.enqueue(frame(100), 100)).toBe(false);
  run(Number.POSITIVE_INFINITY);
  expect(messages).toHaveLength(1);
  link.mend();
  far.mend();
  expect(far.accepts(inFlight)).toBe(false);
  link.enqueue(frame(100), 20_000);
  const last = messages.at(-1);
  expect(last).toMatchObject({ linkEpoch: 1, sequence: 1 });
  expect(last && far.accepts(last)).toBe(true);
  expect(link.state.counters.droppedFrames).toBe(3);
});

test('loss is the share that was asked for, and the same for the same seed', () => {
  const run = (seed: number): number[] => {
    const bench = makeBench({ seed, lossPerMillion: 100_000, queueLimitBytes: 1 << 30 });
    for (let count = 0; count < 20_000; count++) bench.link.enqueue(frame(60), 0);
    bench.run(Number.POSITIVE_INFINITY);
    const { sentFrames, lostFrames } = bench.link.state.counters;
    expect([sentFrames, sentFrames - lostFrames]).toEqual([20_000, bench.messages.length]);
    return bench.messages.map((message) => message.arrivalTimeNs);
  };
  const arrivals = run(1);
  expect(arrivals.length).toBeGreaterThan(17_800); // 18,000 ± 4.7 standard deviations of 42
  expect(arrivals.length).toBeLessThan(18_200);
  expect(run(1)).toEqual(arrivals);
  expect(run(2)).not.toEqual(arrivals);
});

test('all link ends of a process share one sequence', () => {
  const sequences = { next: 10 };
  const [a, b] = [makeBench({ sequences }), makeBench({ sequences, destination: 2 })];
  a.link.enqueue(frame(60), 0);
  b.link.enqueue(frame(60), 0);
  expect([a.messages[0]?.sequence, b.messages[0]?.sequence, sequences.next]).toEqual([10, 11, 12]);
});

test('room is a quarter of a millisecond of the rate, at least one frame, while that is free', () => {
  expect(makeBench({ bandwidthBitsPerSecond: 1e6 }).link.room()).toBe(1514);
  expect(makeBench({ bandwidthBitsPerSecond: 4e11 }).link.room()).toBe(1 << 18);
  const { link, run } = makeBench();
  const rooms = Array.from({ length: 6 }, () => {
    const room = link.room();
    if (room > 0) link.enqueue(frame(room), 0);
    return room;
  });
  expect(rooms).toEqual([31_250, 31_250, 31_250, 31_250, 31_250, 0]); // one is sent, four wait
  run(300_000); // one has left: (31,250 + 24) × 8 ns
  expect(link.room()).toBe(31_250);
  link.enqueue(frame(31_250), 300_000);
  expect(link.room()).toBe(0);
  link.cut();
  expect(link.room()).toBe(31_250);
});

test('programs of frames and changes: departures follow the exact model, arrivals never go back', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('frame' as const), value: fc.integer({ min: 1, max: 65_549 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rate' as const), value: fc.integer({ min: 1_000_000, max: 400_000_000_000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('latency' as const), value: fc.integer({ min: 5_000, max: 10_000_000 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), value: fc.integer({ min: 1, max: 3_000_000 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { link, messages, run } = makeBench({ queueLimitBytes: 1 << 30 });
      let now = 0;
      let last = 0;
      for (const { kind, value } of steps) {
        if (kind === 'frame') link.enqueue(frame(value), now);
        else if (kind === 'rate') link.setBandwidth(value);
        else if (kind === 'latency') link.setLatency(value);
        else {
          now += value;
          run(now);
        }
        expect(link.nextEventTime()).toBeGreaterThanOrEqual(now);
      }
      run(Number.POSITIVE_INFINITY);
      const ordered = messages.every((message) => {
        const inOrder = message.arrivalTimeNs >= last;
        last = message.arrivalTimeNs;
        return inOrder;
      });
      expect(ordered).toBe(true);
      expect(messages).toHaveLength(steps.filter(({ kind }) => kind === 'frame').length);
    }),
    { numRuns: 100, seed: 5 },
  );
});

test('a busy link at any rate ends within a nanosecond of the exact time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000_000, max: 400_000_000_000 }),
      fc.array(fc.integer({ min: 1, max: 65_549 }), { minLength: 1, maxLength: 40 }),
      (rate, lengths) => {
        const { link, messages, run } = makeBench({ bandwidthBitsPerSecond: rate, queueLimitBytes: 1 << 30 });
        for (const length of lengths) link.enqueue(frame(length), 0);
        run(Number.POSITIVE_INFINITY);
        const bits = lengths.reduce((sum, length) => sum + BigInt(length + 24) * 8n, 0n);
        const exact = Number((bits * 1_000_000_000n) / BigInt(rate));
        expect(messages.at(-1)?.arrivalTimeNs).toBe(exact + 50_000);
      },
    ),
    { numRuns: 300, seed: 6 },
  );
});

test('the hash follows the state', () => {
  const digest = (link: LinkEnd): string => {
    const hash = makeHash();
    link.hashInto(hash);
    return hashHex(hash);
  };
  const { link } = makeBench();
  const before = digest(link);
  expect(digest(makeBench().link)).toBe(before);
  link.enqueue(frame(60), 0);
  const sent = digest(link);
  expect(sent).not.toBe(before);
  link.cut();
  expect(digest(link)).not.toBe(sent);
});
