/**
 * What the files of a TCP stack share: its options with their defaults and sources, its ports, its
 * events. The functions around a connection take the context as an argument; no state lives here.
 */
import type { Prng } from '../../base/prng.ts';
import type { MacAddress } from '../ethernet.ts';
import type { Ipv4Address } from '../ipv4.ts';
import { SEGMENT_PAYLOAD_MAX } from '../tcp-segment.ts';
import type { ConnectionId, TcpConnection, TimerKind } from './connection.ts';

/** What a stack is made with. Everything after `random` has a default. */
export interface TcpOptions {
  readonly address: Ipv4Address;
  readonly mac: MacAddress;
  /** The static neighbour table that stands for ARP: the hardware address behind each address. */
  readonly neighbours: ReadonlyMap<Ipv4Address, MacAddress>;
  /** Initial sequence numbers and the first ephemeral port come from here. Owned by the stack. */
  readonly random: Prng;
  readonly maximumSegmentSize?: number;
  readonly sendBufferBytes?: number;
  readonly receiveBufferBytes?: number;
  readonly minimumRtoNs?: number;
  readonly maximumRtoNs?: number;
  readonly initialRtoNs?: number;
  readonly delayedAcknowledgementNs?: number;
  readonly retransmissionsMax?: number;
  readonly timeWaitNs?: number;
  readonly connectionsMax?: number;
}

// biome-ignore format: a table
export const TCP_DEFAULTS = {
  maximumSegmentSize: SEGMENT_PAYLOAD_MAX, //  65,495: the largest datagram; stands for segmentation offload
  sendBufferBytes: 4 << 20, //                 Linux tcp_wmem[2], Documentation/networking/ip-sysctl.rst
  receiveBufferBytes: 4 << 20, //              between tcp_rmem[1] and tcp_rmem[2] = 6 MiB, same place
  minimumRtoNs: 10_000_000, //                 RFC 6298 (2.4) says 1 s, Linux 200 ms; 10 ms as in datacenters: Alizadeh et al., "Data Center TCP", SIGCOMM 2010 §4
  maximumRtoNs: 60_000_000_000, //             RFC 6298 (2.5): at least 60 s
  initialRtoNs: 1_000_000_000, //              RFC 6298 (2.1)
  delayedAcknowledgementNs: 500_000, //        RFC 5681 §4.2: below 500 ms; 500 µs stays far below the least RTO
  retransmissionsMax: 10, //                   our choice: with the least RTO a silent peer is given up after 20.47 s
  timeWaitNs: 60_000_000_000, //               Linux TCP_TIMEWAIT_LEN, include/net/tcp.h
  connectionsMax: 1024, //                     our choice: a host here has a handful
} as const;

/** Options with every default filled in. */
export type TcpSettings = Required<TcpOptions>;

/** Why a connection failed. */
export type TcpFailure = 'timeout' | 'reset' | 'refused' | 'unreachable';

/** What happened to a connection. Delivered one at a time, never from inside an interface call. */
export type TcpEvent =
  | { readonly kind: 'accepted'; readonly connection: ConnectionId; readonly localPort: number; readonly remoteAddress: Ipv4Address; readonly remotePort: number }
  | { readonly kind: 'connected'; readonly connection: ConnectionId }
  | { readonly kind: 'readable'; readonly connection: ConnectionId }
  | { readonly kind: 'writable'; readonly connection: ConnectionId }
  | { readonly kind: 'peer-closed'; readonly connection: ConnectionId }
  | { readonly kind: 'closed'; readonly connection: ConnectionId }
  | { readonly kind: 'failed'; readonly connection: ConnectionId; readonly reason: TcpFailure };

/** What the host offers. */
export interface TcpPorts {
  /** Puts a frame on the link towards `destination`. The frame does not change afterwards. */
  transmit(frame: Uint8Array, destination: Ipv4Address, now: number): void;
  /** Asks for a call of onTimer(connection, kind, …) at `timeNs`. Cannot be withdrawn. */
  scheduleTimer(timeNs: number, connection: ConnectionId, kind: TimerKind): void;
  /** Tells the application. It may call the stack's interface from here. */
  event(event: TcpEvent, now: number): void;
  /**
   * Length of the next frame that the link towards `destination` takes without a long queue, 0 for
   * none (LinkEnd.room); without this port there is no limit. When room returns the host calls
   * onTransmitRoom.
   */
  transmitRoom?(destination: Ipv4Address): number;
}

/** What the functions around a connection are given. */
export interface TcpContext {
  readonly settings: TcpSettings;
  readonly ports: TcpPorts;
  /** Queues an event; the stack delivers it when the present call is over. */
  raise(event: TcpEvent): void;
  /** Forgets a connection that is over. */
  remove(connection: TcpConnection): void;
}
