// Goal: TCP keeps its promises one by one: handshake, data, windows, loss recovery, timeouts, ends.
// Method: two stacks on a simulated cable; single frames are dropped by hand, times are compared exactly.
import { expect, test } from 'vitest';
import { ADDRESSES, Cable, type CableOptions, type Side } from '../../testing/cable.ts';
import { startTransfer } from '../../testing/stream-transfer.ts';
import { parseIpv4Header } from '../ipv4.ts';
import { localMac } from '../ethernet.ts';
import { ACK, FIN, makeSegmentFrame, parseSegment, RST, type Segment, SYN } from '../tcp-segment.ts';
import type { TcpEvent } from './context.ts';

const GIGABIT: CableOptions = { seed: 1, bandwidthBitsPerSecond: 1e9, latencyNs: 50_000 };

interface Seen {
  readonly side: Side;
  readonly now: number;
  readonly segment: Segment;
}

function segmentOf(frame: Uint8Array): Segment {
  const ip = parseIpv4Header(frame);
  const segment = ip && parseSegment(frame, ip);
  if (!segment) throw new Error('a stack sent a damaged frame');
  return segment;
}

function watch(cable: Cable): Seen[] {
  const seen: Seen[] = [];
  cable.onFrame = (side, direction, frame, now) => {
    if (direction === 'out') seen.push({ side, now, segment: segmentOf(frame) });
  };
  return seen;
}

function transferAll(options: CableOptions, byteCount: number, chunk = 65_536) {
  const cable = new Cable(options);
  const transfer = startTransfer(cable, { byteCount, chunkBytes: () => chunk });
  cable.run();
  return { cable, transfer };
}

test('the handshake is SYN, SYN with acknowledgement, acknowledgement, with scale and segment size', () => {
  const cable = new Cable(GIGABIT);
  const seen = watch(cable);
  const events: string[] = [];
  cable.onEvent = (side, event) => void events.push(`${side} ${event.kind}`);
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run();
  expect(seen.map(({ segment }) => segment.flags)).toEqual([SYN, SYN | ACK, ACK]);
  const [syn, synAck, ack] = seen.map(({ segment }) => segment);
  expect(syn).toMatchObject({ maximumSegmentSize: 65_495, windowScale: 7, window: 65_535 });
  expect(synAck?.acknowledgement).toBe(((syn?.sequence ?? 0) + 1) >>> 0);
  expect(ack?.acknowledgement).toBe(((synAck?.sequence ?? 0) + 1) >>> 0);
  expect(events).toEqual(['0 connected', '1 accepted']);
  // 62 bytes and 24 of overhead take 688 ns each way at 1 Gb/s.
  expect(cable.stacks[0].smoothedRoundTripNs(id)).toBe(2 * (50_000 + 688));
});

test('a stream arrives whole and both sides close', () => {
  const { cable, transfer } = transferAll(GIGABIT, 3_000_000, 4_100);
  expect(transfer).toMatchObject({ received: 3_000_000, wrongAt: -1, failure: '' });
  expect(transfer.events.filter((event) => event.endsWith(' closed'))).toEqual(['0 closed', '1 closed']);
  expect(cable.stacks.map((stack) => stack.connections())).toEqual([[], []]);
});

test.each([
  [1e6, 50_000, 1_000_000],
  [1e9, 50_000, 40_000_000],
  [1e10, 50_000, 200_000_000],
  [4e11, 5_000, 1_000_000_000],
])('%d bit/s, %d ns, %d bytes: the stream takes at most a tenth more than the wire needs', (rate, latencyNs, byteCount) => {
  const cable = new Cable({ seed: 3, bandwidthBitsPerSecond: rate, latencyNs });
  const transfer = startTransfer(cable, { byteCount, chunkBytes: () => 65_536, checks: false });
  cable.run();
  expect(transfer.received).toBe(byteCount);
  const idealNs = (byteCount * 8e9) / rate;
  expect(transfer.finishedAtNs).toBeGreaterThan(idealNs);
  expect(transfer.finishedAtNs).toBeLessThan(1.1 * idealNs + 20 * latencyNs);
});

test('a window smaller than the pipe bounds the rate to a window a round trip', () => {
  const cable = new Cable({ seed: 3, bandwidthBitsPerSecond: 1e11, latencyNs: 1_000_000, tcp: [{}, { receiveBufferBytes: 1 << 20 }] });
  const transfer = startTransfer(cable, { byteCount: 200 << 20, chunkBytes: () => 65_536, checks: false });
  cable.run();
  const rate = (200 * 2 ** 20) / (transfer.finishedAtNs / 1e9);
  expect(rate / (2 ** 20 / 0.002)).toBeGreaterThan(0.9);
  expect(rate / (2 ** 20 / 0.002)).toBeLessThan(1.02);
});

