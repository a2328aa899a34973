/**
 * The TCP of one host: connections, the application's interface, and the way frames and timers find
 * their connection. Events reach the application one at a time, after the call that caused them.
 * Hosts are neighbours on a cable: a static table stands for ARP, there is no routing and no ICMP.
 * Left out: selective acknowledgement, timestamps (and PAWS: nothing overtakes on a cable, and no
 * segment lives long enough to meet a sequence number again), urgent data, Nagle's delay, keep-alive.
 * Standard: RFC 9293, 6298, 5681, 6582, 7323 §2.
 */
import { assert } from '../../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { type Hash64, hashInteger, hashText } from '../../base/hash.ts';
import { nextBelow, nextUint32 } from '../../base/prng.ts';
import { ETHERNET_HEADER_SIZE, ETHERTYPE_IPV4, etherType, readMac } from '../ethernet.ts';
import { type Ipv4Address, parseIpv4Header, PROTOCOL_TCP } from '../ipv4.ts';
import { ACK, FIN, parseSegment, RST, SEGMENT_PAYLOAD_MAX, type Segment, SYN } from '../tcp-segment.ts';
import { makeCongestion, onTimeout } from './congestion.ts';
import {
  availableBytes,
  bufferedBytes,
  type ConnectionId,
  flightSize,
  type TcpConnection,
  type TcpState,
  type TimerKind,
  writeRing,
} from './connection.ts';
import {
  TCP_DEFAULTS,
  type TcpContext,
  type TcpEvent,
  type TcpOptions,
  type TcpPorts,
  type TcpSettings,
} from './context.ts';
import { failConnection, onSegment, onSegmentInSynSent, takeSynOptions } from './input.ts';
import { consumeBytes, makeReceive, peekBytes, windowUpdateIsDue } from './receive.ts';
import {
  transmitAcknowledgement,
  transmitFrame,
  transmitPending,
  transmitProbe,
  transmitReset,
  transmitSyn,
} from './send.ts';
import { makeTimers, restartRetransmission, stopTiming, takeTimer } from './timers.ts';

/** Ports that connect() uses: RFC 6335 §6. */
const EPHEMERAL_PORT_MIN = 49_152;
const EPHEMERAL_PORTS = 16_384;
/** Events delivered in one call before something is surely wrong: an application that answers itself. */
const EVENTS_MAX = 100_000;

/** What an inspector shows of a connection. */
export interface ConnectionRecord {
  readonly id: ConnectionId;
  readonly state: TcpState;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  readonly sentBytes: number;
  readonly acknowledgedBytes: number;
  readonly receivedBytes: number;
  readonly bufferedBytes: number;
  readonly availableBytes: number;
  readonly flightBytes: number;
  readonly congestionWindowBytes: number;
  readonly slowStartThresholdBytes: number;
  readonly peerWindowBytes: number;
  readonly smoothedRoundTripNs: number;
  readonly retransmissionTimeoutNs: number;
  readonly bytesRetransmitted: number;
  readonly timeouts: number;
  readonly fastRetransmissions: number;
}

/** Frames that the stack did not take, by reason. */
export interface StackCounters {
  framesReceived: number;
  framesForOthers: number;
  framesMalformed: number;
  segmentsWithoutConnection: number;
}

function pairKey(localPort: number, remoteAddress: Ipv4Address, remotePort: number): string {
  return `${localPort} ${remoteAddress} ${remotePort}`;
}

/** See the file's head. */
export class TcpStack {
  static readonly [checkpointRules]: CheckpointRules = {
    settings: { neighbours: 'value' },
    byId: { '*': { receive: { chunks: 'values', outOfOrder: 'values' } } },
    events: 'values',
  };
  readonly counters: StackCounters;
  private readonly settings: TcpSettings;
  private readonly ports: TcpPorts;
  private readonly context: TcpContext;
  private readonly byId = new Map<ConnectionId, TcpConnection>();
  private readonly byPair = new Map<string, TcpConnection>();
  private readonly listening = new Set<number>();
  private events: TcpEvent[] = [];
  private delivering = false;
  private nextId = 1;
  private nextPort: number;

