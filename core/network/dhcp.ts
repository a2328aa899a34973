/**
 * DHCP messages as bytes, and what a server answers that gives each known card one fixed address. It
 * keeps no state, so nothing of it is saved: a lease is a row of a table, and never runs out.
 * Left out: relays, option overload, domain names, renewal towards other servers.
 * Standard: RFC 2131 (message §2, server §4.3), RFC 2132 (options).
 */
import type { MacAddress } from './ethernet.ts';
import { readMac, writeMac } from './ethernet.ts';
import { type Ipv4Address, readUint32, writeUint32 } from './ipv4.ts';

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;
const MAGIC = 0x6382_5363;
const FIXED_SIZE = 240;
/** Smallest message that every client must take (RFC 2131 §2, from BOOTP). */
const MESSAGE_SIZE_MIN = 300;
/** An infinite lease (RFC 2131 §3.3). */
const FOR_EVER = 0xffff_ffff;

/** Values of option 53. */
export const dhcpType = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7, inform: 8 } as const;
const option = { mask: 1, router: 3, requested: 50, lease: 51, type: 53, server: 54, end: 255 } as const;

/** A client's message, as far as a server looks at it. */
export interface DhcpRequest {
  readonly type: number;
  readonly transaction: number;
  readonly wantsBroadcast: boolean;
  readonly clientAddress: Ipv4Address;
  readonly mac: MacAddress;
  readonly requested: Ipv4Address | undefined;
  readonly server: Ipv4Address | undefined;
}

/** Reads a client's message; undefined when it is none. */
export function parseDhcpRequest(bytes: Uint8Array): DhcpRequest | undefined {
  if (bytes.length < FIXED_SIZE || bytes[0] !== 1 || bytes[1] !== 1 || bytes[2] !== 6) return undefined;
  if (readUint32(bytes, 236) !== MAGIC) return undefined;
  let type = 0;
  let requested: Ipv4Address | undefined;
  let server: Ipv4Address | undefined;
  for (let at = FIXED_SIZE; at < bytes.length && bytes[at] !== option.end; ) {
    if (bytes[at] === 0) {
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (at + 2 + length > bytes.length) return undefined;
    if (bytes[at] === option.type && length === 1) type = bytes[at + 2]!;
    if (bytes[at] === option.requested && length === 4) requested = readUint32(bytes, at + 2);
    if (bytes[at] === option.server && length === 4) server = readUint32(bytes, at + 2);
    at += 2 + length;
  }
  if (type === 0) return undefined;
  return {
    type, requested, server,
    transaction: readUint32(bytes, 4),
    wantsBroadcast: (bytes[10]! & 0x80) !== 0,
    clientAddress: readUint32(bytes, 12),
    mac: readMac(bytes, 28),
  };
}

/** What a server tells. */
export interface DhcpReply {
  readonly type: number;
  /** The client's address, 0 when it is given none. */
  readonly address: Ipv4Address;
  readonly server: Ipv4Address;
  readonly router: Ipv4Address;
  readonly mask: Ipv4Address;
}

/** What a server answers a client whose card has the address `lease`; undefined: nothing. */
export function answerDhcp(
  request: DhcpRequest,
  lease: Ipv4Address,
  network: { readonly server: Ipv4Address; readonly mask: Ipv4Address },
): DhcpReply | undefined {
  const { server, mask } = network;
  const reply = (type: number, address: Ipv4Address): DhcpReply => ({ type, address, server, router: server, mask });
  switch (request.type) {
    case dhcpType.discover:
      return reply(dhcpType.offer, lease);
    case dhcpType.request: {
      if (request.server !== undefined && request.server !== server) return undefined; // another server's
      const wanted = request.requested ?? request.clientAddress;
      return wanted === lease ? reply(dhcpType.ack, lease) : reply(dhcpType.nak, 0);
    }
    case dhcpType.inform:
      return reply(dhcpType.ack, 0);
    default:
      return undefined; // decline and release: the row stays
  }
}

/** A reply as bytes, the payload of a UDP datagram from port 67 to 68. */
export function makeDhcpReply(request: DhcpRequest, reply: DhcpReply): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_SIZE_MIN);
  bytes.set([2, 1, 6]);
  writeUint32(bytes, 4, request.transaction);
  if (request.wantsBroadcast) bytes[10] = 0x80;
  writeUint32(bytes, 12, reply.type === dhcpType.nak ? 0 : request.clientAddress);
  writeUint32(bytes, 16, reply.address);
  writeMac(bytes, 28, request.mac);
  writeUint32(bytes, 236, MAGIC);
  let at = FIXED_SIZE;
  const put = (code: number, ...value: readonly number[]): void => {
    bytes.set([code, value.length, ...value], at);
    at += 2 + value.length;
  };
  const four = (value: number): number[] => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
  put(option.type, reply.type);
  put(option.server, ...four(reply.server));
  if (reply.type !== dhcpType.nak) {
    if (reply.address !== 0) put(option.lease, ...four(FOR_EVER));
    put(option.mask, ...four(reply.mask));
    put(option.router, ...four(reply.router));
  }
  bytes[at] = option.end;
  return bytes;
}
