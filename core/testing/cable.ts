/**
 * Two TCP stacks on one cable with an event queue of their own: what tests and measurements of the
 * network layer run on. Leaves out hosts, costs and workers; keeps the ordering key's time and order
 * of insertion.
 */
import { makePrng } from '../base/prng.ts';
import { LinkEnd, type LinkEndOptions } from '../network/link.ts';
import { localMac } from '../network/ethernet.ts';
import type { TcpEvent, TcpOptions } from '../network/tcp/context.ts';
import { TcpStack } from '../network/tcp/stack.ts';

/** One of the two hosts: 0 is 10.0.0.1, 1 is 10.0.0.2. */
export type Side = 0 | 1;

export const ADDRESSES = [0x0a00_0001, 0x0a00_0002] as const;

/** How the cable and the stacks are made. Rates in bit/s, times in ns. */
export interface CableOptions {
  readonly seed: number;
  readonly bandwidthBitsPerSecond: number;
  readonly latencyNs: number;
  readonly lossPerMillion?: number;
  readonly queueLimitBytes?: number;
  /** Whether the stacks ask the link for room (as hosts do) or fill its queue. */
  readonly asksForRoom?: boolean;
  readonly tcp?: readonly [Partial<TcpOptions>, Partial<TcpOptions>];
}

/** Far more than any test here needs: what exceeds it goes on for ever. */
const EVENTS_MAX = 5_000_000;

interface Pending {
  readonly timeNs: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.timeNs < b.timeNs || (a.timeNs === b.timeNs && a.order < b.order);
}

/** See the file's head. */
export class Cable {
  now = 0;
  readonly stacks: readonly [TcpStack, TcpStack];
  readonly links: readonly [LinkEnd, LinkEnd];
  /** Every event of both stacks goes here. */
  onEvent: (side: Side, event: TcpEvent, now: number) => void = () => {};
  /** Every frame handed to a link and every frame delivered. */
  onFrame: (side: Side, direction: 'out' | 'in', frame: Uint8Array, now: number) => void = () => {};
  /** True: the frame is dropped before it reaches the link. */
  drops: (side: Side, frame: Uint8Array, now: number) => boolean = () => false;
  readonly #heap: Pending[] = [];
  #order = 0;

  constructor(options: CableOptions) {
    const end = (side: Side): LinkEnd => {
      const settings: LinkEndOptions = {
        source: side,
        destination: 1 - side,
        bandwidthBitsPerSecond: options.bandwidthBitsPerSecond,
        latencyNs: options.latencyNs,
        lossPerMillion: options.lossPerMillion ?? 0,
        ...(options.queueLimitBytes === undefined ? {} : { queueLimitBytes: options.queueLimitBytes }),
        seed: options.seed,
        sequences: { next: 0 },
      };
      return new LinkEnd(settings, {
        emit: (message) => this.at(message.arrivalTimeNs, () => {
          const far = this.links[side === 0 ? 1 : 0];
          if (!far.accepts(message)) return;
          this.onFrame(side === 0 ? 1 : 0, 'in', message.bytes, this.now);
          this.stacks[side === 0 ? 1 : 0].onFrame(message.bytes, this.now);
        }),
        schedule: (timeNs) => this.at(timeNs, () => {
          this.links[side].onTransmitDone(this.now);
          this.stacks[side].onTransmitRoom(this.now);
        }),
      });
    };
    const stack = (side: Side): TcpStack =>
      new TcpStack(
        {
          address: ADDRESSES[side],
          mac: localMac(side),
          neighbours: new Map([[ADDRESSES[1 - side] ?? 0, localMac(1 - side)]]),
          random: makePrng({ seed: options.seed, stream: 100 + side }),
          ...options.tcp?.[side],
        },
        {
          transmit: (frame, _destination, now) => {
            if (this.drops(side, frame, now)) return;
            this.onFrame(side, 'out', frame, now);
            this.links[side].enqueue(frame, now);
          },
          scheduleTimer: (timeNs, connection, kind) =>
            this.at(timeNs, () => this.stacks[side].onTimer(connection, kind, this.now)),
          event: (event, now) => this.onEvent(side, event, now),
          ...(options.asksForRoom === false ? {} : { transmitRoom: () => this.links[side].room() }),
        },
      );
    this.links = [end(0), end(1)];
    this.stacks = [stack(0), stack(1)];
  }

  /** Runs `run` at `timeNs`, after what was asked for that instant before. */
  at(timeNs: number, run: () => void): void {
    if (timeNs < this.now) throw new Error(`an event at ${timeNs} ns, but it is ${this.now} ns`);
    const heap = this.#heap;
    const entry = { timeNs, order: this.#order++, run };
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Cuts both directions. */
  cut(): void {
    for (const link of this.links) link.cut();
  }

  /** Mends both directions. */
  mend(): void {
    for (const link of this.links) link.mend();
  }

  /** Does everything before `until`, or until nothing is left; returns the number of events. */
  run(until = Number.POSITIVE_INFINITY): number {
    let count = 0;
    for (let first = this.#heap[0]; first !== undefined && first.timeNs < until; first = this.#heap[0]) {
      this.#pop();
      this.now = first.timeNs;
      first.run();
      count += 1;
      if (count > EVENTS_MAX) throw new Error(`no end after ${EVENTS_MAX} events, at ${this.now} ns`);
    }
    if (until !== Number.POSITIVE_INFINITY) this.now = Math.max(this.now, until);
    return count;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let smallest = left;
      if (right !== undefined && isBefore(right, left)) {
        smallest = right;
        child += 1;
      }
      if (!isBefore(smallest, last)) break;
      heap[index] = smallest;
      index = child;
    }
    heap[index] = last;
  }
}
