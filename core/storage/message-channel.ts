/**
 * Messages over one TCP connection: what does not fit into the send buffer waits here, in order, and leaves as
 * acknowledgements come; what arrives is cut into messages and handed to the owner one at a time. The owner may
 * stop reading: then the peer's window closes, and in the end the peer's sender waits.
 */
import { type Message, MessageReader, encodeMessage } from './replication-message.ts';

/** The part of a connection that is used; core/mechanisms' streams are such. */
export interface ByteStream {
  send(bytes: Uint8Array): number;
  sendSpace(): number;
  receive(): Uint8Array;
  close(): void;
  abort(): void;
}

/** Whom a channel tells. An object with fields, for checkpoints. */
export interface ChannelOwner {
  onChannelUp?(channel: MessageChannel): void;
  onMessage(channel: MessageChannel, message: Message): void;
  /** There is room again after {@link MessageChannel.room} said none. */
  onRoom?(channel: MessageChannel): void;
  onChannelDown(channel: MessageChannel, why: string): void;
}

/** Bytes that may wait here before {@link MessageChannel.room} says none: a few large messages. */
const WAITING_BYTES = 1 << 16;

/** See the file's head. */
export class MessageChannel {
  /** The process at the other end; −1 while it is not known. */
  peer: number;
  isUp = false;
  /** Bytes of messages given so far. */
  postedBytes = 0;
  private connection: ByteStream | undefined;
  private readonly owner: ChannelOwner;
  private readonly reader = new MessageReader();
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private isHeld = false;
  private isOver = false;

  constructor(owner: ChannelOwner, peer: number) {
    this.owner = owner;
    this.peer = peer;
  }

  /** The connection that it goes over; `up` when it is there already. */
  attach(connection: ByteStream, up: boolean): void {
    this.connection = connection;
    this.isUp = up;
  }

  /** Sends a message, now or when there is room. Dropped when the channel is over. */
  post(message: Message): void {
    if (this.isOver) return;
    const bytes = encodeMessage(message);
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.postedBytes += bytes.length;
    this.flush();
  }

  /** Whether a sender that can wait should go on. */
  room(): boolean {
    return this.isUp && this.waitingBytes < WAITING_BYTES;
  }

  /** Bytes that have not found room in the send buffer. */
  queuedBytes(): number {
    return this.waitingBytes;
  }

  /** Stops, or goes on, handing messages over. */
  hold(held: boolean): void {
    if (this.isHeld === held) return;
    this.isHeld = held;
    if (!held) this.onReadable();
  }

  /** Ends it without a word to the owner. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.isUp = false;
    this.connection?.abort();
  }

  // ── What the connection tells ─────────────────────────────────────────────────────────────────

  onConnected(): void {
    this.isUp = true;
    this.owner.onChannelUp?.(this);
    this.flush();
  }

  onReadable(): void {
    const { connection } = this;
    if (connection === undefined || this.isHeld || this.isOver) return;
    for (;;) {
      const bytes = connection.receive();
      if (bytes.length === 0) break;
      this.reader.push(bytes);
    }
    while (!this.isHeld && !this.isOver) {
      const read = this.reader.take();
      if (!read.ok) {
        this.end();
        this.owner.onChannelDown(this, `what came was no message: ${read.error.kind}`);
        return;
      }
      if (read.value === undefined) return;
      this.owner.onMessage(this, read.value);
    }
  }

  onAcknowledged(): void {
    const wasFull = !this.room();
    this.flush();
    if (wasFull && this.room()) this.owner.onRoom?.(this);
  }

  onClosed(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.isUp = false;
    this.owner.onChannelDown(this, why);
  }

  private flush(): void {
    const { connection } = this;
    if (connection === undefined || !this.isUp) return;
    while (this.waiting.length > 0) {
      const first = this.waiting[0]!;
      const sent = connection.send(first);
      this.waitingBytes -= sent;
      if (sent < first.length) {
        this.waiting[0] = first.subarray(sent);
        return;
      }
      this.waiting.shift();
    }
  }
}
