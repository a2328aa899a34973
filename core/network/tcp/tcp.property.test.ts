// Goal: whatever the link does, a TCP stream arrives whole, in order, once, or fails by name; and no frame
// makes a stack throw. Method: fast-check draws rates, losses, cuts, windows, sizes and reading habits; hostile
// frames are random, or damaged copies of real ones.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeHash, hashHex } from '../../base/hash.ts';
import { makePrng, nextBelow } from '../../base/prng.ts';
import { ADDRESSES, Cable } from '../../testing/cable.ts';
import { startTransfer } from '../../testing/stream-transfer.ts';
import { localMac } from '../ethernet.ts';
import { makeSegmentFrame } from '../tcp-segment.ts';

const verify = Boolean(process.env['GLASSHOUSE_VERIFY']);

const scenario = fc.record({
  seed: fc.nat(1_000_000),
  bandwidthBitsPerSecond: fc.constantFrom(1e6, 1e7, 1e8, 1e9, 1e10, 4e11),
  latencyNs: fc.constantFrom(5_000, 50_000, 1_000_000, 100_000_000),
  lossPerMillion: fc.constantFrom(0, 0, 1_000, 10_000, 100_000),
  queueLimitBytes: fc.constantFrom(3_000, 70_000, 1 << 20),
  asksForRoom: fc.boolean(),
  segmentBytes: fc.constantFrom(1, 100, 536, 1460, 8960, 65_495),
  sendBufferBytes: fc.constantFrom(1, 1000, 70_000, 4 << 20),
  receiveBufferBytes: fc.constantFrom(2, 700, 5_000, 65_535, 100_000, 4 << 20),
  byteCount: fc.integer({ min: 0, max: 300_000 }),
  slowReader: fc.boolean(),
  cuts: fc.array(fc.record({ atNs: fc.nat(300_000_000), lengthNs: fc.nat(80_000_000) }), { maxLength: 3 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function runScenario(it: Scenario) {
  // Tiny segments or windows carry few bytes, so that one run stays quick.
  const smallest = Math.min(it.segmentBytes, it.receiveBufferBytes, it.sendBufferBytes);
  const byteCount = Math.min(it.byteCount, smallest * 300);
  const tcp = {
    maximumSegmentSize: it.segmentBytes,
    sendBufferBytes: it.sendBufferBytes,
    receiveBufferBytes: it.receiveBufferBytes,
    retransmissionsMax: 30,
  };
  const cable = new Cable({ ...it, tcp: [tcp, tcp] });
  const random = makePrng({ seed: it.seed, stream: 7 });
  const transfer = startTransfer(cable, {
    byteCount,
    chunkBytes: () => 1 + nextBelow(random, 20_000),
    ...(it.slowReader ? { readBytes: () => 1 + nextBelow(random, 10_000), readDelayNs: 300_000 } : {}),
  });
  for (const { atNs, lengthNs } of it.cuts) {
    cable.at(atNs, () => cable.cut());
    cable.at(atNs + lengthNs, () => cable.mend());
  }
  cable.run();
  const hash = makeHash();
  for (const stack of cable.stacks) stack.hashInto(hash);
  for (const link of cable.links) link.hashInto(hash);
  return { cable, transfer, byteCount, digest: hashHex(hash) };
}

test('the stream arrives whole, in order and once; both sides forget the connection', () => {
  fc.assert(
    fc.property(scenario, (it) => {
      const { cable, transfer, byteCount } = runScenario(it);
      expect(transfer.wrongAt).toBe(-1);
      expect(transfer.failure).toBe('');
      expect(transfer.received).toBe(byteCount);
      expect(transfer.finishedAtNs).toBeGreaterThan(0);
      expect(cable.stacks.map((stack) => stack.connections())).toEqual([[], []]);
    }),
    { numRuns: verify ? 5_000 : 120, seed: 9293, endOnFailure: false },
  );
});

test('the same scenario gives the same state, hash and times', () => {
  fc.assert(
    fc.property(scenario, (it) => {
      const [first, second] = [runScenario(it), runScenario(it)];
      expect(second.digest).toBe(first.digest);
      expect(second.transfer).toEqual(first.transfer);
    }),
    { numRuns: verify ? 300 : 10, seed: 6298 },
  );
});

test('canary: a byte changed on the way is noticed', () => {
  const cable = new Cable({ seed: 1, bandwidthBitsPerSecond: 1e9, latencyNs: 50_000 });
  const transfer = startTransfer(cable, { byteCount: 100_000, chunkBytes: () => 10_000 });
  cable.onFrame = (side, direction, frame) => {
    if (side === 1 && direction === 'in' && frame.length > 1000) frame[600] = (frame[600] ?? 0) ^ 1;
  };
  cable.run();
  expect(transfer.wrongAt).toBeGreaterThanOrEqual(0);
});

test('random frames never throw and never open a connection', () => {
  const cable = new Cable({ seed: 1, bandwidthBitsPerSecond: 1e9, latencyNs: 50_000 });
  cable.stacks[1].listen(80);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      cable.stacks[1].onFrame(bytes, cable.now);
    }),
    { numRuns: 2_000, seed: 791 },
  );
  expect(cable.stacks[1].connections()).toEqual([]);
});

test('damaged and forged frames in the middle of a transfer never throw; bounds hold', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (seed) => {
      const random = makePrng({ seed, stream: 3 });
      const tcp = { receiveBufferBytes: 100_000, maximumSegmentSize: 1460 };
      const cable = new Cable({ seed, bandwidthBitsPerSecond: 1e9, latencyNs: 50_000, tcp: [tcp, tcp] });
      startTransfer(cable, { byteCount: 200_000, chunkBytes: () => 5_000 });
      let left = 300;
      cable.onFrame = (side, direction, frame, now) => {
        // Bounded: sides that were lied to about their numbers may answer each other for long.
        if (direction !== 'in' || left === 0 || nextBelow(random, 4) > 0) return;
        left -= 1;
        const forged = frame.slice(0, nextBelow(random, 8) === 0 ? nextBelow(random, frame.length) : frame.length);
        for (let count = 1 + nextBelow(random, 3); count > 0; count--) {
          // Mostly the TCP header: ports, numbers, flags, window, options.
          const at = nextBelow(random, 3) === 0 ? nextBelow(random, Math.max(1, forged.length)) : 34 + nextBelow(random, 30);
          if (at < forged.length) forged[at] = nextBelow(random, 256);
        }
        cable.stacks[side].onFrame(forged, now);
        for (const record of cable.stacks[side].connections()) {
          expect(record.availableBytes).toBeLessThanOrEqual(100_000);
          expect(record.bufferedBytes).toBeLessThanOrEqual(4 << 20);
          expect(record.flightBytes).toBeGreaterThanOrEqual(0);
        }
      };
      cable.run(300_000_000);
    }),
    { numRuns: verify ? 2_000 : 25, seed: 5961 },
  );
});

test('a flood of SYNs is bounded', () => {
  const cable = new Cable({ seed: 1, bandwidthBitsPerSecond: 1e9, latencyNs: 50_000, tcp: [{}, { connectionsMax: 50 }] });
  cable.stacks[1].listen(80);
  for (let port = 1; port < 500; port++) {
    const frame = makeSegmentFrame(
      { sourceMac: localMac(0), destinationMac: localMac(1), sourceAddress: ADDRESSES[0], destinationAddress: ADDRESSES[1] },
      { sourcePort: port, destinationPort: 80, sequence: port, acknowledgement: 0, flags: 2, window: 1000 },
      0,
    );
    cable.stacks[1].onFrame(frame, cable.now);
  }
  expect(cable.stacks[1].connections()).toHaveLength(50);
  cable.run();
  expect(cable.stacks[1].connections()).toHaveLength(0); // resets from side 0, or their timeouts
});
