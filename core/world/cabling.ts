/**
 * The ports of one process: an end of each of its cables, the tap on them, and which port leads where. A
 * process that is no neighbour is reached over those that pass frames on, along the way with the fewest cables (of several
 * such the one over the lowest ids): a static table that stands for learning and spanning trees.
 */
import { assert, type Hash64 } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { CaptureTap } from '../network/capture-tap.ts';
import { type Ipv4Address, LinkEnd, localMac, type MacAddress } from '../network/index.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { LinkSnapshot } from '../protocol/snapshot.ts';
import type { Lookahead, WireMessage } from '../sim/logical-process.ts';
import { nameOfProcess, passesOn } from './process-kinds.ts';
import { makeWorldTap } from './world-capture.ts';

/** The address of a process: 10.0.0.1 for process 0 and so on. */
export function addressOf(process: number): Ipv4Address {
  return 0x0a000001 + process;
}

/** The process behind an address. */
export function processAt(address: Ipv4Address): number {
  return address - addressOf(0);
}

export function macOf(process: number): MacAddress {
  return localMac(process + 1);
}

/** The process whose port has that hardware address. */
export function processOfMac(mac: MacAddress): number {
  return mac - localMac(1);
}

/** See the file's head. */
export class Cabling {
  static readonly [checkpointRules]: CheckpointRules = {
    scenario: 'value',
    nextHops: 'value',
    outgoing: 'values',
    ahead: 'outside',
  };
  readonly links = new Map<number, LinkEnd>();
  private readonly id: number;
  private readonly scenario: Scenario;
  /** Where frames are captured; undefined when none are. */
  readonly tap: CaptureTap | undefined;
  /** By process: the neighbour through which it is reached. */
  private readonly nextHops: ReadonlyMap<number, number>;
  private outgoing: WireMessage[] = [];
  /** What {@link lookahead} gives, made once: it is asked for at every turn. Latencies are the links'. */
  private readonly ahead: { readonly neighbour: number; latencyNs: number; readonly link: LinkEnd }[] = [];

  constructor(options: {
    readonly id: number;
    readonly scenario: Scenario;
    readonly capture: boolean;
    /** Asks for `link.done` with the neighbour as `to`. */
    readonly schedule: (timeNs: number, to: number) => void;
  }) {
    const { id, scenario } = options;
    this.id = id;
    this.scenario = scenario;
    this.tap = makeWorldTap(scenario, options.capture);
    this.nextHops = nextHopsOf(scenario, id);
    const sequences = { next: 0 };
    for (const { neighbour, link: cable } of cablesOf(scenario, id)) {
      const link = new LinkEnd(
        {
          source: id,
          destination: neighbour,
          bandwidthBitsPerSecond: cable.bandwidthBitsPerSecond,
          latencyNs: cable.latencyNs,
          lossPerMillion: cable.lossPerMillion,
          seed: scenario.seed,
          sequences,
        },
        {
          emit: (message) => void this.outgoing.push(message),
          schedule: (timeNs) => options.schedule(timeNs, neighbour),
        },
      );
      this.links.set(neighbour, link);
      this.ahead.push({ neighbour, latencyNs: cable.latencyNs, link });
      this.tap?.addInterface({
        name: `${nameOfProcess(scenario, id)} to ${nameOfProcess(scenario, neighbour)}`,
      });
    }
  }

  /** Addresses of all processes that can be reached: the table that stands for ARP. */
  neighbours(): ReadonlyMap<Ipv4Address, MacAddress> {
    return new Map([...this.nextHops.keys()].map((it) => [addressOf(it), macOf(it)] as const));
  }

  /** The port towards a process; undefined when there is no way. */
  linkTo(process: number): LinkEnd | undefined {
    const hop = this.nextHops.get(process);
    return hop === undefined ? undefined : this.links.get(hop);
  }

