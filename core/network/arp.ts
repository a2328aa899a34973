/**
 * Address resolution for IPv4 over Ethernet, as bytes. Standard: RFC 826.
 *
 *   14       16       18  19  20      22            28             32            38
 *   | 1      | 0x0800 | 6 | 4 | oper  | sender mac  | sender ip    | target mac  | target ip
 */
import { ETHERNET_HEADER_SIZE, ETHERTYPE_ARP, etherType, type MacAddress, readMac, writeEthernetHeader, writeMac } from './ethernet.ts';
import { type Ipv4Address, readUint32, writeUint32 } from './ipv4.ts';

/** Bytes of a frame that carries it. */
export const ARP_FRAME_SIZE = ETHERNET_HEADER_SIZE + 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

/** Who asks or tells, and about whom. */
export interface ArpPacket {
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderAddress: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetAddress: Ipv4Address;
}

/** The packet in a frame; undefined when it is none for IPv4 over Ethernet. */
export function parseArp(frame: Uint8Array): ArpPacket | undefined {
  if (frame.length < ARP_FRAME_SIZE || etherType(frame) !== ETHERTYPE_ARP) return undefined;
  const at = ETHERNET_HEADER_SIZE;
  if (readUint32(frame, at) !== 0x0001_0800 || frame[at + 4] !== 6 || frame[at + 5] !== 4) return undefined;
  return {
    operation: (frame[at + 6]! << 8) | frame[at + 7]!,
    senderMac: readMac(frame, at + 8),
    senderAddress: readUint32(frame, at + 14),
    targetMac: readMac(frame, at + 18),
    targetAddress: readUint32(frame, at + 24),
  };
}

/** A frame with a packet, to `destination`. */
export function makeArpFrame(packet: ArpPacket, destination: MacAddress): Uint8Array {
  const frame = new Uint8Array(ARP_FRAME_SIZE);
  const at = ETHERNET_HEADER_SIZE;
  writeEthernetHeader(frame, { destination, source: packet.senderMac, type: ETHERTYPE_ARP });
  writeUint32(frame, at, 0x0001_0800);
  frame[at + 4] = 6;
  frame[at + 5] = 4;
  frame[at + 7] = packet.operation;
  writeMac(frame, at + 8, packet.senderMac);
  writeUint32(frame, at + 14, packet.senderAddress);
  writeMac(frame, at + 18, packet.targetMac);
  writeUint32(frame, at + 24, packet.targetAddress);
  return frame;
}