test('one lost segment is sent again after three duplicates, without a timeout', () => {
  const cable = new Cable({ ...GIGABIT, tcp: [{ maximumSegmentSize: 1000 }, {}] });
  let dataFrames = 0;
  cable.drops = (side, frame) => side === 0 && frame.length === 1054 && ++dataFrames === 20;
  const seen = watch(cable);
  const transfer = startTransfer(cable, { byteCount: 200_000, chunkBytes: () => 10_000 });
  let record: { timeouts: number; fastRetransmissions: number; bytesRetransmitted: number } | undefined;
  const inner = cable.onEvent;
  cable.onEvent = (side, event, now) => {
    if (side === 0) record = cable.stacks[0].connections()[0] ?? record;
    inner(side, event, now);
  };
  cable.run();
  expect(transfer).toMatchObject({ received: 200_000, wrongAt: -1 });
  expect(record).toMatchObject({ timeouts: 0, fastRetransmissions: 1, bytesRetransmitted: 1000 });
  const acknowledgements = seen.filter(({ side }) => side === 1).map(({ segment }) => segment.acknowledgement);
  const repeats = acknowledgements.filter((value, index) => value === acknowledgements[index - 1]);
  expect(repeats.length).toBeGreaterThanOrEqual(3);
});

test('NewReno: several losses in one window are mended one a round trip by partial acknowledgements', () => {
  const cable = new Cable({ ...GIGABIT, latencyNs: 1_000_000, tcp: [{ maximumSegmentSize: 1000 }, {}] });
  let dataFrames = 0;
  const lost = new Set([40, 42, 45, 46]);
  cable.drops = (side, frame) => side === 0 && frame.length === 1054 && lost.has(++dataFrames);
  const transfer = startTransfer(cable, { byteCount: 300_000, chunkBytes: () => 10_000 });
  cable.run(30_000_000);
  const record = cable.stacks[0].connections()[0];
  expect(record).toMatchObject({ timeouts: 0, fastRetransmissions: 1, bytesRetransmitted: 4000 });
  cable.run();
  expect(transfer).toMatchObject({ received: 300_000, wrongAt: -1 });
});

test('the timeout doubles, and the connection fails after its retransmissions', () => {
  const cable = new Cable({ ...GIGABIT, tcp: [{ retransmissionsMax: 5 }, {}] });
  const seen = watch(cable);
  const events: (TcpEvent & { readonly now: number })[] = [];
  cable.onEvent = (side, event, now) => void (side === 0 && events.push({ ...event, now }));
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  cable.cut();
  seen.length = 0;
  cable.stacks[0].send(id, new Uint8Array(100), cable.now);
  cable.run();
  const times = seen.map(({ now }) => (now - 1_000_000) / 1e6);
  expect(times).toEqual([0, 10, 30, 70, 150, 310]); // 10 ms doubled, and the first sending
  const now = 1_000_000 + 630_000_000;
  expect(events.at(-1)).toEqual({ kind: 'failed', connection: id, reason: 'timeout', now });
  expect(cable.stacks[0].state(id)).toBe('closed');
});

test('a short cut heals: the stream goes on after it', () => {
  const cable = new Cable({ ...GIGABIT, seed: 9 });
  const transfer = startTransfer(cable, { byteCount: 5_000_000, chunkBytes: () => 9_999 });
  cable.at(10_000_000, () => cable.cut());
  cable.at(60_000_000, () => cable.mend());
  cable.run();
  expect(transfer).toMatchObject({ received: 5_000_000, wrongAt: -1, failure: '' });
  expect(transfer.finishedAtNs).toBeGreaterThan(60_000_000);
  expect(transfer.finishedAtNs).toBeLessThan(200_000_000);
});

test('a reader that stops closes the window; probes find out when it opens', () => {
  const cable = new Cable({ ...GIGABIT, tcp: [{}, { receiveBufferBytes: 100_000 }] });
  const seen = watch(cable);
  let accepted = 0;
  cable.onEvent = (side, event) => {
    if (side === 1 && event.kind === 'accepted') accepted = event.connection;
  };
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  expect(cable.stacks[0].send(id, new Uint8Array(300_000).fill(7), cable.now)).toBe(300_000);
  cable.run(500_000_000);
  expect(cable.stacks[1].receiveAvailable(accepted)).toBeGreaterThanOrEqual(65_535);
  expect(cable.stacks[1].receiveAvailable(accepted)).toBeLessThanOrEqual(100_000);
  const probes = seen.filter(({ side, segment }) => side === 0 && segment.payload.length === 1);
  expect(probes.length).toBeGreaterThanOrEqual(3);
  // The update that consuming sends is lost: only a probe can find out.
  cable.drops = (side) => side === 1;
  cable.stacks[1].consume(accepted, 100_000, cable.now);
  cable.drops = () => false;
  for (let step = 0; step < 200; step++) {
    cable.run(cable.now + 20_000_000);
    cable.stacks[1].consume(accepted, 100_000, cable.now);
  }
  expect(cable.stacks[0].acknowledgedBytes(id)).toBe(300_000);
});

