/**
 * The user-mode network at work: cards on cables to a switch, and the gateway behind it with a TCP stack that
 * echoes on port 7 (RFC 862). Addresses are those of QEMU's user network, so that a guest set up for
 * it works: card n (0, 1, …) has 52:54:00:12:34:56 + n and by DHCP 10.0.2.15 + n. Frames take CABLE_NS each
 * way. Time comes from outside: whoever owns it asks {@link GuestNetwork.service} at dueNs.
 * Left out: names, ways to anywhere else.
 */
import { type Hash64, hashInteger, makePrng } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { CaptureTap } from './capture-tap.ts';
import type { MacAddress } from './ethernet.ts';
import type { Ipv4Address } from './ipv4.ts';
import type { TimerKind } from './tcp/connection.ts';
import type { TcpEvent } from './tcp/context.ts';
import { TcpStack } from './tcp/stack.ts';
import { ECHO_PORT, UserNetwork } from './user-network.ts';

/** Time of a frame from card to switch, or back. Unit: ns. */
export const CABLE_NS = 5_000;
/** Cards that have an address: 10.0.2.15 … 10.0.2.254. */
export const CARD_COUNT_MAX = 240;
const GATEWAY_MAC = 0x5255_0a00_0202;
const GATEWAY_ADDRESS = 0x0a00_0202; // 10.0.2.2
const FIRST_MAC = 0x5254_0012_3456;
const FIRST_ADDRESS = 0x0a00_020f; //   10.0.2.15
const MASK = 0xffff_ff00;
/** Frames on the cables at most, all together; more are lost. */
const CABLE_FRAMES_MAX = 1024;

/** Hardware address of card `number`, 0 … CARD_COUNT_MAX − 1. */
export function cardMac(number: number): MacAddress {
  return FIRST_MAC + number;
}

/** Address that DHCP gives to card `number`. */
export function cardAddress(number: number): Ipv4Address {
  return FIRST_ADDRESS + number;
}

/** Time for the network. Unit: ns. */
export interface NetworkClock {
  nowNs(): number;
  /** Something is due then that was not when dueNs was asked last. */
  wakeAt(timeNs: number): void;
}

/** Where a frame goes that travels: a card (by port), the switch (from a port), the gateway. */
interface Travelling {
  readonly timeNs: number;
  readonly to: 'network' | 'card' | 'gateway';
  readonly port: number;
  readonly frame: Uint8Array;
}

interface Timer {
  readonly timeNs: number;
  readonly connection: number;
  readonly kind: TimerKind;
}

/** See the file's head. */
export class GuestNetwork {
  static readonly [checkpointRules]: CheckpointRules = { clock: 'outside', cable: 'values', timers: 'values', deliver: 'outside' };
  readonly network: UserNetwork;
  /** Frames that found the cables full. */
  lostFrames = 0;
  private readonly stack: TcpStack;
  private readonly clock: NetworkClock;
  private readonly deliver: (port: number, frame: Uint8Array) => void;
  private cable: Travelling[] = [];
  private timers: Timer[] = [];

  /** `deliver`: a frame has arrived at the card of a port. */
  constructor(clock: NetworkClock, deliver: (port: number, frame: Uint8Array) => void, options: { readonly hasGateway?: boolean } = {}) {
    this.clock = clock;
    this.deliver = deliver;
    const numbers = Array.from({ length: CARD_COUNT_MAX }, (_, number) => number);
    this.network = new UserNetwork(
      {
        gatewayMac: GATEWAY_MAC, gatewayAddress: GATEWAY_ADDRESS, mask: MASK, hasGateway: options.hasGateway !== false,
        leases: new Map(numbers.map((number) => [cardMac(number), cardAddress(number)])),
      },
      { onTcp: (frame) => this.travel('gateway', 0, frame) },
    );
    this.stack = new TcpStack(
      {
        mac: GATEWAY_MAC, address: GATEWAY_ADDRESS,
        neighbours: new Map(numbers.map((number) => [cardAddress(number), cardMac(number)])),
        random: makePrng({ seed: 0, stream: GATEWAY_ADDRESS }),
      },
      {
        transmit: (frame, _destination, now) => this.network.transmit(frame, now),
        scheduleTimer: (timeNs, connection, kind) => this.addTimer({ timeNs, connection, kind }),
        event: (event, now) => this.onTcp(event, now),
      },
    );
    this.stack.listen(ECHO_PORT);
  }

