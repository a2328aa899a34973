/** What a pod's agent keeps: records that wait for the next beat, packets on their way, reservations for VMs from elsewhere. */
import { type AgentRecord, recordKind } from './wire.ts';

/** Memory and CPU set aside on a host for a VM that another process wants to send. */
export interface Reservation {
  readonly from: number; //    process
  readonly term: number;
  readonly vm: number; //      id
  readonly host: number;
  readonly memory: number; //  MiB
  readonly millicores: number;
  readonly untilNs: number;
}

/** What a neighbour said of itself last. */
export interface Advert {
  readonly atNs: number;
  readonly loadPercent: number; // of its least loaded host
  readonly memoryFree: number; //  of that host. Unit: MiB
}

/** Verdicts remembered at most, the oldest go first: a question is repeated each second, not after hours. */
const VERDICT_COUNT_MAX = 65_536;

export class AgentState {
  /** By neighbour: records for the next beat. */
  readonly outbox: AgentRecord[][];
  /** By neighbour: bytes received there, by host, since the last beat. */
  private readonly arrived: Map<number, number>[];
  readonly adverts: (Advert | undefined)[];
  /** By neighbour: cut counter of the cable, and whether it is whole. */
  readonly epoch: number[];
  readonly connected: boolean[];
  /** Neighbours that are pods, and those that are single hosts. */
  readonly pods: number[] = [];
  readonly singles: number[] = [];
  readonly packets = new Map<number, { readonly neighbour: number; readonly bytes: Uint8Array }>();
  readonly reservations = new Map<string, Reservation>();
  /** What became of terms that others asked about: taken, or void for ever. */
  readonly verdicts = new Map<string, 'taken' | 'void'>();
  /** Time of the next beat; −1 when nothing waits. */
  beatNs = -1;
  packetCount = 0;
  termCount = 0;
  sentFrames = 0;
  droppedFrames = 0;

  constructor(neighbourCount: number) {
    this.outbox = Array.from({ length: neighbourCount }, () => []);
    this.arrived = Array.from({ length: neighbourCount }, () => new Map<number, number>());
    this.adverts = new Array<Advert | undefined>(neighbourCount).fill(undefined);
    this.epoch = new Array<number>(neighbourCount).fill(0);
    this.connected = new Array<boolean>(neighbourCount).fill(true);
  }

  /** Bytes for a host of a neighbour: told at the next beat that something else causes. */
  traffic(neighbour: number, host: number, bytes: number): void {
    const sums = this.arrived[neighbour]!;
    sums.set(host, (sums.get(host) ?? 0) + bytes);
  }

  /** Takes the traffic of a neighbour as records, in the order of its first bytes. */
  takeTraffic(neighbour: number): AgentRecord[] {
    const sums = this.arrived[neighbour]!;
    const records = [...sums].map(([host, bytes]): AgentRecord => [recordKind.traffic, host, bytes]);
    sums.clear();
    return records;
  }

  decide(key: string, verdict: 'taken' | 'void'): void {
    if (this.verdicts.size >= VERDICT_COUNT_MAX) {
      for (const oldest of this.verdicts.keys()) {
        this.verdicts.delete(oldest);
        break;
      }
    }
    this.verdicts.set(key, verdict);
  }

  hashNumber(): number {
    return (this.packetCount + this.termCount * 7 + this.reservations.size * 31 + this.verdicts.size * 127) % 0x1_0000;
  }
}

/** An agent with nothing to say. */
export function makeAgent(neighbourCount: number): AgentState {
  return new AgentState(neighbourCount);
}
