// Goal: guests get addresses, find each other and the hosts, ping, and speak UDP and TCP, all visible in a capture that Wireshark opens
// without complaint; hostile frames do no harm. Method: frames made by hand and TCP stacks as guests; an independent reader; tshark where present.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { VirtioNet } from '../devices/virtio/index.ts';
import { NetworkClock, NetworkGuest } from '../testing/network-guest.ts';
import { readPcapng } from '../testing/pcapng-reader.ts';
import { makeGuestMemory, VirtioDriver } from '../testing/virtio-driver.ts';
import { ARP_REPLY, ARP_REQUEST, type ArpPacket, makeArpFrame, parseArp } from './arp.ts';
import { CaptureTap } from './capture-tap.ts';
import { makeEchoFrame, makeUdpFrame, parseEcho, parseUdp } from './datagram.ts';
import { dhcpType, parseDhcpRequest } from './dhcp.ts';
import { BROADCAST_MAC, localMac, readMac } from './ethernet.ts';
import { formatIpv4, parseIpv4, parseIpv4Header, readUint32, writeUint32 } from './ipv4.ts';
import { LEARNED_MAX, UserNetwork } from './user-network.ts';

const ip = (text: string) => parseIpv4(text)!;
const GATEWAY = { mac: localMac(1), address: ip('10.0.2.2') };
const A = { mac: localMac(0xa), address: ip('10.0.2.15') };
const B = { mac: localMac(0xb), address: ip('10.0.2.16') };
const HOST = { mac: localMac(0xc), address: ip('10.0.2.100') };
const NEIGHBOURS = new Map([GATEWAY, A, B, HOST].map(({ mac, address }) => [address, mac]));

function makeNetwork() {
  const inbox: Uint8Array[][] = [[], [], []];
  const network = new UserNetwork({
    gatewayMac: GATEWAY.mac, gatewayAddress: GATEWAY.address, mask: ip('255.255.255.0'),
    leases: new Map([[A.mac, A.address], [B.mac, B.address]]), neighbours: new Map([[HOST.address, HOST.mac]]),
  });
  const ports = ['a', 'b', 'host'].map((name, index) => network.addPort({ name, deliver: (frame) => void inbox[index]!.push(frame) }));
  const take = (index: number) => inbox[index]!.splice(0);
  return { network, take, ports: { a: ports[0]!, b: ports[1]!, host: ports[2]! } };
}

/** A client's message as RFC 2131 draws it. */
function dhcp(type: number, options: { readonly mac?: number; readonly requested?: number; readonly server?: number; readonly broadcast?: boolean; readonly client?: number }): Uint8Array {
  const bytes = new Uint8Array(300);
  bytes.set([1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78]);
  if (options.broadcast) bytes[10] = 0x80;
  writeUint32(bytes, 12, options.client ?? 0);
  writeUint32(bytes, 28, 0x0200_0000);
  bytes[33] = (options.mac ?? A.mac) & 0xff;
  writeUint32(bytes, 236, 0x6382_5363);
  let at = 240;
  const put = (code: number, ...value: readonly number[]) => {
    bytes.set([code, value.length, ...value], at);
    at += 2 + value.length;
  };
  const four = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  put(0, 0, 0); // padding and a host name come first, as some clients have it
  at -= 4;
  bytes[at++] = 0;
  put(12, 0x76, 0x6d);
  put(53, type);
  if (options.requested !== undefined) put(50, ...four(options.requested));
  if (options.server !== undefined) put(54, ...four(options.server));
  bytes[at] = 255;
  const addresses = { sourceMac: options.mac ?? A.mac, destinationMac: BROADCAST_MAC, sourceAddress: options.client ?? 0, destinationAddress: 0xffff_ffff };
  return makeUdpFrame(addresses, { sourcePort: 68, destinationPort: 67, payload: bytes });
}

