/**
 * Packet captures as Wireshark reads them: a section header, an interface description per port, one
 * enhanced packet per frame, with virtual time in nanoseconds. Every function returns one whole block,
 * so a capture can be written piece by piece.
 * Left out: name resolution and secrets blocks, other byte orders, simple packets.
 * Standard: draft-ietf-opsawg-pcapng-03, §3, §4.1–4.3, §4.6.
 *
 *   | block type | total length | body, padded to 4 | options | total length |
 */
import { assert } from '../base/assert.ts';

/** Most bytes of one packet that Wireshark takes (WTAP_MAX_PACKET_SIZE_STANDARD). */
export const CAPTURE_LENGTH_MAX = 262_144;

/** Types of blocks. */
export const SECTION_HEADER = 0x0a0d0d0a;
export const INTERFACE_DESCRIPTION = 1;
export const INTERFACE_STATISTICS = 5;
export const ENHANCED_PACKET = 6;
const LINKTYPE_ETHERNET = 1;

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

function textOption(code: number, text: string): Option {
  const units: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    assert(point > 0 && point < 128, 'text in a capture is ASCII');
    units.push(point);
  }
  return { code, value: Uint8Array.from(units) };
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function optionsLength(options: readonly Option[]): number {
  if (options.length === 0) return 0;
  return options.reduce((sum, option) => sum + 4 + padded(option.value.length), 4);
}

/** A block with its lengths and options written; the caller fills the body, which begins at 8. */
function makeBlock(
  type: number,
  bodyLength: number,
  options: readonly Option[],
): { readonly bytes: Uint8Array; readonly view: DataView } {
  const total = 12 + padded(bodyLength) + optionsLength(options);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, total, true);
  view.setUint32(total - 4, total, true);
  let at = 8 + padded(bodyLength);
  for (const { code, value } of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  return { bytes, view };
}

/** The block that begins a capture. `application` is what wrote it, `comment` what the run was. */
export function sectionHeaderBlock(text: {
  readonly application: string;
  readonly comment?: string;
}): Uint8Array {
  const options = [textOption(4, text.application)];
  if (text.comment !== undefined) options.unshift(textOption(1, text.comment));
  const { bytes, view } = makeBlock(SECTION_HEADER, 16, options);
  view.setUint32(8, 0x1a2b3c4d, true);
  view.setUint16(12, 1, true);
  view.setUint16(14, 0, true);
  view.setBigInt64(16, -1n, true); // length of the section not given
  return bytes;
}

/** An Ethernet port. Ports are numbered in the order of their blocks, from 0. */
export function interfaceBlock(port: {
  readonly name: string;
  readonly description?: string;
  /** Unit: bit/s; left out when not given. */
  readonly bitsPerSecond?: number;
  /** Most bytes kept of a packet. */
  readonly snapLength?: number;
}): Uint8Array {
  const options = [textOption(2, port.name)];
  if (port.description !== undefined) options.push(textOption(3, port.description));
  if (port.bitsPerSecond !== undefined) {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigUint64(0, BigInt(port.bitsPerSecond), true);
    options.push({ code: 8, value });
  }
  options.push({ code: 9, value: Uint8Array.of(9) }); // if_tsresol: 10^−9 s
  const { bytes, view } = makeBlock(INTERFACE_DESCRIPTION, 8, options);
  view.setUint16(8, LINKTYPE_ETHERNET, true);
  view.setUint32(12, port.snapLength ?? CAPTURE_LENGTH_MAX, true);
  return bytes;
}

/** One packet. */
export interface CapturedPacket {
  readonly interfaceIndex: number;
  /** Virtual time. Unit: ns. */
  readonly timeNs: number;
  readonly direction: 'in' | 'out';
  /** The bytes kept: the packet, or its beginning. */
  readonly bytes: Uint8Array;
  /** Length of the whole packet. */
  readonly originalLength: number;
}

/** The block of a packet. */
export function packetBlock(packet: CapturedPacket): Uint8Array {
  const { bytes: data, timeNs } = packet;
  assert(data.length <= CAPTURE_LENGTH_MAX, `a packet has at most ${CAPTURE_LENGTH_MAX} bytes`);
  const flags = Uint8Array.of(packet.direction === 'in' ? 1 : 2, 0, 0, 0); // epb_flags
  const { bytes, view } = makeBlock(ENHANCED_PACKET, 20 + data.length, [{ code: 2, value: flags }]);
  view.setUint32(8, packet.interfaceIndex, true);
  view.setUint32(12, Math.floor(timeNs / 0x1_0000_0000), true);
  view.setUint32(16, timeNs >>> 0, true);
  view.setUint32(20, data.length, true);
  view.setUint32(24, packet.originalLength, true);
  bytes.set(data, 28);
  return bytes;
}

/** What was seen at a port and what of it is not in the capture. */
export interface PortStatistics {
  readonly interfaceIndex: number;
  /** Virtual time of the count. Unit: ns. */
  readonly timeNs: number;
  /** Frames that crossed the port, and those of them that the capture had no room for. */
  readonly received: number;
  readonly dropped: number;
}

/** The block that says what a capture lacks (isb_ifrecv, isb_ifdrop). */
export function statisticsBlock(port: PortStatistics): Uint8Array {
  const count = (value: number): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    return bytes;
  };
  const options = [{ code: 4, value: count(port.received) }, { code: 5, value: count(port.dropped) }];
  const { bytes, view } = makeBlock(INTERFACE_STATISTICS, 12, options);
  view.setUint32(8, port.interfaceIndex, true);
  view.setUint32(12, Math.floor(port.timeNs / 0x1_0000_0000), true);
  view.setUint32(16, port.timeNs >>> 0, true);
  return bytes;
}
