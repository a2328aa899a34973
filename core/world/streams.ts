/**
 * The host's TCP connections as the mechanism's streams: one object a connection, events handed to
 * its handler, acknowledgements noticed, small records gathered into full segments. Corked bytes
 * leave when the event that wrote them is over ({@link Streams.settle}).
 */
import { MIGRATION_PORT } from '../mechanisms/precopy-migration/mechanism.ts';
import type { StreamConnection, StreamHandler } from '../mechanisms/precopy-migration/ports.ts';
import type { ConnectionId, Ipv4Address, TcpEvent, TcpStack } from '../network/index.ts';

/** Who is asked for a handler when a connection is accepted. */
export type Acceptor = (connection: StreamConnection) => StreamHandler;

class Stream implements StreamConnection {
  readonly id: ConnectionId;
  handler: StreamHandler | undefined;
  acknowledgedSeen = 0;
  corked = false;
  private readonly streams: Streams;

  constructor(streams: Streams, id: ConnectionId) {
    this.streams = streams;
    this.id = id;
  }

  send(bytes: Uint8Array): number {
    this.corked = true;
    return this.streams.tcp.send(this.id, bytes, this.streams.now(), true);
  }

  sendSpace(): number {
    return this.streams.tcp.sendSpace(this.id);
  }

  sentByteCount(): number {
    return this.streams.tcp.writtenBytes(this.id);
  }

  acknowledgedByteCount(): number {
    return this.streams.tcp.acknowledgedBytes(this.id);
  }

  receive(): Uint8Array {
    const { tcp } = this.streams;
    const bytes = tcp.peek(this.id);
    tcp.consume(this.id, bytes.length, this.streams.now());
    return bytes;
  }

  close(): void {
    this.settle();
    this.streams.tcp.close(this.id, this.streams.now());
  }

  abort(): void {
    this.corked = false;
    this.streams.forget(this.id);
    this.streams.tcp.abort(this.id, this.streams.now());
  }

  /** Lets go of what `send` held back for more. */
  settle(): void {
    if (!this.corked) return;
    this.corked = false;
    this.streams.tcp.flush(this.id, this.streams.now());
  }
}

/** All streams of one host. */
export class Streams {
  readonly tcp: TcpStack;
  readonly now: () => number;
  private readonly accept: Acceptor;
  private readonly byId = new Map<ConnectionId, Stream>();

  constructor(tcp: TcpStack, now: () => number, accept: Acceptor) {
    this.tcp = tcp;
    this.now = now;
    this.accept = accept;
  }

  /** Takes connections from now on (after boot). */
  listen(): void {
    this.tcp.listen(MIGRATION_PORT);
  }

  connect(address: Ipv4Address, handler: StreamHandler): StreamConnection {
    const stream = new Stream(this, this.tcp.connect(address, MIGRATION_PORT, this.now()));
    stream.handler = handler;
    this.byId.set(stream.id, stream);
    return stream;
  }

  /** No more events of this connection. */
  forget(id: ConnectionId): void {
    this.byId.delete(id);
  }

  /** Power is gone: nobody is told. */
  onPowerLoss(): void {
    this.byId.clear();
  }

  /** An event of the TCP stack. */
  onTcpEvent(event: TcpEvent): void {
    if (event.kind === 'accepted') {
      if (event.localPort !== MIGRATION_PORT) return;
      const stream = new Stream(this, event.connection);
      this.byId.set(stream.id, stream);
      stream.handler = this.accept(stream);
      return;
    }
    const stream = this.byId.get(event.connection);
    if (stream === undefined) return;
    switch (event.kind) {
      case 'connected':
        stream.handler?.onConnected();
        break;
      case 'readable':
        stream.handler?.onReadable();
        break;
      case 'writable':
        stream.handler?.onAcknowledged();
        break;
      case 'peer-closed':
        stream.handler?.onClosed('the other side closed it');
        stream.close();
        break;
      case 'closed':
        this.forget(event.connection);
        stream.handler?.onClosed('it is closed');
        break;
      case 'failed':
        this.forget(event.connection);
        stream.handler?.onClosed(FAILURES[event.reason]);
        break;
    }
  }

  /** The end of an event: acknowledgements that came with it are told, bytes held back leave. */
  settle(): void {
    for (const stream of [...this.byId.values()]) {
      const acknowledged = stream.acknowledgedByteCount();
      if (acknowledged > stream.acknowledgedSeen) {
        stream.acknowledgedSeen = acknowledged;
        stream.handler?.onAcknowledged();
      }
      stream.settle();
    }
  }
}

const FAILURES = {
  timeout: 'nothing was acknowledged for too long',
  reset: 'the other side reset it',
  refused: 'the other side does not take connections',
  unreachable: 'there is no way to it',
} as const;
