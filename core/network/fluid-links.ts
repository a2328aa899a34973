/**
 * Many transmitters (ports of hosts, disks, uplinks of pods) in typed arrays, each with one queue that carries packets
 * and fluid flows together. A fluid flow is so many bytes without frames; the flows of a link and the head of its
 * packets share the rate evenly, as generalised processor sharing does (Parekh and Gallager 1993). Progress is exact:
 *
 *   level      bytes that everyone in service has got since the link was last idle; a flow ends when it reaches its target
 *   remainder  thousandths of a byte that are served and not yet handed out; nothing is ever rounded away
 *
 * A rate is whole bytes a microsecond (8 Mb/s), so that in `dt` ns the link serves rate × dt thousandths of a byte.
 * Left out: loss, several links in a row (a flow is held back by one only), frames of fluid flows.
 */
import { assert } from '../base/assert.ts';
import { type Hash64, hashInteger } from '../base/hash.ts';

/** Number of a flow or packet in its table; reused after it has ended. */
export type FlowId = number;

/** Rates. Unit: bytes a microsecond. 125,000 are 1 Tb/s. */
export const FLUID_RATE_MAX = 125_000;
/** Most time between two looks at a link: rate × time stays below 2^53. Unit: ns. */
const SETTLE_NS_MAX = 60_000_000_000;
/** Bytes of one flow × flows of its link × 1,000 stay below 2^53. */
const FLOW_BYTES_MAX = 2 ** 36;
/** Most flows in service on one link. */
export const FLOWS_PER_LINK_MAX = 128;
const NONE = -1;
/** Fields of a link's row, one line of the cache: whoever looks at a link needs nearly all of them. */
const RATE = 0;
const LEVEL = 1;
const REMAINDER = 2;
const SETTLED_NS = 3;
const SERVED = 4;
const HEAD = 5; //        first flow in service
const IN_SERVICE = 6; //  flows, and one for the packets
const PACKET_HEAD = 7; // the packet in service
/** log2 of the fields of a row. */
const ROW_SHIFT = 3;

/** Served, for whoever ended flows. `kind` and `tag` are the caller's. */
export type FlowVisitor = (kind: number, tag: number, bytes: number) => void;

/** See the file's head. */
export class FluidLinks {
  readonly count: number;
  /** By link, a row: rate, level, remainder, settled ns, served, first flow in service, flows in service, packet in service. */
  private readonly rows: Float64Array;
  private readonly packetTail: Int32Array;
  // By flow.
  private target: Float64Array;
  private bytes: Float64Array;
  private tag: Float64Array;
  private kind: Uint8Array;
  private link: Int32Array;
  private next: Int32Array;
  private free = NONE;

  constructor(count: number, flowCapacity = 64) {
    this.count = count;
    this.rows = new Float64Array(count << ROW_SHIFT);
    for (let at = 0; at < this.rows.length; at += 1 << ROW_SHIFT) {
      this.rows[at + HEAD] = NONE;
      this.rows[at + PACKET_HEAD] = NONE;
    }
    this.packetTail = new Int32Array(count).fill(NONE);
    this.target = new Float64Array(flowCapacity);
    this.bytes = new Float64Array(flowCapacity);
    this.tag = new Float64Array(flowCapacity);
    this.kind = new Uint8Array(flowCapacity);
    this.link = new Int32Array(flowCapacity).fill(NONE);
    this.next = new Int32Array(flowCapacity).fill(NONE);
    this.release(0, flowCapacity);
  }

  /** Bytes a microsecond of a link; 0 while it is cut: then everything stands. */
  rateOf(link: number): number {
    return this.rows[(link << ROW_SHIFT) + RATE]!;
  }

  setRate(link: number, rate: number, now: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    assert(Number.isInteger(rate) && rate >= 0 && rate <= FLUID_RATE_MAX, 'a rate is 0 … 125,000 bytes/µs');
    this.settle(link, now);
    rows[at + RATE] = rate;
  }

  /** Flows in service, and one for the packets. */
  flowCount(link: number): number {
    return this.rows[(link << ROW_SHIFT) + IN_SERVICE]!;
  }

  /** Bytes that a link has served since the start, up to its last change. */
  servedBytes(link: number): number {
    return this.rows[(link << ROW_SHIFT) + SERVED]!;
  }

  hasPackets(link: number): boolean {
    return this.rows[(link << ROW_SHIFT) + PACKET_HEAD] !== NONE;
  }

  /** Whether one more flow may start. */
  hasRoom(link: number): boolean {
    return this.rows[(link << ROW_SHIFT) + IN_SERVICE]! < FLOWS_PER_LINK_MAX;
  }

  /** A fluid flow of so many bytes begins. */
  start(link: number, bytes: number, kind: number, tag: number, now: number): FlowId {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    assert(bytes > 0 && bytes <= FLOW_BYTES_MAX && this.hasRoom(link), 'a flow fits its link');
    this.settle(link, now);
    const flow = this.makeFlow(link, bytes, kind, tag);
    this.target[flow] = rows[at + LEVEL]! + bytes;
    this.next[flow] = rows[at + HEAD]!;
    rows[at + HEAD] = flow;
    rows[at + IN_SERVICE]! += 1;
    return flow;
  }

