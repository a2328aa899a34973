/**
 * TCP segments as bytes inside Ethernet frames. Options written: maximum segment size and window scale,
 * both on SYN only. Options read: the same; others are skipped by their length.
 * Left out: timestamps, selective acknowledgement, urgent data (the pointer is ignored).
 * Standard: RFC 9293 §3.1, §3.2; RFC 7323 §2.2.
 *
 *   0                 2                 4                                   8
 *   | source port     | destination port| sequence number                   |
 *   | acknowledgement number            | off|    | flags  | window         |
 *   | checksum        | urgent pointer  | options … | payload …
 */
import { tcpChecksum } from './checksum.ts';
import {
  ETHERNET_HEADER_SIZE,
  ETHERTYPE_IPV4,
  type MacAddress,
  writeEthernetHeader,
} from './ethernet.ts';
import {
  IPV4_HEADER_SIZE,
  IPV4_TOTAL_LENGTH_MAX,
  type Ipv4Address,
  type Ipv4Header,
  writeIpv4Header,
} from './ipv4.ts';
import { assert } from '../base/assert.ts';

export const TCP_HEADER_SIZE = 20;
/** Payload of the largest segment without options. Unit: byte. */
export const SEGMENT_PAYLOAD_MAX = IPV4_TOTAL_LENGTH_MAX - IPV4_HEADER_SIZE - TCP_HEADER_SIZE;
/** Headers before the payload of a segment without options. Unit: byte. */
export const SEGMENT_HEADERS_SIZE = ETHERNET_HEADER_SIZE + IPV4_HEADER_SIZE + TCP_HEADER_SIZE;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** Both ends of a segment's way. */
export interface SegmentAddresses {
  readonly sourceMac: MacAddress;
  readonly destinationMac: MacAddress;
  readonly sourceAddress: Ipv4Address;
  readonly destinationAddress: Ipv4Address;
}

/** The fields of a header. Sequence numbers are unsigned 32 bits; `window` is the field, unscaled. */
export interface SegmentFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly window: number;
  /** SYN only; undefined leaves the option out. */
  readonly maximumSegmentSize?: number | undefined;
  /** SYN only; undefined leaves the option out. 0 … 14. */
  readonly windowScale?: number | undefined;
}

/** A segment as read. `payload` is a view into the frame. */
export interface Segment extends SegmentFields {
  readonly payload: Uint8Array;
}

function optionsOf(fields: SegmentFields): number[] {
  const options: number[] = [];
  const { maximumSegmentSize, windowScale } = fields;
  if (maximumSegmentSize !== undefined) {
    options.push(2, 4, maximumSegmentSize >> 8, maximumSegmentSize & 0xff);
  }
  if (windowScale !== undefined) options.push(1, 3, 3, windowScale);
  return options;
}

/**
 * A frame whose last `payloadLength` bytes are zero, for the caller to fill. The TCP checksum is left
 * zero (offloaded, see checksum.ts).
 */
export function makeSegmentFrame(
  addresses: SegmentAddresses,
  fields: SegmentFields,
  payloadLength: number,
): Uint8Array {
  const options = fields.flags & SYN ? optionsOf(fields) : [];
  const headerLength = TCP_HEADER_SIZE + options.length;
  const segmentLength = headerLength + payloadLength;
  assert(
    IPV4_HEADER_SIZE + segmentLength <= IPV4_TOTAL_LENGTH_MAX,
    'a segment fits into an IPv4 datagram of 65,535 bytes',
  );
  const at = ETHERNET_HEADER_SIZE + IPV4_HEADER_SIZE;
  const frame = new Uint8Array(at + segmentLength);
  writeEthernetHeader(frame, {
    destination: addresses.destinationMac,
    source: addresses.sourceMac,
    type: ETHERTYPE_IPV4,
  });
  writeIpv4Header(frame, {
    source: addresses.sourceAddress,
    destination: addresses.destinationAddress,
    payloadLength: segmentLength,
  });
  const view = new DataView(frame.buffer, at, headerLength);
  view.setUint16(0, fields.sourcePort);
  view.setUint16(2, fields.destinationPort);
  view.setUint32(4, fields.sequence);
  view.setUint32(8, fields.acknowledgement);
  view.setUint8(12, (headerLength / 4) << 4);
  view.setUint8(13, fields.flags);
  view.setUint16(14, fields.window);
  options.forEach((byte, index) => void view.setUint8(TCP_HEADER_SIZE + index, byte));
  return frame;
}

interface Options {
  maximumSegmentSize: number | undefined;
  windowScale: number | undefined;
}

/** Reads options up to the first damaged one; RFC 9293 §3.1: unknown ones are skipped by length. */
function parseOptions(frame: Uint8Array, start: number, end: number): Options {
  const options: Options = { maximumSegmentSize: undefined, windowScale: undefined };
  let at = start;
  while (at < end) {
    const kind = frame[at]!;
    if (kind === 0) break;
    if (kind === 1) {
      at += 1;
      continue;
    }
    const length = at + 1 < end ? frame[at + 1]! : 0;
    if (length < 2 || at + length > end) break;
    if (kind === 2 && length === 4) {
      options.maximumSegmentSize = (frame[at + 2]! << 8) | frame[at + 3]!;
    }
    // RFC 7323 §2.3: a shift above 14 is taken as 14.
    if (kind === 3 && length === 3) options.windowScale = Math.min(14, frame[at + 2]!);
    at += length;
  }
  return options;
}

/** Reads the segment in `ip`'s payload; undefined when its header or a present checksum is wrong. */
export function parseSegment(frame: Uint8Array, ip: Ipv4Header): Segment | undefined {
  const { payloadStart: start, payloadEnd: end } = ip;
  if (end - start < TCP_HEADER_SIZE) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset + start, end - start);
  const headerLength = (view.getUint8(12) >> 4) * 4;
  if (headerLength < TCP_HEADER_SIZE || headerLength > end - start) return undefined;
  const checksum = view.getUint16(16);
  const ipStart = ETHERNET_HEADER_SIZE;
  if (checksum !== 0 && tcpChecksum(frame, { ip: ipStart, start, end }) !== checksum) return undefined;
  const options = parseOptions(frame, start + TCP_HEADER_SIZE, start + headerLength);
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgement: view.getUint32(8),
    flags: view.getUint8(13) & 0x3f,
    window: view.getUint16(14),
    maximumSegmentSize: options.maximumSegmentSize,
    windowScale: options.windowScale,
    payload: frame.subarray(start + headerLength, end),
  };
}