  /** A card is plugged in; gives the port that {@link send} takes. */
  addCard(name: string): number {
    const port: number = this.network.addPort({ name, deliver: (frame) => this.travel('card', port, frame) });
    return port;
  }

  /** A way to the switch of another host; gives its port. Its frames come in by `network.receive`. */
  addTrunk(name: string, deliver: (frame: Uint8Array, isLate: boolean) => void): number {
    return this.network.addPort({ name, isTrunk: true, deliver: (frame, _nowNs, isLate) => deliver(frame, isLate) });
  }

  /** Captures all ports from now on. */
  capture(capture: CaptureTap): void {
    this.network.capture(capture);
  }

  /** A frame leaves a card. It must not change afterwards. */
  send(port: number, frame: Uint8Array): void {
    this.travel('network', port, frame);
  }

  /** When something is due; Infinity: never. Unit: ns. */
  get dueNs(): number {
    return this.timers.reduce((least, { timeNs }) => Math.min(least, timeNs), this.cable[0]?.timeNs ?? Infinity);
  }

  /** Frames in their order, then timers; what these send travels on later. */
  service(nowNs: number): void {
    while (this.cable.length > 0 && this.cable[0]!.timeNs <= nowNs) {
      const { to, port, frame, timeNs } = this.cable.shift()!;
      if (to === 'network') this.network.receive(port, frame, timeNs);
      else if (to === 'card') this.deliver(port, frame);
      else this.stack.onFrame(frame, timeNs);
    }
    const due = this.timers.filter(({ timeNs }) => timeNs <= nowNs).sort((left, right) => left.timeNs - right.timeNs);
    this.timers = this.timers.filter(({ timeNs }) => timeNs > nowNs);
    for (const { connection, kind } of due) this.stack.onTimer(connection, kind, nowNs);
  }

  /** Mixes counters, frames under way and the gateway's connections into a hash. */
  hashInto(hash: Hash64): void {
    for (const count of Object.values(this.network.counters)) hashInteger(hash, count);
    hashInteger(hash, this.lostFrames);
    hashInteger(hash, this.cable.length);
    for (const { timeNs, port, frame } of this.cable) {
      for (const value of [timeNs, port, frame.length]) hashInteger(hash, value);
    }
    this.stack.hashInto(hash);
  }

  private travel(to: Travelling['to'], port: number, frame: Uint8Array): void {
    if (this.cable.length >= CABLE_FRAMES_MAX) {
      this.lostFrames++;
      return;
    }
    const timeNs = this.clock.nowNs() + CABLE_NS;
    // Harts take turns, so that a later turn may send at an earlier time.
    let place = this.cable.length;
    while (place > 0 && this.cable[place - 1]!.timeNs > timeNs) place--;
    this.cable.splice(place, 0, { timeNs, to, port, frame });
    this.clock.wakeAt(timeNs);
  }

  private addTimer(timer: Timer): void {
    this.timers.push(timer);
    this.clock.wakeAt(timer.timeNs);
  }

  /** Sends back what was read, as far as there is room; the rest waits for it. */
  private onTcp(event: TcpEvent, now: number): void {
    const { stack } = this;
    const { connection } = event;
    if (event.kind === 'readable' || event.kind === 'writable') {
      while (stack.receiveAvailable(connection) > 0) {
        const taken = stack.send(connection, stack.peek(connection), now);
        if (taken === 0) return;
        stack.consume(connection, taken, now);
      }
    }
    if (event.kind === 'peer-closed') stack.close(connection, now);
  }
}
