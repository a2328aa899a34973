/**
 * Guests' frames between hosts: a frame of a guest inside a UDP datagram from host to host, as VXLAN has it, so that captures
 * of the hosts' cables show both. And the frame by which a card says where it is now, after its VM has moved.
 * Left out: several networks (the identifier is 1), multicast, source ports that spread flows.
 * Standard: RFC 7348 §5 (VXLAN), RFC 903 (RARP).
 */
import { type DatagramAddresses, makeUdpFrame, parseUdp } from './datagram.ts';
import { BROADCAST_MAC, ETHERNET_HEADER_SIZE, ETHERTYPE_IPV4, etherType, type MacAddress, writeEthernetHeader, writeMac } from './ethernet.ts';
import { parseIpv4Header, PROTOCOL_UDP } from './ipv4.ts';

/** UDP port of VXLAN (§5). */
export const TUNNEL_PORT = 4789;
const SOURCE_PORT = 49_152;
const HEADER_BYTES = 8;
const HAS_IDENTIFIER = 0x08;
/** Second byte: the receiver learns no address from the frame (draft-smith-vxlan-group-policy-05 §2.1, the D bit). */
const TEACHES_NOTHING = 0x40;
const IDENTIFIER = 1;
/** Largest frame that goes through: more than any card's. */
const FRAME_BYTES_MAX = 65_000;

/** A guest's frame on its way. `isLate`: it comes by a detour and says nothing of where its sender is. */
export interface TunnelledFrame {
  readonly frame: Uint8Array;
  readonly isLate: boolean;
}

/** The frame on its way between two hosts. */
export function makeTunnelFrame(addresses: DatagramAddresses, { frame, isLate }: TunnelledFrame): Uint8Array {
  const payload = new Uint8Array(HEADER_BYTES + frame.length);
  payload[0] = HAS_IDENTIFIER;
  payload[1] = isLate ? TEACHES_NOTHING : 0;
  payload[6] = IDENTIFIER;
  payload.set(frame, HEADER_BYTES);
  return makeUdpFrame(addresses, { sourcePort: SOURCE_PORT, destinationPort: TUNNEL_PORT, payload });
}

/** The guest's frame inside, copied; undefined for anything else. */
export function readTunnelFrame(bytes: Uint8Array): TunnelledFrame | undefined {
  if (bytes.length < ETHERNET_HEADER_SIZE || etherType(bytes) !== ETHERTYPE_IPV4) return undefined;
  const ip = parseIpv4Header(bytes);
  if (ip?.protocol !== PROTOCOL_UDP) return undefined;
  const datagram = parseUdp(bytes, ip);
  if (datagram?.destinationPort !== TUNNEL_PORT) return undefined;
  const { payload } = datagram;
  const isOurs = payload.length >= HEADER_BYTES + ETHERNET_HEADER_SIZE && payload[0] === HAS_IDENTIFIER && payload[6] === IDENTIFIER;
  if (!isOurs || payload.length > HEADER_BYTES + FRAME_BYTES_MAX) return undefined;
  return { frame: payload.slice(HEADER_BYTES), isLate: payload[1] === TEACHES_NOTHING };
}

const ETHERTYPE_RARP = 0x8035;
const REQUEST_REVERSE = 3;
const FRAME_BYTES_MIN = 60;

/** What QEMU sends for a card whose VM has moved (net/announce.c): a reverse request from it, to everybody. */
export function makeAnnouncement(mac: MacAddress): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES_MIN);
  writeEthernetHeader(frame, { destination: BROADCAST_MAC, source: mac, type: ETHERTYPE_RARP });
  const view = new DataView(frame.buffer, ETHERNET_HEADER_SIZE);
  view.setUint16(0, 1); //                Ethernet
  view.setUint16(2, ETHERTYPE_IPV4);
  view.setUint8(4, 6);
  view.setUint8(5, 4);
  view.setUint16(6, REQUEST_REVERSE);
  writeMac(frame, ETHERNET_HEADER_SIZE + 8, mac); //  sender and target: itself; addresses 0
  writeMac(frame, ETHERNET_HEADER_SIZE + 18, mac);
  return frame;
}
