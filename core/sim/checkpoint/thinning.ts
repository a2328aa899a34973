/**
 * Which checkpoint goes when there are too many: the one whose absence costs least, measured as the replay
 * work that its gap would cost over its distance from the present. Gaps grow in proportion to distance, so
 * that the line thins out exponentially with age: dense where somebody stands, sparse long ago.
 */

/** A checkpoint as the choice sees it, in order of time. */
export interface ThinningCandidate {
  /** Replay work from the start to here. Unit: guest instructions. */
  readonly work: number;
  /** It stays: the present rests on it. */
  readonly isBase: boolean;
}

/** Position of the checkpoint to drop; −1 when none may go. The first, the last and the base stay. O(n). */
export function findVictim(line: readonly ThinningCandidate[], presentWork: number): number {
  let victim = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let position = 1; position + 1 < line.length; position++) {
    const { work, isBase } = line[position]!;
    if (isBase) continue;
    const gap = line[position + 1]!.work - line[position - 1]!.work;
    const cost = gap / (1 + Math.abs(presentWork - work));
    if (cost >= least) continue;
    least = cost;
    victim = position;
  }
  return victim;
}