/** The server's reply in a frame: destination, type, address, options. */
function readReply(frame: Uint8Array) {
  const header = parseIpv4Header(frame)!;
  const { payload, sourcePort, destinationPort } = parseUdp(frame, header)!;
  const options = new Map<number, number>();
  for (let at = 240; payload[at] !== 255; at += 2 + payload[at + 1]!) options.set(payload[at]!, payload[at + 1] === 4 ? readUint32(payload, at + 2) : payload[at + 2]!);
  return { to: readMac(frame, 0), ip: formatIpv4(header.destination), ports: [sourcePort, destinationPort], op: payload[0], transaction: readUint32(payload, 4), address: formatIpv4(readUint32(payload, 16)), options };
}

test('DHCP: discover, offer, request, acknowledgement; a wrong address is refused, a stranger gets nothing', () => {
  const { network, take, ports } = makeNetwork();
  network.receive(ports.a, dhcp(dhcpType.discover, {}), 0);
  const offer = readReply(take(0)[0]!);
  expect(offer).toMatchObject({ to: A.mac, ip: '10.0.2.15', ports: [67, 68], op: 2, transaction: 0x12345678, address: '10.0.2.15' });
  expect([53, 54, 51, 1, 3].map((code) => offer.options.get(code))).toEqual([dhcpType.offer, GATEWAY.address, 0xffff_ffff, 0xffff_ff00, GATEWAY.address]);
  network.receive(ports.a, dhcp(dhcpType.request, { requested: A.address, server: GATEWAY.address, broadcast: true }), 0);
  const ack = readReply(take(0)[0]!);
  expect([ack.to, ack.ip, ack.options.get(53)]).toEqual([BROADCAST_MAC, '255.255.255.255', dhcpType.ack]);
  network.receive(ports.a, dhcp(dhcpType.request, { client: A.address }), 0); // renewal
  expect(readReply(take(0)[0]!).options.get(53)).toBe(dhcpType.ack);
  network.receive(ports.a, dhcp(dhcpType.request, { requested: B.address }), 0);
  expect(readReply(take(0)[0]!)).toMatchObject({ to: BROADCAST_MAC, address: '0.0.0.0' });
  network.receive(ports.a, dhcp(dhcpType.request, { requested: A.address, server: HOST.address }), 0); // another server's
  network.receive(ports.a, dhcp(dhcpType.discover, { mac: localMac(0x77) }), 0);
  network.receive(ports.a, dhcp(dhcpType.release, {}), 0);
  expect([take(0), network.counters.leases]).toEqual([[], 2]);
  expect(parseDhcpRequest(new Uint8Array(240))).toBeUndefined();
});

test('ARP, ping and UDP echo by the gateway; ARP for hosts that do not speak it', () => {
  const { network, take, ports } = makeNetwork();
  const ask = (target: number): ArpPacket | undefined => {
    const request = { operation: ARP_REQUEST, senderMac: A.mac, senderAddress: A.address, targetMac: 0, targetAddress: target };
    network.receive(ports.a, makeArpFrame(request, BROADCAST_MAC), 0);
    const [frame] = take(0);
    return frame === undefined ? undefined : parseArp(frame);
  };
  expect(ask(GATEWAY.address)).toEqual({ operation: ARP_REPLY, senderMac: GATEWAY.mac, senderAddress: GATEWAY.address, targetMac: A.mac, targetAddress: A.address });
  expect(ask(HOST.address)?.senderMac).toBe(HOST.mac);
  expect(ask(B.address)).toBeUndefined(); // B answers itself: it has heard the question
  expect(take(1)).toHaveLength(3);
  const way = { sourceMac: A.mac, destinationMac: GATEWAY.mac, sourceAddress: A.address, destinationAddress: GATEWAY.address };
  const content = Uint8Array.from({ length: 60 }, (_, at) => at);
  network.receive(ports.a, makeEchoFrame(way, { isRequest: true, content }), 0);
  const [pong] = take(0);
  expect(parseEcho(pong!, parseIpv4Header(pong!)!)).toEqual({ isRequest: false, content });
  network.receive(ports.a, makeUdpFrame(way, { sourcePort: 4000, destinationPort: 7, payload: content.subarray(0, 31) }), 0);
  const [back] = take(0);
  expect(parseUdp(back!, parseIpv4Header(back!)!)).toEqual({ sourcePort: 7, destinationPort: 4000, payload: content.subarray(0, 31) });
  // Not for the gateway, broken sums, an echo between echo ports: silence.
  const broken = makeEchoFrame(way, { isRequest: true, content });
  broken[60]! ^= 1;
  network.receive(ports.a, broken, 0);
  network.receive(ports.a, makeEchoFrame({ ...way, destinationAddress: ip('8.8.8.8') }, { isRequest: true, content }), 0);
  network.receive(ports.a, makeUdpFrame(way, { sourcePort: 7, destinationPort: 7, payload: content }), 0);
  expect([take(0), network.counters]).toMatchObject([[], { pings: 1, echoes: 1, arpReplies: 2 }]);
});

