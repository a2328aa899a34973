/**
 * What one gateway measures of itself and reports each epoch: the uses of its resources and its score. Uses are of the
 * demand (bytes that came, not bytes that were managed), so a gateway with too much to do shows more than 1.
 */
import { type Hash64, hashInteger, NS_PER_SECOND } from '../../base/index.ts';
import { type Message, message } from '../../storage/index.ts';
import type { NodePorts } from '../node-ports.ts';

/** The resources in the order in which a report carries them. */
export const RESOURCES = ['processor', 'memory', 'network', 'staging'] as const;
export type Resource = (typeof RESOURCES)[number];

/** What a gateway is at this moment. */
export interface GatewayFill {
  readonly memoryUse: number; //    parts of the capacity
  readonly stagingUse: number;
  readonly backlogBytes: number;
  readonly backlogAgeNs: number; // of the oldest update set that is not applied, 0 = none
}

/** What a report says, by epoch. */
export interface LoadReport {
  readonly epoch: number;
  readonly score: number;
  readonly use: Readonly<Record<Resource, number>>;
  readonly capacityBytesPerSecond: number;
  readonly networkBytesPerSecond: number;
  readonly backlogBytes: number;
  readonly backlogAgeNs: number;
  readonly workBytesPerSecond: number;
}

/** See the file's head. */
export class GatewayLoad {
  /** Of the last epoch. */
  readonly use: Record<Resource, number> = { processor: 0, memory: 0, network: 0, staging: 0 };
  score = 0;
  workBytesPerSecond = 0;
  /** Bytes of messages that have come over TCP: a little less than their frames. */
  received = 0;
  private workBytes = 0; //  came in this epoch
  private wireBytes = 0; //  of the port at its beginning
  private sinceNs = 0;
  private readonly ports: NodePorts;

  constructor(ports: NodePorts) {
    this.ports = ports;
  }

  /** Bytes have come that this gateway will have to work on. */
  onWork(byteCount: number): void {
    this.workBytes += byteCount;
  }

  /** Power was lost: the past is forgotten. */
  reset(): void {
    this.score = 0;
    this.workBytes = 0;
    this.sinceNs = this.ports.now();
    for (const resource of RESOURCES) this.use[resource] = 0;
  }

  /** The end of an epoch. `capacity`: of the processor, in bytes a second. */
  onEpoch(fill: GatewayFill, capacity: number): void {
    const { ports } = this;
    const seconds = Math.max(1, ports.now() - this.sinceNs) / NS_PER_SECOND;
    const smoothing = ports.knob('smoothing');
    const wireBytes = ports.wireBytes() + this.received;
    this.workBytesPerSecond = this.workBytes / seconds;
    const fresh = {
      processor: this.workBytesPerSecond / capacity,
      memory: fill.memoryUse,
      network: (wireBytes - this.wireBytes) / seconds / this.networkBytesPerSecond(),
      staging: fill.stagingUse,
    };
    for (const resource of RESOURCES) this.use[resource] += smoothing * (fresh[resource] - this.use[resource]);
    const weighted = RESOURCES.reduce((sum, resource) => sum + ports.knob(`weight-${resource}`) * fresh[resource], 0);
    const load = weighted + fill.backlogAgeNs / ports.knob('rpo-target');
    this.score += smoothing * (load - this.score);
    this.workBytes = 0;
    this.wireBytes = wireBytes;
    this.sinceNs = ports.now();
  }

  /** What the port can carry in both directions together. Unit: byte/s. */
  networkBytesPerSecond(): number {
    return (2 * (this.ports.links()[0]?.state.bandwidthBitsPerSecond ?? 8)) / 8;
  }

  report(epoch: number, fill: GatewayFill, capacity: number, score: number): Message {
    const payload = new Uint8Array(8 * 8);
    const view = new DataView(payload.buffer);
    const says = [...RESOURCES.map((it) => this.use[it]), capacity, this.networkBytesPerSecond(), fill.backlogBytes, this.workBytesPerSecond];
    for (const [index, value] of says.entries()) view.setFloat64(8 * index, value, true);
    return message('report', 0, 0, { first: epoch, second: score, third: fill.backlogAgeNs, payload });
  }

  hashInto(hash: Hash64): void {
    hashInteger(hash, Math.round(this.score * 1e9));
    hashInteger(hash, this.workBytes);
    hashInteger(hash, this.received);
  }
}

/** What a report message says; undefined for one that is cut short. */
export function readReport({ first, second, third, payload }: Message): LoadReport | undefined {
  if (payload.length !== 64) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const [processor, memory, network, staging, capacity, card, backlog, work] = Array.from({ length: 8 }, (_, index) => view.getFloat64(8 * index, true)) as [number, number, number, number, number, number, number, number];
  return {
    epoch: first,
    score: second,
    use: { processor, memory, network, staging },
    capacityBytesPerSecond: capacity,
    networkBytesPerSecond: card,
    backlogBytes: backlog,
    backlogAgeNs: third,
    workBytesPerSecond: work,
  };
}
