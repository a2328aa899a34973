/**
 * The receiving half: reassembly, the window that is announced, and when acknowledgements go.
 * Payload is kept as views into the frames that brought it; nothing is copied.
 * Standard: RFC 9293 §3.8.6.2.2 (receiver's silly window avoidance), §3.8.6.3 (delayed
 * acknowledgements); RFC 5681 §4.2; RFC 7323 §2.
 */
import { availableBytes, type OutOfOrderPiece, type ReceiveState } from './connection.ts';
import type { TcpSettings } from './context.ts';

/** Pieces kept ahead of gaps: one a gap, and a 4 MiB window has 64 full segments. */
const OUT_OF_ORDER_PIECES_MAX = 4096;

/** The shift that lets 16 bits announce the whole buffer. 0 … 14 (RFC 7323 §2.3). */
export function scaleFor(receiveBufferBytes: number): number {
  let scale = 0;
  while (scale < 14 && receiveBufferBytes / 2 ** scale > 0xffff) scale += 1;
  return scale;
}

/** State before the peer's SYN. */
export function makeReceive(settings: TcpSettings): ReceiveState {
  return {
    initialSequence: 0,
    next: -1,
    edge: 0,
    scale: scaleFor(settings.receiveBufferBytes),
    consumed: 0,
    chunks: [],
    chunkStart: 0,
    outOfOrder: [],
    finOffset: -1,
    segmentsUnacknowledged: 0,
    acknowledgeNow: false,
    challengeAtNs: 0,
  };
}

/** The edge that the free buffer would allow, small steps suppressed (§3.8.6.2.2). */
function wantedEdge(settings: TcpSettings, receive: ReceiveState): number {
  const allowed = receive.consumed + settings.receiveBufferBytes;
  const step = Math.min(settings.maximumSegmentSize, Math.floor(settings.receiveBufferBytes / 2));
  return allowed - receive.edge >= step ? allowed : receive.edge;
}

/**
 * The window field for a segment that leaves now, and the edge moved accordingly. A SYN's window is
 * not scaled (RFC 7323 §2.2). The edge never moves back.
 */
export function announceWindow(settings: TcpSettings, receive: ReceiveState, syn: boolean): number {
  const next = Math.max(0, receive.next);
  const scale = syn || receive.scale < 0 ? 0 : receive.scale;
  const unit = 2 ** scale;
  const edge = Math.max(receive.edge, wantedEdge(settings, receive));
  // Rounded down: rounding up would move the edge a little with every acknowledgement. The peer may
  // see the window shrink by less than one unit (RFC 7323 §2.4); we still take what was promised.
  const field = Math.min(0xffff, Math.floor(Math.max(0, edge - next) / unit));
  receive.edge = Math.max(receive.edge, next + field * unit);
  return field;
}

/** Whether consuming has freed so much that the peer should hear of it. */
export function windowUpdateIsDue(settings: TcpSettings, receive: ReceiveState): boolean {
  const wanted = wantedEdge(settings, receive);
  if (wanted === receive.edge) return false;
  const next = Math.max(0, receive.next);
  const step = Math.min(2 * settings.maximumSegmentSize, settings.receiveBufferBytes / 2);
  return wanted - receive.edge >= step || receive.edge <= next;
}

/**
 * Whether a segment of `length` sequence numbers at `offset` touches the window, §3.10.7.4. A pure
 * acknowledgement may stand at the edge: its sender has filled the window and lost some of it.
 */
export function isAcceptable(receive: ReceiveState, offset: number, length: number): boolean {
  const { next } = receive;
  const edge = Math.max(next, receive.edge);
  if (length === 0) return offset >= next && offset <= edge;
  return offset < edge && offset + length > next;
}

