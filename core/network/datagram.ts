/**
 * UDP datagrams and ICMP echoes as bytes inside Ethernet frames. Checksums are written and verified; a
 * UDP checksum of 0 means that there is none. Left out: other ICMP messages, options, fragments.
 * Standard: RFC 768, RFC 792 (echo), RFC 1071.
 */
import { foldChecksum, onesComplementSum } from './checksum.ts';
import { ETHERNET_HEADER_SIZE, ETHERTYPE_IPV4, type MacAddress, writeEthernetHeader } from './ethernet.ts';
import { IPV4_HEADER_SIZE, type Ipv4Address, type Ipv4Header, PROTOCOL_ICMP, PROTOCOL_UDP, writeIpv4Header } from './ipv4.ts';

const UDP_HEADER_SIZE = 8;
const ICMP_HEADER_SIZE = 8;
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;
const PAYLOAD_START = ETHERNET_HEADER_SIZE + IPV4_HEADER_SIZE;

/** Both ends of a datagram's way. */
export interface DatagramAddresses {
  readonly sourceMac: MacAddress;
  readonly destinationMac: MacAddress;
  readonly sourceAddress: Ipv4Address;
  readonly destinationAddress: Ipv4Address;
}

/** A UDP datagram. `payload` is a view into the frame it was read from. */
export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

function makeFrame(addresses: DatagramAddresses, protocol: number, payloadLength: number): Uint8Array {
  const frame = new Uint8Array(PAYLOAD_START + payloadLength);
  writeEthernetHeader(frame, {
    destination: addresses.destinationMac, source: addresses.sourceMac, type: ETHERTYPE_IPV4,
  });
  writeIpv4Header(frame, {
    source: addresses.sourceAddress, destination: addresses.destinationAddress, payloadLength, protocol,
  });
  return frame;
}

/** Sum of a datagram with its pseudo header; the addresses lie before `start` as this file writes them. */
function udpSum(frame: Uint8Array, start: number, end: number): number {
  const addresses = ETHERNET_HEADER_SIZE + 12;
  const pseudo = onesComplementSum(frame, { start: addresses, end: addresses + 8 }, PROTOCOL_UDP + end - start);
  return onesComplementSum(frame, { start, end }, pseudo);
}

/** A frame with a UDP datagram; the payload is at most 65,507 bytes. */
export function makeUdpFrame(addresses: DatagramAddresses, datagram: UdpDatagram): Uint8Array {
  const length = UDP_HEADER_SIZE + datagram.payload.length;
  const frame = makeFrame(addresses, PROTOCOL_UDP, length);
  const view = new DataView(frame.buffer, PAYLOAD_START);
  view.setUint16(0, datagram.sourcePort);
  view.setUint16(2, datagram.destinationPort);
  view.setUint16(4, length);
  frame.set(datagram.payload, PAYLOAD_START + UDP_HEADER_SIZE);
  const checksum = foldChecksum(udpSum(frame, PAYLOAD_START, frame.length));
  view.setUint16(6, checksum === 0 ? 0xffff : checksum);
  return frame;
}

/** The datagram in `ip`'s payload; undefined when its length or checksum is wrong. */
export function parseUdp(frame: Uint8Array, ip: Ipv4Header): UdpDatagram | undefined {
  const { payloadStart: start, payloadEnd } = ip;
  if (payloadEnd - start < UDP_HEADER_SIZE) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset + start, UDP_HEADER_SIZE);
  const length = view.getUint16(4);
  const end = start + length;
  if (length < UDP_HEADER_SIZE || end > payloadEnd) return undefined;
  if (view.getUint16(6) !== 0 && foldChecksum(udpSum(frame, start, end)) !== 0) return undefined;
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    payload: frame.subarray(start + UDP_HEADER_SIZE, end),
  };
}

/** An echo, its identifier, sequence number and data as one. */
export interface IcmpEcho {
  readonly isRequest: boolean;
  /** Everything behind the checksum: a view into the frame it was read from. */
  readonly content: Uint8Array;
}

/** The echo in `ip`'s payload; undefined when it is something else or its checksum is wrong. */
export function parseEcho(frame: Uint8Array, ip: Ipv4Header): IcmpEcho | undefined {
  const { payloadStart: start, payloadEnd: end } = ip;
  if (end - start < ICMP_HEADER_SIZE || frame[start + 1] !== 0) return undefined;
  const type = frame[start]!;
  if (type !== ECHO_REQUEST && type !== ECHO_REPLY) return undefined;
  if (foldChecksum(onesComplementSum(frame, { start, end })) !== 0) return undefined;
  return { isRequest: type === ECHO_REQUEST, content: frame.subarray(start + 4, end) };
}

/** A frame with an echo. */
export function makeEchoFrame(addresses: DatagramAddresses, echo: IcmpEcho): Uint8Array {
  const frame = makeFrame(addresses, PROTOCOL_ICMP, 4 + echo.content.length);
  frame[PAYLOAD_START] = echo.isRequest ? ECHO_REQUEST : ECHO_REPLY;
  frame.set(echo.content, PAYLOAD_START + 4);
  const checksum = foldChecksum(onesComplementSum(frame, { start: PAYLOAD_START, end: frame.length }));
  frame[PAYLOAD_START + 2] = checksum >> 8;
  frame[PAYLOAD_START + 3] = checksum & 0xff;
  return frame;
}
