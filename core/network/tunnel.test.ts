// Goal: guests' frames go through the hosts' datagrams unchanged and nothing else is taken for one; an announcement is a RARP request.
// Method: frames of many sizes there and back; every single-byte change of the outer headers; the announcement's bytes against RFC 903.
import { expect, test } from 'vitest';
import { localMac, makeAnnouncement, makeTunnelFrame, readTunnelFrame } from './index.ts';

const WAY = { sourceMac: localMac(1), destinationMac: localMac(2), sourceAddress: 0x0a00_0001, destinationAddress: 0x0a00_0002 };

test('frames come out as they went in; a damaged datagram carries none', () => {
  for (const size of [14, 60, 1514, 9000]) {
    const frame = Uint8Array.from({ length: size }, (_, at) => at * 7);
    for (const isLate of [false, true]) expect(readTunnelFrame(makeTunnelFrame(WAY, { frame, isLate }))).toEqual({ frame, isLate });
  }
  const frame = Uint8Array.from({ length: 60 }, (_, at) => at);
  const outer = makeTunnelFrame(WAY, { frame, isLate: false });
  for (let at = 12; at < outer.length; at++) {
    if (at === 40 || at === 41) continue; // a checksum of 0 is none; others are found
    const damaged = outer.slice();
    damaged[at] = damaged[at]! ^ 0x10;
    const found = readTunnelFrame(damaged);
    // The type of service, the identification and the time to live are not what a receiver looks at, but the header's sum is.
    expect(found === undefined, `byte ${at}`).toBe(true);
  }
  expect(readTunnelFrame(new Uint8Array(3))).toBe(undefined);
});

test('an announcement asks for the address of the card itself (RFC 903)', () => {
  const bytes = makeAnnouncement(0x5254_0012_3456);
  const mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
  expect([...bytes.subarray(0, 42)]).toEqual([
    ...Array.from({ length: 6 }, () => 0xff), ...mac, 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3, ...mac, 0, 0, 0, 0, ...mac, 0, 0, 0, 0,
  ]);
  expect(bytes).toHaveLength(60);
});
