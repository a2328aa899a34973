/** Checkpoints of a sample ring: how many rows there were. The rows stay where they are; see rewindSamples. */
import { assert } from '../base/index.ts';
import { rewindSamples, sampleCount, type SampleRing } from '../metrics/index.ts';
import type { CheckpointPart } from '../sim/checkpoint/part.ts';

export class SampleHistory implements CheckpointPart {
  private readonly ring: SampleRing;
  private readonly counts = new Map<number, number>();

  constructor(ring: SampleRing) {
    this.ring = ring;
  }

  take(id: number): void {
    this.counts.set(id, sampleCount(this.ring));
  }

  pass(id: number): void {
    assert(this.counts.get(id) === sampleCount(this.ring), 'a replay samples at the same times');
  }

  restore(id: number): void {
    const count = this.counts.get(id);
    assert(count !== undefined, 'a checkpoint that is restored was taken');
    rewindSamples(this.ring, count);
  }

  drop(id: number): void {
    this.counts.delete(id);
  }

  byteCount(): number {
    return 0;
  }
}
