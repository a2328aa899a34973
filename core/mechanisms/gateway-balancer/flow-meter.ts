/** Bytes that pass a place by workload: since the start, and a second in the last epoch. Rates are smoothed as scores are. */
import { type Hash64, hashInteger, NS_PER_SECOND } from '../../base/index.ts';
import type { FlowTold } from './told.ts';

/** See the file's head. */
export class FlowMeter {
  private readonly flows: { workload: number; byteCount: number; atEpoch: number; bytesPerSecond: number }[] = [];
  private sinceNs = 0;

  onBytes(workload: number, byteCount: number): void {
    let flow = this.flows.find((it) => it.workload === workload);
    if (flow === undefined) {
      flow = { workload, byteCount: 0, atEpoch: 0, bytesPerSecond: 0 };
      this.flows.push(flow);
      this.flows.sort((left, right) => left.workload - right.workload);
    }
    flow.byteCount += byteCount;
  }

  onEpoch(now: number, smoothing: number): void {
    const seconds = Math.max(1, now - this.sinceNs) / NS_PER_SECOND;
    for (const flow of this.flows) {
      flow.bytesPerSecond += smoothing * ((flow.byteCount - flow.atEpoch) / seconds - flow.bytesPerSecond);
      flow.atEpoch = flow.byteCount;
    }
    this.sinceNs = now;
  }

  /** Power was lost: nothing passes now. */
  stop(): void {
    for (const flow of this.flows) flow.bytesPerSecond = 0;
  }

  told(): FlowTold[] {
    return this.flows.map(({ workload, byteCount, bytesPerSecond }) => ({ workload, byteCount, bytesPerSecond }));
  }

  hashInto(hash: Hash64): void {
    for (const { workload, byteCount } of this.flows) {
      hashInteger(hash, workload);
      hashInteger(hash, byteCount);
    }
  }
}
