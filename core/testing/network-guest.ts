/**
 * A guest on a user network, as far as tests need one: a TCP stack of its own behind a port, frames that it
 * makes by hand, and the frames that reached it.
 */
import { makePrng } from '../base/index.ts';
import { type Ipv4Address, type MacAddress, type TcpEvent, TcpStack, type TimerKind, type UserNetwork } from '../network/index.ts';

interface Timer {
  readonly timeNs: number;
  readonly connection: number;
  readonly kind: TimerKind;
}

/** A stack with timers that somebody runs, on any medium. */
export class NetworkGuest {
  readonly stack: TcpStack;
  readonly events: TcpEvent[] = [];
  /** Bytes received in order on all connections. */
  readonly received: number[] = [];
  readonly frames: Uint8Array[] = [];
  readonly mac: MacAddress;
  readonly address: Ipv4Address;
  private timers: Timer[] = [];

  /** `transmit` takes the guest's frames. */
  constructor(
    place: { readonly mac: MacAddress; readonly address: Ipv4Address; readonly neighbours: ReadonlyMap<Ipv4Address, MacAddress> },
    transmit: (frame: Uint8Array, nowNs: number) => void,
  ) {
    const { mac, address, neighbours } = place;
    this.mac = mac;
    this.address = address;
    this.stack = new TcpStack({ mac, address, neighbours, random: makePrng({ seed: 1, stream: address }), maximumSegmentSize: 1460 }, {
      transmit: (frame, _destination, now) => transmit(frame, now),
      scheduleTimer: (timeNs, connection, kind) => void this.timers.push({ timeNs, connection, kind }),
      event: (event, now) => this.onEvent(event, now),
    });
  }

  private onEvent(event: TcpEvent, now: number): void {
    this.events.push(event);
    if (event.kind === 'peer-closed') this.stack.close(event.connection, now);
    if (event.kind !== 'readable') return;
    while (this.stack.receiveAvailable(event.connection) > 0) {
      const bytes = this.stack.peek(event.connection);
      this.received.push(...bytes);
      this.stack.consume(event.connection, bytes.length, now);
    }
  }

  /** When the stack's next timer is due; Infinity: none. */
  dueNs(): number {
    return this.timers.reduce((least, { timeNs }) => Math.min(least, timeNs), Infinity);
  }

  /** Runs the timers that are due. */
  service(nowNs: number): void {
    const due = this.timers.filter(({ timeNs }) => timeNs <= nowNs);
    this.timers = this.timers.filter(({ timeNs }) => timeNs > nowNs);
    for (const { connection, kind } of due) this.stack.onTimer(connection, kind, nowNs);
  }
}

/** Frames between guests and a network, a microsecond each, so that nothing answers itself without time passing. */
export class NetworkClock {
  nowNs = 0;
  private readonly queue: { readonly timeNs: number; readonly act: (nowNs: number) => void }[] = [];
  private readonly guests: NetworkGuest[] = [];

  add(...guests: readonly NetworkGuest[]): void {
    this.guests.push(...guests);
  }

  later(act: (nowNs: number) => void): void {
    this.queue.push({ timeNs: this.nowNs + 1000, act });
  }

  /** Puts a frame of a guest onto the network. */
  enter(network: UserNetwork, port: number, frame: Uint8Array): void {
    this.later((nowNs) => network.receive(port, frame, nowNs));
  }

  /** Runs until `untilNs`, at most a million steps. */
  run(untilNs: number): void {
    for (let step = 0; step < 1_000_000; step++) {
      const first = this.queue[0]?.timeNs ?? Infinity;
      const timer = this.guests.reduce((least, guest) => Math.min(least, guest.dueNs()), Infinity);
      const next = Math.min(first, timer);
      if (next > untilNs) break;
      this.nowNs = next;
      if (first <= timer) this.queue.shift()!.act(next);
      else for (const guest of this.guests) guest.service(next);
    }
    this.nowNs = untilNs;
  }
}
