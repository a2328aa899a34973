// Goal: headers are the bytes that the standards draw. Method: worked examples from the RFCs, a frame byte by
// byte, reading back what was written, and damaged frames that must be refused without throwing.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completeChecksums, foldChecksum, onesComplementSum } from './checksum.ts';
import { formatMac, localMac, readMac } from './ethernet.ts';
import { formatIpv4, parseIpv4, parseIpv4Header } from './ipv4.ts';
import { ACK, makeSegmentFrame, parseSegment, PSH, SYN } from './tcp-segment.ts';

const ADDRESSES = {
  sourceMac: localMac(1),
  destinationMac: localMac(2),
  sourceAddress: 0x0a00_0001,
  destinationAddress: 0x0a00_0002,
};

const FIELDS = {
  sourcePort: 49_152,
  destinationPort: 7000,
  sequence: 0xfffffffe,
  acknowledgement: 0x80000001,
  flags: ACK | PSH,
  window: 0xabcd,
};

test('the worked example of RFC 1071 §3', () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  const sum = onesComplementSum(bytes, { start: 0, end: 8 });
  expect(sum).toBe(0x2ddf0);
  expect(foldChecksum(sum)).toBe(0xffff - 0xddf2);
});

test('an odd last byte counts as the high half of a word', () => {
  expect(onesComplementSum(Uint8Array.of(1, 2, 3), { start: 0, end: 3 })).toBe(0x0102 + 0x0300);
});

test('a data segment, byte by byte', () => {
  const frame = makeSegmentFrame(ADDRESSES, FIELDS, 3);
  frame.set([0x61, 0x62, 0x63], frame.length - 3);
  // biome-ignore format: the bytes as the standards draw them
  expect([...completeChecksums(frame)]).toEqual([
    0x02, 0, 0, 0, 0, 2,   0x02, 0, 0, 0, 0, 1,   0x08, 0x00,
    0x45, 0, 0, 43,   0, 0, 0x40, 0,   64, 6, 0x26, 0xcb,   10, 0, 0, 1,   10, 0, 0, 2,
    0xc0, 0x00, 0x1b, 0x58,   0xff, 0xff, 0xff, 0xfe,   0x80, 0, 0, 1,
    0x50, 0x18, 0xab, 0xcd,   0xd0, 0x3d, 0, 0,   0x61, 0x62, 0x63,
  ]);
  expect([frame[50], frame[51]]).toEqual([0, 0]); // on the wire the checksum stays offloaded
});

test('what is written is read, options on SYN only', () => {
  const options = { maximumSegmentSize: 65_495, windowScale: 7 };
  for (const flags of [SYN, SYN | ACK, ACK]) {
    const frame = makeSegmentFrame(ADDRESSES, { ...FIELDS, ...options, flags }, 0);
    const ip = parseIpv4Header(frame);
    const segment = ip && parseSegment(frame, ip);
    const none = { maximumSegmentSize: undefined, windowScale: undefined };
    expect(segment).toEqual({ ...FIELDS, ...(flags & SYN ? options : none), flags, payload: new Uint8Array(0) });
  }
});

test('a present checksum is verified, an offloaded one is not', () => {
  const frame = makeSegmentFrame(ADDRESSES, FIELDS, 100);
  const read = (bytes: Uint8Array) => {
    const ip = parseIpv4Header(bytes);
    return ip && parseSegment(bytes, ip);
  };
  const complete = completeChecksums(frame);
  expect(read(complete)).toBeDefined();
  complete[100] = 1;
  expect(read(complete)).toBeUndefined();
  frame[100] = 1;
  expect(read(frame)).toBeDefined();
});

test('a header of IPv4 is refused when any one of its bits is wrong', () => {
  const frame = makeSegmentFrame(ADDRESSES, FIELDS, 10);
  expect(parseIpv4Header(frame)).toBeDefined();
  for (let bit = 14 * 8; bit < 34 * 8; bit++) {
    const damaged = frame.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(parseIpv4Header(damaged)).toBeUndefined();
  }
});

test('damaged options neither throw nor hang', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (options) => {
      const frame = makeSegmentFrame(ADDRESSES, { ...FIELDS, flags: SYN, maximumSegmentSize: 1, windowScale: 1 }, 0);
      frame.set(options, 54);
      const ip = parseIpv4Header(frame);
      const segment = ip && parseSegment(frame, ip);
      expect(segment?.windowScale ?? 0).toBeLessThanOrEqual(14);
    }),
    { numRuns: 2000, seed: 7323 },
  );
});

test('completing any bytes at all never throws and never changes the original', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, real) => {
      const frame = real ? makeSegmentFrame(ADDRESSES, FIELDS, 20) : bytes;
      if (real) frame.set(bytes.subarray(0, 6), 14);
      const before = frame.slice();
      const complete = completeChecksums(frame);
      expect(complete).toHaveLength(frame.length);
      expect(frame).toEqual(before);
    }),
    { numRuns: 1000, seed: 1071 },
  );
});

test('addresses in text and back', () => {
  expect(parseIpv4('10.0.0.1')).toBe(0x0a00_0001);
  expect(parseIpv4('255.255.255.255')).toBe(0xffff_ffff);
  for (const bad of ['', '10.0.0', '10.0.0.256', '10.0.0.01', '10.0.0.1.2', 'a.b.c.d', ' 10.0.0.1']) {
    expect(parseIpv4(bad)).toBeUndefined();
  }
  expect(formatIpv4(0xc0a8_01fe)).toBe('192.168.1.254');
  expect(formatMac(localMac(0x1234_5678))).toBe('02:00:12:34:56:78');
  expect(readMac(Uint8Array.of(2, 0, 0x12, 0x34, 0x56, 0x78), 0)).toBe(localMac(0x1234_5678));
});
