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

/** Served, for whoever ended flows. `kind` and `tag` are the caller's. */
export type FlowVisitor = (kind: number, tag: number, bytes: number) => void;

/** See the file's head. */
export class FluidLinks {
  readonly count: number;
  // By link.
  private readonly rate: Float64Array;
  private readonly level: Float64Array;
  private readonly remainder: Float64Array;
  private readonly settledNs: Float64Array;
  private readonly served: Float64Array;
  private readonly head: Int32Array; //         first flow in service
  private readonly inService: Int32Array; //    flows, and one for the packets
  private readonly packetHead: Int32Array; //   the packet in service
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
    this.rate = new Float64Array(count);
    this.level = new Float64Array(count);
    this.remainder = new Float64Array(count);
    this.settledNs = new Float64Array(count);
    this.served = new Float64Array(count);
    this.head = new Int32Array(count).fill(NONE);
    this.inService = new Int32Array(count);
    this.packetHead = new Int32Array(count).fill(NONE);
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
    return this.rate[link]!;
  }

  setRate(link: number, rate: number, now: number): void {
    assert(Number.isInteger(rate) && rate >= 0 && rate <= FLUID_RATE_MAX, 'a rate is 0 … 125,000 bytes/µs');
    this.settle(link, now);
    this.rate[link] = rate;
  }

  /** Flows in service, and one for the packets. */
  flowCount(link: number): number {
    return this.inService[link]!;
  }

  /** Bytes that a link has served since the start, up to its last change. */
  servedBytes(link: number): number {
    return this.served[link]!;
  }

  hasPackets(link: number): boolean {
    return this.packetHead[link] !== NONE;
  }

  /** Whether one more flow may start. */
  hasRoom(link: number): boolean {
    return this.inService[link]! < FLOWS_PER_LINK_MAX;
  }

  /** A fluid flow of so many bytes begins. */
  start(link: number, bytes: number, kind: number, tag: number, now: number): FlowId {
    assert(bytes > 0 && bytes <= FLOW_BYTES_MAX && this.hasRoom(link), 'a flow fits its link');
    this.settle(link, now);
    const flow = this.makeFlow(link, bytes, kind, tag);
    this.target[flow] = this.level[link]! + bytes;
    this.next[flow] = this.head[link]!;
    this.head[link] = flow;
    this.inService[link]! += 1;
    return flow;
  }

  /** A packet joins the link's packets, which leave in order and share as one flow does. */
  send(link: number, bytes: number, kind: number, tag: number, now: number): void {
    this.settle(link, now);
    const packet = this.makeFlow(link, bytes, kind, tag);
    this.next[packet] = NONE;
    if (this.packetHead[link] === NONE) {
      this.target[packet] = this.level[link]! + bytes;
      this.packetHead[link] = packet;
      this.inService[link]! += 1;
    } else this.next[this.packetTail[link]!] = packet;
    this.packetTail[link] = packet;
  }

  /** When the next flow or packet of a link ends, if nothing changes; Infinity for none. Unit: ns. */
  dueNs(link: number): number {
    const count = this.inService[link]!;
    const rate = this.rate[link]!;
    if (count === 0 || rate === 0) return Number.POSITIVE_INFINITY;
    const packet = this.packetHead[link]!;
    let least = packet === NONE ? Number.POSITIVE_INFINITY : this.target[packet]!;
    for (let flow = this.head[link]!; flow !== NONE; flow = this.next[flow]!) {
      if (this.target[flow]! < least) least = this.target[flow]!;
    }
    const work = (least - this.level[link]!) * 1000 * count - this.remainder[link]!;
    const takesNs = work <= 0 ? 0 : Math.floor((work + rate - 1) / rate);
    return this.settledNs[link]! + Math.min(takesNs, SETTLE_NS_MAX);
  }

  /** Ends what has been served wholly by now, flows by age of their row, then packets in order. */
  takeDone(link: number, now: number, visit: FlowVisitor): void {
    this.settle(link, now);
    let before = NONE;
    for (let flow = this.head[link]!; flow !== NONE; ) {
      const next = this.next[flow]!;
      if (this.target[flow]! > this.level[link]!) before = flow;
      else {
        if (before === NONE) this.head[link] = next;
        else this.next[before] = next;
        this.finish(link, flow, visit);
      }
      flow = next;
    }
    for (;;) {
      const packet = this.packetHead[link]!;
      if (packet === NONE || this.target[packet]! > this.level[link]!) break;
      const next = this.next[packet]!;
      const end = this.target[packet]!;
      this.packetHead[link] = next;
      if (next === NONE) this.packetTail[link] = NONE;
      this.finish(link, packet, visit);
      if (next === NONE) break;
      // The one behind it was served from that very byte on: what was given back goes to it.
      this.enterBehind(link, next, end);
    }
    if (this.inService[link] === 0) this.rest(link);
  }

  /** Ends a flow before its time; gives the bytes that it got. */
  abort(flow: FlowId, now: number): number {
    const link = this.link[flow]!;
    assert(link !== NONE, 'a flow that is aborted is under way');
    this.settle(link, now);
    let before = NONE;
    let at = this.head[link]!;
    while (at !== flow) {
      assert(at !== NONE, 'a flow that is aborted is no packet');
      before = at;
      at = this.next[at]!;
    }
    if (before === NONE) this.head[link] = this.next[flow]!;
    else this.next[before] = this.next[flow]!;
    const missing = this.target[flow]! - this.level[link]!;
    const got = missing > 0 ? this.bytes[flow]! - missing : this.bytes[flow]!;
    if (missing < 0) this.giveBack(link, -missing);
    this.leave(link, flow);
    return got;
  }

  /** Ends all flows of a link, none of them served wholly; `visit` is told what each got. Packets are dropped. */
  abortAll(link: number, now: number, visit: FlowVisitor): void {
    this.settle(link, now);
    for (let flow = this.head[link]!; flow !== NONE; flow = this.head[link]!) {
      const [kind, tag] = [this.kind[flow]!, this.tag[flow]!];
      visit(kind, tag, this.abort(flow, now));
    }
    this.dropPackets(link, now, visit);
  }

  /** Drops the packets of a link; `visit` is told the bytes that the first of them got, 0 for the others. */
  dropPackets(link: number, now: number, visit: FlowVisitor): void {
    this.settle(link, now);
    const first = this.packetHead[link]!;
    if (first === NONE) return;
    const missing = this.target[first]! - this.level[link]!;
    if (missing < 0) this.giveBack(link, -missing);
    let got = Math.min(this.bytes[first]!, Math.max(0, this.bytes[first]! - missing));
    this.packetHead[link] = NONE;
    this.packetTail[link] = NONE;
    this.inService[link]! -= 1;
    for (let packet = first; packet !== NONE; ) {
      const next = this.next[packet]!;
      visit(this.kind[packet]!, this.tag[packet]!, got);
      this.freeFlow(packet);
      got = 0;
      packet = next;
    }
    if (this.inService[link] === 0) this.rest(link);
  }

  /** What the flows in service have got so far, in all. For checks: served = ended + this. */
  bytesUnderWay(link: number): number {
    let sum = 0;
    const progress = (flow: number) => this.bytes[flow]! - (this.target[flow]! - this.level[link]!);
    for (let flow = this.head[link]!; flow !== NONE; flow = this.next[flow]!) sum += progress(flow);
    const packet = this.packetHead[link]!;
    return packet === NONE ? sum : sum + progress(packet);
  }

  /** Mixes a link's state in. */
  hashInto(hash: Hash64, link: number): void {
    hashInteger(hash, this.level[link]!);
    hashInteger(hash, this.remainder[link]!);
    hashInteger(hash, this.settledNs[link]!);
    hashInteger(hash, this.served[link]!);
    hashInteger(hash, this.inService[link]! * 0x10_0000 + this.rate[link]!);
  }

  // ── One link ──

  /** Hands out what has been served since the last look. */
  private settle(link: number, now: number): void {
    const passedNs = now - this.settledNs[link]!;
    assert(passedNs >= 0, 'a link goes forward in time');
    this.settledNs[link] = now;
    const count = this.inService[link]!;
    if (count === 0 || passedNs === 0) return;
    const work = this.rate[link]! * passedNs + this.remainder[link]!;
    assert(work <= Number.MAX_SAFE_INTEGER, 'a link in service is looked at in time');
    const each = Math.floor(work / (1000 * count));
    this.remainder[link] = work - each * 1000 * count;
    this.level[link]! += each;
    this.served[link]! += each * count;
  }

  private finish(link: number, flow: number, visit: FlowVisitor): void {
    const excess = this.level[link]! - this.target[flow]!;
    if (excess > 0) this.giveBack(link, excess);
    const [kind, tag, bytes] = [this.kind[flow]!, this.tag[flow]!, this.bytes[flow]!];
    this.inService[link]! -= 1;
    this.freeFlow(flow);
    visit(kind, tag, bytes);
  }

  /** Bytes beyond the end of a flow go to whoever is served on. */
  private giveBack(link: number, bytes: number): void {
    this.remainder[link]! += bytes * 1000;
    this.served[link]! -= bytes;
  }

  /** A packet enters service at level `from`, which may lie back: it takes that from what was given back. */
  private enterBehind(link: number, packet: number, from: number): void {
    const back = this.level[link]! - from;
    this.target[packet] = from + this.bytes[packet]!;
    this.inService[link]! += 1;
    this.remainder[link]! -= back * 1000;
    this.served[link]! += back;
  }

  private leave(link: number, flow: number): void {
    this.inService[link]! -= 1;
    this.freeFlow(flow);
    if (this.inService[link] === 0) this.rest(link);
  }

  /** An idle link begins anew; a fraction of a byte that nobody waits for is no progress. */
  private rest(link: number): void {
    this.level[link] = 0;
    this.remainder[link] = 0;
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
