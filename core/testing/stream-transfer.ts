/**
 * An application for tests of TCP: one side sends a pseudo-random stream and closes, the other checks
 * every byte against the generator. The stream is a function of its offset, so nothing is stored.
 */
import type { ConnectionId } from '../network/tcp/connection.ts';
import type { TcpEvent } from '../network/tcp/context.ts';
import type { Cable, Side } from './cable.ts';

/** Byte `offset` of the stream. */
export function streamByte(offset: number): number {
  return (Math.imul(offset + 1, 0x9e3779b1) >>> 23) & 0xff;
}

/** Where a transfer stands. */
export interface Transfer {
  readonly byteCount: number;
  written: number;
  received: number;
  /** Offset of the first wrong byte; −1 while all are right. */
  wrongAt: number;
  connection: ConnectionId;
  finishedAtNs: number;
  failure: string;
  readonly events: string[];
}

/** How the two applications behave; each number is drawn when it is needed. */
export interface TransferOptions {
  readonly byteCount: number;
  /** Bytes offered to one send(). */
  readonly chunkBytes: () => number;
  /** Bytes consumed for one 'readable'; the rest waits for `readDelayNs`. */
  readonly readBytes?: () => number;
  readonly readDelayNs?: number;
  /** Whether the reader compares bytes; measurements turn it off. */
  readonly checks?: boolean;
}

/** Starts a transfer from side 0 to side 1 over port 7; it takes the cable's onEvent over. */
export function startTransfer(cable: Cable, options: TransferOptions): Transfer {
  const [sender, receiver] = cable.stacks;
  const transfer: Transfer = {
    byteCount: options.byteCount,
    written: 0,
    received: 0,
    wrongAt: -1,
    connection: 0,
    finishedAtNs: -1,
    failure: '',
    events: [],
  };
  const buffer = new Uint8Array(1 << 16);
  const write = (now: number): void => {
    while (transfer.written < options.byteCount) {
      const wanted = Math.min(options.chunkBytes(), options.byteCount - transfer.written, buffer.length);
      if (options.checks !== false) {
        for (let index = 0; index < wanted; index++) buffer[index] = streamByte(transfer.written + index);
      }
      const taken = sender.send(transfer.connection, buffer.subarray(0, wanted), now);
      transfer.written += taken;
      if (taken < wanted) return;
    }
    sender.close(transfer.connection, now);
  };
  const read = (connection: ConnectionId, now: number): void => {
    let budget = options.readBytes?.() ?? Number.POSITIVE_INFINITY;
    while (budget > 0) {
      const view = receiver.peek(connection);
      if (view.length === 0) return;
      const count = Math.min(view.length, budget);
      if (options.checks !== false && transfer.wrongAt < 0) {
        for (let index = 0; index < count; index++) {
          if (view[index] === streamByte(transfer.received + index)) continue;
          transfer.wrongAt = transfer.received + index;
          break;
        }
      }
      transfer.received += count;
      budget -= count;
      receiver.consume(connection, count, now);
    }
    if (receiver.receiveAvailable(connection) > 0) {
      const at = now + (options.readDelayNs ?? 1_000_000);
      cable.at(at, () => afterRead(connection, cable.now));
    }
  };
  let peerClosed = false;
  const afterRead = (connection: ConnectionId, now: number): void => {
    read(connection, now);
    if (!peerClosed || receiver.receiveAvailable(connection) > 0) return;
    transfer.finishedAtNs = now;
    receiver.close(connection, now);
  };
  cable.onEvent = (side: Side, event: TcpEvent, now: number) => {
    transfer.events.push(`${side} ${event.kind}`);
    if (event.kind === 'failed') transfer.failure = `${side} ${event.reason}`;
    if (side === 0 && (event.kind === 'connected' || event.kind === 'writable')) write(now);
    if (side === 1 && event.kind === 'peer-closed') peerClosed = true;
    if (side === 1 && (event.kind === 'readable' || event.kind === 'peer-closed')) {
      afterRead(event.connection, now);
    }
  };
  receiver.listen(7);
  transfer.connection = sender.connect(0x0a00_0002, 7, cable.now);
  return transfer;
}