  constructor(options: TcpOptions, ports: TcpPorts) {
    this.settings = { ...TCP_DEFAULTS, ...options };
    const { maximumSegmentSize, sendBufferBytes, receiveBufferBytes } = this.settings;
    const segmentHolds = maximumSegmentSize >= 1 && maximumSegmentSize <= SEGMENT_PAYLOAD_MAX;
    assert(segmentHolds, `a maximum segment size is 1 … ${SEGMENT_PAYLOAD_MAX} bytes`);
    assert(sendBufferBytes >= 1 && receiveBufferBytes >= 2, 'buffers hold a byte');
    // RFC 7323 §2.3: with the largest shift a window stays below 2^30.
    assert(receiveBufferBytes <= 2 ** 30 - 2 ** 14, 'a receive buffer is below 1 GiB');
    this.ports = ports;
    this.counters = {
      framesReceived: 0,
      framesForOthers: 0,
      framesMalformed: 0,
      segmentsWithoutConnection: 0,
    };
    this.nextPort = nextBelow(this.settings.random, EPHEMERAL_PORTS);
    this.context = {
      settings: this.settings,
      ports,
      raise: (event) => void this.events.push(event),
      remove: (connection) => this.remove(connection),
    };
  }

  /** Whether there is no connection, in any state. */
  isIdle(): boolean {
    return this.byId.size === 0;
  }

  /** Takes connections on `port` from now on; each is told by an 'accepted' event. */
  listen(port: number): void {
    assert(Number.isInteger(port) && port > 0 && port < 65_536, 'a port is 1 … 65,535');
    this.listening.add(port);
  }

  /** Begins to connect; 'connected' or 'failed' follows. */
  connect(address: Ipv4Address, port: number, now: number): ConnectionId {
    const connection = this.makeConnection({
      localPort: this.takePort(address, port),
      remoteAddress: address,
      remotePort: port,
      active: true,
    });
    if (this.settings.neighbours.has(address)) transmitSyn(this.context, connection, now);
    else failConnection(this.context, connection, 'unreachable');
    this.finishCall(now);
    return connection.id;
  }

  /**
   * Hands over bytes to send; they are copied. Returns how many were taken, from the start: fewer
   * than offered when the buffer is full, and then 'writable' follows. With `more`, what does not
   * fill a segment waits for the next call without it (or {@link flush}).
   */
  send(id: ConnectionId, bytes: Uint8Array, now: number, more = false): number {
    const connection = this.byId.get(id);
    if (connection === undefined || !this.mayWrite(connection)) return 0;
    const { send } = connection;
    const count = Math.min(bytes.length, this.settings.sendBufferBytes - bufferedBytes(send));
    if (count < bytes.length) send.wantsWritable = true;
    if (count > 0) writeRing(send, count === bytes.length ? bytes : bytes.subarray(0, count));
    send.corked = more && count === bytes.length;
    transmitPending(this.context, connection, now);
    this.finishCall(now);
    return count;
  }

  /** Sends what an earlier send() with `more` held back. */
  flush(id: ConnectionId, now: number): void {
    this.send(id, new Uint8Array(0), now);
  }

  /** Bytes that send() would take now. */
  sendSpace(id: ConnectionId): number {
    const connection = this.byId.get(id);
    if (connection === undefined || !this.mayWrite(connection)) return 0;
    return this.settings.sendBufferBytes - bufferedBytes(connection.send);
  }

  /** Bytes received in order and not consumed. */
  receiveAvailable(id: ConnectionId): number {
    const connection = this.byId.get(id);
    return connection === undefined ? 0 : availableBytes(connection.receive);
  }

  /** The oldest unread bytes that lie together, without copying; empty when there are none. */
  peek(id: ConnectionId): Uint8Array {
    const connection = this.byId.get(id);
    return connection === undefined ? new Uint8Array(0) : peekBytes(connection.receive);
  }

  /** Forgets the oldest `count` unread bytes; may span several peeks. */
  consume(id: ConnectionId, count: number, now: number): void {
    const connection = this.byId.get(id);
    if (connection === undefined) return;
    consumeBytes(connection.receive, count);
    if (connection.receive.finOffset >= 0 || connection.state === 'syn-sent') return;
    if (windowUpdateIsDue(this.settings, connection.receive)) {
      transmitAcknowledgement(this.context, connection, now);
      this.finishCall(now);
    }
  }

  /** Bytes of our stream that the peer's TCP has acknowledged. */
  acknowledgedBytes(id: ConnectionId): number {
    const send = this.byId.get(id)?.send;
    return send === undefined ? 0 : Math.min(send.written, Math.max(0, send.unacknowledged));
  }

