/**
 * A modelled VM that writes: at its churn, blocks and parts of blocks at places of a working set, with a hot part;
 * what it writes is generated content, of which a share can be compressed. Everything follows from the seed, its
 * number and how many writes there were, so that it writes the same at either site. Left out: reads, queues.
 */
import { type Hash64, hashInteger, makePrng, nextBelow, NS_PER_SECOND, type Prng } from '../../base/index.ts';
import { contentIdOf, contentOf } from '../../workload/content.ts';

/** What a workload is like. */
export interface WriterProfile {
  readonly churnBytesPerSecond: number;
  readonly volumeBytes: number;
}

/** Lengths of a write. Unit: byte. */
const LENGTHS = [512, 2048, 4096, 4096, 8192, 16_384] as const;
/** Offsets are multiples of this. */
const SECTOR = 512;
/** Three of four writes go to this part of the volume. */
const HOT_PARTS = 4;
/** Of each write this share is one byte repeated: compressible. Of 8. */
const PLAIN_EIGHTHS = 3;

/** A write that is due. */
export interface DueWrite {
  readonly byteOffset: number;
  readonly bytes: Uint8Array;
}

/** See the file's head. */
export class WorkloadWriter {
  readonly profile: WriterProfile;
  private readonly content: number;
  private readonly random: Prng;
  private count = 0;
  private written = 0; // bytes so far: generated content is not used twice
  private remainder = 0; // byte·ns below one unit of churn

  constructor(profile: WriterProfile, options: { readonly seed: number; readonly workload: number; readonly at: 0 | 1 }) {
    this.profile = profile;
    this.content = contentIdOf(options.seed, `writes-${options.at}`, options.workload);
    this.random = makePrng({ seed: options.seed, stream: 0x3e11 + options.workload * 2 + options.at });
  }

  /** The next write. */
  next(): DueWrite {
    const { random, profile } = this;
    const length = Math.min(profile.volumeBytes, LENGTHS[nextBelow(random, LENGTHS.length)]!);
    const sectors = (profile.volumeBytes - length) / SECTOR + 1;
    const reach = nextBelow(random, 4) === 0 ? sectors : Math.max(1, Math.floor(sectors / HOT_PARTS));
    const byteOffset = nextBelow(random, reach) * SECTOR;
    const bytes = contentOf(this.content, this.written, length);
    bytes.fill(this.count & 0xff, 0, Math.floor((length * PLAIN_EIGHTHS) / 8));
    this.count++;
    this.written += length;
    return { byteOffset, bytes };
  }

  /** Time until the next write, when one of `length` bytes has just been made. Infinity for no churn. Unit: ns. */
  pauseNs(length: number, percent: number): number {
    const rate = Math.round((this.profile.churnBytesPerSecond * percent) / 100);
    if (rate <= 0) return Number.POSITIVE_INFINITY;
    const work = length * NS_PER_SECOND + this.remainder;
    this.remainder = work % rate;
    return (work - this.remainder) / rate;
  }

  hashInto(hash: Hash64): void {
    for (const value of [this.count, this.written, this.remainder, this.random.a]) hashInteger(hash, value);
  }
}