test('the switch learns, floods what it does not know, and remembers a bounded number', () => {
  const { network, take, ports } = makeNetwork();
  const frame = (from: number, to: number) => makeUdpFrame({ sourceMac: from, destinationMac: to, sourceAddress: A.address, destinationAddress: B.address }, { sourcePort: 1, destinationPort: 2, payload: new Uint8Array(3) });
  network.receive(ports.a, frame(A.mac, B.mac), 0);
  expect([take(0).length, take(1).length, take(2).length]).toEqual([0, 1, 1]);
  network.receive(ports.b, frame(B.mac, A.mac), 0);
  expect([take(0).length, take(1).length, take(2).length]).toEqual([1, 0, 0]);
  network.receive(ports.a, frame(A.mac, B.mac), 0);
  expect([take(1).length, take(2).length, network.counters.flooded]).toEqual([1, 0, 1]);
  network.receive(ports.a, frame(BROADCAST_MAC, B.mac), 0);
  network.receive(ports.a, new Uint8Array(10), 0);
  expect([take(1).length, network.counters.malformed]).toEqual([0, 2]);
  for (let guess = 0; guess < LEARNED_MAX * 2; guess++) network.receive(ports.b, frame(localMac(1000 + guess), A.mac), 0);
  expect(take(0)).toHaveLength(LEARNED_MAX * 2);
  network.receive(ports.a, frame(A.mac, localMac(1000 + LEARNED_MAX * 2 - 1)), 0); // not remembered: flooded
  expect([take(1).length, take(2).length]).toEqual([1, 1]);
});

/** Two guests and the host's stack on one network; what the capture holds. */
function tcpRun(): { readonly tap: CaptureTap; readonly a: NetworkGuest; readonly b: NetworkGuest; readonly host: NetworkGuest } {
  const clock = new NetworkClock();
  const ends: NetworkGuest[] = [];
  const network: UserNetwork = new UserNetwork(
    { gatewayMac: GATEWAY.mac, gatewayAddress: GATEWAY.address, mask: ip('255.255.255.0'), leases: new Map() },
    { onTcp: (frame, now) => host.stack.onFrame(frame, now) },
  );
  const onPort = (place: typeof A) => {
    const port = network.addPort({
      name: formatIpv4(place.address),
      deliver: (frame) => clock.later((now) => guest.stack.onFrame(frame, now)),
    });
    const guest: NetworkGuest = new NetworkGuest({ ...place, neighbours: NEIGHBOURS }, (frame) => clock.enter(network, port, frame));
    ends.push(guest);
    return guest;
  };
  const [a, b] = [onPort(A), onPort(B)];
  const host: NetworkGuest = new NetworkGuest({ ...GATEWAY, neighbours: NEIGHBOURS }, (frame) => clock.later((now) => network.transmit(frame, now)));
  clock.add(a, b, host);
  const tap = new CaptureTap({ bytesMax: 1 << 20 });
  network.capture(tap);
  b.stack.listen(80);
  host.stack.listen(22);
  const data = Uint8Array.from({ length: 20_000 }, (_, at) => at * 7);
  for (const address of [B.address, GATEWAY.address]) {
    const connection = a.stack.connect(address, address === B.address ? 80 : 22, clock.nowNs);
    clock.run(clock.nowNs + 1_000_000);
    expect(a.stack.send(connection, data, clock.nowNs)).toBe(data.length);
    a.stack.close(connection, clock.nowNs);
    clock.run(clock.nowNs + 100_000_000);
  }
  expect(Buffer.compare(Uint8Array.from(b.received), data)).toBe(0);
  expect(Buffer.compare(Uint8Array.from(host.received), data)).toBe(0);
  return { tap, a, b, host };
}