  /** Bytes of our stream that have left at least once. */
  sentBytes(id: ConnectionId): number {
    const send = this.byId.get(id)?.send;
    return send === undefined ? 0 : Math.min(send.written, Math.max(0, send.highest));
  }

  /** Bytes of our stream that send() has taken. */
  writtenBytes(id: ConnectionId): number {
    return this.byId.get(id)?.send.written ?? 0;
  }

  /** Smoothed round trip; 0 before the first measurement. Unit: ns. */
  smoothedRoundTripNs(id: ConnectionId): number {
    return this.byId.get(id)?.timers.smoothedRttNs ?? 0;
  }

  /** Where the connection stands; 'closed' when the stack does not know it. */
  state(id: ConnectionId): TcpState {
    return this.byId.get(id)?.state ?? 'closed';
  }

  /** No more will be written; what is buffered still goes, then a FIN. */
  close(id: ConnectionId, now: number): void {
    const connection = this.byId.get(id);
    if (connection === undefined || connection.send.finRequested) return;
    if (connection.state === 'syn-sent') {
      this.remove(connection);
      return;
    }
    connection.send.finRequested = true;
    connection.send.wantsWritable = false;
    if (connection.state === 'established') connection.state = 'fin-wait-1';
    else if (connection.state === 'close-wait') connection.state = 'last-ack';
    transmitPending(this.context, connection, now);
    this.finishCall(now);
  }

  /** Ends the connection at once with a reset; no event follows. */
  abort(id: ConnectionId, now: number): void {
    const connection = this.byId.get(id);
    if (connection === undefined) return;
    if (connection.state !== 'syn-sent' && connection.state !== 'time-wait') {
      transmitReset(this.context, connection, now);
    }
    this.remove(connection);
    this.events = this.events.filter((event) => event.connection !== id);
    this.finishCall(now);
  }

  /** A frame arrived. It is kept (its payload is delivered as a view) and must not change. */
  onFrame(frame: Uint8Array, now: number): void {
    this.counters.framesReceived += 1;
    if (frame.length < ETHERNET_HEADER_SIZE || etherType(frame) !== ETHERTYPE_IPV4) {
      this.counters.framesMalformed += 1;
      return;
    }
    if (readMac(frame, 0) !== this.settings.mac) {
      this.counters.framesForOthers += 1;
      return;
    }
    const ip = parseIpv4Header(frame);
    const segment = ip?.protocol === PROTOCOL_TCP ? parseSegment(frame, ip) : undefined;
    if (ip === undefined || segment === undefined) {
      this.counters.framesMalformed += 1;
      return;
    }
    if (ip.destination !== this.settings.address) {
      this.counters.framesForOthers += 1;
      return;
    }
    this.onSegment(ip.source, segment, now);
    this.finishCall(now, true);
  }

  private onSegment(source: Ipv4Address, segment: Segment, now: number): void {
    const key = pairKey(segment.destinationPort, source, segment.sourcePort);
    const connection = this.byPair.get(key);
    if (connection === undefined) {
      this.onSegmentWithoutConnection(source, segment, now);
      return;
    }
    connection.counters.segmentsReceived += 1;
    if (connection.state !== 'syn-sent') onSegment(this.context, connection, segment, now);
    else if (onSegmentInSynSent(this.context, connection, segment, now) === 'reset') {
      this.refuse(source, segment, now);
    }
  }

  /** §3.10.7.1 and §3.10.7.2: a SYN for a port that listens, else a reset. */
  private onSegmentWithoutConnection(source: Ipv4Address, segment: Segment, now: number): void {
    const opening = (segment.flags & (SYN | ACK | RST | FIN)) === SYN;
    const listens = this.listening.has(segment.destinationPort);
    const full = this.byId.size >= this.settings.connectionsMax;
    if (!opening || !listens || full) {
      this.counters.segmentsWithoutConnection += 1;
      this.refuse(source, segment, now);
      return;
    }
    if (!this.settings.neighbours.has(source)) return;
    const connection = this.makeConnection({
      localPort: segment.destinationPort,
      remoteAddress: source,
      remotePort: segment.sourcePort,
      active: false,
    });
    connection.state = 'syn-received';
    takeSynOptions(this.context, connection, segment);
    transmitSyn(this.context, connection, now);
  }