  /** A packet joins the link's packets, which leave in order and share as one flow does. */
  send(link: number, bytes: number, kind: number, tag: number, now: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    this.settle(link, now);
    const packet = this.makeFlow(link, bytes, kind, tag);
    this.next[packet] = NONE;
    if (rows[at + PACKET_HEAD] === NONE) {
      this.target[packet] = rows[at + LEVEL]! + bytes;
      rows[at + PACKET_HEAD] = packet;
      rows[at + IN_SERVICE]! += 1;
    } else this.next[this.packetTail[link]!] = packet;
    this.packetTail[link] = packet;
  }

  /** When the next flow or packet of a link ends, if nothing changes; Infinity for none. Unit: ns. */
  dueNs(link: number): number {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    const count = rows[at + IN_SERVICE]!;
    const rate = rows[at + RATE]!;
    if (count === 0 || rate === 0) return Number.POSITIVE_INFINITY;
    const packet = rows[at + PACKET_HEAD]!;
    let least = packet === NONE ? Number.POSITIVE_INFINITY : this.target[packet]!;
    for (let flow = rows[at + HEAD]!; flow !== NONE; flow = this.next[flow]!) {
      if (this.target[flow]! < least) least = this.target[flow]!;
    }
    const work = (least - rows[at + LEVEL]!) * 1000 * count - rows[at + REMAINDER]!;
    const takesNs = work <= 0 ? 0 : Math.floor((work + rate - 1) / rate);
    return rows[at + SETTLED_NS]! + Math.min(takesNs, SETTLE_NS_MAX);
  }