test('a port that nobody listens on refuses; a host without neighbour entry is unreachable', () => {
  const cable = new Cable(GIGABIT);
  const events: TcpEvent[] = [];
  cable.onEvent = (_, event) => void events.push(event);
  const refused = cable.stacks[0].connect(ADDRESSES[1], 81, 0);
  const unreachable = cable.stacks[0].connect(0x0a00_0063, 80, 0);
  expect(events).toEqual([]); // never from inside a call
  cable.run();
  expect(events).toEqual([
    { kind: 'failed', connection: unreachable, reason: 'unreachable' },
    { kind: 'failed', connection: refused, reason: 'refused' },
  ]);
});

test('a SYN that nobody answers is sent again after 1, 2, 4 … s', () => {
  const cable = new Cable({ ...GIGABIT, tcp: [{ retransmissionsMax: 3 }, {}] });
  const seen = watch(cable);
  cable.cut();
  cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run();
  expect(seen.map(({ now, segment }) => [now / 1e9, segment.flags])).toEqual([
    [0, SYN],
    [1, SYN],
    [3, SYN],
    [7, SYN],
  ]);
  expect(cable.now).toBe(15e9);
});

test('what was sent twice is not measured: a lost SYN leaves no second in the round trip', () => {
  const cable = new Cable(GIGABIT);
  let syns = 0;
  cable.drops = (side) => side === 0 && ++syns === 1;
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.stacks[1].listen(80);
  cable.run();
  expect(cable.now).toBeGreaterThan(1e9); // it did go again, after the first timeout
  expect(cable.stacks[0].connections()).toMatchObject([{ id, smoothedRoundTripNs: 0 }]);
});

test('abort sends a reset; the peer hears of it', () => {
  const cable = new Cable(GIGABIT);
  const seen = watch(cable);
  const events: TcpEvent[] = [];
  cable.onEvent = (side, event) => void (side === 1 && events.push(event));
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  cable.stacks[0].abort(id, cable.now);
  cable.run();
  expect(seen.at(-1)?.segment.flags).toBe(RST | ACK);
  expect(events.at(-1)).toMatchObject({ kind: 'failed', reason: 'reset' });
});

test('a host that crashed answers old segments with a reset', () => {
  const cable = new Cable(GIGABIT);
  const events: TcpEvent[] = [];
  cable.onEvent = (side, event) => void (side === 0 && events.push(event));
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  cable.stacks[1].reset();
  cable.stacks[0].send(id, new Uint8Array(10), cable.now);
  cable.run();
  expect(events.at(-1)).toEqual({ kind: 'failed', connection: id, reason: 'reset' });
});

test('half close: the side that closed first still receives', () => {
  const cable = new Cable(GIGABIT);
  const events: string[] = [];
  let accepted = 0;
  cable.onEvent = (side, event) => {
    events.push(`${side} ${event.kind}`);
    if (event.kind === 'accepted') accepted = event.connection;
  };
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  cable.stacks[0].close(id, cable.now);
  cable.run(2_000_000);
  expect([cable.stacks[0].state(id), cable.stacks[1].state(accepted)]).toEqual(['fin-wait-2', 'close-wait']);
  cable.stacks[1].send(accepted, Uint8Array.of(1, 2, 3), cable.now);
  cable.run(3_000_000);
  expect([...cable.stacks[0].peek(id)]).toEqual([1, 2, 3]);
  cable.stacks[1].close(accepted, cable.now);
  cable.run(4_000_000);
  expect(cable.stacks[0].state(id)).toBe('time-wait');
  cable.run();
  expect(cable.stacks[0].state(id)).toBe('closed');
  expect(events).toEqual(['0 connected', '1 accepted', '1 peer-closed', '0 readable', '0 peer-closed', '0 closed', '1 closed']);
});