  private refuse(source: Ipv4Address, segment: Segment, now: number): void {
    if (segment.flags & RST) return;
    const acknowledges = (segment.flags & ACK) !== 0;
    const length =
      segment.payload.length + (segment.flags & SYN ? 1 : 0) + (segment.flags & FIN ? 1 : 0);
    const fields = {
      sourcePort: segment.destinationPort,
      destinationPort: segment.sourcePort,
      sequence: acknowledges ? segment.acknowledgement : 0,
      acknowledgement: acknowledges ? 0 : (segment.sequence + length) >>> 0,
      flags: acknowledges ? RST : RST | ACK,
      window: 0,
    };
    transmitFrame(this.context, source, fields, undefined, now);
  }

  /** A timer that the stack asked for. Calls for timers that moved or stopped do nothing. */
  onTimer(id: ConnectionId, kind: TimerKind, now: number): void {
    const connection = this.byId.get(id);
    if (connection !== undefined && kind !== 'events') {
      if (takeTimer(this.context, connection, kind, now)) this.onDue(connection, kind, now);
    }
    this.finishCall(now, true);
  }

  private onDue(connection: TcpConnection, kind: TimerKind, now: number): void {
    if (kind === 'time-wait') this.remove(connection);
    else if (kind === 'delayed-acknowledgement') {
      transmitAcknowledgement(this.context, connection, now);
    } else if (kind === 'persist') {
      if (connection.timers.probesUnanswered > this.settings.retransmissionsMax) {
        failConnection(this.context, connection, 'timeout');
      } else transmitProbe(this.context, connection, now);
    } else if (kind === 'retransmission') this.onRetransmissionTimeout(connection, now);
  }

  /** RFC 6298 (5.4)–(5.7), RFC 5681 §3.1: everything unacknowledged is sent again, from the oldest. */
  private onRetransmissionTimeout(connection: TcpConnection, now: number): void {
    const { send, timers, congestion, counters } = connection;
    if (timers.timeoutsInRow >= this.settings.retransmissionsMax) {
      failConnection(this.context, connection, 'timeout');
      return;
    }
    counters.timeouts += 1;
    timers.backoff += 1;
    timers.timeoutsInRow += 1;
    stopTiming(timers);
    if (connection.state === 'syn-sent' || connection.state === 'syn-received') {
      transmitSyn(this.context, connection, now);
      return;
    }
    onTimeout(congestion, send, timers.timeoutsInRow === 1);
    send.next = Math.max(0, send.unacknowledged);
    transmitPending(this.context, connection, now);
    restartRetransmission(this.context, connection, now);
  }

  /** The link has room again: connections that waited for it go on, in order of their ids. */
  onTransmitRoom(now: number): void {
    for (const connection of this.byId.values()) {
      if (connection.send.next < connection.send.written) {
        transmitPending(this.context, connection, now);
      }
    }
    this.finishCall(now, true);
  }

  /** The host lost power: every connection and listener is gone without a word on the wire. */
  reset(): void {
    this.byId.clear();
    this.byPair.clear();
    this.listening.clear();
    this.events = [];
  }

  /** All connections, ascending by id. */
  connections(): ConnectionRecord[] {
    return [...this.byId.values()].map((connection) => {
      const { send, timers, congestion, counters } = connection;
      return {
        id: connection.id,
        state: connection.state,
        localPort: connection.localPort,
        remoteAddress: connection.remoteAddress,
        remotePort: connection.remotePort,
        sentBytes: this.sentBytes(connection.id),
        acknowledgedBytes: this.acknowledgedBytes(connection.id),
        receivedBytes: counters.payloadBytesReceived,
        bufferedBytes: bufferedBytes(send),
        availableBytes: availableBytes(connection.receive),
        flightBytes: flightSize(send),
        congestionWindowBytes: congestion.window,
        slowStartThresholdBytes: congestion.slowStartThreshold,
        peerWindowBytes: Math.max(0, send.windowEdge - Math.max(0, send.unacknowledged)),
        smoothedRoundTripNs: timers.smoothedRttNs,
        retransmissionTimeoutNs: timers.retransmissionTimeoutNs,
        bytesRetransmitted: counters.bytesRetransmitted,
        timeouts: counters.timeouts,
        fastRetransmissions: counters.fastRetransmissions,
      };
    });
  }

