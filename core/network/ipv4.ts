/**
 * IPv4 headers as bytes. One header of 20 bytes without options is written; headers with options are
 * read. Left out: fragmentation (never done; fragments are dropped), options' meaning, ICMP, routing:
 * hosts are neighbours on one cable.
 * Standard: RFC 791 §3.1; RFC 6864 (an atomic datagram's identification is free: 0 here).
 *
 *   0        1        2                 4                 6
 *   | 4 | hl | tos    | total length    | identification  | flags, fragment |
 *   | ttl    | proto  | checksum        | source address                    | destination address
 */
import { foldChecksum, onesComplementSum } from './checksum.ts';
import { ETHERNET_HEADER_SIZE } from './ethernet.ts';

export const IPV4_HEADER_SIZE = 20;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
/** Largest datagram, header included. Unit: byte. */
export const IPV4_TOTAL_LENGTH_MAX = 65_535;

/** An address as an integer 0 … 2^32 − 1; 10.0.0.1 is 0x0a000001. */
export type Ipv4Address = number;

/** '10.0.0.1'. */
export function formatIpv4(address: Ipv4Address): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** The address in dotted decimal; undefined when `text` is none. */
export function parseIpv4(text: string): Ipv4Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const numbers = parts.map(Number);
  if (numbers.some((part) => part > 255)) return undefined;
  return numbers.reduce((address, part) => address * 256 + part, 0);
}

/** Writes a big-endian word. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = (value >>> 16) & 0xff;
  bytes[offset + 2] = (value >>> 8) & 0xff;
  bytes[offset + 3] = value & 0xff;
}

/** A big-endian word. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16);
  return (high | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Writes the header behind the Ethernet header: do not fragment, time to live 64, TCP when not said otherwise. */
export function writeIpv4Header(
  frame: Uint8Array,
  header: {
    readonly source: Ipv4Address;
    readonly destination: Ipv4Address;
    readonly payloadLength: number;
    readonly protocol?: number;
  },
): void {
  const at = ETHERNET_HEADER_SIZE;
  const totalLength = IPV4_HEADER_SIZE + header.payloadLength;
  frame[at] = 0x45;
  frame[at + 1] = 0;
  frame[at + 2] = totalLength >> 8;
  frame[at + 3] = totalLength & 0xff;
  writeUint32(frame, at + 4, 0x4000); // identification 0, DF
  frame[at + 8] = 64;
  frame[at + 9] = header.protocol ?? PROTOCOL_TCP;
  frame[at + 10] = 0;
  frame[at + 11] = 0;
  writeUint32(frame, at + 12, header.source);
  writeUint32(frame, at + 16, header.destination);
  const sum = onesComplementSum(frame, { start: at, end: at + IPV4_HEADER_SIZE });
  const checksum = foldChecksum(sum);
  frame[at + 10] = checksum >> 8;
  frame[at + 11] = checksum & 0xff;
}

/** What a receiver needs of a header. Offsets in bytes from the frame's start. */
export interface Ipv4Header {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly protocol: number;
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** Reads and checks the header behind the Ethernet header; undefined when it is damaged or a fragment. */
export function parseIpv4Header(frame: Uint8Array): Ipv4Header | undefined {
  const at = ETHERNET_HEADER_SIZE;
  if (frame.length < at + IPV4_HEADER_SIZE || frame[at]! >> 4 !== 4) return undefined;
  const headerLength = (frame[at]! & 15) * 4;
  const totalLength = (frame[at + 2]! << 8) | frame[at + 3]!;
  if (headerLength < IPV4_HEADER_SIZE || totalLength < headerLength) return undefined;
  if (at + totalLength > frame.length) return undefined;
  if (((frame[at + 6]! << 8) | frame[at + 7]!) & 0x3fff) return undefined;
  const sum = onesComplementSum(frame, { start: at, end: at + headerLength });
  if (foldChecksum(sum) !== 0) return undefined;
  return {
    source: readUint32(frame, at + 12),
    destination: readUint32(frame, at + 16),
    protocol: frame[at + 9]!,
    payloadStart: at + headerLength,
    payloadEnd: at + totalLength,
  };
}
