/**
 * Ethernet II frames as bytes. Frames carry no preamble and no check sequence; the wire counts them.
 * Left out: 802.1Q tags, 802.3 length frames, pause frames. A frame may exceed 1,518 bytes: it stands
 * for the train of packets that segmentation offload would make of it.
 * Standard: IEEE 802.3-2022 §3.1.1.
 *
 *   0            6            12      14
 *   | destination | source    | type  | payload …
 */

export const ETHERNET_HEADER_SIZE = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
/** The address of everybody. */
export const BROADCAST_MAC = 0xffff_ffff_ffff;

/**
 * Bytes that a frame costs on the wire beyond its own: preamble and start delimiter 8, frame check
 * sequence 4, inter-packet gap 12 (IEEE 802.3-2022 §3.1.1, §4.4.2).
 */
export const WIRE_OVERHEAD_BYTES = 24;

/** A 48-bit hardware address as an integer 0 … 2^48 − 1. */
export type MacAddress = number;

/** The locally administered address 02:00:00:00:00:00 + `index` (0 … 2^32 − 1). */
export function localMac(index: number): MacAddress {
  return 0x0200_0000_0000 + index;
}

/** 'aa:bb:cc:dd:ee:ff'. */
export function formatMac(address: MacAddress): string {
  const digits = address.toString(16).padStart(12, '0');
  return (digits.match(/../g) ?? []).join(':');
}

/** Writes the six bytes at `offset`. */
export function writeMac(frame: Uint8Array, offset: number, address: MacAddress): void {
  const high = Math.floor(address / 0x1_0000_0000);
  frame[offset] = high >> 8;
  frame[offset + 1] = high & 0xff;
  frame[offset + 2] = (address >>> 24) & 0xff;
  frame[offset + 3] = (address >>> 16) & 0xff;
  frame[offset + 4] = (address >>> 8) & 0xff;
  frame[offset + 5] = address & 0xff;
}

/** The address in the six bytes at `offset`; the frame is long enough. */
export function readMac(frame: Uint8Array, offset: number): MacAddress {
  let address = 0;
  for (let index = 0; index < 6; index++) address = address * 256 + frame[offset + index]!;
  return address;
}

/** Writes the 14 bytes at the frame's start. */
export function writeEthernetHeader(
  frame: Uint8Array,
  header: { readonly destination: MacAddress; readonly source: MacAddress; readonly type: number },
): void {
  writeMac(frame, 0, header.destination);
  writeMac(frame, 6, header.source);
  frame[12] = header.type >> 8;
  frame[13] = header.type & 0xff;
}

/** The type field of a frame of at least 14 bytes. */
export function etherType(frame: Uint8Array): number {
  return (frame[12]! << 8) | frame[13]!;
}