test('with more to come only full segments go; flush sends the rest', () => {
  const cable = new Cable({ ...GIGABIT, tcp: [{ maximumSegmentSize: 1000 }, {}] });
  const seen = watch(cable);
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  seen.length = 0;
  for (let count = 0; count < 5; count++) cable.stacks[0].send(id, new Uint8Array(300), cable.now, true);
  cable.run(2_000_000);
  const lengths = () => seen.filter(({ side }) => side === 0).map(({ segment }) => segment.payload.length);
  expect(lengths()).toEqual([1000]);
  cable.stacks[0].flush(id, cable.now);
  cable.run(3_000_000);
  expect(lengths()).toEqual([1000, 500]);
});

test('the local queue stays within about a millisecond of the link', () => {
  const cable = new Cable({ seed: 4, bandwidthBitsPerSecond: 1e8, latencyNs: 50_000 });
  let longest = 0;
  cable.onFrame = () => {
    longest = Math.max(longest, cable.links[0].state.queuedBytes);
  };
  const transfer = startTransfer(cable, { byteCount: 3_000_000, chunkBytes: () => 65_536, checks: false });
  cable.run();
  expect(transfer.received).toBe(3_000_000);
  expect(longest).toBeGreaterThan(6_000);
  expect(longest).toBeLessThanOrEqual(12_500 + 100);
  expect(cable.links[0].state.counters.droppedFrames).toBe(0);
});

test('equal seeds give equal runs, other seeds other sequence numbers', () => {
  const run = (seed: number): string => {
    const cable = new Cable({ ...GIGABIT, seed, lossPerMillion: 20_000 });
    const seen = watch(cable);
    startTransfer(cable, { byteCount: 500_000, chunkBytes: () => 5_000 });
    cable.run();
    return seen.map(({ now, segment }) => `${now} ${segment.sequence} ${segment.acknowledgement} ${segment.flags & FIN}`).join();
  };
  expect(run(5)).toBe(run(5));
  expect(run(5)).not.toBe(run(6));
});

test('a FIN that would lie before bytes that came is not believed', () => {
  const cable = new Cable(GIGABIT);
  const seen = watch(cable);
  let accepted = 0;
  cable.onEvent = (_, event) => {
    if (event.kind === 'accepted') accepted = event.connection;
  };
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  cable.stacks[0].send(id, new Uint8Array(1000), cable.now);
  cable.run(2_000_000);
  const data = seen.find(({ segment }) => segment.payload.length === 1000)?.segment;
  if (data === undefined) throw new Error('the data was sent');
  const forged = makeSegmentFrame(
    { sourceMac: localMac(0), destinationMac: localMac(1), sourceAddress: ADDRESSES[0], destinationAddress: ADDRESSES[1] },
    { ...data, sequence: (data.sequence + 500) >>> 0, flags: ACK | FIN },
    510, // reaches ten bytes beyond what came, and the FIN behind them
  );
  cable.stacks[1].onFrame(forged.slice(), cable.now);
  expect(cable.stacks[1].state(accepted)).toBe('close-wait');
  expect(cable.stacks[1].receiveAvailable(accepted)).toBe(1010);
  const early = makeSegmentFrame(
    { sourceMac: localMac(0), destinationMac: localMac(1), sourceAddress: ADDRESSES[0], destinationAddress: ADDRESSES[1] },
    { ...data, flags: ACK | FIN },
    10,
  );
  cable.stacks[1].onFrame(early, cable.now);
  expect(cable.stacks[1].receiveAvailable(accepted)).toBe(1010);
  cable.stacks[1].consume(accepted, 5000, cable.now);
  expect(cable.stacks[1].peek(accepted)).toHaveLength(0);
});

test('sides that were lied to about their numbers do not answer each other for ever', () => {
  const cable = new Cable(GIGABIT);
  cable.stacks[1].listen(80);
  const id = cable.stacks[0].connect(ADDRESSES[1], 80, 0);
  cable.run(1_000_000);
  const [client, server] = [cable.stacks[0].connections()[0], cable.stacks[1].connections()[0]];
  expect([client?.state, server?.state]).toEqual(['established', 'established']);
  const seen = watch(cable);
  for (const sequence of [1, 0x4000_0000, 0x8000_0000, 0xc000_0000]) {
    const forged = makeSegmentFrame(
      { sourceMac: localMac(0), destinationMac: localMac(1), sourceAddress: ADDRESSES[0], destinationAddress: ADDRESSES[1] },
      { sourcePort: client?.localPort ?? 0, destinationPort: 80, sequence, acknowledgement: sequence, flags: ACK, window: 100 },
      0,
    );
    cable.stacks[1].onFrame(forged, cable.now);
  }
  cable.run();
  expect(seen.length).toBeLessThanOrEqual(2);
  expect(cable.stacks[0].state(id)).toBe('established');
});