  /** Ends what has been served wholly by now, flows by age of their row, then packets in order. */
  takeDone(link: number, now: number, visit: FlowVisitor): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    this.settle(link, now);
    let before = NONE;
    for (let flow = rows[at + HEAD]!; flow !== NONE; ) {
      const next = this.next[flow]!;
      if (this.target[flow]! > rows[at + LEVEL]!) before = flow;
      else {
        if (before === NONE) rows[at + HEAD] = next;
        else this.next[before] = next;
        this.finish(link, flow, visit);
      }
      flow = next;
    }
    for (;;) {
      const packet = rows[at + PACKET_HEAD]!;
      if (packet === NONE || this.target[packet]! > rows[at + LEVEL]!) break;
      const next = this.next[packet]!;
      const end = this.target[packet]!;
      rows[at + PACKET_HEAD] = next;
      if (next === NONE) this.packetTail[link] = NONE;
      this.finish(link, packet, visit);
      if (next === NONE) break;
      // The one behind it was served from that very byte on: what was given back goes to it.
      this.enterBehind(link, next, end);
    }
    if (rows[at + IN_SERVICE] === 0) this.rest(link);
  }

  /** Ends a flow before its time; gives the bytes that it got. */
  abort(flow: FlowId, now: number): number {
    const link = this.link[flow]!;
    const { rows } = this;
    const at = link << ROW_SHIFT;
    assert(link !== NONE, 'a flow that is aborted is under way');
    this.settle(link, now);
    let before = NONE;
    let found = rows[at + HEAD]!;
    while (found !== flow) {
      assert(found !== NONE, 'a flow that is aborted is no packet');
      before = found;
      found = this.next[found]!;
    }
    if (before === NONE) rows[at + HEAD] = this.next[flow]!;
    else this.next[before] = this.next[flow]!;
    const missing = this.target[flow]! - rows[at + LEVEL]!;
    const got = missing > 0 ? this.bytes[flow]! - missing : this.bytes[flow]!;
    if (missing < 0) this.giveBack(link, -missing);
    this.leave(link, flow);
    return got;
  }

  /** Ends all flows of a link, none of them served wholly; `visit` is told what each got. Packets are dropped. */
  abortAll(link: number, now: number, visit: FlowVisitor): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    this.settle(link, now);
    for (let flow = rows[at + HEAD]!; flow !== NONE; flow = rows[at + HEAD]!) {
      const [kind, tag] = [this.kind[flow]!, this.tag[flow]!];
      visit(kind, tag, this.abort(flow, now));
    }
    this.dropPackets(link, now, visit);
  }

  /** Drops the packets of a link; `visit` is told the bytes that the first of them got, 0 for the others. */
  dropPackets(link: number, now: number, visit: FlowVisitor): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    this.settle(link, now);
    const first = rows[at + PACKET_HEAD]!;
    if (first === NONE) return;
    const missing = this.target[first]! - rows[at + LEVEL]!;
    if (missing < 0) this.giveBack(link, -missing);
    let got = Math.min(this.bytes[first]!, Math.max(0, this.bytes[first]! - missing));
    rows[at + PACKET_HEAD] = NONE;
    this.packetTail[link] = NONE;
    rows[at + IN_SERVICE]! -= 1;
    for (let packet = first; packet !== NONE; ) {
      const next = this.next[packet]!;
      visit(this.kind[packet]!, this.tag[packet]!, got);
      this.freeFlow(packet);
      got = 0;
      packet = next;
    }
    if (rows[at + IN_SERVICE] === 0) this.rest(link);
  }

  /** What the flows in service have got so far, in all. For checks: served = ended + this. */
  bytesUnderWay(link: number): number {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    let sum = 0;
    const progress = (flow: number) => this.bytes[flow]! - (this.target[flow]! - rows[at + LEVEL]!);
    for (let flow = rows[at + HEAD]!; flow !== NONE; flow = this.next[flow]!) sum += progress(flow);
    const packet = rows[at + PACKET_HEAD]!;
    return packet === NONE ? sum : sum + progress(packet);
  }

  /** Mixes a link's state in. */
  hashInto(hash: Hash64, link: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    hashInteger(hash, rows[at + LEVEL]!);
    hashInteger(hash, rows[at + REMAINDER]!);
    hashInteger(hash, rows[at + SETTLED_NS]!);
    hashInteger(hash, rows[at + SERVED]!);
    hashInteger(hash, rows[at + IN_SERVICE]! * 0x10_0000 + rows[at + RATE]!);
  }

  // ── One link ──

  /** Hands out what has been served since the last look. */
  private settle(link: number, now: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    const passedNs = now - rows[at + SETTLED_NS]!;
    assert(passedNs >= 0, 'a link goes forward in time');
    rows[at + SETTLED_NS] = now;
    const count = rows[at + IN_SERVICE]!;
    if (count === 0 || passedNs === 0) return;
    const work = rows[at + RATE]! * passedNs + rows[at + REMAINDER]!;
    assert(work <= Number.MAX_SAFE_INTEGER, 'a link in service is looked at in time');
    const each = Math.floor(work / (1000 * count));
    rows[at + REMAINDER] = work - each * 1000 * count;
    rows[at + LEVEL]! += each;
    rows[at + SERVED]! += each * count;
  }

  private finish(link: number, flow: number, visit: FlowVisitor): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    const excess = rows[at + LEVEL]! - this.target[flow]!;
    if (excess > 0) this.giveBack(link, excess);
    const [kind, tag, bytes] = [this.kind[flow]!, this.tag[flow]!, this.bytes[flow]!];
    rows[at + IN_SERVICE]! -= 1;
    this.freeFlow(flow);
    visit(kind, tag, bytes);
  }

  /** Bytes beyond the end of a flow go to whoever is served on. */
  private giveBack(link: number, bytes: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    rows[at + REMAINDER]! += bytes * 1000;
    rows[at + SERVED]! -= bytes;
  }

  /** A packet enters service at level `from`, which may lie back: it takes that from what was given back. */
  private enterBehind(link: number, packet: number, from: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    const back = rows[at + LEVEL]! - from;
    this.target[packet] = from + this.bytes[packet]!;
    rows[at + IN_SERVICE]! += 1;
    rows[at + REMAINDER]! -= back * 1000;
    rows[at + SERVED]! += back;
  }

  private leave(link: number, flow: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    rows[at + IN_SERVICE]! -= 1;
    this.freeFlow(flow);
    if (rows[at + IN_SERVICE] === 0) this.rest(link);
  }

  /** An idle link begins anew; a fraction of a byte that nobody waits for is no progress. */
  private rest(link: number): void {
    const { rows } = this;
    const at = link << ROW_SHIFT;
    rows[at + LEVEL] = 0;
    rows[at + REMAINDER] = 0;
  }

  // ── The table of flows ──

  private makeFlow(link: number, bytes: number, kind: number, tag: number): FlowId {
    if (this.free === NONE) this.grow();
    const flow = this.free;
    this.free = this.next[flow]!;
    this.link[flow] = link;
    this.bytes[flow] = bytes;
    this.kind[flow] = kind;
    this.tag[flow] = tag;
    return flow;
  }

  private freeFlow(flow: number): void {
    this.link[flow] = NONE;
    this.next[flow] = this.free;
    this.free = flow;
  }

  private release(from: number, to: number): void {
    for (let flow = to - 1; flow >= from; flow--) {
      this.next[flow] = this.free;
      this.free = flow;
    }
  }

  private grow(): void {
    const old = this.link.length;
    const capacity = old * 2;
    assert(capacity <= 1 << 22, 'flows do not leak');
    this.target = larger(this.target, new Float64Array(capacity));
    this.bytes = larger(this.bytes, new Float64Array(capacity));
    this.tag = larger(this.tag, new Float64Array(capacity));
    this.kind = larger(this.kind, new Uint8Array(capacity));
    this.link = larger(this.link, new Int32Array(capacity).fill(NONE));
    this.next = larger(this.next, new Int32Array(capacity).fill(NONE));
    this.release(old, capacity);
  }
}

function larger<T extends Float64Array | Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