/** Inserts a piece ahead of a gap, trimmed against what is there already. */
function insertOutOfOrder(receive: ReceiveState, piece: OutOfOrderPiece): void {
  const pieces = receive.outOfOrder;
  if (pieces.length >= OUT_OF_ORDER_PIECES_MAX) return; // dropped; the peer sends it again
  let index = 0;
  let { offset, bytes } = piece;
  while (index < pieces.length) {
    const other = pieces[index];
    if (other === undefined || other.offset >= offset + bytes.length) break;
    const otherEnd = other.offset + other.bytes.length;
    if (otherEnd <= offset) {
      index += 1;
      continue;
    }
    if (other.offset <= offset) {
      // The head of the new piece is known: keep the rest.
      const known = otherEnd - offset;
      if (known >= bytes.length) return;
      bytes = bytes.subarray(known);
      offset = otherEnd;
      index += 1;
    } else {
      // An old piece begins inside the new one: put the part before it, go on behind it.
      const before = bytes.subarray(0, other.offset - offset);
      pieces.splice(index, 0, { offset, bytes: before });
      index += 2;
      if (otherEnd >= offset + bytes.length) return;
      bytes = bytes.subarray(otherEnd - offset);
      offset = otherEnd;
    }
  }
  pieces.splice(index, 0, { offset, bytes });
}

function appendInOrder(receive: ReceiveState, bytes: Uint8Array): void {
  receive.chunks.push(bytes);
  receive.next += bytes.length;
}

/**
 * Takes the payload of an acceptable segment. Returns the in-order bytes gained. Sets `acknowledgeNow`
 * for everything but the plain next segment (RFC 5681 §4.2: gaps, duplicates, filled gaps).
 */
export function acceptPayload(receive: ReceiveState, start: number, payload: Uint8Array): number {
  const before = receive.next;
  let offset = start;
  let bytes = payload;
  if (offset + bytes.length > receive.edge) {
    bytes = bytes.subarray(0, Math.max(0, receive.edge - offset));
    receive.acknowledgeNow = true;
  }
  if (offset < receive.next) {
    bytes = bytes.subarray(Math.min(bytes.length, receive.next - offset));
    offset = receive.next;
    receive.acknowledgeNow = true;
  }
  if (receive.finOffset >= 0 && offset + bytes.length > receive.finOffset) {
    bytes = bytes.subarray(0, Math.max(0, receive.finOffset - offset));
  }
  if (bytes.length === 0) return 0;
  if (offset > receive.next) {
    receive.acknowledgeNow = true;
    insertOutOfOrder(receive, { offset, bytes });
    return 0;
  }
  appendInOrder(receive, bytes);
  if (receive.outOfOrder.length > 0) receive.acknowledgeNow = true;
  drainOutOfOrder(receive);
  return receive.next - before;
}

/** Notes where the peer's stream ends. A second end, or one before bytes that came, is not believed. */
export function takeFin(receive: ReceiveState, offset: number): void {
  const last = receive.outOfOrder[receive.outOfOrder.length - 1];
  const received = Math.max(receive.next, last === undefined ? 0 : last.offset + last.bytes.length);
  if (receive.finOffset < 0 && offset >= received) receive.finOffset = offset;
}

/** Pieces that the gap no longer separates become readable. */
function drainOutOfOrder(receive: ReceiveState): void {
  let count = 0;
  for (const piece of receive.outOfOrder) {
    if (piece.offset > receive.next) break;
    count += 1;
    const known = receive.next - piece.offset;
    if (known < piece.bytes.length) appendInOrder(receive, piece.bytes.subarray(known));
  }
  if (count > 0) receive.outOfOrder.splice(0, count);
}

/** The oldest unread bytes that lie together: a view that stays valid. Empty when there are none. */
export function peekBytes(receive: ReceiveState): Uint8Array {
  const chunk = receive.chunks[0];
  if (chunk === undefined) return new Uint8Array(0);
  return receive.chunkStart === 0 ? chunk : chunk.subarray(receive.chunkStart);
}

/** Forgets the oldest `count` unread bytes; at most what is available. Returns how many. */
export function consumeBytes(receive: ReceiveState, count: number): number {
  const taken = Math.max(0, Math.min(count, availableBytes(receive)));
  let left = taken + receive.chunkStart;
  let whole = 0;
  for (const chunk of receive.chunks) {
    if (left < chunk.length) break;
    left -= chunk.length;
    whole += 1;
  }
  if (whole > 0) receive.chunks.splice(0, whole);
  receive.chunkStart = left;
  receive.consumed += taken;
  return taken;
}