  /**
   * Mixes every number of every connection in. Payload is left to those who own it: what waits in a
   * buffer was written from state that is hashed, and crosses the link in frames.
   */
  hashInto(hash: Hash64): void {
    hashInteger(hash, this.nextId);
    hashInteger(hash, this.nextPort);
    for (const connection of this.byId.values()) {
      hashInteger(hash, connection.id);
      hashText(hash, connection.state);
      hashRecord(hash, connection.send);
      hashRecord(hash, connection.receive);
      hashRecord(hash, connection.congestion);
      hashRecord(hash, connection.timers);
      hashRecord(hash, connection.counters);
      for (const piece of connection.receive.outOfOrder) {
        hashInteger(hash, piece.offset);
        hashInteger(hash, piece.bytes.length);
      }
    }
  }

  private mayWrite(connection: TcpConnection): boolean {
    const { state, send } = connection;
    if (send.finRequested) return false;
    const opening = state === 'syn-sent' || state === 'syn-received';
    return opening || state === 'established' || state === 'close-wait';
  }

  private takePort(address: Ipv4Address, port: number): number {
    for (let attempt = 0; attempt < EPHEMERAL_PORTS; attempt++) {
      const candidate = EPHEMERAL_PORT_MIN + this.nextPort;
      this.nextPort = (this.nextPort + 1) % EPHEMERAL_PORTS;
      if (!this.byPair.has(pairKey(candidate, address, port))) return candidate;
    }
    assert(false, 'fewer than 16,384 connections lead to one port of one host');
  }

  private makeConnection(ends: {
    readonly localPort: number;
    readonly remoteAddress: Ipv4Address;
    readonly remotePort: number;
    readonly active: boolean;
  }): TcpConnection {
    const settings = this.settings;
    const connection: TcpConnection = {
      id: this.nextId++,
      ...ends,
      state: 'syn-sent',
      send: {
        initialSequence: nextUint32(settings.random),
        unacknowledged: -1,
        next: -1,
        highest: -1,
        written: 0,
        finRequested: false,
        corked: false,
        windowEdge: 0,
        windowSequence: -1,
        windowAcknowledgement: 0,
        windowMax: 0,
        scale: 0,
        maximumSegmentSize: settings.maximumSegmentSize,
        segmentEnds: [],
        segmentBytes: settings.maximumSegmentSize,
        ring: new Uint8Array(0),
        wantsWritable: false,
      },
      receive: makeReceive(settings),
      congestion: makeCongestion(settings.maximumSegmentSize),
      timers: makeTimers(settings),
      counters: {
        segmentsSent: 0,
        segmentsReceived: 0,
        payloadBytesSent: 0,
        payloadBytesReceived: 0,
        bytesRetransmitted: 0,
        timeouts: 0,
        fastRetransmissions: 0,
        duplicateSegments: 0,
      },
    };
    this.byId.set(connection.id, connection);
    this.byPair.set(pairKey(ends.localPort, ends.remoteAddress, ends.remotePort), connection);
    return connection;
  }

  private remove(connection: TcpConnection): void {
    this.byId.delete(connection.id);
    const { localPort, remoteAddress, remotePort } = connection;
    this.byPair.delete(pairKey(localPort, remoteAddress, remotePort));
  }

  /**
   * The end of every entry. Frames and timers deliver the events they raised; a call of the
   * application never does: its events come with the next frame, or through a timer for this instant.
   */
  private finishCall(now: number, mayDeliver = false): void {
    if (this.events.length === 0 || this.delivering) return;
    if (!mayDeliver) {
      this.ports.scheduleTimer(now, 0, 'events');
      return;
    }
    this.delivering = true;
    for (let count = 0; this.events.length > 0; count++) {
      assert(count < EVENTS_MAX, 'an application does not raise events for ever');
      const event = this.events.shift();
      if (event !== undefined) this.ports.event(event, now);
    }
    this.delivering = false;
  }
}

/** Numbers and booleans of a record, in the order of its declaration. Infinity counts as −1. */
function hashRecord(hash: Hash64, record: object): void {
  for (const value of Object.values(record)) {
    if (typeof value === 'number') hashInteger(hash, Number.isFinite(value) ? value : -1);
    else if (typeof value === 'boolean') hashInteger(hash, value ? 1 : 0);
  }
}
