/**
 * The Internet checksum and its completion. Frames on the emulated wire carry the IPv4 header's
 * checksum but leave the TCP one zero, as a network card with checksum offload is given them: the wire
 * never flips a bit, so nobody has to sum 64 KiB. A zero means "offloaded"; any other value is
 * verified. {@link completeChecksums} fills it in where a frame leaves the emulator (a capture).
 * Standard: RFC 1071; RFC 9293 §3.1 (pseudo header); RFC 791 §3.1.
 */
import { ETHERNET_HEADER_SIZE, ETHERTYPE_IPV4, etherType } from './ethernet.ts';

/** One's complement sum of [start, end) as big-endian 16-bit words, odd end padded; not folded. */
export function onesComplementSum(
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number },
  initial = 0,
): number {
  let sum = initial;
  let index = range.start;
  // A frame has at most 2^16 words of at most 2^16: the sum stays an exact integer.
  for (; index + 1 < range.end; index += 2) sum += (bytes[index]! << 8) | bytes[index + 1]!;
  if (index < range.end) sum += bytes[index]! << 8;
  return sum;
}

/** Folds a sum to 16 bits and complements it: the value that goes into a header. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return 0xffff - folded;
}

/** Sum of the pseudo header: both addresses, protocol 6 and the length of the segment. */
function pseudoHeaderSum(frame: Uint8Array, ip: number, segmentLength: number): number {
  return onesComplementSum(frame, { start: ip + 12, end: ip + 20 }, 6 + segmentLength);
}

/** Checksum of the TCP segment in [start, end), whatever its checksum field holds counted as zero. */
export function tcpChecksum(
  frame: Uint8Array,
  at: { readonly ip: number; readonly start: number; readonly end: number },
): number {
  const { ip, start, end } = at;
  const pseudo = pseudoHeaderSum(frame, ip, end - start);
  const header = onesComplementSum(frame, { start, end: start + 16 }, pseudo);
  return foldChecksum(onesComplementSum(frame, { start: start + 18, end }, header));
}

/**
 * A copy of `frame` with the TCP checksum filled in. Frames that carry no whole TCP segment over IPv4
 * are copied as they are. Never throws.
 */
export function completeChecksums(frame: Uint8Array): Uint8Array {
  const complete = frame.slice();
  const ip = ETHERNET_HEADER_SIZE;
  if (complete.length < ip + 20 || etherType(complete) !== ETHERTYPE_IPV4) return complete;
  const headerLength = (complete[ip]! & 15) * 4;
  const start = ip + headerLength;
  const end = ip + ((complete[ip + 2]! << 8) | complete[ip + 3]!);
  if (complete[ip]! >> 4 !== 4 || complete[ip + 9] !== 6) return complete;
  if (headerLength < 20 || end > complete.length || start + 20 > end) return complete;
  const checksum = tcpChecksum(complete, { ip, start, end });
  complete[start + 16] = checksum >> 8;
  complete[start + 17] = checksum & 0xff;
  return complete;
}