test('TCP between guests and with the host; every frame of every port is in the capture, sums complete', () => {
  const { tap, a } = tcpRun();
  expect(a.events.map(({ kind }) => kind).filter((kind) => kind !== 'writable')).toEqual(['connected', 'peer-closed', 'closed', 'connected', 'peer-closed', 'closed']);
  const file = tap.file({ application: 'test' });
  const capture = readPcapng(file);
  expect(capture.interfaces.map(({ name }) => name)).toEqual(['gateway', '10.0.2.15', '10.0.2.16']);
  // What enters at one card's port leaves at the other's.
  const counts = [1, 2].map((port) => capture.packets.filter(({ interfaceIndex }) => interfaceIndex === port).length);
  expect(counts[0]! - counts[1]!).toBeGreaterThan(20);
  expect(capture.packets.every(({ bytes }) => bytes.length <= 1514)).toBe(true);
  expect(tap.file({ application: 'test' })).toEqual(tcpRun().tap.file({ application: 'test' }));
  if (spawnSync('tshark', ['--version']).status !== 0) return;
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-net-'));
  try {
    writeFileSync(join(folder, 'net.pcapng'), file);
    const verdict = spawnSync('tshark', ['-r', join(folder, 'net.pcapng'), '-o', 'tcp.check_checksum:TRUE', '-Y', 'tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed'], { encoding: 'utf8' });
    expect([verdict.stdout, verdict.status]).toEqual(['', 0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a virtio card on the network: its frames reach the gateway, and the answer its ring', () => {
  const { network } = makeNetwork();
  const card: VirtioNet = new VirtioNet({ mac: A.mac }, { transmit: (frame) => network.receive(port, frame, 0) });
  const port = network.addPort({ name: 'card', deliver: (frame) => void card.receive(frame) });
  const driver = new VirtioDriver(card, makeGuestMemory(256));
  driver.start();
  driver.add(0, [], [1526]);
  driver.notify(0);
  const request = makeArpFrame({ operation: ARP_REQUEST, senderMac: A.mac, senderAddress: A.address, targetMac: 0, targetAddress: GATEWAY.address }, BROADCAST_MAC);
  driver.request(1, [new Uint8Array(12), request], []);
  const [received] = driver.collect(0);
  expect(parseArp(received!.bytes.subarray(12, received!.written))).toMatchObject({ operation: ARP_REPLY, senderMac: GATEWAY.mac });
});

test('frames of any bytes: no exception, bounded answers', () => {
  const { network, take, ports } = makeNetwork();
  const random = makePrng({ seed: 12, stream: 1 });
  const way = { sourceMac: A.mac, destinationMac: GATEWAY.mac, sourceAddress: A.address, destinationAddress: GATEWAY.address };
  const goods = [
    dhcp(dhcpType.discover, {}), makeEchoFrame(way, { isRequest: true, content: new Uint8Array(40) }),
    makeArpFrame({ operation: ARP_REQUEST, senderMac: A.mac, senderAddress: A.address, targetMac: 0, targetAddress: GATEWAY.address }, BROADCAST_MAC),
    makeUdpFrame(way, { sourcePort: 5, destinationPort: 7, payload: new Uint8Array(20) }),
  ];
  let answers = 0;
  for (let count = 0; count < (process.env['GLASSHOUSE_VERIFY'] ? 200_000 : 6_000); count++) {
    const good = goods[count % goods.length]!;
    const frame = nextBelow(random, 6) === 0 ? good.slice(0, nextBelow(random, good.length + 1)) : good.slice();
    for (let changes = nextBelow(random, 4); changes > 0 && frame.length > 0; changes--) frame[nextBelow(random, frame.length)] = nextBelow(random, 256);
    network.receive(ports.a, frame, count);
    const back = take(0).length;
    expect(back).toBeLessThanOrEqual(1);
    answers += back;
    take(1);
    take(2);
  }
  expect(answers).toBeGreaterThan(100);
});