  /** Sends a frame towards a process; one without a way there is dropped. */
  transmit(frame: Uint8Array, process: number, now: number): void {
    const link = this.linkTo(process);
    if (link === undefined) return;
    this.tap?.record(this.portIndex(link.destination), 'out', frame, now);
    link.enqueue(frame, now);
  }

  /** Whether a frame that arrives now came over a cable that is whole; it is in the capture then. */
  takes(arrival: { readonly from: number; readonly epoch: number; readonly bytes: Uint8Array }, now: number): boolean {
    const link = this.links.get(arrival.from);
    assert(link !== undefined, 'a frame arrives on a link');
    if (!link.state.connected || link.state.epoch !== arrival.epoch) return false;
    this.tap?.record(this.portIndex(arrival.from), 'in', arrival.bytes, now);
    return true;
  }

  takeOutgoing(): WireMessage[] {
    const taken = this.outgoing;
    this.outgoing = [];
    return taken;
  }

  lookahead(): readonly Lookahead[] {
    for (const entry of this.ahead) entry.latencyNs = entry.link.state.latencyNs;
    return this.ahead;
  }

  /** Power is lost: what waits in the ports is gone. */
  dropQueues(): void {
    for (const link of this.links.values()) {
      link.state.queue.length = 0;
      link.state.queuedBytes = 0;
    }
  }

  /** Bytes that all ports have put on the wire. */
  wireBytes(): number {
    let bytes = 0;
    for (const link of this.links.values()) bytes += link.state.counters.sentBytes;
    return bytes;
  }

  hashInto(hash: Hash64): void {
    for (const link of this.links.values()) link.hashInto(hash);
  }

  /** The capture as a pcapng file; undefined when none is kept. */
  capture(): Uint8Array | undefined {
    const { lab, seed } = this.scenario;
    return this.tap?.file({
      application: 'Glasshouse',
      comment: `${lab}, seed ${seed}, port of ${nameOfProcess(this.scenario, this.id)}`,
    });
  }

  snapshots(): LinkSnapshot[] {
    return [...this.links.values()].map((link) => {
      const { state, destination } = link;
      const { sentBytes, sentFrames, lostFrames } = state.counters;
      return {
        id: `${nameOfProcess(this.scenario, this.id)}→${nameOfProcess(this.scenario, destination)}`,
        from: this.id,
        to: destination,
        up: state.connected,
        bandwidthBitsPerSecond: state.bandwidthBitsPerSecond,
        latencyNs: state.latencyNs,
        lossPercent: state.lossPerMillion / 10_000,
        queuedBytes: state.queuedBytes,
        sentBytes,
        sentFrames,
        lostFrames,
      };
    });
  }

  private portIndex(neighbour: number): number {
    return [...this.links.keys()].indexOf(neighbour);
  }
}

function cablesOf(scenario: Scenario, id: number) {
  return scenario.links.flatMap((link) => {
    if (link.a === id) return [{ neighbour: link.b, link }];
    return link.b === id ? [{ neighbour: link.a, link }] : [];
  });
}

/** By process: the first neighbour on the shortest way to it; breadth first. */
function nextHopsOf(scenario: Scenario, id: number): ReadonlyMap<number, number> {
  const hops = new Map<number, number>();
  const between = new Set(scenario.processes.filter((it) => passesOn(scenario, it)).map((it) => it.id));
  let edge = cablesOf(scenario, id).map(({ neighbour }) => ({ process: neighbour, hop: neighbour }));
  while (edge.length > 0) {
    edge.sort((left, right) => left.process - right.process || left.hop - right.hop);
    const next: typeof edge = [];
    for (const { process, hop } of edge) {
      if (process === id || hops.has(process)) continue;
      hops.set(process, hop);
      if (!between.has(process)) continue;
      for (const { neighbour } of cablesOf(scenario, process)) next.push({ process: neighbour, hop });
    }
    edge = next;
  }
  return hops;
}
