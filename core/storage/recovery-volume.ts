/**
 * A recovery volume: takes update sets whole and in order, refuses what an owner with a lower term sends, what does
 * not build on where it stands, and everything once it was promoted. Each applied set is a consistency point: the
 * volume's own digest is held against the one that the tap took at the seal.
 */
import { type Hash64, hashInteger, hashText } from '../base/index.ts';
import type { UpdateSet } from '../formats/update-set.ts';
import type { TappedVolume } from './write-tap.ts';

/** Consistency points that are remembered. */
const POINTS_MAX = 32;

/** A moment of the production volume that this one has stood at. */
export interface ConsistencyPoint {
  readonly sequence: number;
  readonly sealedAtNs: number;
  readonly appliedAtNs: number;
  readonly digest: string;
}

/** What came of a set. */
export type Applied = 'applied' | 'repeated' | 'refused-term' | 'refused-gap' | 'refused-promoted';

/** See the file's head. */
export class RecoveryVolume {
  readonly workload: number;
  readonly volume: TappedVolume;
  term = 0;
  applied = 0; //           sequence
  sealedAtNs = 0; //        of the set applied last
  promoted = false;
  appliedSets = 0;
  repeatedSets = 0;
  refusedSets = 0;
  mismatches = 0; //        sets after which the digests differed
  points: ConsistencyPoint[] = [];

  constructor(workload: number, volume: TappedVolume) {
    this.workload = workload;
    this.volume = volume;
  }

  /** An owner with that term wants to be the only one; whether it is. */
  fence(term: number): boolean {
    if (this.promoted || term < this.term) return false;
    this.term = term;
    return true;
  }

  apply(set: UpdateSet, now: number): Applied {
    const outcome = this.check(set);
    if (outcome === 'repeated') this.repeatedSets++;
    else if (outcome !== 'applied') this.refusedSets++;
    if (outcome !== 'applied') return outcome;
    for (const { byteOffset, bytes } of set.extents) this.volume.write(byteOffset, bytes);
    this.applied = set.sequence;
    this.sealedAtNs = set.sealedAtNs;
    this.appliedSets++;
    const digest = this.volume.digest();
    if (digest !== set.digest) this.mismatches++;
    this.points.push({ sequence: set.sequence, sealedAtNs: set.sealedAtNs, appliedAtNs: now, digest });
    if (this.points.length > POINTS_MAX) this.points.shift();
    return 'applied';
  }

  private check(set: UpdateSet): Applied {
    const last = set.extents.at(-1);
    if (this.promoted) return 'refused-promoted';
    if (set.term !== this.term) return 'refused-term';
    if (set.sequence <= this.applied) return 'repeated';
    if (set.base !== this.applied) return 'refused-gap';
    return last !== undefined && last.byteOffset + last.bytes.length > this.volume.byteCount ? 'refused-gap' : 'applied';
  }

  hashInto(hash: Hash64): void {
    for (const value of [this.term, this.applied, this.promoted ? 1 : 0, this.appliedSets, this.repeatedSets, this.refusedSets, this.mismatches]) hashInteger(hash, value);
    hashText(hash, this.points.at(-1)?.digest ?? '');
  }
}
